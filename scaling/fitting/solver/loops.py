"""The loops that `scaling.fitting.solver.compiled` runs, compiled by numba.

All of them are in one file, whose bytes say whether what is compiled is current
(`scaling.fitting.solver.native`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from scaling.arrays import Array
from scaling.fitting.solver.tiles import LANES, TILE

# fastmath lets sums be vectorised; NaN and infinity keep their meaning (no nnan, ninf).
_FAST = {"reassoc", "contract", "arcp", "nsz"}
_jit: Callable[..., Any] = numba.njit
# Parts of the one compiled function: a function of its own would be compiled a second time.
_part: Callable[..., Any] = _jit(fastmath=_FAST, error_model="numpy", inline="always")

LN2_HIGH = 6.93147180369123816490e-01
LN2_LOW = 1.90821492927058770002e-10
LOG2E = 1.4426950408889634


def _reading(to: Any, given: Any) -> Any:
    """An intrinsic that reads the bits of a ``given`` as a ``to``: one register, no memory."""

    def read(typing: Any, x: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.bitcast(values[0], context.get_value_type(to))

        return to(given), emit

    return intrinsic(read)


_as_float = _reading(numba.types.float64, numba.types.int64)
_as_int = _reading(numba.types.int64, numba.types.float64)


@_part
def _exp(x: float) -> float:
    """exp(x), |x| < 700, to 5e-16 + 4e-17 |x|, relatively (sums may be reordered, so the two
    parts of log 2 may count as one)."""
    at = min(max(x, -700.0), 700.0)
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
    p = p * r + 1.0
    value: float = p * _as_float((np.int64(n) + 1023) << 52)
    return value


@_part
def _log_and_inverse(x: float) -> tuple[float, float]:
    """log(x) and 1 / x for positive normal x, with one division for both.

    The polynomial is that of fdlibm's e_log.c (Sun Microsystems 1993): error below 2^-58.
    """
    bits = _as_int(x)
    # Centre the mantissa on 1: sqrt(1/2) .. sqrt(2).
    n = (bits - 0x3FE6A09E667F3BCD) >> 52
    mantissa = _as_float(bits - (n << 52))
    both = 1.0 / (x * (mantissa + 1.0))
    s = (mantissa - 1.0) * (x * both)
    z = s * s
    p = 1.479819860511658591e-01
    p = p * z + 1.531383769920937332e-01
    p = p * z + 1.818357216161805012e-01
    p = p * z + 2.222219843214978396e-01
    p = p * z + 2.857142874366239149e-01
    p = p * z + 3.999999999940941908e-01
    p = p * z + 6.666666666666735130e-01
    power = np.float64(n)
    log = power * LN2_HIGH + (power * LN2_LOW + 2.0 * s + s * z * p)
    return log, (mantissa + 1.0) * both


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
def _terms(u: Array, z: Array, at: int, to: int, has: Any, positive: Any, work: Array) -> float:
    """Terms that vary and their total in rows at:to, into ``work``; the total of the others.

    z (terms, exponents, rows) are centred log inputs, ``has`` (terms, exponents) says which are
    used, ``positive`` (exponents,) which exponents are searched as logs.
    """
    terms, exponents, _ = z.shape
    p, rows = len(u), to - at
    total, argument = work[p, :rows], work[p + 4, :rows]
    constant = 0.0
    for i in range(rows):
        total[i] = 0.0
    for k in range(terms):
        term = work[k, :rows]
        for i in range(rows):
            argument[i] = u[k]
        for j in range(exponents):
            if has[k, j]:
                zkj = z[k, j, at:to]
                gamma = np.exp(u[terms + j]) if positive[j] else u[terms + j]
                for i in range(rows):
                    argument[i] += gamma * zkj[i]
        if _varies(has, k):
            for i in range(rows):
                value = _exp(argument[i])
                term[i] = value
                total[i] += value
        else:
            size = np.exp(u[k])
            constant += size
            for i in range(rows):
                term[i] = size
    if p > terms + exponents:
        _raise(u, has, positive, work, rows)
    return constant


@_part
def _varies(has: Any, k: int) -> bool:
    """Whether a term depends on an input."""
    varies = False
    for j in range(has.shape[1]):
        varies = varies or has[k, j]
    return bool(varies)


@_part
def _raise(u: Array, has: Any, positive: Any, work: Array, rows: int) -> None:
    """The total S of the terms that vary becomes W = S^gamma, gamma the last coordinate; each of
    them, its derivative of W by its log size; into ``work``, W log S and W.
    """
    terms, exponents = has.shape
    p = len(u)
    total, by = work[p, :rows], work[p + 4, :rows]
    slope, whole = work[p - 1, :rows], work[p + 5, :rows]
    gamma = np.exp(u[p - 1]) if positive[exponents] else u[p - 1]
    for i in range(rows):
        log, inverse = _log_and_inverse(total[i])
        power = _exp(gamma * log)
        by[i] = gamma * power * inverse
        slope[i] = power * log
        whole[i] = power
        total[i] = power
    for k in range(terms):
        if _varies(has, k):
            term = work[k, :rows]
            for i in range(rows):
                term[i] *= by[i]


@_part
def _losses(
    p: int, constant: float, y: Array, w: Array, aim: Array, work: Array, second: bool
) -> float:
    """The objective; into ``work`` each row's psi, psi' and, unless ``second``, majoriser weight,
    times w, and the slope of the link in place of the total of `_terms`.

    aim = (kind, delta, tau, link), kind 0 huber, 1 least squares, 2 quantile, link 0 log, 1 linear.
    """
    rows = len(y)
    total, curve, eta = work[p, :rows], work[p + 1, :rows], work[p + 4, :rows]
    b, major = work[p + 2, :rows], work[p + 3, :rows]
    f, delta, below, above = 0.0, aim[1], 1.0, 1.0
    if aim[3] == 0.0:
        for i in range(rows):
            eta[i], total[i] = _log_and_inverse(total[i] + constant)
    else:
        for i in range(rows):
            eta[i] = total[i] + constant
            total[i] = 1.0
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
        major[i] = 0.0 if second else side * delta / max(size, delta)
    return f


@_part
def _slopes(
    u: Array,
    z: Array,
    at: int,
    to: int,
    has: Any,
    positive: Any,
    logs: bool,
    work: Array,
    g: Array,
    h: Array,
    second: bool,
) -> None:
    """Add rows at:to to gradient g and matrix h by (log sizes, exponents), upper triangle.

    Takes what `_terms` and `_losses` left. h (p, p) is the exact Hessian where ``second`` is
    true, else the matrix of the quadratic that lies above the objective. ``logs`` says that logs
    are compared.
    """
    terms, exponents, _ = z.shape
    p, rows, last = len(u), to - at, len(u) - 1
    inverse, curve, b = work[p, :rows], work[p + 1, :rows], work[p + 2, :rows]
    bend, part = work[p + 3, :rows], work[p + 4, :rows]
    for k in range(terms):
        share = work[k, :rows]
        for i in range(rows):
            share[i] *= inverse[i]
    for j in range(exponents):
        row = work[terms + j, :rows]
        for i in range(rows):
            row[i] = 0.0
        for k in range(terms):
            if has[k, j]:
                share, zkj = work[k, :rows], z[k, j, at:to]
                for i in range(rows):
                    row[i] += share[i] * zkj[i]
    if p > terms + exponents:
        slope_of_power = work[last, :rows]
        for i in range(rows):
            slope_of_power[i] *= inverse[i]
    if second:
        for i in range(rows):
            bend[i] = curve[i] - b[i] if logs else curve[i]
    # Four columns at once: a quarter of the reading.
    for j in range(p):
        one, two = work[j, :rows], work[min(j + 1, last), :rows]
        three, four = work[min(j + 2, last), :rows], work[min(j + 3, last), :rows]
        slope, s, t, v, x = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(rows):
            own = one[i] * bend[i]
            part[i] = own
            slope += one[i] * b[i]
            s += own * one[i]
            t += own * two[i]
            v += own * three[i]
            x += own * four[i]
        g[j] += slope
        _add_row(h, j, j, s, t, v, x)
        for q in range(j + 4, p, 4):
            one, two = work[q, :rows], work[min(q + 1, last), :rows]
            three, four = work[min(q + 2, last), :rows], work[min(q + 3, last), :rows]
            s, t, v, x = 0.0, 0.0, 0.0, 0.0
            for i in range(rows):
                s += part[i] * one[i]
                t += part[i] * two[i]
                v += part[i] * three[i]
                x += part[i] * four[i]
            _add_row(h, j, q, s, t, v, x)
    if second:
        _add_terms(z, at, to, has, work, b, part, h)
    if second and p > terms + exponents:
        _add_power(u, has, positive, work, rows, h)


@_part
def _add_row(h: Array, j: int, q: int, s: float, t: float, v: float, x: float) -> None:
    """Add to h[j, q:q+4] what of it is inside."""
    p = len(h)
    h[j, q] += s
    if q + 1 < p:
        h[j, q + 1] += t
    if q + 2 < p:
        h[j, q + 2] += v
    if q + 3 < p:
        h[j, q + 3] += x


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
def _add_power(u: Array, has: Any, positive: Any, work: Array, rows: int, h: Array) -> None:
    """h += sum_i b_i times what bends W = S^gamma beyond its terms, l' the slope of the link:

    J_j J_q (1 - 1/gamma) / (W l')     j, q log sizes of terms that vary, and exponents
    J_j J_p / (W l') + J_j / gamma     with gamma, whose own slope is J_p
    J_p J_p / (W l')                   gamma twice
    """
    terms, exponents = has.shape
    p, last = len(h), len(h) - 1
    inverse, b = work[p, :rows], work[p + 2, :rows]
    part, whole = work[p + 4, :rows], work[p + 5, :rows]
    gamma = np.exp(u[last]) if positive[exponents] else u[last]
    for i in range(rows):
        part[i] = b[i] / (whole[i] * inverse[i])
    for j in range(p):
        if j < terms and not _varies(has, j):
            continue
        one = work[j, :rows]
        for q in range(j, p):
            if q < terms and not _varies(has, q):
                continue
            two = work[q, :rows]
            s, t = 0.0, 0.0
            for i in range(rows):
                s += part[i] * one[i] * two[i]
                t += b[i] * one[i]
            if q < last:
                s *= 1.0 - 1.0 / gamma
            elif j < last:
                s += t / gamma
            h[j, q] += s


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
def _hold(held: Any, g: Array, h: Array, m: Array) -> None:
    """Take the coordinates that are ``held`` (p,) out of a step: it moves them by nothing."""
    for j in range(len(g)):
        if held[j]:
            g[j], m[j] = 0.0, 0.0
            for q in range(len(g)):
                h[j, q] = 0.0
                h[q, j] = 0.0
            h[j, j] = 1.0


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


@_part
def _falls_into(
    u: Array, trial: Array, end: Array, m: Array, f: float, ahead: float, gain: float, rules: Array
) -> bool:
    """Whether the step from u to ``trial`` goes to the optimum ``end``, which lies ``ahead``
    lower: it gets nearly there and promises what is left, or hardly anything is left.
    """
    agree, near, kept = rules[5], rules[6], rules[7]
    if not 0.0 <= ahead < np.inf:
        return False
    now, then = 0.0, 0.0
    for j in range(len(u)):
        now += m[j] * (u[j] - end[j]) * (u[j] - end[j])
        then += m[j] * (trial[j] - end[j]) * (trial[j] - end[j])
    nearly = then <= near * near * now and abs(ahead - gain) <= kept * ahead
    return bool(nearly or (gain <= agree * f and ahead <= agree * f))


# Pointers to the arrays of `walk`, in the order of its arguments, and their types.
_pointer: Callable[..., Any] = types.CPointer
_F, _I, _B = (_pointer(one) for one in (types.float64, types.int64, types.uint8))
SIGNATURE = types.void(_I, _F, _F, _B, _F, _F, _B, _F, _F, _F, _F, _B, _F, _F, _I, _F, _F)


def walk(
    sizes: Any,
    starts: Any,
    z: Any,
    has: Any,
    y: Any,
    weights: Any,
    positive: Any,
    aim: Any,
    rules: Any,
    known: Any,
    ends: Any,
    held: Any,
    values: Any,
    data: Any,
    kept: Any,
    work: Any,
    small: Any,
) -> None:
    """`minimise_all` by pointers: what it needs of memory is given, so that the compiled function
    calls nothing and can be loaded without the compiler (`scaling.fitting.solver.native`).

    sizes: members, coordinates, terms, exponents, rows, sets of y, of held, and rows of a tile.
    """
    shape = carray(sizes, (8,))
    members, p, terms, exponents = shape[0], shape[1], shape[2], shape[3]
    rows, room = shape[4], shape[4] + LANES
    gathered = carray(data, (terms * exponents + 2, room))
    matrices = carray(small, (2 * p + 6, p))
    _minimise(
        carray(starts, (members, p)),
        carray(z, (terms, exponents, rows)),
        carray(has, (terms, exponents)),
        carray(y, (shape[5], rows)),
        carray(weights, (members, rows)),
        carray(positive, (p - terms,)),
        carray(aim, (4,)),
        carray(rules, (8,)),
        carray(known, (members,)),
        carray(ends, (members, p)),
        carray(held, (shape[6], p)),
        carray(values, (members,)),
        carray(data, (terms, exponents, room)),
        gathered[terms * exponents],
        gathered[terms * exponents + 1],
        carray(kept, (room,)),
        carray(work, (p + 6, shape[7])),
        matrices,
    )


@_part
def _minimise(
    starts: Array,
    z: Array,
    has: Any,
    y: Array,
    weights: Array,
    positive: Any,
    aim: Array,
    rules: Array,
    known: Array,
    ends: Array,
    held: Any,
    values: Array,
    zs: Array,
    ys: Array,
    ws: Array,
    kept: Any,
    work: Array,
    small: Array,
) -> None:
    """Walk each start (B, P) to its minimum in place; its objective goes into ``values`` (B,).

    P is the number of terms and exponents, or one more: then the terms that vary are summed and
    raised to the power that the last coordinate gives.

    rules: see `scaling.fitting.solver.compiled.minimise`; known (B,), ends (B, P): objectives and
    coordinates reached from other starts. A walk that falls into one of these ends stops there.
    held (B or 1, P): coordinates that stay where they start. The others are room to work in.
    """
    terms = z.shape[0]
    p, logs = starts.shape[1], aim[3] == 0.0
    h, low = small[:p], small[p : 2 * p]
    g, m, pivots, step = small[2 * p], small[2 * p + 1], small[2 * p + 2], small[2 * p + 3]
    ridge, trial = small[2 * p + 4], small[2 * p + 5]
    most, longest, switch = rules[0], rules[1], rules[2]
    done, stuck = rules[3], rules[4]
    for member in range(len(starts)):
        u = starts[member]
        count = _gather(z, has, y[member % len(y)], weights[member], kept, zs, ys, ws)
        damping, second, fresh = 1e-3, False, True
        f = np.inf
        _copy(u, trial)
        for _ in range(int(most)):
            new, better, relative = 0.0, False, 1.0
            # The value first; slopes only where it is better. Where the rows do not fit the
            # cache together, terms are computed again, which costs less than fetching them.
            for sweep in range(2):
                for at in range(0, count, TILE):
                    to = min(at + TILE, count)
                    if sweep == 0 or count > TILE:
                        constant = _terms(trial, zs, at, to, has, positive, work)
                        new += _losses(p, constant, ys[at:to], ws[at:to], aim, work, second)
                    if sweep == 1:
                        _slopes(trial, zs, at, to, has, positive, logs, work, g, h, second)
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
                _hold(held[member % len(held)], g, h, m)
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
            if _falls_into(u, trial, ends[member], m, f, f - known[member], gain, rules):
                _copy(ends[member], u)
                f = known[member]
                break
            if second and gain <= done * abs(f):
                # The last step: what it gains is less than is asked of f.
                _copy(trial, u)
                break
        values[member] = f


def assembly() -> tuple[str, str]:
    """`walk` as LLVM's assembly for this processor, optimised, and the name it has there.

    Without numba's wrappers, which would need numba's library.
    """
    alone = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made = _jit([SIGNATURE], fastmath=_FAST, error_model="numpy", **alone)(walk)
    (compiled,) = made.overloads.values()
    return made.inspect_llvm(made.signatures[0]), compiled.fndesc.llvm_func_name
