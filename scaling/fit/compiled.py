"""Resamples of laws that are sums of power terms, compiled (numba).

The same objective and derivatives as `scaling.fit.problem`, with damped steps instead of the
trust region of `scaling.fit.newton`, for one batch member at a time, in loops that become vector
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
# Parts of the one compiled function: a function of its own would be compiled a second time.
_part: Callable[..., Any] = numba.njit(fastmath=_FAST, error_model="numpy", inline="always")

LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LOG2E = 1.4426950408889634
# Loops over a multiple of this many rows have no remainder.
LANES = 8
# Rows visited together: their work arrays stay in a second-level cache.
TILE = 2048
# Expected relative gain of a last step. Newton's steps converge quadratically, so what is left
# after it is of rounding's size (measured: 6e-14), and one step in ten is saved.
DONE = 1e-10


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
    known: Array | None = None,
) -> newton.Minima:
    """As `scaling.fit.newton.minimise`, for problems that `serves` accepts.

    ``y`` (B, rows), on the link scale, gives each member observations of its own. ``known`` (B,)
    are objectives reached from other starts: a member that arrives there, within AGREE, stops.
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
    positive = np.array([axis.kind == "exp" for axis in axes[len(kernel.coefs) :]])
    aim = problem.objective
    u = np.ascontiguousarray(starts[:, order])
    f = _minimise_all(
        u,
        z,
        has,
        np.ascontiguousarray(problem.y[None] if y is None else y),
        np.ascontiguousarray(weights * problem.weights),
        positive,
        np.array([float(_KINDS.index(aim.kind)), aim.delta, aim.tau]),
        np.array(
            [
                newton.MAX_STEPS,
                newton.LONGEST_STEP,
                newton.GAIN_FOR_NEWTON,
                DONE,
                newton.STUCK,
                AGREE,
            ]
        ),
        np.full(len(u), -np.inf) if known is None else known,
    )
    out = np.empty_like(starts)
    out[:, order] = u
    return newton.Minima(out, f, np.zeros(len(f), dtype=np.int64))


# Two starts whose objectives are this close, relatively, have found the same optimum.
AGREE = 1e-6

_KINDS = ("huber", "least_squares", "quantile")


@_part
def _exp_into(x: Array, bits: Any, out: Array) -> None:
    """out = exp(x), |x| < 700, to 1 or 2 units in the last place."""
    for i in range(len(x)):
        at = min(max(x[i], -700.0), 700.0)
        n = np.floor(at * LOG2E + 0.5)
        r = (at - n * LN2_HIGH) - n * LN2_LOW
        p = 1.0 / 479001600.0
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


@_part
def _log_into(x: Array, mantissa: Array, out: Array) -> None:
    """out = log(x) for positive normal x; ``mantissa`` is room to work in.

    The polynomial is that of fdlibm's e_log.c (Sun Microsystems 1993): error below 2^-58.
    """
    bits, centred = x.view(np.int64), mantissa.view(np.int64)
    for i in range(len(x)):
        # Centre the mantissa on 1: sqrt(1/2) .. sqrt(2).
        n = (bits[i] - 0x3FE6A09E667F3BCD) >> 52
        centred[i] = bits[i] - (n << 52)
        out[i] = n
    for i in range(len(x)):
        s = (mantissa[i] - 1.0) / (mantissa[i] + 1.0)
        z = s * s
        p = 1.479819860511658591e-01
        p = p * z + 1.531383769920937332e-01
        p = p * z + 1.818357216161805012e-01
        p = p * z + 2.222219843214978396e-01
        p = p * z + 2.857142874366239149e-01
        p = p * z + 3.999999999940941908e-01
        p = p * z + 6.666666666666735130e-01
        out[i] = out[i] * LN2_HIGH + (out[i] * LN2_LOW + 2.0 * s + s * z * p)


