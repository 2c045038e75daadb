"""What is said of one formula of a ranking: its numbers, their intervals, which law it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.forecasting import forms
from scaling.forecasting.candidates import Candidate, points_of, predict
from scaling.forecasting.formula import Formula, constants, formula_of
from scaling.forecasting.ranking import LawFit, Study
from scaling.laws import Law, load

LEVEL = 0.9
# Draws behind the intervals of forms, resamples behind those of laws: the Monte Carlo error of a
# 5 % point is 9 and 15 % of a standard deviation.
DRAWS, RESAMPLES = 500, 200
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
    def simulated(self) -> bool:
        """Whether it is a law that no public table has tested, which is never the best."""
        return isinstance(self.source, Law) and self.source.simulated

    @property
    def known(self) -> str:
        """What is known of it, in words."""
        if self.source is None:
            return "a yardstick" if self.formulas else "a yardstick: it has no formula"
        if isinstance(self.source, Law):
            care = ", tested on simulated runs only" if self.simulated else ""
            return f"the law {self.source.name}{care}"
        return f"is {', '.join(self.equals)}" if self.equals else ""


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


def of_process(one: Candidate) -> Ranked:
    return Ranked(0, one.name, np.nan, False)


def of_form(study: Study, one: Candidate) -> Ranked:
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
    low = high = np.full_like(values, np.nan)  # where the fit's outcome denies intervals
    if len(drawn):
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


def of_law(runs: pl.DataFrame, study: Study, one: LawFit) -> Ranked:
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
