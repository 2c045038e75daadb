"""CPU seconds of every stage of the pipeline and of a whole refit: python -m benchmarks.stages

User and system seconds of a process and its children, in a clone of this repository's last commit:
of each stage as DVC starts it, then of `scaling refit` after a change to the engine that makes
every stage stale, with Prefect's database new; then with nothing to do, where DVC is asked, and
where it need not be. The engine and its compiled solver are compiled before, as setting up does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from scaling.orchestration.dvc.graph import needed, rounds
from scaling.orchestration.dvc.unchanged import TICK_SECONDS
from tests.support import ROOT


def cost(command: list[str], folder: Path) -> float:
    """CPU seconds of a Python command in a checkout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def refits(root: Path) -> None:
    """Print the seconds of three refits: everything stale, nothing stale, and known to be so."""
    with (root / "scaling" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    compileall(root)
    for name in ("refit, all stale", "refit, nothing to do", "refit, known to have nothing to do"):
        print(
            f"{name:36} {cost([sys.executable, '-m', 'scaling', 'refit'], root):6.2f}", flush=True
        )
        time.sleep(TICK_SECONDS)


def compileall(root: Path) -> None:
    """Compile the engine: this machine's settings may keep Python from doing so."""
    cost([sys.executable, "-m", "compileall", "-q", "scaling", "flows"], root)


def main() -> None:
    """Print a line a stage, the sum, and the refits."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "project")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
        stages = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        compileall(root)
        cost([sys.executable, "-m", "scaling.fitting.solver.compiled"], root)
        total = 0.0
        for name in (one for group in rounds(needed(root)) for one in group):
            _, *rest = stages[name]["cmd"].split()
            seconds = cost([sys.executable, *rest], root)
            total += seconds
            print(f"{name:36} {seconds:6.2f}", flush=True)
        print(f"{'all':36} {total:6.2f}")
        refits(root)


if __name__ == "__main__":
    main()
