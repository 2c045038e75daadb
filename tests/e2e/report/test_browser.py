"""The pages in a real browser: quiet, offline, right, readable at every size, by keyboard too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaling.document.render import html
from scaling.document.report_json import load
from scaling.pipeline.report import contents
from scaling.record.site import audited
from scaling.record.site.page import page
from scaling.record.site.records import records
from scaling.record.versions.ledger import Entry
from tests.support.axe import SERIOUS, axe_core
from tests.support.browser import Browser, started
from tests.support.report_project import NASTY, project, studies

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
VERSION = "0123456789ab"
# The texts of all cells, without notes in small type, and with raised digits as characters.
CELLS = """(() => {
    const raised = '\\u2070\\u00b9\\u00b2\\u00b3\\u2074\\u2075\\u2076\\u2077\\u2078\\u2079';
    const text = cell => {
        const copy = cell.cloneNode(true);
        copy.querySelectorAll('.sub').forEach(note => note.remove());
        copy.querySelectorAll('sup').forEach(up => {
            const digits = up.textContent.replace('-', '\\u207b');
            up.textContent = digits.replace(/\\d/g, digit => raised[digit]);
        });
        return copy.textContent.trim();
    };
    return [...document.querySelectorAll('.table')].map(t => [t.id,
        [...t.querySelectorAll('tbody tr:not(.group)')].map(r => [...r.cells].map(text))]);
})()"""
STOPS = """[...document.querySelectorAll('a[href], summary, select, input, [tabindex="0"]')]
    .filter(e => e.checkVisibility()).map((e, i) => (e.dataset.stop = String(i)))"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version with an ordinary and a hostile study, and the index beside it."""
    root = tmp_path_factory.mktemp("pages")
    named = studies(("alpha", "beta-2"))
    named["beta-2"]["exclude"][0]["reason"] = NASTY + " =cmd|' /C calc'!A0 " + "x" * 10_000
    made = contents(project(root / "project", named))
    folder = root / "reports" / VERSION
    folder.mkdir(parents=True)
    for name, content in made.items():
        (folder / name).write_bytes(content)
    entry = Entry(VERSION, "2030-01-01T00:00:00+00:00", NASTY, True, "3", "0" * 64, None)
    listed = records(folder.parent, [entry])
    listed[0]["reason"], listed[0]["corrects"] = NASTY, "x"
    (folder.parent / "index.html").write_text(
        html(page(listed, audited.read(folder.parent))), encoding="utf-8"
    )
    return folder.parent


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    with started(tmp_path_factory.mktemp("profile")) as running:
        yield running


PAGES = (f"{VERSION}/report.html", "index.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_quietly_and_fits(
    place: Path, browser: Browser, name: str, size: str, scheme: str
) -> None:
    browser.open(place / name, *SIZES[size], scheme)
    assert browser.complaints() == []
    assert browser.requests() == [(place / name).as_uri()]
    assert browser.run("document.scripts.length") == (name != "index.html")
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    dark = browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 27)"
    assert dark == (scheme == "dark")


def shown(report: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Table -> the texts of its cells, as the JSON has them."""
    found: dict[str, list[list[str]]] = {}
    waiting = [block for section in report["sections"] for block in section["blocks"]]
    while waiting:
        block = waiting.pop()
        waiting += block.get("blocks", [])
        if block["kind"] == "table":
            rows = [row for group in block["groups"] for row in group["rows"]]
            found[block["id"]] = [[cell["text"] for cell in row] for row in rows]
    return found


def test_the_page_says_what_the_json_says(place: Path, browser: Browser) -> None:
    browser.open(place / PAGES[0], *SIZES["desktop"], "light")
    report = load((place / VERSION / "report.json").read_bytes())
    told = dict(browser.run(CELLS))
    assert told == shown(report)
    assert len(told) > 8
    assert browser.run("[...document.querySelectorAll('.plot svg')].length") >= 4
    empty = """[...document.querySelectorAll('.plot svg')]
        .filter(s => s.checkVisibility() && s.getBBox().width < 50).length"""
    assert browser.run(empty) == 0


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_reaches_everything(place: Path, browser: Browser, name: str) -> None:
    browser.open(place / name, *SIZES["desktop"], "light")
    stops = browser.run(STOPS)
    reached = set()
    for _ in range(len(stops) + 1):
        browser.press("Tab", 9)
        reached.add(browser.run("document.activeElement.dataset.stop"))
    assert set(stops) <= reached


def test_a_fold_opens_by_keyboard(place: Path, browser: Browser) -> None:
    browser.open(place / PAGES[0], *SIZES["phone"], "light")
    browser.run("document.querySelector('summary').focus()")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", text="\r",
                 windowsVirtualKeyCode=13)  # fmt: skip
    browser.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", windowsVirtualKeyCode=13)
    assert browser.run("document.querySelector('details').open")


def test_a_version_is_small_and_soon_there(place: Path, browser: Browser) -> None:
    browser.open(place / PAGES[0], *SIZES["phone"], "light")
    browser.assert_light()


def test_an_index_of_500_versions_is_small_and_whole(
    place: Path, browser: Browser, tmp_path: Path
) -> None:
    held = {"studies": 50, "forecasts": 9000, "error": 0.02, "in50": 0.5, "in80": 0.8,
            "in90": 0.9, "in95": 0.95}  # fmt: skip
    moved = {"log_ratio": 0.01, "study": "alpha", "target": "planned-7b", "compared": 200}
    shape = {"issued_at": "2030-01-01T00:00:00+00:00", "revision": "a" * 40, "dirty": False,
             "studies": 50, "targets": 4, "corrects": None, "reason": None, "first": False,
             "changed": ["data: changed alpha"], "moved": moved, "calibration": held,
             "files": ["report.html", "report.md"]}  # fmt: skip
    many = [{"version": f"{number:012x}", **shape} for number in range(500)]
    file = tmp_path / "index.html"
    file.write_text(html(page(many, audited.read(place))), encoding="utf-8")
    assert file.stat().st_size < 3e6
    browser.open(file, *SIZES["phone"], "light")
    assert browser.complaints() == []
    assert browser.run("document.querySelectorAll('#version-table tbody tr').length") == 500


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core, which a page runs."""
    return axe_core(tmp_path_factory.mktemp("axe"))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(
    place: Path, browser: Browser, axe: str, name: str, scheme: str
) -> None:
    browser.open(place / name, *SIZES["phone"], scheme)
    browser.run(axe)
    assert browser.run(SERIOUS) == []
