"""The index over all published versions: what it says, from what, and when it is written."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.document.report_json import load, to_json
from scaling.errors import InputError
from scaling.pipeline.publish import publish
from scaling.record.site import audited, build, refresh, write
from scaling.record.site.page import page
from scaling.record.site.records import calibration, changed, moved, records
from scaling.record.versions.ledger import Entry
from scaling.record.versions.verify import verify
from scaling.report.model import build as build_report
from scaling.report.read import read
from tests.support.publish_project import fill
from tests.support.report_project import NASTY, project

NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
NAMES = ("index.html", "index.json", "index.md")


def backtests(*studies: tuple[float, float]) -> dict[str, Any]:
    """A report.json with a backtest table: (forecasts, share inside 90 %) of each study."""

    def row(method: str, where: str, n: float, held: float) -> list[dict[str, Any]]:
        values = (method, where, n, 0.02, 0.01, 0.5, 0.8, held, 0.95, 0.3)
        return [{"text": str(value), "value": value} for value in values]

    groups = [
        {"title": f"s{i}", "rows": [
            row("ensemble", "all", n, held), row("ensemble", "0 to 0.5", n, 0.0),
            row("carry", "all", n, 0.0),
        ]}
        for i, (n, held) in enumerate(studies)
    ]  # fmt: skip
    table = {"kind": "table", "id": "backtest-table", "groups": groups}
    return {"sections": [{"id": "trust", "blocks": [table]}]}


def forecast(median: float) -> str:
    """A forecast.csv with one study and target."""
    columns = ("study", "target", "law", "quantile", "value")
    rows = [("a", "x", "ensemble", q, median + q - 0.5) for q in (0.1, 0.5, 0.9)]
    return pl.DataFrame(rows, schema=columns, orient="row").write_csv()


def outputs(root: Path, median: float, *studies: tuple[float, float]) -> None:
    """What the stages of one refit leave."""
    (root / "reports/current/report.json").write_text(json.dumps(backtests(*studies)))
    (root / "data/validated/a.parquet").write_text(f"{median} {studies}\n")
    for name in ("data/forecasts/forecast.csv", "reports/current/forecast.csv"):
        (root / name).write_text(forecast(median))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three versions: without backtests, with backtests, with a new law and a moved median."""
    root = fill(tmp_path / "project")
    publish(root, now=NOON)
    outputs(root, 2.0, (10, 0.9), (30, 0.5))
    publish(root, now=NOON)
    outputs(root, 2.1, (10, 0.9))
    (root / "scaling/laws/another.py").write_text("E = 2\n")
    publish(root, now=NOON)
    return root


def listed(root: Path) -> list[dict[str, Any]]:
    return json.loads((root / "reports/index.json").read_text())["versions"]  # type: ignore[no-any-return]


def index(root: Path) -> dict[str, bytes]:
    return {name: (root / "reports" / name).read_bytes() for name in NAMES}


def test_publishing_writes_the_index_newest_first(root: Path) -> None:
    lines = (root / "reports/ledger.jsonl").read_text().splitlines()
    order = [json.loads(line)["version"] for line in reversed(lines)]
    assert [record["version"] for record in listed(root)] == order
    page = (root / "reports/index.html").read_text()
    assert [page.index(f'href="{version}/report.html"') for version in order] == sorted(
        page.index(f'href="{version}/report.html"') for version in order
    )
    assert verify(root) == []


def test_what_changed_and_how_far_the_forecast_moved(root: Path) -> None:
    newest, middle, first = listed(root)
    assert first["first"]
    assert (first["changed"], first["moved"], first["calibration"]) == ([], None, None)
    assert middle["changed"] == ["data: changed a"]
    assert newest["changed"] == ["data: changed a", "code: changed laws"]
    assert newest["moved"]["log_ratio"] == pytest.approx(0.04879016)
    assert (newest["moved"]["study"], newest["moved"]["compared"]) == ("a", 1)
    text = (root / "reports/index.md").read_text()
    assert "+5.00 %" in text
    assert "the first version" in text


def test_the_record_pools_studies_by_their_forecasts(root: Path) -> None:
    newest, middle, _ = listed(root)
    assert middle["calibration"]["in90"] == pytest.approx((10 * 0.9 + 30 * 0.5) / 40)
    assert (middle["calibration"]["studies"], middle["calibration"]["forecasts"]) == (2, 40)
    assert newest["calibration"]["in90"] == pytest.approx(0.9)
    assert '<span class="tone caution">60 %</span>' in (root / "reports/index.html").read_text()


