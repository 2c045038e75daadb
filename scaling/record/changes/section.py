"""What changed since the version before, and why: a section that is filled in when published.

The stages know of no other version, so the report has a place for the section, and publishing puts
the section there (`scaling.record.changes.between` works out what to say).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from scaling.document.blocks import Cell, Column, Group, Points, Report, Section, Table, Text, table
from scaling.document.cells import figure, words
from scaling.document.format import clean, loss, percent, plain, shift
from scaling.document.render import escape_markdown, html, markdown
from scaling.document.report_json import with_section
from scaling.io.json_files import as_list, as_map
from scaling.record.changes.issue_facts import one_line
from scaling.record.changes.steps_section import Titles, step_blocks
from scaling.record.versions.ledger import short
from scaling.report.places import CHANGES, CHANGES_TEXT
from scaling.runs.row_identity import in_words

FILE = "changes.json"
KINDS = {
    "data": "data files",
    "laws": "law files",
    "engine": "files of code",
    "choices": "choices",
}
PARTS = {
    "code": "code and choices",
    "withdrawn": "withdrawn rows",
    "revised": "revised rows",
    "added": "new rows",
}
# Lines of each table, and changes too small to show, in standard errors and in shares.
MOST = 8
SMALL = 0.01
SMALL_SHARE = 1e-4


def has_place(path: Path) -> bool:
    """Whether this report, as Markdown or HTML, waits for the section."""
    return path.is_file() and CHANGES_TEXT in path.read_text(encoding="utf-8")


def section(
    changes: Mapping[str, Any], titles: Titles | None = None, targets: Titles | None = None
) -> Section:
    """What `scaling.record.changes.between` found, for a person; ``titles`` and ``targets`` are
    what readers call studies and targets."""
    if changes.get("old") is None:
        return Section(CHANGES.id, CHANGES.title, (Text("This is the first version."),))
    tables = (parameter_table(changes), forecast_table(changes))
    kept = tuple(one for one in tables if one.groups and one.groups[0].rows)
    drawn = step_blocks(as_map(changes.get("steps")), titles or {}, targets or {})
    text = Text(one_line(changes))
    return Section(CHANGES.id, CHANGES.title, (text, *drawn, Points(tuple(points(changes))), *kept))


def written(suffix: str, text: str, filled: Section, place: str = CHANGES_TEXT) -> str:
    """The report's text (.html, .md or .json) with the section in its place."""
    page = Report(filled.title, "", (), (replace(filled, folded=False),))
    if suffix == ".json":
        return with_section(text, filled)
    if suffix == ".html":
        head = f'<h2 id="{filled.id}">{escape(filled.title)}</h2>'
        body = html(page).split(head)[1].split("</section>")[0]
        return text.replace(f"\n<p>{place}</p>", body.rstrip("\n"))
    body = markdown(page).split(f"## {filled.title}\n", 1)[1].strip()
    return text.replace(str(escape_markdown(place)), body)


# --------------------------------------------------------------------------- sentences


def points(changes: Mapping[str, Any]) -> list[str]:
    """Sentences: changed inputs, each study's rows, whether new rows stand out."""
    studies = [as_map(one) for one in as_list(changes.get("studies"))]
    removed = [f"{clean(name)}: no longer a study." for name in as_list(changes.get("gone"))]
    return [
        f"The previous version is {clean(short(changes['old']))}. "
        f"{_causes(as_list(changes.get('made_by')))}",
        *(_study(one) for one in studies),
        *removed,
        *_new_runs(as_map(changes.get("surprise"))),
    ]


