"""The data: the 240 Chinchilla points, larger tables from them, and laws of 3 to 7 parameters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling import laws
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
    """Number of parameters -> a law with that many."""
    made = (laws.get("power_law"), laws.get("chinchilla"), _seven())
    return {len(law.params): law for law in made}


def _predict(p: Any, x: Any) -> Array:
    value: Array = p.E + p.A * x.a**-p.alpha + p.B * x.b**-p.beta + p.C * x.c**-p.gamma
    return value


def _seven() -> Law:
    """A floor and three power terms."""
    sizes = tuple(Param(name, "1", "size", start=(1.0, 1e11)) for name in "ABC")
    exponents = tuple(Param(name, "1", "exponent") for name in ("alpha", "beta", "gamma"))
    return Law(
        name="three_terms",
        title="Three power terms",
        formula="y = E + A/a^alpha + B/b^beta + C/c^gamma",
        citation="made for this benchmark",
        params=(Param("E", "1", "floor", start=(0.3, 3.0)), *sizes, *exponents),
        inputs=("a", "b", "c"),
        predict=_predict,
        linear=("E", "A", "B", "C"),
        terms=(
            Term("E"),
            Term("A", {"a": ("alpha", -1.0)}),
            Term("B", {"b": ("beta", -1.0)}),
            Term("C", {"c": ("gamma", -1.0)}),
        ),
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
