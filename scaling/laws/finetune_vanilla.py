"""Fine-tuning: the law that Lin et al. compare theirs with, one model at a time.

    L(D) = (A / D**beta + E)**alpha

D fine-tuning examples or tokens, L test loss in nats.

Source: Lin et al. 2024, arXiv:2402.02314 (after Tay et al. 2021, arXiv:2109.10686, and
Kaplan et al. 2020). Mean root mean square deviation of log loss over their 90 fits: .03643.

A straight line in logs with a floor: it cannot bend twice, so it misses the phase at little data
(see `finetune_rectified`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Test loss at D examples; in logs, so that no power overflows."""
    term = np.log(p.A) - p.beta * np.log(x.examples)
    value: Array = np.exp(p.alpha * np.logaddexp(term, np.log(p.E)))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Floors up to the lowest loss, and a term that reaches the highest one at the least data."""
    ends = {"beta": (0.02, 1.5), "alpha": (0.2, 5.0), "E": (0.05, 1.0), "A": (0.1, 1.0)}
    theta = fill(ends, LAW.names, 400)
    a, beta, e, alpha = (LAW.names.index(name) for name in ("A", "beta", "E", "alpha"))
    theta[:, e] = (theta[:, e] * float(y.min())) ** (1.0 / theta[:, alpha])
    at_least = (theta[:, a] * float(y.max())) ** (1.0 / theta[:, alpha])
    theta[:, a] = at_least * float(x["examples"].min()) ** theta[:, beta]
    return theta


LAW = Law(
    name="finetune_vanilla",
    title="Fine-tuning, plain power law",
    formula="L = (A/D^beta + E)^alpha",
    citation="Lin et al. 2024, arXiv:2402.02314",
    params=(
        Param("A", "nats^(1/alpha)", "size of the power term at D = 1", start=(1.0, 1e3)),
        Param("beta", "1", "exponent of fine-tuning data", start=(0.05, 0.8)),
        Param("E", "nats^(1/alpha)", "floor", start=(0.1, 3.0)),
        Param("alpha", "1", "outer exponent", start=(0.3, 3.0)),
    ),
    inputs=("examples",),
    predict=predict,
    starts=starts,
    monotone={"examples": -1},
    needs=(Input("examples", "examples", "fine-tuning examples or tokens", typical=(1e2, 1e7)),),
    question="fine_tuning",
    assumes="one model, one task; enough data to be past the first phase",
    fails="little data; alpha trades off against A, beta and E",
)
