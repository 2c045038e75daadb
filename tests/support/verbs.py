"""Every verb of the command line: found by walking its groups, and an example of each to run.

The examples run in one clone of the project, in their order: a verb may need what one before it
left. ``ELSEWHERE`` are verbs that need more than a clone; other tests run them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import typer

from scaling.cli.main import app
from tests.support import ROOT
from tests.support.command import cli

# The one source whose rows are checked; one of them stands twice, so that quarantine has it.
KEPT = "gemstones"
VERSIONS = ("9e33c285b0dd", "1628dc96d0e0")
PLANNED = "--params 70B --tokens 1.4T"

EXAMPLES: dict[str, str] = {
    "add": "add runs.csv --as own --metric loss=loss@own:nats/token --set observed=2026-01-01",
    "audit": "audit",
    "backtest": "backtest few.csv",
    "checkpoint": "checkpoint --unsigned",
    "compare": "compare few.csv",
    "diff": f"diff {' '.join(VERSIONS)}",
    "discover": "discover few.csv",
    "emergence": "emergence scores.csv --scale flops",
    "explore": "explore few.csv --out page.html",
    "exponents": "exponents few.csv --resamples 20",
    "fit": "fit few.csv --law chinchilla --resamples 20",
    "forecast": f"forecast gemstones {PLANNED}",
    "frontier": "frontier --as-of 2026-11-01",
    "gc": "gc --dry-run",
    "govern": "govern --on 2026-11-01 --out packs",
    "growth": "growth scores.csv --date day",
    "hub": f"hub {VERSIONS[1]} --out hub --team team --contact team@example.org",
    "init": "init ../made-by-init",
    "influence": "influence few.csv --law chinchilla",
    "inverse": "inverse scores.csv --scale flops",
    "laws": "laws chinchilla",
    "mapping": "mapping own",
    "plan compare": "plan compare --runs both.csv --by arm --a a --b b --flops 1e21 --resamples 20",
    "plan cost": "plan cost --flops 1e24",
    "plan data": "plan data --flops 1e24 --unique 4e11",
    "plan experts": "plan experts --flops 1e22",
    "plan hparams": "plan hparams --params 8B --tokens 1T",
    "plan mixture": "plan mixture --runs mixtures.csv --resamples 5",
    "plan moe": "plan moe --flops 1e22",
    "plan next": "plan next --runs few.csv --budget 1e22 --flops 1e23 --resamples 40",
    "plan optimal": "plan optimal gemstones --flops 1e24",
    "plan serve": "plan serve published:chinchilla --like-params 13B --read 2T",
    "plan sparsity": "plan sparsity --params 1e8 --flops 1e21",
    "plan target": "plan target --runs tasks.csv --accuracy 0.8 --resamples 20",
    "quarantine list": "quarantine list",
    "quarantine explain": "quarantine explain {id}",
    "quarantine release": "quarantine release {id} --reason 'it is right' --by somebody",
    "quarantine released": "quarantine released",
    "regime": "regime few.csv --resamples 20",
    "remove": "remove own --reason mistake --by somebody",
    "returns": f"returns few.csv {PLANNED}",
    "sensitivity": "sensitivity few.csv --law chinchilla",
    "show": "show",
    "site": "site",
    "sources": "sources gemstones",
    "thresholds": "thresholds --on 2026-11-01",
    "verify": "verify",
    "watch": "watch log.csv --steps 400 --once --out seen --beat 2.2 --chips 8 --power 700",
    "whois": "whois internal-1",
}
# Other forms of an answer.
MORE = (
    "add more.csv --as own --set observed=2026-02-01 --dry-run",
    "compare both.csv --by arm",
    "discover few.csv --form 1",
    "exponents gemstones --resamples 0",
    "fit both.csv --law power_law --map x=params --profile --check --resamples 20",
    "forecast few.csv --law chinchilla --at few.csv",
    "frontier --as-of 2025-01-01 --score 2026-11-01",
    "influence both.csv --law kaplan_joint --by arm",
    "laws",
    "laws --for gemstones",
    "mapping own --set seed=1 --dry-run",
    "plan cost gemstones --loss 2.5 --resamples 20",
    "plan data published:data_constrained --flops 1e21 --unique 1e10 --unique 1e9:2",
    "plan optimal published:chinchilla --loss 2.5",
    "plan optimal --runs few.csv --flops 1e22 --law chinchilla --resamples 20",
    "plan serve gemstones --params 8B --tokens 1T",
    "regime few.csv --resamples 20 --param alpha",
    "remove",
    f"returns few.csv {PLANNED} --law chinchilla",
    "show 1628dc96",
    "sources",
    "thresholds --check",
    "thresholds --every",
    "watch log.csv --tokens 2B --map tokens=step*5000000 --params 1B --once --out of-study "
    "--study few.csv",
    "watch jumped.csv --steps 400 --once --out seen --alert-after 0",
    "watch log.csv --steps 400 --once --ended",
    "watch log.csv --steps 200 --once --out ended --beat 2.5",
)
ELSEWHERE = frozenset(
    {
        *("alerts", "backfill", "disclose", "publish", "refit"),
        *("reproduce", "serve", "share", "timestamp"),
        *("library add", "stage", "upgrade"),
        # Against servers: tests/e2e/runs/test_pull.py.
        *("pull mlflow", "pull wandb"),
    }
)


def commands(group: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb with its command, as in ``plan optimal``."""
    group = typer.main.get_command(app) if group is None else group
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def project(folder: Path) -> Path:
    """A clone with two sources of the library, their rows checked, and tables of simulated runs."""
    root = folder / "project"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, root], check=True)
    for source in (root / "data/published").iterdir():
        if source.is_dir() and source.name != KEPT:
            shutil.rmtree(source)
    with (root / f"data/published/{KEPT}/runs.csv").open("r+", encoding="utf-8") as file:
        last = file.read().splitlines()[-1]
        file.write(f"{last}\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for stage in ("ingest", "validate"):
        command = [sys.executable, "-P", "-m", f"scaling.pipeline.{stage}"]
        subprocess.run(command, check=True, capture_output=True, cwd=root, env=environment)
    subprocess.run(["git", "checkout", "-q", "--", "data"], check=True, cwd=root)
    for name, table in tables().items():
        table.write_csv(root / f"{name}.csv")
    return root


def tables() -> dict[str, pl.DataFrame]:
    """Tables that the examples read, of the Chinchilla law as Besiroglu et al. 2024 fitted it."""
    rng = np.random.default_rng(0)
    rows = 40
    n, d = 10 ** rng.uniform(7.5, 10, rows), 10 ** rng.uniform(9, 11.3, rows)
    loss = (1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658) * np.exp(rng.normal(0, 0.003, rows))
    few = pl.DataFrame({"params": n.round(), "tokens": d.round(), "loss": loss})
    share = rng.uniform(0.1, 0.9, rows)
    step = np.arange(1.0, 301.0)
    curve = 1.5 + 4.0 * step**-0.3 + np.where(step == 150, 2.0, 0.0) + np.where(step > 200, 1.0, 0)
    log = pl.DataFrame({"run": "r", "step": step, "loss": curve, "wall_time": 1.7e9 + 36.0 * step})
    accuracy = 0.25 + 0.6 / (1 + np.exp(6.0 * (loss - 2.6)))
    return {
        "few": few,
        "runs": few.select(pl.format("r{}", pl.row_index()).alias("run"), pl.all()),
        "more": few.select(pl.format("s{}", pl.row_index()).alias("run"), pl.all()),
        "both": few.with_columns(
            arm=pl.Series([*"ab"] * (rows // 2)),
            loss=pl.Series(loss * np.where(np.arange(rows) % 2, 0.99, 1.0)),
        ),
        "tasks": few.with_columns(task_loss=pl.Series(loss / 2), accuracy=pl.Series(accuracy)),
        "scores": pl.DataFrame(
            {
                "flops": np.sort(6 * n * d),
                "value": np.linspace(0.1, 0.8, rows) + rng.normal(0, 0.01, rows),
                "day": [f"{2018 + i // 12}-{1 + i % 12:02}-01" for i in range(rows)],
            }
        ),
        "log": log.head(200),
        "jumped": log.with_columns(
            loss=pl.when(pl.col("step") != 20).then("loss").otherwise(np.nan)
        ),
        "mixtures": pl.DataFrame(
            {
                "mixture": [f"web={one:.3f};code={1 - one:.3f}" for one in share],
                "loss": 2.0 + 0.5 * np.exp(-2.0 * share) + 0.2 * share,
            }
        ),
    }


def outputs() -> dict[str, list[Any]]:
    """What each example prints with --json, by verb; fails where one does not answer."""
    made: dict[str, list[Any]] = {}
    for line in (*EXAMPLES.values(), *MORE):
        if "{id}" in line:
            line = line.format(id=made["quarantine list"][0]["rows"][0]["id"])
        done = cli(*shlex.split(line), "--json")
        # 1: what was asked about is not so.
        assert done.returncode in (0, 1), f"{line}\n{done.stderr}"
        made.setdefault(verb_of(line), []).append(json.loads(done.stdout))
    return made


def verb_of(line: str) -> str:
    """The verb of a command line."""
    first, second = (*line.split(), "")[:2]
    return first if first in EXAMPLES else f"{first} {second}"
