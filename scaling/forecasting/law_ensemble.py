"""What a forecast is made of: several laws, each fitted to lean on the largest runs.

A run counts by w = (s / s_max)^power, s the geometric mean of its inputs: what lies far below the
target says little about it, and laws fitted without such weights err about twice as much when
extrapolating (docs/log.md has the table). The power is lowered where the weights would rest
on fewer than a few runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import log_size
from scaling.fitting.engine import fit
from scaling.laws._law import Law

# Powers of the weights; both stood out among 0, 1, 2 and 4 on the curves they were chosen on.
WEIGHT_POWERS = (2.0, 4.0)
TAIL_POWER = 4.0
# Runs that the weights must rest on: 4 for one variable, 8 for two (Kish's effective number).
EFFECTIVE = {1: 4.0, 2: 8.0}
TAIL_EFFECTIVE = 3.0


@dataclass(frozen=True)
class Candidate:
    """One way to predict: log predictions at the targets (T,), and the noise that it saw.

    ``noise`` is the robust log scatter of runs about it (NaN where it has none), ``law`` its law
    or "carry last" or "tail".
    """

    law: str
    power: float
    value: Array
    noise: float


def candidates(
    runs: pl.DataFrame,
    points: Mapping[str, Array],
    laws: Sequence[tuple[Law, Mapping[str, str]]],
    target: str,
) -> list[Candidate]:
    """Every candidate's prediction of ``target`` at ``points`` (input column -> (T,))."""
    names = list(points)
    size = log_size({name: runs[name].to_numpy() for name in names})
    made = []
    for law, by in laws:
        for power in WEIGHT_POWERS:
            made.append(_law(runs, points, law, by, target, size, power))
    if len(names) == 1:
        made += _simple(runs, points[names[0]], names[0], target, size)
    return [one for one in made if np.isfinite(one.value).all()]


def weights(size: Array, power: float, fewest: float) -> Array:
    """(s / s_max)^power, with the power lowered until ``fewest`` runs carry the weight."""
    for share in (1.0, 0.5, 0.25, 0.1):
        w = np.exp(power * share * (size - size.max()))
        if effective(w) >= fewest:
            return np.asarray(w)
    return np.ones_like(size)


def effective(w: Array) -> float:
    """Kish's effective number of rows."""
    return float(w.sum() ** 2 / (w**2).sum())


def _law(
    runs: pl.DataFrame,
    points: Mapping[str, Array],
    law: Law,
    by: Mapping[str, str],
    target: str,
    size: Array,
    power: float,
) -> Candidate:
    w = weights(size, power, EFFECTIVE.get(len(points), 8.0))
    weighted = runs.with_columns(_se=pl.Series(1.0 / np.sqrt(np.maximum(w, 1e-10))))
    made = fit(weighted, law, target=target, inputs=by, weights="_se")
    with np.errstate(all="ignore"):
        value = np.log(made.predict({name: points[column] for name, column in by.items()}))
    spread = 1.4826 * _weighted_median(np.abs(made.residuals), w)
    return Candidate(law.name, power, value, float(spread * np.sqrt(1.0 + 12.0 / effective(w))))


def _simple(runs: pl.DataFrame, at: Array, name: str, target: str, size: Array) -> list[Candidate]:
    """Carry the last value on, and a straight line in logs through the tail."""
    x, y = np.log(runs[name].to_numpy()), np.log(runs[target].to_numpy())
    last = float(y[x >= x.max() - 1e-6].mean())
    tail = tail_power_law(x, y, np.log(at))
    nothing = float("nan")
    return [
        Candidate("carry last", 0.0, np.full(len(at), last), nothing),
        Candidate("tail", TAIL_POWER, tail, nothing),
    ]


def tail_power_law(size: Array, y: Array, at: Array) -> Array:
    """A straight line through log y (n,) against log size (n,), leaning on the largest, at (T,)."""
    w = weights(size, TAIL_POWER, TAIL_EFFECTIVE)
    slope, level = np.polyfit(size - size.max(), y, 1, w=np.sqrt(w))
    return np.asarray(level + slope * (at - size.max()))


def _weighted_median(values: Array, w: Array) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(w[order])
    return float(values[order][np.searchsorted(reached, 0.5 * reached[-1])])


def backtest_error(
    runs: pl.DataFrame,
    names: Sequence[str],
    target: str,
    distance: float,
    predict: Callable[[pl.DataFrame, Mapping[str, Array]], list[Candidate]],
) -> float:
    """Median root mean square log error of the candidates on the largest runs, forecast from the
    rest at about the distance of the targets; NaN where there are too few runs."""
    size = log_size({name: runs[name].to_numpy() for name in names})
    levels = np.unique(size)
    if len(levels) < 5:
        return float("nan")
    edge = max(
        min(size.max() - distance, np.quantile(size, 0.8), levels[-2]), np.quantile(size, 0.5)
    )
    small, large = runs.filter(pl.Series(size < edge)), runs.filter(pl.Series(size >= edge))
    if small.height < 5 or large.height == 0:
        return float("nan")
    made = predict(small, {name: large[name].to_numpy() for name in names})
    truth = np.log(large[target].to_numpy())
    errors = [np.sqrt(np.mean((one.value - truth) ** 2)) for one in made if one.law != "carry last"]
    return float(np.median(errors)) if errors else float("nan")


# Where too few runs are left for a backtest, an error of 5 % stands in.
NO_BACKTEST = 0.05


NO_NOISE = 0.01


def location_and_parts(
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
    location = np.median([one.value for one in made], axis=0)
    curved = [one for one in made if one.law != "carry last"]
    disagreement = np.mean([np.abs(one.value - location) for one in curved], axis=0)
    noises = [one.noise for one in made if np.isfinite(one.noise)]
    noise = float(np.median(noises)) if noises else NO_NOISE
    reach = log_size(points) - log_size({name: table[name].to_numpy() for name in names}).max()
    error = backtest_error(table, names, target, max(float(np.median(reach)), 0.2), predict)
    error = error if np.isfinite(error) else NO_BACKTEST
    one = np.ones_like(location)
    return location, np.column_stack([noise * one, disagreement, error * one])
