"""Fine-tuning: the rectified law of one model, with a phase before the power law.

    L(D) = B / (D_l + D**beta) + E

D fine-tuning examples or tokens (0 allowed), L test loss in nats, D_l >= 0 what pre-training
counts for, in units of D**beta: while D**beta is below it, more data hardly help.

Source: Lin et al. 2024, "Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
arXiv:2402.02314. Mean root mean square deviation of log loss over their 90 fits
(30 models, 3 tasks): .00797, against .03643 of `finetune_vanilla`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Test loss at D examples; in logs, and with log 0 taken as log of the smallest double."""
    logs = np.log(np.maximum(x.examples, 1e-300))
    value: Array = p.E + p.B * np.exp(-np.logaddexp(np.log(p.D_l), p.beta * logs))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Transitions anywhere within the data; E and B are projected out."""
    d = x["examples"][x["examples"] > 0]
    theta = fill({"beta": (0.1, 2.0), "D_l": (float(d.min()), float(d.max()))}, LAW.names, 400)
    at = LAW.names.index("D_l")
    theta[:, at] = theta[:, at] ** theta[:, LAW.names.index("beta")]
    return theta


LAW = Law(
    name="finetune_rectified",
    title="Fine-tuning, rectified",
    formula="L = B / (D_l + D^beta) + E",
    citation="Lin et al. 2024, arXiv:2402.02314",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.1, 3.0)),
        Param("B", "nats/token", "size of the power term at D = 1", start=(1.0, 1e4)),
        Param("D_l", "examples^beta", "what pre-training counts for", start=(1.0, 1e3)),
        Param("beta", "1", "exponent of fine-tuning data", start=(0.3, 1.2)),
    ),
    inputs=("examples",),
    predict=predict,
    linear=("E", "B"),
    starts=starts,
    monotone={"examples": -1},
    needs=(
        Input(
            "examples",
            "examples",
            "fine-tuning examples or tokens",
            open_low=False,
            typical=(1e2, 1e7),
        ),
    ),
    question="fine_tuning",
    assumes="one model, one task, one way of fine-tuning",
    fails="over-fitting at little data, where loss rises before it falls",
)
