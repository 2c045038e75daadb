"""Text tables as people write them: each reads as the plain table, and says what it assumed."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats import csv_file

PLAIN = "run,params,loss\na,1e9,2.5\nb,2e9,2.25\n"
ROWS = [("a", 1e9, 2.5), ("b", 2e9, 2.25)]


def _read(path: Path, content: str | bytes, **options: str) -> tuple[pl.DataFrame, str]:
    """The table, and all that was said."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said: list[str] = []
    frame = formats.read_table(path, formats.ReadOptions(**options, say=said.append))
    return frame, "\n".join(said)


def _zst(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return bytes(out.getvalue().to_pybytes())


def _with(sign: str) -> str:
    return PLAIN.replace(",", sign)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", PLAIN, ""),
        ("a.csv", _with(";"), "separated by semicolons"),
        ("a.csv", _with("\t"), "separated by tabs"),
        ("a.csv", _with("|"), "separated by bars"),
        ("a.tsv", _with("\t"), ""),
        ("a.txt", _with("\t"), "separated by tabs"),
        ("a.csv", "sep=;\n" + _with(";"), "semicolons"),
        ("a.csv", _with(";").replace(".", ","), "decimal comma: 2,5 is read as 2.5 in loss"),
        ("a.csv", "# from a sheet\n" + PLAIN + "# end\n#c,3e9,2\n", "2 lines that start with '#'"),
        ("a.csv", PLAIN.replace("run,params", " run , params "), "spaces around names"),
        ("a.csv", PLAIN.encode("utf-16"), ""),
        ("a.csv", PLAIN.encode("utf-16-le"), ""),
        ("a.csv", PLAIN.encode("utf-8-sig"), ""),
        ("a.csv", PLAIN.replace("\n", "\r\n"), ""),
        ("a.csv", PLAIN.replace("\n", "\r"), ""),
        ("a.csv", PLAIN.replace("\na", '\n"a"').replace("\n", "\r"), ""),
        ("a.csv.gz", gzip.compress(PLAIN.encode(), mtime=0), ""),
        ("a.csv.zst", _zst(PLAIN.encode()), ""),
        ("a.csv", "Results of March,,\n,,\n" + PLAIN, "1 line above the header (line 3)"),
        ("a.csv", "Results of March\n\n" + PLAIN, "'Results of March'"),
        ("a.csv", ",run,params,loss\n0,a,1e9,2.5\n1,b,2e9,2.25\n", "numbers the rows"),
        ("a.csv", PLAIN.replace("\n", ",\n"), "column 4 has no name and is empty"),
        ("a.csv", "\n\n" + PLAIN.replace("\nb", "\n\nb"), ""),
    ],
)
def test_a_table_as_people_write_it(
    name: str, content: str | bytes, said: str, tmp_path: Path
) -> None:
    frame, heard = _read(tmp_path / name, content)
    assert frame.columns == ["run", "params", "loss"] and frame.rows() == ROWS
    assert said in heard and bool(said) == bool(heard)


def test_a_table_without_a_header_gets_numbered_columns(tmp_path: Path) -> None:
    frame, said = _read(tmp_path / "a.csv", PLAIN.partition("\n")[2])
    assert frame.columns == ["column_1", "column_2", "column_3"] and frame.rows() == ROWS
    assert said == "no header (line 1 has numbers): the columns are column_1 to column_3"
    frame, _ = _read(tmp_path / "a.csv", "x,1\ny,2\n", header="none")
    assert frame["column_1"].to_list() == ["x", "y"]


def test_names_in_a_comment_are_those_of_the_columns(tmp_path: Path) -> None:
    frame, said = _read(tmp_path / "a.csv", "# params,loss\n1e9,2.5\n")
    assert frame.to_dict(as_series=False) == {"params": [1e9], "loss": [2.5]}
    assert "1 line that starts with '#'" in said


def test_a_quoted_cell_may_start_with_a_hash(tmp_path: Path) -> None:
    frame, said = _read(tmp_path / "a.csv", 'run,loss\n"#1",2.5\n"a\n#b",2\n')
    assert frame["run"].to_list() == ["#1", "a\n#b"] and not said


