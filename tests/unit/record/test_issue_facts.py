"""The header of a version and the waterfall of its medians, as publishing fills them in."""

from __future__ import annotations

import itertools
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scaling.document.blocks import Entries, Figure, Report, Table
from scaling.document.render import html, markdown
from scaling.document.report_json import load, to_json
from scaling.record.changes.issue_facts import facts, filled, moment, one_line
from scaling.record.changes.steps_section import _steps, median_steps, step_blocks
from scaling.record.versions.ledger import LEDGER, Entry
from scaling.report.places import CHANGED_PLACE, VERSION_PLACE, issue_section

CHANGES: dict[str, Any] = {
    "old": "0" * 12,
    "made_by": [{"kind": "engine"}, {"kind": "engine"}, {"kind": "data"}],
    "studies": [{"rows": {"added": 3, "revised": 0, "withdrawn": 1}}, {"new": True}],
    "forecasts": [{"change": 0.012}, {"change": -0.031}],
}


def test_one_line_says_what_changed_and_what_moved() -> None:
    assert one_line(CHANGES) == (
        "3 new rows, 1 removed row, 1 data file, 2 code files; medians of the forecasts moved by "
        "up to 3.1 %."
    )
    quiet = {"old": "x", "made_by": [{"kind": "engine"}], "forecasts": [{"change": 1e-6}]}
    assert one_line(quiet) == "1 code file; no median of a forecast moved by 0.1 % or more."
    assert one_line({"old": None}) == "The first version."


def test_a_moment_is_in_words_and_utc() -> None:
    assert moment("2026-11-29T16:26:03+01:00") == "29 November 2026, 15:26 UTC"


def test_the_header_is_filled_in_all_formats() -> None:
    report = Report("T", "L", (), (issue_section(date(2026, 11, 22)),))
    known = facts("ab" * 32, "2026-11-29T15:26:03+00:00", {"old": None})
    page = filled(".html", html(report), known)
    texts = re.findall(r"<dd>(.*?)</dd>", page)
    assert texts[:3] == ["abababababab", "29 November 2026, 15:26 UTC", "22 November 2026"]
    assert texts[4] == "The first version."
    assert "- Version: abababababab\n" in filled(".md", markdown(report), known)
    whole = load(filled(".json", to_json(report), known))
    cells = [one["cell"]["text"] for one in whole["sections"][0]["blocks"][0]["items"]]
    assert cells == [*texts[:3], known["nothing to verify yet"], "The first version."]


def test_without_a_moment_the_place_stays() -> None:
    assert "no day of issue yet" not in facts("ab", None, {"old": None})
    block = issue_section(None).blocks[0]
    assert isinstance(block, Entries)
    assert block.items[2].cell.text == "unknown: no row has a day"


def test_values_are_text_in_the_page() -> None:
    report = Report("T", "L", (), (issue_section(None),))
    page = filled(".html", html(report), {VERSION_PLACE: "<script>", CHANGED_PLACE: "a & b"})
    assert "<dd>&lt;script&gt;</dd>" in page and "<dd>a &amp; b</dd>" in page


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ([2.0, 2.0, 2.0], []),
        ([2.0, None, 2.1], [(2, 2.0, 2.1)]),
        ([2.0, 2.0005, 2.0011], []),
        ([2.0, 2.1, 2.0, 2.2], [(1, 2.0, 2.1), (2, 2.1, 2.0), (3, 2.0, 2.2)]),
    ],
)
def test_steps_that_count(
    values: list[float | None], steps: list[tuple[int, float, float]]
) -> None:
    assert _steps(values) == steps


def test_many_steps_are_joined_and_lose_nothing() -> None:
    values = [2.0, 2.3, 2.2, 2.25, 2.1, 2.0, 1.7, 1.75]
    found = _steps(values)
    assert len(found) == 3
    assert (found[0][1], found[-1][2]) == (2.0, 1.75)
    assert all(one[2] == other[1] for one, other in itertools.pairwise(found))


def version(reports: Path, name: str, median: float) -> Path:
    """A version with one forecast."""
    folder = reports / name
    folder.mkdir(parents=True)
    head = "study,target,params,tokens,flops,law,quantile,value\n"
    rows = [
        f"a,{t},1,1,{c},ensemble,0.5,{median + d}" for t, c, d in (("s", 1e21, 1), ("l", 1e25, 0))
    ]
    (folder / "forecast.csv").write_text(head + "\n".join(rows) + "\n")
    return folder


def test_medians_are_those_of_the_ledger_s_versions(tmp_path: Path) -> None:
    old = version(tmp_path, "0" * 12, 2.0)
    new = version(tmp_path, "1" * 12, 2.2)
    issued = "2026-11-22T00:00:00+00:00"
    entry = Entry(old.name, issued, None, False, "3", "0" * 64, None)
    (tmp_path / LEDGER).write_bytes(entry.line())
    steps = median_steps(old, new)
    assert steps == {
        "versions": [{"version": old.name, "issued_at": issued}],
        "studies": {"a": {"target": "l", "medians": [2.0, 2.2]}},
    }
    drawn, table = step_blocks(steps, {"a": "Alpha"}, {"l": "10²⁵ FLOP"})
    assert isinstance(drawn, Figure) and "Alpha: median from 2.000 to 2.200." in drawn.alt
    assert isinstance(table, Table)
    assert (
        step_blocks({"versions": [], "studies": {"a": {"target": "l", "medians": [2.2]}}}, {}, {})
        == []
    )
