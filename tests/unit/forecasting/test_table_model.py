"""The model of any table: kinds of columns, what a draw is, what has no influence, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.errors import InputError
from scaling.forecasting.inputs import default_inputs, is_general
from scaling.forecasting.table_model import TableModel, table_model
from tests.support.command import cli

LEVELS = np.array([0.05, 0.5, 0.95])
INPUTS = ("params", "tokens", "lr")


def three_inputs(rows: int = 70, seed: int = 0) -> pl.DataFrame:
    """Losses with a floor and an optimal learning rate."""
    rng = np.random.default_rng(seed)
    n, d, lr = (10 ** rng.uniform(*ends, rows) for ends in ((7, 9), (9, 11), (-4, -2)))
    loss = 1.7 + 480.0 * n**-0.35 + 2100.0 * d**-0.37 + 0.05 * (np.log10(lr) + 3.0) ** 2
    loss = loss * np.exp(0.003 * rng.standard_normal(rows))
    return pl.DataFrame({"params": n, "tokens": d, "lr": lr, "loss": loss})


@pytest.fixture(scope="module")
def model() -> TableModel:
    return table_model(three_inputs(), INPUTS, "loss")


PLANNED = pl.DataFrame({"params": [3e8, 3e9], "tokens": [3e10, 3e11], "lr": [1e-3, 1e-3]})


def test_larger_runs_are_forecast(model: TableModel) -> None:
    low, middle, high = model.quantiles(PLANNED, LEVELS)
    truth = 1.7 + 480.0 * PLANNED["params"].to_numpy() ** -0.35
    truth = truth + 2100.0 * PLANNED["tokens"].to_numpy() ** -0.37
    assert np.all((low < truth) & (truth < high))
    assert middle == pytest.approx(truth, rel=0.05)
    assert high[1] - low[1] > high[0] - low[0]


def test_a_draw_is_a_function(model: TableModel) -> None:
    together = model.draws(pl.concat([PLANNED, PLANNED.reverse()]))
    alone = model.draws(PLANNED[1:])
    assert together[:, 1] == pytest.approx(together[:, 2], rel=1e-9)
    assert together[:, 1] == pytest.approx(alone[:, 0], rel=1e-9)
    near = model.draws(PLANNED.with_columns(pl.col("params") * (1 + 1e-6)))
    assert near == pytest.approx(together[:, :2], rel=1e-4)


def test_the_middle_of_the_draws_is_the_location(model: TableModel) -> None:
    middle = np.median(model.draws(PLANNED), axis=0)
    assert middle == pytest.approx(model.location(PLANNED), rel=1e-3)
    assert model.quantiles(PLANNED, LEVELS)[1] == pytest.approx(middle, rel=1e-3)


def test_a_target_alone_has_the_same_forecast(model: TableModel) -> None:
    among = pl.concat([PLANNED] * 6)
    alone = scaling.forecast(three_inputs(), PLANNED[1:], inputs=INPUTS, quantiles=LEVELS)
    together = np.ascontiguousarray(model.quantiles(among, LEVELS)[:, 7])
    assert together.tobytes() == alone["value"].to_numpy().tobytes()


def test_the_order_of_rows_changes_nothing(model: TableModel) -> None:
    shuffled = table_model(three_inputs().sample(fraction=1, shuffle=True, seed=3), INPUTS, "loss")
    found = shuffled.quantiles(PLANNED, LEVELS)
    assert found == pytest.approx(model.quantiles(PLANNED, LEVELS), rel=1e-9)


def test_reach_is_by_input_and_off_the_cloud(model: TableModel) -> None:
    at = pl.DataFrame({"params": [1e10, 1e6, 9e8], "tokens": [1e10, 1e10, 1.1e9], "lr": [1e-3] * 3})
    reach = model.reach(at)
    assert reach.per_input[0, 0] == pytest.approx(1.0, abs=0.1)
    assert reach.per_input[1, 0] == pytest.approx(-1.0, abs=0.1)
    assert reach.per_input[2] == pytest.approx(0.0)
    both = pl.DataFrame({"params": [1e13], "tokens": [1e6], "lr": [1e-3]})
    assert model.reach(both).ranges[0] > 2.0


def test_targets_of_either_sign() -> None:
    runs = three_inputs().with_columns(loss=pl.col("loss") - 3.0)
    assert is_general(runs, ("params", "tokens"), "loss")
    made = scaling.forecast(runs, PLANNED, inputs=("params", "tokens"), quantiles=(0.05, 0.5, 0.95))
    low, middle, high = made["value"].to_numpy().reshape(-1, 3).T
    assert np.all((low < middle) & (middle < high))
    assert middle[1] < 0.0


def test_accuracies_stay_below_one() -> None:
    rng = np.random.default_rng(1)
    x, z = 10 ** rng.uniform(0, 3, 40), rng.integers(0, 3, 40) / 2.0
    runs = pl.DataFrame({"x": x, "z": z, "acc": 1 - 0.8 * x**-0.2 - 0.05 * z})
    at = pl.DataFrame({"x": [1e4, 1e6], "z": [0.5, 0.0]})
    made = scaling.forecast(runs, at, inputs=("x", "z"), target="acc")
    assert made["value"].is_between(0, 1).all()
    assert made["value"].to_numpy().reshape(2, -1)[0].tolist() == sorted(made["value"][:9])


def test_shares_that_sum_to_one() -> None:
    rng = np.random.default_rng(2)
    shares = rng.dirichlet([1, 1, 1], 40)
    shares[:4, 0] = 0.0
    shares = shares / shares.sum(axis=1, keepdims=True)
    loss = 2.0 + np.exp(0.5 - shares @ [2.0, 0.5, 0.1])
    names = ("web", "code", "books")
    runs = pl.DataFrame({**dict(zip(names, shares.T, strict=True)), "loss": loss})
    model = table_model(runs[:30], names, "loss")
    assert model.inputs.shares.all()
    assert model.location(runs[30:]) == pytest.approx(loss[30:], rel=0.02)


def test_groups_have_constants_of_their_own() -> None:
    rng = np.random.default_rng(3)
    group = np.repeat(["a", "b", "c"], 12)
    x = np.tile(np.geomspace(1e3, 1e6, 12), 3)
    floor = np.repeat([0.5, 1.0, 2.0], 12)
    loss = (floor + 20.0 * x**-0.4) * np.exp(0.002 * rng.standard_normal(36))
    runs = pl.DataFrame({"task": group, "images": x, "loss": loss})
    at = pl.DataFrame({"task": ["c", "a"], "images": [4e6, 4e6]})
    made = scaling.forecast(runs, at, inputs=("images", "task"), quantiles=(0.5,))
    assert made["value"].to_numpy() == pytest.approx(
        np.array([2.0, 0.5]) + 20 * 4e6**-0.4, rel=0.05
    )
    with pytest.raises(InputError, match="a group that has runs"):
        scaling.forecast(runs, at.with_columns(task=pl.lit("d")), inputs=("images", "task"))


def test_bad_tables_get_a_sentence() -> None:
    runs = three_inputs()

    def refused(frame: pl.DataFrame, inputs: tuple[str, ...], words: str) -> None:
        with pytest.raises(InputError, match=words):
            scaling.forecast(frame, PLANNED, inputs=inputs)

    refused(runs.with_columns(lr=pl.lit(1e-3)), INPUTS, "'lr': the column is constant")
    refused(runs[:2], INPUTS, "too few runs")
    refused(runs.with_columns(loss=pl.lit(2.0)), INPUTS, "all values of the target are equal")
    names = runs.with_columns(name=pl.int_range(pl.len()).cast(pl.String) + "a")
    refused(names, (*INPUTS, "name"), "text of 70 values in 70 runs")
    corpora = runs.with_columns(dataset=pl.Series(["c4", "pile"] * 35))
    refused(corpora, INPUTS, "mixes conventions.*--input dataset")


def test_planned_runs_that_cannot_be_are_refused(model: TableModel) -> None:
    with pytest.raises(InputError, match="> 0, as in the runs"):
        model.location(PLANNED.with_columns(lr=pl.lit(0.0)))
    with pytest.raises(InputError, match="missing column"):
        model.location(PLANNED.drop("lr"))


def test_columns_of_both_tables_are_the_inputs() -> None:
    runs = three_inputs().rename({"params": "size"})
    runs = runs.with_columns(run=pl.int_range(pl.len()).cast(pl.String) + "a", seed=pl.lit(1))
    planned = PLANNED.rename({"params": "size"}).with_columns(run=pl.lit("x"), seed=pl.lit(1))
    used, left = default_inputs(runs, planned, "loss")
    assert used == ("size", "tokens", "lr")
    assert left["seed"] == "the column is constant"
    assert "too many" in left["run"]
    assert default_inputs(three_inputs(), PLANNED, "loss")[0] == ("params", "tokens")


def test_what_other_methods_take_stays_theirs() -> None:
    runs = three_inputs()
    assert not is_general(runs, ("params", "tokens"), "loss")
    assert not is_general(runs, ("params",), "loss")
    unique = runs.with_columns(tokens_unique=pl.col("tokens"))
    assert not is_general(unique, ("params", "tokens", "tokens_unique"), "loss")
    assert is_general(runs, INPUTS, "loss")


def test_the_command_names_its_columns(tmp_path: Path) -> None:
    runs = three_inputs(30).rename({"params": "size"}).with_columns(seed=pl.lit(1))
    runs = runs.with_columns(tokens=pl.Series([1e9, 1e10, 3e10] * 10))
    planned = PLANNED.rename({"params": "size"})
    runs.write_csv(tmp_path / "runs.csv")
    planned.write_csv(tmp_path / "planned.csv")
    paths = [str(tmp_path / name) for name in ("runs.csv", "planned.csv", "out.csv")]
    said = cli("forecast", paths[0], "--at", paths[1], "--out", paths[2]).stdout
    assert "Inputs: size, tokens, lr. Left out: seed" in said
    assert "decades out" in said
    assert "tokens has 3 values" in said
    assert pl.read_csv(paths[2]).height == 18