@_part
def _gather(
    z: Array, has: Any, y: Array, w: Array, kept: Any, zs: Array, ys: Array, ws: Array
) -> int:
    """Copy the rows that have weight, and some without so that loops come out even; their number.

    A resample leaves out a third of the rows.
    """
    count = 0
    for i in range(len(y)):
        kept[count] = i
        count += w[i] != 0.0
    even = (count + LANES - 1) // LANES * LANES
    for i in range(count, even):
        kept[i] = 0
    for i in range(even):
        ys[i] = y[kept[i]]
        ws[i] = w[kept[i]] if i < count else 0.0
    for k in range(z.shape[0]):
        for j in range(z.shape[1]):
            if has[k, j]:
                for i in range(even):
                    zs[k, j, i] = z[k, j, kept[i]]
    return even


@_part
def _shares(
    u: Array, z: Array, at: int, to: int, has: Any, positive: Any, work: Array, bits: Any
) -> None:
    """Shares of the terms in rows at:to into ``work``, and eta behind the derivatives.

    z (terms, exponents, rows) are centred log inputs, ``has`` (terms, exponents) says which are
    used, ``positive`` (exponents,) which exponents are searched as logs.
    """
    terms, exponents, _ = z.shape
    p, rows = terms + exponents, to - at
    total, eta, argument = work[p, :rows], work[p + 1, :rows], work[p + 5, :rows]
    for i in range(rows):
        total[i] = 0.0
    for k in range(terms):
        share, constant = work[k, :rows], True
        for i in range(rows):
            argument[i] = u[k]
        for j in range(exponents):
            if has[k, j]:
                constant = False
                zkj = z[k, j, at:to]
                gamma = np.exp(u[terms + j]) if positive[j] else u[terms + j]
                for i in range(rows):
                    argument[i] += gamma * zkj[i]
        if constant:
            size = np.exp(u[k])
            for i in range(rows):
                share[i] = size
        else:
            _exp_into(argument, bits[:rows], share)
        for i in range(rows):
            total[i] += share[i]
    _log_into(total, argument, eta)
    for i in range(rows):
        total[i] = 1.0 / total[i]
    for k in range(terms):
        share = work[k, :rows]
        for i in range(rows):
            share[i] *= total[i]


@_part
def _losses(p: int, y: Array, w: Array, aim: Array, work: Array) -> float:
    """The objective; each row's psi, psi' and majoriser weight, times w, into ``work``.

    aim = (kind, delta, tau), kind 0 huber, 1 least squares, 2 quantile.
    """
    rows = len(y)
    eta, curve = work[p + 1, :rows], work[p + 2, :rows]
    b, major = work[p + 3, :rows], work[p + 4, :rows]
    f, delta, below, above = 0.0, aim[1], 1.0, 1.0
    if aim[0] == 1.0:
        for i in range(rows):
            r = eta[i] - y[i]
            f += w[i] * 0.5 * r * r
            b[i], curve[i], major[i] = w[i] * r, w[i], w[i]
        return f
    if aim[0] == 2.0:
        below, above = aim[2] / delta, (1.0 - aim[2]) / delta
    for i in range(rows):
        r = eta[i] - y[i]
        size = abs(r)
        side = w[i] * (above if r > 0 else below)
        inside = min(size, delta)
        f += side * inside * (size - 0.5 * inside)
        b[i] = side * min(max(r, -delta), delta)
        curve[i] = side if size <= delta else 0.0
        major[i] = side * delta / max(size, delta)
    return f


