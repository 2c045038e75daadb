"""What it takes to reach a downstream goal: compute, N and D, task loss, accuracy, probability.

The ladder chains a law in N and D to a sigmoid of the task loss (Bhagia et al. 2024,
arXiv:2412.04403). N and D are the fitted first step's compute-optimal ones at 6ND = C; along them
every draw's accuracy rises with C, so each draw has a least compute C_r that reaches the goal, and

    P(law reaches the goal with C) = share of draws with C_r <= C.

A draw's ceiling below the goal gives an infinite C_r. A run is not the law: its accuracy scatters
about it, and a task may leave the law beyond the fitted runs. So the probability in the answer is

    P(run reaches the goal with C) = mean over draws of Phi((a(C) - goal) / sd),
    sd^2 = s^2 + (scatter a(C))^2,

a(C) a draw's accuracy, s the sd of the fitted runs about the law, ``scatter`` the share of the
accuracy by which single tasks are off: mean errors in the paper are 3.5 % (accuracy from the true
task loss) and 6 % (the whole chain) over eight tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import of_values
from scaling.fitting.result import Fit
from scaling.forecasting.model_surface import MODEL, ModelFit
from scaling.laws._surface import LN6, PowerSurface, bisect
from scaling.plan.answer import (
    FLOPS,
    Answer,
    Figure,
    Row,
    basis_of,
    ends,
    exact,
    warnings_of,
    within,
)
from scaling.plan.stored import Sheet

LAW = "ladder"
SURE = (0.1, 0.5, 0.8, 0.9, 0.95)
# The upper end of what scores best on 20 tasks of a public ladder with each task left out, 0 to .02
# (docs/benchmarks/plan_target.md); 90 % intervals of accuracies hold 96 % there.
SCATTER = 0.02
# Where the model is asked what a run reaches: FLOP in steps of 5 %, from far below any run of a
# ladder to 2e5 times the largest run known (5e26).
COMPUTE = np.geomspace(1e14, 1e32, 850)


def target(
    sheet: Sheet,
    *,
    accuracy: float,
    flops: float | None = None,
    scatter: float = SCATTER,
    sure: Sequence[float] = SURE,
    level: float = 0.9,
) -> Answer:
    """Compute for a goal by probability; with ``flops``, also the probability at that compute.

    ``scatter`` is how far single tasks lie off the law beyond the fitted runs, as a share of the
    accuracy (a standard deviation); 0 leaves the fitted runs' own scatter.

    Raises:
        InputError: an accuracy outside 0 to 1 or above the law's ceiling, or no ladder fit.
    """
    within("accuracy", accuracy, (1e-6, 1.0 - 1e-6), "as a share", "0.8, not 80.")
    within("scatter", scatter, (0.0, 1.0), "of the accuracy")
    if flops is not None:
        within("compute", flops, FLOPS, "FLOP")
    made = sheet.get(LAW)
    theta = np.concatenate([made.theta[None], made.draws])
    needed = least_compute(made, theta, accuracy)
    if not np.isfinite(needed[0]):
        most = accuracy_at(made, theta[:1], np.array([np.log(FLOPS[1])]))[0]
        allowed = f"below {float(most):.4g}, the law's ceiling"
        raise InputError("the law never reaches this accuracy", value=accuracy, allowed=allowed)
    off = Off(run_noise(made), scatter)
    rows = [_row(made, theta, accuracy, off, p, level) for p in sure if len(theta) > 2]
    shown = [("flops", of_values(float(np.exp(needed[0])), np.exp(needed[1:]), level), "FLOP")]
    n, d = _sizes(made, float(needed[0]))
    shown += [("params", exact(n, level), "params"), ("tokens", exact(d, level), "tokens")]
    if flops is not None:
        reached = chance(made, made.draws, accuracy, float(np.log(flops)), off)
        law = probability(needed[1:], flops)
        shown.append(("probability", exact(reached, level), f"that a run of {flops:.4g} FLOP does"))
        shown.append(("probability_of_law", exact(law, level), "that the law does, without noise"))
    distance = sheet.beyond(params=n, tokens=d, flops=6.0 * n * d)
    return Answer(
        f"Runs that reach {accuracy:.4g} {made.target}",
        shown,
        f"{sheet.name}, {LAW}",
        sheet.version,
        basis_of(sheet, made, lambda: _by_model(sheet, made, accuracy, flops, level)),
        {"By the probability wanted, of a run": rows},
        distance,
        [
            f"{made.law.formula}: {made.law.assumes}.",
            "N and D are compute-optimal for the task loss at 6ND, N without embeddings.",
            f"A run's accuracy scatters about the law by {off.noise:.3g} as the fitted runs do "
            f"and by {scatter:.3g} of itself as single tasks do beyond them.",
        ],
        warnings_of(sheet, made, distance),
    )


@dataclass(frozen=True)
class Off:
    """How far a run lies off the law: sd of accuracy, and sd as a share of the accuracy."""

    noise: float
    scatter: float

    def sd(self, accuracy: Array) -> Array:
        """Of one run at an accuracy, never 0."""
        return np.maximum(np.hypot(self.noise, self.scatter * accuracy), 1e-12)


def run_noise(made: Fit) -> float:
    """Sd of the fitted runs' accuracy about the law, with the parameters spent on them."""
    spent = max(len(made.residuals) - len(made.law.names), 1)
    return float(np.sqrt(np.sum(made.residuals**2) / spent))


