"""What a plan answers: figures with intervals, assumptions, warnings, version and distance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import zip_longest
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, of_values
from scaling.fitting.result import Fit
from scaling.forecasting.model_surface import MODEL, ModelFit
from scaling.io.notebook import Result, html_table, markdown_table, one_line
from scaling.laws._surface import Surface, surface
from scaling.plan.captions import CAPTIONS
from scaling.plan.published import PREFIX
from scaling.plan.stored import FAR, Sheet

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
# (name, value with its interval, unit).
Figure = tuple[str, Interval, str]

BY_MODEL = "The same by the study's model, which forecasts read"

# What no plan is made for. Compute: the largest run known is near 5e26 FLOP, 1e36 is a billion
# times what the world computes in a year. Tokens: all text is near 1e15, and 2
# for 2T is refused.
FLOPS = (1e3, 1e36)
PARAMS = (1e3, 1e18)
TOKENS = (1e3, 1e20)


# Columns of words, which stand below a table on a terminal.
BELOW = ("paper", "counts", "caveat", "note")
_COLON, _WORD = re.compile(r":(?=\S)"), re.compile(r"[^\s:]+:?")


@dataclass(frozen=True)
class Basis:
    """What an answer rests on: the study's model, which forecasts read, or one law.

    Attributes:
        one_law: whether it takes the form of one law of a study for granted.
        model: then, what the study's model answers, under the same names.
        why_not: then, why the model answers nothing.
        notes: what a reader must know of the model's figures.
    """

    one_law: bool
    model: Sequence[Figure] = ()
    why_not: str = ""
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.one_law and not self.model and not self.why_not:
            raise ValueError("an answer by one law has the model's beside it, or says why not")


# Of the study's model, of a paper's constants, and of no fit at all.
NOT_ONE_LAW = Basis(one_law=False)
NO_MODEL = "no model of the runs is at hand; `scaling refit` makes one"


@dataclass(frozen=True, repr=False)
class Answer(Result):
    """An answer to one question.

    Attributes:
        question: in words.
        figures: (name, interval, unit).
        tables: title -> rows of cells.
        source: the study, table or paper, with the law.
        version: of the fits.
        basis: whether the study's model answers or one law, and what the model says then.
        distance: size -> decades beyond the fitted runs.
        assumptions, warnings: sentences.
        valley: the loss over sizes at the budget, for a chart: params, loss, low and high a row.
    """

    question: str
    figures: Sequence[Figure]
    source: str
    version: str
    basis: Basis
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    distance: Mapping[str, float] = field(default_factory=dict)
    assumptions: Sequence[str] = ()
    warnings: Sequence[str] = ()
    valley: Callable[[], Sequence[Row]] | None = None

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        return text(self)

    def to_frame(self) -> pl.DataFrame:
        """A row a figure: name, value, low, high, level, missing, unit; null without one."""
        import polars as pl

        rows = pl.DataFrame(_plain(self.figures))
        return rows.with_columns(pl.col(pl.Float64).fill_nan(None))

    def value(self, name: str) -> Interval:
        """One figure."""
        return next(one for label, one, _ in self.figures if label == name)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return html(self)

    def _repr_markdown_(self) -> str:
        """The same in Markdown."""
        return markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "question": self.question,
            "source": self.source,
            "version": self.version,
            "figures": _plain(self.figures),
            "tables": {title: list(rows) for title, rows in self.tables.items()},
            "decades_beyond": dict(self.distance),
            "assumptions": list(self.assumptions),
            "by_one_law": self.basis.one_law,
            "model": _plain(self.basis.model),
            "no_model": self.basis.why_not,
            "model_notes": list(self.basis.notes),
            "warnings": list(self.warnings),
        }


def _plain(figures: Sequence[Figure]) -> list[Row]:
    """Figures for JSON."""
    return [
        {"name": name, "unit": unit, "value": one.value, "low": one.low, "high": one.high}
        | {"level": one.level, "missing": one.missing}
        for name, one, unit in figures
    ]


def basis_of(sheet: Sheet, made: Fit, again: Callable[[], Sequence[Figure]]) -> Basis:
    """The basis of an answer by ``made``; ``again`` asks the same of the study's model."""
    if isinstance(made, ModelFit) or sheet.name.startswith(PREFIX):
        return NOT_ONE_LAW
    if MODEL not in sheet.fits:
        return Basis(True, why_not=sheet.refused.get(MODEL) or NO_MODEL)
    return by_model(again)


