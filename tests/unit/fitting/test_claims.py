"""What a fit may claim: intervals where runs, rows and outcome allow them, and else the reason."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import scaling
from benchmarks.few_runs import covered, simulate
from scaling.analysis.optimum import exponents
from scaling.analysis.regimes import Regime, exponent
from scaling.analysis.returns import diminishing_returns
from scaling.errors import InputError
from scaling.fitting.data import clusters
from scaling.fitting.result import Outcome
from scaling.fitting.study_record import FitRecord
from scaling.plan import stored
from scaling.plan.allocation import optimal
from tests.support.command import cli

ENDS = ("low", "high", "low90", "high90", "se")


def checkpoints(runs: int, seed: int = 0) -> pl.DataFrame:
    """Runs of 100 checkpoints that share their run's error."""
    return simulate(runs, True, np.random.default_rng(seed))


def on_a_line(rows: int) -> pl.DataFrame:
    """Runs at 20 tokens a param: N and D cannot be told apart."""
    params = np.geomspace(1e7, 1e9, rows)
    loss = 1.8 + 400.0 * params**-0.34 + 2000.0 * (20.0 * params) ** -0.37
    noise = np.random.default_rng(0).standard_normal(rows)
    columns = {"params": params, "tokens": 20.0 * params, "loss": loss * np.exp(0.003 * noise)}
    return pl.DataFrame(columns)


def curve(rows: int) -> pl.DataFrame:
    """Exact points of a power law with a floor."""
    flops = np.geomspace(1e6, 1e10, rows)
    return pl.DataFrame({"flops": flops, "loss": 1.7 + 300.0 * flops**-0.3})


@pytest.mark.parametrize("runs", [4, 5, 7])
def test_runs_are_the_clusters_however_few(runs: int) -> None:
    table = checkpoints(runs)
    made = scaling.fit(table, "chinchilla", resamples=200)
    assert made.resampling is not None
    assert (made.resampling.cluster, made.resampling.clusters) == ("run", runs)
    assert made.resampling.method == "wild"
    by_row = scaling.fit(table, "chinchilla", resamples=200, cluster="row")
    assert made.se["E"] > 3.0 * by_row.se["E"]


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_below_four_runs_there_are_no_intervals_and_it_is_said(runs: int) -> None:
    made = scaling.fit(checkpoints(3).filter(pl.col("run") < f"run-{runs}"), "power_law",
                       inputs={"x": "tokens"}, resamples=50)  # fmt: skip
    assert len(made.draws) == 0 and all(math.isnan(low) for low, _ in made.interval().values())
    assert any(f"No intervals: {runs} run" in note for note in made.notes)
    assert any("at least 4" in line for line in made.caveats)


def test_rows_without_a_run_are_runs_of_their_own() -> None:
    table = pl.DataFrame({"run": ["a", "a", "b", "b", None, None]})
    assert clusters(table, None)[0] == "run"
    assert len(set(clusters(table, None)[1].tolist())) == 4
    unnamed = pl.DataFrame({"run": [None] * 6}, schema={"run": pl.String})
    assert clusters(unnamed, None)[0] == "row"


def test_checkpoints_of_a_trunk_belong_together() -> None:
    table = pl.DataFrame({"run": list("abcd") * 3, "parent": [None, "a", "a", None] * 3})
    name, codes = clusters(table, None)
    assert name == "parent" and len(set(codes.tolist())) == 2


def test_checkpoints_whose_runs_are_not_named_are_spoken_of() -> None:
    table = checkpoints(5)
    made = scaling.fit(table.drop("run"), "chinchilla", resamples=20)
    assert any("No column names the runs" in note and "5 values" in note for note in made.notes)
    named = scaling.fit(table.rename({"run": "name"}), "chinchilla", resamples=20, cluster="name")
    assert not named.notes


def test_one_run_that_alone_determines_a_direction_allows_no_interval() -> None:
    sizes = np.repeat([3e7, 3.2e7, 3.1e7, 2.9e7, 1e9], 100)
    tokens = np.tile(np.linspace(1.0, 40.0, 100), 5) * sizes
    table = pl.DataFrame({"run": np.repeat(list("abcde"), 100), "params": sizes, "tokens": tokens})
    off = np.repeat(0.005 * np.random.default_rng(1).standard_normal(5), 100)
    loss = (1.8 + 480.0 * sizes**-0.347 + 2143.0 * tokens**-0.367) * np.exp(off)
    made = scaling.fit(table.with_columns(loss=loss), "chinchilla", resamples=50)
    assert len(made.draws) == 0 and made.caveats


