"""Watch a training from inside it: a few lines for plain loops, HF Trainer and Lightning.

>>> from scaling.callbacks import Watch
>>> watch = Watch("watch/run-7", steps=20_000, beat=2.8)
>>> for step in range(1, 20_001):
...     watch.log(step=step, loss=train(step), lr=rate(step))
>>> watch.close()

``Trainer(..., callbacks=[TrainerWatch("watch/run-7")])`` and ``Trainer(...,
callbacks=[LightningWatch("watch/run-7")])`` take the number of steps from the trainer.

The training writes a line a step to ``log.jsonl`` in the folder, and now and then starts `scaling
watch --once` as a process of its own at the lowest priority, which forecasts the end from it. The
folder is all that is written. Nothing here stops a training: the first error is logged, and the
watch ends.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    LightningWatch: Any
    TrainerWatch: Any

__all__ = ["LightningWatch", "TrainerWatch", "Watch"]

LOG, PRINTED = "log.jsonl", "watch.log"
# A forecast is not begun before so many times what the last one took have passed, so that they take
# at most a twentieth of a core (docs/benchmarks/watch.md has what one takes).
REST = 20.0
# The niceness that gives way to all others.
LOWEST = 19
_logger = logging.getLogger("scaling.callbacks")


def _harmless(method: Callable[..., None]) -> Callable[..., None]:
    """The method without its errors: the first is logged, and the watch is over."""

    @functools.wraps(method)
    def run(self: Watch, *given: Any, **named: Any) -> None:
        if self.broken:
            return
        try:
            method(self, *given, **named)
        except Exception:  # a training goes on, whatever is wrong here
            self.broken = True
            _logger.warning("the watch of %s ends here", self.folder, exc_info=True)

    return run


class Watch:
    """The log of one training in a folder, and forecasts of its end beside it.

    Args:
        folder: of this run alone; a run that is resumed goes on in it.
        steps: at which the run ends; None where a trainer knows.
        beat: a loss to end at or below.
        every: seconds between two forecasts, at least.
        options: more options of `scaling watch`, such as ``("--chips", "8")``.

    Attributes:
        broken: whether an error ended the watch; the training does not notice.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        steps: float | None = None,
        *,
        beat: float | None = None,
        every: float = 60.0,
        options: tuple[str, ...] = (),
    ) -> None:
        self.folder, self.steps, self.beat = Path(folder), steps, beat
        self.every, self.options = every, options
        self.broken = False
        self._file: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._began = time.monotonic()
        self._next = self._began + every

    @_harmless
    def log(self, step: float, **values: float) -> None:
        """What was logged at a step: loss, lr, eval_loss, tokens; anything that `float` takes."""
        self._write(step, {name: float(value) for name, value in values.items()})

    @_harmless
    def take(self, step: float, values: Mapping[str, Any], steps: float | None = None) -> None:
        """The numbers among a trainer's values, and the steps that it plans, where it knows."""
        if self.steps is None and steps is not None and 0 < steps < float("inf"):
            self.steps = steps
        numbers = _numbers(values)
        if numbers:
            self._write(step, numbers)

    @_harmless
    def close(self, wait: float = 30.0) -> None:
        """The run has ended: score its forecasts, and wait for that so many seconds at most."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        if self._child is not None and self._child.poll() is None:
            # It leaves a record from which the next goes on.
            self._child.kill()
            self._child.wait()
        self._forecast("--ended")
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=wait)

    def _write(self, step: float, numbers: dict[str, float]) -> None:
        if self._file is None:
            self._file = self._opened()
        # One write a line, which the system has even if the training dies now.
        line = {"step": float(step), **numbers, "wall_time": time.time()}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if time.monotonic() >= self._next and not self._busy():
            self._forecast()

    def _opened(self) -> IO[str]:
        from scaling.io.atomic import drop_cut_line

        self.folder.mkdir(parents=True, exist_ok=True)
        drop_cut_line(self.folder / LOG)
        return (self.folder / LOG).open("a", encoding="utf-8")

    def _busy(self) -> bool:
        """Whether a forecast is running; one that has ended says when the next may begin."""
        if self._child is None:
            return False
        if self._child.poll() is None:
            return True
        self._child = None
        self._next = self._began + max(self.every, REST * (time.monotonic() - self._began))
        return time.monotonic() < self._next

    def _forecast(self, *more: str) -> None:
        """Start `scaling watch --once` beside the training."""
        if self.steps is None and "--tokens" not in self.options:
            raise ValueError("no planned end: Watch(folder, steps=N)")
        known = () if self.steps is None else ("--steps", f"{self.steps:.0f}")
        goal = () if self.beat is None else ("--beat", repr(float(self.beat)))
        here = str(self.folder)
        command = (sys.executable, "-m", "scaling", "watch", f"{here}{os.sep}{LOG}", "--once")
        self._began = time.monotonic()
        with (self.folder / PRINTED).open("ab") as printed:
            self._child = subprocess.Popen(
                [*command, "--out", here, *known, *goal, *self.options, *more],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
        # The score is made when the training is over. A process that has ended has no priority.
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._child.pid, LOWEST)


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those that `float` takes."""
    found = {}
    for name, value in values.items():
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            found[name] = float(value)
    return found


