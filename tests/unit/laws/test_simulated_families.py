"""Families without a public table: what follows from their printed constants or from theory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.applicability import verdict
from scaling.fitting.engine import fit
from scaling.laws.coverage import pass_at_k
from scaling.laws.weight_decay import best_weight_decay


def test_twice_the_least_steps_and_tokens_at_the_critical_batch() -> None:
    law, p = laws.get("critical_batch"), {"S_min": 4e3, "B_crit": 5e5}
    steps = law(p, {"batch_tokens": [5e5, 1e12]})
    assert steps[0] == pytest.approx(2 * 4e3) and steps[1] == pytest.approx(4e3)
    assert steps[0] * 5e5 == pytest.approx(2 * 4e3 * 5e5)
    batch = np.geomspace(1e4, 1e7, 9)
    s = law(p, {"batch_tokens": batch})
    assert (s / 4e3 - 1) * (s * batch / (4e3 * 5e5) - 1) == pytest.approx(np.ones(9))


def test_weight_decay_of_the_best_averaging_time() -> None:
    law = laws.get("weight_decay")
    p = law.published[0].values
    tau = float(law(p, {"params": [1e9], "tokens": [2e10]})[0])
    assert tau == pytest.approx(1.084 * 20**-0.527)
    decay = best_weight_decay(p, 1e9, 2e10, batch_tokens=1e6, lr=1e-3)
    assert 1e6 / (1e-3 * decay * 2e10) == pytest.approx(tau)


def test_two_replicas_held_out() -> None:
    """Table 12: 2.218 at 4B and 2.083 at 10B; without an irreducible loss the law is lower."""
    law = laws.get("low_communication")
    said = law(law.published[0].values, {"params": [4e9, 1e10], "replicas": [2.0, 2.0]})
    assert said == pytest.approx([2.196, 2.006], abs=1e-3)
    assert said == pytest.approx([2.218, 2.083], rel=0.04)


def test_leverage_of_the_printed_constants_with_logarithms_to_ten() -> None:
    p = {"a": 1.23, "d": -7.61e-2, "b": -0.117, "c": 1.67e-2, "A_0": 1.63e-2}
    x = {"active_share": [0.031], "granularity": [12.0], "flops": [1e22]}
    law = laws.get("efficiency_leverage")
    assert float(law(p, x)[0]) == pytest.approx(5.4, abs=0.05) and law.published == ()


def test_more_latents_lower_the_error_and_a_floor_stays() -> None:
    law = laws.get("sparse_autoencoder")
    p = law.published[0].values
    n = np.geomspace(1e3, 1e9, 7)
    error = law(p, {"latents": n, "latents_active": np.full(7, 32.0)})
    assert (np.diff(error) < 0).all() and error[-1] > np.exp(-1.32 - 0.085 * np.log(32.0))


def test_generations_add_what_more_data_do_not_remove() -> None:
    law, p = laws.get("model_collapse"), {"E": 1.7, "A": 400.0, "B": 400.0, "c": 0.3}
    x = {"tokens": [1e10, 1e25], "generation": [3, 3], "tokens_generator": [1e10, 1e10]}
    first, endless = law(p, x)
    assert first == pytest.approx(1.7 + 4 * 400.0 * 1e10**-0.3)
    assert endless == pytest.approx(1.7 + 3 * 400.0 * 1e10**-0.3, rel=1e-4)


def test_pass_at_k_of_a_power_law_tail_has_its_exponent() -> None:
    """Kumaraswamy(.4, 1): chances p = u^(1/.4), -ln pass@k falls as k^-.4 (Schaeffer et al.)."""
    chance = ((np.arange(200_000) + 0.5) / 200_000) ** (1 / 0.4)
    k = np.geomspace(1e3, 1e5, 12).round()
    share = np.array([np.mean(1.0 - (1.0 - chance) ** one) for one in k])
    made = fit(pl.DataFrame({"attempts": k, "accuracy": share}), "coverage", target="accuracy")
    assert made.values["b"] == pytest.approx(0.4, abs=0.03)


def test_pass_at_k_has_no_bias() -> None:
    trials, successes = np.array([5, 5, 4]), np.array([2, 0, 4])
    assert pass_at_k(trials, successes, 1) == pytest.approx((0.4 + 0.0 + 1.0) / 3)
    assert pass_at_k(trials, successes, 2) == pytest.approx((1 - 3 / 10 + 0.0 + 1.0) / 3)
    rng = np.random.default_rng(0)
    drawn = rng.binomial(20, 0.15, 100_000)
    found = pass_at_k(np.full(100_000, 20), drawn, 8)
    assert found == pytest.approx(1 - 0.85**8, abs=2e-3)


def test_more_attempts_than_trials_are_refused() -> None:
    with pytest.raises(InputError, match="attempts"):
        pass_at_k(np.array([4, 2]), np.array([1, 1]), 3)


def test_tokens_per_param_of_farseer_are_no_power_of_compute() -> None:
    theta = np.array([0.2, -0.08, 0.15, 6.5, -0.9, -0.1, -1.1, -0.1, 0.12])
    log_n = np.linspace(np.log(1e7), np.log(1e13), 40_001)
    ratio = []
    for budget in (1e20, 1e22, 1e24):
        log_d = np.log(budget / 6.0) - log_n
        x = {"params": np.exp(log_n), "tokens": np.exp(log_d)}
        best = int(np.argmin(laws.get("farseer")(theta, x)))
        assert 0 < best < len(log_n) - 1
        ratio.append(log_d[best] - log_n[best])
    assert abs((ratio[2] - ratio[1]) - (ratio[1] - ratio[0])) > 0.05


def test_a_law_of_another_quantity_does_not_apply_to_a_loss() -> None:
    n = np.geomspace(1e7, 1e9, 12)
    runs = pl.DataFrame({"params": n, "tokens": 20 * n[::-1], "loss": 10 * n**-0.1})
    found = verdict(runs, laws.get("weight_decay"))
    assert found.word == "no" and found.reason == "it explains timescale: --target timescale"
