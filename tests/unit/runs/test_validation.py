"""Validation: every row goes one of two ways, and a bad one says what was found and allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from scaling.pipeline import validate as stage
from scaling.runs.schema import RUN, dtypes
from scaling.runs.validation import partition

GOOD: Mapping[str, Any] = {
    "source": "team",
    "run": "r",
    "observed": date(2024, 1, 1),
    "params": 1e9,
    "tokens": 2e10,
    "flops": 1.2e20,
    "flops_method": "6ND",
    "metric": "loss@c4-val",
    "metric_kind": "loss",
    "unit": "nats/token",
    "value": 2.5,
}
_PLACE = {"file": pl.String, "row": pl.Int64, "unparsed": pl.String}


def _table(*changes: Mapping[str, Any]) -> pl.DataFrame:
    """An ingested table of good rows with these changes; runs are numbered."""
    rows = [
        {"file": "team.csv", "row": i, "unparsed": None, **GOOD, "run": f"r{i}", **change}
        for i, change in enumerate(changes, start=1)
    ]
    return pl.DataFrame(rows, schema=dtypes(RUN) | _PLACE)


def test_good_rows_go_on_unchanged() -> None:
    table = _table({}, {"flags": "published_outlier", "value_se": 0.0})
    result = partition.validate(table, "team")
    assert_frame_equal(result.valid, table.select(c.name for c in RUN))
    assert result.quarantine.is_empty()
    assert result.quarantine.columns == [*table.columns, "reasons"]
    assert all(failed == 0 for _, failed in result.failed)


BAD: list[tuple[Mapping[str, Any], str]] = [
    ({"value": None}, "value: found nothing; allowed: any finite number"),
    ({"value": float("nan")}, "value: found NaN; allowed: any finite number"),
    ({"value": float("inf")}, "value: found inf; allowed: any finite number"),
    ({"run": None}, "run: found nothing; allowed: a text"),
    ({"observed": None}, "observed: found nothing; allowed: a date as YYYY-MM-DD"),
    ({"params": -7e9}, "params: found -7000000000.0; allowed: > 0 and <= 1e+16"),
    ({"tokens": 0.0}, "tokens: found 0.0; allowed: > 0 and <= 1e+17"),
    ({"tokens": float("inf")}, "tokens: found inf; allowed: > 0 and <= 1e+17"),
    ({"value_se": -0.1}, "value_se: found -0.1; allowed: >= 0"),
    ({"checkpoint": "last"}, "checkpoint: found 'last'; allowed: final | intermediate"),
    ({"metric_kind": "Loss"}, "metric_kind: found 'Loss'; allowed: loss | bits_per_byte"),
    ({"source": "other"}, "source: found other; allowed: the name of the source"),
    ({"value": 0.0}, "value: found 0.0; allowed: > 0 where the unit is nats"),
    ({"metric_kind": "accuracy", "unit": "fraction", "value": 71.2}, "value: found 71.2; allowed"),
    ({"run": "r1"}, "run: found every cell as in row 1 of team.csv; allowed: a row once"),
    (
        {"params": None, "unparsed": '{"params": "7B"}'},
        "params: found '7B'; allowed: > 0 and <= 1e+16",
    ),
    (
        {"observed": None, "unparsed": '{"observed": "01/02/2024"}'},
        "observed: found '01/02/2024'; allowed: a date as YYYY-MM-DD",
    ),
]


def test_bad_rows_are_quarantined_as_they_came_with_the_reason() -> None:
    table = _table({}, *(change for change, _ in BAD))
    result = partition.validate(table, "team")
    assert result.valid["run"].to_list() == ["r1"]
    assert_frame_equal(result.quarantine.drop("reasons"), table.slice(1))
    for reasons, (_, expected) in zip(result.quarantine["reasons"], BAD, strict=True):
        assert reasons.startswith(expected)
        assert partition.REASONS_APART not in reasons


def test_every_reason_of_a_row_is_given() -> None:
    table = _table({"value": None, "params": -1.0, "checkpoint": "x"})
    reasons = partition.validate(table, "team").quarantine["reasons"][0]
    assert [part.split(":")[0] for part in reasons.split(partition.REASONS_APART)] == [
        "params",
        "value",
        "checkpoint",
    ]


@pytest.mark.parametrize("column", [c for c in RUN if c.required], ids=lambda c: c.name)
def test_schema_makes_a_check_of_every_required_column(column: Any) -> None:
    keys = {check.key for check in partition.suite_checks()}
    assert f"required:{column.name}" in keys


def test_schema_makes_a_check_of_every_range_and_word_list() -> None:
    keys = {check.key for check in partition.suite_checks()}
    assert len(keys) == len(partition.suite_checks())
    for column in RUN:
        assert (f"range:{column.name}" in keys) == (column.dtype == pl.Float64)
        assert (f"allowed:{column.name}" in keys) == bool(column.allowed)
        assert (f"type:{column.name}" in keys) == (column.dtype != pl.String)


WARNINGS: list[tuple[Mapping[str, Any], str]] = [
    ({"flops": 1.2e21}, "flops_not_6nd"),
    ({"flops": 1.2e21, "params": None, "params_active": 1e9}, "flops_not_6nd"),
    ({"epochs": 3.0, "tokens_unique": 1e10}, "epochs_not_tokens_over_unique"),
    ({"tokens_unique": 3e10}, "tokens_lt_unique"),
    ({"params_active": 2e9}, "part_gt_total"),
    ({"params": 7.0, "flops": None}, "unusual_scale"),
]


def test_odd_rows_go_on_with_a_flag() -> None:
    result = partition.validate(_table(*(change for change, _ in WARNINGS)), "team")
    assert result.quarantine.is_empty()
    assert result.valid["flags"].to_list() == [flag for _, flag in WARNINGS]


def test_flags_are_added_to_those_that_are_there_and_said_once() -> None:
    table = _table({"tokens_unique": 3e10, "flags": "spike;tokens_lt_unique"})
    assert partition.validate(table, "team").valid["flags"][0] == "spike;tokens_lt_unique"
    table = _table({"tokens_unique": 3e10, "flags": "spike"})
    assert partition.validate(table, "team").valid["flags"][0] == "spike;tokens_lt_unique"


def test_two_values_of_one_measurement_are_both_flagged() -> None:
    table = _table({"run": "a"}, {"run": "a", "value": 2.6}, {"run": "a", "seed": "2"})
    flags = partition.validate(table, "team").valid["flags"].to_list()
    assert flags == ["conflicting_values", "conflicting_values", None]


def test_results_at_two_points_of_a_curve_do_not_conflict() -> None:
    changes = [{"run": "a", "shots": 0.0}, {"run": "a", "shots": 5.0, "value": 2.6}]
    changes += [{"run": "b", "axis": 1.0}, {"run": "b", "axis": 2.0, "value": 2.6}]
    changes += [{"run": "c", "examples": 0.0}, {"run": "c", "examples": 9.0, "value": 2.6}]
    assert partition.validate(_table(*changes), "team").valid["flags"].null_count() == 6


def test_tables_that_are_checked_together_part_as_they_do_alone() -> None:
    bad = _table({"value": None}, {}, {"source": "other"}, {"tokens_unique": 3e10})
    tables = {"team": bad, "empty": bad.clear(), "other": bad, "good": _table({"source": "good"})}
    together = partition.validate_all(tables)
    assert list(together) == list(tables)
    for name, table in tables.items():
        alone = partition.validate(table, name)
        assert_frame_equal(together[name].valid, alone.valid)
        assert_frame_equal(together[name].quarantine, alone.quarantine)
        assert together[name].failed == alone.failed
    assert partition.validate_all({}) == {}


def test_nan_in_an_optional_column_is_an_empty_cell() -> None:
    result = partition.validate(_table({"lr": float("nan"), "params": float("nan")}), "team")
    assert result.valid.select("lr", "params", "flags").row(0) == (None, None, None)


def test_empty_table_passes() -> None:
    result = partition.validate(_table(), "team")
    assert result.valid.is_empty() and result.quarantine.is_empty()


_NUMBER = st.one_of(st.none(), st.floats(), st.sampled_from([1.0, 2.5, 1e9]))
_WORD = st.one_of(st.none(), st.sampled_from(["loss", "final", "fraction", "x"]))
_CHANGE = st.fixed_dictionaries(
    {},
    optional={
        **{c.name: _NUMBER for c in RUN if c.dtype == pl.Float64},
        **{c.name: _WORD for c in RUN if c.dtype == pl.String and c.name != "source"},
        "unparsed": st.sampled_from([None, '{"lr": "high"}']),
    },
)


@given(changes=st.lists(_CHANGE, min_size=1, max_size=30))
@settings(max_examples=5)
def test_rows_in_are_rows_out(changes: list[Mapping[str, Any]]) -> None:
    table = _table(*changes)
    result = partition.validate(table, "team")
    assert result.valid.height + result.quarantine.height == table.height
    rows = list(result.quarantine["row"])
    assert_frame_equal(result.quarantine.drop("reasons"), table.filter(pl.col("row").is_in(rows)))
    assert result.valid["value"].is_finite().all()
    assert result.quarantine["reasons"].str.contains("found").all()


def test_a_check_that_does_not_run_is_no_pass() -> None:
    checked = pl.DataFrame({"params": [1.0]})
    missing = partition.Check("range", "params", "error", "", "params", "ToBeNull")
    with pytest.raises(RuntimeError, match="did not run"):
        partition._run(checked, [missing])


def test_stage_writes_tables_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    stage.RUNS.mkdir(parents=True)
    for name in ("team", "gone"):
        table = _table({"source": name}, {"source": name, "value": None})
        table.write_parquet(stage.RUNS / f"{name}.parquet")
    stage.main()
    (stage.RUNS / "gone.parquet").unlink()
    stage.main()
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines()[-1] == "team: 2 rows, 1 valid, 1 quarantined"
    findings = pl.read_parquet(stage.FINDINGS)
    assert findings.select("source", "row", "check", "outcome").rows() == [
        ("team", 2, "required:value", "quarantined")
    ]
    pages = sorted(path.relative_to(stage.DOCS).as_posix() for path in stage.DOCS.rglob("*.html"))
    assert pages == ["expectations.html", "index.html", "validations/team.html"]
    page = (stage.DOCS / "validations/team.html").read_text()
    assert "row 2 of team.csv: nothing" in page
    assert "src=" not in page and "<script" not in page
    for folder in (stage.VALIDATED, stage.QUARANTINE):
        assert [path.name for path in folder.iterdir()] == ["team.parquet"]
    first = stage.REPORT.read_bytes()
    report = json.loads(first)["team"]
    assert (report["rows"], report["valid"], report["quarantined"]) == (2, 1, 1)
    failed = [e for e in report["expectations"] if e["failed"]]
    assert failed == [{"name": "required", "column": "value", "severity": "error", "failed": 1}]
    assert len(report["expectations"]) == len(partition.suite_checks())
    files = {path: path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}
    stage.main()
    assert stage.REPORT.read_bytes() == first
    assert files == {path: path.read_bytes() for path in Path("data").rglob("*") if path.is_file()}


def test_stage_without_tables_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        stage.main()
    assert stop.value.code == 2
    assert "Run the ingest stage first" in capsys.readouterr().err
