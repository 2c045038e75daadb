"""The explorer in a real browser: its numbers are the forecast's, by pointer, keyboard and text."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scaling.explore import page_data
from scaling.explore.page import html
from scaling.explore.serve import server
from scaling.fitting.data import law_inputs
from scaling.forecasting.named_law import law_quantiles
from scaling.plan.stored import Sheet, fitted
from tests.support.axe import SERIOUS, axe_core
from tests.support.browser import Browser, started
from tests.support.command import scaling

LEVELS = np.array(page_data.LEVELS)
NASTY = "</script><script>alert(1)</script>\u202e{{DATA}}"


def runs(seed: int = 3, rows: int = 60) -> pl.DataFrame:
    """Simulated runs of a Chinchilla law (Besiroglu et al. 2024, constants) with 0.5 % noise."""
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(np.log(5e7), np.log(8e9), rows))
    d = n * np.exp(rng.uniform(np.log(5), np.log(80), rows))
    loss = 1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658
    return pl.DataFrame(
        {"params": n, "tokens": d, "loss": loss * np.exp(rng.normal(0, 0.005, rows))}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("explore")
    runs().write_csv(place / "runs.csv")
    assert scaling("explore", place / "runs.csv", "--out", place / "explorer.html") == 0
    return place


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    """The model of the table and one law, with resamples."""
    return fitted(runs(), ("chinchilla", "coupled"), label="mine", resamples=60)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as running:
        yield running


def shown(browser: Browser, points: list[tuple[float, float]]) -> list[list[str]]:
    """Low, median and high as the page prints them, at sizes in full."""
    asked = json.dumps(points)
    ends = "[q[0], q[2], q[4]].map(value => shortNumber(value))"
    script = f"{asked}.map(([n, d]) => forecastAt(n, d)).map(q => {ends})"
    found: list[list[str]] = browser.run(script)
    return found


def points(seed: int, count: int = 50) -> list[tuple[float, float]]:
    rng = np.random.default_rng(seed)
    return [
        (float(10 ** rng.uniform(7, 13)), float(10 ** rng.uniform(9, 15))) for _ in range(count)
    ]


def test_its_numbers_are_those_of_the_forecast(
    folder: Path, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    at = points(8)
    planned = pl.DataFrame(at, schema=["params", "tokens"], orient="row")
    planned.write_csv(folder / "planned.csv")
    out = folder / "forecast.csv"
    command = ("forecast", folder / "runs.csv", "--at", folder / "planned.csv", "--out", out)
    assert scaling(*command, "--quantile", "0.05", "--quantile", "0.5", "--quantile", "0.95") == 0
    values = pl.read_csv(out)["value"].to_list()
    browser.open(folder / "explorer.html", 1280, 900, "light")
    expected = [[f"{value:.4g}" for value in values[3 * i : 3 * i + 3]] for i in range(50)]
    assert shown(browser, at) == expected


def test_a_law_alone_says_what_the_version_says(
    sheet: Sheet, browser: Browser, tmp_path: Path
) -> None:
    data = page_data.page([page_data.study(sheet, 7)], _day())
    assert [one["name"] for one in data["studies"][0]["models"]] == [
        "model",
        "chinchilla",
        "coupled",
    ]
    (tmp_path / "page.html").write_text(html(data))
    browser.open(tmp_path / "page.html", 1280, 900, "light")
    at = points(9)
    table = pl.DataFrame(at, schema=["params", "tokens"], orient="row")
    for number, name in ((1, "chinchilla"), (2, "coupled")):
        browser.run(
            f"by('model').value = '{number}'; by('model').dispatchEvent(new Event('change'))"
        )
        fit = sheet.fits[name]
        x = law_inputs(table, fit.law, to_fit=False)
        found = law_quantiles(fit.law, fit.resampled, fit.residuals, x, (LEVELS[[0, 2, 4]], 7))
        assert shown(browser, at) == [[f"{value:.4g}" for value in row] for row in found.T], name


def test_a_model_of_another_form_is_shown_on_a_grid(browser: Browser, tmp_path: Path) -> None:
    from scaling.forecasting.table_model import table_model

    known = runs(rows=30)
    model = table_model(known, ("params", "tokens"), "loss")
    ranges = {"params": (1e8, 1e10), "tokens": (1e9, 1e11)}
    one = page_data.study(fitted(known, (), label="mine"), 0)
    one |= {"ranges": ranges | {"flops": (1e18, 1e22)}}
    one |= {"models": [{"name": "model", "title": "Model"} | page_data.grid(model, ranges)]}
    one |= {"ends": {name: page_data._ends(ends) for name, ends in ranges.items()}}
    (tmp_path / "page.html").write_text(html(page_data.page([one], _day())))
    browser.open(tmp_path / "page.html", 1280, 900, "light")
    assert browser.complaints() == []
    assert "points of a grid" in browser.run("by('warning').textContent")
    n, d = browser.run("[10 ** state.n, 10 ** state.d]")
    at = pl.DataFrame({"params": [n], "tokens": [d]})
    low, high = (f"{value:.4g}" for value in model.quantiles(at, LEVELS[[0, 4]])[:, 0])
    assert browser.run("by('interval').textContent") == f"{low} to {high}"


def _day() -> object:
    from datetime import date

    return date(2026, 11, 29)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 900)])
def test_it_opens_quietly_and_fits(
    folder: Path, browser: Browser, size: tuple[int, int], scheme: str
) -> None:
    page = folder / "explorer.html"
    browser.open(page, *size, scheme)
    assert browser.complaints() == [] and browser.requests() == [page.as_uri()]
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    smallest = (
        "Math.min(...[...document.querySelectorAll('body *')].filter(e => e.checkVisibility())"
    )
    assert browser.run(f"{smallest}.map(e => parseFloat(getComputedStyle(e).fontSize)))") >= 12


def test_axe_finds_nothing_serious(
    folder: Path, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = axe_core(tmp_path_factory.mktemp("axe"))
    for scheme in ("light", "dark"):
        browser.open(folder / "explorer.html", 1280, 900, scheme)
        browser.run(script)
        assert browser.run(SERIOUS) == []


def test_keys_and_text_change_it(folder: Path, browser: Browser) -> None:
    browser.open(folder / "explorer.html", 1280, 900, "light")
    before = browser.run("by('sentence').textContent")
    browser.run("by('params').focus()")
    browser.press("ArrowRight", 39)
    browser.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert browser.run("by('sentence').textContent") != before
    change = "by('tokens-text').value = '{}'; by('tokens-text').dispatchEvent(new Event('change'))"
    browser.run(change.format("1.4T"))
    assert "on 1.4T tokens" in browser.run("by('sentence').textContent")
    assert browser.run("by('problem').textContent") == ""
    browser.run(change.format("lots"))
    problem = browser.run("by('problem').textContent")
    assert problem.startswith("tokens: found lots; allowed: ") and problem.endswith("or 7e10.")
    assert "on 1.4T tokens" in browser.run("by('sentence').textContent")


def test_planned_runs_are_a_table_that_forecast_reads(
    folder: Path, browser: Browser, tmp_path: Path
) -> None:
    browser.open(folder / "explorer.html", 1280, 900, "light")
    for name in ("", '=cmd "x", y'):
        browser.run(f"by('name').value = {json.dumps(name)}; by('add').click()")
    planned = tmp_path / "planned.csv"
    planned.write_text(browser.run("document.querySelector('textarea').value"))
    table = pl.read_csv(planned)
    assert table["name"].to_list() == ["run-1", '=cmd "x", y']
    out = tmp_path / "forecast.csv"
    assert scaling("forecast", folder / "runs.csv", "--at", planned, "--out", out) == 0
    interval = browser.run("by('interval').textContent")
    made = pl.read_csv(out).filter(
        pl.col("name") == "run-1", pl.col("quantile").is_in([0.05, 0.95])
    )
    assert " to ".join(f"{value:.4g}" for value in made["value"]) == interval


def test_foreign_text_is_text(sheet: Sheet, browser: Browser, tmp_path: Path) -> None:
    one = page_data.study(sheet, 0) | {"title": NASTY, "metric": NASTY, "left_out": {NASTY: NASTY}}
    page = tmp_path / "page.html"
    page.write_text(html(page_data.page([one], _day())), encoding="utf-8")
    browser.open(page, 1280, 900, "light")
    assert browser.complaints() == []
    assert browser.run("by('study').textContent") == NASTY


def test_it_is_served_on_this_machine_alone() -> None:
    running = server("<p>page</p>")
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        assert running.server_address[0] == "127.0.0.1"
        port = running.server_port

        def asked(path: str, host: str) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, content

        assert asked("/", f"127.0.0.1:{port}") == (200, b"<p>page</p>")
        assert asked("/", "evil.example:80")[0] == 403
        assert asked("/../etc/passwd", f"localhost:{port}")[0] == 404
    finally:
        running.shutdown()
        running.server_close()


def test_what_cannot_be_explored_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    runs(rows=3).write_csv("few.csv")
    bad = runs(rows=8).cast({"params": pl.String}).with_columns(params=pl.lit("x9"))
    bad.write_csv("bad.csv")
    for given, said in (
        (("bad.csv", "--out", "x.html"), "row 1, column 'params'"),
        (("few.csv", "--out", "x.html"), "too few runs"),
        (("few.csv", "--out", "x.csv"), "a name that ends in .html"),
        (("--out", "x.html"), "no project here"),
        (("nothing", "--out", "x.html"), "no such stored fit"),
    ):
        assert scaling("explore", *given) == 2
        assert said in capsys.readouterr().err, given
    assert not shutil.which("nothing") and not Path("x.html").exists()
