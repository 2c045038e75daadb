"""What a forecast says about log y at each target: Student's t with a location and a scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array


@dataclass(frozen=True)
class Predictive:
    """``location`` and ``scale`` (T,) of log y, and the degrees of freedom of Student's t.

    ``disagreement`` (T,) is how far the shapes or laws behind it differ, in logs.
    Where ``increasing`` the target is 1 - y: a growing share is forecast by its distance from 1.
    """

    location: Array
    scale: Array
    degrees: float
    increasing: bool = False
    disagreement: Array | None = None

    def quantiles(self, levels: Array) -> Array:
        """Quantiles (levels, T) in natural units."""
        from scipy.special import stdtrit

        z = np.asarray(stdtrit(self.degrees, 1.0 - levels if self.increasing else levels))
        values = np.exp(self.location + z[:, None] * self.scale)
        return np.asarray(
            np.maximum(1.0 - values, 0.0) if self.increasing else values, dtype=np.float64
        )

    def rank(self, observed: Array) -> Array:
        """The forecast's probability of less than the outcome (T,): the PIT."""
        from scipy.special import stdtr

        with np.errstate(divide="ignore"):
            y = np.log(np.maximum(1.0 - observed if self.increasing else observed, 0.0))
        below = np.asarray(stdtr(self.degrees, (y - self.location) / self.scale), dtype=np.float64)
        return np.asarray(1.0 - below) if self.increasing else below

    def log_score(self, observed: Array) -> Array:
        """Log density (T,) of the outcome, per unit of the target."""
        from scipy.special import gammaln

        with np.errstate(divide="ignore"):
            y = np.log(np.maximum(1.0 - observed if self.increasing else observed, 0.0))
        nu = self.degrees
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        z = (y - self.location) / self.scale
        density = constant - np.log(self.scale) - (nu + 1) / 2 * np.log1p(z**2 / nu)
        return np.asarray(density - y)


def quantiles_of(draws: Array, location: Array, levels: Array) -> Array:
    """Quantiles (levels, T) of draws (S, T), each the nearest draw; the median is the location."""
    found = np.quantile(draws, levels, axis=0, method="nearest")
    middle = np.asarray(levels)[:, None] == 0.5
    return np.asarray(np.where(middle, location, found))
