"""A published version on the terminal: its forecasts, and how far to trust them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scaling.document.format import clean
from scaling.document.report_json import load
from scaling.errors import InputError, counted
from scaling.io.json_files import as_list, as_map
from scaling.record.versions.files import PAGE, NotHereError, page_in_tree, place_of_page, read
from scaling.record.versions.ledger import short
from scaling.record.versions.lookup import find
from scaling.record.versions.store import holding
from scaling.record.versions.tables import manifest

REPORT = "report.json"
# Tables of rows that count nowhere; a report has them where there are such rows.
LEFT_OUT = ("held-back-table", "withdrawal-table")
# Columns that come first, where a terminal is too narrow for all.
FIRST = {
    "headline-table": ("study", "median", "90 % interval", "outside the runs"),
    "held-back-table": ("source", "held back", "share", "by check"),
    "distance-table": ("study", "compute beyond", "laws differ by", "lowest law", "highest law"),
}


def shown(reports: Path, name: str | None) -> tuple[Path, str]:
    """The folder of the version whose id begins with ``name``; without one of that which holds
    now, and whether it is not the newest, in words.

    Raises:
        InputError: nothing is published, or none or several ids begin so.
    """
    held, note = holding(reports.parent) if name is None else (None, "")
    if held is not None:
        return reports / held.version, note
    return find(reports.parent, name, (reports.name,)), ""


def version_facts(reports: Path, name: str | None = None) -> dict[str, Any]:
    """What `show_version` prints, as plain values: the blocks of the report that it shows."""
    folder, note = shown(reports, name)
    report = _report(folder)
    facts = manifest(folder)
    sections = {as_map(one).get("id"): as_map(one) for one in as_list(report.get("sections"))}
    blocks = {
        place: as_list(sections.get(place, {}).get("blocks")) for place in ("headline", "trust")
    }
    made = map(as_map, as_list(sections.get("made", {}).get("blocks")))
    return {
        "version": folder.name,
        "note": note,
        "title": report.get("title"),
        "issued_at": facts.get("issued_at"),
        "revision": facts.get("revision"),
        **blocks,
        "left_out": [block for block in made if block.get("id") in LEFT_OUT],
        "page": place_of_page(folder),
    }


def show_version(reports: Path, name: str | None = None) -> None:
    """Print the headline table, how far each forecast extrapolates, where its laws disagree, the
    main doubts, and the rows that are held back or withdrawn."""
    folder, note = shown(reports, name)
    report = _report(folder)
    facts = manifest(folder)
    console = Console()
    issued = clean(facts.get("issued_at", ""))
    console.print(Text(f"{clean(report.get('title', ''))} {short(folder.name)}", style="bold"))
    if note:
        console.print(Text(f"{short(folder.name)}{note}"))
    console.print(Text(f"issued {issued}, code {clean(facts.get('revision') or 'unknown')[:12]}"))
    sections = {as_map(one).get("id"): as_map(one) for one in as_list(report.get("sections"))}
    for block in as_list(sections.get("headline", {}).get("blocks")):
        _show(console, as_map(block))
    console.print(Text("How far to trust it", style="bold"))
    for block in map(as_map, as_list(sections.get("trust", {}).get("blocks"))):
        if block.get("kind") == "points" or block.get("id") == "distance-table":
            _show(console, block)
    for block in map(as_map, as_list(sections.get("made", {}).get("blocks"))):
        if block.get("id") in LEFT_OUT:
            _show(console, block)
            console.print(Text(clean(block.get("note", ""))))
    console.print(Text(f"\nThe page: {place_of_page(folder)}"))


def _report(folder: Path) -> Mapping[str, Any]:
    try:
        return as_map(load(read(folder, REPORT)))
    except NotHereError:
        raise
    except (OSError, ValueError) as error:
        hint = "`scaling verify` says what else is wrong"
        raise InputError("cannot be read", file=f"{folder}/{REPORT}", hint=hint) from error


def page_file(reports: Path, name: str | None) -> Path:
    """The file of the version's page; of one that Git alone has, a copy that is written now.

    Raises:
        InputError: there is no such version, or this clone does not have its page.
    """
    folder, _ = shown(reports, name)
    if (file := page_in_tree(folder)) is not None:
        return file
    copy = Path(tempfile.mkdtemp(prefix=f"scaling-{short(folder.name)}-"), PAGE)
    copy.write_bytes(read(folder, PAGE))
    return copy


def _show(console: Console, block: Mapping[str, Any]) -> None:
    if block.get("kind") == "table":
        console.print(_table(block, console.width))
    elif block.get("kind") == "points":
        for item in as_list(block.get("items")):
            console.print(Text(f"- {clean(item)}"))
    elif block.get("kind") == "text":
        console.print(Text(clean(block.get("text", ""))))


def _table(block: Mapping[str, Any], width: int) -> Table:
    """A table of the report, with as many leading columns as the terminal is wide."""
    columns = [as_map(column) for column in as_list(block.get("columns"))]
    order = _order([str(one.get("label")) for one in columns], FIRST.get(str(block.get("id")), ()))
    columns = [columns[place] for place in order]
    groups = [_ordered(as_map(group), order) for group in as_list(block.get("groups"))]
    kept = _fitting(columns, groups, width)
    left = len(columns) - kept
    caption = Text(f"{counted(left, 'more column')} on the page") if left else None
    title = Text(clean(block.get("title", "")))
    shown = Table(title=title, caption=caption, box=box.SIMPLE_HEAD)
    for column in columns[:kept]:
        label = Text(clean(column.get("label", "")))
        shown.add_column(label, justify="right" if column.get("numeric") else "left")
    for group in groups:
        if group.get("title"):
            shown.add_row(Text(clean(group["title"]), style="bold"))
        for row in as_list(group.get("rows")):
            shown.add_row(*map(Text, _texts(row)[:kept]))
    return shown


def _order(labels: list[str], first: Sequence[str]) -> list[int]:
    """Places of the columns, those named first before the others."""
    return sorted(
        range(len(labels)),
        key=lambda i: first.index(labels[i]) if labels[i] in first else len(first) + i,
    )


def _ordered(group: Mapping[str, Any], order: list[int]) -> Mapping[str, Any]:
    rows = [as_list(row) for row in as_list(group.get("rows"))]
    return {**group, "rows": [[row[i] for i in order if i < len(row)] for row in rows]}


def _fitting(columns: list[Mapping[str, Any]], groups: list[Mapping[str, Any]], width: int) -> int:
    """How many leading columns fit when no cell is cut; at least two."""
    lines = [[clean(column.get("label", "")) for column in columns]]
    lines += [[clean(group.get("title", ""))] for group in groups]
    lines += [_texts(row) for group in groups for row in as_list(group.get("rows"))]
    used = 2
    for place in range(len(columns)):
        used += 3 + max(len(line[place]) for line in lines if place < len(line))
        if used > width:
            return max(2, place)
    return len(columns)


def _texts(row: Any) -> list[str]:
    return [clean(as_map(cell).get("text", "")) for cell in as_list(row)]
