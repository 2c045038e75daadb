"""The audit of past forecasts, and the other files published with the index.

`read` opens files, the rest is pure. The numbers are those of ``reports/audit/audit.json``; a part
that cannot be read is left out, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaling.document.blocks import MISSING, Block, Cell, Column, Group, Table, Text, table
from scaling.document.cells import figure, words
from scaling.document.format import between, integer, percent, plain, share
from scaling.io.json_files import as_list, as_map, as_number
from scaling.record.site.finished import finished_blocks, read_finished
from scaling.record.versions.ledger import LEDGER, read_lines

AUDIT = "audit/audit.json"
ORIGIN = f"reports/{AUDIT}"
LEVELS = (0.5, 0.8, 0.9, 0.95)
# A band with no upper end is stored with this one.
ENDLESS = 100.0
# File below reports/, what it is, the command that makes it.
OTHER_FILES = (
    ("audit/audit.md", "audit: errors, bias, distance, worst laws, open targets", "audit"),
    ("audit/scores.csv", "audit: every score", "audit"),
    ("audit/open.csv", "audit: targets without an outcome", "audit"),
    (f"history/{LEDGER}", "replayed history: its ledger", "backfill"),
    ("governance/index.html", "governance: runs against compute thresholds", "govern"),
)


def read(reports: Path) -> dict[str, Any]:
    """The audit's answers by interval and by distance, the files that are there, the replays."""
    try:
        found = as_map(json.loads((reports / AUDIT).read_bytes()))
    except (OSError, ValueError, RecursionError):
        found = {}
    ledger = reports / "history" / LEDGER
    replays = read_lines(ledger.read_bytes())[0] if ledger.is_file() else []
    return {
        "confidence": [dict(as_map(one)) for one in as_list(found.get("confidence"))],
        "dates": [dict(as_map(one)) for one in as_list(found.get("dates"))],
        "finished": read_finished(reports),
        "distance": [dict(as_map(one)) for one in as_list(found.get("how_far_out"))],
        "files": [name for name, _, _ in OTHER_FILES if (reports / name).is_file()],
        "replays": len(replays),
    }


def blocks(found: dict[str, Any]) -> tuple[Block, ...]:
    """The record by stated confidence, then by distance; a sentence where there is none."""
    if not found["confidence"]:
        return (Text("No published forecast has been scored yet; `scaling audit` scores them."),)
    text = Text(
        "Published forecasts against outcomes. Ahead: issued before the outcome. Fitted: the "
        "version fitted the very run. Contradicted: its date cannot be true. Replays use later "
        "code on what was known on a day (by day), or on the smaller runs of a source released all "
        "at once (by size); they prove no foresight. An origin is one source of one version; its "
        "forecasts share errors, so ranges count origins."
    )
    dates = (dates_table(found["dates"]),) if found["dates"] else ()
    done = finished_blocks(found.get("finished", []))
    return (
        *done,
        text,
        confidence_table(found["confidence"]),
        distance_table(found["distance"]),
        *dates,
    )


def confidence_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row a kind of forecast: how often the outcome lay inside each interval."""
    columns = (
        Column("kind"),
        Column("forecasts", numeric=True),
        Column("origins", numeric=True),
        *(Column(f"inside {100 * level:.0f} %", numeric=True) for level in LEVELS),
        Column("95 % range of the share inside 90 %", numeric=True, long=True),
    )
    lines = tuple(_confidence(row) for row in rows)
    title = "Interval coverage of published forecasts"
    return table("audit-table", title, columns, (Group("", lines),))


def _confidence(row: dict[str, Any]) -> tuple[Cell, ...]:
    place = f"{ORIGIN}#confidence"
    intervals = map(as_map, as_list(row.get("intervals")))
    held = {as_number(one.get("stated")): one for one in intervals}
    wide = held.get(0.9, {})
    ends = as_number(wide.get("low")), as_number(wide.get("high"))
    return (
        words(row.get("kind"), place),
        figure(row.get("forecasts"), integer, place, "forecasts"),
        figure(row.get("origins"), integer, place, "origins"),
        *(inside(held.get(level, {}).get("observed"), level, place) for level in LEVELS),
        MISSING
        if None in ends
        else Cell(between(*map(share, ends)), (ends[0] or 0.0, ends[1] or 0.0), "", place),
    )


def dates_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row a version that was scored ahead: what its date of issue rests on."""
    columns = (
        Column("version"),
        Column("issued", "UTC"),
        Column("date rests on", long=True),
        Column("signed", "UTC"),
        Column("timestamped", "UTC"),
        Column("contradicted by", long=True),
    )
    place = f"{ORIGIN}#dates"
    names = ("version", "issued_at", "rests_on", "signed_at", "timestamped_at")
    lines = tuple(
        (
            *(words(row.get(name) or None, place) for name in names),
            words("; ".join(map(str, as_list(row.get("contradicted_by")))) or None, place),
        )
        for row in rows
    )
    note = (
        "A date of issue rests on a token of a third party (RFC 3161), on a signature that Git "
        "verified, or on the publisher's word alone."
    )
    return table("audit-dates-table", "Dates of issue", columns, (Group("", lines),), note)


def distance_table(rows: Sequence[dict[str, Any]]) -> Table:
    """A row a kind and band of distance."""
    columns = (
        Column("kind"),
        Column("decades of compute beyond the largest known run", long=True),
        Column("forecasts", numeric=True),
        Column("mean absolute error", "of logs", numeric=True),
        *(Column(f"inside {100 * level:.0f} %", numeric=True) for level in LEVELS),
        Column("skill", "against the last value", numeric=True),
    )
    title = "By distance"
    lines = tuple(_distance(row) for row in rows)
    return table("audit-distance-table", title, columns, (Group("", lines),), stub=2)


def _distance(row: dict[str, Any]) -> tuple[Cell, ...]:
    place = f"{ORIGIN}#how_far_out"
    shares = (row.get(f"in{100 * level:.0f}") for level in LEVELS)
    return (
        words(row.get("kind"), place),
        words(_band(row), place),
        figure(row.get("forecasts"), integer, place, "forecasts"),
        figure(row.get("error"), percent, place),
        *(inside(one, level, place) for one, level in zip(shares, LEVELS, strict=True)),
        figure(row.get("skill"), lambda value: plain(value, 2), place),
    )


def _band(row: dict[str, Any]) -> str:
    low, high = as_number(row.get("decades_from")), as_number(row.get("decades_to"))
    if low is None or high is None:
        return "not larger, or not by compute"
    return f"more than {low:g}" if high >= ENDLESS else f"{low:g} to {high:g}"


def inside(value: Any, level: float, place: str) -> Cell:
    """The share, marked when it falls short of the level by more than five points."""
    shown, found = figure(value, share, place), as_number(value)
    short = found is not None and found < level - 0.05
    return Cell(shown.text, shown.value, shown.unit, shown.origin, "caution") if short else shown


def other_files(found: dict[str, Any]) -> Table:
    """What else is published here; what is not there has the command that makes it."""
    columns = (Column("file"), Column("what it is", long=True), Column("command"))
    rows = tuple(
        (
            Cell(name, name, link=name if name in found["files"] else ""),
            Cell(what + (f" of {found['replays']} days" if name.startswith("history") else "")),
            Cell(f"scaling {command}"),
        )
        for name, what, command in OTHER_FILES
    )
    return table("beside-table", "Other files", columns, (Group("", rows),))
