"""What flow runs leave in Prefect's pages: a table, a text and a link each, names as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from markdown_it import MarkdownIt

from scaling.govern.evidence import Written
from scaling.orchestration.server import artifacts
from scaling.record.versions.store import PublishedVersion
from tests.support.report_project import NASTY

Made = dict[str, dict[str, Any]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """Artifacts by kind, instead of Prefect's server."""
    found: Made = {}
    for kind in ("table", "markdown", "link"):

        def note(kind: str = kind, **given: Any) -> None:
            found[kind] = given

        monkeypatch.setattr(artifacts, f"create_{kind}_artifact", note)
    monkeypatch.setattr(artifacts, "emit_event", lambda *_, **__: None)
    return found


def harmless(text: str) -> bool:
    return "<script" not in MarkdownIt("commonmark", {"html": True}).render(text)


def test_an_audit(made: Made, tmp_path: Path) -> None:
    row = {"kind": "ahead", "forecasts": 3, "pit": [1, 2],
           "intervals": [{"stated": 0.9, "observed": 0.8}]}  # fmt: skip
    artifacts.show_audit(tmp_path, [row], "# Audit")
    assert made["table"]["table"] == [{"kind": "ahead", "forecasts": 3, "in 90 %": 0.8}]
    assert made["markdown"]["markdown"] == "# Audit"
    assert made["link"]["link"] == (tmp_path / "reports/index.html").as_uri()


def test_backtests(made: Made, tmp_path: Path) -> None:
    row = {"study": NASTY, "method": "ensemble", "forecasts": 1, "in90": 1.0}
    artifacts.show_backtests(tmp_path, [row, {**row, "method": "carry last", "in90": None}])
    assert len(made["table"]["table"]) == 2
    assert "100 % of 1 forecast inside 90 %" in made["markdown"]["markdown"]
    assert harmless(made["markdown"]["markdown"])
    assert set(made) == {"table", "markdown", "link"}


@pytest.mark.parametrize("count", [0, 1, 25])
def test_alerts(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setenv(artifacts.SITE, "https://forecasts.example/x/")
    row = {"alert": "new crossing", "run": NASTY, "rule": "r", "verdict": "above"}
    alerts = pl.DataFrame([row] * count, schema=list(row), schema_overrides=dict.fromkeys(row, str))
    written = Written(packs=1, files=2, alerts=alerts, verdicts={})
    artifacts.show_alerts(tmp_path, written, tmp_path / "reports/governance/index.html")
    text = made["markdown"]["markdown"]
    assert f"{count} alert{'s' * (count != 1)}, 1 pack." in text
    assert ("and 5 more" in text) == (count == 25)
    assert harmless(text)
    assert made["link"]["link"] == "https://forecasts.example/x/governance/index.html"


def test_a_run_with_nothing_new_links_the_page(made: Made, tmp_path: Path) -> None:
    folder = tmp_path / "reports/0123456789ab"
    folder.mkdir(parents=True)
    (folder / "report.html").touch()
    artifacts.link_report(tmp_path, PublishedVersion("0123456789ab", folder, new=False))
    assert made["link"]["link"] == (folder / "report.html").as_uri()
    assert set(made) == {"link"}
