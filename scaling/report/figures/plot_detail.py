"""Small plots of one law on one study: fit, residuals, valleys, frontier, profile, history."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from scaling.arrays import Array
from scaling.document.format import count, flop, plain, scientific
from scaling.document.palette import COLOUR
from scaling.document.svg import Axis, Layer, Plot, Rows, at, chart, draw, words
from scaling.document.ticks import even_ticks, power_ticks
from scaling.report.figures.curves import Band, Budget, Frontier

WIDE, HIGH = 300, 190
PAD = {"left": 44, "right": 12, "top": 8, "bottom": 40}
TINY, LOW = 170, 92
TINY_PAD = {"left": 12, "right": 10, "top": 6, "bottom": 22}
_DOTS: dict[str, Any] = {"fill": COLOUR["run"], "opacity": 0.75, "strokeWidth": 0, "size": 12}
_RIM: dict[str, Any] = {"stroke": COLOUR["surface"], "strokeWidth": 3, "strokeJoin": "round"}
Form = Literal["e", "c", "n"]


def fit_plot(band: Band, runs: tuple[Array, Array], largest: float | None) -> Plot:
    """Runs, and the law along their usual split of compute with its 50 and 90 % bands."""
    x = log_axis([*band.x, *runs[0]], "training compute, FLOP", "e")
    y = log_axis([*_values(band), *runs[1]], "loss", "n", grid=True)
    layers = [
        *_beyond(largest, x),
        *_bands(band),
        _dots(runs),
        _line(band.x, band.middle, "law", "median"),
        words("training compute, FLOP", WIDE, HIGH + 35, align="right"),
    ]
    return draw(layers, x, y, WIDE, HIGH, PAD)


def residual_plot(flops: Array, logs: Array) -> Plot:
    """Predicted over observed, per cent, against compute."""
    x = log_axis(flops, "training compute, FLOP", "e")
    values = 100.0 * np.expm1(logs)
    reach = 1.08 * max(float(np.abs(values).max(initial=0.0)), 0.1)
    ticks = even_ticks(-reach, reach, 4)
    labels = [f"{tick:+g} %".replace("-", "\u2212") if tick else "0" for tick in ticks]
    y = Axis(-reach, reach, ticks, labels, name="residual, %", grid=True)
    layers = [
        at(chart([{"y": 0.0}], "y", "rule", color=COLOUR["median"], strokeWidth=1.5), x=0, x2=WIDE),
        _dots((flops, values)),
        words("training compute, FLOP", WIDE, HIGH + 35, align="right"),
    ]
    return draw(layers, x, y, WIDE, HIGH, PAD)


def valley_plot(found: Sequence[Budget]) -> Plot:
    """Loss against size at each budget: runs, and the law's valley, named by its budget."""
    x = log_axis([p for one in found for p in one.curve[0]], "params", "c")
    losses = [value for one in found for value in one.loss]
    every = [*losses, *(value for one in found for value in one.curve[1])]
    y = log_axis([v for v in every if v <= 1.15 * max(losses)], "loss", "n", grid=True)
    layers = [_dots((one.params, one.loss), f"run, {flop(one.flops)}") for one in found]
    for one in found:
        inside = one.curve[1] <= y.high
        layers.append(_line(one.curve[0][inside], one.curve[1][inside], "law", "median", 1.5))
    ends: Rows = [
        {"x": float(one.curve[0][-1]), "y": float(one.curve[1][-1]), "text": scientific(one.flops)}
        for one in _spaced(found, y)
    ]
    look: dict[str, Any] = {"color": COLOUR["median"], "align": "right", "dy": -5, **_RIM}
    layers.append(chart(ends, "x y text", "text", **look))
    layers.append(words("params", WIDE, HIGH + 35, align="right"))
    return draw(layers, x, y, WIDE, HIGH, PAD)


def _spaced(found: Sequence[Budget], y: Axis) -> list[Budget]:
    """Budgets whose names would not stand on each other, from the top."""
    kept: list[Budget] = []
    line = 13.0 / HIGH * math.log(y.high / y.low)
    for one in sorted(found, key=lambda one: -one.curve[1][-1]):
        end = float(one.curve[1][-1])
        if end <= y.high and (not kept or math.log(kept[-1].curve[1][-1] / end) >= line):
            kept.append(one)
    return kept


def frontier_plot(found: Frontier, largest: float | None) -> Plot:
    """Compute-optimal params and tokens against compute, with 90 % bands."""
    x = log_axis(found.params.x, "training compute, FLOP", "e")
    # A little lower than the lowest, for the name of the lower line.
    every = [*_values(found.params), *_values(found.tokens), 0.3 * float(found.params.middle[0])]
    y = log_axis(every, "params or tokens", "c", grid=True)
    named: Rows = [
        {"x": float(band.x[0]), "y": float(band.middle[0]), "text": text}
        for band, text in ((found.params, "N*, params"), (found.tokens, "D*, tokens"))
    ]
    lower: dict[str, Any] = {
        "color": COLOUR["median"],
        "align": "left",
        "dx": 8,
        "dy": 15,
        "fontWeight": 600,
    }
    layers = [
        *_beyond(largest, x),
        *_bands(found.params),
        *_bands(found.tokens),
        _line(found.params.x, found.params.middle, "N*", "median"),
        _line(found.tokens.x, found.tokens.middle, "D*", "median"),
        chart(named, "x y text", "text", **lower, **_RIM),
        words("training compute, FLOP", WIDE, HIGH + 35, align="right"),
    ]
    return draw(layers, x, y, WIDE, HIGH, PAD)


