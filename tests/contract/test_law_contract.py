"""What the contract of laws allows beyond a formula: optional inputs, categories, own procedures,
laws bound to a table, implicit laws; and the verdict on which laws apply to a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import scaling
from scaling import laws
from scaling.cli.main import app
from scaling.errors import InputError
from scaling.fitting.applicability import verdict
from scaling.fitting.data import law_inputs
from scaling.fitting.engine import fit
from scaling.laws import Input, Law, Param
from scaling.laws._implicit import root
from scaling.runs.formats import run_table

RNG = np.random.default_rng(0)
LIBRARY = Path("data/published")


def table(rows: int = 60) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    n, d = np.exp(rng.uniform(18, 24, rows)), np.exp(rng.uniform(20, 26, rows))
    loss = 1.8 + 480 * n**-0.35 + 2000 * d**-0.37
    noisy = loss * np.exp(0.002 * rng.standard_normal(rows))
    return pl.DataFrame({"params": n, "tokens": d, "loss": noisy})


def _epoch_law(p: Any, x: Any) -> Any:
    return p.E + p.A * x.tokens**-p.alpha * (1.0 + p.k * (x.epochs - 1.0))


OPTIONAL = Law(
    name="toy_optional",
    title="t",
    formula="f",
    citation="c",
    params=(
        Param("E", "1", "floor"),
        Param("A", "1", "size", start=(1.0, 1e4)),
        Param("alpha", "1", "a"),
        Param("k", "1", "cost of an epoch", start=(0.01, 0.5)),
    ),
    inputs=("tokens", "epochs"),
    predict=_epoch_law,
    needs=(Input("epochs", low=1.0, open_low=False, default=1.0, levels=1),),
)


def test_an_optional_input_takes_its_default() -> None:
    x = law_inputs(table(), OPTIONAL)
    assert (x["epochs"] == 1.0).all()
    theta = np.array([[1.0, 2000.0, 0.35, 0.1]])
    del x["epochs"]
    assert np.isfinite(OPTIONAL(theta, x)).all()


def test_an_optional_input_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match=r"epochs.*0\.5"):
        law_inputs(table().with_columns(epochs=pl.lit(0.5)), OPTIONAL)


def _bind(runs: pl.DataFrame, target: str) -> Law:
    """One offset a corpus."""
    names = tuple(runs["corpus"].unique().sort())

    def predict(p: Any, x: Any) -> Any:
        offsets = [getattr(p, f"E_{name}") for name in names]
        floor = sum(np.where(x.corpus == at, one, 0.0) for at, one in enumerate(offsets))
        return floor + p.A * x.tokens**-p.alpha

    params = tuple(Param(f"E_{name}", "1", "floor", start=(0.5, 3.0)) for name in names)
    more = (Param("A", "1", "size", start=(1.0, 1e4)), Param("alpha", "1", "exponent"))
    return replace(
        BINDS,
        params=params + more,
        predict=predict,
        bind=None,
        needs=(Input("corpus", values=names, levels=1),),
    )


BINDS = Law(
    name="toy_binds",
    title="t",
    formula="f",
    citation="c",
    params=(),
    inputs=("tokens", "corpus"),
    predict=_epoch_law,
    bind=_bind,
)


def corpora() -> pl.DataFrame:
    rng = np.random.default_rng(2)
    d, kind = np.exp(rng.uniform(18, 25, 80)), np.arange(80) % 2
    loss = np.where(kind == 0, 1.5, 2.5) + 900 * d**-0.35
    names = [("books", "web")[k] for k in kind]
    return pl.DataFrame({"tokens": d, "corpus": names, "loss": loss})


def test_a_law_takes_its_parameters_from_the_table() -> None:
    made = fit(corpora(), BINDS, resamples=8)
    assert made.law.name == "toy_binds"
    assert made.values["E_books"] == pytest.approx(1.5, rel=1e-3)
    assert made.values["E_web"] == pytest.approx(2.5, rel=1e-3)


def test_an_unknown_category_is_refused() -> None:
    made = fit(corpora(), BINDS)
    with pytest.raises(InputError, match=r"corpus.*poems.*books, web"):
        law_inputs(pl.DataFrame({"tokens": [1e9], "corpus": ["poems"]}), made.law)


def _line(x: Any, y: Any, w: Any, solve: Any) -> Any:
    slope, level = np.polyfit(np.log(x["tokens"]), np.log(y), 1, w=np.sqrt(w))
    return np.array([np.exp(level), -slope])


LINE = Law(
    name="toy_line",
    title="t",
    formula="f",
    citation="c",
    params=(Param("A", "1", "size"), Param("alpha", "1", "exponent")),
    inputs=("tokens",),
    predict=lambda p, x: p.A * x.tokens**-p.alpha,
    estimate=_line,
)


def test_an_own_procedure_is_resampled_and_forecast_like_any_other() -> None:
    made = fit(table(), LINE, resamples=30, seed=4)
    assert made.draws.shape == (30, 2) and made.outcome == "estimated"
    assert np.array_equal(made.draws, fit(table(), LINE, resamples=30, seed=4).draws)
    at = pl.DataFrame({"tokens": [1e12, 1e13]})
    ahead = scaling.forecast(table(), at, laws=[LINE], quantiles=(0.1, 0.5, 0.9))
    assert ahead.height == 6 and ahead["value"].is_finite().all()


def test_an_own_procedure_refuses_the_engines_choices() -> None:
    with pytest.raises(InputError, match="own procedure"):
        fit(table(), LINE, fixed={"alpha": 0.3})


def test_implicit_law_has_exact_derivatives() -> None:
    """y + y^3 = b x against its finite differences in b."""

    def predict(p: Any, x: Any) -> Any:
        return root(
            lambda y, b: y + y * y * y - b * x.x,
            lambda y, b: 1.0 + 3.0 * y * y,
            (0.0, 100.0),
            (p.b,),
        )

    law = Law("toy_root", "t", "f", "c", (Param("b", "1", "b"),), ("x",), predict, link="linear")
    x = np.linspace(0.5, 5.0, 20)
    y = law(np.array([[1.3]]), {"x": x})[0]
    np.testing.assert_allclose(y + y**3, 1.3 * x, rtol=1e-14)
    made = fit(pl.DataFrame({"x": x, "loss": y}), law)
    assert made.values["b"] == pytest.approx(1.3, rel=1e-9)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("metric", ("loss@a", "loss@b")),
        ("schedule_complete", ("yes", "no")),
        ("unit", ("nats/token", "bits/byte")),
        ("params_convention", ("total", "non_embedding")),
    ],
)
def test_mixed_conventions_are_refused_unless_named(column: str, values: tuple[str, str]) -> None:
    runs = table().with_columns(pl.Series(column, [values[i % 2] for i in range(60)]))
    with pytest.raises(InputError, match=rf"mixes conventions.*{column}"):
        fit(runs, "chinchilla")
    assert fit(runs, "chinchilla", mixed=[column]).rows == 60


def test_params_of_two_conventions_in_one_column_are_refused() -> None:
    runs = table().with_columns(params_non_embedding=pl.col("params") * 0.9)
    copied = pl.when(pl.int_range(pl.len()) < 10).then("params_non_embedding").otherwise("params")
    with pytest.raises(InputError, match="equal params_non_embedding in 10 of 60 rows"):
        fit(runs.with_columns(copied.alias("params")), "chinchilla")


def test_verdicts_say_why_not() -> None:
    runs = table()
    assert verdict(runs, laws.get("chinchilla")).word == "yes"
    assert "no column params" in verdict(runs.drop("params"), laws.get("chinchilla")).reason
    flat = runs.with_columns(params=pl.lit(1e9))
    assert "1 distinct value; 3 are needed" in verdict(flat, laws.get("chinchilla")).reason
    assert verdict(runs.drop("loss"), laws.get("chinchilla")).reason == "no column loss"


@pytest.mark.parametrize("source", sorted(p.name for p in LIBRARY.iterdir()))
def test_every_law_has_a_verdict_on_every_source(source: str) -> None:
    path = run_table(LIBRARY / source)
    parquet = path.suffix == ".parquet"
    runs = pl.read_parquet(path) if parquet else pl.read_csv(path, infer_schema_length=None)
    metric = runs["metric"][0]
    one = runs.filter(pl.col("metric") == metric).with_columns(loss=pl.col("value"))
    for law in laws.load().values():
        found = verdict(one, law)
        assert (found.word == "yes") == (not found.reason)


def test_command_says_which_laws_apply() -> None:
    path = "data/published/chinchilla-epoch/runs.csv"
    done = CliRunner().invoke(app, ["laws", "--for", path, "--metric", "loss@massivetext"])
    assert done.exit_code == 0, done.output
    assert "chinchilla" in done.output and "yes" in done.output


def test_verdict_looks_at_the_target_and_tries_own_procedures() -> None:
    runs = table()
    gap = runs.with_columns(loss=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("loss"))
    assert "loss is empty in 1 of 60" in verdict(gap, laws.get("chinchilla")).reason
    below = runs.with_columns(loss=pl.col("loss") - 5.0)
    assert "not within" in verdict(below, laws.get("chinchilla")).reason
    assert "budgets" in verdict(runs, laws.get("isoflop")).reason
