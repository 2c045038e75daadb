"""`forecast`: runs and targets -> quantiles.

By default one input is forecast by many shapes of curve and a network that was trained on simulated
ones (`scaling.forecast.curves`, `scaling.forecast.network`), two by the coupled law under many
assumptions (`scaling.forecast.planes`). More inputs, and laws that are named, go through the
registry of laws, in the rest of this module: the centre is the median, in logs, of the laws fitted
with weights that lean on the largest runs, and

    sigma^2 = (1.59 noise)^2 + (.66 disagreement)^2 + (.56 backtest)^2

noise is the scatter of single runs about the laws, disagreement the mean distance of the laws from
their median at the target, backtest their error on the largest runs foretold from the smaller.
Quantiles are those of Student's t. docs/benchmarks/forecast_notes.md says how the constants were
chosen, docs/benchmarks/forecast.md how well they hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling import laws as registry
from scaling.errors import InputError, placed
from scaling.fit.data import law_inputs, number, positive
from scaling.fit.engine import fit, own_objective
from scaling.forecast.candidates import Candidate, backtest_error, candidates, log_size
from scaling.forecast.predictive import Predictive
from scaling.forecast.shown import Forecast
from scaling.laws._law import Law

Array = NDArray[np.float64]

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
NOISE, DISAGREEMENT, BACKTEST = 1.59, 0.66, 0.56
DEGREES = 5
# Where too few runs are left for a backtest, an error of 5 % stands in.
NO_BACKTEST = 0.05
NO_NOISE = 0.01
# Epochs from which repetition shows: up to about 4 it costs little (Muennighoff et al. 2023,
# arXiv:2305.16264, section 6), so half of that is safely not fresh data.
REPEATED = 2.0
# Laws that stand for their kind: shown beside the forecast in backtests.
AUTO = ("chinchilla", "kaplan_joint", "power_law")
# The largest runs that a law's held-out error hides: a fifth.
HELD_OUT = 0.2


def forecast(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    *,
    inputs: Sequence[str] | None = None,
    target: str = "loss",
    quantiles: Sequence[float] = LEVELS,
    laws: Literal["auto"] | Sequence[str] = "auto",
    companions: Sequence[str] = (),
    seed: int = 0,
) -> Forecast:
    """Forecast ``target`` at the rows of ``at``.

    Args:
        runs: one row a run, with the input columns and the target.
        at: one row a planned run, with the input columns.
        inputs: one column (of any name), or two, or the inputs of a richer law; None for params and
            tokens, with tokens_unique where runs or targets repeat their data (`usual_inputs`).
        quantiles: levels between 0 and 1.
        laws: law names, or "auto" for the default of so many inputs (see the module). A law that
            reads other inputs, brings its own procedure or predicts something else than the target
            is named alone; its forecast is that of its resamples (`scaling.forecast.single`).
        companions: columns with what else was measured on the same run, for one input: where they
            reach further than the target they tell how the run went on
            (`scaling.forecast.companions`). Rows may then lack the target, or a companion.
        seed: of those resamples; the forecast of several laws draws no random numbers.

    Returns:
        One row per row of ``at`` and level: the columns of ``at``, then ``quantile``, ``value``; a
        polars table that a notebook shows with a row a target.

    A target that rises with the inputs and stays within [0, 1], such as an accuracy, is forecast
    through its distance from 1.
    """
    levels = _levels(quantiles)
    inputs = usual_inputs(runs, at) if inputs is None else inputs
    check_companions(companions, inputs, laws)
    special = alone(inputs, laws)
    if special is not None:
        from scaling.forecast.single import forecast_one

        by = dict(zip(special.inputs, inputs, strict=False)) if special.generic else None
        return _table(at, levels, forecast_one(runs, at, special, target, (levels, seed), by))
    made = predictive(runs, at, inputs, target, laws, companions)
    return _table(at, levels, made.quantiles(levels))


def usual_inputs(runs: pl.DataFrame, at: pl.DataFrame) -> tuple[str, ...]:
    """params and tokens; with tokens_unique where both tables have it and data are repeated more
    than `REPEATED` times, which a law in params and tokens cannot tell from fresh data."""
    names = ("params", "tokens", "tokens_unique")
    if all(name in table.columns for table in (runs, at) for name in names):
        epochs = [
            positive(table, "tokens") / positive(table, "tokens_unique") for table in (runs, at)
        ]
        if max(one.max(initial=0.0) for one in epochs) > REPEATED:
            return names
    return names[:2]


def predictive(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    inputs: Sequence[str],
    target: str,
    laws: Literal["auto"] | Sequence[str] = "auto",
    companions: Sequence[str] = (),
) -> Predictive:
    """`forecast` as a distribution instead of quantiles."""
    points = check_targets(at, inputs)
    others = [_companion(runs, inputs[0], name) for name in companions]
    if not others:
        return _predictive(runs, points, target, laws)
    measured, rows = _having(runs, target)
    with placed(rows=rows):
        return _predictive(measured, points, target, laws, others)


def _predictive(
    runs: pl.DataFrame,
    points: Mapping[str, Array],
    target: str,
    laws: Literal["auto"] | Sequence[str],
    others: Sequence[tuple[Array, Array]] = (),
) -> Predictive:
    """`predictive` of runs that all have the target, at the input columns of the targets."""
    inputs = list(points)
    table = pl.DataFrame({name: positive(runs, name) for name in inputs})
    y, rising = observed_scale(
        runs, target, log_size({name: table[name].to_numpy() for name in inputs})
    )
    table = table.with_columns(pl.Series(target, 1.0 - y if rising else y))
    if laws == "auto" and len(inputs) in (1, 2):
        x, where = table.select(inputs).to_numpy(), np.column_stack([points[n] for n in inputs])
        y = table[target].to_numpy()
        made = _plane(x, y, where) if len(inputs) == 2 else _curve(x[:, 0], y, where[:, 0], others)
        return replace(made, rising=rising)
    centre, parts = centre_and_parts(table, points, applicable(inputs, laws), target)
    scale = np.sqrt(parts**2 @ np.square((NOISE, DISAGREEMENT, BACKTEST)))
    return Predictive(centre, scale, DEGREES, rising, parts[:, 1])


def decades_beyond(runs: pl.DataFrame, at: pl.DataFrame, inputs: Sequence[str]) -> Array:
    """How far each target lies beyond the largest run, in decades of size (the geometric mean of
    the inputs); negative within the runs."""
    sizes = [log_size({name: positive(part, name) for name in inputs}) for part in (runs, at)]
    return np.asarray((sizes[1] - sizes[0].max()) / np.log(10.0))


def with_target(runs: pl.DataFrame, target: str) -> pl.DataFrame:
    """The rows that have the target: the others are of its companions alone."""
    return _having(runs, target)[0]


def check_companions(
    companions: Sequence[str], inputs: Sequence[str], laws: Literal["auto"] | Sequence[str]
) -> None:
    """Refuse companions where nothing would read them."""
    if companions and laws != "auto":
        raise InputError(
            "a named law uses no companions",
            value=f"{', '.join(laws)} with {', '.join(companions)}",
            allowed="companions with no law named, or the law without companions",
        )
    if companions and len(inputs) != 1:
        raise InputError("companions are for one input", value=[*inputs], allowed="one input")


def _having(runs: pl.DataFrame, name: str) -> tuple[pl.DataFrame, list[int]]:
    """The rows that have a number in this column, and which rows of the table, from 1, they are."""
    kept = pl.Series(np.isfinite(number(runs, name)))
    return runs.filter(kept), (kept.arg_true() + 1).to_list()


def _companion(runs: pl.DataFrame, name: str, column: str) -> tuple[Array, Array]:
    """x and y, both (n,) in order of the rows, of what else was measured on the run."""
    measured, rows = _having(runs, column)
    with placed(rows=rows):
        x = positive(measured, name)
        y, rising = observed_scale(measured, column, np.log(x))
    return x, 1.0 - y if rising else y


def _curve(x: Array, y: Array, at: Array, others: Sequence[tuple[Array, Array]]) -> Predictive:
    """One input: many shapes of curve and a network (`scaling.forecast.curves`); companions."""
    from scaling.forecast.curves import FEWEST, extrapolate, spread

    sizes = len(np.unique(x))
    if sizes < FEWEST:
        raise InputError(
            "too few sizes for a curve", value=sizes, allowed=f"{FEWEST} or more distinct values"
        )
    made = extrapolate(x, y, at)
    if others:
        from scaling.forecast.companions import lean

        made = lean(made, (x, y), at, others)
    return Predictive(made.centre, *spread(made), apart=made.apart)


def _plane(x: Array, y: Array, at: Array) -> Predictive:
    """Two inputs: the coupled law under many assumptions (`scaling.forecast.planes`)."""
    from scaling.forecast.planes import FEWEST, extrapolate, spread

    if len(y) < FEWEST:
        raise InputError("too few runs for two inputs", value=len(y), allowed=f"{FEWEST} or more")
    made = extrapolate(x, y, at)
    return Predictive(made.centre, *spread(made), apart=made.apart)


def observed_scale(runs: pl.DataFrame, target: str, size: Array) -> tuple[Array, bool]:
    """The target, and whether it is a share that rises with size (then 1 - y is forecast).

    A share of 0 or 1 has no log on one side: where that side is forecast, half the smallest
    distance that was seen stands for it.
    """
    y = number(runs, target)
    share = len(y) > 2 and np.isfinite(y).all() and y.min() >= 0.0 and y.max() <= 1.0
    if not (share and np.ptp(y) > 0 and np.ptp(size) > 0):
        return positive(runs, target), False
    rising = bool(np.corrcoef(size, y)[0, 1] > 0)
    distance = 1.0 - y if rising else y
    distance = np.where(distance > 0, distance, 0.5 * distance[distance > 0].min())
    return (1.0 - distance if rising else distance), rising


def centre_and_parts(
    table: pl.DataFrame,
    points: Mapping[str, Array],
    laws: Sequence[tuple[Law, Mapping[str, str]]],
    target: str,
) -> tuple[Array, Array]:
    """Log centre (T,), and noise, disagreement and backtest error behind its scale, (T, 3)."""
    names = list(points)

    def predict(rows: pl.DataFrame, where: Mapping[str, Array]) -> list[Candidate]:
        return candidates(rows, where, laws, target)

    made = predict(table, points)
    if not made:
        raise InputError("no law could be fitted", value=table.height, allowed="more runs")
    centre = np.median([one.value for one in made], axis=0)
    curved = [one for one in made if one.law != "carry last"]
    apart = np.mean([np.abs(one.value - centre) for one in curved], axis=0)
    noises = [one.noise for one in made if np.isfinite(one.noise)]
    noise = float(np.median(noises)) if noises else NO_NOISE
    reach = log_size(points) - log_size({name: table[name].to_numpy() for name in names}).max()
    error = backtest_error(table, names, target, max(float(np.median(reach)), 0.2), predict)
    error = error if np.isfinite(error) else NO_BACKTEST
    one = np.ones_like(centre)
    return centre, np.column_stack([noise * one, apart, error * one])


def check_targets(at: pl.DataFrame, inputs: Sequence[str]) -> dict[str, Array]:
    """Input columns of the targets; refuses an empty table and values no run can have."""
    if at.height == 0:
        raise InputError("the table is empty", value=0, allowed="at least one target")
    return {name: positive(at, name) for name in inputs}


def _levels(quantiles: Sequence[float]) -> Array:
    levels = np.asarray(list(quantiles), dtype=np.float64)
    bad = [float(q) for q in levels if not 0 < q < 1]
    if bad or not len(levels):
        raise InputError("quantile out of range", value=bad or "none", allowed="between 0 and 1")
    return levels


def _table(at: pl.DataFrame, levels: Array, values: Array) -> Forecast:
    index = np.repeat(np.arange(at.height), len(levels))
    quantile, value = np.tile(levels, at.height), values.T.reshape(-1)
    columns = pl.Series("quantile", quantile), pl.Series("value", value)
    return Forecast(at[index].with_columns(columns))


def applicable(
    inputs: Sequence[str], laws: Literal["auto"] | Sequence[str]
) -> list[tuple[Law, dict[str, str]]]:
    """The laws to use, each with its map from law input to column."""
    auto = AUTO if len(inputs) <= 2 else tuple(registry.load())
    names = auto if laws == "auto" else tuple(laws)
    found = []
    for name in names:
        law = registry.get(name)
        by = _mapping(law, inputs)
        if by is not None:
            found.append((law, by))
        elif laws != "auto":
            raise InputError(
                f"{law.name} needs other inputs", value=list(inputs), allowed=", ".join(law.inputs)
            )
    if not found:
        raise InputError(
            "no law takes these inputs", value=list(inputs), allowed="one, two, or those of a law"
        )
    return found


def alone(inputs: Sequence[str], laws: Literal["auto"] | Sequence[str]) -> Law | None:
    """The one law that was named, where it cannot join others in a forecast."""
    if laws == "auto" or len(laws) != 1:
        return None
    law = registry.get(laws[0])
    if _special(law):
        return law
    return law if _mapping(law, inputs) is None and not law.generic else None


def _special(law: Law) -> bool:
    """Whether the law does not give the target's logarithm from a formula of its inputs."""
    return bool(law.estimate or law.bind or law.output) or law.link != "log"


