"""A form of the bank and its formula in the columns' units are the same function."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from scaling.forecasting import forms
from scaling.forecasting.candidates import points_of, rows_of
from scaling.forecasting.formula import constants, formula_of
from scaling.forecasting.table_inputs import read_table
from scaling.forecasting.target_scale import scale_of

RNG = np.random.default_rng(0)
N, D, SHARE = (
    np.exp(RNG.uniform(18, 24, 60)),
    np.exp(RNG.uniform(20, 26, 60)),
    RNG.uniform(0, 1, 60),
)
LOSS = 1.7 + 400 * N**-0.34 + 400 * D**-0.28
# Targets above and below zero, that fall and that rise, and shares of one; inputs in logs and not.
TABLES = {
    "falls": {"params": N, "tok ens": D, "y": LOSS},
    "share": {"params": N, "share": SHARE - 0.1, "y": LOSS * np.exp(-0.2 * SHARE)},
    "accuracy": {"params": N, "tokens": D, "y": 1 - 0.3 * LOSS / LOSS.max()},
    "below zero": {"params": N, "tokens": D, "y": LOSS - 3},
    "rises": {"params": N, "tokens": D, "y": 1e3 - 100 * LOSS},
    "rises from below zero": {"params": N, "share": SHARE - 0.1, "y": 3 - LOSS - 0.1 * SHARE},
    "one input": {"params": N, "y": 1.7 + 400 * N**-0.34},
}


@pytest.mark.parametrize("rising", [False, True], ids=["falling", "any exponent"])
@pytest.mark.parametrize("case", TABLES)
def test_formula_is_the_form(case: str, rising: bool) -> None:
    columns = [name for name in TABLES[case] if name != "y"]
    table = read_table(pl.DataFrame(TABLES[case]), columns, "y")
    scale = scale_of(table)
    rows = rows_of(table, scale)
    u, group = points_of(rows)
    x = table.inputs.centre + table.inputs.unit * u
    x = np.where(table.inputs.logs, np.exp(np.minimum(x, 100)), x)
    for form in forms.applicable(len(columns)):
        theta = forms.fit(form, rows).theta
        formula = formula_of(form, table.inputs, rows, "y", scale)
        values = constants(formula, table.inputs, rows, theta)[0]
        assert len(values) == len(formula.names) == theta.shape[1]
        p = SimpleNamespace(**dict(zip(formula.names, values, strict=True)))
        by = SimpleNamespace(**{one.key: x[:, j] for j, one in enumerate(formula.columns)})
        code = formula.python(formula.names if rising else ())
        said = eval(code, {"np": np, "p": p, "x": by})
        h = forms.predict(form, theta[group], u[:, None], rows, group)[:, 0]
        np.testing.assert_allclose(said * np.ones(len(u)), scale.back(h), rtol=1e-9, atol=1e-12)


def test_columns_that_are_no_words_are_in_brackets() -> None:
    table = read_table(pl.DataFrame(TABLES["falls"]), ["params", "tok ens"], "y")
    scale = scale_of(table)
    form = next(one for one in forms.FORMS if one.name == "additive")
    formula = formula_of(form, table.inputs, rows_of(table, scale), "y", scale)
    assert (
        formula.symbols
        == "y = E + A_params params^-alpha_params + A_tok_ens [tok ens]^-alpha_tok_ens"
    )
    found = formula.numbers(np.array([1.69, 406.4, 410.7, 0.34, -0.28]))
    assert found == "y = 1.69 + 406.4 params^-0.34 + 410.7 [tok ens]^0.28"
