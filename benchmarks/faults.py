"""Faults of thirty simulated days: each is injected for one refit and taken away afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.support.small_project import Project, write_runs

STAGES = ("ingest", "validate", "fit", "backtest", "forecast", "report")
SHIM = Path(__file__).with_name("clock_shift.c")
DAY = 86_400
NOISE = "#!/bin/sh\nhead -c 4096 /dev/urandom\n"


def compiler() -> str | None:
    """The C compiler that the shift of the clock needs; None where there is none."""
    return shutil.which("cc")


def clock(one: Project, days: float) -> None:
    """Shift the wall clock of every process of the project that is started from now on."""
    if (cc := compiler()) is None:
        return
    library = one.root.parent / "clock_shift.so"
    if not library.exists():
        command = [cc, "-shared", "-fPIC", "-O1", "-o", str(library), str(SHIM), "-ldl"]
        subprocess.run(command, check=True)
    one.more |= {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(round(days * DAY))}


# Kills --------------------------------------------------------------------------------------------


def refit_killing(
    one: Project, victim: Callable[[int], list[psutil.Process]], draw: random.Random
) -> subprocess.CompletedProcess[str]:
    """`scaling refit`, in the middle of which processes are killed: ``victim`` of its own id."""
    started = subprocess.Popen(
        [sys.executable, "-m", "scaling", "refit"],
        cwd=one.root,
        env={**one.env, **one.more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if stage_of(started, f"scaling.pipeline.{draw.choice(STAGES)}"):
        time.sleep(draw.uniform(0.0, 2.0))
        for process in victim(started.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
    out, err = started.communicate(timeout=1800)
    return subprocess.CompletedProcess(started.args, started.returncode, out, err)


def stage_of(started: subprocess.Popen[str], words: str) -> bool:
    """Wait until a process below has these words in its command; false if the run ends before."""
    while started.poll() is None:
        if below(started.pid, words):
            return True
        time.sleep(0.05)
    return False


def below(pid: int, words: str) -> list[psutil.Process]:
    """Processes below whose command has these words; not the shells around them, nor DVC."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                command = " ".join(child.cmdline())
                if words in command and "-m dvc" not in command and "sh -c" not in command:
                    found.append(child)
    return found


# What is wrong while a refit and its sharing run ------------------------------------------------


@contextlib.contextmanager
def unreachable(one: Project, draw: random.Random) -> Iterator[None]:
    """One of the remotes is away."""
    place = draw.choice([one.hub, one.storage])
    away = place.with_name(f"{place.name}.away")
    if place.exists():
        place.rename(away)
    # A folder that is away would be made anew; a share of a network does not come back so.
    place.write_text("stale file handle\n")
    try:
        yield
    finally:
        place.unlink()
        if away.exists():
            away.rename(place)


@contextlib.contextmanager
def slow(one: Project, draw: random.Random) -> Iterator[None]:
    """Git's remote takes its time."""
    hook = one.hub / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nsleep {draw.randint(3, 8)}\n")
    hook.chmod(0o755)
    try:
        yield
    finally:
        hook.unlink()


@contextlib.contextmanager
def garbage(one: Project, draw: random.Random) -> Iterator[None]:
    """Git's remote answers with noise."""
    script = one.root.parent / "noise.sh"
    script.write_text(NOISE)
    script.chmod(0o755)
    one.git("config", "remote.origin.receivepack", str(script))
    one.git("config", "remote.origin.uploadpack", str(script))
    try:
        yield
    finally:
        one.git("config", "--unset", "remote.origin.receivepack")
        one.git("config", "--unset", "remote.origin.uploadpack")