def test_numbers_on_the_page_are_those_of_the_json(root: Path) -> None:
    model = load(to_json(page(list(reversed(listed(root))), audited.read(root / "reports"))))
    record = next(one for one in model["sections"] if one["id"] == "backtests")
    rows = record["blocks"][1]["groups"][0]["rows"]
    for row, record in zip(rows, listed(root), strict=False):
        told = [cell.get("value") for cell in row]
        found = record["calibration"]
        assert told[1:4] == [found["studies"], found["forecasts"], found["error"]]
        assert told[4:] == [found[f"in{level}"] for level in (50, 80, 90, 95)]


def audit_of(root: Path, text: str) -> None:
    """An audit's summary in place."""
    (root / "reports/audit").mkdir(exist_ok=True)
    (root / "reports/audit/audit.json").write_text(text)


def test_the_record_is_what_the_audit_says(root: Path) -> None:
    levels = [{"stated": s, "observed": s - 0.04, "low": 0.1, "high": 0.9}
              for s in (0.5, 0.8, 0.9, 0.95)]  # fmt: skip
    known = {"kind": "ahead", "forecasts": 12, "origins": 3, "intervals": levels}
    far = {"kind": "ahead", "decades_from": 1.0, "decades_to": 100.0, "forecasts": 12,
           "error": 0.02, "in50": 0.4, "in80": 0.8, "in90": None, "in95": 1.0, "skill": 0.7,
           }  # fmt: skip
    audit_of(root, json.dumps({"confidence": [known], "how_far_out": [far]}))
    assert sorted(path.name for path in refresh(root)) == list(NAMES)
    saved = json.loads((root / "reports/index.json").read_text())["audit"]
    assert (saved["confidence"], saved["distance"]) == ([known], [far])
    text = (root / "reports/index.md").read_text()
    held = "| ahead | 12 | 3 | 46 % | 76 % | 86 % | 91 % | 10 %\u201390 % |"
    assert held in text
    assert "| ahead | more than 1 | 12 | 2 % | 40 % | 80 % | \u2014 | 100 % | 0.7 |" in text
    assert 'href="audit/audit.md"' not in (root / "reports/index.html").read_text()
    (root / "reports/audit/audit.md").write_text("# Audit\n")
    refresh(root)
    assert 'href="audit/audit.md"' in (root / "reports/index.html").read_text()


@pytest.mark.parametrize("harm", ["{", "[]", '{"confidence": 3}', '{"confidence": [3]}', "{}"])
def test_a_broken_audit_is_no_record(root: Path, harm: str) -> None:
    audit_of(root, harm)
    refresh(root)
    assert (root / "reports/index.html").is_file()


def test_making_it_again_gives_the_same_bytes_and_writes_nothing(root: Path) -> None:
    before = index(root)
    times = {name: (root / "reports" / name).stat().st_mtime_ns for name in NAMES}
    assert build(root) == []
    assert refresh(root) == []
    assert {name: (root / "reports" / name).stat().st_mtime_ns for name in NAMES} == times
    for name in NAMES:
        (root / "reports" / name).unlink()
    assert sorted(path.name for path in build(root)) == list(NAMES)
    assert index(root) == before


@pytest.mark.parametrize("harm", ["{", "[]", '{"versions": 3}', '{"versions": [{"version": "x"}]}'])
def test_a_broken_index_is_made_again(root: Path, harm: str) -> None:
    before = index(root)
    (root / "reports/index.json").write_text(harm)
    publish(root)
    assert index(root) == before


def test_only_new_versions_are_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    plain = Path.read_bytes

    def noted(self: Path) -> bytes:
        read.append(self.as_posix())
        return plain(self)

    monkeypatch.setattr(Path, "read_bytes", noted)
    refresh(root)
    newest = listed(root)[0]["version"]
    opened = [name for name in read if "report.json" in name or "forecast.csv" in name]
    assert [name for name in opened if newest not in name] == []


