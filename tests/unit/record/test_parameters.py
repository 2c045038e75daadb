"""What changed between versions, and two makings of a file compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scaling.record.changes.parameters import input_changes, median_changes, parameters
from scaling.record.reproduce.compare import compare


def version(folder: Path, value: float, made_by: dict[str, object]) -> Path:
    """A version of one fit and one forecast."""
    (folder / "fits").mkdir(parents=True)
    manifest = {"version": folder.name, "made_by": made_by}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    fit = {"law": "l", "parameters": {"E": {"value": value, "se": 0.3}}}
    (folder / "fits" / "s.json").write_text(json.dumps({"study": "s", "fits": [fit]}))
    rows = [f"s,t,1e9,1e10,6e19,ensemble,{q},{value + q - 0.5}" for q in (0.05, 0.5, 0.95)]
    head = "study,target,params,tokens,flops,law,quantile,value"
    (folder / "forecast.csv").write_text("\n".join([head, *rows]) + "\n")
    return folder


def test_a_diff_says_what_changed_and_what_it_was_made_from(tmp_path: Path) -> None:
    old = version(tmp_path / "old", 2.0, {"data": {"a": "1", "b": "1"}, "seed": 0})
    new = version(tmp_path / "new", 2.6, {"data": {"a": "2", "c": "1"}, "seed": 0})
    made_by = [json.loads((one / "manifest.json").read_text())["made_by"] for one in (old, new)]
    told = [(one["kind"], one["name"], one["what"]) for one in input_changes(*made_by)]
    assert told == [("data", "a", "revised"), ("data", "b", "removed"), ("data", "c", "added")]
    assert next(parameters(old, new))["change"] == pytest.approx(0.6 / (0.3 * 2**0.5))
    assert median_changes(old, new)["outside"].to_list() == [True]
    assert input_changes(made_by[0], made_by[0]) == []
    assert median_changes(old, old)["outside"].to_list() == [False]


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("a.json", b'{"x": 1.0}', b'{"x": 1.0}\n', "the same numbers, written differently"),
        ("a.json", b'{"x": [1, 2.0]}', b'{"x": [1, 2.5]}', "1 of 2 numbers differ, at most by 0.2"),
        ("a.json", b'{"x": 1}', b'{"y": 1}', "more than numbers"),
        ("a.csv", b"x,y\n1,a\n", b"x,y\n2,a\n", "1 of 1 numbers differ, at most by 0.5"),
        ("a.csv", b"x,y\n1,a\n", b"x,y\n1,b\n", "more than numbers"),
        ("a.md", b"error 1.5 %", b"error 3.0 %", "1 of 1 numbers differ, at most by 0.5"),
        ("a.md", b"error 1.5 %", b"fault 1.5 %", "more than numbers"),
        ("a.md", b"x", None, "was not reproduced"),
    ],
)
def test_files_are_compared_byte_for_byte_then_number_for_number(
    name: str, old: bytes, new: bytes | None, what: str
) -> None:
    assert compare(name, old, old) is None
    assert what in str(compare(name, old, new))
