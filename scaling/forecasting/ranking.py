"""How well formulas forecast runs that are held out: closed forms of the bank and laws of the
registry, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import clusters, number
from scaling.forecasting.candidates import Candidate, Mask, fit_all, points_of, predict, rows_of
from scaling.forecasting.forms import Rows
from scaling.forecasting.held_out import form_errors
from scaling.forecasting.table_inputs import TableInputs, is_text, read_table, usable_inputs
from scaling.forecasting.target_scale import Scale, scale_of
from scaling.io.progress import steps
from scaling.laws import Kind, Law, load, of_role
from scaling.runs.schema import RUN

# Resamples of the runs held out, and the part of them in which the error of the first is as large
# as that of a form which is tied with it.
RESAMPLES, TIED = 200, 0.05
# Generic laws with more parameters take seconds a fit (broken_power 1.1, broken_power_2 2.6,
# sigmoid_power 2.8 CPU s on 60 runs), and there are up to ten fits.
MOST_PARAMETERS = 4
# The same of other laws, of parameters that are not linear (farseer, of nine, 3 s on 245 runs).
MOST_CURVED = 8
# Part of the variance of an input's logarithm that others may leave unexplained: less, and it says
# the same as they do (flops and 6 params tokens).
OWN_PART = 1e-4
# Columns of numbers in the run schema that are no inputs unless named.
RESULTS = ("value", "value_se", "evaluated", "step", "axis", "seed")
_WORST, _TINY = 1e6, 1e-12


@dataclass(frozen=True)
class Study:
    """The runs as the bank reads them, and the runs of one lineage (n,), in the same order."""

    inputs: TableInputs
    rows: Rows
    scale: Scale
    target: str
    lineage: NDArray[np.int64]
    frame: pl.DataFrame


@dataclass(frozen=True)
class LawFit:
    """A law of the registry with the column of each of its inputs."""

    law: Law
    by: Mapping[str, str]

    @property
    def name(self) -> str:
        """The law's, with the column where it could read another."""
        return f"{self.law.name} in {self.by['x']}" if self.law.generic else self.law.name

    def predict(self, left: pl.DataFrame, frame: pl.DataFrame, target: str) -> Array:
        """What the law, fitted to the runs that are left, says of all (n,)."""
        from scaling.fitting.engine import fit

        made = fit(left, self.law, target=target, inputs=self.by)
        x = {name: frame[column].to_numpy() for name, column in self.by.items()}
        with np.errstate(all="ignore"):
            return np.asarray(made.predict(x))


def study_of(runs: pl.DataFrame, inputs: Sequence[str], target: str) -> Study:
    """The runs of a table that follow one convention, at most 600 of them.

    Raises:
        InputError: see `read_table`; rows of two conventions.
    """
    from scaling.fitting.conventions import refuse_mixed_columns

    hint = "Keep the rows of one, or name the column as an input: --input {name}."
    refuse_mixed_columns(runs, (*inputs, target), hint=hint)
    table = read_table(runs, inputs, target)
    scale = scale_of(table)
    rows = rows_of(table, scale)
    u, _ = points_of(rows)
    x = table.inputs.centre + table.inputs.unit * u
    x = np.where(table.inputs.logs, np.exp(np.where(table.inputs.logs, x, 0.0)), x)
    h = rows.h[rows.weight > 0]
    columns = dict(zip(table.inputs.numeric, x.T, strict=True))
    frame = pl.DataFrame({**columns, target: scale.back(h)})
    return Study(
        table.inputs, rows, scale, target, _lineage(runs, table.inputs, rows, scale, target), frame
    )


def _lineage(
    runs: pl.DataFrame, inputs: TableInputs, rows: Rows, scale: Scale, target: str
) -> NDArray[np.int64]:
    """Which rows (n,) of the bank are of one training run or family."""
    _, cluster = clusters(runs, None)
    u, group = inputs.points(runs)
    h = scale.forth(number(runs, target))
    keys = [(int(g), *one.tolist(), float(y)) for g, one, y in zip(group, u, h, strict=True)]
    of = dict(zip(keys, cluster.tolist(), strict=True))
    u, group = points_of(rows)
    h = rows.h[rows.weight > 0]
    found = [of[(int(g), *one.tolist(), float(y))] for g, one, y in zip(group, u, h, strict=True)]
    return np.unique(found, return_inverse=True)[1].ravel()


