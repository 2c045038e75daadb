"""What the governance commands print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from scaling.document.format import clean, scientific, share
from scaling.errors import counted
from scaling.govern.tables import plain

if TYPE_CHECKING:
    from scaling.govern.evidence import Written

ALERTS = 20
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
    """Status, since when, and what a reader has to know to rest on it."""
    status = row["status"].replace("_", " ")
    parts = [f"{status} since {row['effective_from']}", f"checked to {row['checked_to']}"]
    parts += [f"{row['age']} days before"] if row["stale"] else []
    if row["applies_from"]:
        parts.append(f"would be in force from {row['applies_from']}")
    if row["entered_later"]:
        parts.append(f"public since {row['recorded_from']}, entered here {row['entered']}")
    return ", ".join(parts if row["verified"] else [*parts, "unverified"])


def show_thresholds(table: pl.DataFrame, *, every: bool, stale_after: int | None = None) -> None:
    """One row a rule; below, what was left out.

    ``stale_after``: of a list of old rules alone, from how many days on a source is old.
    """
    shown = chosen(table, every=every)
    printed = Table(
        Column("rule", no_wrap=True), Column("threshold", no_wrap=True), "provision and status"
    )
    for row in shown.to_dicts():
        printed.add_row(row["rule"], threshold(row), Text(f"{place(row)}\n{standing(row)}"))
    console = Console()
    if stale_after is not None:
        number = counted(table.height, "rule")
        console.print(f"{number} with no source newer than {stale_after} days")
    if shown.height:
        console.print(printed)
    left = table.height - shown.height
    if left:
        console.print(f"{left} more are not in force: --every shows them.")


def show_outlook(made: dict[str, Any]) -> None:
    """Growth, lag, counts, and the score where there is one."""
    console = Console()
    console.print(f"forecast {made['version']}: copy of {made['copy']}, {made['models']} models")
    console.print(f"[dim]{made['set']}[/dim]")
    _show_crossings(console, made["first_crossings"])
    growth = Table("growth of", "factor per year", "90 % interval", "doubles in", "models")
    for name, one in made["growth"].items():
        band = f"{one['low90']:.2f} to {one['high90']:.2f}"
        doubling = f"{one['doubling_days']:.0f} days"
        growth.add_row(name, f"{one['factor_per_year']:.2f}", band, doubling, str(one["rows"]))
    console.print(growth)
    lag = made["open_lag"]
    console.print(
        f"open models trail closed ones by {lag['years']:.2f} years "
        f"(90 %: {lag['low90']:.2f} to {lag['high90']:.2f})"
    )
    counts = Table("models above, FLOP", "so far", f"by {made['until']}: 5 %", "50 %", "95 %")
    for one in made["counts"]:
        ends = (f"{one[name]:.0f}" for name in ("p05", "p50", "p95"))
        counts.add_row(scientific(one["threshold"]), str(one["so_far"]), *ends)
    console.print(counts)
    _show_allocation(console, made["kumar_manning"])
    if "score" in made:
        _show_score(console, made["score"])


def _show_crossings(console: Console, rows: list[dict[str, Any]]) -> None:
    """A row a line: its rules, the first crossing, and the chances by days to come."""
    from scaling.govern.frontier_page import ANY_MODEL, name, when

    days = next((list(row["probability"]) for row in rows if "probability" in row), [])
    table = Table(
        Column("line", no_wrap=True),
        Column("rules", overflow="fold"),
        "first crossing: observed, or median (90 %)",
        *(f"by {day}" for day in days),
    )
    for row in rows:
        chances = [share(row["probability"][day]) if "p50" in row else "passed" for day in days]
        listed = ", ".join(row["rules"]) or "no rule"
        table.add_row(name(row), Text(listed), Text(when(row)), *chances)
    console.print(table)
    console.print(f"[dim]{ANY_MODEL}[/dim]")


def _show_allocation(console: Console, rows: list[dict[str, Any]]) -> None:
    """Kumar and Manning's counts, a row a threshold."""
    years = sorted({row["year"] for row in rows})
    table = Table(
        "all models above, FLOP (Kumar and Manning)", *(f"end of {year}" for year in years)
    )
    for threshold in sorted({row["threshold"] for row in rows}):
        of = {row["year"]: row for row in rows if row["threshold"] == threshold}
        cells = (f"{of[y]['p50']:.0f} ({of[y]['p05']:.0f} to {of[y]['p95']:.0f})" for y in years)
        table.add_row(scientific(threshold), *cells)
    console.print(table)


def _show_score(console: Console, score: dict[str, Any]) -> None:
    table = Table(
        "models above, FLOP", "observed", "inside", "news", "late", "raised", "lowered", "removed"
    )
    for one in score["counts"]:
        parts = (f"{one[n]:+d}" for n in ("news", "added_late", "raised", "lowered", "removed"))
        inside = "yes" if one["inside_90"] else "no"
        table.add_row(scientific(one["threshold"]), str(one["came"]), inside, *parts)
    console.print(f"scored with the copy of {score['scored_on']}")
    console.print(table)
    growth = score["growth"]
    console.print(
        f"growth was {growth['came']:.2f} times a year: {growth['revision']:+.2f} by revision of "
        f"older rows, {growth['news']:+.2f} by models since"
    )


def show_written(out: Path, written: Written) -> None:
    """Alerts, then how many comparisons had which verdict, then where the packs are."""
    console = Console()
    if written.alerts.height:
        table = Table("alert", "run", "rule", "verdict", "notify by")
        for row in written.alerts.to_dicts()[:ALERTS]:
            due = str(row["notify_by"] or "")
            verdict = row["verdict"] + (f", because {row['because']}" if row["because"] else "")
            table.add_row(row["alert"], Text(clean(row["run"])), row["rule"], verdict, due)
        console.print(table)
        if written.alerts.height > ALERTS:
            console.print(f"{written.alerts.height - ALERTS} more: {out / 'alerts.csv'}")
    verdicts = (f"{number} {name}" for name, number in written.verdicts.items() if number)
    console.print(", ".join(verdicts))
    made = f"{counted(written.packs, 'pack')}, {counted(written.files, 'file')}"
    console.print(Text(f"{made}: {out / 'index.html'}"))
    console.print(Text(f"pack {written.pack}"), soft_wrap=True)
