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
    """What became of a stage: ``ran``, ``up to date`` or ``restored`` (from DVC's cache)."""

    stage: str
    what: str
    seconds: float
    warnings: str = ""

    def __str__(self) -> str:
        took = f"{self.seconds:6.1f} s" if self.what == "ran" else ""
        return f"{self.stage:<32} {self.what:<10} {took}".rstrip()


class StageFailed(RuntimeError):
    """A stage failed; ``code`` is its exit status (None: it never ran), ``output`` what it said."""

    def __init__(self, stage: str, code: int | None, output: str) -> None:
        self.stage, self.code, self.output = stage, code, output
        status = "did not run" if code is None else f"exit status {code}"
        interrupted = code in (-signal.SIGINT, 128 + signal.SIGINT)
        # After Ctrl-C what a stage says is where it was, which is no one's question.
        text = "was interrupted" if interrupted else f"failed ({status})\n{output}"
        super().__init__(f"stage {stage} {text}")

    def __reduce__(self) -> tuple[type[StageFailed], tuple[str, int | None, str]]:
        """So that it comes back whole from a worker process."""
        return StageFailed, (self.stage, self.code, self.output)

    @property
    def killed(self) -> bool:
        """Whether the system killed it (as it does when memory is short), not its own doing."""
        return self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)


@dataclass
class _Seen:
    """A stage that DVC has named: what becomes of it, when, and its standard error."""

    what: str
    start: float
    said: bytearray = field(default_factory=bytearray)
    end: float = 0.0


class Follower:
    """What a DVC process has said so far, by stage."""

    def __init__(self) -> None:
        self.seen: dict[str, _Seen] = {}
        self.said = bytearray()
        self.present: str | None = None
        self.since = time.monotonic()
        self._rest = b""

    def err(self, text: bytes) -> None:
        """Take in standard error."""
        self.said += text
        if self.present is not None:
            self.seen[self.present].said += text

    def out(self, text: bytes) -> None:
        """Take in standard output, which may end in the middle of a line."""
        *lines, self._rest = (self._rest + text).split(b"\n")
        for line in lines:
            if (named := NAMED.match(line.decode(errors="replace"))) is not None:
                self._close()
                self.present = named[2]
                self.seen[named[2]] = _Seen(_what(named[1], named[3]), self.since)

    def _close(self) -> None:
        self.since = time.monotonic()
        if self.present is not None:
            self.seen[self.present].end = self.since

    def end(self, stages: Sequence[str], status: int) -> tuple[list[Outcome], list[StageFailed]]:
        """What became of the stages, once DVC has ended with ``status``."""
        self._close()
        said = _text(self.said)
        failed = [name for line in FAILED.findall(said) for name in _names(line, stages)]
        if status != 0 and not failed:
            gone = status if status < 0 else None
            return [], [StageFailed(self.present or stages[0], gone, said)]
        outcomes = [
            Outcome(stage, one.what, one.end - one.start, _text(one.said))
            for stage, one in self.seen.items()
            if stage not in failed
        ]
        return outcomes, [self._failure(stage) for stage in failed]

    def _failure(self, stage: str) -> StageFailed:
        said = _text(self.seen[stage].said if stage in self.seen else self.said)
        status = EXITED.search(said)
        if status is None:
            return StageFailed(stage, None, said)
        # DVC says with a line of its own what StageFailed says too.
        lines = [line for line in said.splitlines() if not line.startswith(OWN)]
        return StageFailed(stage, int(status[1]), "\n".join(lines).strip())


def follow(child: subprocess.Popen[bytes], seconds: float) -> Follower:
    """Read both streams to their end. Raises StageFailed when one stage takes over ``seconds``."""
    assert child.stdout is not None and child.stderr is not None
    follower = Follower()
    takers = {child.stderr: follower.err, child.stdout: follower.out}
    with selectors.DefaultSelector() as selector:
        for stream in takers:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            left = follower.since + seconds - time.monotonic()
            if left <= 0:
                stage = follower.present or "of the batch"
                raise StageFailed(stage, None, f"it was ended after {seconds:g} s")
            selector.select(left)
            # Standard error first: what a stage said is there before DVC names the next.
            for stream, take in takers.items():
                if stream in selector.get_map() and not _drain(stream, take):
                    selector.unregister(stream)
    return follower


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


def _text(said: bytes | bytearray) -> str:
    return said.decode(errors="replace").strip()
