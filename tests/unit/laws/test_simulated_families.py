"""Families without a public table: what follows from their printed constants or from theory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import scaling
from scaling import laws
from scaling.errors import InputError
from scaling.fitting.applicability import verdict
from scaling.fitting.engine import fit
from scaling.laws.coverage import pass_at_k
from scaling.laws.moe_configuration import best_shape
from scaling.laws.rl_by_size import example as rl_table
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


def test_best_granularity_and_shared_experts_of_the_printed_constants() -> None:
    """Zhao et al.: granularity about 7, share of shared experts about .31."""
    law = laws.get("moe_configuration")
    p = law.published[0].values
    assert best_shape(p) == pytest.approx((6.78, 0.315), abs=5e-3)
    x = {"params": 1e10, "params_active": 1e9, "tokens": 1e11}
    g, s = np.meshgrid(np.geomspace(1, 40, 400), np.linspace(0, 1, 201))
    at = {name: np.full(g.size, value) for name, value in x.items()}
    loss = law(p, {**at, "granularity": g.ravel(), "shared_experts": s.ravel()}).ravel()
    best = int(loss.argmin())
    assert (g.ravel()[best], s.ravel()[best]) == pytest.approx(best_shape(p), rel=0.02)


@pytest.mark.parametrize(
    ("size", "share"), [("460m", 0.298), ("940m", 0.349), ("1600m", 0.414), ("3100m", 0.478)]
)
def test_critical_mixture_ratios_as_printed(size: str, share: float) -> None:
    """T = 100 in the paper's units of .2B tokens."""
    law = laws.get("critical_mixture")
    p = next(one.values for one in law.published if one.variant == size)
    assert float(law(p, {"tokens": [2e10]})[0]) == pytest.approx(share, abs=6e-4)


def test_quantisation_by_two_forms_is_of_one_size() -> None:
    """1B params, 100B tokens, 3 bits: Ouyang et al. print .22 nats, Kumar et al. .11."""
    x = {"loss_full": [0.0], "params": [1e9], "tokens": [1e11], "bits_after": [3.0]}
    added = [
        float(laws.get(name)(laws.get(name).published[0].values, x)[0])
        for name in ("quantised_after", "quantised_exponential")
    ]
    assert added == pytest.approx([0.22, 0.113], abs=5e-3)


def test_coverage_at_one_compute_is_the_law_of_attempts() -> None:
    k = np.geomspace(1, 128, 8)
    p = {"c0": 0.5, "c1": -0.1, "c2": -0.3, "c3": 0.01}
    both = laws.get("coverage_compute")(p, {"flops": np.full(8, 1e22), "attempts": k})
    more = np.log(10.0)
    plain = {"a": np.exp(0.5 - 0.1 * more), "b": 0.3 - 0.01 * more}
    assert both == pytest.approx(laws.get("coverage")(plain, {"attempts": k}))


def test_reinforcement_learning_goes_on_at_a_size_of_the_table_alone() -> None:
    runs = rl_table(np.random.default_rng(0))[0]
    how = {"laws": ["rl_by_size"], "target": "error", "quantiles": (0.05, 0.95)}
    made = scaling.forecast(runs, {"params": [1e10], "flops": [5e22]}, **how)
    true = ((5e8 / 1e10) ** 1.1 + 1.1e20 / (5e22 + 3e19)) ** 0.2
    assert made["value"].to_list() == pytest.approx([true, true], rel=2e-3)
    with pytest.raises(InputError, match=r"no runs of this size; found 8000000000.*1.4e\+10"):
        scaling.forecast(runs, {"params": [8e9], "flops": [5e22]}, **how)


def test_a_quantity_of_its_own_is_not_forecast_as_a_score() -> None:
    """It rises with the inputs below 1, as an accuracy does, but its law is not of 1 - y."""
    law = laws.get("weight_decay")
    n, d = (one.ravel() for one in np.meshgrid(np.geomspace(1e7, 3e8, 4), [1e9, 3e9, 9e9]))
    noise = np.exp(0.02 * np.random.default_rng(0).standard_normal(12))
    tau = law(law.published[0].values, {"params": n, "tokens": d}) * noise
    runs = pl.DataFrame({"params": n, "tokens": d, "timescale": tau})
    at = {"params": [1e9], "tokens": [2.7e10]}
    made = scaling.forecast(
        runs, at, laws=["weight_decay"], target="timescale", quantiles=(0.05, 0.5, 0.95)
    )
    low, middle, high = made["value"].to_list()
    assert low < 1.084 * 27**-0.527 < high
    assert middle == pytest.approx(1.084 * 27**-0.527, rel=0.05)


def test_accuracies_stay_within_their_span() -> None:
    k = np.array([1, 2, 4, 8, 16, 32, 64, 128])
    noise = 0.01 * np.random.default_rng(1).standard_normal(8)
    share = np.clip(np.exp(-0.3 * k**-0.9) + noise, 0, 1)
    made = scaling.forecast(
        pl.DataFrame({"attempts": k, "accuracy": share}), {"attempts": [1024]},
        laws=["coverage"], target="accuracy",
    )  # fmt: skip
    assert made["value"].max() <= 1.0
