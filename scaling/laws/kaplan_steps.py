"""Kaplan's law in params and steps, with the critical batch size.

    L = (Nc / N)**alpha_N + (Sc / S_min)**alpha_S
    S_min = S / (1 + B_crit / B),    B_crit(L) = B_star / L**(1/alpha_B)

N params without embeddings, S optimiser steps, B batch in tokens, L loss in nats per token. The
critical batch depends on the loss, so the law is an equation in L, solved here (the right side
falls as L rises, so there is exactly one root). A very large batch (the default where a table has
none) makes S the minimum number of steps.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", arXiv:2001.08361, equations
1.4, 1.6 and 5.4 to 5.6. Numbers: alpha_N .077, alpha_S .76, Nc 6.5e13, Sc 2.1e3; B_star 2e8 tokens,
alpha_B .21.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._implicit import root
from scaling.laws._law import Input, Law, Param, Published

# So many tokens a step that no loss above 0.05 nats makes the critical batch matter.
NO_LIMIT = 1e18


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at params N, steps S and batch B."""
    size = np.exp(p.alpha_N * (np.log(p.Nc) - np.log(x.params)))
    steps = np.log(p.Sc) - np.log(x.steps)
    batch = np.log(p.B_star) - np.log(x.batch_tokens)
    low = _value(size) + np.exp(_value(p.alpha_S) * _value(steps))
    high = low * 1.0
    high = _right(high, *map(_value, (size, steps, batch, p.alpha_S, p.alpha_B)))
    made = root(_gap, _slope, (low, high), (size, steps, batch, p.alpha_S, p.alpha_B))
    value: Array = made
    return value


def _excess(loss: Any, batch: Any, alpha_b: Any) -> Any:
    """log(1 + B_crit / B)."""
    return np.logaddexp(0.0, batch - np.log(loss) / alpha_b)


def _right(loss: Any, size: Any, steps: Any, batch: Any, alpha_s: Any, alpha_b: Any) -> Any:
    return size + np.exp(alpha_s * (steps + _excess(loss, batch, alpha_b)))


def _gap(loss: Any, size: Any, steps: Any, batch: Any, alpha_s: Any, alpha_b: Any) -> Any:
    return loss - _right(loss, size, steps, batch, alpha_s, alpha_b)


def _slope(loss: Any, size: Any, steps: Any, batch: Any, alpha_s: Any, alpha_b: Any) -> Any:
    """1 + the fall of the right side: alpha_S T share / (alpha_B L)."""
    excess = _excess(loss, batch, alpha_b)
    share = np.exp(batch - np.log(loss) / alpha_b - excess)
    term = np.exp(alpha_s * (steps + excess))
    return 1.0 + alpha_s * term * share / (alpha_b * loss)


def _value(one: Any) -> Any:
    return getattr(one, "value", one)


LAW = Law(
    name="kaplan_steps",
    title="Kaplan law in N and steps, with the critical batch",
    formula="L = (Nc/N)^alpha_N + (Sc/Smin)^alpha_S, Smin = S/(1 + B*/(L^(1/alpha_B) B))",
    citation="Kaplan et al. 2020, arXiv:2001.08361, equations 1.6 and 5.4",
    params=(
        Param("Nc", "parameters", "params scale", start=(1e9, 1e17)),
        Param("Sc", "steps", "steps scale", start=(1e1, 1e6)),
        Param("B_star", "tokens", "critical batch at a loss of 1", start=(1e6, 1e10)),
        Param("alpha_N", "1", "exponent of params", start=(0.02, 0.5)),
        Param("alpha_S", "1", "exponent of steps", start=(0.3, 1.2)),
        Param("alpha_B", "1", "exponent of the loss in the critical batch", start=(0.1, 0.5)),
    ),
    inputs=("params", "steps", "batch_tokens"),
    predict=predict,
    needs=(
        Input("steps", "steps", "optimiser steps", columns=("steps", "step"), typical=(1e3, 1e6)),
        Input(
            "batch_tokens",
            "tokens",
            "tokens per step",
            default=NO_LIMIT,
            typical=(1e4, 1e7),
        ),
    ),
    size="non_embedding",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "steps": -1, "batch_tokens": -1},
    published=(
        Published(
            paper="kaplan2020",
            citation="Kaplan et al. 2020, arXiv:2001.08361, table 3 and equation 1.4",
            data="the authors' runs on WebText2, params without embeddings",
            values={
                "alpha_N": 0.077,
                "alpha_S": 0.76,
                "Nc": 6.5e13,
                "Sc": 2.1e3,
                "B_star": 2e8,
                "alpha_B": 0.21,
            },
            caveat="No irreducible loss, so too low far out; warm-up too long for the small models "
            "(Porian et al. 2024, arXiv:2406.19146), counted without embeddings (Pearce and Song "
            "2024, arXiv:2406.12907).",
        ),
    ),
    question="settings",
    assumes="one learning-rate schedule well tuned for each batch; enough data",
    fails="warm-up steps, decay at the end, batches at which the learning rate was not tuned",
)
