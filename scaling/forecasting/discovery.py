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

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError, counted
from scaling.forecasting import forms
from scaling.forecasting.candidates import Candidate, points_of, predict
from scaling.forecasting.directions import Direction, larger_runs, towards
from scaling.forecasting.formula import Formula, constants, formula_of
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
from scaling.io.notebook import html_table, markdown_table, one_line
from scaling.laws import Law, load

LEVEL = 0.9
# Draws behind the intervals of forms, resamples behind those of laws: the Monte Carlo error of a
# 5 % point is 9 and 15 % of a standard deviation.
DRAWS, RESAMPLES = 500, 200
# Formulas that a terminal and a notebook show; the rest is in the object.
SHOWN = 8
LAPLACE = "draws about the most probable constants (Laplace)"


@dataclass(frozen=True)
class Constant:
    """A constant with its 90 % interval; ``group`` is empty where there are no groups."""

    group: str
    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Ranked:
    """One line of the ranking.

    Attributes:
        number: by which it is saved; 0 for a yardstick: the constant, the Gaussian process.
        name: of the form or law.
        error: on the runs held out: of the logarithm of the target (of its distance from 1), or
            in its unit where it has either sign.
        tied: no worse than the first within the noise of the runs held out.
        symbols: the formula with names for its constants.
        formulas: with numbers, by group.
        constants, derived: with intervals; what follows from them, such as the best value of an
            input.
        equals: laws of the registry that it is.
        intervals: how they were found.
        source: what a law file is written from.
        parameters: how many constants, of one group.
        column: what a law of one variable reads.
    """

    number: int
    name: str
    error: float
    tied: bool
    symbols: str = ""
    formulas: Mapping[str, str] = field(default_factory=dict)
    constants: tuple[Constant, ...] = ()
    derived: tuple[Constant, ...] = ()
    equals: tuple[str, ...] = ()
    intervals: str = ""
    source: Formula | Law | None = None
    parameters: int = 0
    column: str = ""

    @property
    def known(self) -> str:
        """What is known of it, in words."""
        if self.source is None:
            return "a yardstick" if self.formulas else "a yardstick: it has no formula"
        if isinstance(self.source, Law):
            return f"the law {self.source.name}"
        return f"is {', '.join(self.equals)}" if self.equals else ""


@dataclass(frozen=True)
class Discovery:
    """Formulas for a table of runs, best first.

    Attributes:
        ranking: best first.
        target, inputs, left_out: what is explained by which columns; why others are not read.
        runs, used: runs of the table, and how many of them the forms were fitted to.
        direction: what was held out.
        relative: whether errors are of the target's logarithm, or of that of its distance from 1.
        notes: what a reader should mind.
        study: the runs as they were read.
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
    study: Study = field(repr=False)

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
        standard error, Breiman et al. 1984, section 3.4.3, at 95 %); without any, the first."""
        tied = [one for one in self.formulas() if one.tied]
        return min(tied, key=lambda one: one.parameters, default=next(self.formulas()))

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
        described[c] = _of_process(one) if one.form is None else _of_form(study, one)
        taken |= set(described[c].equals)
    for c in np.argsort(error, kind="stable").tolist():
        source = every[c]
        if isinstance(source, LawFit):
            if source.law.name in taken:
                continue
            described[c] = _of_law(runs, study, source)
        place = described[c]
        number += place.source is not None
        own = number if place.source is not None else 0
        yield replace(place, number=own, error=float(error[c]), tied=bool(tied[c]))


def _of_process(one: Candidate) -> Ranked:
    return Ranked(0, one.name, np.nan, False)


def _of_form(study: Study, one: Candidate) -> Ranked:
    """A form of the bank in the columns' units, with draws of its constants."""
    assert one.form is not None and one.fitted is not None
    rows = study.rows
    formula = formula_of(one.form, study.inputs, rows, study.target, study.scale)
    values = constants(formula, study.inputs, rows, one.fitted.theta)
    z = np.random.default_rng(3).standard_normal((DRAWS, *one.fitted.theta.shape))
    z *= _widening(study, one)
    drawn = constants(formula, study.inputs, rows, forms.draw(one.form, one.fitted, rows, z))
    levels = [" ".join(level) for level in study.inputs.levels]
    pooled = ", partly pooled" if one.pooled else ""
    return Ranked(
        0,
        one.name + pooled,
        np.nan,
        False,
        formula.symbols,
        {level: formula.numbers(values[g]) for g, level in enumerate(levels)},
        _intervals(levels, formula.names, values, drawn),
        _best_inputs(study, formula, levels, values, drawn),
        equal_laws(formula, values) if len(levels) == 1 else (),
        LAPLACE,
        None if one.form.reads == "none" else formula,
        len(formula.names),
    )


def _widening(study: Study, one: Candidate) -> float:
    """By how much draws are wider than for independent runs of equal weight and known noise.

    The design effects of Kish 1965 (sections 5.4, 11.7): of runs of one lineage that err together,
    the variance of their sum over that of independent errors, at least 1; of weights, n sum w^2 /
    (sum w)^2. Then Student's factor at the ends of the interval.
    """
    from scipy.special import stdtrit

    u, group = points_of(study.rows)
    counts = study.rows.weight > 0
    wrong = study.rows.h[counts] - predict(one, study.rows, u, group)
    wrong = wrong - wrong.mean()
    together = np.bincount(study.lineage, wrong)
    lineage = max(1.0, float((together**2).sum() / max((wrong**2).sum(), 1e-300)))
    w = study.rows.weight[counts]
    weights = len(w) * float((w**2).sum() / w.sum() ** 2)
    end = 0.5 + 0.5 * LEVEL
    assert one.fitted is not None
    free = max(len(w) - one.fitted.theta.size, 3)
    return float(np.sqrt(lineage * weights) * stdtrit(free, end) / stdtrit(np.inf, end))