def test_years_are_names_beside_a_column_of_ours(tmp_path: Path) -> None:
    frame, _ = _read(tmp_path / "a.csv", "run,2023,2024\na,1,2\n")
    assert frame.columns == ["run", "2023", "2024"] and frame.height == 1


def test_an_index_of_texts_is_kept(tmp_path: Path) -> None:
    frame, said = _read(tmp_path / "a.csv", ",loss\nbig,2.5\nsmall,3\n")
    assert frame["column_1"].to_list() == ["big", "small"] and "column_1" in said


@pytest.mark.parametrize(
    ("content", "options", "values"),
    [
        ("x;loss\n1;1,234\n", {"decimal": ","}, [1.234]),
        ("x;loss\n1;1,234\n", {"decimal": "."}, [1234.0]),
        ("x;loss\n1;1.234,5\n", {}, [1234.5]),
        ("x;loss\n1;0,125\n", {}, [0.125]),
        ('x,loss\n1,"1,5"\n', {"decimal": ","}, [1.5]),
    ],
)
def test_decimal_commas(
    content: str, options: dict[str, str], values: list[float], tmp_path: Path
) -> None:
    frame, _ = _read(tmp_path / "a.csv", content, **options)
    assert frame["loss"].to_list() == values


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.csv", "x;loss\n1;1,234\n", {}, "column 'loss'.*before decimals or between thousands"),
        ("a.csv", "x;loss;lr\n1;2,5;0.1\n", {}, "after commas, and after points in column 'lr'"),
        ("a.csv", PLAIN, {"decimal": "'"}, "no sign of decimals"),
        ("a.csv", PLAIN, {"header": "9"}, "no such header; found '9'; allowed: none, or"),
        ("a.csv", PLAIN, {"sheet": "x"}, "--sheet says nothing of a file of this format"),
        ("a.csv", "a,,b\n1,x,2\n", {}, "column 2 has no name; found 'x'"),
        ("a.csv", "a;b\n1;2;3\n", {}, "row 1: 3 cells in a table of 2 columns"),
        ("a.csv", 'a,b\n1,"2\n3,4\n', {}, "row 1: not a readable table"),
        ("a.csv", 'a,b\n"1"x,2\n', {}, "row 1: not a readable table"),
        ("a.csv.gz", gzip.compress(PLAIN.encode(), mtime=0)[:-9], {}, "not a readable gzip file"),
        ("a.csv.zst", _zst(PLAIN.encode())[:-9], {}, "not a readable Zstandard file"),
        ("a.csv.zst", PLAIN.encode(), {}, "not a readable Zstandard file"),
        ("a.csv.gz", gzip.compress(b"\0\1\2\0\0\3", mtime=0), {}, "not a text file"),
        ("a.txt", "some words\nand others\n", {}, "no table and no log; found 'some words'"),
    ],
)
def test_a_table_that_is_refused(
    name: str, content: str | bytes, options: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"{name}.*{message}"):
        _read(tmp_path / name, content, **options)


def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling.runs.formats._bytes.LARGEST_UNPACKED", 1_000_000)
    rows = b"run,loss\n" + b"a,1\n" * 500_000
    for name, data in (("a.csv.gz", gzip.compress(rows, mtime=0)), ("a.csv.zst", _zst(rows))):
        assert len(data) < 20_000
        with pytest.raises(InputError, match=r"unpacks to too much; allowed: <= 1000000 bytes"):
            _read(tmp_path / name, data)


cell = st.text(alphabet=st.sampled_from('a1,;"\n\r #\t.é'), max_size=5)


quickly = settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


@given(rows=st.lists(st.lists(cell, min_size=2, max_size=4), min_size=1, max_size=6))
@quickly
def test_polars_reads_what_the_csv_module_reads(rows: list[list[str]]) -> None:
    """Where the quick reader takes a table, every cell is as the careful one has it."""
    width = len(rows[0])
    for quoted in (True, False):
        lines = [['"' + c.replace('"', '""') + '"' if quoted else c for c in row] for row in rows]
        data = "".join(",".join(line) + "\n" for line in lines).encode()
        quick = csv_file._quickly(data, ",", width)
        if quick is None:
            continue
        found = csv_file._layout(b"x,y\n1,2\n", False, Path("a.csv"), formats.AS_IT_IS)
        found.width = width
        assert quick.equals(found._carefully(data))
