"""Mixtures of least loss: against SciPy's optimum, a known truth, and bounds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from scaling import laws
from scaling.errors import InputError
from scaling.plan import stored
from scaling.plan.mixtures import LAW, Blend, best, mixture, projected


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    frame, _ = laws.get(LAW).example(np.random.default_rng(0))  # type: ignore[misc]
    return frame


@pytest.fixture(scope="module")
def sheet(table: pl.DataFrame) -> stored.Sheet:
    return stored.fitted(table, (LAW,), label="toy", resamples=20)


def test_one_loss_needs_no_metric(table: pl.DataFrame) -> None:
    one = table.filter(pl.col("metric") == table["metric"][0])
    kept, bare = (
        stored.fitted(t, (LAW,), label="t", resamples=0) for t in (one, one.drop("metric"))
    )
    assert kept.fits[LAW].theta.tobytes() == bare.fits[LAW].theta.tobytes()


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_optimum_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    domains, results = int(rng.integers(2, 8)), int(rng.integers(1, 4))
    t = rng.normal(0.0, 2.0, (1, results, domains))
    w = rng.dirichlet(np.ones(results))
    blend = Blend(np.ones((1, results)), rng.uniform(0.3, 3.0, (1, results)), t, w)
    low, high = np.zeros(domains), rng.uniform(1.5 / domains, 1.0, domains)
    r = best(blend, low, high)
    assert r.sum() == pytest.approx(1.0, abs=1e-6)
    assert (r >= low - 1e-12).all()
    assert (r <= high + 1e-12).all()
    known = minimize(
        lambda z: blend.loss(z[None])[0],
        projected(np.full((1, domains), 1.0 / domains), low[None], high[None])[0],
        jac=lambda z: blend.slope(z[None])[0],
        bounds=list(zip(low, high, strict=True)),
        constraints={"type": "eq", "fun": lambda z: z.sum() - 1.0},
        method="SLSQP",
        options={"ftol": 1e-13, "maxiter": 300},
    )
    # 5e-5 nats is the worst of 150 such tables, most are within 1e-7.
    assert blend.loss(r)[0] <= known.fun + 2e-4


def test_answer_is_near_the_true_optimum(table: pl.DataFrame, sheet: stored.Sheet) -> None:
    made = mixture(sheet, table, share="code")
    found = {row["domain"]: row for row in made.tables["Shares"]}
    grid = np.array([(a, b, 1 - a - b) for a in np.linspace(0, 1, 101)
                     for b in np.linspace(0, 1 - a, 101)])  # fmt: skip
    truth = 0.5 * (1.0 + 1.2 * np.exp(grid @ [-2.0, -0.6, 0.0])) + 0.5 * (
        1.8 + 1.0 * np.exp(grid @ [0.7, -1.5, 0.0])
    )
    best_true = grid[np.argmin(truth)]
    for name, value in zip(("code", "text", "web"), best_true, strict=True):
        assert found[name]["share"] == pytest.approx(value, abs=0.05)
        assert found[name]["share_low"] <= found[name]["share"] <= found[name]["share_high"]
    assert made.value("loss").value == pytest.approx(truth.min(), abs=0.005)
    assert made.value("gain").low > 0.0
    losses = [row["loss"] for row in made.tables["Best mixtures by share of code"]]
    assert min(losses) >= made.value("loss").value - 1e-9


def test_weights_and_bounds_are_kept(table: pl.DataFrame, sheet: stored.Sheet) -> None:
    only = mixture(sheet, table, weights={"code": 1.0}, bounds={"code": (0.1, 0.3)})
    found = {row["domain"]: row["share"] for row in only.tables["Shares"]}
    assert found["code"] == pytest.approx(0.3)
    assert [row["weight"] for row in only.tables["Losses at these shares"]] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"weights": {"cod": 1.0}}, "code"),
        ({"weights": {"code": -1.0}}, "0 to 1e+06"),
        ({"weights": {"code": 0.0}}, "one above 0"),
        ({"bounds": {"code": (0.5, 2.0)}}, "to 1 of the mixture"),
        (
            {"bounds": {"code": (0.0, 0.01), "text": (0.0, 0.01), "web": (0.0, 0.01)}},
            "least shares",
        ),
        ({"share": "python"}, "code, text, web"),
    ],
)
def test_absurd_mixtures_are_refused(
    table: pl.DataFrame, sheet: stored.Sheet, wrong: dict[str, object], says: str
) -> None:
    with pytest.raises(InputError) as error:
        mixture(sheet, table, **wrong)  # type: ignore[arg-type]
    assert says in str(error.value)
