"""Resamples of laws that are sums of power terms, compiled (numba).

The same objective and derivatives as `scaling.fitting.solver.problem`, with damped steps instead of
the trust region of `scaling.fitting.solver.newton`, for one batch member at a time, in loops that
become vector instructions (`scaling.fitting.solver.loops`); exp and log are polynomials so that it
can. Tests hold it equal to the numpy kernel. It serves large resampling jobs only: one fit is done
before numba is imported.
"""

from __future__ import annotations

import numpy as np

from scaling.arrays import Array
from scaling.fitting.solver import newton
from scaling.fitting.solver.kernels import TermsKernel
from scaling.fitting.solver.loops import minimise_all
from scaling.fitting.solver.problem import Problem

# Expected relative gain of a last step. Newton's steps converge quadratically, so what is left
# after it is of rounding's size (measured: 6e-14), and one step in ten is saved.
DONE = 1e-10
# Two starts whose objectives are this close, relatively, have found the same optimum.
AGREE = 1e-6
# A walk has fallen into a known optimum where its next step leaves at most this part of the way
# there, and promises the gain that is left to within this part. In 26,000 resamples of small,
# noisy or nearly-L1 fits, 150 of which have a better optimum, none was lost by it; with twice the
# first number and the second left out, 58 (docs/decisions/006-compiled-resamples.md).
NEAR, PROMISED = 0.25, 0.1

_KINDS = ("huber", "least_squares", "quantile")


def serves(problem: Problem) -> bool:
    """Whether this kernel can fit the problem: power terms, free parameters, no prior."""
    space = problem.space
    if not isinstance(problem.kernel, TermsKernel) or problem.penalty or space.tied:
        return False
    kinds = [axis.kind for axis in space.axes]
    sizes = [kinds[k] == "exp" for k in problem.kernel.coefs]
    exponents = [kinds[k] in ("exp", "real") for k in problem.kernel.exponents]
    return all(sizes + exponents) and problem.objective.kind in _KINDS


def minimise(
    problem: Problem,
    starts: Array,
    weights: Array,
    y: Array | None = None,
    known: newton.Minima | None = None,
) -> newton.Minima:
    """As `scaling.fitting.solver.newton.minimise`, for problems that `serves` accepts.

    ``y`` (B, rows), on the link scale, gives each member observations of its own. ``known`` are
    optima reached from other starts: a member that falls into its own one stops, and ends there.
    """
    kernel = problem.kernel
    assert isinstance(kernel, TermsKernel)
    axes = [problem.space.axes[k] for k in kernel.coefs + kernel.exponents]
    order = [axis.index for axis in axes]
    z = np.zeros((len(kernel.coefs), len(kernel.exponents), problem.rows))
    has = np.zeros(z.shape[:2], dtype=np.bool_)
    for k, by in enumerate(kernel.z):
        for m, column in by.items():
            z[k, m], has[k, m] = column, True
    u = np.ascontiguousarray(starts[:, order])
    f = minimise_all(
        u,
        z,
        has,
        np.ascontiguousarray(problem.y[None] if y is None else y),
        np.ascontiguousarray(weights * problem.weights),
        np.array([axis.kind == "exp" for axis in axes[len(kernel.coefs) :]]),
        _aim(problem),
        _RULES,
        np.full(len(u), -np.inf) if known is None else known.f,
        u if known is None else np.ascontiguousarray(known.u[:, order]),
    )
    out = np.empty_like(starts)
    out[:, order] = u
    return newton.Minima(out, f, np.zeros(len(f), dtype=np.int64))


def _aim(problem: Problem) -> Array:
    """(kind, delta, tau) of the objective."""
    aim = problem.objective
    return np.array([float(_KINDS.index(aim.kind)), aim.delta, aim.tau])


_RULES = np.array(
    [
        newton.MAX_STEPS,
        newton.LONGEST_STEP,
        newton.GAIN_FOR_NEWTON,
        DONE,
        newton.STUCK,
        AGREE,
        NEAR,
        PROMISED,
    ]
)


def warm_up() -> None:
    """Compile and cache everything (about 8 CPU seconds, once): set-up runs this module."""
    z, has = np.ones((2, 1, 8)), np.array([[False], [True]])
    y, w = np.log(np.linspace(2.0, 3.0, 8))[None], np.ones((1, 8))
    aim, known, u = np.array([0.0, 1e-3, 0.5]), np.zeros(1), np.ones((1, 3))
    minimise_all(u, z, has, y, w, np.array([True]), aim, _RULES, known, u.copy())


if __name__ == "__main__":
    warm_up()
