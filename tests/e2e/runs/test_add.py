"""`scaling add` through the command line, on real files of every format: one good, one bad each."""

from __future__ import annotations

import json
import math
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
from scaling.runs.inbox import store
from scaling.runs.inbox.add import add
from scaling.runs.inbox.aliases import unnumbered
from scaling.runs.inbox.mapping import Options
from tests.support import ROOT
from tests.support.command import scaling
from tests.support.trackers.make_files import loss, unpack
from tests.unit.pipeline.test_ingest import METADATA

DAY = date(2026, 1, 5)
TABLE = "name,N,D,day,val_loss,remark\na,7B,140B,2026-01-02,2.1,x\nb,1.3e10,260B,2026-01-03,2.0,y\n"
MAPS = (
    *("--map", "run=name", "--map", "params=N", "--map", "tokens=D", "--map", "observed=day"),
    *("--metric", "val_loss=loss@c4:nats/token", "--ignore", "remark"),
)
WALL = ("--map", "observed=wall_time:unix")
X = "loss@x:nats/token"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one published source, entered."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "params.yaml": "as_of: null\ndisclose_internal: true\n",
        "data/published/paper/source.yaml": METADATA,
        "data/published/paper/runs.csv": "run,params,value\na,7e9,2.5\n",
        "data/internal/README.md": "Inbox",
        "in/team.csv": TABLE,
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    return tmp_path


def scaling_add(*arguments: object) -> int:
    """The exit status of `scaling add ...`."""
    return scaling("add", *arguments)


def table(name: str, *columns: str) -> pl.DataFrame:
    ingest.main()
    rows = pl.read_parquet(f"data/runs/{name}.parquet")
    return rows.select(columns) if columns else rows


