"""`dvc metrics diff`, `params diff` and `plots diff` between two revisions of a clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.publish_project import git

FILES = (
    "dvc.yaml",
    "dvc.lock",
    "params.yaml",
    ".dvc/config",
    ".dvc/plots/forecast.json",
    ".dvcignore",
    "data/forecasts/forecast.csv",
    "data/metrics/gemstones.json",
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What DVC's views read, in two commits: another seed, a better backtest, other forecasts."""
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / name).read_bytes())
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    params = tmp_path / "params.yaml"
    params.write_text(params.read_text().replace("seed: 0", "seed: 7", 1))
    metrics = tmp_path / "data/metrics/gemstones.json"
    told = json.loads(metrics.read_text())
    told["ensemble"]["abs_error"] /= 2
    metrics.write_text(json.dumps(told))
    forecast = tmp_path / "data/forecasts/forecast.csv"
    head, *rows = forecast.read_text().splitlines()
    rows = [f"{row.rpartition(',')[0]},{float(row.rpartition(',')[2]) * 1.5}" for row in rows]
    forecast.write_text("\n".join([head, *rows]) + "\n")
    git(tmp_path, "commit", "-qam", "two")
    return tmp_path


def dvc(root: Path, *arguments: str) -> str:
    env = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_metrics_params_and_plots_of_two_revisions(clone: Path) -> None:
    changed = json.loads(dvc(clone, "metrics", "diff", "HEAD~1", "HEAD", "--json"))
    ((file, values),) = changed.items()
    assert file == "data/metrics/gemstones.json"
    assert list(values) == ["ensemble.abs_error"]
    assert values["ensemble.abs_error"]["new"] == pytest.approx(
        values["ensemble.abs_error"]["old"] / 2
    )
    chosen = json.loads(dvc(clone, "params", "diff", "HEAD~1", "HEAD", "--json"))
    assert list(chosen["params.yaml"]) == ["seed"]
    assert chosen["params.yaml"]["seed"]["new"] == 7
    dvc(clone, "plots", "diff", "HEAD~1", "HEAD", "--out", "drawn")
    page = (clone / "drawn/index.html").read_text()
    start = page.index("var spec = ") + len("var spec = ")
    drawn, _ = json.JSONDecoder().raw_decode(page[start:])
    assert drawn["title"] == "Forecast quantiles"
    assert drawn["facet"]["field"] == "study"
    revisions = [point["rev"] for point in drawn["data"]["values"]]
    assert revisions.count("HEAD~1") == revisions.count("HEAD") > 100
