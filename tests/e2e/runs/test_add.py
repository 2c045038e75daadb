"""`scaling add` through the command line, on real files of every format: one good, one bad each."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.pipeline import ingest
from scaling.runs.inbox.add import add
from scaling.runs.inbox.mapping import Options
from tests.support import ROOT
from tests.support.inbox_project import MAPS, TABLE, project, scaling_add, table, tree
from tests.support.trackers.make_files import loss, unpack

__all__ = ["project"]


WALL = ("--map", "observed=wall_time:unix")
X = "loss@x:nats/token"


def _write(kind: str, rows: pl.DataFrame) -> Path:
    path = Path(f"in/team.{kind}")
    if kind == "xlsx":
        from openpyxl import Workbook

        book = Workbook()
        for line in [rows.columns, *rows.rows()]:
            book.active.append(list(line))
        book.save(path)
    elif kind == "csv":
        rows.write_csv(path)
    else:
        (rows.write_parquet if kind == "parquet" else rows.write_ndjson)(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "xlsx"])
def test_tables(project: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pl.read_csv("in/team.csv", infer_schema=False)
    rows = rows.with_columns(pl.col("val_loss").cast(pl.Float64))
    path = _write(kind, rows)
    assert scaling_add(path, *MAPS) == 0
    columns = ("source", "run", "params", "tokens", "metric", "unit", "value", "recorded")
    assert table("team", *columns).drop("recorded").rows() == [
        ("team", "a", 7e9, 1.4e11, "loss@c4", "nats/token", 2.1),
        ("team", "b", 1.3e10, 2.6e11, "loss@c4", "nats/token", 2.0),
    ]
    before = tree()
    _write(kind, rows.rename({"N": "size"}))
    assert scaling_add(path) == 2
    said = capsys.readouterr().err
    assert "--map params=N: there is no 'N'" in said and "'size' ('7B, 1.3e10')" in said
    assert tree() == before


TRACKERS = {
    "hf": (
        "small/checkpoint-500",
        ("--metric", f"loss={X}", "--set", "observed=2026-01-02", "--map", "tokens=step*1024"),
        ("--ignore", "*", "--set", "params=1e6"),
        ("small", 10, 50.0, loss(50)),
    ),
    "lightning": (
        "small/version_0/metrics.csv",
        ("--metric", f"train_loss={X}", "--set", "observed=2026-01-02", "--map", "lr=config.lr"),
        ("--ignore", "*", "--map", "width=config.width"),
        ("small/version_0", 20, 0.0, loss(0)),
    ),
    "tensorboard": (".", ("--metric", f"loss={X}", *WALL), ("--ignore", "*"), ("a", 3020, 0.0, 5)),
    "mlflow-folder": (
        "mlruns",
        ("--metric", f"train/loss={X}", *WALL),
        ("--ignore", "*"),
        (None, 200, 0.0, loss(0)),
    ),
    "mlflow-sqlite": (
        "mlflow.db",
        ("--metric", f"train/loss={X}", *WALL),
        ("--ignore", "*"),
        (None, 200, 0.0, loss(0)),
    ),
    "wandb": (
        "run-long.wandb",
        ("--metric", f"loss={X}", *WALL),
        ("--ignore", "*"),
        ("long", 2000, 0.0, loss(0)),
    ),
    "neptune": (
        "team_scaling",
        ("--metric", f"train/loss={X}", *WALL),
        ("--ignore", "*"),
        ("RUN-1", 100, 0.0, loss(0)),
    ),
}


@pytest.mark.parametrize("kind", TRACKERS)
def test_trackers(project: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    inside, maps, rest, (run, height, step, value) = TRACKERS[kind]
    path = unpack(kind, Path("in") / kind) / inside
    before = tree()
    assert scaling_add(path, "--as", "team", *maps) == 2
    assert "is not mapped" in capsys.readouterr().err
    assert scaling_add(path, "--as", "team", *rest) == 2
    said = capsys.readouterr().err
    assert "no metric is mapped" in said and "nothing fills" in said
    assert tree() == before
    assert scaling_add(path, "--as", "team", *maps, *rest) == 0
    rows = table("team", "run", "step", "value", "checkpoint")
    assert rows.height == height
    assert rows["run"][0] == (run or rows["run"][0])
    assert rows.select("step", "value").row(0) == (step, value)
    assert rows.filter(pl.col("checkpoint") == "final").height <= 1
    again = tree()
    assert scaling_add(path, "--as", "team") == 0
    assert "nothing was added" in capsys.readouterr().out
    assert tree() == again


def test_a_run_that_goes_on_is_one_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unpack("wandb", Path("in"))
    maps = ("--as", "team", "--metric", f"loss={X}", *WALL, "--ignore", "*")
    assert scaling_add(folder / "run-cut.wandb", *maps) == 2
    said = capsys.readouterr().err
    assert "last step 1187; the tracker's last step is 1187; the file ends before" in said
    assert scaling_add(folder / "run-cut.wandb", *maps, "--partial") == 0
    cut = table("team")
    assert cut.height == 1188
    assert cut["checkpoint"].unique().to_list() == ["intermediate"]
    assert cut["flags"].unique().to_list() == ["short_history"]
    assert scaling_add(folder / "run-long.wandb", "--as", "team") == 0
    whole = table("team")
    assert whole["run"].unique().to_list() == ["long"] and whole.height == 2000
    assert whole["step"].is_unique().all() and whole["flags"].null_count() == 2000
    assert whole.filter(pl.col("checkpoint") == "final")["step"].to_list() == [1999.0]
    capsys.readouterr()
    assert scaling_add(folder / "run-cut.wandb", "--as", "team", "--partial") == 0
    assert "nothing was added" in capsys.readouterr().out


def test_final_rows_only(project: Path) -> None:
    folder = unpack("wandb", Path("in"))
    maps = ("--metric", f"loss={X}", *WALL, "--ignore", "*", "--rows", "final")
    assert scaling_add(folder / "run-long.wandb", "--as", "team", *maps) == 0
    assert table("team", "step", "checkpoint").rows() == [(1999.0, "final")]


def test_a_short_history_is_refused_with_the_numbers(project: Path) -> None:
    state = json.loads(
        (unpack("hf", Path("in")) / "small/checkpoint-500/trainer_state.json").read_text()
    )
    state["log_history"] = [entry for entry in state["log_history"] if entry["step"] <= 300]
    path = Path("in/cut.trainer_state.json")
    path.write_text(json.dumps(state))
    options = Options(metrics=[f"loss={X}"], sets=["observed=2026-01-02"], ignore=["*"])
    with pytest.raises(InputError, match="last step 300; the tracker's last step is 500"):
        add(path, "team", options, today=date(2026, 1, 5))


CHART = (
    '"{x}","a - b - _step","a - b - _step__MIN","a - b - _step__MAX",'
    '"a - b - loss","a - b - loss__MIN","a - b - loss__MAX",'
    '"c - loss","c - loss__MIN","c - loss__MAX"\n'
    '"1","10","10","10","3.5","3.5","3.5","","",""\n'
    '"2","20","20","20","3","2.9","3.1","2.5","2.5","2.5"\n'
)


def test_charts_of_wandb(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The form of real exports: names with ' - ' in them, empty cells, an own step for some."""
    path = Path("in/chart.csv")
    path.write_text(CHART.replace("{x}", "Step"))
    maps = ("--metric", f"loss={X}", "--set", "observed=2026-01-02")
    assert scaling_add(path, *maps) == 2
    assert "'loss__MIN' (3.5, 2.9, 2.5)" in capsys.readouterr().err.replace(
        "'3.5, 2.9, 2.5'", "3.5, 2.9, 2.5"
    )
    assert scaling_add(path, *maps, "--ignore", "*__M*") == 0
    assert table("chart", "run", "step", "value").rows() == [
        ("a - b", 10.0, 3.5),
        ("a - b", 20.0, 3.0),
        ("c", 2.0, 2.5),
    ]


