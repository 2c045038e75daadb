"""The pipeline as DVC sees it: which stages there are, what is stale, running one of them.

DVC is always a subprocess. Prefect is not needed here, so a look at what is stale stays cheap.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from scaling.errors import InputError
from scaling.publish import is_published, verify

# No stage of the studies shipped takes a hundredth of it; a stage that hangs must end some day.
STAGE_SECONDS = 7200.0
LOOK_SECONDS = 1800.0
EXITED = re.compile(r"exited with (-?\d+)\s*$", re.MULTILINE)


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

    @property
    def killed(self) -> bool:
        """Whether the system killed it (as it does when memory is short), not its own doing."""
        return self.code in (-signal.SIGKILL, 128 + signal.SIGKILL)


def stage_groups(root: Path) -> list[list[str]]:
    """The stages in the order of ``dvc.yaml``; those of one ``foreach`` are a group.

    Raises InputError when DVC cannot read the pipeline.
    """
    names = dvc(root, "stage", "list", "--name-only")
    if names.returncode != 0:
        raise InputError(f"DVC cannot list the stages: {names.stderr.strip()}", file=root)
    listed = names.stdout.split()
    return [list(group) for _, group in groupby(listed, key=lambda name: name.split("@")[0])]


def reproduce(root: Path, stage: str, seconds: float = STAGE_SECONDS) -> Outcome:
    """Bring one stage up to date, and nothing else. Raises StageFailed, also after ``seconds``."""
    start = time.monotonic()
    try:
        done = dvc(root, "repro", "--single-item", stage, seconds=seconds)
    except subprocess.TimeoutExpired:
        raise StageFailed(stage, None, f"it was ended after {seconds:g} s") from None
    if done.returncode != 0:
        raise _failure(stage, done)
    if f"Running stage '{stage}'" in done.stdout:
        what = "ran"
    elif f"Stage '{stage}' is cached" in done.stdout:
        what = "restored"
    else:
        what = "up to date"
    return Outcome(stage, what, time.monotonic() - start, done.stderr.strip())


def stale(root: Path) -> dict[str, Any]:
    """What DVC says has changed; empty when every output belongs to its inputs.

    Raises InputError when DVC cannot tell.
    """
    done = dvc(root, "status", "--json")
    if done.returncode != 0:
        raise InputError(f"DVC cannot tell what is stale: {done.stderr.strip()}", file=root)
    changed: dict[str, Any] = json.loads(done.stdout)
    return changed


def up_to_date(root: Path | None = None) -> bool:
    """Whether nothing is stale and the present outputs are published and whole."""
    root = root or Path.cwd()
    return is_published(root) and not verify(root) and not stale(root)


def _failure(stage: str, done: subprocess.CompletedProcess[str]) -> StageFailed:
    status = EXITED.search(done.stderr)
    if status is None:
        gone = done.returncode if done.returncode < 0 else None
        return StageFailed(stage, gone, done.stderr.strip())
    # DVC ends with a line that says the same as StageFailed.
    said = [line for line in done.stderr.splitlines() if not line.startswith("ERROR: failed to re")]
    return StageFailed(stage, int(status[1]), "\n".join(said).strip())


def dvc(
    root: Path, *arguments: str, seconds: float = LOOK_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run DVC in ``root``, with the ``python`` of this environment first on the path.

    After ``seconds`` it is ended, with everything that it started, and TimeoutExpired is raised.
    """
    # Stages of one group run side by side, and DVC holds its lock while it looks at files.
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    child = subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            out, err = child.communicate(timeout=seconds)
        except BaseException:
            _end(child.pid)
            raise
    return subprocess.CompletedProcess(command, child.returncode, out, err)


def _end(pid: int) -> None:
    """Kill a process and all that it started: a stage must not go on without its DVC."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        for process in [*first.children(recursive=True), first]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
