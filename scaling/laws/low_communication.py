"""Low-communication training (DiLoCo): loss by size and number of replicas.

    L = A N**-alpha M**beta

N params, each trained on 20 tokens a param, M replicas that train apart and are averaged every
30 steps, L loss in nats per token on C4. Replicas cost little, and the same share at every size.

Source: Charles et al. 2025, "Communication-Efficient Language Model Training Scales Reliably and
Robustly: Scaling Laws for DiLoCo", arXiv:2503.09799, table 10. Of the runs that they held out, with
two replicas at 4B and 10B params (2.218, 2.083), the printed constants give 2.196 and 2.006.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published, Term


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at N params and M replicas."""
    value: Array = p.A * np.exp(p.beta * np.log(x.replicas) - p.alpha * np.log(x.params))
    return value


LAW = Law(
    name="low_communication",
    title="Low-communication training (DiLoCo)",
    formula="L = A N^-alpha M^beta",
    citation="Charles et al. 2025, arXiv:2503.09799",
    params=(
        Param("A", "nats/token", "loss at N = 1 with one replica", start=(3.0, 100.0)),
        Param("alpha", "1", "exponent of params", start=(0.03, 0.3)),
        Param("beta", "1", "exponent of replicas", start=(0.003, 0.05)),
    ),
    inputs=("params", "replicas"),
    predict=predict,
    linear=("A",),
    terms=(Term("A", {"params": ("alpha", -1.0), "replicas": ("beta", 1.0)}),),
    needs=(
        Input(
            "replicas",
            "replicas",
            "that train apart and are averaged",
            low=1.0,
            open_low=False,
            typical=(1.0, 16.0),
        ),
    ),
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "replicas": 1},
    published=(
        Published(
            paper="charles2025",
            citation="Charles et al. 2025, arXiv:2503.09799, table 10",
            data="the authors' runs on C4, D = 20 N",
            values={"A": 19.226, "alpha": 0.0985, "beta": 0.0116},
            caveat="No irreducible loss: at 10B params it is 4 % below the runs held out.",
        ),
    ),
    question="replicas",
    assumes="tokens in a fixed ratio to params; one number of steps between averages",
    fails="beyond the largest runs, since it has no irreducible loss; data-parallel runs as M = 1",
    simulated=True,
)
