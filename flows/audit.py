"""The flow ``audit``: published forecasts scored by what came since."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from flows.alone import alone
from flows.artifacts import name_run
from flows.stages import say
from scaling.errors import counted


@task(task_run_name="score")
def score(root: Path) -> int:
    """Write the tables and the page of the audit; returns how many targets are still open."""
    from scaling.audit.run import audit as run
    from scaling.audit.run import write
    from scaling.site import refresh

    made = run(root)
    paths = [*write(made, root), *refresh(root)]
    rows = [
        {name: value for name, value in row.items() if not isinstance(value, list | dict)}
        for row in made.summary.get("confidence", ())
    ]
    create_table_artifact(table=rows, key="audit", description="Forecasts that could be scored.")
    for path in paths:
        if path.suffix == ".md":
            create_markdown_artifact(markdown=path.read_text(encoding="utf-8"), key="audit-page")
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
