"""The record of a study's fits: what the stage writes is what every reader gets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scaling.errors import InputError
from scaling.fitting.engine import fit
from scaling.fitting.study_record import Cut, FitRecord, StudyFits, read
from scaling.io.json_files import json_text, write_figures
from tests.support import ROOT

STORED = sorted((ROOT / "data/fits").glob("*.json"))
PUBLISHED = sorted((ROOT / "reports").glob("*/fits/*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_a_record_is_written_as_it_was_read(path: Path, tmp_path: Path) -> None:
    write_figures(tmp_path / "again.json", read(path).to_json())
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_an_earlier_version_loses_nothing_that_it_has() -> None:
    assert PUBLISHED
    for path in PUBLISHED:
        document = json.loads(path.read_bytes())
        written = read(path).to_json()
        assert json_text({key: written[key] for key in document}) == json_text(document), path


def test_a_fit_becomes_a_record_and_a_fit_again() -> None:
    rng = np.random.default_rng(0)
    params, tokens = 10 ** rng.uniform(7, 9, 30), 10 ** rng.uniform(9, 11, 30)
    loss = (1.7 + 400 / params**0.34 + 410 / tokens**0.28) * np.exp(rng.normal(0, 0.01, 30))
    runs = pl.DataFrame({"params": params, "tokens": tokens, "loss": loss})
    made = fit(runs, "chinchilla", resamples=20)
    record = FitRecord.of(made, None, 0.01)
    draws = {name: made.draws[:, i] for i, name in enumerate(made.law.names)}
    again = record.to_fit(draws)
    assert again.values == record.values == made.values
    assert again.certificate == made.certificate
    assert np.array_equal(again.draws, made.draws)
    assert np.allclose(again.residuals, made.residuals, rtol=1e-8, atol=0)
    assert record.to_fit().draws.shape == (0, len(made.law.names))


def test_a_record_of_other_parameters_is_no_fit() -> None:
    document = {"fits": [{"law": "chinchilla", "parameters": {"x": {"value": 1.0}}}]}
    record = StudyFits.from_json(document)
    with pytest.raises(InputError, match="another form of the law"):
        record.fits[0].to_fit()


@pytest.mark.parametrize("document", [None, [], "x", {"fits": 3}, {"fits": [None, 3, {}]}])
def test_whatever_a_file_holds_is_read(document: object) -> None:
    record = StudyFits.from_json(document)
    assert record.fit("chinchilla") is None
    for one in record.fits:
        assert one.rows is None and one.criteria is None and one.values == {}
        assert np.isnan(one.certificate.condition)


def test_numbers_of_another_type_are_missing() -> None:
    entry = {"law": "l", "parameters": {"a": {"value": "1", "se": True}}, "rows": 10**400}
    record = StudyFits.from_json({"fits": [entry], "ranges": {"params": [1, "2"], "tokens": [1]}})
    assert record.fits[0].parameters["a"].value is None
    assert record.fits[0].parameters["a"].se is None
    assert record.fits[0].rows is None
    assert record.ranges == {"params": (1.0, None), "tokens": (None, None)}
    assert record.complete_ranges == {}


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read(tmp_path / "s.json")


def test_a_replayed_study_says_what_it_knew() -> None:
    cut = {"column": "flops", "at_most": 3e20}
    record = StudyFits.from_json({"study": "s", "params_column": "params_active", "cut": cut})
    assert (record.params_column, record.cut) == ("params_active", Cut("flops", 3e20))
    assert record.to_json()["cut"] == cut
    assert "cut" not in StudyFits.from_json({}).to_json()
