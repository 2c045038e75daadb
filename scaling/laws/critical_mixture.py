"""Continued pre-training: the largest share of domain text that does not harm the general loss.

    R = a T**s + b

T tokens of continued pre-training, R the critical mixture ratio: the share of domain text up to
which the general loss stays within its tolerance while the domain loss falls.

Source: Gu et al. 2024, "CMR Scaling Law", for models of 460M to 3.1B params, with T there in
units of .2B tokens; the constants as a text that quotes it gives them, here in tokens. They give
the printed 29.8, 34.9, 41.4 and 47.8 % at 20B tokens. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param, Published

# Tokens of the paper's unit.
UNIT = 2e8


def predict(p: Any, x: Any) -> Array:
    """Critical share of domain text after T tokens."""
    value: Array = p.a * np.exp(p.s * (np.log(x.tokens) - np.log(UNIT))) + p.b
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """For several exponents the other two are a line."""
    theta = fill({"s": (-0.8, 0.8)}, LAW.names, 33)
    for row in theta:
        powers = (x["tokens"] / UNIT) ** row[1]
        row[0], row[2] = np.polyfit(powers, y, 1)
    return theta


def _fit(size: str, a: float, s: float, b: float) -> Published:
    return Published(
        paper="gu2024",
        variant=size.lower(),
        citation="Gu et al. 2024, CMR Scaling Law",
        data=f"the authors' continued pre-training of a model of {size} params",
        values={"a": a, "s": s, "b": b},
        caveat="A constant each for three numbers of one curve; not for other sizes or domains.",
        secondary=True,
    )


LAW = Law(
    name="critical_mixture",
    title="Critical mixture ratio of continued pre-training",
    formula="R = a (T / 2e8)^s + b",
    citation="Gu et al. 2024, CMR Scaling Law",
    params=(
        Param("a", "share", "size of the term, at 2e8 tokens", "real", start=(0.1, 0.8)),
        Param("s", "1", "exponent of tokens", "real", start=(0.1, 0.4)),
        Param("b", "share", "level", "real", start=(-0.6, -0.1)),
    ),
    inputs=("tokens",),
    predict=predict,
    linear=("a", "b"),
    starts=starts,
    target="critical_share",
    link="linear",
    delta=1e-2,
    span=(-float("inf"), float("inf")),
    needs=(Input("tokens", "tokens", "of continued pre-training", typical=(2e8, 1e11)),),
    published=(
        _fit("460M", 0.22524761, 0.26944345, -0.48139982),
        _fit("940M", 0.7520627, 0.13720245, -1.06581937),
        _fit("1600M", -2.36384831, -0.15125569, 1.59223649),
        _fit("3100M", -2.5368197, -0.42071423, 0.84375368),
    ),
    question="mixtures",
    assumes="one model, domain and tolerance of the general loss",
    fails="tokens beyond the runs, where the share may leave 0 to 1; another tolerance",
    simulated=True,
)
