"""One question has one answer: forecast, plan, returns, report and governance read one model."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling import plan
from scaling.analysis.returns import diminishing_returns
from scaling.errors import InputError
from scaling.forecasting import stored_model
from scaling.forecasting.model_surface import compute_optimal
from scaling.forecasting.study_model import TwoInputModel
from scaling.govern.at_threshold import _rows, at_thresholds
from scaling.plan import optimal, stored
from scaling.plan.comparison import pair
from scaling.plan.summary import planning_summary
from scaling.runs.studies import get_study, load_params, select
from tests.support import ROOT

STUDIES = sorted(load_params(ROOT / "params.yaml")["studies"])
BUDGETS = (1e21, 1e25)
LEVELS = (0.05, 0.5, 0.95)
Three = tuple[float, float, float]


def runs_of(study: str) -> pl.DataFrame:
    choices = get_study(load_params(ROOT / "params.yaml"), study)
    # As published: a fresh clone has no validated rows before its first refit.
    return select(_rows(choices["source"], ROOT), choices)[0]


def answers(study: str, flops: float, root: Path = ROOT) -> dict[str, Three]:
    """5 %, median and 95 % of the loss of the compute-optimal run, wherever it is asked."""
    sheet = stored.load(study, root)
    planned = optimal(sheet, flops=flops)
    n, d, loss = (planned.value(name) for name in ("params", "tokens", "loss"))
    at = pl.DataFrame({"params": [n.value], "tokens": [d.value]})
    made = scaling.forecast(runs_of(study), at, quantiles=LEVELS)["value"].to_list()
    model = stored_model.read(root / "data" / "models" / f"{study}.json").fit()
    assert model is not None
    returned = diminishing_returns(model, n.value, d.value)["loss"]
    row = planning_summary(sheet.fits, sheet.ranges, [flops])["budgets"][0]
    governed = at_thresholds([flops], root).row(by_predicate=pl.col("study") == study, named=True)
    return {
        "plan optimal": (loss.low, loss.value, loss.high),
        "forecast": (made[0], made[1], made[2]),
        "returns": (returned.low, returned.value, returned.high),
        "report": (row["loss_low"], row["loss"], row["loss_high"]),
        "govern": (governed["p05"], governed["p50"], governed["p95"]),
    }


@pytest.mark.parametrize("flops", BUDGETS)
@pytest.mark.parametrize("study", STUDIES)
def test_the_same_run_has_the_same_forecast_everywhere(study: str, flops: float) -> None:
    found = answers(study, flops)
    for name, three in found.items():
        assert three == pytest.approx(found["forecast"], rel=1e-5), name


def forecast_of(runs: pl.DataFrame, **run: float) -> list[float]:
    """5 %, median and 95 % as `scaling forecast` gives them."""
    return scaling.forecast(runs, pl.DataFrame([run]), quantiles=LEVELS)["value"].to_list()


def model_of(answer: plan.Answer, name: str) -> list[float]:
    """The same of a figure that stands beside a law's."""
    (one,) = (one for label, one, _ in answer.basis.model if label == name)
    return [one.low, one.value, one.high]


@pytest.mark.parametrize("study", STUDIES)
def test_beside_the_answer_of_a_law_stands_the_forecast(study: str) -> None:
    sheet, runs = stored.load(study, ROOT), runs_of(study)
    planned = optimal(sheet, flops=1e23, law="chinchilla")
    n, d = planned.value("params").value, planned.value("tokens").value
    known = forecast_of(runs, params=n, tokens=d)
    assert model_of(planned, "loss_at_law_sizes") == pytest.approx(known, rel=1e-5)
    assert model_of(planned, "params")[1] == optimal(sheet, flops=1e23).value("params").value
    trained = plan.over_trained(sheet, n, d, law="chinchilla")
    assert model_of(trained, "loss") == pytest.approx(known, rel=1e-5)


def test_next_runs_are_for_the_forecast() -> None:
    runs, n, d = runs_of(STUDIES[0]), 1e10, 1e12
    sheet = stored.fitted(runs, ("chinchilla",), label="runs", resamples=50)
    known = forecast_of(runs, params=n, tokens=d)
    for law in (None, "chinchilla"):
        found = plan.recommend(sheet, budget=1e22, params=n, tokens=d, law=law)
        one = found.value("forecast")
        shown = [one.low, one.value, one.high] if law is None else model_of(found, "forecast")
        assert shown == pytest.approx(known, rel=1e-5)


