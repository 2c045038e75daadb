"""The figure of a study's card: its forecast along compute with 50 and 90 % bands, its runs, where
they end, its targets, and the median of each law alone at the farthest target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.document.format import power
from scaling.document.palette import COLOUR
from scaling.document.svg import RIM, Axis, Layer, Plot, Rows, at, chart, draw, words
from scaling.report.figures.plot_forecast import PlottedRun, loss_ticks, thin
from scaling.report.sections.forecasts import Quantiles, interval, quantile

BANDS = {0.9: "band90", 0.5: "band50"}
# Decades of compute in the frame at most, so that a few tiny runs do not squeeze the rest.
WIDEST = 8.0
# Share of the fitted runs whose losses fix the frame's upper end; the others may lie outside.
FRAMED = 0.95
LINE = 16


@dataclass(frozen=True)
class FanPoint:
    """The forecast at one budget: log10 of its compute, and its quantiles."""

    x: float
    quantiles: Quantiles


@dataclass(frozen=True)
class HeroTarget:
    """A target: what stands at it, log10 of its compute, on the compute-optimal path or not."""

    label: str
    x: float
    budget: bool
    quantiles: Quantiles


@dataclass(frozen=True)
class Hero:
    """What the figure shows. ``laws`` holds names and medians at the farthest target, ``largest``
    is log10 of the largest fitted run."""

    runs: tuple[PlottedRun, ...]
    fan: tuple[FanPoint, ...]
    targets: tuple[HeroTarget, ...]
    laws: tuple[tuple[str, float], ...]
    largest: float | None

    @property
    def path(self) -> tuple[FanPoint, ...]:
        """The fan with the targets that lie on it."""
        own = [FanPoint(one.x, one.quantiles) for one in self.targets if one.budget]
        return tuple(sorted((*self.fan, *own), key=lambda one: one.x))


@dataclass(frozen=True)
class Frame:
    """Size of the drawing in pixels, and the ends of its axes: log10 of compute, and loss."""

    width: int
    height: int
    pad: dict[str, int]
    compute: tuple[float, float]
    loss: tuple[float, float]

    def x(self, power_of_ten: float) -> float:
        """Pixels from the left."""
        low, high = self.compute
        return self.width * (power_of_ten - low) / (high - low)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        low, high = map(math.log, self.loss)
        return self.height * (high - math.log(value)) / (high - low)


def compute_ends(heroes: Iterable[Hero]) -> tuple[float, float]:
    """The compute axis that all cards share, as log10: every target and fan, and the runs within
    `WIDEST` decades of them."""
    shown = list(heroes)
    ends = [one.x for hero in shown for one in hero.fan]
    ends += [one.x for hero in shown for one in hero.targets]
    runs = [run.x for hero in shown for run in hero.runs if run.used]
    if not ends and not runs:
        return 18.0, 26.0
    high = max([*ends, *runs])
    low = max(min([*ends, *runs]), high - WIDEST)
    return low - 0.15, high + 0.3


def loss_ends(hero: Hero) -> tuple[float, float]:
    """The loss axis: every 90 % interval, and most of the fitted runs."""
    shown = [
        value
        for quantiles in (*(p.quantiles for p in hero.fan), *(t.quantiles for t in hero.targets))
        for value in interval(quantiles, 0.9)
        if value is not None and value > 0
    ]
    runs = sorted(run.loss for run in hero.runs if run.used)
    if runs:
        shown += [runs[0], runs[max(0, math.ceil(FRAMED * len(runs)) - 1)]]
    low, high = min(shown, default=1.0), max(shown, default=2.0)
    room = math.log(high / low) or 0.1
    return low * math.exp(-0.12 * room), high * math.exp(0.08 * room)


def outside(hero: Hero, compute: tuple[float, float]) -> int:
    """How many fitted runs lie outside the frame."""
    low, high = loss_ends(hero)
    return sum(
        run.used and not (compute[0] <= run.x <= compute[1] and low <= run.loss <= high)
        for run in hero.runs
    )


def hero_plot(hero: Hero, compute: tuple[float, float], *, narrow: bool = False) -> Plot:
    """The drawing for a page, or the ``narrow`` one for a phone."""
    size = (252, 290) if narrow else (700, 320)
    pad = {"left": 34, "right": 8 if narrow else 134, "top": 22, "bottom": 42}
    frame = Frame(*size, pad, compute, loss_ends(hero))
    layers = [
        *_beyond(hero, frame),
        *_bands(hero.path),
        *_runs(hero, frame),
        *_medians(hero.path),
        *_targets(hero.targets),
        *_target_labels(hero.targets, frame),
        *_laws(hero.laws, frame, named=not narrow),
        words("loss", -pad["left"] + 2, -9),
        words("training compute, FLOP", frame.width, frame.height + 37, align="right"),
    ]
    return draw(layers, _compute_axis(frame, narrow), _loss_axis(frame), *size, pad)


def small_plot(hero: Hero, compute: tuple[float, float]) -> Plot:
    """The fan and the last target's 90 % interval, for a row of small multiples."""
    size, pad = (166, 130), {"left": 34, "right": 6, "top": 8, "bottom": 24}
    frame = Frame(*size, pad, compute, loss_ends(hero))
    last = hero.targets[-1:]
    layers = [
        *_beyond(hero, frame),
        *_bands(hero.path),
        *_runs(hero, frame),
        *_medians(hero.path),
        *_targets(last),
    ]
    for one in last:
        low, high = interval(one.quantiles, 0.9)
        if low is not None and high is not None:
            look: dict[str, Any] = {"align": "right", "color": COLOUR["planned"], **RIM}
            text = f"{low:.2f}\u2013{high:.2f}"
            place = max(frame.y(high) - 6, 12.0)
            layers.append(words(text, frame.width, place, fontWeight=700, **look))
    return draw(layers, _compute_axis(frame, True), _loss_axis(frame), *size, pad)


