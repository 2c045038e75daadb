"""Text from data is text in every form of a report."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from markdown_it import MarkdownIt

from scaling.document import format
from scaling.document.blocks import Report
from scaling.document.render import escape_markdown, html, markdown
from scaling.report.model import build
from scaling.report.read import Inputs, read
from tests.support.report_project import NASTY, TARGETS, Seen, figures, project, studies


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes."""
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def made(here: Path) -> Report:
    """Its report."""
    return build(read(here))


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report in which every text from data tries to be markup."""
    chosen = studies()
    chosen["alpha"] |= {"metric": NASTY, "laws": [NASTY]}
    chosen["alpha"]["exclude"] = [{"where": "flags = 'outlier'", "reason": NASTY}]
    root = project(
        tmp_path_factory.mktemp("nasty"),
        chosen,
        targets={NASTY: TARGETS["planned-7b"], **TARGETS},
        fit={"outcome": NASTY, "outcome_text": NASTY, "objective_name": NASTY},
    )
    inputs = read(root)
    frame = inputs.forecast.with_columns(law=pl.col("law").replace("power_law", NASTY))
    renamed = {"alpha": NASTY}
    fields: dict[str, Any] = {
        "params": {
            **inputs.params,
            "studies": {NASTY: chosen["alpha"], "beta-2": chosen["beta-2"]},
        },
        "forecast": frame.with_columns(study=pl.col("study").replace(renamed)),
        "fits": {renamed.get(name, name): one for name, one in inputs.fits.items()},
        "runs": {renamed.get(name, name): one for name, one in inputs.runs.items()},
        "sources": {"alpha": {"citations": [NASTY], "licence": NASTY, "accessed": NASTY}},
    }
    return build(Inputs(**fields))


def test_data_is_no_markup_in_html(nasty: Report, made: Report) -> None:
    seen, normal = Seen(), Seen()
    seen.feed(html(nasty))
    normal.feed(html(made))
    assert set(seen.tags) <= set(normal.tags)
    assert "script" not in seen.tags
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "style"]
    assert not any("javascript:" in v for n, v in seen.attributes if n in ("href", "src"))
    assert "\u202e" not in html(nasty)
    assert "\x07" not in html(nasty)


def test_data_is_no_markup_in_markdown(nasty: Report) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(nasty))
    inner = [child for token in tokens for child in token.children or []]
    raw = {token.content.strip() for token in [*tokens, *inner] if token.type.startswith("html")}
    allowed = re.compile(r"</?(sub|details|summary)>")
    assert {
        tag for format in raw for tag in re.findall(r"<[^>]+>", format) if not allowed.match(tag)
    } == set()
    assert not [token for token in inner if token.type in ("code_inline", "em_open")]
    links = [token.attrs["href"] for token in inner if token.type == "link_open"]
    assert all(re.fullmatch(r"report\.html#[a-z0-9-]+", link) for link in links)
    images = [token.attrs["src"] for token in inner if token.type == "image"]
    assert images == ["forecast.svg"]


def test_a_pipe_does_not_shift_a_markdown_table(nasty: Report) -> None:
    lines = markdown(nasty).splitlines()
    found = [
        list(part) for is_row, part in groupby(lines, lambda line: line.startswith("|")) if is_row
    ]
    assert len(found) > 8
    for part in found:
        assert set(part[1]) <= set("|:- ")
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in part}) == 1, part[0]


def test_data_is_no_markup_in_a_drawing(nasty: Report) -> None:
    drawings = [panel.svg for figure in figures(nasty) for panel in figure.panels]
    sheets = [figure.sheet for figure in figures(nasty) if figure.file]
    nodes = [list(ElementTree.fromstring(drawn).iter()) for drawn in drawings + sheets]
    assert not [node for tree in nodes for node in tree if node.tag.endswith("script")]
    assert any("<script>" in (node.text or "") for tree in nodes for node in tree)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a|b", r"a\|b"),
        ("kaplan_joint", "kaplan_joint"),
        ("_x_", r"\_x\_"),
        ("1. one", r"1\. one"),
        ("1.934", "1.934"),
        ("# h", r"\# h"),
        ("<b>", "&lt;b>"),
        ("[a](b)", r"\[a\](b)"),
        ("a\\|b", r"a\\\|b"),
    ],
)
def test_markdown_escapes(given: str, shown: str) -> None:
    assert escape_markdown(given) == shown


def test_hidden_characters_become_visible() -> None:
    assert format.clean("a\u202eb\x00c\ud800d\n\te") == "a\ufffdb\ufffdc\ufffdd e"
