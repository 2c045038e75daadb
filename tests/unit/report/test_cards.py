"""Cards of studies: names, figure, checks and findings, for any studies and targets."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from scaling.document.blocks import Entries, Report, Subsection, all_blocks
from scaling.document.render import html, markdown
from scaling.report.context import Context, context
from scaling.report.figures.hero import (
    WIDEST,
    compute_ends,
    hero_plot,
    loss_ends,
    small_plot,
    spread,
)
from scaling.report.model import build
from scaling.report.names import law_title, study_titles, target_titles
from scaling.report.read import read
from scaling.report.sections.cards import fan_points, hero_of
from scaling.report.sections.evidence import verdict
from tests.support.report_project import project, studies, tables

FAN_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def with_record(root: Path, name: str = "alpha", inside: float = 0.9, far: float = 0.1) -> Path:
    """Backtests of a study: 20 forecasts of all laws together, each ``far`` decades out."""
    (root / "data/backtests").mkdir(exist_ok=True)
    line = {"method": "ensemble", "forecasts": 20, "error": 0.02, "bias": 0.0, "crps": 0.01,
            "in50": 0.5, "in80": 0.8, "in90": inside, "in95": 0.95, "skill": 0.5, "low": None,
            "high": None}  # fmt: skip
    near = {**line, "low": 0.0, "high": 0.3}
    text = json.dumps({"study": name, "methods": [line, near]})
    (root / f"data/backtests/{name}.json").write_text(text)
    pl.DataFrame(
        {"origin": [0] * 20, "known": [18] * 20, "row": list(range(18, 38)), "decades": [far] * 20,
         "method": ["ensemble"] * 20, "log_error": [0.01] * 20, "in90": [1] * 19 + [0]},
    ).write_parquet(root / f"data/backtests/{name}.parquet")  # fmt: skip
    return root


def with_fan(root: Path, names: tuple[str, ...] = ("alpha",)) -> Path:
    """A fan of twelve budgets."""
    rows = [
        (name, 1e9, 1e10, 10 ** (18.5 + n / 2), q, 2.6 - 0.05 * n + (q - 0.5) * 0.1)
        for name in names
        for n in range(12)
        for q in FAN_LEVELS
    ]
    columns = ["study", "params", "tokens", "flops", "quantile", "value"]
    pl.DataFrame(rows, schema=columns, orient="row").write_csv(root / "data/forecasts/fan.csv")
    return root


def cards_of(report: Report) -> list[Subsection]:
    """The cards of a report."""
    return [one for one in all_blocks(report) if isinstance(one, Subsection) and one.card]


def checks_of(card: Subsection) -> Entries:
    """The card's checks."""
    waiting: list[Any] = list(card.blocks)
    while waiting:
        block = waiting.pop()
        if isinstance(block, Entries):
            return block
        waiting += getattr(block, "blocks", ())
    raise AssertionError("no checks")


def test_titles_are_chosen_or_made_of_keys() -> None:
    chosen = {
        "a-b_c": {},
        "x": {"title": "Own name"},
        "y": {"title": "Twin"},
        "z": {"title": "Twin"},
    }
    assert study_titles(chosen) == {
        "a-b_c": "A b c", "x": "Own name", "y": "Twin (y)", "z": "Twin (z)"
    }  # fmt: skip


def test_targets_are_called_by_budget_or_size() -> None:
    targets = {
        "one": {"flops": 1e25}, "two": {"flops": 3.8e25},
        "three": {"params": 7e10, "tokens": 1e12}, "four": {"params": 7e10, "tokens": 2e12},
        "five": {},
    }  # fmt: skip
    assert target_titles(targets) == {
        "one": "10²⁵ FLOP", "two": "3.8 × 10²⁵ FLOP", "three": "70B model (three)",
        "four": "70B model (four)", "five": "five",
    }  # fmt: skip


def test_laws_have_short_titles() -> None:
    assert law_title("chinchilla") == "Chinchilla"
    assert law_title("coupled") == "Coupled law"
    assert law_title("my_own-law") == "My own law"


@pytest.mark.parametrize(
    ("places", "most"), [([0.0, 1.0, 2.0], 300.0), ([290.0, 295.0, 300.0], 300.0), ([5.0], 9.0)]
)
def test_labels_keep_their_distance(places: list[float], most: float) -> None:
    found = spread(places, 16, most)
    assert all(b - a >= 16 for a, b in itertools.pairwise(found))
    assert found[-1] <= max(most, places[0] + 16 * len(places))


