"""One evidence pack as a report: of an entity or of a rule, from tables that are made already.

Every statement stands beside the provision that it is about. Nothing here is legal advice, and
nothing here decides: the tables say what was compared, with which figures and which conditions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Command,
    Fold,
    Group,
    Report,
    Section,
    Table,
    Text,
    table,
)
from scaling.document.format import clean, scientific, share
from scaling.errors import counted
from scaling.govern.answer import answer, strongest
from scaling.govern.cells import (
    NOT_STATED,
    WITHHELD,
    band,
    chance,
    dates,
    day_of,
    figure,
    ratio,
    text,
    wide,
)
from scaling.govern.crossings import NOT_APPLICABLE, NOT_REACHED, UNKNOWN
from scaling.govern.documentation import documentation, estimates, footprint, forecasts
from scaling.govern.timeline import timeline

LEAD = (
    "What was compared with which threshold, from which figures. It states facts and estimates; "
    "what follows from them in law is for the reader to judge."
)
BAND = "5 and 95 % points in brackets."
LISTED = 200
_TONES: dict[str, Any] = {"above": "bad", "planned above": "caution", "may cross": "caution"}


@dataclass(frozen=True)
class Tables:
    """Everything that packs are made of, already redacted if they are to be."""

    crossings: pl.DataFrame
    runs: pl.DataFrame
    history: pl.DataFrame
    footprint: pl.DataFrame
    forecasts: pl.DataFrame
    rules: pl.DataFrame


@dataclass(frozen=True)
class Provenance:
    """How the pack was made, for its last section."""

    on: date
    known: date
    command: str
    registry: str
    # First and last day to which sources confirm its rows, and the last day on which one was added.
    registry_days: dict[str, str]
    code: str
    inputs: tuple[tuple[str, str], ...]
    redactions: tuple[tuple[str, str], ...] = ()

    @property
    def redacted(self) -> bool:
        return bool(self.redactions)


def of_entity(entity: str, tables: Tables, made: Provenance) -> Report:
    """The pack of one entity: its runs against every rule."""
    return _report(
        f"Compute thresholds: {clean(entity)}", _filtered(tables, "entity", entity), made
    )


def of_rule(rule: str, tables: Tables, made: Provenance) -> Report:
    """The pack of one rule: every run against it."""
    rows = tables.rules.filter(pl.col("rule") == rule).sort("effective_from").to_dicts()
    report = _report(
        f"Threshold {clean(rule)}: {clean(rows[-1]['instrument'])}",
        _filtered(tables, "rule", rule),
        made,
    )
    section = Section("rule", "The rule", (_periods(rows), _fields(rows[-1])))
    first, *others = report.sections
    return Report(report.title, report.lead, report.facts, (first, section, *others))


_OF_PERIOD = ("status", "effective_from", "effective_to", "recorded_from", "checked_to")


def _periods(rows: list[dict[str, Any]]) -> Table:
    """Status and value by period, as on record."""
    columns = (Column("threshold"), *(Column(name.replace("_", " ")) for name in _OF_PERIOD))
    made = tuple(
        (
            figure(r["value"], scientific(r["value"], 4), r["unit"], f"{r['comparator']} "),
            *(
                text(str(r[name]).replace("_", " ") if r[name] else None, "still holds")
                for name in _OF_PERIOD
            ),
        )
        for r in rows
    )
    return table("period-table", "Periods", columns, (Group("", made),))


def _fields(row: dict[str, Any]) -> Table:
    """Everything else that is on record of the rule."""
    left_out = ("row", "value", *_OF_PERIOD)
    fields = {k: v for k, v in row.items() if v is not None and k not in left_out}
    rows = tuple((text(k.replace("_", " ")), text(v)) for k, v in fields.items())
    return table("rule-table", "As on record", wide("field", "value"), (Group("", rows),))


def closed() -> pl.Expr:
    """Comparisons that need no look, or that nothing can be said of for want of a figure."""
    nothing = pl.col("by_compute") == UNKNOWN
    return pl.col("verdict").is_in([NOT_REACHED, NOT_APPLICABLE]) | nothing


def _filtered(tables: Tables, column: str, value: str) -> Tables:
    crossed = tables.crossings.filter(pl.col(column) == value)
    names = crossed.filter(~closed())["run"].unique().implode()

    def mine(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("run").is_in(names))

    used = crossed.filter(~closed())["threshold"].unique().implode()
    forecasts = tables.forecasts
    if not forecasts.is_empty():
        forecasts = forecasts.filter(pl.col("threshold").is_in(used))
    return Tables(
        crossed,
        mine(tables.runs),
        mine(tables.history),
        mine(tables.footprint),
        forecasts,
        tables.rules,
    )


def _report(title: str, tables: Tables, made: Provenance) -> Report:
    crossed = tables.crossings
    open_ = crossed.filter(~closed())
    rest = crossed.filter(closed())
    facts = (
        Cell(f"on {made.on}"),
        Cell(counted(crossed["run"].n_unique(), "run")),
        Cell(counted(crossed["rule"].n_unique(), "rule")),
        Cell(f"registry {made.registry}"),
        *((Cell("redacted"),) if made.redacted else ()),
    )
    form = documentation(tables.runs, tables.footprint)
    estimated = tuple(estimates(tables.runs, tables.history))
    sections = (
        Section("headline", "Answer", _answer(crossed, tables.runs, made)),
        Section("runs", "Each run and its rules", tuple(_runs(open_, rest))),
        Section("documentation", "Documentation of each run", (form,)),
        Section("estimates", "How the compute was estimated", estimated),
        Section("footprint", "Energy and carbon", (footprint(tables.footprint),)),
        Section("forecast", "A model at the threshold", tuple(forecasts(tables.forecasts))),
        Section("made", "How this was made", tuple(_made(made))),
    )
    report = Report(title, LEAD, facts, sections)
    return _withheld(report) if made.redacted else report


def _withheld(value: Any) -> Any:
    """A redacted report, in which an unknown cannot be told from what was taken out."""
    if value == NOT_STATED:
        return WITHHELD
    if isinstance(value, tuple):
        return tuple(_withheld(one) for one in value)
    if isinstance(value, Report | Section | Table | Group | Fold):
        return replace(value, **{name: _withheld(one) for name, one in vars(value).items()})
    return value


# --------------------------------------------------------------------------- answer and runs


def _answer(crossed: pl.DataFrame, runs: pl.DataFrame, made: Provenance) -> tuple[Block, ...]:
    drawn = timeline(crossed.filter(~closed()), runs, made.on)
    said: list[Block] = [Text(sentence) for sentence in answer(crossed, made.on)]
    if drawn is None:
        said.append(Text(NO_TIMELINE))
    return (*said, drawn) if drawn is not None else tuple(said)


NO_TIMELINE = "No timeline: no dates are given here."


def _runs(open_: pl.DataFrame, rest: pl.DataFrame) -> list[Block]:
    """One row a run, its rules folded under it; then what needs no look."""
    blocks: list[Block] = []
    for number, part in enumerate(open_.partition_by("run", maintain_order=True), 1):
        makers = (crossing_table, counted_table, provision_table, duty_table)
        inner = tuple(maker(part) for maker in makers)
        named = tuple(replace(one, id=f"{one.id}-{number}") for one in inner)
        blocks.append(Fold(strongest(part), named))
    if open_.is_empty():
        blocks.append(Text("No run is above, may cross, or is unknown under a rule of this pack."))
    if rest.height > LISTED:
        more = "comparisons are not reached, not applicable, or have no figure: crossings.csv"
        blocks.append(Text(f"{rest.height} {more} beside the index lists them."))
    elif rest.height:
        blocks.append(_rest(rest))
    return blocks


def _rest(rest: pl.DataFrame) -> Fold:
    columns = (*wide("run", "rule", "verdict"), Column("C/T", numeric=True))
    rows = tuple(
        (text(r["run"]), text(r["rule"]), text(r["verdict"]), ratio(r["ratio"]))
        for r in rest.to_dicts()
    )
    title = "Not reached, not applicable, or without a figure"
    inner = table("rest-table", title, columns, (Group("", rows),))
    return Fold(f"{rest.height}: {title.lower()}", (inner,))


def crossing_table(crossed: pl.DataFrame) -> Table:
    """The verdict of one run under each rule, the figures and the chances."""
    columns = (
        Column("rule"),
        Column("verdict", strong=True),
        Column("compared", numeric=True),
        Column("threshold", numeric=True),
        Column("C/T", numeric=True),
        Column("P(final)", numeric=True),
        Column("P(by now)", numeric=True),
        Column("crossed on", long=True),
    )
    group = Group("", tuple(_crossing(row) for row in crossed.to_dicts()))
    note = f"{BAND} Chances are those of a log-normal error of the estimate."
    return table("crossing-table", "Figures and thresholds", columns, (group,), note)


def _crossing(row: dict[str, Any]) -> tuple[Cell, ...]:
    limit = f"{scientific(row['threshold'], 3)}"
    return (
        text(row["rule"]),
        Cell(row["verdict"], row["verdict"], tone=_TONES.get(row["verdict"], "")),
        band(row["central"], row["low"], row["high"]),
        figure(row["threshold"], limit, row["unit"], f"{row['comparator']} "),
        ratio(row["ratio"]),
        chance(row["p_final"]),
        chance(row["p_by_date"]),
        dates(row),
    )


def counted_table(crossed: pl.DataFrame) -> Table:
    """Which parts of the compute each rule counted, and which nobody stated."""
    names = ("rule", "what was counted", "what was not stated")
    group = Group(
        "",
        tuple(
            (text(row["rule"]), text(row["counted"]), text(row["not_stated"]))
            for row in crossed.to_dicts()
        ),
    )
    return table("counted-parts-table", "What was counted", wide(*names), (group,))


def provision_table(crossed: pl.DataFrame) -> Table:
    """Where each rule stands in law, and which of its conditions the run meets."""
    columns = (
        Column("rule"),
        Column("instrument and provision", long=True),
        Column("status", long=True),
        Column("conditions", long=True),
        Column("unknown because", long=True),
    )
    group = Group("", tuple(_provision(row) for row in crossed.to_dicts()))
    return table("provision-table", "Provisions and conditions", columns, (group,))


def _provision(row: dict[str, Any]) -> tuple[Cell, ...]:
    verified = "" if row["verified"] else ", unverified"
    conditions = row["applies"]
    if row["verdict"] == "unknown" and row["by_compute"] != "unknown":
        conditions += f"; by compute alone: {row['by_compute']}"
    return (
        text(row["rule"]),
        text(f"{row['instrument']}, {row['provision']}"),
        text(f"{_status(row)}{verified}, checked to {row['checked_to']}"),
        text(conditions),
        text(row["because"], "nothing unknown"),
    )


def _status(row: dict[str, Any]) -> str:
    return str(row["status"]).replace("_", " ")


def duty_table(crossed: pl.DataFrame) -> Table:
    """What the provision attaches, what set its clock off, and the last day of the clock."""
    columns = (
        Column("rule"),
        Column("provision and obligation", long=True),
        Column("clock in the text", long=True),
        Column("trigger", long=True),
        Column("notify by", strong=True),
        Column("error asked"),
    )
    group = Group("", tuple(_duty(row) for row in crossed.to_dicts()))
    note = (
        "Days are those of the rule's time zone, the day of the trigger is left out, nothing "
        "extended for holidays. 'Error asked' compares the 95 % error of the estimate with what "
        "the rule allows (30 % where it names none)."
    )
    return table("duty-table", "Obligations and clocks", columns, (group,), note)


def _duty(row: dict[str, Any]) -> tuple[Cell, ...]:
    secret = "redacted" in row
    by = text(row["notify_by"], NOT_STATED.text if secret else "no day follows")
    if row["notify_missing"]:
        by = text(f"unknown: {row['notify_missing']} missing")
    elif row["notify_by"] is not None:
        by = text(f"{row['notify_by']} ({row['clock_zone']})")
    asked = NOT_STATED
    if row["accuracy_95"] is not None:
        asked = text(
            f"{row['margin']}: {share(row['accuracy_95'])} of {share(row['accuracy_asked'])}"
        )
    return (
        text(row["rule"]),
        text(f"{row['provision']}: {row['obligation']}"),
        text(row["clock"], "no clock in the text"),
        _trigger(row),
        by,
        asked,
    )


def _trigger(row: dict[str, Any]) -> Cell:
    if row["trigger"] is None:
        return text("nothing yet")
    day = day_of(row["trigger_at"], row["clock_zone"])
    return text(row["trigger"] if day is None else f"{row['trigger']}, {day}")


# --------------------------------------------------------------------------- provenance


def _made(made: Provenance) -> list[Any]:
    rows = (
        (text("report date"), text(made.on)),
        (text("registry as on record on"), text(made.known)),
        (text("registry version"), text(made.registry)),
        *((text(f"registry: {what}"), text(day)) for what, day in made.registry_days.items()),
        (text("code version"), text(made.code)),
        *((text(f"SHA-256 of {name}"), text(digest)) for name, digest in made.inputs),
    )
    blocks: list[Any] = [
        Command(made.command),
        table("made-table", "Inputs", wide("what", "value"), (Group("", rows),)),
    ]
    if made.redacted:
        listed = tuple((text(name), text(why)) for name, why in made.redactions)
        note = "Described as Bus. & Prof. Code 22757.12(f) asks. The unredacted pack is kept apart."
        blocks.append(
            table(
                "redaction-table",
                "What was redacted",
                wide("field", "reason"),
                (Group("", listed),),
                note,
            )
        )
    return blocks