def by_model(again: Callable[[], Sequence[Figure]], notes: Sequence[str] = ()) -> Basis:
    """The basis of an answer by one law; ``again`` asks the same of the study's model."""
    try:
        return Basis(True, again(), notes=notes)
    except InputError as error:
        return Basis(True, why_not=str(error))


@dataclass(frozen=True)
class Batch:
    """A fit's parameters and draws as one surface: (1 + R,), the fit itself first. A quantity is
    computed once for all of them, and its interval read off."""

    one: Surface
    level: float

    def interval(self, values: Array) -> Interval:
        """The interval of values (1 + R,)."""
        return of_values(float(values[0]), np.asarray(values[1:]), self.level)


def batch(made: Fit, level: float, **fixed: float) -> Batch:
    """The batch of a fit; ``fixed`` has inputs of the law other than N and D."""
    if not 0 < level < 1:
        raise InputError("level out of range", value=level, allowed="between 0 and 1")
    theta = np.concatenate([made.theta[None], made.draws])
    return Batch(surface(made.law, theta, fixed), level)


def ends(name: str, one: Interval) -> Row:
    """Cells of a figure: x, x_low and x_high."""
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


def exact(value: float, level: float = 0.9) -> Interval:
    """A figure that the person gave."""
    return Interval(value, value, value, level)


def within(
    name: str, value: float, ends: tuple[float, float], unit: str, hint: str | None = None
) -> float:
    """The value, where it lies within ``ends``.

    Raises:
        InputError: it does not; the message names the allowed range.
    """
    low, high = ends
    if not (np.isfinite(value) and low <= value <= high):
        allowed = f"{low:g} to {high:g} {unit}".rstrip()
        raise InputError(f"{name} out of range", value=value, allowed=allowed, hint=hint)
    return value


def warnings_of(sheet: Sheet, made: Fit, distance: Mapping[str, float]) -> list[str]:
    """What a reader must know: missing draws, a fit that is not certain, the distance."""
    out = list(sheet.notes)
    out += [f"Fit: {one}" for one in made.caveats]
    # What a tenth of a decade does not show is no extrapolation.
    outside = {name: far for name, far in distance.items() if round(far, 1) > 0}
    if outside:
        places = ", ".join(f"{name} {far:.1f}" for name, far in outside.items())
        word = "FAR EXTRAPOLATION" if max(outside.values()) > FAR else "Extrapolation"
        why = (
            "The intervals allow for the forms being wrong, more so with distance."
            if isinstance(made, ModelFit)
            else "The intervals are of the law's parameters and hold only if the law does; they do "
            "not widen for a wrong law."
        )
        out.append(f"{word}: decades outside the fitted runs: {places}. {why}")
    return out


def text(answer: Answer, width: int = 80) -> str:
    """Every part of an answer, one line each; tables are folded to ``width`` characters."""
    return "\n".join(_lines(answer, width))


def _lines(answer: Answer, width: int) -> Iterator[str]:
    yield answer.question
    yield from _figure_lines(answer.figures)
    if answer.basis.model:
        yield BY_MODEL
        yield from _figure_lines(answer.basis.model)
    for title, rows in answer.tables.items():
        if rows:
            yield ""
            yield title + _bracketed(answer, rows)
            yield from _table(rows, width)
    yield ""
    yield from notes(answer)


