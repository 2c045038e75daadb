"""What is printed is text: what a terminal would obey in a foreign name stands as its code."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import openpyxl  # type: ignore[import-untyped,unused-ignore]
import pytest

from scaling.errors import InputError, as_text
from scaling.runs.formats import read_cells
from scaling.runs.studies import load_params
from tests.support.command import cli

NASTY = "lo\x1b[31mss\u202e\x07"


def test_codes_stand_for_what_a_terminal_obeys() -> None:
    assert as_text(NASTY) == "lo\\u001b[31mss\\u202e\\u0007"
    assert as_text("λ é\t1\n") == "λ é\t1\n"
    # JSON means the same.
    text = json.dumps({"name": "a\u202eb"}, ensure_ascii=False)
    assert json.loads(as_text(text)) == json.loads(text)


@pytest.mark.parametrize("verb", [("fit", "--law", "chinchilla"), ("compare",), ("forecast",)])
def test_a_foreign_header_is_printed_as_text(tmp_path: Path, verb: tuple[str, ...]) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f"params,tokens,{NASTY}\n1e9,1e10,2.5\n")
    name, *more = verb
    done = cli(name, str(path), *more)
    assert done.returncode == 2
    for character in NASTY:
        if not character.isprintable():
            assert character not in done.stdout + done.stderr


def test_a_file_name_is_printed_as_text(tmp_path: Path) -> None:
    path = tmp_path / f"{NASTY}.csv"
    path.write_text("params,tokens,loss\n")
    done = cli("fit", str(path), "--law", "chinchilla")
    assert done.returncode == 2
    assert "\\u202e" in done.stderr
    assert "\u202e" not in done.stderr and "\x1b" not in done.stderr


@pytest.mark.parametrize("name", ["x; touch F", "$(touch F)", "a b", "../x", "-x", "'x'", "x\n"])
def test_a_study_that_a_shell_would_run_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(json.dumps({"studies": {name: {"source": "a"}}}))
    with pytest.raises(InputError, match="not a study's name"):
        load_params(path)


def test_a_header_of_a_hundred_thousand_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    names = [f"c{number}" for number in range(100_000)]
    path.write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    with pytest.raises(InputError, match="too wide a table; found 100000; allowed: <= 10000"):
        read_cells(path)


def test_a_workbook_with_a_cell_far_away_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "params"
    book.active.cell(1_048_576, 16_384, 1.0)
    path = tmp_path / "sparse.xlsx"
    book.save(path)
    assert zipfile.is_zipfile(path) and path.stat().st_size < 10_000
    with pytest.raises(InputError, match="more than 10000 empty lines"):
        read_cells(path)
