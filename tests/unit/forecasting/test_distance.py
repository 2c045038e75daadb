"""How far out a planned run lies: one answer, by input and side, wherever a person looks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.forecasting.distance import decades_outside, distance
from tests.support.command import cli

SIZES = ("params", "tokens")


def grid() -> pl.DataFrame:
    """Runs of Chinchilla's law, N from 1e8 to 1e10 and D from 1e9 to 1e11."""
    n, d = (
        one.ravel() for one in np.meshgrid(np.geomspace(1e8, 1e10, 5), np.geomspace(1e9, 1e11, 5))
    )
    noise = np.exp(0.002 * np.random.default_rng(0).standard_normal(n.size))
    loss = (1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28) * noise
    return pl.DataFrame({"params": n, "tokens": d, "loss": loss})


def ray() -> pl.DataFrame:
    """Those of about 10 tokens a param: two corners of the ranges are empty."""
    ratio = pl.col("tokens") / pl.col("params")
    return grid().filter(ratio.is_between(3, 33))


def at(*sizes: tuple[float, float]) -> pl.DataFrame:
    return pl.DataFrame(list(sizes), schema=list(SIZES), orient="row")


def test_each_input_counts_on_both_sides() -> None:
    found = distance(grid(), at((1e14, 1e6), (1e10, 1e11), (3e6, 1e10)), SIZES)
    assert found.outside == pytest.approx(
        np.array([[4.0, -3.0], [0.0, 0.0], [-np.log10(1e8 / 3e6), 0.0]])
    )
    assert found.farthest == pytest.approx([4.0, 0.0, -1.523], abs=1e-3)
    assert found.words() == [["params +4.00", "tokens -3.00"], ["within"], ["params -1.52"]]
    assert found.far.tolist() == [True, False, False]
    first = found.warnings()[0]
    assert "1 of 3 planned runs more than 2 decades" in first and "params +4.00" in first


def test_an_empty_corner_is_within_every_range() -> None:
    full, rays = (distance(one, at((1e10, 1e9), (1e9, 1e10)), SIZES) for one in (grid(), ray()))
    assert full.nearest == pytest.approx([0.0, 0.0])
    assert rays.outside == pytest.approx(np.zeros((2, 2)))
    assert rays.nearest == pytest.approx([1.0, 0.0])
    assert rays.empty.tolist() == [True, False]
    assert rays.words() == [["nearest 1.00"], ["within"]]
    assert "the nearest is up to 1.0 decades away" in rays.warnings()[0]


def test_a_lone_run_does_not_fill_the_corners_it_opens() -> None:
    lone = pl.DataFrame({"params": [1e13], "tokens": [1e14], "loss": [1.7]})
    found = distance(pl.concat([grid(), lone]), at((1e13, 1e9)), SIZES)
    assert found.empty[0] and found.nearest[0] == pytest.approx(3.0)


def test_coarse_grids_and_repeated_runs_are_not_empty_between_runs() -> None:
    coarse = grid().filter(pl.col("params").log10().round(2) % 1 == 0)
    coarse = coarse.filter(pl.col("tokens").log10().round(2) % 1 == 0)
    between = at((10**8.5, 10**9.5))
    for runs in (coarse, pl.concat([coarse] * 3)):
        assert not distance(runs, between, SIZES).empty[0]


def test_shares_and_zeros_count_in_ranges_and_groups_by_themselves() -> None:
    runs = pl.DataFrame(
        {
            "x": [1e3, 1e4, 1e5] * 2,
            "share": [0.0, 0.25, 0.5] * 2,
            "task": ["a"] * 3 + ["b"] * 3,
            "loss": [3.0, 2.5, 2.2, 4.0, 3.5, 3.2],
        }
    ).with_columns(x=pl.when(pl.col("task") == "b").then(pl.col("x") * 10).otherwise("x"))
    planned = pl.DataFrame({"x": [1e6, 1e6], "share": [0.75, 0.5], "task": ["a", "b"]})
    found = distance(runs, planned, ("x", "share", "task"))
    assert found.outside == pytest.approx(np.array([[1.0, 0.5], [0.0, 0.0]]))
    assert found.words()[0] == ["x +1.00", "share +0.50 ranges"]
    assert "x has 4 values" not in " ".join(found.warnings())
    assert "share has 3 values in the runs: too few" in " ".join(found.warnings())


def test_one_value_by_its_range() -> None:
    assert decades_outside(1e12, 1e8, 1e10) == pytest.approx(2.0)
    assert decades_outside(1e5, 1e8, 1e10) == pytest.approx(-3.0)
    assert decades_outside(1e9, 1e8, 1e10) == 0.0


