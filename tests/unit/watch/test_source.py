"""Logs of trainers as series: what is chosen, what is refused, and what is not there yet."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling.errors import InputError
from scaling.watching.source import (
    Absent,
    NothingYet,
    Unclear,
    Wanted,
    local,
    maps_of,
    observations,
)

HUNDRED = Wanted(steps=100)


def jsonl(path: Path, rows: Sequence[dict[str, Any]], end: str = "") -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + end)
    return path


def falling(steps: int = 10, **more: Any) -> list[dict[str, Any]]:
    return [{"step": n, "loss": 3.0 + 1.0 / n, **more} for n in range(1, steps + 1)]


def test_a_line_without_its_end_does_not_count_yet(tmp_path: Path) -> None:
    log = jsonl(tmp_path / "a.jsonl", falling(3), end='{"step": 4, "loss": 3.')
    assert observations(log, HUNDRED).at.tolist() == [1, 2, 3]


@pytest.mark.parametrize("cut", ["4,3.2", "4,", "4,3.25,1e-", "4"])
def test_a_cut_number_of_a_csv_is_no_other_number(tmp_path: Path, cut: str) -> None:
    log = tmp_path / "a.csv"
    log.write_text("step,loss,lr\n1,4.0,1e-3\n2,3.5,1e-3\n3,3.3,1e-3\n" + cut)
    found = observations(log, HUNDRED)
    assert found.value.tolist() == [4.0, 3.5, 3.3]
    assert found.lr.tolist() == [1e-3] * 3


@pytest.mark.parametrize("text", ["", '{"step": 1'])
def test_an_empty_log_is_waited_for(tmp_path: Path, text: str) -> None:
    log = tmp_path / "a.jsonl"
    with pytest.raises(Absent, match="no such file"):
        observations(log, HUNDRED)
    log.write_text(text)
    with pytest.raises(NothingYet):
        observations(log, HUNDRED)
    with pytest.raises(NothingYet, match="the folder is empty"):
        (tmp_path / "b").mkdir()
        observations(tmp_path / "b", HUNDRED)


def test_a_log_with_settings_alone_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "nano.log"
    log.write_text("max_iters = 600\nnumber of parameters: 124.34M\n")
    with pytest.raises(NothingYet, match="no line with a metric"):
        observations(log, Wanted())


def test_a_log_of_nanogpt_says_where_it_ends(tmp_path: Path) -> None:
    log = tmp_path / "nano.log"
    lines = [f"iter {n}: loss {3 + 1 / (n + 1):.4f}, time 12.00ms, mfu 3%" for n in range(30)]
    lines += ["step 0: train loss 10.9, val loss 10.8", "step 20: train loss 3.1, val loss 3.2"]
    log.write_text("\n".join(["max_iters = 600", *lines]) + "\n")
    found = observations(log, Wanted())
    assert (found.planned, found.metric, found.evaluation) == (600, "val loss", True)
    assert found.at.tolist() == [20]
    assert any("600 steps, from max_iters of the log" in note for note in found.notes)
    assert any("1 value at step 0 left out" in note for note in found.notes)
    assert any("--metric chooses another: loss, train loss" in note for note in found.notes)
    assert len(observations(log, Wanted(metric="loss")).at) == 29


def test_a_log_of_megatron_counts_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "meg.log"
    lines = [
        f" [2026-01-01 00:0{n}:00] iteration {10 * n:8}/ 5000 | learning rate: 1.5E-04 | "
        f"lm loss: {3 + 1 / (n + 1):.6E} |"
        for n in range(1, 9)
    ]
    log.write_text("\n".join(lines) + "\n")
    found = observations(log, Wanted())
    assert (found.planned, found.metric, found.finished) == (5000, "lm loss", False)
    assert np.diff(found.wall).tolist() == [60.0] * 7
    assert found.lr.tolist() == [1.5e-4] * 8
    assert any("from its lines" in note for note in found.notes)


def test_a_trainer_state_has_max_steps_and_a_summary_that_is_no_curve(tmp_path: Path) -> None:
    history = [{"step": n, "loss": 3 + 1 / n, "learning_rate": 1e-4} for n in range(10, 60, 10)]
    history.append({"step": 50, "train_loss": 3.05, "train_runtime": 12.0})
    state = {"global_step": 50, "max_steps": 200, "epoch": 0.25, "num_train_epochs": 1}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state | {"log_history": history}))
    found = observations(tmp_path, Wanted())
    assert (found.metric, found.planned, found.last) == ("loss", 200, 50)
    assert not found.finished
    state |= {"global_step": 50, "max_steps": -1}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state | {"log_history": history}))
    with pytest.raises(Unclear, match=r"does not say where it ends; allowed: --steps N"):
        observations(tmp_path, Wanted())


def test_a_planned_end_is_never_guessed(tmp_path: Path) -> None:
    log = jsonl(tmp_path / "a.jsonl", falling())
    with pytest.raises(Unclear, match=r"does not say where it ends; allowed: --steps N"):
        observations(log, Wanted())
    for bad in (0.0, -5.0, math.nan, math.inf):
        with pytest.raises(Unclear, match="not a planned end"):
            observations(log, Wanted(steps=bad))
    with pytest.raises(Unclear, match=r"beyond the planned end.*--steps 10 or more"):
        observations(log, Wanted(steps=5))


def test_tokens_are_a_column_or_a_product(tmp_path: Path) -> None:
    rows = [row | {"tokens": 4096 * row["step"]} for row in falling()]
    log = jsonl(tmp_path / "a.jsonl", rows)
    found = observations(log, Wanted(tokens=1e6))
    assert (found.unit, found.planned) == ("tokens", 1e6)
    assert found.at.tolist() == [4096.0 * n for n in range(1, 11)]
    log = jsonl(tmp_path / "b.jsonl", falling())
    with pytest.raises(Unclear, match=r"no metric of tokens.*tokens=step\*TOKENS_PER_STEP"):
        observations(log, Wanted(tokens=1e6))
    made = observations(log, Wanted(tokens=1e6, maps={"tokens": "step*4096"}))
    assert made.at.tolist() == found.at.tolist()
    with pytest.raises(Unclear, match="no such product"):
        observations(log, Wanted(tokens=1e6, maps={"tokens": "step*batch"}))


def test_a_restart_in_the_log_leaves_the_abandoned_branch_out(tmp_path: Path) -> None:
    rows = falling(8) + [{"step": n, "loss": 2.0} for n in range(6, 10)]
    found = observations(jsonl(tmp_path / "a.jsonl", rows), HUNDRED)
    assert found.at.tolist() == list(range(1, 10))
    assert found.value[5:].tolist() == [2.0] * 4
    assert any("restart" in note for note in found.notes)


def test_several_runs_or_losses_are_asked_for(tmp_path: Path) -> None:
    rows = falling(run="a") + falling(run="b")
    log = jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(Unclear, match=r"2 runs; allowed: --run with one of \['a', 'b'\]"):
        observations(log, HUNDRED)
    assert observations(log, Wanted(steps=100, run="b")).run == "b"
    with pytest.raises(Unclear, match="no such run; found 'c'"):
        observations(log, Wanted(steps=100, run="c"))
    two = jsonl(tmp_path / "b.jsonl", [r | {"ce_loss": r["loss"]} for r in falling()])
    with pytest.raises(Unclear, match=r"2 losses; allowed: --metric with one of"):
        observations(two, HUNDRED)
    with pytest.raises(Absent, match=r"no such metric so far; found 'los'.*'loss'"):
        observations(log, Wanted(steps=100, run="a", metric="los"))


def test_the_evaluation_is_watched_where_there_is_one(tmp_path: Path) -> None:
    rows = [r | ({"eval_loss": 3.5} if r["step"] % 5 == 0 else {}) for r in falling(20)]
    found = observations(jsonl(tmp_path / "a.jsonl", rows), HUNDRED)
    assert (found.metric, found.evaluation) == ("eval_loss", True)
    assert found.at.tolist() == [5, 10, 15, 20]


@pytest.mark.parametrize(
    ("name", "evaluation"),
    [
        *[(n, True) for n in ("eval_loss", "val loss", "eval/c4/loss", "test_loss", "valid.nll")],
        *[(n, False) for n in ("loss", "train/loss", "lm loss", "latest_loss", "interval_loss")],
    ],
)
def test_evaluations_are_known_by_their_names(tmp_path: Path, name: str, evaluation: bool) -> None:
    rows = [{"step": row["step"], name: row["loss"]} for row in falling()]
    found = observations(jsonl(tmp_path / "a.jsonl", rows), HUNDRED)
    assert (found.metric, found.evaluation) == (name, evaluation)


def test_a_cell_that_is_no_number_is_refused_by_its_step(tmp_path: Path) -> None:
    log = tmp_path / "a.csv"
    log.write_text("step,loss\n1,3.0\n2,soon\n3,2.9\n")
    with pytest.raises(InputError, match=r"column 'loss': not a number, at step 2; found 'soon'"):
        observations(log, HUNDRED)


def test_a_file_with_a_name_that_every_run_has_is_called_after_its_folder(tmp_path: Path) -> None:
    (tmp_path / "run-7").mkdir()
    assert observations(jsonl(tmp_path / "run-7/log.jsonl", falling()), HUNDRED).run == "run-7"
    assert observations(jsonl(tmp_path / "run-8.jsonl", falling()), HUNDRED).run == "run-8"


def test_nan_is_a_value(tmp_path: Path) -> None:
    rows = [*falling(3), {"step": 4, "loss": math.nan}]
    found = observations(jsonl(tmp_path / "a.jsonl", rows), HUNDRED)
    assert np.isnan(found.value[3])


def test_a_table_needs_steps(tmp_path: Path) -> None:
    log = jsonl(tmp_path / "a.jsonl", [{"n": n, "loss": 3.0 - 0.1 * n} for n in range(1, 9)])
    with pytest.raises(Unclear, match=r"no column of steps; allowed.*--map step=COLUMN"):
        observations(log, HUNDRED)
    found = observations(log, Wanted(steps=100, maps={"step": "n"}))
    assert found.at.tolist() == list(range(1, 9))


@pytest.mark.parametrize("bad", ["steps=n", "loss=x", "step=", "step"])
def test_a_map_that_cannot_be_read_is_refused(bad: str) -> None:
    with pytest.raises(InputError, match="--map cannot be read"):
        maps_of([bad])


def test_mlflow_folders_are_read_and_servers_are_not(tmp_path: Path) -> None:
    run = tmp_path / "mlruns" / "0" / "0123456789abcdef"
    (run / "metrics").mkdir(parents=True)
    (run / "params").mkdir()
    (run / "params" / "max_steps").write_text("400")
    (run / "metrics" / "loss").write_text(
        "".join(f"{1767225600000 + 1000 * n} {3 + 1 / n} {n}\n" for n in range(1, 9))
    )
    (run.parent / "meta.yaml").write_text("name: Default\nlifecycle_stage: active\n")
    meta = "run_id: 0123456789abcdef\nrun_name: quick-fox\nstatus: 1\nlifecycle_stage: active\n"
    (run / "meta.yaml").write_text(meta)
    found = observations(local((tmp_path / "mlruns").as_uri()), Wanted())
    assert (found.run, found.planned, found.last) == ("0123456789abcdef", 400, 8)
    assert observations(tmp_path / "mlruns", Wanted(run="quick-fox")).last == 8
    assert np.diff(found.wall).tolist() == [1.0] * 7
    assert local("sqlite:///mlflow.db") == Path("mlflow.db")
    assert local("sqlite:////data/mlflow.db") == Path("/data/mlflow.db")
    with pytest.raises(InputError, match=r"not watched; found 'https://host'; allowed: a file"):
        local("https://me:secret@host/api")
