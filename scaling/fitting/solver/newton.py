"""Newton steps within a trust region, for a whole batch of fits at once.

Far from the optimum the quadratic that lies above the objective gives safe steps; once a step
gains less than 5 %, the exact Hessian takes over, because with Huber's delta at 1e-3 the problem
is nearly L1 and reweighting alone crawls. Each step minimises the quadratic within an ellipsoid:

    min g's + s'Hs/2  over  sum_i d_i s_i^2 <= radius^2,   d_i = max(c_i, c_max / 100) / size_i^2,

with c_i = size_i^2 times the largest curvature seen along coordinate i, and size_i the largest
|u_i| seen for a real parameter, LONGEST_STEP for one searched as a logarithm or a logit. So units
do not matter, and a parameter whose effect has faded cannot run away. A step that does not improve
is undone and the region shrunk; members that are done leave the batch.

Source: Moré 1978, "The Levenberg-Marquardt algorithm: implementation and theory", Lecture Notes in
Mathematics 630; the floor under c_i is ours (docs/decisions/007-global-search.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver.problem import Derivatives, Problem, batch_size

Mask = NDArray[np.bool_]

MAX_STEPS = 1000
LONGEST_STEP = 2.0  # in logs: a factor 7 a step is ample, and stops leaps into dead terms
GAIN_FOR_NEWTON = 0.05
DONE = 1e-14  # expected relative gain of one more step
STUCK = 1e12  # damping at which the compiled twin gives up; here the region shrinks instead
CURVATURE_FLOOR = 0.01  # share of the largest c_i below which none counts
NEARLY = 1.1  # a step may be this much longer than its radius
SHRINK, GROW = 0.5, 2.0  # of a step's length, where it failed and where it kept its promise
ROUNDING = 1e-14  # share of the largest curvature that is rounding


@dataclass(frozen=True)
class Minima:
    """Where each batch member ended: coordinates (B, P), objective (B,), steps taken (B,)."""

    u: Array
    f: Array
    steps: NDArray[np.int64]


@dataclass(frozen=True)
class _Step:
    """Steps (B, P), the gain that each promises (B,) and its length in the ellipsoid's norm."""

    by: Array
    promise: Array
    length: Array


def minimise(
    problem: Problem,
    starts: Array,
    weights: Array | None = None,
    *,
    exact: bool = False,
    y: Array | None = None,
    held: NDArray[np.int64] | None = None,
) -> Minima:
    """Local minima from ``starts`` (B, P); ``weights`` (B, rows) resample the data,
    ``y`` (B, rows) replaces the observations; a coordinate ``held`` (B,) stays at its start.

    ``exact`` begins with the exact Hessian, which is right for warm starts.
    """
    size = batch_size(problem.rows)
    parts = []
    for at in range(0, len(starts), size):
        w = None if weights is None else weights[at : at + size]
        own = None if y is None else y[at : at + size]
        still = None if held is None else held[at : at + size]
        parts.append(_Batch(problem, starts[at : at + size], w, own, still, exact).run())
    return Minima(
        np.concatenate([part.u for part in parts]),
        np.concatenate([part.f for part in parts]),
        np.concatenate([part.steps for part in parts]),
    )


