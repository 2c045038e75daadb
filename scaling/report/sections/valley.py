"""What to train at one budget, and what a wrong size costs: a figure and a short table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.document.blocks import (
    MISSING,
    Block,
    Cell,
    Column,
    Figure,
    Group,
    Panel,
    Table,
    Text,
    table,
)
from scaling.document.cells import both, figure
from scaling.document.format import RANGE, count, plain, power
from scaling.document.palette import COLOUR
from scaling.document.svg import RIM, Axis, Plot, Rows, at, chart, draw, words
from scaling.document.ticks import power_ticks
from scaling.io.json_files import as_list, as_map, as_number
from scaling.plan.allocation import SIX_ND, answering_fit, valley
from scaling.plan.answer import batch
from scaling.plan.stored import Sheet
from scaling.plan.summary import BUDGETS, SHARE
from scaling.report.context import Study
from scaling.report.names import brief

Known = Sequence[tuple[Study, Mapping[str, Any]]]
# The budget of the figure, between a small study and a frontier run.
BUDGET = BUDGETS[1]
# Sizes from this factor below the best to this factor above it, and the cost in the frame.
REACH, MOST = 30.0, 0.05
POINTS = 41
SIZE = (176, 140)
PAD = {"left": 30, "right": 8, "top": 16, "bottom": 40}


def valley_blocks(known: Known) -> tuple[Block, ...]:
    """A sentence, a valley a study, and the best run of each at the budget."""
    return (Text(_finding(known)), valley_figure(known), size_table(known))


def _row(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    """The summary's row at the budget."""
    rows = map(as_map, as_list(summary.get("budgets")))
    return next((row for row in rows if row.get("flops") == BUDGET), {})


def _finding(known: Known) -> str:
    best = [n for _, one in known if (n := as_number(_row(one).get("params"))) is not None]
    if not best:
        return f"No study has a best size at {power(BUDGET)} FLOP."
    low, high = count(min(best)), count(max(best))
    sizes = f"{low} parameters" if low == high else f"{low} to {high} parameters, by study"
    wide = [
        (
            as_number(_row(one).get("near_params_low")),
            as_number(_row(one).get("near_params_high")),
            n,
        )
        for (_, one), n in zip(known, best, strict=False)
    ]
    down = [n / low for low, _, n in wide if low]
    up = [high / n for _, high, n in wide if high]
    flat = ""
    if down and up:
        flat = (
            f" Sizes down to {min(down):.1f} times smaller and up to {min(up):.1f} times larger "
            "than the best cost at most 1 % of the loss, in every study."
        )
    return f"At {power(BUDGET)} FLOP the best size is {sizes}.{flat}"


# --------------------------------------------------------------------------- figure


