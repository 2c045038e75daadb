"""A small network that has seen many simulated curves: how far does this one go?

What it reads is `scaling.forecasting.network_features`'s; five layers of 256 follow, and it says

    log y = r + S (m + s q),   m = o_0 + sum_k softmax(o)_k step_k,   s = exp(o_1),

step_k what the lines say at the target (and one that says 0), q of Student's t with 4 degrees of
freedom. It is a prior-fitted network, trained on draws of a prior instead of on data (Mueller et
al. 2022, arXiv:2112.10510; of scaling laws Lee et al. 2025, arXiv:2505.23032). `tools/network`
trains it; no real curve takes part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.forecasting.network_features import Curves, read

Layer = NDArray[np.floating]
Weights = dict[str, Layer]

FILE = Path(__file__).with_name("network.npz")
HIDDEN, LAYERS, DEGREES = 256, 4, 4.0
# Points of a curve that it was trained on; more are merged, and of fewer it says nothing.
MIN_POINTS, MAX_POINTS = 4, 128
# Distances of a target, in log x and in ranges of the curve, between which it was trained.
NEAREST, FARTHEST = 0.01, 2.0
# Log scales, in units of S, beyond which it says no more.
SCALES = 8.0
# Targets that are read at once: memory.
AT_ONCE = 256


@dataclass(frozen=True)
class NetworkOutput:
    """Log level ``value`` and its ``scale`` (T,), and ``heard`` (T,): 1 where the network was
    trained, falling to 0 within the data and three ranges of the curve beyond it."""

    value: Array
    scale: Array
    weight_in_range: Array


@dataclass(frozen=True)
class ForwardPass:
    """Outputs (N, LINES + 3), and what training goes back through: the layers, the first of them
    the inputs, and of each its sums and gates."""

    out: Layer
    layers: list[Layer]
    gates: list[tuple[Layer, Layer]]


def network_forecast(t: Array, y: Array, distance: Array) -> NetworkOutput:
    """One curve, t (n,) in order up to 0 and log y (n,), at log(x / x_max) ``distance`` (T,)."""
    length = -float(t[0])
    weight_in_range = np.minimum(
        distance / (2.0 * NEAREST), FARTHEST + 1.0 - distance / max(length, NEAREST)
    )
    weight_in_range = np.clip(weight_in_range, 0.0, 1.0) * (
        len(t) >= MIN_POINTS and length > NEAREST
    )
    value, scale = np.full(len(distance), y[-1]), np.ones(len(distance))
    asked = np.flatnonzero(weight_in_range > 0)
    for some in np.split(asked, range(AT_ONCE, len(asked), AT_ONCE)):
        if len(some):
            value[some], scale[some] = _evaluate(t, y, np.maximum(distance[some], NEAREST))
    return NetworkOutput(value, scale, weight_in_range)


def _evaluate(t: Array, y: Array, h: Array) -> tuple[Array, Array]:
    seen = read(Curves(t[None], y[None], np.ones((1, len(t)), bool)), h[None])
    out = forward(load(), seen.inputs[0]).out
    step = out[:, 0] + (shares(out)[:, 1:] * seen.steps[0]).sum(axis=1)
    unit = seen.unit[0]
    return seen.level[0] + unit * step, unit * np.exp(np.clip(out[:, 1], -SCALES, SCALES))


def forward(w: Weights, inputs: Layer) -> ForwardPass:
    """All layers of the network for inputs (N, WIDE)."""
    layers: list[Layer] = [inputs]
    gates: list[tuple[Layer, Layer]] = []
    for k in range(LAYERS + 1):
        linear = layers[-1] @ w[f"w{k}"] + w[f"b{k}"]
        gate = 1.0 / (1.0 + np.exp(-linear))
        gates.append((linear, gate))
        grown = linear * gate
        layers.append(grown if k == 0 else layers[-1] + 0.5 * grown)
    return ForwardPass(layers[-1] @ w["out"] + w["out_b"], layers, gates)


def shares(out: Layer) -> Layer:
    """Shares (N, LINES + 1) of the line that says 0 and of all others."""
    share = np.exp(out[:, 2:] - out[:, 2:].max(axis=1, keepdims=True))
    return np.asarray(share / share.sum(axis=1, keepdims=True))


@cache
def load() -> Weights:
    """The trained weights."""
    with np.load(FILE, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float64) for name in stored.files}
