"""Thirty simulated days in one go: runs that arrive at random, and faults.

    python -m benchmarks.thirty_days --seed 1 --days 30

A small project (`tests.support.small_project`) lives on a disk of its own. Each day runs may arrive
(good, bad, late, corrections of earlier ones), a fault may strike, and the day's refit and its
sharing run as a person or a timer starts them: `scaling add`, `scaling refit`, `scaling share`.
Days pass by shifting the clock of every process (`clock_shift.c`). What a fault left undone the
next day's refit has to do. At the end nothing may be lost, published twice or beyond reproduction.

Writes reports/operations/thirty-days.md and thirty-days.csv; exit status 1 when anything is wrong.
Needs root for the disk (a tmpfs) and a C compiler for the days; without them the faults of disk and
clock are left out.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import faults
from tests.support.ops_project import free_port
from tests.support.small_project import (
    CHECKOUT,
    MAPPING,
    METRIC,
    Project,
    Server,
    make,
    serving,
    write_runs,
)

OUT = CHECKOUT / "reports" / "operations"
FIRST = 8


@dataclass
class Day:
    """One line of the log."""

    day: int
    arrived: str = ""
    added: str = ""
    fault: str = ""
    refit: str = ""
    share: str = ""
    version: str = ""
    seconds: float = 0.0


@dataclass
class Month:
    """What goes on from day to day."""

    one: Project
    server: Server
    draw: random.Random
    runs: dict[str, float] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)
    bad: int = 0
    days: list[Day] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    def said(self, done: subprocess.CompletedProcess[str]) -> str:
        """The exit status and the last line, shortened; anything but clear words is noted."""
        text = done.stdout + done.stderr
        if "Traceback (most recent call last)" in text:
            self.unclear.append(f"day {len(self.days) + 1}: {text[-2000:]}")
        lines = (done.stderr if done.returncode else done.stdout).splitlines()
        last = next((line for line in lines if line.strip() and "report:" not in line), "")
        last = lines[-1] if done.returncode and lines else last
        told = re.sub(r"/\S*/", "", last)
        return "ok" if done.returncode == 0 else f"{done.returncode}: {told[:150]}"


def month(one: Project, server: Server, days: int, draw: random.Random) -> Month:
    """All the days, one after another."""
    made = Month(one, server, draw)
    plan = _plan(days, draw)
    for number in range(1, days + 1):
        # The last day is a few days later: what a clock that was ahead dated lies behind it.
        faults.clock(one, number if number < days else number + 3)
        start = time.monotonic()
        day = Day(number, fault=plan[number - 1])
        _arrive(made, day)
        _work(made, day)
        day.seconds = round(time.monotonic() - start, 1)
        made.days.append(day)
        print(asdict(day), flush=True)
    return made


def _plan(days: int, draw: random.Random) -> list[str]:
    """A fault or none for each day; every kind comes once before one comes twice."""
    kinds = [*faults.WHILE, *faults.KILLED]
    if faults.compiler() is None:
        kinds = [kind for kind in kinds if not kind.startswith("clock")]
    chosen: list[str] = []
    while len(chosen) < days * 2 // 3:
        chosen += draw.sample(kinds, len(kinds))
    # The first day has none, so that there is something to break; the last none, to end the work.
    middle = [*chosen[: days * 2 // 3], *[""] * (days - 2 - days * 2 // 3)]
    draw.shuffle(middle)
    return ["", *middle, ""]


# Runs arrive --------------------------------------------------------------------------------------


def _arrive(made: Month, day: Day) -> None:
    one, draw = made.one, made.draw
    kind = "good" if day.day == 1 else draw.choice(["good", "good", "late", "bad", "corrected", ""])
    if day.fault and not kind:  # else the fault would find nothing at work
        kind = "good"
    if kind:
        number = FIRST if day.day == 1 else draw.randint(1, 2)
        names = [f"run-{day.day}-{k}" for k in range(number)]
        shift = 0.0
        if kind == "corrected":
            names, shift = draw.sample(sorted(made.runs), 1), draw.uniform(0.002, 0.01)
        when = "2025-12-15" if kind == "late" else f"2026-01-{1 + day.day % 28:02d}"
        file = write_runs(one.root.parent / f"day-{day.day}.csv", names, day=when, shift=shift)
        if kind == "bad":
            _spoil(file, made, names)
        day.arrived = f"{len(names)} {kind}"
        mapping = (*MAPPING, *METRIC) if day.day == 1 else ()
        done = one.scaling("add", str(file), "--as", "team", *mapping)
        day.added = made.said(done)
        if done.returncode == 0:
            made.runs |= dict.fromkeys(names, shift)


def _spoil(file: Path, made: Month, names: list[str]) -> None:
    """One row more, with a loss that cannot be: it has to end in quarantine."""
    with file.open("a") as handle:
        handle.write(f"bad-{names[0]},1e9,2e10,2026-01-01,-3.0\n")
    made.bad += 1
    names.append(f"bad-{names[0]}")


# The day's work -----------------------------------------------------------------------------------


def _work(made: Month, day: Day) -> None:
    before = made.one.versions()
    made.server.need()
    around = faults.WHILE.get(day.fault)
    with around(made.one, made.draw) if around else contextlib.nullcontext():
        if day.fault in faults.KILLED:
            assert made.server.child is not None
            server = made.server.child.pid
            done = faults.refit_killing(
                made.one, lambda flow: faults.victims(day.fault, flow, server), made.draw
            )
        else:
            done = made.one.scaling("refit")
        day.refit = made.said(done)
        if done.returncode == 0:
            shared = made.one.scaling("share", "--git-remote", "origin", "--dvc-remote", "storage")
            day.share = made.said(shared)
    new = made.one.versions()[len(before) :]
    day.version = " ".join(re.findall(r'"version":"(\w+)"', "".join(new)))


@contextlib.contextmanager
def disk(size: str = "1500m") -> Iterator[Path]:
    """A folder on a disk of its own where that is possible, else a plain one."""
    with tempfile.TemporaryDirectory(prefix="scaling-days-") as name:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", name]
        own = subprocess.run(command, capture_output=True).returncode == 0
        if not own:
            faults.WHILE.pop("disk full")
        try:
            yield Path(name)
        finally:
            if own:
                subprocess.run(["umount", "--lazy", name], check=True)


def write(made: Month, checks: list[Any], seed: int, out: Path) -> None:
    """The page and the table."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "thirty-days.csv").open("w", newline="") as handle:
        lines = csv.DictWriter(handle, fieldnames=list(asdict(made.days[0])), lineterminator="\n")
        lines.writeheader()
        lines.writerows(asdict(day) for day in made.days)
    from benchmarks.thirty_days_end import page

    rows = [asdict(day) for day in made.days]
    (out / "thirty-days.md").write_text(page(rows, checks, made.unclear, seed))


def main() -> int:
    """Run the days; the exit status says whether all was well at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    given.out = given.out.resolve()
    with disk() as place:
        one = make(place)
        with serving(one, free_port()) as server:
            made = month(one, server, given.days, random.Random(given.seed))
        from benchmarks.thirty_days_end import end

        checks = end(one, made.runs, made.bad, say=lambda text: print(text, flush=True))
        write(made, checks, given.seed, given.out)
    return 0 if all(check.held for check in checks) and not made.unclear else 1


if __name__ == "__main__":
    sys.exit(main())
