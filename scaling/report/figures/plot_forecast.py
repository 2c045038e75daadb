"""One small multiple of the forecast figure: runs, intervals, medians against compute."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.document.format import loss, shorten
from scaling.document.palette import BANDS, COLOUR
from scaling.document.svg import HEIGHT, PAD, WIDTH, Axis, Layer, Plot, Rows, at, chart, draw, words
from scaling.report.sections.forecasts import LEVELS, Quantiles, interval, quantile

MAX_RUNS = 3000
_USED: dict[str, Any] = {"fill": COLOUR["run"], "size": 14, "opacity": 0.7, "strokeWidth": 0}
_LEFT_OUT: dict[str, Any] = {"fill": COLOUR["run"], "size": 4, "opacity": 0.55, "strokeWidth": 0}
_STROKES = {0.95: 1.2, 0.9: 2.6, 0.8: 4.4, 0.5: 7.0}


@dataclass(frozen=True)
class PlottedRun:
    """One run: log10 of its compute, its loss, and whether the fit used it."""

    x: float
    loss: float
    used: bool


@dataclass(frozen=True)
class PlottedTarget:
    """One target in one study; ``budget`` says that it lies on the compute-optimal path."""

    name: str
    x: float
    budget: bool
    quantiles: Quantiles


@dataclass(frozen=True)
class ForecastPanel:
    """One small multiple of the forecast figure; ``largest`` is log10 of the largest fitted run."""

    title: str
    subtitle: str
    runs: tuple[PlottedRun, ...]
    aims: tuple[PlottedTarget, ...]
    largest: float | None


def compute_domain(panels: Iterable[ForecastPanel]) -> tuple[float, float]:
    """The range of log10 compute that holds every run and target, with a margin."""
    shown = list(panels)
    found = [run.x for panel in shown for run in panel.runs]
    found += [aim.x for panel in shown for aim in panel.aims]
    return (min(found) - 0.3, max(found) + 0.5) if found else (18.0, 26.0)


def loss_domain(panel: ForecastPanel) -> tuple[float, float]:
    """The range of loss that holds the fitted runs and every interval, with room for labels."""
    found = [run.loss for run in panel.runs if run.used]
    found += [value for aim in panel.aims for value in aim.quantiles.values()]
    positive = [value for value in found if value > 0]
    low, high = min(positive, default=1.0), max(positive, default=2.0)
    room = math.log(high / low) or 0.1
    return low * math.exp(-0.13 * room), high * math.exp(0.05 * room)


def loss_ticks(low: float, high: float) -> list[float]:
    """Round numbers on a log scale: at most seven, at least two where the range allows it."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5):
        ticks = [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(ticks) <= 6:
            return [round(tick, 2) for tick in ticks]
    fixed = (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 50.0, 100.0)
    return [tick for tick in fixed if low <= tick <= high]


def forecast_plot(panel: ForecastPanel, domain: tuple[float, float]) -> Plot:
    """Runs, the forecast along the compute-optimal path, and planned runs."""
    span = loss_domain(panel)
    path = sorted((aim for aim in panel.aims if aim.budget), key=lambda aim: aim.x)
    planned = sorted((aim for aim in panel.aims if not aim.budget), key=lambda aim: aim.x)
    layers = [
        *_beyond(panel.largest, domain),
        *(_bands(path) if len(path) > 1 else _bars(path, "median")),
        *_runs(panel.runs, span),
        *_median_line(path),
        *_bars(planned, "planned"),
        *_labels([_below(aim) for aim in path], "median", 15),
        *_labels([_above(aim, panel.aims) for aim in planned], "planned", -10),
        words("training compute, FLOP", WIDTH, HEIGHT + 35, align="right"),
    ]
    return draw(layers, _compute_axis(domain), _loss_axis(span), WIDTH, HEIGHT, PAD)


def _compute_axis(domain: tuple[float, float]) -> Axis:
    step = max(1, round((domain[1] - domain[0]) / 5))
    ticks = range(math.ceil(domain[0] / step) * step, math.floor(domain[1]) + 1, step)
    low, high = (10.0**end for end in domain)
    values = [10.0**tick for tick in ticks]
    labels = [f"1e{tick}" for tick in ticks]
    return Axis(low, high, values, labels, log=True, name="training compute, FLOP", form="e")


def _loss_axis(span: tuple[float, float]) -> Axis:
    ticks = loss_ticks(*span)
    labels = [f"{tick:.3g}" for tick in ticks]
    return Axis(*span, ticks, labels, log=True, name="loss", grid=True)


def _beyond(largest: float | None, domain: tuple[float, float]) -> list[Layer]:
    """The region in which no run was fitted, shaded and named."""
    if largest is None or largest >= domain[1]:
        return []
    rows: Rows = [{"x": 10.0**largest, "x2": 10.0 ** domain[1]}]
    found = [
        at(chart(rows, "x x2", "rect", color=COLOUR["beyond"]), y=0, y2=HEIGHT),
        at(chart(rows, "x", "rule", color=COLOUR["axis"], strokeDash=[3, 3]), y=0, y2=HEIGHT),
    ]
    if (domain[1] - largest) / (domain[1] - domain[0]) > 0.29:
        found.append(words("beyond fitted runs", WIDTH - 6, 16, align="right"))
    return found


def _ends(aims: Sequence[PlottedTarget], level: float) -> Rows:
    pairs = [(aim.x, *interval(aim.quantiles, level)) for aim in aims]
    return [
        {"x": 10.0**x, "y": low, "y2": high} for x, low, high in pairs if None not in (low, high)
    ]


def _middles(aims: Sequence[PlottedTarget]) -> Rows:
    pairs = [(aim.x, quantile(aim.quantiles, 0.5)) for aim in aims]
    return [{"x": 10.0**x, "y": y} for x, y in pairs if y is not None]


def _bands(path: Sequence[PlottedTarget]) -> list[Layer]:
    """Nested intervals, joined by straight lines between the budgets."""
    return [
        chart(_ends(path, level), "x y y2", "area", color=COLOUR[BANDS[level]], opacity=1)
        for level in sorted(LEVELS, reverse=True)
    ]


def _bars(aims: Sequence[PlottedTarget], role: str) -> list[Layer]:
    """Nested intervals as bars that thicken towards the median."""
    bars = [
        chart(_ends(aims, level), "x y y2", "rule", color=COLOUR[role], strokeWidth=_STROKES[level])
        for level in sorted(LEVELS, reverse=True)
    ]
    return [*bars, _medians(aims, role)]


def _medians(aims: Sequence[PlottedTarget], role: str) -> Layer:
    """A dot, ringed with the background, at each median."""
    look: dict[str, Any] = {"fill": COLOUR[role], "stroke": COLOUR["surface"], "strokeWidth": 1.5}
    shape = "circle" if role == "median" else "diamond"
    tip = "median, compute-optimal" if role == "median" else "median, planned run"
    return chart(_middles(aims), "x y", "point", tip, shape=shape, size=80, opacity=1, **look)


def _median_line(path: Sequence[PlottedTarget]) -> list[Layer]:
    if len(path) < 2:
        return []
    line = chart(_middles(path), "x y", "line", color=COLOUR["median"], strokeWidth=2)
    return [line, _medians(path, "median")]


def _runs(runs: Sequence[PlottedRun], span: tuple[float, float]) -> list[Layer]:
    """Runs as dots; those left out of the fit are small. Runs on the same spot are one dot."""
    found = []
    for used in (False, True):
        spots = {
            (round(run.x, 2), float(f"{run.loss:.3g}"))
            for run in runs
            if run.used == used and span[0] <= run.loss <= span[1]
        }
        rows = [{"x": 10.0**x, "y": y} for x, y in thin(sorted(spots))]
        look = _USED if used else _LEFT_OUT
        tip = "fitted run" if used else "excluded run"
        found.append(chart(rows, "x y", "point", tip, **look))
    return found


def hidden(panel: ForecastPanel) -> int:
    """Runs that the frame leaves out; only runs that no fit used can be among them."""
    low, high = loss_domain(panel)
    return sum(not low <= run.loss <= high for run in panel.runs)


def thin(spots: Sequence[Any]) -> Sequence[Any]:
    """At most `MAX_RUNS` of them, evenly spaced in their order."""
    if len(spots) <= MAX_RUNS:
        return spots
    return [spots[i * len(spots) // MAX_RUNS] for i in range(MAX_RUNS)]


def _below(aim: PlottedTarget) -> dict[str, Any]:
    low = min(aim.quantiles.values(), default=None)
    return {"x": aim.x, "y": low, "text": loss(quantile(aim.quantiles, 0.5))}


def _above(aim: PlottedTarget, aims: Sequence[PlottedTarget]) -> dict[str, Any]:
    """Name and median, clear of every interval within reach of the label."""
    text = f"{shorten(aim.name, 24)} {loss(quantile(aim.quantiles, 0.5))}"
    near = [value for a in aims if abs(a.x - aim.x) < 2.0 for value in a.quantiles.values()]
    return {"x": aim.x, "y": max(near, default=None), "text": text}


def _labels(rows: Rows, role: str, shift: int) -> list[Layer]:
    """Text with a halo; a label that would touch the one before it goes a line further out."""
    lines: dict[int, Rows] = {}
    line, last, reach = 0, -math.inf, 1.0 if shift > 0 else 3.0
    for row in rows:
        line = line + 1 if row["x"] - last < reach else 0
        last = row["x"]
        lines.setdefault(line, []).append(row)
    return [
        _label(lines[line], COLOUR[role], shift + math.copysign(14 * line, shift))
        for line in sorted(lines)
    ]


def _label(rows: Rows, colour: str, dy: float) -> Layer:
    """Text on a rim of the ground's colour, so that no line runs through it."""
    placed = [{**row, "x": 10.0 ** row["x"]} for row in rows]
    rim: dict[str, Any] = {"stroke": COLOUR["surface"], "strokeWidth": 3.5, "strokeJoin": "round"}
    return chart(placed, "x y text", "text", color=colour, fontWeight=600, dy=dy, **rim)