def _causes(listed: list[Any]) -> str:
    """Which inputs differ, counted by kind."""
    parts = []
    for kind, name in KINDS.items():
        own = [as_map(one) for one in listed if as_map(one).get("kind") == kind]
        if kind in ("data", "choices") and own:
            some = ", ".join(f"{clean(one['name'])} ({one['what']})" for one in own[:4])
            parts.append(f"{name}: {some}" + (f" and {len(own) - 4} more" if own[4:] else ""))
        elif own:
            moved = next((as_map(one["files"]) for one in own if one.get("files")), None)
            parts.append(f"{len(own)} {name}" if moved is None else moved_code(moved))
    return f"Changed inputs: {'; '.join(parts)}." if parts else "The inputs are the same."


def moved_code(files: Mapping[str, Any]) -> str:
    """That the code has a new layout; counts of `scaling.record.versions.layouts.Relocation`."""
    unchanged, edited = files["unchanged"], files["edited"]
    return (
        f"{unchanged + edited} files of code moved to a new layout ({unchanged} unchanged, "
        f"{edited} edited, some perhaps only in their imports), and code changed too: "
        f"{files['revised']} more files edited, {files['added']} added, {files['removed']} removed "
        "(a renamed file counts as added and removed)"
    )


def _study(one: Mapping[str, Any]) -> str:
    name = clean(one.get("study") or "")
    if one.get("new"):
        return f"{name}: a new study."
    if one.get("reason"):
        return f"{name}: rows cannot be compared, {clean(one['reason'])}."
    rows = as_map(one.get("rows"))
    text = (
        f"{name}: {rows.get('added')} rows added{_why(one, 'added')}, {rows.get('revised')} "
        f"revised, {rows.get('withdrawn')} removed{_why(one, 'withdrawn')}, {rows.get('same')} "
        "unchanged."
    )
    if rows.get("added") == rows.get("revised") == rows.get("withdrawn") == 0:
        text = f"{name}: the same {rows.get('same')} rows."
    text += "".join(_acts(as_map(one.get("acts"))))
    text += _corrections(as_list(one.get("corrected")), rows.get("revised") or 0)
    choices = [clean(text) for text in as_list(one.get("choices"))]
    return text + (f" Choices: {'; '.join(choices)}." if choices else "")


def _acts(acts: Mapping[str, Any]) -> Iterator[str]:
    """Which runs were withdrawn, and which restored."""
    for act, named in acts.items():
        runs = [clean(run) for run in as_list(named)]
        more = f" and {len(runs) - MOST} more" if runs[MOST:] else ""
        yield f" {clean(act).capitalize()}: {', '.join(runs[:MOST])}{more}."


def _corrections(corrected: list[Any], revised: int) -> str:
    """The old and the new value of each column of the revised rows, as many as are listed."""
    lines = []
    for row in map(as_map, corrected[:MOST]):
        pairs = as_map(row.get("columns")).items()
        changed = [f"{clean(name)} {_value(was)} -> {_value(now)}" for name, (was, now) in pairs]
        lines.append(f"{clean(row['run'])} ({_point(row['at'])}): {', '.join(changed)}")
    left = revised - len(lines)
    more = f"; and {left} more" if left > 0 else ""
    return f" Corrected: {'; '.join(lines)}{more}." if lines else ""


def _point(at: Any) -> str:
    """Where in training a row stands, in words."""
    *rest, last = str(at).split("; ")
    return clean("; ".join(filter(None, (*rest, in_words(last)))) or "the one row")


def _value(value: Any) -> str:
    """A cell as it stands in the table: what was corrected may differ in its last digit."""
    return (
        "empty" if value is None else clean(f"{value:.12g}" if isinstance(value, float) else value)
    )


def _why(one: Mapping[str, Any], which: str) -> str:
    counts = as_map(as_map(one.get("why")).get(which))
    if not counts or list(counts) == ["new"]:
        return ""
    return f" ({', '.join(f'{number} {clean(word)}' for word, number in counts.items())})"