def valley_figure(known: Known) -> Figure:
    """Loss above the least, across sizes at one budget, one panel a study."""
    panels = []
    for study, summary in known:
        found = _curve(study)
        row = _row(summary)
        best = as_number(row.get("params"))
        if found is None or best is None:
            continue
        ends = as_number(row.get("near_params_low")), as_number(row.get("near_params_high"))
        near = (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None
        panels.append(
            Panel(
                brief(study.title),
                _near(near),
                f"{study.title}: least loss at {count(best)} parameters; {_near(near)}.",
                _plot(*found, best, near).svg,
                (("study", study.title),),
            )
        )
    return Figure(
        id="valley",
        title="What does a wrong size cost?",
        caption=f"Loss above the least that {power(BUDGET)} FLOP reach, by parameters, with all "
        "the budget spent (6ND). Shaded: sizes within 1 % of the least loss.",
        alt=f"Loss above the best at {power(BUDGET)} FLOP against parameters. "
        + " ".join(panel.alt for panel in panels),
        panels=tuple(panels),
        legend=(),
        table="size-table",
        size="small",
    )


def _near(near: tuple[float, float] | None) -> str:
    return f"within {100 * SHARE:g} %: {count(near[0])}{RANGE}{count(near[1])}" if near else ""


def _curve(study: Study) -> tuple[Array, Array] | None:
    """Parameters, and the loss over the least less 1, of the study's own model."""
    fit = answering_fit(Sheet("", study.stored, "", study.record.complete_ranges))
    drawn = batch(fit, 0.9)
    found = valley(drawn.one, SIX_ND, flops=BUDGET)
    shifts = np.linspace(-math.log(REACH), math.log(REACH), POINTS)
    losses = []
    for shift in shifts:
        log_n = found.log_n + shift
        loss = found.one.loss(log_n, found.log_c - SIX_ND.log_rate(log_n))
        losses.append(float(np.asarray(loss)[0]))
    least = float(found.loss[0])
    if not math.isfinite(least) or not np.isfinite(losses).all():
        return None
    return np.exp(found.log_n[0] + shifts), np.array(losses) / least - 1.0


def _plot(params: Array, cost: Array, best: float, near: tuple[float, float] | None) -> Plot:
    wide, high = SIZE
    ends = float(params[0]), float(params[-1])
    rows: Rows = [
        {"x": float(n), "y": 100 * float(c)} for n, c in zip(params, cost, strict=True) if c <= MOST
    ]
    ticks = [tick for tick in power_ticks(*ends, 3) if ends[0] <= tick <= ends[1]]
    x = Axis(*ends, ticks, [count(tick) for tick in ticks], True, "parameters", "c")
    y = Axis(0.0, 100 * MOST, [0, 1, 2, 3, 4], ["0", "1", "2", "3", "4"], name="cost %", grid=True)
    layers = []
    if near is not None:
        inside = max(near[0], ends[0]), min(near[1], ends[1])
        shade: Rows = [{"x": inside[0], "x2": inside[1]}]
        layers.append(
            at(chart(shade, "x x2", "rect", color=COLOUR["band90"], opacity=1), y=0, y2=high)
        )
    look: dict[str, Any] = {"shape": "diamond", "size": 90, "opacity": 1, "strokeWidth": 1.5}
    colours = {"fill": COLOUR["planned"], "stroke": COLOUR["surface"]}
    spot: Rows = [{"x": best, "y": 0.0}]
    label: Rows = [{"x": best, "y": 0.0, "text": count(best)}]
    layers += [
        chart(rows, "x y", "line", "model", color=COLOUR["median"], strokeWidth=2.25),
        chart(spot, "x y", "point", "best size", **look, **colours),
        chart(label, "x y text", "text", color=COLOUR["ink"], fontWeight=700, dy=-14, **RIM),
        words("parameters", wide, high + 34, align="right"),
        words("above the least loss, %", -PAD["left"] + 2, -5),
    ]
    return draw(layers, x, y, wide, high, PAD)


# --------------------------------------------------------------------------- table


def size_table(known: Known) -> Table:
    """The best run of each study at the budget."""
    columns = (
        Column("study"),
        Column("parameters, tokens", "90 %", strong=True),
        Column("best", numeric=True),
        Column("tokens per parameter", numeric=True),
    )
    rows = tuple(_size_row(study, summary) for study, summary in known)
    title = f"Compute-optimal run at {power(BUDGET)} FLOP"
    note = (
        "Intervals allow for every form being wrong, more so with distance. Serving cost and the "
        "data at hand are not considered."
    )
    return table("size-table", title, columns, (Group("", rows),), note)


def _size_row(study: Study, summary: Mapping[str, Any]) -> tuple[Cell, ...]:
    row = _row(summary)
    place = f"{study.model_file}#draws"
    if not row:
        return Cell(brief(study.title), study.title), *[MISSING] * 3
    sizes = both(row.get("params_low"), row.get("params_high"), count, place, "parameters")
    tokens = both(row.get("tokens_low"), row.get("tokens_high"), count, place, "tokens")
    return (
        Cell(brief(study.title), study.title),
        replace(sizes, note=f"{tokens.text} tokens"),
        figure(row.get("params"), count, place, "parameters"),
        figure(row.get("tokens_per_param"), lambda value: plain(value, 2), place),
    )
