"""`discover`: which formula a table of runs follows, by error on held-out runs.

Runs are held out in the direction asked (`scaling.forecasting.directions`). Every closed form of
the bank (`scaling.forecasting.forms`) and every law of the registry that reads these columns is
fitted to what is left (`scaling.forecasting.ranking`), and all are ranked by

    error = mean over the sets held out, in logs, of the root mean square error there

Tied with the first is what lies below the 95 % point of its error in resamples of the runs held
out. Intervals hold 90 %: of a form from draws about its most probable constants (Laplace), of
a law from resamples of the runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError, counted
from scaling.forecasting.candidates import Candidate
from scaling.forecasting.described import Ranked, of_form, of_law, of_process
from scaling.forecasting.directions import Direction, larger_runs, towards
from scaling.forecasting.ranking import (
    LawFit,
    Study,
    Tested,
    default_columns,
    laws_for,
    scores,
    study_of,
    tested,
)
from scaling.io.notebook import Drawn, html_table, markdown_table, one_line


@dataclass(frozen=True, repr=False)
class Discovery(Drawn):
    """Formulas for a table of runs, best first.

    Attributes:
        ranking: best first.
        target, inputs, left_out: what is explained by which columns; why others are not read.
        runs, used: runs of the table, and how many of them the forms were fitted to.
        direction: what was held out.
        relative: whether errors are of the target's logarithm, or of that of its distance from 1.
        notes: what a reader should mind.
        study: the runs as they were read.
        kind: the kind of table that came in, which `to_frame` gives back.
    """

    ranking: tuple[Ranked, ...]
    target: str
    inputs: tuple[str, ...]
    left_out: Mapping[str, str]
    runs: int
    used: int
    direction: Direction
    relative: bool
    notes: tuple[str, ...]
    study: Study
    kind: str = "polars"

    def to_frame(self) -> Any:
        """`table`, of the kind that came in."""
        return self._out(self.table)

    @property
    def table(self) -> pl.DataFrame:
        """A row a formula: number, name, held-out error, tied, constants, equals, formula."""
        rows = [
            {
                "number": one.number or None,
                "name": one.name,
                "error": one.error,
                "tied": one.tied,
                "constants": one.parameters or None,
                "known": one.known,
                "formula": next(iter(one.formulas.values()), "")
                if len(one.formulas) == 1
                else one.symbols,
            }
            for one in self.ranking
        ]
        return pl.DataFrame(rows, schema_overrides={"number": pl.Int64, "constants": pl.Int64})

    @property
    def constants(self) -> pl.DataFrame:
        """A row a constant: number and name of its formula, group, value, ends of its interval."""
        names = ("group", "name", "value", "low", "high")
        rows = [
            {"number": one.number, "form": one.name} | {n: getattr(c, n) for n in names}
            for one in self.formulas()
            for c in (*one.constants, *one.derived)
        ]
        return pl.DataFrame(rows)

    @property
    def best(self) -> Ranked:
        """The formula of fewest constants among those that are tied with the first (the rule of one
        standard error, Breiman et al. 1984, section 3.4.3, at 95 %); without any, the first. A law
        that was tested on simulated runs only is not chosen."""
        able = [one for one in self.formulas() if not one.simulated] or [*self.formulas()]
        tied = [one for one in able if one.tied]
        return min(tied, key=lambda one: one.parameters, default=able[0])

    def formulas(self) -> Iterator[Ranked]:
        """Those that have a formula, best first."""
        return (one for one in self.ranking if one.number)

    def form(self, number: int) -> Ranked:
        """The formula of this number.

        Raises:
            InputError: there is none.
        """
        for one in self.formulas():
            if one.number == number:
                return one
        last = max(one.number for one in self.formulas())
        raise InputError("no such formula", value=number, allowed=f"1 to {last}")

    def save(self, name: str, number: int | None = None, *, replace: bool = False) -> Path:
        """Write a formula as the law ``name`` of the project, and say where.

        Raises:
            InputError: see `scaling.forecasting.law_file.save`.
        """
        from scaling.forecasting.law_file import save

        return save(self, self.best if number is None else self.form(number), name, replace)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was compared and how, and what to mind."""
        what = "relative error" if self.relative else f"error in units of {self.target}"
        left = ", ".join(f"{name} ({why})" for name, why in self.left_out.items())
        used = "" if self.used == self.runs else f", of which {self.used} are used"
        found = [
            f"{counted(self.runs, 'run')}{used}. Inputs: {', '.join(self.inputs)}."
            + (f" Left out: {left}." if left else ""),
            f"Ranked by the {what} on runs held out, "
            f"{counted(len(self.direction.folds), 'set')}: {self.direction.text}; these lie "
            f"{self.direction.distance:.2g} ranges of the others beyond them."
            + ("" if np.isnan(self.direction.asked) else f" Planned: {self.direction.asked:.2g}."),
            "= : tied with the first within the noise of the runs held out (95 %). Best: "
            f"{self.best.number}, {self.best.name}, of fewest constants among these."
            if self.best.tied
            else "No formula forecasts the runs held out as well as the Gaussian process: the "
            "right one may not be here.",
            "Intervals hold 90 %: of forms from draws about their most probable constants "
            "(Laplace), of laws from resamples of the runs.",
            *([self.direction.warning] if self.direction.warning else []),
            *self.notes,
        ]
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "target": self.target,
            "inputs": list(self.inputs),
            "left_out": dict(self.left_out),
            "runs": self.runs,
            "used": self.used,
            "held_out": {
                "direction": self.direction.text,
                "sets": len(self.direction.folds),
                "distance": self.direction.distance,
                "planned_distance": self.direction.asked,
            },
            "error_is_relative": self.relative,
            "ranking": [_plain(one) for one in self.ranking],
            "notes": list(self.sentences),
        }

    def grid(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows, as terminals and notebooks show them."""
        head = ["", "form", "held-out error", "constants", "what it is", "formula"]
        return head, [self._row(one) for one in self.ranking]

    def _row(self, one: Ranked) -> list[str]:
        number = str(one.number) if one.number else "\u2014"
        error = f"{100 * one.error:.3g} %" if self.relative else f"{one.error:.3g}"
        texts = list(one.formulas.values())
        text = texts[0] if len(texts) == 1 else one.symbols
        count = str(one.parameters) if one.parameters else "\u2014"
        return [number, one.name, error + (" =" if one.tied else ""), count, one.known, text]

    def constant_grid(self, one: Ranked) -> tuple[list[str], list[list[str]]]:
        """Headings and rows of the constants of one formula."""
        rows = [
            [c.group, c.name, f"{c.value:.4g}", f"{c.low:.4g} to {c.high:.4g}"]
            for c in (*one.constants, *one.derived)
        ]
        start = 0 if any(row[0] for row in rows) else 1
        return ["group", "constant", "value", "90 % interval"][start:], [r[start:] for r in rows]

    def __repr__(self) -> str:
        """As text: the ranking, the constants of the first, the notes."""
        lines = [" | ".join(row).strip() for row in self.grid()[1]]
        lines += ["", self.best.name]
        lines += ["  " + "  ".join(row) for row in self.constant_grid(self.best)[1]]
        return "\n".join([*lines, "", *self.sentences])

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        below = " ".join(self.sentences)
        first = html_table(*self.constant_grid(self.best), caption=self.best.name)
        return f"<div>{html_table(*self.grid(), note=below)}{first}</div>"

    def _repr_markdown_(self) -> str:
        """The same in Markdown."""
        lines = [*markdown_table(*self.grid()), ""]
        lines += [*markdown_table(*self.constant_grid(self.best)), ""]
        return "\n".join([*lines, *map(one_line, self.sentences)]) + "\n"


def _plain(one: Ranked) -> dict[str, Any]:
    keep = ("number", "name", "error", "tied", "symbols", "intervals", "parameters", "known")
    found: dict[str, Any] = {name: getattr(one, name) for name in keep}
    for name in ("constants", "derived"):
        found[name] = [vars(c) for c in getattr(one, name)]
    return found | {"formulas": dict(one.formulas), "equals": list(one.equals)}


def discover(
    runs: pl.DataFrame,
    at: pl.DataFrame | None = None,
    inputs: Sequence[str] | None = None,
    target: str = "loss",
) -> Discovery:
    """Rank formulas for a table by their error on runs held out.

    Args:
        runs: one row a run, with the input columns and the target.
        at: planned runs, towards which runs are held out; None for larger runs.
        inputs: columns, numbers or text whose values are groups; None for every column (of both
            tables) that can be an input, see `scaling.forecasting.ranking.default_columns`.
        target: column to explain, of either sign.

    Returns:
        The ranking, each formula with its constants and their 90 % intervals. The same table gives
        the same answer: random numbers have fixed seeds.

    Raises:
        InputError: a column is missing or can be no input, too few runs, rows of two conventions.
    """
    left_out: dict[str, str] = {}
    if inputs is None:
        inputs, left_out = default_columns(runs, at, target)
    study = study_of(runs, inputs, target)
    direction = (
        larger_runs(study.rows, study.inputs)
        if at is None
        else towards(study.rows, study.inputs, *study.inputs.points(at))
    )
    laws, unread = laws_for(runs, study)
    found = tested(study, direction.folds, laws)
    error, tied = scores(study, found, direction.folds)
    notes = []
    if unread:
        named = ", ".join(f"{name} ({why})" for name, why in unread.items())
        notes.append(f"Laws that are not compared: {named}.")
    if study.inputs.text:
        notes.append(_GROUPS)
    ranking = _ranking(runs, study, found, error, tied)
    return Discovery(
        tuple(ranking),
        target,
        (*study.inputs.text, *study.inputs.numeric),
        left_out,
        runs.height,
        study.frame.height,
        direction,
        study.scale.kind != "plain",
        tuple(notes),
        study,
    )


_GROUPS = (
    "Each group has a formula of its own; partly pooled: the constants of the groups are drawn "
    "towards what the groups have in common."
)


def _ranking(
    runs: pl.DataFrame, study: Study, found: Tested, error: Array, tied: Array
) -> Iterator[Ranked]:
    """Each candidate in its place; laws that a form equals are named there, not ranked twice."""
    every: list[Candidate | LawFit] = [*found.candidates, *found.laws]
    taken: set[str] = set()
    number = 0
    described: dict[int, Ranked] = {}
    for c, one in enumerate(found.candidates):
        described[c] = of_process(one) if one.form is None else of_form(study, one)
        taken |= set(described[c].equals)
    for c in np.argsort(error, kind="stable").tolist():
        source = every[c]
        if isinstance(source, LawFit):
            if source.law.name in taken:
                continue
            described[c] = of_law(runs, study, source)
        place = described[c]
        number += place.source is not None
        own = number if place.source is not None else 0
        yield replace(place, number=own, error=float(error[c]), tied=bool(tied[c]))
