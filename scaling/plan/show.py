"""An answer as plain text, and as notebooks show it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

from scaling.answers._interval import Interval
from scaling.fit.notebook import html_table, markdown_table, one_line
from scaling.plan.answer import Answer, Row


def text(answer: Answer) -> str:
    """Every part of an answer, one line each."""
    return "\n".join(_lines(answer))


def _lines(answer: Answer) -> Iterator[str]:
    yield answer.question
    wide = max((len(name) for name, _, _ in answer.figures), default=0)
    for name, one, unit in answer.figures:
        yield f"  {name:<{wide}}  {interval(one)} {unit}"
    for title, rows in answer.tables.items():
        if rows:
            yield ""
            yield title
            yield from _table(rows)
    yield ""
    yield from notes(answer)


def html(answer: Answer) -> str:
    """Headings, tables and lines, every text escaped."""
    parts = [f"<p><strong>{escape(answer.question)}</strong></p>"]
    for title, rows in _tables(answer):
        parts.append(html_table(rows[0], rows[1:], title))
    items = "".join(f"<li>{escape(line)}</li>" for line in notes(answer))
    return f"<div>{''.join(parts)}<ul>{items}</ul></div>"


def markdown(answer: Answer) -> str:
    """The same in Markdown."""
    lines = [f"**{one_line(answer.question)}**"]
    for title, rows in _tables(answer):
        lines += ["", one_line(title), ""] if title else [""]
        lines += markdown_table(rows[0], rows[1:])
    return "\n".join([*lines, "", *(f"- {one_line(line)}" for line in notes(answer))]) + "\n"


def notes(answer: Answer) -> Iterator[str]:
    """What the figures rest on, a line each; warnings come last."""
    yield from (f"Assumes: {one}" for one in answer.assumptions)
    if answer.distance:
        places = ", ".join(f"{name} {far:.1f}" for name, far in answer.distance.items())
        yield f"Decades outside the fitted runs (0 is inside): {places}"
    yield f"Made by: {answer.source}, version {answer.version}"
    yield from (f"Warning: {one}" for one in answer.warnings)


def _tables(answer: Answer) -> Iterator[tuple[str, list[list[str]]]]:
    """The figures without a title, then every table that has rows: a heading and rows of cells."""
    figures = [[name, interval(one), unit] for name, one, unit in answer.figures]
    yield "", [["figure", "value", "unit"], *figures]
    yield from ((title, _grid(rows)) for title, rows in answer.tables.items() if rows)


def interval(one: Interval) -> str:
    """Value, and its ends where it has any."""
    if np.isnan(one.low) or one.low == one.high == one.value:
        return cell(one.value)
    kind = "range" if one.level >= 1.0 else f"{one.level:.0%}"
    return f"{cell(one.value)} ({kind}: {cell(one.low)} to {cell(one.high)})"


def cell(value: Any) -> str:
    """Four figures, words as they are."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)


def _grid(rows: Sequence[Row]) -> list[list[str]]:
    """The names of the columns, then the rows; x, x_low and x_high share one column."""
    merged = [_merged(row) for row in rows]
    names = list(dict.fromkeys(name for row in merged for name in row))
    return [names] + [[row.get(name, "") for name in names] for row in merged]


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """Columns side by side."""
    grid = _grid(rows)
    widths = [max(len(line[i]) for line in grid) for i in range(len(grid[0]))]
    for line in grid:
        cells = (f"{word:<{wide}}" for word, wide in zip(line, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def _merged(row: Row) -> dict[str, str]:
    out = {}
    for name, value in row.items():
        base = name.removesuffix("_low").removesuffix("_high")
        if base != name and base in row:
            continue
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        ends = low is not None and high is not None and not np.isnan(low)
        out[name] = cell(value) + (f" ({cell(low)} to {cell(high)})" if ends else "")
    return out