def test_a_version_without_readable_files_keeps_its_line(root: Path) -> None:
    newest = listed(root)[0]["version"]
    shutil.rmtree(root / "reports" / newest)
    build(root)
    lost = listed(root)[0]
    assert (lost["version"], lost["files"], lost["calibration"]) == (newest, [], None)
    assert f'href="{newest}' not in (root / "reports/index.html").read_text()


def test_hostile_names_are_text(tmp_path: Path) -> None:
    entry = Entry("../../etc", NASTY, NASTY, True, NASTY, "0" * 64, None)
    (found,) = records(tmp_path, [entry])
    assert found["files"] == []
    hostile = {**found, "changed": [NASTY * 200], "first": False}
    hostile["moved"] = {"log_ratio": 1.0, "study": NASTY, "target": NASTY, "compared": 1}
    from scaling.document.render import html, markdown

    kind = {"kind": NASTY, "forecasts": 3, "intervals": [{"stated": 0.9, "observed": 0.5}]}
    audit = {**audited.read(tmp_path), "confidence": [kind], "distance": [kind, {}]}
    shown = html(page([hostile], audit))
    assert "<script" not in shown
    assert 'href="../' not in shown
    assert "\u202e" not in shown
    assert "<script" not in markdown(page([hostile], audit))


def test_changes_are_named_shortly() -> None:
    old = {"data": {f"d/{i}.parquet": "1" for i in range(5)}, "params": "a", "requirements": "r"}
    new = {"data": {f"d/{i}.parquet": "2" for i in range(5)}, "params": "b", "requirements": "s"}
    assert changed(old, new) == [
        "data: changed 0, 1, 2 and 2 more", "choices in params.yaml", "packages"
    ]  # fmt: skip
    assert changed({}, new) == []


def test_no_common_target_is_no_move() -> None:
    assert moved({("a", "x"): 2.0}, {("a", "y"): 2.0}) is None


@pytest.mark.parametrize(
    "report", [{}, {"sections": 3}, {"sections": [{"blocks": [None, {"id": "backtest-table"}]}]}]
)
def test_a_report_without_backtests_has_no_record(report: dict[str, Any]) -> None:
    assert calibration(report) is None


def test_the_command_makes_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    os.unlink("reports/index.html")
    done = CliRunner().invoke(app, ["site"])
    assert (done.exit_code, done.output) == (0, "wrote reports/index.html\n")
    assert "up to date" in CliRunner().invoke(app, ["site"]).output


def test_without_a_ledger_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ledger\.jsonl: is missing"):
        build(tmp_path)


