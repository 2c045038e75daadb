"""A team's own folder: begun, refitted, reproduced and upgraded through the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from scaling.io import settings
from scaling.io.hashing import sha256
from scaling.io.settings import Settings
from scaling.orchestration import run_local
from scaling.orchestration.dvc import graph as dvc_graph
from scaling.record.versions import engine_file
from scaling.record.versions.sources import code_of, installed_files
from scaling.workspace import engine, files
from scaling.workspace.root import find
from tests.support import ROOT
from tests.support.command import scaling
from tests.support.needs import SANDBOX

FLOWS = ("audit", "backtest", "govern", "refit")
ANSWERS = (
    *("--metric", "loss=loss@val:nats/token", "--set", "observed=2026-01-02"),
    *("--map", "run=params+tokens"),
)


def runs(rows: int = 24) -> pl.DataFrame:
    """Simulated runs of a Chinchilla law (Besiroglu et al. 2024, constants) with 0.5 % noise."""
    rng = np.random.default_rng(5)
    n = np.exp(rng.uniform(np.log(5e7), np.log(8e9), rows)).round()
    d = (n * np.exp(rng.uniform(np.log(5), np.log(80), rows))).round()
    loss = 1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658
    return pl.DataFrame(
        {"params": n, "tokens": d, "loss": loss * np.exp(rng.normal(0, 0.005, rows))}
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space in its name, a table of runs, and names that a person may use too."""
    place = tmp_path / "our runs"
    place.mkdir()
    runs().write_csv(place / "runs.csv")
    monkeypatch.chdir(place)
    return place


def test_it_begins_with_a_study_and_the_same_command_goes_on(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scaling("init", "mine", "--from", "runs.csv") == 2
    assert "--metric 'loss=loss@DATASET:nats/token'" in capsys.readouterr().err
    assert find(here / "mine") is None
    assert scaling("init", "mine", "--from", "runs.csv", *ANSWERS) == 0
    out = capsys.readouterr().out
    assert f"workspace {here / 'mine'}, study runs" in out and "scaling refit" in out
    choices = yaml.safe_load((here / "mine/params.yaml").read_text())
    assert choices["studies"] == {
        "runs": {
            "source": "runs",
            "metric": "loss@val",
            "laws": ["chinchilla", "coupled", "kaplan_joint"],
        }
    }
    assert (here / "mine/data/internal/store.dvc").is_file()
    assert find(here / "mine/data/internal") == here / "mine"
    assert not list((here / "mine").rglob("*.py"))


def test_it_writes_over_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "dvc.yaml").write_text("stages: {}\n")
    before = sorted(here.rglob("*"))
    assert scaling("init") == 2
    assert "dvc.yaml: is there already, with another content" in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before
    assert scaling("init", "mine") == 0
    for inside in ("mine", "mine/data/new"):
        assert scaling("init", inside) == 2
        assert "is a workspace already, or lies in one" in capsys.readouterr().err


def test_git_tracks_no_internal_row_whatever_dvc_does(here: Path) -> None:
    """As after a refit that failed, when DVC has taken its own lines back."""
    assert scaling("init", "mine", "--from", "runs.csv", *ANSWERS) == 0
    root = here / "mine"
    rows = ("data/runs/runs.parquet", "data/validated/runs.parquet", "data/quarantine/a.parquet",
            "data/findings.parquet", "data/fits/runs.parquet", "data/backtests/runs.parquet",
            "data/docs/index.html", "reports/current/report.md", ".prefect/prefect.db",
            "data/internal/names.json")  # fmt: skip
    for name in rows:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("a row")
    for ignored in root.rglob(".gitignore"):
        if ignored.parent != root:
            ignored.unlink()
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True
    ).stdout.split()
    assert not set(tracked) & set(rows)
    assert not [name for name in tracked if name.startswith("data/internal/store/")]
    assert {"params.yaml", "engine.yaml", "data/internal/store.dvc"} <= set(tracked)


