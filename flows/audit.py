"""The flow ``audit``: published forecasts scored by what came since."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task

from flows.alone import alone
from flows.artifacts import name_run, show_audit
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


@flow(name="audit", flow_run_name="audit")
def audit(root: Path = Path()) -> int:
    """Score what was published by what came since; returns how many targets have not come.

    Raises InputError, PublishError when a published version is not whole.
    """
    root = root.resolve()
    with alone(root):
        still_open = score(root)
    name_run(f"{counted(still_open, 'target')} open")
    return still_open
