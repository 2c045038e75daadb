"""Which value counts: absent ones, steps that were logged twice, restarts. In every tracker."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from scaling.runs import formats
from scaling.runs.formats._raw import GAP, PURGED
from scaling.runs.formats._settled import AGAIN, NO_NUMBER, RESTART, settled
from tests.support.trackers.histories import WRITERS, Call, calls, straight
from tests.support.trackers.records import float_value, scalar, session_start, tf_record

Rows = list[tuple[float, float]]


def read(path: Path) -> pl.DataFrame:
    return settled(formats.read_cells(path), ordered=formats.format_of(path).ordered)


def counting(path: Path, metric: str = "train") -> Rows:
    rows = read(path).filter((pl.col("metric") == metric) & pl.col("left_out").is_null())
    return rows.select("step", "value").rows()


def reasons(path: Path, metric: str = "train") -> dict[str | None, int]:
    rows = read(path).filter((pl.col("metric") == metric) & pl.col("left_out").is_not_null())
    return dict(rows.group_by("left_out").len().iter_rows())


def steps(*given: int) -> Rows:
    return [(float(step), float(step)) for step in given]


every = pytest.mark.parametrize("form", WRITERS)


@every
def test_an_absent_value_never_beats_a_number(form: str, tmp_path: Path) -> None:
    made = calls((100, 4.5, 4.6), (200, None, 4.0), (200, 3.9, None), (300, 3.5, None))
    path = WRITERS[form](tmp_path, [*made, *calls((400, 3.2, 3.3))])
    assert counting(path, "eval") == [
        (100.0, pytest.approx(4.6)),
        (200.0, 4.0),
        (400.0, pytest.approx(3.3)),
    ]
    assert [step for step, _ in counting(path)] == [100.0, 200.0, 300.0, 400.0]


@every
def test_a_restart_leaves_the_old_branch_behind(form: str, tmp_path: Path) -> None:
    path = WRITERS[form](tmp_path, straight(*range(50, 401, 50), 200, 300))
    assert counting(path) == steps(50, 100, 150, 200, 300)
    assert reasons(path) == {RESTART: 5}


@every
def test_two_restarts(form: str, tmp_path: Path) -> None:
    path = WRITERS[form](tmp_path, straight(1, 2, 3, 4, 2, 3, 4, 5, 3, 4))
    assert counting(path) == steps(1, 2, 3, 4)
    assert reasons(path) == {RESTART: 6}


@every
def test_a_step_logged_again_counts_as_logged_last(form: str, tmp_path: Path) -> None:
    path = WRITERS[form](tmp_path, calls((1, 5.0), (2, 4.0), (2, 3.5), (3, 3.0)))
    assert counting(path) == [(1.0, 5.0), (2.0, 3.5), (3.0, 3.0)]
    assert reasons(path) == {AGAIN: 1}


@every
def test_a_late_evaluation_is_no_restart(form: str, tmp_path: Path) -> None:
    made = calls((100, 4.0), (200, 3.5), (300, 3.0))
    late = [Call(100, {"train": None, "eval": 5.0}), Call(200, {"train": None, "eval": 4.5})]
    path = WRITERS[form](tmp_path, [*made, *late, *calls((400, 2.5))])
    assert counting(path) == [(100.0, 4.0), (200.0, 3.5), (300.0, 3.0), (400.0, 2.5)]
    assert counting(path, "eval") == [(100.0, 5.0), (200.0, 4.5)]
    assert set(reasons(path)) <= {GAP}


@every
def test_an_evaluation_of_the_old_branch_goes_with_it(form: str, tmp_path: Path) -> None:
    before = calls((100, 4.0, 4.1), (200, 3.5, 3.6), (300, 3.0, None), (400, 2.5, 2.6))
    path = WRITERS[form](tmp_path, [*before, *calls((150, 3.9, None), (250, 3.2, None))])
    assert counting(path, "eval") == [(100.0, pytest.approx(4.1))]
    assert [step for step, _ in counting(path)] == [100.0, 150.0, 250.0]


def test_a_metric_with_its_own_counter_takes_nothing_with_it(tmp_path: Path) -> None:
    """Epochs start anew in each evaluation; the training loss goes on."""
    made = [Call(step, {"train": float(step)}) for step in range(100, 500, 100)]
    own = [Call(i, {"bin": float(i)}) for i in range(5)]
    path = WRITERS["tensorboard"](tmp_path, [*made[:2], *own, *made[2:], *own])
    assert counting(path) == steps(100, 200, 300, 400)
    assert [step for step, _ in counting(path, "bin")] == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("form", ["tensorboard", "wandb", "mlflow", "hf"])
def test_a_restart_that_diverges_is_a_restart(form: str, tmp_path: Path) -> None:
    path = WRITERS[form](tmp_path, calls((1, 4.0), (2, 3.0), (3, 2.0), (2, math.nan)))
    assert counting(path) == [(1.0, 4.0), (2.0, pytest.approx(math.nan, nan_ok=True))]


tables = pytest.mark.parametrize("form", ["wandb-csv-nan", "wandb-csv", "lightning", "wandb-jsonl"])


@tables
def test_a_loss_that_diverges_stays_nan(form: str, tmp_path: Path) -> None:
    made = calls((1, 4.0, 4.1), (2, 9.0, 9.1), (3, math.nan, math.nan), (4, math.nan, math.nan))
    path = WRITERS[form](tmp_path, made)
    assert [step for step, value in counting(path) if math.isnan(value)] == [3.0, 4.0]


@pytest.mark.parametrize("form", ["wandb-csv-nan", "lightning-nan"])
@pytest.mark.parametrize("beside", [None, 3.0])
def test_nan_fills_gaps_also_after_the_last_number(
    form: str, beside: float | None, tmp_path: Path
) -> None:
    made = calls((1, 4.0, None), (2, beside, 3.9), (3, 3.5, None), (4, 3.4, None))
    assert [step for step, _ in counting(WRITERS[form](tmp_path, made), "eval")] == [2.0]


def _events(folder: Path, name: str, *records: bytes) -> None:
    path = folder / "run" / f"events.out.tfevents.{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(map(tf_record, records)))


def _loss(step: int, wall: float) -> bytes:
    return scalar(step, float_value(float(step)), "train", wall)


def test_a_session_of_tensorboard_starts_at_its_step(tmp_path: Path) -> None:
    old = [_loss(step, float(step)) for step in range(50, 401, 50)]
    new = [session_start(101, 1000.0), _loss(200, 1001.0), _loss(300, 1002.0)]
    _events(tmp_path, "1", *old, *new)
    assert counting(tmp_path) == steps(50, 100, 200, 300)
    assert reasons(tmp_path) == {PURGED: 6}


@pytest.mark.parametrize("names", [("1", "2"), ("2", "1")])
def test_files_of_tensorboard_stand_in_the_order_of_their_times(
    names: tuple[str, str], tmp_path: Path
) -> None:
    _events(tmp_path, names[0], *(_loss(step, float(step)) for step in range(50, 401, 50)))
    _events(tmp_path, names[1], session_start(101, 1000.0), _loss(200, 1001.0), _loss(300, 1002.0))
    assert counting(tmp_path) == steps(50, 100, 200, 300)


def test_a_history_sorted_by_step_is_read_in_the_order_of_its_times(tmp_path: Path) -> None:
    path = tmp_path / "run.wandb.csv"
    lines = [(step, step) for step in range(50, 401, 50)] + [(200, 1000), (300, 1001)]
    text = "".join(f"{step},{wall},{wall}\n" for step, wall in sorted(lines))
    path.write_text("_step,_timestamp,train\n" + text)
    assert counting(path) == [(50, 50), (100, 100), (150, 150), (200, 1000), (300, 1001)]


def test_mlflow_files_are_one_history_by_their_times(tmp_path: Path) -> None:
    """Each metric has a file of its own; what was logged when, its times say."""
    run = tmp_path / "mlruns/1/r/metrics"
    run.mkdir(parents=True)
    (run.parent / "meta.yaml").write_text("run_id: r\nstatus: 3\n")
    (run / "train").write_text("".join(f"{t} {s} {s}\n" for t, s in enumerate((1, 2, 3, 2, 3), 1)))
    (run / "eval").write_text("3 5.0 3\n")
    assert counting(tmp_path / "mlruns") == steps(1, 2, 3)
    assert counting(tmp_path / "mlruns", "eval") == []


def test_text_never_beats_a_number(tmp_path: Path) -> None:
    path = tmp_path / "run.wandb.jsonl"
    path.write_text('{"_step": 1, "train": 4.0}\n{"_step": 1, "train": "see log"}\n')
    assert counting(path) == [(1.0, 4.0)]
    assert reasons(path) == {NO_NUMBER: 1}


RUNS = {
    "run_name": ("a", "b"),
    "name": ("a", "b"),
    "run": ("1", "01"),
    "run_id": ("5e1", "50"),
    "Run_Name": ("a", "b"),
}


@pytest.mark.parametrize("end", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("column", RUNS)
def test_two_runs_of_one_history(column: str, end: str, tmp_path: Path) -> None:
    one, other = RUNS[column]
    table = pl.DataFrame(
        {
            column: [one, one, other, other],
            "_step": [100, 200, 100, 200],
            "eval/loss": [4.0, 3.5, 3.8, 3.2],
            "n_params": [1e7, 1e7, 2e7, 2e7],
        }
    )
    path = tmp_path / f"history.wandb.{end}"
    writers = {"csv": table.write_csv, "jsonl": table.write_ndjson}
    writers.get(end, table.write_parquet)(path)
    frame = read(path).filter(pl.col("metric") == "eval/loss")
    assert frame["left_out"].null_count() == 4
    assert frame.select("run", "step", "value").rows() == [
        (one, 100.0, 4.0),
        (one, 200.0, 3.5),
        (other, 100.0, 3.8),
        (other, 200.0, 3.2),
    ]


@pytest.mark.parametrize("absent", ["", "NaN", "null"])
def test_a_row_of_no_run_is_left_out(absent: str, tmp_path: Path) -> None:
    path = tmp_path / "history.wandb.csv"
    path.write_text(f"run_name,_step,loss\na,1,4.0\n{absent},2,3.0\na,2,3.5\n")
    assert counting(path, "loss") == [(1.0, 4.0), (2.0, 3.5)]
    assert reasons(path, "loss") == {"no run in column 'run_name'": 1}


def test_an_id_comes_before_a_name(tmp_path: Path) -> None:
    path = tmp_path / "history.wandb.csv"
    path.write_text("run_name,run_id,_step,loss\nbase,x1,1,4.0\nbase,x2,1,3.0\n")
    frame = read(path)
    assert frame["run"].to_list() == ["x1", "x2"]
    assert frame["run_name"].to_list() == ["base", "base"]
