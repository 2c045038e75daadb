"""Results as notebooks and terminals show them: tables in HTML, Markdown and text, and charts.

Every text of HTML and Markdown is escaped.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt

_MARKUP = re.compile(r"([\\`*_\[\]|~$])")


def html_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", note: str = ""
) -> str:
    """A table, every text escaped."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(map(html_row, rows))
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<table>{title}<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table>{below}"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, every text escaped."""
    cells = [[one_line(cell) for cell in row] for row in (head, *rows)]
    rule = markdown_row(["---"] * len(head))
    return [markdown_row(cells[0]), rule, *map(markdown_row, cells[1:])]


def html_row(cells: Sequence[str]) -> str:
    """A row of a table, its first cell the heading, every text escaped."""
    first, *others = map(escape, cells)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{one}</td>" for one in others)}</tr>'


def markdown_row(cells: Sequence[str]) -> str:
    """A row of a Markdown table; cells are one line each."""
    return "| " + " | ".join(cells) + " |"


def one_line(text: str) -> str:
    """On one line, without markup."""
    return _MARKUP.sub(r"\\\1", escape(" ".join(text.split()), quote=False))


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table in plain text: two spaces between columns, a rule below the head."""
    grid = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in grid) for i in range(len(head))]
    lines = [
        "  ".join(f"{cell:<{wide}}" for cell, wide in zip(row, widths, strict=True)).rstrip()
        for row in grid
    ]
    return [lines[0], "  ".join("-" * wide for wide in widths), *lines[1:]]


class Drawn:
    """A result that draws itself.

    Charts are made by `scaling.charts`, files by `scaling.api.saved`: these know every result, and
    are loaded by name where one is asked for, so that no stage depends on them.
    """

    # The kind of table that came in, which tables made from the result are of (`scaling.frames`).
    kind: str = "polars"

    def plot(self, part: str | None = None) -> alt.TopLevelMixin:
        """An Altair chart, which a notebook shows; ``part`` names one of its panels.

        Raises:
            InputError: no such panel, or nothing to draw.
        """
        found: alt.TopLevelMixin = _late("scaling.charts").chart(self, part)
        return found

    def _out(self, table: Any) -> Any:
        """A polars table as the kind that came in."""
        return _late("scaling.frames").back(table, self.kind)


class Result(Drawn):
    """A result that draws and stores itself."""

    def save(self, path: str | Path) -> Path:
        """Write the result to a JSON file, which `scaling.load` reads, and say where.

        Raises:
            InputError: the file's name does not end in .json, or the result cannot be stored.
        """
        found: Path = _late("scaling.api.saved").save(self, path)
        return found


def _late(module: str) -> Any:
    return importlib.import_module(module)