class _Batch:
    """State of one batch: arrays over all members, and which of them are still moving."""

    def __init__(
        self,
        problem: Problem,
        starts: Array,
        weights: Array | None,
        y: Array | None,
        held: NDArray[np.int64] | None,
        exact: bool,
    ) -> None:
        self.problem, self.weights, self.y, self.held = problem, weights, y, held
        batch = len(starts)
        self.u = np.array(starts, dtype=np.float64)
        self.f = np.full(batch, np.inf)
        self.steps = np.zeros(batch, dtype=np.int64)
        self.alive = np.arange(batch)
        self.newton = np.full(batch, exact)
        # Second derivatives of the law cost as much as all else, so they wait for their use.
        self.second = exact
        self.real = np.array([axis.kind == "real" for axis in problem.space.by_coordinate])
        own = np.where(self.u == 0.0, 1.0, np.abs(self.u))
        self.size = np.where(self.real, own, LONGEST_STEP)
        self.curvature = np.zeros_like(self.u)
        self.radius = np.full(batch, np.nan)

    def run(self) -> Minima:
        at = self._evaluate(self.u)
        self.f = np.where(np.isfinite(at.f), at.f, np.inf)
        with np.errstate(all="ignore"):
            for _ in range(MAX_STEPS):
                step = self._step(at)
                # A member whose next step promises nothing takes it once more and leaves.
                going = step.promise > DONE * np.abs(self.f[self.alive])
                at = self._try(at, step)
                going &= np.isfinite(self.f[self.alive])
                if not going.all():
                    self.alive = self.alive[going]
                    at = Derivatives(
                        at.f[going], at.g[going], at.hessian[going], at.majoriser[going]
                    )
                if not len(self.alive):
                    break
        return Minima(self.u, self.f, self.steps)

    def _evaluate(self, u: Array) -> Derivatives:
        """Derivatives of the members that still move, by the coordinates that are not held."""
        alive = self.alive
        weights = None if self.weights is None else self.weights[alive]
        y = None if self.y is None else self.y[alive]
        at = self.problem.evaluate(u, weights, second=self.second, y=y)
        if self.held is not None:
            members, held = np.arange(len(alive)), self.held[alive]
            at.g[members, held] = 0.0
            for matrix in (at.hessian, at.majoriser):
                matrix[members, held] = 0.0
                matrix[members, :, held] = 0.0
        return at

    def _metric(self, at: Derivatives) -> Array:
        """d of the module's docstring, (B, P); the first one also sets the radius."""
        alive = self.alive
        seen = np.nan_to_num(np.einsum("bii->bi", at.majoriser), posinf=0.0)
        seen = self.curvature[alive] = np.maximum(self.curvature[alive], seen)
        size = self.size[alive]
        if self.real.any():
            own = np.where(self.real, np.abs(self.u[alive]), 0.0)
            size = self.size[alive] = np.maximum(size, own)
        square = size * size
        c = seen * square
        first = np.isnan(self.radius[alive])
        self.radius[alive[first]] = np.sqrt(c[first].sum(axis=1))
        d: Array = np.maximum(c, CURVATURE_FLOOR * c.max(axis=1, keepdims=True)) / square + 1e-300
        return d

    def _step(self, at: Derivatives) -> _Step:
        """The step that minimises each member's quadratic within its region."""
        unit = 1.0 / np.sqrt(self._metric(at))
        slope = np.nan_to_num(at.g * unit)
        square = unit[:, :, None] * unit[:, None, :]
        newton = self.newton[self.alive]
        matrix = np.where(newton[:, None, None], at.hessian, at.majoriser) * square
        if self.held is not None:
            held = self.held[self.alive]
            matrix[np.arange(len(held)), held, held] = 1.0
        radius = self.radius[self.alive]
        along, bent = _whole(matrix, slope)
        short = (along * along).sum(axis=1) <= (NEARLY * radius) ** 2
        far = np.flatnonzero(~short)
        if len(far):
            upper = at.majoriser[far] * square[far]
            bend, axes = _axes(matrix[far], upper, newton[far])
            along[far], bent[far] = _within(bend, axes, slope[far], radius[far])
        by = along * unit
        longest = np.where(self.real, 0.0, np.abs(by)).max(axis=1)
        part = np.minimum(1.0, LONGEST_STEP / np.maximum(longest, 1e-300))
        promise = -part * ((along * slope).sum(axis=1) + 0.5 * part * bent)
        length = part * np.sqrt((along * along).sum(axis=1))
        return _Step(by * part[:, None], promise, length)

    def _try(self, at: Derivatives, step: _Step) -> Derivatives:
        """Take each step that improves; adapt the region and the kind of step."""
        alive = self.alive
        trial = self.u[alive] + step.by
        new = self._evaluate(trial)
        old_f = self.f[alive]
        gain = old_f - new.f
        better: Mask = np.isfinite(new.f) & (new.f <= old_f)
        self.u[alive[better]] = trial[better]
        self.f[alive[better]] = new.f[better]
        self.steps[alive] += 1
        self._resize(better, gain / step.promise, step.length)
        # An upper quadratic that cannot improve is at its limit: only the exact Hessian helps.
        small = np.where(better, gain, step.promise) < GAIN_FOR_NEWTON * old_f
        if self.second:
            self.newton[alive] |= small & better
        elif small.any():
            self.second = True
        return choose(better, new, at)

    def _resize(self, better: Mask, kept: Array, length: Array) -> None:
        """Grow the region where the step kept its promise, shrink it where it did not."""
        radius = self.radius[self.alive]
        good = np.where(kept > 0.75, np.maximum(radius, GROW * length), radius)
        poor = np.minimum(radius, SHRINK * length)
        self.radius[self.alive] = np.where(better & (kept > 0.25), good, poor)


