"""The report: its numbers are those of the stages, and each says where it is from."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.document import format
from scaling.document.blocks import Report
from scaling.document.render import html
from scaling.report.model import build
from scaling.report.read import read
from tests.support.report_project import (
    LAWS,
    SECTIONS,
    STUDY_TITLES,
    TITLES,
    cells,
    project,
    runs,
    studies,
    tables,
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes."""
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def made(here: Path) -> Report:
    """Its report."""
    return build(read(here))


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        (format.loss, 1.93449, "1.934"),
        (format.loss, 2.4, "2.400"),
        (format.loss, 12.345, "12.35"),
        (format.loss, None, "\u2014"),
        (format.loss, math.nan, "\u2014"),
        (format.count, 4.05e11, "405B"),
        (format.count, 1.56e13, "15.6T"),
        (format.count, 999.6e6, "1B"),
        (format.count, 44, "44"),
        (format.count, 3.1e16, "3.1e16"),
        (format.flop, 3.8e25, "3.8e25 FLOP"),
        (format.flop, 1e21, "1e21 FLOP"),
        (format.flop, "much", "\u2014"),
        (format.scientific, 9.96e22, "1e23"),
        (format.share, 0.98, "98 %"),
        (format.share, 1.0, "100 %"),
        (format.share, 0.9996, "100.0 %"),
        (format.percent, 0.0123, "1.2 %"),
        (format.shift, -0.34, "\u22120.340"),
        (format.shift, 0.0121, "+0.012"),
        (format.shift, -1e-9, "0.000"),
        (format.span, 0.0391, "0.039"),
        (format.integer, 4000, "4,000"),
        (format.plain, True, "yes"),
        (format.plain, 2529.2, "2,529"),
        (format.plain, 3.4e-10, "3.4e-10"),
        (format.plain, 10**400, "\u2014"),
    ],
)
def test_numbers_have_sensible_digits(form: Any, value: Any, shown: str) -> None:
    assert form(value) == shown


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (477.826, 124.58, ("478", "125")),
        (1.81722, 0.0257, ("1.817", "0.026")),
        (6.4e13, 2.2e13, ("6.4e13", "2.2e13")),
        (6.4123e13, 2.2e11, ("6.412e13", "2.2e11")),
        (0.34731, None, ("0.34731", "\u2014")),
        (None, None, ("\u2014", "\u2014")),
    ],
)
def test_an_estimate_stops_at_the_second_digit_of_its_error(
    value: float | None, error: float | None, shown: tuple[str, str]
) -> None:
    assert format.estimate(value, error) == shown


def test_the_headline_says_what_the_forecast_says(here: Path, made: Report) -> None:
    table = tables(made)["headline-table"]
    frame = pl.read_csv(here / "data/forecasts/forecast.csv").filter(pl.col("law") == "ensemble")
    assert [group.title for group in table.groups] == list(TITLES.values())
    keys = {title: key for key, title in {**TITLES, **STUDY_TITLES}.items()}
    for group in table.groups:
        for row in group.rows:
            own = frame.filter(target=keys[group.title], study=keys[row[0].text])
            value = dict(own.select("quantile", "value").iter_rows())
            assert row[1].value == value[0.5]
            assert row[1].text == f"{value[0.5]:.3f}"
            assert [cell.value for cell in row[2:6]] == [
                (value[low], value[high])
                for low, high in ((0.25, 0.75), (0.1, 0.9), (0.05, 0.95), (0.025, 0.975))
            ]


def test_every_number_has_an_origin(made: Report) -> None:
    numbers = [c for c in cells(made) if isinstance(c.value, float | int | tuple)]
    assert len(numbers) > 150
    assert [cell for cell in numbers if "#" not in cell.origin] == []


def test_distance_and_spread_are_what_they_say(here: Path, made: Report) -> None:
    largest = max(runs("alpha").filter(metric="loss@web")["flops"].to_list()[2:])
    row = next(
        row
        for group in tables(made)["distance-table"].groups
        for row in group.rows
        if (group.title, row[0].text) == ("10²⁴ FLOP", "Alpha")
    )
    assert row[1].value == pytest.approx(math.log10(1e24 / largest))
    assert row[1].tone == "caution"
    assert row[6].value == pytest.approx(0.10)  # laws stand at -0.05, -0.10 and -0.15
    assert row[7].value == pytest.approx(2 * 1.2815515 * 0.03)
    assert (row[4].text.split()[0], row[5].text.split()[0]) == ("power_law", "chinchilla")
    assert row[6].tone == "caution"


