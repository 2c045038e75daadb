"""Loss in params and tokens where what tokens gain depends on the size of the model.

    L(N, D) = exp(a3 N**gamma + b3) + exp(a2 N**beta + b2) D**-exp(a1 N**alpha + b1)

N params without embeddings, D tokens, L loss (bits per character in the paper). The first part is
the loss at infinite data; the exponent of D, exp(a1 N**alpha + b1), changes with N, so the best D/N
moves with compute, which approach 3 with its constant exponents cannot say. alpha, beta and gamma
carry their sign.

Source: Li et al. 2025, "Predictable Scale: Part II, Farseer: A Refined Scaling Law in Large
Language Models", arXiv:2506.10972, equation 3. Nine parameters, weakly determined one by one:
compare predictions. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Law, Param

# Exponents are of e to this at most, so that no start overflows.
MOST = 600.0


def predict(p: Any, x: Any) -> Array:
    """Loss at params N and tokens D."""
    size, data = np.log(x.params), np.log(x.tokens)
    floor = np.exp(np.minimum(p.a3 * np.exp(p.gamma * size) + p.b3, MOST))
    power = np.exp(np.minimum(p.a1 * np.exp(p.alpha * size) + p.b1, 5.0))
    gain = p.a2 * np.exp(p.beta * size) + p.b2 - power * data
    value: Array = floor + np.exp(np.minimum(gain, MOST))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Around the mean size: floors of .3 to .9 of the least loss, exponents of D from .1 to .6.

    The three slopes in N are drawn as what they change from the smallest to the largest size.
    """
    logs, data = np.log(x["params"]), np.log(x["tokens"])
    middle, wide = float(logs.mean()), max(float(np.ptp(logs)), 1.0)
    drawn = fill(
        {"a1": (0.05, 0.6), "a2": (0.1, 3.0), "a3": (0.05, 1.0), "alpha": (0.02, 0.2),
         "beta": (0.02, 0.2), "gamma": (0.02, 0.2), "b1": (0.1, 0.6), "b3": (0.3, 0.9)},
        LAW.names, 300,
    )  # fmt: skip
    at = {name: drawn[:, j] for j, name in enumerate(LAW.names)}
    floor, power = np.log(at["b3"] * y.min()), np.log(at["b1"])
    rest = np.log((1.0 - at["b3"]) * y.min()) + at["b1"] * data.mean()
    level = {"b1": power, "b2": rest, "b3": floor}
    theta = drawn.copy()
    for slope, name, way in (("a1", "alpha", -1.0), ("a2", "beta", 1.0), ("a3", "gamma", -1.0)):
        sign = -1.0 if name == "beta" else 1.0
        exponent = sign * at[name]
        ends = np.exp(exponent * (middle + wide / 2)) - np.exp(exponent * (middle - wide / 2))
        value = way * at[slope] / np.abs(ends)
        theta[:, LAW.names.index(slope)] = value
        theta[:, LAW.names.index(name)] = exponent
        own = "b" + slope[1]
        theta[:, LAW.names.index(own)] = level[own] - value * np.exp(exponent * middle)
    return theta


LAW = Law(
    name="farseer",
    title="Law in N and D with an exponent of data that depends on size",
    formula="L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^-exp(a1 N^alpha + b1)",
    citation="Li et al. 2025, arXiv:2506.10972, equation 3",
    params=(
        Param("a1", "1", "size on the exponent of tokens", "real", start=(-0.2, -0.05)),
        Param("alpha", "1", "its power of params", "real", start=(0.08, 0.14)),
        Param("b1", "1", "level of the exponent of tokens", "real", start=(-0.1, 0.5)),
        Param("a2", "1", "size on the tokens term", "real", start=(40.0, 90.0)),
        Param("beta", "1", "its power of params", "real", start=(-0.12, -0.08)),
        Param("b2", "1", "level of the tokens term", "real", start=(-6.0, -4.0)),
        Param("a3", "1", "size on the loss at infinite data", "real", start=(-0.03, -0.01)),
        Param("gamma", "1", "its power of params", "real", start=(0.12, 0.18)),
        Param("b3", "1", "level of the loss at infinite data", "real", start=(-0.2, 0.4)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    starts=starts,
    size="non_embedding",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    assumes="one recipe; a wide grid of N and D",
    fails="narrow grids; far beyond the runs, where double exponentials leave their range",
    simulated=True,
)
