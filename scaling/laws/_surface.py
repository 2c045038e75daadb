"""Laws in N and D as loss surfaces, for a whole batch of parameters: what every plan computes with.

A law file that gives ``surface`` has its optima in closed form (`PowerSurface`); any other law in
params and tokens is searched numerically (`NumericalSurface`). The closed form

    L(N, D) = E + (A N^-alpha + B D^-beta)^gamma

covers approach 3 (gamma 1), the coupled law, Kaplan's joint law (E 0, beta 1, gamma alpha_D), the
over-training law (alpha = beta = 2 eta: with M = D/N and C = 6ND, M/C = 1/(6 N^2) and 1/(MC) =
1/(6 D^2)) and, at one granularity, fine-grained experts. gamma does not move an optimum: the inner
sum s alone is minimised, so these hold for all of them:

    at 6ND = C      N* = G (C/6)^(beta/(alpha+beta)),  G = (alpha A / (beta B))^(1/(alpha+beta))
    at a loss       A N^-alpha = s beta/(alpha+beta),  B D^-beta = s alpha/(alpha+beta)

Sizes are natural logarithms throughout. Sources: Hoffmann et al. 2022, arXiv:2203.15556,
equation 4; the files of the laws.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Kind, Law

Function = Callable[[Array], Array]

LN6 = float(np.log(6.0))
# Where optima are searched: natural logs of 1e3 params or tokens, 1e18 params and 1e24 tokens.
SMALLEST, LARGEST_N, LARGEST_D = (float(np.log(size)) for size in (1e3, 1e18, 1e24))


@dataclass(frozen=True)
class PowerSurface:
    """The surface's parameters, each (B,); ``log_a`` and ``log_b`` are ln A and ln B."""

    e: Array
    log_a: Array
    log_b: Array
    alpha: Array
    beta: Array
    gamma: Array

    def inner(self, log_n: Array, log_d: Array) -> Array:
        """ln of A N^-alpha + B D^-beta."""
        return np.logaddexp(self.log_a - self.alpha * log_n, self.log_b - self.beta * log_d)

    def loss(self, log_n: Array, log_d: Array) -> Array:
        """Loss (B,) at sizes (B,)."""
        return np.asarray(self.e + np.exp(self.gamma * self.inner(log_n, log_d)))

    def log_params(self, log_c: Array | float) -> Array:
        """ln N* at ln C of 6ND."""
        log_g = np.log(self.alpha) + self.log_a - np.log(self.beta) - self.log_b
        return np.asarray((log_g + self.beta * (log_c - LN6)) / (self.alpha + self.beta))

    def log_inner(self, goal: Array | float) -> Array:
        """ln s of a loss; -inf where the loss is at or below E."""
        room = np.asarray(goal - self.e)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(room > 0, np.log(np.maximum(room, 0.0)), -np.inf) / self.gamma

    def least_compute(self, goal: Array | float) -> tuple[Array, Array]:
        """ln N and ln D of the least 6ND that reaches a loss; infinite where nothing does."""
        s, both = self.log_inner(goal), self.alpha + self.beta
        log_n = (self.log_a - s - np.log(self.beta / both)) / self.alpha
        return log_n, np.asarray((self.log_b - s - np.log(self.alpha / both)) / self.beta)

    def log_tokens(self, log_n: Array, goal: Array | float) -> Array:
        """ln D that a model of ln N needs for a loss; infinite where no data suffice."""
        return (
            log_remaining(self.log_inner(goal), self.log_a - self.alpha * log_n, self.log_b)
            / self.beta
        )

    def log_params_for(self, log_d: Array, goal: Array | float) -> Array:
        """ln N that ln D tokens need for a loss; infinite where no size suffices."""
        return (
            log_remaining(self.log_inner(goal), self.log_b - self.beta * log_d, self.log_a)
            / self.alpha
        )

    def at(self, keep: Any) -> PowerSurface:
        """Some of the batch."""
        return PowerSurface(*(np.atleast_1d(getattr(self, name)[keep]) for name in _FIELDS))


_FIELDS = ("e", "log_a", "log_b", "alpha", "beta", "gamma")


