"""Training on what earlier models wrote: what each generation adds to the loss.

    L = E + A / D**c + n B / D0**c

D tokens seen, n generations of models between the real data and these tokens (0: real data), D0
tokens that the first generator saw, L loss in nats per token. What n generations add does not fall
with D: synthetic data set a floor.

Source: Dohmatob et al. 2024, "A Tale of Tails: Model Collapse as a Change of Scaling Laws",
arXiv:2402.07043: L ~ T^-c + n T0^-c for Zipf data with c = 1 - 1/exponent; A, B and E are what a
real loss needs. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at D tokens of generation n, whose first generator saw D0."""
    own = p.A * x.tokens**-p.c
    value: Array = p.E + own + p.B * (x.generation * x.tokens_generator**-p.c)
    return value


LAW = Law(
    name="model_collapse",
    title="Synthetic data by generation",
    formula="L = E + A/D^c + n B/D0^c",
    citation="Dohmatob et al. 2024, arXiv:2402.07043",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
        Param("A", "nats/token", "size of the tokens term", start=(1e1, 1e5)),
        Param("B", "nats/token", "size of what a generation adds", start=(1e1, 1e5)),
        Param("c", "1", "exponent of tokens, of both", start=(0.15, 0.6)),
    ),
    inputs=("tokens", "generation", "tokens_generator"),
    predict=predict,
    linear=("E", "A", "B"),
    needs=(
        Input(
            "generation",
            "generations",
            "models between real data and these tokens; 0 is real data",
            low=0.0,
            open_low=False,
            high=1e3,
            levels=2,
            typical=(0.0, 6.0),
        ),
        Input("tokens_generator", "tokens", "that the first generator saw", levels=1),
    ),
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"tokens": -1, "generation": 1, "tokens_generator": -1},
    question="synthetic",
    assumes="each generation trains on the last one alone; one size of model",
    fails="synthetic data added to real data, which levels off; curated synthetic data",
    simulated=True,
)
