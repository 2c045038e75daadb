"""Killed anywhere, each verb of the inbox and ingest leave a state from which the same command ends
well.

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
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.pipeline import ingest
from scaling.runs.inbox import withdrawals
from scaling.runs.inbox.add import add
from scaling.runs.inbox.mapping import Options
from scaling.runs.inbox.remap import amend, undo
from tests.support import ROOT
from tests.support.inbox_project import OPTIONS, STORE, TABLE, fill, tree

DAYS = (date(2026, 1, 5), date(2026, 1, 6))
NEWER = TABLE.replace("2.0,y", "1.9,y") + "c,7B,1T,2026-01-06,1.8,\n"
CHILD = """
import os, signal, sys
from tests.e2e.runs.test_add_kills import ACTS
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
ACTS[sys.argv[1]]()
print(seen, file=sys.stderr)
"""


def second_add() -> None:
    """A correction and a new row, by a new version of the mapping."""
    more = Options(metrics=["val_loss=loss@c4:bits/token:nats/token"])
    add(Path("in/newer/team.csv"), None, more, today=DAYS[1])


def change_mapping() -> None:
    """Other units for all files; nothing where that is done."""
    bits = Options(metrics=["val_loss=loss@c4:bits/token:nats/token"])
    change = amend(STORE / "team", bits, (), DAYS[1])
    if change is not None:
        change.write()


def undo_mapping() -> None:
    """The change taken back; nothing where that is done."""
    with suppress(InputError):
        undo(STORE / "team", DAYS[1]).write()


def _withdraw(*, withdrawn: bool) -> None:
    withdrawals.add(
        STORE / "team" / withdrawals.FILE,
        ["a"],
        ["a", "b"],
        withdrawn=withdrawn,
        reason="wrong",
        by="Ada",
        today=DAYS[1],
    )


def remove() -> None:
    """A run is withdrawn."""
    _withdraw(withdrawn=True)


def restore() -> None:
    """It is restored."""
    _withdraw(withdrawn=False)


# What is killed; what was done before it.
ACTS: dict[str, Callable[[], None]] = {
    "add": second_add,
    "ingest": ingest.main,
    "mapping": change_mapping,
    "undo": undo_mapping,
    "remove": remove,
    "restore": restore,
}
BEFORE = {"ingest": second_add, "undo": change_mapping, "restore": remove}


def make(folder: Path, what: str) -> None:
    """A project with one addition, and what is done before the act, entered."""
    os.chdir(fill(folder, {"in/newer/team.csv": NEWER}))
    add(Path("in/team.csv"), None, OPTIONS, today=DAYS[0])
    if what == "ingest":
        ingest.main()
    if what in BEFORE:
        BEFORE[what]()
    if what != "ingest":
        ingest.main()


def child(what: str, at: int, folder: Path) -> subprocess.Popen[str]:
    """A process that does it, and is killed at that operation; at 0 it is not."""
    command = [sys.executable, "-c", CHILD, what, str(at), str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def ends(what: str, tmp_path: Path) -> Iterator[dict[str, dict[str, bytes]]]:
    """What the data folder holds before the act, after it, and after ingest."""
    make(tmp_path / "whole", what)
    found = {"before": tree()}
    ACTS[what]()
    found["after"] = tree()
    ingest.main()
    found["ingested"] = tree()
    assert _runs(found["before"]) != _runs(found["ingested"])
    yield found
    os.chdir(ROOT)


def _runs(state: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in state.items() if name.startswith("data/runs/")}


def _check(what: str, killed: subprocess.Popen[str], ends: dict[str, dict[str, bytes]]) -> bool:
    """Whether the process was killed; what it left is read, and then brought to its end."""
    said = killed.communicate()[1]
    assert killed.returncode in (0, -signal.SIGKILL), said
    left = tree()
    either = (_runs(ends["before"]), _runs(ends["ingested"]))
    if what == "ingest":
        assert _runs(left) in (*either, {})
    else:
        ingest.main()
        assert _runs(tree()) in either
        shutil.rmtree("data/runs")
        ACTS[what]()
    ingest.main()
    assert tree() == ends["ingested"]
    return killed.returncode != 0


def _at(what: str, at: int, folder: Path, ends: dict[str, dict[str, bytes]]) -> bool:
    make(folder, what)
    return _check(what, child(what, at, folder), ends)


@pytest.mark.parametrize("what", ACTS)
def test_killed_at_an_operation(
    what: str, tmp_path: Path, ends: dict[str, dict[str, bytes]]
) -> None:
    make(tmp_path / "counted", what)
    counted = child(what, 0, tmp_path / "counted")
    number = int(counted.communicate()[1].split()[-1])
    assert tree() == ends["after"]
    some = random.Random(0).sample(range(1, number), min(2, number - 1))
    for at in sorted({number, number - 1, *some}):
        assert _at(what, at, tmp_path / str(at), ends), at


@pytest.mark.slow
@pytest.mark.parametrize("what", ACTS)
def test_killed_a_hundred_times(
    what: str, tmp_path: Path, ends: dict[str, dict[str, bytes]]
) -> None:
    """Half of the kills come at a random operation, half after a random time.

    Those times follow the machine: longer after a kill that came in time, shorter after one that
    came too late, until 25 have come in time.
    """
    make(tmp_path / "counted", what)
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
        make(folder, what)
        process = child(what, 0, folder)
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(chance.uniform(0.0, took))
        process.kill()
        killed = _check(what, process, ends)
        kills += killed
        took *= 1.05 if killed else 0.8
        shutil.rmtree(folder)
        os.chdir(ROOT)
