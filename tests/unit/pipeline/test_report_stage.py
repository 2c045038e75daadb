"""The stage: the same bytes each time, and what it does with missing and bad input."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.document.blocks import Report
from scaling.document.render import html
from scaling.pipeline import report as stage
from scaling.report.model import build
from scaling.report.read import read
from scaling.runs.schema import FORECAST, dtypes
from tests.support import ROOT
from tests.support.report_project import project, tables


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes."""
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def made(here: Path) -> Report:
    """Its report."""
    return build(read(here))


def test_the_stage_writes_everything_twice_the_same(tmp_path: Path) -> None:
    """Once here and once in a process with another hash seed, time zone and language."""
    root = project(tmp_path)
    assert stage.main(root) == 0
    folder = root / "reports/current"
    first = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert list(first) == [
        "checklist.json", "forecast.csv", "forecast.svg", "report.html", "report.json",
        "report.md",
    ]  # fmt: skip
    assert first["forecast.csv"] == (root / "data/forecasts/forecast.csv").read_bytes()
    code = (
        "import sys; from scaling.pipeline.report import main; code = main();"
        "print(*sorted({'great_expectations', 'pandas', 'prefect'} & set(sys.modules)));"
        "sys.exit(code)"
    )
    env = os.environ | {
        "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "99", "TZ": "Asia/Tokyo", "LC_ALL": "C",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "", "imports what a report does not need"
    assert {path.name: path.read_bytes() for path in sorted(folder.iterdir())} == first
    assert [path.name for path in (root / "reports").iterdir()] == ["current"]


def test_what_is_missing_is_a_dash(tmp_path: Path) -> None:
    root = project(tmp_path)
    for path in (root / "data/validated").iterdir():
        path.unlink()
    (root / "data/validation.json").unlink()
    (root / "data/fits/alpha.json").unlink()
    (root / "data/fits/beta-2.json").write_text('{"fits": [{"law": "mine"}, null, 3]}')
    assert stage.main(root) == 0
    report = build(read(root))
    row = tables(report)["fit-table"].groups[1].rows[0]
    assert [cell.text for cell in row] == ["mine", *["\u2014"] * 9]
    assert "No fit was found in data/fits/alpha.json." in html(report)


def test_an_empty_forecast_is_a_report(tmp_path: Path) -> None:
    root = project(tmp_path)
    pl.DataFrame(schema=dtypes(FORECAST)).write_csv(root / "data/forecasts/forecast.csv")
    assert stage.main(root) == 0


def test_further_columns_laws_and_levels_are_welcome(tmp_path: Path) -> None:
    root = project(tmp_path)
    file = root / "data/forecasts/forecast.csv"
    frame = pl.read_csv(file).with_columns(weight=pl.lit(0.5))
    extra = frame.filter(law="chinchilla").with_columns(law=pl.lit("a_new_law"))
    level = frame.filter(quantile=0.5).with_columns(quantile=pl.lit(0.33))
    pl.concat([frame, extra, level]).write_csv(file)
    assert "a_new_law" in html(build(read(root)))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda root: (root / "data/forecasts/forecast.csv").unlink(), "no forecast"),
        (lambda root: (root / "params.yaml").unlink(), "no parameters"),
        (lambda root: (root / "params.yaml").write_text("{"), "not YAML"),
        (lambda root: (root / "data/fits/alpha.json").write_text("{"), "not JSON"),
        (
            lambda root: (root / "data/forecasts/forecast.csv").write_text("study,target\na,b\n"),
            "missing column",
        ),
    ],
)
def test_bad_input_is_told_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: Any, said: str
) -> None:
    root = project(tmp_path)
    harm(root)
    assert stage.main(root) == 2
    assert said in capsys.readouterr().err
    assert not (root / "reports").exists()


@pytest.mark.parametrize(
    ("column", "note"),
    [
        ("params", "study {name}, data/validated/{source}.parquet"),
        ("value", "in the report: study {name} (data/fits/{name}.json)"),
    ],
)
def test_a_report_that_fails_names_study_and_file(tmp_path: Path, column: str, note: str) -> None:
    root = project(tmp_path)
    name, study = next(iter(read(root).params["studies"].items()))
    source = study.get("source", name)
    table = root / f"data/validated/{source}.parquet"
    pl.read_parquet(table).with_columns(pl.lit("text").alias(column)).write_parquet(table)
    with pytest.raises(pl.exceptions.PolarsError) as failed:
        stage.main(root)
    assert note.format(name=name, source=source) in "\n".join(failed.value.__notes__)