def joins(law: Law, inputs: Sequence[str]) -> bool:
    """Whether the law predicts the target from just these inputs, so that it can join others."""
    return not law.generic and _mapping(law, inputs) is not None


def _mapping(law: Law, inputs: Sequence[str]) -> dict[str, str] | None:
    if _special(law) or len(law.inputs) != len(inputs):
        return None
    if law.generic or law.inputs == ("params", "tokens"):
        return dict(zip(law.inputs, inputs, strict=True))
    return {name: name for name in law.inputs} if set(law.inputs) == set(inputs) else None


def holdout_error(runs: pl.DataFrame, law: Law, by: Mapping[str, str] | None, target: str) -> float:
    """Root mean square error, on the law's scale, on the largest fifth of the runs, fitted on the
    rest; infinite where it cannot be had. ``by`` maps inputs to columns."""
    bound = law.bound(runs, target)
    columns = law_inputs(runs, bound, by)
    sizes = {name: x for name, x in columns.items() if x.min() > 0}
    if bound.output or not sizes:
        return float("inf")
    size = log_size(sizes)
    edge = np.quantile(size, 1.0 - HELD_OUT)
    small, large = pl.Series(size < edge), pl.Series(size >= edge)
    if small.sum() <= len(bound.params) or large.sum() == 0:
        return float("inf")
    try:
        made = fit(runs.filter(small), bound, target=target, inputs=by)
    except InputError:  # what is left of the table can lack what the law needs
        return float("inf")
    where = large.to_numpy()
    predicted = made.predict({name: x[where] for name, x in columns.items()})
    aim = own_objective(bound)
    with np.errstate(all="ignore"):
        error = aim.to_link(predicted) - aim.to_link(number(runs, target)[where])
    return float(np.sqrt(np.mean(error**2))) if np.isfinite(error).all() else float("inf")
