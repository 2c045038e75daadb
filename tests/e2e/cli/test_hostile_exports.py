"""Every file that a command writes for people, made from hostile names: text remains text.

A cell of a CSV is a formula to a spreadsheet when it begins with a sign (behind spaces or marks
that cannot be seen, too), a tab or a line break; plain numbers are numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.io.tables import csv_text, unguarded
from scaling.pipeline import validate
from scaling.record.audit import run, table
from scaling.record.audit.hub import Team
from scaling.record.audit.hub import export as hub
from scaling.record.audit.match import Rules
from scaling.record.audit.summary import summarise
from tests.support import ROOT
from tests.support.browser import Browser, started
from tests.support.report_project import NASTY
from tests.unit.record.test_audit import outcome, said, target
from tests.unit.runs.test_validation import _table

FORMULAS = (
    "=cmd|' /C calc'!A0",
    "+1+2",
    "-1+2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1+2",
    "\u200b=1",
    "\u202e=1",
    "'=1",
)
MARKUP = (NASTY, "<img src=x onerror=alert(1)>", '"><script>alert(2)</script>', "x" * 10_000)
NAMES = (*FORMULAS, *MARKUP)
NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?\s*%?|[-+]?(?:inf|NaN)")
EXACT = Rules(0.05, 0.05, 0.1)


def say(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.output


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each command writes; a folder a command, beside ``said.txt`` with what they print."""
    root = tmp_path_factory.mktemp("exports")
    printed = [_forecast(root), _govern(root), _quarantine(root)]
    _audit(root / "audit")
    _hub(root / "hub")
    (root / "said.txt").write_text("\n".join(printed), encoding="utf-8")
    return root


def _forecast(root: Path) -> str:
    rows = len(NAMES)
    names = pl.Series("=name", NAMES)
    at = pl.DataFrame(
        [names, pl.Series("params", [7e9] * rows), pl.Series("tokens", [1e12] * rows)]
    )
    at.write_parquet(root / "at.parquet")
    runs = str(ROOT / "data/published/chinchilla-epoch/runs.csv")
    words = ("--metric", "loss@massivetext", "--law", "chinchilla", "--at", f"{root}/at.parquet")
    return say("forecast", runs, *words, "--out", str(root / "forecast/forecast.csv"))


def _govern(root: Path) -> str:
    plain: dict[str, Any] = {
        "state": "finished", "started": "2026-02-01", "ended": "2026-08-01",
        "released": "2026-09-01", "flop": 4e26, "general_purpose": "yes", "markets": "EU;US",
    }  # fmt: skip
    rows = [{"run": f"{n}{i}", "entity": n, "model": n, **plain} for i, n in enumerate(NAMES)]
    pl.DataFrame(rows).write_parquet(root / "runs.parquet")
    words = ("--runs", f"{root}/runs.parquet", "--on", "2026-11-23")
    return say("govern", *words, "--out", str(root / "govern"))


