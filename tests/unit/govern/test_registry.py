"""The registry of thresholds: what held when, what was believed when, and what a bad row gets."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.errors import InputError
from scaling.govern import columns, registry

ON = date(2026, 11, 30)


@pytest.fixture(scope="module")
def loaded() -> registry.Registry:
    return registry.load()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(registry.FOLDER, tmp_path / "thresholds"))


def status(loaded: registry.Registry, rule: str, on: date, known: date) -> list[str]:
    table = registry.as_of(loaded, on, known)
    return table.filter(pl.col("rule") == rule)["status"].to_list()


@pytest.mark.parametrize(
    ("rule", "on", "known", "expected"),
    [
        ("eu_aia_51_2", date(2025, 8, 1), ON, ["enacted"]),
        ("eu_aia_51_2", date(2025, 8, 2), ON, ["in_force"]),
        ("us_eo14110_model", date(2025, 1, 19), ON, ["in_force"]),
        ("us_eo14110_model", date(2025, 1, 20), ON, ["rescinded"]),
        ("us_eo14110_model", date(2025, 6, 1), date(2024, 6, 1), ["in_force"]),
        ("us_diffusion_4e091", date(2025, 12, 1), date(2025, 12, 1), ["rescinded"]),
        ("us_diffusion_4e091", date(2025, 12, 1), ON, ["on_the_books_not_enforced"]),
        ("ny_raise_original", date(2026, 1, 1), ON, ["enacted"]),
        ("ny_raise_original", ON, ON, ["superseded"]),
        ("ny_raise", ON, ON, ["enacted"]),
        ("ny_raise", date(2027, 1, 1), ON, ["in_force"]),
        ("ny_raise", date(2027, 1, 1), date(2026, 1, 1), []),
        ("ca_sb1047_model", ON, ON, ["vetoed"]),
        ("lab_anthropic_4x", date(2026, 2, 23), ON, ["voluntary"]),
        ("lab_anthropic_4x", date(2026, 2, 24), ON, ["superseded"]),
        ("il_sb315", date(2026, 6, 15), date(2026, 6, 15), ["passed"]),
        ("il_sb315", ON, date(2026, 7, 5), ["passed"]),
        ("il_sb315", ON, ON, ["enacted"]),
        ("il_sb315", date(2027, 1, 1), ON, ["in_force"]),
        ("il_sb315_audit", date(2027, 12, 31), ON, ["enacted"]),
        ("us_diffusion_relative", date(2025, 12, 1), date(2025, 12, 1), ["rescinded"]),
        ("us_diffusion_relative", date(2025, 12, 1), ON, ["on_the_books_not_enforced"]),
        ("us_gaaia", date(2026, 7, 23), ON, ["superseded"]),
        ("us_frontier_act", date(2026, 7, 23), ON, ["proposed"]),
        ("eu_modifier_third", ON, ON, []),
        ("eu_modifier_third", ON, date(2026, 11, 28), ["in_force"]),
        ("us_s2938", ON, ON, ["proposed"]),
    ],
)
def test_status_on_a_day_as_known_on_a_day(
    loaded: registry.Registry, rule: str, on: date, known: date, expected: list[str]
) -> None:
    assert status(loaded, rule, on, known) == expected


def test_one_row_a_rule_on_any_day(loaded: registry.Registry) -> None:
    for on in (date(2023, 1, 1), date(2024, 1, 1), date(2025, 6, 1), ON, date(2028, 1, 1)):
        for known in (date(2024, 1, 1), date(2025, 12, 1), ON):
            table = registry.as_of(loaded, on, known)
            assert table["rule"].is_unique().all()


def test_a_rule_without_a_primary_or_two_sources_is_unverified(loaded: registry.Registry) -> None:
    unverified = set(loaded.rules.filter(~pl.col("verified"))["rule"])
    assert {"us_s5616", "prop_aguirre", "us_hr9917"} <= unverified
    assert not {"eu_aia_51_2", "ca_sb53", "kr_ai_basic_act", "us_outbound_prohibited"} & unverified


def test_great_expectations_finds_what_is_wrong(folder: Path) -> None:
    from scaling.govern.check import check

    assert check(folder)[0] == []
    path = folder / "rules.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(",>,1e25,FLOP,eu_systemic", ",=>,-1e25,GFLOP,mine", 1), "utf-8")
    wrong, _ = check(folder)
    assert len(wrong) == 1
    for part in ("row 1:", "'=>'", "-1e+25", "'GFLOP'", "mine"):
        assert part in wrong[0]


def test_the_check_also_looks_between_rows(folder: Path) -> None:
    from scaling.govern.check import check

    path = folder / "rules.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("2024-08-01,2025-08-02,enacted", "2024-08-01,,enacted", 1), "utf-8"
    )
    assert "same day as row 2" in check(folder)[0][0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",>,1e25,FLOP,eu_systemic", ",=>,1e25,FLOP,eu_systemic", "column 'comparator'"),
        (",>,1e25,FLOP,eu_systemic", ",>,-1e25,FLOP,eu_systemic", "column 'value'"),
        (",>,1e25,FLOP,eu_systemic", ",>,1e25,USD,eu_systemic", "column 'unit'"),
        (",>,1e25,FLOP,eu_systemic", ",>,1e25,FLOP,eu_sistemic", "regime of counting"),
        ("2024-08-01,2025-08-02,enacted", "2024-08-01,2025-08-03,enacted", "what follows"),
        ("2024-08-01,2025-08-02,enacted", "2024-08-01,,enacted", "same day as row 2"),
        ("2024-08-01,2025-08-02,enacted", "2025-08-02,2025-08-02,enacted", "ends before it begins"),
        ("2024-08-01,2025-08-02,enacted", "2024-08-01,2025-08-02,in force", "column 'status'"),
        ("2024-08-01,2025-08-02,enacted", "2 August,2025-08-02,enacted", "YYYY-MM-DD"),
        ("rule,jurisdiction", "rule,juristiction", "Did you mean 'jurisdiction'"),
        (",1/3,", ",1/4,", "not the value as a fraction"),
        (",1/3,", ",a third,", "not the value as a fraction"),
        ("2026-11-29,2026-11-23,2026-11-30,", "2026-11-29,2026-11-23,,", "column 'closed'"),
        (
            "2026-11-29,2026-11-23,2026-11-30,",
            "2026-11-29,2026-11-23,2026-11-22,",
            "before the row",
        ),
        ("enacted,,2024-07-12", "enacted,2025-01-01,2024-07-12", "column 'applies_from'"),
        ("2024-07-12,,2026-11-23,", "2024-07-12,,,", "column 'entered'"),
        (",placed on the Union market (Art. 2(1)(a)),", ",,", "column 'nexus'"),
    ],
)
def test_a_bad_registry_is_refused_with_the_place(
    folder: Path, old: str, new: str, message: str
) -> None:
    path = folder / "rules.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=r"rules\.csv") as caught:
        registry.load(folder)
    assert message in str(caught.value)


def test_every_column_says_what_it_means() -> None:
    for table in (columns.RULE, columns.COUNT, columns.RUN, columns.LEDGER, columns.ERROR):
        assert all(column.meaning for column in table)
        assert len({column.name for column in table}) == len(table)


def test_thresholds_on_the_command_line() -> None:
    run = CliRunner().invoke(app, ["thresholds", "--on", "2025-01-10", "--json"])
    rules = {row["rule"]: row for row in json.loads(run.stdout)}
    assert run.exit_code == 0
    assert "us_eo14110_model" in rules and "eu_aia_51_2" not in rules
    shown = CliRunner().invoke(app, ["thresholds", "--on", "2026-11-23", "--every"])
    assert "vetoed" in shown.stdout and "unverified" in shown.stdout.replace("\n", "")
    bad = CliRunner().invoke(app, ["thresholds", "--on", "23.11.2026"])
    assert isinstance(bad.exception, InputError)


def test_a_way_of_counting_has_a_weight_for_every_category(folder: Path) -> None:
    path = folder / "counts.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("korea,original_run")]
    path.write_text("".join(kept), encoding="utf-8")
    with pytest.raises(InputError, match=r"counts\.csv.*korea.*a row for original_run"):
        registry.load(folder)


def test_rules_whose_sources_are_old_are_listed() -> None:
    def listed(*more: str) -> set[str]:
        arguments = ["thresholds", "--stale", "--json", *more]
        run = CliRunner().invoke(app, arguments)
        assert run.exit_code == 0, run.output
        return {row["rule"] for row in json.loads(run.stdout)}

    known = ("--known", "2026-11-30")
    day = listed("--as-of", "2026-11-30", *known)
    assert {"ca_sb53", "kr_ai_basic_act", "us_eo14110_model"} <= day
    assert not {"eu_aia_51_2", "ny_raise"} & day
    # eu_aia_51_2 was checked to 2026-10-07: 180 days later it is not old yet.
    assert "eu_aia_51_2" not in listed("--as-of", "2027-04-05", *known)
    assert "eu_aia_51_2" in listed("--as-of", "2027-04-06", *known)
    assert "eu_aia_51_2" in listed("--as-of", "2026-11-30", "--stale-after", "30", *known)


def test_the_day_of_entry_is_told_from_the_day_of_publicity() -> None:
    def shown(*more: str) -> str:
        day = ["thresholds", "--every", "--on", "2026-11-25", "--known", "2026-11-25"]
        run = CliRunner().invoke(app, [*day, *more], env={"COLUMNS": "400"})
        assert run.exit_code == 0, run.output
        return run.stdout

    assert "public since 2026-07-06, entered here 2026-11-30" in shown()
    before = shown("--entered", "2026-11-25")
    assert "entered here" not in before and "il_sb315_audit" not in before
    assert "passed since 2026-05-27" in before
