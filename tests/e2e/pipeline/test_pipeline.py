"""The real pipeline through the real DVC, in a temporary clone with two of the studies."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from scaling.document.report_json import load
from tests.support import ROOT

SITE = """
import atexit, json, os, sys
seen = set()
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, bytes, os.PathLike)):
        seen.add(os.path.abspath(os.fsdecode(args[0])))
sys.addaudithook(hook)
def dump():
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name:
            seen.add(os.path.abspath(name))
    with open(os.environ["TRACE_TO"], "w") as stream:
        json.dump(sorted(seen), stream)
atexit.register(dump)
"""


# Each is the name of its source too.
STUDIES = ("chinchilla-epoch", "gemstones")


def run(where: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment's Python in ``where``."""
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", *command],
        cwd=where,
        env={**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": _path(), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def _path() -> str:
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def _wanted(name: str) -> bool:
    parts = name.split("/")
    return parts[0] != "reports" and (parts[:2] != ["data", "published"] or parts[2] in STUDIES)


def make_clone(where: Path) -> Path:
    """The files that Git would hand to a fresh clone, as they stand now, as a repository: only
    `STUDIES` and their sources, with few resamples."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and _wanted(name):
            target = where / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    (where / "dvc.lock").unlink(missing_ok=True)
    chosen = yaml.safe_load((where / "params.yaml").read_text())
    chosen["studies"] = {name: chosen["studies"][name] for name in STUDIES}
    chosen["fit"]["resamples"] = 40
    (where / "params.yaml").write_text(yaml.safe_dump(chosen))
    (where / "reports").mkdir(exist_ok=True)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *command], cwd=where, check=True, capture_output=True)
    return where


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = make_clone(tmp_path_factory.mktemp("one"))
    done = run(where, "-m", "dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    return where


def outputs(where: Path) -> dict[str, str]:
    """Path -> hash of every stage output, as dvc.lock has it."""
    locked = yaml.safe_load((where / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}


def test_second_repro_does_nothing(clone: Path) -> None:
    before = (clone / "dvc.lock").read_bytes()
    again = run(clone, "-m", "dvc", "repro")
    assert "Data and pipelines are up to date." in again.stdout + again.stderr
    assert (clone / "dvc.lock").read_bytes() == before


def test_two_clones_give_the_same_bytes(clone: Path, tmp_path: Path) -> None:
    other = make_clone(tmp_path)
    done = run(other, "-m", "dvc", "repro", PYTHONHASHSEED="7", TZ="Asia/Tokyo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs(other) == outputs(clone)


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("data/fits/gemstones.json", "delete"),
        ("data/forecasts/forecast.csv", "truncate"),
        ("data/validation.json", "truncate"),
    ],
)
def test_a_broken_output_is_restored(clone: Path, name: str, break_it: str) -> None:
    path = clone / name
    whole = path.read_bytes()
    if break_it == "delete":
        path.unlink()
    else:
        path.write_bytes(whole[: len(whole) // 2])
    done = run(clone, "-m", "dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(whole).digest()


def _stages(where: Path) -> dict[str, dict[str, Any]]:
    listed: dict[str, dict[str, Any]] = yaml.safe_load((where / "dvc.lock").read_text())["stages"]
    return listed


@pytest.mark.parametrize(
    "stage",
    [
        *("ingest", "validate", "fit@chinchilla-epoch", "backtest@chinchilla-epoch"),
        *("forecast", "report"),
    ],
)
def test_stages_declare_what_they_read(clone: Path, tmp_path: Path, stage: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE)
    entry = _stages(clone)[stage]
    module = entry["cmd"].split()[1:]
    trace = tmp_path / "trace.json"
    path = f"{tmp_path}{os.pathsep}{clone}"
    done = run(clone, *module, PYTHONPATH=path, TRACE_TO=str(trace))
    assert done.returncode == 0, done.stdout + done.stderr
    declared = [(clone / dep["path"]).resolve() for dep in entry["deps"]]
    made = [(clone / out["path"]).resolve() for out in entry["outs"]]
    missing = [
        name
        for name in map(Path, json.loads(trace.read_text()))
        if name.is_file() and _counts(name, clone) and not _within(name, declared + made)
    ]
    assert not missing, [str(name.relative_to(clone)) for name in missing]


def test_an_edit_of_the_forecasts_leaves_the_fits_up_to_date(clone: Path) -> None:
    file = clone / "scaling/forecasting/engine.py"
    whole = file.read_text()
    file.write_text(whole + "# edited\n")
    told = json.loads(run(clone, "-m", "dvc", "status", "--json").stdout)
    file.write_text(whole)
    assert {f"backtest@{name}" for name in STUDIES} | {"forecast"} <= set(told)
    assert not [stage for stage in told if stage.startswith(("ingest", "validate", "fit@"))]


def _counts(name: Path, where: Path) -> bool:
    """Whether the file is the project's own and can change a result."""
    if where not in name.parents or "__pycache__" in name.parts or ".git" in name.parts:
        return False
    return name.name != "params.yaml" and not _only_says_what_it_is(name)


def _only_says_what_it_is(name: Path) -> bool:
    """Whether this is a package's file with nothing but a docstring."""
    if name.name != "__init__.py":
        return False
    return [type(node) for node in ast.parse(name.read_text()).body] == [ast.Expr]


def _within(name: Path, folders: list[Path]) -> bool:
    return any(name == folder or folder in name.parents for folder in folders)


def test_unknown_study_is_refused(clone: Path) -> None:
    done = run(clone, "-m", "scaling.pipeline.fit", "gemstone")
    assert done.returncode == 2
    assert "Did you mean 'gemstones'?" in done.stderr


def test_dvc_shows_the_figures_of_the_report(clone: Path) -> None:
    shown = run(clone, "-m", "dvc", "metrics", "show", "--json")
    assert (shown.returncode, shown.stderr) == (0, "")
    told = json.loads(shown.stdout)[""]["data"]
    report = load((clone / "reports/current/report.json").read_bytes())
    blocks = [block for section in report["sections"] for block in section["blocks"]]
    (table,) = (block for block in blocks if block.get("id") == "backtest-table")
    assert [group["title"] for group in table["groups"]] == ["Chinchilla", "Gemstones"]
    for study, group in zip(STUDIES, table["groups"], strict=True):
        metrics = told[f"data/metrics/{study}.json"]["data"]["ensemble"]
        values = [cell.get("value", cell["text"]) for cell in group["rows"][0]]
        assert values[:2] == ["ensemble", "all"]
        names = ("abs_error", "crps", "in50", "in80", "in90", "in95", "skill")
        assert values[3:10] == [metrics[name] for name in names]
    plots = run(clone, "-m", "dvc", "plots", "show", "--json")
    (drawn,) = json.loads(plots.stdout)["data"]["data/forecasts/forecast.csv"]
    points = [float(point["value"]) for point in drawn["content"]["data"]["values"]]
    assert points == pl.read_csv(clone / "data/forecasts/forecast.csv")["value"].to_list()