@_part
def _slopes(
    z: Array, at: int, to: int, has: Any, work: Array, g: Array, h: Array, second: bool
) -> None:
    """Add rows at:to to gradient g and matrix h by (log sizes, exponents), upper triangle.

    Takes what `_shares` and `_losses` left. h (p, p) is the exact Hessian where ``second`` is
    true, else the matrix of the quadratic that lies above the objective.
    """
    terms, exponents, _ = z.shape
    p, rows = terms + exponents, to - at
    curve, b = work[p + 2, :rows], work[p + 3, :rows]
    bend, part = work[p + 4, :rows], work[p + 5, :rows]
    for j in range(exponents):
        row = work[terms + j, :rows]
        for i in range(rows):
            row[i] = 0.0
        for k in range(terms):
            if has[k, j]:
                share, zkj = work[k, :rows], z[k, j, at:to]
                for i in range(rows):
                    row[i] += share[i] * zkj[i]
    if second:
        for i in range(rows):
            bend[i] = curve[i] - b[i]
    for j in range(p):
        one = work[j, :rows]
        s, t = 0.0, 0.0
        for i in range(rows):
            part[i] = one[i] * bend[i]
            s += one[i] * b[i]
            t += one[i] * bend[i] * one[i]
        g[j] += s
        h[j, j] += t
        # Two columns at once: half the reading.
        for q in range(j + 1, p, 2):
            two, three = work[q, :rows], work[min(q + 1, p - 1), :rows]
            s, t = 0.0, 0.0
            for i in range(rows):
                s += part[i] * two[i]
                t += part[i] * three[i]
            h[j, q] += s
            if q + 1 < p:
                h[j, q + 1] += t
    if second:
        _add_terms(z, at, to, has, work, b, part, h)


@_part
def _add_terms(
    z: Array, at: int, to: int, has: Any, work: Array, b: Array, part: Array, h: Array
) -> None:
    """h += sum_k sum_i b_i s_ki F_ki F_ki' over the derivatives F of each log term."""
    terms, exponents, _ = z.shape
    rows = to - at
    for k in range(terms):
        share = work[k, :rows]
        s = 0.0
        for i in range(rows):
            part[i] = b[i] * share[i]
            s += part[i]
        h[k, k] += s
        for j in range(exponents):
            if not has[k, j]:
                continue
            zkj = z[k, j, at:to]
            s, t = 0.0, 0.0
            for i in range(rows):
                s += part[i] * zkj[i]
                t += part[i] * zkj[i] * zkj[i]
            h[k, terms + j] += s
            h[terms + j, terms + j] += t
            for q in range(j + 1, exponents):
                if has[k, q]:
                    zkq = z[k, q, at:to]
                    s = 0.0
                    for i in range(rows):
                        s += part[i] * zkj[i] * zkq[i]
                    h[terms + j, terms + q] += s


@_part
def _chain(u: Array, terms: int, positive: Any, g: Array, h: Array, m: Array, second: bool) -> None:
    """From sums by (log sizes, exponents) to coordinates; fills the lower triangle.

    m (p,), the scale of the damping, is the diagonal of the last upper quadratic.
    """
    p = len(g)
    for j in range(terms, p):
        if positive[j - terms]:
            _to_log(j, np.exp(u[j]), g, h, second)
    for j in range(p):
        for q in range(j):
            h[j, q] = h[q, j]
        if not second:
            m[j] = h[j, j]


@_part
def _to_log(at: int, value: float, g: Array, h: Array, second: bool) -> None:
    """Chain rule for one exponent searched as its logarithm (upper triangle)."""
    for q in range(at):
        h[q, at] *= value
    for q in range(at + 1, len(g)):
        h[at, q] *= value
    h[at, at] *= value * value
    g[at] *= value
    if second:
        h[at, at] += g[at]


@_part
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


@_part
def _copy(a: Array, b: Array) -> None:
    """b = a. numpy's own assignment and maximum take seconds to compile."""
    for j in range(len(a)):
        b[j] = a[j]


@_part
def _largest(a: Array) -> float:
    """The largest size."""
    top = 0.0
    for j in range(len(a)):
        top = max(top, abs(a[j]))
    return top


