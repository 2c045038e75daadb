"""A fit as notebooks show it: parameters with their uncertainty, how it ended, what it rests on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scaling.fit.result import Fit

_HEAD = ("parameter", "value", "standard error", "90 % interval", "unit", "meaning")
_MARKUP = re.compile(r"([\\`*_\[\]|~$])")


def html(made: Fit) -> str:
    """A heading, a table and two lines, every text escaped."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in _lines(made))
    title = f"<strong>{escape(made.law.title)}</strong> <code>{escape(made.law.formula)}</code>"
    return f"<div><p>{title}</p>{html_table(_HEAD, _rows(made))}{lines}</div>"


def markdown(made: Fit) -> str:
    """The same in Markdown."""
    lines = [f"**{one_line(made.law.title)}**: {one_line(made.law.formula)}", ""]
    lines += markdown_table(_HEAD, _rows(made))
    lines += [part for line in _lines(made) for part in ("", one_line(line))]
    return "\n".join(lines) + "\n"


def _rows(made: Fit) -> list[tuple[str, ...]]:
    ends = made.interval()
    return [
        (
            param.name,
            _number(made.values[param.name], 6),
            _number(made.se[param.name], 3),
            _between(*ends[param.name]),
            param.unit,
            param.meaning,
        )
        for param in made.law.params
    ]


def _lines(made: Fit) -> tuple[str, str]:
    seen = made.certificate
    return (
        f"{made.outcome.replace('_', ' ')}: {made.outcome.sentence} {made.reason}".strip(),
        f"{made.objective_name} {made.objective:.10g} over {made.rows} rows; "
        f"{seen.starts_agreeing:.0%} of {seen.starts} starts agree; "
        f"condition {seen.condition:.3g}.",
    )


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}" if math.isfinite(value) else "\u2014"


def _between(low: float, high: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return "\u2014"
    return f"{low:.4g} to {high:.4g}"


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
