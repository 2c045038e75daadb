"""A Gaussian process of a table: level, linear, quadratic and smooth parts, shared and by group.

The amplitudes, the length of each input and the noise are the most probable ones under weak priors
(Rasmussen and Williams 2006, section 5.4.1). Far from the runs it says little; the model of a table
gives it less weight there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array

# Runs on which amplitudes and lengths are fitted, and on which forecasts rest.
MOST_FITTED, MOST_RUNS = 160, 600
ITERATIONS = 30
# Log amplitudes before: level, linear, quadratic, smooth; then the groups' own; log noise.
AMPLITUDES, OWN, AMPLITUDE_SD = (0.0, 0.0, -1.5, -1.0), (-0.5, -1.5, -1.5), 1.0
LENGTH, LENGTH_SD = 0.7, 0.5
NOISE, NOISE_SD = -2.5, 1.0


@dataclass(frozen=True)
class Process:
    """Inputs (n, d) in standard deviations, groups (n,), and what forecasts need of them."""

    v: Array
    group: NDArray[np.int64]
    theta: Array
    alpha: Array
    whiten: Array
    mean: float
    scale: float

    @property
    def noise(self) -> float:
        """Scatter of single runs, in units of the target."""
        return float(np.exp(self.theta[-1])) * self.scale

    def predict(self, v: Array, group: NDArray[np.int64]) -> tuple[Array, Array]:
        """Mean and standard deviation (T,) of the process itself."""
        cross = _kernel(self.theta, (v, group), (self.v, self.group))
        solved = self.whiten @ cross.T
        own = np.array(
            [
                _kernel(self.theta, (p[None], g[None]), (p[None], g[None]))[0, 0]
                for p, g in zip(v, group, strict=True)
            ]
        )
        left = np.sqrt(np.maximum(own - (solved**2).sum(axis=0), 1e-12))
        return self.mean + self.scale * (cross @ self.alpha), self.scale * left


def fit(v: Array, group: NDArray[np.int64], h: Array) -> Process:
    """The process of runs, whose order should be canonical: many are thinned evenly."""
    from scipy.optimize import minimize

    few = _evenly_thinned(len(h), MOST_FITTED)
    mean, scale = float(h.mean()), max(float(h.std()), 1e-9)
    z = (h - mean) / scale
    before, sd = _prior(v.shape[1], len(np.unique(group)) > 1)
    parts = _parts((v[few], group[few]), (v[few], group[few]))

    def cost(theta: Array) -> tuple[float, Array]:
        return _cost(theta, parts, z[few], before, sd)

    bounds = list(zip(before - 3 * sd, before + 3 * sd, strict=True))
    found = minimize(
        cost, before, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": ITERATIONS}
    )
    theta = np.asarray(found.x)
    kept = _evenly_thinned(len(h), MOST_RUNS)
    own = (v[kept], group[kept])
    covariance = _kernel(theta, own, own) + (np.exp(2 * theta[-1]) + 1e-8) * np.eye(len(kept))
    whiten = np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)), dtype=np.float64)
    alpha = np.asarray(whiten.T @ (whiten @ z[kept]), dtype=np.float64)
    return Process(*own, theta, alpha, whiten, mean, scale)


def _prior(inputs: int, groups: bool) -> tuple[Array, Array]:
    own = OWN if groups else ()
    mean = [*AMPLITUDES, *own, *[LENGTH] * inputs, NOISE]
    count = len(AMPLITUDES) + len(own)
    return np.array(mean), np.array([AMPLITUDE_SD] * count + [LENGTH_SD] * inputs + [NOISE_SD])


_Points = tuple[Array, NDArray[np.int64]]


def _parts(one: _Points, other: _Points) -> tuple[Array, Array, Array]:
    """Linear part, squared distances by input (d, n, m), and whether groups agree."""
    product = one[0] @ other[0].T
    apart = (one[0].T[:, :, None] - other[0].T[:, None, :]) ** 2
    return product, apart, (one[1][:, None] == other[1][None, :]).astype(np.float64)


def _pieces(theta: Array, parts: tuple[Array, Array, Array]) -> tuple[list[Array], Array]:
    """Parts of the kernel by amplitude, and the smooth part."""
    product, apart, same = parts
    inputs = len(apart)
    groups = len(theta) > len(AMPLITUDES) + inputs + 1
    length = np.exp(theta[-1 - inputs : -1])
    smooth = np.exp(-0.5 * np.einsum("d,dij->ij", length**-2, apart))
    pieces = [np.ones_like(product), product, product**2, smooth]
    if groups:
        pieces += [same, same * product, same * smooth]
    amplitude = np.exp(2.0 * theta[: len(pieces)])
    return [a * piece for a, piece in zip(amplitude, pieces, strict=True)], length


def _kernel(theta: Array, one: _Points, other: _Points) -> Array:
    return np.asarray(sum(_pieces(theta, _parts(one, other))[0]))


def _cost(
    theta: Array, parts: tuple[Array, Array, Array], z: Array, before: Array, sd: Array
) -> tuple[float, Array]:
    """Minus the log posterior and its gradient."""
    pieces, length = _pieces(theta, parts)
    noise = np.exp(2.0 * theta[-1])
    covariance = np.asarray(sum(pieces)) + (noise + 1e-8) * np.eye(len(z))
    root = np.linalg.cholesky(covariance)
    inverse = np.linalg.inv(covariance)
    alpha = inverse @ z
    off = (theta - before) / sd
    value = 0.5 * float(z @ alpha) + float(np.log(np.diagonal(root)).sum()) + 0.5 * float(off @ off)
    inner = 0.5 * (inverse - np.outer(alpha, alpha))
    smooth = pieces[3] + (pieces[6] if len(pieces) > 4 else 0.0)
    slopes = [2.0 * float((inner * piece).sum()) for piece in pieces]
    slopes += [
        float((inner * smooth * d).sum()) / s**2 for d, s in zip(parts[1], length, strict=True)
    ]
    slopes += [2.0 * noise * float(np.trace(inner))]
    return value, np.array(slopes) + off / sd


def _evenly_thinned(rows: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))