def tree(folder: str = "data") -> dict[str, bytes]:
    """Every file below the folder, with its bytes."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {path.as_posix(): path.read_bytes() for path in files}


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
        add(path, "team", options, today=DAY)


# Corrections and days past ----------------------------------------------------------------------

OPTIONS = Options(
    maps=["run=name", "params=N", "tokens=D", "observed=day"],
    metrics=["val_loss=loss@c4:nats/token"],
    ignore=["remark"],
)


def _add(text: str, day: int, options: Options = OPTIONS) -> list[str]:
    path = Path("in/team.csv")
    path.write_text(text)
    return add(path, None, options, today=date(2026, 1, day)).remarks


def _as_of(day: str) -> list[tuple[object, ...]]:
    Path("params.yaml").write_text(f"as_of: {day}\ndisclose_internal: true\n")
    return table("team", "run", "value", "recorded").rows()


def test_any_past_day_can_be_made_again(project: Path) -> None:
    first, second, third = date(2026, 1, 5), date(2026, 1, 7), date(2026, 1, 9)
    _add(TABLE, 5)
    day_5 = tree("data/runs") if _as_of("null") else {}
    assert "1 new result, 1 corrected (the first: run 'b', loss@c4: value 2 -> 1.9)" in _add(
        TABLE.replace("2.0,y", "1.9,y") + "c,7B,1T,2026-01-06,1.8,\n", 7
    )
    _add(TABLE.replace("2.0,y", "1.95,y"), 9)
    assert _as_of("2026-01-05") == [("a", 2.1, first), ("b", 2.0, first)]
    assert tree("data/runs") == day_5 or sorted(tree("data/runs")) == ["data/runs/paper.parquet"]
    assert _as_of("2026-01-08") == [("a", 2.1, first), ("b", 1.9, second), ("c", 1.8, second)]
    assert _as_of("null") == [("c", 1.8, second), ("a", 2.1, first), ("b", 1.95, third)]


def test_a_correction_of_the_mapping_is_a_new_version(project: Path) -> None:
    _add(TABLE, 5)
    bits = Options(metrics=["val_loss=loss@c4:bits/token:nats/token"])
    assert _add(TABLE, 6, bits) != ["nothing"]
    now = _as_of("null")
    assert now[0][1] == pytest.approx(2.1 * 0.6931471805599453)
    assert _as_of("2026-01-05")[0][1] == 2.1
    text = Path("data/internal/store/team/mapping.yaml").read_text()
    assert "version: 1" in text and "version: 2" in text
    assert _add(TABLE, 7, bits)[0].startswith("nothing was added")


def test_results_of_days_to_come_are_told(project: Path) -> None:
    said = _add(TABLE.replace("2026-01-03", "2062-01-03"), 5)
    held = "which the refit will hold back (the first: row 2, 2062-01-03)"
    assert f"1 result observed after today, 2026-01-05, {held}" in said


def test_published_sources_count_from_the_day_they_were_read(project: Path) -> None:
    Path("params.yaml").write_text("as_of: 2024-12-31\n")
    ingest.main()
    assert tree("data/runs") == {}
    Path("params.yaml").write_text("as_of: 2025-01-01\n")
    assert table("paper", "recorded").rows() == [(date(2025, 1, 1),)]


def test_the_log_does_not_go_back(project: Path) -> None:
    _add(TABLE, 5)
    with pytest.raises(InputError, match="ahead of the clock"):
        _add(TABLE + "c,7B,1T,2026-01-06,1.8,\n", 4)


def test_names_stay_inside(project: Path) -> None:
    Path("params.yaml").write_text("disclose_internal: false\n")
    shutil.copy("in/team.csv", "in/secret.csv")
    assert scaling_add("in/secret.csv", *MAPS) == 0
    rows = table("internal-1")
    assert rows["run"].to_list() == ["internal-1/run-1", "internal-1/run-2"]
    assert rows["source"].unique().to_list() == ["internal-1"]
    assert not Path("data/runs/secret.parquet").exists()


@pytest.mark.parametrize("disclosed", ["true", "false"])
def test_rows_of_several_sources_keep_their_own_name(project: Path, disclosed: str) -> None:
    Path("params.yaml").write_text(f"disclose_internal: {disclosed}\n")
    for name in ("one", "other"):
        assert scaling_add("in/team.csv", "--as", name, *MAPS) == 0
    ingest.main()
    names = {"true": ["one", "other"], "false": ["internal-1", "internal-2"]}[disclosed]
    for name in names:
        assert table(name)["source"].to_list() == [name, name]


def test_a_foreign_source_in_a_cell_stays_inside(project: Path) -> None:
    Path("params.yaml").write_text("disclose_internal: false\n")
    text = "source,run,metric,value\nelsewhere,a,loss,1\nloose,b,loss,1\n"
    Path("data/internal/loose.csv").write_text(text)
    alias = unnumbered("loose")
    assert table(alias)["source"].to_list() == [f"{alias}/source-2", alias]


# What is refused --------------------------------------------------------------------------------

REFUSED = {
    "unit in the name": (
        TABLE.replace("N,", "N_B,"),
        ["params=N_B"],
        r"speaks of 'B', and no unit is stated; allowed: 1, k, M, B, T. State it: "
        "--map params=N_B:B, or --map params=N_B:1",
    ),
    "small counts": (
        TABLE.replace("7B", "7").replace("1.3e10", "13"),
        [],
        "row 1, column 'N': too small for a language model, and no unit is stated; found 7.0; .* "
        "Probably --map params=N:B; where it is no language model, --map params=N:1",
    ),
    "unit twice": (
        TABLE,
        ["params=N:B"],
        "row 1, column 'N': a unit in the cell and in the mapping",
    ),
    "unknown column of ours": (TABLE, ["parms=N"], "no column 'parms'.*Did you mean 'params'"),
    "unknown unit": (TABLE, ["params=N:Q"], "there is no 'N:Q'.*Units of params: 1, k, M, B, T"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_nothing_is_guessed(project: Path, kind: str) -> None:
    text, maps, message = REFUSED[kind]
    before = tree("data")
    options = Options([*OPTIONS.maps, *maps], OPTIONS.metrics, ignore=OPTIONS.ignore)
    with pytest.raises(InputError) as refused:
        _add(text, 5, options)
    assert re.search(message, str(refused.value).replace("\n", " ")), str(refused.value)
    assert tree("data") == before


def test_cells_that_cannot_be_read_go_to_quarantine(project: Path) -> None:
    said = _add(TABLE.replace("260B", "lots"), 5)
    assert any(
        "1 row has cells that cannot be read" in line and "row 2, tokens 'lots'" in line
        for line in said
    )
    assert json.loads(table("team")["unparsed"][1]) == {"tokens": "lots"}


def test_other_refusals(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unpack("mlflow-sqlite", Path("in"))
    Path("in/mlflow.db-wal").write_bytes(b"x")
    cases = [
        (("in/none.csv",), "no such file"),
        (("in/team.csv", "--as", "paper", *MAPS), "the name of a published source"),
        (("in/team.csv", "--as", "No Name", *MAPS), "is not a name for a source"),
        (("in/mlflow.db",), "the database is in use"),
        (("data/internal/README.md",), "lies in the inbox"),
        (("in/team.csv", "--metric", "val_loss=loss@c4:nat/token"), "Did you mean 'nats/token'"),
        (("in/team.csv", "--metric", "val_loss=los@c4:nats/token"), "not the id of a metric"),
        (("in/team.csv", *MAPS, "--metric", "val_loss=loss@c4:bits/byte:nats/token"), "rate"),
    ]
    before = tree("data")
    for arguments, message in cases:
        assert scaling_add(*arguments) == 2, arguments
        assert message in capsys.readouterr().err
    assert tree("data") == before


def test_a_name_is_not_an_identity(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = unpack("lightning", Path("in")) / "small/version_0"
    _, maps, rest, _ = TRACKERS["lightning"]
    assert scaling_add(folder, "--as", "team", *maps, *rest) == 0
    other = Path("in/other/small/version_0")
    shutil.copytree(folder, other)
    hparams = other / "hparams.yaml"
    hparams.write_text(hparams.read_text().replace("0.003", "0.001"))
    day = ("--set", "observed=2026-01-02")
    assert scaling_add(other, "--as", "team", *day) == 2
    assert "run 'small/version_0' is there with lr 0.003" in capsys.readouterr().err
    assert scaling_add(other, "--as", "team", "--correct", *day) == 0
    assert table("team", "lr").unique().rows() == [(0.001,)]


def test_log_lines_stay_in_their_folder(project: Path) -> None:
    _add(TABLE, 5)
    log = Path("data/internal/store/team/log.jsonl")
    log.write_text(log.read_text().replace("team.csv", "../../../../in/team.csv"))
    with pytest.raises(InputError, match="leads out of its folder"):
        store.read_log(log.parent)


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
    """docs/adding-runs.md, run from the page: one refusal, then two additions."""
    page = (ROOT / "docs/adding-runs.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?m)(?:^    .*\n)+", page)]
    Path("runs.csv").write_text(next(block for block in blocks if block.startswith("name,")))
    run = Path("wandb/offline-run-20260105_101010-abc")
    shutil.copytree(next(unpack("wandb-media", Path("in")).glob("kept/offline-run-*")), run)
    commands = [block.replace("\\\n", " ") for block in blocks if "--as team" in block]
    refused, *taken = [shlex.split(command)[2:] for command in commands]
    assert scaling_add(*refused) == 2
    assert "'remark' ('warm start') is not mapped" in capsys.readouterr().err
    for arguments in taken:
        assert scaling_add(*arguments) == 0, capsys.readouterr().err
    assert table("team", "run", "params", "tokens", "value").height == 2
    assert len(taken) == 2 and table("team-wandb").height > 0
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


# Units -------------------------------------------------------------------------------------------

OURS = (
    *("--map", "run=name", "--set", "observed=2026-01-02", "--as", "team"),
    *("--metric", "val_loss=loss@c4:nats/token"),
)


def _own(cells: str, header: str = "name,params,tokens,val_loss") -> Path:
    Path("in/own.csv").write_text(f"{header}\n{cells}\n", encoding="utf-8")
    return Path("in/own.csv")


@pytest.mark.parametrize(
    ("cells", "options", "expected"),
    [
        ("a,1.3B,26B,2.1", (), (1.3e9, 2.6e10)),
        ("a,1.3 B,26b,2.1", (), (1.3e9, 2.6e10)),
        ("a,5k,500k,2.1", (), (5e3, 5e5)),
        ("a,0.03,0.06,2.1", ("params=params:B", "tokens=tokens:T"), (3e7, 6e10)),
        ("a,30,1,2.1", ("params=params:1", "tokens=tokens:1"), (30.0, 1.0)),
        ("a,30,1,2.1", ("params=params*1e6", "tokens=tokens*1e9"), (3e7, 1e9)),
    ],
)
def test_counts_of_our_own_names(
    cells: str, options: tuple[str, ...], expected: tuple[float, float], project: Path
) -> None:
    maps = [word for option in options for word in ("--map", option)]
    assert scaling_add(_own(cells), *OURS, *maps) == 0
    assert table("team", "params", "tokens").rows() == [expected]


@pytest.mark.parametrize(
    ("cells", "found", "meant"),
    [
        ("a,0.03,26B,2.1", "column 'params': too small", "--map params=params:B"),
        ("a,1.3B,0.06,2.1", "column 'tokens': too small", "--map tokens=tokens:B"),
        ("a,30,1e9,2.1", "column 'params': too small", "--map params=params:M"),
        ("a,1.3B,26B,2.1\nb,0.03,26B,2.0", "row 2, column 'params'", "--map params=params:B"),
    ],
)
def test_counts_too_small_for_a_model_are_refused(
    cells: str, found: str, meant: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree()
    assert scaling_add(_own(cells), *OURS) == 2
    said = capsys.readouterr().err
    assert found in said and meant in said
    assert tree() == before


@pytest.mark.parametrize(
    ("value", "expected"),
    [("190M", 1.9e8), ("190:M", 1.9e8), ("1.9e8", 1.9e8), ("30:1", 30.0), ("5k", 5e3)],
)
def test_counts_that_are_set(value: str, expected: float, project: Path) -> None:
    path = _own("a,26B,2.1\nb,30B,2.0", "name,tokens,val_loss")
    assert scaling_add(path, *OURS, "--set", f"params={value}") == 0
    assert table("team", "params")["params"].to_list() == [expected] * 2
    again = _own("c,31B,1.9", "name,tokens,val_loss")
    assert scaling_add(again, "--as", "team") == 2  # facts of the other file
    facts = ("--set", f"params={value}", "--set", "observed=2026-01-02")
    assert scaling_add(again, "--as", "team", *facts) == 0
    assert table("team", "params")["params"].to_list() == [expected] * 3


@pytest.mark.parametrize("value", ["190", "0.19", "many", "190G"])
def test_counts_that_cannot_be_set(
    value: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _own("a,26B,2.1", "name,tokens,val_loss")
    assert scaling_add(path, *OURS, "--set", f"params={value}") == 2
    assert "--set params=" in capsys.readouterr().err


def test_a_dictionary_column_of_counts(project: Path) -> None:
    rows = pl.DataFrame({"name": ["a"], "params": ["30M"], "tokens": ["1B"], "val_loss": [2.1]})
    rows.with_columns(pl.col("params", "tokens").cast(pl.Categorical)).write_parquet(
        "in/own.parquet"
    )
    assert scaling_add("in/own.parquet", *OURS) == 0
    assert table("team", "params", "tokens").rows() == [(3e7, 1e9)]


def test_perplexity_is_turned_into_nats(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _own("a,1.3B,26B,20.0\nb,2B,40B,18.0", "name,params,tokens,ppl")
    first = OURS[:-2]
    assert scaling_add(path, *first, "--metric", "ppl=loss@c4:nats/token") == 2
    assert "too high for a loss in nats/token" in capsys.readouterr().err
    assert scaling_add(path, *first, "--metric", "ppl=perplexity@c4:nats/token") == 2
    assert "--metric ppl=loss@c4:perplexity" in capsys.readouterr().err
    assert scaling_add(path, *first, "--metric", "ppl=loss@c4:perplexity") == 0
    made = table("team", "value", "unit", "metric_kind")
    assert made["value"].to_list() == pytest.approx([math.log(20.0), math.log(18.0)])
    assert made.select("unit", "metric_kind").unique().rows() == [("nats/token", "loss")]


def test_perplexity_per_byte_needs_the_rate(project: Path) -> None:
    path = _own("a,1.3B,26B,20.0", "name,params,tokens,ppl")
    metric = ("--metric", "ppl=bits_per_byte@c4:perplexity:bits/byte")
    assert scaling_add(path, *OURS[:-2], *metric) == 2
    assert scaling_add(path, *OURS[:-2], *metric, "--bytes-per-token", "4") == 0
    expected = math.log2(20.0) / 4.0
    assert table("team", "value")["value"].to_list() == pytest.approx([expected])


def test_a_table_of_ours_in_perplexity(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = "run,params,tokens,observed,metric,metric_kind,unit,value"
    row = "a,1.3B,26B,2026-01-02,perplexity@c4,perplexity,{},20"
    assert scaling_add(_own(row.format("nats/token"), header), "--as", "team") == 2
    assert "a perplexity is in no such unit" in capsys.readouterr().err
    assert scaling_add(_own(row.format("perplexity"), header), "--as", "team") == 0


def test_what_was_added_once_is_read_as_it_is(project: Path) -> None:
    """A source from before a unit was asked for stays readable."""
    assert scaling_add(_own("a,30,1,2.1"), *OURS, "--map", "params=params:1", "--map",
                       "tokens=tokens:1") == 0  # fmt: skip
    file = next(Path("data/internal").rglob("mapping.yaml"))
    text = file.read_text()
    assert text.count("unit: '1'") == 2
    file.write_text(re.sub(r" +unit: '1'\n", "", text), encoding="utf-8")
    assert table("team", "params", "tokens").rows() == [(30.0, 1.0)]
