"""CPU seconds of each plan, with and without the start of Python: python -m benchmarks.plan_speed

`whole` is a command as a person types it, with Python's start and all imports; `answer` is the same
command again in a process that has everything imported: what a notebook or a service waits for.
Medians of three. Uses the stored fit of gemstones; `scaling refit` makes the draws that
`plan next` needs.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

from typer.testing import CliRunner

COMMANDS = (
    "optimal gemstones --flops 1e24",
    "optimal gemstones --flops 1e24 --exact",
    "optimal gemstones --loss 2.5 --exact",
    "serve gemstones --like-params 13e9 --read 2e12",
    "serve gemstones --params 8e9 --tokens 15e12",
    "cost --flops 1e25",
    "cost gemstones --loss 2.5",
    "data --flops 1e24 --unique 4e11 --unique 1e11:2",
    "moe --flops 1e22",
    "hparams --params 8e9 --tokens 1e12",
    "next gemstones --budget 1e22 --flops 1e24",
)
DRAWS = Path("data/fits/gemstones.parquet")
PLAN = [sys.executable, "-m", "scaling", "plan"]


def whole(command: list[str]) -> float:
    """User and system seconds of one command in a process of its own."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def answer(command: str) -> float:
    """CPU seconds of one command in this process."""
    from scaling.cli.main import app

    start = time.process_time()
    made = CliRunner().invoke(app, ["plan", *shlex.split(command)])
    if made.exception:
        raise made.exception
    return time.process_time() - start


def median(of: list[float]) -> float:
    """The middle of three."""
    return sorted(of)[1]


def main() -> None:
    """Print the medians."""
    print(f"{median([whole([*PLAN, '--help']) for _ in range(3)]):.2f} s  plan --help: the start")
    for command in COMMANDS:
        if command.startswith("next") and not DRAWS.is_file():
            print(f"no {DRAWS}: run `scaling refit` for  plan {command}")
            continue
        both = [
            median([whole([*PLAN, *shlex.split(command)]) for _ in range(3)]),
            median([answer(command) for _ in range(4)][1:]),
        ]
        print(f"{both[0]:.2f} s whole, {both[1]:.3f} s answer  plan {command}")


if __name__ == "__main__":
    main()
