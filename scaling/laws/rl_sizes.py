"""Reinforcement learning after training: error by params and examples, with a rate that saturates.

    ln L = e0 - e1 ln N - k(N) ln X,    k(N) = k_max / (1 + N0/N)

L error rate on held-out problems, N params, X examples seen in reinforcement learning. Larger
models learn faster per example, up to k_max.

Source: Tan et al. 2025, arXiv:2509.25300. The paper leaves the level open at each size; the line in
ln N is ours. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Error rate at N params after X examples."""
    rate = p.k_max / (1.0 + p.N0 / x.params)
    value: Array = np.exp(p.e0 - p.e1 * np.log(x.params) - rate * np.log(x.examples))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """For several N0 the other three are a line in logs."""
    size, seen = np.log(x["params"]), np.log(x["examples"])
    low, high = float(x["params"].min()), float(x["params"].max())
    theta = fill({"N0": (0.01 * low, 100.0 * high)}, LAW.names, 40)
    for row in theta:
        rate = seen / (1.0 + row[3] / x["params"])
        line = np.linalg.lstsq(np.stack([np.ones_like(size), -size, -rate], 1), np.log(y), None)[0]
        row[:3] = line[0], line[1], max(line[2], 1e-6)
    return theta


LAW = Law(
    name="rl_sizes",
    title="Reinforcement learning by params and examples",
    formula="ln L = e0 - e1 ln N - k_max/(1 + N0/N) ln X",
    citation="Tan et al. 2025, arXiv:2509.25300",
    params=(
        Param("e0", "1", "level", "real", start=(1.0, 3.0)),
        Param("e1", "1", "exponent of params", "real", start=(0.02, 0.12)),
        Param("k_max", "1", "largest exponent of examples", start=(0.02, 0.15)),
        Param("N0", "parameters", "params at half of it", start=(1e8, 1e10)),
    ),
    inputs=("params", "examples"),
    predict=predict,
    starts=starts,
    target="error",
    needs=(
        Input("params", "parameters", "of the model", typical=(3e8, 1e11)),
        Input("examples", "examples", "seen in reinforcement learning", typical=(1e2, 1e6)),
    ),
    kinds=("error",),
    monotone={"examples": -1},
    question="reward",
    assumes="one family of models, recipe and set of problems; past the first steps",
    fails="errors near their floor; runs that collapse",
    simulated=True,
)
