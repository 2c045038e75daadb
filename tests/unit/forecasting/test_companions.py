"""Curves forecast with what else was measured on the same run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.errors import InputError
from scaling.forecasting.companions import with_companions
from scaling.forecasting.curves import extrapolate
from scaling.forecasting.engine import predictive
from tests.support.command import cli

LEVELS = (0.05, 0.5, 0.95)


def one_run(seed: int = 0, points: int = 40, noise: float = 0.01) -> pl.DataFrame:
    """Three metrics of a run whose loss drops at 1e9 tokens, for all alike."""
    rng = np.random.default_rng(seed)
    x = np.geomspace(1e7, 4e9, points)
    skill = 0.4 * np.log(x / 1e7) + 1.0 * (x > 1e9)
    made = {"tokens": x}
    for name, level, slope in (("a", 2.0, 1.0), ("b", 1.5, 0.7), ("c", 3.0, 1.3)):
        made[name] = 1.0 / (
            1.0 + np.exp(slope * skill - level + noise * rng.standard_normal(points))
        )
    return pl.DataFrame(made)


def split(table: pl.DataFrame, at: float = 1e9) -> tuple[pl.DataFrame, pl.DataFrame]:
    known = pl.col("tokens") <= at
    hidden = table.with_columns(pl.when(known).then("a").alias("a"))
    return hidden, table.filter(~known)


def test_companions_forecast_what_the_curve_alone_cannot() -> None:
    hidden, came = split(one_run())
    at, truth = came.select("tokens"), np.log(came["a"].to_numpy())
    shapes_only = predictive(hidden.drop_nulls("a"), at, ("tokens",), "a")
    both = predictive(hidden, at, ("tokens",), "a", companions=("b", "c"))
    error = [np.sqrt(np.mean((one.location - truth) ** 2)) for one in (shapes_only, both)]
    assert error[1] < 0.5 * error[0]
    assert np.mean(np.abs(both.rank(came["a"].to_numpy()) - 0.5) <= 0.475) >= 0.9


def test_intervals_hold_with_companions() -> None:
    held = []
    for seed in range(40):
        hidden, came = split(one_run(seed, points=24, noise=0.05), 5e8)
        made = predictive(hidden, came.select("tokens"), ("tokens",), "a", companions=("b", "c"))
        held.append(np.mean(np.abs(made.rank(came["a"].to_numpy()) - 0.5) <= 0.45))
    assert np.mean(held) >= 0.87


def test_a_companion_that_ends_with_the_curve_changes_nothing() -> None:
    table = one_run().filter(pl.col("tokens") <= 1e9)
    at = pl.DataFrame({"tokens": [2e9]})
    shapes_only = scaling.forecast(table, at, inputs=["tokens"], target="a", quantiles=LEVELS)
    both = scaling.forecast(
        table, at, inputs=["tokens"], target="a", quantiles=LEVELS, companions=["b", "c"]
    )
    assert shapes_only.equals(both)


def test_beyond_the_companions_the_own_forecast_goes_on() -> None:
    x = np.geomspace(1e3, 1e6, 20)
    y, z = 0.2 + 20 * x**-0.5, 0.1 + 30 * x**-0.5
    at = np.array([1.5e5, 3e5, 1e7])
    own = extrapolate(x[:14], y[:14], at)
    made = with_companions(own, (x[:14], y[:14]), at, [(x, z)])
    moved = made.location - own.location
    assert moved[2] == moved[1]
    assert np.all(np.asarray(made.kept)[:2] < 1.0) and np.asarray(made.kept)[2] == 1.0


@pytest.mark.parametrize("flat", [np.full(20, 0.5), np.ones(20)])
def test_a_companion_without_a_slope_tells_nothing(flat: np.ndarray) -> None:
    x = np.geomspace(1e3, 1e6, 20)
    at = np.array([3e5])
    own = extrapolate(x[:14], 0.2 + 20 * x[:14] ** -0.5, at)
    assert with_companions(own, (x[:14], 0.2 + 20 * x[:14] ** -0.5), at, [(x, flat)]) is own


def test_order_and_units_of_companions_do_not_matter() -> None:
    hidden, came = split(one_run())
    at = came.select("tokens")
    wide = hidden.with_columns(loss=5.0 * (1.0 + pl.col("b")))
    first = predictive(wide, at, ("tokens",), "a", companions=("loss", "c")).location
    other = wide.with_columns(loss=100.0 * pl.col("loss")).sample(
        fraction=1.0, shuffle=True, seed=1
    )
    second = predictive(other, at, ("tokens",), "a", companions=("c", "loss")).location
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_bad_requests() -> None:
    hidden, came = split(one_run())
    at = came.select("tokens")
    with pytest.raises(InputError, match="nothing_like_it"):
        scaling.forecast(hidden, at, inputs=["tokens"], target="a", companions=["nothing_like_it"])
    with pytest.raises(InputError, match="one input"):
        scaling.forecast(hidden, at, inputs=["tokens", "b"], target="a", companions=["c"])


def test_a_named_law_takes_no_companions(tmp_path: Path) -> None:
    hidden, came = split(one_run())
    at = came.select("tokens")
    for law in ("power_law", "chinchilla", "ladder"):
        with pytest.raises(InputError, match=f"named law uses no companions; found '{law} with c'"):
            scaling.forecast(hidden, at, target="a", laws=[law], companions=["c"])
    hidden.write_csv(tmp_path / "runs.csv")
    at.write_csv(tmp_path / "at.csv")
    done = cli(
        "forecast", tmp_path / "runs.csv", "--at", tmp_path / "at.csv", "--target", "a",
        "--out", tmp_path / "made.csv", "--law", "power_law", "--companion", "c",
    )  # fmt: skip
    assert done.returncode == 2
    assert "a named law uses no companions; found 'power_law with c'" in done.stderr
    assert not (tmp_path / "made.csv").exists()


def test_the_command_takes_columns_and_metrics(tmp_path: Path) -> None:
    hidden, came = split(one_run())
    came.select("tokens").write_csv(tmp_path / "at.csv")
    hidden.write_csv(tmp_path / "wide.csv")
    long = hidden.unpivot(index="tokens", variable_name="metric").drop_nulls("value")
    long.write_csv(tmp_path / "long.csv")
    made = []
    for table, more in (("wide.csv", ["--target", "a"]), ("long.csv", ["--metric", "a"])):
        out = tmp_path / f"{table}.jsonl"
        done = cli(
            "forecast", str(tmp_path / table), "--at", str(tmp_path / "at.csv"),
            "--input", "tokens", *more, "--companion", "b", "--companion", "c", "--out", str(out),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout
        made.append([json.loads(line)["value"] for line in out.read_text().splitlines()])
    np.testing.assert_allclose(made[0], made[1], rtol=1e-9)
