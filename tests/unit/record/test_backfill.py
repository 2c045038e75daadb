"""The replayed history: what was known when, versions marked as replays, and their audit."""

from __future__ import annotations

import json
import shutil
import textwrap
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.record.audit import backfill, hub, read, replay
from scaling.record.audit.run import audit, write
from scaling.record.versions.verify import verify
from scaling.runs.schema import RUN, dtypes
from tests.support import ROOT
from tests.unit.report.test_hubverse import assert_is_a_hub

PLAN = """
    as_of: [2023-01-01, 2024-01-01]
    most_targets: 3
    quantiles: [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]
    studies:
      sizes:
        source: toy
        metric: loss@x
        inputs: [params]
        cut: {column: params, at_most: [2.0e+9, 9.0e+9]}
      days:
        source: days
        metric: loss@x
        inputs: [params]
    trends: {thresholds: [], until: []}
    """


def runs(source: str, days: list[date]) -> pl.DataFrame:
    """Runs of 2^0 to 2^k times 100 million parameters on an exact law."""
    sizes = [1e8 * 2**k for k in range(len(days))]
    rows: list[dict[str, Any]] = [
        {
            "source": source,
            "run": f"r{k}",
            "observed": day,
            "params": n,
            "tokens": 1e10,
            "metric": "loss@x",
            "value": 1.7 + 400.0 * n**-0.34,
        }
        for k, (n, day) in enumerate(zip(sizes, days, strict=True))
    ]
    return pl.DataFrame(rows, schema=dtypes(RUN))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a toy library and the sources that a version is the hash of."""
    shutil.copytree(ROOT / "scaling", tmp_path / "scaling", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("requirements.lock", "params.yaml", "dvc.yaml", "data/trends/copies.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "history.yaml").write_text(textwrap.dedent(PLAN))
    folder = tmp_path / "data" / "validated"
    folder.mkdir()
    runs("toy", [date(2022, 6, 1)] * 8).write_parquet(folder / "toy.parquet")
    dated = [date(2022, 1, 1)] * 5 + [date(2023, 6, 1)] * 2 + [date(2024, 6, 1)]
    runs("days", dated).write_parquet(folder / "days.parquet")
    return tmp_path


def test_a_history_is_replayed_published_and_audited(root: Path) -> None:
    made = backfill.backfill(root)
    assert [one.new for one in made] == [True, True]
    assert verify(root) == []
    manifest = json.loads((made[0].folder / "manifest.json").read_bytes())
    assert manifest["as_of"] == "2023-01-01" < manifest["issued_at"]
    told = audit(root)
    kinds = dict(told.scores.filter(pl.col("law") == "ensemble")["kind"].value_counts().iter_rows())
    # By size 3 of 3 and 1 larger runs on the two days; by day 3 and 1.
    assert kinds == {"replay by size": 4, "replay by day": 4}
    assert told.still_open.height == 0
    assert told.scores.filter(pl.col("law") == "ensemble")["error"].abs().max() < 0.05  # type: ignore[operator]
    assert {path.name for path in write(told, root)} >= {"scores.csv", "audit.md"}
    again = audit(root)
    assert again.scores.height == told.scores.height
    assert not again.scores["revised"].any()


def test_the_same_history_again_is_the_same(root: Path) -> None:
    first = backfill.backfill(root)
    again = backfill.backfill(root)
    assert [one.version for one in again] == [one.version for one in first]
    assert not any(one.new for one in again)
    # Other code that gives the same forecasts corrects nothing.
    (root / "scaling/laws/power_law.py").write_text("# other code\n")
    assert not any(one.new for one in backfill.backfill(root))
    table = root / "data/validated/toy.parquet"
    pl.read_parquet(table).with_columns(pl.col("value") * 1.01).write_parquet(table)
    other = backfill.backfill(root, only=date(2023, 1, 1))[0]
    manifest = json.loads((other.folder / "manifest.json").read_bytes())
    assert manifest["corrects"] == first[0].version
    targets, _ = read.forecasts(read.versions(root))
    corrected = targets.filter(pl.col("corrected_by").is_not_null())["version"].unique().to_list()
    assert corrected == [first[0].version]


def test_nothing_later_than_its_day_moves_a_forecast(root: Path) -> None:
    plan = replay.read_plan(root / "history.yaml")
    day, study = plan.days[0], plan.studies[1]
    before = replay.replay(study, day, plan, root / "data/validated")
    path = root / "data/validated/days.parquet"
    late = pl.col("observed") > day
    table = pl.read_parquet(path)
    table.with_columns(pl.when(late).then(9.0).otherwise("value").alias("value")).write_parquet(
        path
    )
    after = replay.replay(study, day, plan, root / "data/validated")
    assert before is not None
    assert after is not None
    assert before[0].equals(after[0])


def test_sizes_are_revealed_a_step_a_day() -> None:
    steps = {"column": "params", "at_most": [2.0, 4.0]}
    study = replay.ReplayedStudy("s", "s", "m", ("params",), cut=steps)
    days = [date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1), date(2023, 1, 1)]
    cuts = [study.cut_on(day, days, date(2020, 6, 1)) for day in days]
    known = [cut and cut["at_most"] for cut in cuts]
    assert known == [None, 2.0, 4.0, None]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("as_of: [2023-01-01, 2024-01-01]", "as_of: [soon]", "as_of"),
        ("most_targets: 3", "", "most_targets"),
        ("source: toy", "sauce: toy", "sauce"),
    ],
)
def test_a_plan_that_cannot_be_read_is_named(root: Path, old: str, new: str, named: str) -> None:
    file = root / "history.yaml"
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=named):
        backfill.backfill(root)


def test_a_day_that_is_not_planned_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="2023-01-01, 2024-01-01"):
        backfill.backfill(root, only=date(2020, 2, 2))


def test_a_replay_is_exported_for_hub_tools(root: Path) -> None:
    made = backfill.backfill(root, only=date(2023, 1, 1))[0]
    hub.export([made.folder], root / "hub", hub.Team("a team", "team@example.org"))
    day = "2023-01-01"
    assert (root / f"hub/model-output/scaling-ensemble/{day}-scaling-ensemble.csv").is_file()
    assert_is_a_hub(root / "hub")


def test_an_audit_without_validated_runs_is_refused(root: Path) -> None:
    shutil.rmtree(root / "data/validated")
    with pytest.raises(InputError, match=r"data/validated: is missing"):
        audit(root)
