"""Killed anywhere, `scaling add` and ingest leave a state from which the same command ends well.

A child process is killed at a chosen operation on a file, or after a random time. What a reader
sees then is the old table or the new one, and the next run ends with the same bytes as one that
was never killed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from scaling.pipeline import ingest
from scaling.runs.inbox.add import add
from scaling.runs.inbox.mapping import Options
from tests.e2e.runs.test_add import TABLE, tree
from tests.support import ROOT
from tests.unit.pipeline.test_ingest import METADATA

DAYS = (date(2026, 1, 5), date(2026, 1, 6))
NEWER = TABLE.replace("2.0,y", "1.9,y") + "c,7B,1T,2026-01-06,1.8,\n"
OPTIONS = Options(
    maps=["run=name", "params=N", "tokens=D", "observed=day"],
    metrics=["val_loss=loss@c4:nats/token"],
    ignore=["remark"],
)
CHILD = """
import os, signal, sys
from datetime import date
from pathlib import Path
from tests.e2e.runs.test_add_kills import second_add
from scaling.pipeline import ingest
at, seen = int(sys.argv[2]), 0
EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "tempfile.mkdtemp")
def hook(event, args):
    global seen
    if event in EVENTS:
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)
os.chdir(sys.argv[3])
print("ready", flush=True)
sys.addaudithook(hook)
{"add": second_add, "ingest": ingest.main}[sys.argv[1]]()
print(seen, file=sys.stderr)
"""


def second_add() -> None:
    """The addition that is killed: a correction and a new row, by a new version of the mapping."""
    more = Options(metrics=["val_loss=loss@c4:bits/token:nats/token"])
    add(Path("in/newer/team.csv"), None, more, today=DAYS[1])


def make(folder: Path) -> None:
    """A project with one addition, and what is added next, entered."""
    folder.mkdir()
    os.chdir(folder)
    for name, text in {
        "params.yaml": "disclose_internal: true\n",
        "data/published/paper/source.yaml": METADATA,
        "data/published/paper/runs.csv": "run,params,value\na,7e9,2.5\n",
        "in/team.csv": TABLE,
        "in/newer/team.csv": NEWER,
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    add(Path("in/team.csv"), None, OPTIONS, today=DAYS[0])
    ingest.main()


def child(what: str, at: int, folder: Path) -> subprocess.Popen[str]:
    """A process that does it, and is killed at that operation; at 0 it is not."""
    command = [sys.executable, "-c", CHILD, what, str(at), str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def ends(tmp_path: Path) -> dict[str, dict[str, bytes]]:
    """What the data folder holds before, after the addition, and after ingest."""
    make(tmp_path / "whole")
    found = {"before": tree()}
    second_add()
    found["add"] = tree()
    ingest.main()
    found["ingest"] = tree()
    yield found  # type: ignore[misc]
    os.chdir(ROOT)


def _runs(state: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in state.items() if name.startswith("data/runs/")}


def _check(what: str, killed: subprocess.Popen[str], ends: dict[str, dict[str, bytes]]) -> bool:
    """Whether the process was killed; what it left is read, and then brought to its end."""
    said = killed.communicate()[1]
    assert killed.returncode in (0, -signal.SIGKILL), said
    left = tree()
    if what == "add":
        ingest.main()
        assert _runs(tree()) in (_runs(ends["before"]), _runs(ends["ingest"]))
        shutil.rmtree("data/runs")
        second_add()
        ingest.main()
    else:
        assert _runs(left) in (_runs(ends["before"]), _runs(ends["ingest"]), {})
        ingest.main()
    assert tree() == ends["ingest"]
    return killed.returncode != 0


def _at(what: str, at: int, folder: Path, ends: dict[str, dict[str, bytes]]) -> bool:
    make(folder)
    if what == "ingest":
        second_add()
    return _check(what, child(what, at, folder), ends)


@pytest.mark.parametrize("what", ["add", "ingest"])
def test_killed_at_an_operation(
    what: str, tmp_path: Path, ends: dict[str, dict[str, bytes]]
) -> None:
    make(tmp_path / "counted")
    if what == "ingest":
        second_add()
    counted = child(what, 0, tmp_path / "counted")
    number = int(counted.communicate()[1].split()[-1])
    assert tree() == ends[what]
    for at in sorted({number, number - 1, *random.Random(0).sample(range(1, number), 2)}):
        assert _at(what, at, tmp_path / str(at), ends), at


@pytest.mark.slow
@pytest.mark.parametrize("what", ["add", "ingest"])
def test_killed_a_hundred_times(
    what: str, tmp_path: Path, ends: dict[str, dict[str, bytes]]
) -> None:
    """Half of the kills come at a random operation, half after a random time.

    Those times follow the machine: longer after a kill that came in time, shorter after one that
    came too late, until 25 have come in time.
    """
    make(tmp_path / "counted")
    if what == "ingest":
        second_add()
    process = child(what, 0, tmp_path / "counted")
    assert process.stdout is not None and process.stdout.readline()
    start = time.monotonic()
    number = int(process.communicate()[1].split()[-1])
    took = time.monotonic() - start
    chance = random.Random(1)
    kills = sum(_at(what, chance.randint(1, number), tmp_path / f"at{i}", ends) for i in range(50))
    tries = 0
    while tries < 50 or kills < 75:
        tries += 1
        folder = tmp_path / f"after{tries}"
        make(folder)
        if what == "ingest":
            second_add()
        process = child(what, 0, folder)
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(chance.uniform(0.0, took))
        process.kill()
        killed = _check(what, process, ends)
        kills += killed
        took *= 1.05 if killed else 0.8
        shutil.rmtree(folder)
        os.chdir(ROOT)
