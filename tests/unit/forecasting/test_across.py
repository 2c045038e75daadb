"""The end of a run under way from its curve and from other runs, where both are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scaling.errors import InputError
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.pooled import DEGREES, Opinion, pool
from scaling.forecasting.study_end import Study, kind_of, study_end


def opinion(location: float, scale: float, degrees: float = 4.0) -> Opinion:
    return Opinion("it", Predictive(np.array([location]), np.array([scale]), degrees))


def loss(params: float, tokens: float) -> float:
    """Besiroglu et al. 2024, arXiv:2404.10102."""
    return 1.8172 + 482.01 / params**0.3478 + 2085.43 / tokens**0.3658


def study(rows: int = 20, **more: list[str]) -> Study:
    rng = np.random.default_rng(0)
    n, d = 10 ** rng.uniform(7.5, 9, rows), 10 ** rng.uniform(9, 10.5, rows)
    y = [loss(*one) for one in zip(n, d, strict=True)] * np.exp(rng.normal(0, 0.003, rows))
    columns = {"run": [f"r{i}" for i in range(rows)], "params": n, "tokens": d, "loss": y, **more}
    return Study("few.csv", pl.DataFrame(columns))


PLANNED = pl.DataFrame({"params": [3e9], "tokens": [6e10]})


def test_opinions_that_agree_count_by_precision_and_narrow_the_forecast() -> None:
    made = pool([opinion(1.0, 0.02), opinion(1.0, 0.01)])
    # The curve's own variance counts 1.5^2 times: 9 of the other's.
    assert made.weights[:, 0] == pytest.approx([0.1, 0.9])
    assert made.made.location[0] == pytest.approx(1.0)
    assert made.made.scale[0] == pytest.approx(0.8 * (1 / 0.03**2 + 1 / 0.01**2) ** -0.5)
    assert made.made.degrees == DEGREES
    assert made.warnings() == []


def test_opinions_that_differ_give_a_forecast_as_wide_as_their_distance() -> None:
    near, far = (pool([opinion(1.0, 0.01), opinion(1.0 + d, 0.01)]) for d in (0.01, 0.1))
    assert far.made.scale[0] > 3 * near.made.scale[0]
    assert far.weights[1, 0] < near.weights[1, 0]
    (said,) = far.warnings()
    assert "it says 3.004 where the curve says 2.718" in said
    assert "A constant offset is not corrected" in said


def test_a_growing_share_and_a_loss_are_not_combined() -> None:
    rising = Opinion("that", Predictive(np.array([0.0]), np.array([0.1]), 4.0, increasing=True))
    with pytest.raises(InputError, match="not the same quantity"):
        pool([opinion(0.0, 0.1), rising])


def test_the_law_of_a_study_holds_the_end() -> None:
    made, notes = study_end(study(), PLANNED, "val/loss", "r3")
    low, high = made.made.quantiles(np.array([0.05, 0.95]))[:, 0]
    assert low < loss(3e9, 6e10) < high
    assert high / low < 1.2
    assert notes[0] == "of few.csv left out, as rows of the run r3 itself: 1"
    assert "val/loss of the run is taken to be loss of the 19 runs of few.csv" in notes[1]


@pytest.mark.parametrize(
    ("metric", "more", "found"),
    [
        ("eval/bpb", {}, "bits"),
        ("val_loss", {"metric": ["ppl@c4"] * 20}, "perplexity"),
        ("val/perplexity", {}, "perplexity"),
        ("val/acc", {}, "accuracy"),
    ],
)
def test_another_quantity_is_refused(metric: str, more: dict[str, list[str]], found: str) -> None:
    with pytest.raises(InputError, match=rf"do not measure the same quantity.*{found}"):
        study_end(study(**more), PLANNED, metric)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("loss", "loss in nats"),
        ("accumulated_loss", "loss in nats"),
        ("c4_bpb", "bits"),
        ("bits/byte", "bits"),
        ("nats/token", "loss in nats"),
    ],
)
def test_kinds_of_loss(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_an_input_that_the_study_needs_has_to_be_said() -> None:
    with pytest.raises(InputError, match=r"the study needs the tokens of the run.*--tokens N"):
        study_end(study(), PLANNED.select("params"), "loss")
    with pytest.raises(InputError, match=r"the study needs the params of the run.*--params N"):
        study_end(study(), PLANNED.select("tokens"), "loss")


def test_an_input_that_all_runs_share_is_not_needed() -> None:
    one = study()
    same = Study("few.csv", one.runs.with_columns(tokens=pl.lit(1e10)))
    made, _ = study_end(same, PLANNED.select("params"), "loss")
    assert made.made.location.shape == (1,)


def test_a_bad_cell_of_the_study_is_named_with_its_row() -> None:
    one = study()
    bad = one.runs.with_columns(
        params=pl.when(pl.col("run") == "r4").then(-1.0).otherwise("params")
    )
    rows = Study("few.csv", bad, file=Path("few.csv"), rows=range(2, 22))
    with pytest.raises(InputError, match=r"few.csv.*row 6.*params.*-1"):
        study_end(rows, PLANNED, "loss")
