"""Problems as sums of power terms, which is what the compiled solver walks on.

    eta = link( sum_f exp(c_f) + (sum_k exp(c_k + sum_m e_m z_km))^gamma )

Laws that declare their terms are such sums, with gamma 1. So are laws in params and tokens that
give a surface (`scaling.laws._surface`), L = E + (A N^-alpha + B D^-beta)^gamma, whatever they are
written in. The solver's coordinates w are the log sizes c, then the exponents e and gamma, as
logarithms where they are positive. For terms they are the coordinates u of the problem's own space
in another order; for a surface w(u) is computed by the law and inverted by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver.kernels import TermsKernel
from scaling.fitting.solver.problem import Problem
from scaling.laws._law import Law

Mask = NDArray[np.bool_]

# Steps of Newton's method, of which two or three are needed, and the error that ends it, as a share
# of max(1, |w|).
ROUNDS, EXACT = 30, 1e-12
# Imaginary step of a derivative: it subtracts nothing, so it can be as small as it likes.
# Source: Squire and Trapp 1998, "Using complex variables to estimate derivatives of real
# functions", SIAM Review 40:110.
STEP = 1e-30
# Parameters at which a surface is looked at: what is the same at all of them is constant.
LOOKS = 4


@dataclass(frozen=True)
class PowerForm:
    """Inputs of the solver's loops, and the way to its coordinates and back.

    Attributes:
        z: log inputs of each term by exponent, (terms, exponents, rows).
        has: which of them are used, (terms, exponents).
        positive: exponents, and gamma where it is searched, that are logarithms.
        held: coordinates that the law gives no choice of, (P,).
        inward: coordinates (B, P) of the problem's space -> w (B, Q).
        outward: w (B, Q) and coordinates near (B, P) -> coordinates (B, P), NaN where none.
        places: index in w of each coordinate that has one of its own, else -1.
    """

    z: Array
    has: Mask
    positive: Mask
    held: Mask
    inward: Callable[[Array], Array]
    outward: Callable[[Array, Array], Array]
    places: NDArray[np.int64]


def power_form(problem: Problem) -> PowerForm | None:
    """The form of a problem; None where it has none, or a parameter is fixed, tied or bounded."""
    space, link = problem.space, problem.objective.link
    kinds = {axis.kind for axis in space.axes}
    if problem.penalty or space.tied or link == "logit" or not kinds <= {"exp", "real"}:
        return None
    if problem.law.terms:
        return _of_terms(problem)
    names = {one.name for one in problem.law.all_inputs}
    if problem.law.surface is None or names != {"params", "tokens"} or "real" in kinds:
        return None
    return _of_surface(problem)


def _of_terms(problem: Problem) -> PowerForm | None:
    """Terms on logs are centred by the space; on raw values they are centred here."""
    law, space, kernel = problem.law, problem.space, problem.kernel
    if not isinstance(kernel, TermsKernel):
        kernel = TermsKernel(law, problem.x, space)
    if any(space.axes[k].kind != "exp" for k in kernel.coefs):
        return None
    count = len(kernel.coefs)
    z = np.zeros((count, len(kernel.exponents), problem.rows))
    has = np.zeros(z.shape[:2], dtype=np.bool_)
    for k, by in enumerate(kernel.z):
        for m, column in by.items():
            z[k, m], has[k, m] = column, True
    axes = [space.axes[k] for k in kernel.coefs + kernel.exponents]
    order = np.array([axis.index for axis in axes])
    positive = np.array([axis.kind == "exp" for axis in axes[count:]], dtype=np.bool_)

    def outward(w: Array, near: Array) -> Array:
        out = np.empty_like(near)
        out[:, order] = w
        return out

    return PowerForm(
        z, has, positive, np.zeros(len(order), dtype=np.bool_), lambda u: u[:, order], outward,
        np.argsort(order),
    )  # fmt: skip


def _of_surface(problem: Problem) -> PowerForm | None:
    law, logs = problem.law, [np.log(problem.x[name]) for name in ("params", "tokens")]
    centre = (float(logs[0].mean()), float(logs[1].mean()))
    looked = _looked(law)
    if looked is None:
        return None
    kept, tied, constant = looked
    nested = 5 in kept
    floor = 0 in kept
    z = np.zeros((2 + floor, 1 if tied else 2, problem.rows))
    has = np.zeros(z.shape[:2], dtype=np.bool_)
    for k, (log, mean) in enumerate(zip(logs, centre, strict=True)):
        m = 0 if tied else k
        z[floor + k, m], has[floor + k, m] = mean - log, True
    held = np.array([one in constant for one in kept])
    index = [law.names.index(name) for name in problem.space.free]
    if int((~held).sum()) != len(index):
        return None

    def inward(u: Array) -> Array:
        out: Array = _components(law, u, index, centre)[:, kept]
        return out

    def outward(w: Array, near: Array) -> Array:
        return _inverted(inward, w, near, ~held)

    positive = np.ones(z.shape[1] + nested, dtype=np.bool_)
    return PowerForm(z, has, positive, held, inward, outward, np.full(len(index), -1))


def _components(
    law: Law, u: Array, index: list[int], centre: tuple[float, float] = (0.0, 0.0)
) -> Any:
    """log E, ln A and ln B at the centre, log alpha, log beta, log gamma of log parameters (B, P),
    real or complex, (B, 6)."""
    assert law.surface is not None
    theta = dict(zip([law.names[k] for k in index], np.exp(u).T, strict=True))
    with np.errstate(divide="ignore"):
        parts = np.broadcast_arrays(*law.surface(theta, {}), u[:, 0])[:6]
        e, log_a, log_b, alpha, beta, gamma = parts
        found = (
            np.log(e), log_a - alpha * centre[0], log_b - beta * centre[1],
            np.log(alpha), np.log(beta), np.log(gamma),
        )  # fmt: skip
    return np.stack(found, axis=1)


def _looked(law: Law) -> tuple[list[int], bool, set[int]] | None:
    """Components of the surface that are coordinates, whether both exponents are one, and the
    components that are constant; None for a surface of another kind."""
    rng = np.random.default_rng(0)
    u = rng.uniform(-1.0, 1.0, (LOOKS, len(law.names)))
    theta = dict(zip(law.names, np.exp(u).T, strict=True))
    if law.surface is None or not isinstance(law.surface(theta, {}), tuple):
        return None
    made = _components(law, u, list(range(len(law.names))))
    constant = {k for k in range(6) if (made[:, k] == made[0, k]).all()}
    tied = 3 not in constant and np.array_equal(made[:, 3], made[:, 4])
    kept = [0] if 0 not in constant else []
    if {1, 2} & constant or (0 in constant and made[0, 0] != -np.inf):
        return None
    kept += [1, 2, 3] if tied else [1, 2, 3, 4]
    if 5 not in constant or made[0, 5] != 0.0:
        kept.append(5)
    return kept, tied, constant


def _inverted(inward: Callable[[Array], Array], w: Array, near: Array, free: Mask) -> Array:
    """The coordinates u at which ``inward(u)`` is ``w`` in its ``free`` components."""
    u, goal = near.copy(), w[:, free]
    error = np.full(len(u), np.inf)
    size = np.maximum(np.abs(goal), 1.0)
    eye = 1j * STEP * np.eye(u.shape[1])
    with np.errstate(all="ignore"):
        for _ in range(ROUNDS):
            off = goal - inward(u)[:, free]
            error = np.abs(off / size).max(axis=1)
            if not (error > EXACT).any():
                break
            slopes = [inward(u + step)[:, free].imag / STEP for step in eye]
            try:
                u = u + np.linalg.solve(np.stack(slopes, axis=2), off[:, :, None])[:, :, 0]
            except np.linalg.LinAlgError:
                break
    u[~(error <= EXACT)] = np.nan
    return u
