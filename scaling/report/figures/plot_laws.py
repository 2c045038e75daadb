"""One small multiple of the law figure: each law's forecast around the ensemble's median."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scaling.document.format import shorten
from scaling.document.palette import BANDS, COLOUR
from scaling.document.svg import PAD, WIDTH, Axis, Layer, Plot, Rows, at, chart, draw, words
from scaling.document.ticks import even_ticks
from scaling.report.sections.forecasts import LEVELS

ROW = 17
STUB = 128


@dataclass(frozen=True)
class LawRow:
    """One law at one target, as differences from the ensemble's median."""

    law: str
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class LawGroup:
    """One target: the ensemble's intervals around its own median, and the laws."""

    target: str
    bands: Mapping[float, tuple[float, float]]
    laws: tuple[LawRow, ...]


@dataclass(frozen=True)
class LawPanel:
    """One small multiple of the figure that compares laws."""

    title: str
    subtitle: str
    groups: tuple[LawGroup, ...]


def law_domain(panel: LawPanel) -> tuple[float, float]:
    """The range of all medians and of the ensemble, and of the laws' intervals within reason."""
    laws = [law for group in panel.groups for law in group.laws]
    found = [law.median for law in laws]
    found += [end for group in panel.groups for pair in group.bands.values() for end in pair]
    low, high = min(found, default=-1.0), max(found, default=1.0)
    reach = 0.3 * ((high - low) or 1.0)
    left = max(low - reach, min([low, *(law.low for law in laws)]))
    right = min(high + reach, max([high, *(law.high for law in laws)]))
    room = 0.04 * (right - left)
    return left - room, right + room


def law_plot(panel: LawPanel) -> Plot:
    """Each law's median and 90 % interval at each target, around the ensemble's median."""
    domain = law_domain(panel)
    tops = _tops(panel.groups)
    height = int(tops[-1])
    width = WIDTH + PAD["left"] - STUB
    laws = [
        _law(law, top + (1.7 + index) * ROW, domain)
        for group, top in zip(panel.groups, tops, strict=False)
        for index, law in enumerate(group.laws)
    ]
    heads = [
        {"text": shorten(group.target, 26), "y": top + 0.85 * ROW}
        for group, top in zip(panel.groups, tops, strict=False)
    ]
    layers = [
        *_law_bands(panel.groups, tops),
        at(
            chart([{"x": 0.0}], "x", "rule", color=COLOUR["median"], strokeWidth=1.5),
            y=0,
            y2=height,
        ),
        *_law_marks(laws),
        _stub(heads, 4 - STUB, align="left", color=COLOUR["ink"], fontWeight=600),
        _stub(laws, -10, align="right", color=COLOUR["muted"]),
        words("nats per token from the ensemble's median", width, height + 35, align="right"),
    ]
    ticks = even_ticks(*domain)
    labels = ["0" if tick == 0 else f"{tick:+.3g}" for tick in ticks]
    x = Axis(*domain, ticks, labels, name="from the ensemble's median", grid=True)
    y = Axis(height, 0, shown=False)
    return draw(layers, x, y, width, height, {**PAD, "left": STUB})


def _tops(groups: Sequence[LawGroup]) -> list[float]:
    """Where each group begins, and where the last one ends."""
    tops = [0.0]
    for group in groups:
        tops.append(tops[-1] + (len(group.laws) + 1.7) * ROW)
    return tops if len(tops) > 1 else [0.0, float(ROW)]


def _law(law: LawRow, y: float, domain: tuple[float, float]) -> dict[str, Any]:
    """One row, its interval cut at the edges of the plot."""
    low, high = max(law.low, domain[0]), min(law.high, domain[1])
    cut = {"cut_low": low != law.low, "cut_high": high != law.high}
    return {"text": shorten(law.law, 18), "x": law.median, "y": y, "low": low, "high": high, **cut}


def _law_bands(groups: Sequence[LawGroup], tops: Sequence[float]) -> list[Layer]:
    found = []
    for level in sorted(LEVELS, reverse=True):
        rows = [
            {
                "x": group.bands[level][0],
                "x2": group.bands[level][1],
                "y": top + 1.2 * ROW,
                "y2": top + (1.2 + len(group.laws)) * ROW,
            }
            for group, top in zip(groups, tops, strict=False)
            if level in group.bands
        ]
        found.append(chart(rows, "x x2 y y2", "rect", color=COLOUR[BANDS[level]], opacity=1))
    return found


def _law_marks(laws: Rows) -> list[Layer]:
    """Whisker and dot of each law; a triangle where the whisker goes on outside the plot."""
    colour = COLOUR["planned"]
    whiskers = [{"x": law["low"], "x2": law["high"], "y": law["y"]} for law in laws]
    left = [{"x": law["low"], "y": law["y"]} for law in laws if law["cut_low"]]
    right = [{"x": law["high"], "y": law["y"]} for law in laws if law["cut_high"]]
    ring: dict[str, Any] = {"fill": colour, "stroke": COLOUR["surface"], "strokeWidth": 1.2}
    solid: dict[str, Any] = {"color": colour, "opacity": 1, "filled": True}
    return [
        chart(whiskers, "x x2 y", "rule", color=colour, strokeWidth=2),
        chart(left, "x y", "point", shape="triangle-left", **solid),
        chart(right, "x y", "point", shape="triangle-right", **solid),
        chart(laws, "x y", "point", "law's median", size=65, opacity=1, **ring),
    ]


def _stub(rows: Rows, x: float, **look: Any) -> Layer:
    return at(chart(rows, "y text", "text", baseline="middle", **look), x=x)
