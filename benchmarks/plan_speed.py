"""CPU seconds of each plan, as a whole command with its imports: python -m benchmarks.plan_speed

Uses the stored fit of gemstones, with its draws where `scaling refit` has made them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

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


def seconds(command: str) -> float:
    """User and system seconds of one command."""
    before = os.times()
    run = [sys.executable, "-m", "scaling.cli", "plan", *shlex.split(command)]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def main() -> None:
    """Print the median of three."""
    for command in COMMANDS:
        print(f"{sorted(seconds(command) for _ in range(3))[1]:.2f} s  plan {command}")


if __name__ == "__main__":
    main()
