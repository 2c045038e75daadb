"""Read the output of a DVC process that runs several stages, stage by stage.

Starting DVC costs as much as a small stage does, so stages that one worker runs share a process.
DVC names a stage on its standard output before it runs it; what the stage writes to standard error
is there before the next name is, so the two streams together tell which stage wrote what.

Rests on internals of dvc 3.67.1: the lines with which it names a stage, skips it, takes it from its
cache, and reports which stages failed and how.
"""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

NAMED = re.compile(r"^(Running stage|Stage) '([^']+)'(.*)$")
EXITED = re.compile(r"exited with (-?\d+)\s*$", re.MULTILINE)
FAILED = re.compile(r"^ERROR: failed to reproduce(?: stages:)? (.*)$", re.MULTILINE)
QUOTED = re.compile(r"'([^']+)'")
OWN = ("ERROR: failed to re", "WARNING: failed to run: ")
PART = 65536


@dataclass(frozen=True)
class Outcome:
    """The outcome of a stage: ``ran``, ``up to date`` or ``restored`` (from DVC's cache)."""

    stage: str
    what: str
    seconds: float
    warnings: str = ""

    def __str__(self) -> str:
        took = f"{self.seconds:6.1f} s" if self.what == "ran" else ""
        return f"{self.stage:<32} {self.what:<10} {took}".rstrip()


class StageFailed(RuntimeError):
    """A stage failed; ``code`` is its exit status (None: it never ran), ``output`` is what it
    wrote."""

    def __init__(self, stage: str, code: int | None, output: str) -> None:
        self.stage, self.code, self.output = stage, code, output
        status = "did not run" if code is None else f"exit status {code}"
        interrupted = code in (-signal.SIGINT, 128 + signal.SIGINT)
        # After Ctrl-C a stage prints where it was, which nobody asked.
        text = "was interrupted" if interrupted else f"failed ({status})\n{output}"
        super().__init__(f"stage {stage} {text}")

    def __reduce__(self) -> tuple[type[StageFailed], tuple[str, int | None, str]]:
        """To survive pickling, as a worker process returns it."""
        return StageFailed, (self.stage, self.code, self.output)

    @property
    def killed(self) -> bool:
        """Whether the system killed it (as it does when memory is short), not its own doing."""
        return self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)


@dataclass
class _StageRun:
    """A stage that DVC has named: its outcome, its times, and its standard error."""

    what: str
    start: float
    stderr: bytearray = field(default_factory=bytearray)
    end: float = 0.0


class StageOutputs:
    """The output of a DVC process so far, by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, _StageRun] = {}
        self.stderr = bytearray()
        self.present: str | None = None
        self.since = time.monotonic()
        self._rest = b""

    def take_stderr(self, text: bytes) -> None:
        """Take in standard error."""
        self.stderr += text
        if self.present is not None:
            self.stages[self.present].stderr += text

    def take_stdout(self, text: bytes) -> None:
        """Take in standard output, which may end in the middle of a line."""
        *lines, self._rest = (self._rest + text).split(b"\n")
        for line in lines:
            if (named := NAMED.match(line.decode(errors="replace"))) is not None:
                self._close()
                self.present = named[2]
                self.stages[named[2]] = _StageRun(_what(named[1], named[3]), self.since)

    def _close(self) -> None:
        self.since = time.monotonic()
        if self.present is not None:
            self.stages[self.present].end = self.since

    def outcomes(
        self, stages: Sequence[str], status: int
    ) -> tuple[list[Outcome], list[StageFailed]]:
        """The outcomes and failures of the stages, once DVC has ended with ``status``."""
        self._close()
        text = _text(self.stderr)
        failed = [name for line in FAILED.findall(text) for name in _names(line, stages)]
        if status != 0 and not failed:
            code = status if status < 0 else None
            return [], [StageFailed(self.present or stages[0], code, text)]
        outcomes = [
            Outcome(stage, one.what, one.end - one.start, _text(one.stderr))
            for stage, one in self.stages.items()
            if stage not in failed
        ]
        return outcomes, [self._failure(stage) for stage in failed]

    def _failure(self, stage: str) -> StageFailed:
        text = _text(self.stages[stage].stderr if stage in self.stages else self.stderr)
        status = EXITED.search(text)
        if status is None:
            return StageFailed(stage, None, text)
        # DVC's own line about the failure repeats StageFailed.
        lines = [line for line in text.splitlines() if not line.startswith(OWN)]
        return StageFailed(stage, int(status[1]), "\n".join(lines).strip())


def read_outputs(child: subprocess.Popen[bytes], seconds: float) -> StageOutputs:
    """Read both streams to their end. Raises StageFailed when one stage takes over ``seconds``."""
    assert child.stdout is not None and child.stderr is not None
    outputs = StageOutputs()
    takers = {child.stderr: outputs.take_stderr, child.stdout: outputs.take_stdout}
    with selectors.DefaultSelector() as selector:
        for stream in takers:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = outputs.since + seconds - time.monotonic()
            if left <= 0:
                stage = outputs.present or "of the batch"
                raise StageFailed(stage, None, f"it was ended after {seconds:g} s")
            selector.select(left)
            # Standard error first: what a stage wrote is there before DVC names the next.
            for stream, take in takers.items():
                if stream in selector.get_map() and not _drain(stream, take):
                    selector.unregister(stream)
    return outputs


def _drain(stream: IO[bytes], take: Callable[[bytes], None]) -> bool:
    """Pass on what is there now; whether more may come."""
    while True:
        try:
            part = os.read(stream.fileno(), PART)
        except BlockingIOError:
            return True
        if not part:
            return False
        take(part)


def _what(first: str, rest: str) -> str:
    if first == "Running stage":
        return "ran"
    return "restored" if rest.startswith(" is cached") else "up to date"


def _names(line: str, stages: Sequence[str]) -> list[str]:
    """The stages that DVC's last line quotes."""
    return [name for name in QUOTED.findall(line) if name in stages]


def _text(text: bytes | bytearray) -> str:
    return text.decode(errors="replace").strip()
