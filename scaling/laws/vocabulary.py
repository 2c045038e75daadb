"""Vocabulary: params outside and inside the embeddings count apart.

    L_u = -E + A1 / N_nv**alpha1 + A2 / N_v**alpha2 + B / D**beta

N_nv params without vocabulary, N_v = V d params of the vocabulary (V words, d dimensions), D
training tokens, L_u the loss normalised by a unigram model, which is negative (so E enters with a
minus). Residuals are taken on the raw scale.

Source: Tao et al. 2024, "Scaling Laws with Vocabulary: Larger Models Deserve Larger Vocabularies",
arXiv:2407.13623, approach 3; constants of the authors' optimal_Nv_predict.py, with alpha1 = beta.

The authors turn characters H into tokens as D = H f(V) with f(V) = .00639 ln(V)^2 - .158 ln V +
1.205 fitted for V in words, but call it with V in thousands. With V in words alpha2 goes from .66
to 1.06, A2 from .19 to .13 and B from 2.12 to 1.33 (in their units, millions of params and
billions of tokens). The published set below belongs to the slip; it must not be used with true
token counts.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import FREE, Input, Law, Param, Published

MILLION, BILLION = 1e6, 1e9


def predict(p: Any, x: Any) -> Array:
    """Unigram-normalised loss in nats per token."""
    inner = p.A1 * x.params_non_vocab**-p.alpha1
    vocabulary = p.A2 * x.params_vocab**-p.alpha2
    value: Array = inner + vocabulary + p.B * x.tokens**-p.beta - p.E
    return value


LAW = Law(
    name="vocabulary",
    title="Vocabulary law",
    formula="L_u = -E + A1/N_nv^alpha1 + A2/N_v^alpha2 + B/D^beta",
    citation="Tao et al. 2024, arXiv:2407.13623",
    params=(
        Param("E", "nats/token", "how far below the unigram model loss can go", start=(1.0, 10.0)),
        Param("A1", "nats/token", "size of the non-vocabulary term", start=(1e1, 1e6)),
        Param("A2", "nats/token", "size of the vocabulary term", start=(1e1, 1e6)),
        Param("B", "nats/token", "size of the tokens term", start=(1e1, 1e6)),
        Param("alpha1", "1", "exponent of non-vocabulary params", start=(0.2, 0.8)),
        Param("alpha2", "1", "exponent of vocabulary params", start=(0.2, 1.1)),
        Param("beta", "1", "exponent of tokens", start=(0.2, 0.8)),
    ),
    inputs=("params_non_vocab", "params_vocab", "tokens"),
    predict=predict,
    linear=("E", "A1", "A2", "B"),
    needs=(
        Input(
            "params_non_vocab",
            "parameters",
            "params outside the vocabulary",
            columns=("params_non_vocab", "params_non_embedding"),
            typical=(1e7, 1e9),
        ),
        Input("params_vocab", "parameters", "V d, params of the vocabulary", typical=(1e6, 1e8)),
        Input("tokens", typical=(1e8, 1e10)),
    ),
    schedule="complete",
    kinds=("loss",),
    link="linear",
    span=FREE,
    monotone={"params_non_vocab": -1, "params_vocab": -1, "tokens": -1},
    published=(
        Published(
            paper="tao2024",
            citation="Tao et al. 2024, arXiv:2407.13623, optimal_Nv_predict.py",
            data="the authors' 1,054 runs from 2.18e17 FLOP, turned into params and tokens",
            values={
                "E": 5.53278,
                "A1": 1.83139 * MILLION**0.44661,
                "A2": 0.19584 * MILLION**0.67074,
                "B": 2.12411 * BILLION**0.44661,
                "alpha1": 0.44661,
                "alpha2": 0.67074,
                "beta": 0.44661,
            },
            note="belongs to tokens from f(V/1000)",
            caveat="Not for true token counts: the runs' tokens are off by a slip of units.",
        ),
    ),
    question="shape",
    assumes="vocabularies of one kind of tokenizer; unigram-normalised loss",
    fails="losses per token across vocabularies, which are not comparable without normalising",
)
