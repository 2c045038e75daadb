"""Bad input gets a sentence that names the place, and no forecast: in Python, `forecast` and
`backtest`, for one, two and many inputs; mixed conventions are refused as by `fit`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.errors import InputError
from tests.support.command import cli

SIZES = ["params", "tokens"]
CORPORA = ["c4", "pile", "web"]


def runs(rows: int = 60) -> pl.DataFrame:
    """Runs of Chinchilla's law, with a learning rate that has an optimum."""
    rng = np.random.default_rng(0)
    n, d, lr = (10 ** rng.uniform(*ends, rows) for ends in ((7, 9), (9, 11), (-4, -2)))
    loss = 1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28 + 0.05 * (np.log10(lr) + 3) ** 2
    return pl.DataFrame({"params": n, "tokens": d, "lr": lr, "loss": loss})


PLANNED = pl.DataFrame({"params": [3e9], "tokens": [3e11], "lr": [1e-3]})
INPUTS = [["params"], SIZES, [*SIZES, "lr"]]


def every_way(
    tmp_path: Path, table: pl.DataFrame, at: pl.DataFrame, inputs: list[str], *words: str
) -> None:
    """Refused with these words by `forecast` in Python and on the command line, nothing written;
    where the runs are at fault by `backtest` too."""
    table.write_parquet(tmp_path / "runs.parquet")
    at.write_parquet(tmp_path / "planned.parquet")
    with pytest.raises(InputError) as caught:
        scaling.forecast(table, at, inputs=inputs)
    named = [part for name in inputs for part in ("--input", name)]
    out = tmp_path / "out.csv"
    call = ("forecast", tmp_path / "runs.parquet", "--at", tmp_path / "planned.parquet")
    done = cli(*call, "--out", out, *named)
    said = [str(caught.value), done.stderr]
    if at.equals(PLANNED):
        with pytest.raises(InputError) as of_backtest:
            scaling.backtest(table, inputs)
        tested = cli("backtest", tmp_path / "runs.parquet", *named)
        said += [str(of_backtest.value), tested.stderr]
        assert tested.returncode == 2 and tested.stdout == ""
    assert done.returncode == 2 and done.stdout == "" and not out.exists()
    for text in said:
        assert all(word in text for word in words) and "Traceback" not in text
    assert ("runs.parquet" if at.equals(PLANNED) else "planned.parquet") in done.stderr


@pytest.mark.parametrize("inputs", INPUTS)
def test_runs_at_fault(tmp_path: Path, inputs: list[str]) -> None:
    table, last = runs(), inputs[-1]

    def refused(broken: pl.DataFrame, *words: str, names: list[str] = inputs) -> None:
        every_way(tmp_path, broken, PLANNED, names, *words)

    refused(table.with_columns(pl.lit(1e8).alias(last)), f"'{last}'", "the column is constant")
    refused(table[:2], "too few runs", "2 runs")
    refused(table[:0], "the table")
    refused(table.with_columns(loss=pl.lit(2.0)), "'loss'", "all values of the target are equal")
    refused(table.drop("loss"), "missing column", "'loss'")
    refused(table.drop(last), "missing column", f"'{last}'")
    for bad in (float("nan"), -float("inf"), None):
        row = pl.int_range(pl.len()) == 6
        # A row without the target is skipped and counted.
        for column in (last,) if bad is None else ("loss", last):
            broken = table.with_columns(
                pl.when(row).then(pl.lit(bad, pl.Float64)).otherwise(column).alias(column)
            )
            refused(broken, "row 7", f"'{column}'", "is empty" if bad is None else str(bad))
    refused(table, "twice", names=[*inputs, last])
    refused(table, "the target is no input", names=[*inputs, "loss"])


def test_text_of_many_values(tmp_path: Path) -> None:
    table = runs(400).with_columns(recipe=pl.int_range(400).cast(pl.String) + "x")
    at = PLANNED.with_columns(recipe=pl.lit("0x"))
    every_way(tmp_path, table, PLANNED, [*SIZES, "recipe"], "'recipe'", "text of 400 values")
    made = scaling.forecast(table, at)  # not read by itself
    assert made["value"].is_finite().all()


def test_one_cell_of_text_among_numbers(tmp_path: Path) -> None:
    words = pl.when(pl.int_range(60) == 6).then(pl.lit("high")).otherwise(pl.col("lr").cast(str))
    table = runs().with_columns(lr=words)
    every_way(tmp_path, table, PLANNED, [*SIZES, "lr"], "row 7", "'lr'", "text where a number")


