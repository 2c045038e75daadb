"""Inputs of laws of quantisation after training."""

from __future__ import annotations

from scaling.laws._law import Input

NEEDS = (
    Input("loss_full", "nats/token", "loss before quantisation", high=100.0, typical=(1.8, 4)),
    Input(
        "bits_after",
        "bits",
        "bits of weights after training",
        low=1.0,
        open_low=False,
        high=16.0,
        levels=2,
        typical=(2.0, 5.0),
    ),
)
