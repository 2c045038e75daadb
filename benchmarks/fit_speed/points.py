"""The data: the 240 Chinchilla points, larger tables from them, and laws of 3 to 11 parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.laws._law import Array, Law, Param, Term

SOURCE = Path("data/published/chinchilla-epoch/runs.csv")
# The lowest sum of Huber losses (delta 1e-3) on log residuals known for these points.
OPTIMUM = 0.0010182740178006


def chinchilla() -> pl.DataFrame:
    """The 240 points that Besiroglu et al. fit: params, tokens, loss."""
    rows = pl.read_csv(SOURCE)
    kept = rows.filter(~pl.col("flags").fill_null("").str.contains("published_outlier"))
    return kept.select("params", "tokens", loss="value")


def replicated(count: int) -> pl.DataFrame:
    """``count`` rows: the points repeated, inputs disturbed by 2 % and losses by 0.3 %."""
    rng = np.random.default_rng(count)
    points = chinchilla()
    table = pl.concat([points] * -(-count // len(points))).head(count)
    if count <= len(points):
        return table
    spread = {"params": 0.02, "tokens": 0.02, "loss": 0.003}
    noise = {name: np.exp(by * rng.standard_normal(count)) for name, by in spread.items()}
    return table.with_columns(**{name: table[name] * noise[name] for name in spread})


def without_terms(law: Law) -> Law:
    """The same law, its structure hidden: fitted as any law is, by jets."""
    return replace(law, terms=())


def by_parameters() -> dict[int, Law]:
    """Number of parameters -> a floor and as many power terms as make that many."""
    return {2 * terms + 1: power_terms(terms) for terms in range(1, 6)}


def power_terms(count: int) -> Law:
    """A floor E and ``count`` terms A_a / a^gamma_a, one an input."""
    inputs = "abcde"[:count]
    sizes = tuple(Param(f"A_{x}", "1", "size", start=(1.0, 1e11)) for x in inputs)
    exponents = tuple(Param(f"gamma_{x}", "1", "exponent") for x in inputs)

    def predict(p: Any, x: Any) -> Array:
        terms = (getattr(p, f"A_{k}") * getattr(x, k) ** -getattr(p, f"gamma_{k}") for k in inputs)
        value: Array = sum(terms, p.E)
        return value

    return Law(
        name=f"power_terms_{count}",
        title="Power terms",
        formula="y = E + A_a / a^gamma_a + ...",
        citation="made for this benchmark",
        params=(Param("E", "1", "floor", start=(0.3, 3.0)), *sizes, *exponents),
        inputs=tuple(inputs),
        predict=predict,
        linear=("E", *(one.name for one in sizes)),
        terms=(Term("E"), *(Term(f"A_{x}", {x: (f"gamma_{x}", -1.0)}) for x in inputs)),
    )


def simulated(law: Law, seed: int, count: int = 240, noise: float = 0.003) -> pl.DataFrame:
    """Runs of a sum of power terms: every term falls from 0.8 over three decades of its input."""
    rng = np.random.default_rng([len(law.params), seed])
    x = {name: np.exp(rng.uniform(np.log(1e8), np.log(1e11), count)) for name in law.inputs}
    theta = dict.fromkeys(law.names, 1.8)
    for place, term in enumerate(law.terms[1:]):
        ((exponent, _),) = term.powers.values()
        theta[exponent] = 0.3 + 0.05 * place
        theta[term.coef] = 0.8 * 1e8 ** theta[exponent]
    loss = law(theta, x).ravel() * np.exp(noise * rng.standard_normal(count))
    return pl.DataFrame({**x, "loss": loss})
