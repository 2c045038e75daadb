"""Every verb in an installed core, away from its checkout: each works, or names its extra.

Help and the examples of the tests, in a clone of the project that has no results. Usage:
python -P .ci/verbs.py WORK, with the python of the core.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# After the installed packages: of the checkout only the tests' examples are read.
sys.path.append(str(ROOT))

from tests.support.verbs import ELSEWHERE, EXAMPLES, MORE, commands, tables  # noqa: E402

# Calls of the verbs that have no example, the simplest that do something.
CALLS = {
    "alerts": "alerts",
    "backfill": "backfill --as-of 2026-01-01",
    "disclose": "disclose nothing",
    "library add": "library add gemstones",
    "publish": "publish",
    "pull mlflow": "pull mlflow http://127.0.0.1:9 --experiment none --out runs.db",
    "pull wandb": "pull wandb none/none --out runs.jsonl",
    "refit": "refit",
    "reproduce": "reproduce --all",
    "serve": "serve",
    "share": "share",
    "stage": "stage validate",
    "timestamp": "timestamp",
    "upgrade": "upgrade",
}
# Without an extra, none of these can do anything.
PIPELINE = ("init", "refit", "reproduce", "serve", "share", "upgrade")
EXTRA = re.compile(r"python -m pip install 'scaling-forecast\[(\w+)\]'")


def run(line: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "scaling", *line.split()]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def outcome(line: str, root: Path) -> str:
    """The extra that it names, "" where it did what it does, or its one line of refusal."""
    done = run(line.replace("{id}", "none"), root)
    said = done.stderr
    if "Traceback" in said or done.returncode not in (0, 1, 2):
        sys.exit(f"scaling {line}: {done.returncode}\n{done.stdout}{said}")
    if named := EXTRA.search(said):
        return f"[{named[1]}]"
    return "" if done.returncode in (0, 1) else said.strip().splitlines()[-1]


def main(work: Path) -> None:
    root = work / "project"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(root)], check=True)
    for name, table in tables().items():
        table.write_csv(root / f"{name}.csv")
    verbs = dict(commands())
    assert set(verbs) == set(EXAMPLES) | set(CALLS) and set(CALLS) == ELSEWHERE
    for verb in verbs:
        done = run(f"{verb} --help", root)
        assert done.returncode == 0, done.stderr
    lines = [*(EXAMPLES | CALLS).values(), *MORE]
    found = {line: outcome(line.replace("'", ""), root) for line in lines}
    for line, what in found.items():
        print(f"{what or 'works':<12.60}  scaling {line}")
    for verb in PIPELINE:
        assert "[pipeline]" in found[(EXAMPLES | CALLS)[verb]], verb


if __name__ == "__main__":
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    main(Path(sys.argv[1]).resolve())
