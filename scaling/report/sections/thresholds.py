"""Which legal compute thresholds planned, running and finished runs meet, and how likely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Fold,
    Group,
    Points,
    Section,
    Table,
    Text,
    Tone,
    table,
)
from scaling.document.cells import figure, words
from scaling.document.format import clean, flop, integer, plain, scientific, share
from scaling.govern.crossings import crossings
from scaling.govern.models import MODELS
from scaling.govern.runs import history, prepare
from scaling.report.context import Context
from scaling.report.sections.threshold_inputs import OWN, RULES, ThresholdInputs
from scaling.report.sections.timeline import timeline_blocks

ERRORS = "data/thresholds/errors.csv"
COMPUTE = "training_compute"
# A chance below this is not shown.
SHOWN = 0.01
_TONES: dict[str, Tone] = {"above": "caution", "planned above": "caution", "may cross": "caution"}
_ORDER = {"planned": 0, "running": 1, "finished": 2}


def threshold_section(ctx: Context) -> tuple[Section, ...]:
    """A timeline and the chances of each target; in the appendix every rule that may be met."""
    inputs = ctx.inputs.thresholds
    if inputs is None:
        return ()
    ready = prepare(inputs.runs, inputs.registry, inputs.asked.on)
    past = history(inputs.runs, inputs.registry)
    found = crossings(ready, inputs.registry, inputs.asked, past)
    compared = found.filter(pl.col("quantity") == COMPUTE)
    near = compared.filter(pl.col("p_final") >= SHOWN, pl.col("verdict") != "not applicable")
    states = [state for state in _ORDER if state in near["state"].to_list()]
    ours = near.filter(~pl.col("run").is_in(_public(inputs)))
    theirs = near.filter(pl.col("run").is_in(_public(inputs)))
    blocks: list[Block] = [Text(_intro(inputs, compared)), Points(tuple(_points(ours)))]
    blocks.append(crossing_table(inputs, ours, "governance-table", "Thresholds within reach"))
    if theirs.height and states:
        name = "Thresholds that public models meet"
        blocks.append(
            Fold(
                name,
                (crossing_table(inputs, theirs, "governance-models", name),),
                "governance-models-fold",
            )
        )
    return (
        Section("thresholds", "Thresholds", timeline_blocks(ctx, inputs, compared)),
        Section("governance", "Thresholds in law, rule by rule", tuple(blocks), folded=True),
    )


def _public(inputs: ThresholdInputs) -> list[str]:
    return [run for run, place in inputs.places.items() if place.startswith(str(MODELS))]


def _intro(inputs: ThresholdInputs, compared: pl.DataFrame) -> str:
    counts = compared.unique("run").group_by("state").len().iter_rows()
    ordered = sorted(counts, key=lambda pair: _ORDER.get(pair[0], 9))
    runs = ", ".join(f"{integer(n)} {state}" for state, n in ordered)
    rules = compared["rule"].n_unique()
    return (
        f"Runs ({runs}) against {rules} rules on training compute as they stood on "
        f"{inputs.asked.on}. Planned are this forecast's targets, with what is known of them: "
        "their compute. A rule whose conditions are not known (who trains, for what, where the "
        "model is offered) stays undecided whatever the compute. This compares numbers; it is no "
        "legal advice."
    )


def _points(ours: pl.DataFrame) -> list[str]:
    """One line a run: the rules that it is more likely than not to meet by compute."""
    lines = []
    for (run,), rows in ours.group_by("run", maintain_order=True):
        likely = rows.filter(pl.col("p_final") >= 0.5)
        named = "; ".join(_likely(row) for row in likely.iter_rows(named=True))
        if named:
            lines.append(f"{clean(run)}: more likely than not above {named}.")
    return lines or ["No run is more likely than not to end above a threshold."]


def _likely(row: Mapping[str, Any]) -> str:
    rule = f"{clean(row['jurisdiction'])} {clean(row['provision'])}"
    return f"{rule} at {flop(row['threshold'])}, {share(row['p_final'])}"


def crossing_table(inputs: ThresholdInputs, rows: pl.DataFrame, name: str, title: str) -> Table:
    """Run by rule: threshold, chance, verdict, and what is not known."""
    columns = (
        Column("rule", long=True),
        Column("threshold", "FLOP", numeric=True),
        Column("compute over threshold", numeric=True),
        Column("chance to end above", numeric=True, strong=True),
        Column("chance by now", numeric=True),
        Column("verdict"),
        Column("by compute alone"),
        Column("not known", long=True),
        Column("standing"),
    )
    groups = tuple(
        Group(_run(own), tuple(_row(inputs, row) for row in own.iter_rows(named=True)))
        for _, own in rows.group_by("run", maintain_order=True)
    )
    note = (
        f"Chances that the compute meets the rule's comparator, from the error of each estimate "
        f"({ERRORS}), log-normal. Shown from {share(SHOWN)} on; rules that do not apply are left "
        "out. Registry: "
        f"{inputs.registry.version}."
    )
    return table(name, title, columns, groups, note, "run")


def _run(own: pl.DataFrame) -> str:
    one = own.row(0, named=True)
    size = f"{flop(one['central'])} ({scientific(one['low'])}\u2013{scientific(one['high'])})"
    return f"{clean(one['run'])}, {one['state']}, {size}"


def _row(inputs: ThresholdInputs, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    rule = f"{RULES}#{clean(row['rule'])}, "
    chance = f"{inputs.places.get(row['run'], OWN)} + {rule}value + {ERRORS}#{row['method']}"
    verdict = clean(row["verdict"])
    standing = clean(row["status"]).replace("_", " ") + ("" if row["verified"] else ", unverified")
    named = f"{row['jurisdiction']}: {row['instrument']}, {row['provision']}"
    return (
        words(named, rule + "provision"),
        figure(row["threshold"], scientific, rule + "value", "FLOP"),
        figure(row["ratio"], lambda value: plain(value, 2), chance + ", ratio"),
        figure(row["p_final"], share, chance),
        figure(row["p_by_date"], share, chance),
        Cell(verdict, verdict, "", rule + "conditions", _TONES.get(verdict, "")),
        words(clean(row["by_compute"]), chance),
        words(clean(row["missing"] or "") or "nothing"),
        words(standing, rule + "status"),
    )