def _figure_lines(figures: Sequence[Figure]) -> Iterator[str]:
    wide = max((len(name) for name, _, _ in figures), default=0)
    for name, one, unit in figures:
        yield f"  {name:<{wide}}  {interval(one)} {unit}"


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
    if answer.basis.one_law:
        yield f"By one law, which is taken to hold. {_what_the_model_says(answer.basis)}"
    yield from (f"Model: {one}" for one in answer.basis.notes)
    yield from (f"Warning: {one}" for one in answer.warnings)


def _what_the_model_says(basis: Basis) -> str:
    if basis.model:
        return "The model's figures allow for its being wrong. Tables are the law's."
    return f"The study's model has no answer here: {basis.why_not.rstrip('.')}."


def _tables(answer: Answer) -> Iterator[tuple[str, list[list[str]]]]:
    """The figures without a title, then every table that has rows: a heading and rows of cells."""
    for title, figures in (("", answer.figures), (BY_MODEL, answer.basis.model)):
        rows = [[name, interval(one), unit] for name, one, unit in figures]
        if rows:
            yield title, [["figure", "value", "unit"], *rows]
    yield from ((title, _grid(rows)) for title, rows in answer.tables.items() if rows)


def interval(one: Interval) -> str:
    """Value, and its ends where it has any."""
    if np.isnan(one.low) or one.low == one.high == one.value:
        return cell(one.value) + one.without_answer
    kind = "range" if one.level >= 1.0 else f"{one.level:.0%}"
    return f"{cell(one.value)} ({kind}: {cell(one.low)} to {cell(one.high)}{one.without_answer})"


def cell(value: Any) -> str:
    """Four figures, words as they are."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float | int) else str(value)


def _grid(rows: Sequence[Row]) -> list[list[str]]:
    """The names of the columns, then the rows; x, x_low and x_high share one column."""
    merged = [_merged(row) for row in rows]
    names = list(dict.fromkeys(name for row in merged for name in row))
    heads = [CAPTIONS.get(name, name) for name in names]
    return [heads] + [[row.get(name, "") for name in names] for row in merged]


def _bracketed(answer: Answer, rows: Sequence[Row]) -> str:
    """What the brackets in a table are, where it has any."""
    levels = [one.level for _, one, _ in answer.figures if one.level < 1.0]
    ranges = any(name.endswith("_low") and row[name] == row[name] for row in rows for name in row)
    return f" (in brackets: {levels[0]:.0%} intervals)" if levels and ranges else ""


def _table(rows: Sequence[Row], width: int) -> Iterator[str]:
    """Columns side by side, their cells folded; below them what is sentences, a line a row."""
    grid = _grid([{k: v for k, v in row.items() if k not in BELOW} for row in rows])
    widths = _widths(grid, width)
    for line in grid:
        folded = [_folded(cell, wide) for cell, wide in zip(line, widths, strict=True)]
        for parts in zip_longest(*folded, fillvalue=""):
            cells = (f"{part:<{wide}}" for part, wide in zip(parts, widths, strict=True))
            yield "  " + "  ".join(cells).rstrip()
    for row in rows:
        said = [str(row[name]) for name in BELOW if row.get(name)]
        if said:
            yield f"  {next(iter(row.values()))}: {'; '.join(said)}"


def _folded(cell: str, width: int) -> list[str]:
    """A cell in lines; a name such as LAW:PAPER may end one at its colon."""
    return [cell] if len(cell) <= width else wrap(_COLON.sub(": ", cell), width)


def _widths(grid: Sequence[Sequence[str]], width: int) -> list[int]:
    """Characters of each column: all that it needs, or the widest less until the line fits."""
    columns = list(zip(*grid, strict=True))
    widths = [max(map(len, column)) for column in columns]
    least = [max(len(w) for cell in one for w in _WORD.findall(cell) or [""]) for one in columns]
    while sum(widths) + 2 * len(widths) > width and widths != least:
        wide = [i for i in range(len(widths)) if widths[i] > least[i]]
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


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
