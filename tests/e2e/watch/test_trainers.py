"""Small trainings with the real trainers of Lightning and transformers, where they are installed.

    python -m pytest tests/e2e/watch/test_trainers.py -m slow

in an environment that has ``torch`` and ``lightning``, or ``transformers`` and ``accelerate``.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from scaling.callbacks import LOG
from tests.support.waiting import HANG

torch = pytest.importorskip("torch", reason="torch is not installed")

# Deprecations inside the trainers are not ours.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
STEPS, EVERY = 60, 5


def _lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / LOG).read_text().splitlines()]


def _of(name: str, folder: Path) -> dict[float, float]:
    """Values of a metric by step, each logged once."""
    found = [(one["step"], one[name]) for one in _lines(folder) if name in one]
    assert len(dict(found)) == len(found), f"{name} is logged twice at a step"
    return dict(found)


class _Rows(torch.utils.data.Dataset):  # type: ignore[misc]
    """y = sum x, in 240 rows."""

    def __len__(self) -> int:
        return 240

    def __getitem__(self, at: int) -> dict[str, Any]:
        x = torch.randn(8, generator=torch.Generator().manual_seed(at))
        return {"x": x, "labels": x.sum().reshape(1)}


class _Line(torch.nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(8, 1)

    def forward(self, x: Any, labels: Any) -> dict[str, Any]:
        loss = ((self.layer(x) - labels) ** 2).mean() + 1.0
        return {"loss": loss, "logits": loss.reshape(1)}


def _lightning(folder: Path, out: Path, **more: Any) -> Any:
    """A training of Lightning with the watch as its callback; the callback."""
    lightning = pytest.importorskip("lightning", reason="lightning is not installed")
    from scaling.callbacks import LightningWatch

    class Model(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.line = _Line()

        def training_step(self, batch: Any, _: int) -> Any:
            loss = self.line(**batch)["loss"]
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, _: int) -> None:
            self.log("val_loss", self.line(**batch)["loss"])

        def configure_optimizers(self) -> Any:
            best = torch.optim.SGD(self.parameters(), lr=0.01)
            falling = torch.optim.lr_scheduler.LinearLR(best, 1.0, 0.1, STEPS)
            return {"optimizer": best, "lr_scheduler": {"scheduler": falling, "interval": "step"}}

    made = LightningWatch(folder, every=HANG)
    start = more.pop("ckpt_path", None)
    rows = torch.utils.data.DataLoader(_Rows(), batch_size=8)
    trainer = lightning.Trainer(
        **{"max_steps": STEPS, "log_every_n_steps": EVERY, "logger": False, **more},
        callbacks=[made], accelerator="cpu", default_root_dir=out,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Model(), rows, rows, ckpt_path=start)
    made.trainer = trainer
    return made


def _scored(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "score.json").read_text())
    return found


def test_lightning_logs_each_value_once(tmp_path: Path) -> None:
    """30 batches an epoch: two epochs, each with an evaluation."""
    made = _lightning(tmp_path / "run", tmp_path / "out")
    assert not made.watch.broken and made.watch.steps == STEPS
    assert list(_of("train_loss", tmp_path / "run")) == list(range(EVERY, STEPS + 1, EVERY))
    assert list(_of("val_loss", tmp_path / "run")) == [30, 60]
    rate = _of("lr", tmp_path / "run")
    assert rate[EVERY] > rate[STEPS] > 0


def test_lightning_with_accumulated_gradients_and_several_loggers(tmp_path: Path) -> None:
    from lightning.pytorch.loggers import CSVLogger

    loggers = [CSVLogger(tmp_path / name) for name in ("one", "two")]
    _lightning(
        tmp_path / "run", tmp_path / "out", logger=loggers, accumulate_grad_batches=3,
        max_steps=30, log_every_n_steps=2,
    )  # fmt: skip
    assert list(_of("train_loss", tmp_path / "run")) == list(range(2, 31, 2))


def test_lightning_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    first = _lightning(tmp_path / "run", tmp_path / "out", max_steps=20)
    first.trainer.save_checkpoint(tmp_path / "last.ckpt")
    _lightning(tmp_path / "run", tmp_path / "out", ckpt_path=tmp_path / "last.ckpt")
    assert list(_of("train_loss", tmp_path / "run")) == list(range(EVERY, STEPS + 1, EVERY))
    assert _scored(tmp_path / "run")["observed"] > 0


def test_lightning_trains_on_when_the_watch_cannot_write(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING, "scaling.callbacks"):
        made = _lightning(tmp_path / "file" / "run", tmp_path / "out")
    assert made.trainer.global_step == STEPS and made.watch.broken
    assert len([one for one in caplog.records if one.name == "scaling.callbacks"]) == 1


def _transformers(folder: Path, out: Path, resume: Any = None, **more: Any) -> Any:
    """A training of HF Trainer with the watch as its callback; the callback."""
    hf = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    from scaling.callbacks import TrainerWatch

    made = TrainerWatch(folder, every=HANG)
    usual = {
        "max_steps": STEPS, "logging_steps": EVERY, "eval_strategy": "steps", "eval_steps": 20,
        "save_strategy": "no", "report_to": "none", "per_device_train_batch_size": 4,
        "disable_tqdm": True, "use_cpu": True, "remove_unused_columns": False,
    }  # fmt: skip
    how = hf.TrainingArguments(output_dir=str(out), **{**usual, **more})
    trainer = hf.Trainer(
        model=_Line(), args=how, train_dataset=_Rows(), eval_dataset=_Rows(), callbacks=[made]
    )
    trainer.train(resume_from_checkpoint=resume)
    made.trainer = trainer
    return made


def test_transformers_logs_each_value_once(tmp_path: Path) -> None:
    made = _transformers(tmp_path / "run", tmp_path / "out", gradient_accumulation_steps=2)
    assert not made.watch.broken and made.watch.steps == STEPS
    assert list(_of("loss", tmp_path / "run")) == list(range(EVERY, STEPS + 1, EVERY))
    assert list(_of("eval_loss", tmp_path / "run")) == [20, 40, 60]
    assert set(_of("learning_rate", tmp_path / "run")) == set(_of("loss", tmp_path / "run"))


def test_transformers_without_an_evaluation_is_scored(tmp_path: Path) -> None:
    """Its summary at the end is of the whole run, not a loss of the last step."""
    made = _transformers(tmp_path / "run", tmp_path / "out", eval_strategy="no", logging_steps=1)
    assert not made.watch.broken and not _of("train_loss", tmp_path / "run")
    assert _scored(tmp_path / "run")["metric"] == "loss"


def test_transformers_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    kept = {"save_strategy": "steps", "save_steps": 20}
    _transformers(tmp_path / "run", tmp_path / "out", max_steps=25, **kept)
    made = _transformers(
        tmp_path / "run", tmp_path / "out", resume=str(tmp_path / "out/checkpoint-20"), **kept
    )
    assert made.trainer.state.global_step == STEPS and not made.watch.broken
    assert _scored(tmp_path / "run")["observed"] > 0


def test_transformers_trains_on_when_the_watch_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = _transformers(tmp_path / "file" / "run", tmp_path / "out")
    assert made.trainer.state.global_step == STEPS and made.watch.broken
