"""The page and the JSON: what they load, say and look like."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from scaling.document.blocks import Report
from scaling.document.palette import COLOUR, ROLES, Scheme
from scaling.document.render import html, stylesheet
from scaling.document.report_json import load, to_json
from scaling.report.model import HOME, build
from scaling.report.read import read
from tests.support import ROOT
from tests.support.report_project import SECTIONS, Seen, figures, project, tables


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes."""
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def made(here: Path) -> Report:
    """Its report."""
    return build(read(here))


def test_the_page_loads_nothing_and_its_policy_fits(made: Report) -> None:
    page = html(made)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
    seen = Seen()
    seen.feed(page)
    policy = next(value for name, value in seen.attributes if "default-src" in value)
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:")
    assert not set(seen.tags) & {"script", "link", "img", "iframe", "object", "base", "form"}
    links = [value for name, value in seen.attributes if name in ("href", "src")]
    ids = [value for name, value in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert links
    assert {link.removeprefix("#") for link in links} <= {*ids, HOME.link}
    assert "url(" not in page


def test_the_script_is_the_one_that_the_policy_names(made: Report) -> None:
    page = html(made, scripted=True)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;;" in page
    assert not re.search(r"fetch|XMLHttp|import\(|eval|https?:|innerHTML = [^t]", script)
    assert "<script" not in html(made)


def test_nothing_is_lost_or_told_twice_in_the_json(made: Report) -> None:
    """Each cell comes back whole, and the file has none of its texts twice."""
    text = to_json(made)
    blocks = [block for section in load(text)["sections"] for block in section["blocks"]]
    found = {}
    while blocks:
        block = blocks.pop()
        blocks += block.get("blocks", [])
        if block["kind"] == "table":
            found[block["id"]] = block
    assert set(found) == set(tables(made))
    for name, table in tables(made).items():
        rows = [row for group in table.groups for row in group.rows]
        kept = [row for group in found[name]["groups"] for row in group["rows"]]
        for cell, one in zip(chain(*rows), chain(*kept), strict=True):
            value = list(cell.value) if isinstance(cell.value, tuple) else cell.value
            told = (cell.text, value, cell.unit, cell.origin)
            assert told == tuple(one[key] for key in ("text", "value", "unit", "origin"))
    assert len(text) < 0.75 * len(json.dumps(load(text)))


def test_what_earlier_versions_wrote_is_still_read() -> None:
    """Their JSON has every cell in full, and is taken as it is."""
    full = {"sections": [{"blocks": [{"kind": "text", "text": "a", "tone": ""}]}], "title": "t"}
    assert load(json.dumps(full)) == full
    for path in sorted((ROOT / "reports").glob("[0-9a-f]*/report.json")):
        whole = load(path.read_bytes())
        section = next(one for one in whole["sections"] if one["id"] == "headline")
        table = next(b for b in section["blocks"] if b["kind"] == "table")
        assert table["groups"][0]["rows"][0][1]["origin"].startswith("data/forecasts/")


def test_figures_have_alternative_text_and_a_table(made: Report) -> None:
    for figure in figures(made):
        assert figure.table in tables(made)
        assert all(panel.title in panel.alt for panel in figure.panels)
    (card,) = [figure for figure in figures(made) if figure.id == "hero-0"]
    for row in tables(made)["targets-0"].groups[0].rows:
        low, high = row[1].text.split("–")
        assert f"{row[0].text}: median {row[2].text}, 90 % interval {low} to {high}." in card.alt


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_to_read(scheme: Scheme) -> None:
    shown = {role.name: luminance(getattr(role, scheme)) for role in ROLES}

    def contrast(one: str, other: str) -> float:
        dark, light = sorted((shown[one], shown[other]))
        return (light + 0.05) / (dark + 0.05)

    for ground in ("paper", "surface", "beyond", "wash"):
        for role in ("ink", "muted", "median", "planned", "law", "link", "good", "bad"):
            assert contrast(role, ground) >= 4.5, (role, ground)
    for role in ("run", "median", "planned"):
        assert contrast(role, "surface") >= 3, role
    for band in ("band50", "band80", "band90", "band95"):
        assert contrast("median", band) >= 3, band


def test_every_drawn_colour_changes_with_the_scheme(made: Report) -> None:
    assert len(set(COLOUR.values())) == len(ROLES)
    known = {*COLOUR.values(), "none", "transparent"}
    for figure in figures(made):
        assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', figure.sheet)) <= known
    assert all(f'[fill="{colour}"]' in stylesheet() for colour in COLOUR.values())


def test_json_is_the_model(made: Report) -> None:
    loaded = json.loads(to_json(made))
    assert [section["id"] for section in loaded["sections"]] == SECTIONS
    table = next(s for s in load(to_json(made))["sections"] if s["id"] == "headline")["blocks"][1]
    assert table["kind"] == "table"
    cell = table["groups"][0]["rows"][0][1]
    assert cell["origin"].startswith("data/forecasts/forecast.csv#alpha, planned-7b, ensemble")
    assert cell["text"] == f"{cell['value']:.3f}"
