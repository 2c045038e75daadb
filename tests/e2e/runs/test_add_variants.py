"""Headers and values that speak of another unit than is stated are refused or said, never passed
over: other languages, decimal commas, shares, perplexities, repeated steps, diverged runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaling.runs.unit_words import named, unit_of_word
from scaling.runs.units import COUNTS
from tests.support.command import cli
from tests.support.inbox_project import project, table

__all__ = ["project"]

RUN = ("--as", "team", "--map", "run=name", "--set", "observed=2026-01-02")
LOSS = ("--metric", "loss=loss@c4:nats/token")
ROWS = "name,params,tokens,{}\na,1.3B,26B,{}\nb,2B,40B,{}\n"


def added(text: str, *options: str, name: str = "in/own.csv") -> tuple[int, str]:
    """The exit status of an addition, and all that it prints."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    done = cli("add", name, *options)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("header", "word", "unit"),
    [
        ("параметры, млн", "млн", "M"),
        ("параметры (млрд)", "млрд", "B"),
        ("Parameter in Milliarden", "Milliarden", "B"),
        ("params (Mio.)", "Mio", "M"),
        ("parametros_millones", "millones", "M"),
        ("参数(亿)", "亿", None),
        ("参数量（万）", "万", None),
        ("模型大小 百万", "百万", "M"),
        ("トークン(兆)", "兆", "T"),
        ("tokens_crore", "crore", None),
        ("万能", None, None),
        ("mixture", None, None),
    ],
)
def test_units_in_headers_of_other_languages(
    header: str, word: str | None, unit: str | None
) -> None:
    assert named(header) == word
    assert word is None or unit_of_word(word, COUNTS) == unit


@pytest.mark.parametrize("header", ["参数(万)", "params (Mio.)", "параметры_млн"])
def test_such_a_header_is_refused_by_add_and_fit(project: Path, header: str) -> None:
    # Numbers that are large enough for parameters in full.
    text = f"name,{header},tokens,loss\na,130000,26B,2.1\n"
    status, said = added(text, *RUN, *LOSS, "--map", f"params={header}")
    assert status == 2 and "the name speaks of" in said and "no unit is stated" in said
    fitted = cli("fit", "in/own.csv", "--law", "chinchilla", "--map", f"params={header}")
    assert fitted.returncode == 2 and "the name speaks of" in fitted.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ROWS.format("loss", "2.1", "2.0").replace(",", ";"), "cells are separated by semicolons"),
        (
            ROWS.format("loss", "2.1", "2.0").replace(",", ";").replace(".", ","),
            "numbers have a decimal comma: 1,3B is read as 1.3B in params, loss",
        ),
        (ROWS.format("loss", '"2,1"', '"2,0"'), "no row can be read; the first: value '2,1'"),
        (
            ROWS.format("loss", "2.1", "2.0").replace("1.3B", '"1,300,000,000"'),
            "row 1, params '1,300,000,000'",
        ),
        (ROWS.format("loss", "2.1", "2.0").replace("1.3B", "1.3 млрд"), "params '1.3 млрд'"),
        (ROWS.format("loss", "2.1", "2.0").replace("1.3B", "1.3x10^9"), "params '1.3x10^9'"),
    ],
)
def test_cells_in_other_spellings_are_named(project: Path, text: str, message: str) -> None:
    assert message in added(text, *RUN, *LOSS)[1]


