"""Loss on each validation domain as an exponential of the training mixture.

    L_i(r) = c_i + k_i * exp(sum_j t_ij r_j)

r_j share of training domain j (they add to one), L_i loss on validation domain i in nats per
token. As shares add to one, a common shift of all t_ij is the same as a change of k_i; here t_ij of
the last training domain is 0, which makes the rest unique. One law serves all validation domains
at once: each has parameters of its own.

Source: Ye et al. 2024, "Data Mixing Laws: Optimizing Data Mixtures by Predicting Language Modeling
Performance", arXiv:2403.16952. Mean absolute difference of their published predictions for
mixtures of seven domains (through laws in steps and size as well): .0093 nats. They minimise Huber
losses of raw values with a corner of .01, here it is squares of log loss: residuals are below the
corner where the law holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Solve
from scaling.laws._marquardt import descend
from scaling.laws._mixtures import domains, needs, outputs

# Floors tried as starts, as shares of the lowest loss.
FLOORS = (0.05, 0.3, 0.6, 0.8, 0.9, 0.97)
# The least floor, as a share of the lowest loss.
LEAST = 1e-4


def make(names: tuple[str, ...], results: tuple[str, ...]) -> Law:
    """The law of these training and validation domains."""
    free = names[:-1]
    params = [
        one
        for result in results
        for one in (
            Param(f"c_{result}", "nats/token", f"floor of {result}", start=(0.5, 2.5)),
            Param(f"k_{result}", "nats/token", f"size for {result}", start=(0.3, 3.0)),
            *(
                Param(f"t_{result}_{name}", "1", f"{name} on {result}", "real", start=(-2.0, 1.0))
                for name in free
            ),
        )
    ]

    def predict(p: Any, x: Any) -> Array:
        power: Any = 0.0
        which = [np.asarray(x.metric == i, dtype=np.float64) for i in range(len(results))]
        for name in free:
            t = sum(getattr(p, f"t_{r}_{name}") * which[i] for i, r in enumerate(results))
            power = power + t * getattr(x, f"share_{name}")
        c = sum(getattr(p, f"c_{r}") * which[i] for i, r in enumerate(results))
        k = sum(getattr(p, f"k_{r}") * which[i] for i, r in enumerate(results))
        value: Array = c + k * np.exp(power)
        return value

    def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
        parts = []
        for i in range(len(results)):
            rows = x["metric"] == i
            table = np.stack([x[f"share_{name}"][rows] for name in free], axis=1)
            parts.append(_one(table, y[rows], w[rows]))
        return np.concatenate(parts)

    return Law(
        name="mixture_exponential",
        title="Data mixing, exponential",
        formula="L_i = c_i + k_i exp(sum_j t_ij r_j)",
        citation="Ye et al. 2024, arXiv:2403.16952",
        params=tuple(params),
        inputs=(*(f"share_{name}" for name in names), "metric"),
        predict=predict,
        needs=needs(names, results),
        bind=bind,
        estimate=estimate,
        example=example,
        question="mixtures",
        assumes="one size and one number of steps; mixtures spread over the simplex",
        fails="domains that no mixture varies; repeated small domains",
    )


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of the domains of a table."""
    return make(domains(runs), outputs(runs))


def _one(table: Array, y: Array, w: Array) -> Array:
    """(c, k, t) of one validation domain: least squares of log loss from the best of the floors."""
    kept = w > 0
    table, logs, w = table[kept], np.log(y[kept]), w[kept]

    def miss(u: Array) -> tuple[Array, Array]:
        return _miss(u, table, logs)

    starts = [_start(table, y[kept], w, share) for share in FLOORS]
    first = min(starts, key=lambda one: float(np.sum(w * miss(one)[0] ** 2)))
    low = np.full(len(first), -np.inf)
    low[0] = np.log(LEAST * y.min())
    u, _ = descend(miss, first, w, low)
    return np.array([np.exp(u[0]), np.exp(u[1]), *u[2:]])


def _start(table: Array, y: Array, w: Array, share: float) -> Array:
    """(log c, log k, t) from the straight line of log(y - c) in the shares."""
    c = share * float(y.min())
    root = np.sqrt(w) * (1.0 - c / y)  # errors of log y, seen in log(y - c)
    basis = np.column_stack([np.ones_like(y), table])
    line, *_ = np.linalg.lstsq(basis * root[:, None], np.log(y - c) * root, rcond=None)
    return np.array([np.log(c), *line])


def _miss(u: Array, table: Array, logs: Array) -> tuple[Array, Array]:
    """Residuals of log loss and their derivatives by (log c, log k, t)."""
    c, term = np.exp(u[0]), np.exp(np.clip(u[1] + table @ u[2:], -700.0, 700.0))
    value = c + term
    part = term / value
    jacobian = np.column_stack([c / value, part, part[:, None] * table])
    return np.log(value) - logs, jacobian


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Sixty mixtures of three domains, losses on two."""
    truth = {"c_code": 1.0, "k_code": 1.2, "t_code_code": -2.0, "t_code_text": -0.6}
    truth |= {"c_text": 1.8, "k_text": 1.0, "t_text_code": 0.7, "t_text_text": -1.5}
    parts = np.repeat(rng.dirichlet([1.0, 1.0, 1.0], 60), 2, axis=0)
    metric = ["code", "text"] * 60
    texts = [f"code={c:.6f};text={t:.6f};web={w:.6f}" for c, t, w in parts]
    frame = pl.DataFrame({"mixture": texts, "metric": metric})
    law = bind(frame, "loss")
    x = {f"share_{n}": parts[:, i] for i, n in enumerate(("code", "text", "web"))}
    y = law(truth, {**x, "metric": np.array([0.0, 1.0] * 60)})
    return frame.with_columns(loss=y + 5e-4 * rng.standard_normal(120)), truth


LAW = make(("code", "text", "web"), ("code", "text"))
