"""A team's workspace from nothing but a wheel, to the next engine and back.

Begun from a table, committed, refitted, read, reproduced; moved to the next wheel (this tree with
another version and another line in one stage); refitted; and the old version reproduced byte for
byte by its own engine, which DVC alone still has. In a folder with spaces, beside a `flows/` and a
`scaling.py` of somebody's own, from a subfolder, with umask 077; by the user nobody, where root
calls it and that user can reach WORK and PYTHON.

Usage: python .ci/workspace.py WHEEL WORK [PYTHON], where this python can build wheels and PYTHON
(default: this one) makes the environment. WORK is an empty folder, which keeps what was made.
"""

from __future__ import annotations

import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
# What a wheel is made of.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "dvc.yaml", "requirements.lock",
           "prefect.yaml", "flows", "scaling")  # fmt: skip
# The line of the next engine that is not the same, which makes one stage stale.
CHANGED = ("scaling/pipeline/fit.py", '"seed": params["seed"],', '"seed": params["seed"] + 1,')
NEXT = "0.2.99"
ANSWERS = ("--metric", "loss=loss@val:nats/token", "--set", "observed=2026-01-02",
           "--map", "run=params+tokens")  # fmt: skip


def next_wheel(out: Path) -> Path:
    """The wheel of this tree with another version and one other line."""
    tree = out / "tree"
    tree.mkdir(parents=True)
    for name in SOURCES:
        if (TREE / name).is_dir():
            shutil.copytree(TREE / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(TREE / name, tree / name)
    replace(tree / "scaling/_version.py", r'= ".*"', f'= "{NEXT}"')
    name, old, new = CHANGED
    replace(tree / name, re.escape(old), new)
    build = [sys.executable, "-m", "pip", "wheel", "-qq", "--disable-pip-version-check",
             "--no-deps", "--no-build-isolation", "-w", str(out), str(tree)]  # fmt: skip
    subprocess.run(build, check=True)
    [wheel] = out.glob("*.whl")
    return wheel


def replace(file: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, file.read_text())
    assert count == 1, (file, pattern, count)
    file.write_text(text)


def table(file: Path) -> None:
    """Simulated runs of a Chinchilla law (Besiroglu et al. 2024, constants) with 0.5 % noise."""
    draw = random.Random(5)
    lines = ["params,tokens,loss"]
    for _ in range(24):
        n = round(math.exp(draw.uniform(math.log(5e7), math.log(8e9))))
        d = round(n * math.exp(draw.uniform(math.log(5), math.log(80))))
        loss = 1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658
        lines.append(f"{n},{d},{loss * math.exp(draw.gauss(0, 0.005)):.6f}")
    file.write_text("\n".join(lines) + "\n")


class Team:
    """Somebody with an environment, who types commands in a folder."""

    def __init__(self, work: Path, python: str) -> None:
        self.work = work
        self.environment = work / "an environment"
        self.bin = self.environment / "bin"
        self.root = work / "our runs" / "mine"
        who = {f"GIT_{one}_{what}": value for one in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", "a"), ("EMAIL", "a@example.org"))}  # fmt: skip
        unseen = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
        self.variables = {name: one for name, one in os.environ.items() if name not in unseen}
        # Nothing of anybody's settings of Git is read, and no environment of another walk.
        self.variables |= who | {"XDG_CACHE_HOME": str(work / "cache"),
                                 "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
                                 "GIT_CONFIG_GLOBAL": os.devnull,
                                 "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}"}  # fmt: skip
        self.type(python, "-m", "venv", str(self.environment), at=work)

    def type(self, *command: str, at: Path | None = None, status: int = 0) -> str:
        """What the command prints; it must end with this status."""
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=at or self.root, env=self.variables, capture_output=True, text=True
        )
        shown = " ".join(command)
        if done.returncode != status:
            sys.exit(f"{shown}: {done.returncode}\n{done.stdout}{done.stderr}")
        print(f"{time.monotonic() - began:6.1f} s  {shown}", flush=True)
        return done.stdout + done.stderr

    def pip(self, *arguments: str) -> None:
        self.type(str(self.bin / "python"), "-m", "pip", "install", "-qq", "--no-input",
                  "--disable-pip-version-check", *arguments, at=self.work)  # fmt: skip

    def scaling(self, *arguments: str, at: Path | None = None, status: int = 0) -> str:
        return self.type("scaling", *arguments, at=at, status=status)

    def commit(self, message: str) -> None:
        self.type("git", "add", "-A")
        self.type("git", "commit", "-qm", message)
        tracked = self.type("git", "ls-files").split("\n")
        rows = [one for one in tracked if one.endswith((".parquet", ".whl")) or "/store/" in one]
        assert not rows, rows

    def newest(self) -> str:
        last = (self.root / "reports" / "ledger.jsonl").read_text().splitlines()[-1]
        return str(json.loads(last)["version"])

    def reproduce(self, version: str, at: Path | None = None) -> str:
        said = self.scaling("reproduce", version, at=at)
        assert re.search(r"\d+ files, the same byte for byte", said), said
        return said


def constraints(file: Path) -> None:
    """Versions of the lock file; extras and hashes are not allowed in constraints."""
    lines = (TREE / "requirements.lock").read_text().splitlines()
    kept = [re.sub(r"\[[^]]*\]", "", one.rstrip(" \\")) for one in lines if one[:1].isalnum()]
    file.write_text("\n".join(kept) + "\n")


def begin(team: Team) -> str:
    """A workspace with one version, as somebody begins it; the version."""
    outer = team.root.parent
    outer.mkdir()
    table(outer / "runs.csv")
    said = team.scaling("init", "mine", "--from", "runs.csv", *ANSWERS, at=outer)
    assert "DVC keeps the engine: scaling_forecast-" in said, said
    assert "not as in" not in said, said
    # Of somebody's own: neither is run, whatever they are called.
    (team.root / "flows").mkdir()
    for name in ("scaling.py", "flows/refit.py", "flows/__init__.py"):
        (team.root / name).write_text("raise RuntimeError('not yours')\n")
    replace(team.root / "params.yaml", "resamples: 1000", "resamples: 60")
    team.commit("Begin")
    said = team.scaling("refit")
    assert "published " in said, said
    team.commit("The first version")
    version = team.newest()
    for name in ("report.md", "report.html"):
        assert "runs" in (team.root / "reports" / version / name).read_text()
    assert "everything is up to date" in team.scaling("refit", at=team.root / "data")
    return version


def main(wheel: Path, work: Path, python: str) -> None:
    (work / "home").mkdir()
    first = Path(shutil.copy(wheel, work))
    second = next_wheel(work / "next")
    constraints(work / "constraints.txt")
    walk = ["-I", __file__, "walk", str(first), str(second), str(work), python]
    if prefix := as_nobody(work, python):
        sys.exit(subprocess.run([*prefix, python, *walk], cwd=work).returncode)
    as_team(first, second, work, python)


def as_nobody(work: Path, python: str) -> list[str]:
    """What a command begins with to run as nobody; empty where that is not possible."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        print("by the user that runs this")
        return []
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
              "env", f"HOME={work / 'home'}"]  # fmt: skip
    tried = [*prefix, python, "-c", "import os, sys, venv; os.listdir(sys.argv[1])", str(work)]
    done = subprocess.run(tried, capture_output=True, text=True, cwd="/")
    if done.returncode != 0:
        print(f"by root: nobody cannot reach {work} and {python}: {done.stderr.strip()[-200:]}")
        return []
    subprocess.run(["chown", "-R", "65534:65534", str(work)], check=True)
    print("by the user nobody")
    return prefix


def as_team(first: Path, second: Path, work: Path, python: str) -> None:
    os.umask(0o077)
    team = Team(work, python)
    team.pip("-c", str(work / "constraints.txt"), f"{first}[pipeline]")
    old = begin(team)
    assert "engine" not in team.reproduce(old)
    team.pip("--force-reinstall", "--no-deps", str(second))
    for call in (("refit",), ("publish",), ("stage", "validate")):
        said = team.scaling(*call, status=2)
        assert "the installed engine is not the workspace's" in said, said
    said = team.scaling("upgrade", at=team.root / "laws")
    assert f"-> {NEXT}" in said and "runs again: fit\n" in said, said
    team.commit("The next engine")
    team.scaling("refit")
    team.commit("The second version")
    assert team.newest() != old
    first.unlink()  # as an index that drops it
    said = team.reproduce(old, at=team.root / "data")
    assert "kept by DVC" in said and "building an environment" in said, said
    team.scaling("verify")
    print(f"{old[:12]} reproduced by its own engine after an upgrade to {NEXT}")


if __name__ == "__main__":
    if sys.argv[1] == "walk":
        first, second, work = map(Path, sys.argv[2:5])
        as_team(first, second, work, sys.argv[5])
    else:
        wheel, work = map(Path, sys.argv[1:3])
        main(wheel, work.resolve(), sys.argv[3] if sys.argv[3:] else sys.executable)
