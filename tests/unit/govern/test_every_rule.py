"""Every statement of the registry with a number: over, at, under, unknown, and what it says.

The cases are made from the rows themselves, so that a new row is tested without a new test.
"""

from __future__ import annotations

import time
from typing import Any

import polars as pl
import pytest

from scaling.govern import conditions, models, runs
from scaling.govern.columns import CONDITIONS
from scaling.govern.crossings import ABOVE, NOT_REACHED, UNKNOWN, WOULD_APPLY, Asked, crossings
from scaling.govern.lineage import OTHERS
from tests.support.govern_tables import (
    LOADED,
    ON,
    Case,
    case,
    crossed,
    evaluated,
    of_rules,
    on_of,
    one,
)

ROWS = evaluated()
IDS = [f"{row['rule']}-{row['effective_from']}-{row['recorded_from']}" for row in ROWS]
CASES = [case(row) for row in ROWS]
every = pytest.mark.parametrize("made", CASES, ids=IDS)


def answer(made: Case, **changes: Any) -> dict[str, Any]:
    """The row of the one run, by this row of the registry alone."""
    rule, on = made.rule, on_of(made.rule)
    run = made.run(changes.pop("number", made.over)) | changes
    table = crossed(run, on=on, known=rule["recorded_from"], rules=of_rules(rule))
    return one(table, rule["rule"])


def met(made: Case) -> str:
    return WOULD_APPLY if made.rule["status"] == "passed" else ABOVE


@every
def test_one_more_than_the_threshold_is_over(made: Case) -> None:
    assert answer(made)["verdict"] == met(made)


@every
def test_one_less_than_the_threshold_is_under(made: Case) -> None:
    row = answer(made, number=made.under)
    assert (row["verdict"], row["because"]) == (NOT_REACHED, None)
    assert row["counted"] and row["not_stated"]


@every
def test_the_comparator_decides_at_the_threshold(made: Case) -> None:
    if made.at is None:
        assert made.over - made.under == 1  # a third: no whole number is equal to it
        return
    expected = met(made) if made.rule["comparator"] == ">=" else NOT_REACHED
    assert answer(made, number=made.at)["verdict"] == expected


@every
def test_without_a_figure_it_is_unknown(made: Case) -> None:
    row = answer(made, number=None)
    assert row["verdict"] == UNKNOWN
    assert f"{made.column} " in row["because"] and "is missing" in row["because"]


@every
def test_without_a_column_of_a_condition_it_is_unknown_because_of_it(made: Case) -> None:
    for name in (name for text in CONDITIONS for name in named(made.rule[text])):
        column = {"downstream": "parent_entity"}.get(name, name)
        row = answer(made, **{column: None})
        assert row["verdict"] == UNKNOWN, name
        assert f"{column} is missing" in row["because"]


def named(text: str | None) -> list[str]:
    """Columns that a condition asks for; whether the parent's compute is known is never unknown
    where there is a parent."""
    terms = filter(None, (conditions.TERM.match(term) for term in (text or "").split(";")))
    return [term.group(1) for term in terms if term.group(1) != "parent_compute"]


@every
def test_a_parent_of_unknown_compute_makes_it_unknown_where_it_counts(made: Case) -> None:
    rule = made.rule
    if rule["quantity"] != "training_compute" or rule["cumulative"] != "yes":
        return
    row = answer(made, number=made.under, parent="base", parent_entity="Lab")
    assert (row["verdict"], row["missing"]) == (UNKNOWN, "parent_flop")
    assert row["because"] == (
        "parent_flop is missing, and the rule counts what the run was trained from"
    )
    weights = {(w["counts"], w["category"]): w["high"] for w in LOADED.counts.iter_rows(named=True)}
    other = answer(made, number=made.under, parent="base", parent_entity="Other")
    counts = weights[rule["counts"], OTHERS] > 0
    assert other["verdict"] == (UNKNOWN if counts else NOT_REACHED)


def test_of_every_public_model_an_answer_says_what_it_rests_on() -> None:
    cells = models.runs_of_models()
    begin = time.process_time()
    table = crossings(runs.prepare(cells, LOADED, ON), LOADED, Asked(ON, ON))
    assert time.process_time() - begin < 10.0
    unknown, below = (table.filter(verdict=verdict) for verdict in (UNKNOWN, NOT_REACHED))
    assert unknown["because"].null_count() == 0 and unknown.height > 5000
    assert below["counted"].null_count() == below["not_stated"].null_count() == 0
    assert below.filter(~pl.col("not_stated").str.contains("parent (taken as none)", literal=True),
                        quantity="training_compute").is_empty()  # fmt: skip
    over = (pl.col("high") > pl.col("threshold")) & (pl.col("quantity") == "training_compute")
    assert below.filter(over).is_empty()


@pytest.mark.parametrize("rule", ROWS, ids=IDS)
def test_a_rule_says_what_counts_its_nexus_its_duty_and_its_clock(rule: dict[str, Any]) -> None:
    for column in ("comparator", "nexus", "obligation", "clock", "checked_to", "entered"):
        assert rule[column], column
    assert rule["counts"] in {*LOADED.counts["counts"], "none"}
    if rule["clock_from"] != "none":
        assert rule["clock_days"] is not None and rule["clock_zone"]
