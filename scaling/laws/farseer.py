"""Loss in params and tokens where what tokens gain depends on the size of the model.

    L(N, D) = exp(a3 N**gamma + b3) + exp(a2 N**beta + b2) D**-exp(a1 N**alpha + b1)

N params without embeddings, D tokens, L loss (bits per character in the paper). The first part is
the loss at infinite data; the exponent of D changes with N, so the best D/N moves with compute,
which approach 3 with its constant exponents cannot say.

Each of the three functions a N**g + b is fitted as its value and its slope in ln N at 1e9 params,
and the power g, since a and b run to infinity together where g nears 0 (a power law):

    a N**g + b = v + s ((N/1e9)**g - 1)/g,    s = a g 1e9**g,    v = b + a 1e9**g

v, s, g are E0, E1, gamma of the loss at infinite data (in logs), B0, B1, beta of the tokens term
(in logs), P0, P1, alpha of the exponent of D (in logs).

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

# Params at which values and slopes are taken.
CENTRE = float(np.log(1e9))
# Exponents are of e to these at most, so that no start overflows.
MOST, STEEPEST = 600.0, 3.0


def predict(p: Any, x: Any) -> Array:
    """Loss at params N and tokens D."""
    size = np.log(x.params) - CENTRE
    floor = np.exp(np.minimum(p.E0 + p.E1 * bent(size, p.gamma), MOST))
    power = np.exp(np.minimum(p.P0 + p.P1 * bent(size, p.alpha), STEEPEST))
    gain = p.B0 + p.B1 * bent(size, p.beta) - power * np.log(x.tokens)
    value: Array = floor + np.exp(np.minimum(gain, MOST))
    return value


def bent(size: Any, power: Any) -> Any:
    """((N/1e9)^g - 1)/g of ln(N/1e9); ln(N/1e9) as g nears 0."""
    return np.expm1(np.minimum(power * size, MOST)) / power


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Floors of .3 to .95 of the least loss, exponents of D from .1 to .6, little curvature."""
    logs, data = np.log(x["params"]) - CENTRE, np.log(x["tokens"])
    theta = fill(
        {"E0": (0.3, 0.95), "P0": (0.1, 0.6), "E1": (-0.2, 0.0), "P1": (-0.1, 0.05),
         "gamma": (-0.1, 0.11), "beta": (-0.1, 0.11), "alpha": (-0.1, 0.11)},
        LAW.names, 120,
    )  # fmt: skip
    at = {name: theta[:, j] for j, name in enumerate(LAW.names)}
    power, low = at["P0"].copy(), float(y.min())
    at["B0"][:] = np.log((1.0 - at["E0"]) * low) + power * data.mean()
    at["B1"][:] = at["P1"] * power * data.mean() - 0.1
    at["E0"][:] = np.log(at["E0"] * low) - at["E1"] * logs.mean()
    at["P0"][:] = np.log(power)
    return theta


LAW = Law(
    name="farseer",
    title="Law in N and D with an exponent of data that depends on size",
    formula="L = exp(a3 N^gamma + b3) + exp(a2 N^beta + b2) D^-exp(a1 N^alpha + b1)",
    citation="Li et al. 2025, arXiv:2506.10972, equation 3",
    params=(
        Param("E0", "1", "ln of the loss at infinite data", "real", start=(-0.2, 0.6)),
        Param("E1", "1", "its slope in ln N", "real", start=(-0.12, -0.06)),
        Param("gamma", "1", "its power of params", "real", start=(0.1, 0.2)),
        Param("B0", "1", "ln of the tokens term at one token", "real", start=(5.0, 8.0)),
        Param("B1", "1", "its slope in ln N", "real", start=(-1.2, -0.6)),
        Param("beta", "1", "its power of params", "real", start=(-0.12, -0.08)),
        Param("P0", "1", "ln of the exponent of tokens", "real", start=(-1.3, -0.9)),
        Param("P1", "1", "its slope in ln N", "real", start=(-0.14, -0.08)),
        Param("alpha", "1", "its power of params", "real", start=(0.08, 0.14)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    starts=starts,
    size="non_embedding",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    question="sizes",
    assumes="one recipe; a wide grid of N and D",
    fails="narrow grids; far beyond the runs, where double exponentials leave their range",
    simulated=True,
)
