"""What it takes to reach a downstream goal: compute, N and D, task loss, accuracy, probability.

The ladder chains a law in N and D to a sigmoid of the task loss (Bhagia et al. 2024,
arXiv:2412.04403). N and D are the fitted first step's compute-optimal ones at 6ND = C; along them
every draw's accuracy rises with C, so each draw has a least compute C_r that reaches the goal, and

    P(goal reached with C) = share of draws with C_r <= C.

A draw's ceiling below the goal gives an infinite C_r. Draws are of the law's parameters: the
scatter of single tasks about the law (3 to 6 % in the paper) is not in them and is warned of.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scaling.answers._interval import of_values
from scaling.errors import InputError
from scaling.fit.result import Fit
from scaling.plan.answer import FLOPS, Answer, Row, ends, exact, warnings_of, within
from scaling.plan.stored import Sheet
from scaling.plan.surface import LN6, Surface, halve

Array = NDArray[np.float64]

LAW = "ladder"
SURE = (0.1, 0.5, 0.8, 0.9, 0.95)


def target(
    sheet: Sheet,
    *,
    accuracy: float,
    flops: float | None = None,
    sure: Sequence[float] = SURE,
    level: float = 0.9,
) -> Answer:
    """Compute for a goal by probability; with ``flops``, also the probability at that compute.

    Raises:
        InputError: an accuracy outside 0 to 1 or above the law's ceiling, or no ladder fit.
    """
    within("accuracy", accuracy, (1e-6, 1.0 - 1e-6), "as a share", "0.8, not 80.")
    if flops is not None:
        within("compute", flops, FLOPS, "FLOP")
    made = sheet.get(LAW)
    theta = np.concatenate([made.theta[None], made.draws])
    needed = least_compute(made, theta, accuracy)
    if not np.isfinite(needed[0]):
        allowed = f"below {float(made.values['c']):.4g}, the law's ceiling"
        raise InputError("the law never reaches this accuracy", value=accuracy, allowed=allowed)
    rows = [_row(made, theta, needed, p, level) for p in sure if len(theta) > 2]
    shown = [("flops", of_values(float(np.exp(needed[0])), np.exp(needed[1:]), level), "FLOP")]
    n, d = _sizes(made, float(needed[0]))
    shown += [("params", exact(n, level), "params"), ("tokens", exact(d, level), "tokens")]
    if flops is not None:
        reached = probability(needed[1:], flops)
        shown.append(("probability", exact(reached, level), f"at {flops:.4g} FLOP"))
    distance = sheet.beyond(params=n, tokens=d, flops=6.0 * n * d)
    return Answer(
        f"Runs that reach {accuracy:.4g} {made.target}",
        shown,
        f"{sheet.name}, {LAW}",
        sheet.version,
        {"By the probability wanted": rows},
        distance,
        [
            f"{made.law.formula}: {made.law.assumes}.",
            "N and D are compute-optimal for the task loss at 6ND, N without embeddings.",
            "The probability is of the law's parameters alone; tasks scatter 3 to 6 % about it.",
        ],
        warnings_of(sheet, made, distance),
    )


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


def least_compute(made: Fit, theta: Array, goal: float) -> Array:
    """ln of the least compute (B,) that reaches ``goal``; infinite where none does."""
    low = np.full(len(theta), np.log(1e9))
    high = np.full(len(theta), np.log(FLOPS[1]))
    with np.errstate(all="ignore"):
        reached = accuracy_at(made, theta, high) >= goal
        found = halve(lambda at: accuracy_at(made, theta, at) - goal, low, high, 60)
    return np.where(reached, found, np.inf)


def _first(made: Fit, theta: Array) -> Surface:
    """The ladder's first step: task loss."""
    p = {name: theta[:, i] for i, name in enumerate(made.law.names)}
    one = np.ones(len(theta))
    return Surface(p["E"], np.log(p["A"]), np.log(p["B"]), p["alpha"], p["beta"], one)


def _sizes(made: Fit, log_c: float) -> tuple[float, float]:
    log_n = float(_first(made, made.theta[None]).log_params(log_c)[0])
    return float(np.exp(log_n)), float(np.exp(log_c - LN6 - log_n))


def _row(made: Fit, theta: Array, needed: Array, sure: float, level: float) -> Row:
    """The compute with which a share ``sure`` of the draws reach the goal."""
    log_c = float(np.quantile(needed[1:], sure, method="higher"))
    row: Row = {"probability": sure, "flops": float(np.exp(log_c))}
    if not np.isfinite(log_c):
        return row | {"note": "beyond the ceiling of more draws than that"}
    n, d = _sizes(made, log_c)
    at = np.full(len(theta), log_c)
    log_n, log_d = np.full(len(theta), np.log(n)), np.full(len(theta), np.log(d))
    loss = _first(made, theta).loss(log_n, log_d)
    score = accuracy_at(made, theta, at)
    row |= {"params": n, "tokens": d}
    row |= ends("task_loss", of_values(float(loss[0]), loss[1:], level))
    return row | ends("accuracy", of_values(float(score[0]), score[1:], level))
