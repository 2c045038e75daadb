"""Every law goes through a fit, its JSON, its stored draws, and a forecast, with no edit but its
file."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

import scaling
from scaling import laws
from scaling.fitting import study_record
from scaling.fitting.engine import fit
from scaling.fitting.law_contract import noisy, sample_inputs, typical
from scaling.fitting.solver.objective import Objective
from scaling.forecasting import named_law
from scaling.forecasting.law_choice import _stands_alone
from scaling.io.json_files import json_text
from scaling.laws import Law
from scaling.pipeline.fit import _long, _record
from scaling.pipeline.forecast import alone

DRAWS = 8
LEVELS = (0.1, 0.5, 0.9)
# Minutes of search for nothing that the others do not show.
LONG = ("sigmoid_power", "broken_power", "broken_power_2")
laws_quick_and_slow = pytest.mark.parametrize(
    "law",
    [
        pytest.param(law, id=name, marks=[pytest.mark.slow] if name in LONG else [])
        for name, law in laws.load().items()
    ],
)
named_alone = pytest.mark.parametrize(
    "law",
    [law for law in laws.load().values() if _stands_alone(law)],
    ids=lambda law: law.name,
)


def table(law: Law) -> pl.DataFrame:
    """Runs with realistic noise, the target in `loss`, as a study has them."""
    if law.example is not None:
        runs = law.example(np.random.default_rng(3))[0]
        return runs.rename({law.target: "loss"}) if "loss" not in runs.columns else runs
    x = sample_inputs(law, rows=60)
    y = law(typical(law, seed=5, count=1), x)[0]
    runs = pl.DataFrame({**x, "loss": noisy(law, y, np.random.default_rng(1))})
    return runs.rename({"x": "flops"}) if law.inputs == ("x",) else runs


@laws_quick_and_slow
def test_fit_is_stored_and_forecast(law: Law) -> None:
    runs = table(law)
    made = fit(runs, law, resamples=DRAWS, cluster="row")
    record = _record(runs, made, Objective(), ())
    written = json_text({"study": "s", "fits": [study_record._to_json(record)]})
    (again,) = study_record.StudyFits.from_json(json.loads(written)).fits
    assert again.law == law.name and set(again.values) == set(made.law.names)
    at = runs.head(3)
    at = at.with_columns(x=pl.col("flops")) if law.inputs == ("x",) else at
    values = alone(again, law.bound(runs, "loss"), _long(made), at, (np.array(LEVELS), 0))
    assert values.shape == (3, 3) and np.isfinite(values).all()
    assert (np.diff(values, axis=0) >= 0).all()


@named_alone
def test_forecast_of_one_law(law: Law, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_law, "RESAMPLES", DRAWS)
    runs = table(law)
    inputs = ("flops",) if law.generic else ("params", "tokens")
    ahead = scaling.forecast(runs, runs.head(2), laws=[law], inputs=inputs, quantiles=LEVELS)
    assert ahead.height == 6 and ahead["value"].is_finite().all()
