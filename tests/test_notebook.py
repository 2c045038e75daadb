"""How a fit shows itself in a notebook."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser

import polars as pl
from markdown_it import MarkdownIt

import scaling
from tests.report_project import NASTY, runs


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


def test_hostile_text_is_text() -> None:
    made = fit(0)
    made = dataclasses.replace(made, reason=NASTY, law=dataclasses.replace(made.law, title=NASTY))
    page = _Tags()
    page.feed(made._repr_html_())
    assert not page.seen & {"script", "svg", "a"}
    shown = _Tags()
    shown.feed(MarkdownIt("commonmark").enable("table").render(made._repr_markdown_()))
    assert not shown.seen & {"script", "svg", "a"}
