"""A chart as text: the first panel of an Altair chart, drawn by plotext."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt

from scaling.errors import InputError

Spec = Mapping[str, Any]
WIDTH, HEIGHT = 76, 20
# Ticks of an axis.
TICKS = 6


def text(made: alt.TopLevelMixin) -> str:
    """The first panel with two axes of numbers, as wide as the terminal.

    Raises:
        InputError: no panel has such axes.
    """
    panel = next(_panels(made.to_dict()), None)
    if panel is None:
        raise InputError("no chart for a terminal", allowed="--plot FILE.html, .svg or .png")
    return _drawn(panel)


def _panels(spec: Spec) -> Iterator[Spec]:
    """Panels that have a layer with both axes, in order."""
    for name in ("vconcat", "hconcat", "concat"):
        for part in spec.get(name, ()):
            yield from _panels({"datasets": spec.get("datasets", {}), **part})
    if any(_is_plane(layer) for layer in _layers(spec)):
        yield spec


def _layers(spec: Spec, data: Any = None) -> Iterator[Spec]:
    """Layers, each with its data."""
    own = spec.get("data", data)
    if "layer" not in spec:
        yield {**spec, "data": own}
    for layer in spec.get("layer", ()):
        yield from _layers(layer, own)


def _is_plane(layer: Spec) -> bool:
    encoding = layer.get("encoding", {})
    kinds = [encoding.get(axis, {}).get("type") for axis in ("x", "y")]
    return kinds == ["quantitative", "quantitative"]


def _drawn(panel: Spec) -> str:
    import plotext

    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    columns = min(WIDTH, shutil.get_terminal_size((WIDTH, HEIGHT)).columns)
    figure.plot_size(columns, HEIGHT)
    layers = [layer for layer in _layers(panel) if _is_plane(layer)]
    ends: dict[str, list[float]] = {"x": [], "y": []}
    for layer in layers:
        for across, up in _series(layer, panel.get("datasets", {})):
            ends["x"] += across
            ends["y"] += up
            line = _mark(layer) != "point"
            drawn = figure.signal(across, up, marker="braille" if line else "dot")
            figure.draw(drawn.lines() if line else drawn)
    for edge in _edges(panel):
        figure.draw(
            figure.signal([edge, edge], [min(ends["y"]), max(ends["y"])], marker=":").lines()
        )
    for axis, values in ends.items():
        channel = layers[0]["encoding"][axis]
        figure.ruler(axis).ticks(*_ticks(values, _is_log(channel)))
        figure.label(channel.get("title") or "", axis)
    figure.title(panel.get("title", {}).get("text", ""))
    text = plotext.uncolorize(str(figure.build()))
    return "\n".join(line.rstrip() for line in text.splitlines())


def _edges(panel: Spec) -> Iterator[float]:
    """Where extrapolation begins: rules with a place on the horizontal axis alone."""
    for layer in _layers(panel):
        encoding = layer.get("encoding", {})
        if _mark(layer) == "rule" and "x" in encoding and "y" not in encoding:
            x, log = _field(encoding["x"]), [_is_log(encoding["x"]), False]
            rows = _rows(layer, panel.get("datasets", {}))
            for across, _ in _kept([({**row, "": 0.0}, x, "") for row in rows], log):
                yield from across


def _mark(layer: Spec) -> str:
    return str(layer["mark"]["type"])


def _series(layer: Spec, datasets: Mapping[str, Any]) -> Iterator[tuple[list[float], list[float]]]:
    """Points of a layer; of an interval its ends, a line each where it is a band."""
    encoding, rows = layer["encoding"], _rows(layer, datasets)
    x, y = _field(encoding["x"]), _field(encoding["y"])
    logs = [_is_log(encoding[axis]) for axis in ("x", "y")]
    if _mark(layer) == "rule":
        x2, y2 = _field(encoding.get("x2", {})) or x, _field(encoding.get("y2", {})) or y
        for row in rows:
            yield from _kept([(row, x, y), (row, x2, y2)], logs)
        return
    uppers = [_field(encoding["y2"])] if "y2" in encoding else []
    for up in [y, *uppers]:
        yield from _kept([(row, x, up) for row in rows], logs)


def _rows(layer: Spec, datasets: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    data = layer["data"]
    found: list[Mapping[str, Any]] = data.get("values") or datasets.get(data.get("name"), [])
    return found


def _field(channel: Spec) -> str:
    return str(channel.get("field", "")).replace("\\", "")


def _kept(
    places: list[tuple[Mapping[str, Any], str, str]], logs: list[bool]
) -> Iterator[tuple[list[float], list[float]]]:
    """Places as numbers, in logs where the axis is; those without a number are left out."""
    points = []
    for row, x, y in places:
        pair = [_number(row.get(name), log) for name, log in zip((x, y), logs, strict=True)]
        if None not in pair:
            points.append(pair)
    if points:
        yield [p[0] for p in points], [p[1] for p in points]  # type: ignore[misc]


def _number(value: Any, log: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or (log and value <= 0):
        return None
    return math.log10(value) if log else float(value)


def _is_log(channel: Spec) -> bool:
    return bool(channel.get("scale", {}).get("type") == "log")


def _ticks(values: list[float], log: bool) -> tuple[list[float], list[str]]:
    low, high = min(values), max(values)
    places = [low + (high - low) * step / (TICKS - 1) for step in range(TICKS)]
    return places, [f"{10.0**one if log else one:.3g}" for one in places]
