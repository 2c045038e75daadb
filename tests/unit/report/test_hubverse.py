"""The quantile tables of a version, against the rules that hub tools check."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.io.hashing import sha256
from scaling.pipeline import report
from scaling.record.audit import hub
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.store import issue
from scaling.report.sections.hubverse import files, model_id
from tests.support.report_project import project

COLUMNS = ["location", "target", "output_type", "output_type_id", "value"]
TASK = {"task_ids", "output_type", "target_metadata"}
METADATA = {
    *("target_id", "target_name", "target_units", "target_keys", "target_type", "is_step_ahead"),
}


def assert_is_a_hub(folder: Path) -> None:
    """Rules of docs.hubverse.io (model output) and of the schemas v5.0.0 (tasks, admin)."""
    config = json.loads((folder / "hub-config/tasks.json").read_text())
    assert set(config) == {"schema_version", "rounds", "output_type_id_datatype"}
    assert config["schema_version"].endswith("/v5.0.0/tasks-schema.json")
    rounds = {one["round_id"]: one for one in config["rounds"]}
    assert len(rounds) == len(config["rounds"])
    for one in rounds.values():
        _assert_round(one)
    admin = json.loads((folder / "hub-config/admin.json").read_text())
    assert admin["file_format"] == ["csv"] and admin["model_output_dir"] == "model-output"
    paths = sorted((folder / "model-output").rglob("*"))
    found = [path for path in paths if path.is_file()]
    assert found
    for path in found:
        _assert_file(path, rounds)


def _assert_round(one: dict[str, Any]) -> None:
    assert one["round_id_from_variable"] is False
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", one["round_id"])
    assert set(one["submissions_due"]) == {"start", "end"}
    for task in one["model_tasks"]:
        assert set(task) == TASK
        for values in task["task_ids"].values():
            assert set(values) == {"required", "optional"} and values["required"] is None
            assert len(set(values["optional"])) == len(values["optional"]) > 0
        for kind, spec in task["output_type"].items():
            assert set(spec) == {"output_type_id", "value", "is_required"}
            assert set(spec["output_type_id"]) == {"required"}
            assert spec["value"] == {"type": "double"} and kind in ("quantile", "median")
        levels = task["output_type"]["quantile"]["output_type_id"]["required"]
        assert levels == sorted(set(levels)) and 0 <= levels[0] <= levels[-1] <= 1
        assert task["output_type"]["median"]["output_type_id"]["required"] is None
        told = task["target_metadata"]
        assert all(set(entry) == METADATA and len(entry["target_id"]) <= 30 for entry in told)
        assert [entry["target_keys"] for entry in told] == [
            {"target": name} for name in task["task_ids"]["target"]["optional"]
        ]


def _assert_file(path: Path, rounds: dict[str, Any]) -> None:
    model = path.parent.name
    assert re.fullmatch(r"[A-Za-z0-9_]+-[A-Za-z0-9_]+", model)
    assert path.name.endswith(f"-{model}.csv")
    tasks = rounds[path.name.removesuffix(f"-{model}.csv")]["model_tasks"]
    with path.open() as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    assert reader.fieldnames == COLUMNS and rows
    assert len({tuple(row[name] for name in COLUMNS[:-1]) for row in rows}) == len(rows)
    by_task: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        by_task.setdefault((row["location"], row["target"]), []).append(row)
    for (location, target), told in by_task.items():
        [task] = [one for one in tasks if location in one["task_ids"]["location"]["optional"]]
        assert target in task["task_ids"]["target"]["optional"]
        _assert_forecast(told, task)


def _assert_forecast(rows: Iterable[dict[str, str]], task: dict[str, Any]) -> None:
    rows = list(rows)
    kinds = {row["output_type"] for row in rows}
    if kinds == {"median"}:
        assert [row["output_type_id"] for row in rows] == ["NA"]
        return
    assert kinds == {"quantile"}
    levels = [float(row["output_type_id"]) for row in rows]
    assert sorted(levels) == task["output_type"]["quantile"]["output_type_id"]["required"]
    pairs = sorted((float(row["output_type_id"]), float(row["value"])) for row in rows)
    values = [value for _, value in pairs]
    assert values == sorted(values)


@pytest.fixture
def versions(tmp_path: Path) -> list[Path]:
    """Two versions of a small project, issued with their own tables, and one without."""
    made = []
    for number, day in enumerate((date(2026, 1, 5), date(2026, 2, 5), None)):
        root = project(tmp_path / f"p{number}")
        if day is not None:
            for file in (root / "data/validated").glob("*.parquet"):
                pl.read_parquet(file).with_columns(recorded=day).write_parquet(file)
        _carried(root)
        assert report.main(root) == 0
        current = root / "reports/current"
        named = {p.relative_to(current).as_posix(): p for p in current.rglob("*") if p.is_file()}
        named["baselines.csv"] = root / "data/forecasts/baselines.csv"
        named |= {f"fits/{p.name}": p for p in (root / "data/fits").glob("*.json")}
        outputs = {name: sha256(path.read_bytes()) for name, path in sorted(named.items())}
        version = Current({"outputs": outputs}, dict(sorted(named.items())))
        made.append(issue(root, root / "reports", lambda version=version: version).folder)  # type: ignore[misc]
    return made


def _carried(root: Path) -> None:
    """A naive method, which gives a point."""
    table = pl.read_csv(root / "data/forecasts/forecast.csv")
    one = table.filter((pl.col("quantile") == 0.5) & (pl.col("law") == "ensemble"))
    one.with_columns(law=pl.lit("carry last")).write_csv(root / "data/forecasts/baselines.csv")


def test_versions_hold_what_hub_tools_read(versions: list[Path], tmp_path: Path) -> None:
    first, second, _ = versions
    hub.export([first, second], tmp_path / "hub")
    assert_is_a_hub(tmp_path / "hub")
    for version in (first, second):
        own = [path for path in (version / "model-output").rglob("*") if path.is_file()]
        assert len(own) >= 3
        for path in own:
            exported = tmp_path / "hub" / path.relative_to(version)
            assert exported.read_bytes() == path.read_bytes()
    issued = pl.read_csv(first / "forecast.csv").filter(pl.col("law") == "ensemble")
    path = first / "model-output/scaling-ensemble/2026-01-05-scaling-ensemble.csv"
    assert pl.read_csv(path)["value"].to_list() == pytest.approx(issued["value"].to_list(), 1e-9)
    carried = first / "model-output/scaling-carry_last/2026-01-05-scaling-carry_last.csv"
    assert set(pl.read_csv(carried)["output_type"]) == {"median"}


def test_a_version_without_days_or_tables_is_exported_by_its_issue(
    versions: list[Path], tmp_path: Path
) -> None:
    assert not (versions[2] / "model-output").exists()
    hub.export(versions[2:], tmp_path / "hub")
    assert_is_a_hub(tmp_path / "hub")


def test_two_versions_of_one_day_are_refused(versions: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two versions of one day"):
        hub.export([versions[0], versions[0]], tmp_path / "hub")


def test_names_of_methods_are_those_that_hubs_allow() -> None:
    assert model_id("tail's power law (2)") == "scaling-tail_s_power_law_2_"
    table = pl.DataFrame(
        {"study": "a", "target": "b", "law": "x y", "quantile": [0.1, 0.5], "value": [1.0, 2.0]}
    )
    assert list(files(table, date(2026, 1, 1))) == [
        "model-output/scaling-x_y/2026-01-01-scaling-x_y.csv"
    ]
