"""Records to the report model of the index, which the renderer of the reports shows. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scaling.document.blocks import (
    ISSUE,
    MISSING,
    Cell,
    Column,
    Entries,
    Entry,
    Fold,
    Group,
    Report,
    Section,
    Table,
    Text,
    table,
)
from scaling.document.cells import figure, words
from scaling.document.format import clean, integer, percent, shift
from scaling.errors import counted
from scaling.record.site import audited
from scaling.record.site.newest import Newest, newest_blocks
from scaling.record.site.pages import law_index, study_table
from scaling.record.site.records import IN_GIT, LEVELS, SHOWN, Record, link_of
from scaling.record.versions.files import PAGE
from scaling.record.versions.ledger import short
from scaling.record.versions.tags import TAG

TITLE = "Published forecasts"
LEAD = "Every version ever issued, newest first, and how well its intervals were calibrated."
LABELS = dict(zip(SHOWN[1:], ("Markdown", "JSON", "table", "manifest"), strict=True))
LEDGER_FILE = "reports/ledger.jsonl"


def page(
    records: Sequence[Record],
    audit: Record,
    pages: Sequence[Record] = (),
    latest: Newest | None = None,
) -> Report:
    """The index of these versions, which come oldest first, and of what the audit says.

    ``pages`` have the versions before them, oldest first; ``latest`` is what the newest says.
    """
    latest = latest or Newest("")
    newest = list(reversed(records))
    number = len(newest) + (pages[-1]["last"] if pages else 0)
    older = (page_table(pages),) if pages else ()
    versions = (_intro(newest, pages), version_table(newest), *older)
    listed = newest[0] if newest else None
    sections = (
        _issue(newest, pages, number),
        Section("newest", "Newest forecast", (*newest_blocks(latest, listed), study_table(latest))),
        Section("versions", "Versions", versions),
        Section("record", "Calibration record", audited.blocks(audit)),
        Section("laws", "Laws", (law_index(latest),)),
        Section("backtests", "Backtests of each version", _record_blocks(newest)),
        Section("beside", "Audit, history, governance", (audited.other_files(audit),)),
        Section("files", "Files of every version", (file_table(newest),), folded=True),
    )
    return Report(TITLE, LEAD, (), sections)


def _issue(newest: Sequence[Record], pages: Sequence[Record], number: int) -> Section:
    """The header: the newest version, when it was issued, how many there are, since when."""
    if not newest:
        return Section(ISSUE, TITLE, (Entries("facts", (Entry("Versions", Cell("none yet")),)),))
    since = (pages[0]["since"] if pages else newest[-1]["issued_at"])[:10]
    count = f"{counted(number, 'version')} since {since}"
    facts = (
        Entry("Newest version", _link(newest[0], PAGE, short(newest[0]["version"]))),
        Entry("Issued", Cell(f"{_time(newest[0]['issued_at'])} UTC", origin=LEDGER_FILE)),
        Entry("Versions", Cell(count, number, "versions", LEDGER_FILE)),
        Entry("Verification", Cell("\u201cscaling verify\u201d checks every file")),
    )
    return Section(ISSUE, TITLE, (Entries("facts", facts),))


def older_page(records: Sequence[Record], described: Record, before: Record | None) -> Report:
    """The page of some older versions, which come oldest first.

    ``described`` is what the index says of it, ``before`` what it says of the page of those before.
    """
    newest = list(reversed(records))
    span = _span(described)
    facts = (Cell(span, span, "versions", LEDGER_FILE),)
    files = Fold("Files of these versions", (file_table(newest),))
    near = [Cell("newest versions", link="index.html")]
    near += [Cell(_span(before), link=f"{before['name']}.html")] if before else []
    rows = tuple((cell,) for cell in near)
    other = table("page-table", "Other pages", (Column("page"),), (Group("", rows),))
    sections = (
        Section("versions", "Versions", (_intro(newest), other, version_table(newest), files)),
        Section("backtests", "Backtests of each version", _record_blocks(newest)),
    )
    lead = "Older versions, newest first. Calibration is on the page of the newest versions."
    return Report(f"{TITLE}, {span}", lead, facts, sections, Cell("All", link="index.html"))


def page_table(pages: Sequence[Record]) -> Table:
    """A row a page of older versions, newest first."""
    columns = (Column("page"), Column("first issued", "UTC"), Column("last issued", "UTC"))
    rows = tuple(
        (
            Cell(_span(page), _span(page), link=f"{page['name']}.html"),
            words(_time(page["since"]), LEDGER_FILE),
            words(_time(page["until"]), LEDGER_FILE),
        )
        for page in reversed(pages)
    )
    return table("page-table", "Older versions", columns, (Group("", rows),))


def _span(page: Record) -> str:
    return f"versions {page['first']} to {page['last']}"


def _intro(newest: Sequence[Record], pages: Sequence[Record] = ()) -> Text:
    if not newest:
        return Text("Nothing has been published yet.")
    text = (
        "A version never changes once it is issued. The ledger chains them by hash, and "
        "\u201cscaling verify\u201d checks every file against it."
    )
    more = f" The newest {len(newest)} are listed here, with links to pages of older ones."
    return Text(text + more if pages else text)


def version_table(newest: Sequence[Record]) -> Table:
    """A row a version: when, what changed, how far the forecast moved, what it covers."""
    columns = (
        Column("version", "issued, UTC"),
        Column("what changed", long=True),
        Column("largest move", "of a median", numeric=True),
        Column("where", long=True),
        Column("studies", numeric=True),
        Column("targets", numeric=True),
        Column("code"),
    )
    rows = tuple(_version_row(record) for record in newest)
    note = (
        "Moves compare the medians of all laws together with those of the version before, at the "
        "targets that both have. Code marked + differed from its Git revision."
    )
    return table("version-table", "Versions, newest first", columns, (Group("", rows),), note)


def _version_row(record: Record) -> tuple[Cell, ...]:
    place = f"reports/{record['version']}/"
    moved = record.get("moved") or {}
    where = f"{moved['target']}, {moved['study']}" if moved.get("log_ratio") else None
    link = _link(record, PAGE, short(record["version"]))
    return (
        replace(link, note=_time(record["issued_at"])),
        words(_changes(record), f"{place}manifest.json#made_by"),
        figure(moved.get("log_ratio"), _move, f"{place}forecast.csv#ensemble, quantile 0.5"),
        words(where),
        figure(record["studies"], integer, f"{place}forecast.csv#study", "studies"),
        figure(record["targets"], integer, f"{place}forecast.csv#target", "targets"),
        words(_code(record), f"{place}manifest.json#revision"),
    )


IN_GIT_NOTE = (
    "Of older versions, reports are in Git alone, at the tag forecast/VERSION: "
    "“scaling show VERSION --open” opens the page of one."
)


def file_table(newest: Sequence[Record]) -> Table:
    """A row a version: its files."""
    rows = tuple(
        (
            _link(record, PAGE, short(record["version"])),
            *(_link(record, name, label) for name, label in LABELS.items()),
        )
        for record in newest
    )
    columns = (Column("version"), *(Column(name) for name in LABELS))
    note = IN_GIT_NOTE if any(IN_GIT in record for record in newest) else ""
    return table("file-table", "Files", columns, (Group("", rows),), note)


def _link(record: Record, name: str, text: str) -> Cell:
    """The text, leading to that file of the version when it has it."""
    version = clean(record["version"])
    link = link_of(record, name)
    if link:
        return Cell(text, text, link=link)
    if name == PAGE:
        return Cell(short(version), version)
    return Cell("in Git", TAG + version) if name in record["files"] else MISSING


def _time(issued: str) -> str:
    """2026-11-22T15:00:02+00:00 as 2026-11-22 15:00."""
    return issued[:16].replace("T", " ")


def _code(record: Record) -> str | None:
    revision = record["revision"]
    return None if revision is None else revision[:8] + ("+" if record["dirty"] else "")


def _changes(record: Record) -> str:
    if record["first"]:
        return "the first version"
    corrects = record["corrects"] or ""
    if corrects:
        corrects = f"corrects {short(corrects)}: {record['reason']}"
    return "; ".join(part for part in (corrects, *record["changed"]) if part) or "not known"


def _move(ratio: float) -> str:
    """A log ratio as a percentage: +1.2 %."""
    return f"{shift(100 * math.expm1(ratio), 2 if abs(ratio) < 0.1 else 0)} %"


def _record_blocks(newest: Sequence[Record]) -> tuple[Text | Table, ...]:
    """The pooled backtests of every version that has some."""
    known = [record for record in newest if record["calibration"]]
    if not known:
        return (Text("No version has backtests yet."),)
    text = Text(
        "Before it was issued, each version forecast its studies' larger runs from the smaller "
        "ones. A calibrated interval covers the outcome as often as its level states. Shares and "
        "errors are means over all forecasts of all studies; forecasts of one study are not "
        "independent."
    )
    return text, record_table(known)


def record_table(known: Sequence[Record]) -> Table:
    """A row a version: how often each interval held where the answer is known."""
    columns = (
        Column("version"),
        Column("studies", numeric=True),
        Column("forecasts", numeric=True),
        Column("mean absolute error", "of log loss", numeric=True),
        *(Column(f"inside {level} %", numeric=True) for level in LEVELS),
    )
    rows = tuple(_record_row(record, record["calibration"]) for record in known)
    title = "Interval coverage in backtests"
    return table("record-table", title, columns, (Group("", rows),))


def _record_row(record: Record, found: dict[str, Any]) -> tuple[Cell, ...]:
    place = f"reports/{record['version']}/report.json#backtest-table"
    return (
        _link(record, PAGE, short(record["version"])),
        figure(found["studies"], integer, place, "studies"),
        figure(found["forecasts"], integer, place, "forecasts"),
        figure(found["error"], percent, place),
        *(audited.inside(found[f"in{level}"], level / 100, place) for level in LEVELS),
    )
