"""The two kernels of `scaling.fitting.solver.problem`: sums of power terms, and any other law."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.fitting.solver.jet import Jet, differentiated, variable
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.problem import Kernel
from scaling.fitting.solver.space import Space
from scaling.laws._law import Law


def centres(law: Law, x: Mapping[str, Array]) -> dict[str, dict[str, float]]:
    """For each size parameter of a terms law: exponent -> mean of the log input it acts on."""
    found: dict[str, dict[str, float]] = {}
    for term in law.terms:
        by: dict[str, float] = {}
        for name, (exponent, sign) in term.powers.items():
            by[exponent] = by.get(exponent, 0.0) + sign * float(np.mean(np.log(x[name])))
        found[term.coef] = by
    return found


class TermsKernel:
    """log L for L = sum_k exp(c_k + sum_m gamma_m Z_km), exact derivatives.

    With shares s_k = term_k / L:  d eta / d c_k = s_k,  d eta / d gamma_m = sum_k s_k Z_km =: z_m,
    and  d2 eta = sum_k s_k F_k F_k' - J J'  with F_k the derivative of log term_k.
    """

    def __init__(self, law: Law, x: Mapping[str, Array], space: Space) -> None:
        self.space, self.law = space, law
        names = law.names
        self.coefs = [names.index(term.coef) for term in law.terms]
        self.exponents = [k for k in range(len(names)) if k not in self.coefs]
        self.z: list[dict[int, Array]] = []
        for term in law.terms:
            by: dict[int, Array] = {}
            centre = space.centres.get(term.coef, {})
            for name, (exponent, sign) in term.powers.items():
                m = self.exponents.index(names.index(exponent))
                by[m] = by.get(m, 0.0) + sign * np.log(x[name])
            for exponent, mean in centre.items():
                m = self.exponents.index(names.index(exponent))
                by[m] = by[m] - mean
            self.z.append(by)
        self.feature_tables = [self._features(by) for by in self.z]
        self.own = len(self.coefs) + len(self.exponents)
        axes = space.axes
        # One coordinate each, every size a logarithm: nothing but exp to differentiate.
        self.plain = space.size == self.own and all(
            [axes[k].kind == "exp" for k in self.coefs]
            + [axes[k].kind in ("exp", "real") for k in self.exponents]
        )

    def _features(self, by: dict[int, Array]) -> Array:
        """(rows, 1 + m + m(m+1)/2): the constant, Z and products of Z of one term."""
        if not by:
            return np.ones((0, 1))
        keys = sorted(by)
        columns = [np.ones_like(by[keys[0]])] + [by[m] for m in keys]
        columns += [by[a] * by[b] for i, a in enumerate(keys) for b in keys[i:]]
        return np.stack(columns, axis=1)

    def _internal(self, u: Array) -> tuple[Array, Array, Array, Array]:
        """(log sizes, exponents, first and second derivative of each by its coordinate)."""
        order = self.coefs + self.exponents
        n = len(self.coefs)
        if self.plain:
            value = u[:, [self.space.axes[k].index for k in order]]
            slope, bend = np.ones_like(value), np.zeros_like(value)
            logs = [j for j in range(n, len(order)) if self.space.axes[order[j]].kind == "exp"]
            natural = np.exp(np.clip(value[:, logs], -700.0, 700.0))
            value[:, logs] = slope[:, logs] = bend[:, logs] = natural
            return value[:, :n], value[:, n:], slope, bend
        batch = len(u)
        value, slope, bend = (np.empty((batch, len(order))) for _ in range(3))
        for j, k in enumerate(order):
            axis = self.space.axes[k]
            if j < n and axis.kind == "exp":
                value[:, j], slope[:, j], bend[:, j] = u[:, axis.index], 1.0, 0.0
                continue
            v, d1, d2 = axis.natural(u)
            if j < n:
                v, d1, d2 = np.log(v), d1 / v, d2 / v - (d1 / v) ** 2
            value[:, j], slope[:, j], bend[:, j] = v, d1, d2
        return value[:, :n], value[:, n:], slope, bend

    def _terms(self, u: Array, rows: slice) -> tuple[list[Array], Array]:
        c, gamma, _, _ = self._internal(u)
        terms: list[Array] = []
        total: Array | None = None
        for k, by in enumerate(self.z):
            if not by:
                term = np.exp(c[:, k, None])
            else:
                power = sum(gamma[:, m, None] * z[rows] for m, z in by.items())
                power = power + c[:, k, None]
                term = np.exp(power, out=power)
            terms.append(term)
            total = term if total is None else total + term
        assert total is not None
        return terms, total

    def eta(self, u: Array, rows: slice) -> Array:
        """log L, (B, rows)."""
        return np.log(self._terms(u, rows)[1])

    def jacobian(self, u: Array, rows: slice, *, second: bool) -> tuple[Array, Array, object]:
        """eta, and twice d eta by (log sizes, exponents), the second for `curvature`."""
        terms, total = self._terms(u, rows)
        n, m = len(self.coefs), len(self.exponents)
        inner = np.empty((len(u), n + m, total.shape[1]))
        for k, term in enumerate(terms):
            np.divide(term, total, out=inner[:, k])
        started: set[int] = set()
        for k, by in enumerate(self.z):
            for j, z in by.items():
                if j in started:
                    inner[:, n + j] += inner[:, k] * z[rows]
                else:
                    np.multiply(inner[:, k], z[rows], out=inner[:, n + j])
                    started.add(j)
        return np.log(total), inner, inner

    def curvature(self, u: Array, rows: slice, b: Array, memo: Any) -> tuple[Array, float]:
        """sum_i b_i sum_k s_k F_k F_k' by (log sizes, exponents), and 1, the weight of J J'."""
        inner: Array = memo
        n = len(self.coefs)
        core = np.zeros((len(u), self.own, self.own))
        for k, by in enumerate(self.z):
            weighted = b * inner[:, k]
            if not by:
                core[:, k, k] += weighted.sum(axis=1)
                continue
            self._add_term(core, k, n, sorted(by), weighted @ self.feature_tables[k][rows])
        return core, 1.0

    @staticmethod
    def _add_term(core: Array, k: int, n: int, keys: list[int], sums: Array) -> None:
        """Add sum_i w_i F_k F_k' of one term from its feature sums (B, features)."""
        core[:, k, k] += sums[:, 0]
        for i, m in enumerate(keys):
            core[:, k, n + m] += sums[:, 1 + i]
            core[:, n + m, k] += sums[:, 1 + i]
        at = 1 + len(keys)
        for i, a in enumerate(keys):
            for c in keys[i:]:
                core[:, n + a, n + c] += sums[:, at]
                if a != c:
                    core[:, n + c, n + a] += sums[:, at]
                at += 1

    def chain(
        self, u: Array, g: Array, matrices: tuple[Array, Array]
    ) -> tuple[Array, Array, Array]:
        """Gradient, Hessian and majoriser by solver coordinates from those by internal ones."""
        _, _, slope, bend = self._internal(u)
        if self.plain:
            order = np.argsort([self.space.axes[k].index for k in self.coefs + self.exponents])
            across = np.ix_(np.arange(len(u)), order, order)
            index = np.arange(self.own)
            square = slope[:, :, None] * slope[:, None, :]
            core = matrices[0] * square
            core[:, index, index] += g * bend
            upper = matrices[1] * square
            return (g * slope)[:, order], core[across], upper[across]
        spread = np.zeros((len(u), slope.shape[1], self.space.size))
        for j, k in enumerate(self.coefs + self.exponents):
            if self.space.axes[k].kind != "fixed":
                spread[:, j, self.space.axes[k].index] = slope[:, j]
        back = spread.transpose(0, 2, 1)
        hessian, majoriser = (np.matmul(np.matmul(back, m), spread) for m in matrices)
        for j, k in enumerate(self.coefs + self.exponents):
            axis = self.space.axes[k]
            if axis.kind != "fixed":
                hessian[:, axis.index, axis.index] += g[:, j] * bend[:, j]
        return np.matmul(back, g[:, :, None])[:, :, 0], hessian, majoriser