def _compute_axis(frame: Frame, narrow: bool) -> Axis:
    low, high = frame.compute
    step = max(1, math.ceil((high - low) / (4 if narrow else 6)))
    ticks = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
    values = [10.0**tick for tick in ticks]
    name = "training compute, FLOP"
    return Axis(10.0**low, 10.0**high, values, [power(v) for v in values], True, name, "e")


def _loss_axis(frame: Frame) -> Axis:
    ticks = loss_ticks(*frame.loss)
    return Axis(*frame.loss, ticks, [f"{t:.3g}" for t in ticks], True, "loss", grid=True)


def _beyond(hero: Hero, frame: Frame) -> list[Layer]:
    """The ground beyond the largest fitted run, named where there is room for the words."""
    if hero.largest is None or hero.largest >= frame.compute[1]:
        return []
    edge = max(hero.largest, frame.compute[0])
    rows: Rows = [{"x": 10.0**edge, "x2": 10.0 ** frame.compute[1]}]
    found = [
        at(chart(rows, "x x2", "rect", color=COLOUR["beyond"], opacity=1), y=0, y2=frame.height),
        at(
            chart(rows, "x", "rule", color=COLOUR["muted"], strokeDash=[3, 3]), y=0, y2=frame.height
        ),
    ]
    if frame.width - frame.x(edge) > 150:
        found.append(words("beyond the largest run →", frame.x(edge) + 6, 13))
    return found


def _bands(path: Sequence[FanPoint]) -> list[Layer]:
    """Both intervals as areas; the outer one with a hairline."""
    if len(path) < 2:
        return []
    layers = []
    for level, role in BANDS.items():
        pairs = [(one.x, *interval(one.quantiles, level)) for one in path]
        rows = [{"x": 10.0**x, "y": y, "y2": y2} for x, y, y2 in pairs if None not in (y, y2)]
        layers.append(chart(rows, "x y y2", "area", color=COLOUR[role], opacity=1))
        if level == max(BANDS):
            edge: dict[str, Any] = {"color": COLOUR["median"], "strokeWidth": 0.6}
            lower: Rows = [{"x": row["x"], "y": row["y"]} for row in rows]
            upper: Rows = [{"x": row["x"], "y": row["y2"]} for row in rows]
            layers += [chart(lower, "x y", "line", **edge), chart(upper, "x y", "line", **edge)]
    return layers


def _medians(path: Sequence[FanPoint]) -> list[Layer]:
    pairs = [(one.x, quantile(one.quantiles, 0.5)) for one in path]
    rows: Rows = [{"x": 10.0**x, "y": y} for x, y in pairs if y is not None]
    if len(rows) < 2:
        return []
    return [chart(rows, "x y", "line", "median", color=COLOUR["median"], strokeWidth=2.25)]