def _whole(matrix: Array, slope: Array) -> tuple[Array, Array]:
    """Unbounded steps s (B, P) of quadratics that all curve upwards, and s'As (B,); else NaN.

    A tenth of the cost of eigenvectors, which only steps that leave their region need.
    """
    try:
        np.linalg.cholesky(matrix)  # only to see whether all curve upwards
        step = np.negative(np.linalg.solve(matrix, slope[:, :, None])[:, :, 0])
    except np.linalg.LinAlgError:
        step = np.full_like(slope, np.nan)
    bent: Array = -(step * slope).sum(axis=1)
    return step, bent


def _within(bend: Array, axes: Array, slope: Array, radius: Array) -> tuple[Array, Array]:
    """Steps s (B, P) no longer than their radius, and s'As, from the curvatures along axes."""
    across = np.einsum("bji,bj->bi", axes, slope)
    along = -across / (bend + _ridge(bend, across, radius)[:, None])
    return np.einsum("bij,bj->bi", axes, along), (along * along * bend).sum(axis=1)


def _axes(matrix: Array, upper: Array, newton: Mask) -> tuple[Array, Array]:
    """Curvatures (B, P), all positive, along the axes (B, P, P) of each member's quadratic.

    Where an exact Hessian does not curve upwards, the ``upper`` quadratic takes its place.
    """
    bend, axes = _eigen(matrix)
    down = np.flatnonzero(newton & ~(bend[:, 0] > ROUNDING * bend[:, -1]))
    if len(down):
        bend[down], axes[down] = _eigen(upper[down])
    return np.maximum(bend, ROUNDING * bend[:, -1:] + 1e-300), axes


def _eigen(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors; a matrix that overflowed counts as zero."""
    finite = np.asarray(np.isfinite(matrix).all(axis=(1, 2)))
    if not finite.all():
        matrix = np.where(finite[:, None, None], matrix, 0.0)
    bend, axes = np.linalg.eigh(matrix)
    return bend, axes


def _ridge(bend: Array, slope: Array, radius: Array) -> Array:
    """What to add to every curvature so that no step is longer than its radius, to 10 %.

    Newton's iteration on 1 / length, nearly linear in the ridge and approached from below;
    source: Moré 1978.
    """
    ridge = np.zeros(len(bend))
    for _ in range(30):
        damped = bend + ridge[:, None]
        square = (slope / damped) ** 2
        total = square.sum(axis=1)
        length = np.sqrt(total)
        over = length > NEARLY * radius
        if not over.any():
            break
        more = (length / radius - 1.0) * total / (square / damped).sum(axis=1)
        ridge = np.where(over, ridge + np.nan_to_num(more), ridge)
    return ridge


def choose(better: Mask, new: Derivatives, old: Derivatives) -> Derivatives:
    """The new derivatives of the members that are ``better``, the old ones of the others."""
    if better.all():
        return new
    pairs = zip(
        (new.f, new.g, new.hessian, new.majoriser),
        (old.f, old.g, old.hessian, old.majoriser),
        strict=True,
    )
    return Derivatives(
        *(np.where(better.reshape((-1,) + (1,) * (a.ndim - 1)), a, b) for a, b in pairs)
    )
