"""Drawings: where marks, ticks and words lie, in pixels."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from scaling.document.svg import Axis, Layer, at, chart, draw, words

LINEAR = Axis(0, 10, [0, 5, 10], ["0", "5", "10"], name="a")
LOG = Axis(1, 1e4, [1, 100, 1e4], ["1", "100", "10⁴"], log=True, grid=True)
PAD = {"left": 10, "right": 0, "top": 20, "bottom": 30}


def drawn(*layers: Layer, x: Axis = LINEAR, y: Axis = LOG) -> str:
    """The markup of layers on an area of 100 by 200 pixels at (10, 20)."""
    return draw(layers, x, y, 100, 200, PAD).inner


def mark(kind: str, rows: list[dict[str, Any]], **look: Any) -> str:
    """One layer's markup, without axes."""
    hidden = {"shown": False, "ticks": (), "labels": ()}
    x, y = Axis(0, 10, **hidden), Axis(0, 10, **hidden)
    inner = draw([chart(rows, " ".join(rows[0]), kind, **look)], x, y, 100, 200, PAD).inner
    return inner.removeprefix('<g fill="none" font-size="12">').removesuffix("</g>")


def test_axes_have_their_ticks_and_words() -> None:
    assert drawn() == (
        '<g fill="none" font-size="12">'
        '<g class="gy"><g class="grid"><path stroke="#ebe7de" '
        'd="M10.5,220.5L110.5,220.5M10.5,120.5L110.5,120.5M10.5,20.5L110.5,20.5"/></g></g>'
        '<g class="gx"><g class="tick"><path stroke="#8a939b" '
        'd="M10.5,220.5L10.5,224.5M60.5,220.5L60.5,224.5M110.5,220.5L110.5,224.5"/></g>'
        '<g class="label"><g fill="#515c67" text-anchor="middle"><text x="10" y="238">0</text>'
        '<text x="60" y="238">5</text><text x="110" y="238">10</text></g></g>'
        '<path stroke="#8a939b" d="M10.5,220.5L110.5,220.5"/></g>'
        '<g class="gy"><g class="label"><g fill="#515c67" text-anchor="end">'
        '<text x="6" y="224">1</text><text x="6" y="124">100</text><text x="6" y="24">10⁴</text>'
        "</g></g></g></g>"
    )


def test_every_other_tick_goes_where_there_is_no_room_and_words_stay_with_theirs() -> None:
    ticks = [0, 2, 4, 6, 8, 10]
    axis = Axis(0, 10, ticks, [f"at {tick}" for tick in ticks])
    assert axis.marked(0, 100) == [(0, "at 0"), (40, "at 4"), (80, "at 8")]
    assert axis.marked(0, 40) == [(0, "at 0"), (40, "at 10")]
    assert [word for _, word in axis.marked(400, 0)] == [f"at {tick}" for tick in ticks]


def test_a_tick_outside_is_left_out_with_its_word() -> None:
    axis = Axis(3, 10, [0, 5, 10], ["none", "five", "ten"])
    assert [word for _, word in axis.marked(0, 70)] == ["five", "ten"]


@pytest.mark.parametrize("value", [None, 0.0, -1.0, float("nan")])
def test_a_value_that_has_no_place_is_not_drawn(value: float | None) -> None:
    inner = drawn(chart([{"x": 1, "y": value}, {"x": 5, "y": 100}], "x y", "line", color="#000"))
    assert '<path stroke="#000" d="M60,120"/>' in inner


@pytest.mark.parametrize(
    ("kind", "rows", "look", "markup"),
    [
        (
            "line",
            [{"x": 5, "y": 5}, {"x": 0, "y": 10}],
            {"color": "#1", "strokeWidth": 2.0, "strokeDash": [3, 3]},
            '<path stroke="#1" stroke-width="2" stroke-dasharray="3,3" d="M10,20L60,120"/>',
        ),
        (
            "area",
            [{"x": 0, "y": 10, "y2": 5}, {"x": 5, "y": 5, "y2": 0}],
            {"color": "#1", "opacity": 1},
            '<path fill="#1" d="M10,20L60,120L60,220L10,120Z"/>',
        ),
        (
            "rect",
            [{"x": 5, "x2": 0, "y": 0, "y2": 10}, {"x": 5, "x2": 5, "y": 0, "y2": 10}],
            {"color": "#1"},
            '<path fill="#1" d="M10,20L60,20L60,220L10,220Z"/>',
        ),
        (
            "rule",
            [{"x": 1.23456, "x2": 5, "y": 5}],
            {"color": "#1", "opacity": 0.55},
            '<path stroke="#1" opacity="0.55" d="M22.3,120L60,120"/>',
        ),
        (
            "point",
            [{"x": 5, "y": 5}],
            {"fill": "#1", "opacity": 0.75, "strokeWidth": 0, "size": 12},
            '<path stroke="#1" stroke-linecap="round" stroke-width="3.5" opacity="0.75" '
            'd="M60,120h0"/>',
        ),
        (
            "point",
            [{"x": 5, "y": 5}],
            {"fill": "#1", "stroke": "#2", "strokeWidth": 1.5, "opacity": 1, "size": 36},
            '<g fill="#1" stroke="#2" stroke-width="1.5"><circle cx="60" cy="120" r="3"/></g>',
        ),
        (
            "point",
            [{"x": 5, "y": 5}],
            {"fill": "#1", "stroke": "#2", "strokeWidth": 1, "size": 36, "shape": "diamond"},
            '<g fill="#1" stroke="#2"><path transform="translate(60,120)" '
            'd="M-3,0L0,-3L3,0L0,3Z"/></g>',
        ),
        (
            "text",
            [{"x": 5, "y": 5, "text": "a < b"}],
            {"color": "#1", "dx": 2, "fontWeight": 700},
            '<g fill="#1" text-anchor="middle" font-weight="700">'
            '<text x="62" y="124">a &lt; b</text></g>',
        ),
    ],
)
def test_marks(kind: str, rows: list[dict[str, Any]], look: dict[str, Any], markup: str) -> None:
    assert mark(kind, rows, **look) == markup


def test_many_marks_are_placed_to_the_pixel() -> None:
    rows = [{"x": 0.333 * number / 10, "y": 5} for number in range(31)]
    places = mark("point", rows, fill="#1", opacity=1, strokeWidth=0, size=4)
    assert "M10,120h0M11,120h0" in places and "." not in places.partition(" d=")[2]


def test_a_named_layer_and_fixed_places() -> None:
    layer = at(chart([{"x": 5}], "x", "rule", color="#1", tip="<law>"), y=0, y2=200)
    assert drawn(layer).endswith(
        '<g data-t="&lt;law&gt;"><path stroke="#1" d="M60,20L60,220"/></g></g>'
    )
    assert '<text x="11" y="22">here</text>' in drawn(words("here", 1, 2))


def test_a_look_that_is_not_known_is_an_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        mark("line", [{"x": 5, "y": 5}], color="#1", colour="#2")


def test_a_drawing_is_xml() -> None:
    plot = draw([words("&", 1, 2)], LINEAR, LOG, 100, 200, PAD)
    ElementTree.fromstring(plot.svg)
    assert 'data-box="10 20 100 200" data-x="linear|0|10|n|a"' in plot.svg