def _trainer() -> type:
    """The callback of HF Trainer."""
    base: Any = import_module("transformers").TrainerCallback

    class TrainerWatch(base):  # type: ignore[misc]
        """`Watch` as a callback of ``transformers.Trainer``; arguments as there."""

        def __init__(self, folder: str | os.PathLike[str], **how: Any) -> None:
            self.watch = Watch(folder, **how)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """What the trainer logged; its summary at the end is of the whole run, of no step."""
            if state.is_world_process_zero and "train_runtime" not in (logs or {}):
                self.watch.take(state.global_step, logs or {}, state.max_steps)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """The end of the training."""
            if state.is_world_process_zero:
                self.watch.close()

    return TrainerWatch


def _rate(trainer: Any) -> dict[str, float]:
    """The learning rate of the first optimiser, which Lightning keeps out of its metrics."""
    with contextlib.suppress(Exception):  # another kind of optimiser
        return {"lr": float(trainer.optimizers[0].param_groups[0]["lr"])}
    return {}


class _LightningHooks:
    """`Watch` as a callback of ``lightning.Trainer``; arguments as there."""

    def __init__(self, folder: str | os.PathLike[str], **how: Any) -> None:
        self.watch = Watch(folder, **how)
        self.steps: float | None = None
        self.step = 0
        self.taken: dict[str, float] = {}

    def on_train_start(self, trainer: Any, *_: Any) -> None:
        """Where the run is, and how many steps are planned."""
        self.step = trainer.global_step
        with contextlib.suppress(Exception):  # it asks the data, which may be anybody's code
            self.steps = float(trainer.estimated_stepping_batches)

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """What the trainer logged, at the steps at which it logs. Batches whose gradients are
        accumulated are one step; several optimisers make several steps of a batch."""
        step, every = trainer.global_step, max(trainer.log_every_n_steps, 1)
        if step // every > self.step // every:
            self._take(trainer, _rate(trainer))
        self.step = step

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        """What an evaluation logged, but for the trial before the training."""
        if not trainer.sanity_checking:
            self._take(trainer, {})

    def _take(self, trainer: Any, more: Mapping[str, float]) -> None:
        """Values that are not those of before: the trainer keeps the last of each metric, so an
        evaluation would be logged again at each step after it."""
        if not trainer.is_global_zero:
            return
        new = {}
        for name, value in _numbers(trainer.logged_metrics).items():
            if value != self.taken.get(name) or not math.isfinite(value):
                new[name] = self.taken[name] = value
        if new:
            self.watch.take(trainer.global_step, {**more, **new}, self.steps)

    def on_train_end(self, trainer: Any, *_: Any) -> None:
        """The end of the training."""
        if trainer.is_global_zero:
            self.watch.close()


def _lightning() -> type:
    """The callback of Lightning, under either name of its package."""
    try:
        base: Any = import_module("lightning.pytorch").Callback
    except ModuleNotFoundError:
        base = import_module("pytorch_lightning").Callback
    hooks = {"__doc__": _LightningHooks.__doc__, "__module__": __name__}
    return type("LightningWatch", (_LightningHooks, base), hooks)


_CALLBACKS = {"LightningWatch": _lightning, "TrainerWatch": _trainer}


def __getattr__(name: str) -> Any:
    """The callback of a framework, which is imported here for the first time."""
    if name not in _CALLBACKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = _CALLBACKS[name]()
    return found