def test_histories_of_wandb(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `scan_history` yields, saved; a row without its step is refused."""
    rows = {"_step": [0, 10], "_timestamp": [1.7e9, 1.7e9 + 60], "loss": [3.5, 3.0]}
    pl.DataFrame(rows | {"config.lr": [0.003, 0.003]}).write_csv("in/small.wandb.csv")
    maps = ("--as", "team", "--metric", f"loss={X}", *WALL, "--map", "lr=config.lr")
    assert scaling_add("in/small.wandb.csv", *maps) == 0
    assert table("team", "run", "step", "value", "lr", "observed").rows() == [
        ("small", 0.0, 3.5, 0.003, date(2023, 11, 14)),
        ("small", 10.0, 3.0, 0.003, date(2023, 11, 14)),
    ]
    before = tree("data/internal")
    pl.DataFrame(rows).rename({"_step": "step"}).write_csv("in/small.wandb.csv")
    assert scaling_add("in/small.wandb.csv", *maps) == 2
    assert "row 1: a row without step" in capsys.readouterr().err
    assert tree("data/internal") == before


def test_the_commands_of_the_page_work(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/adding-runs.md, run from the page: one refusal, then three additions."""
    page = (ROOT / "docs/adding-runs.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?m)(?:^    .*\n)+", page)]
    Path("runs.csv").write_text(next(block for block in blocks if block.startswith("name,")))
    Path("nano.log").write_text(next(block for block in blocks if block.startswith("number of")))
    run = Path("wandb/offline-run-20260105_101010-abc")
    shutil.copytree(next(unpack("wandb-media", Path("in")).glob("kept/offline-run-*")), run)
    commands = [
        block.replace("\\\n", " ") for block in blocks if "add " in block and "--as team" in block
    ]
    refused, *taken = [shlex.split(command)[2:] for command in commands]
    assert scaling_add(*refused) == 2
    assert "'remark' ('warm start') is not mapped" in capsys.readouterr().err
    for arguments in taken:
        assert scaling_add(*arguments) == 0, capsys.readouterr().err
    assert table("team", "run", "params", "tokens", "value").height == 2
    assert len(taken) == 3 and table("team-wandb").height > 0
    found = table("team-log", "step", "params", "tokens", "value").rows()
    assert found == [(0.0, 124.34e6, 0.0, 10.9882), (250.0, 124.34e6, 250 * 491_520.0, 5.9204)]
    assert scaling_add("runs.csv", "--as", "team") == 0


def test_two_additions_at_once(project: Path) -> None:
    Path("in/more.csv").write_text(TABLE.replace("\na,", "\nc,").replace("\nb,", "\nd,"))
    command = [sys.executable, "-m", "scaling", "add"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen([*command, f"in/{name}.csv", "--as", "team", *MAPS], env=environment)
        for name in ("team", "more")
    ]
    assert [one.wait() for one in both] == [0, 0]
    assert sorted(table("team")["run"].to_list()) == ["a", "b", "c", "d"]


def test_dvc_takes_the_store_without_its_names(project: Path) -> None:
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "-q"], check=True)
    assert scaling_add("in/team.csv", "--as", "okapi", *MAPS) == 0
    told = Path("data/internal/store.dvc").read_text()
    assert "nfiles: 5" in told and "okapi" not in told and "team" not in told
    before = tree("data/internal/store")
    shutil.rmtree("data/internal/store")
    with pytest.raises(SystemExit):
        ingest.main()
    subprocess.run([*dvc, "checkout", "-q"], check=True)
    assert tree("data/internal/store") == before
