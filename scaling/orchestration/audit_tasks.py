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
from scaling.record.reproduce.reproduce import every, reproduce
from scaling.record.site import refresh


@task(task_run_name="score")
def score(root: Path) -> int:
    """Write the tables and the page of the audit; returns how many targets are still open."""

    scored = run(root)
    paths = [*write(scored, root), *refresh(root)]
    show_audit(root, scored.summary.get("confidence", []), page(scored.summary))
    say("\n".join(f"wrote {path}" for path in paths))
    return scored.still_open.height


@task(task_run_name="reproduce {label}", tags=["stage"])
def reproduce_batch(
    versions: list[str], label: str, root: Path, in_clone: bool
) -> list[dict[str, Any]]:
    """Recompute versions from their commits and compare; one row each.

    A worker with a clone of its own does it there: all that it needs is in Git.
    """

    here = Path(os.environ[ROOT]).resolve() if in_clone else root
    rows = []
    for version in versions:
        (result,) = reproduce(here, [version], say=say)
        differ = None if result.failure else len(result.differences)
        rows.append({"version": version, "differ": differ, "result": str(result)})
    return rows


def reproduce_all(root: Path) -> list[dict[str, Any]]:
    """Reproduce every published version, in batches on the flow's task runner."""

    in_clone = CLONES in os.environ
    runs = [
        reproduce_batch.submit(batch, f"{batch[0]} and {len(batch) - 1} more", root, in_clone)
        for batch in batches(every(root))
    ]
    rows = sorted((row for run in runs for row in run.result()), key=lambda row: row["version"])
    for row in rows:
        say(row["result"], logging.INFO if row["differ"] == 0 else logging.WARNING)
    return rows