def _new_runs(test: Mapping[str, Any]) -> list[str]:
    if not test.get("tests"):
        return []
    rate = f"{100 * test['rate']:g} %"
    sentences = [
        f"{clean(one['study'])}: {one['outside']} of {one['rows']} new rows fell outside the 90 % "
        f"interval forecast from the earlier rows ({plain(one['expected'])} expected)."
        for one in map(as_map, as_list(test.get("studies")))
    ]
    called = test.get("called")
    far = [as_map(one) for one in as_list(test.get("rows"))]
    listed = ", ".join(
        f"{clean(one['run'])} (p {plain(one['adjusted'], 2)})" for one in far[: min(called or 0, 4)]
    )
    verdict = f"{called} stand out: {listed}" if called else "None stands out"
    return [
        *sentences,
        f"{verdict}, by Holm's test of {test['tests']} rows, which flags a row in at most {rate} "
        "of refits if the forecasts are calibrated.",
    ]


# --------------------------------------------------------------------------- tables


def parameter_table(changes: Mapping[str, Any]) -> Table:
    """The parameters that moved most, what moved them, and the run that did most of it."""
    columns = (
        Column("parameter"),
        Column("before", numeric=True),
        Column("now", numeric=True, strong=True),
        Column("change", "standard errors", numeric=True),
        *(Column(f"by {name}", numeric=True) for name in PARTS.values()),
        Column("largest effect of one run", long=True),
    )
    lines = [
        (as_map(study), as_map(law), as_map(row))
        for study in as_list(changes.get("studies"))
        for law in as_list(as_map(study).get("laws"))
        for row in as_list(as_map(law).get("parameters"))
        if abs(as_map(row).get("change") or 0.0) >= SMALL
    ]
    lines.sort(key=lambda line: -abs(line[2]["change"]))
    rows = tuple(_parameter(*line) for line in lines[:MOST])
    note = (
        "Changes are in standard errors of the current fit. The parts come from successive refits "
        "and add up. A run's part is the change when that run alone is undone; these need not add "
        "up."
    )
    return table("changes-parameters", "Parameter changes", columns, (Group("", rows),), note)


def _parameter(
    study: Mapping[str, Any], law: Mapping[str, Any], row: Mapping[str, Any]
) -> tuple[Cell, ...]:
    name = clean(row["parameter"])
    by = max(
        map(as_map, as_list(law.get("runs"))),
        key=lambda one: abs(as_map(one["moved"]).get(name, 0.0)),
        default={},
    )
    share = as_map(by.get("moved")).get(name)
    most = f"{clean(by['run'])}, {clean(by['what'])}: {shift(share, 2)}" if share else "—"
    return (
        words(f"{study['study']}, {law['law']}, {name}", FILE),
        *(figure(row.get(one), plain, FILE) for one in ("old", "new")),
        figure(row.get("change"), lambda v: shift(v, 2), FILE),
        *(figure(row.get(part), lambda v: shift(v, 2), FILE) for part in PARTS),
        words(most, FILE),
    )


def forecast_table(changes: Mapping[str, Any]) -> Table:
    """The medians that moved most."""
    columns = (
        Column("forecast"),
        Column("before", numeric=True),
        Column("now", numeric=True, strong=True),
        Column("change", numeric=True),
        Column("inside the earlier 90 % interval"),
    )
    lines = [as_map(one) for one in as_list(changes.get("forecasts"))]
    rows = tuple(
        (
            words(f"{one['study']}, {one['target']}, {one['law']}", FILE),
            figure(one["old"], loss, FILE),
            figure(one["new"], loss, FILE),
            figure(one["change"], lambda v: f"{shift(100 * v, 2)} %", FILE),
            words("no" if one["outside"] else "yes", FILE),
        )
        for one in lines[:MOST]
        if abs(one["change"]) >= SMALL_SHARE
    )
    note = (
        f"Medians that changed by {percent(SMALL_SHARE)} or more. A median outside the earlier "
        "interval does not refute it: that interval was for an outcome."
    )
    return table("changes-forecasts", "Forecast changes", columns, (Group("", rows),), note)
