"""CPU seconds of every stage of the pipeline, each as DVC starts it: python -m benchmarks.stages

User and system seconds of a process and its children, in a clone of this repository's last commit.
The compiled solver is compiled before, as setting up does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from scaling.orchestration.dvc.graph import needed, rounds
from tests.support import ROOT


def cost(command: list[str], folder: Path) -> float:
    """CPU seconds of a Python command in a checkout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print a line a stage, and the sum."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "project")
        subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True)
        stages = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        cost([sys.executable, "-m", "scaling.fitting.solver.compiled"], root)
        total = 0.0
        for name in (one for group in rounds(needed(root)) for one in group):
            _, *rest = stages[name]["cmd"].split()
            seconds = cost([sys.executable, *rest], root)
            total += seconds
            print(f"{name:36} {seconds:6.2f}", flush=True)
        print(f"{'all':36} {total:6.2f}")


if __name__ == "__main__":
    main()