@pytest.mark.parametrize(
    ("header", "values", "metric", "message"),
    [
        ("acc", ("0.45", "0.5"), "accuracy@arc:percent:fraction", "no value of 'acc' is above 1"),
        ("acc", ("0.45", "0.5"), "accuracy@arc:percent", "--metric 'acc=accuracy@arc:fraction'"),
        ("acc (%)", ("0.9", "0.8"), "accuracy@arc:fraction", "speaks of '%', and is read in fract"),
        ("acc", ("45", "50"), "accuracy@arc:fraction", "a refit will hold back 2:"),
        ("bpb", ("0.9", "0.8"), "loss@c4:nats/token", "--metric 'bpb=loss@c4:bits/byte'"),
        ("val_ppl", ("12", "11"), "loss@c4:nats/token", "--metric 'val_ppl=loss@c4:perplexity'"),
    ],
)
def test_a_metric_that_speaks_of_another_unit_is_said(
    project: Path, header: str, values: tuple[str, str], metric: str, message: str
) -> None:
    status, said = added(ROWS.format(header, *values), *RUN, "--metric", f"{header}={metric}")
    assert status == 0 and message in said


@pytest.mark.parametrize(
    ("header", "values", "metric"),
    [
        ("acc (%)", ("45", "50"), "accuracy@arc:percent:fraction"),
        ("err", ("0.4", "0.5"), "error@arc:percent"),
        ("val_ppl", ("12", "11"), "loss@c4:perplexity"),
        ("ppl", ("12", "11"), "perplexity@c4:perplexity"),
        ("bpb", ("0.9", "0.8"), "bits_per_byte@c4:bits/byte"),
    ],
)
def test_a_metric_in_its_unit_gets_no_remark(
    project: Path, header: str, values: tuple[str, str], metric: str
) -> None:
    status, said = added(ROWS.format(header, *values), *RUN, "--metric", f"{header}={metric}")
    assert status == 0 and "speaks of" not in said and "no value of" not in said


def test_repeated_steps_of_a_table_are_said(project: Path) -> None:
    text = "run,step,tokens,params,loss\n" + "".join(
        f"a,{step},{step}0000000,1e8,{loss}\n"
        for step, loss in ((100, 4.0), (200, 3.8), (300, 3.7), (200, 3.79), (250, 3.75))
    )
    status, said = added(text, "--as", "team", "--set", "observed=2026-01-02", *LOSS)
    assert status == 0 and "warnings, which hold nothing back:" in said
    assert "  steps_not_monotone: 1 result (the first: row 4, run 'a'" in said
    assert "  conflicting_values: 2 results (the first: row 2, run 'a'" in said


def test_diverged_runs_are_no_perplexities(project: Path) -> None:
    text = ROWS.format("loss", "inf", "2.0") + "c,3B,50B,diverged\n"
    status, said = added(text, *RUN, *LOSS)
    assert status == 0 and "1 of 3 results pass the checks; a refit will hold back 2:" in said


def test_a_restart_in_lightning_and_hugging_face(project: Path) -> None:
    calls = ((100, 4.0), (200, 3.8), (300, 3.7), (200, 3.79), (250, 3.75))
    table_of = "epoch,step,loss\n" + "".join(f"0,{step},{loss}\n" for step, loss in calls)
    log = [{"step": step, "loss": loss} for step, loss in calls]
    state = json.dumps({"global_step": 250, "max_steps": 250, "log_history": log})
    options = ("--set", "observed=2026-01-02", "--ignore", "*", *LOSS)
    for source, name, text in (
        ("lightning", "in/run/version_0/metrics.csv", table_of),
        ("hf", "in/run.trainer_state.json", state),
    ):
        status, said = added(text, "--as", source, *options, name=name)
        assert status == 0 and "left out: 2 results, written before a restart" in said
        assert table(source, "step", "value").rows() == [(100.0, 4.0), (200.0, 3.79), (250.0, 3.75)]


def test_two_runs_of_one_history(project: Path) -> None:
    rows = [
        {"experiment": name, "_step": step, "loss": loss}
        for name, losses in (("a", (4.0, 3.5)), ("b", (3.9, 3.1)))
        for step, loss in zip((100, 200), losses, strict=True)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    status, said = added(text, *RUN[:2], *RUN[4:], *LOSS, "--ignore", "*", name="in/h.wandb.jsonl")
    assert status == 2 and "--map 'run=experiment'" in said