def test_a_forecast_says_it_in_python() -> None:
    made = scaling.forecast(grid(), at((1e14, 1e6), (1e9, 1e10)), quantiles=(0.05, 0.5, 0.95))
    assert made.columns == [*SIZES, "quantile", "value"]
    assert made.distance is not None
    assert made.distance.outside[0] == pytest.approx([4.0, -3.0])
    for text in (str(made), made._repr_html_(), made._repr_markdown_().replace("\\", "")):
        assert "1 of 2 planned runs more than 2 decades outside the runs" in text
    assert "params +4.00, tokens -3.00" in made._repr_html_()


def test_a_law_alone_says_it_too() -> None:
    made = scaling.forecast(grid(), at((1e14, 1e6)), laws=["power_law"], inputs=["params"])
    assert made.distance is not None and made.distance.outside[0] == pytest.approx([4.0])
    law = scaling.forecast(
        grid().with_columns(tokens_unique=pl.col("tokens")),
        at((1e11, 1e12)).with_columns(tokens_unique=pl.col("tokens") / 10),
        laws=["data_constrained"],
    )
    assert law.distance is not None and law.distance.farthest[0] == pytest.approx(1.0)


def test_the_command_says_it_on_the_terminal_and_in_json(tmp_path: Path) -> None:
    ray().write_csv(tmp_path / "runs.csv")
    at((1e14, 1e6), (1e10, 1e9)).write_csv(tmp_path / "planned.csv")
    call = ("forecast", tmp_path / "runs.csv", "--at", tmp_path / "planned.csv")
    shown = cli(*call).stdout
    assert "decades out" in shown and "params +4.00" in shown and "tokens -3.00" in shown
    assert "nearest 1.00" in shown and "geometric mean" not in shown
    facts = json.loads(cli(*call, "--json").stdout)
    first, second = (one["distance"] for one in facts["targets"])
    assert first["outside"] == pytest.approx({"params": 4.0, "tokens": -3.0})
    assert first["far"] and second["empty"] and second["nearest_run"] == pytest.approx(1.0)
    assert len(facts["targets"][0]["quantiles"]) == 9
    assert any("more than 2 decades" in note for note in facts["notes"])


def test_planned_sizes_in_billions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(scaling.InputError, match=r"row 1, column 'params': too small.*70"):
        scaling.forecast(grid(), at((70.0, 1400.0)))
    grid().write_csv(tmp_path / "runs.csv")
    at((7e10, 1.4e12), (7e10, 1.4)).write_csv(tmp_path / "planned.csv")
    done = cli("forecast", tmp_path / "runs.csv", "--at", tmp_path / "planned.csv")
    assert done.returncode == 2 and "planned.csv, row 2, column 'tokens'" in done.stderr
    billions = grid().with_columns(pl.col(SIZES) / 1e9)  # runs and planned runs alike
    with pytest.raises(scaling.InputError, match="too small"):
        scaling.forecast(billions, at((70.0, 1400.0)))
    made = scaling.forecast(billions, at((70.0, 1400.0)), inputs=("params:B", "tokens:B"))
    full = scaling.forecast(grid(), at((7e10, 1.4e12)))
    assert made["value"].to_list() == pytest.approx(full["value"].to_list(), rel=1e-9)


def test_a_score_beyond_the_runs_is_warned_of() -> None:
    """What rises with size may turn where no run shows it; a loss has no such warning."""
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5)))
    loss = 0.2 + 20.0 * (n**-0.3 + d**-0.25)
    runs = pl.DataFrame({"params": n, "tokens": d, "loss": loss, "accuracy": 1.0 - loss / 2.0})
    at = pl.DataFrame({"params": [5e8, 4e9], "tokens": [5e10, 4e11]})
    said = [
        one
        for one in scaling.forecast(runs, at, target="accuracy").notes
        if "as a score does" in one
    ]
    assert len(said) == 1
    assert said[0].startswith("Warning: 1 of 2 planned runs beyond the largest runs")
    assert not any("as a score" in one for one in scaling.forecast(runs, at).notes)
    assert not any(
        "as a score" in one for one in scaling.forecast(runs, at[:1], target="accuracy").notes
    )


def test_scores_below_zero_are_warned_of_too() -> None:
    """Brier scores (-1 to 0) of groups whose runs end before the turn."""
    rng = np.random.default_rng(0)
    x = np.tile(np.linspace(-0.9, 1.4, 20), 2)
    y = -0.5 + 0.1 * np.tanh(2.0 * x) + 0.01 * rng.standard_normal(40)
    runs = pl.DataFrame({"log_flops": x, "task": ["a"] * 20 + ["b"] * 20, "brier_score": y})
    at = pl.DataFrame({"log_flops": [2.8, 1.0], "task": ["a", "b"]})
    made = scaling.forecast(runs, at, inputs=("log_flops", "task"), target="brier_score")
    assert any(one.startswith("Warning: 1 of 2 planned runs beyond") for one in made.notes)