@contextlib.contextmanager
def disk_full(one: Project, draw: random.Random) -> Iterator[None]:
    """All but a few kilobytes of the project's disk are taken (the disk is one of its own)."""
    filler = one.root.parent / "filler"
    free = shutil.disk_usage(one.root).free
    with filler.open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, free - draw.randint(16, 400) * 1024)
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def jump_back(one: Project, draw: random.Random) -> Iterator[None]:
    """The clock is days behind."""
    before = dict(one.more)
    clock(one, int(before.get("CLOCK_SHIFT", "0")) / DAY - draw.uniform(3, 300))
    try:
        yield
    finally:
        one.more.clear()
        one.more.update(before)


@contextlib.contextmanager
def jump_ahead(one: Project, draw: random.Random) -> Iterator[None]:
    """The clock is a few days ahead: what is published then is dated too late."""
    before = dict(one.more)
    clock(one, int(before.get("CLOCK_SHIFT", "0")) / DAY + draw.uniform(1.2, 2.5))
    try:
        yield
    finally:
        one.more.clear()
        one.more.update(before)


@contextlib.contextmanager
def half_written(one: Project, draw: random.Random) -> Iterator[None]:
    """Someone copies a table into the inbox, and half of it is there when the refit starts."""
    whole = write_runs(one.root.parent / "copied.csv", [f"copied-{k}" for k in range(4)])
    text = whole.read_text()
    half = one.root / "data" / "internal" / "copied.csv"
    half.write_text(text[: draw.randint(20, len(text) - 20)])
    try:
        yield
    finally:
        half.unlink()


@contextlib.contextmanager
def corrupt_cache(one: Project, draw: random.Random) -> Iterator[None]:
    """Some objects of DVC's cache are garbage, and stay so."""
    cache = one.root / ".dvc" / "cache" / "files" / "md5"
    files = sorted(path for path in cache.rglob("*") if path.is_file())
    for path in draw.sample(files, min(3, len(files))):
        path.chmod(0o644)
        path.write_bytes(draw.randbytes(100))
    yield


@contextlib.contextmanager
def dirty_tree(one: Project, draw: random.Random) -> Iterator[None]:
    """A person is in the middle of an edit, some of it staged."""
    notes, readme = one.root / f"notes-{draw.randint(0, 999)}.txt", one.root / "README.md"
    notes.write_text("half a thought\n")
    one.git("add", "--", notes.name)
    readme.write_text(readme.read_text() + "\nhalf an edit\n")
    try:
        yield
    finally:
        edited = one.git("status", "--porcelain", "-uno").splitlines()
        assert {f"A  {notes.name}", " M README.md"} <= set(edited), edited
        one.git("commit", "--quiet", "-am", "An edit")


@contextlib.contextmanager
def diverged(one: Project, draw: random.Random) -> Iterator[None]:
    """Another person pushed a commit, while there are commits here that were not pushed."""
    other = one.root.parent / "other"
    one.git("clone", "--quiet", str(one.hub), str(other), at=one.root.parent)
    one.git("commit", "--quiet", "--allow-empty", "-m", "Another's work", at=other)
    one.git("push", "--quiet", "origin", "main", at=other)
    shutil.rmtree(other)
    one.git("commit", "--quiet", "--allow-empty", "-m", "Work here")
    try:
        yield
    finally:
        one.git("pull", "--quiet", "--no-rebase", "--no-edit", "origin", "main")


WHILE = {
    "remote unreachable": unreachable,
    "remote slow": slow,
    "remote returns garbage": garbage,
    "disk full": disk_full,
    "clock behind": jump_back,
    "clock ahead": jump_ahead,
    "half-written inbox file": half_written,
    "corrupted DVC cache": corrupt_cache,
    "dirty Git tree": dirty_tree,
    "diverged Git remote": diverged,
}
KILLED = ("kill -9 of the flow", "kill -9 of a stage", "kill -9 of the server")


def victims(fault: str, flow: int, server: int) -> list[psutil.Process]:
    """The processes that a kill is meant for."""
    if fault == "kill -9 of a stage":
        return below(flow, "scaling.pipeline.")
    return [psutil.Process(server if fault == "kill -9 of the server" else flow)]
