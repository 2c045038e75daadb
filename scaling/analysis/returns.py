"""Diminishing returns at a planned run, from a study's model or any law in params and tokens.

Compute grows by k with D/N kept: N and D by sqrt(k) each.

    gain of doubling     L(N, D) - L(sqrt(2) N, sqrt(2) D)
    price of a step s    the least k with L(sqrt(k) N, sqrt(k) D) <= L(N, D) - s
    distance to E        L(N, D) less the law's limit at very large N and D

The limit is the law's own extrapolation; a law without irreducible loss (Kaplan's) puts it at 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, at_place, from_draws
from scaling.fitting.result import Fit

STEP = 0.01  # nats
MAX_FACTOR = np.log(1e15)  # times the compute; beyond that the answer is infinity
FAR = 1e60


def diminishing_returns(
    made: Fit, params: float, tokens: float, *, step: float = STEP, level: float = 0.9
) -> dict[str, Interval]:
    """``loss``, ``gain_of_doubling``, ``compute_for_step`` (a factor) and ``above_limit``."""
    if set(made.law.inputs) != {"params", "tokens"} or made.law.output:
        raise InputError("not a law in N and D", value=made.law.name, allowed="params and tokens")
    if not (params > 0 and tokens > 0 and step > 0):
        raise InputError("out of range", value=(params, tokens, step), allowed="> 0")

    def loss(theta: Array, log_k: Array) -> Array:
        """(B,) at factors (B,)."""
        grown = np.exp(0.5 * log_k)[:, None]
        return made.law(theta, {"params": params * grown, "tokens": tokens * grown})[:, 0]

    def now(theta: Array) -> Array:
        return loss(theta, np.zeros(len(theta)))

    def doubled(theta: Array) -> Array:
        return now(theta) - loss(theta, np.full(len(theta), np.log(2.0)))

    def limit(theta: Array) -> Array:
        return now(theta) - loss(theta, np.full(len(theta), np.log(FAR)))

    def price(theta: Array) -> Array:
        return _least_factor(loss, theta, now(theta) - step)

    quantities = {"gain_of_doubling": doubled, "compute_for_step": price, "above_limit": limit}
    place = {"params": np.array([params]), "tokens": np.array([tokens])}
    here = at_place(made, place, level)
    return {"loss": here} | {name: from_draws(made, one, level) for name, one in quantities.items()}


def _least_factor(loss: Callable[[Array, Array], Array], theta: Array, goal: Array) -> Array:
    """exp of the least log k with loss <= goal, by halving; infinite where it is not reached."""
    low, high = np.zeros(len(theta)), np.full(len(theta), MAX_FACTOR)
    reached = loss(theta, high) <= goal
    for _ in range(50):
        middle = 0.5 * (low + high)
        there = loss(theta, middle) <= goal
        low, high = np.where(there, low, middle), np.where(there, middle, high)
    return np.where(reached, np.exp(high), np.inf)
