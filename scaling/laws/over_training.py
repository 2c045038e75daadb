"""Over-training: loss by compute and tokens per param.

    L = E + (a M**eta + b M**-eta) C**-eta,    M = D / N,  C = 6 N D

N params, D tokens, L loss in nats per token. Written in N and D this is approach 3 with equal
exponents, alpha = beta = 2 eta, A = a 6**-eta and B = b 6**-eta: loss falls with the same power of
compute at every M, and only its size depends on M.

Source: Gadre et al. 2024, "Language models scale reliably with over-training and on downstream
tasks", arXiv:2403.08540, equation 4. The constants below come from the authors' own procedure
(least squares on five small runs a corpus), run again; it predicts the RefinedWeb, RedPajama and
C4 runs up to 6.9B params.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published

DATA = "5 runs of 11M to 411M params; least squares of the loss on C4"


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at params N and tokens D."""
    compute = np.log(6.0) + np.log(x.params) + np.log(x.tokens)
    ratio = np.log(x.tokens) - np.log(x.params)
    value: Array = (
        p.E + p.a * np.exp(p.eta * (ratio - compute)) + p.b * np.exp(-p.eta * (ratio + compute))
    )
    return value


def surface(p: Mapping[str, Array], x: Mapping[str, float]) -> tuple[object, ...]:
    """alpha = beta = 2 eta: with M = D/N and C = 6ND, M/C is 1/(6 N^2) and 1/(MC) is 1/(6 D^2)."""
    eta, six = p["eta"], p["eta"] * np.log(6.0)
    return p["E"], np.log(p["a"]) - six, np.log(p["b"]) - six, 2 * eta, 2 * eta, 1.0


def _fit(corpus: str, e: float, a: float, b: float, eta: float) -> Published:
    return Published(
        paper="gadre2024",
        variant=corpus.lower(),
        citation="Gadre et al. 2024, arXiv:2403.08540, appendix",
        data=f"{corpus}; {DATA}",
        values={"E": e, "a": a, "b": b, "eta": eta},
        note="the authors' procedure, run again",
        caveat="One exponent for params and tokens, so D*/N* is the same at every budget; five "
        "runs of at most 411M params (Gadre et al. 2024, arXiv:2403.08540).",
    )


LAW = Law(
    name="over_training",
    title="Over-training law in C and D/N",
    formula="L = E + (a M^eta + b M^-eta) C^-eta, M = D/N, C = 6ND",
    citation="Gadre et al. 2024, arXiv:2403.08540, equation 4",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
        Param("a", "nats/token", "size of the params term", start=(1.0, 1e8)),
        Param("b", "nats/token", "size of the tokens term", start=(1.0, 1e8)),
        Param("eta", "1", "exponent of compute", start=(0.03, 0.6)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    linear=("E", "a", "b"),
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": -1},
    published=(
        _fit("C4", 1.5083, 141.28, 189.52, 0.1212),
        _fit("RedPajama", 1.8366, 212.24, 366.69, 0.1364),
        _fit("RefinedWeb", 1.7345, 157.12, 246.21, 0.1272),
    ),
    surface=surface,
    approach="3, one exponent",
    roles={"plan": 3},
    question="sizes",
    assumes="params and tokens share an exponent; one recipe and corpus",
    fails="where approach 3 finds different exponents; repeated data",
)
