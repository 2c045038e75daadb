"""Plots on one page: the small multiples with title and legend as one SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from scaling.document.blocks import Swatch
from scaling.document.palette import COLOUR
from scaling.document.svg import FONT, Plot

MARGIN = 24
GAP = 28
HEAD = 44
KEY = 22


@dataclass(frozen=True)
class TitledPlot:
    """A plot under its heading."""

    title: str
    subtitle: str
    plot: Plot


def sheet(
    title: str, subtitle: str, alt: str, plots: Sequence[TitledPlot], legend: Sequence[Swatch]
) -> str:
    """All plots in two columns below title and legend."""
    columns = min(2, max(1, len(plots)))
    wide = max((item.plot.width for item in plots), default=480)
    width = 2 * MARGIN + columns * wide + (columns - 1) * GAP
    parts, top = _header(title, subtitle, legend, width)
    for first in range(0, len(plots), columns):
        line = plots[first : first + columns]
        for index, item in enumerate(line):
            parts += _panel(item, MARGIN + index * (wide + GAP), top)
        top += HEAD + max(item.plot.height for item in line) + 10
    body = "".join(parts)
    height = top + MARGIN - 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label={quoteattr(alt)} '
        f"font-family={quoteattr(FONT)}>"
        f'<rect width="{width}" height="{height}" fill="{COLOUR["surface"]}"/>{body}</svg>\n'
    )


def _header(
    title: str, subtitle: str, legend: Sequence[Swatch], width: int
) -> tuple[list[str], int]:
    parts = [
        _line(title, MARGIN, MARGIN + 16, "ink", 20, 700),
        _line(subtitle, MARGIN, MARGIN + 38, "muted", 13, 400),
    ]
    top, left = MARGIN + 66, MARGIN
    for entry in legend:
        size = 34 + round(6.3 * len(entry.label)) + 14
        if left + size > width - MARGIN:
            top, left = top + KEY, MARGIN
        parts.append(f'<g transform="translate({left},{top - 12})">{_inner(entry.svg)}</g>')
        parts.append(_line(entry.label, left + 32, top, "muted", 12.5, 400))
        left += size
    return parts, top + 34


def _panel(item: TitledPlot, left: int, top: int) -> list[str]:
    return [
        _line(item.title, left + 4, top, "ink", 14.5, 700),
        _line(item.subtitle, left + 4, top + 18, "muted", 12, 400),
        f'<g transform="translate({left},{top + HEAD - 18})">{item.plot.inner}</g>',
    ]


def _inner(svg: str) -> str:
    return svg[svg.index(">") + 1 : svg.rindex("</svg>")]


def _line(text: str, x: float, y: float, role: str, size: float, weight: int) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}px" '
        f'font-weight="{weight}" fill="{COLOUR[role]}">{escape(text)}</text>'
    )
