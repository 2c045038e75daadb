"""Laws in N and D as one surface, for a whole batch of parameters: what every plan computes with.

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

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Law

Function = Callable[[Array], Array]

LN6 = float(np.log(6.0))
# Where numerical optima are looked for: natural logs of 1e3 and 1e18 params or 1e24 tokens.
LEAST, MOST = float(np.log(1e3)), float(np.log(1e24))


@dataclass(frozen=True)
class Surface:
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
        return _left(self.log_inner(goal), self.log_a - self.alpha * log_n, self.log_b) / self.beta

    def log_params_for(self, log_d: Array, goal: Array | float) -> Array:
        """ln N that ln D tokens need for a loss; infinite where no size suffices."""
        return _left(self.log_inner(goal), self.log_b - self.beta * log_d, self.log_a) / self.alpha

    def at(self, keep: object) -> Surface:
        """Some of the batch."""
        return Surface(*(np.atleast_1d(getattr(self, name)[keep]) for name in _FIELDS))


_FIELDS = ("e", "log_a", "log_b", "alpha", "beta", "gamma")


def _left(total: Array, taken: Array, size: Array) -> Array:
    """size - ln(e^total - e^taken): the exponent times ln of the other size."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rest = np.where(taken < total, total + np.log(-np.expm1(taken - total)), -np.inf)
    return np.asarray(size - rest)


def surface(law: Law, theta: Array, fixed: Mapping[str, float] | None = None) -> Surface:
    """The surface of parameters (B, K); ``fixed`` has inputs other than N and D.

    Raises:
        InputError: the law is no such surface.
    """
    if law.name not in _SHAPES:
        raise InputError(
            "a plan needs a law in params and tokens", value=law.name, allowed=", ".join(_SHAPES)
        )
    p = {name: theta[:, i] for i, name in enumerate(law.names)}
    parts = _SHAPES[law.name](p, dict(fixed or {}))
    return Surface(*(np.broadcast_to(np.asarray(one, float), (len(theta),)) for one in parts))


def known(law: Law) -> bool:
    """Whether plans can be made with the law."""
    return law.name in _SHAPES


_Parts = tuple[object, ...]


def _approach3(p: Mapping[str, Array], _: Mapping[str, float]) -> _Parts:
    gamma = p.get("gamma", np.ones_like(p["E"]))
    return p["E"], np.log(p["A"]), np.log(p["B"]), p["alpha"], p["beta"], gamma


def _kaplan(p: Mapping[str, Array], _: Mapping[str, float]) -> _Parts:
    ratio = p["alpha_N"] / p["alpha_D"]
    return 0.0, ratio * np.log(p["Nc"]), np.log(p["Dc"]), ratio, 1.0, p["alpha_D"]


def _over_training(p: Mapping[str, Array], _: Mapping[str, float]) -> _Parts:
    eta = p["eta"]
    return p["E"], np.log(p["a"]) - eta * LN6, np.log(p["b"]) - eta * LN6, 2 * eta, 2 * eta, 1.0


def _fine_grained(p: Mapping[str, Array], x: Mapping[str, float]) -> _Parts:
    size = p["g"] * x.get("granularity", 1.0) ** -p["gamma"] + p["a"]
    return p["c"], np.log(size), np.log(p["b"]), p["alpha"], p["beta"], 1.0


_SHAPES: dict[str, Callable[[Mapping[str, Array], Mapping[str, float]], _Parts]] = {
    "chinchilla": _approach3,
    "coupled": _approach3,
    "kaplan_joint": _kaplan,
    "over_training": _over_training,
    "fine_grained": _fine_grained,
}


def least(f: Function, low: Array, high: Array, zoom: int = 65) -> Array:
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
        root = halve(lambda at: slope(f, at), centre - step, centre + step, 38)
    return np.where(inside, root, np.nan)


def slope(f: Function, at: Array, h: float = 2e-3) -> Array:
    """Derivative by central differences of fourth order; the error is near 1e-13 of f / h."""
    return np.asarray((8 * (f(at + h) - f(at - h)) - (f(at + 2 * h) - f(at - 2 * h))) / (12 * h))


def halve(f: Function, low: Array, high: Array, steps: int = 48) -> Array:
    """The root (B,) of a function that rises from below 0 to above it."""
    for _ in range(steps):
        middle = 0.5 * (low + high)
        above = f(middle) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(0.5 * (low + high))
