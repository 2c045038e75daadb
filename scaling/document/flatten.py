"""Vega's SVG with one path for many marks, absolute places and nothing that draws nothing.

A drawing becomes a fifth as large, and simple enough for the page's script to move: paths of M and
L, circles with their centre, shapes and texts at a place. Axes are groups of class ``gx`` and
``gy``; marks with a name are groups with that name in ``data-t``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

Attributes = tuple[tuple[str, str], ...]
_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d*\.?\d+(?:e-?\d+)?")
_PLACE = re.compile(r"translate\((-?[\d.e-]+),(-?[\d.e-]+)\)")
_RECT = re.compile(r"M([^,]+),([^h]+)h([^v]+)v([^h]+)h[^Z]+Z")
# More marks than this are placed to the pixel, and more than a crowd to two pixels.
MANY, CROWD = 30, 100
_TENTH = re.compile(r"(?<![hv\d.])\d+(?:\.\d)?")
_CIRCLE = re.compile(r"M([\d.]+),0A")
_KEPT = (
    *("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity"),
    *("fill-opacity", "stroke-opacity", "text-anchor", "font-weight"),
)
_IDLE = {("opacity", "1"), ("fill", "none"), ("fill", "transparent"), ("stroke-width", "1")}


def flatten(svg: str, tips: Mapping[str, str]) -> str:
    """The markup inside the outer element; ``tips`` maps Vega's class of a layer to its name."""
    root = ElementTree.fromstring(svg)  # noqa: S314  (Vega drew it)
    parts = "".join(_marks(root, (0.0, 0.0), tips))
    return f'<g fill="none" font-size="12">{parts}</g>'


def _marks(node: Element, origin: tuple[float, float], tips: Mapping[str, str]) -> Iterator[str]:
    """Every group of marks below the node, flat."""
    names = node.get("class", "").split()
    x, y = _moved(node, origin)
    if "role-axis" in names:
        yield _axis(node, (x, y))
    elif names[:1] and names[0].startswith("mark-") and names[0] != "mark-group":
        tip = next((tips[name] for name in names if tips.get(name)), "")
        shown = "".join(_drawn(node, (x, y)))
        if shown:
            yield f"<g data-t={quoteattr(tip)}>{shown}</g>" if tip else shown
    else:
        for child in node:
            yield from _marks(child, (x, y), tips)


def _axis(node: Element, origin: tuple[float, float]) -> str:
    """One of Vega's groups for an axis: grid, or ticks and words."""
    groups = [one for one in node.iter(f"{_SVG}g") if one.get("class", "").startswith("mark-")]
    places = [_moved(one, (0.0, 0.0)) for one in node.iter(f"{_SVG}text")]
    lines = [one for one in node.iter(f"{_SVG}line") if "grid" not in one.get("class", "")]
    across = len({y for _, y in places}) == 1 and len(places) > 0
    if not places:
        across = any(one.get("y2", "0") != "0" for one in lines)
    inner = next((one for one in node if one.get("transform")), node)
    base = _moved(inner, origin)
    parts = []
    for group in groups:
        if group is node:
            continue
        kind = group.get("class", "").partition("role-axis-")[2]
        shown = "".join(_drawn(group, base))
        if shown and kind != "domain":
            parts.append(f'<g class="{kind}">{shown}</g>')
        elif shown:
            parts.append(shown)
    return f'<g class="{"gx" if across else "gy"}">{"".join(parts)}</g>' if parts else ""


def _drawn(group: Element, origin: tuple[float, float]) -> Iterator[str]:
    """The marks of a group, neighbours of one look in one element."""
    look: tuple[str, Attributes] = ("", ())
    parts: list[str] = []
    for node in group.iter():
        path = _path(node, origin)
        mark = path or _single(node, origin)
        if mark is None or not mark[1]:
            continue
        kind = "path" if path else "one"
        if (kind, mark[0]) != look:
            yield from _closed(look, parts)
            look, parts = (kind, mark[0]), []
        parts.append(mark[1])
    yield from _closed(look, parts)


