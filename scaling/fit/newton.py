"""Damped Newton steps for a whole batch of fits at once.

Far from the optimum the quadratic that lies above the objective gives safe steps; once a step
gains less than 5 %, the exact Hessian takes over, because with Huber's delta at 1e-3 the problem
is nearly L1 and reweighting alone crawls. A step that does not improve is undone and the damping
raised; members that are done leave the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.fit._linalg import solve_spd
from scaling.fit.problem import Derivatives, Problem, batch_size

Array = NDArray[np.float64]

MAX_STEPS = 200
LONGEST_STEP = 2.0  # in logs: a factor 7 a step is ample, and stops leaps into dead terms
GAIN_FOR_NEWTON = 0.05
DONE = 1e-14  # expected relative gain of one more step
STUCK = 1e12


@dataclass(frozen=True)
class Minima:
    """Where each batch member ended: coordinates (B, P), objective (B,), steps taken (B,)."""

    u: Array
    f: Array
    steps: NDArray[np.int64]


def minimise(
    problem: Problem,
    starts: Array,
    weights: Array | None = None,
    *,
    exact: bool = False,
    y: Array | None = None,
) -> Minima:
    """Local minima from ``starts`` (B, P); ``weights`` (B, rows) resample the data,
    ``y`` (B, rows) replaces the observations.

    ``exact`` begins with the exact Hessian, which is right for warm starts.
    """
    size = batch_size(problem.rows)
    parts = []
    for at in range(0, len(starts), size):
        w = None if weights is None else weights[at : at + size]
        own = None if y is None else y[at : at + size]
        parts.append(_Batch(problem, starts[at : at + size], w, own, exact).run())
    return Minima(
        np.concatenate([part.u for part in parts]),
        np.concatenate([part.f for part in parts]),
        np.concatenate([part.steps for part in parts]),
    )


class _Batch:
    """State of one batch: everything indexed by the members still moving."""

    def __init__(
        self,
        problem: Problem,
        starts: Array,
        weights: Array | None,
        y: Array | None,
        exact: bool,
    ) -> None:
        self.problem, self.weights, self.y = problem, weights, y
        batch = len(starts)
        self.u = np.array(starts, dtype=np.float64)
        self.f = np.full(batch, np.inf)
        self.steps = np.zeros(batch, dtype=np.int64)
        self.alive = np.arange(batch)
        # Parameters searched as they are can start far away in units of their own: begin more
        # carefully there, and allow for long curved valleys.
        self.real = np.array([axis.kind == "real" for axis in problem.space.by_coordinate])
        self.most = MAX_STEPS if not self.real.any() else 10 * MAX_STEPS
        self.damping = np.full(batch, 1e-6 if exact else (0.1 if self.real.any() else 1e-3))
        self.newton = np.full(batch, exact)
        # Second derivatives of the law cost as much as all else, so they wait for their use.
        self.second = exact

    def run(self) -> Minima:
        at = self.problem.evaluate(self.u, self.weights, second=self.second, y=self.y)
        self.f = np.where(np.isfinite(at.f), at.f, np.inf)
        for _ in range(self.most):
            step, gain = self._step(at)
            # A member whose next step promises nothing takes it once more and leaves.
            last = gain <= DONE * np.abs(self.f[self.alive])
            at, _better = self._try(at, step)
            done = last | (self.damping[self.alive] > STUCK)
            done |= ~np.isfinite(self.f[self.alive])
            if done.any():
                keep = ~done
                self.alive = self.alive[keep]
                at = Derivatives(at.f[keep], at.g[keep], at.hessian[keep], at.majoriser[keep])
            if not len(self.alive):
                break
        return Minima(self.u, self.f, self.steps)

    def _step(self, at: Derivatives) -> tuple[Array, Array]:
        """Steps (B, P) and the gain that each promises (B,)."""
        damping, newton = self.damping[self.alive], self.newton[self.alive]
        scale = np.einsum("bii->bi", at.majoriser)
        scale = np.maximum(scale, 1e-12 * scale.max(axis=1, keepdims=True) + 1e-300)
        matrix = np.where(newton[:, None, None], at.hessian, at.majoriser)
        step, good = self._solve(matrix, at.g, damping[:, None] * scale)
        if not good.all():
            safe = self._solve(at.majoriser, at.g, np.maximum(damping, 1e-8)[:, None] * scale)[0]
            step = np.where(good[:, None], step, safe)
        longest = (np.abs(step) / self._reach()).max(axis=1, keepdims=True)
        step = step * np.minimum(1.0, LONGEST_STEP / np.maximum(longest, 1e-300))
        gain = -0.5 * np.einsum("bi,bi->b", at.g, step)
        return np.nan_to_num(step, nan=0.0), np.where(good & newton, gain, np.inf)

    def _reach(self) -> Array:
        """The length that a step is measured by: 1 in logs, the parameter's own size otherwise."""
        return np.where(self.real, np.maximum(1.0, np.abs(self.u[self.alive])), 1.0)

    @staticmethod
    def _solve(matrix: Array, g: Array, ridge: Array) -> tuple[Array, NDArray[np.bool_]]:
        damped = matrix.copy()
        index = np.arange(matrix.shape[1])
        damped[:, index, index] += ridge
        return solve_spd(damped, -g)

    def _try(self, at: Derivatives, step: Array) -> tuple[Derivatives, NDArray[np.bool_]]:
        """Take each step that improves; adapt damping and the kind of step."""
        alive = self.alive
        trial = self.u[alive] + step
        weights = None if self.weights is None else self.weights[alive]
        own = None if self.y is None else self.y[alive]
        new = self.problem.evaluate(trial, weights, second=self.second, y=own)
        old_f = self.f[alive]
        with np.errstate(invalid="ignore"):
            better = np.isfinite(new.f) & (new.f <= old_f)
            relative = (old_f - new.f) / old_f
        self.u[alive[better]] = trial[better]
        self.f[alive[better]] = new.f[better]
        self.steps[alive] += 1
        self.damping[alive] *= np.where(better, 0.1, 8.0)
        np.maximum(self.damping, 1e-15, out=self.damping)
        # An upper quadratic that cannot improve is at its limit: only the exact Hessian helps.
        ready = (better & (relative < GAIN_FOR_NEWTON)) | (~better & (self.damping[alive] > 1.0))
        if self.second:
            self.newton[alive] |= ready & better
        elif ready.any():
            self.second = True
        kept = [
            np.where(better.reshape((-1,) + (1,) * (a.ndim - 1)), a, b)
            for a, b in zip(
                (new.f, new.g, new.hessian, new.majoriser),
                (at.f, at.g, at.hessian, at.majoriser),
                strict=True,
            )
        ]
        return Derivatives(*kept), better
