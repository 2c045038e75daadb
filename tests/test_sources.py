"""Source formats: what a file holds comes out, and what cannot be read is refused by name."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from scaling import sources
from scaling.errors import InputError
from scaling.schema import RUN
from scaling.sources import _cells

FORMATS = list(sources.load().values())
PUBLISHED = Path(__file__).parent.parent / "data/published"


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_format_keeps_the_contract(form: sources.Format) -> None:
    assert form.name and form.meaning and form.suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in form.suffixes)
    others = [s for other in FORMATS if other is not form for s in other.suffixes]
    assert not set(form.suffixes) & set(others)
    assert form.claims(Path(f"RUNS{form.suffixes[0].upper()}"))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\x00\xfe garbage", b"\xff\xfea\x00,\x00"])
def test_undecodable_file_is_refused_by_name(
    form: sources.Format, content: bytes, tmp_path: Path
) -> None:
    for suffix in form.suffixes:
        path = _write(tmp_path / f"bad{suffix}", content)
        with pytest.raises(InputError, match=f"bad{suffix}"):
            sources.read_table(path)


def test_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"runs\.xlsx.*\.xlsx.*\.csv.*\.jsonl.*\.parquet"):
        sources.read_table(_write(tmp_path / "runs.xlsx", "x"))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file"):
        sources.read_table(tmp_path / "runs.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "no rows"),
        ("a,b\n1,2\n3\n", "row 2: 1 cells in a table of 2 columns"),
        ("a,b\n1,2\n3,4,5\n", "row 2: 3 cells in a table of 2 columns"),
        ("a,a\n1,2\n", "two columns of this name"),
        (",a\n0,1\n", "column 1 has no name"),
        ("a;b\n1;2\n", "Separate cells by commas"),
        ('a,b\n"1,2\n', "1 cells in a table of 2 columns"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
    ],
)
def test_csv_that_would_be_misread_is_refused(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        sources.read_table(_write(tmp_path / "runs.csv", text))


def test_csv_cells_are_text_as_written(tmp_path: Path) -> None:
    path = _write(tmp_path / "runs.csv", '\ufeffa,b\r\n007,"x, ""y""\nz"\r\n\r\n1e400,\r\n')
    cells = sources.read_cells(path)
    assert cells.to_dict(as_series=False) == {"a": ["007", "1e400"], "b": ['x, "y"\nz', None]}


def test_tsv_separates_by_tabs(tmp_path: Path) -> None:
    table = sources.read_table(_write(tmp_path / "runs.tsv", "a\tb\n1\tx,y\n"))
    assert table.to_dict(as_series=False) == {"a": [1], "b": ["x,y"]}


def test_table_types_are_those_a_person_means(tmp_path: Path) -> None:
    text = (
        "run,seed,observed,params,value,size,name,mixed,big,empty\n"
        "1,007,2024-03-01,7e9,2.25,3,01,1,99999999999999999999,\n"
        "2,8,2024-03-02,1,NaN,-4,02,x,1,\n"
    )
    table = sources.read_table(_write(tmp_path / "runs.csv", text))
    assert table["run"].to_list() == ["1", "2"]
    assert table["seed"].to_list() == ["007", "8"]
    assert table["observed"].to_list() == [date(2024, 3, 1), date(2024, 3, 2)]
    assert table["params"].to_list() == [7e9, 1.0]
    assert table["size"].to_list() == [3, -4]
    assert table["name"].to_list() == ["01", "02"]
    assert table["mixed"].to_list() == ["1", "x"]
    assert table["big"].dtype == pl.Float64
    assert table["empty"].null_count() == 2


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_numbers_survive_every_format(
    values: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    table = pl.DataFrame({"value": values}, schema={"value": pl.Float64})
    table.write_csv(folder / "t.csv")
    table.write_parquet(folder / "t.parquet")
    _write(folder / "t.jsonl", "\n".join(json.dumps({"value": v}) for v in values))
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        assert sources.read_table(folder / name)["value"].to_list() == values


def test_jsonl_types_and_gaps(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "r.jsonl",
        '{"a": 1, "b": "007", "c": 1, "d": true, "e": [1]}\n\n'
        '{"a": 2.5, "c": "x", "d": null, "f": 9223372036854775808}\n',
    )
    assert sources.read_table(path).to_dict(as_series=False) == {
        "a": [1.0, 2.5],
        "b": ["007", None],
        "c": ["1", "x"],
        "d": [True, None],
        "e": ["[1]", None],
        "f": [None, 2.0**63],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "row 2"), ("[1]", "not a JSON object"), ('{"a": 1, "a": 2}', "a key comes twice")],
)
def test_jsonl_line_that_is_no_row_is_refused(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        sources.read_table(_write(tmp_path / "r.jsonl", '{"a": 1}\n' + line))


def test_a_folder_can_be_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = sources.Format(
        name="store",
        meaning="a tracker's folder",
        suffixes=(),
        read=lambda path: pl.DataFrame({"run": [path.name]}),
        recognise=lambda path: (path / "store.txt").exists(),
    )
    monkeypatch.setattr(sources, "load", lambda: {"store": store})
    assert not sources.is_claimed(tmp_path)
    _write(tmp_path / "store.txt", "x")
    assert sources.is_claimed(tmp_path)
    assert sources.read_table(tmp_path)["run"].to_list() == [tmp_path.name]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("7e9", 7e9), (" 1.5 ", 1.5), ("", None), ("  ", None), (".5", 0.5), ("-inf", float("-inf"))],
)
def test_number_cells_that_parse(cell: str, value: float | None) -> None:
    values, lost = _cells.parse(pl.Series("params", [cell]), pl.Float64)
    assert values.to_list() == [value] and lost.to_list() == [None]


@pytest.mark.parametrize("cell", ["7B", "1,000", "1_000", "n/a", "0x10", "1e", "7 e9"])
def test_number_cells_that_do_not_parse_keep_their_text(cell: str) -> None:
    values, lost = _cells.parse(pl.Series("params", [cell]), pl.Float64)
    assert values.to_list() == [None] and lost.to_list() == [cell]


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2024-03-01", date(2024, 3, 1)),
        ("2024-03-01T23:59:59Z", date(2024, 3, 1)),
        ("2024-03-01 10:00:00.5 +02:00", date(2024, 3, 1)),
        ("2024-13-01", None),
        ("01/03/2024", None),
        ("2024-03", None),
    ],
)
def test_date_cells(cell: str, day: date | None) -> None:
    values, lost = _cells.parse(pl.Series("observed", [cell]), pl.Date)
    assert values.to_list() == [day]
    assert lost.to_list() == [None if day else cell]


def test_typed_cells_of_a_wrong_type_are_not_coerced() -> None:
    for cells in ([True], [date(2024, 1, 1)], [[1.0]], [b"1"]):
        values, lost = _cells.parse(pl.Series("params", cells), pl.Float64)
        assert values.to_list() == [None] and lost.null_count() == 0


@given(
    cells=st.lists(st.one_of(st.none(), st.text(), st.floats().map(str)), min_size=1, max_size=10)
)
@settings(max_examples=100, deadline=None)
def test_every_cell_is_blank_parsed_or_kept(cells: list[str | None]) -> None:
    frame = pl.DataFrame(
        {"params": cells, "observed": cells},
        schema_overrides=dict.fromkeys(("params", "observed"), pl.String),
    )
    table = sources.to_schema(frame, RUN)
    assert table.columns == [*(column.name for column in RUN), "unparsed"]
    for i, cell in enumerate(cells):
        kept = json.loads(table["unparsed"][i] or "{}")
        for name in ("params", "observed"):
            blank = cell is None or not cell.strip()
            assert blank or table[name][i] is not None or kept[name] == cell


def test_published_sources_are_complete() -> None:
    found = {source.name: source for source in sources.published(PUBLISHED)}
    assert {
        "chinchilla-epoch",
        "gadre-overtraining",
        "gemstones",
        "muennighoff-datablations",
    } <= set(found)
    for source in found.values():
        table = sources.to_schema(sources.read_cells(source.table), RUN)
        assert table["unparsed"].null_count() == table.height
        assert source.citations and "@" in source.origin and source.observed < source.accessed
        for defect in source.defects:
            runs = table.filter(pl.col("run").is_in(defect.runs))
            assert runs["run"].n_unique() == len(defect.runs)
            flagged = runs.filter(pl.col("flags").str.contains(defect.flag, literal=True))
            assert defect.flag == "" or flagged["run"].n_unique() == len(defect.runs)


def test_published_tables_hold_what_was_counted() -> None:
    tables = {s.name: sources.read_table(s.table) for s in sources.published(PUBLISHED)}
    assert tables["chinchilla-epoch"].height == 245
    assert tables["gadre-overtraining"].height == 104 * (8 + 46 + 2)
    assert tables["gemstones"].height == 1169
    assert tables["muennighoff-datablations"].height == 317
    assert tables["muennighoff-datablations"]["value"].null_count() == 9
    for table in tables.values():
        assert all(column.null_count() < table.height for column in table)
    flags = tables["muennighoff-datablations"]["flags"].fill_null("")
    assert flags.str.contains("in_fit_182").sum() == 182


def test_published_source_without_metadata_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    _write(folder / "runs.csv", "run\nx\n")
    with pytest.raises(InputError, match=r"source\.yaml: missing"):
        sources.published(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("licence:", "license:", "unknown key.*Did you mean 'licence'"),
        ("title: T", "", "missing key 'title'"),
        ("title: T", "title: [", "not readable as YAML"),
        ("observed: 2024-01-01", "observed: soon", "'observed'.*YYYY-MM-DD"),
        ("notes: []", "notes: none", "'notes': not a list"),
        ("defects: []", "defects: [{}]", "'defects': not defects"),
    ],
)
def test_published_metadata_is_checked(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = (
        "title: T\ncitations: [A]\nlicence: MIT\norigin: a/b@c\naccessed: 2025-01-01\n"
        "observed: 2024-01-01\nchanged: []\nnotes: []\ndefects: []\n"
    )
    folder = tmp_path / "new"
    folder.mkdir()
    _write(folder / "runs.csv", "run\nx\n")
    _write(folder / "source.yaml", text)
    assert sources.published(tmp_path)[0].licence == "MIT"
    _write(folder / "source.yaml", text.replace(old, new))
    with pytest.raises(InputError, match=message):
        sources.published(tmp_path)


def test_second_table_in_a_published_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("runs.csv", "more.csv"):
        _write(folder / name, "run\nx\n")
    with pytest.raises(InputError, match=r"one run table.*more\.csv"):
        sources.published(tmp_path)


def test_inference_leaves_frames_alone_that_have_types(tmp_path: Path) -> None:
    table = pl.DataFrame({"seed": [1, 2], "note": ["1", "2"]})
    table.write_parquet(tmp_path / "t.parquet")
    assert_frame_equal(sources.read_table(tmp_path / "t.parquet"), table)
