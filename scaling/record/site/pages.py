"""A page a study over the versions, and a page a law, beside the index. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Formula,
    Group,
    Report,
    Section,
    Table,
    Text,
    table,
)
from scaling.document.cells import both, figure, words
from scaling.document.format import clean, estimate, plain
from scaling.document.mathml import mathml
from scaling.document.whisker import Whisker, whisker
from scaling.fitting.study_record import Parameter
from scaling.io.json_files import as_list, as_map, as_number
from scaling.laws import Law, load
from scaling.record.changes.history_section import study_part
from scaling.record.changes.steps_section import step_blocks
from scaling.record.site.newest import Newest, interval_cell, target_title
from scaling.record.site.records import Record, link_of
from scaling.record.versions.files import PAGE
from scaling.record.versions.ledger import short
from scaling.report.names import law_title, spaced
from scaling.report.sections.forecasts import quantile

# Names that are safe as a part of a file's name and of a link.
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
HOME = Cell("All versions", link="index.html")


def study_file(study: str) -> str:
    """The name of a study's page; empty for a study whose name is no name of a file."""
    return f"study-{study}.html" if SAFE.fullmatch(study) else ""


def law_file(law: str) -> str:
    """The name of a law's page; empty for a law without a file here."""
    return f"law-{law}.html" if SAFE.fullmatch(law) and law in load() else ""


def laws_of(newest: Newest) -> list[str]:
    """The laws that the newest version fits, in alphabetical order."""
    return sorted({fit.law for one in newest.fits.values() for fit in one.fits if fit.law})


# --------------------------------------------------------------------------- a study


def study_page(study: str, records: Sequence[Record], newest: Newest) -> Report:
    """The study's forecast and parameters over these versions, which come oldest first."""
    title = newest.title(study)
    lead = "One study over the versions: its forecast, its parameters, its laws."
    now = Section("now", "Newest forecast", (_now(newest, study),))
    moves = _moves(study, records, newest, title)
    over = Section("versions", "The forecast over versions", moves)
    part = _parameters(study, newest, title)
    fits = (Section("parameters", "Parameters over versions", part),) if part else ()
    used = Section("laws", "Laws", (_law_table(study, newest),))
    return Report(title, lead, (), (now, over, *fits, used), HOME)


def _now(newest: Newest, study: str) -> Table:
    """A row a target of the newest version."""
    columns = (
        Column("target"),
        Column("90 % interval", strong=True),
        Column("median", numeric=True),
    )
    place = f"reports/{newest.version}/forecast.csv#{clean(study)}"
    rows = tuple(
        (
            Cell(target_title(newest, item), item.target),
            interval_cell(item.ensemble, place),
            figure(quantile(item.ensemble, 0.5), lambda v: f"{v:.2f}", place),
        )
        for item in newest.of_study(study)
    )
    title = f"Forecast loss, version {short(newest.version)}"
    return table("now-table", title, columns, (Group("", rows),))


def _moves(study: str, records: Sequence[Record], newest: Newest, title: str) -> tuple[Block, ...]:
    """The waterfall, and a row a version at the target of most compute of the newest."""
    found = [(one, as_map(as_map(one.get("forecasts")).get(study))) for one in records]
    items = newest.of_study(study)
    aim = items[-1].target if items else None
    shown = [(one, head) for one, head in found if head and head.get("target") == aim]
    if not shown or aim is None:
        return (Text("No version has a forecast of this study."),)
    medians = [head.get("median") for _, head in shown]
    steps = {
        "versions": [
            {"version": one["version"], "issued_at": one["issued_at"]} for one, _ in shown[:-1]
        ],
        "studies": {study: {"target": aim, "medians": medians}},
    }
    drawn = step_blocks(steps, {study: title}, newest.target_names())[:1]
    return (*drawn, _version_table(shown, target_title(newest, items[-1])))


def _version_table(shown: Sequence[tuple[Record, Mapping[str, Any]]], target: str) -> Table:
    ends = [as_number(head.get(end)) for _, head in shown for end in ("low", "high")]
    known = [end for end in ends if end is not None]
    frame = (min(known), max(known)) if known else (0.0, 0.0)
    columns = (
        Column("version"),
        Column("90 % interval", target, strong=True),
        Column("median", numeric=True),
    )
    rows = tuple(_version_row(one, head, frame) for one, head in reversed(shown))
    title = f"Forecast at {target}, newest first"
    return table("steps-table", title, columns, (Group("", rows),), sourced=False)


def _version_row(
    one: Record, head: Mapping[str, Any], frame: tuple[float, float]
) -> tuple[Cell, ...]:
    version = clean(one["version"])
    place = f"reports/{version}/forecast.csv#ensemble"
    low, middle, high = (as_number(head.get(name)) for name in ("low", "median", "high"))
    name = Cell(short(version), version, link=link_of(one, PAGE), note=clean(one["issued_at"])[:10])
    if low is None or middle is None or high is None:
        return name, Cell("\u2014"), Cell("\u2014")
    drawn = whisker(Whisker((low, high), middle), frame)
    text = f"{low:.2f}\u2013{high:.2f}"
    return (
        name,
        Cell(text, (low, high), "", place, svg=drawn),
        Cell(f"{middle:.2f}", middle, "", place),
    )


