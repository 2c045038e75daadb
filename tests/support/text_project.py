"""A project whose stages only copy text: the flow, DVC and publishing are the real ones.

For tests of the whole refit, which takes some ten CPU seconds here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from scaling.record.versions.verify import verify
from tests.e2e.orchestration.test_flow import FILES, git
from tests.support import ROOT

# The stages of tests/e2e/orchestration/test_flow.py, fewer.
FEW = """
stages:
  validate:
    cmd: python stage.py validate data/published data/validated
    deps: [data/published, scaling/runs/schema.py, scaling/laws]
    outs: [data/validated]
  forecast:
    cmd: >-
      python stage.py forecast data/validated data/fits/a.json data/forecasts/forecast.csv
      data/fits/a.parquet
    deps: [data/validated]
    outs:
      - data/fits/a.json:
          cache: false
      - data/forecasts/forecast.csv:
          cache: false
      - data/fits/a.parquet
  report:
    cmd: python stage.py report data/forecasts reports/current
    deps: [data/forecasts]
    outs: [reports/current]
"""
REFIT = "import sys; from scaling.orchestration.run_local import main; sys.exit(main())"


def toy(root: Path) -> Path:
    """Stages that copy text, as few as publishing knows, so that a refit is little but the flow."""
    for name, text in {**FILES, "dvc.yaml": FEW}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return _committed(root)


def _committed(root: Path) -> Path:
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return root


def environment(home: Path, server: str | None = None) -> dict[str, str]:
    """Of a refit; ``server`` is the address of a Prefect server that runs already."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    more = {"PREFECT_API_URL": server} if server else {}
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    return {**kept, **one, **more, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(home)}


def start(root: Path, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A refit in a process group of its own."""
    command = [sys.executable, "-c", REFIT]
    with log.open("ab") as out:
        return subprocess.Popen(
            command, cwd=root, env=env, stdout=out, stderr=out, start_new_session=True
        )


def refit(root: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A refit, to its end."""
    command = [sys.executable, "-c", REFIT]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)


def published(root: Path) -> dict[str, bytes]:
    """Every file of every version that the ledger names: path under reports -> bytes."""
    reports = root / "reports"
    return {
        path.relative_to(reports).as_posix(): path.read_bytes()
        for line in ledger(root)
        for path in sorted((reports / line["version"]).rglob("*"))
        if path.is_file()
    }


def ledger(root: Path) -> list[dict[str, Any]]:
    """The ledger's lines; none before the first version."""
    file = root / "reports/ledger.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [json.loads(line) for line in lines]


def assert_whole(root: Path, before: dict[str, bytes]) -> None:
    """What was published before is there byte for byte, and the chain is whole."""
    now = published(root)
    lost = [name for name, content in before.items() if now.get(name) != content]
    assert lost == []
    # A version without its line, as after a kill between the two renames, is said and continued.
    problems = [one for one in verify(root) if "no line for" not in one]
    assert problems == []
