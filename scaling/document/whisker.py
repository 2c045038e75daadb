"""A number with its interval as a small drawing inside a cell of a table."""

from __future__ import annotations

from dataclasses import dataclass

from scaling.document.palette import COLOUR

# Units of the drawing: it is stretched to the cell, its strokes keep their width.
WIDTH, HEIGHT = 100.0, 20


@dataclass(frozen=True)
class Whisker:
    """Ends of the outer and the inner interval, the middle, and an outcome where there is one."""

    outer: tuple[float, float]
    middle: float
    inner: tuple[float, float] | None = None
    outcome: float | None = None


def whisker(one: Whisker, ends: tuple[float, float]) -> str:
    """The drawing on an axis between the ``ends``; empty where the axis has no length."""
    low, high = ends
    if not high > low:
        return ""

    def place(value: float) -> str:
        return f"{WIDTH * (min(max(value, low), high) - low) / (high - low):.1f}"

    def line(pair: tuple[float, float], width: float) -> str:
        stroke = f'stroke="{COLOUR["median"]}" stroke-width="{width}"'
        return f'<path d="M{place(pair[0])},10L{place(pair[1])},10" {stroke} {_FIXED}/>'

    def dot(value: float, role: str, width: float) -> str:
        stroke = f'stroke="{COLOUR[role]}" stroke-width="{width}" stroke-linecap="round"'
        return f'<path d="M{place(value)},10h0" {stroke} {_FIXED}/>'

    parts = [line(one.outer, 1.5)]
    parts += [line(one.inner, 5)] if one.inner else []
    parts += [dot(one.middle, "median", 9), dot(one.middle, "surface", 5)]
    parts += [] if one.outcome is None else [dot(one.outcome, "ink", 8)]
    box = f'viewBox="0 0 {WIDTH:.0f} {HEIGHT}" preserveAspectRatio="none"'
    return f'<svg class="whisker" {box} aria-hidden="true">{"".join(parts)}</svg>'


_FIXED = 'vector-effect="non-scaling-stroke"'
