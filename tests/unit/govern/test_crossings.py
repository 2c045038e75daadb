"""Every rule's comparator, scope, counting and clock; chances and dates of crossings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.govern import conditions
from scaling.govern.clock import last_moment
from scaling.govern.trajectory import Period, Trajectory, crossed_by, crossing_dates
from tests.support.govern_tables import (
    FACTS,
    LOADED,
    ON,
    RUN,
    crossed,
    of_rules,
    one,
    only,
    with_rule,
)

EXACT = RUN | FACTS | {"accuracy": 0.0}
DOWNSTREAM = {"parent": "base", "parent_entity": "Other", "parent_systemic": "yes"}
FINISHED_IN_2024 = {"started": "2024-01-01", "ended": "2024-06-01", "released": "2024-07-01"}

# rule, facts on the right side of every condition, then each fact turned to the wrong side
SCOPES: list[tuple[str, dict[str, Any], str, Any]] = [
    ("eu_aia_51_2", {}, "general_purpose", "no"),
    ("eu_aia_51_2", {}, "markets", "US;Korea"),
    ("eu_gpai_indicative", {}, "modality", "other"),
    ("eu_modifier_third_systemic", DOWNSTREAM | {"parent_flop": 3e24}, "parent_entity", "Lab"),
    ("eu_modifier_fallback_systemic", DOWNSTREAM, "parent_systemic", "no"),
    ("us_diffusion_4e091", {}, "open_weights", "yes"),
    ("us_outbound_notifiable", {"covered_foreign_person": "yes"}, "covered_foreign_person", "no"),
    ("ca_sb53_large", {}, "revenue_usd", 5e8),
    ("ny_raise_large", {}, "revenue_usd", 4e8),
    ("kr_ai_basic_act", {}, "state_of_the_art", "no"),
    ("kr_ai_basic_act", {}, "serious_impact", "no"),
]


@pytest.mark.parametrize(("rule", "facts", "column", "wrong"), SCOPES)
def test_scope_met_not_met_and_unknown(
    rule: str, facts: dict[str, Any], column: str, wrong: Any
) -> None:
    run = EXACT | facts | {"flop": 1e27}
    on, rules = date(2027, 2, 1), only(rule)
    good = one(crossed(run, on=on, rules=rules), rule)
    assert (good["verdict"], good["applies"], good["missing"]) == ("above", "met", None)
    bad = one(crossed(run | {column: wrong}, on=on, rules=rules), rule)
    assert (bad["verdict"], bad["applies"]) == ("not applicable", "not met")
    gap = one(crossed(run | {column: None}, on=on, rules=rules), rule)
    shown = {"parent_entity": "downstream"}.get(column, column)
    assert (gap["verdict"], gap["applies"], gap["missing"]) == ("unknown", "unknown", shown)
    small = one(crossed(run | {column: None, "flop": 1e10}, on=on, rules=rules), rule)
    assert small["verdict"] == "not reached"


def test_korea_needs_all_three() -> None:
    run = EXACT | {"flop": 1e26, "state_of_the_art": None, "serious_impact": None}
    row = one(crossed(run), "kr_ai_basic_act")
    assert (row["verdict"], row["missing"]) == ("unknown", "state_of_the_art, serious_impact")
    settled = one(crossed(run | {"serious_impact": "no"}), "kr_ai_basic_act")
    assert settled["verdict"] == "not applicable"


def test_no_compute_is_unknown_and_says_so() -> None:
    row = one(crossed(EXACT | {"flop": None}), "eu_aia_51_2")
    assert (row["verdict"], row["missing"]) == ("unknown", "compute")


@pytest.mark.parametrize(
    ("flop", "verdict"),
    [
        (7.6e24, "not reached"),
        (7.8e24, "may cross"),
        (1e25, "may cross"),
        (1.42e25, "may cross"),
        (1.44e25, "above"),
    ],
)
def test_the_band_of_thirty_percent(flop: float, verdict: str) -> None:
    row = one(crossed(RUN | FACTS | {"flop": flop}), "eu_aia_51_2")
    assert row["verdict"] == verdict
    assert row["margin"] == "within"


def test_an_outside_estimate_is_wider_than_asked() -> None:
    row = one(crossed(RUN | FACTS | {"flop": 2e25, "method": "likely"}), "eu_aia_51_2")
    assert row["margin"] == "wider"
    assert 0.5 < row["p_final"] < 0.8


def test_one_third_and_its_fallbacks() -> None:
    known = EXACT | DOWNSTREAM | {"parent_flop": 3e24, "flop": 1.1e24}
    table = crossed(known)
    assert one(table, "eu_modifier_third_systemic")["ratio"] == pytest.approx(1.1)
    assert one(table, "eu_modifier_fallback_systemic")["verdict"] == "not applicable"
    unknown = crossed(EXACT | DOWNSTREAM | {"flop": 4e24})
    assert one(unknown, "eu_modifier_third_systemic")["verdict"] == "not applicable"
    assert one(unknown, "eu_modifier_fallback_systemic")["verdict"] == "above"
    own = crossed(known | {"parent_entity": "Lab"})
    assert one(own, "eu_modifier_third_systemic")["verdict"] == "not applicable"


# --------------------------------------------------------------------------- time

PLANNED = (
    RUN
    | FACTS
    | {
        "state": "planned",
        "started": "2027-02-01",
        "ended": "2027-08-01",
        "released": None,
        "flop": 5e25,
    }
)


def test_a_plan_counts_where_the_rule_says_so_and_is_notified_before_it_starts() -> None:
    table = crossed(PLANNED | {"estimated_on": date(2026, 11, 2)})
    row = one(table, "eu_aia_51_2")
    assert (row["verdict"], row["p_by_date"]) == ("planned above", 0.0)
    assert (row["known_on"], row["notify_by"]) == (date(2026, 11, 2), date(2026, 11, 16))
    assert row["trigger"] == "known that it will be met"
    big = crossed(PLANNED | {"flop": 3e26})
    assert one(big, "ca_sb53")["verdict"] == "planned above"
    assert one(big, "ca_sb53")["trigger"] == "training initiated"
    assert one(big, "ca_sb53")["trigger_at"].date() == date(2027, 2, 1)
    assert one(big, "ca_sb53")["notify_missing"] == "released"


def test_a_plan_that_is_late_has_used_nothing() -> None:
    late = PLANNED | {"started": "2026-09-01", "ended": "2026-10-01"}
    row = one(crossed(late), "eu_aia_51_2")
    assert (row["verdict"], row["p_by_date"], row["to_date"]) == ("planned above", 0.0, 0.0)


def test_what_was_believed_in_2024_had_no_end() -> None:
    run = EXACT | FINISHED_IN_2024 | {"flop": 2e26}
    table = crossed(run, on=date(2025, 6, 1), known=date(2024, 12, 31))
    assert one(table, "us_eo14110_model")["verdict"] == "above"
    assert "us_eo14110_model" not in set(crossed(run, on=date(2025, 6, 1))["rule"])


def test_an_earlier_estimate_sets_the_day_on_which_it_was_known() -> None:
    rows = [
        PLANNED | {"estimated_on": date(2026, 3, 1), "flop": 8e24},
        PLANNED | {"estimated_on": date(2026, 6, 1), "flop": 2e25},
        PLANNED | {"estimated_on": date(2026, 10, 1), "flop": 3e25},
    ]
    row = one(crossed(*rows), "eu_aia_51_2")
    assert (row["known_on"], row["estimates"]) == (date(2026, 6, 1), 3)
    assert row["notify_by"] == date(2026, 6, 15)


def test_dates_and_chances_during_a_run() -> None:
    run = (
        RUN
        | FACTS
        | {"state": "running", "started": "2026-10-01", "ended": "2027-01-31", "flop": 2e25}
    )
    row = one(crossed(run, on=date(2026, 12, 1)), "eu_aia_51_2")
    assert row["date_50"].date() == date(2026, 12, 1)
    assert row["p_by_date"] == pytest.approx(0.5, abs=0.05)
    assert row["date_05"] < row["date_50"] < row["date_95"]
    assert row["to_date"] == pytest.approx(1e25, rel=0.02)
    metered = run | {"flop_to_date": 1.5e25, "to_date": "2026-11-15"}
    assert one(crossed(metered, on=date(2026, 11, 23)), "eu_aia_51_2")["verdict"] == "above"


def test_never_is_no_date() -> None:
    row = one(crossed(RUN | FACTS | {"flop": 9e24, "state": "running"}), "eu_aia_51_2")
    assert row["date_05"] is not None and row["date_50"] is None and row["date_95"] is None


def changing(value: float, day: date) -> Any:
    """Art. 51(2) with its value changed on a day."""
    base = with_rule().rules.to_dicts()[0]
    before = base | {"effective_to": day}
    return of_rules(before, base | {"effective_from": day, "value": value})


RUNNING = (
    RUN
    | FACTS
    | {
        "state": "running",
        "started": "2026-08-01",
        "ended": "2027-02-01",
        "flop": 8e24,
        "accuracy": 0.0,
    }
)


@pytest.mark.parametrize(
    ("value", "day", "on", "verdict", "crossed_on"),
    [
        (2e24, date(2026, 11, 1), date(2026, 10, 1), "not reached", date(2026, 11, 1)),
        (2e24, date(2026, 11, 1), ON, "above", date(2026, 11, 1)),
        (6e24, date(2026, 9, 1), ON, "planned above", date(2026, 12, 17)),
        (1e26, date(2026, 9, 1), ON, "not reached", None),
    ],
)
def test_a_threshold_that_changes_during_a_run(
    value: float, day: date, on: date, verdict: str, crossed_on: date | None
) -> None:
    row = one(crossed(RUNNING, on=on, rules=changing(value, day)), "eu_aia_51_2")
    assert row["verdict"] == verdict
    found = row["date_50"]
    local = None if found is None else found.astimezone(ZoneInfo("Europe/Brussels")).date()
    assert local == crossed_on


def test_a_lowered_threshold_catches_a_finished_run_on_that_day() -> None:
    rules = changing(1e24, date(2026, 11, 1))
    done = EXACT | {"flop": 5e24}
    row = one(crossed(done, rules=rules), "eu_aia_51_2")
    assert row["verdict"] == "above"
    assert row["trigger_at"].astimezone(ZoneInfo("Europe/Brussels")).date() == date(2026, 11, 1)
    assert row["notify_by"] == date(2026, 11, 15)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(["Asia/Seoul", "UTC"]))
def test_a_midnight_stays_that_day(day: date, zone: str) -> None:
    from scaling.govern.crossings import _instant, _moment

    moment = _moment("x", np.array([_instant(day, zone)]))[0]
    assert moment.astimezone(ZoneInfo(zone)) == datetime(
        *day.timetuple()[:3], tzinfo=ZoneInfo(zone)
    )


def test_a_rule_to_come_is_shown_with_its_day() -> None:
    row = one(crossed(PLANNED | {"flop": 3e26}), "ny_raise")
    assert row["status"] == "in_force from 2027-01-01"
    assert row["verdict"] == "planned above"
    assert "us_eo14110_model" not in set(crossed(PLANNED)["rule"])


def test_what_is_not_on_record_yet_is_not_asked() -> None:
    table = crossed(EXACT | {"flop": 1e27}, on=date(2025, 9, 1), known=date(2025, 9, 1))
    assert "ca_sb53" not in set(table["rule"])
    assert one(table, "eu_aia_51_2")["verdict"] in ("above", "planned above")


def test_models_from_before_have_until_2027() -> None:
    """Art. 111(3) of the AI Act."""
    old = EXACT | {
        "flop": 5e25,
        "started": "2024-01-01",
        "ended": "2024-05-01",
        "released": "2024-07-23",
    }
    assert one(crossed(old), "eu_aia_51_2")["notify_by"] == date(2027, 8, 2)


# --------------------------------------------------------------------------- clocks

UTC = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("event", "days", "unit", "zone", "by"),
    [
        # 23:30 in California is the next day in Brussels and in Seoul.
        ("2026-03-31T23:30:00-07:00", 14, "calendar", "Europe/Brussels", date(2026, 4, 15)),
        ("2026-03-31T23:30:00-07:00", 14, "calendar", "America/Los_Angeles", date(2026, 4, 14)),
        ("2026-03-31T23:30:00-07:00", 0, "calendar", "Asia/Seoul", date(2026, 4, 1)),
        ("2026-12-24T12:00:00+00:00", 3, "business", "Europe/Brussels", date(2026, 12, 30)),
        ("2026-11-20T12:00:00+00:00", 1, "business", "America/New_York", date(2026, 11, 23)),
        ("2026-11-21T12:00:00+00:00", 1, "business", "America/New_York", date(2026, 11, 23)),
        ("2026-03-31T23:30:00-07:00", 72, "hours", "America/New_York", date(2026, 4, 4)),
    ],
)
def test_clocks(event: str, days: int, unit: str, zone: str, by: date) -> None:
    moment = pl.Series(
        [datetime.fromisoformat(event).astimezone(UTC)], dtype=pl.Datetime("us", "UTC")
    )
    made = last_moment(moment, days, unit, zone, holidays=[date(2026, 12, 25)])
    assert made["notify_by"][0] == by
    at = made["notify_at"][0].astimezone(ZoneInfo(zone))
    assert at.date() == by
    if unit != "hours":
        assert (at.hour, at.minute, at.second) == (23, 59, 59)


def test_the_clock_change_does_not_shift_the_last_day() -> None:
    """Summer time ends in Brussels on 2026-10-25."""
    moment = pl.Series([datetime(2026, 10, 20, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC"))
    made = last_moment(moment, 14, "calendar", "Europe/Brussels")
    assert made["notify_by"][0] == date(2026, 11, 3)
    assert made["notify_at"][0] == datetime(2026, 11, 3, 22, 59, 59, tzinfo=UTC)


def test_no_event_no_deadline() -> None:
    made = last_moment(pl.Series([None], dtype=pl.Datetime("us", "UTC")), 3, "business", "UTC")
    assert made["notify_by"][0] is None and made["notify_at"][0] is None


# --------------------------------------------------------------------------- conditions and paths


def test_a_condition_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a condition"):
        conditions.terms("general_purpose", ["general_purpose"])
    with pytest.raises(ValueError, match="unknown column"):
        conditions.terms("generalpurpose = yes", ["general_purpose"])
    with pytest.raises(ValueError, match="is not a number"):
        conditions.terms("revenue_usd > much", ["revenue_usd"])


def test_every_condition_of_the_registry_can_be_read() -> None:
    from tests.support.govern_tables import prepared

    names = prepared(EXACT).columns
    for text in [*LOADED.rules["scope_when"], *LOADED.rules["conditions_when"]]:
        conditions.terms(text, names)


def path(final: float, sigma: float) -> Trajectory:
    column = np.ones(1)
    return Trajectory(
        np.stack([0 * column, 40 * column, 100 * column]),
        np.stack([0.1 * column, 0.3 * final * column, final * column]),
        sigma * column,
        np.zeros(1, dtype=bool),
    )


@given(st.floats(0.5, 5.0), st.floats(0.05, 1.0))
def test_a_date_is_the_day_on_which_the_chance_is_reached(final: float, sigma: float) -> None:
    course, periods = path(final, sigma), [Period(1.0, -1e9, np.inf)]
    dates = crossing_dates(course, periods, equality=False)
    for name, chance in (("05", 0.05), ("50", 0.5), ("95", 0.95)):
        when = dates[name][0]
        if np.isfinite(when) and 0.0 < when < 100.0:
            found = crossed_by(course, periods, when, equality=False)[0]
            assert found == pytest.approx(chance, abs=1e-6)
        elif np.isnan(when):
            assert crossed_by(course, periods, 1e6, equality=False)[0] <= chance + 1e-9


@given(st.floats(0.5, 5.0), st.floats(0.05, 1.0), st.floats(-10.0, 200.0), st.floats(0.0, 50.0))
def test_the_chance_never_falls_with_time(
    final: float, sigma: float, day: float, more: float
) -> None:
    course, periods = path(final, sigma), [Period(1.0, 20.0, 60.0), Period(0.5, 60.0, np.inf)]
    early = crossed_by(course, periods, day, equality=False)[0]
    assert crossed_by(course, periods, day + more, equality=False)[0] >= early - 1e-12
