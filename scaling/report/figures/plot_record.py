"""Small plots of a study's record: stated against observed coverage, and error by distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scaling.document.format import percent, share
from scaling.document.palette import COLOUR
from scaling.document.svg import RIM, Axis, Plot, Rows, at, chart, draw, words
from scaling.document.ticks import even_ticks
from scaling.report.sections.evidence import Band

SIZE = (152, 140)
PAD = {"left": 36, "right": 26, "top": 14, "bottom": 42}
BARS = (202, 120)
BAR_PAD = {"left": 6, "right": 6, "top": 20, "bottom": 54}


def calibration_plot(inside: Mapping[int, float]) -> Plot:
    """Observed against stated coverage, in per cent; perfect calibration is the dashed line."""
    points: Rows = [{"x": float(level), "y": 100 * inside[level]} for level in sorted(inside)]
    low = min([45.0, *(row["y"] - 5.0 for row in points)])
    low = max(0.0, 10.0 * (low // 10.0))
    texts = [{**row, "text": f"{row['y']:.0f}"} for row in points]
    below, beside = (
        [one for one in texts if one["x"] < 95.0],
        [one for one in texts if one["x"] >= 95.0],
    )
    steps = even_ticks(low, 100.0, 4)
    x = Axis(45.0, 100.0, [50.0, 80.0, 90.0], ["50", "80", "90 %"], name="stated %", form="n")
    y = Axis(low, 103.0, steps, [f"{tick:.0f}" for tick in steps], name="observed %", grid=True)
    diagonal: Rows = [{"x": max(low, 45.0), "y": max(low, 45.0)}, {"x": 100.0, "y": 100.0}]
    dots: dict[str, Any] = {"fill": COLOUR["median"], "size": 45, "opacity": 1, "strokeWidth": 0}
    layers = [
        chart(diagonal, "x y", "line", color=COLOUR["muted"], strokeDash=[4, 3], strokeWidth=1),
        chart(points, "x y", "line", color=COLOUR["median"], strokeWidth=1.5),
        chart(points, "x y", "point", "interval", **dots),
        chart(below, "x y text", "text", color=COLOUR["ink"], dy=15, align="center", **RIM),
        chart(beside, "x y text", "text", color=COLOUR["ink"], dx=9, align="left", **RIM),
        words("stated coverage", SIZE[0], SIZE[1] + 36, align="right"),
        words("observed, %", -PAD["left"] + 2, -4),
    ]
    return draw(layers, x, y, *SIZE, PAD)


def distance_plot(bands: Sequence[Band], most: float) -> Plot:
    """Mean absolute error by distance as bars from zero, with how often 90 % intervals held below;
    ``most`` is the largest error of any study, so that bars compare between panels."""
    wide, high = BARS
    step = wide / max(len(bands), 1)
    bars: Rows = []
    layers = []
    for place, band in enumerate(bands):
        middle = step * (place + 0.5)
        error = band.error or 0.0
        bars.append({"x": middle - 20, "x2": middle + 20, "y": 0.0, "y2": error})
        top = high * (1 - error / most) if most else high
        held = band.inside.get(90)
        notes = (f"held {share(held)}", f"of {band.forecasts}")
        look: dict[str, Any] = {"align": "center"}
        layers += [
            words(
                percent(band.error), middle, top - 5, color=COLOUR["ink"], fontWeight=700, **look
            ),
            words(band.label, middle, high + 16, color=COLOUR["ink"], **look),
            *(words(note, middle, high + 31 + 14 * n, **look) for n, note in enumerate(notes)),
        ]
    x = Axis(0.0, float(wide), shown=False)
    y = Axis(0.0, most or 1.0, shown=False)
    base = at(chart([{"y": 0.0}], "y", "rule", color=COLOUR["axis"]), x=0, x2=wide)
    drawn = chart(bars, "x x2 y y2", "rect", color=COLOUR["median"], opacity=1)
    return draw([drawn, base, *layers], x, y, wide, high, BAR_PAD)
