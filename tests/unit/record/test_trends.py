"""First crossings in the audit: forecast on past days, resolved by the copies that came later."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scaling.govern.first_crossing import Line
from scaling.govern.trends import read_copies
from scaling.record.audit import replay, trends
from scaling.record.audit.read import selection

COPIES = read_copies()


def resolved(metric: str, root: Path = Path()) -> list[tuple[object, ...]]:
    text = selection(trends.SOURCE, metric, [])
    return trends.outcomes(root, [text]).select("run", "observed", "value", "final").rows()


@pytest.mark.parametrize(
    ("day", "value", "found"),
    [
        (
            date(2024, 10, 18),
            1e26,
            [("Grok-3, copy of 2025-02-24", date(2025, 2, 24), 122.0, True)],
        ),
        (date(2025, 6, 5), 5e26, [("Grok 4, copy of 2025-12-02", date(2025, 12, 2), 34.0, True)]),
        (date(2025, 6, 5), 1e27, []),
    ],
)
def test_the_first_copy_with_a_model_above_resolves(
    day: date, value: float, found: list[tuple[object, ...]]
) -> None:
    """Days from the copy to the publication: 2024-10-18 to 2025-02-17 are 122."""
    assert resolved(trends.crossing_metric(Line(value), day)) == found


def test_a_model_that_was_entered_late_counts_as_a_day(tmp_path: Path) -> None:
    path = tmp_path / trends.COPIES
    path.parent.mkdir(parents=True)
    rows = [(date(2025, 1, 1), "old", date(2024, 1, 1), 1e24)]
    rows += [(date(2025, 6, 1), "late", date(2024, 12, 1), 2e26)]
    schema = ["copy", "model", "published", "flop"]
    pl.DataFrame(rows, schema=schema, orient="row").write_csv(path)
    metric = trends.crossing_metric(Line(1e26), date(2025, 1, 1))
    assert resolved(metric, tmp_path)[0][2] == 1.0


@pytest.mark.parametrize("metric", ["models above x FLOP by 2025-01-01", "days from a", "other"])
def test_what_is_no_metric_of_ours_has_no_outcome(metric: str) -> None:
    assert resolved(metric) == []


def test_a_replay_has_the_lines_of_the_registry_of_the_day() -> None:
    plan = {"thresholds": [], "until": [], "first": [1e27]}
    made = trends.replay(Path(), plan, date(2024, 10, 18), 0)
    metrics = [facts["metric"] for _, facts in made]
    assert metrics == [
        trends.crossing_metric(Line(value), date(2024, 10, 18)) for value in (1e26, 1e27)
    ]
    rows = made[0][0].filter(pl.col("law") == "ensemble").sort("quantile")
    assert rows["value"].is_sorted() and rows["value"][0] >= 1.0
    assert rows["value"][0] < 122 < rows["value"][-1]


def test_the_plan_asks_for_first_crossings() -> None:
    assert replay.read_plan().trends["first"]
