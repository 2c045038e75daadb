"""Plans of routed and of pruned models: optimum, memory, and what the paper's sizes give."""

from __future__ import annotations

import numpy as np
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.plan import expert_count, pruned, stored

JOINT = stored.read("published:joint_moe")
SPARSE = stored.read("published:sparse_connected")


def test_sizes_of_a_routed_model() -> None:
    """Width 1024: active 2 d V + 13 d^3/64, total with 8 experts 2 d V + 76 d^3/64."""
    d, v = 1024.0, 50257.0
    active = 2 * d * v + 13 * d**3 / 64
    total = 2 * d * v + (4 + 9 * 8) * d**3 / 64
    found = expert_count.total_params(np.log(np.array([active])), 8.0)
    assert np.exp(found[0]) == pytest.approx(total, rel=1e-9)
    assert np.exp(expert_count.largest_active(np.log(total), 8.0)) == pytest.approx(active)


def test_tokens_and_active_params_pay_the_budget_and_fit_the_memory() -> None:
    law = laws.get("joint_moe")
    made = expert_count.experts(JOINT, flops=1e22, memory=40e9)
    for row in made.tables["By number of experts"]:
        assert 6 * row["active"] * row["tokens"] == pytest.approx(1e22)
        assert row["params"] <= 20e9 * (1 + 1e-9)
        x = {"params_active": [row["active"]], "tokens": [row["tokens"]]}
        loss = law(law.published[0].values, x | {"experts": [row["experts"]]})
        assert row["loss"] == pytest.approx(float(loss[0]))
    best = min(made.tables["By number of experts"], key=lambda row: row["loss"])
    assert made.value("experts").value == best["experts"]


def test_under_a_tight_memory_few_experts_are_best() -> None:
    free = expert_count.experts(JOINT, flops=1e22).value("experts").value
    tight = expert_count.experts(JOINT, flops=1e22, memory=4e9).value("experts").value
    assert (free, tight) == (32.0, 1.0)
    assert expert_count.experts(JOINT, flops=1e22).warnings[-1].startswith("More than 32")


def test_the_best_sparsity_has_the_least_loss() -> None:
    made = pruned.sparsity(SPARSE, params=1e8, flops=1e21)
    assert made.value("sparsity").value == pytest.approx(0.71417, abs=1e-5)
    loss = made.value("loss").value
    assert all(row["loss"] > loss for row in made.tables["By sparsity"])
    assert made.value("tokens").value == pytest.approx(1e21 * (1 - 0.71417) / 6e8, rel=1e-4)


def test_a_sparsity_beyond_the_runs_is_an_extrapolation() -> None:
    made = pruned.sparsity(SPARSE, params=1e8, flops=1e24)
    assert made.value("sparsity").value > 0.875
    assert "has 0.875: beyond it" in made.warnings[-1]


def test_too_little_compute_names_the_least() -> None:
    with pytest.raises(InputError, match=r"too little compute.*1e\+20.*6e\+22"):
        pruned.sparsity(SPARSE, params=1e11, flops=1e20)
