"""Reinforcement learning of language models: error by compute, with a limit by size.

    L = ((N0/N)**beta + B_N / (C + C0_N))**alpha

N params, C FLOP of reinforcement learning, L error rate on held-out problems. (N0/N)^(alpha beta)
is what no amount of training removes; B_N and C0_N say how fast a model of size N gets there, and
are those of the sizes in the table: a forecast is of one of these sizes, at more compute.

Source: Tan et al. 2025, arXiv:2509.25300, in the form of the authors' repository; its B and C0 by
size are not known here, so no constants are. `rl_sizes` has examples instead of compute, and may be
asked for other sizes. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Input, Law, Param


def make(sizes: tuple[float, ...]) -> Law:
    """The law of these sizes."""

    def predict(p: Any, x: Any) -> Array:
        apart = np.abs(np.log(x.params)[:, None] - np.log(sizes))
        total: Any = 0.0
        for i, size in enumerate(sizes):
            here = np.asarray(apart.argmin(axis=1) == i, dtype=np.float64)
            limit = np.exp(p.beta * (np.log(p.N0) - np.log(size)))
            fall = getattr(p, f"B_{i}") / (x.flops + getattr(p, f"C0_{i}"))
            total = total + here * (limit + fall)
        value: Array = np.exp(p.alpha * np.log(total))
        return value

    return Law(
        name="rl_by_size",
        title="Reinforcement learning by compute at each size",
        formula="L = ((N0/N)^beta + B_N/(C + C0_N))^alpha",
        citation="Tan et al. 2025, arXiv:2509.25300, the authors' repository",
        params=(
            Param("alpha", "1", "outer exponent", start=(0.1, 0.4)),
            Param("beta", "1", "exponent of params", start=(0.5, 2.0)),
            Param("N0", "parameters", "params at which the limit is 1", start=(1e8, 1e9)),
            *(param for i, size in enumerate(sizes) for param in _of_size(i, size)),
        ),
        inputs=("params", "flops"),
        predict=predict,
        target="error",
        needs=(
            Input("params", "parameters", "one of the sizes of the table", levels=2,
                  typical=(sizes[0], sizes[-1]), read=_reader(sizes)),
            Input("flops", "FLOP", "of reinforcement learning", typical=(1e18, 1e22)),
        ),
        kinds=("error",),
        bind=bind,
        example=example,
        question="reward",
        assumes="one family of models, recipe and set of problems; several points of each size",
        fails="a size that the table does not have; runs that collapse",
        simulated=True,
    )  # fmt: skip


def _of_size(i: int, size: float) -> tuple[Param, Param]:
    return (
        Param(f"B_{i}", "FLOP", f"pace at {size:g} params", start=(1e18, 1e21)),
        Param(f"C0_{i}", "FLOP", f"head start at {size:g} params", start=(1e18, 1e20)),
    )


def _reader(sizes: tuple[float, ...]) -> Callable[[pl.DataFrame], Array]:
    def read(runs: pl.DataFrame) -> Array:
        if "params" not in runs.columns:
            raise InputError("missing column", column="params", allowed="sizes of models")
        found = np.array(runs["params"].cast(pl.Float64).to_list(), dtype=np.float64)
        near = np.abs(found[:, None] / np.array(sizes) - 1.0) < 1e-6
        row = int(np.argmin(near.any(axis=1))) if len(found) else 0
        if not near.any(axis=1).all():
            allowed = ", ".join(f"{one:g}" for one in sizes)
            raise InputError(
                "no runs of this size", row=row + 1, column="params", value=float(found[row]),
                allowed=allowed, hint="rl_sizes forecasts other sizes, by examples.",
            )  # fmt: skip
        return found

    return read


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of the sizes of a table."""
    if "params" not in runs.columns:
        return LAW
    return make(tuple(sorted(set(runs["params"].drop_nulls().cast(pl.Float64).to_list()))))


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Four sizes with fifteen points each."""
    truth = {"alpha": 0.2, "beta": 1.1, "N0": 5e8}
    rows = []
    for size, pace in zip((1.5e9, 3e9, 1e10, 1.4e10), (3e19, 4e19, 1.1e20, 1.5e20), strict=True):
        for flops in np.geomspace(1e19, 1e22, 15):
            inner = (truth["N0"] / size) ** truth["beta"] + pace / (flops + 3e19)
            rows.append((size, flops, inner ** truth["alpha"] * np.exp(1e-4 * rng.normal())))
    table = pl.DataFrame(rows, schema=["params", "flops", "error"], orient="row")
    return table, {"alpha": truth["alpha"]}


LAW = make((1.5e9, 3e9, 7e9, 1.4e10))
