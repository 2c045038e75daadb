"""The flow ``audit``: published forecasts scored by what came since, and made again if wanted."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact

from flows.alone import alone
from flows.artifacts import name_run, show_audit
from flows.clones import CLONES, ROOT
from flows.runner import batches, runner
from flows.stages import say
from scaling.errors import counted


@task(task_run_name="score")
def score(root: Path) -> int:
    """Write the tables and the page of the audit; returns how many targets are still open."""
    from scaling.audit.page import page
    from scaling.audit.run import audit as run
    from scaling.audit.run import write
    from scaling.site import refresh

    made = run(root)
    paths = [*write(made, root), *refresh(root)]
    show_audit(root, made.summary.get("confidence", []), page(made.summary))
    say("\n".join(f"wrote {path}" for path in paths))
    return made.still_open.height


@task(task_run_name="make {label} again", tags=["stage"])
def make_again(versions: list[str], label: str, root: Path, in_clone: bool) -> list[dict[str, Any]]:
    """Make versions again at their commits, beside, and compare; one row each.

    A worker with a clone of its own does it there: all that it needs is in Git.
    """
    from scaling.audit.reproduce import ReproduceError, reproduce

    here = Path(os.environ[ROOT]).resolve() if in_clone else root
    rows = []
    for version in versions:
        try:
            (made,) = reproduce(here, [version])
            rows.append({"version": version, "differ": len(made.differences), "said": str(made)})
        except ReproduceError as error:
            rows.append({"version": version, "differ": None, "said": str(error)})
    return rows


def remade(root: Path) -> list[dict[str, Any]]:
    """Every published version made again, in batches wherever the flow's runner does; within a
    flow."""
    from scaling.audit.reproduce import every

    in_clone = CLONES in os.environ
    runs = [
        make_again.submit(batch, f"{batch[0]} and {len(batch) - 1} more", root, in_clone)
        for batch in batches(every(root))
    ]
    rows = sorted((row for run in runs for row in run.result()), key=lambda row: row["version"])
    for row in rows:
        say(row["said"], logging.INFO if row["differ"] == 0 else logging.WARNING)
    return rows


@flow(name="audit", flow_run_name="audit", task_runner=runner())
def audit(root: Path = Path(), again: bool = False) -> int:
    """Score what was published by what came since; returns how many targets have not come.

    With ``again`` every published version is also made again and compared byte for byte, which
    takes as long as all those refits did. Raises InputError, PublishError when a published version
    is not whole.
    """
    root = root.resolve()
    with alone(root):
        still_open = score(root)
        if again:
            rows = remade(root)
            create_table_artifact(table=rows, key="made-again", description="Bytes that differ.")
    name_run(f"{counted(still_open, 'target')} open")
    return still_open