def _intervals(
    levels: Sequence[str], names: Sequence[str], values: Array, drawn: Array
) -> tuple[Constant, ...]:
    """Constants (G, K) with the ends of their draws (D, G, K)."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return tuple(
        Constant(level, name, float(values[g, k]), float(low[g, k]), float(high[g, k]))
        for g, level in enumerate(levels)
        for k, name in enumerate(names)
    )


def _best_inputs(
    study: Study, formula: Formula, levels: Sequence[str], values: Array, drawn: Array
) -> tuple[Constant, ...]:
    """Where the target is best in an input, the others at their references, if the draws agree that
    there is such a place and it lies among the runs."""
    found: list[Constant] = []
    if formula.form.features != "squares":
        return ()
    power = dict(formula.terms[0].powers)
    square = {i: name for i, j, name in formula.terms[0].products if i == j}
    u, group = points_of(study.rows)
    for j, column in enumerate(formula.columns):
        a, c = (formula.names.index(by[j]) for by in (power, square))
        both = np.stack([values, *drawn])
        slope = both[..., a] if formula.polynomial else -both[..., a]
        with np.errstate(all="ignore"):
            every = column.zero - slope / (2.0 * both[..., c])
        bowl = drawn[..., c] * study.scale.sign
        low, high = np.quantile(every[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        for g, level in enumerate(levels):
            x = (u[group == g, j] * study.inputs.unit[j]) + study.inputs.centre[j]
            if (bowl[:, g] > 0).mean() >= LEVEL and x.min() < every[0, g] < x.max():
                ends = (every[0, g], low[g], high[g])
                numbers = [float(np.exp(one) if column.log else one) for one in ends]
                found.append(Constant(level, _best_name(formula, j), *numbers))
    return tuple(found)


def _best_name(formula: Formula, j: int) -> str:
    others = [f"{c.name} {c.reference:g}" for k, c in enumerate(formula.columns) if k != j]
    return f"best {formula.columns[j].name}" + (f" at {', '.join(others)}" if others else "")


def _of_law(runs: pl.DataFrame, study: Study, one: LawFit) -> Ranked:
    """A law of the registry, fitted to all runs and resampled by run."""
    from scaling.fitting.engine import fit

    law, by = one.law, dict(one.by)
    made = fit(runs, law, target=study.target, inputs=by, resamples=RESAMPLES)
    drawn = made.draws[:, None]
    unit = "row" if made.resampling is None else made.resampling.cluster
    text = _with_numbers(law, made.values)
    if law.generic:
        text = text.replace("y =", f"{study.target} =") + f" (x = {by['x']})"
    return Ranked(
        0,
        one.name,
        np.nan,
        False,
        law.formula,
        {"": text},
        _intervals([""], law.names, made.theta[None], drawn),
        intervals=f"{RESAMPLES} resamples by {unit}",
        source=law,
        parameters=len(law.names),
        column=by["x"] if law.generic else "",
    )


def _with_numbers(law: Law, values: Mapping[str, float]) -> str:
    """The formula of a law with its values, where it names every parameter; else both."""
    text = law.formula
    parts = re.split(r"([A-Za-z_][A-Za-z_0-9]*)", text)
    if set(law.names) <= set(parts):
        text = "".join(f"{values[one]:.4g}" if one in values else one for one in parts)
        return text.replace("+ -", "- ").replace("--", "")
    return f"{text}: " + ", ".join(f"{name} {value:.4g}" for name, value in values.items())


# Forms that are laws of the registry where they read the same columns; a test fits each to the
# other's values. Laws of one variable are named where there is one.
EQUALS: Mapping[str, tuple[str, ...]] = {
    "additive": ("chinchilla",),
    "coupled": ("coupled",),
    "power law": ("power_law", "finetune_joint"),
    "linear in logs": ("power_bare", "kaplan_params", "kaplan_tokens", "kaplan_compute"),
    "rectified": ("finetune_rectified",),
    "quadratic in logs": ("u_shaped",),
}


def equal_laws(formula: Formula, values: Array) -> tuple[str, ...]:
    """The laws of the registry that a formula with these constants (..., K) is."""
    columns = {one.name for one in formula.columns}
    if not all(one.log for one in formula.columns):
        return ()
    exponents = [name for term in formula.terms for _, name in term.powers]
    falls = (values[..., [formula.names.index(name) for name in exponents]] > 0).all()
    plain = formula.scale.kind == "plain"
    found = []
    for name in EQUALS.get(formula.form.name, ()):
        law = load()[name]
        same = len(columns) == 1 if law.generic else set(law.inputs) == columns
        free = name in ("u_shaped", "power_bare")
        right = plain if name == "u_shaped" else formula.scale.kind == "log"
        if same and right and (free or (falls and formula.scale.sign > 0)):
            found.append(name)
    return tuple(found)
