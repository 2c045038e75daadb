"""The checklist of Li et al. 2025, filled in by machine: every item, every study, from the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.report.context import context
from scaling.report.read import Inputs, read
from scaling.report.sections.checklist import QUESTIONS, document
from scaling.report.sections.checklist_answers import UNKNOWN
from tests.support.report_project import project


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return read(project(tmp_path_factory.mktemp("checklist")))


def said(inputs: Inputs, study: str = "alpha") -> dict[str, str]:
    [found] = [one for one in document(context(inputs))["answers"] if one["study"] == study]
    return dict(found)


def with_runs(inputs: Inputs, **columns: Any) -> Inputs:
    """The same with other cells in the runs of the first study."""
    literals = {
        name: pl.lit(value) if isinstance(value, str) else value for name, value in columns.items()
    }
    return replace(
        inputs, runs={**inputs.runs, "alpha": inputs.runs["alpha"].with_columns(**literals)}
    )


def public(inputs: Inputs) -> Inputs:
    return replace(inputs, sources={"alpha": {"title": "Alpha", "licence": "MIT", "origin": "x"}})


def test_numbers_are_unique_and_every_column_of_the_survey_is_asked() -> None:
    numbers = [one.number for one in QUESTIONS]
    assert len(set(numbers)) == len(numbers)
    texts = [(one.part, one.text) for one in QUESTIONS]
    assert len(set(texts)) == len(texts)


def test_every_question_is_answered_for_every_study(inputs: Inputs) -> None:
    made = document(context(inputs))
    assert [one["study"] for one in made["answers"]] == ["alpha", "beta-2"]
    for one in made["answers"]:
        assert set(one) == {"study", *made["questions"]}
        assert all(answer.strip() for answer in one.values())


def test_a_study_of_which_nothing_is_known_says_so(inputs: Inputs) -> None:
    bare = replace(inputs, fits={}, backtests={}, runs={}, sources={})
    told = {"O2", "O4", "D1", "D5", "F3", "F6", "H6", "H7", "T8"}
    answers = said(bare)
    assert [
        one for one in answers if one not in {*told, "study"} and UNKNOWN not in answers[one]
    ] == []


def test_answers_follow_the_data(inputs: Inputs) -> None:
    used = pl.col("used")
    late = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("yes")).otherwise(pl.lit("no"))
    changed = with_runs(
        inputs,
        schedule_complete=late,
        lr=pl.when(used).then(3e-4).otherwise(0.9),
        epochs=pl.when(used).then(4.0).otherwise(99.0),
        run=pl.format("r{}", pl.int_range(pl.len()) // 2),
        params_non_embedding=pl.col("params"),
    )
    now, before = said(changed), said(inputs)
    assert before["T12"].startswith(UNKNOWN) and now["T12"].startswith("no: ")
    assert "lr 0.0003" in now["T10"] and now["T7"] == "4 epochs"
    assert "non-embedding" in now["T8"] and " runs, " in now["T1"]
    assert {number for number in now if now[number] != before[number]} == {
        *("T1", "T7", "T8", "T10", "T12", "D3"),
    }


def test_words_of_internal_runs_are_counted_not_shown(inputs: Inputs) -> None:
    told = {"training_data": "saffron", "tokenizer": "quince"}
    hidden = said(with_runs(inputs, **told))
    assert (hidden["T6"], hidden["T13"]) == ("1 different", "1 different")
    assert hidden["O4"] == "internal, not published"
    shown = said(public(with_runs(inputs, **told)))
    assert (shown["T6"], shown["T13"], shown["O4"]) == ("saffron", "quince", "MIT; x")


def test_many_words_are_counted(inputs: Inputs) -> None:
    many = with_runs(public(inputs), training_data=pl.format("set {}", pl.int_range(pl.len())))
    assert said(many)["T6"] == f"{many.runs['alpha']['used'].sum()} different"


def test_the_files_of_a_version_answer(tmp_path: Path, inputs: Inputs) -> None:
    bare = replace(inputs.fits["alpha"], excluded=(), without_exclusions=())
    fits = {**inputs.fits, "alpha": bare}
    assert said(replace(inputs, fits=fits))["D5"] == "none"
    assert said(replace(inputs, fits=fits))["F6"] == "all used"
    assert said(inputs)["D5"] != "none"