def test_git_tracks_no_internal_row_after_a_refit_that_failed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages before the first fit have written tables of the rows."""
    assert scaling("init", "mine", "--from", "runs.csv", *ANSWERS) == 0
    monkeypatch.chdir(here / "mine")
    Path("laws/broken.py").write_text("# Not ready.\n")
    command = [sys.executable, "-P", "-m", "scaling", "refit"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "no law in this file" in done.stderr, done.stderr
    tables = [str(path) for path in Path("data").rglob("*.parquet")]
    assert "data/validated/runs.parquet" in tables
    git("add", "-A")
    tracked = git("ls-files").splitlines()
    assert not set(tables) & set(tracked) and "data/internal/store.dvc" in tracked
    assert not [one for one in tracked if one.startswith(("data/internal/store/", "data/docs"))]


def test_the_flow_of_a_project_is_run_where_it_was_written_for_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not a file of that name that somebody has for something else."""
    assert scaling("init", "mine") == 0
    monkeypatch.chdir(here / "mine")
    Path("flows").mkdir()
    Path("flows/refit.py").write_text("raise RuntimeError('not yours')\n")
    assert not run_local.has_flow(Path())
    shutil.rmtree("flows")
    assert scaling("upgrade", "--flows") == 0
    assert run_local.has_flow(Path()) and run_local.has_flow(ROOT)


