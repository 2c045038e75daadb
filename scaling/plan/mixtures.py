"""Shares of training domains: the mixture of least loss, and what a share of code costs.

    minimise  sum_i w_i L_i(r),   L_i(r) = c_i + k_i exp(sum_j t_ij r_j)      (mixture_exponential)

over shares r_j >= 0 that add to one, each within the range that the fitted mixtures span: a law of
mixtures says nothing about shares that no run had. w_i are the weights of the validation domains.
With k_i > 0 the sum is convex, so projected gradient steps (accelerated; Beck and Teboulle 2009,
SIAM J. Imaging Sciences 2:183) find the one optimum, for all draws at once. Projection onto shares
with bounds is r = clip(z - m, low, high) with m such that they add to one.

Losses are of the size and tokens of the fitted runs. That the best mixture is the same at another
scale is what RegMix assumes (Liu et al. 2024, arXiv:2407.01492); it is an assumption here too.
Sources: Ye et al. 2024, arXiv:2403.16952; the files of the laws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError, nearest
from scaling.fitting.intervals import of_values
from scaling.fitting.result import Fit
from scaling.forecasting.engine import model_of
from scaling.laws._mixtures import domains, outputs, shares, with_mixture
from scaling.laws._surface import bisect
from scaling.plan.answer import Answer, Figure, Row, by_model, ends, exact, warnings_of, within
from scaling.plan.stored import Sheet

LAW = "mixture_exponential"
STEPS = 400
# Shares of a named domain that are looked at, from its least to its largest.
POINTS = 6


@dataclass(frozen=True)
class Blend:
    """Loss of mixtures for a batch of parameters: c, k (B, I), t (B, I, J), weights (I,)."""

    c: Array
    k: Array
    t: Array
    weights: Array

    def terms(self, r: Array) -> Array:
        """k_i exp(t_i r), (B, I), at shares (B, J)."""
        return np.asarray(self.k * np.exp(np.einsum("bij,bj->bi", self.t, r)))

    def losses(self, r: Array) -> Array:
        """Loss (B, I) of each validation domain at shares (B, J)."""
        return np.asarray(self.c + self.terms(r))

    def loss(self, r: Array) -> Array:
        """The weighted loss (B,)."""
        return np.asarray(self.losses(r) @ self.weights)

    def slope(self, r: Array) -> Array:
        """Its derivatives (B, J)."""
        return np.asarray(np.einsum("bi,bij->bj", self.terms(r) * self.weights, self.t))

    def at(self, keep: slice | NDArray[np.int64]) -> Blend:
        """Some of the batch."""
        return Blend(self.c[keep], self.k[keep], self.t[keep], self.weights)


def best(blend: Blend, low: Array, high: Array) -> Array:
    """Shares (B, J) of least weighted loss with ``low`` <= r <= ``high``, each (B, J) or (J,)."""
    rows, width = blend.t.shape[0], blend.t.shape[2]
    low, high = np.broadcast_to(low, (rows, width)), np.broadcast_to(high, (rows, width))
    r = ahead = projected(np.full((rows, width), 1.0 / width), low, high)
    step, speed = np.ones((rows, 1)), 1.0
    for _ in range(STEPS):
        slope, value = blend.slope(ahead), blend.loss(ahead)
        new = projected(ahead - step * slope, low, high)
        by = new - ahead
        # Halve the step of a draw whose loss fell less than a parabola of that curvature promises.
        promise = value + (slope * by).sum(axis=1) + (by * by).sum(axis=1) / (2.0 * step[:, 0])
        short = blend.loss(new) > promise + 1e-13 * np.abs(value)
        step = np.where(short[:, None], 0.5 * step, 1.05 * step)
        # Begin the momentum afresh where it runs uphill.
        uphill = np.einsum("bj,bj->b", ahead - new, new - r) > 0
        after = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * speed**2))
        push = np.where(uphill, 0.0, (speed - 1.0) / after)[:, None]
        kept = np.where(short[:, None], r, new)
        ahead, r, speed = kept + push * (kept - r), kept, after
    return r


def projected(z: Array, low: Array, high: Array) -> Array:
    """The nearest shares to z (B, J) that add to one within the bounds."""
    least, most = (z - high).min(axis=1), (z - low).max(axis=1)
    m = bisect(lambda m: 1.0 - np.clip(z - m[:, None], low, high).sum(axis=1), least, most, 50)
    r = np.clip(z - m[:, None], low, high)
    return np.asarray(r)


def mixture(
    sheet: Sheet,
    runs: pl.DataFrame,
    *,
    weights: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    share: str | None = None,
    level: float = 0.9,
) -> Answer:
    """The shares of least loss; with ``share``, also the best mixture at several shares of it.

    Args:
        sheet: with the exponential mixture law, fitted to ``runs``.
        runs: the fitted rows, whose mixtures bound the answer.
        weights: validation domain -> weight; without it all count alike.
        bounds: training domain -> least and largest share, within what the runs span.
        share: a training domain, code for example.
        level: of the intervals.

    Raises:
        InputError: no such domain, bounds that no mixture meets, or weights that are no weights.
    """
    runs = with_mixture(runs)
    names, results = domains(runs), outputs(runs)
    known = np.array([[shares(text).get(j, 0.0) for j in names] for text in runs["mixture"]])
    w = _weights(results, weights)
    made = sheet.get(LAW)
    blend = _blend(made, names, results, w)
    low, high = _bounds(names, known, bounds or {})
    found = best(blend, low, high)
    first = blend.at(slice(1))
    usual = np.broadcast_to(known.mean(axis=0), found.shape)
    apart = blend.loss(found[:1].repeat(len(found), axis=0)) - blend.loss(usual)
    loss = blend.loss(found[:1].repeat(len(found), axis=0))
    away = 0.5 * np.abs(known - found[0]).sum(axis=1).min()
    unit = f"{made.target_unit}, weighted"
    tables: dict[str, Sequence[Row]] = {
        "Shares": _shares(names, found, known, level),
        "Losses at these shares": _losses(results, blend, found, usual, level),
    }
    if share is not None:
        place = _place(names, share)
        tables[f"Best mixtures by share of {share}"] = [
            _with_share(blend, first, names, place, at, (low, high), level)
            for at in np.linspace(low[place], high[place], POINTS)
        ]
    return Answer(
        f"The mixture of {len(names)} domains of least loss on {len(results)} validation domains",
        [
            ("loss", of_values(float(loss[0]), loss[1:], level), unit),
            (
                "gain",
                of_values(float(-apart[0]), -apart[1:], level),
                f"{unit}, below the mean of the fitted mixtures",
            ),
            ("away", exact(float(away), level), "share moved from the nearest fitted mixture"),
        ],
        f"{sheet.name}, {LAW}",
        sheet.version,
        by_model(
            lambda: _forecast(runs, dict(zip(results, w, strict=True)), found[0], level, unit)
        ),
        tables,
        {},
        [
            f"{made.law.formula}: {made.law.assumes}.",
            "Each share stays within what the fitted mixtures span.",
            "Losses are of the fitted runs' size; that the best mixture is the same at another "
            "size is an assumption.",
        ],
        warnings_of(sheet, made, {}),
    )


def _forecast(
    runs: pl.DataFrame, weights: Mapping[str, float], found: Array, level: float, unit: str
) -> list[Figure]:
    """The weighted loss at the law's shares (J,), and how far it lies below that at the mean of the
    mixtures, by the model of the table of shares.

    Raises:
        InputError: a table that allows no model.
    """
    names = domains(runs)
    by = runs if "metric" in runs.columns else runs.with_columns(metric=pl.lit("loss"))
    each = by.pivot("metric", index="mixture", values="loss", aggregate_function="mean")
    known = each.drop_nulls([name for name, weight in weights.items() if weight > 0])
    if known.is_empty():
        raise InputError(
            "no mixture was measured on every weighed validation domain",
            value=each.height,
            allowed="one mixture or more with all of them",
        )
    parts = [known[name] * weight for name, weight in weights.items() if weight > 0]
    mixed = np.array([[shares(text).get(j, 0.0) for j in names] for text in known["mixture"]])
    mixed /= mixed.sum(axis=1, keepdims=True)  # of rounded shares, which would be no shares
    columns = [j for j in range(len(names)) if np.ptp(mixed[:, j]) > 0]
    labels = [f"share_{names[j]}" for j in columns]
    table = pl.DataFrame(mixed[:, columns], schema=labels, orient="row")
    model = model_of(table.with_columns(loss=sum(parts[1:], parts[0])), labels, "loss")
    two = np.stack([found, mixed.mean(axis=0)])[:, columns]
    two /= two.sum(axis=1, keepdims=True)
    at = pl.DataFrame(two, schema=labels, orient="row")
    middle, drawn = model.location(at), model.draws(at)
    gain = of_values(float(middle[1] - middle[0]), drawn[:, 1] - drawn[:, 0], level)
    return [
        ("loss", of_values(float(middle[0]), drawn[:, 0], level), unit),
        ("gain", gain, f"{unit}, below the mean of the fitted mixtures"),
    ]


def _blend(made: Fit, names: Sequence[str], results: Sequence[str], w: Array) -> Blend:
    theta = np.concatenate([made.theta[None], made.draws])
    at = {name: theta[:, i] for i, name in enumerate(made.law.names)}
    zero = np.zeros(len(theta))
    c, k = (np.stack([at[f"{p}_{i}"] for i in results], axis=1) for p in "ck")
    t = [[at.get(f"t_{i}_{j}", zero) for j in names] for i in results]
    return Blend(c, k, np.array(t).transpose(2, 0, 1), w)


def _weights(results: Sequence[str], given: Mapping[str, float] | None) -> Array:
    if given is None:
        return np.full(len(results), 1.0 / len(results))
    for name, value in given.items():
        if name not in results:
            raise InputError(
                "no such validation domain",
                value=name,
                allowed=", ".join(results),
                hint=nearest(name, results),
            )
        within(f"weight of {name}", value, (0.0, 1e6), "")
    w = np.array([given.get(name, 0.0) for name in results])
    if not w.sum() > 0:
        raise InputError("weights add to nothing", value=0, allowed="one above 0")
    return np.asarray(w / w.sum())


def _place(names: Sequence[str], name: str) -> int:
    if name not in names:
        raise InputError(
            "no such training domain",
            value=name,
            allowed=", ".join(names),
            hint=nearest(name, names),
        )
    return names.index(name)


def _bounds(
    names: Sequence[str], known: Array, given: Mapping[str, tuple[float, float]]
) -> tuple[Array, Array]:
    """Least and largest shares (J,): of the fitted mixtures, narrowed by those given."""
    low, high = known.min(axis=0), known.max(axis=0)
    for name, (least, most) in given.items():
        j = _place(names, name)
        seen = (float(low[j]), float(high[j]))
        within(f"least share of {name}", least, (0.0, seen[1]), "of the mixture, as fitted")
        within(f"largest share of {name}", most, (max(least, seen[0]), 1.0), "of the mixture")
        low[j], high[j] = max(least, seen[0]), min(most, seen[1])
    if not low.sum() <= 1.0 <= high.sum():
        raise InputError(
            "no mixture meets these bounds",
            value=f"{low.sum():.3g} to {high.sum():.3g}",
            allowed="least shares that add to at most 1, largest ones to at least 1",
        )
    return low, high


def _shares(names: Sequence[str], found: Array, known: Array, level: float) -> list[Row]:
    """One row a domain, the largest share first."""
    rows: list[Row] = []
    for j in np.argsort(-found[0], kind="stable"):
        row: Row = {"domain": names[j]}
        row |= ends("share", of_values(float(found[0, j]), found[1:, j], level))
        rows.append(row | {"mean_of_runs": known[:, j].mean(), "most_of_runs": known[:, j].max()})
    return rows


def _losses(
    results: Sequence[str], blend: Blend, found: Array, usual: Array, level: float
) -> list[Row]:
    """One row a validation domain."""
    here = blend.losses(found[:1].repeat(len(found), axis=0))
    there = blend.losses(usual)
    rows: list[Row] = []
    for i, name in enumerate(results):
        row: Row = {"validation": name, "weight": float(blend.weights[i])}
        row |= ends("loss", of_values(float(here[0, i]), here[1:, i], level))
        row |= ends("mean_mixture", of_values(float(there[0, i]), there[1:, i], level))
        rows.append(row)
    return rows


def _with_share(
    blend: Blend,
    first: Blend,
    names: Sequence[str],
    place: int,
    at: float,
    limits: tuple[Array, Array],
    level: float,
) -> Row:
    """The best rest of the mixture where one domain has a given share."""
    low, high = limits[0].copy(), limits[1].copy()
    low[place] = high[place] = at
    if not low.sum() <= 1.0 <= high.sum():
        return {"share": at, "note": "no mixture within the bounds"}
    r = best(first, low, high)
    loss = blend.loss(r.repeat(len(blend.c), axis=0))
    row: Row = {"share": at} | ends("loss", of_values(float(loss[0]), loss[1:], level))
    top = np.argsort(-r[0])[:3]
    return row | {"most": ", ".join(f"{names[j]} {r[0, j]:.2f}" for j in top)}
