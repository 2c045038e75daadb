"""Sparse weights and routed experts: published figures, optima, and their way into forecasts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling import laws
from scaling.cli.display.fits import verdict_facts
from scaling.errors import InputError
from scaling.fitting.applicability import applicable, verdict
from scaling.fitting.engine import fit
from scaling.fitting.law_contract import noisy, sample_inputs, typical
from scaling.forecasting.law_choice import by_default
from scaling.laws._questions import decisions, order
from scaling.laws._surface import surface
from scaling.laws.sparse_connected import optimal_sparsity
from tools.reference import law_page

SPARSE = laws.get("sparse_connected")
T5, VIT = SPARSE.published
JOINT = laws.get("joint_moe")
ALL = list(laws.package().values())
ABNAR = laws.get("sparse_experts")


@pytest.mark.parametrize(("params", "flops"), [(1e8, 1e20), (1e8, 1e21), (1e9, 1e23)])
def test_optimal_sparsity_is_where_the_law_is_least(params: float, flops: float) -> None:
    sparsity = np.linspace(0.0, 0.9999, 200_001)
    x = {"params_nonzero": np.full_like(sparsity, params), "sparsity": sparsity}
    loss = SPARSE(T5.values, x | {"tokens": flops * (1.0 - sparsity) / (6.0 * params)})
    best = float(sparsity[np.argmin(loss)])
    assert float(optimal_sparsity(T5.values, params, flops)) == pytest.approx(best, abs=1e-5)


def test_little_compute_wants_no_sparsity() -> None:
    assert optimal_sparsity(T5.values, 1e9, 1e19) == 0.0


def test_75_percent_sparse_t5_equals_a_dense_model_of_about_twice_the_size() -> None:
    """At infinite data, as the paper compares: 2.16 for T5."""
    p = T5.values
    gain = (p["a_S"] * 0.25 ** p["b_S"] + p["c_S"]) / (p["a_S"] + p["c_S"])
    assert gain ** (-1.0 / p["b_N"]) == pytest.approx(2.16, abs=0.01)


def test_sparsity_in_percent_is_refused_by_row() -> None:
    table = {"params_nonzero": [1e8] * 3, "tokens": [1e9] * 3, "sparsity": [0.0, 50.0, 75.0]}
    with pytest.raises(InputError, match=r"row 2.*sparsity.*50"):
        fit(pl.DataFrame(table | {"loss": [3.0] * 3}), "sparse_connected")


def test_non_zero_params_in_millions_are_refused_without_a_unit(tmp_path: Path) -> None:
    table = {"params_nonzero": [1.3, 2.6, 5.2], "tokens": ["16B"] * 3, "sparsity": [0.0, 0.5, 0.75]}
    path = tmp_path / "runs.csv"
    pl.DataFrame(table | {"loss": [3.1, 2.8, 2.7]}).write_csv(path)
    with pytest.raises(InputError, match=r"params_nonzero.*too small.*1\.3"):
        scaling.fit(path, law="sparse_connected")


def test_a_forecast_takes_dense_runs_among_sparse_ones() -> None:
    rng = np.random.default_rng(0)
    x = {
        "params_nonzero": np.exp(rng.uniform(np.log(1e6), np.log(1e9), 60)),
        "tokens": np.exp(rng.uniform(np.log(1e9), np.log(1e11), 60)),
        "sparsity": rng.choice([0.0, 0.5, 0.75, 0.875], 60),
    }
    loss = SPARSE(T5.values, x) * np.exp(0.002 * rng.standard_normal(60))
    at = pl.DataFrame({"params_nonzero": [4e9], "tokens": [4e11], "sparsity": [0.75]})
    runs = pl.DataFrame({**x, "loss": loss})
    made = scaling.forecast(runs, at, laws=["sparse_connected"], quantiles=(0.05, 0.5, 0.95))
    low, middle, high = made["value"].to_list()
    truth = float(SPARSE(T5.values, at.to_dict(as_series=False))[0])
    assert low < truth < high and middle == pytest.approx(truth, rel=0.02)


def test_one_expert_is_the_papers_dense_law() -> None:
    """Table 4: m 30.364, mu -.1817, n 53.984, nu -.1965; table 3 gives these to rounding."""
    p = {name: np.array([value]) for name, value in JOINT.published[0].values.items()}
    assert JOINT.surface is not None
    c, log_a, log_b, alpha, beta, _ = (np.ravel(one) for one in JOINT.surface(p, {"experts": 1.0}))
    assert np.exp(log_a[0]) == pytest.approx(30.364, abs=0.05)
    assert np.exp(log_b[0]) == pytest.approx(53.984, abs=0.2)
    assert alpha[0] == pytest.approx(0.1817, abs=2e-4)
    assert beta[0] == pytest.approx(0.1965, abs=2e-4) and c[0] == 1.3637


def test_more_experts_want_more_tokens_per_active_param() -> None:
    theta = np.array([[JOINT.published[0].values[name] for name in JOINT.names]])
    log_c = float(np.log(1e21))
    ratio = []
    for experts in (1.0, 8.0, 32.0):
        made = surface(JOINT, theta, {"experts": experts})
        log_n = made.log_params(log_c)
        ratio.append(float(np.exp(log_c - np.log(6.0) - 2.0 * log_n)[0]))
        x = {"params_active": np.exp(log_n), "experts": [experts]}
        x |= {"tokens": np.exp(log_c - np.log(6.0) - log_n)}
        assert JOINT(theta, x)[0, 0] == pytest.approx(
            float(made.loss(log_n, np.log(x["tokens"]))[0])
        )
    assert ratio == sorted(ratio) and ratio[2] > 2.0 * ratio[0]


def test_larger_models_want_to_be_sparser() -> None:
    """The claim of Abnar et al.: at one number of tokens the best share in use falls with size."""
    active = np.arange(1.0, 65.0)
    best = []
    for size in (1e9, 1e11, 1e13):
        x = {"params": np.full(64, size), "tokens": np.full(64, 1e12), "experts": np.full(64, 64.0)}
        best.append(
            int(np.argmin(ABNAR(ABNAR.published[0].values, x | {"experts_active": active})))
        )
    assert best == sorted(best, reverse=True) and best[0] > best[-1]


def test_laws_of_simulated_runs_are_no_default() -> None:
    names = by_default(("params", "tokens", "experts", "experts_active"))
    assert "sparse_connected" in names and "chinchilla" in names
    assert not [name for name in names if laws.get(name).simulated]


def test_a_law_without_a_public_table_says_so_on_its_page_and_to_a_table() -> None:
    part = law_page().split("## sparse_experts")[1].split("\n## ")[0]
    assert "- Tested on: simulated runs only" in part
    x = {one.name: np.geomspace(8.0, 64.0, 20) for one in ABNAR.all_inputs}
    runs = pl.DataFrame({**x, "loss": np.linspace(3.0, 2.0, 20)})
    found = verdict(runs, ABNAR)
    assert found.word == "with care" and "simulated runs only" in found.reason


def test_laws_for_a_table_stand_in_the_order_of_the_decision_table() -> None:
    rng = np.random.default_rng(0)
    n, d = np.exp(rng.uniform(16, 20, 40)), np.exp(rng.uniform(20, 24, 40))
    runs = pl.DataFrame({"params": n, "tokens": d, "loss": 1.7 + 400 * n**-0.3 + 500 * d**-0.3})
    found = [verdict_facts(one) for one in applicable(runs, "loss")]
    assert found[0]["law"] == "chinchilla"
    assert found[0]["answers"] == "loss of a planned run, best params and tokens"
    table = {law.name: question.ask for question, them in decisions(ALL) for law in them}
    assert {one["law"]: one["answers"] for one in found} == table
    places = [order(laws.get(one["law"])) for one in found if one["applies"] == "yes"]
    assert places == sorted(places) and len(places) > 3


@pytest.mark.parametrize("name", ["kaplan_offset", "critical_batch", "coverage"])
def test_a_forecast_by_a_law_without_a_public_table_says_so(name: str) -> None:
    law = laws.get(name)
    x = sample_inputs(law, rows=40)
    y = noisy(law, law(typical(law, count=1), x)[0], np.random.default_rng(0))
    runs = pl.DataFrame({**x, law.target: np.clip(y, *law.span)})
    made = scaling.forecast(runs, runs.head(1), laws=[name], inputs=law.inputs, target=law.target)
    assert f"The law {name} was tested on simulated runs only." in made.notes


def test_no_law_of_simulated_runs_has_a_role_by_default() -> None:
    assert [law.name for law in ALL if law.simulated and law.roles] == []


def test_every_law_of_the_package_answers_a_question() -> None:
    assert [law.name for law in ALL if law.question == "other"] == []
