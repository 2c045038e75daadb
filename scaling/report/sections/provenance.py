"""How to reproduce the report: the command, settings, data and exclusions, laws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scaling.document.blocks import (
    MISSING,
    Cell,
    Column,
    Command,
    Group,
    Section,
    Table,
    Text,
    table,
)
from scaling.document.cells import both, figure, words
from scaling.document.format import clean, count, integer, percent, plain, scientific
from scaling.fitting.study_record import ExcludedRows
from scaling.io.json_files import as_list, as_map
from scaling.laws import Law, load
from scaling.report.context import Context, Study
from scaling.report.read import PARAMS_FILE, VALIDATION_FILE
from scaling.runs.held_back import ADVICE, HeldBack, held_back

_COUNTS = ("rows", "valid", "quarantined")


def provenance(ctx: Context) -> Section:
    """Everything that one needs to reproduce the report."""
    blocks = (
        Text(
            "Every number here follows from the files in the repository. This command reproduces "
            "them and reruns only what has changed:"
        ),
        Command("dvc repro"),
        choice_table(ctx),
        target_table(ctx),
        data_table(ctx),
        held_back_table(ctx),
        withdrawal_table(ctx),
        range_table(ctx),
        exclusion_table(ctx),
        source_table(ctx),
        law_table(ctx),
    )
    shown = tuple(block for block in blocks if _filled(block))
    return Section("made", "Settings, data and how to reproduce it", shown, folded=True)


def _filled(block: Text | Command | Table) -> bool:
    return not isinstance(block, Table) or any(group.rows for group in block.groups)


# --------------------------------------------------------------------------- choices


def choice_table(ctx: Context) -> Table:
    """Seed and settings of params.yaml that hold for all studies."""
    params = ctx.inputs.params
    pairs = [("seed", params.get("seed"))]
    pairs += [(f"fit.{name}", value) for name, value in as_map(params.get("fit")).items()]
    forecast = as_map(params.get("forecast"))
    pairs += [(f"forecast.{k}", v) for k, v in forecast.items() if k != "targets"]
    rows = tuple((words(name), _setting(name, value)) for name, value in pairs)
    columns = (Column("setting"), Column("value", numeric=True))
    return table("choice-table", "Settings", columns, (Group("", rows),))


def _setting(name: str, value: Any) -> Cell:
    text = ", ".join(plain(v) for v in value) if isinstance(value, list) else plain(value, 6)
    plainly = value if isinstance(value, int | float | str | bool) else text
    return Cell(text, plainly, "", f"{PARAMS_FILE}#{clean(name)}")


def target_table(ctx: Context) -> Table:
    """What each target fixes."""
    targets = as_map(as_map(ctx.inputs.params.get("forecast")).get("targets"))
    rows = tuple(
        (
            words(name),
            *(
                figure(as_map(target).get(key), form, f"{PARAMS_FILE}#forecast.targets", unit)
                for key, form, unit in (
                    ("params", count, "parameters"),
                    ("tokens", count, "tokens"),
                    ("flops", scientific, "FLOP"),
                )
            ),
        )
        for name, target in targets.items()
    )
    columns = (
        Column("target"),
        Column("params", numeric=True),
        Column("tokens", numeric=True),
        Column("budget", "FLOP", numeric=True),
    )
    return table("target-table", "What the targets fix", columns, (Group("", rows),))


# --------------------------------------------------------------------------- data


def data_table(ctx: Context) -> Table:
    """Study by study: rows from the source to the fit."""
    columns = (
        Column("study"),
        Column("source"),
        Column("metric"),
        Column("rows in", numeric=True),
        Column("valid", numeric=True),
        Column("quarantined", numeric=True),
        Column("fitted", numeric=True),
    )
    rows = tuple(_data_row(ctx, study) for study in ctx.studies)
    note = (
        "Rows in, valid and quarantined count the whole source, all metrics; fitted counts the "
        "rows of this metric after the exclusions."
    )
    return table("data-table", "Data", columns, (Group("", rows),), note)


def _data_row(ctx: Context, study: Study) -> tuple[Cell, ...]:
    counts = as_map(ctx.inputs.validation.get(study.source))
    place = f"{VALIDATION_FILE}#{study.source}."
    return (
        words(study.title, PARAMS_FILE),
        words(study.source),
        words(study.metric),
        *(figure(counts.get(name), integer, place + name, "rows") for name in _COUNTS),
        figure(study.record.rows, integer, f"{study.fit_file}#rows", "rows"),
    )


def held_back_table(ctx: Context) -> Table:
    """Every source of which rows are held back, a study's or not, and what holds them."""
    columns = (
        Column("source"),
        Column("rows in", numeric=True),
        Column("held back", numeric=True, strong=True),
        Column("share", numeric=True),
        Column("by check", long=True),
    )
    rows = tuple(_held_row(one) for one in held_back(ctx.inputs.validation))
    return table("held-back-table", "Rows held back", columns, (Group("", rows),), ADVICE)


