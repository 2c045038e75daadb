"""Tasks of the flow ``audit``: score what was published, and reproduce every version."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from prefect import task

from scaling.orchestration.dvc.clones import CLONES, ROOT
from scaling.orchestration.server.artifacts import show_audit
from scaling.orchestration.server.task_runner import batches
from scaling.orchestration.tasks import say
from scaling.record.audit.page import page
from scaling.record.audit.run import audit as run
from scaling.record.audit.run import write
from scaling.record.reproduce.reproduce import ReproduceError, every, reproduce
from scaling.record.site import refresh


@task(task_run_name="score")
def score(root: Path) -> int:
    """Write the tables and the page of the audit; returns how many targets are still open."""

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

    in_clone = CLONES in os.environ
    runs = [
        make_again.submit(batch, f"{batch[0]} and {len(batch) - 1} more", root, in_clone)
        for batch in batches(every(root))
    ]
    rows = sorted((row for run in runs for row in run.result()), key=lambda row: row["version"])
    for row in rows:
        say(row["said"], logging.INFO if row["differ"] == 0 else logging.WARNING)
    return rows