@pytest.fixture(scope="module")
def ctx(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """Two studies, one of them with a fan."""
    return context(read(with_fan(project(tmp_path_factory.mktemp("fan")))))


def test_the_figure_holds_every_interval_and_its_edge(ctx: Context) -> None:
    hero = hero_of(ctx, ctx.studies[0])
    assert len(hero.fan) == 12 and len(hero.path) == 14  # with two budgets of targets
    low, high = loss_ends(hero)
    assert low < min(one.quantiles[0.05] for one in hero.fan)
    assert high > max(one.quantiles[0.95] for one in hero.fan)
    ends = compute_ends([hero, hero_of(ctx, ctx.studies[1])])
    assert ends[1] - ends[0] <= WIDEST + 1
    for drawn in (
        hero_plot(hero, ends),
        hero_plot(hero, ends, narrow=True),
        small_plot(hero, ends),
    ):
        ElementTree.fromstring(drawn.svg)
    wide, narrow = hero_plot(hero, ends).svg, hero_plot(hero, ends, narrow=True).svg
    assert "beyond the largest run" in wide
    assert "Chinchilla" in wide and "Chinchilla" not in narrow


def test_a_table_without_a_fan_is_no_fan() -> None:
    assert fan_points(pl.DataFrame(), "alpha") == ()
    assert fan_points(pl.DataFrame({"study": ["alpha"]}), "alpha") == ()


def test_a_card_has_the_targets_and_links_to_their_rows(ctx: Context) -> None:
    report = build(ctx.inputs)
    assert [card.key for card in cards_of(report)] == ["alpha", "beta-2"]
    rows = tables(report)["targets-0"].groups[0].rows
    assert [row[0].text for row in rows] == ["10²¹ FLOP", "7B model", "10²⁴ FLOP"]
    anchors = {
        row[0].anchor for group in tables(report)["headline-table"].groups for row in group.rows
    }
    assert {row[1].link.removeprefix("#") for row in rows} <= anchors
    page = html(report)
    assert all(f'id="{anchor}"' in page for anchor in anchors)


def test_without_backtests_nothing_passes_quietly(tmp_path: Path) -> None:
    report = build(read(project(tmp_path)))
    for card in cards_of(report):
        texts = [one.cell.text for one in checks_of(card).items]
        assert texts[0] == "Intervals were not tested"
        assert texts[2] == "Reach of the backtests is unknown"
    assert "No backtest says how often the intervals hold." in html(report)


@pytest.mark.parametrize(
    ("inside", "good", "said"),
    [(0.76, False, "too narrow"), (0.848, True, "about right"), (1.0, True, "wider than needed")],
)
def test_coverage_is_that_of_the_study(
    tmp_path: Path, inside: float, good: bool, said: str
) -> None:
    assert verdict(inside) == said
    card = cards_of(build(read(with_record(project(tmp_path), inside=inside))))[0]
    first = checks_of(card).items[0]
    assert (first.cell.tone == "good") == good
    assert first.note == f"20 backtests of this study; {said}"


@pytest.mark.parametrize(("far", "reached"), [(0.1, 0), (9.0, 20)])
def test_reach_is_compared_with_the_farthest_target(
    tmp_path: Path, far: float, reached: int
) -> None:
    report = build(read(with_record(project(tmp_path), far=far)))
    last = checks_of(cards_of(report)[0]).items[2]
    assert (last.cell.tone == "good") == (reached >= 10)
    assert last.note.startswith(f"{reached} of 20 backtests reached as far; 10²⁴ FLOP lies ")


def test_laws_that_differ_by_more_than_the_interval_are_named(tmp_path: Path) -> None:
    card = cards_of(build(read(project(tmp_path))))[0]
    second = checks_of(card).items[1]
    # Laws stand at -0.05, -0.10 and -0.15; the interval is 2 x 1.645 x 0.03 wide.
    assert second.cell.text == "Laws disagree at 10²⁴ FLOP"
    assert "a gap of 0.10, against an interval 0.10 wide" in second.note


def test_outcomes_stand_beside_forecasts(tmp_path: Path) -> None:
    report = build(read(with_record(project(tmp_path))))
    (group,) = tables(report)["finished-table"].groups
    assert group.title == "Alpha" and len(group.rows) == 3
    for row in group.rows:
        assert row[2].value == pytest.approx(row[1].value * 1.01005, rel=1e-4)
        assert row[4].text == "+1.0 %"


def test_one_study_without_targets_is_a_page(tmp_path: Path) -> None:
    root = project(tmp_path, studies(("alpha",)))
    table = pl.read_csv(root / "data/forecasts/forecast.csv")
    table.clear().write_csv(root / "data/forecasts/forecast.csv")
    report = build(read(root))
    assert "No forecast: the study has no model and no target." in html(report)
    assert "## Forecasts" in markdown(report)


def test_long_names_are_cut_in_figures_and_whole_in_tables(tmp_path: Path) -> None:
    chosen = studies(("alpha",))
    chosen["alpha"]["title"] = "A very long name of a study " * 6
    report = build(read(project(tmp_path, chosen)))
    assert len(cards_of(report)[0].title) < 80
    assert cards_of(report)[0].study == chosen["alpha"]["title"].strip()
