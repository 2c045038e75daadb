"""Tables of any kind give one answer, and bad ones an error that says what is allowed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import scaling
from tests.support.simulated import chinchilla_runs

RUNS = chinchilla_runs()
PLANNED = {"params": ["70B"], "tokens": ["1.4T"]}


def pandas(table: pl.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(table.to_dict(as_series=False))


KINDS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "lazy": lambda table: table.lazy(),
    "pandas": pandas,
    "pandas with another index": lambda table: pandas(table).set_index(pd.Index(range(5, 29))),
    "pandas of arrow": lambda table: table.to_pandas(use_pyarrow_extension_array=True),
    "pyarrow": lambda table: table.to_arrow(),
    "dict of lists": lambda table: table.to_dict(as_series=False),
    "dict of arrays": lambda table: {one.name: one.to_numpy() for one in table},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_fit_to_the_bit(kind: str) -> None:
    known = scaling.fit(RUNS, "chinchilla", resamples=40)
    made = scaling.fit(KINDS[kind](RUNS), "chinchilla", resamples=40)
    assert made.theta.tobytes() == known.theta.tobytes()
    assert made.resampled.tobytes() == known.resampled.tobytes()


def test_a_file_gives_it_too(tmp_path: Path) -> None:
    known = scaling.fit(RUNS, "chinchilla", resamples=0)
    RUNS.write_parquet(tmp_path / "runs.parquet")
    for path in (tmp_path / "runs.parquet", str(tmp_path / "runs.parquet")):
        made = scaling.fit(path, "chinchilla", resamples=0)
        assert made.theta.tobytes() == known.theta.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_units_in_cells_are_read_from_every_kind(kind: str) -> None:
    millions = (pl.col("params") / 1e6).round().cast(pl.Int64)
    in_full = RUNS.with_columns(params=millions * 1e6)
    texts = RUNS.with_columns(params=millions.cast(pl.String) + "M")
    made = scaling.fit(KINDS[kind](texts), "chinchilla", resamples=0)
    assert made.values == scaling.fit(in_full, "chinchilla", resamples=0).values


def test_a_column_may_mix_numbers_and_units() -> None:
    mixed = [float(one) if i % 2 else f"{one / 1e9}B" for i, one in enumerate(RUNS["params"])]
    for table in (
        {**RUNS.to_dict(as_series=False), "params": mixed},
        pandas(RUNS).assign(params=pd.Series(mixed, dtype=object)),
    ):
        made = scaling.fit(table, "chinchilla", resamples=0)
        assert made.values["E"] == pytest.approx(
            scaling.fit(RUNS, "chinchilla", resamples=0).values["E"], rel=1e-6
        )


def test_every_function_reads_every_kind() -> None:
    table = pandas(RUNS)
    assert isinstance(scaling.backtest(table), pd.DataFrame)
    assert isinstance(scaling.exponents(table, resamples=10), pd.DataFrame)
    assert isinstance(scaling.compare(table, ["chinchilla"]).to_frame(), pd.DataFrame)
    one = pandas(RUNS.select("params", "loss"))
    assert isinstance(scaling.discover(one, inputs=["params"]).to_frame(), pd.DataFrame)
    assert scaling.plan.optimal(table, flops=1e23, resamples=10).value("params").value > 0


def test_a_pandas_forecast_keeps_its_notes_and_chart() -> None:
    far = scaling.forecast(pandas(RUNS), {"params": ["7e14"], "tokens": ["1e16"]})
    assert isinstance(far, pd.DataFrame)
    assert list(far.columns) == ["params", "tokens", "quantile", "value"]
    assert any("farther than intervals were measured to hold" in one for one in far.notes)
    assert far.notes[0] in repr(far)
    assert far.notes[0] in far._repr_html_().replace("&gt;", ">")
    assert far.plot().to_dict()["title"]["text"] == "Forecast of loss"
    part = far[far["quantile"] == 0.5]
    assert type(part) is pd.DataFrame
    far["value"] = 0.0
    assert "1.4" not in repr(far) and "0.0" in repr(far)


@pytest.mark.parametrize("kind", ["lazy", "pyarrow"])
def test_a_table_without_room_for_notes_warns(kind: str) -> None:
    at = KINDS[kind](pl.DataFrame({"params": [7e14], "tokens": [1e16]}))
    with pytest.warns(UserWarning, match="farther than intervals were measured to hold"):
        made = scaling.forecast(RUNS, at)
    assert type(made) is type(at)


def test_missing_values_of_pandas_are_left_out_and_said() -> None:
    table = pandas(RUNS)
    table.loc[3, "loss"] = float("nan")
    made = scaling.fit(table, "chinchilla", resamples=0)
    assert made.rows == 23
    assert made.notes == ("1 row without loss left out.",)
    assert "1 row without loss left out." in str(made)


def test_a_diverged_run_is_refused_unless_asked_for() -> None:
    runs = RUNS.with_columns(
        loss=pl.when(pl.row_index() == 2).then(float("nan")).otherwise("loss"),
        run=pl.format("run {}", pl.row_index()),
    )
    with pytest.raises(scaling.InputError, match=r"row 3, column 'loss'.*without_diverged=True"):
        scaling.fit(runs, "chinchilla")
    made = scaling.fit(runs, "chinchilla", resamples=0, without_diverged=True)
    assert "run 2 (not finite)" in made.notes[0]


def test_one_metric_of_a_long_table() -> None:
    long = pl.concat(
        [
            RUNS.rename({"loss": "value"}).with_columns(metric=pl.lit("loss@a")),
            RUNS.rename({"loss": "value"}).with_columns(metric=pl.lit("loss@b")),
        ]
    )
    made = scaling.fit(long, "chinchilla", metric="loss@a", resamples=0)
    assert made.values == scaling.fit(RUNS, "chinchilla", resamples=0).values
    with pytest.raises(scaling.InputError, match=r"no rows of this metric.*loss@a"):
        scaling.fit(long, "chinchilla", metric="loss@c")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (7, "not a table; found 'int'; allowed: a polars, pandas or pyarrow table"),
        ([1, 2], "not a table; found 'list'"),
        (np.zeros((3, 2)), "not a table; found 'ndarray'"),
        (pd.DataFrame({0: [1.0]}), "a column's name is no text; found 0"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "columns whose names differ"),
        ({"params": [1e9, 2e9], "tokens": [1e9]}, "columns that make no table"),
        ("no-such.csv", "no-such.csv: no such file"),
        ("runs.doc", "no such file"),
    ],
)
def test_what_is_no_table_is_refused(bad: Any, words: str) -> None:
    with pytest.raises(scaling.InputError, match=words):
        scaling.fit(bad, "chinchilla")


def test_a_missing_column_says_how_to_name_it() -> None:
    with pytest.raises(scaling.InputError, match=r'inputs=\{"params": "THEIRS"\}'):
        scaling.fit(RUNS.rename({"params": "size"}), "chinchilla")


def test_an_error_names_the_file_of_the_table_at_fault(tmp_path: Path) -> None:
    RUNS.write_csv(tmp_path / "runs.csv")
    pl.DataFrame({"params": [-1.0], "tokens": [1e12]}).write_csv(tmp_path / "at.csv")
    with pytest.raises(scaling.InputError, match=r"at\.csv, row 1, column 'params'"):
        scaling.forecast(tmp_path / "runs.csv", tmp_path / "at.csv")


def test_polars_notes_make_no_python_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = scaling.forecast(RUNS, {"params": [7e14], "tokens": [1e16]})
    assert made.notes
