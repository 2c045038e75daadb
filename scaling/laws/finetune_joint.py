"""Fine-tuning: loss as a product of powers of model size and fine-tuning data.

    L(X, D_f) = A * X**-alpha * D_f**-beta + E

X params (or pre-training tokens), D_f fine-tuning tokens or examples, L test loss in nats.

Source: Zhang et al. 2024, "When Scaling Meets LLM Finetuning: The Effect of Data, Model and
Finetuning Method", arXiv:2402.17193.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Term


def predict(p: Any, x: Any) -> Array:
    """Test loss at model size X and fine-tuning data D_f."""
    value: Array = p.E + p.A * x.params**-p.alpha * x.examples**-p.beta
    return value


LAW = Law(
    name="finetune_joint",
    title="Fine-tuning, joint in size and data",
    formula="L = A X^-alpha D_f^-beta + E",
    citation="Zhang et al. 2024, arXiv:2402.17193",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.1, 3.0)),
        Param("A", "nats/token", "size of the product at X = D_f = 1", start=(1.0, 1e4)),
        Param("alpha", "1", "exponent of model size", start=(0.02, 0.6)),
        Param("beta", "1", "exponent of fine-tuning data", start=(0.02, 0.6)),
    ),
    inputs=("params", "examples"),
    predict=predict,
    linear=("E", "A"),
    terms=(Term("E"), Term("A", {"params": ("alpha", -1.0), "examples": ("beta", -1.0)})),
    monotone={"params": -1, "examples": -1},
    needs=(Input("examples", "examples", "fine-tuning examples or tokens", typical=(1e2, 1e7)),),
    question="fine_tuning",
    assumes="one task, one way of fine-tuning; models of one family",
    fails="little data: models begin from what pre-training gave, where finetune_rectified bends",
)
