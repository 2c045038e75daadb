"""What the laws say along the runs and beyond them: numbers for the figures of a study. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.fitting.intervals import Interval
from scaling.fitting.result import Fit
from scaling.laws._surface import has_surface
from scaling.plan.allocation import SIX_ND, valley
from scaling.plan.answer import batch

# Draws behind a band: enough for its ends to stand still at the width of a line.
DRAWS = 400
LEVELS = (0.05, 0.25, 0.75, 0.95)
# A budget of an isoFLOP valley: at least this many sizes, this many decades apart, within this
# many decades of compute.
SIZES, WIDE, NEAR = 5, 0.45, 0.03
MOST_BUDGETS = 8


@dataclass(frozen=True)
class Band:
    """Values along ``x`` (n,): the fit's, and points of the draws from low to high (k, n)."""

    x: Array
    middle: Array
    ends: Array | None


@dataclass(frozen=True)
class Frontier:
    """Compute-optimal params and tokens along compute."""

    params: Band
    tokens: Band


@dataclass(frozen=True)
class Budget:
    """Runs of one compute budget, and the law across sizes at it."""

    flops: float
    params: Array
    loss: Array
    curve: tuple[Array, Array]


def supported(fit: Fit) -> bool:
    """Does the law take what every run has: params and tokens, or compute."""
    return set(fit.law.inputs) <= {"params", "tokens"} or fit.law.inputs == ("x",)


def inputs(fit: Fit, params: Array, tokens: Array, flops: Array) -> Mapping[str, Array]:
    """The law's inputs; x is compute."""
    known = {"params": params, "tokens": tokens, "x": flops}
    return {name: known[name] for name in fit.law.inputs}


def usual(runs: pl.DataFrame, flops: Array) -> tuple[Array, Array]:
    """Params and tokens by the runs' usual split of compute: a straight line of log N on log C."""
    known = runs.drop_nulls(["params", "flops"])
    x, y = np.log(known["flops"].to_numpy()), np.log(known["params"].to_numpy())
    if not len(x):  # runs of compute alone, and laws that read nothing else
        return np.full(len(flops), np.nan), np.full(len(flops), np.nan)
    middle, bend = float(y.mean()), 0.0
    if len(x) > 2 and float(np.ptp(x)) > 0:
        bend = float(np.polyfit(x, y, 1)[0])
    params = np.exp(middle + bend * (np.log(flops) - float(x.mean())))
    return params, flops / (6.0 * params)


def along(fit: Fit, runs: pl.DataFrame, flops: Array) -> Band:
    """The law along the usual split."""
    params, tokens = usual(runs, flops)
    x = inputs(fit, params, tokens, flops)
    drawn = _thin(fit.draws)
    ends = np.quantile(fit.law(drawn, x), LEVELS, axis=0) if len(drawn) > 1 else None
    return Band(flops, fit.predict(x), ends)


def residuals(fit: Fit, runs: pl.DataFrame) -> tuple[Array, Array]:
    """Compute of each run, and the log of predicted over observed."""
    known = runs.drop_nulls(["params", "tokens", "flops"] if fit.law.inputs != ("x",) else "flops")
    columns = [known[name].to_numpy().astype(float) for name in ("params", "tokens", "flops")]
    predicted = fit.predict(inputs(fit, *columns))
    return columns[2], np.log(predicted / known["value"].to_numpy())


def frontier(fit: Fit, flops: Array) -> Frontier | None:
    """Compute-optimal N and D at each budget, with the ends from the draws; None where the law
    has no trade-off between them, or none with a closed form."""
    if not has_surface(fit.law):
        return None
    drawn = batch(fit, 0.9)
    params, tokens = [], []
    for one in flops:
        found = valley(drawn.one, SIX_ND, flops=float(one))
        params.append(drawn.interval(np.exp(found.log_n)))
        tokens.append(drawn.interval(np.exp(found.log_d)))
    return Frontier(_band(flops, params), _band(flops, tokens))


def _band(x: Array, found: list[Interval]) -> Band:
    middle = np.array([one.value for one in found])
    ends = np.array([[one.low for one in found], [one.high for one in found]])
    return Band(x, middle, ends if np.isfinite(ends).all() else None)


def budgets(fit: Fit, runs: pl.DataFrame) -> list[Budget]:
    """The study's budgets with enough sizes, largest sets of runs first, then by compute."""
    if set(fit.law.inputs) != {"params", "tokens"} or not runs.height:
        return []
    known = runs.drop_nulls(["params", "flops"]).sort("flops")
    place = np.log10(known["flops"].to_numpy())
    size = np.log10(known["params"].to_numpy())
    inside = [np.abs(place - at) <= NEAR for at in place]
    ranked = sorted(range(len(place)), key=lambda i: (-int(inside[i].sum()), i))
    chosen: list[int] = []
    for i in ranked:
        sizes = size[inside[i]]
        apart = all(abs(place[i] - place[j]) > 5 * NEAR for j in chosen)
        enough = len(np.unique(sizes.round(3))) >= SIZES and float(np.ptp(sizes)) >= WIDE
        if apart and enough and len(chosen) < MOST_BUDGETS:
            chosen.append(i)
    return [_budget(fit, known.filter(pl.Series(inside[i]))) for i in sorted(chosen)]


def _budget(fit: Fit, runs: pl.DataFrame) -> Budget:
    params, loss = runs["params"].to_numpy(), runs["value"].to_numpy()
    flops = float(np.exp(np.log(runs["flops"].to_numpy()).mean()))
    ends = np.log(params.min()) - 0.3, np.log(params.max()) + 0.3
    line = np.exp(np.linspace(*ends, 25))
    curve = fit.predict({"params": line, "tokens": flops / 6.0 / line})
    return Budget(flops, params, loss, (line, curve))


def _thin(draws: Array) -> Array:
    step = max(1, len(draws) // DRAWS)
    return draws[::step]
