"""Mixtures with params and tokens: where the best mixture moves with size, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.data import law_inputs
from scaling.fitting.engine import fit
from scaling.laws import mixture_additive, mixture_joint

SHARES = np.linspace(0.001, 0.999, 999)


def best_share(module: object, size: float) -> float:
    """The share of code of least loss at a size, tokens 20 a param."""
    law, truth = module.LAW, module.TRUTH  # type: ignore[attr-defined]
    x = {"share_code": SHARES, "share_web": 1.0 - SHARES, "metric": np.zeros(999)}
    x |= {"params": np.full(999, size), "tokens": np.full(999, 20.0 * size)}
    return float(SHARES[np.argmin(law(truth, x))])


def test_the_best_mixture_moves_with_size_in_the_joint_law_alone() -> None:
    assert best_share(mixture_additive, 1e8) == best_share(mixture_additive, 1e11)
    assert abs(best_share(mixture_joint, 1e8) - best_share(mixture_joint, 1e11)) > 0.02


def test_the_additive_optimum_in_closed_form() -> None:
    """At equal exponents g the mixture term is least where C_j h_j^(g-1) agree."""
    p = {**mixture_additive.TRUTH, "g_loss_code": 0.5, "g_loss_web": 0.5}
    x = {"share_code": SHARES, "share_web": 1.0 - SHARES, "metric": np.zeros(999)}
    x |= {"params": np.full(999, 1e9), "tokens": np.full(999, 2e10)}
    weights = np.array([p["C_loss_code"], p["C_loss_web"]]) ** 2
    found = float(SHARES[np.argmin(mixture_additive.LAW(p, x))])
    assert found == pytest.approx(weights[0] / weights.sum(), abs=1e-3)


def test_a_law_of_one_table_forecasts_a_larger_run() -> None:
    runs, _ = mixture_joint.example(np.random.default_rng(0))
    large = pl.col("params") > 3e9
    made = fit(runs.filter(~large), "mixture_joint")
    at = runs.filter(large)
    said = made.predict(law_inputs(at, made.law, to_fit=False))
    assert np.abs(said / at["loss"].to_numpy() - 1.0).max() < 0.01


def test_a_share_above_one_is_refused() -> None:
    runs, _ = mixture_additive.example(np.random.default_rng(0))
    wrong = runs.with_columns(mixture=pl.lit("code=60;web=40"))
    with pytest.raises(InputError, match=r"not a mixture.*code=60"):
        fit(wrong, "mixture_additive")
    assert laws.get("mixture_additive").question == "mixtures"


def _shares_as_columns() -> pl.DataFrame:
    table = mixture_additive.example(np.random.default_rng(0))[0]
    code = table["mixture"].str.extract(r"code=([\d.]+)").cast(pl.Float64)
    return table.drop("mixture").with_columns(share_code=code, share_web=1.0 - code)


def test_a_column_for_each_domain_is_the_text_of_all() -> None:
    table = mixture_additive.example(np.random.default_rng(0))[0]
    by_text = fit(table, "mixture_additive", resamples=0)
    by_column = fit(_shares_as_columns(), "mixture_additive", resamples=0)
    assert by_column.theta == pytest.approx(by_text.theta, rel=1e-6)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("share_code", 70.0, "row 3, column 'share_code': not a share; found 70.0"),
        ("share_web", 0.0001, "row 3, column 'share_code, share_web': shares do not add to 1"),
    ],
)
def test_shares_that_are_none_are_refused(column: str, value: float, said: str) -> None:
    runs = _shares_as_columns().with_row_index("n")
    runs = runs.with_columns(pl.when(pl.col("n") == 2).then(value).otherwise(column).alias(column))
    with pytest.raises(InputError, match=re.escape(said)):
        fit(runs.drop("n"), "mixture_additive", resamples=0)


def test_without_shares_the_columns_are_named() -> None:
    runs = _shares_as_columns().drop("share_code", "share_web")
    with pytest.raises(InputError, match="share_NAME for each domain"):
        fit(runs, "mixture_additive", resamples=0)