def test_coverage_with_six_runs() -> None:
    """A glance; docs/benchmarks/few_runs.md has 200 tables of each kind."""
    hits = [covered(6, True, seed) for seed in range(12)]
    known = [one for one in hits if one is not None]
    assert len(known) >= 10 and np.mean(known) > 0.75


@pytest.mark.parametrize(("rows", "outcome"), [(3, Outcome.NOT_IDENTIFIED), (4, None)])
def test_hardly_more_rows_than_parameters(rows: int, outcome: Outcome | None) -> None:
    made = scaling.fit(curve(rows), "power_law", resamples=100)
    assert outcome is None or made.outcome is outcome
    told = made.to_dict()
    assert all(one["se"] != one["se"] for one in told["parameters"].values())  # NaN: null in JSON
    assert f"{rows} rows for 3 parameters" in " ".join(told["notes"])


def test_rows_on_the_curve_show_no_scatter() -> None:
    made = scaling.fit(curve(12), "power_law", resamples=100)
    assert len(made.draws) == 0 and "no scatter" in " ".join(made.notes)


def test_an_outcome_that_denies_intervals_denies_them_everywhere() -> None:
    made = scaling.fit(on_a_line(12), "chinchilla", resamples=60)
    assert made.outcome is Outcome.NOT_IDENTIFIED
    assert len(made.resampled) == 60 and len(made.draws) == 0
    assert all(math.isnan(error) for error in made.se.values())
    record = FitRecord.of(made, None, None)
    assert all(one.se is None and one.low90 is None for one in record.parameters.values())
    again = record.to_fit(dict(zip(made.law.names, made.resampled.T, strict=True)))
    assert len(again.draws) == 0 and len(again.resampled) == 60
    found = diminishing_returns(made, 1e10, 2e11)
    assert all(math.isnan(one.low) and "no interval" in str(one) for one in found.values())
    verdict = exponent(made, "alpha")
    assert verdict.regime is Regime.UNDECIDED and verdict.outcome == "not_identified"
    assert math.isnan(verdict.low) and "no regime" in verdict.sentence


def test_exponents_and_plans_carry_the_outcome() -> None:
    rows = {row["law"]: row for row in exponents(on_a_line(12), resamples=30).to_dicts()}
    assert rows["chinchilla"]["outcome"] == "not_identified"
    assert (
        math.isnan(rows["chinchilla"]["a_low"]) and "Not identified" in rows["chinchilla"]["note"]
    )
    sheet = stored.fitted(on_a_line(12), ("chinchilla",), label="line", resamples=30)
    answer = optimal(sheet, flops=1e20, law="chinchilla")
    assert math.isnan(answer.value("params").low)
    assert any("Not identified" in line for line in answer.warnings)


def test_few_runs_are_said_by_plans_and_regimes() -> None:
    sheet = stored.fitted(checkpoints(3), ("chinchilla",), label="three", resamples=30)
    answer = optimal(sheet, flops=1e20, law="chinchilla")
    assert math.isnan(answer.value("params").low)
    assert any("No intervals: 3 runs" in line for line in answer.warnings)
    assert "3 runs" in exponent(sheet.fits["chinchilla"], "alpha").sentence


def test_a_single_resample_is_refused() -> None:
    with pytest.raises(InputError, match="2 and more"):
        scaling.fit(curve(12), "power_law", resamples=1)


def test_a_named_law_of_few_runs_gives_no_quantiles() -> None:
    table = checkpoints(3).with_columns(tokens_unique=0.5 * pl.col("tokens"))
    with pytest.raises(InputError, match="3 runs"):
        scaling.forecast(table, table.tail(1), laws=["data_constrained"])


@pytest.mark.parametrize("verb", ["fit", "returns", "regime", "exponents"])
def test_the_command_line_says_why_there_is_no_interval(verb: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    checkpoints(3).write_csv(path)
    law = ["--law", "chinchilla"]
    more = {"fit": law, "returns": [*law, "--params", "1e10", "--tokens", "2e11"]}
    arguments = [verb, str(path), *more.get(verb, []), "--resamples", "20"]
    assert "3 runs" in " ".join(cli(*arguments).stdout.split())
    found = json.loads(cli(*arguments, "--json").stdout)
    assert "3 runs" in json.dumps(found)
    found.pop("model", None)  # the study's model has a spread of its own
    found["exponents"] = [one for one in found.get("exponents", ()) if one["law"] != "model"]
    assert not [end for end in _ends(found) if end is not None]


def _ends(told: Any) -> list[object]:
    """Every end of an interval in the JSON."""
    if isinstance(told, dict):
        own = [v for k, v in told.items() if k in ENDS or k.endswith(("_low", "_high"))]
        return own + [end for v in told.values() for end in _ends(v)]
    return [end for v in told for end in _ends(v)] if isinstance(told, list) else []