def default_columns(
    runs: pl.DataFrame, at: pl.DataFrame | None, target: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The inputs where none are named, and why each other column is not read.

    Every column of numbers that can be an input and says more than those before it; text only
    where there is no params and tokens (our tables describe their runs in words), and not what the
    run schema knows to be a result or a place.
    """
    used, left = usable_inputs(runs, runs if at is None else at, target)
    ours = {"params", "tokens"} <= set(used)
    known = {one.name for one in RUN if one.dtype == pl.String} | set(RESULTS)
    chosen: list[str] = []
    for name in used:
        text = is_text(runs, name)
        if name in known or (ours and text):
            left[name] = "not an input unless named" if not text else "text: name it for groups"
        elif not text and _explained(runs, chosen, name):
            left[name] = f"follows from {', '.join(chosen)}"
        else:
            chosen.append(name)
    return tuple(chosen), left


def _explained(runs: pl.DataFrame, chosen: Sequence[str], name: str) -> bool:
    """Whether a column is, in logs, a sum of those chosen: flops of params and tokens."""
    columns = [number(runs, one) for one in (*chosen, name) if not is_text(runs, one)]
    positive = all((np.isfinite(one) & (one > 0)).all() for one in columns)
    if len(columns) < 2 or not positive:
        return False
    logs = np.log(np.column_stack(columns))
    logs -= logs.mean(axis=0)
    left = logs[:, -1] - logs[:, :-1] @ np.linalg.lstsq(logs[:, :-1], logs[:, -1], rcond=None)[0]
    return bool((left**2).sum() < OWN_PART * (logs[:, -1] ** 2).sum())


def laws_for(runs: pl.DataFrame, study: Study) -> tuple[list[LawFit], dict[str, str]]:
    """The laws of the registry that read these columns, and why others of them are left out."""
    from scaling.fitting.engine import prepare

    if study.inputs.text:
        return [], {"those of the registry": "they know no groups"}
    found: list[LawFit] = []
    left: dict[str, str] = {}
    for law in load().values():
        if law.own_quantity and law.target != study.target:
            continue
        for by in _columns_for(law, study.inputs.numeric):
            one = LawFit(law, by)
            curved = len(law.params) - len(law.linear)
            if curved > MOST_CURVED or (law.generic and len(law.params) > MOST_PARAMETERS):
                left[one.name] = "slow to refit"
                continue
            try:
                prepare(runs, law, target=study.target, inputs=by)
            except InputError as error:
                left[one.name] = str(error)
            else:
                found.append(one)
    return found, left


def _columns_for(law: Law, columns: Sequence[str]) -> list[dict[str, str]]:
    """The columns that a law can read, by input: all of its own; of many columns a law of one
    variable reads each, if it stands in forecasts."""
    if law.kind is not Kind.FORMULA or law.link == "logit":
        return []
    if not law.generic:
        known = {one.name for one in law.all_inputs} <= set(columns)
        return [{name: name for name in law.inputs}] if known else []
    usual = len(columns) == 1 or law.name in of_role("forecast")
    return [{"x": name} for name in columns] if usual else []


@dataclass(frozen=True)
class Tested:
    """The candidates with their predictions of each set held out, on the scale that is modelled:
    the forms (C, n) and then the laws (L, n)."""

    candidates: tuple[Candidate, ...]
    laws: tuple[LawFit, ...]
    each: tuple[Array, ...]


def tested(study: Study, folds: Sequence[Mask], laws: Sequence[LawFit]) -> Tested:
    rows = study.rows
    u, group = points_of(rows)
    found = []
    for held_out in steps(folds):
        left = rows.without(held_out)
        of_forms = np.array([predict(one, left, u, group) for one in fit_all(left)])
        kept = pl.Series(~held_out[rows.weight > 0])
        of_laws = [_law_values(study, one, study.frame.filter(kept)) for one in laws]
        found.append(np.vstack([of_forms, *of_laws]))
    return Tested(fit_all(rows), tuple(laws), tuple(found))


def _law_values(study: Study, one: LawFit, left: pl.DataFrame) -> Array:
    """A law's predictions on the scale that is modelled; far off where it has none."""
    nothing = np.full(study.frame.height, _WORST)
    try:
        y = one.predict(left, study.frame, study.target)
    except InputError:
        return nothing
    with np.errstate(all="ignore"):
        distance = 1.0 - y if study.scale.kind == "one minus" else y
        value = study.scale.sign * (y if study.scale.kind == "plain" else np.log(distance))
    return np.where(np.isfinite(value), value, nothing)


def scores(study: Study, found: Tested, folds: Sequence[Mask]) -> tuple[Array, Array]:
    """The error (C,) of each candidate on the runs held out, and which are tied with the first.

    Tied is what lies below the upper end of the first's own error, when the runs held out are
    resampled by lineage.
    """
    rows, counts = study.rows, study.rows.weight > 0
    often = _often(study.lineage)
    logs, resampled = [], []
    for each, held_out in zip(found.each, folds, strict=True):
        out = held_out[counts]
        logs.append(np.log(form_errors(rows, each, held_out) + _TINY))
        wrong = np.abs(each[:, out] - rows.h[held_out])
        most = 10.0 * float(np.median(wrong)) + _TINY
        weight = often[:, out] / np.maximum(often[:, out].sum(axis=1, keepdims=True), 1.0)
        resampled.append(0.5 * np.log(weight @ np.minimum(wrong, most).T ** 2 + _TINY**2))
    error = np.mean(logs, axis=0)
    first = int(np.argmin(error))
    edge = np.quantile(np.mean(resampled, axis=0)[:, first], 1.0 - TIED)
    return np.exp(error), error <= max(float(edge), float(error[first]))


def _often(lineage: NDArray[np.int64]) -> Array:
    """How often each row (B, n) is drawn when lineages are."""
    count = int(lineage.max()) + 1
    rng = np.random.default_rng(7)
    return rng.multinomial(count, np.full(count, 1.0 / count), RESAMPLES)[:, lineage].astype(float)
