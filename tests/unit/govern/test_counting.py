"""What a rule counts of a run that was trained from another: the original run, the model's earlier
runs, weights of another developer, and what is not stated."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.govern import registry, runs
from tests.support.govern_tables import FACTS, ON, RUN, crossed, one, only, prepared

EXACT = RUN | FACTS | {"accuracy": 0.0}
OWN = {"parent_entity": "Lab"}
OTHER = {"parent": "base", "parent_entity": "Other"}
IN_2027 = date(2027, 1, 1)
STATES = ("ca_sb53", "ca_sb53_framework", "ny_raise", "ct_pa26_15", "il_sb315")


@pytest.mark.parametrize("rule", STATES)
def test_the_definitions_of_the_states_include_the_original_run(rule: str) -> None:
    """Bus. & Prof. Code 22757.11(i)(2): the original training run, and any subsequent fine-tuning
    that the developer applies to a preceding foundation model."""
    run = EXACT | OWN | {"parent_flop": 9e25, "flop": 2e25}
    row = one(crossed(run, on=IN_2027, rules=only(rule)), rule)
    assert (row["verdict"], row["central"]) == ("above", pytest.approx(1.1e26))
    assert row["counted"] == "this run; the original run of the same developer"
    assert (row["own_central"], row["parents_central"]) == (2e25, 9e25)


def test_with_the_usual_error_it_may_cross() -> None:
    run = RUN | FACTS | OWN | {"parent_flop": 9e25, "flop": 2e25}
    assert one(crossed(run), "ca_sb53")["verdict"] == "may cross"


def test_own_base_and_fine_tune_are_one_model_in_the_eu() -> None:
    """Guidelines, section 2.2: 9e24 and 2e24 are 1.1e25, in all three figures."""
    row = one(crossed(EXACT | OWN | {"parent_flop": 9e24, "flop": 2e24}), "eu_aia_51_2")
    assert row["verdict"] == "above"
    assert [row[end] for end in ("low", "central", "high")] == pytest.approx([1.1e25] * 3)


def test_weights_of_another_developer_count_as_the_annex_says() -> None:
    """Guidelines, Annex A.1: integrated weights, for example through initialisation, count."""
    row = one(crossed(EXACT | OTHER | {"parent_flop": 9e24, "flop": 2e24}), "eu_aia_51_2")
    assert (row["verdict"], row["low"]) == ("above", pytest.approx(1.1e25))
    assert row["counted"] == "this run; the run of another developer that its weights are from"


@pytest.mark.parametrize(
    ("regime", "parent", "ends"),
    [
        ("eu_systemic", OWN, (11.0, 11.0, 11.0)),
        ("eu_systemic", OTHER, (11.0, 11.0, 11.0)),
        ("eu_updates", OWN, (11.0, 11.0, 11.0)),
        ("eu_updates", OTHER, (2.0, 11.0, 11.0)),
        ("us_operations", OWN, (11.0, 11.0, 11.0)),
        ("us_operations", OTHER, (11.0, 11.0, 11.0)),
        ("korea", OWN, (11.0, 11.0, 11.0)),
        ("korea", OTHER, (2.0, 2.0, 11.0)),
        # Whose the parent is, is not known: the widest of both, the lower centre.
        ("korea", {"parent": "base"}, (2.0, 2.0, 11.0)),
        ("all", OTHER, (11.0, 11.0, 11.0)),
    ],
)
def test_what_a_parent_counts_for(
    regime: str, parent: dict[str, Any], ends: tuple[float, float, float]
) -> None:
    made = prepared(EXACT | parent | {"parent_flop": 9e24, "flop": 2e24})
    found = [made[f"{regime}_{end}"][0] / 1e24 for end in ("low", "central", "high")]
    assert found == pytest.approx(list(ends))


def test_silence_of_a_text_that_could_carry_the_total_over_is_unknown() -> None:
    run = EXACT | OTHER | {"parent_flop": 9e25, "flop": 2e25}
    row = one(crossed(run), "kr_ai_basic_act")
    assert (row["verdict"], row["by_compute"]) == ("unknown", "below as stated")
    assert row["because"] == ("the text does not settle whether weights of another developer count")
    whose = one(crossed(run | {"parent_entity": None}), "kr_ai_basic_act")
    assert "parent_entity is missing" in whose["because"]
    small = one(crossed(run | {"parent_flop": 7e25}), "kr_ai_basic_act")
    assert (small["verdict"], small["because"]) == ("not reached", None)


def test_a_ledger_that_names_what_a_text_is_silent_on() -> None:
    parts = pl.DataFrame(
        {"run": ["r"] * 2, "category": ["pretraining", "rl_rollouts"], "flop": [8e25, 3e25]}
    )
    table = crossed(EXACT | {"flop": 8e25}, details=runs.Details(ledger=parts))
    row = one(table, "ca_sb53")
    assert (row["verdict"], row["missing"]) == ("unknown", "reading of rl_rollouts")
    assert row["because"] == "the text does not settle whether these count: rl_rollouts"
    assert "rl_rollouts" not in row["not_stated"] and "synthetic_private" in row["not_stated"]


def test_a_ledger_that_has_the_original_run_goes_before_the_column() -> None:
    parts = pl.DataFrame(
        {"run": ["r"] * 2, "category": ["finetuning", "original_run"], "flop": [2e25, 9e25]}
    )
    run = EXACT | OWN | {"parent_flop": 9e25, "flop": 2e25}
    made = prepared(run, details=runs.Details(ledger=parts))
    assert made["us_operations_central"][0] == pytest.approx(1.1e26)
    row = one(crossed(run, details=runs.Details(ledger=parts)), "ca_sb53")
    assert row["counted"] == "this run (finetuning, original_run)"


def test_a_ledger_without_a_figure_is_a_figure() -> None:
    parts = pl.DataFrame({"run": ["base"], "category": ["pretraining"], "flop": [9e25]})
    same = {"model": "m"}
    rows = (BASE | same | {"flop": None}, TUNE | same)
    table = crossed(*rows, details=runs.Details(ledger=parts))
    row = one(table, "ca_sb53", "tune")
    assert (row["verdict"], row["counted"]) == ("above", "this run; 1 earlier run of the model")
    base = one(table, "eu_aia_51_2", "base")
    assert base["counted"] == "this run (pretraining)" and "flop" not in base["not_stated"]


def test_a_wide_estimate_below_is_not_called_not_reached() -> None:
    row = one(crossed(RUN | FACTS | {"flop": 4e25, "method": "likely"}), "ca_sb53")
    assert (row["verdict"], row["missing"]) == ("unknown", "closer estimate")
    assert row["because"] == "the 95 % point of the estimate is over the threshold"
    stated = RUN | FACTS | {"flop": 7e25, "flop_low": 5e25, "flop_high": 1.2e26}
    assert one(crossed(stated), "ca_sb53")["verdict"] == "unknown"
    assert one(crossed(stated | {"flop_high": 9e25}), "ca_sb53")["verdict"] == "not reached"


def test_not_reached_names_what_was_counted_and_what_was_not_stated() -> None:
    row = one(crossed(EXACT | {"flop": 1e20}), "eu_aia_51_2")
    assert (row["verdict"], row["counted"]) == ("not reached", "this run")
    for words in ("parent (taken as none)", "model (no earlier run counted)", "synthetic_private"):
        assert words in row["not_stated"]


# --------------------------------------------------------------------------- parents in the file

BASE = EXACT | {"run": "base", "flop": 9e25, "started": "2025-01-01", "ended": "2025-03-01"}
TUNE = EXACT | {"run": "tune", "flop": 2e25, "parent": "base"}


def total(*rows: dict[str, Any]) -> dict[str, float]:
    return dict(prepared(*rows).select("run", "us_operations_central").iter_rows())


def test_a_parent_is_looked_up_in_the_file() -> None:
    assert total(TUNE, BASE) == pytest.approx({"base": 9e25, "tune": 1.1e26})
    row = one(crossed(TUNE, BASE), "ca_sb53", "tune")
    assert (row["verdict"], row["applies"]) == ("above", "met")
    assert row["counted"] == "this run; the original run of the same developer"


def test_a_chain_of_parents_adds_up_once() -> None:
    third = TUNE | {"run": "third", "parent": "tune", "flop": 1e25, "started": "2026-08-02"}
    third |= {"ended": "2026-08-20"}
    assert total(third, TUNE, BASE)["third"] == pytest.approx(1.2e26)
    same = {"model": "m"}
    made = total(BASE | same, TUNE | same, third | same)
    assert made == pytest.approx({"base": 9e25, "tune": 1.1e26, "third": 1.2e26})


def test_two_runs_of_a_model_from_one_base_count_it_once() -> None:
    one_, two = (
        TUNE | {"run": name, "model": "m", "started": day} for name, day in
        (("one", "2026-02-01"), ("two", "2026-03-01"))
    )  # fmt: skip
    assert total(BASE, one_, two)["two"] == pytest.approx(9e25 + 4e25)
    named = {"parent": "elsewhere", "parent_entity": "Other", "parent_flop": 9e25}
    assert total(one_ | named, two | named)["two"] == pytest.approx(9e25 + 4e25)


def test_a_model_may_be_named_as_the_parent() -> None:
    base, more = (BASE | {"run": n, "model": "m", "flop": f, "started": d} for n, f, d in
                  (("a", 6e25, "2024-11-01"), ("b", 3e25, "2025-01-01")))  # fmt: skip
    assert total(base, more, TUNE | {"parent": "m"})["tune"] == pytest.approx(1.1e26)


def test_an_undated_parent_counts_too() -> None:
    undated = BASE | {"started": None, "ended": None, "released": None}
    assert total(TUNE, undated)["tune"] == pytest.approx(1.1e26)
    assert total(TUNE | {"model": "m"}, undated | {"model": "m"})["tune"] == pytest.approx(1.1e26)


def test_a_long_chain_is_followed() -> None:
    chain = [BASE | {"run": "r0", "flop": 1e20, "parent": None}]
    chain += [BASE | {"run": f"r{i}", "flop": 1e20, "parent": f"r{i - 1}"} for i in range(1, 1500)]
    assert total(*chain)["r1499"] == pytest.approx(1.5e23)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([TUNE | {"parent": "tune"}], "leads back to the run itself"),
        ([TUNE, BASE | {"parent": "tune"}], "leads back to the run itself"),
        ([TUNE, BASE | {"started": "2026-03-01", "ended": "2026-04-01"}], "starts later"),
    ],
)
def test_a_parent_that_cannot_be_is_refused(rows: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        prepared(*rows)
    assert caught.value.row is not None and caught.value.column == "parent"


def test_a_run_of_another_developer_by_that_name_is_not_the_parent() -> None:
    made = prepared(TUNE | {"parent_entity": "Other"}, BASE)
    assert made.filter(run="tune")["us_operations_open"].item() == "parent_flop"
    assert made.filter(run="tune")["downstream"].item() == "yes"


def test_an_earlier_run_without_a_figure_leaves_the_total_open() -> None:
    same = {"model": "m"}
    row = one(
        crossed(BASE | same | {"flop": None}, TUNE | same | {"parent": None}), "ca_sb53", "tune"
    )
    assert row["verdict"] == "unknown"
    assert "flop of an earlier run of the model is missing" in row["because"]


def test_contradictions_are_flagged() -> None:
    assert prepared(BASE, TUNE | {"parent_flop": 9.1e25}).filter(run="tune")["flags"][0] is None
    flags = prepared(BASE, TUNE | {"parent_flop": 9e24}).filter(run="tune")["flags"][0]
    assert flags == "parent_flop and the parent's own row are a factor 10.0 apart"
    small = prepared(TUNE | {"parent_flop": 9e10, "parent": "x"})["flags"][0]
    assert small == "parent_flop is below 1e15: is it in FLOP?"


def test_an_earlier_estimate_of_a_fine_tune_counts_the_original_run() -> None:
    """8e25 and 1e25 were below in March; 8e25 and 3e25 are above since June."""
    rows = [
        EXACT | OWN | {"parent_flop": 8e25, "flop": flop, "estimated_on": day, "state": "planned"}
        for flop, day in ((1e25, date(2026, 1, 5)), (3e25, date(2026, 1, 20)))
    ]
    row = one(crossed(*rows), "eu_aia_51_2")
    assert row["known_on"] == date(2026, 1, 5)
    assert one(crossed(*rows), "ca_sb53")["known_on"] == date(2026, 1, 20)


# --------------------------------------------------------------------------- exactly one third


@pytest.mark.parametrize(
    ("flop", "parent", "more"),
    [
        ("1e25", "3e25", False),
        ("1e22", "3e22", False),
        ("3e22", "9e22", False),  # the quotient of the floats is more than that of 1 and 3
        ("3.3e24", "9.9e24", False),
        ("10000000000000000000000001", "3e25", True),
        ("9999999999999999999999999", "3e25", False),
        ("1.0000000000000001e25", "3.0000000000000003e25", False),
        ("1.0000000000000001e25", "3.0000000000000002e25", True),
        ("0.1e25", "0.3e25", False),
    ],
)
@pytest.mark.parametrize("systemic", ["yes", "no"])
def test_one_third_is_three_times_the_modification_against_the_original(
    flop: str, parent: str, more: bool, systemic: str
) -> None:
    run = EXACT | OTHER | {"flop": flop, "parent_flop": parent, "parent_systemic": systemic}
    rule = f"eu_modifier_third_{'systemic' if systemic == 'yes' else 'other'}"
    row = one(crossed(run, rules=only(rule)), rule)
    assert (row["verdict"], row["exceeds"]) == ("above" if more else "not reached", more)
    assert row["exceeds"] == (3 * Fraction(flop) > Fraction(parent))


def test_the_error_of_a_parent_in_the_file_is_in_the_ratio() -> None:
    base = BASE | {"entity": "Other", "flop": 9e24, "accuracy": None, "method": "likely"}
    tune = TUNE | {"flop": 1e24, "accuracy": None, "parent_systemic": "yes"}
    row = one(crossed(base, tune), "eu_modifier_third_systemic", "tune")
    # ln 3 below a third, with errors of 0.16 and 1.4 (errors.csv: stated, likely).
    assert row["p_final"] == pytest.approx(0.218, abs=0.002)
    assert (row["verdict"], row["missing"]) == ("unknown", "closer estimate")
    stated = one(crossed(base, tune | {"parent_flop": 9e24}), "eu_modifier_third_systemic", "tune")
    assert stated["verdict"] == "not reached"


def test_the_clock_of_one_third_runs_only_where_the_original_has_systemic_risk() -> None:
    """Guidelines, sections 3.2.1 and 3.2.2."""
    run = EXACT | OTHER | {"flop": 4e25, "parent_flop": 9e25, "parent_systemic": "yes"}
    row = one(crossed(run), "eu_modifier_third_systemic")
    assert row["notify_by"] is not None and "two weeks" in row["clock"]
    small = run | {"flop": 4e22, "parent_flop": 9e22, "parent_systemic": "no"}
    row = one(crossed(small), "eu_modifier_third_other")
    assert row["notify_by"] == date(2026, 9, 1)  # placing on the market
    assert "Art. 52" not in row["clock"]
    gap = one(crossed(run | {"parent_systemic": None}), "eu_modifier_third_systemic")
    assert gap["because"] == "parent_systemic is missing"


@pytest.mark.parametrize(
    ("facts", "more"),
    [
        # 6 N D = 1e26 exactly, and one token more or less.
        ({"params": "1e12", "tokens": "16666666666666.6666666666"}, False),
        ({"params": "4e12", "tokens": "4166666666666.7"}, True),
        ({"params": "2.5e12", "tokens": "6.666666666666666e12"}, False),
        # The sum of these two floats is less than 1e26.
        ({"flop": "0.102e26", "parent_flop": "0.898e26", "parent_entity": "Lab"}, False),
        ({"flop": "0.3e26", "parent_flop": "0.7e26", "parent_entity": "Lab"}, False),
        ({"flop": "0.1e26", "parent_flop": "0.9e26", "parent_entity": "Lab"}, False),
        (
            {"flop": "0.1e26", "parent_flop": "90000000000000000000000001", "parent_entity": "Lab"},
            True,
        ),
    ],
)
def test_products_and_sums_are_exact_at_the_threshold(facts: dict[str, Any], more: bool) -> None:
    row = one(crossed(EXACT | facts, rules=only("ca_sb53")), "ca_sb53")
    assert (row["exceeds"], row["verdict"]) == (more, "above" if more else "not reached")


def test_runs_that_add_up_to_the_threshold_are_not_above_it() -> None:
    """The sum of these floats is more than 1e26."""
    flop = ("0.04e26", "0.80e26", "0.16e26")
    assert sum(map(float, flop)) > 1e26
    rows = [
        EXACT | {"run": f"r{i}", "model": "m", "flop": part, "started": f"2026-02-0{i + 1}"}
        for i, part in enumerate(flop)
    ]
    rules = only("ca_sb53")
    row = one(crossed(*rows, rules=rules), "ca_sb53", "r2")
    assert (row["verdict"], row["central"]) == ("not reached", 1e26)
    more = crossed(*rows[:2], rows[2] | {"flop": "16000000000000000000000001"}, rules=rules)
    assert one(more, "ca_sb53", "r2")["verdict"] == "above"


def test_a_sum_that_floats_leave_short_reaches_at_least_as_much() -> None:
    run = EXACT | {"flop": "0.102e26", "parent_flop": "0.898e26", "parent_entity": "Lab"}
    assert 0.102e26 + 0.898e26 < 1e26
    rule = "kr_ai_basic_act"
    assert one(crossed(run, rules=only(rule)), rule)["verdict"] == "above"


def test_the_rows_of_a_ledger_add_up_exactly() -> None:
    flop = [0.04e26, 0.80e26, 0.16e26]
    names = ["pretraining", "midtraining", "finetuning"]
    parts = pl.DataFrame({"run": ["r"] * 3, "category": names, "flop": flop})
    table = crossed(EXACT, rules=only("ca_sb53"), details=runs.Details(ledger=parts))
    assert one(table, "ca_sb53")["verdict"] == "not reached"


def test_a_revenue_of_one_cent_more_is_more() -> None:
    run = EXACT | {"flop": 2e26, "revenue_usd": "500000000.000000001"}
    assert one(crossed(run, rules=only("ca_sb53_large")), "ca_sb53_large")["verdict"] == "above"
    exact = run | {"revenue_usd": "500000000.00"}
    row = one(crossed(exact, rules=only("ca_sb53_large")), "ca_sb53_large")
    assert row["verdict"] == "not applicable"


# --------------------------------------------------------------------------- duties and the record


def test_a_framework_attaches_when_training_starts_and_a_report_at_release() -> None:
    plan = EXACT | {"state": "planned", "flop": 3e26, "started": "2027-02-01", "released": None}
    plan |= {"ended": "2027-08-01"}
    table = crossed(plan)
    for rule in ("ca_sb53_framework", "ny_raise_registration", "il_sb315_registration"):
        row = one(table, rule)
        assert (row["trigger"], row["notify_by"]) == ("training initiated", date(2027, 2, 1))
    for rule in ("ca_sb53", "ca_sb53_large", "ny_raise", "il_sb315"):
        row = one(table, rule)
        assert (row["notify_by"], row["notify_missing"]) == (None, "released")
    done = crossed(plan | {"released": "2027-09-01"})
    assert one(done, "ny_raise")["notify_by"] == date(2027, 9, 1)


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ("ny_raise", "New York"),
        ("ny_raise_large", "New York"),
        ("ny_raise_registration", "New York"),
        ("ct_pa26_15", "Connecticut"),
        ("ct_pa26_15_large", "Connecticut"),
        ("il_sb315_registration", "Illinois"),
    ],
)
def test_a_state_has_its_nexus(rule: str, state: str) -> None:
    run, rules = EXACT | {"flop": 2e26}, only(rule)
    inside = one(crossed(run | {"us_states": f"Texas; {state}"}, on=IN_2027, rules=rules), rule)
    assert inside["verdict"] == "above"
    outside = one(crossed(run | {"us_states": "Texas"}, on=IN_2027, rules=rules), rule)
    assert outside["verdict"] == "not applicable"
    gap = one(crossed(run | {"us_states": None}, on=IN_2027, rules=rules), rule)
    assert (gap["verdict"], gap["because"]) == ("unknown", "us_states is missing")


def test_a_passed_bill_is_shown_apart_from_law() -> None:
    """SB 315 of Illinois between its passage and its signature."""
    day = date(2026, 6, 15)
    plan = EXACT | {
        "state": "planned",
        "flop": 3e26,
        "started": "2027-02-01",
        "ended": "2027-08-01",
    }
    row = one(crossed(plan, on=day, known=day), "il_sb315")
    assert row["verdict"] == "would apply"
    assert row["status"].startswith("passed, not law: would be in force from 2027-01-01")
    assert (row["trigger_at"], row["notify_by"]) == (None, None)
    small = one(crossed(plan | {"flop": 3e25}, on=day, known=day), "il_sb315")
    assert small["verdict"] == "not reached"
    law = one(crossed(plan, on=day, known=ON), "il_sb315")
    assert (law["verdict"], law["status"]) == ("planned above", "in_force from 2027-01-01")
    assert "us_s2938" not in set(crossed(plan)["rule"])  # proposed, not passed


def test_an_answer_says_how_old_its_source_is() -> None:
    run = EXACT | {"flop": 2e26}
    row = one(crossed(run), "ca_sb53")
    assert row["checked_to"] == date(2026, 1, 1)
    assert (row["stale_days"], row["status"]) == (
        333,
        "in_force (no source newer than 333 days)",
    )
    patient = one(crossed(run, stale_after=333), "ca_sb53")
    assert (patient["stale_days"], patient["status"]) == (None, "in_force")
    assert one(crossed(run), "eu_aia_51_2")["stale_days"] is None


def test_what_was_public_and_what_had_been_entered() -> None:
    """The corrections of 2026-11-30: the signature of SB 315 was public on 2026-07-06."""
    day = date(2026, 11, 25)
    run = EXACT | {"flop": 2e26}
    public = one(crossed(run, on=day, known=day), "il_sb315")
    assert public["status"] == (
        "in_force from 2027-01-01 (public since 2026-07-06, entered here on 2026-11-30)"
    )
    then = one(crossed(run, on=day, known=day, entered=day), "il_sb315")
    assert then["verdict"] == "would apply"
    assert "ca_sb53_framework" not in set(crossed(run, on=day, known=day, entered=day)["rule"])
    later = one(crossed(run, on=day, known=day, entered=ON), "il_sb315")
    assert later["verdict"] == public["verdict"]


def test_a_correction_does_not_change_what_the_registry_said_before() -> None:
    loaded = registry.load()
    for known in (date(2025, 12, 1), date(2026, 6, 15), date(2026, 11, 25)):
        before = registry.believed(loaded.rules, known, date(2026, 11, 25))
        assert (before["entered"] == date(2026, 11, 23)).all()
        assert before.filter(pl.col("rule") == "il_sb315")["status"].to_list() in ([], ["passed"])
    assert registry.believed(loaded.rules, ON, date(2026, 11, 22)).is_empty()
