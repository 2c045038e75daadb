"""A small study of each law goes through the stages fit, backtest, forecast and report."""

from __future__ import annotations

import json
import math
from pathlib import Path

import polars as pl
import pytest
import yaml

from scaling import laws
from scaling.errors import InputError
from scaling.laws import Kind, Law
from scaling.pipeline import backtest, fit, forecast, report
from scaling.runs.schema import RUN, dtypes
from tests.contract.test_laws_all_the_way import LONG, table

# Rows of a study's table that has a metric a row: enough for every law but these.
ROWS = 80
WHOLE = ("step_lr", "step_batch", "ladder", "envelope")


def study_rows(law: Law) -> pl.DataFrame:
    """The law's example in the run schema."""
    runs = table(law)
    runs = runs if law.name in WHOLE or "run" in runs.columns else runs.head(ROWS)
    kind = law.kinds[0] if law.kinds else "loss"
    named = {"source": "small", "metric": f"{kind}@web", "unit": "nats/token"}
    runs = runs.drop("metric", strict=False).rename({"loss": "value"})
    if "date" in runs.columns:
        years = pl.col("date").floor().cast(pl.Int32)
        runs = runs.with_columns(observed=pl.date(years, 1, 1))
    runs = runs.with_columns(**{name: pl.lit(text) for name, text in named.items()})
    if "run" not in runs.columns:
        runs = runs.with_columns(run=pl.format("run-{}", pl.int_range(pl.len())))
    known = dtypes(RUN)
    absent = {name: pl.lit(None, dtype=kind) for name, kind in known.items()}
    runs = runs.with_columns(**{k: v for k, v in absent.items() if k not in runs.columns})
    return runs.cast({name: known[name] for name in known}, strict=False)


def project(root: Path, name: str, rows: pl.DataFrame) -> None:
    """A folder with the validated rows and the choices of one study."""
    for folder in ("validated", "fits", "forecasts", "backtests", "metrics"):
        (root / "data" / folder).mkdir(parents=True)
    rows.write_parquet(root / "data/validated/small.parquet")
    counts = {"small": {"rows": rows.height, "valid": rows.height, "quarantined": 0}}
    (root / "data/validation.json").write_text(json.dumps(counts))
    study = {"source": "small", "metric": rows["metric"][0], "laws": [name]}
    targets = {"next": {"params": 1e10, "tokens": 2e11}, "optimal": {"flops": 1e22}}
    choices = {
        "seed": 0,
        "as_of": None,
        "studies": {"small-study": study},
        "fit": {"delta": 0.001, "resamples": 8},
        "forecast": {"quantiles": [0.05, 0.5, 0.95], "targets": targets},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(choices))


@pytest.mark.parametrize(
    "law",
    [
        pytest.param(
            law,
            id=name,
            marks=[]
            if law.kind in (Kind.OPTIMUM, Kind.PROCEDURE, Kind.TABLE)
            else pytest.mark.slow,
        )
        for name, law in laws.load().items()
        if name not in LONG
    ],
)
def test_a_study_of_one_law(law: Law, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, law.name, study_rows(law))
    monkeypatch.chdir(tmp_path)
    fit.main("small-study")
    backtest.main("small-study")
    forecast.main()
    assert report.main() == 0
    assert law.name in (tmp_path / "reports/current/report.md").read_text()


def test_a_stage_that_fails_names_study_law_and_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = study_rows(laws.get("chinchilla"))
    project(tmp_path, "isoflop", rows)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        fit.main("small-study")
    text = str(caught.value)
    assert text.startswith("data/validated/small.parquet: study small-study, law isoflop: ")
    assert "rows in compute budgets" in text and not list((tmp_path / "data/fits").iterdir())


def test_few_runs_reach_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs of many checkpoints: no interval in the fit, no forecast of the law alone."""
    whole = study_rows(laws.get("chinchilla"))
    rows = whole.with_columns(run=pl.format("run-{}", pl.int_range(pl.len()) % 3))
    project(tmp_path, "chinchilla", rows)
    monkeypatch.chdir(tmp_path)
    fit.main("small-study")
    (record,) = json.loads(Path("data/fits/small-study.json").read_text())["fits"]
    assert all(one["se"] is None for one in record["parameters"].values())
    assert any("3 runs" in note for note in record["notes"])
    forecast.main()
    made = pl.read_csv("data/forecasts/forecast.csv")
    assert "chinchilla" not in made["law"].unique().to_list()
    assert all(math.isfinite(value) for value in made["value"])
    assert report.main() == 0
    assert "3 runs" in Path("reports/current/report.md").read_text()
