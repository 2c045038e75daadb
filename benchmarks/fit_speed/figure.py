"""The figure: cost against rows, resamples, starts and parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.fit_speed.cost import ANY, POWER, Series
from scaling.document.blocks import Swatch
from scaling.document.palette import COLOUR
from scaling.document.svg import PAD, Axis, Layer, Plot, chart, draw, words
from scaling.document.svg_page import TitledPlot, sheet

ROLE = {POWER: "median", ANY: "planned"}
WIDTH, HEIGHT = 440, 200


def figure(found: Sequence[Series]) -> str:
    """Every axis and job as one plot, both paths in it, as an SVG file."""
    panels: dict[tuple[str, str], list[Series]] = {}
    for one in found:
        if one.unit != "s" or one.job.startswith("objective"):
            continue
        panels.setdefault((one.axis, _kind(one)), []).append(one)
    titled = [
        TitledPlot(f"{kind} against {axis}", _slopes(some), _plot(some))
        for (axis, kind), some in panels.items()
    ]
    alt_text = "Log-log plots of CPU seconds. " + " ".join(
        f"{item.title}: {item.subtitle}." for item in titled
    )
    subtitle = "CPU seconds of one thread; the grey lines are linear growth (slope 1)."
    return sheet("What a fit costs", subtitle, alt_text, titled, _legend())


def _kind(one: Series) -> str:
    kinds = {"global fit": "Global fit", "search alone": "Search"}
    polished = "Polish" if one.job.startswith("polishing") else "Resamples"
    return kinds.get(one.job, polished)


def _slopes(some: Sequence[Series]) -> str:
    return ", ".join(f"{one.path} ({one.job}): slope {one.slope:.2f}" for one in some)


def _plot(some: Sequence[Series]) -> Plot:
    sizes = [size for one in some for size in one.sizes]
    seconds = [value for one in some for value in one.seconds]
    x, y = (min(sizes) / 1.15, max(sizes) * 1.15), _decades(seconds)
    layers = [_linear(one, x, y) for one in some]
    for one in some:
        points = [{"x": a, "y": b} for a, b in zip(one.sizes, one.seconds, strict=True)]
        colour = COLOUR[ROLE[one.path]]
        layers.append(chart(points, "x y", "line", color=colour, strokeWidth=2))
        layers.append(chart(points, "x y", "point", color=colour, filled=True, size=40, opacity=1))
    layers.append(words(some[0].axis, WIDTH, HEIGHT + 35, align="right"))
    return draw(layers, _axis_x(some[0], x), _axis_y(y), WIDTH, HEIGHT, {**PAD, "left": 56})


def _decades(values: Sequence[float]) -> tuple[float, float]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return 10.0**low, 10.0**high


def _linear(one: Series, x: tuple[float, float], y: tuple[float, float]) -> Layer:
    """Slope 1 through the last point, as far as it stays in the plot."""
    last, at = one.seconds[-1], one.sizes[-1]
    left = max(x[0], at * y[0] / last)
    ends = [{"x": size, "y": last * size / at} for size in (left, at)]
    return chart(ends, "x y", "line", color=COLOUR["axis"], strokeWidth=1, strokeDash=[4, 3])


def _axis_x(one: Series, domain: tuple[float, float]) -> Axis:
    few = one.axis == "parameters"
    ticks = list(one.sizes) if few or one.axis == "starts" else _powers(*domain)
    return Axis(*domain, ticks, [f"{tick:,.0f}" for tick in ticks], log=True)


def _axis_y(domain: tuple[float, float]) -> Axis:
    ticks = _powers(*domain)
    return Axis(*domain, ticks, [f"{tick:g} s" for tick in ticks], log=True, grid=True)


def _powers(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**k for k in range(first, last + 1)]


def _legend() -> list[Swatch]:
    made = [Swatch(_stroke(ROLE[path], 2, ""), path) for path in (POWER, ANY)]
    return [*made, Swatch(_stroke("axis", 1, "4,3"), "linear growth")]


def _stroke(role: str, width: int, dash: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 26 16" width="26" height="16" '
        f'aria-hidden="true"><path d="M0,8H26" stroke="{COLOUR[role]}" stroke-width="{width}" '
        f'stroke-dasharray="{dash}"/></svg>'
    )
