"""Operations counted exactly: a transformer of N params, its attention, vocabulary and context.

A size alone has no shape, so one is assumed: width = ``aspect`` x layers, heads 128 wide, a
feed-forward part four times the width with two matrices, input and output embeddings apart. Then
N = 12 width^3 / aspect + 2 V width, and `scaling.compute.estimate.transformer` counts.

Aspect 100 lies in the flat part (10 to 200) of Kaplan et al. 2020, arXiv:2001.08361, figure 5;
GPT-3 175B has 128. The count is smooth in ln N, so it is kept as a Chebyshev polynomial of
degree 200, whose error the tests hold below 1e-9.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from scaling.arrays import Array
from scaling.plan.allocation import Counting
from scaling.plan.answer import PARAMS, within

if TYPE_CHECKING:
    import polars as pl


ASPECT = 100.0
# Of GPT-2 and GPT-3, rounded to a multiple of 128 as is common.
VOCABULARY = 50_304.0
CONTEXT = 2048.0
DEGREE = 200
ENDS = (float(np.log(PARAMS[0])), float(np.log(PARAMS[1])))


def transformer_counting(
    context: float = CONTEXT, vocabulary: float = VOCABULARY, aspect: float = ASPECT
) -> Counting:
    """FLOP per training token of a transformer of N total params.

    Raises:
        InputError: a context, vocabulary or aspect that no model has.
    """
    within("context", context, (1.0, 1e8), "tokens")
    within("vocabulary", vocabulary, (2.0, 1e7), "entries")
    within("aspect", aspect, (1.0, 1e4), "width per layer")
    series = _series(context, vocabulary, aspect)
    name = f"a transformer's operations, context {context:g}, vocabulary {vocabulary:g}"
    return Counting(name, lambda log_n: np.asarray(series(np.clip(log_n, *ENDS)) + log_n))


@functools.cache
def _series(context: float, vocabulary: float, aspect: float) -> np.polynomial.chebyshev.Chebyshev:
    """ln(FLOP per token / N) by ln N."""

    def excess(log_n: Array) -> Array:
        return np.asarray(counted(np.exp(log_n), context, vocabulary, aspect) - log_n)

    return np.polynomial.chebyshev.Chebyshev.interpolate(excess, DEGREE, domain=ENDS)


def counted(params: Array, context: float, vocabulary: float, aspect: float) -> Array:
    """ln of FLOP per training token at N (rows,)."""
    from scaling.compute.estimate import transformer

    made = transformer(shapes(params, context, vocabulary, aspect))
    return np.asarray(np.log(made["flop"].to_numpy()))


def shapes(params: Array, context: float, vocabulary: float, aspect: float) -> pl.DataFrame:
    """Architectures of N total params, one token long, for `transformer`; layers need not be
    whole."""
    import polars as pl

    width = _width(params, vocabulary, aspect)
    one = np.ones_like(width)
    return pl.DataFrame(
        {
            "layers": width / aspect, "width": width, "heads": width / 128.0,
            "head_width": 128.0 * one, "kv_heads": width / 128.0, "ffn": 4.0 * width,
            "ffn_matrices": 2.0 * one, "experts": 0.0 * one, "experts_active": 0.0 * one,
            "experts_shared": 0.0 * one, "vocabulary": vocabulary * one,
            "context": context * one, "tokens": one,
        }
    )  # fmt: skip


def _width(params: Array, vocabulary: float, aspect: float) -> Array:
    """The root of 12 w^3 / aspect + 2 V w = N, by halving in ln w."""
    low, high = np.full_like(params, -40.0), np.full_like(params, 40.0)
    for _ in range(70):
        middle = 0.5 * (low + high)
        w = np.exp(middle)
        above = 12.0 * w**3 / aspect + 2.0 * vocabulary * w > params
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(np.exp(0.5 * (low + high)))
