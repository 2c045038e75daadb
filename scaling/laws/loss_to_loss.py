"""One loss from another: two training corpora, or a training and a test loss.

    L1 = K (L0 - E0)**kappa + E1

L0 loss on the first corpus (or the training loss), E0 its irreducible loss from a law of its own in
params and tokens, L1 the loss that is asked for, E1 its irreducible loss, all in nats per token.
Three uses: train to train (two corpora, runs paired by size and compute), train to test (one
model), test to test (two corpora, one test set). One fit on the first corpus serves the others.

E0 is an input, since the first corpus has a law of its own to read it from (`kaplan_offset`). kappa
is near 1 in the paper. The irreducible loss of a test set is weakly determined.

Source: Brandfonbrener et al. 2024, "Loss-to-Loss Prediction: Scaling Laws for All Datasets",
arXiv:2411.12925. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """The second loss in nats per token, of first losses that are not below their floor."""
    value: Array = p.K * (x.loss_from - x.floor_from) ** p.kappa + p.E1
    return value


LAW = Law(
    name="loss_to_loss",
    title="Loss to loss",
    formula="L1 = K (L0 - E0)^kappa + E1",
    citation="Brandfonbrener et al. 2024, arXiv:2411.12925",
    params=(
        Param("K", "(nats/token)^(1-kappa)", "ratio of the two excesses", start=(0.5, 2.0)),
        Param("kappa", "1", "exponent of the excess", start=(0.6, 1.6)),
        Param("E1", "nats/token", "irreducible loss of the second", start=(0.3, 3.0)),
    ),
    inputs=("loss_from", "floor_from"),
    predict=predict,
    linear=("K", "E1"),
    needs=(
        Input(
            "loss_from",
            "nats/token",
            "loss on the first corpus",
            high=100.0,
            at_least="floor_from",
            typical=(2.2, 5.0),
        ),
        Input(
            "floor_from",
            "nats/token",
            "irreducible loss of the first corpus, below every loss_from",
            low=0.0,
            open_low=False,
            high=100.0,
            levels=1,
            typical=(1.5, 1.9),
        ),
    ),
    kinds=("loss", "bits_per_byte"),
    monotone={"loss_from": 1},
    question="other_loss",
    assumes="runs paired by size and compute; both losses in the same unit",
    fails="a floor that is wrong; losses near their floors; another tokenizer",
    simulated=True,
)
