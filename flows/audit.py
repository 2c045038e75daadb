"""The flow ``audit``: score published forecasts by later outcomes, and reproduce them on demand."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact

from scaling.errors import counted
from scaling.orchestration.audit_tasks import reproduce_all, score
from scaling.orchestration.project_lock import hold_project
from scaling.orchestration.server.artifacts import name_run
from scaling.orchestration.server.task_runner import runner


@flow(name="audit", flow_run_name="audit", task_runner=runner())
def audit(root: Path = Path(), reproduce: bool = False) -> int:
    """Score what was published by later outcomes; returns how many targets are still open.

    With ``reproduce`` every published version is also recomputed and compared byte for byte, which
    takes as long as all those refits did. Raises InputError, PublishError when a published version
    is not whole.
    """
    root = root.resolve()
    with hold_project(root):
        still_open = score(root)
        if reproduce:
            rows = reproduce_all(root)
            create_table_artifact(table=rows, key="reproduced", description="Files that differ.")
    name_run(f"{counted(still_open, 'target')} open")
    return still_open
