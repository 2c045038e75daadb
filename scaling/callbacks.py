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
import os
import subprocess
import sys
import time
from collections.abc import Callable
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
        steps: at which the run ends; None if `log` is given none either, for a log alone.
        beat: a loss to end at or below.
        every: seconds between two forecasts, at least.
        options: more options of `scaling watch`, such as ``("--chips", "8")``.
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
        self._began = self._next = time.monotonic() + every

    @_harmless
    def log(self, *, step: float, **values: float) -> None:
        """What was logged at a step: loss, lr, eval_loss, tokens; anything a float takes."""
        numbers = {name: float(value) for name, value in values.items()}
        line = {"step": float(step), **numbers, "wall_time": time.time()}
        if self._file is None:
            self._file = self._opened()
        # One write a line, which the system has even if the training dies now.
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if time.monotonic() >= self._next and not self._busy():
            self._forecast()

    @_harmless
    def close(self, wait: float = 0.0) -> None:
        """The run has ended: score its forecasts; waits for that at most so many seconds."""
        if self._file is None:
            return
        self._file.close()
        self._file = None
        if self._child is not None:
            self._child.wait(timeout=self.every + 600.0)
        self._forecast("--ended")
        if wait and self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=wait)

    def _opened(self) -> IO[str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / LOG
        # A line that a kill cut would run into the next one.
        cut = file.exists() and not file.read_bytes().endswith((b"\n", b"")[:1]) and file.stat().st_size
        opened = file.open("a", encoding="utf-8")
        if cut:
            opened.write("\n")
        return opened

    def _busy(self) -> bool:
        """Whether a forecast is running; one that ended says when the next may begin."""
        if self._child is None:
            return False
        if self._child.poll() is None:
            return True
        took = time.monotonic() - self._began
        self._child = None
        self._next = self._began + max(self.every, REST * took)
        return time.monotonic() < self._next

    def _forecast(self, *more: str) -> None:
        """Start `scaling watch --once` beside the training."""
        known = () if self.steps is None else ("--steps", f"{self.steps:.0f}")
        goal = () if self.beat is None else ("--beat", f"{self.beat!r}")
        command = (
            *(sys.executable, "-m", "scaling", "watch", str(self.folder / LOG), "--once"),
            *("--out", str(self.folder)),
        )
        self._began = time.monotonic()
        with (self.folder / PRINTED).open("ab") as printed:
            self._child = subprocess.Popen(
                [*command, *known, *goal, *self.options, *more],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                preexec_fn=None,
            )


def _trainer() -> type:
    """The callback of HF Trainer."""
    base: Any = import_module("transformers").TrainerCallback

    class TrainerWatch(base):  # type: ignore[misc]
        """`Watch` as a callback of ``transformers.Trainer``; arguments as there."""

        def __init__(self, folder: str | os.PathLike[str], **how: Any) -> None:
            self.watch = Watch(folder, **how)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """What the trainer logged."""
            if state.is_world_process_zero:
                _logged(self.watch, state.global_step, logs, state.max_steps)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """The end of the training."""
            if state.is_world_process_zero:
                self.watch.close()

    return TrainerWatch


def _lightning() -> type:
    """The callback of Lightning, under either name of its package."""
    try:
        base: Any = import_module("lightning.pytorch").Callback
    except ModuleNotFoundError:
        base = import_module("pytorch_lightning").Callback

    class LightningWatch(base):  # type: ignore[misc]
        """`Watch` as a callback of ``lightning.Trainer``; arguments as there."""

        def __init__(self, folder: str | os.PathLike[str], **how: Any) -> None:
            self.watch = Watch(folder, **how)

        def on_train_batch_end(self, trainer: Any, module: Any, *_: Any) -> None:
            """What was logged at this step."""
            if trainer.is_global_zero:
                steps = _steps_of(trainer)
                _logged(self.watch, trainer.global_step, trainer.logged_metrics, steps)

        def on_train_end(self, trainer: Any, module: Any) -> None:
            """The end of the training."""
            if trainer.is_global_zero:
                self.watch.close()

    return LightningWatch


def _steps_of(trainer: Any) -> float:
    """The steps that a Lightning trainer will take; not positive where it does not know."""
    try:
        return float(trainer.estimated_stepping_batches)
    except Exception:  # it asks the data for its length, which may be anybody's code
        return float(trainer.max_steps)


def _logged(watch: Watch, step: int, values: Any, steps: float) -> None:
    """Log the numbers of a trainer, which has other values too."""
    if watch.steps is None and 0 < steps < float("inf"):
        watch.steps = steps
    numbers = {}
    for name, value in dict(values or {}).items():
        with contextlib.suppress(TypeError, ValueError):
            numbers[name] = float(value)
    if numbers:
        watch.log(step=step, **numbers)


_CALLBACKS = {"LightningWatch": _lightning, "TrainerWatch": _trainer}


def __getattr__(name: str) -> Any:
    """The callback of a framework, which is imported here for the first time."""
    if name not in _CALLBACKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = _CALLBACKS[name]()
    return found
