"""What a person sees of a run in Prefect's pages: its name, tables, a text, a link."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
from prefect import get_client
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.events import emit_event
from prefect.runtime import flow_run

from scaling.changes import changes, headline, previous
from scaling.govern.evidence import Written
from scaling.publish import Published

# Where a team serves `reports/`; without it the link is to the file.
SITE = "SCALING_SITE"


def name_run(name: str) -> None:
    """Call the present flow run after what it did."""
    if flow_run.id is None:
        return
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, name=name)


def show_published(root: Path, published: Published) -> None:
    """The headline as a table, what changed as a text, the page as a link."""
    before = previous(root / "reports", published.version)
    create_table_artifact(
        table=headline(published.folder),
        key="headline",
        description=f"Forecasts of {published.version}, with the ends of their 90 % intervals.",
    )
    create_markdown_artifact(markdown=changes(published.folder, before), key="changes")
    site = os.environ.get(SITE)
    page = (
        f"{site.rstrip('/')}/{published.version}/report.html"
        if site
        else (published.folder / "report.html").resolve().as_uri()
    )
    create_link_artifact(link=page, link_text=f"Report {published.version}", key="report")


def show_alerts(written: Written) -> None:
    """The alerts as a table; an event when there are any, with counts and no names."""
    rows = written.alerts.with_columns(pl.all().cast(pl.String)).to_dicts()
    create_table_artifact(table=rows, key="alerts", description="Runs and thresholds, newest.")
    if rows:
        resource = {"prefect.resource.id": "scaling.governance"}
        emit_event("scaling.threshold", resource, payload={"alerts": len(rows)})