def _held_row(one: HeldBack) -> tuple[Cell, ...]:
    place = f"{VALIDATION_FILE}#{clean(one.source)}."
    return (
        words(one.source),
        figure(one.rows, integer, place + "rows", "rows"),
        figure(one.held, integer, place + "quarantined", "rows"),
        figure(one.share, percent, place + "quarantined", "share"),
        words(one.checks, place + "held_by"),
    )


def withdrawal_table(ctx: Context) -> Table:
    """What was withdrawn from each source, and what was restored."""
    columns = (
        Column("source"),
        Column("what"),
        Column("runs", numeric=True),
        Column("rows", numeric=True),
        Column("the first of them", long=True),
    )
    rows = tuple(
        _withdrawal_row(source, as_map(act))
        for source, facts in ctx.inputs.validation.items()
        for act in as_list(as_map(facts).get("withdrawals"))
    )
    note = "Withdrawn rows count nowhere; nothing is deleted. `scaling remove` lists the reasons."
    return table("withdrawal-table", "Withdrawn and restored", columns, (Group("", rows),), note)


def _withdrawal_row(source: str, act: Mapping[str, Any]) -> tuple[Cell, ...]:
    place = f"{VALIDATION_FILE}#{clean(source)}.withdrawals"
    return (
        words(source),
        words(act.get("what"), place),
        figure(act.get("runs"), integer, place, "runs"),
        figure(act.get("rows"), integer, place, "rows"),
        words(", ".join(map(str, as_list(act.get("first")))), place),
    )


def range_table(ctx: Context) -> Table:
    """Smallest and largest fitted run of each study."""
    names = ("params", "tokens", "flops")
    columns = (
        Column("study"),
        Column("params", numeric=True),
        Column("tokens", numeric=True),
        Column("compute", "FLOP", numeric=True),
    )
    rows = tuple((words(s.title), *(_range(s, name) for name in names)) for s in ctx.studies)
    return table("range-table", "Range of the fitted runs", columns, (Group("", rows),))


def _range(study: Study, name: str) -> Cell:
    low, high, file = study.ends(name)
    return both(low, high, scientific if name == "flops" else count, f"{file}#{name}", name)


def exclusion_table(ctx: Context) -> Table:
    """Rows left out of each fit, the rule and the reason."""
    groups = tuple(Group(study.title, tuple(_exclusions(study))) for study in ctx.studies)
    columns = (Column("rule"), Column("reason", long=True), Column("rows", numeric=True))
    note = "Rules are conditions on the validated rows; a row that meets one is left out."
    return table("exclusion-table", "Left out of the fits", columns, groups, note, "study")


def _exclusions(study: Study) -> list[tuple[Cell, ...]]:
    """From the fit file, which counts the rows; from params.yaml when there is none."""
    listed = study.record.excluded
    file = study.fit_file if listed else PARAMS_FILE
    chosen = [as_map(rule) for rule in as_list(study.choices.get("exclude"))]
    rules = listed or [ExcludedRows(rule.get("where", ""), rule.get("reason")) for rule in chosen]
    return [
        (
            words(rule.where, f"{file}#excluded"),
            words(rule.reason),
            figure(rule.rows, integer, f"{file}#excluded", "rows"),
        )
        for rule in rules
    ]


def source_table(ctx: Context) -> Table:
    """Where the published figures are from, and under which licence."""
    columns = (
        Column("source"),
        Column("citation", long=True),
        Column("licence", long=True),
        Column("accessed"),
    )
    found = ctx.inputs.sources
    rows = tuple(_source_row(name, as_map(found[name])) for name in sorted(found) if found[name])
    return table("source-table", "Sources", columns, (Group("", rows),))


def _source_row(name: str, facts: Mapping[str, Any]) -> tuple[Cell, ...]:
    cited = as_list(facts.get("citations"))
    return (
        words(name, f"data/published/{name}/source.yaml"),
        words("; ".join(map(str, cited)) if cited else facts.get("title")),
        words(facts.get("licence")),
        words(facts.get("accessed")),
    )


# --------------------------------------------------------------------------- laws


def law_table(ctx: Context) -> Table:
    """Formula, citation, what it assumes and where it fails, of every law that was used."""
    known = load()
    chosen = {str(law) for study in ctx.studies for law in as_list(study.choices.get("laws"))}
    fitted = {fit.law for study in ctx.studies for fit in study.record.fits if fit.law}
    names = sorted(chosen | fitted)
    columns = (
        Column("law"),
        Column("formula", long=True),
        Column("assumes", long=True),
        Column("fails on", long=True),
        Column("citation", long=True),
    )
    rows = tuple(_law_row(name, known.get(name)) for name in names)
    return table("formula-table", "Laws", columns, (Group("", rows),))


def _law_row(name: str, law: Law | None) -> tuple[Cell, ...]:
    if law is None:
        return (words(name), MISSING, MISSING, MISSING, MISSING)
    facts = (law.formula, law.assumes, law.fails, law.citation)
    return (words(name, f"scaling/laws/{name}.py"), *(words(fact) for fact in facts))