def _runs(hero: Hero, frame: Frame) -> list[Layer]:
    low, high = frame.loss
    rows: Rows = [
        {"x": 10.0**run.x, "y": run.loss}
        for run in thin(hero.runs)
        if run.used and low <= run.loss <= high and frame.compute[0] <= run.x <= frame.compute[1]
    ]
    look: dict[str, Any] = {"fill": COLOUR["run"], "size": 13, "opacity": 1, "strokeWidth": 0}
    return [chart(rows, "x y", "point", "fitted run", **look)]


def _targets(targets: Sequence[HeroTarget]) -> list[Layer]:
    """The 90 % interval of each target as a line, its median as a diamond."""
    ends = [(one.x, *interval(one.quantiles, 0.9)) for one in targets]
    bars: Rows = [{"x": 10.0**x, "y": y, "y2": y2} for x, y, y2 in ends if None not in (y, y2)]
    pairs = [(one.x, quantile(one.quantiles, 0.5)) for one in targets]
    dots: Rows = [{"x": 10.0**x, "y": y} for x, y in pairs if y is not None]
    look: dict[str, Any] = {"shape": "diamond", "size": 110, "opacity": 1, "strokeWidth": 1.5}
    colours = {"fill": COLOUR["planned"], "stroke": COLOUR["surface"]}
    return [
        chart(bars, "x y y2", "rule", color=COLOUR["planned"], strokeWidth=1.5),
        chart(dots, "x y", "point", "median, target", **look, **colours),
    ]


def _target_labels(targets: Sequence[HeroTarget], frame: Frame) -> list[Layer]:
    """Name and median of each target, above its interval, or below where the one before it is
    near."""
    layers: list[Layer] = []
    last = {True: -math.inf, False: -math.inf}
    for one in sorted(targets, key=lambda target: target.x):
        low, high = interval(one.quantiles, 0.9)
        middle = quantile(one.quantiles, 0.5)
        if low is None or high is None or middle is None:
            continue
        x = frame.x(one.x)
        above = x - last[True] >= 70 or last[True] <= last[False]
        last[above] = x
        top = frame.y(high) - 22 if above else frame.y(low) + 18
        top = min(max(top, 12.0), frame.height - LINE - 2.0)
        look: dict[str, Any] = {"align": "center", **RIM}
        side = _inside(x, frame)
        layers += [
            words(one.label, side, top, **look),
            words(
                f"{middle:.2f}", side, top + LINE - 2, color=COLOUR["planned"], fontWeight=700,
                **look,
            ),
        ]  # fmt: skip
    return layers


def _inside(x: float, frame: Frame) -> float:
    """A place at which a centred label of some 60 pixels is inside the frame."""
    return min(max(x, 30.0), frame.width - 24.0)


def _laws(laws: Sequence[tuple[str, float]], frame: Frame, *, named: bool) -> list[Layer]:
    """A stroke at each law's median and its name beside it; one outside the frame keeps its number
    and gets an arrow."""
    if not laws:
        return []
    low, high = frame.loss
    ordered = sorted(laws, key=lambda law: -law[1])
    spots = spread(
        [min(max(frame.y(v), 8.0), frame.height) for _, v in ordered], LINE, frame.height
    )
    strokes: Rows = [{"y": value, "y2": value} for _, value in ordered if low <= value <= high]
    edge = frame.width
    layers = [
        at(chart(strokes, "y", "rule", color=COLOUR["law"], strokeWidth=2), x=edge - 4, x2=edge + 6)
    ]
    if not named:
        return layers
    first = spots[0] - LINE - 2
    layers.append(words("each law alone", edge + 12, max(first, -8.0)))
    for (name, value), spot in zip(ordered, spots, strict=True):
        arrow = " ↓" if value < low else " ↑" if value > high else ""
        text = f"{name} {value:.2f}{arrow}"
        layers.append(words(text, edge + 12, spot + 4, color=COLOUR["law"]))
    return layers


def spread(places: Sequence[float], gap: float, most: float) -> list[float]:
    """The places, in order, moved down and then up until they are ``gap`` apart and at most
    ``most``."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + gap) if found else place)
    for index in range(len(found) - 1, -1, -1):
        limit = most if index == len(found) - 1 else found[index + 1] - gap
        found[index] = min(found[index], limit)
    return found
