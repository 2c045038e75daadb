"""Vega-Altair layers as SVG text.

Plots have fixed sizes and paddings and never ask how wide a text is, so the bytes depend on the
data alone and not on the fonts of the machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert as vlc
from altair.utils.schemapi import debug_mode

from scaling.report.palette import COLOUR

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDTH, HEIGHT = 440, 300
PAD = {"left": 40, "right": 14, "top": 8, "bottom": 40}
LABEL_SIZE = 12
Rows = list[dict[str, Any]]

_VEGA_LITE = "6.4"
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "text": {"fontSize": LABEL_SIZE},
    "axis": {
        "aria": False,
        "title": None,
        "grid": False,
        "domainColor": COLOUR["axis"],
        "tickColor": COLOUR["axis"],
        "tickSize": 4,
        "gridColor": COLOUR["grid"],
        "labelColor": COLOUR["muted"],
        "labelFontSize": LABEL_SIZE,
        "labelPadding": 4,
        "labelOverlap": False,
        "labelBound": False,
        "labelFlush": False,
    },
    "axisY": {"domain": False, "ticks": False},
}
_CHANNELS: dict[str, Any] = {
    "x": alt.X("x:Q"),
    "x2": alt.X2("x2"),
    "y": alt.Y("y:Q"),
    "y2": alt.Y2("y2"),
    "text": alt.Text("text:N"),
}


@dataclass(frozen=True)
class Plot:
    """A drawn plot: its size and the markup inside the outer element."""

    width: int
    height: int
    inner: str

    @property
    def svg(self) -> str:
        """The plot as an element of its own; the page around it says what it shows."""
        size = f'viewBox="0 0 {self.width} {self.height}"'
        space = 'xmlns="http://www.w3.org/2000/svg"'
        return f'<svg {space} {size} aria-hidden="true" focusable="false">{self.inner}</svg>'


def chart(rows: Rows, fields: str, mark: Any, **look: Any) -> alt.Chart:
    """One layer: a mark at the fields (x, x2, y, y2, text) of the rows."""
    with debug_mode(False):  # a drawing in the tests is validated; a report need not be
        base = alt.Chart(_inline(rows), mark=alt.MarkDef(type=mark, aria=False, **look))
        return base.encode(**{name: _CHANNELS[name] for name in fields.split()})


def _inline(rows: Rows) -> alt.Data:
    return alt.Data(values=rows)  # type: ignore[no-untyped-call]


def words(text: str, x: float, y: float, **look: Any) -> alt.Chart:
    """Text at a place in pixels."""
    look = {"color": COLOUR["muted"], "baseline": "alphabetic", **look}
    layer = chart([{"text": text}], "text", "text", **look)
    return layer.encode(x=alt.value(x), y=alt.value(y))


def specification(
    layers: Sequence[alt.Chart], x: alt.X, y: alt.Y, width: int, height: int, pad: dict[str, int]
) -> dict[str, Any]:
    """The layers on shared axes as a Vega-Lite specification."""
    with debug_mode(False):
        axes = alt.Chart(_inline([]), mark="point").encode(x=x, y=y)
        whole = alt.layer(axes, *layers).properties(
            width=width, height=height, padding=pad, autosize={"type": "none"}
        )
        spec: dict[str, Any] = whole.to_dict(validate=False)
    return {**spec, "config": _CONFIG}


def draw(
    layers: Sequence[alt.Chart], x: alt.X, y: alt.Y, width: int, height: int, pad: dict[str, int]
) -> Plot:
    """The layers on shared axes as markup."""
    spec = json.dumps(specification(layers, x, y, width, height, pad))
    text: str = vlc.vegalite_to_svg(spec, vl_version=_VEGA_LITE)
    inner = text[text.index(">") + 1 : text.rindex("</svg>")]
    outer = (width + pad["left"] + pad["right"], height + pad["top"] + pad["bottom"])
    return Plot(*outer, tidy(inner))


_TAG = re.compile(r"<[^>]*>")
_FRACTION = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?|-?\d+(?:\.\d+)?e-\d+")
_EMPTY = re.compile(r'<path [^>]*d="(?:M0,0h0v0h0Z)?"[^>]*/>|<rect [^>]*fill="transparent"/>')
_NOISE = re.compile(
    r' (?:aria-hidden|aria-roledescription|role|class|pointer-events)="[^"]*"| opacity="1"'
)
_CIRCLE = re.compile(r'<path transform="translate\(([^,]+),([^)]+)\)" d="M([\d.]+),0A[^"]*"')


def tidy(markup: str) -> str:
    """The markup without what draws nothing, with two decimals and with circles as circles."""
    markup = _EMPTY.sub("", markup)
    markup = _TAG.sub(lambda tag: _FRACTION.sub(_two, _NOISE.sub("", tag.group())), markup)
    return _CIRCLE.sub(r'<circle cx="\1" cy="\2" r="\3"', markup)


def _two(match: re.Match[str]) -> str:
    rounded = round(float(match.group()), 2)
    return f"{rounded:.2f}" if rounded else "0"
