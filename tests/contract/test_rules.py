"""Named checks: each finds what it is for, and the known defects of the real tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks import validation
from benchmarks.defects import DEFECTS, Defect
from scaling.pipeline.ingest import ingest
from scaling.runs.validation import rules
from scaling.runs.validation.partition import Checked, validate_all
from tests.support import shared
from tests.unit.runs.test_validation import _table

RULES = {rule.name: rule for rule in rules.load()}
DAY = date(2024, 1, 1)
Rows = list[Mapping[str, Any]]


def _findings(name: str, rows: Rows) -> list[str | None]:
    table = _table(*rows).with_columns(folder=pl.lit("team"))
    if RULES[name].reach == "library":
        table = table.with_columns(folder=pl.col("source"))
    find = RULES[name].find
    found = table.select(find).to_series() if isinstance(find, pl.Expr) else find(table)
    return found.to_list()


def _curve(values: list[float], **cells: Any) -> Rows:
    steps = range(1, len(values) + 1)
    curve = {"run": "c", "checkpoint": "intermediate", "flops": None} | cells
    return [
        {"step": float(s), "tokens": s * 1e9, "value": v, **curve}
        for s, v in zip(steps, values, strict=True)
    ]


SMOOTH = [3.0 - 0.01 * i for i in range(12)]
SIZES: Rows = [
    {"params": 10.0**k, "tokens": 20 * 10.0**k, "value": 5.0 - 0.3 * k, "flops": None}
    for k in (6, 7, 8, 9, 10)
]
TUNED = {"lr": 1e-3, "seed": "1"}
LOSS = 2.345678
# One row or more that break the check (all rows given must), and some that keep it.
EXAMPLES: dict[str, tuple[Rows, Rows]] = {
    "own_source": ([{"source": "other"}], [{}]),
    "share": (
        [{"metric_kind": "accuracy", "unit": "fraction", "value": 71.0}],
        [{"metric_kind": "accuracy", "unit": "percent", "value": 71.0}],
    ),
    "positive_loss": ([{"value": 0.0}], [{"value": 0.1}]),
    "observed_in_future": (
        [{"observed": date(2024, 1, 3), "recorded": DAY}],
        [
            {"observed": date(2024, 1, 2), "recorded": DAY},
            {"observed": date(2023, 1, 1), "recorded": DAY},
            {"observed": date(2062, 1, 3), "recorded": None},
        ],
    ),
    "loss_above_uniform": (
        [
            {"value": 10.9, "tokenizer": "GPT2"},
            {"value": 14.0},
            {"value": 7.0, "tokenizer": "ours@1000"},
            {"value": 8.1, "unit": "bits/byte"},
            {"value": 60000.0, "metric_kind": "perplexity", "tokenizer": "gpt2"},
        ],
        [{"value": 10.8, "tokenizer": "gpt2"}, {"value": 14.0, "step": 0.0}],
    ),
    "mixed_metric_identity": ([{"unit": "bits/token"}], [{}, {}, {"dataset": "c4"}]),
    "mixed_precision": (
        [{"metric_kind": "accuracy", "value": 0.57}],
        [{"metric_kind": "accuracy", "value": 0.5 + i / 700.3} for i in range(20)],
    ),
    "copy": ([{"run": "a"}], [{"run": "a"}, {}]),
    "repeated_point": ([{"run": "a", "flags": "seen"}], [{"run": "a"}, {}]),
    "conflicting_values": ([{"run": "a", "value": 2.0}, {"run": "a", "value": 3.0}], [{}]),
    "restated_value": (
        [{"run": "a", "value": 2.0, "observed": date(2025, 1, 1)}],
        [{"run": "a", "value": 2.1}, {}],
    ),
    "duplicate_configuration": ([TUNED, TUNED | {"value": 2.6}], [TUNED | {"seed": "2"}, {}]),
    "near_duplicate": ([{"tokens": 1.9e10}, {"tokens": 1.9001e10}], [{"tokens": 5e9}]),
    "copied_value": ([{"value": LOSS}, {"value": LOSS}], [{"value": v} for v in (2.4, 2.5, 2.5)]),
    "copied_results": (
        [{"run": r, "value": LOSS + i, "metric": f"m{i}"} for r in ("a", "b") for i in range(3)],
        [{"run": "c", "value": LOSS, "metric": "m9"}],
    ),
    "flops_not_6nd": ([{"flops": 1.2e21}], [{"flops": 1.25e20}]),
    "flops_far_from_6nd": (
        [{"flops": 1.2e21, "flops_method": "stated"}],
        [{"flops": 3e20, "flops_method": "counted"}],
    ),
    "tokens_not_steps_x_batch": (
        [{"step": 1e3, "batch_tokens": 2e6}, {"step": 1e3, "batch_size": 1e3, "context": 2e3}],
        [{"step": 1e4, "batch_tokens": 2e6}, {"step": 1e4, "batch_size": 1e3, "context": 2e3}],
    ),
    "epochs_not_tokens_over_unique": (
        [{"epochs": 3.0, "tokens_unique": 1e10}],
        [{"epochs": 2.0, "tokens_unique": 1e10}],
    ),
    "tokens_lt_unique": ([{"tokens_unique": 3e10}], [{"tokens_unique": 2e10}]),
    "part_gt_total": (
        [{"params_active": 2e9}, {"params_non_embedding": 2e9}],
        [{"params_active": 1e9}],
    ),
    "active_experts_gt_experts": (
        [{"experts": 2.0, "experts_active": 4.0}],
        [{"experts": 8.0, "experts_active": 2.0}],
    ),
    "unusual_scale": ([{"params": 7.0}, {"tokens": 1e15}], [{}]),
    "few_tokens_per_parameter": (
        [{"tokens": 1e8}],
        [{"tokens": 1e8, "checkpoint": "intermediate"}, {}],
    ),
    "steps_not_monotone": (
        [{"run": "c", "checkpoint": "intermediate", "step": 2.0}],
        _curve(SMOOTH),
    ),
    "tokens_fall_with_steps": (
        [{"run": "c", "checkpoint": "intermediate", "step": 13.0, "tokens": 1e9}],
        _curve(SMOOTH),
    ),
    "loss_spike": (
        [{"run": "c", "checkpoint": "intermediate", "step": 6.5, "value": 3.2}],
        _curve(SMOOTH),
    ),
    "diverged": (
        [{"run": "c", "checkpoint": "intermediate", "step": 13.0, "value": 9.0}],
        _curve(SMOOTH),
    ),
    "unit_slip": (
        [{"params": 2e9, "tokens": 6e14}],
        [{"params": k * 1e9, "tokens": k * 1e11} for k in (1, 2, 5, 7, 13)],
    ),
    "params_not_as_named": (
        [{"run": "team/model-70b-chat"}, {"run": "moe-8x7B"}],
        [{"run": "model-1b"}, {"run": "model_1.3B"}, {"run": "a-7b-of-70b"}],
    ),
    "tokens_per_step_unlike": (
        [{"tokens": 1e9, "step": 1e4}],
        [{"tokens": k * 2e9, "step": k * 1e3} for k in range(1, 12)],
    ),
    "seed_unstated": ([{}] * 8, [{"seed": "1"}] * 4),
    "tokens_unstated": ([{"tokens": None}], [{}] * 12),
    "params_unstated": ([{"params": None}], [{}] * 12),
    "drift": (
        [{"tokens": 1e10, "value": 4.0, "observed": date(2024, 6, 1)}],
        [
            {"params": 1e9 * k, "tokens": 1e10 * k, "value": 2.5 * k**-0.05, "flops": None}
            for k in range(1, 30)
        ],
    ),
    "above_trend": ([{"params": 1e11, "tokens": 2e12, "value": 2.2, "flops": None}], SIZES),
    "also_elsewhere": (
        [{"run": "x", "value": LOSS}, {"run": "y", "value": LOSS, "source": "other"}],
        [{"value": 2.5}, {"value": 2.5, "source": "other"}],
    ),
    "dates_disagree": (
        [
            {"run": "x", "value": LOSS},
            {"run": "x", "value": LOSS, "source": "other", "observed": date(2025, 1, 1)},
        ],
        [{"run": "z", "value": LOSS, "source": "other", "observed": date(2025, 1, 1)}],
    ),
}


def test_every_check_has_an_example_and_says_what_it_means() -> None:
    assert set(EXAMPLES) == set(RULES)
    assert len(RULES) == len(rules.load())
    for rule in RULES.values():
        assert rule.means[0].isupper() and rule.means.endswith(".")
        assert rule.allowed and not rule.allowed.endswith(".")
        assert rule.severity in ("error", "warning")


@pytest.mark.parametrize("name", EXAMPLES)
def test_check_finds_what_it_is_for_and_no_more(name: str) -> None:
    bad, good = EXAMPLES[name]
    found = _findings(name, [*good, *bad])
    assert [text is not None for text in found] == [False] * len(good) + [True] * len(bad)
    assert _findings(name, good) == [None] * len(good)


@pytest.mark.parametrize("name", EXAMPLES)
def test_check_takes_an_empty_table_and_rows_without_cells(name: str) -> None:
    empty = {column: None for column in _table({}).columns if column not in ("file", "row")}
    assert _findings(name, []) == []
    assert len(_findings(name, [empty] * 12)) == 12


def test_values_that_lie_on_a_grid_or_end_alike_are_no_copies() -> None:
    rows: Rows = [{"value": 2.5 + (i % 4) / 1000} for i in range(40)]
    assert _findings("copied_value", rows) == [None] * 40


def test_new_rows_that_earlier_ones_predict_are_no_drift() -> None:
    old = EXAMPLES["drift"][1]
    new = {"params": 4e10, "tokens": 4e11, "value": 2.5 * 40**-0.05, "flops": None}
    assert _findings("drift", [*old, new | {"observed": date(2024, 6, 1)}]) == [None] * 30


@pytest.fixture(scope="module")
def published() -> dict[str, Checked]:
    parts = ingest(Path("data/published"), Path("data/none"))
    return validate_all({name: pl.concat(tables) for name, tables in parts.items()})


@pytest.mark.parametrize(
    "defect",
    [d for d in DEFECTS if d.check and "/" not in d.source],
    ids=lambda d: f"{d.source}-{d.check}",
)
def test_known_defect_is_found(defect: Defect, published: dict[str, Checked]) -> None:
    findings = published[defect.source].findings.filter(pl.col("check") == defect.check)
    assert findings.height == defect.rows
    assert set(defect.runs) <= set(findings["run"])
    assert findings["found"].null_count() == 0


def test_flagged_rows_of_the_library_are_kept(published: dict[str, Checked]) -> None:
    for result in published.values():
        errors = set(result.findings.filter(pl.col("severity") == "error")["check"])
        assert errors <= {"required:value", "copy"}


LOSS_CELLS = {"metric_kind": "loss", "unit": "nats/token", "observed": DAY}
# Columns of tables that may not be shipped, in ours.
UNSHIPPED: dict[str, tuple[dict[str, str], dict[str, object], str | None]] = {
    "steplaw/runs.csv": (
        {"run": "run_id", "family": "family", "params": "params", "tokens": "tokens"}
        | {"value": "loss", "lr": "lr", "batch_size": "batch_size"},
        {"metric": "loss@train", **LOSS_CELLS},
        None,
    ),
    "dmsl-mixtures/runs.csv": (
        {"run": "run_id", "mixture": "mixture_id", "params": "params", "tokens": "tokens"}
        | {"value": "loss"},
        {"metric": "loss@mean", **LOSS_CELLS},
        None,
    ),
    "nsl-benchmark/runs.csv": (
        {"run": "series", "axis": "x", "value": "y", "metric": "task", "split": "split"},
        LOSS_CELLS,
        "subset = 'COLPRET'",
    ),
    "epoch-models/models_snapshots.csv": (
        {"run": "model", "observed": "snapshot_date", "value": "training_compute_flop"},
        {"metric": "flops@training", "metric_kind": "count", "unit": "FLOP"},
        "training_compute_flop > 0",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "defect", [d for d in DEFECTS if d.check and "/" in d.source], ids=lambda d: d.source
)
def test_known_defect_of_a_table_that_is_not_shipped(defect: Defect) -> None:
    table = shared.run_table(defect.source, *UNSHIPPED[defect.source])
    name = table["source"][0]
    findings = validate_all({name: table})[name].findings
    findings = findings.filter(pl.col("check") == defect.check)
    assert findings.height == defect.rows
    assert set(defect.runs) <= set(findings["run"])


def test_a_defect_without_a_check_says_why() -> None:
    assert all(bool(d.check) != bool(d.why) for d in DEFECTS)


def test_page_of_checks_is_current(published: dict[str, Checked]) -> None:
    assert validation.PAGE.read_text(encoding="utf-8") == validation.page(published), (
        "Run: python -m benchmarks.validation"
    )


def test_false_alarms_are_rare(published: dict[str, Checked]) -> None:
    rows = sum(one.valid.height + one.quarantine.height for one in published.values())
    known = {(d.check, d.source) for d in DEFECTS} | set(validation.RIGHT) | set(validation.FALSE)
    found = {
        (check, name)
        for name, result in published.items()
        for check in result.findings["check"].unique()
    }
    assert found <= known
    assert sum(number for number, _ in validation.FALSE.values()) < 0.002 * rows
