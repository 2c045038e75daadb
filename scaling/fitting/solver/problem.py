"""A law, data and an objective as one function of unbounded solver coordinates.

`Problem.evaluate` gives value, gradient and two Hessians for a whole batch of coordinates, with
row weights per batch member (resampling is by weights, so data are never copied). Two kernels
serve it: `TermsKernel` for laws that declare themselves as sums of power terms, with exact
derivatives in centred logs; `GenericKernel` for any other law, from `predict` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from scaling.arrays import Array
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.space import Space
from scaling.laws._law import Law

# Elements of one (batch, rows) work array: 16 arrays of this size stay in a second-level cache.
BLOCK = 24_000
# Bytes of an array that is made and let go once. From then on glibc serves arrays up to this size
# from memory that it holds, and holds twice as much; else every work array of a fit with many
# parameters (half a megabyte) would be given back and fetched again, page by page.
HELD = 8_000_000
np.empty(HELD, dtype=np.uint8)


@dataclass(frozen=True)
class Derivatives:
    """Value and derivatives at a batch of coordinates: f (B,), g (B,P), H and M (B,P,P).

    ``hessian`` is exact, ``majoriser`` the positive semi-definite matrix of the quadratic that
    lies above the objective.
    """

    f: Array
    g: Array
    hessian: Array
    majoriser: Array


class Kernel(Protocol):
    """eta and its derivatives for one block of rows and batch members.

    A kernel differentiates by Q coordinates of its own; `chain` takes sums over rows to the
    solver's P coordinates, once, when all rows are in.
    """

    own: int

    def eta(self, u: Array, rows: slice) -> Array:
        """Prediction on the link scale, (B, rows)."""
        ...

    def jacobian(self, u: Array, rows: slice, *, second: bool) -> tuple[Array, Array, object]:
        """eta (B, rows), d eta by the kernel's own coordinates (B, Q, rows), and a memo."""
        ...

    def curvature(
        self, u: Array, rows: slice, b: Array, memo: object
    ) -> tuple[Array, Array | float]:
        """(R, a) with sum_i b_i d2 eta_i = R - sum_i b_i a_i J_i J_i', R (B, Q, Q), a (B, rows).

        Slopes J enter by a matrix product, together with the loss's own curvature.
        """
        ...

    def chain(
        self, u: Array, g: Array, matrices: tuple[Array, Array]
    ) -> tuple[Array, Array, Array]:
        """Gradient and matrices by solver coordinates from those by the kernel's own."""
        ...


@dataclass(frozen=True)
class Problem:
    """Data, law and objective, ready for the solver.

    ``x`` maps each input of the law to (rows,), ``y`` is on the link scale, ``weights`` (rows,)
    multiply each row's loss. ``penalty`` is the strength that turns a prior's squared distance
    into units of the objective.
    """

    law: Law
    x: Mapping[str, Array]
    y: Array
    weights: Array
    objective: Objective
    space: Space
    kernel: Kernel
    penalty: float = 0.0

    @property
    def rows(self) -> int:
        """Number of data rows."""
        return len(self.y)

    def value(self, u: Array, weights: Array | None = None) -> Array:
        """Objective (B,) at coordinates (B, P), with row weights (B, rows) or the data's own."""
        total = self.penalty * self.space.prior(u)[0] if self.penalty else np.zeros(len(u))
        for rows in row_blocks(self.rows, len(u)):
            rho = self.objective.value(self.kernel.eta(u, rows), self.y[rows])
            total += np.einsum("bi,bi->b", rho, self._weights(weights, rows, len(u)))
        return total

    def evaluate(
        self,
        u: Array,
        weights: Array | None = None,
        *,
        second: bool = True,
        y: Array | None = None,
    ) -> Derivatives:
        """Value, gradient, exact Hessian and majoriser at coordinates (B, P).

        Without ``second`` the Hessian is not made, and the majoriser stands in its place. ``y``
        (B, rows) gives each member observations of its own.
        """
        batch, q = len(u), self.kernel.own
        f, g = np.zeros(batch), np.zeros((batch, q))
        hessian, majoriser = np.zeros((batch, q, q)), np.zeros((batch, q, q))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for rows in row_blocks(self.rows, batch):
                own = self.y[rows] if y is None else y[:, rows]
                self._add_block(u, rows, weights, own, (f, g, hessian, majoriser), second)
            g, hessian, majoriser = self.kernel.chain(u, g, (hessian, majoriser))
            if not second:
                hessian = majoriser
            if self.penalty:
                value, slope, curve = self.space.prior(u)
                f += self.penalty * value
                g += self.penalty * slope
                hessian = hessian + self.penalty * curve
                majoriser = majoriser + self.penalty * curve
        return Derivatives(f, g, hessian, majoriser)

    def _add_block(
        self,
        u: Array,
        rows: slice,
        weights: Array | None,
        y: Array,
        into: tuple[Array, Array, Array, Array],
        second: bool,
    ) -> None:
        f, g, hessian, majoriser = into
        w = self._weights(weights, rows, len(u))
        eta, jacobian, memo = self.kernel.jacobian(u, rows, second=second)
        f += np.einsum("bi,bi->b", self.objective.value(eta, y), w)
        psi, curve, weight = self.objective.slopes(eta, y)
        b = w * psi
        g += np.matmul(jacobian, b[:, :, None])[:, :, 0]
        across = jacobian.transpose(0, 2, 1)
        if second:
            rest, bend = self.kernel.curvature(u, rows, b, memo)
            hessian += np.matmul(jacobian * (w * curve - b * bend)[:, None, :], across)
            hessian += rest
        majoriser += np.matmul(jacobian * (w * weight)[:, None, :], across)

    def _weights(self, weights: Array | None, rows: slice, batch: int) -> Array:
        own = self.weights[rows]
        if weights is None:
            return np.broadcast_to(own, (batch, len(own)))
        return weights[:, rows] * own

    def predict(self, u: Array) -> Array:
        """Prediction on the link scale at the data, (B, rows)."""
        blocks = [self.kernel.eta(u, rows) for rows in row_blocks(self.rows, len(u))]
        return np.concatenate(blocks, axis=1)


def row_blocks(rows: int, batch: int) -> list[slice]:
    """Slices of the rows so that a work array of ``batch`` members stays in cache."""
    size = max(256, BLOCK // max(batch, 1))
    return [slice(start, start + size) for start in range(0, rows, size)]


def batch_size(rows: int) -> int:
    """How many batch members to hand to the solver at once."""
    return int(np.clip(BLOCK // max(rows, 1), 1, 512))
