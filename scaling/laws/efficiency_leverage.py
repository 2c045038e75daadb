"""Efficiency leverage: how much compute a routed model saves over a dense one at equal loss.

    EL = C_dense / C_moe = (A + A_0)**(a + d log10 C + b log10 G + c (log10 G)**2)

A active share of params (0 to 1), G granularity (2 width / width of an expert), C training FLOP.

Source: Tian et al. 2025, "Towards Greater Leverage: Scaling Laws for Efficient Mixture-of-Experts
Language Models", arXiv:2507.17702, equation 13. The paper does not state the base of its
logarithms, so its constants are not here; its second constant of saturation is 5e16, without
effect, and left out. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Compute of the dense model over that of the routed one."""
    grain = np.log10(x.granularity)
    power = p.a + p.d * np.log10(x.flops) + p.b * grain + p.c * grain**2
    value: Array = np.exp(power * np.log(x.active_share + p.A_0))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """For several A_0 the rest is linear in log EL."""
    grain = np.log10(x["granularity"])
    theta = fill({"A_0": (1e-4, 0.2)}, LAW.names, 30)
    columns = np.stack([np.ones_like(grain), np.log10(x["flops"]), grain, grain**2], axis=1)
    for row in theta:
        base = np.log(x["active_share"] + row[-1])
        row[:4] = np.linalg.lstsq(columns * base[:, None], np.log(y), rcond=None)[0]
    return theta


LAW = Law(
    name="efficiency_leverage",
    title="Efficiency leverage of routed experts",
    formula="EL = (A + A_0)^(a + d log10 C + b log10 G + c (log10 G)^2)",
    citation="Tian et al. 2025, arXiv:2507.17702, equation 13",
    params=(
        Param("a", "1", "exponent of the active share", "real", start=(0.5, 1.5)),
        Param("d", "1", "what log10 of compute adds to it", "real", start=(-0.12, -0.05)),
        Param("b", "1", "what log10 of granularity adds", "real", start=(-0.2, -0.05)),
        Param("c", "1", "what its square adds", "real", start=(0.0, 0.04)),
        Param("A_0", "1", "active share at which the gain levels off", start=(0.005, 0.05)),
    ),
    inputs=("active_share", "granularity", "flops"),
    predict=predict,
    starts=starts,
    target="leverage",
    needs=(
        Input("active_share", "1", "active over all params", high=1.0, typical=(0.01, 0.5)),
        Input("granularity", "1", "2 width / expert", low=1.0, open_low=False, typical=(2, 16)),
        Input("flops", "FLOP", "training compute", typical=(1e18, 1e22)),
    ),
    question="experts",
    assumes="compute of both models read from curves of loss in compute, at equal loss",
    fails="shares and granularities beyond the runs; losses that one of the curves does not reach",
    simulated=True,
)
