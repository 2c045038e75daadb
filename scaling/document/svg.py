"""Layers of a plot, drawn as SVG: few kinds of marks on two shared axes, linear or logarithmic.

Plots have fixed sizes and paddings and never ask how wide a text is, so the bytes depend on the
data alone and not on the fonts of the machine. The markup is small, and simple enough for the
page's script to move: paths of M and L, circles with their centre, shapes and texts at a place; one
element for the marks of a layer. Axes are groups of class ``gx`` and ``gy``; marks with a name are
groups with that name in ``data-t``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from xml.sax.saxutils import escape, quoteattr

from scaling.document.palette import COLOUR

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
WIDTH, HEIGHT = 440, 300
PAD = {"left": 40, "right": 14, "top": 8, "bottom": 40}
LABEL_SIZE = 12
Rows = list[dict[str, Any]]
# Text on a rim of the ground's colour, so that no line runs through it.
RIM: dict[str, Any] = {"stroke": COLOUR["surface"], "strokeWidth": 3.5, "strokeJoin": "round"}

# Pixels of a tick, between it and its word, and from the middle and top of a word to its foot.
_TICK, _GAP, _MIDDLE, _TOP = 4, 4, round(0.3 * LABEL_SIZE), round(0.79 * LABEL_SIZE)
# A linear axis has at most one tick in so many pixels; of more, every other one stays.
_PIXELS_A_TICK = 40
# More marks than this are placed to the pixel, and more than a crowd to two pixels.
_MANY, _CROWD = 30, 100
_TENTH = re.compile(r"(?<![hv\d.])\d+(?:\.\d)?")
_ANCHOR = {"left": "start", "center": "middle", "right": "end"}
# Attributes of SVG in the order of their writing, with the names of a layer's look, and the values
# that need not be written.
_LOOK = {
    "fill": "fill",
    "stroke": "stroke",
    "strokeWidth": "stroke-width",
    "strokeDash": "stroke-dasharray",
    "strokeJoin": "stroke-linejoin",
    "opacity": "opacity",
    "align": "text-anchor",
    "fontWeight": "font-weight",
    "halo": "paint-order",
}
_IDLE = {"opacity": "1", "stroke-width": "1", "font-weight": "normal"}
# Parts of a look that say where a mark is or what shape it has.
_PLACING = {"baseline", "dx", "dy", "shape", "size"}


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

    def pixel(self, value: float | None, start: float, end: float) -> float:
        """Where a value is, if ``low`` is at ``start`` and ``high`` at ``end``; NaN for nowhere."""
        if value is None or (self.log and not value > 0):
            return math.nan
        low, high, at = (
            (math.log(one) if self.log else one) for one in (self.low, self.high, value)
        )
        return start + (end - start) * ((at - low) / (high - low) if high != low else 0.5)

    def marked(self, start: float, end: float) -> list[tuple[float, str]]:
        """Pixels and words of the ticks that are inside and have room, the lowest first."""
        inside = (math.floor(min(start, end)), math.ceil(max(start, end)))
        places = [self.pixel(tick, start, end) for tick in self.ticks]
        found = [
            (place, label)
            for place, label in zip(places, self.labels, strict=True)
            if inside[0] <= place <= inside[1]
        ]
        found.sort(key=lambda one: one[0], reverse=start > end)
        room = math.inf if self.log else max(abs(end - start) / _PIXELS_A_TICK + 1, 3)
        ends = found[:1] + found[-1:]
        while len(found) >= room:
            found = found[::2]
        return ends if len(found) == 2 else found

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


@dataclass(frozen=True)
class Layer:
    """Marks of one kind and one look.

    ``rows`` hold the fields (x, x2, y, y2 on the axes, and text); ``fixed`` has pixels in their
    place, and ``tip`` names the marks where a reader points at them.
    """

    mark: str
    rows: Rows
    fields: frozenset[str]
    look: dict[str, Any]
    tip: str = ""
    fixed: dict[str, float] | None = None


def chart(rows: Rows, fields: str, mark: str, tip: str = "", **look: Any) -> Layer:
    """One layer: a mark at the fields (x, x2, y, y2, text) of the rows.

    ``tip`` names the marks where a reader points at them.
    """
    return Layer(mark, rows, frozenset(fields.split()), look, tip)


def at(layer: Layer, **pixels: float) -> Layer:
    """The layer with some of x, x2, y, y2 at fixed places, in pixels."""
    return replace(layer, fixed={**(layer.fixed or {}), **pixels})


def words(text: str, x: float, y: float, **look: Any) -> Layer:
    """Text at a place in pixels."""
    look = {"color": COLOUR["muted"], "baseline": "alphabetic", "align": "left", **look}
    return at(chart([{"text": text}], "text", "text", **look), x=x, y=y)


def draw(
    layers: Sequence[Layer], x: Axis, y: Axis, width: int, height: int, pad: dict[str, int]
) -> Plot:
    """The layers on shared axes as markup."""
    ground = _Ground(x, y, pad["left"], pad["top"], width, height)
    parts = [*ground.axes(), *(_named(layer, ground) for layer in layers)]
    inner = f'<g fill="none" font-size="{LABEL_SIZE}">{"".join(parts)}</g>'
    outer = (width + pad["left"] + pad["right"], height + pad["top"] + pad["bottom"])
    place = f"{pad['left']} {pad['top']} {width} {height}"
    frame = (
        f' data-box="{place}" data-x={quoteattr(x.describe())} data-y={quoteattr(y.describe())}'
        if x.name
        else ""
    )
    return Plot(*outer, inner, frame)


@dataclass(frozen=True)
class _Ground:
    """The area of the marks: its axes, and its place and size in pixels."""

    x: Axis
    y: Axis
    left: int
    top: int
    width: int
    height: int

    def places(self, layer: Layer) -> Iterator[dict[str, Any]]:
        """The pixels of each mark of a layer whose places are all finite, and its text."""
        ends = {"x": (self.x, 0, self.width), "y": (self.y, self.height, 0)}
        for row in layer.rows:
            found = {
                name: ends[name[0]][0].pixel(row[name], *ends[name[0]][1:])
                for name in layer.fields - {"text"}
            } | (layer.fixed or {})
            if all(map(math.isfinite, found.values())):
                origin = {name: self.top if name[0] == "y" else self.left for name in found}
                yield {
                    **{name: origin[name] + value for name, value in found.items()},
                    "text": row.get("text"),
                }

    def axes(self) -> Iterator[str]:
        """Grids, then ticks, words and line of the axis below, then words of the one at the left.

        Lines lie between pixels, so that they are sharp.
        """
        left, top = self.left + 0.5, self.top + 0.5
        right, foot = left + self.width, top + self.height
        across = self.x.marked(0, self.width) if self.x.shown else []
        up = self.y.marked(self.height, 0) if self.y.shown else []
        sharp_x = [left + _half_up(place) for place, _ in across]
        sharp_y = [top + _half_up(place) for place, _ in up]
        if self.x.grid:
            yield _group("gx", _grid([((place, top), (place, foot)) for place in sharp_x]))
        if self.y.grid:
            yield _group("gy", _grid([((left, place), (right, place)) for place in sharp_y]))
        if self.x.shown:
            low = foot + _TICK
            ticks = _path([_polyline([(place, foot), (place, low)]) for place in sharp_x], _AXIS)
            names = [(left + at, low + _GAP + _TOP, label) for at, label in across]
            line = _path([_polyline([(left, foot), (right, foot)])], _AXIS)
            yield _group("gx", _group("tick", ticks) + _axis_words(names, "center") + line)
        names = [(left - _GAP, top + at + _MIDDLE, label) for at, label in up]
        yield _group("gy", _axis_words(names, "right"))


Point = tuple[float, float]
_AXIS = {"stroke": COLOUR["axis"]}


def _grid(lines: Sequence[tuple[Point, Point]]) -> str:
    return _group("grid", _path([_polyline(line) for line in lines], {"stroke": COLOUR["grid"]}))


def _axis_words(names: Sequence[tuple[float, float, str]], align: str) -> str:
    look = {"fill": COLOUR["muted"], "align": align}
    return _group("label", _held([_word(*name) for name in names], look))


def _named(layer: Layer, ground: _Ground) -> str:
    """The marks of a layer, with their name."""
    shown = _MARKS[layer.mark](list(ground.places(layer)), dict(layer.look))
    return f"<g data-t={quoteattr(layer.tip)}>{shown}</g>" if layer.tip and shown else shown


def _line(places: Rows, look: dict[str, Any]) -> str:
    """One line through all places, from left to right."""
    points = [(one["x"], one["y"]) for one in sorted(places, key=lambda one: one["x"])]
    return _path([_polyline(points)], {"stroke": look.pop("color"), **look})


def _area(places: Rows, look: dict[str, Any]) -> str:
    """What lies between y and y2, from left to right."""
    places = sorted(places, key=lambda one: one["x"])
    there = [(one["x"], one["y"]) for one in places]
    back = [(one["x"], one["y2"]) for one in reversed(places)]
    closed = [f"{_polyline(there + back)}Z"] if places else []
    return _path(closed, {"fill": look.pop("color"), **look})


def _rule(places: Rows, look: dict[str, Any]) -> str:
    """A straight line a row."""
    ends = [{"x2": one["x"], "y2": one["y"], **one} for one in places]
    lines = [_polyline([(one["x"], one["y"]), (one["x2"], one["y2"])]) for one in ends]
    return _path(lines, {"stroke": look.pop("color"), **look})


def _rect(places: Rows, look: dict[str, Any]) -> str:
    """A rectangle a row; none without width or height."""
    found = []
    for one in places:
        (left, right), (top, foot) = sorted((one["x"], one["x2"])), sorted((one["y"], one["y2"]))
        if right > left and foot > top:
            corners = [(left, top), (right, top), (right, foot), (left, foot)]
            found.append(f"{_polyline(corners)}Z")
    return _path(found, {"fill": look.pop("color"), **look})


def _point(places: Rows, look: dict[str, Any]) -> str:
    """A circle or a diamond a row; ``size`` is the area of its square, in square pixels."""
    radius = math.sqrt(look.pop("size")) / 2
    shape = look.pop("shape", "circle")
    points = [(one["x"], one["y"]) for one in places]
    if shape == "diamond":
        r = _short(radius)
        drawn = f"M-{r},0L0,-{r}L{r},0L0,{r}Z"
        found = [
            f'<path transform="translate({_short(x)},{_short(y)})" d="{drawn}"/>' for x, y in points
        ]
        return _held(found, look)
    if look["strokeWidth"] == 0:
        # A line of no length with round ends: the shortest that a dot can be.
        dots = [f"M{_short(x)},{_short(y)}h0" for x, y in points]
        wide = {"strokeWidth": _short(2 * radius), "opacity": look["opacity"]}
        return _path(dots, {"stroke": look["fill"], **wide}, ' stroke-linecap="round"')
    circles = [
        f'<circle cx="{_short(x)}" cy="{_short(y)}" r="{_short(radius)}"/>' for x, y in points
    ]
    return _held(circles, look)


def _text(places: Rows, look: dict[str, Any]) -> str:
    """The text of each row; its middle is at the place, or with baseline "alphabetic" its foot."""
    right, down = look.pop("dx", 0), look.pop("dy", 0)
    down += 0 if look.pop("baseline", "middle") == "alphabetic" else _MIDDLE
    found = [_word(one["x"] + right, one["y"] + down, one["text"]) for one in places if one["text"]]
    halo = {"halo": "stroke"} if "stroke" in look else {}
    return _held(found, {"fill": look.pop("color"), "align": "center", **look, **halo})


_MARKS: dict[str, Callable[[Rows, dict[str, Any]], str]] = {
    "area": _area,
    "line": _line,
    "point": _point,
    "rect": _rect,
    "rule": _rule,
    "text": _text,
}


def _path(parts: Sequence[str], look: dict[str, Any], more: str = "") -> str:
    """Marks of one look as one path; many of them are placed to the pixel."""
    if len(parts) > _MANY:
        step = 2 if len(parts) > _CROWD else 1
        parts = [_TENTH.sub(lambda found: _rounded(found.group(), step), one) for one in parts]
    drawn = "".join(dict.fromkeys(parts))
    return f'<path{_attributes(look, more)} d="{drawn}"/>' if drawn else ""


def _held(parts: Sequence[str], look: dict[str, Any]) -> str:
    """Elements of one look in a group."""
    return f"<g{_attributes(look)}>{''.join(parts)}</g>" if parts else ""


def _group(name: str, inner: str) -> str:
    return f'<g class="{name}">{inner}</g>' if inner else ""


def _attributes(look: dict[str, Any], after_stroke: str = "") -> str:
    """A look as attributes of SVG, without those that change nothing. Raises KeyError."""
    found = {_LOOK[name]: _value(name, value) for name, value in look.items()}
    written = [(name, found[name]) for name in _LOOK.values() if name in found]
    return "".join(
        f" {name}={quoteattr(value)}" + (after_stroke if name == "stroke" else "")
        for name, value in written
        if value != _IDLE.get(name)
    )


def _value(name: str, value: Any) -> str:
    if name == "align":
        return _ANCHOR[value]
    if name == "strokeDash":
        return ",".join(f"{one:g}" for one in value)
    return value if isinstance(value, str) else f"{value:g}"


def _word(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'


def _polyline(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_short(x)},{_short(y)}" for x, y in points) if points else ""


def _rounded(place: str, step: int) -> str:
    return f"{step * round(float(place) / step):.0f}"


def _half_up(value: float) -> int:
    return math.floor(value + 0.5)


def _short(value: float) -> str:
    """One decimal: a tenth of a pixel."""
    return f"{round(value, 1) + 0.0:g}" if abs(value) < 1e5 else f"{value:.0f}"
