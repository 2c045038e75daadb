"""Layers of a plot, in Vega-Lite, drawn as SVG by vl-convert.

Layers are the plain dictionaries that Vega-Altair would make: building them through its objects
took two thirds of the time of a drawing. A test holds each against Altair's copy of the schema.
Plots have fixed sizes and paddings and never ask how wide a text is, so the bytes depend on the
data alone and not on the fonts of the machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import quoteattr

from scaling.document.flatten import flatten
from scaling.document.palette import COLOUR

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDTH, HEIGHT = 440, 300
PAD = {"left": 40, "right": 14, "top": 8, "bottom": 40}
LABEL_SIZE = 12
Rows = list[dict[str, Any]]
# Text on a rim of the ground's colour, so that no line runs through it.
RIM: dict[str, Any] = {"stroke": COLOUR["surface"], "strokeWidth": 3.5, "strokeJoin": "round"}
Layer = dict[str, Any]

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
_CHANNELS: dict[str, dict[str, str]] = {
    "x": {"field": "x", "type": "quantitative"},
    "x2": {"field": "x2"},
    "y": {"field": "y", "type": "quantitative"},
    "y2": {"field": "y2"},
    "text": {"field": "text", "type": "nominal"},
}


@dataclass(frozen=True)
class Axis:
    """One axis: what its values are, where it begins and ends, and the ticks with their words.

    ``form`` is how a page writes a value under the pointer: "e" 3.8e25, "c" 405B, "n" four digits.
    ``low`` and ``high`` may be given the wrong way round, for an axis that runs down.
    """

    low: float
    high: float
    ticks: Sequence[float] = ()
    labels: Sequence[str] = ()
    log: bool = False
    name: str = ""
    form: Literal["e", "c", "n"] = "n"
    grid: bool = False
    shown: bool = True

    def channel(self, name: Literal["x", "y"]) -> dict[str, Any]:
        """The axis as a Vega-Lite encoding."""
        kind = {"type": "log"} if self.log else {"zero": False}
        scale = {"domain": [self.low, self.high], "nice": False, **kind}
        return {**_CHANNELS[name], "scale": scale, "axis": self._axis() if self.shown else None}

    def _axis(self) -> dict[str, Any]:
        # By place, not by value: 1e23 is another number once Vega has been through its logarithm.
        last = max(len(self.ticks) - 1, 0)
        label = f"{json.dumps(list(self.labels))}[{f'round(datum.index*{last})' if last else '0'}]"
        return {"values": list(self.ticks), "labelExpr": label, "grid": self.grid}

    def describe(self) -> str:
        """What a page needs to turn places into values."""
        kind = "log" if self.log else "linear"
        return f"{kind}|{self.low:.6g}|{self.high:.6g}|{self.form}|{self.name}"


@dataclass(frozen=True)
class Plot:
    """A drawn plot: its size, the markup inside the outer element, and its two axes."""

    width: int
    height: int
    inner: str
    frame: str = ""

    @property
    def svg(self) -> str:
        """The plot as an element of its own; the page around it says what it shows."""
        wide, high = self.width, self.height
        return f'<svg viewBox="0 0 {wide} {high}" width="{wide}"{self.frame}>{self.inner}</svg>'


def chart(rows: Rows, fields: str, mark: str, tip: str = "", **look: Any) -> Layer:
    """One layer: a mark at the fields (x, x2, y, y2, text) of the rows.

    ``tip`` names the marks where a reader points at them.
    """
    encoding = {name: _CHANNELS[name] for name in fields.split()}
    drawn = {"type": mark, "aria": False, **look}
    return {"data": {"values": rows}, "mark": drawn, "encoding": encoding, "tip": tip}


def at(layer: Layer, **pixels: float) -> Layer:
    """The layer with some of x, x2, y, y2 at fixed places, in pixels."""
    fixed = {name: {"value": value} for name, value in pixels.items()}
    return {**layer, "encoding": {**layer["encoding"], **fixed}}


def words(text: str, x: float, y: float, **look: Any) -> Layer:
    """Text at a place in pixels."""
    look = {"color": COLOUR["muted"], "baseline": "alphabetic", "align": "left", **look}
    return at(chart([{"text": text}], "text", "text", **look), x=x, y=y)


def specification(
    layers: Sequence[Layer], x: Axis, y: Axis, width: int, height: int, pad: dict[str, int]
) -> dict[str, Any]:
    """The layers on shared axes as a Vega-Lite specification."""
    axes = {"mark": "point", "encoding": {"x": x.channel("x"), "y": y.channel("y")}}
    plain = [{name: part for name, part in layer.items() if name != "tip"} for layer in layers]
    return {
        "data": {"values": []},
        "layer": [axes, *plain],
        "width": width,
        "height": height,
        "padding": pad,
        "autosize": {"type": "none"},
        "config": _CONFIG,
    }


def draw(
    layers: Sequence[Layer], x: Axis, y: Axis, width: int, height: int, pad: dict[str, int]
) -> Plot:
    """The layers on shared axes as markup."""
    spec = json.dumps(specification(layers, x, y, width, height, pad))
    # Loaded where something is drawn: what figures say in words is shown without it.
    import vl_convert as vlc

    text: str = vlc.vegalite_to_svg(spec, vl_version=_VEGA_LITE)
    tips = {f"layer_{place}_marks": layer["tip"] for place, layer in enumerate(layers, 1)}
    outer = (width + pad["left"] + pad["right"], height + pad["top"] + pad["bottom"])
    place = f"{pad['left']} {pad['top']} {width} {height}"
    frame = (
        f' data-box="{place}" data-x={quoteattr(x.describe())} data-y={quoteattr(y.describe())}'
        if x.name
        else ""
    )
    return Plot(*outer, flatten(text, tips), frame)
