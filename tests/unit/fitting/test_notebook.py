"""How a fit shows itself in a notebook."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import polars as pl
from markdown_it import MarkdownIt

import scaling
from scaling.record.audit.run import Audit
from tests.support.report_project import NASTY, runs


def fit(resamples: int) -> scaling.Fit:
    table = runs("alpha").filter(pl.col("metric") == "loss@web").rename({"value": "loss"})
    return scaling.fit(table[2:], "chinchilla", resamples=resamples)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_fit_shows_its_parameters() -> None:
    made = fit(50)
    page = _Tags()
    page.feed(made._repr_html_())
    for name, value in made.values.items():
        assert name in page.text
        assert f"{value:.6g}" in page.text
        assert f"{value:.6g}" in made._repr_markdown_()
    assert made.outcome.sentence in page.text


def test_without_resamples_there_is_a_dash() -> None:
    assert "\u2014" in fit(0)._repr_html_()


def rendered(text: str) -> _Tags:
    shown = _Tags()
    shown.feed(MarkdownIt("commonmark").enable("table").render(text))
    return shown


def curve(rows: int = 30) -> pl.DataFrame:
    """Runs of one input."""
    x = [1e6 * 1.5**i for i in range(rows)]
    return pl.DataFrame({"x": x, "loss": [1.7 + 90 * v**-0.3 for v in x]})


def test_a_forecast_shows_a_row_a_planned_run() -> None:
    at = pl.DataFrame({"name": [NASTY, "second"], "x": [1e13, 1e14]})
    made = scaling.forecast(curve(), at, inputs=["x"], quantiles=(0.05, 0.5, 0.95))
    page, text = _Tags(), rendered(made._repr_markdown_())
    page.feed(made._repr_html_())
    low, middle, high = made["value"][3:]
    for shown in (page, text):
        assert not shown.seen & {"script", "svg", "a"}
        for words in ("median", "90 % interval", f"{middle:.4g}", f"{low:.4g} to {high:.4g}"):
            assert words in shown.text
    assert made.equals(pl.DataFrame(made))


def test_what_is_no_forecast_any_more_is_shown_as_a_table() -> None:
    made = scaling.forecast(curve(), pl.DataFrame({"x": [1e13, 1e14]}), inputs=["x"])
    part = type(made)(made.head(10))
    assert "dataframe" in part._repr_html_()
    assert "shape: (10, 3)" in part._repr_markdown_()


def test_a_long_forecast_says_how_much_is_left() -> None:
    made = scaling.forecast(curve(), pl.DataFrame({"x": [1e13 + i for i in range(60)]}),
                            inputs=["x"], quantiles=(0.25, 0.5))  # fmt: skip
    assert "and 10 more" in made._repr_html_()
    assert "25 % point" in made._repr_markdown_()


def test_a_backtest_shows_its_means() -> None:
    made = scaling.backtest(curve(), ["x"])
    mean = made.filter(pl.col("method") == "carry last")["log_error"].abs().mean()
    for text in (made._repr_html_(), made._repr_markdown_()):
        assert "ensemble" in text
        assert f"{mean:.4g}" in text
    assert "dataframe" in type(made)(made.drop("crps"))._repr_html_()


def test_an_audit_shows_its_page() -> None:
    empty = {"forecasts_scored": 0, "set_aside": 0, "open": [], "same_day": []}
    shown = rendered(Audit(pl.DataFrame(), pl.DataFrame(), empty)._repr_markdown_())
    assert "Audit of published forecasts" in shown.text


def test_hostile_text_is_text() -> None:
    made = fit(0)
    made = dataclasses.replace(made, reason=NASTY, law=dataclasses.replace(made.law, title=NASTY))
    page = _Tags()
    page.feed(made._repr_html_())
    assert not page.seen & {"script", "svg", "a"}
    shown = _Tags()
    shown.feed(MarkdownIt("commonmark").enable("table").render(made._repr_markdown_()))
    assert not shown.seen & {"script", "svg", "a"}
