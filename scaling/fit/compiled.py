"""Resamples of laws that are sums of power terms, compiled (numba).

The same objective, derivatives and damped Newton steps as `scaling.fit.problem` and
`scaling.fit.newton`, for one batch member at a time, in loops that the compiler turns into vector
instructions; exp and log are polynomials so that it can. Tests hold it equal to the numpy kernel.
It serves large resampling jobs only: one fit is done before numba is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from scaling.fit import newton
from scaling.fit.kernels import TermsKernel
from scaling.fit.problem import Problem

Array = NDArray[np.float64]

# fastmath lets sums be vectorised; NaN and infinity keep their meaning (no nnan, ninf).
_FAST = {"reassoc", "contract", "arcp", "nsz"}
_jit: Callable[..., Any] = numba.njit(fastmath=_FAST, cache=True, error_model="numpy")

LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LOG2E = 1.4426950408889634


def serves(problem: Problem) -> bool:
    """Whether this kernel can fit the problem: power terms, free parameters, no prior."""
    space = problem.space
    if not isinstance(problem.kernel, TermsKernel) or problem.penalty or space.tied:
        return False
    kinds = [axis.kind for axis in space.axes]
    sizes = [kinds[k] == "exp" for k in problem.kernel.coefs]
    exponents = [kinds[k] in ("exp", "real") for k in problem.kernel.exponents]
    return all(sizes + exponents) and problem.objective.kind in _KINDS


def minimise(problem: Problem, starts: Array, weights: Array) -> newton.Minima:
    """As `scaling.fit.newton.minimise`, for problems that `serves` accepts."""
    kernel = problem.kernel
    assert isinstance(kernel, TermsKernel)
    axes = [problem.space.axes[k] for k in kernel.coefs + kernel.exponents]
    order = [axis.index for axis in axes]
    z = np.zeros((len(kernel.coefs), len(kernel.exponents), problem.rows))
    has = np.zeros(z.shape[:2], dtype=np.bool_)
    for k, by in enumerate(kernel.z):
        for m, column in by.items():
            z[k, m], has[k, m] = column, True
    positive = np.array([axis.kind == "exp" for axis in axes[len(kernel.coefs) :]])
    aim = problem.objective
    u = np.ascontiguousarray(starts[:, order])
    f = _minimise_all(
        u,
        z,
        has,
        problem.y,
        np.ascontiguousarray(weights * problem.weights),
        positive,
        np.array([float(_KINDS.index(aim.kind)), aim.delta, aim.tau]),
        np.array(
            [
                newton.MAX_STEPS,
                newton.LONGEST_STEP,
                newton.GAIN_FOR_NEWTON,
                newton.DONE,
                newton.STUCK,
            ]
        ),
    )
    out = np.empty_like(starts)
    out[:, order] = u
    return newton.Minima(out, f, np.zeros(len(f), dtype=np.int64))


_KINDS = ("huber", "least_squares", "quantile")


@_jit
def _exp_into(x: Array, bits: Any, out: Array) -> None:
    """out = exp(x), |x| < 700, to 1 or 2 units in the last place."""
    for i in range(len(x)):
        at = min(max(x[i], -700.0), 700.0)
        n = np.floor(at * LOG2E + 0.5)
        r = (at - n * LN2_HIGH) - n * LN2_LOW
        p = 1.0 / 6227020800.0
        p = p * r + 1.0 / 479001600.0
        p = p * r + 1.0 / 39916800.0
        p = p * r + 1.0 / 3628800.0
        p = p * r + 1.0 / 362880.0
        p = p * r + 1.0 / 40320.0
        p = p * r + 1.0 / 5040.0
        p = p * r + 1.0 / 720.0
        p = p * r + 1.0 / 120.0
        p = p * r + 1.0 / 24.0
        p = p * r + 1.0 / 6.0
        p = p * r + 0.5
        p = p * r + 1.0
        out[i] = p * r + 1.0
        bits[i] = (np.int64(n) + 1023) << 52
    scale = bits.view(np.float64)
    for i in range(len(x)):
        out[i] *= scale[i]


@_jit
def _log_into(x: Array, out: Array) -> None:
    """out = log(x) for positive normal x."""
    bits = x.view(np.int64)
    work = np.empty(len(x), dtype=np.int64)
    for i in range(len(x)):
        # Centre the mantissa on 1: sqrt(1/2) .. sqrt(2).
        work[i] = (bits[i] - 0x3FE6A09E667F3BCD) >> 52
        out[i] = work[i]
    mantissa_bits = np.empty(len(x), dtype=np.int64)
    for i in range(len(x)):
        mantissa_bits[i] = bits[i] - (work[i] << 52)
    mantissa = mantissa_bits.view(np.float64)
    for i in range(len(x)):
        m = mantissa[i]
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        p = 1.0 / 23.0
        p = p * z + 1.0 / 21.0
        p = p * z + 1.0 / 19.0
        p = p * z + 1.0 / 17.0
        p = p * z + 1.0 / 15.0
        p = p * z + 1.0 / 13.0
        p = p * z + 1.0 / 11.0
        p = p * z + 1.0 / 9.0
        p = p * z + 1.0 / 7.0
        p = p * z + 1.0 / 5.0
        p = p * z + 1.0 / 3.0
        out[i] = out[i] * LN2_HIGH + (out[i] * LN2_LOW + 2.0 * s + 2.0 * s * z * p)


@_jit
def _evaluate(
    u: Array,
    z: Array,
    has: Any,
    y: Array,
    w: Array,
    positive: Any,
    aim: Array,
    work: Array,
    bits: Any,
    g: Array,
    h: Array,
    m: Array,
    second: bool,
) -> float:
    """Objective at ``u``; fills gradient g, matrix h and scale m.

    h (p, p) is the exact Hessian where ``second`` is true, else the matrix of the quadratic that
    lies above the objective; m (p,) is the diagonal of the latter.

    z (terms, exponents, rows) are centred log inputs, ``has`` (terms, exponents) says which are
    used, ``positive`` (exponents,) which exponents are searched as logs. aim = (kind, delta, tau),
    kind 0 huber, 1 least squares, 2 quantile.
    """
    terms, exponents, rows = z.shape
    p = terms + exponents
    total, eta, curve, b = work[p], work[p + 1], work[p + 2], work[p + 3]
    major, argument = work[p + 4], work[p + 5]
    gamma = np.empty(exponents)
    for j in range(exponents):
        gamma[j] = np.exp(u[terms + j]) if positive[j] else u[terms + j]
    total[:] = 0.0
    for k in range(terms):
        share, constant = work[k], True
        argument[:] = u[k]
        for j in range(exponents):
            if has[k, j]:
                constant = False
                zkj, at = z[k, j], gamma[j]
                for i in range(rows):
                    argument[i] += at * zkj[i]
        if constant:
            share[:] = np.exp(u[k])
        else:
            _exp_into(argument, bits, share)
        for i in range(rows):
            total[i] += share[i]
    _log_into(total, eta)
    for k in range(terms):
        share = work[k]
        for i in range(rows):
            share[i] /= total[i]
    for j in range(exponents):
        row = work[terms + j]
        row[:] = 0.0
        for k in range(terms):
            if has[k, j]:
                share, zkj = work[k], z[k, j]
                for i in range(rows):
                    row[i] += share[i] * zkj[i]
    f = 0.0
    delta, tau = aim[1], aim[2]
    if aim[0] == 1.0:
        for i in range(rows):
            r = eta[i] - y[i]
            f += w[i] * 0.5 * r * r
            b[i], curve[i], major[i] = w[i] * r, w[i], w[i]
    else:
        quantile = aim[0] == 2.0
        for i in range(rows):
            r = eta[i] - y[i]
            size = abs(r)
            side = w[i]
            if quantile:
                side *= ((1.0 - tau) if r > 0 else tau) / delta
            inside = min(size, delta)
            f += side * inside * (size - 0.5 * inside)
            b[i] = side * min(max(r, -delta), delta)
            curve[i] = side if size <= delta else 0.0
            major[i] = side * delta / max(size, delta)
    for j in range(p):
        row = work[j]
        s = 0.0
        for i in range(rows):
            s += row[i] * b[i]
        g[j] = s
    # With second derivatives the majoriser serves as a scale only: its diagonal is enough.
    for j in range(p):
        one = work[j]
        s = 0.0
        for i in range(rows):
            argument[i] = one[i] * (curve[i] - b[i]) if second else one[i] * major[i]
            s += one[i] * one[i] * major[i]
        m[j] = s
        for q in range(j, p):
            two = work[q]
            s = 0.0
            for i in range(rows):
                s += argument[i] * two[i]
            h[j, q] = s
    if second:
        _add_terms(z, has, work, b, argument, h)
    for j in range(exponents):
        if positive[j]:
            _to_log(terms + j, gamma[j], g, h, m, second)
    for j in range(p):
        for q in range(j):
            h[j, q] = h[q, j]
    return f


@_jit
def _add_terms(z: Array, has: Any, work: Array, b: Array, part: Array, h: Array) -> None:
    """h += sum_k sum_i b_i s_ki F_ki F_ki' over the derivatives F of each log term."""
    terms, exponents, rows = z.shape
    for k in range(terms):
        share = work[k]
        s = 0.0
        for i in range(rows):
            part[i] = b[i] * share[i]
            s += part[i]
        h[k, k] += s
        for j in range(exponents):
            if not has[k, j]:
                continue
            zkj = z[k, j]
            s = 0.0
            for i in range(rows):
                s += part[i] * zkj[i]
            h[k, terms + j] += s
            for q in range(j, exponents):
                if has[k, q]:
                    zkq = z[k, q]
                    s = 0.0
                    for i in range(rows):
                        s += part[i] * zkj[i] * zkq[i]
                    h[terms + j, terms + q] += s