def _quarantine(root: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        place = root / "validation"
        place.mkdir()
        patch.chdir(place)
        validate.RUNS.mkdir(parents=True)
        bad = [{"run": f"{name}{i}", "value": -1.0} for i, name in enumerate(NAMES)]
        _table(*bad).write_parquet(validate.RUNS / "team.parquet")
        validate.main()
        return say("quarantine", "list") + say("quarantine", "explain", "team:2")


def _audit(folder: Path) -> None:
    asked = pl.concat([target(study=name, source=name, target=name) for name in NAMES])
    results = pl.concat([outcome(run=name) for name in NAMES])
    forecasts = pl.concat([said().with_columns(study=pl.lit(n), target=pl.lit(n)) for n in NAMES])
    scores, _ = table.scored(asked, forecasts, results, EXACT)
    still_open = asked.with_columns(reason=pl.lit(table.NO_OUTCOME))
    found = summarise(scores, still_open) | {"dates": [], "covers": {}}
    run.write(run.Audit(scores, still_open, found), folder)


def _hub(folder: Path) -> None:
    version = folder / "version"
    version.mkdir(parents=True)
    issued = '{"issued_at": "2030-01-01T00:00:00+00:00", "files": {}}'
    (version / "manifest.json").write_text(issued)
    line: dict[str, Any] = {"params": 1e9, "tokens": 1e9, "flops": 1.0, "law": "ensemble"}
    rows = [{"study": n, "target": n, **line, "quantile": 0.5, "value": 2.0} for n in NAMES]
    (version / "forecast.csv").write_text(csv_text(pl.DataFrame(rows)), encoding="utf-8")
    hub([version], folder / "out", Team("a team", "team@example.org"))


# What a spreadsheet sees ------------------------------------------------------------------------


def opened(text: str) -> list[list[str]]:
    """The cells, as a spreadsheet takes them apart."""
    before = csv.field_size_limit(10**6)
    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    finally:  # other tests are about the limit that Python sets
        csv.field_size_limit(before)


def runs_as_formula(cell: str) -> bool:
    """The rule of OWASP's page on CSV injection, for cells that are not plain numbers."""
    seen = "".join(char for char in cell if char.isprintable() and not char.isspace())
    signs = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
    return cell.startswith(("\t", "\r", "\n")) or (
        seen.startswith(signs) and not NUMBER.fullmatch(cell.strip())
    )


def test_no_cell_of_any_export_is_a_formula(exports: Path) -> None:
    files = list(exports.rglob("*.csv"))
    assert {path.relative_to(exports).parts[0] for path in files} >= {
        "forecast", "govern", "audit", "hub"
    }  # fmt: skip
    for path in files:
        cells = [cell for row in opened(path.read_text("utf-8")) for cell in row]
        assert [cell for cell in cells if runs_as_formula(cell)] == [], path


# Where text becomes CSV otherwise: to be hashed, not to be opened; or lines of a guarded table.
OTHER_WRITERS = {"govern/outlook.py", "govern/at_threshold.py", "record/editions/redact.py"}


def test_all_tables_for_people_go_through_one_guard() -> None:
    writers = {
        path.relative_to(ROOT / "scaling").as_posix()
        for path in (ROOT / "scaling").rglob("*.py")
        if re.search(r"write_csv|csv\.(Dict)?[wW]riter", path.read_text("utf-8"))
    }
    assert writers == {"io/tables.py", *OTHER_WRITERS}


@settings(max_examples=25)
@given(st.lists(st.text(max_size=6) | st.sampled_from(NAMES), min_size=1, max_size=5))
def test_guarded_text_is_safe_and_comes_back(names: list[str]) -> None:
    frame = pl.DataFrame({"=a": names, "b": range(len(names))})
    text = csv_text(frame)
    back = unguarded(pl.read_csv(text.encode(), schema_overrides={"'=a": pl.String}))
    assert back.fill_null("").equals(frame)
    guarded = csv_text(pl.DataFrame({"x": ["", *names]}))
    assert not any(runs_as_formula(row[0]) for row in opened(guarded) if row)


def test_a_program_reads_the_names_in_the_scores_back(exports: Path) -> None:
    scores = unguarded(pl.read_csv(exports / "audit" / run.OUT / run.SCORES))
    assert set(scores["study"]) == set(NAMES)


def test_the_next_packs_know_their_own_runs(exports: Path) -> None:
    last = unguarded(pl.read_csv(exports / "govern/crossings.csv", infer_schema=False))
    assert set(last["entity"]) == set(NAMES)


# What a browser and a reader of Markdown see ----------------------------------------------------


class _Tags(HTMLParser):
    """Elements that could act, and attributes that could."""

    def __init__(self) -> None:
        super().__init__()
        self.acting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        bad = tag in ("script", "iframe", "object", "embed", "form")
        # A figure of the pack itself, which its own Markdown shows.
        bad |= tag == "img" and re.fullmatch(r"[a-z]+\.svg", dict(attrs).get("src") or "") is None
        acts = [k for k, v in attrs if k.startswith("on") or (v or "").startswith("javascript:")]
        self.acting += [tag] * bad + acts


def acting(text: str) -> list[str]:
    parser = _Tags()
    parser.feed(text)
    return parser.acting


def test_no_page_and_no_markdown_holds_anything_that_acts(exports: Path) -> None:
    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    texts = [path for path in exports.rglob("*") if path.suffix == ".md"]
    assert len(texts) > 20
    for path in texts:
        assert acting(reader.render(path.read_text("utf-8"))) == [], path
    for path in exports.rglob("*.html"):
        assert acting(path.read_text("utf-8")) == [], path


def test_the_terminal_gets_no_control_characters(exports: Path) -> None:
    told = (exports / "said.txt").read_text("utf-8")
    assert [char for char in set(told) if not char.isprintable() and char != "\n"] == []


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as running:
        yield running


def test_pages_open_quietly_with_the_names_as_text(exports: Path, browser: Browser) -> None:
    packs = [path.parent for path in exports.rglob("pack.html") if "entities" in path.parts]
    assert len(packs) == len(NAMES)
    told = exports.glob("validation/data/docs/**/*.html")
    for path in [*exports.glob("govern/*.html"), *(p / "pack.html" for p in packs), *told]:
        browser.open(path, 800, 600, "light")
        assert browser.complaints() == []
        assert browser.requests() == [path.as_uri()]
    browser.open(exports / "govern/index.html", 800, 600, "light")
    shown = browser.run("document.body.textContent")
    for word in ("=cmd|' /C calc'!A0", "<img src=x onerror=alert(1)>", "<script>alert(1)</script>"):
        assert word in shown
