"""Tasks of the flow ``pull``: one a source that params.yaml names under ``pull``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect import task

from scaling.errors import InputError, counted
from scaling.orchestration.tasks import say

PARAMS = "params.yaml"
ALLOWED = "mlflow: ADDRESS with experiment: NAME, or wandb: ENTITY/PROJECT"


def servers(root: Path) -> dict[str, list[str]]:
    """Source -> the words of its `scaling pull`, as params.yaml names them.

    Raises:
        InputError: an entry that is none.
    """
    file = root / PARAMS
    given = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("pull") or {}
    if not isinstance(given, dict):
        raise InputError("is not by source", file=file, column="pull", value=given, allowed=ALLOWED)
    return {str(source): _words(file, source, entry) for source, entry in given.items()}


def _words(file: Path, source: object, entry: Any) -> list[str]:
    where = {"file": file, "column": f"pull.{source}", "value": entry, "allowed": ALLOWED}
    if not isinstance(entry, dict) or not all(isinstance(one, str) for one in entry.values()):
        raise InputError("names no server", **where)
    words = ["--as", str(source)]
    if entry.keys() == {"mlflow", "experiment"}:
        return ["mlflow", entry["mlflow"], "--experiment", entry["experiment"], *words]
    if entry.keys() == {"wandb"}:
        return ["wandb", entry["wandb"], *words]
    raise InputError("names no server", **where)


@task(task_run_name="pull {source}")
def pull_source(root: Path, source: str, words: list[str]) -> int:
    """Pull what is new into a source, in a process of its own; returns the number of runs.

    Raises:
        InputError: the pull was refused; the message is its own.
    """
    command = [sys.executable, "-m", "scaling", "pull", *words, "--json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise InputError(f"{source}: {done.stderr.strip().removeprefix('Error: ')}")
    found = json.loads(done.stdout)["pulled"]
    left = [f"left out: {one}" for one in found["left_out"]]
    taken = len(found["taken"])
    head = f"{source}: {counted(taken, 'run')} pulled, {found['unchanged']} unchanged"
    say("\n".join([head, *left, *found["remarks"]]))
    return taken
