"""Reinforcement learning of language models: a sigmoid in compute.

    R(C) = R0 + (A - R0) / (1 + (C_mid/C)**B)

C training compute (FLOP or GPU hours, one unit a fit), R the pass rate on held-out prompts or
another bounded reward, R0 the rate before training, A the ceiling, B the efficiency, C_mid the
compute half way.

Source: Khatri et al. 2025, "The Art of Scaling Reinforcement Learning Compute for LLMs",
arXiv:2510.13786. The parameter fitted here is the gain G = A - R0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Law, Param


def predict(p: Any, x: Any) -> Array:
    """Reward at compute C."""
    logs = p.B * (np.log(p.C_mid) - np.log(x.x))
    value: Array = p.R0 + p.G * np.exp(-np.logaddexp(0.0, logs))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """The middle from a little before the data to far beyond them."""
    low, high = float(x["x"].min()), float(x["x"].max())
    return fill({"C_mid": (0.1 * low, 30.0 * high), "B": (0.2, 6.0)}, LAW.names, 400)


LAW = Law(
    name="rl_compute",
    title="RL of language models: sigmoid in compute",
    formula="R = R0 + G / (1 + (C_mid/C)^B), ceiling A = R0 + G",
    citation="Khatri et al. 2025, arXiv:2510.13786",
    params=(
        Param("R0", "unit of R", "reward before training", start=(0.05, 0.5)),
        Param("G", "unit of R", "gain from start to ceiling", start=(0.2, 0.6)),
        Param("B", "1", "efficiency: slope in log compute", start=(0.3, 3.0)),
        Param("C_mid", "unit of C", "compute half way", start=(1e8, 1e11)),
    ),
    inputs=("x",),
    predict=predict,
    linear=("R0", "G"),
    starts=starts,
    target="reward",
    generic=True,
    link="linear",
    delta=1e-2,
    monotone={"x": 1},
    question="reward",
    assumes="one recipe; points past the first steps; a bounded reward",
    fails="data that end before the middle: the ceiling is then a guess",
    simulated=True,
)
