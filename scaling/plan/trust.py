"""Does a law hold, as far as its own runs can tell? What a design may trust it with.

A fit's log residuals are noise of sd s and, where the law is wrong, a smooth error too:

    r ~ N(0, s^2 (I + d^2 K)),   K_ij = exp(-r_ij^2 / 2),   r_ij decades of N and D between runs

What is orthogonal to the law's slopes in its parameters (J, at the fit) does not depend on them, so
d is judged by the likelihood of A'r with A'J = 0 and s profiled out (restricted maximum likelihood;
Patterson and Thompson 1971, Biometrika 58:545). Over a grid of d, all equally likely beforehand,

    holds = P(d <= 1.5 | runs),   s^2 = mean over d | runs

A few runs decide nothing, and holds is the grid's share up to 1.5, which is .31. A design
trusts the law only beyond even odds,

    trust = max(0, 2 holds - 1),

so a first study is planned as if the law did not hold, and its runs show whether it does. Trusting
what nobody has tested costs much where the law is wrong: docs/benchmarks/plan_next.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.fitting.result import Fit
from scaling.plan.run_grid import Cells, nearness

# Errors of the law, in sds of noise; up to SMALL it counts as holding.
ERRORS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0])
SMALL = 1.5
# More rows than this tell no more and cost their cube.
MAX_ROWS = 250


@dataclass(frozen=True)
class Belief:
    """The probability that the law holds, and the sd of a run about it (and its smooth error)."""

    holds: float
    noise: float

    @property
    def trust(self) -> float:
        """What a design may weigh the law with: nothing up to even odds."""
        return max(0.0, 2.0 * self.holds - 1.0)


def spread(made: Fit) -> float:
    """Sd of a run about the law, from the residuals and the parameters spent on them."""
    spent = max(len(made.residuals) - len(made.law.names), 1)
    return max(float(np.sqrt(np.sum(made.residuals**2) / spent)), 1e-6)


def prior_belief(made: Fit) -> Belief:
    """What is believed without the runs: what few runs would say."""
    return Belief(float(np.mean(ERRORS <= SMALL)), spread(made))


def belief_of(made: Fit, runs: Cells) -> Belief:
    """The belief that the runs of a fit tell, ``runs`` (rows,) in the order of its residuals.

    Without residuals on logs, one a run, or with hardly more runs than parameters: `prior_belief`.
    """
    rows = len(made.residuals)
    if made.link != "log" or rows != len(runs) or rows < len(made.theta) + 2:
        return prior_belief(made)
    some = np.unique(np.linspace(0, rows - 1, min(rows, MAX_ROWS)).astype(np.int64))
    kept, r = runs.take(some), made.residuals[some]
    q, _ = np.linalg.qr(_slopes(made, kept), mode="complete")
    free = q[:, len(made.theta) :]
    size, turn = np.linalg.eigh(free.T @ nearness(kept) @ free)
    w = (turn.T @ (free.T @ r)) ** 2
    scale = 1.0 + ERRORS[:, None] ** 2 * np.maximum(size, 0.0)
    noise = np.mean(w / scale, axis=1)
    log_p = -0.5 * np.log(scale).sum(axis=1) - 0.5 * len(w) * np.log(np.maximum(noise, 1e-300))
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    return Belief(float(p[ERRORS <= SMALL].sum()), max(float(np.sqrt(p @ noise)), 1e-6))


def _slopes(made: Fit, runs: Cells, step: float = 1e-4) -> Array:
    """d ln prediction / d ln parameter (rows, K), by central differences."""
    both = []
    for sign in (1.0, -1.0):
        theta = made.theta * (1.0 + sign * step * np.eye(len(made.theta)))
        both.append(np.log(made.law(theta, runs.x)))
    return np.asarray((both[0] - both[1]).T / (2.0 * step))
