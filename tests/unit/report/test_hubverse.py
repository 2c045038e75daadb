"""The quantile tables of a version, against the rules that hub tools check."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.pipeline import report
from scaling.record.audit import hub
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.store import issue
from scaling.record.versions.tables import quantiles
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
        version = Current({"format": 2, "number": number}, dict(sorted(named.items())))
        now = datetime(2026, 3, number + 1, 12, tzinfo=UTC)
        made.append(issue(root, root / "reports", lambda version=version: version, now=now).folder)  # type: ignore[misc]
    return made


def _carried(root: Path) -> None:
    """A naive method, which gives a point."""
    table = pl.read_csv(root / "data/forecasts/forecast.csv")
    one = table.filter((pl.col("quantile") == 0.5) & (pl.col("law") == "ensemble"))
    one.with_columns(law=pl.lit("carry last")).write_csv(root / "data/forecasts/baselines.csv")


TEAM = hub.Team("Forecasts at Example", "forecasts@example.org")


def test_versions_hold_what_hub_tools_read(versions: list[Path], tmp_path: Path) -> None:
    first, second, _ = versions
    made = hub.export([second, first], tmp_path / "hub", TEAM)
    assert_is_a_hub(tmp_path / "hub")
    assert made.notes == ()
    # A version's own tables have the day of its data in their names, and the same content.
    for version, day, issued in ((first, "2026-01-05", "2026-03-01"),
                                 (second, "2026-02-05", "2026-03-02")):  # fmt: skip
        own = [path for path in (version / "model-output").rglob("*") if path.is_file()]
        assert len(own) >= 3
        for path in own:
            name = path.relative_to(version).as_posix().replace(day, issued)
            assert (tmp_path / "hub" / name).read_bytes() == path.read_bytes()
    issued_at = pl.read_csv(first / "forecast.csv").filter(pl.col("law") == "ensemble")
    path = first / "model-output/scaling-ensemble/2026-01-05-scaling-ensemble.csv"
    assert pl.read_csv(path)["value"].to_list() == pytest.approx(issued_at["value"].to_list(), 1e-9)
    carried = first / "model-output/scaling-carry_last/2026-01-05-scaling-carry_last.csv"
    assert set(pl.read_csv(carried)["output_type"]) == {"median"}


def test_a_hub_is_read_by_the_tool_of_hubs(versions: list[Path], tmp_path: Path) -> None:
    """As `hubdata` reads it: every quantile of every version, with its value."""
    hubdata = pytest.importorskip("hubdata", reason="hubdata is not installed")
    hub.export(versions, tmp_path / "hub", TEAM)
    table = hubdata.connect_hub(tmp_path / "hub").get_dataset().to_table()
    read = pl.from_arrow(table)
    assert isinstance(read, pl.DataFrame)
    wanted = pl.concat([quantiles(version) for version in versions])
    assert read.height == wanted.height > 0
    # The tool keeps no round, so all rounds of a method are compared at once.
    for law in wanted["law"].unique():
        own = read.filter(pl.col("model_id") == model_id(law))["value"].sort().to_list()
        issued = wanted.filter(pl.col("law") == law)["value"].sort().to_list()
        assert own == pytest.approx(issued, rel=1e-9)


def test_of_several_versions_of_a_day_the_last_is_exported_and_said(
    versions: list[Path], tmp_path: Path
) -> None:
    first, second, _ = versions
    path = second / "manifest.json"
    path.write_text(path.read_text().replace("2026-03-02T12", "2026-03-01T13"))
    made = hub.export([second, first], tmp_path / "hub", TEAM)
    assert_is_a_hub(tmp_path / "hub")
    assert made.notes == (
        f"{first.name[:12]} is left out: {second.name[:12]} is of the same day, 2026-03-01, and "
        "was issued later",
    )


def test_nothing_is_written_where_a_version_cannot_be_read(
    versions: list[Path], tmp_path: Path
) -> None:
    (versions[1] / "forecast.csv").write_text("what\n1\n")
    with pytest.raises(Exception, match=r"forecast|column|study"):
        hub.export(versions, tmp_path / "hub", TEAM)
    assert not (tmp_path / "hub").exists()


def test_a_hub_names_who_answers_for_it(tmp_path: Path) -> None:
    made = hub.team_of(tmp_path, "A team", "team@example.org")
    assert (made.name, made.email) == ("A team", "team@example.org")
    with pytest.raises(InputError, match="--contact"):
        hub.team_of(tmp_path, "A team", "nowhere")
    (tmp_path / "scaling.toml").write_text('[workspace]\nteam = "Ours"\n')
    assert hub.team_of(tmp_path, None, "team@example.org").name == "Ours"


def test_names_of_methods_are_those_that_hubs_allow() -> None:
    assert model_id("tail's power law (2)") == "scaling-tail_s_power_law_2_"
    table = pl.DataFrame(
        {"study": "a", "target": "b", "law": "x y", "quantile": [0.1, 0.5], "value": [1.0, 2.0]}
    )
    assert list(files(table, date(2026, 1, 1))) == [
        "model-output/scaling-x_y/2026-01-01-scaling-x_y.csv"
    ]
