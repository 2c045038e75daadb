"""The pipeline as DVC sees it: which stages there are, what is stale, running one of them.

DVC is always a subprocess. Prefect is not needed here, so a look at what is stale stays cheap.
"""

from __future__ import annotations

import contextlib
import graphlib
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scaling.errors import InputError
from scaling.io import atomic
from scaling.orchestration.dvc.process import Outcome, StageFailed, read_outputs
from scaling.orchestration.dvc.unchanged import is_as_noted, note, signature
from scaling.record.versions.check import appears_intact
from scaling.record.versions.sources import ENGINE_WHEEL
from scaling.record.versions.store import is_published
from scaling.runs.studies import PARAMS, load_params

# No stage of the studies shipped takes a hundredth of it; a stage that hangs must end some day.
STAGE_SECONDS = 7200.0
DVC_SECONDS = 1800.0
COMMAND = Path(__file__).with_name("command.py")
NODE = re.compile(r'^"([^"]+)";$', re.MULTILINE)
EDGE = re.compile(r'^"([^"]+)" -> "([^"]+)";$', re.MULTILINE)


def rounds(needs: dict[str, list[str]]) -> list[list[str]]:
    """Stages in rounds: a round needs only what the rounds before it make (or nobody here)."""
    made: dict[str, int] = {}
    for stage in graphlib.TopologicalSorter(needs).static_order():
        made[stage] = 1 + max((made[other] for other in needs.get(stage, ())), default=-1)
    numbers = sorted({made[stage] for stage in needs})
    return [[stage for stage in needs if made[stage] == number] for number in numbers]


def needed(root: Path) -> dict[str, list[str]]:
    """Each stage with the stages that it needs, in the order of ``dvc.yaml``.

    DVC is asked once for each content of its files; the answer is kept in ``.dvc/tmp``. Raises
    InputError when DVC cannot tell.
    """
    files = [root / name for name in ("dvc.yaml", "params.yaml")]
    content = b"".join(file.read_bytes() for file in files if file.is_file())
    kept = root / ".dvc" / "tmp" / "scaling-stages.json"
    key = hashlib.sha256(content).hexdigest()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found: dict[str, list[str]] = json.loads(kept.read_bytes())[key]
        return found
    needs = _drawn(root)
    atomic.write(kept, json.dumps({key: needs}).encode())
    return needs


def _drawn(root: Path) -> dict[str, list[str]]:
    drawn = dvc(root, "dag", "--dot")
    if drawn.returncode != 0:
        raise InputError(f"DVC cannot list the stages: {drawn.stderr.strip()}", file=root)
    # Data that DVC tracks for itself (FILE.dvc) is no stage.
    names = [name for name in NODE.findall(drawn.stdout) if not name.endswith(".dvc")]
    needs: dict[str, list[str]] = {name: [] for name in names}
    for first, then in EDGE.findall(drawn.stdout):
        if first in needs:
            needs[then].append(first)
    return needs


def reproduce(
    root: Path, stages: Sequence[str], seconds: float = STAGE_SECONDS, *, keep_going: bool = False
) -> tuple[list[Outcome], list[StageFailed]]:
    """Bring these stages, in this order, up to date, and nothing else; what became of them.

    After a failure the rest is left undone, or with ``keep_going`` (for stages that do not need
    each other) done. Raises StageFailed when a stage takes over ``seconds``.
    """
    options = ["--keep-going"] if keep_going else []
    child = _start(root, "repro", "--single-item", *options, *stages)
    with child:
        try:
            outputs = read_outputs(child, seconds)
        except BaseException:
            _end(child.pid)
            raise
    return outputs.outcomes(stages, child.returncode)


def stale(root: Path, stages: Sequence[str] = ()) -> dict[str, Any]:
    """What DVC says has changed (of these stages, or of all); empty when every output belongs to
    its inputs. The wheel that DVC keeps is none of these: a clone need not have it.

    Raises InputError when DVC cannot tell.
    """
    done = dvc(root, "status", "--json", *stages)
    if done.returncode != 0:
        raise InputError(f"DVC cannot tell what is stale: {done.stderr.strip()}", file=root)
    changed: dict[str, Any] = json.loads(done.stdout)
    return {name: what for name, what in changed.items() if name != ENGINE_WHEEL}


def up_to_date(root: Path | None = None) -> bool:
    """Whether nothing is stale and the present outputs are published and whole.

    Staleness comes first: where something is stale, publishing looks at the versions anyway.
    """
    root = root or Path.cwd()
    return is_published(root) and _is_fresh(root) and appears_intact(root)


def _is_fresh(root: Path) -> bool:
    """Whether nothing is stale; DVC is asked where a file is not as when it last said so."""
    now = signature(root)
    if is_as_noted(root, now):
        return True
    if stale(root):
        return False
    note(root, now)
    return True


def dvc(
    root: Path, *arguments: str, seconds: float = DVC_SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run DVC in ``root``, with the ``python`` of this environment first on the path.

    After ``seconds`` it is ended, with everything that it started, and TimeoutExpired is raised.
    """
    if (root / PARAMS).is_file():
        # Names of studies become part of commands that DVC gives to a shell.
        load_params(root / PARAMS)
    child = _start(root, *arguments)
    with child:
        try:
            out, err = child.communicate(timeout=seconds)
        except BaseException:
            _end(child.pid)
            raise
    texts = [part.decode(errors="replace") for part in (out, err)]
    return subprocess.CompletedProcess(child.args, child.returncode, *texts)


def _start(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    # Stages run side by side, and DVC holds its lock while it looks at files.
    command = [sys.executable, "-P", str(COMMAND), "--wait-for-lock", *arguments]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PATH": path}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=root, env=environment, stdout=pipe, stderr=pipe)


def _end(pid: int) -> None:
    """Kill a process and all that it started: a stage must not go on without its DVC."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(pid)
        for process in [*first.children(recursive=True), first]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
