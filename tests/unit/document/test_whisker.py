"""An interval drawn in a cell: in its place, clipped to the axis, nothing without an axis."""

from __future__ import annotations

import re

from scaling.document.palette import COLOUR
from scaling.document.whisker import Whisker, whisker


def places(svg: str) -> list[str]:
    """Where each path begins."""
    return re.findall(r'd="M([\d.]+),', svg)


def test_ends_are_where_the_values_are() -> None:
    drawn = whisker(Whisker((1.0, 3.0), 2.0, (1.5, 2.5), 4.0), (0.0, 4.0))
    assert places(drawn) == ["25.0", "37.5", "50.0", "50.0", "100.0"]
    assert 'd="M25.0,10L75.0,10"' in drawn
    assert f'stroke="{COLOUR["ink"]}"' in drawn  # the outcome


def test_beyond_the_axis_it_ends_at_the_edge() -> None:
    assert 'd="M0.0,10L100.0,10"' in whisker(Whisker((-9.0, 9.0), 0.0), (-1.0, 1.0))


def test_without_an_axis_there_is_no_drawing() -> None:
    assert whisker(Whisker((1.0, 1.0), 1.0), (1.0, 1.0)) == ""
