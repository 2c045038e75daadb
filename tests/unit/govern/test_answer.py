"""What a pack says first."""

from __future__ import annotations

from datetime import date

import polars as pl

from scaling.govern.answer import SAID, answer, strongest
from scaling.govern.crossings import VERDICTS
from tests.support.govern_tables import FACTS, ON, RUN, crossed


def test_every_verdict_has_its_words() -> None:
    assert set(SAID) == set(VERDICTS)


def test_every_verdict_can_be_said() -> None:
    rows = crossed({**RUN, **FACTS, "flop": 1.1e26})
    for verdict in VERDICTS:
        made = rows.with_columns(verdict=pl.lit(verdict))
        first, *_ = answer(made, ON)
        assert first.startswith(f"On {ON}, of 1 run and ") and SAID[verdict] in first
        assert verdict in strongest(made)


def test_a_run_is_counted_once_under_its_strongest_verdict() -> None:
    rows = crossed(
        {**RUN, **FACTS, "run": "big", "flop": 5e26},
        {**RUN, **FACTS, "run": "small", "flop": 1e20, "model": "m"},
    )
    first, *rest = answer(rows, ON)
    assert "1 above a threshold (big)" in first and "1 below every threshold" in first
    assert any("Last days that have passed" in one for one in rest)
    assert rest[-1] == "Whether a notice was given is not known here."


def test_a_last_day_on_the_day_itself_is_still_to_come() -> None:
    rows = crossed({**RUN, **FACTS, "flop": 5e26}).head(1)
    for due, words in ((ON, "to come"), (date(2026, 1, 1), "that have passed")):
        made = rows.with_columns(notify_by=pl.lit(due), verdict=pl.lit("above"))
        assert any(f"Last days {words}: {due}" in one for one in answer(made, ON))
