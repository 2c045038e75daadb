"""A training that watches itself: it writes its folder alone, and no error reaches it."""

from __future__ import annotations

import json
import logging
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import scaling.callbacks
from scaling.callbacks import LOG, Watch
from tests.support.waiting import HANG

STEPS = 200
LOSS = 1.5 + 4.0 * np.arange(1.0, STEPS + 1) ** -0.3


def test_a_plain_loop_is_logged_forecast_and_scored(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "run", steps=STEPS, beat=2.5, every=0.0)
    for step in range(1, STEPS + 1):
        watch.log(step=step, loss=LOSS[step - 1], lr=np.float32(1e-3))
        if step == 100 and watch._child is not None:
            watch._child.wait(HANG)
    watch.close(wait=HANG)
    assert not watch.broken
    found = json.loads((tmp_path / "run/score.json").read_text())
    assert found["observed"] == pytest.approx(LOSS[-2:].mean())
    assert found["beat"] == 2.5
    assert {one.name for one in tmp_path.iterdir()} == {"run"}
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))


def test_no_error_reaches_the_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    watch = Watch(tmp_path / "file" / "run", steps=10)
    with caplog.at_level(logging.WARNING):
        for step in range(1, 11):
            watch.log(step=step, loss=3.0)
        watch.close()
    assert len(caplog.records) == 1
    assert watch.broken


@pytest.mark.parametrize("bad", ["three", None, object(), [1.0]])
def test_a_value_that_is_no_number_ends_the_watch_alone(tmp_path: Path, bad: Any) -> None:
    watch = Watch(tmp_path, steps=10)
    watch.log(step=1, loss=bad)
    assert watch.broken
    watch.log(step=2, loss=1.0)
    watch.close()


def test_a_resumed_run_goes_on_behind_its_last_whole_line(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text('{"step": 1.0, "loss": 3.0}\n{"step": 2.0, "lo')
    watch = Watch(tmp_path, steps=100, every=HANG)
    watch.log(step=2, loss=2.9)
    assert watch._file is not None
    watch._file.close()
    steps = [json.loads(line)["step"] for line in (tmp_path / LOG).read_text().splitlines()]
    assert steps == [1.0, 2.0]


def _module(monkeypatch: pytest.MonkeyPatch, name: str, base: str) -> None:
    """A framework's module with an empty base class, where the framework is not installed."""
    made = types.ModuleType(name)
    setattr(made, base, type(base, (), {}))
    for part in (name.partition(".")[0], name):
        monkeypatch.setitem(sys.modules, part, made)


def _callback(monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    monkeypatch.delitem(vars(scaling.callbacks), name, raising=False)
    found = getattr(scaling.callbacks, name)
    monkeypatch.delitem(vars(scaling.callbacks), name)
    return found


def test_the_trainer_of_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the hooks of its documentation; scratch runs used its own classes."""
    _module(monkeypatch, "transformers", "TrainerCallback")
    made = _callback(monkeypatch, "TrainerWatch")(tmp_path / "run", every=HANG)
    state = SimpleNamespace(global_step=0, max_steps=100, is_world_process_zero=True)
    for step in range(10, 101, 10):
        state.global_step = step
        made.on_log(None, state, None, logs={"loss": LOSS[step], "learning_rate": 1e-4, "x": "y"})
    made.on_train_end(None, state, None)
    assert made.watch.steps == 100
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(10, 101, 10))
    assert lines[0].keys() == {"step", "loss", "learning_rate", "wall_time"}


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_the_trainer_of_lightning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """By the hooks of its documentation."""
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    _module(monkeypatch, package, "Callback")
    made = _callback(monkeypatch, "LightningWatch")(tmp_path / "run", every=HANG)
    trainer = SimpleNamespace(
        global_step=0, estimated_stepping_batches=100, is_global_zero=True, log_every_n_steps=5,
        logged_metrics={"train_loss": 3.0}, sanity_checking=False,
        optimizers=[SimpleNamespace(param_groups=[{"lr": 1e-3}])],
    )  # fmt: skip
    made.on_train_start(trainer, None)
    for step in range(1, 101):
        trainer.global_step = step
        trainer.logged_metrics = trainer.logged_metrics | {"train_loss": LOSS[step]}
        for _ in range(2):  # two batches a step
            made.on_train_batch_end(trainer, None, None, None, step)
        if step % 50 == 0:
            trainer.logged_metrics = trainer.logged_metrics | {"val_loss": LOSS[step] + 0.1}
            made.on_validation_end(trainer, None)
    made.on_train_end(trainer, None)
    lines = [json.loads(line) for line in (tmp_path / "run" / LOG).read_text().splitlines()]
    assert [x["step"] for x in lines if "train_loss" in x] == list(range(5, 101, 5))
    assert [x["step"] for x in lines if "val_loss" in x] == [50, 100]
    assert lines[0]["lr"] == 1e-3


def test_another_process_of_the_training_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _module(monkeypatch, "transformers", "TrainerCallback")
    made = _callback(monkeypatch, "TrainerWatch")(tmp_path / "run")
    state = SimpleNamespace(global_step=1, max_steps=100, is_world_process_zero=False)
    made.on_log(None, state, None, logs={"loss": 3.0})
    made.on_train_end(None, state, None)
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_other_callback() -> None:
    with pytest.raises(AttributeError, match="KerasWatch"):
        scaling.callbacks.KerasWatch  # noqa: B018
