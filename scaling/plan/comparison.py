"""Is intervention A better than B at scale? From two tables of runs, one law, paired resamples.

    difference = L_A(N, D) - L_B(N, D),   P(A better) = share of draws with difference < 0

Where both tables have the same cells (N, D), row for row, the same resamples (same seed, same rows)
are taken of both: what the cells share then cancels in the difference. The crossing is the compute
at which the two compute-optimal losses are equal, draw by draw. With m copies of both studies the
difference's sd falls as 1/sqrt(m), so the smallest study that tells at confidence p is

    m = (z_p sd / |difference|)^2   times the FLOP of the present one,   m >= 1 where it tells.

The share of draws is a probability under the law; that one law holds for both is assumed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import of_values
from scaling.fitting.result import Fit
from scaling.forecasting import stored_model
from scaling.forecasting.model_surface import compute_optimal, refuse_rising
from scaling.forecasting.stored_model import StoredModel
from scaling.laws._surface import LN6, Surface, bisect, surface
from scaling.plan.answer import (
    FLOPS,
    PARAMS,
    TOKENS,
    Answer,
    Figure,
    by_model,
    exact,
    warnings_of,
    within,
)
from scaling.plan.stored import SIZES, Sheet

# Where a crossing is looked for.
SEARCHED = (1e12, 1e30)
STEPS = 145
MODELS_APART = (
    "each table has its own; their errors count as independent, and include the scatter of one run."
)


@dataclass(frozen=True)
class Pair:
    """Two fits of one law, with draws that belong together row by row, and each table's model."""

    names: tuple[str, str]
    fits: tuple[Fit, Fit]
    models: tuple[StoredModel, StoredModel]
    paired: bool
    flops: float
    ranges: dict[str, tuple[float, float]]

    @property
    def version(self) -> str:
        """Hash of both fits."""
        digest = hashlib.sha256(b"".join(one.theta.tobytes() for one in self.fits)).hexdigest()
        return f"fit {digest[:12]}"


def pair(
    a: pl.DataFrame,
    b: pl.DataFrame,
    names: tuple[str, str] = ("A", "B"),
    *,
    law: str = "chinchilla",
    resamples: int = 500,
    seed: int = 0,
    target: str = "loss",
    units: Mapping[str, str] | None = None,
) -> Pair:
    """Both tables fitted, with the same resamples where their cells agree.

    ``units`` are those of columns, as of `scaling.plan.stored.fitted`.

    Raises:
        InputError: a table that the law cannot be fitted to, or counts that cannot be in full.
    """
    from scaling.fitting.engine import fit
    from scaling.runs import counts

    tables = [counts.in_units(one, units or {}).sort("params", "tokens") for one in (a, b)]
    cells = [one.select("params", "tokens") for one in tables]
    same = cells[0].equals(cells[1])
    made = [
        fit(one, law, target=target, resamples=resamples, seed=seed + (0 if same else i))
        for i, one in enumerate(tables)
    ]
    every = pl.concat(cells, how="vertical_relaxed")
    every = every.with_columns(flops=6.0 * pl.col("params") * pl.col("tokens"))
    ranges = {
        name: (float(every[name].min()), float(every[name].max()))  # type: ignore[arg-type]
        for name in SIZES
    }
    spent = float(every["flops"].sum())
    models = [stored_model.model_of_runs(one, target) for one in tables]
    return Pair(names, (made[0], made[1]), (models[0], models[1]), same, spent, ranges)


def compare(
    found: Pair,
    *,
    flops: float | None = None,
    params: float | None = None,
    tokens: float | None = None,
    sure: float = 0.95,
    level: float = 0.9,
) -> Answer:
    """The difference at a scale, its probability, the crossing, and the smallest study that tells.

    At ``flops`` each intervention is trained its own compute-optimal way; at ``params`` and
    ``tokens`` both are the same run.

    Raises:
        InputError: no scale or two, a figure out of range, or fits without draws.
    """
    within("confidence", sure, (0.5001, 0.9999), "")
    sides = tuple(_batch(one) for one in found.fits)
    losses = _losses(sides, flops, params, tokens)
    apart = losses[0] - losses[1]
    drawn = apart[1:][np.isfinite(apart[1:])]
    if len(drawn) < 2:
        why = " ".join(dict.fromkeys(line for one in found.fits for line in one.caveats))
        raise InputError(
            "a comparison needs draws",
            value=len(drawn),
            allowed="resamples >= 2",
            hint=why or None,
        )
    better = float(np.mean(drawn < 0.0))
    crossing = np.exp(crossings(sides))
    unit = found.fits[0].target_unit
    at, sizes = _place(flops, params, tokens)
    sheet = Sheet(" against ".join(found.names), {}, found.version, found.ranges)
    distance = sheet.beyond(**sizes)
    a, b = found.names
    figures = [
        (f"loss_{a}", of_values(float(losses[0][0]), losses[0][1:], level), unit),
        (f"loss_{b}", of_values(float(losses[1][0]), losses[1][1:], level), unit),
        ("difference", of_values(float(apart[0]), apart[1:], level), f"{unit}, {a} less {b}"),
        ("probability", exact(better, level), f"that {a} is better"),
        ("crossing", of_values(float(crossing[0]), crossing[1:], level), "FLOP"),
        ("crosses", exact(float(np.isfinite(crossing[1:]).mean()), level), "share of draws"),
        ("study_needed", exact(needed(drawn, float(apart[0]), sure), level), "times this study"),
    ]
    times = figures[-1][1].value
    figures.append(("study_flops", exact(times * found.flops, level), "FLOP"))
    warned = [
        line
        for name, one in zip(found.names, found.fits, strict=True)
        for line in warnings_of(Sheet(name, {}, "", {}), one, {})
    ]
    return Answer(
        f"Is {a} better than {b} at {at}?",
        figures,
        f"{sheet.name}, {found.fits[0].law.name}",
        found.version,
        by_model(lambda: _by_models(found, flops, (params, tokens), level), [MODELS_APART]),
        {},
        distance,
        _assumptions(found, sure),
        [*warned, *warnings_of(sheet, found.fits[0], distance)[len(sheet.notes) :]],
    )


