"""Pages of studies and laws beside the index, and outcomes beside forecasts on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scaling.record.site.finished import finished_blocks, read_finished
from scaling.record.site.newest import newest_blocks, read_newest
from scaling.record.site.pages import law_file, law_page, study_file, study_page
from scaling.record.site.records import records
from scaling.record.versions.ledger import LEDGER, Entry, read_lines
from tests.support import ROOT

REPORTS = ROOT / "reports"


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    """The lines of the repository's own ledger."""
    return read_lines((REPORTS / LEDGER).read_bytes())[0]


def test_a_name_that_is_no_file_name_has_no_page() -> None:
    assert study_file("a-1.b") == "study-a-1.b.html"
    for name in ("../x", "a/b", "a b", "<b>", "", ".hidden", "x" * 200):
        assert study_file(name) == ""
    assert law_file("chinchilla") == "law-chinchilla.html"
    assert law_file("no_such_law") == ""


def test_a_version_of_before_the_fan_is_drawn(entries: list[Entry]) -> None:
    """Real versions: with and without fan, titles and changes."""
    for entry in entries:
        newest = read_newest(REPORTS, entry.version)
        if not newest.studies():
            continue
        listed = records(REPORTS, [entry])
        drawn = newest_blocks(newest, listed[0])
        assert [block.kind for block in drawn] == ["figure"]
        study = newest.studies()[0]
        page = study_page(study, listed, newest)
        assert [one.id for one in page.sections][:2] == ["now", "versions"]


def test_the_forecast_over_versions_is_that_of_the_versions(entries: list[Entry]) -> None:
    newest = read_newest(REPORTS, entries[-1].version)
    listed = records(REPORTS, entries)
    study = newest.studies()[0]
    page = study_page(study, listed, newest)
    versions = next(one for one in page.sections if one.id == "versions")
    table = versions.blocks[-1]
    assert table.kind == "table"
    rows = table.groups[0].rows
    heads = [one["forecasts"][study] for one in reversed(listed) if one["forecasts"]]
    assert [row[2].value for row in rows] == [head["median"] for head in heads]
    assert rows[0][0].link == f"{entries[-1].version}/report.html"


def test_a_law_has_its_fits_and_the_published_ones(entries: list[Entry]) -> None:
    newest = read_newest(REPORTS, entries[-1].version)
    page = law_page("chinchilla", newest)
    assert [one.id for one in page.sections] == ["law", "fits", "published"]
    fits = page.sections[1].blocks[0]
    assert fits.kind == "table" and len(fits.groups) == len(newest.fits)


def test_a_version_that_is_lost_has_no_figure(tmp_path: Path) -> None:
    newest = read_newest(tmp_path, "0" * 12)
    assert [block.kind for block in newest_blocks(newest, None)] == ["text"]
    assert read_newest(tmp_path, "../" + "0" * 9).studies() == []


def test_the_farthest_outcome_of_each_source_stands_beside_its_forecast() -> None:
    found = read_finished(REPORTS)
    sources = [row["source"] for row in found]
    assert len(sources) == len(set(sources)) >= 5
    assert [row["decades"] for row in found] == sorted((r["decades"] for r in found), reverse=True)
    for row in found:
        assert (row["low"] <= row["value"] <= row["high"]) == bool(row["in90"])
    text, table = finished_blocks(found)
    held = sum(bool(row["in90"]) for row in found)
    assert text.kind == "text" and f"{held} of {len(found)} outcomes" in text.text
    assert table.kind == "table" and len(table.groups[0].rows) == len(found)


def test_without_scores_nothing_is_finished(tmp_path: Path) -> None:
    assert read_finished(tmp_path) == [] and finished_blocks([]) == ()
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit/scores.csv").write_text("law,what\nensemble,1\n")
    assert read_finished(tmp_path) == []
    shutil.rmtree(tmp_path / "audit")
