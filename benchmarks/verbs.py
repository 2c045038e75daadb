"""CPU seconds of every verb, with the start of Python: python -m benchmarks.verbs [FOLDER ...]

The verbs that take a table get 240 runs simulated from the Chinchilla law. Each command runs in a
process of its own, as a person types it; user and system seconds of it and its children, the least
of three (other work on the machine only adds). Each FOLDER is a checkout whose code runs them, this
one by default; give an older one first to compare. `model` is the model of the table alone, in a
process that has imported everything.

With --write the table goes to docs/benchmarks/verbs.md, in place of what is there.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from tests.support import ROOT

ROWS, SEED, REPEATS = 240, 0, 3
PAGE = ROOT / "docs/benchmarks/verbs.md"
VERSIONS = "9e33c285b0dd 1628dc96d0e0"
PLANNED = "--params 7e10 --tokens 1.4e12"
# Verbs that read what is stored, or nothing.
STORED = (
    "--help",
    "fit --help",
    "laws",
    "laws chinchilla",
    "sources",
    "show",
    f"diff {VERSIONS}",
    "thresholds",
    "checkpoint --unsigned",
    "frontier",
    "verify",
    "verify --no-cache",
    "plan optimal gemstones --flops 1e24",
    "plan serve gemstones --params 8e9 --tokens 15e12",
    "plan cost --flops 1e25",
    "plan data --flops 1e24 --unique 4e11",
    "plan moe --flops 1e22",
    "plan hparams --params 8e9 --tokens 1e12",
)
# Verbs that read the table and do not make its model.
TABLE = (
    "laws --for {runs}",
    "fit {runs} --law chinchilla",
    "compare {runs}",
    "influence {runs} --law chinchilla",
    "sensitivity {runs} --law chinchilla",
    "regime {runs}",
    "inverse {runs} --score loss",
)
# Verbs that make the model of the table, some once for each of several parts of it.
MODEL = (
    "forecast {runs} --at {at}",
    f"returns {{runs}} {PLANNED}",
    "exponents {runs}",
    "plan optimal --runs {runs} --flops 1e24",
    "plan next --runs {runs} --budget 1e22 --flops 1e24",
    "backtest {runs}",
    "discover {runs}",
)
GROUPS = {
    "Reads what is stored, or nothing": STORED,
    "Reads a table of 240 runs": TABLE,
    "Makes the model of the table": MODEL,
}
# CPU seconds of the model in a process that has imported all that it needs.
ALONE = """
import sys, time
import polars as pl
from scaling.forecasting.stored_model import model_of_runs
runs = pl.read_csv(sys.argv[1])
times = []
for _ in range(4):
    start = time.process_time()
    model_of_runs(runs, "loss").fit()
    times.append(time.process_time() - start)
print(min(times))
"""


def simulated() -> pl.DataFrame:
    """Runs of the Chinchilla law with the constants of Besiroglu et al. 2024 (arXiv:2404.10102,
    table 1), sizes even in logs, and a scatter of .3 %."""
    rng = np.random.default_rng(SEED)
    n, d = 10 ** rng.uniform(7.5, 10, ROWS), 10 ** rng.uniform(9, 11.3, ROWS)
    loss = 1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658
    return pl.DataFrame(
        {
            "run": [f"r{i}" for i in range(ROWS)],
            "params": n.round(),
            "tokens": d.round(),
            "loss": loss * np.exp(rng.normal(0.0, 0.003, ROWS)),
        }
    )


def seconds(command: list[str], folder: Path) -> tuple[float, str]:
    """User and system seconds of one process with its children, and what it prints."""
    before = os.times()
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr}")
    after = os.times()
    user, system = after.children_user, after.children_system
    return user + system - before.children_user - before.children_system, done.stdout


def measured(line: str, folder: Path, files: dict[str, str]) -> float:
    """The least of some."""
    words = shlex.split(line.format(**files))
    command = [sys.executable, "-m", "scaling", *words]
    return min(seconds(command, folder)[0] for _ in range(REPEATS))


def rows(folders: list[Path]) -> Iterator[tuple[str, str, list[float]]]:
    """Group, command and the seconds of each checkout."""
    with tempfile.TemporaryDirectory() as place:
        files = {"runs": f"{place}/runs.csv", "at": f"{place}/at.csv"}
        simulated().write_csv(files["runs"])
        Path(files["at"]).write_text("params,tokens\n7e10,1.4e12\n", encoding="utf-8")
        alone = [sys.executable, "-c", ALONE, files["runs"]]
        for group, lines in GROUPS.items():
            for line in lines:
                yield group, line, [measured(line, one, files) for one in folders]
        yield "The model alone", "model", [float(seconds(alone, one)[1]) for one in folders]


def main() -> None:
    """Print the table, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*", default=[ROOT])
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    folders = [one.resolve() for one in asked.folders]
    names = ["before", "after"] if len(folders) == 2 else [one.name for one in folders]
    lines, last = [], ""
    for group, line, found in rows(folders):
        if group != last:
            head = f"| {' | '.join(['command', *names])} |\n|---|{'---:|' * len(names)}"
            lines += ["", f"## {group}", "", head]
        last = group
        shown = line.format(runs="RUNS", at="AT") if "{" in line else line
        lines.append(f"| `{shown}` | {' | '.join(f'{one:.2f}' for one in found)} |")
        print(lines[-1], flush=True)
    if asked.write:
        about = __doc__.split("\n\n")[1].replace("\n", " ")
        text = f"# Verbs: CPU seconds\n\n    python -m benchmarks.verbs BEFORE AFTER\n\n{about}\n"
        PAGE.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
