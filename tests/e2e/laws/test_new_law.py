"""A law added as one file, in the package or in the project's `laws/`, is in the command line, the
docs, the tests, a study and its report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from scaling.runs.schema import RUN, dtypes
from tests.support import ROOT
from tests.support.toy_law import TOY

PLANNED = '''"""A toy in params and tokens, with no closed form.

    L = E + a / log(1 + N)^b + c / log(1 + D)^d

Source: nobody 2000, made for this test.
"""

import numpy as np

from scaling.laws._law import Law, Param


def predict(p, x):
    return p.E + p.a / np.log1p(x.params) ** p.b + p.c / np.log1p(x.tokens) ** p.d


SIZE = {"start": (1.0, 1e4)}
LAW = Law(
    name="toy_two_sizes",
    title="Toy law of two sizes",
    formula="L = E + a / log(1 + N)^b + c / log(1 + D)^d",
    citation="nobody 2000",
    params=(
        Param("E", "nats/token", "floor", start=(0.1, 3.0)),
        Param("a", "nats/token", "size", **SIZE),
        Param("b", "1", "exponent", start=(0.5, 4.0)),
        Param("c", "nats/token", "size", **SIZE),
        Param("d", "1", "exponent", start=(0.5, 4.0)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    linear=("E", "a", "c"),
    monotone={"params": -1, "tokens": -1},
    assumes="a toy",
    fails="always",
)
'''
SOURCE = "chinchilla-epoch"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the toy and one study that uses it."""
    where = tmp_path_factory.mktemp("copy")
    skip = shutil.ignore_patterns("__pycache__")
    for name in (
        "scaling",
        "tools",
        "docs",
        "params.yaml",
        "pyproject.toml",
        "data/validation.json",
    ):
        source, target = ROOT / name, where / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=skip)
        else:
            shutil.copyfile(source, target)
    for name in ("__init__.py", "conftest.py", "support/__init__.py", "contract/test_laws.py"):
        (where / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "tests" / name, where / "tests" / name)
    (where / "scaling" / "laws" / "toy_logarithm.py").write_text(TOY)
    (where / "laws").mkdir()
    (where / "laws" / "toy_two_sizes.py").write_text(PLANNED)
    _one_study(where)
    return where


def _one_study(where: Path) -> None:
    params = yaml.safe_load((where / "params.yaml").read_text())
    study = params["studies"][SOURCE] | {"laws": ["chinchilla", "toy_logarithm", "toy_two_sizes"]}
    params |= {"studies": {SOURCE: study}, "fit": {"delta": 1e-3, "resamples": 12}}
    (where / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copytree(ROOT / "data" / "published" / SOURCE, where / "data" / "published" / SOURCE)
    rows = pl.read_csv(ROOT / "data" / "published" / SOURCE / "runs.csv", infer_schema_length=None)
    schema = dtypes(RUN)
    rows = rows.with_columns(pl.col("observed").str.to_date()).cast(
        {name: schema[name] for name in rows.columns}
    )
    missing = [pl.lit(None, dtype=schema[name]).alias(name) for name in schema if name not in rows]
    (where / "data" / "validated").mkdir()
    rows.with_columns(missing).write_parquet(where / "data" / "validated" / f"{SOURCE}.parquet")


def run(where: Path, *command: str) -> str:
    """A module of the copy; its output, after it ended well."""
    return python(where, "-m", *command)


def python(where: Path, *arguments: str) -> str:
    """Python in the copy; its output, after it ended well."""
    env = {**os.environ, "PYTHONPATH": str(where), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=where, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_command_line_and_docs(copy: Path) -> None:
    assert "toy_logarithm" in run(copy, "scaling", "laws")
    assert "nobody 2000" in run(copy, "scaling", "laws") and "falls with the logarithm" in run(
        copy, "scaling", "laws", "toy_logarithm"
    )
    table = f"data/published/{SOURCE}/runs.csv"
    metric = ("--metric", "loss@massivetext")
    assert "toy_logarithm" in run(copy, "scaling", "laws", "--for", table, *metric)
    fitted = (
        "scaling",
        "fit",
        table,
        *metric,
        "--law",
        "toy_logarithm",
        "--resamples",
        "0",
    )
    assert "Toy law" in run(copy, *fitted)
    page = python(copy, "-c", "from tools.reference import law_page; print(law_page())")
    assert "## toy_logarithm" in page and "## toy_two_sizes" in page


def test_a_law_in_params_and_tokens_plans_and_forecasts(copy: Path) -> None:
    table, metric = f"data/published/{SOURCE}/runs.csv", ("--metric", "loss@massivetext")
    named = ("--law", "toy_two_sizes")
    plan = run(
        copy, "scaling", "plan", "optimal", "--runs", table, *metric, *named,
        "--flops", "1e22", "--resamples", "20",
    )  # fmt: skip
    assert "toy_two_sizes" in plan and "tokens/param" in plan
    (copy / "planned.csv").write_text("params,tokens\n1e10,2e11\n")
    forecast = run(
        copy, "scaling", "forecast", table, *metric, *named, "--at", "planned.csv",
        "--out", "forecast.csv",
    )  # fmt: skip
    assert "9 quantiles of 1 target" in forecast
    assert pl.read_csv(copy / "forecast.csv")["value"].is_between(1.5, 3.0).all()


def test_contract_tests_find_it(copy: Path) -> None:
    said = run(
        copy,
        "pytest",
        "tests/contract/test_laws.py",
        "-k",
        "toy_logarithm",
        "-p",
        "no:cacheprovider",
    )
    assert " passed" in said and "failed" not in said


def test_study_and_report(copy: Path) -> None:
    run(copy, "scaling.pipeline.fit", SOURCE)
    run(copy, "scaling.pipeline.model", SOURCE)
    run(copy, "scaling.pipeline.forecast")
    forecast = pl.read_csv(copy / "data" / "forecasts" / "forecast.csv")
    assert {"toy_logarithm", "toy_two_sizes"} <= set(forecast["law"])
    run(copy, "scaling.pipeline.report")
    report = (copy / "reports" / "current" / "report.md").read_text()
    assert "toy_logarithm" in report and "toy_two_sizes" in report
    assert "L = c / log(1 + D)^a" in report