@_jit
def _to_log(at: int, value: float, g: Array, h: Array, m: Array, second: bool) -> None:
    """Chain rule for one exponent searched as its logarithm (upper triangle)."""
    p = len(g)
    for q in range(p):
        if q < at:
            h[q, at] *= value
        elif q > at:
            h[at, q] *= value
    h[at, at] *= value * value
    if second:
        h[at, at] += g[at] * value
    m[at] *= value * value
    g[at] *= value


@_jit
def _solve(a: Array, ridge: Array, g: Array, low: Array, pivots: Array, out: Array) -> bool:
    """out = -(a + diag(ridge))^-1 g by LDL'; False where a pivot is not positive."""
    p = len(g)
    for j in range(p):
        pivot = a[j, j] + ridge[j]
        size = abs(pivot)
        for k in range(j):
            pivot -= low[j, k] * low[j, k] * pivots[k]
        if not pivot > 1e-14 * size:
            return False
        pivots[j] = pivot
        for i in range(j + 1, p):
            s = a[i, j]
            for k in range(j):
                s -= low[i, k] * low[j, k] * pivots[k]
            low[i, j] = s / pivot
    for j in range(p):
        s = -g[j]
        for k in range(j):
            s -= low[j, k] * out[k]
        out[j] = s
    for j in range(p - 1, -1, -1):
        s = out[j] / pivots[j]
        for k in range(j + 1, p):
            s -= low[k, j] * out[k]
        out[j] = s
    return True


