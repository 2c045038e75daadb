"""What the governance commands print."""

from __future__ import annotations

from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from scaling.govern.tables import plain
from scaling.report.text import scientific

IN_FORCE = ("in_force", "on_the_books_not_enforced", "voluntary")


def chosen(table: pl.DataFrame, *, every: bool) -> pl.DataFrame:
    """The rows to show: those in force in some way, or every one."""
    return table if every else table.filter(pl.col("status").is_in(IN_FORCE))


def records(table: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values."""
    return [{key: plain(value) for key, value in row.items()} for row in table.to_dicts()]


def threshold(row: dict[str, Any]) -> str:
    """Comparator, value and unit as one text."""
    if row["value"] is None:
        return "no number"
    return f"{row['comparator']} {scientific(row['value'], 4)} {row['unit']}"


def place(row: dict[str, Any]) -> str:
    """Instrument and provision."""
    return f"{row['instrument']}, {row['provision']}"


def standing(row: dict[str, Any]) -> str:
    """Status, since when, to when it was checked, and whether no source verifies it."""
    status = row["status"].replace("_", " ")
    text = f"{status} since {row['effective_from']}, checked to {row['checked_to']}"
    return text if row["verified"] else f"{text}, unverified"


def show_thresholds(table: pl.DataFrame, *, every: bool) -> None:
    """One row a rule; below, what was left out."""
    shown = chosen(table, every=every)
    printed = Table(
        Column("rule", no_wrap=True), Column("threshold", no_wrap=True), "provision and status"
    )
    for row in shown.to_dicts():
        printed.add_row(row["rule"], threshold(row), Text(f"{place(row)}\n{standing(row)}"))
    console = Console()
    console.print(printed)
    left = table.height - shown.height
    if left:
        console.print(f"{left} more are not in force: --every shows them.")
