"""`scaling discover`: what it prints, saves and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.support.command import cli


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of Chinchilla's law on a grid with 0.3 % noise, and planned ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    rng = np.random.default_rng(0)
    n, d = (
        one.ravel() for one in np.meshgrid(np.geomspace(1e8, 1e10, 8), np.geomspace(2e9, 2e11, 6))
    )
    loss = (1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28) * np.exp(0.003 * rng.standard_normal(48))
    runs = pl.DataFrame({"N": n, "D": d, "flops": 6 * n * d, "loss": loss})
    runs.write_csv("runs.csv")
    pl.DataFrame({"N": [7e10], "D": [1.4e12]}).write_csv("planned.csv")
    return tmp_path


MAPS = ("--map", "params=N", "--map", "tokens=D", "--input", "params", "--input", "tokens")


def test_ranking_and_a_law_that_every_command_knows(folder: Path) -> None:
    said = cli("discover", "runs.csv", "--at", "planned.csv", *MAPS, "--save", "mine")
    assert said.returncode == 0, said.stderr
    assert "is chinchilla" in said.stdout and "a yardstick: it has no formula" in said.stdout
    assert "the runs nearest to 1 planned run" in said.stdout
    assert "additive -> laws/mine.py" in said.stderr
    columns = MAPS[:4]
    fitted = cli("fit", "runs.csv", *columns, "--law", "mine", "--resamples", "0")
    assert fitted.returncode == 0 and "alpha_params" in fitted.stdout
    plan = cli(
        "plan", "optimal", "--runs", "runs.csv", *columns, "--law", "mine", "--flops", "1e22",
        "--resamples", "20",
    )  # fmt: skip
    assert plan.returncode == 0 and "another law" in plan.stdout
    ahead = cli(
        "forecast", "runs.csv", *columns, "--at", "planned.csv", "--law", "mine", "--out", "f.csv"
    )
    assert ahead.returncode == 0, ahead.stderr
    assert pl.read_csv("f.csv")["value"].is_between(1.6, 2.2).all()
    page = cli("laws", "mine")
    assert "Found by `scaling discover` in 48 runs" in " ".join(page.stdout.split())
    assert cli("laws").stdout.count("mine") == 1


def test_columns_left_out_are_named_and_json_has_everything(folder: Path) -> None:
    said = json.loads(cli("discover", "runs.csv", "--json").stdout)
    assert said["inputs"] == ["N", "D"] and said["left_out"] == {"flops": "follows from N, D"}
    first = next(one for one in said["ranking"] if one["name"] == "additive")
    assert first["tied"] and {c["name"] for c in first["constants"]} == {
        *("E", "A_N", "A_D", "alpha_N", "alpha_D")
    }
    assert all(c["low"] <= c["value"] <= c["high"] for c in first["constants"])
    assert said["held_out"]["direction"] == "larger runs"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--save", "chinchilla"), "this law is in the package; found 'chinchilla'"),
        (("--save", "a b"), "not a name for a law; found 'a b'"),
        (("--save", "here"), "laws/here.py: this file is there already. --replace"),
        (("--replace",), "--replace without --save"),
        (("--form", "77"), "no such formula; found 77"),
        (("--target", "los"), "runs.csv, column 'los': missing column"),
        (("--input", "N", "--input", "E"), "runs.csv, column 'E': missing column"),
        (("--at", "runs.csv", "--input", "width"), "runs.csv, column 'width': missing column"),
        (("--at", "bad.csv"), "bad.csv, row 2, column 'N': value out of range; found -1.0"),
        (("--at", "other.csv", "--input", "N"), "other.csv, column 'N': missing column"),
    ],
)
def test_bad_input_is_refused_by_name(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    Path("laws").mkdir()
    kept = "from scaling.laws.chinchilla import LAW as KNOWN\nfrom dataclasses import replace\n"
    Path("laws/here.py").write_text(kept + 'LAW = replace(KNOWN, name="here")\n')
    Path("bad.csv").write_text("N,D\n1e10,1e11\n-1,1e11\n")
    Path("other.csv").write_text("M\n1e10\n")
    said = cli("discover", "runs.csv", *arguments)
    assert said.returncode == 2 and says in said.stderr
    assert [path.name for path in Path("laws").iterdir()] == ["here.py"]


def test_stages_that_would_miss_a_law_are_named(folder: Path) -> None:
    stages = "stages:\n  fit: {cmd: x, deps: [scaling/laws]}\n  report: {cmd: x, deps: [a]}\n"
    Path("dvc.yaml").write_text(stages)
    said = cli("discover", "runs.csv", "--save", "mine")
    assert "Add `- laws` to the deps of fit in dvc.yaml." in said.stderr
