"""A runs file: what is refused with its place, and what is flagged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scaling.errors import InputError
from scaling.govern import runs
from tests.support.govern_tables import LOADED, ON, RUN, cells, prepared

BY_ND = {"params": 405e9, "tokens": 15.6e12}

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"flop": -1e25}, "flop", "> 0 and <= 1e+32, in FLOP"),
    ({"flop": 0.0}, "flop", "> 0"),
    ({"flop": 1e255}, "flop", "<= 1e+32"),
    ({"flop": float("inf")}, "flop", "<= 1e+32"),
    ({"flop": float("nan")}, "flop", "> 0"),
    ({"flop": 3.8e10, **BY_ND}, "flop", "petaFLOP"),
    ({"utilisation": 40.0}, "utilisation", "<= 1"),
    ({"state": "done"}, "state", "planned | running | finished"),
    ({"ended": "2026-01-01"}, "ended", "ends before it starts"),
    ({"ended": "2026-01-31T23:00:00-08:00", "started": "2026-02-01T08:00:00Z"}, "ended", "before"),
    ({"ended": "1 August 2026"}, "ended", "YYYY-MM-DD"),
    ({"ended": "2026-08-01T10:00:00"}, "ended", "+hh:mm"),
    ({"flop": 1e25, "flop_low": 2e25}, "flop_low", "above the centre"),
    ({"flop": 1e25, "flop_high": 2e24}, "flop_high", "below the centre"),
    ({"flop": 1e25, "flop_to_date": 2e25}, "flop_to_date", "above the final"),
    ({"chip": "NVIDIA H1000"}, "chip", "chips.csv"),
    ({"general_purpose": "maybe"}, "general_purpose", "yes | no"),
    ({"markets": "US; Europe"}, "markets", "a member state of the EU is EU"),
    ({"markets": "eu"}, "markets", "EU, US, Korea"),
    ({"modality": "Text"}, "modality", "text, audio"),
]


@pytest.mark.parametrize(("change", "column", "words"), REFUSED)
def test_a_bad_row_is_refused_with_its_place(
    change: dict[str, Any], column: str, words: str
) -> None:
    good = RUN | {"run": "good", "flop": 1e25}
    with pytest.raises(InputError) as caught:
        prepared(good, RUN | change)
    assert (caught.value.row, caught.value.column) == (2, column)
    assert words in str(caught.value)


def test_a_run_twice_is_refused() -> None:
    with pytest.raises(InputError, match="appears twice"):
        prepared(RUN | {"flop": 1e25}, RUN | {"flop": 2e25})


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"flop": 3.79e24, **BY_ND}, "stated and architecture are a factor 10.0 apart"),
        (
            {**BY_ND, "chip_hours": 3.0e6, "peak_flops": 989e12, "utilisation": 0.35},
            "hardware and architecture are a factor 10.0 apart",
        ),
        ({"flop": 3.1e8}, "is it in FLOP?"),
        ({}, "no figure and no inputs"),
        ({"flop": 3.8e25, **BY_ND}, None),
        ({"flop": 3.8e25, "state": "planned"}, "planned, though its start has passed"),
        (
            {
                "flop": 1e25,
                "state": "planned",
                "started": "2027-01-01",
                "ended": "2027-02-01",
                "released": None,
            },
            None,
        ),
    ],
)
def test_an_odd_row_stays_with_its_flag(change: dict[str, Any], flag: str | None) -> None:
    found = prepared(RUN | change)["flags"][0]
    assert found is None if flag is None else flag in found


def test_counts_may_have_a_letter_and_lists_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    head = "run,entity,state,params,tokens,markets"
    path.write_text(f"{head}\na,Lab,planned,400B,30T,EU; US;\nb,Lab,planned,4e11,3e13,\n")
    made, _ = runs.read(path, LOADED, ON)
    assert made["best"].to_list() == [7.2e25, 7.2e25]
    path.write_text(f"{head}\na,Lab,planned,400 zz,30T,EU\n")
    with pytest.raises(InputError, match=r"row 1, column 'params'.*found '400 zz'"):
        runs.read(path, LOADED, ON)


def test_a_file_is_named_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("run,entity,state,flop\na,Lab,finished,1e24\nb,Lab,finished,-1\n")
    with pytest.raises(InputError, match=r"runs\.csv, row 2, column 'flop'"):
        runs.read(path, LOADED, ON)
    path.write_text("run,entity,state,flops\na,Lab,finished,1e24\n")
    with pytest.raises(InputError, match="Did you mean 'flop'"):
        runs.read(path, LOADED, ON)
    path.write_text("run,entity,state,flop\na,Lab,finished,1e24\n")
    other = tmp_path / "ledger.csv"
    other.write_text("run,category,flop\nz,pretraining,1e24\n")
    with pytest.raises(InputError, match=r"row 1, column 'run'"):
        runs.read(path, LOADED, ON, runs.Files(ledger=other))


def test_a_named_chip_brings_its_rate_and_power() -> None:
    run = prepared(RUN | {"chip": "NVIDIA H100 SXM5 80GB", "chip_hours": 1e6, "utilisation": 0.4})
    assert run["best"][0] == pytest.approx(1e6 * 3600 * 989.4e12 * 0.4)
    assert run["chip_power_w"][0] == 700.0


def test_a_bare_date_is_that_date_in_every_zone_of_the_registry() -> None:
    table = runs._moments(cells(RUN | {"flop": 1e25}))
    for zone in LOADED.rules["clock_zone"].drop_nulls().unique():
        assert str(table["started_at"].dt.convert_time_zone(zone).dt.date()[0]) == "2026-02-01"
