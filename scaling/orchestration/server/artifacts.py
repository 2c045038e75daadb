"""What a person sees of a run in Prefect's pages: its name, tables, a text, a link."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl
from prefect import get_client
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.events import emit_event
from prefect.runtime import flow_run

from scaling.document.format import clean
from scaling.document.render import escape_markdown
from scaling.errors import counted
from scaling.govern.evidence import Written
from scaling.record.changes.headline import changes, headline, previous
from scaling.record.versions.files import page_in_tree
from scaling.record.versions.ledger import short
from scaling.record.versions.store import PublishedVersion

# Where a team serves `reports/`; without it the link is to the file.
SITE = "SCALING_SITE"
# Alerts that the text names; the table has all.
SHOWN = 20


def name_run(name: str) -> None:
    """Call the present flow run after what it did."""
    if flow_run.id is None:
        return
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, name=name)


def show_published(root: Path, published: PublishedVersion) -> None:
    """The headline as a table, what changed as a text, the page as a link."""
    before = previous(root / "reports", published.version)
    create_table_artifact(
        table=headline(published.folder),
        key="headline",
        description=f"Forecasts of {short(published.version)}, with the ends of their 90 % "
        "intervals.",
    )
    create_markdown_artifact(markdown=changes(published.folder, before), key="changes")
    link_report(root, published)


def link_report(root: Path, published: PublishedVersion) -> None:
    """The page of the version that stands, new or not."""
    # The page of an older version may be in Git alone; the index says so.
    file = page_in_tree(published.folder) or root / "reports/index.html"
    _link(root, file, f"Report {short(published.version)}", "report")


def show_audit(root: Path, confidence: list[dict[str, Any]], page: str) -> None:
    """Stated against observed confidence as a table, the audit's page, the record as a link."""
    rows = [
        {name: value for name, value in row.items() if not isinstance(value, list | dict)}
        | {f"in {100 * one['stated']:.0f} %": one["observed"] for one in row["intervals"]}
        for row in confidence
    ]
    create_table_artifact(table=rows, key="audit", description="Forecasts that could be scored.")
    create_markdown_artifact(markdown=page, key="audit-page")
    _link(root, root / "reports/index.html", "Calibration record", "record")


def show_backtests(root: Path, rows: list[dict[str, Any]]) -> None:
    """Scores as a table, the forecast's own as a text, the page over all versions as a link."""
    create_table_artifact(table=rows, key="backtest-scores", description="Errors are of logs.")
    lines = [
        f"- {escape_markdown(clean(row['study']))}: {100 * row['in90']:.0f} % of "
        f"{counted(row['forecasts'], 'forecast')} inside 90 %"
        for row in rows
        if row["method"] == "ensemble" and row.get("in90") is not None
    ]
    text = "\n".join(["# Backtests", "", *(lines or ["No study has one."])])
    create_markdown_artifact(markdown=text, key="backtests")
    _link(root, root / "reports/index.html", "All versions", "versions")


def show_alerts(root: Path, written: Written, page: Path) -> None:
    """The alerts as a table and a text, the packs as a link; an event when there are any, with
    counts and no names."""
    rows = written.alerts.with_columns(pl.all().cast(pl.String)).to_dicts()
    create_table_artifact(table=rows, key="alerts", description="Runs and thresholds, newest.")
    lines = [
        "- " + escape_markdown(clean(f"{r['alert']}: {r['run']}, {r['rule']}: {r['verdict']}"))
        for r in rows[:SHOWN]
    ]
    left = len(rows) - SHOWN
    lines += [f"- and {left} more"] if left > 0 else []
    packs = f"{counted(len(rows), 'alert')}, {counted(written.packs, 'pack')}."
    text = "\n".join(["# Compute thresholds", "", packs, "", *lines])
    create_markdown_artifact(markdown=text, key="alerts-text")
    _link(root, page, "Evidence packs", "packs")
    if rows:
        resource = {"prefect.resource.id": "scaling.governance"}
        emit_event("scaling.threshold", resource, payload={"alerts": len(rows)})


def _link(root: Path, file: Path, text: str, key: str) -> None:
    """A link to a file, on the team's site where it has one."""
    file, reports = file.resolve(), (root / "reports").resolve()
    site = os.environ.get(SITE)
    inside = file.is_relative_to(reports)
    at = f"{site.rstrip('/')}/{file.relative_to(reports)}" if site and inside else file.as_uri()
    create_link_artifact(link=at, link_text=text, key=key)
