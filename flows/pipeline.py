"""The pipeline as DVC sees it: which stages there are, what is stale, running one of them.

DVC is always a subprocess. Prefect is not needed here, so a look at what is stale stays cheap.
"""

from __future__ import annotations

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


def stage_groups(root: Path) -> list[list[str]]:
    """The stages in the order of ``dvc.yaml``; those of one ``foreach`` are a group.

    Raises InputError when DVC cannot read the pipeline.
    """
    names = _dvc(root, "stage", "list", "--name-only")
    if names.returncode != 0:
        raise InputError(f"DVC cannot list the stages: {names.stderr.strip()}", file=root)
    listed = names.stdout.split()
    return [list(group) for _, group in groupby(listed, key=lambda name: name.split("@")[0])]


def reproduce(root: Path, stage: str) -> Outcome:
    """Bring one stage up to date, and nothing else. Raises StageFailed."""
    start = time.monotonic()
    done = _dvc(root, "repro", "--single-item", stage)
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
    done = _dvc(root, "status", "--json")
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
        return StageFailed(stage, None, done.stderr.strip())
    # DVC ends with a line that says the same as StageFailed.
    said = [line for line in done.stderr.splitlines() if not line.startswith("ERROR: failed to re")]
    return StageFailed(stage, int(status[1]), "\n".join(said).strip())


def _dvc(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC in ``root``, with the ``python`` of this environment first on the path."""
    # Stages of one group run side by side, and DVC holds its lock while it looks at files.
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