def kernel_of(law: Law, x: Mapping[str, Array], space: Space, objective: Objective) -> Kernel:
    """The kernel of a fit: closed derivatives for sums of power terms compared in logs, else jets.

    Every choice of kernel is made here. Only power terms are served in centred coordinates: other
    fits take ``space.plain()``.
    """
    if sums_terms(law, objective):
        return TermsKernel(law, x, space)
    return GenericKernel(law, x, space, objective.link)


def sums_terms(law: Law, objective: Objective) -> bool:
    """Whether a fit of the law by this objective is served by its power terms."""
    return bool(law.terms) and objective.link == "log" and objective.kind != "binomial"


class GenericKernel:
    """eta = link(predict(theta(u))) for any law; exact derivatives by jets."""

    def __init__(self, law: Law, x: Mapping[str, Array], space: Space, link: str) -> None:
        self.law, self.x, self.space, self.link = law, dict(x), space, link
        self.own = space.size

    def eta(self, u: Array, rows: slice) -> Array:
        """Prediction on the link scale; where it is not finite, a huge number."""
        theta = self.space.theta(u)
        p = SimpleNamespace(**{name: theta[:, k, None] for k, name in enumerate(self.law.names)})
        with np.errstate(all="ignore"):
            value = self._linked(self.law.predict(p, self._inputs(rows)))
            return self._finite(np.broadcast_to(value, (len(u), self._count(rows))))

    def _finite(self, eta: Array) -> Array:
        """eta, with a huge number where it is none; raw values have units, logs have not."""
        most = 1e100 if self.link == "linear" else 1e6
        if not np.isfinite(eta.sum()):
            eta = np.nan_to_num(eta, nan=most, posinf=most, neginf=-most)
        return np.clip(eta, -most, most)

    def _inputs(self, rows: slice) -> SimpleNamespace:
        return SimpleNamespace(**{name: column[rows] for name, column in self.x.items()})

    def _count(self, rows: slice) -> int:
        return len(next(iter(self.x.values()))[rows])

    def _linked(self, value: Array) -> Array:
        if self.link == "linear":
            return value
        if self.link == "log":
            return np.log(value)
        return np.log(value) - np.log1p(-value)

    def _bent(self, value: Array) -> tuple[Array | float, Array | float]:
        """Slope l' of the link, and a in l'' = -a l'^2."""
        if self.link == "linear":
            return 1.0, 0.0
        if self.link == "log":
            return 1.0 / value, 1.0
        return 1.0 / (value * (1.0 - value)), np.nan_to_num(1.0 - 2.0 * value)

    def _jet(self, u: Array, rows: slice, *, second: bool) -> Jet:
        p = SimpleNamespace()
        for name, axis in zip(self.law.names, self.space.axes, strict=True):
            value, slope, bend = (part[:, None] for part in axis.natural(u))
            fixed = axis.kind == "fixed"
            jet = variable(axis.index, value, slope, bend, second=second)
            setattr(p, name, value if fixed else jet)
        return differentiated(self.law.predict(p, self._inputs(rows)), self.law.name)

    def jacobian(self, u: Array, rows: slice, *, second: bool) -> tuple[Array, Array, object]:
        """eta, d eta / du, and (jet of the prediction, l', a) for `curvature`.

        The link's own curvature is a product of slopes, so it waits for the matrix product
        instead of filling p(p+1)/2 arrays: with sums of terms, few pairs are left.
        """
        with np.errstate(all="ignore"):
            jet = self._jet(u, rows, second=second)
            slope, bend = self._bent(jet.value)
            shape = (len(u), self._count(rows))
            eta = self._finite(np.broadcast_to(self._linked(jet.value), shape))
            slopes = np.zeros((len(u), self.own, shape[1]))
            for i, d in jet.first.items():
                np.multiply(d, slope, out=slopes[:, i])
            if not np.isfinite(slopes.sum()):
                np.nan_to_num(slopes, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return eta, slopes, (jet, slope, bend)

    def curvature(self, u: Array, rows: slice, b: Array, memo: Any) -> tuple[Array, Array | float]:
        """sum_i b_i l' d2 predict_i / du2, and a."""
        jet, slope, bend = memo
        out = np.zeros((len(u), self.own, self.own))
        by = b * slope
        for (i, j), h in jet.second.items():
            total = np.einsum("bi,bi->b", by, np.broadcast_to(h, by.shape))
            out[:, i, j] = total
            out[:, j, i] = total
        return np.nan_to_num(out, nan=0.0, posinf=0.0, neginf=0.0), bend

    def chain(
        self, u: Array, g: Array, matrices: tuple[Array, Array]
    ) -> tuple[Array, Array, Array]:
        """Derivatives are by solver coordinates already."""
        return g, matrices[0], matrices[1]