def log_remaining(total: Array, taken: Array, size: Array) -> Array:
    """size - ln(e^total - e^taken): the exponent times ln of the other size."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rest = np.where(taken < total, total + np.log(-np.expm1(taken - total)), -np.inf)
    return np.asarray(size - rest)


class SearchedSurface(ABC):
    """Any loss in N and D: optima by search, a size for a goal by bisection.

    The loss is taken to fall with N and with D.

    Attributes:
        e: the least loss in reach (B,), which stands for the floor of a closed form.
        smallest, largest_n, largest_d: natural logs between which sizes are searched.
    """

    e: Array
    smallest, largest_n, largest_d = SMALLEST, LARGEST_N, LARGEST_D

    @abstractmethod
    def loss(self, log_n: Array, log_d: Array) -> Array:
        """Loss (B,) at sizes (B,)."""

    @abstractmethod
    def at(self, keep: Any) -> SearchedSurface:
        """Some of the batch."""

    def inner(self, log_n: Array, log_d: Array) -> Array:
        """What is least where the loss is."""
        return self.loss(log_n, log_d)

    def log_params(self, log_c: Array | float) -> Array:
        """ln N* at ln C of 6ND; NaN where the least lies at an end of the search."""
        total = np.broadcast_to(np.asarray(log_c, float), self.e.shape) - LN6
        high = np.minimum(total - self.smallest, self.largest_n)
        return minimise_scalar(
            lambda log_n: self.loss(log_n, total - log_n), np.full_like(high, self.smallest), high
        )

    def least_compute(self, goal: Array | float) -> tuple[Array, Array]:
        """ln N and ln D of the least 6ND that reaches a loss; infinite where nothing does."""
        ends = np.full_like(self.e, self.smallest), np.full_like(self.e, self.largest_n)
        log_n = minimise_scalar(lambda at: np.asarray(at + self.log_tokens(at, goal)), *ends)
        log_n = np.where(np.isnan(log_n) | ~(np.asarray(goal) > self.e), np.inf, log_n)
        finite = np.where(np.isfinite(log_n), log_n, self.largest_n)
        return log_n, np.where(np.isfinite(log_n), self.log_tokens(finite, goal), np.inf)

    def log_tokens_of_optimum(self, log_n: Array) -> Array:
        """ln D on which ln N is compute-optimal: where N and D weigh alike along the budget."""
        low, high = np.full_like(self.e, np.log(1e5)), np.full_like(self.e, self.largest_d)

        def excess(log_d: Array) -> Array:
            return -slope(
                lambda shift: self.loss(log_n + shift, log_d - shift), np.zeros_like(log_n)
            )

        return bisect(excess, low, high)

    def log_tokens(self, log_n: Array, goal: Array | float) -> Array:
        """ln D that a model of ln N needs for a loss; infinite where no data suffice."""
        return self._reach(lambda log_d: self.loss(log_n, log_d), goal, self.largest_d)

    def log_params_for(self, log_d: Array, goal: Array | float) -> Array:
        """ln N that ln D tokens need for a loss; infinite where no size suffices."""
        return self._reach(lambda log_n: self.loss(log_n, log_d), goal, self.largest_n)

    def _reach(self, loss: Function, goal: Array | float, most: float) -> Array:
        low, high = np.full_like(self.e, 0.0), np.full_like(self.e, most)
        found = bisect(lambda at: np.asarray(goal - loss(at)), low, high)
        return np.where(loss(high) < goal, found, np.inf)


class NumericalSurface(SearchedSurface):
    """A law in N and D without a closed form; ``fixed`` has its other inputs."""

    def __init__(self, law: Law, theta: Array, fixed: Mapping[str, float]) -> None:
        self.law, self.theta, self.fixed = law, theta, dict(fixed)
        ends = np.full(len(theta), LARGEST_N), np.full(len(theta), LARGEST_D)
        self.e = self.loss(*ends)

    def loss(self, log_n: Array, log_d: Array) -> Array:
        """Loss (B,) at sizes (B,)."""
        x = {"params": np.exp(log_n)[:, None], "tokens": np.exp(log_d)[:, None]}
        x |= {name: np.full((len(self.theta), 1), value) for name, value in self.fixed.items()}
        with np.errstate(all="ignore"):
            return self.law(self.theta, x)[:, 0]

    def at(self, keep: Any) -> NumericalSurface:
        """Some of the batch."""
        return NumericalSurface(self.law, np.atleast_2d(self.theta[keep]), self.fixed)


Surface = PowerSurface | SearchedSurface


def surface(law: Law, theta: Array, fixed: Mapping[str, float] | None = None) -> Surface:
    """The surface of parameters (B, K); ``fixed`` has inputs other than N and D.

    Raises:
        InputError: the law has no loss as a function of params and tokens.
    """
    if not has_surface(law):
        raise InputError(
            "a plan needs a law of the loss in params and tokens",
            value=law.name,
            allowed="a law whose inputs are params and tokens",
        )
    if law.surface is None:
        return NumericalSurface(law, theta, fixed or {})
    p = {name: theta[:, i] for i, name in enumerate(law.names)}
    parts = law.surface(p, dict(fixed or {}))
    if isinstance(parts, SearchedSurface):
        return parts
    return PowerSurface(*(np.broadcast_to(np.asarray(one, float), (len(theta),)) for one in parts))


def has_surface(law: Law) -> bool:
    """Whether plans can be made with the law: a formula of the loss in params and tokens."""
    if law.surface is not None:
        return True
    others = {one.name for one in law.needs if one.default is not None}
    loss = law.kind is Kind.FORMULA and law.link == "log" and law.monotone.get("params", -1) < 0
    return loss and {"params", "tokens"} <= set(law.inputs) <= {"params", "tokens"} | others


def is_allocation(law: Law) -> bool:
    """Whether the law gives N* = G C^a itself, and no loss."""
    return law.output == "compute-optimal params" and {"G", "a"} <= set(law.names)


def log_optimal_params(law: Law, theta: Array, log_c: float) -> Array:
    """ln N* (B,) at ln C of 6ND for parameters (B, K), of an allocation or of a loss in N and D.

    Raises:
        InputError: the law is neither.
    """
    if is_allocation(law):
        g, a = (theta[:, law.names.index(name)] for name in ("G", "a"))
        return np.asarray(np.log(g) + a * log_c)
    return surface(law, theta).log_params(log_c)


def planning_law(names: Iterable[str]) -> str | None:
    """Of these laws the one that plans: the first with that role, else the first that can."""
    known = list(names)
    order = [name for name in laws.of_role("plan") if name in known] + known
    return next((name for name in order if has_surface(laws.get(name))), None)


def compute_optimal(law: Law, parameters: Mapping[str, Any], flops: float) -> tuple[Array, Array]:
    """Params and tokens that minimise the loss at ``flops`` FLOP of 6ND.

    ``parameters`` by name, as numbers or as arrays of draws (one answer a draw).

    Raises:
        InputError: a budget out of range, or a law without a loss in params and tokens.
    """
    if not (np.isfinite(flops) and 1e3 < flops < 1e36):
        raise InputError("compute budget out of range", value=flops, allowed="1e3 to 1e36 FLOP")
    columns = np.broadcast_arrays(*(np.asarray(parameters[name], float) for name in law.names))
    theta = np.stack([column.reshape(-1) for column in columns], axis=1)
    log_n = surface(law, theta).log_params(float(np.log(flops)))
    params = np.exp(log_n).reshape(columns[0].shape)
    return params, flops / (6.0 * params)


def minimise_scalar(f: Function, low: Array, high: Array, zoom: int = 65) -> Array:
    """Where a function with one valley is least between ``low`` and ``high`` (B,), to about 1e-9.

    ``f`` maps (B,) to (B,). A grid finds the valley, halving the root of its slope (central
    differences of fourth order: values alone would give 1e-8 at best). NaN where the least is at an
    end of the range.
    """
    grid = np.linspace(low, high, zoom)
    with np.errstate(all="ignore"):
        values = np.stack([f(row) for row in grid])
        values = np.where(np.isnan(values), np.inf, values)
        pick = np.argmin(values, axis=0)
        inside = (pick > 0) & (pick < zoom - 1)
        step, rows = (high - low) / (zoom - 1), np.arange(len(low))
        centre = grid[pick, rows]
        root = bisect(lambda at: slope(f, at), centre - step, centre + step, 38)
    return np.where(inside, root, np.nan)


def slope(f: Function, at: Array, h: float = 2e-3) -> Array:
    """Derivative by central differences of fourth order; the error is near 1e-13 of f / h."""
    return np.asarray((8 * (f(at + h) - f(at - h)) - (f(at + 2 * h) - f(at - 2 * h))) / (12 * h))


def bisect(f: Function, low: Array, high: Array, steps: int = 48) -> Array:
    """The root (B,) of a function that rises from below 0 to above it."""
    for _ in range(steps):
        middle = 0.5 * (low + high)
        above = f(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(0.5 * (low + high))