def chance(made: Fit, draws: Array, goal: float, log_c: float, off: Off) -> float:
    """Probability that a run of ln C reaches ``goal``: mean over draws of Phi((a - goal) / sd)."""
    if len(draws) == 0:
        hint = " ".join(made.caveats) or None
        raise InputError(
            "a probability needs draws", value=0, allowed="a fit with resamples", hint=hint
        )
    a = accuracy_at(made, draws, np.full(len(draws), log_c))
    z = (a - goal) / off.sd(a)
    return float(np.mean([0.5 * (1.0 + erf(one / sqrt(2.0))) for one in z]))


def probability(needed: Array, flops: float) -> float:
    """Share of draws whose least compute (ln) is at most ``flops``."""
    if len(needed) == 0:
        raise InputError("a probability needs draws", value=0, allowed="a fit with resamples")
    return float(np.mean(needed <= np.log(flops)))


def accuracy_at(made: Fit, theta: Array, log_c: Array) -> Array:
    """Accuracy (B,) at ln C (B,), at the fitted optimum's sizes."""
    one = _first(made, made.theta[None])
    log_n = (one.log_params(0.0) + one.beta / (one.alpha + one.beta) * log_c)[:, None]
    x = {"params": np.exp(log_n), "tokens": np.exp(log_c[:, None] - LN6 - log_n)}
    return made.law(theta, x)[:, 0]


def _by_model(
    sheet: Sheet, made: Fit, goal: float, flops: float | None, level: float
) -> list[Figure]:
    """Compute with which a run reaches the goal, draw by draw of the study's model, at the sizes
    that are compute-optimal for the task loss; with ``flops`` also the probability there."""
    model = sheet.get(MODEL)
    assert isinstance(model, ModelFit) and model.model is not None
    log_c = np.log(COMPUTE if flops is None else np.append(flops, COMPUTE))
    n, d = np.transpose([_sizes(made, float(one)) for one in log_c])
    at = pl.DataFrame({"params": n, "tokens": d})
    reached = np.vstack([model.model.location(at), model.model.draws(at)]) >= goal
    shown: list[Figure] = []
    if flops is not None:
        chance_there = exact(float(np.mean(reached[1:, 0])), level)
        shown.append(("probability", chance_there, f"that a run of {flops:.4g} FLOP does"))
        reached = reached[:, 1:]
    first = np.where(reached.any(axis=1), COMPUTE[reached.argmax(axis=1)], np.inf)
    return [("flops", of_values(float(first[0]), first[1:], level), "FLOP"), *shown]


def least_compute(made: Fit, theta: Array, goal: float) -> Array:
    """ln of the least compute (B,) that reaches ``goal``; infinite where none does."""
    low = np.full(len(theta), np.log(1e9))
    high = np.full(len(theta), np.log(FLOPS[1]))
    with np.errstate(all="ignore"):
        reached = accuracy_at(made, theta, high) >= goal
        found = bisect(lambda at: accuracy_at(made, theta, at) - goal, low, high, 60)
    return np.where(reached, found, np.inf)


def _first(made: Fit, theta: Array) -> PowerSurface:
    """The ladder's first step: task loss."""
    p = {name: theta[:, i] for i, name in enumerate(made.law.names)}
    one = np.ones(len(theta))
    return PowerSurface(p["E"], np.log(p["A"]), np.log(p["B"]), p["alpha"], p["beta"], one)


def _sizes(made: Fit, log_c: float) -> tuple[float, float]:
    log_n = float(_first(made, made.theta[None]).log_params(log_c)[0])
    return float(np.exp(log_n)), float(np.exp(log_c - LN6 - log_n))


def _row(made: Fit, theta: Array, goal: float, off: Off, sure: float, level: float) -> Row:
    """The compute with which a run reaches the goal with probability ``sure``."""
    low, high = float(np.log(1e9)), float(np.log(FLOPS[1]))
    row: Row = {"probability": sure}
    if chance(made, theta[1:], goal, high, off) < sure:
        return row | {"note": "no compute: ceilings and scatter of too many draws"}
    for _ in range(50):
        middle = 0.5 * (low + high)
        above = chance(made, theta[1:], goal, middle, off) >= sure
        low, high = (low, middle) if above else (middle, high)
    n, d = _sizes(made, high)
    at = np.full(len(theta), high)
    log_n, log_d = np.full(len(theta), np.log(n)), np.full(len(theta), np.log(d))
    loss = _first(made, theta).loss(log_n, log_d)
    score = accuracy_at(made, theta, at)
    row |= {"flops": float(np.exp(high)), "params": n, "tokens": d}
    row |= ends("task_loss", of_values(float(loss[0]), loss[1:], level))
    return row | ends("accuracy", of_values(float(score[0]), score[1:], level))