def test_no_numeric_column(tmp_path: Path) -> None:
    table = pl.DataFrame({"task": ["a", "b", "c"] * 20, "loss": runs()["loss"]})
    at = pl.DataFrame({"task": ["a"]})
    with pytest.raises(InputError, match="no column of both tables is a number"):
        scaling.forecast(table, at)
    with pytest.raises(InputError, match="no input is a number"):
        scaling.forecast(table, at, inputs=["task"])
    table.write_csv(tmp_path / "runs.csv")
    at.write_csv(tmp_path / "planned.csv")
    done = cli("forecast", tmp_path / "runs.csv", "--at", tmp_path / "planned.csv")
    assert done.returncode == 2 and "no column of both tables is a number" in done.stderr
    assert cli("backtest", tmp_path / "runs.csv").returncode == 2


@pytest.mark.parametrize("inputs", INPUTS)
def test_planned_runs_at_fault(tmp_path: Path, inputs: list[str]) -> None:
    last = inputs[-1]
    for at, words in (
        (PLANNED.drop(last), ("missing column", f"'{last}'")),
        (PLANNED[:0], ("the table",)),
        (PLANNED.with_columns(pl.lit(float("nan")).alias(last)), ("row 1", f"'{last}'")),
        (PLANNED.with_columns(pl.lit(0.0).alias(last)), ("row 1", f"'{last}'", "> 0")),
        (PLANNED.with_columns(params=pl.lit(70.0)), ("row 1", "'params'", "too small")),
    ):
        every_way(tmp_path, runs(), at, inputs, *words)


def test_planned_groups_without_runs(tmp_path: Path) -> None:
    """Also where each value has runs, but not both together."""
    table = runs().with_columns(task=pl.Series(["a", "b"] * 30), kind=pl.Series(["x", "y"] * 30))
    inputs = ["params", "task"]
    new = PLANNED.with_columns(task=pl.lit("d"), kind=pl.lit("x"))
    every_way(tmp_path, table, new, inputs, "row 1", "'d'", "a group that has runs: a, b")
    both = PLANNED.with_columns(task=pl.lit("a"), kind=pl.lit("y"))
    every_way(tmp_path, table, both, [*inputs, "kind"], "row 1", "'a y'", "a x, b y")


MIXED = [*((one, "dataset") for one in INPUTS), (SIZES, "schedule_complete"), (SIZES, "metric")]


@pytest.mark.parametrize(("inputs", "column"), MIXED)
def test_mixed_conventions(tmp_path: Path, inputs: list[str], column: str) -> None:
    """The sentence and the hint of `fit`, and the same way to allow it."""
    table = runs().with_columns(pl.Series(column, CORPORA * 20))
    with pytest.raises(InputError) as by_fit:
        scaling.fit(table, "chinchilla", resamples=0)
    every_way(tmp_path, table, PLANNED, inputs, str(by_fit.value), "c4, pile, web")
    allowed = scaling.forecast(table, PLANNED, inputs=inputs, mixed=[column])
    alone = scaling.forecast(table.drop(column), PLANNED, inputs=inputs)
    assert allowed["value"].to_list() == alone["value"].to_list()
    named = [part for name in inputs for part in ("--input", name)]
    call = ("forecast", tmp_path / "runs.parquet", "--at", tmp_path / "planned.parquet", *named)
    assert cli(*call, "--mixed", column).returncode == 0
    assert cli(*call, "--mixed", "unit").returncode == 2


def test_mixed_conventions_of_a_law_alone_and_of_a_backtest() -> None:
    table = runs().with_columns(dataset=pl.Series(CORPORA * 20))
    with pytest.raises(InputError, match="one fit mixes conventions"):
        scaling.forecast(table, PLANNED, laws=["chinchilla"])
    with pytest.raises(InputError, match="one fit mixes conventions"):
        scaling.forecast(table, PLANNED, laws=["power_law"], inputs=["params"])
    one = scaling.forecast(table, PLANNED, laws=["chinchilla"], mixed=["dataset"])
    assert one["value"].is_finite().all()
    assert scaling.backtest(table, mixed=["dataset"]).height > 0


def test_a_backtest_of_many_inputs_says_what_it_takes(tmp_path: Path) -> None:
    runs().write_csv(tmp_path / "runs.csv")
    named = ("--input", "params", "--input", "tokens", "--input", "lr")
    done = cli("backtest", tmp_path / "runs.csv", *named)
    assert done.returncode == 2 and "one or two positive inputs" in done.stderr
