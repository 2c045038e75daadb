"""Figures and tables of a study and its laws, from a real fit to simulated runs."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from scaling.document.blocks import Figure, Report
from scaling.document.render import html
from scaling.document.ticks import even_ticks, power_ticks
from scaling.laws import chinchilla
from scaling.laws._surface import compute_optimal
from scaling.pipeline import fit as stage
from scaling.report.context import Context, context
from scaling.report.figures import curves
from scaling.report.figures.profiles import crossing
from scaling.report.model import build
from scaling.report.read import read
from scaling.runs.schema import RUN, dtypes
from tests.support import ROOT
from tests.support.report_project import figures, project, studies, tables

LAWS = ("chinchilla", "power_law")
BUDGETS = (1e19, 3e20, 1e22)


def designed() -> pl.DataFrame:
    """Runs at three budgets, seven sizes each, from a known law with a little noise."""
    rng = np.random.default_rng(3)
    flops = np.repeat(BUDGETS, 7)
    best = (flops / 6 / 20) ** 0.5
    n = best * np.tile(10 ** np.linspace(-0.6, 0.6, 7), 3)
    d = flops / 6 / n
    value = (1.8 + 400 / n**0.34 + 2000 / d**0.37) * np.exp(rng.normal(0, 0.003, len(n)))
    known = {"params": n, "tokens": d, "flops": flops, "value": value}
    named = {"source": "alpha", "metric": "loss@web", "unit": "nats/token"}
    frame = pl.DataFrame(known).with_columns(**{k: pl.lit(v) for k, v in named.items()})
    missing = {k: pl.lit(None, dtype=t) for k, t in dtypes(RUN).items() if k not in frame.columns}
    return frame.with_columns(**missing).select(list(dtypes(RUN)))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose study was fitted by the fit stage."""
    chosen = studies(("alpha",))
    chosen["alpha"] |= {"exclude": [], "laws": list(LAWS)}
    root = project(tmp_path_factory.mktemp("fitted"), chosen)
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["fit"] = {"delta": 0.001, "resamples": 60}
    params["govern"] = {"day": "2026-11-23", "largest": 2}
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    designed().write_parquet(root / "data/validated/alpha.parquet")
    for name in ("thresholds", "trends"):
        (root / "data" / name).symlink_to(ROOT / "data" / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        stage.main("alpha")
    return root


@pytest.fixture(scope="module")
def ctx(here: Path) -> Context:
    """What the sections start from."""
    return context(read(here))


@pytest.fixture(scope="module")
def made(here: Path) -> Report:
    """The report."""
    return build(read(here))


def one(report: Report, name: str) -> Figure:
    """The figure of that id."""
    return next(figure for figure in figures(report) if figure.id == name)


def test_every_law_has_its_figures_and_every_figure_its_table(made: Report) -> None:
    laws = {
        "fit-0": list(LAWS),
        "residuals-0": list(LAWS),
        "valleys-0": ["chinchilla"],
        "frontier-0": ["chinchilla"],
    }
    for name, expected in laws.items():
        figure = one(made, name)
        assert [dict(panel.keys)["law"] for panel in figure.panels] == expected
        assert tables(made)[figure.table].groups
    shown = [panel.title for panel in one(made, "profiles-0").panels]
    assert shown == ["E", "A", "B", "alpha", "beta", "E", "A", "alpha"]


def test_the_frontier_is_the_closed_form(ctx: Context, made: Report) -> None:
    fit = ctx.studies[0].stored["chinchilla"]
    for row in tables(made)["frontier-table-0"].groups[0].rows:
        params, tokens = compute_optimal(chinchilla.LAW, fit.values, float(row[0].value))  # type: ignore[arg-type]
        assert row[1].value == pytest.approx(float(params), rel=1e-5)
        assert row[3].value == pytest.approx(float(tokens), rel=1e-5)
        drawn = dict(zip(fit.law.names, fit.draws.T, strict=True))
        ends = np.quantile(
            compute_optimal(chinchilla.LAW, drawn, float(row[0].value))[0], (0.05, 0.95)
        )  # type: ignore[arg-type]
        assert row[2].value == pytest.approx(tuple(ends), rel=5e-3)


def test_residuals_are_those_of_the_fit_file(here: Path, ctx: Context) -> None:
    study = ctx.studies[0]
    stored = json.loads((here / "data/fits/alpha.json").read_text())["fits"]
    for entry in stored:
        _, logs = curves.residuals(study.stored[entry["law"]], study.used)
        assert sorted(logs) == pytest.approx(sorted(entry["residuals"]), abs=1e-9)


def test_budgets_are_found(ctx: Context) -> None:
    study = ctx.studies[0]
    found = curves.budgets(study.stored["chinchilla"], study.used)
    assert [budget.flops for budget in found] == pytest.approx(BUDGETS)
    assert [len(budget.params) for budget in found] == [7, 7, 7]
    spread = designed().with_columns(flops=6 * pl.col("params") * pl.col("tokens").pow(1.01))
    assert curves.budgets(study.stored["chinchilla"], spread.head(4).with_columns(used=True)) == []


def test_the_band_is_of_the_draws(ctx: Context) -> None:
    study = ctx.studies[0]
    fit = study.stored["power_law"]
    band = curves.along(fit, study.used, np.array([1e20]))
    assert band.middle[0] == pytest.approx(float(fit.predict({"x": np.array([1e20])})[0]))
    drawn = fit.law(fit.draws, {"x": np.array([1e20])})[:, 0]
    assert band.ends is not None
    assert band.ends[:, 0] == pytest.approx(np.quantile(drawn, curves.LEVELS))


def test_profiles_rise_from_the_optimum(here: Path, ctx: Context) -> None:
    document = json.loads((here / "data/fits/alpha.json").read_text())
    for entry in document["profiles"]:
        best = ctx.studies[0].stored[entry["law"]].values
        for name, curve in entry["parameters"].items():
            least = int(np.argmin(curve["heights"]))
            assert curve["values"][least] == pytest.approx(best[name], rel=1e-5)
            for side in (curve["heights"][: least + 1][::-1], curve["heights"][least:]):
                assert np.all(np.diff(side) > -1e-3)
            assert curve["values"] == sorted(curve["values"])


def test_a_profile_crosses_where_a_parabola_does() -> None:
    points = [(x, x * x) for x in (0.0, 0.6, 1.4, 2.4)]
    assert crossing(points, 2.0) == pytest.approx(math.sqrt(2.0))
    assert crossing(points, 7.0) is None


def test_choices_are_told_with_the_fit_s_own(ctx: Context, made: Report) -> None:
    row = tables(made)["sensitivity-table"].groups[0].rows[0]
    own = ctx.studies[0].stored["chinchilla"]
    at = {"params": np.array([7e10]), "tokens": np.array([1.4e12])}
    assert row[3].value == pytest.approx(float(own.predict(at)[0]), rel=1e-5)
    low, high = row[4].value  # type: ignore[misc]
    assert low <= row[3].value <= high  # type: ignore[operator]
    assert len(tables(made)["choices-table"].groups[0].rows) == 6


def test_planned_runs_meet_thresholds_with_a_chance(made: Report) -> None:
    table = tables(made)["governance-table"]
    by_run = {group.title.split(",")[0]: group.rows for group in table.groups}
    assert set(by_run) == {"planned-7b", "optimal-1e24"}
    row = next(row for row in by_run["optimal-1e24"] if row[1].value == 1e23)
    assert row[3].value == pytest.approx(1.0, abs=1e-6)
    assert row[2].value == pytest.approx(10.0)
    for cell in (cell for rows in by_run.values() for row in rows for cell in row[1:4]):
        assert "data/thresholds/rules.csv#" in cell.origin
    models = tables(made)["governance-models"]
    assert len(models.groups) == 2
    assert all("finished" in group.title for group in models.groups)


def test_a_running_run_can_be_declared(here: Path, tmp_path: Path) -> None:
    root = tmp_path / "declared"
    root.mkdir()
    for path in here.iterdir():
        if path.name != "data":
            (root / path.name).symlink_to(path)
    (root / "data").mkdir()
    for path in (here / "data").iterdir():
        (root / "data" / path.name).symlink_to(path)
    (root / "data/declared").mkdir()
    line = "big,Lab <b>,running,4e25,2026-10-01,2026-12-01\n"
    named = "run,entity,state,flop,started,ended\n"
    (root / "data/declared/runs.csv").write_text(named + line)
    report = build(read(root))
    group = next(g for g in tables(report)["governance-table"].groups if g.title.startswith("big"))
    assert ", running, 4e25 FLOP" in group.title
    art51 = next(row for row in group.rows if row[1].value == 1e25)
    assert art51[3].value == pytest.approx(1.0, abs=1e-3)
    assert art51[4].value == pytest.approx(1.0, abs=1e-2)  # most of its days are over


def test_plans_are_those_of_the_planner(ctx: Context, made: Report) -> None:
    values = ctx.studies[0].stored["chinchilla"].values
    for row in tables(made)["planning-table"].groups[0].rows:
        params, tokens = compute_optimal(chinchilla.LAW, values, float(row[0].value))  # type: ignore[arg-type]
        assert (row[1].value, row[3].value) == pytest.approx(
            (float(params), float(tokens)), rel=1e-4
        )


def test_published_constants_stand_beside_the_plans(made: Report) -> None:
    found = tables(made)["planning-published"]
    assert [group.title for group in found.groups] == ["1e21 FLOP", "1e23 FLOP", "1e25 FLOP"]
    for group in found.groups:
        rows = {row[0].text: row for row in group.rows}
        kaplan = rows["envelope:kaplan2020"]
        assert [cell.text for cell in kaplan[6:]] == ["\u2014", "5.37", "1.86"]
        assert kaplan[2].text == "params without embeddings"
    page = html(made, scripted=True)
    assert "Contradicts approaches 1 and 2" in page


def test_without_draws_there_are_no_such_figures(here: Path, tmp_path: Path) -> None:
    root = project(tmp_path)
    names = {figure.id for figure in figures(build(read(root)))}
    assert names == {"forecast", "hero-0", "hero-1"}


def test_numbers_have_an_origin(made: Report) -> None:
    for table in tables(made).values():
        for cell in (cell for group in table.groups for row in group.rows for cell in row):
            if isinstance(cell.value, float | int | tuple):
                assert "#" in cell.origin, (table.id, cell)


def test_a_plot_says_its_axes_and_marks(made: Report) -> None:
    page = html(made, scripted=True)
    frames = re.findall(r'data-x="([^"]*)" data-y="([^"]*)"', page)
    panels = [p for figure in figures(made) if figure.size != "file" for p in figure.panels]
    narrow = [panel for panel in panels if panel.narrow]
    assert len(frames) == len([p for p in panels if "data-x" in p.svg]) + len(narrow)
    assert len(narrow) >= 2
    for told in (part for pair in frames for part in pair):
        kind, low, high, form, name = told.split("|")
        assert kind in ("log", "linear") and form in ("e", "c", "n")
        assert name or (float(low), float(high)) == (float(low), 0.0)  # places of rows, no values
        assert math.isfinite(float(low)) and math.isfinite(float(high)) and low != high
    assert not re.search(r"\bNaN\b|Infinity|undefined", page.partition("<script>")[0])


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 4.7), (1.97, 2.01), (1e-9, 2e-9)])
def test_even_ticks_are_round_and_inside(low: float, high: float) -> None:
    ticks = even_ticks(low, high)
    assert 3 <= len(ticks) <= 11
    assert all(low <= tick <= high for tick in ticks)


@pytest.mark.parametrize(("low", "high"), [(1e18, 1e25), (2e8, 9e8), (1.5, 4000.0)])
def test_power_ticks_are_inside(low: float, high: float) -> None:
    ticks = power_ticks(low, high)
    assert 1 <= len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)
