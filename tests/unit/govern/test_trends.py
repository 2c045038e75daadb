"""Growth, counts and times to cross against published figures; forecasts scored on later copies."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.analysis.trends import growth, running_best
from scaling.errors import InputError
from scaling.govern import allocation, exceedance, outlook, trends
from tests.support.needs import SHARED
from tests.support.shared import shared

COPIES = trends.read_copies()
JUNE_2025, JULY_2026 = date(2025, 6, 5), date(2026, 7, 23)


def test_epochs_growth_from_the_copy_of_june_2025() -> None:
    """Epoch AI: 4.7x a year (90 %: 4.3 to 5.2), n = 428, R2 .60."""
    made = trends.growth_of(trends.copy_of(COPIES, JUNE_2025))
    assert made.per_year == pytest.approx(4.7, abs=0.05)
    assert (made.low, made.high) == pytest.approx((4.3, 5.2), rel=0.025)
    assert made.rows == 429
    assert made.r2 == pytest.approx(0.60, abs=0.01)


def test_cost_of_the_frontier() -> None:
    """Cottier et al. 2024: 2.4x a year since 2016 (90 %: 2.0 to 2.9 in the final version)."""
    large = trends.frontier(trends.copy_of(COPIES, JUNE_2025))
    made = trends.growth_of(large, "cost_usd", 2016.0)
    assert made.per_year == pytest.approx(2.4, abs=0.06)
    assert made.low < 2.0 and made.high > 2.9


def test_power_and_the_frontier() -> None:
    """Epoch AI: power of frontier runs 2.2x a year, frontier compute 4 to 5x a year."""
    large = trends.frontier(trends.copy_of(COPIES, JUNE_2025))
    assert trends.growth_of(large, "power_w").per_year == pytest.approx(2.2, abs=0.05)
    assert 4.0 < trends.growth_of(large).per_year < 5.3


def test_metrs_horizon_doubles_in_212_days() -> None:
    """Kwa et al. 2025: 212 days, on the best models up to March 2025."""
    table = pl.read_csv("data/published/metr-horizon/runs.csv", try_parse_dates=True).filter(
        pl.col("metric") == "horizon@metr-50", pl.col("observed") < date(2025, 4, 1)
    )
    dated = table.with_columns(year=trends.years(pl.col("observed"))).sort("observed")
    best = dated.filter(running_best(dated["year"], dated["value"]))
    made = growth(best["year"], best["value"])
    assert made.doubling_days == pytest.approx(212, rel=0.01)


def test_from_gpt_3_to_1e25() -> None:
    """Epoch AI: from 3e23 in late May 2020, 4x a year gives 1e25 by March 2023; 5x gives 3e25."""
    start = trends.decimal(date(2020, 5, 28))
    year = trends.decimal(date(2023, 3, 14)) - start
    assert 3e23 * 4**year == pytest.approx(1.44e25, rel=0.02)
    wait = trends.time_to_cross(1.44e25, 3e23, (4.0 * 0.999, 4.0 * 1.001), 1e-6, 20.0)
    assert wait["p50"] == pytest.approx(year, abs=0.02)


@given(st.floats(1.5, 10.0), st.floats(1.1, 1e4), st.floats(0.0, 1.0))
def test_time_to_cross_is_the_identity_in_the_middle(
    factor: float, gap: float, sigma: float
) -> None:
    band = (factor * 0.9999, factor * 1.0001)
    wait = trends.time_to_cross(gap, 1.0, band, sigma, 1e9)
    assert wait["p50"] == pytest.approx(np.log(gap) / np.log(factor), rel=1e-3)
    assert wait["p05"] <= wait["p50"] <= wait["p95"]  # type: ignore[operator]


def test_beyond_the_horizon_is_never() -> None:
    wait = trends.time_to_cross(1e30, 1e25, (3.9, 4.1), 0.1, 2.0)
    assert wait["p05"] is None and wait["never"] == 1.0


def test_what_has_not_happened_yet_counts() -> None:
    fresh = trends.time_to_cross(1e26, 2.5e25, (4.0, 5.0), 0.3, 10.0)
    late = trends.time_to_cross(1e26, 2.5e25, (4.0, 5.0), 0.3, 10.0, waited=1.0)
    assert fresh["expected_before"] == 0.0
    assert 0.5 < late["expected_before"] < 1.0  # type: ignore[operator]
    assert 0.0 <= late["p05"] < fresh["p05"]  # type: ignore[operator]
    stale = trends.time_to_cross(1e26, 2.5e25, (4.0, 5.0), 0.1, 10.0, waited=9.0)
    assert (stale["p50"], stale["expected_before"]) == (None, 1.0)


def test_a_day_before_every_copy_is_refused() -> None:
    with pytest.raises(InputError, match="no copy of that day or before"):
        trends.copy_of(COPIES, date(2020, 1, 1))


# --------------------------------------------------------------------------- counts

# Published: abstract of arXiv:2504.16138, and a rerun of the authors' code (4 x 1,000 draws).
KUMAR_MANNING = [
    (1e25, 2026, 56, 80, 123),
    (1e25, 2027, 79, 121, 201),
    (1e25, 2028, 103, 165, 306),
    (1e26, 2026, 12, 23, 37),
    (1e26, 2027, 26, 47, 80),
    (1e26, 2028, 45, 81, 148),
]


@pytest.fixture(scope="module")
def allocated() -> pl.DataFrame:
    table = trends.copy_of(COPIES, date(2025, 2, 24))
    return allocation.counts(allocation.spent(table, 2023), simulations=20_000)


@pytest.mark.parametrize(("threshold", "year", "low", "middle", "high"), KUMAR_MANNING)
def test_kumar_and_mannings_counts(
    allocated: pl.DataFrame, threshold: float, year: int, low: int, middle: int, high: int
) -> None:
    row = allocated.filter(pl.col("threshold") == threshold, pl.col("year") == year).to_dicts()[0]
    assert row["p50"] == pytest.approx(middle, rel=0.05)
    assert row["p05"] == pytest.approx(low, rel=0.10)
    assert row["p95"] == pytest.approx(high, rel=0.10)


def test_the_whole_rerun(allocated: pl.DataFrame) -> None:
    path = shared("..", "facts", "model-counts-kumar-manning.csv")
    if path is None:
        SHARED.skip("the table of the rerun")
    with path.open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["source"].startswith("rerun 4x")]
    for row in rows:
        found = allocated.filter(
            pl.col("threshold") == float(row["threshold_flop"]),
            pl.col("year") == int(row["end_of_year"]),
        ).to_dicts()[0]
        assert found["p50"] == pytest.approx(float(row["p50"]), rel=0.05, abs=1)
        assert found["p95"] == pytest.approx(float(row["p95"]), rel=0.10, abs=1)


def test_same_seed_same_counts() -> None:
    one, two = (allocation.counts(1e26, simulations=200, seed=3) for _ in range(2))
    assert one.equals(two)


# --------------------------------------------------------------------------- our own, and its score

PUBLISHED = Path("data/trends/forecast-2024-10-18.json")


def test_the_forecast_of_october_2024_is_made_again_and_scored() -> None:
    """Its intervals stand in the file as they were before the later copy was opened to score it.

    Slopes' errors then assumed equal scatter; now they do not, which moves quantiles a little.
    """
    stored = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    made = outlook.outlook(COPIES, date(2024, 10, 18), JULY_2026)
    for now, then in zip(made["counts"], stored["counts"], strict=True):
        quantiles = [name for name in then if name.startswith("p")]
        assert [now[name] for name in quantiles] == pytest.approx(
            [then[name] for name in quantiles], rel=0.03, abs=1.0
        )
    score = outlook.score(stored, COPIES, JULY_2026)
    above = {one["threshold"]: one for one in score["counts"]}
    assert above[1e25]["came"] == 22 and above[1e25]["inside_90"]
    assert score["growth"]["inside_90"]
    for one in score["counts"]:
        changes = sum(one[name] for name in ("news", "added_late", "raised", "lowered", "removed"))
        assert one["before"] + changes == one["after"] == one["came"]


def test_news_and_revision_are_told_apart() -> None:
    old = pl.DataFrame(
        {
            "model": ["kept", "up", "down", "gone"],
            "published": [date(2024, 1, 1)] * 4,
            "flop": [2e25, 5e24, 2e25, 2e25],
        }
    )
    new = pl.DataFrame(
        {
            "model": ["kept", "up", "down", "late", "fresh", "small"],
            "published": [date(2024, 1, 1)] * 3 + [date(2023, 6, 1)] + [date(2025, 1, 1)] * 2,
            "flop": [2e25, 2e25, 5e24, 3e25, 4e25, 1e24],
        }
    )
    assert exceedance.news(old, new, 1e25) == {
        "before": 3,
        "news": 1,
        "added_late": 1,
        "raised": 1,
        "lowered": -1,
        "removed": -1,
        "after": 4,
    }


def test_a_forecast_sees_nothing_of_later_copies() -> None:
    early = COPIES.filter(pl.col("copy") <= date(2024, 10, 18))
    table = trends.copy_of(COPIES, date(2024, 12, 31))
    assert table.equals(trends.copy_of(early, date(2024, 12, 31)))
    with pytest.raises(InputError, match="no later copy"):
        outlook.score({"as_of": "2024-10-18"}, early, date(2024, 12, 31))
