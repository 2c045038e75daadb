"""`scaling add`: which run it is, which value counts, and what is said of all that is left out."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.pipeline import ingest
from scaling.runs.inbox.add import Added, add
from scaling.runs.inbox.mapping import Options
from tests.support.trackers.histories import WRITERS, mlflow, straight
from tests.support.trackers.make_files import unpack
from tests.support.trackers.records import float_value, scalar, tf_record

LOSS = "loss@c4:nats/token"
DAY = "observed=2026-01-02"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("disclose_internal: true\n")
    Path("data/published").mkdir(parents=True)
    Path("in").mkdir()
    return Path("in")


def added(
    path: Path,
    metric: str = "train",
    *,
    maps: Sequence[str] = (),
    sets: Sequence[str] = (DAY,),
    ignore: Sequence[str] = ("*",),
    rows: str | None = None,
    partial: bool = False,
    metrics: Sequence[str] | None = None,
) -> Added:
    given = [f"{metric}={LOSS}"] if metrics is None else metrics
    options = Options(maps, given, sets, ignore, rows)
    return add(path, "team", options, today=date(2026, 1, 5), partial=partial)


def table(*columns: str) -> list[tuple[object, ...]]:
    ingest.main()
    return pl.read_parquet("data/runs/team.parquet").select(columns).rows()


def said(made: Added) -> str:
    return "\n".join(made.remarks)


# Runs of one table -------------------------------------------------------------------------------

HISTORY = {
    "_step": [100, 200, 100, 200],
    "eval/loss": [4.0, 3.5, 3.8, 3.2],
    "n_params": [10_000_000, 10_000_000, 20_000_000, 20_000_000],
}
ENDS = ("csv", "jsonl", "parquet")


def history(end: str, **more: list[object]) -> Path:
    path = Path(f"in/history.wandb.{end}")
    frame = pl.DataFrame({**more, **HISTORY})
    writers = {"csv": frame.write_csv, "jsonl": frame.write_ndjson}
    writers.get(end, frame.write_parquet)(path)
    return path


@pytest.mark.parametrize("end", ENDS)
def test_a_history_of_two_runs(end: str) -> None:
    added(history(end, run_name=["a", "a", "b", "b"]), "eval/loss", maps=["params=n_params"])
    assert table("run", "step", "value", "params") == [
        ("a", 100.0, 4.0, 1e7),
        ("a", 200.0, 3.5, 1e7),
        ("b", 100.0, 3.8, 2e7),
        ("b", 200.0, 3.2, 2e7),
    ]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("column", "names"),
    [("model", ["a", "b"]), ("seed", [7, 8]), ("sweep", ["007", "7"]), ("hash", ["1e3", "1000"])],
)
def test_a_column_that_names_the_run(end: str, column: str, names: list[object]) -> None:
    path = history(end, **{column: [names[0], names[0], names[1], names[1]]})
    added(path, "eval/loss", maps=[f"run={column}", "params=n_params"])
    one, other = map(str, names)
    assert table("run", "step", "value", "params") == [
        (one, 100.0, 4.0, 1e7),
        (one, 200.0, 3.5, 1e7),
        (other, 100.0, 3.8, 2e7),
        (other, 200.0, 3.2, 2e7),
    ]


def test_a_run_of_two_columns() -> None:
    path = history("csv", model=["a", "a", "b", "b"], seed=[1, 1, 2, 2])
    added(path, "eval/loss", maps=["run=model+seed", "seed=seed"])
    assert table("run", "seed")[1:3] == [("a/1", "1"), ("b/2", "2")]


@pytest.mark.parametrize("end", ENDS)
def test_text_beside_a_metric_stays(end: str) -> None:
    path = history(end, run=["a", "a", "b", "b"], tok=["gpt2", "gpt2", "01", "01"])
    added(path, "eval/loss", maps=["tokenizer=tok", "params=n_params"])
    assert table("run", "tokenizer") == [("a", "gpt2"), ("a", "gpt2"), ("b", "01"), ("b", "01")]


@pytest.mark.parametrize("names", [["a", "a", "b", "b"], [0, 0, 1, 1]])
def test_runs_that_a_column_tells_apart_are_not_one(names: list[object]) -> None:
    path = history("csv", label=names)
    with pytest.raises(InputError, match=r"'label' tells them apart.*--map 'run=label'"):
        added(path, "eval/loss")
    made = added(path, "eval/loss", ignore=["*", "label", "n_params"])
    assert made.left_out == {"written before a restart from its step or an earlier one": 2}


def test_a_number_that_differs_by_chance_names_no_run() -> None:
    """Temperatures tell the repeated steps apart, and name nothing."""
    lines = zip((1, 2, 3, 4, 2, 3), (60, 61, 60, 62, 62, 61), strict=True)
    text = "".join(f"{step},{step},{heat}\n" for step, heat in lines)
    Path("in/run.wandb.csv").write_text("_step,train,heat\n" + text)
    made = added(Path("in/run.wandb.csv"))
    assert made.left_out == {"written before a restart from its step or an earlier one": 3}


def test_two_sizes_are_two_runs() -> None:
    with pytest.raises(InputError, match=r"'n_params' tells them apart"):
        added(history("csv"), "eval/loss", maps=["params=n_params"])


def test_a_row_without_a_run_is_left_out() -> None:
    path = history("csv", model=["a", "a", "b", ""])
    made = added(path, "eval/loss", maps=["run=model"])
    assert made.left_out == {"no run in 'model'": 1} and len(table("run")) == 3


# Restarts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITERS)
def test_the_final_row_is_of_the_branch_that_counts(form: str, project: Path) -> None:
    path = WRITERS[form](project, straight(*range(1, 9), 4, 6))
    made = added(path, rows="final")
    assert table("step", "value", "checkpoint") == [(6.0, 6.0, "final")]
    assert made.left_out == {"written before a restart from its step or an earlier one": 5}
    assert "left out: 5 results, written before a restart" in said(made)
    assert "step 4)" in said(made)


@pytest.mark.parametrize("rows", ["every", "final"])
def test_a_restart_that_a_later_export_shows(rows: str, project: Path) -> None:
    """What was added before the restart is of the abandoned branch, as the later export says."""
    before = straight(*range(1, 9))
    added(WRITERS["tensorboard"](project, before), rows=rows)
    made = added(WRITERS["tensorboard"](project, [*before, *straight(4, 6)]), rows=rows)
    steps = [6.0] if rows == "final" else [1.0, 2.0, 3.0, 4.0, 6.0]
    assert sorted(step for (step,) in table("step")) == steps  # type: ignore[type-var]
    gone = "1 result" if rows == "final" else "3 results"
    assert f"{gone} of before no longer there (the first: run 'run', loss@c4, step" in said(made)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_older_export_that_comes_late_takes_nothing_back(
    order: tuple[int, int], project: Path
) -> None:
    """The run went on past the branch that the older export shows abandoned."""
    older = straight(*range(1, 9), 4, 6)
    exports = (older, [*older, *straight(7, 8, 9)])
    for number in order:
        folder = project / str(number)
        folder.mkdir()
        added(mlflow(folder, exports[number]))
    found = sorted(step for (step,) in table("step"))  # type: ignore[type-var]
    assert found == [1.0, 2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_restart_between_two_files(order: tuple[int, int], project: Path) -> None:
    """Each file alone shows no restart; the times of their rows do, whichever comes first."""
    for number in order:
        steps = ((range(1, 9)), (4, 6))[number]
        events = [
            scalar(step, float_value(float(step)), "train", 1e9 + 1e6 * number + step)
            for step in steps
        ]
        path = project / f"{number}/run/events.out.tfevents.{number}"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(map(tf_record, events)))
        added(path.parent)
    found = sorted(step for (step,) in table("step"))  # type: ignore[type-var]
    assert found == [1.0, 2.0, 3.0, 4.0, 6.0]


# MLflow ------------------------------------------------------------------------------------------


def test_runs_that_mlflow_leaves_out_are_named(project: Path) -> None:
    metas = {
        "good": None,
        "gone": "run_id: gone\nstatus: 3\nlifecycle_stage: deleted\n",
        "lost": "",
        "bare": " ",
        "torn": "run_id: [",
    }
    for name, meta in metas.items():
        path = mlflow(project, straight(1, 2), name, meta)
    (path / "1/none/params").mkdir(parents=True)
    (path / "1/none/meta.yaml").write_text("run_id: none\nstatus: 3\n")
    made = added(path)
    assert table("run", "step") == [("good", 1.0), ("good", 2.0)]
    for name, why in {
        "gone": "deleted in the tracker",
        "lost": "no meta.yaml",
        "bare": "meta.yaml is empty",
        "torn": "meta.yaml is 'not readable as YAML",
    }.items():
        assert re.search(rf"left out: run '{name}', {why}.*\(2 values\)", said(made)), said(made)
    assert "left out: run 'none', no value was logged (0 values)" in said(made)


def test_a_store_whose_runs_were_taken_once_is_still_read(project: Path) -> None:
    """A deleted run that an earlier release took as a result is left out at the next refit."""
    path = mlflow(project, straight(1, 2))
    added(path)
    meta = next(Path("data/internal/store").rglob("run/meta.yaml"))
    meta.write_text(meta.read_text().replace("active", "deleted"))
    assert table("run") == []


def test_runs_of_a_deleted_experiment_are_named(project: Path) -> None:
    path = mlflow(project, straight(1, 2))
    trash = path / ".trash/2/old"
    (trash / "metrics").mkdir(parents=True)
    (trash / "meta.yaml").write_text("run_id: old\nstatus: 3\n")
    (trash / "metrics/train").write_text("1 2.5 1\n")
    made = added(path)
    assert [run for (run,) in table("run")] == ["run", "run"]
    assert "left out: run 'old', deleted in the tracker (1 value)" in said(made)


def test_a_run_that_is_deleted_later_goes(project: Path) -> None:
    mlflow(project, straight(1, 2), "kept")
    path = mlflow(project, straight(1, 2), "gone")
    added(path)
    meta = path / "1/gone/meta.yaml"
    meta.write_text(meta.read_text().replace("active", "deleted"))
    made = added(path)
    assert [run for (run,) in table("run")] == ["kept", "kept"]
    assert "left out: run 'gone', deleted in the tracker (2 values)" in said(made)
    assert "2 results of before no longer there (the first: run 'gone'" in said(made)


def test_a_store_of_deleted_runs_only_is_refused(project: Path) -> None:
    path = mlflow(project, straight(1), meta="run_id: run\nlifecycle_stage: deleted\n")
    with pytest.raises(InputError, match="run 'run', deleted in the tracker"):
        added(path)


def test_metrics_with_a_counter_of_their_own_do_not_cut_a_run(project: Path) -> None:
    folder = unpack("mlflow-sqlite", project)
    with closing(sqlite3.connect(folder / "mlflow.db", isolation_level=None)) as database:
        (run,) = database.execute("SELECT run_uuid FROM runs").fetchone()
        more = ("system/cpu", 1.0, 1_700_000_100_000, run, 5000, 0)
        columns = "(key, value, timestamp, run_uuid, step, is_nan)"
        for name in ("metrics", "latest_metrics"):
            database.execute(f"INSERT INTO {name} {columns} VALUES (?, ?, ?, ?, ?, ?)", more)
    made = added(folder / "mlflow.db", "train/loss")
    assert "of 1 run with a last step in the tracker, 1 reach it" in said(made)
    assert table("step", "checkpoint")[-1] == (199.0, "final")
    with closing(sqlite3.connect(folder / "mlflow.db", isolation_level=None)) as database:
        database.execute("UPDATE runs SET lifecycle_stage = 'deleted'")
    with pytest.raises(InputError, match="deleted in the tracker"):
        added(folder / "mlflow.db", "train/loss")


# Half runs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "final"),
    [
        ({"global_step": 500, "max_steps": 1000}, False),
        ({"global_step": 999, "max_steps": 1000}, False),
        ({"global_step": 500, "max_steps": 500}, True),
        ({"global_step": 500, "epoch": 1.0, "num_train_epochs": 2}, False),
        ({"global_step": 500, "epoch": 2.0, "num_train_epochs": 2}, True),
    ],
)
def test_half_a_run_is_not_final(state: dict[str, float], final: bool, project: Path) -> None:
    path = project / "run.trainer_state.json"
    last = state["global_step"]
    log = [{"step": step, "train": 3.0} for step in (last - 100, last - 50, last)]
    path.write_text(json.dumps(state | {"log_history": log}))
    if not final:
        with pytest.raises(InputError, match=r"(?s)not whole: 1 of 1 run:.*status '.*'"):
            added(path, rows="final")
    added(path, rows="final", partial=not final)
    assert table("step", "checkpoint") == [(float(last), "final" if final else "intermediate")]


# Facts of one file -------------------------------------------------------------------------------


def person(name: str, value: float, **more: object) -> Path:
    path = Path(f"in/{name}.csv")
    pl.DataFrame({"value": [value], **more}).write_csv(path)
    return path


SAME = ("metric=loss@c4", "metric_kind=loss", "unit=nats/token", "dataset=c4")


def test_facts_of_one_file_are_asked_for_again() -> None:
    sets = [*SAME, "run=small", "params=3e7", DAY]
    added(person("run-small", 3.5), metrics=[], sets=sets, ignore=[])
    big = person("run-big", 2.5)
    with pytest.raises(InputError) as refused:
        added(big, metrics=[], sets=[], ignore=[])
    for fact in ("--set run=small", "--set params=3e7", f"--set {DAY}"):
        assert fact in str(refused.value)
    assert "metric=" not in str(refused.value)
    made = added(big, metrics=[], sets=["run=big", "params=", DAY], ignore=[])
    assert "remembered of this source: --set metric=loss@c4, --set metric_kind=loss" in said(made)
    assert table("run", "value", "params") == [("small", 3.5, 3e7), ("big", 2.5, None)]


def test_a_number_that_is_mapped_is_a_fact_too() -> None:
    maps, sets = ["params=30*1e6"], [*SAME, "run=small", DAY]
    added(person("run-small", 3.5), metrics=[], maps=maps, sets=sets, ignore=[])
    with pytest.raises(InputError, match=re.escape("--map params=30*1e6")):
        added(person("run-big", 2.5), metrics=[], sets=["run=big", DAY], ignore=[])


def test_a_file_added_again_keeps_its_own_facts() -> None:
    small, big = person("run-small", 3.5), person("run-big", 2.5)
    added(small, metrics=[], sets=[*SAME, "run=small", DAY], ignore=[])
    added(big, metrics=[], sets=["run=big", DAY], ignore=[])
    assert not added(small, metrics=[], sets=[], ignore=[]).new
    added(small, metrics=[], sets=["tokenizer=gpt2"], ignore=[])
    assert sorted(table("run", "value")) == [("big", 2.5), ("small", 3.5)]


def test_a_column_of_the_file_comes_before_a_fact_of_another() -> None:
    added(person("run-small", 3.5), metrics=[], sets=[*SAME, "run=small", DAY], ignore=[])
    path = person("run-big", 2.5, run=["big"], observed=["2026-01-03"])
    made = added(path, metrics=[], sets=[], ignore=[])
    assert "the file's own column: run (not --set run=small)" in said(made)
    assert table("run", "value", "observed")[1] == ("big", 2.5, date(2026, 1, 3))


@pytest.mark.parametrize("nothing", ["", "NaN", " "])
def test_nothing_does_not_take_the_place_of_a_number(nothing: str) -> None:
    options = {"metrics": [], "sets": [*SAME, DAY], "ignore": []}
    Path("in/a.csv").write_text("run,value\na,3.5\nb,3.0\n")
    added(Path("in/a.csv"), **options)  # type: ignore[arg-type]
    Path("in/a.csv").write_text(f"run,value\na,{nothing}\nb,2.9\n")
    made = added(Path("in/a.csv"), **options)  # type: ignore[arg-type]
    assert "left out: 1 result without a value where there is a number already" in said(made)
    assert sorted(table("run", "value")) == [("a", 3.5), ("b", 2.9)]


# Charts ------------------------------------------------------------------------------------------

CHART = (
    '"tokens","a - loss","a - loss__MIN","a - loss__MAX",'
    '"b - loss","b - loss__MIN","b - loss__MAX"\n'
    '"1e9","3.5","3.5","3.5","","",""\n'
    '"2e9","3.0","2.8","3.2","2.5","2.5","2.5"\n'
)


def test_the_axis_of_a_chart_is_a_column() -> None:
    Path("in/chart.csv").write_text(CHART)
    with pytest.raises(
        InputError, match=r"'tokens' \('1e9, 2e9'\) is not mapped.*--map 'tokens=tokens'"
    ):
        added(Path("in/chart.csv"), "loss", ignore=["*__M*"])
    made = added(Path("in/chart.csv"), "loss", maps=["tokens=tokens"], ignore=["*__M*"])
    assert table("run", "tokens", "step", "value", "flags") == [
        ("a", 1e9, None, 3.5, None),
        ("a", 2e9, None, 3.0, "mean_of_several"),
        ("b", 2e9, None, 2.5, None),
    ]
    assert "1 result is a mean of several values" in said(made)
    assert "this format keeps no order in time" in said(made)


def test_the_last_point_of_a_chart_is_by_its_axis() -> None:
    Path("in/chart.csv").write_text(CHART)
    options = {"maps": ["tokens=tokens"], "ignore": ["*__M*"], "rows": "final"}
    added(Path("in/chart.csv"), "loss", **options)  # type: ignore[arg-type]
    assert table("run", "tokens", "value") == [("a", 2e9, 3.0), ("b", 2e9, 2.5)]


def test_the_last_point_is_not_known_without_the_axis() -> None:
    Path("in/chart.csv").write_text(CHART)
    with pytest.raises(InputError, match=r"--rows final: results without a step.*'a'"):
        added(Path("in/chart.csv"), "loss", rows="final")
