"""Runs under way in a study's fit: what enters, at which weight, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

import scaling
from scaling import laws
from scaling.errors import InputError
from scaling.forecasting.partial import (
    STANDARD_ERROR,
    WEIGHT,
    law_scatter,
    model_scatter,
    with_partial,
)
from scaling.forecasting.study_model import study_model
from scaling.given import Given

INPUTS = ("params", "tokens")
Change = Callable[[pl.DataFrame], pl.DataFrame]


def loss(params: float, tokens: float) -> float:
    """Besiroglu et al. 2024, arXiv:2404.10102."""
    return 1.8172 + 482.01 / params**0.3478 + 2085.43 / tokens**0.3658


def runs() -> pl.DataFrame:
    """Twenty finished runs, and two under way with their planned ends."""
    rng = np.random.default_rng(0)
    n, d = 10 ** rng.uniform(7.5, 9, 20), 10 ** rng.uniform(9, 10.5, 20)
    y = [loss(*one) for one in zip(n, d, strict=True)] * np.exp(rng.normal(0, 0.01, 20))
    done = pl.DataFrame({"run": [f"r{i}" for i in range(20)], "params": n, "tokens": d, "loss": y})
    planned = {"run": ["early", "late"], "params": [3e9] * 2, "tokens": [6e10] * 2}
    return pl.concat([done, pl.DataFrame({**planned, "loss": [None, None]}, done.schema)])


def curves() -> pl.DataFrame:
    """That of ``early`` to a tenth of its end, that of ``late`` to nine tenths."""
    found = []
    for name, share in (("early", 0.1), ("late", 0.9)):
        tokens = np.linspace(0.01, share, 40) * 6e10
        y = [loss(3e9, one) for one in tokens]
        found.append(pl.DataFrame({"run": name, "tokens": tokens, "loss": y}))
    return pl.concat(found)


def given(frame: pl.DataFrame, said: list[str] | None = None) -> Given:
    heard = [] if said is None else said
    say = lambda text: heard.append(text) if text else None  # noqa: E731
    return Given(None, frame, range(1, frame.height + 1), say=say)


def together(said: list[str] | None = None, column: str = WEIGHT) -> pl.DataFrame:
    scatter = law_scatter(laws.get("chinchilla"), "loss")
    return with_partial(given(runs(), said), given(curves()), "loss", scatter, column).frame


def test_a_run_enters_with_its_forecast_end_and_counts_by_how_far_it_is() -> None:
    said: list[str] = []
    made = together(said)
    early, late = (made.filter(run=name).row(0, named=True) for name in ("early", "late"))
    assert late["loss"] == pytest.approx(loss(3e9, 6e10), rel=0.01)
    assert 0.0 < early[WEIGHT] < 0.1 < 0.5 < late[WEIGHT] < 1.0
    assert made[WEIGHT][:20].to_list() == [1.0] * 20
    (of_late,) = (one for one in said if one.startswith("run late is 90% done: "))
    assert "its loss at the end is forecast as " in of_late
    assert f"counts {late[WEIGHT]:.2g} of a finished run" in of_late


def test_the_standard_error_is_that_of_the_weight() -> None:
    weight, error = together(), together(column=STANDARD_ERROR)
    assert (1.0 / error[STANDARD_ERROR] ** 2).to_list() == pytest.approx(weight[WEIGHT].to_list())


def test_a_row_that_counts_nothing_leaves_the_model_as_it_is() -> None:
    rows = (
        together()
        .filter(pl.col("run") != "early")
        .with_columns(
            pl.when(pl.col("run") == "late").then(1e-9).otherwise(1.0).alias(WEIGHT),
            pl.when(pl.col("run") == "late").then(9.0).otherwise("loss").alias("loss"),
        )
    )
    at = pl.DataFrame({"params": [3e8], "tokens": [1e10]})
    made = study_model(rows, INPUTS, "loss", WEIGHT).location(at)
    plain = study_model(rows.filter(pl.col("run") != "late"), INPUTS, "loss").location(at)
    assert made == pytest.approx(plain, rel=0.005)


def test_whole_rows_are_those_of_a_table_without_weights() -> None:
    whole = runs().head(20)
    at = pl.DataFrame({"params": [3e9], "tokens": [6e10]})
    weighted = study_model(whole.with_columns(pl.lit(1.0).alias(WEIGHT)), INPUTS, "loss", WEIGHT)
    plain = study_model(whole, INPUTS, "loss")
    assert weighted.quantiles(at, np.array([0.05, 0.95])).tolist() == (
        plain.quantiles(at, np.array([0.05, 0.95])).tolist()
    )


def test_the_functions_of_python_take_curves_too() -> None:
    made = scaling.fit(runs(), "chinchilla", resamples=0, partial=curves())
    assert any("run late is 90% done" in note for note in made.notes)
    at = {"params": [3e9], "tokens": [6e10]}
    with_curves = scaling.forecast(runs(), at, partial=curves())
    plain = scaling.forecast(runs(), at)
    assert any("run late is 90% done" in note for note in with_curves.notes)
    assert "2 rows without loss: where runs are under way, partial=CURVES reads their curves." in (
        plain.notes
    )
    width = [one["value"][-1] / one["value"][0] for one in (with_curves, plain)]
    assert width[0] < width[1]


@pytest.mark.parametrize(
    ("change", "of_curves", "problem"),
    [
        (lambda t: t.drop("run"), False, "'run': missing column"),
        (lambda t: t.drop("run"), True, "'run': missing column"),
        (lambda t: t.filter(pl.col("run") != "late"), False, "that the table of runs lacks.*late"),
        (lambda t: t.with_columns(tokens=pl.col("tokens") * 2), True, "beyond its planned end"),
        (lambda t: t.filter(pl.col("run") == "none"), True, "no run under way has a curve"),
        (lambda t: t.with_columns(loss=-pl.col("loss")), True, "loss.*> 0"),
        (lambda t: pl.concat([t, t.tail(1)]), False, "two rows of one run under way"),
        (lambda t: t.rename({"tokens": "words"}), True, "no column of tokens or steps"),
        (lambda t: t.with_columns(loss=None), False, "no run has ended"),
    ],
)
def test_what_is_refused(change: Change, of_curves: bool, problem: str) -> None:
    table, some = runs(), curves()
    table, some = (table, change(some)) if of_curves else (change(table), some)
    with pytest.raises(InputError, match=problem):
        with_partial(given(table), given(some), "loss", model_scatter(INPUTS, "loss"), WEIGHT)


def test_a_law_that_is_not_fitted_in_logs_takes_none() -> None:
    with pytest.raises(InputError, match=r"takes no runs under way.*task_accuracy"):
        law_scatter(laws.get("task_accuracy"), "accuracy")