@_jit
def _minimise_all(
    starts: Array,
    z: Array,
    has: Any,
    y: Array,
    weights: Array,
    positive: Any,
    aim: Array,
    rules: Array,
    known: Array,
) -> Array:
    """Walk each start (B, P) to its minimum in place; returns the objectives (B,).

    rules, known: see `minimise`.
    """
    terms, exponents, rows = z.shape
    p = terms + exponents
    room = rows + LANES
    zs, ys, ws = np.empty((terms, exponents, room)), np.empty(room), np.empty(room)
    kept, tile = np.empty(room, dtype=np.int64), min(room, TILE)
    work, bits = np.empty((p + 6, tile)), np.empty(tile, dtype=np.int64)
    g, h, m = np.empty(p), np.empty((p, p)), np.empty(p)
    low, pivots, step = np.empty((p, p)), np.empty(p), np.empty(p)
    ridge, trial, values = np.empty(p), np.empty(p), np.empty(len(starts))
    most, longest, switch = rules[0], rules[1], rules[2]
    done, stuck, agree = rules[3], rules[4], rules[5]
    for member in range(len(starts)):
        u = starts[member]
        count = _gather(z, has, y[member % len(y)], weights[member], kept, zs, ys, ws)
        damping, second, fresh = 1e-3, False, True
        f = np.inf
        _copy(u, trial)
        for _ in range(int(most)):
            new, better, relative = 0.0, False, 1.0
            # The value first; slopes only where it is better. Where the rows do not fit the
            # cache together, shares are computed again, which costs less than fetching them.
            for sweep in range(2):
                for at in range(0, count, TILE):
                    to = min(at + TILE, count)
                    if sweep == 0 or count > TILE:
                        _shares(trial, zs, at, to, has, positive, work, bits)
                        new += _losses(p, ys[at:to], ws[at:to], aim, work)
                    if sweep == 1:
                        _slopes(zs, at, to, has, work, g, h, second)
                if sweep == 1:
                    break
                better = np.isfinite(new) and (fresh or new <= f)
                relative = (f - new) / f if better and 0.0 < f < np.inf else 1.0
                if better:
                    _copy(trial, u)
                    f = new
                    second = second or relative < switch
                    for j in range(p):
                        g[j] = 0.0
                        for q in range(p):
                            h[j, q] = 0.0
                if not fresh:
                    damping = max(damping * (0.1 if better else 8.0), 1e-15)
                if not better:
                    break
            if damping > stuck or f == np.inf:
                break
            if better:
                _chain(u, terms, positive, g, h, m, second)
            elif not second and damping > 1.0:
                # An upper quadratic that cannot improve is at its limit.
                second, fresh = True, True
                _copy(u, trial)
                continue
            fresh = False
            solved = False
            top = _largest(m)
            while not solved and damping <= stuck:
                for j in range(p):
                    ridge[j] = damping * max(m[j], 1e-12 * top + 1e-300)
                solved = _solve(h, ridge, g, low, pivots, step)
                if not solved:
                    damping = max(damping * 8.0, 1e-6)
            if not solved:
                break
            scale = min(1.0, longest / max(_largest(step), 1e-300))
            gain = 0.0
            for j in range(p):
                step[j] *= scale
                gain -= 0.5 * g[j] * step[j]
                trial[j] = u[j] + step[j]
            ahead = f - known[member]
            if gain <= agree * f and 0.0 <= ahead <= agree * f:
                break
            if second and gain <= done * abs(f):
                # The last step: what it gains is less than is asked of f.
                _copy(trial, u)
                break
        values[member] = f
    return values


def warm_up() -> None:
    """Compile and cache everything (about 12 CPU seconds, once): set-up runs this module."""
    one = np.ones((1, 2))
    z, has = np.ones((2, 1, 8)), np.array([[False], [True]])
    y, w = np.log(np.linspace(2.0, 3.0, 8))[None], np.ones((1, 8))
    rules = np.array([2.0, 2.0, 0.05, 1e-14, 1e12, 1e-6])
    u = np.concatenate([one, one[:, :1]], axis=1)
    aim, known = np.array([0.0, 1e-3, 0.5]), np.zeros(1)
    _minimise_all(u, z, has, y, w, np.array([True]), aim, rules, known)


if __name__ == "__main__":
    warm_up()