def _parameters(study: str, newest: Newest, title: str) -> tuple[Block, ...]:
    versions = [as_map(one) for one in as_list(newest.history.get("versions"))]
    laws = as_map(as_map(newest.history.get("studies")).get(study))
    part = study_part(title, laws, versions, 0, drawn=True)
    return part.blocks if part else ()


def _law_table(study: str, newest: Newest) -> Table:
    """A row a law that the newest version fits to the study."""
    known = newest.fits.get(study)
    columns = (Column("law"), Column("outcome"), Column("rows", numeric=True))
    rows = tuple(
        (
            Cell(law_title(fit.law), fit.law, link=law_file(fit.law)),
            words(fit.outcome.replace("_", " "), f"reports/{newest.version}/fits"),
            figure(fit.rows, plain, f"reports/{newest.version}/fits#rows", "rows"),
        )
        for fit in (known.fits if known else ())
    )
    return table("study-laws", "Laws fitted to it", columns, (Group("", rows),))


# --------------------------------------------------------------------------- a law


def law_page(name: str, newest: Newest) -> Report:
    """The law's formula, what it assumes and where it fails, and its fits in the newest version."""
    law = load()[name]
    formula = Formula(
        "formula", law_title(name), clean(law.formula), clean(law.citation), mathml(law.formula)
    )
    facts = (
        Text(f"Assumes: {clean(law.assumes)}."),
        Text(f"Fails on: {clean(law.fails)}."),
        Text(f"In files and commands it is called {name}."),
    )
    sections = (
        Section("law", "Formula", (formula, *facts)),
        Section("fits", "Fits in the newest version", (_fit_table(name, newest),)),
        Section("published", "Published fits", _published(law)),
    )
    return Report(clean(law.title), f"Source: {clean(law.citation)}.", (), sections, HOME)


def _fit_table(name: str, newest: Newest) -> Table:
    columns = (
        Column("parameter"),
        Column("value", numeric=True, strong=True),
        Column("90 % interval", numeric=True),
        Column("unit"),
    )
    groups = []
    for study, known in newest.fits.items():
        fit = known.fit(name)
        if fit is None:
            continue
        place = f"reports/{newest.version}/fits/{clean(study)}.json"
        rows = tuple(
            (
                words(parameter),
                _value(one, f"{place}#{parameter}"),
                both(one.low90, one.high90, plain, f"{place}#{parameter}", one.unit),
                words(one.unit or None),
            )
            for parameter, one in fit.parameters.items()
        )
        groups.append(Group(newest.title(study), rows))
    title = f"Parameters, version {short(newest.version)}"
    return table("fit-table", title, columns, tuple(groups), "", "study")


def _value(one: Parameter, place: str) -> Cell:
    return figure(one.value, lambda value: estimate(value, one.se)[0], place)


def _published(law: Law) -> tuple[Block, ...]:
    if not law.published:
        return (Text("No published fit is on file for this law."),)
    columns = (Column("parameter"), Column("value", numeric=True))
    groups = tuple(
        Group(
            clean(one.citation),
            tuple(
                (Cell(key, key), figure(value, plain, f"scaling/laws/{law.name}.py#published"))
                for key, value in one.values.items()
            ),
        )
        for one in law.published
    )
    return (table("published-table", "As published", columns, groups, "", "source"),)


def study_table(newest: Newest) -> Table:
    """A row a study of the newest version: its forecast, and its page."""
    columns = (
        Column("study"),
        Column("90 % interval", strong=True),
        Column("target"),
        Column("laws", long=True),
    )
    rows = []
    for study in newest.studies():
        items = newest.of_study(study)
        known = newest.fits.get(study)
        named = ", ".join(law_title(fit.law) for fit in (known.fits if known else ()))
        place = f"reports/{newest.version}/forecast.csv#{clean(study)}"
        last = items[-1] if items else None
        rows.append(
            (
                Cell(newest.title(study) or spaced(study), study, link=study_file(study)),
                interval_cell(last.ensemble, place) if last else Cell("\u2014"),
                Cell(target_title(newest, last) if last else "\u2014"),
                words(named or None),
            )
        )
    return table("study-table", "Studies", columns, (Group("", tuple(rows)),), sourced=False)


def law_index(newest: Newest) -> Table:
    """A row a law of the newest version, with its page."""
    columns = (Column("law"), Column("formula", long=True))
    known = load()
    rows = tuple(
        (
            Cell(law_title(name), name, link=law_file(name)),
            words(known[name].formula if name in known else None),
        )
        for name in laws_of(newest)
    )
    return table("law-index", "Laws", columns, (Group("", rows),), sourced=False)