@pytest.fixture
def paged(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Seven versions, newest first, with pages of two: two pages of older ones, three newest."""
    monkeypatch.setattr(write, "PAGE", 2)
    for number in range(4):
        outputs(root, 2.2 + number / 10, (10, 0.9))
        publish(root, now=NOON)
    lines = (root / "reports/ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["version"] for line in reversed(lines)]


def every(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "reports").glob("index*")}


def test_older_versions_have_pages_of_their_own(root: Path, paged: list[str]) -> None:
    files = every(root)
    stems = ("index", "index-1-2", "index-3-4")
    assert sorted(files) == sorted(f"{stem}.{kind}" for stem in stems for kind in write.KINDS)
    whole = [json.loads(files[f"{stem}.json"])["versions"] for stem in stems]
    assert [[one["version"] for one in part] for part in whole] == [
        paged[:3],
        paged[5:],
        paged[3:5],
    ]
    page, oldest = files["index.html"].decode(), files["index-1-2.html"].decode()
    assert "<dd>7 versions since " in page
    assert page.index('href="index-3-4.html"') < page.index('href="index-1-2.html"')
    assert [f'href="{version}/report.html"' in page for version in paged] == [True] * 3 + [
        False
    ] * 4
    assert [f'href="{version}/report.html"' in oldest for version in paged[5:]] == [True, True]
    assert 'href="index.html"' in oldest
    assert 'href="index-1-2.html"' in files["index-3-4.html"].decode()
    assert b"+5.00" in files["index-3-4.md"]  # against the version before, which is on another page
    assert verify(root) == []


def test_pages_are_the_same_made_at_once_or_one_by_one(root: Path, paged: list[str]) -> None:
    before = every(root)
    assert refresh(root) == [] == build(root)
    for name in before:
        (root / "reports" / name).unlink()
    assert sorted(path.name for path in build(root)) == sorted(before)
    assert every(root) == before


def test_a_page_that_stands_is_not_written_again(root: Path, paged: list[str]) -> None:
    page = root / "reports/index-1-2.html"
    page.write_bytes(page.read_bytes().replace(b"older", b"OLDER").replace(b"Older", b"OLDER"))
    outputs(root, 3.0, (10, 0.9))
    publish(root, now=NOON)
    assert b"OLDER" in page.read_bytes()
    assert [path.name for path in build(root)] == [page.name]


@pytest.mark.parametrize("kind", write.KINDS)
@pytest.mark.parametrize("harm", ["", "cut", None])
def test_a_page_that_is_lost_or_cut_is_made_again(
    root: Path, paged: list[str], kind: str, harm: str | None
) -> None:
    before = every(root)
    path = root / f"reports/index-1-2.{kind}"
    path.unlink() if harm is None else path.write_text(harm)
    assert refresh(root) == [path]
    assert every(root) == before


@pytest.mark.parametrize("name", ["line_sha256", "style", "form", "bytes", "last", "name"])
def test_a_page_of_something_else_is_made_again(root: Path, paged: list[str], name: str) -> None:
    before = every(root)
    told = json.loads(before["index.json"])
    told["pages"][0][name] = "x"
    (root / "reports/index.json").write_text(json.dumps(told))
    assert [path.name for path in refresh(root)] == ["index.json"]
    assert every(root) == before


def test_pages_of_no_index_are_removed(root: Path, paged: list[str]) -> None:
    before = every(root)
    for name in ("index-5-6.html", "index-1-3.json"):
        (root / "reports" / name).write_text("old")
    (root / "reports/index-notes.md").write_text("mine")
    assert build(root) == []
    assert every(root) == before | {"index-notes.md": b"mine"}


def test_a_version_on_the_terminal(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    newest, middle, _ = (record["version"] for record in listed(root))
    group = {"title": "[red]x", "rows": [[{"text": NASTY}, {"text": "1.934"}]]}
    columns = [{"label": "study"}, {"label": "median"}]
    head = {"kind": "table", "title": NASTY, "columns": columns, "groups": [group]}
    names = ("study", "params beyond", "laws differ by", "compute beyond")
    line = {"title": "", "rows": [[{"text": text} for text in ("a", "1.1", "0.25", "2.7")]]}
    far = {"kind": "table", "id": "distance-table", "title": "How far", "groups": [line],
           "columns": [{"label": name} for name in names]}  # fmt: skip
    sections = [{"id": "headline", "blocks": [head]}, {"id": "trust", "blocks": [far]}]
    report = {"title": "Forecast", "sections": sections}
    (root / "reports" / newest / "report.json").write_text(json.dumps(report))
    monkeypatch.chdir(root)
    runner = CliRunner()
    told = runner.invoke(app, ["show"]).output
    assert newest[:12] in told
    assert "1.934" in told
    assert "[red]x" in told
    assert told.index("compute beyond") < told.index("laws differ by") < told.index("params beyond")
    assert told.index("2.7") < told.index("0.25") < told.index("1.1")
    assert "\u202e" not in told
    assert "\x07" not in told
    assert middle[:12] in runner.invoke(app, ["show", middle[:7]]).output
    wrong = runner.invoke(app, ["show", "nothing"])
    assert isinstance(wrong.exception, InputError)
    assert newest[:12] in str(wrong.exception)


def test_the_record_reads_what_the_report_writes(tmp_path: Path) -> None:
    here = project(tmp_path)
    (here / "data/backtests").mkdir()
    whole = {"method": "ensemble", "low": None, "high": None, "forecasts": 229, "error": 0.0157,
             "crps": 0.01, "in50": 0.39, "in80": 0.94, "in90": 0.99, "in95": 1.0, "skill": 0.8,
             }  # fmt: skip
    lines = [whole, {**whole, "low": 0.0, "high": 0.5, "forecasts": 9}, {**whole, "method": "last"}]
    document = json.dumps({"study": "alpha", "reason": "", "methods": lines})
    (here / "data/backtests/alpha.json").write_text(document)
    found = calibration(load(to_json(build_report(read(here)))))
    names = ("forecasts", "error", "in50", "in80", "in90", "in95")
    assert found == {"studies": 1} | {name: whole[name] for name in names}