@pytest.mark.parametrize("verb", ["refit", "verify", "audit", "site", "show", "checkpoint"])
def test_outside_of_workspaces_verbs_say_so_and_make_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert scaling(verb) == 2
    assert "this is no workspace, and lies in none" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_verbs_find_the_root_from_below_and_files_from_where_they_are(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scaling("init", "mine") == 0
    below = here / "mine/data/declared"
    shutil.copy("runs.csv", below)
    monkeypatch.chdir(below)
    assert scaling("add", "runs.csv", *ANSWERS) == 0
    assert (here / "mine/data/internal/store/runs").is_dir()
    planned = pl.DataFrame({"params": [7e10], "tokens": [1.4e12]})
    planned.write_csv(below / "planned.csv")
    assert scaling("forecast", "runs.csv", "--at", "planned.csv", "--out", "made.csv") == 0
    assert (below / "made.csv").is_file() and not (here / "mine/made.csv").exists()


def test_stages_and_refits_refuse_another_engine(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scaling("init", "mine") == 0
    monkeypatch.chdir(here / "mine")
    named = yaml.safe_load(Path("engine.yaml").read_text())
    assert set(named["stages"]) == set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    Path("engine.yaml").write_text(yaml.safe_dump(named | {"code": "0" * 64, "version": "0.1.9"}))
    for call in (("refit",), ("stage", "ingest")):
        assert scaling(*call) == 2
        assert "the installed engine is not the workspace's" in capsys.readouterr().err
    assert scaling("upgrade") == 0
    assert "engine 0.1.9 (code 000000000000) -> " in capsys.readouterr().out
    assert scaling("stage", "nothing") == 2
    assert scaling("stage", "fit") == 2


def test_an_upgrade_merges_what_was_edited(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scaling("init", "mine") == 0
    monkeypatch.chdir(here / "mine")
    git("add", "-A")
    git("commit", "-qm", "begin")
    ignored = Path(".gitignore")
    ignored.write_text(ignored.read_text() + "/ours\n")
    assert scaling("upgrade") == 0  # the engine's own text has not changed
    managed = files.managed()
    monkeypatch.setattr(
        files, "managed", lambda **_: managed | {".gitignore": "# new\n" + managed[".gitignore"]}
    )
    Path("dvc.yaml").unlink()
    capsys.readouterr()
    assert scaling("upgrade") == 0
    out = capsys.readouterr().out
    assert ".gitignore: merged with your edits" in out and "dvc.yaml: written" in out
    assert ignored.read_text() == "# new\n" + managed[".gitignore"] + "/ours\n"
    git("commit", "-qam", "up")
    mine = ignored.read_text().replace("# new", "# mine")
    ignored.write_text(mine)
    monkeypatch.setattr(
        files, "managed", lambda **_: managed | {".gitignore": "# newer\n" + managed[".gitignore"]}
    )
    assert scaling("upgrade") == 1
    assert ignored.read_text() == mine and "<<<<<<<" in Path(".gitignore.merged").read_text()


def git(*arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_each_stage_depends_on_a_hash_of_its_code() -> None:
    made = yaml.safe_load(engine.pipeline())
    for name, spec in made["stages"].items():
        stage = spec.get("do", spec)
        assert stage["cmd"].startswith(f"scaling stage {name}")
        assert {"engine.yaml": [f"stages.{name}"]} in stage["params"]
        assert not [one for one in stage["deps"] if one.startswith("scaling/")]
    made_here = {out for spec in made["stages"].values() for out in outs(spec.get("do", spec))}
    begun = {*files.first("mine", ""), *(str(Path(one).parent) for one in files.FOLDERS)}
    for spec in made["stages"].values():
        for dep in spec.get("do", spec)["deps"]:
            assert dep in begun or any(one.startswith(dep) for one in made_here), dep
    hashes = engine.present()["stages"]
    assert len(set(hashes.values())) == len(hashes)


def test_a_schedule_is_four_flows_that_a_team_may_edit_and_an_upgrade_merges(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scaling("init", "mine", "--flows") == 0
    monkeypatch.chdir(here / "mine")
    assert {*files.SCHEDULE} == {"prefect.yaml", *(f"flows/{name}.py" for name in FLOWS)}
    for name in files.SCHEDULE:
        assert Path(name).read_text() == (ROOT / name).read_text()
    git("add", "-A")
    git("commit", "-qm", "begin")
    plan = Path("prefect.yaml")
    plan.write_text(plan.read_text().replace('cron: "0 5 * * *"', 'cron: "15 4 * * 1"'))
    Path("flows/govern.py").unlink()
    newer = files.managed(schedule=True)
    newer["prefect.yaml"] = "# New.\n" + newer["prefect.yaml"]
    monkeypatch.setattr(files, "managed", lambda **asked: newer if asked["schedule"] else {})
    capsys.readouterr()
    assert scaling("upgrade") == 0
    assert "prefect.yaml: merged with your edits" in capsys.readouterr().out
    assert plan.read_text().startswith("# New.\n") and '"15 4 * * 1"' in plan.read_text()
    assert not Path("flows/govern.py").exists()


def test_a_workspace_gets_a_schedule_later(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a folder `flows` of somebody's own is left as it is, and said."""
    assert scaling("init", "mine") == 0
    monkeypatch.chdir(here / "mine")
    Path("flows").mkdir()
    Path("flows/refit.py").write_text("raise RuntimeError('not yours')\n")
    assert scaling("upgrade", "--flows") == 1
    assert "flows/refit.py: was edited here" in capsys.readouterr().out
    assert Path("flows/refit.py").read_text() == "raise RuntimeError('not yours')\n"
    shutil.rmtree("flows")
    assert scaling("upgrade", "--flows") == 0
    assert Path("flows/refit.py").read_text() == (ROOT / "flows/refit.py").read_text()
    assert "prefect.yaml" in engine_file.read(Path()).managed


def test_settings_say_what_an_upgrade_may_install(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scaling("init", "mine") == 0
    monkeypatch.chdir(here / "mine")
    marked = Path("scaling.toml")
    assert settings.read(Path()) == Settings("mine", ">=0.2,<1", 30)
    marked.write_text(marked.read_text().replace(">=0.2,<1", ">=0.1,<0.2"))
    before = Path("engine.yaml").read_bytes()
    for call in ((), ("0.3.1",), ("nonsense",), ("scaling_forecast-0.1.9-py3-none-any.whl",)):
        assert scaling("upgrade", *call) == 2
    said = capsys.readouterr().err
    assert "found '0.3.1'; allowed: >=0.1,<0.2" in said
    assert "found 'nonsense'; allowed: a version, as 0.2.0, or a wheel" in said
    assert "scaling_forecast-0.1.9-py3-none-any.whl: no such wheel" in said
    assert Path("engine.yaml").read_bytes() == before
    for line, wrong in (
        (
            "whole_versions = 0",
            "column 'whole_versions': is no such value; found 0; allowed: a whole",
        ),
        ("whole_versions = true", "found True; allowed: a whole number"),
        ("team = 3", "column 'team': is no such value; found 3; allowed: text in quotes"),
        ("teem = 'us'", "no such setting; found 'teem'"),
        ("team = us", "is no TOML"),
        ("engine = 'newest'", "column 'engine': is no range of versions; found 'newest'"),
    ):
        marked.write_text(f"[workspace]\n{line}\n")
        assert scaling("upgrade") == 2
        assert wrong in capsys.readouterr().err
    assert Path("engine.yaml").read_bytes() == before


def test_publishing_refuses_another_engine_and_a_missing_name_of_it(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also beside a folder `scaling` of somebody's own."""
    assert scaling("init", "mine") == 0
    monkeypatch.chdir(here / "mine")
    Path("scaling").mkdir()
    Path("scaling/ours.py").write_text("")
    assert set(code_of(Path())) == {"dvc.yaml", "engine"}
    named = yaml.safe_load(Path("engine.yaml").read_text())
    for text in (yaml.safe_dump(named | {"code": "0" * 64}), "- 1\n", None):
        Path("engine.yaml").unlink()
        if text is not None:
            Path("engine.yaml").write_text(text)
        for call in (("refit",), ("stage", "validate")):
            assert scaling(*call) == 2
            assert "engine.yaml" in capsys.readouterr().err


def test_a_wheel_is_kept_only_where_its_code_is_what_is_installed(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scaling("init", "mine") == 0
    assert "No wheel of the engine is kept (installed: from a checkout)" in capsys.readouterr().out
    monkeypatch.chdir(here / "mine")
    name = "scaling_forecast-0.2.0-py3-none-any.whl"
    wheel(here / name, {"scaling/__init__.py": b"other"})
    assert scaling("upgrade", "--wheel", here / name) == 2
    assert "another engine" in capsys.readouterr().err
    code = {one: path.read_bytes() for one, path in installed_files().items()}
    wheel(here / name, code | {"numpy.py": b"print('mine')"})
    assert scaling("upgrade", "--wheel", here / name) == 2
    assert "has numpy.py; allowed: scaling alone" in capsys.readouterr().err
    wheel(here / name, code)
    assert scaling("upgrade", "--wheel", here / name) == 0
    assert f"DVC keeps the engine: {name}" in capsys.readouterr().out
    assert engine_file.read(Path()).wheel == {
        "file": name,
        "sha256": sha256(Path("engine", name).read_bytes()),
    }
    git("add", "-A")
    assert "engine.dvc" in git("ls-files") and name not in git("ls-files")
    shutil.rmtree("engine")
    assert "engine.dvc" not in dvc_graph.stale(Path())
    assert scaling("upgrade") == 0
    assert "No wheel of the engine is kept" in capsys.readouterr().out


def wheel(file: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def outs(stage: dict[str, Any]) -> list[str]:
    """The files that a stage of dvc.yaml makes; of a study as its source is called."""
    listed = stage["outs"]
    names = [one if isinstance(one, str) else next(iter(one)) for one in listed]
    return [*names, *(f"{one}/${{item.source}}.parquet" for one in names)]


@pytest.mark.slow
@SANDBOX.unless(shutil.which("bwrap") is not None)
def test_a_workspace_publishes_and_reproduces(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a person's own `flows/` elsewhere and `scaling.py` beside the choices, umask 077."""
    before = os.umask(0o077)
    try:
        assert scaling("init", "mine", "--from", "runs.csv", *ANSWERS) == 0
        monkeypatch.chdir(here / "mine")
        Path("scaling.py").write_text("raise RuntimeError('shadowed')\n")
        choices = yaml.safe_load(Path("params.yaml").read_text())
        choices["fit"]["resamples"] = 60
        Path("params.yaml").write_text(yaml.safe_dump(choices))
        git("add", "-A")
        git("commit", "-qm", "begin")
        command = [sys.executable, "-P", "-m", "scaling"]
        refit = subprocess.run([*command, "refit"], capture_output=True, text=True)
        assert refit.returncode == 0, refit.stdout + refit.stderr
        git("add", "-A")
        git("commit", "-qm", "published")
        assert "published " in refit.stdout
        again = subprocess.run([*command, "refit"], capture_output=True, text=True)
        assert "everything is up to date" in again.stdout, again.stdout + again.stderr
        version = json.loads(Path("reports/ledger.jsonl").read_text())["version"]
        made = json.loads(Path("reports", version, "manifest.json").read_text())["made_by"]
        assert set(made["code"]) == {"dvc.yaml", "engine"}
        verified = subprocess.run([*command, "verify"], capture_output=True, text=True)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        done = subprocess.run([*command, "reproduce", version], capture_output=True, text=True)
        assert re.search(r"\d+ files, the same byte for byte", done.stdout), done.stderr
    finally:
        os.umask(before)