def profile_plot(
    curve: Sequence[tuple[float, float]], height: float, drawn: tuple[float, float] | None
) -> Plot:
    """Rise of the fit with one parameter held, the height at which its 90 % interval ends, and on
    that line the interval of the draws."""
    top = 1.35 * height
    shown = _below(curve, top)
    low, high = min(value for value, _ in shown), max(value for value, _ in shown)
    wide = (high - low) or abs(high) or 1.0
    ends = (
        (max(drawn[0], low - 0.6 * wide), min(drawn[1], high + 0.6 * wide))
        if drawn
        else (low, high)
    )
    left, right = min(low, ends[0]) - 0.03 * wide, max(high, ends[1]) + 0.03 * wide
    ticks = even_ticks(left, right, 3)
    x = Axis(left, right, ticks, [_tick(tick) for tick in ticks], name="value")
    y = Axis(0.0, top, name="rise")
    level: dict[str, Any] = {"color": COLOUR["planned"], "strokeDash": [3, 3]}
    bar: Rows = [{"x": ends[0], "x2": ends[1], "y": height}]
    layers = [
        at(chart([{"y": height}], "y", "rule", **level), x=0, x2=TINY),
        chart(bar, "x x2 y", "rule", color=COLOUR["planned"], strokeWidth=4, opacity=0.55),
        _line(np.array(shown)[:, 0], np.array(shown)[:, 1], "profile", "median"),
    ]
    return draw(layers, x, y, TINY, LOW, TINY_PAD)


def _below(curve: Sequence[tuple[float, float]], top: float) -> list[tuple[float, float]]:
    """The curve as far as the frame, cut where it leaves it."""
    found: list[tuple[float, float]] = []
    for one, other in pairwise(curve):
        pair = [end for end in (one, other) if end[1] <= top]
        if len(pair) == 1:
            share = (top - one[1]) / (other[1] - one[1])
            cut = (one[0] + share * (other[0] - one[0]), top)
            pair = [one, cut] if one[1] <= top else [cut, other]
        found += [end for end in pair if end not in found[-1:]]
    return found or [curve[0]]


# --------------------------------------------------------------------------- parts


def log_axis(values: Iterable[float], name: str, form: Form, *, grid: bool = False) -> Axis:
    """A logarithmic axis that holds the positive values, with a little room."""
    found = [float(v) for v in values if np.isfinite(v) and v > 0] or [1.0, 10.0]
    low, high = min(found), max(found)
    room = 0.04 * (math.log(high / low) or 0.1)
    low, high = low * math.exp(-room), high * math.exp(room)
    near = high / low < 30.0
    ticks = even_ticks(low, high) if near and form == "n" else power_ticks(low, high)
    label_of = {"e": scientific, "c": count, "n": _tick}[form]
    return Axis(low, high, ticks, [label_of(t) for t in ticks], True, name, form, grid)


def _tick(value: float) -> str:
    return plain(value, 3).replace("-", "\u2212") if abs(value) < 1e4 else count(value)


def _values(band: Band) -> list[float]:
    return [*band.middle, *(band.ends.ravel() if band.ends is not None else ())]


def _bands(band: Band) -> list[Layer]:
    """From the outermost pair of ends to the innermost."""
    if band.ends is None:
        return []
    pairs = [(band.ends[i], band.ends[-1 - i]) for i in range(len(band.ends) // 2)]
    roles = ("band90", "band50")
    return [
        chart(
            [
                {"x": float(x), "y": float(a), "y2": float(b)}
                for x, a, b in zip(band.x, low, high, strict=True)
            ],
            "x y y2", "area", color=COLOUR[role], opacity=1,
        )
        for (low, high), role in zip(pairs, roles, strict=False)
    ]  # fmt: skip


def _line(x: Array, y: Array, tip: str, role: str, width: float = 2.0) -> Layer:
    rows: Rows = [{"x": float(a), "y": float(b)} for a, b in zip(x, y, strict=True)]
    look: dict[str, Any] = {"color": COLOUR[role], "strokeWidth": width}
    return chart(rows, "x y", "line", tip, **look)


def _dots(spots: tuple[Array, Array], tip: str = "run") -> Layer:
    rows: Rows = [{"x": float(a), "y": float(b)} for a, b in zip(*spots, strict=True)]
    return chart(rows, "x y", "point", tip, **_DOTS)


def _beyond(largest: float | None, x: Axis) -> list[Layer]:
    """The ground beyond every fitted run."""
    if largest is None or largest >= x.high:
        return []
    rows: Rows = [{"x": largest, "x2": x.high}]
    ground = chart(rows, "x x2", "rect", color=COLOUR["beyond"])
    edge = chart(rows, "x", "rule", color=COLOUR["axis"], strokeDash=[3, 3])
    return [at(ground, y=0, y2=HIGH), at(edge, y=0, y2=HIGH)]