@_jit
def _minimise_one(
    u: Array, z: Array, has: Any, y: Array, w: Array, positive: Any, aim: Array, rules: Array
) -> float:
    """Walk ``u`` to its minimum in place; returns the objective. rules: see `minimise`."""
    terms, exponents, rows = z.shape
    p = terms + exponents
    work, bits = np.empty((p + 6, rows)), np.empty(rows, dtype=np.int64)
    g, h, m = np.empty(p), np.empty((p, p)), np.empty(p)
    g2, h2, m2 = np.empty(p), np.empty((p, p)), np.empty(p)
    low, pivots, step = np.zeros((p, p)), np.empty(p), np.empty(p)
    ridge, trial = np.empty(p), np.empty(p)
    most, longest, switch, done, stuck = rules[0], rules[1], rules[2], rules[3], rules[4]
    damping, second, last, fresh, gain = 1e-3, False, False, True, 0.0
    f = np.inf
    trial[:] = u
    # One call of _evaluate in the text: the compiler copies its body at each.
    for _ in range(int(most)):
        new = _evaluate(trial, z, has, y, w, positive, aim, work, bits, g2, h2, m2, second)
        better = np.isfinite(new) and (fresh or new <= f)
        relative = (f - new) / f if better and 0.0 < f < np.inf else 1.0
        if better:
            u[:] = trial
            f = new
            g[:], h[:], m[:] = g2, h2, m2
        if not fresh:
            damping = max(damping * (0.1 if better else 8.0), 1e-15)
        if last or damping > stuck or f == np.inf:
            break
        ready = (better and relative < switch) or (not better and damping > 1.0)
        if not second and not fresh and ready:
            second, fresh = True, True
            trial[:] = u
            continue
        fresh = False
        solved = False
        top = np.max(m)
        while not solved and damping <= stuck:
            for j in range(p):
                ridge[j] = damping * max(m[j], 1e-12 * top + 1e-300)
            solved = _solve(h, ridge, g, low, pivots, step)
            if not solved:
                damping = max(damping * 8.0, 1e-6)
        if not solved:
            break
        scale = min(1.0, longest / max(np.max(np.abs(step)), 1e-300))
        gain = 0.0
        for j in range(p):
            step[j] *= scale
            gain -= 0.5 * g[j] * step[j]
            trial[j] = u[j] + step[j]
        last = second and gain <= done * abs(f)
    return f


@_jit
def _minimise_all(
    u: Array, z: Array, has: Any, y: Array, w: Array, positive: Any, aim: Array, rules: Array
) -> Array:
    out = np.empty(len(u))
    for r in range(len(u)):
        out[r] = _minimise_one(u[r], z, has, y, w[r], positive, aim, rules)
    return out


def warm_up() -> None:
    """Compile and cache everything (about 20 CPU seconds, once): set-up runs this module."""
    one = np.ones((1, 2))
    z, has = np.ones((2, 1, 8)), np.array([[False], [True]])
    y, w = np.log(np.linspace(2.0, 3.0, 8)), np.ones((1, 8))
    rules = np.array([2.0, 2.0, 0.05, 1e-14, 1e12])
    u = np.concatenate([one, one[:, :1]], axis=1)
    _minimise_all(u, z, has, y, w, np.array([True]), np.array([0.0, 1e-3, 0.5]), rules)


if __name__ == "__main__":
    warm_up()
