"""A version with real fits in a real browser: figures, choices, values, axes, keyboard, print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scaling.document.report_json import load
from scaling.pipeline.report import contents
from scaling.record.versions.ledger import LEDGER, read_lines
from tests.e2e.report.test_browser import CELLS, SERIOUS, SIZES, STOPS, axe, shown
from tests.support import ROOT
from tests.support.browser import Browser, started
from tests.unit.report.test_studies import here

__all__ = ["axe", "here"]

TIP = "(() => { const t = document.querySelector('.tip'); return t.hidden ? '' : t.textContent })()"
# Words of a plot that lie outside its drawing, or on each other.
CUT = """[...document.querySelectorAll('.plot svg')].flatMap(svg => {
    const own = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].filter(t => {
        const b = t.getBoundingClientRect();
        return b.left < own.left - 3 || b.right > own.right + 3 || b.bottom > own.bottom + 3;
    }).map(t => t.textContent)})"""
OVER = """[...document.querySelectorAll('.plot svg')].flatMap(svg => {
    const boxes = [...svg.querySelectorAll('.label text')].map(t => [t, t.getBoundingClientRect()]);
    return boxes.flatMap(([one, a], i) => boxes.slice(i + 1).filter(([other, b]) =>
        one.closest('.gx,.gy') === other.closest('.gx,.gy') && a.left < b.right - 1 &&
        b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
        .map(([other]) => one.textContent + ' ' + other.textContent))})"""


@pytest.fixture(scope="module")
def page(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a project with real fits."""
    folder = tmp_path_factory.mktemp("version")
    for name in ("report.html", "report.json"):
        (folder / name).write_bytes(contents(here)[name])
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests."""
    with started(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_figures_are_quiet_and_nothing_is_cut(
    page: Path, browser: Browser, size: str, scheme: str
) -> None:
    browser.open(page, *SIZES[size], scheme)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.run(CUT) == []
    assert browser.run(OVER) == []


SMALL = """[...document.querySelectorAll('body *')].filter(e => {
    if (!e.checkVisibility() || !e.textContent.trim()) return false;
    if (e.closest('sup, math, script')) return false;
    const svg = e.closest('svg');
    if (svg && e.localName !== 'text') return false;
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    return parseFloat(getComputedStyle(e).fontSize) * scale < 11.9;
}).map(e => e.textContent.slice(0, 40))"""


@pytest.mark.parametrize("width", [360, 390, 700, 1000, 1180, 1240, 1280, 1600])
def test_no_text_is_below_12_pixels_and_nothing_runs_out(
    page: Path, browser: Browser, width: int
) -> None:
    browser.open(page, width, 900, "light")
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.run(SMALL) == []


def test_the_page_is_there_without_a_script_and_light(page: Path, browser: Browser) -> None:
    assert page.stat().st_size < 600_000
    text = page.read_text(encoding="utf-8").partition("<script>")[0]
    assert text.index('id="hero-0"') < text.index('id="appendix"')
    browser.open(page, *SIZES["desktop"], "light")
    shown = "[...document.querySelectorAll('main > section:not(#appendix) .scroll')]"
    tables = f"{shown}.filter(s => s.scrollWidth > s.clientWidth)"
    assert browser.run(f"{tables}.length") == 0
    browser.open(page, *SIZES["phone"], "light")
    assert browser.run(f"{tables}.length") == 0


def test_every_table_is_that_of_the_json(page: Path, browser: Browser) -> None:
    browser.open(page, *SIZES["desktop"], "light")
    told = dict(browser.run(CELLS))
    assert told == shown(load((page.parent / "report.json").read_bytes()))
    assert {"governance-table", "planning-table", "sensitivity-table", "profile-table-0"} <= set(
        told
    )


def test_a_choice_leaves_only_what_it_is_about(page: Path, browser: Browser) -> None:
    browser.open(page, *SIZES["desktop"], "light")
    choose = """(() => { const s = document.querySelector('select[name=law]');
        s.value = 'power_law'; s.dispatchEvent(new Event('change'));
        return [...document.querySelectorAll('[data-law]')].filter(e => !e.hidden)
            .map(e => e.dataset.law) })()"""
    assert set(browser.run(choose)) == {"power_law"}
    browser.run("document.querySelector('#headline').open = true")
    assert browser.run("document.querySelector('#headline-table tbody').checkVisibility()")
    everything = choose.replace("'power_law'", "''")
    assert set(browser.run(everything)) >= {"chinchilla", "power_law", "ensemble"}


def test_values_under_the_pointer_are_those_of_the_table(page: Path, browser: Browser) -> None:
    """By pointer and by keyboard, also after the axes were changed."""
    browser.open(page, *SIZES["desktop"], "light")
    medians = set()
    # A page that scrolls hides what it says; on a busy machine it scrolls smoothly for many keys.
    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    browser.run("document.querySelector('#hero-0 .broad').focus()")
    for _ in range(80):
        browser.press("ArrowLeft", 37)
        found = re.search(r"median, target.*loss ([\d.]+)", browser.run(TIP))
        medians |= {float(found.group(1))} if found else set()
    report = load((page.parent / "report.json").read_bytes())
    expected = [float(row[2]) for row in shown(report)["targets-0"]]
    for value in expected:
        assert min(abs(median / value - 1) for median in medians) < 5e-3  # two decimals
    spot: Any = browser.run("""(async () => {
        document.querySelector('#hero-0 .broad').scrollIntoView({block: 'center'});
        await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        const mark = document.querySelector('#hero-0 .broad [data-t="median, target"] path');
        const c = mark.getBoundingClientRect();
        return [c.left + c.width / 2, c.top + c.height / 2] })()""")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=spot[0], y=spot[1])
    told = re.search(r"loss ([\d.]+)", browser.run(TIP))
    assert told
    assert min(abs(float(told.group(1)) / value - 1) for value in expected) < 5e-3
    assert browser.complaints() == []


def test_values_stay_when_the_axes_change(page: Path, browser: Browser) -> None:
    browser.open(page, *SIZES["desktop"], "light")
    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")

    def losses(key: str, code: int) -> list[float]:
        browser.run("document.querySelector('#fit-0 .plot').focus()")
        found = []
        for _ in range(8):
            browser.press(key, code)
            told = re.search(r"law.*loss ([\d.]+)", browser.run(TIP))
            found += [float(told.group(1))] if told else []
        browser.run("document.activeElement.blur()")
        return sorted(found)

    before = losses("ArrowRight", 39)
    for place in (0, 1):
        browser.run(f"document.querySelectorAll('#fit-0 .axes input')[{place}].click()")
    after = losses("ArrowLeft", 37)  # back over the same marks
    assert before and after
    assert max(after) == pytest.approx(max(before), rel=1e-2)
    assert browser.complaints() == []


def test_the_keyboard_reaches_every_plot_and_choice(page: Path, browser: Browser) -> None:
    browser.open(page, *SIZES["desktop"], "light")
    stops = browser.run(STOPS)
    reached = set()
    for _ in range(len(stops) + 1):
        browser.press("Tab", 9)
        reached.add(browser.run("document.activeElement.dataset.stop"))
    assert set(stops) <= reached


def test_a_link_opens_the_fold_of_its_table(page: Path, browser: Browser) -> None:
    browser.open(page, *SIZES["desktop"], "light")
    opened = """(async () => {
        const followed = new Promise(done => addEventListener('hashchange', done));
        location.hash = '#fit-curve-0';
        await followed;
        return document.querySelector('#fit-curve-0').closest('details').open })()"""
    assert browser.run(opened)


def test_it_prints_without_controls(page: Path, browser: Browser) -> None:
    browser.open(page, *SIZES["desktop"], "light")
    browser.call("Emulation.setEmulatedMedia", media="print")
    hidden = "['.choices', '.axes', 'nav'].map(s => document.querySelector(s).checkVisibility())"
    assert browser.run(hidden) == [False, False, False]
    browser.call("Emulation.setEmulatedMedia", media="")


def test_the_newest_published_version_is_quiet(browser: Browser) -> None:
    """The real one, as it stands in the repository."""
    entries, _ = read_lines((ROOT / "reports" / LEDGER).read_bytes())
    real = ROOT / "reports" / entries[-1].version / "report.html"
    for size in SIZES.values():
        for scheme in ("light", "dark"):
            browser.open(real, *size, scheme)
            assert browser.complaints() == []
            assert browser.requests() == [real.as_uri()]
            assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    told = dict(browser.run(CELLS))
    assert told == shown(load((real.parent / "report.json").read_bytes()))
    browser.assert_light()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_figures(
    page: Path, browser: Browser, axe: str, scheme: str
) -> None:
    browser.open(page, *SIZES["phone"], scheme)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.run(axe + ";0")
    assert browser.run(SERIOUS) == []
