"""Estimators of training compute against published figures, and the ledger's weights."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.compute import estimate
from scaling.errors import InputError
from scaling.govern import ledger
from scaling.govern.runs import Details
from tests.support.govern_tables import LOADED, RUN, cells, prepared

# EU Guidelines, Annex A.3: inputs and the figure that the Commission prints.
ARCHITECTURE = [
    ("A", 3.8e9, 3.3e12, 7.5e22),
    ("C", 0.6e9, 36e12, 1.296e23),
    ("D", 1.54e9, 18e12, 1.6e23),
    ("E", 1.7e9, 36e12, 3.672e23),
    ("F", 2.5e9, 12e12, 1.8e23),
    ("G", 2.6e9, 61e9 * 164, 1.5e23),
]
HARDWARE = [("B", 200_000.0, 300e12, 0.5, 1.08e23), ("H", 370_000.0, 989e12, 0.5, 6.5e23)]


@pytest.mark.parametrize(("example", "params", "tokens", "printed"), ARCHITECTURE)
def test_the_eus_examples_by_architecture(
    example: str, params: float, tokens: float, printed: float
) -> None:
    run = prepared(RUN | {"params": params, "tokens": tokens})
    assert run["best"][0] == pytest.approx(printed, rel=0.05), example
    assert run["best_method"][0] == "6ND"


@pytest.mark.parametrize(("example", "hours", "peak", "use", "printed"), HARDWARE)
def test_the_eus_examples_by_hardware(
    example: str, hours: float, peak: float, use: float, printed: float
) -> None:
    run = prepared(RUN | {"chip_hours": hours, "peak_flops": peak, "utilisation": use})
    assert run["best"][0] == pytest.approx(printed, rel=0.05), example


def test_llama_31_405b() -> None:
    """Model card: 15.6T tokens, 30.84M H100 hours; the paper states 3.8e25 FLOP."""
    run = prepared(RUN | {"params": 405e9, "tokens": 15.6e12})
    assert run["best"][0] == pytest.approx(3.79e25, rel=0.001)
    rounded = run.select(estimate.two_figures(pl.col("best"))).item()
    assert rounded == pytest.approx(3.8e25, rel=1e-12)
    implied = run["best"][0] / (30.84e6 * 3600 * 989e12)
    assert implied == pytest.approx(0.346, abs=0.001)


def test_mixed_fleets_add_up_and_a_gap_leaves_no_number() -> None:
    fleets = pl.DataFrame(
        {
            "run": ["a", "a", "b", "b"],
            "chips": [1000.0, 500.0, 10.0, 10.0],
            "hours": [100.0, 50.0, 1.0, None],
            "peak_flops": [1e15, 3e14, 1e15, 1e15],
            "utilisation": [0.4, 0.3, 0.4, 0.4],
        }
    )
    made = dict(estimate.hardware(fleets).iter_rows())
    assert made["a"] == pytest.approx(3600 * (1e5 * 1e15 * 0.4 + 2.5e4 * 3e14 * 0.3))
    assert made["b"] is None


# Published sizes: GPT-3 175B and 3.14e23 FLOP (Brown et al. 2020, tables 2.1 and D.1), Llama 3.1
# 405B (Llama 3 paper, table 3), Mixtral 46.7B total and 12.9B active (Jiang et al. 2024).
MODELS = pl.DataFrame(
    {
        "layers": [96.0, 126.0, 32.0],
        "width": [12288.0, 16384.0, 4096.0],
        "heads": [96.0, 128.0, 32.0],
        "head_width": [128.0, 128.0, 128.0],
        "kv_heads": [96.0, 8.0, 8.0],
        "ffn": [49152.0, 53248.0, 14336.0],
        "ffn_matrices": [2.0, 3.0, 3.0],
        "experts": [0.0, 0.0, 8.0],
        "experts_active": [0.0, 0.0, 2.0],
        "experts_shared": [0.0, 0.0, 0.0],
        "vocabulary": [50257.0, 128256.0, 32000.0],
        "context": [2048.0, 8192.0, 4096.0],
        "tokens": [300e9, 15.6e12, 1e12],
    }
)


def test_the_exact_count_meets_published_sizes() -> None:
    made = estimate.transformer(MODELS)
    assert made["weights_total"].to_list() == pytest.approx([175e9, 405e9, 46.7e9], rel=0.005)
    assert made["weights"][2] == pytest.approx(12.9e9, rel=0.02)
    assert made["flop"].to_list()[:2] == pytest.approx([3.14e23, 3.8e25], rel=0.05)


def test_context_is_what_6nd_leaves_out() -> None:
    """At n = 12 d tokens of context attention costs as much as the weights (Kaplan et al. 2020)."""
    dense = MODELS[:1].with_columns(vocabulary=pl.lit(0.0), context=pl.lit(12 * 12288.0))
    short = estimate.transformer(dense.with_columns(context=pl.lit(0.0)))["flop"][0]
    assert estimate.transformer(dense)["flop"][0] / short == pytest.approx(2.0, rel=1e-12)


@given(st.floats(1e20, 1e28), st.floats(0.2, 5.0))
def test_two_methods_meet_in_their_geometric_mean(flop: float, factor: float) -> None:
    table = pl.DataFrame({"one": [flop], "other": [flop * factor]})
    mean = table.select(estimate.combined(pl.col("one"), pl.col("other"))).item()
    sigma = table.select(estimate.combined_sigma(pl.col("one"), pl.col("other"), 0.16)).item()
    assert mean == pytest.approx(flop * math.sqrt(factor), rel=1e-9)
    assert sigma >= 0.16 / math.sqrt(2) - 1e-12
    assert sigma >= abs(math.log(factor)) / 2 - 1e-12


def test_fleets_and_architectures_beside_the_runs() -> None:
    exact = MODELS[1:2].with_columns(run=pl.lit("r"))
    counted = prepared(RUN, details=Details(architectures=exact))
    assert counted["best_method"][0] == "counted"
    assert counted["best"][0] == pytest.approx(3.94e25, rel=0.01)
    fleets = pl.DataFrame(
        {
            "run": ["r", "r"],
            "chip_hours": [2e7, 1e7],
            "peak_flops": [989e12, 312e12],
            "utilisation": [0.4, 0.45],
        }
    )
    mixed = prepared(RUN, details=Details(fleets=fleets))
    flop = 3600 * (2e7 * 989e12 * 0.4 + 1e7 * 312e12 * 0.45)
    assert (mixed["best_method"][0], mixed["best"][0]) == ("hardware", pytest.approx(flop))
    both = prepared(RUN, details=Details(fleets=fleets, architectures=exact))
    assert both["best"][0] == pytest.approx(math.sqrt(flop * counted["best"][0]))


def test_epochs_example_of_two_methods() -> None:
    """Epoch AI on Llama 3.1 8B: 7.2e23 by architecture, 2.08e24 by hardware, 1.22e24 together."""
    table = pl.DataFrame({"one": [7.2e23], "other": [2.08e24]})
    both = table.select(estimate.combined(pl.col("one"), pl.col("other"))).item()
    assert both == pytest.approx(1.22e24, rel=0.01)


def test_scores_are_the_last_resort() -> None:
    flop = [10.0**k for k in (20, 21, 21.5, 22, 23, 23.5, 24, 25)]
    score = [1 / (1 + math.exp(-(math.log(f) - 50) / 5)) for f in flop]
    made = estimate.benchmark(pl.DataFrame({"score": score, "flop": flop}))
    found = pl.DataFrame({"score": [score[4]]}).select(made.flop(pl.col("score"))).item()
    assert found == pytest.approx(1e23, rel=1e-6)
    with pytest.raises(InputError, match="too few scores"):
        estimate.benchmark(pl.DataFrame({"score": score[:3], "flop": flop[:3]}))


def test_errors() -> None:
    band = pl.DataFrame({"a": [0.3]}).select(estimate.sigma_of_accuracy(pl.col("a"))).item()
    assert band == pytest.approx(0.158, abs=0.001)
    sigma = LOADED.sigma()
    assert sigma["confident"] == pytest.approx(math.log(3) / 1.645, abs=0.001)
    given_band = prepared(RUN | {"flop": 1e25, "flop_low": 5e24, "flop_high": 2e25})
    assert given_band["sigma"][0] == pytest.approx(math.log(4) / 3.2897, rel=1e-3)


# --------------------------------------------------------------------------- the ledger


def parts(**flop: float) -> pl.DataFrame:
    rows = [{"run": "r", "category": name, "flop": value} for name, value in flop.items()]
    return pl.DataFrame(rows)


def weighed(regime: str, **flop: float) -> tuple[float, float, float]:
    table = ledger.weigh(parts(**flop), LOADED.counts).filter(pl.col("counts") == regime)
    return table["low"][0], table["central"][0], table["high"][0]


@pytest.mark.parametrize(
    ("regime", "flop", "expected"),
    [
        # Annex A.1: 100 generated, 10 used, 100 count.
        (
            "eu_systemic",
            {"pretraining": 900.0, "synthetic_private": 10.0, "synthetic_discarded": 90.0},
            (1000.0, 1000.0, 1000.0),
        ),
        (
            "eu_updates",
            {"pretraining": 900.0, "synthetic_private": 10.0, "synthetic_discarded": 90.0},
            (900.0, 900.0, 900.0),
        ),
        (
            "eu_systemic",
            {"pretraining": 1.0, "teacher": 5.0, "evaluation": 5.0, "recomputation": 5.0},
            (1.0, 1.0, 1.0),
        ),
        ("eu_systemic", {"pretraining": 1.0, "rl_rollouts": 2.0}, (1.0, 3.0, 3.0)),
        (
            "us_operations",
            {"pretraining": 1.0, "finetuning": 1.0, "rl_updates": 1.0, "exploratory": 9.0},
            (3.0, 3.0, 3.0),
        ),
        (
            "us_operations",
            {"pretraining": 1.0, "rl_rollouts": 2.0, "synthetic_private": 4.0},
            (1.0, 1.0, 7.0),
        ),
        ("korea", {"pretraining": 1.0, "teacher": 2.0, "evaluation": 4.0}, (1.0, 1.0, 3.0)),
        ("all", {"pretraining": 1.0, "exploratory": 2.0, "rolled_back": 4.0}, (7.0, 7.0, 7.0)),
    ],
)
def test_what_counts(
    regime: str, flop: dict[str, float], expected: tuple[float, float, float]
) -> None:
    assert weighed(regime, **flop) == expected


def test_every_regime_weighs_every_category_and_low_is_low() -> None:
    counts = LOADED.counts
    per_regime = counts.group_by("counts").agg(pl.col("category").sort())
    assert per_regime["category"].n_unique() == 1
    assert counts.filter(
        (pl.col("low") > pl.col("central")) | (pl.col("central") > pl.col("high"))
    ).is_empty()


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(InputError, match="unknown category"):
        ledger.weigh(parts(pre_training=1.0), LOADED.counts)


def test_a_ledger_decides_what_a_run_counts_as() -> None:
    run = prepared(
        RUN | {"flop": 1e25, "accuracy": 0.0},
        details=Details(ledger=parts(pretraining=8e24, rl_rollouts=1.5e24, evaluation=5e23)),
    )
    assert run["eu_systemic_central"][0] == pytest.approx(9.5e24)
    assert run["eu_systemic_low"][0] == pytest.approx(8e24)
    assert run["us_operations_central"][0] == pytest.approx(8e24)
    assert run["all_central"][0] == pytest.approx(1e25)


def test_compute_adds_up_over_a_models_life() -> None:
    rows = [
        RUN
        | {
            "run": "base",
            "model": "m",
            "flop": 8e24,
            "started": "2025-01-01",
            "ended": "2025-03-01",
        },
        RUN | {"run": "tune", "model": "m", "flop": 3e24},
        RUN | {"run": "other", "model": "n", "flop": 1e24},
        RUN | {"run": "loose", "flop": 2e24},
    ]
    made = dict(prepared(*rows).select("run", "eu_systemic_central").iter_rows())
    assert made == pytest.approx({"base": 8e24, "tune": 1.1e25, "other": 1e24, "loose": 2e24})


def test_the_newest_estimate_up_to_the_day_is_used() -> None:
    from datetime import date

    rows = [
        RUN | {"flop": 8e24, "estimated_on": date(2026, 1, 1), "state": "planned"},
        RUN | {"flop": 1.2e25, "estimated_on": date(2026, 5, 1), "state": "running"},
        RUN | {"flop": 1.1e25, "estimated_on": date(2026, 12, 1)},
    ]
    made = prepared(*rows)
    assert (made["best"][0], made["estimates"][0], made["state"][0]) == (1.2e25, 2, "running")
    assert cells(*rows).height == 3
