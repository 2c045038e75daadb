"""Learning rate, batch and weight decay of a planned run."""

from __future__ import annotations

import pytest

import scaling


def test_weight_decay_gives_the_averaging_time() -> None:
    """Bergsma et al.: tau = 1.084 (D/N)^-.527; AdamW averages over batch / (lr decay D)."""
    made = scaling.plan.hparams(params="1B", tokens="100B")
    found = {name: made.value(name).value for name, _, _ in made.figures}
    assert found["averaging_time"] == pytest.approx(1.084 * 100**-0.527)
    share = found["batch"] / (found["learning_rate"] * found["weight_decay"] * 1e11)
    assert share == pytest.approx(found["averaging_time"])
    assert found["weight_decay"] == pytest.approx(0.07088, rel=1e-3)
    assert any("a = 1.084, b = 0.527" in one and "2505.13738" in one for one in made.assumptions)


def test_few_tokens_a_param_have_no_weight_decay() -> None:
    made = scaling.plan.hparams(params="1B", tokens="1B")
    assert any("does not hold here" in one for one in made.assumptions)


def test_other_studies_stand_beside() -> None:
    """DeepSeek: lr .3118 C^-.125, batch .2920 C^.3271 at C = 6 N D."""
    made = scaling.plan.hparams(params="1B", tokens="100B")
    (rows,) = made.tables.values()
    by = {row["study"]: row for row in rows}
    assert by["DeepSeek-AI 2024"]["learning rate"] == pytest.approx(0.3118 * 6e20**-0.125)
    assert by["DeepSeek-AI 2024"]["batch, tokens"] == pytest.approx(0.2920 * 6e20**0.3271)
    assert by["Li et al. 2025"]["batch, tokens"] == made.value("batch").value
