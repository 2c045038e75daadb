"""Tables as notebooks show them: HTML and Markdown, every text escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

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
