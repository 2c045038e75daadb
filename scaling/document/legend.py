"""Marks of a legend: box, dot, line, swatch."""

from __future__ import annotations

from scaling.document.blocks import Swatch
from scaling.document.palette import COLOUR


def swatch(label: str, *shapes: str) -> Swatch:
    start = '<svg viewBox="0 0 26 16" width="26" height="16" aria-hidden="true">'
    return Swatch(start + "".join(shapes) + "</svg>", label)


def box(role: str, y: float, height: float) -> str:
    return f'<rect x="0" y="{y}" width="26" height="{height}" fill="{COLOUR[role]}"/>'


def line(role: str, y: float, width: float, x: tuple[int, int] = (0, 26)) -> str:
    ends = f'x1="{x[0]}" x2="{x[1]}" y1="{y}" y2="{y}"'
    return f'<line {ends} stroke="{COLOUR[role]}" stroke-width="{width}"/>'


def dot(role: str, radius: float) -> str:
    ring = f'stroke="{COLOUR["surface"]}" stroke-width="1.5"'
    return f'<circle cx="13" cy="8" r="{radius}" fill="{COLOUR[role]}" {ring}/>'