def test_a_target_far_below_and_above_says_both(tmp_path: Path) -> None:
    """Four decades larger in N and three smaller in D, among runs of 3e7 to 3e9 and 1e9 to 1e11."""
    targets = {"odd": {"params": 1e14, "tokens": 1e6}}
    odd = tables(build(read(project(tmp_path, targets=targets))))
    row = odd["headline-table"].groups[0].rows[0]
    assert re.fullmatch(r"N \+4\.\d, D -3\.\d", row[-1].text)
    assert row[-1].tone == "caution"
    far = odd["distance-table"].groups[0].rows[0]
    assert far[2].value > 4 and far[3].value < -3  # params, tokens
    assert far[-1].value < 2  # the nearest run, from the corner of the ranges


def test_exclusions_and_counts_are_told(made: Report) -> None:
    rule = tables(made)["exclusion-table"].groups[0].rows[0]
    assert [cell.text for cell in rule] == ["flags LIKE '%outlier%'", "diverged", "2"]
    data = tables(made)["data-table"].groups[0].rows[0]
    assert [cell.text for cell in data[3:]] == ["44", "43", "1", "38"]


def test_excluded_runs_are_marked_and_other_metrics_left_away(here: Path) -> None:
    table = read(here).runs["alpha"]
    assert (table.height, int(table["used"].sum())) == (40, 38)


def test_a_doubtful_fit_is_named(tmp_path: Path) -> None:
    report = build(read(project(tmp_path, fit={"outcome": "at_bound"})))
    shown = html(report)
    assert "6 of 6 fits are doubtful" in shown
    assert "All 6 fits converged" not in shown


def test_sections_come_in_order(made: Report) -> None:
    assert [section.id for section in made.sections] == SECTIONS
    kinds = [block.kind for block in made.sections[SECTIONS.index("headline")].blocks]
    assert kinds == ["text", "table", "figure"]
    assert [one.id for one in made.appendix] == SECTIONS[SECTIONS.index("headline") :]


def test_published_fits_stand_beside_ours(tmp_path: Path) -> None:
    report = build(read(project(tmp_path, studies(("chinchilla-epoch",)))))
    table = tables(report)["published-table-0"]
    assert "Besiroglu" in table.groups[0].title
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.groups[0].rows}
    assert rows["A"] == ["478", "482.01", "124.58"]
    assert rows["alpha"][0] == "\u2014"  # the fixture's fit has no alpha


def test_laws_stand_beside_each_other(tmp_path: Path) -> None:
    one = project(tmp_path)
    path = one / "data/fits/alpha.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["fits"][1]["criteria"] |= {"aic": -1290.36, "aicc": -1290.0, "bic": -1270.5}
    document["fits"][2]["criteria"] = None  # a law with a procedure of its own
    path.write_text(json.dumps(document), encoding="utf-8")
    report = build(read(one))
    found = tables(report)["comparison-table-0"].groups[0].rows
    assert [row[0].text for row in found] == [LAWS[1], LAWS[0]]
    assert [cell.text for cell in found[1][3:9]] == [
        "\u22121,283.4", "\u22121,283.0", "\u22121,262.5", "7.0", "8.0", "3 %"
    ]  # fmt: skip
    decades_beyond = tables(report)["rolling-table-0"]
    assert [group.title for group in decades_beyond.groups] == list(LAWS)
    told = [cell.text for cell in decades_beyond.groups[0].rows[0]]
    assert told == ["0 to 0.5", "5", "21", "\u22120.4 %", "1.2 %"]


def test_both_fits_of_an_exclusion_stand_beside_each_other(made: Report) -> None:
    table = tables(made)["exclusion-pairs-0"]
    (group,) = table.groups
    assert group.title == "flags LIKE '%outlier%'"
    assert table.note.endswith("flags LIKE '%outlier%': diverged.")
    rows = [[cell.text for cell in row[1:]] for row in group.rows[:4]]
    assert rows == [
        ["rows", "38", "40", "\u2014"],
        ["outcome", "converged", "at bound", "\u2014"],
        ["A", "478", "602", "+1.0"],
        ["E", "1.817", "1.766", "\u22122.0"],
    ]
    assert len(group.rows) == 4 * len(LAWS)


def test_a_fit_file_without_comparisons_has_no_such_tables(tmp_path: Path) -> None:
    one = project(tmp_path, fit={"criteria": None})
    for path in (one / "data/fits").glob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        del document["rolling_origin"], document["without_exclusions"]
        path.write_text(json.dumps(document), encoding="utf-8")
    ids = set(tables(build(read(one))))
    assert not [name for name in ids if name.startswith(("comparison", "rolling", "exclusion-p"))]