def _by_models(
    found: Pair, flops: float | None, run: tuple[float | None, float | None], level: float
) -> list[Figure]:
    """Both losses by the tables' models, each at its own optimum of ``flops`` or at ``run``.

    Raises:
        InputError: a table that allows no model, or at ``flops`` a target that rises with size.
    """
    unit, values, drawn = found.fits[0].target_unit, [], []
    for stored in found.models:
        made = stored.fit()
        if made is None or made.model is None:
            raise InputError(stored.reason)
        n, d = run
        if flops is not None:
            refuse_rising(made)
            n, d = compute_optimal(made.model, flops)
        x = {"params": np.array([n]), "tokens": np.array([d])}
        values.append(float(made.predict(x)[0]))
        drawn.append(made.draws_at(x))
    # Draw i rests on the same numbers in every model, so one side's are put in another order.
    drawn[1] = np.random.default_rng(0).permutation(drawn[1])
    a, b = found.names
    apart = drawn[0] - drawn[1]
    return [
        (f"loss_{a}", of_values(values[0], drawn[0], level), unit),
        (f"loss_{b}", of_values(values[1], drawn[1], level), unit),
        ("difference", of_values(values[0] - values[1], apart, level), f"{unit}, {a} less {b}"),
        ("probability", exact(float(np.mean(apart < 0.0)), level), f"that a run of {a} is better"),
    ]


def _assumptions(found: Pair, sure: float) -> list[str]:
    which = (
        "The tables have the same cells: the same resamples of both, so shared noise cancels."
        if found.paired
        else "The tables have different cells: resampled independently."
    )
    law = found.fits[0].law
    return [
        f"{law.formula} holds for both: {law.assumes}.",
        which,
        f"The study needed tells with {sure:.0%} confidence if the difference is the one found; "
        "it is this study's design, so many times over.",
    ]


def _batch(made: Fit) -> Surface:
    return surface(made.law, np.concatenate([made.theta[None], made.draws]))


def _losses(
    sides: tuple[Surface, ...], flops: float | None, params: float | None, tokens: float | None
) -> tuple[Array, Array]:
    """Loss of A and B (1 + R,), in as many draws as both have."""
    if flops is not None and params is None and tokens is None:
        log_c = float(np.log(within("compute", flops, FLOPS, "FLOP")))
        made = [_least_loss(one, log_c) for one in sides]
    elif flops is None and params is not None and tokens is not None:
        log_n = float(np.log(within("params", params, PARAMS, "params")))
        log_d = float(np.log(within("tokens", tokens, TOKENS, "tokens", "Not trillions.")))
        made = [one.loss(np.full_like(one.e, log_n), np.full_like(one.e, log_d)) for one in sides]
    else:
        raise InputError(
            "no scale", value=(flops, params, tokens), allowed="flops, or params and tokens"
        )
    rows = min(len(one) for one in made)
    return made[0][:rows], made[1][:rows]


def _least_loss(one: Surface, log_c: Array | float) -> Array:
    log_n = one.log_params(log_c)
    return one.loss(log_n, log_c - LN6 - log_n)


def _place(
    flops: float | None, params: float | None, tokens: float | None
) -> tuple[str, dict[str, float]]:
    if flops is not None:
        return f"{flops:.4g} FLOP", {"flops": flops}
    assert params is not None and tokens is not None
    sizes = {"params": params, "tokens": tokens, "flops": 6.0 * params * tokens}
    return f"{params:.4g} params on {tokens:.4g} tokens", sizes


def crossings(sides: tuple[Surface, ...]) -> Array:
    """ln C (B,) of the largest crossing of the compute-optimal losses; infinite without one."""
    rows = min(len(one.e) for one in sides)
    one, other = (side.at(slice(rows)) for side in sides)
    grid = np.linspace(float(np.log(SEARCHED[0])), float(np.log(SEARCHED[1])), STEPS)
    apart = np.stack([_least_loss(one, c) - _least_loss(other, c) for c in grid])
    turns = np.signbit(apart[1:]) != np.signbit(apart[:-1])
    last = len(turns) - 1 - np.argmax(turns[::-1], axis=0)
    sign = np.sign(apart[last + 1, np.arange(rows)])

    def f(log_c: Array) -> Array:
        return np.asarray(sign * (_least_loss(one, log_c) - _least_loss(other, log_c)))

    root = bisect(f, grid[last], grid[last + 1], 40)
    return np.where(turns.any(axis=0), root, np.inf)


def needed(drawn: Array, difference: float, sure: float) -> float:
    """Times the present study that tells the difference from 0 at confidence ``sure``."""
    sd = float(np.quantile(drawn, 0.84) - np.quantile(drawn, 0.16)) / 2.0
    z = NormalDist().inv_cdf(sure)
    return float("inf") if difference == 0.0 else (z * sd / abs(difference)) ** 2
