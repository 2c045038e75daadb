"""The flow ``audit``: published forecasts scored by what came since, and made again if wanted."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_table_artifact

from scaling.errors import counted
from scaling.orchestration.audit_tasks import remade, score
from scaling.orchestration.project_lock import alone
from scaling.orchestration.server.artifacts import name_run
from scaling.orchestration.server.task_runner import runner


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
