"""The interview: answers become a runs file, unknowns stay unknown, bad answers are asked again."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.errors import InputError
from scaling.govern import interview, runs
from scaling.govern.crossings import Asked, crossings
from scaling.govern.interview import Interview
from tests.support.govern_tables import LOADED, ON

FACTS = ["run=big", "entity=Lab", "state=running", "started=2026-10-01"]
CHIPS = ["chip=NVIDIA H100 SXM5 80GB", "chips=100,000", "days=90", "utilisation=40%"]


def told(*facts: str, on: date = ON) -> Interview:
    """An interview with these answers."""
    made = Interview(LOADED, on)
    for fact in facts:
        made.take(*fact.split("=", 1))
    return made


def crossed(made: Interview, file: Path) -> dict[str, dict[str, object]]:
    """Every rule's row of the run that was described."""
    interview.write(made, file)
    ready, past = runs.read(file, LOADED, ON)
    return {row["rule"]: row for row in crossings(ready, LOADED, Asked(ON, ON), past).to_dicts()}


def test_chips_and_days_give_the_compute(tmp_path: Path) -> None:
    """100,000 H100 at 989.4 TFLOP/s dense (chips.csv), 90 days, 40 %."""
    rows = crossed(told(*FACTS, *CHIPS, "markets=EU", "general_purpose=y"), tmp_path / "r.csv")
    row = rows["eu_aia_51_2"]
    peak = LOADED.chips.filter(pl.col("chip") == "NVIDIA H100 SXM5 80GB")["peak_flops"][0]
    assert row["central"] == pytest.approx(1e5 * 90 * 86400 * peak * 0.4)
    assert row["verdict"] in ("above", "planned above")


@pytest.mark.parametrize("answer", ["", "?", "Don't know", "don\u2019t know", "UNKNOWN", " n/a "])
@pytest.mark.parametrize("fact", ["markets", "general_purpose", "utilisation", "revenue_usd"])
def test_an_unknown_is_kept_as_unknown(fact: str, answer: str, tmp_path: Path) -> None:
    base = [one for one in (*FACTS, *CHIPS) if not one.startswith(fact)]
    made = told(*base, f"{fact}={answer}")
    assert made.facts[fact] is None and fact in made.unknown()
    rows = crossed(made, tmp_path / "r.csv")
    written = pl.read_csv(tmp_path / "r.csv", infer_schema=False)
    assert written[fact].to_list() == [None]
    if fact in ("markets", "general_purpose"):
        assert rows["eu_aia_51_2"]["verdict"] == "unknown"
        assert fact in str(rows["eu_aia_51_2"]["missing"])
    if fact == "utilisation":
        assert rows["ca_sb53"]["verdict"] == "unknown" and rows["ca_sb53"]["central"] is None


def test_no_parent_is_another_answer_than_an_unknown_one(tmp_path: Path) -> None:
    base = [*FACTS, "flop=2e24", "markets=EU", "general_purpose=yes", "modality=text"]
    no = crossed(told(*base, "parent=no"), tmp_path / "no.csv")
    unknown = crossed(told(*base, "parent="), tmp_path / "unknown.csv")
    assert told(*base, "parent=").unknown().count("parent") == 1
    assert {row["verdict"] for rule, row in no.items() if "modifier" in rule} <= {"not applicable"}
    assert "unknown" in {row["verdict"] for rule, row in unknown.items() if "modifier" in rule}


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("markets=Europe", "EU, US"),
        ("general_purpose=perhaps", "yes | no"),
        ("utilisation=40", "<= 1"),
        ("flop=-3", "> 0"),
        ("flop=2,5e25", "> 0"),
        ("days=soon", "days > 0"),
        ("started=October", "YYYY-MM-DD"),
        ("chip=H100", "NVIDIA H100 PCIe"),
        ("state=", "planned, running, finished"),
        ("chps=3", "chips"),
    ],
)
def test_a_bad_answer_names_what_is_allowed(fact: str, said: str) -> None:
    with pytest.raises(InputError, match=r"found|known|allowed") as caught:
        told(fact)
    assert said in str(caught.value)


def test_an_end_before_the_start_is_asked_again() -> None:
    made = told(*FACTS)
    with pytest.raises(InputError, match="ends before it starts"):
        made.take("ended", "2026-09-01")
    assert "ended" in made.open()


@pytest.mark.parametrize(
    ("fact", "cell"),
    [
        ("utilisation=38 %", "0.38"),
        ("chips=1,000,000", "1000000"),
        ("markets=eu, us", "EU;US"),
        ("general_purpose=N", "no"),
        ("params=405B", "405B"),
        ("days=90", "90"),
    ],
)
def test_ways_of_saying(fact: str, cell: str) -> None:
    assert told(fact).facts[fact.partition("=")[0]] == cell


def test_every_column_that_a_rule_asks_for_is_asked() -> None:
    asked = set(told(*FACTS, "parent=p").questions())
    assert interview.wanted_columns(LOADED, ON) <= asked | {"chips"}
    assert {"markets", "general_purpose", "revenue_usd", "parent_flop"} <= asked
    assert "parent_flop" not in told(*FACTS, "parent=no").questions()
    assert "chips" not in told(*FACTS, "flop=1e25").questions()


def test_without_a_terminal_the_missing_options_are_named(tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    arguments = ["govern", "--ask", "--runs", str(file), "--out", str(tmp_path / "out")]
    failed = CliRunner().invoke(app, [*arguments, "--fact", "run=x"])
    assert isinstance(failed.exception, InputError)
    assert "--fact entity=..., --fact state=..." in str(failed.exception)
    assert not file.exists() and not (tmp_path / "out").exists()
    facts = [part for fact in (*FACTS, *CHIPS) for part in ("--fact", fact)]
    done = CliRunner().invoke(app, [*arguments, *facts, "--on", str(ON)])
    assert done.exit_code == 0, done.output
    assert "Kept as unknown: ended, released" in done.output and "markets" in done.output
    assert "eu_aia_51_2: unknown" in done.output
    again = CliRunner().invoke(app, [*arguments, *facts])
    assert "is there already" in str(again.exception)


def test_at_a_terminal_every_question_is_asked(tmp_path: Path) -> None:
    """A real terminal: a bad answer is asked again, Enter leaves the fact unknown."""
    command = [
        sys.executable,
        "-m",
        "scaling",
        "govern",
        "--ask",
        "--runs",
        str(tmp_path / "r.csv"),
    ]
    command += ["--out", str(tmp_path / "out"), "--on", str(ON)]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, text=True)
    answers = [
        "big",
        "Lab",
        "sleeping",
        "finished",
        "2026-02-01",
        "2026-01-01",
        "2026-06-01",
        "",
        "3e25",
    ]
    os.write(ours, ("\n".join([*answers, *[""] * 60]) + "\n").encode())
    text, _ = process.communicate(timeout=300)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, text
    row = pl.read_csv(tmp_path / "r.csv", infer_schema=False).to_dicts()[0]
    assert (row["state"], row["ended"], row["flop"]) == ("finished", "2026-06-01", "3e25")
    assert row["markets"] is None and row["parent"] == "not stated"
    assert (
        text.count("state of the run") == 2 and text.count("\nended") + text.count(": ended") >= 1
    )
    assert "eu_aia_51_2: unknown (3e25 against > 1e25 FLOP); not stated: general_purpose" in text