def test_what_two_tables_are_compared_by_is_their_forecast() -> None:
    gadre = get_study(load_params(ROOT / "params.yaml"), "gadre-overtraining")
    every = _rows(gadre["source"], ROOT).filter(pl.col("metric") == gadre["metric"])
    every = every.rename({"value": "loss"})
    sides = [every.filter(pl.col("training_data") == one) for one in ("rpj", "rw_original")]
    made = plan.compare(pair(sides[0], sides[1], resamples=20), params=1e10, tokens=1e12)
    for name, side in zip("AB", sides, strict=True):
        known = forecast_of(side, params=1e10, tokens=1e12)
        assert model_of(made, f"loss_{name}") == pytest.approx(known, rel=1e-5)


@pytest.mark.parametrize("study", STUDIES)
def test_published_targets_are_the_plan(study: str) -> None:
    table = pl.read_csv(ROOT / "data" / "forecasts" / "forecast.csv")
    rows = table.filter(
        pl.col("study") == study, pl.col("target") == "optimal-1e23", pl.col("law") == "ensemble"
    )
    planned = optimal(stored.load(study, ROOT), flops=1e23)
    assert rows["params"][0] == pytest.approx(planned.value("params").value, rel=1e-6)
    for level, end in zip(LEVELS, ("low", "value", "high"), strict=True):
        (value,) = rows.filter(pl.col("quantile") == level)["value"]
        assert value == pytest.approx(getattr(planned.value("loss"), end), rel=1e-6)


def without_laws(study: str, folder: Path) -> Path:
    """A project whose record of the study has no single-law fit."""
    for name in ("fits", "models"):
        (folder / "data" / name).mkdir(parents=True)
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copytree(ROOT / "data" / "published", folder / "data" / "published")
    shutil.copy(ROOT / "data" / "models" / f"{study}.json", folder / "data" / "models")
    record = stored.study_record.read(ROOT / "data" / "fits" / f"{study}.json").to_json()
    record["fits"] = []
    (folder / "data" / "fits" / f"{study}.json").write_text(
        scaling.io.json_files.json_text(record), encoding="utf-8"
    )
    return folder


def test_answers_need_no_single_law(tmp_path: Path) -> None:
    study = STUDIES[0]
    assert answers(study, 1e23, without_laws(study, tmp_path)) == answers(study, 1e23)


def test_a_shift_of_the_model_shifts_every_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    study, by = STUDIES[0], 0.05
    before = answers(study, 1e23)
    back = TwoInputModel._back
    monkeypatch.setattr(TwoInputModel, "_back", lambda self, log_y: back(self, log_y) + by)
    for name, three in answers(study, 1e23).items():
        assert np.array(three) - by == pytest.approx(np.array(before[name]), abs=1e-4), name


def test_what_rises_with_size_is_not_lowered() -> None:
    """An accuracy's least is its worst size: every plan refuses, and says what to plan for."""
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(3e7, 1e9, 6), np.geomspace(1e9, 4e10, 5)))
    error = 0.2 + np.exp(4.0) * (n**-0.3 + d**-0.25)
    error = error * (1.0 + 0.005 * np.sin(np.arange(len(n))))
    runs = pl.DataFrame({"params": n, "tokens": d, "loss": 1.0 - error})
    sheet = stored.fitted(runs, ("chinchilla",), label="accuracies", resamples=0)
    for law in (None, "chinchilla"):
        with pytest.raises(InputError, match=r"rises with params and tokens.*1 - accuracy"):
            optimal(sheet, flops=1e21, law=law)
    with pytest.raises(InputError, match="rises with params and tokens"):
        stored_model.fit_of_model(runs)
    (said,) = planning_summary(sheet.fits, sheet.ranges, [1e21])["warnings"]
    assert "rises with params and tokens" in said
    errors = runs.with_columns(loss=1.0 - pl.col("loss"))
    planned = optimal(stored.fitted(errors, (), label="errors"), flops=1e21)
    model = stored_model.model_of_runs(runs).model
    assert model is not None and model.rises
    # A study's target of so many FLOP is placed where the accuracy is highest.
    assert compute_optimal(model, 1e21)[0] == pytest.approx(planned.value("params").value, rel=1e-4)
