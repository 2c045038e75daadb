"""A project of the real thing, made small: a clone with one published source and one study.

The study is of a team's own runs, which `scaling add` takes into the inbox; fifteen runs of a
published source go through ingest and validation beside them. Git has a bare remote, DVC a folder.
Every command is the project's own, from its own clone: nothing stands in for the pipeline.
"""

from __future__ import annotations

import contextlib
import csv
import math
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support import ROOT

CHECKOUT = ROOT
KEPT = "chinchilla-epoch"
ROWS = 15
# In place of the project's own; its other choices stay.
CHOICES: dict[str, Any] = {
    "studies": {"own": {"source": "internal-1", "metric": "loss@c4", "laws": ["chinchilla"]}},
    "fit": {"delta": 0.001, "resamples": 100},
    "forecast": {
        "quantiles": [0.05, 0.5, 0.95],
        "targets": {"next": {"params": 1.0e10, "tokens": 2.0e11}},
    },
}
MAPPING = ("--map", "run=name", "--map", "params=N", "--map", "tokens=D", "--map", "observed=day")
METRIC = ("--metric", "val_loss=loss@c4:nats/token")
# Nothing of the person's own settings is read, and whoever commits has a name.
WHO = {
    "GIT_AUTHOR_NAME": "operator",
    "GIT_AUTHOR_EMAIL": "operator@example.org",
    "GIT_COMMITTER_NAME": "operator",
    "GIT_COMMITTER_EMAIL": "operator@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
DROPPED = ("dvc.lock", "history.yaml", "reports", "data/validation.json")
MADE = ("backtests", "fits", "forecasts", "metrics", "releases")


@dataclass
class Project:
    """The project's folder, its remotes and the environment of its commands."""

    root: Path
    hub: Path
    storage: Path
    env: dict[str, str]
    more: dict[str, str] = field(default_factory=dict)

    def python(self, *arguments: str, seconds: float = 1800) -> subprocess.CompletedProcess[str]:
        """Run ``python -m ...`` in the project; never raises for an exit status."""
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.root,
            env={**self.env, **self.more},
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def scaling(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the project's command line."""
        return self.python("scaling.cli.main", *arguments)

    def git(self, *arguments: str, at: Path | None = None) -> str:
        """Run Git; raises CalledProcessError."""
        command = ["git", "-C", str(at or self.root), *arguments]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True)
        return done.stdout

    def versions(self) -> list[str]:
        """Lines of the ledger."""
        ledger = self.root / "reports" / "ledger.jsonl"
        return ledger.read_text().splitlines() if ledger.exists() else []


@dataclass
class Server:
    """Prefect's server for the commands of a project; started again when it was killed."""

    one: Project
    port: int
    child: subprocess.Popen[bytes] | None = None

    def need(self) -> None:
        """Start it unless it runs."""
        if self.child is not None and self.child.poll() is None:
            return
        home = Path(self.one.env["PREFECT_HOME"])
        home.mkdir(parents=True, exist_ok=True)
        pipe = subprocess.PIPE
        with (home / "server.log").open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "scaling.orchestration.server.temporary", str(self.port)],
                cwd=self.one.root,
                env=self.one.env,
                stdin=pipe,
                stdout=pipe,
                stderr=log,
            )
        assert self.child.stdout is not None
        self.child.stdout.readline()

    def end(self) -> None:
        """Stop it as its parent's end would."""
        if self.child is not None:
            self.child.communicate()


@contextlib.contextmanager
def serving(one: Project, port: int) -> Iterator[Server]:
    """The server, named in the environment of the project's commands."""
    server = Server(one, port)
    server.need()
    one.env["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    try:
        yield server
    finally:
        server.end()


def make(folder: Path) -> Project:
    """Clone the committed state of this checkout into ``folder`` and make it small."""
    home = folder / "prefect"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    env = {**kept, **WHO, "PREFECT_HOME": str(home)}
    one = Project(folder / "project", folder / "hub.git", folder / "storage", env)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(one.root)], env=env, check=True)
    _trim(one)
    one.git("init", "--quiet", "--bare", "-b", "main", str(one.hub), at=folder)
    one.git("remote", "set-url", "origin", str(one.hub))
    one.python("compileall", "-q", "scaling", "flows")
    one.python("dvc", "remote", "add", "storage", str(one.storage))
    one.git("add", "-A")
    one.git("commit", "--quiet", "-m", "A small project")
    one.git("branch", "-M", "main")
    one.git("push", "--quiet", "origin", "main")
    return one


def _trim(one: Project) -> None:
    for source in (one.root / "data" / "published").iterdir():
        if source.name != KEPT:
            shutil.rmtree(source)
    for name in DROPPED:
        path = one.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name in MADE:
        for path in (one.root / "data" / name).glob("*"):
            if path.name != "README.md":
                path.unlink()
    source = one.root / "data" / "published" / KEPT
    lines = (source / "runs.csv").read_text().splitlines(keepends=True)
    plain = [line for line in lines[1:] if "outlier" not in line]
    (source / "runs.csv").write_text("".join([lines[0], *plain[:: len(plain) // ROWS]]))
    told = (source / "source.yaml").read_text()
    (source / "source.yaml").write_text(told[: told.index("defects:")] + "defects: []\n")
    params = one.root / "params.yaml"
    params.write_text(yaml.safe_dump(yaml.safe_load(params.read_text()) | CHOICES))


def write_runs(
    file: Path, names: list[str], *, day: str = "2026-01-01", shift: float = 0.0
) -> Path:
    """A table of runs; sizes and noise follow from a run's name, ``shift`` corrects its loss."""
    with file.open("w", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(["name", "N", "D", "day", "val_loss"])
        for name in names:
            draw = random.Random(name)
            params = 10 ** draw.uniform(7.5, 9.5)
            tokens = params * 10 ** draw.uniform(0.7, 2.0)
            loss = 1.7 + 400 * params**-0.34 + 410 * tokens**-0.28
            loss *= math.exp(draw.gauss(0.0, 0.003) + shift)
            out.writerow([name, f"{params:.6g}", f"{tokens:.6g}", day, f"{loss:.5f}"])
    return file
