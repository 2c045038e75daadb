"""A whole project of one small source and one study, with the real stages (some 30 CPU seconds).

Code, `dvc.yaml` and the lock file are copies of the project's own, so what is tried here is what a
person runs. `toy` has stages that only copy text instead: the flow, DVC and publishing are real.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from scaling.publish import verify
from tests.conftest import ROOT
from tests.test_flow import FILES, git

SOURCE = "chinchilla-epoch"
PLACES = ("scaling", "flows", "tools", f"data/published/{SOURCE}")
ALONE = (".dvc/config", ".dvcignore", ".gitignore", "dvc.yaml", "requirements.lock", "Makefile")
PARAMS = f"""seed: 0
as_of: null
disclose_internal: false
studies:
  small:
    source: {SOURCE}
    metric: loss@massivetext
    exclude:
      - where: "flags LIKE '%published_outlier%'"
        reason: left out by Besiroglu et al. 2024
    laws: [chinchilla]
fit: {{delta: 0.001, resamples: 50}}
forecast:
  quantiles: [0.05, 0.25, 0.5, 0.75, 0.95]
  targets:
    chinchilla-70b: {{params: 70.0e+9, tokens: 1.4e+12}}
audit:
  tolerance: {{params: 0.05, tokens: 0.05, flops: 0.1}}
"""
# The stages of tests/test_flow.py, fewer.
FEW = """
stages:
  validate:
    cmd: python stage.py validate data/published data/validated
    deps: [data/published, scaling/schema.py, scaling/laws]
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
REFIT = "import sys; from flows.local import main; sys.exit(main())"


def make(root: Path, rows: int = 60) -> Path:
    """The project at ``root``, committed: the first ``rows`` rows of one published source."""
    root.mkdir(parents=True)
    unwanted = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in PLACES:
        shutil.copytree(ROOT / name, root / name, ignore=unwanted)
    for name in ALONE:
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    (root / "params.yaml").write_text(PARAMS)
    for name in ("data/internal", "data/releases"):
        (root / name).mkdir(parents=True)
        (root / name / ".gitignore").write_text("*\n!.gitignore\n")
    keep_rows(root, rows)
    return _committed(root)


def toy(root: Path) -> Path:
    """Stages that copy text, as few as publishing knows, so that a refit is little but the flow."""
    for name, text in {**FILES, "dvc.yaml": FEW}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return _committed(root)


def keep_rows(root: Path, rows: int) -> None:
    """The source's first rows, from the full table: more are new runs, fewer are withdrawn."""
    name = f"data/published/{SOURCE}/runs.csv"
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines(keepends=True)
    (root / name).write_text("".join(lines[: rows + 1]), encoding="utf-8")


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
