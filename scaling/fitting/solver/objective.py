"""What a fit minimises: sum_i w_i rho(eta_i, y_i), eta the prediction on the link scale.

    huber          rho = r^2/2 where |r| <= delta, else delta (|r| - delta/2);  r = eta - y
    least_squares  rho = r^2/2
    quantile       rho = |tau - 1(y < eta)| * huber(r) / delta   (pinball, rounded within delta)
    binomial       rho = log(1 + exp(eta)) - y eta, y a fraction, eta a logit

Values are summed, never averaged: quasi-Newton optimisers stop early on the average (Besiroglu
et al. 2024, arXiv:2404.10102, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError

Kind = Literal["huber", "least_squares", "quantile", "binomial"]
Link = Literal["log", "linear", "logit"]

KINDS = ("huber", "least_squares", "quantile", "binomial")
LINKS = ("log", "linear", "logit")


@dataclass(frozen=True)
class Objective:
    """The loss on each residual and the scale on which residuals are taken.

    Args:
        kind: see the module's docstring.
        link: ``log`` compares logarithms, ``linear`` raw values, ``logit`` log-odds.
        delta: Huber's corner, in units of the link scale; 1e-3 on logs as in Hoffmann et al.
            2022 (arXiv:2203.15556, section 3.3).
        tau: level of the quantile objective; small values draw the best-achievable frontier.
    """

    kind: Kind = "huber"
    link: Link = "log"
    delta: float = 1e-3
    tau: float = 0.5

    def __post_init__(self) -> None:
        if self.kind == "binomial" and self.link != "logit":
            raise InputError("binomial needs log-odds", value=self.link, allowed="link 'logit'")
        if self.link not in LINKS:
            raise InputError("unknown link", value=self.link, allowed=" | ".join(LINKS))
        if self.kind not in KINDS:
            raise InputError("unknown objective", value=self.kind, allowed=" | ".join(KINDS))
        if not (self.delta > 0 and np.isfinite(self.delta)):
            raise InputError("delta out of range", value=self.delta, allowed="> 0")
        if not 0 < self.tau < 1:
            raise InputError("tau out of range", value=self.tau, allowed="between 0 and 1")

    @property
    def name(self) -> str:
        """One line for reports."""
        corner = f", delta {self.delta:g}" if self.kind in ("huber", "quantile") else ""
        level = f", tau {self.tau:g}" if self.kind == "quantile" else ""
        return f"sum of {self.kind} on {self.link} values{corner}{level}"

    def to_link(self, y: Array) -> Array:
        """Observed values on the scale where residuals are taken (binomial keeps fractions)."""
        if self.kind == "binomial" or self.link == "linear":
            return y
        return np.log(y) if self.link == "log" else np.log(y) - np.log1p(-y)

    def value(self, eta: Array, y: Array) -> Array:
        """rho, elementwise."""
        if self.kind == "binomial":
            return np.logaddexp(0.0, eta) - y * eta
        r = eta - y
        if self.kind == "least_squares":
            return 0.5 * r * r
        size = np.abs(r)
        inside = np.minimum(size, self.delta)
        huber = inside * (size - 0.5 * inside)
        return huber if self.kind == "huber" else huber * self._side(r) / self.delta

    def slopes(self, eta: Array, y: Array) -> tuple[Array, Array, Array]:
        """(psi, psi', majoriser weight): first and second derivative by eta, and the weight of
        the quadratic that lies above rho and touches it (iteratively reweighted least squares).
        """
        if self.kind == "binomial":
            mean = 1.0 / (1.0 + np.exp(-eta))
            curve = mean * (1.0 - mean)
            return mean - y, curve, np.full_like(eta, 0.25)
        r = eta - y
        if self.kind == "least_squares":
            one = np.ones_like(r)
            return r, one, one
        psi = np.minimum(np.maximum(r, -self.delta), self.delta)
        curve = (psi == r).astype(np.float64)
        weight = self.delta / np.maximum(np.abs(r), self.delta)
        if self.kind == "quantile":
            side = self._side(r) / self.delta
            return psi * side, curve * side, weight * side
        return psi, curve, weight

    def _side(self, r: Array) -> Array:
        return np.where(r > 0, 1.0 - self.tau, self.tau)
