"""Adam on simulated curves, by hand-written slopes: the network is small, numpy is enough."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray

from scaling.forecasting import network_features
from scaling.forecasting.network import (
    DEGREES,
    HIDDEN,
    LAYERS,
    SCALES,
    ForwardPass,
    Weights,
    forward,
    shares,
)
from tools.network.simulate import TYPE, simulate

Array = NDArray[np.floating]

CURVES, AHEAD = 512, 8
RATE, WARM = 1.5e-3, 500
DECAY, FAST, SLOW = 1e-4, 0.9, 0.999
LONGEST = 1.0
# Steps, in units of S, beyond which errors count no more.
FAR = 30.0


def train(steps: int, seed: int) -> Iterator[tuple[int, float, Weights]]:
    """(step, loss, weights) after each step."""
    weights = first(seed)
    first_moment = {name: np.zeros_like(value) for name, value in weights.items()}
    second = {name: np.zeros_like(value) for name, value in weights.items()}
    for step, (inputs, lines, z) in enumerate(_batches(steps, seed)):
        rate = RATE * min(1.0, step / WARM) * (0.5 + 0.5 * np.cos(np.pi * step / steps))
        loss, slopes = loss_and_slopes(weights, inputs, lines, z)
        longest = float(np.sqrt(sum(float((one**2).sum()) for one in slopes.values())))
        for name, value in weights.items():
            slope = slopes[name] * min(1.0, LONGEST / max(longest, 1e-12))
            first_moment[name] += (1.0 - FAST) * (slope - first_moment[name])
            second[name] += (1.0 - SLOW) * (slope**2 - second[name])
            mean = first_moment[name] / (1.0 - FAST ** (step + 1))
            size = np.sqrt(second[name] / (1.0 - SLOW ** (step + 1))) + 1e-8
            value -= TYPE(rate) * (mean / size + DECAY * value)
        yield step, loss, weights


def _batches(steps: int, seed: int) -> Iterator[tuple[Array, Array, Array]]:
    """The batch of each step, drawn ahead on another core."""
    with ProcessPoolExecutor(1) as pool:
        coming = deque(pool.submit(batch, [seed, step]) for step in range(min(AHEAD, steps)))
        for step in range(steps):
            if step + AHEAD < steps:
                coming.append(pool.submit(batch, [seed, step + AHEAD]))
            yield coming.popleft().result()


def first(seed: int) -> Weights:
    """Weights to begin with: even draws, as wide as the inputs of a layer allow; no output."""
    random = np.random.default_rng([seed, 1 << 40])
    sizes = [network_features.WIDE, *[HIDDEN] * (LAYERS + 1)]
    made: Weights = {}
    for k in range(LAYERS + 1):
        wide = 1.0 / np.sqrt(sizes[k])
        made[f"w{k}"] = random.uniform(-wide, wide, (sizes[k], sizes[k + 1])).astype(TYPE)
        made[f"b{k}"] = random.uniform(-wide, wide, sizes[k + 1]).astype(TYPE)
    made["out"] = np.zeros((HIDDEN, network_features.LINES + 3), TYPE)
    made["out_b"] = np.zeros(network_features.LINES + 3, TYPE)
    return made


def batch(seed: list[int]) -> tuple[Array, Array, Array]:
    """Inputs (N, WIDE), steps of the lines (N, LINES), true steps (N,), of simulated curves."""
    with np.errstate(all="ignore"):
        made = simulate(seed, CURVES)
        seen = network_features.read(made.curves, made.h.astype(TYPE))
        z = np.clip((made.truth - seen.level) / seen.unit, -FAR, FAR)
    fine = np.isfinite(seen.inputs).all(2) & np.isfinite(z)
    return seen.inputs[fine], seen.steps[fine], z[fine]


def loss_and_slopes(w: Weights, inputs: Array, steps: Array, z: Array) -> tuple[float, Weights]:
    """Mean negative log density of Student's t (without constants), and its slopes by weight."""
    passed = forward(w, inputs)
    out, share = passed.out, shares(passed.out)
    lines = (share[:, 1:] * steps).sum(1)
    log_scale = np.clip(out[:, 1], -SCALES, SCALES)
    q = (z - out[:, 0] - lines) * np.exp(-log_scale)
    half = (DEGREES + 1.0) / 2.0
    loss = float((log_scale + half * np.log1p(q**2 / DEGREES)).mean())
    of_q = 2.0 * half * q / (DEGREES + q**2) / len(z)
    of_step = -of_q * np.exp(-log_scale)
    back = np.empty_like(out)
    back[:, 0] = of_step
    back[:, 1] = (1.0 / len(z) - of_q * q) * (np.abs(out[:, 1]) < SCALES)
    back[:, 2] = -of_step * share[:, 0] * lines
    back[:, 3:] = of_step[:, None] * share[:, 1:] * (steps - lines[:, None])
    return loss, _backwards(w, back.astype(TYPE), passed)


def _backwards(w: Weights, back: Array, passed: ForwardPass) -> Weights:
    """Slopes by weight of all layers, from those by output."""
    layers, gates = passed.layers, passed.gates
    slopes: Weights = {"out": layers[-1].T @ back, "out_b": back.sum(0)}
    back = back @ w["out"].T
    for k in range(LAYERS, -1, -1):
        linear, gate = gates[k]
        inner = back * (gate * (1.0 + linear * (1.0 - gate))) * TYPE(0.5 if k else 1.0)
        slopes[f"w{k}"], slopes[f"b{k}"] = layers[k].T @ inner, inner.sum(0)
        if k:
            back = back + inner @ w[f"w{k}"].T
    return slopes