def _closed(look: tuple[str, Attributes], parts: list[str]) -> Iterator[str]:
    """The element of marks of one look: one path, or a group."""
    kind, attributes = look
    if parts and kind == "path":
        if len(parts) > MANY:
            step = 2 if len(parts) > CROWD else 1
            parts = [_TENTH.sub(lambda found: _rounded(found.group(), step), one) for one in parts]
        places = "".join(dict.fromkeys(parts))
        yield f'<path{_attribute_text(attributes)} d="{places}"/>'
    elif parts:
        yield f"<g{_attribute_text(attributes)}>{''.join(parts)}</g>"


def _rounded(place: str, step: int) -> str:
    return f"{step * round(float(place) / step):.0f}"


def _path(node: Element, origin: tuple[float, float]) -> tuple[Attributes, str] | None:
    """Look and places of a line, an area or a plain dot; None for another mark."""
    x, y = _moved(node, origin)
    if node.tag == f"{_SVG}line":
        ends = x + _float(node, "x2"), y + _float(node, "y2")
        return _look(node), f"M{_short(x)},{_short(y)}L{_short(ends[0])},{_short(ends[1])}"
    drawn = node.get("d", "")
    if node.tag != f"{_SVG}path" or "display" in node.attrib or node.get("class"):
        return None
    circle = _CIRCLE.match(drawn)
    if circle and node.get("fill") and node.get("stroke-width", "0") == "0":
        dot = (("stroke", node.get("fill", "")), ("stroke-linecap", "round"))
        wide = ("stroke-width", _short(2 * float(circle.group(1))))
        faint = tuple(pair for pair in _look(node) if pair[0] == "opacity")
        return (*dot, wide, *faint), f"M{_short(x)},{_short(y)}h0"
    if node.get("transform"):
        return None
    return _look(node), _places(drawn, (x, y))


def _single(node: Element, origin: tuple[float, float]) -> tuple[Attributes, str] | None:
    """Look and element of a circle, a shape or a text; None for anything else."""
    x, y = _moved(node, origin)
    if node.tag == f"{_SVG}text" and node.text:
        halo = (("paint-order", "stroke"),) if node.get("stroke") else ()
        place = f'x="{x:.0f}" y="{y:.0f}"'
        return (*_look(node), *halo), f"<text {place}>{escape(node.text)}</text>"
    if node.tag != f"{_SVG}path" or not node.get("transform") or "display" in node.attrib:
        return None
    drawn = node.get("d", "")
    circle = _CIRCLE.match(drawn)
    if circle:
        size = f'r="{_short(float(circle.group(1)))}"'
        return _look(node), f'<circle cx="{_short(x)}" cy="{_short(y)}" {size}/>'
    shape = _NUMBER.sub(lambda found: _short(float(found.group())), drawn)
    place = f"translate({_short(x)},{_short(y)})"
    return _look(node), f'<path transform="{place}" d="{shape}"/>'


def _places(drawn: str, origin: tuple[float, float]) -> str:
    """A path of M and L with absolute places; a rectangle of Vega's as four corners."""
    rect = _RECT.fullmatch(drawn)
    if rect:
        x, y, wide, high = map(float, rect.groups())
        if not wide or not high:
            return ""
        drawn = f"M{x},{y}L{x + wide},{y}L{x + wide},{y + high}L{x},{y + high}Z"
    numbers = iter(origin * (drawn.count(",")))
    return _NUMBER.sub(lambda found: _short(float(found.group()) + next(numbers)), drawn)


def _look(node: Element) -> Attributes:
    pairs = ((name, node.get(name, "")) for name in _KEPT)
    return tuple((name, value) for name, value in pairs if value and (name, value) not in _IDLE)


def _attribute_text(look: Attributes) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in look)


def _moved(node: Element, origin: tuple[float, float]) -> tuple[float, float]:
    found = _PLACE.search(node.get("transform", ""))
    if found is None:
        return origin
    return origin[0] + float(found.group(1)), origin[1] + float(found.group(2))


def _float(node: Element, name: str) -> float:
    return float(node.get(name, "0"))


def _short(value: float) -> str:
    """One decimal: a tenth of a pixel."""
    return f"{round(value, 1) + 0.0:g}" if abs(value) < 1e5 else f"{value:.0f}"
