"""Charts show the data, the law, its bands and where extrapolation begins, and make whole files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import altair as alt
import numpy as np
import polars as pl
import pytest

import scaling
from scaling import charts
from scaling.charts.terminal import text
from tests.support import ROOT
from tests.support.simulated import chinchilla_runs

RUNS = chinchilla_runs()
PLANNED = {"params": [7e10, 7e9], "tokens": [1.4e12, 2e11]}


def one_input() -> pl.DataFrame:
    x = np.geomspace(1e6, 1e9, 12)
    return pl.DataFrame({"x": x, "loss": 2.0 + 300.0 * x**-0.4})


RESULTS: dict[str, tuple[Callable[[], Any], set[str]]] = {
    "fit": (
        lambda: scaling.fit(RUNS, "chinchilla", resamples=40),
        {"law", "residuals", "frontier", "valleys", "draws"},
    ),
    "fit without resamples": (
        lambda: scaling.fit(RUNS, "chinchilla", resamples=0),
        {"law", "residuals", "frontier", "valleys"},
    ),
    "fit of one input": (
        lambda: scaling.fit(one_input(), "power_law", resamples=20),
        {"law", "residuals"},
    ),
    "forecast": (lambda: scaling.forecast(RUNS, PLANNED), {"fan"}),
    "forecast of one input": (
        lambda: scaling.forecast(one_input(), {"x": [1e10]}, inputs=["x"]),
        {"fan"},
    ),
    "backtest": (lambda: scaling.backtest(RUNS), {"errors", "coverage", "methods"}),
    "exponents": (
        lambda: scaling.exponents(RUNS, resamples=20),
        {"a", "params", "tokens_per_param"},
    ),
    "comparison": (lambda: scaling.compare(RUNS, ["chinchilla"]), {"criteria"}),
    "discovery": (lambda: scaling.discover(one_input()), {"ranking"}),
    "optimum": (
        lambda: scaling.plan.optimal("published:chinchilla", flops=1e24),
        {"valley"},
    ),
    "cost": (lambda: scaling.plan.cost(flops=1e24), {"figures"}),
    "version": (lambda: scaling.read_version(root=ROOT), {"forecasts"}),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_has_its_panels(name: str) -> None:
    """Each is valid by Altair's schema, and drawn without a complaint."""
    build, expected = RESULTS[name]
    made = build()
    panels = charts.panels_of(made)
    assert {one for one, panel in panels.items() if panel(made) is not None} >= expected
    whole = made.plot()
    whole.to_dict(validate=True)
    assert isinstance(whole, alt.TopLevelMixin)


def test_isoflop_runs_are_drawn_with_their_optimum() -> None:
    law = scaling.laws.get("isoflop")
    assert law.example is not None
    runs, _ = law.example(np.random.default_rng(0))
    made = scaling.fit(runs, "isoflop", resamples=10)
    found = {one["mark"]: one["rows"] for one in layers(made.plot("valleys").to_dict())}
    assert sorted(row["loss"] for row in found["line"]) == sorted(runs["loss"].to_list())
    budgets = {row["budget"] for row in found["line"]}
    assert len(found["point"]) == len(budgets)
    assert made.plot("frontier").to_dict()["title"]["text"] == "Compute-optimal params"


def layers(spec: Any) -> Iterator[dict[str, Any]]:
    """Every layer with its rows."""
    sets = spec.get("datasets", {})
    for part in spec.get("layer", [spec]):
        one = {"data": spec.get("data", {}), **part}
        if "layer" in one:
            yield from layers({**one, "datasets": sets})
        else:
            rows = one["data"].get("values") or sets.get(one["data"].get("name"))
            yield {"mark": one["mark"]["type"], "rows": rows}


def test_the_law_panel_has_data_law_band_and_edge() -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=40)
    found = {one["mark"]: one["rows"] for one in layers(made.plot("law").to_dict())}
    compute = 6.0 * RUNS["params"] * RUNS["tokens"]
    assert [row["y"] for row in found["point"]] == RUNS["loss"].to_list()
    assert [row["x"] for row in found["point"]] == compute.to_list()
    assert found["rule"] == [{"edge": compute.max(), "text": "extrapolation \u2192"}]
    best = scaling.plan.optimal(made, flops=found["line"][20]["x"])
    assert found["line"][20]["value"] == pytest.approx(best.value("loss").value, rel=1e-9)
    assert all(row["low"] <= row["value"] <= row["high"] for row in found["area"][5:])


def test_valleys_have_their_optimum() -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=0)
    found = {one["mark"]: one["rows"] for one in layers(made.plot("valleys").to_dict())}
    for dot in found["point"]:
        budget = next(r for r in found["line"] if r["params"] == pytest.approx(dot["params"]))
        curve = [r["loss"] for r in found["line"] if r["budget"] == budget["budget"]]
        assert dot["loss"] == pytest.approx(min(curve))


def test_the_fan_ends_at_the_forecast() -> None:
    made = scaling.forecast(RUNS, {"params": [7e10], "tokens": [1.4e12]})
    at = dict(made.select("quantile", "value").iter_rows())
    bands = [one["rows"] for one in layers(made.plot().to_dict()) if one["mark"] == "area"]
    assert len(bands) == 4 and len(bands[0]) == 12
    assert bands[0][-1]["0.05"] == pytest.approx(at[0.05], rel=1e-9)
    assert bands[0][-1]["0.95"] == pytest.approx(at[0.95], rel=1e-9)


def test_files_are_whole_and_need_no_network(tmp_path: Path) -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=20).plot()
    for suffix in charts.SUFFIXES:
        charts.write(made, tmp_path / f"chart{suffix}")
    page = (tmp_path / "chart.html").read_text(encoding="utf-8")
    assert not re.search(r"<script[^>]+src=|<link|@import|cdn\.", page)
    ElementTree.fromstring((tmp_path / "chart.svg").read_bytes())
    assert (tmp_path / "chart.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chart.pdf", r"found '\.pdf'; allowed: \.html \.svg \.png"),
        ("no/chart.svg", "no such folder"),
    ],
)
def test_other_files_are_refused(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(scaling.InputError, match=words):
        charts.check(tmp_path / name)


def test_an_unknown_panel_is_refused() -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=0)
    with pytest.raises(scaling.InputError, match=r"allowed: law,.*Did you mean 'valleys'"):
        made.plot("valley")
    with pytest.raises(scaling.InputError, match=r"nothing to draw; found 'draws'"):
        made.plot("draws")


def test_a_stored_forecast_is_drawn_without_its_fan(tmp_path: Path) -> None:
    made = scaling.forecast(RUNS, PLANNED)
    again = scaling.load(made.save(tmp_path / "made.json"))
    marks = [one["mark"] for one in layers(again.plot().to_dict())]
    assert "area" not in marks and "rule" in marks and "point" in marks


def test_a_chart_in_the_terminal_shows_axes_and_edge() -> None:
    shown = text(scaling.forecast(RUNS, PLANNED).plot())
    assert "Forecast of loss" in shown and "training compute, FLOP" in shown
    assert "5.88e+23" in shown and "\u2022" in shown and ":" in shown
    assert "\x1b" not in shown and max(map(len, shown.splitlines())) <= 76
