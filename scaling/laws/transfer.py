"""Transfer: what pre-training is worth in data of the target distribution.

    D_T(D_F, N) = k * D_F**alpha * N**beta

D_F fine-tuning data and D_T effective data transferred, both in characters in the paper, N
non-embedding params. D_T is the extra fine-tuning data that a model of the same size trained from
scratch would need to reach the same loss.

Source: Hernandez et al. 2021, "Scaling Laws for Transfer", arXiv:2102.01293.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published, Term


def predict(p: Any, x: Any) -> Array:
    """Effective data transferred."""
    value: Array = p.k * x.finetune_data**p.alpha * x.params**p.beta
    return value


_CITATION = "Hernandez et al. 2021, arXiv:2102.01293"

LAW = Law(
    name="transfer",
    title="Effective data transferred",
    formula="D_T = k D_F^alpha N^beta",
    citation=_CITATION,
    params=(
        Param("k", "characters", "size at D_F = N = 1", start=(1e2, 1e7)),
        Param("alpha", "1", "exponent of fine-tuning data", start=(0.02, 0.8)),
        Param("beta", "1", "exponent of model size", start=(0.1, 0.8)),
    ),
    inputs=("finetune_data", "params"),
    predict=predict,
    linear=("k",),
    terms=(Term("k", {"finetune_data": ("alpha", 1.0), "params": ("beta", 1.0)}),),
    target="data_transferred",
    size="non_embedding",
    monotone={"finetune_data": 1, "params": 1},
    needs=(Input("finetune_data", "characters", "D_F, data of the target", typical=(1e5, 1e9)),),
    published=(
        Published(
            paper="hernandez2021",
            variant="text",
            citation=_CITATION,
            data="pre-trained on text, fine-tuned on Python; the authors' runs",
            values={"k": 1.9e4, "alpha": 0.18, "beta": 0.38},
        ),
        Published(
            paper="hernandez2021",
            variant="text-and-code",
            citation=_CITATION,
            data="pre-trained on half text and half code, fine-tuned on Python; the authors' runs",
            values={"k": 2.1e5, "alpha": 0.096, "beta": 0.38},
        ),
    ),
    question="fine_tuning",
    assumes="little data: D_F at most a tenth of what reaches 99 % of the loss of unlimited data",
    fails="much data, where pre-training can hurt (ossification)",
    simulated=True,
)
