"""Growth, counts and times to cross against published figures; forecasts scored on later copies."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scaling.analysis.trends import growth, running_best
from scaling.document.render import html
from scaling.errors import InputError
from scaling.govern import (
    allocation,
    exceedance,
    first_crossing,
    frontier_page,
    outlook,
    registry,
    trends,
)
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


# --------------------------------------------------------------------------- first crossings

LOADED = registry.load()


def test_lines_are_the_values_in_force_or_enacted() -> None:
    """On 2024-10-18: 1e25 of the AI Act, 1e23 and 1e26 of Executive Order 14110, and no SB 53."""
    old = first_crossing.lines(LOADED, date(2024, 10, 18))
    assert [line.value for line in old] == [1e23, 1e25, 1e26]
    assert {name for name, _ in old[2].rules} >= {"us_eo14110_iaas"}
    new = first_crossing.lines(LOADED, date(2026, 11, 23), (1e26, 1e27))
    by = {(line.comparator, line.value): dict(line.rules) for line in new}
    assert set(by[">", 1e26]) >= {"ca_sb53", "ny_raise"} and "kr_ai_basic_act" in by[">=", 1e26]
    assert by[">", 1e26]["ca_sb53"] == date(2026, 1, 1)
    assert by[">", 1e27] == {}


def test_first_models_of_the_copy() -> None:
    table = trends.copy_of(COPIES, JULY_2026)
    found = {
        value: first_crossing.first_model(table, first_crossing.Line(value))
        for value in (1e25, 1e26, 1e27)
    }
    assert found[1e27] is None
    assert (found[1e26] or {})["model"] == "Grok 3"
    assert (found[1e25] or {})["published"] == date(2023, 3, 15)


def test_equality_passes_a_line_of_at_least() -> None:
    table = pl.DataFrame({"model": ["m"], "published": [date(2025, 1, 1)], "flop": [1e26]})
    assert first_crossing.first_model(table, first_crossing.Line(1e26)) is None
    assert first_crossing.first_model(table, first_crossing.Line(1e26, equality=True))


@pytest.mark.parametrize(
    ("copy", "value", "crossed"),
    [
        (date(2024, 10, 18), 1e26, date(2025, 2, 17)),
        (date(2024, 10, 18), 5e26, date(2025, 7, 9)),
        (date(2025, 2, 24), 5e26, date(2025, 7, 9)),
        (date(2025, 6, 5), 5e26, date(2025, 7, 9)),
    ],
)
def test_what_later_copies_show_lies_in_the_interval(
    copy: date, value: float, crossed: date
) -> None:
    """Grok 3 and Grok 4, forecast from copies in which no model had passed the line."""
    table = trends.copy_of(COPIES, copy)
    width = exceedance.calibrate(table, 2.0, trends.decimal(copy)).width
    made = first_crossing.forecast(table, first_crossing.Line(value), copy, width)
    low, high = made.quantile(0.05), made.quantile(0.95)
    assert low and high and low < crossed < high
    later = trends.copy_of(COPIES, JULY_2026)
    assert (first_crossing.first_model(later, first_crossing.Line(value)) or {})[
        "published"
    ] == crossed


def test_a_chance_by_a_day_is_that_of_the_count_of_the_day() -> None:
    made = outlook.outlook(COPIES, JULY_2026, date(2027, 7, 23), registry=LOADED)
    counts = {one["threshold"]: one for one in made["counts"]}
    for row in made["first_crossings"]:
        if "probability" in row:
            chances = list(row["probability"].values())
            assert chances == sorted(chances) and chances[0] >= 0 and chances[-1] <= 1
            # A count of none at its median is a chance of less than a half, and vice versa.
            median = counts[row["threshold"]]["p50"]
            assert (chances[-1] > 0.5) == (median >= 1), row["threshold"]
    assert {row["threshold"] for row in made["first_crossings"]} == {
        *(1e23, 1e24, 1e25, 1e26, 1e27, 1e28)
    }
    assert made["registry"] == LOADED.version


def test_beyond_the_horizon_there_is_no_day() -> None:
    table = trends.copy_of(COPIES, JULY_2026)
    made = first_crossing.forecast(table, first_crossing.Line(1e60), JULY_2026, 0.5)
    assert made.quantile(0.05) is None and made.by(date(2040, 1, 1)) == 0.0


def test_the_page_shows_lines_rules_and_forecasts() -> None:
    made = outlook.outlook(COPIES, JULY_2026, date(2027, 7, 23), registry=LOADED)
    report = frontier_page.page(made, trends.copy_of(COPIES, JULY_2026))
    text = html(report, fitted=True)
    assert "<svg" in text and "Grok 3" in text and "ca_sb53 (2026-01-01)" in text
    assert "not yet passed. Median" in text and "None" not in text
