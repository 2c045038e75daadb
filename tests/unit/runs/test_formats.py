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

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats import _cells
from scaling.runs.schema import RUN
from tests.support import ROOT

FORMATS = list(formats.load().values())
PUBLISHED = ROOT / "data/published"


def _write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_format_keeps_the_contract(form: formats.Format) -> None:
    assert form.name and form.meaning and form.suffixes
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in form.suffixes)
    others = [s for other in FORMATS if other is not form for s in other.suffixes]
    assert not set(form.suffixes) & set(others)
    assert form.claims(Path(f"RUNS{form.suffixes[0].upper()}"))


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\x00\xfe garbage", b"\xff\xfea\x00,\x00"])
def test_undecodable_file_is_refused_by_name(
    form: formats.Format, content: bytes, tmp_path: Path
) -> None:
    for suffix in form.suffixes:
        path = _write(tmp_path / f"bad{suffix}", content)
        with pytest.raises(InputError, match=f"bad{suffix}"):
            formats.read_table(path)


def test_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"runs\.odt.*\.odt.*\.csv.*\.jsonl.*\.parquet"):
        formats.read_table(_write(tmp_path / "runs.odt", "x"))


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file"):
        formats.read_table(tmp_path / "runs.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "no rows"),
        ("a,b\n1,2\n3\n", "row 2: 1 cells in a table of 2 columns"),
        ("a,b\n1,2\n3,4,5\n", "row 2: 3 cells in a table of 2 columns"),
        ("a,a\n1,2\n", "two columns of this name"),
        ("a,,b\n0,x,1\n", "column 2 has no name"),
        ('a,b\n"1,2\n', "row 1: not a readable table: unexpected end of data"),
        (b"a,b\n1,\xff\n", "not UTF-8"),
    ],
)
def test_csv_that_would_be_misread_is_refused(
    text: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        formats.read_table(_write(tmp_path / "runs.csv", text))


def test_csv_cells_are_text_as_written(tmp_path: Path) -> None:
    path = _write(tmp_path / "runs.csv", '\ufeffa,b\r\n007,"x, ""y""\nz"\r\n\r\n1e400,\r\n')
    cells = formats.read_cells(path)
    assert cells.to_dict(as_series=False) == {"a": ["007", "1e400"], "b": ['x, "y"\nz', None]}


def test_tsv_separates_by_tabs(tmp_path: Path) -> None:
    table = formats.read_table(_write(tmp_path / "runs.tsv", "a\tb\n1\tx,y\n"))
    assert table.to_dict(as_series=False) == {"a": [1], "b": ["x,y"]}


def test_table_types_are_those_a_person_means(tmp_path: Path) -> None:
    text = (
        "run,seed,observed,params,value,size,name,mixed,big,empty\n"
        "1,007,2024-03-01,7e9,2.25,3,01,1,99999999999999999999,\n"
        "2,8,2024-03-02,1,NaN,-4,02,x,1,\n"
    )
    table = formats.read_table(_write(tmp_path / "runs.csv", text))
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
@settings(max_examples=50)
def test_numbers_survive_every_format(
    values: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    table = pl.DataFrame({"value": values}, schema={"value": pl.Float64})
    table.write_csv(folder / "t.csv")
    table.write_parquet(folder / "t.parquet")
    _write(folder / "t.jsonl", "\n".join(json.dumps({"value": v}) for v in values))
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        assert formats.read_table(folder / name)["value"].to_list() == values


def test_jsonl_types_and_gaps(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "r.jsonl",
        '{"a": 1, "b": "007", "c": 1, "d": true, "e": [1]}\n\n'
        '{"a": 2.5, "c": "x", "d": null, "f": 9223372036854775808}\n',
    )
    assert formats.read_table(path).to_dict(as_series=False) == {
        "a": [1.0, 2.5],
        "b": ["007", None],
        "c": ["1", "x"],
        "d": [True, None],
        "e": ["[1]", None],
        "f": [None, 2.0**63],
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "row 2"), ("[1]", "not a JSON object"), ('{"a": 1, "a": 2}', "a key appears twice")],
)
def test_jsonl_line_that_is_no_row_is_refused(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        formats.read_table(_write(tmp_path / "r.jsonl", '{"a": 1}\n' + line))


def test_a_folder_can_be_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = formats.Format(
        name="store",
        meaning="a tracker's folder",
        suffixes=(),
        read=lambda path, options: pl.DataFrame({"run": [path.name]}),
        seen="nothing",
        recognise=lambda path: (path / "store.txt").exists(),
    )
    monkeypatch.setattr(formats, "load", lambda: {"store": store})
    assert not formats.is_claimed(tmp_path)
    _write(tmp_path / "store.txt", "x")
    assert formats.is_claimed(tmp_path)
    assert formats.read_table(tmp_path)["run"].to_list() == [tmp_path.name]


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
@settings(max_examples=100)
def test_every_cell_is_blank_parsed_or_kept(cells: list[str | None]) -> None:
    frame = pl.DataFrame(
        {"params": cells, "observed": cells},
        schema_overrides=dict.fromkeys(("params", "observed"), pl.String),
    )
    table = formats.to_schema(frame, RUN)
    assert table.columns == [*(column.name for column in RUN), "unparsed"]
    for i, cell in enumerate(cells):
        kept = json.loads(table["unparsed"][i] or "{}")
        for name in ("params", "observed"):
            blank = cell is None or not cell.strip()
            assert blank or table[name][i] is not None or kept[name] == cell


# Upstream repositories of these have no licence, or one that binds the whole project (GPL).
NOT_TO_BE_SHIPPED = {
    "actuarial",
    "data-mixing",
    "dmsl-mixtures",
    "inverse-scaling",
    "misfitting",
    "openclip",
    "parscale",
    "steplaw",
    "test-time-o1mini",
    "vocab-scaling",
}
# Facts read off a figure may be given without a licence; everything else needs one of these.
LICENCES = ("MIT", "Apache-2.0", "CC-BY", "CC0", "No licence file")

# Rows (and null values) of each table, by arithmetic over what upstream has where that is possible.
ROWS = {
    "chinchilla-epoch": 245,
    "clark-routing": 223 * 6 + 223 * 4 + 8,
    "colpret-curves": 3045,
    "dclm-downstream": 416 * 15 - 127,
    "epoch-benchmarks": 2519,
    "finetune-rectified": 30 * 15 * 3,
    "gadre-overtraining": 104 * (8 + 46 + 2),
    "gemstones": 770 + 199 + 200,
    "gpt3-curves": 8 + 8 * 100,
    "llama3-isoflops": 133,
    "metr-horizon": 30 * 4,
    "muennighoff-datablations": 317,
    "nsl-benchmark": 18883 + 53 + 229 + 430 + 929 + 168,
    "obs-scaling": 1144 + 613 + 432 + 219 + 418 + 898,
    "olmo-ladder": 34 * (12 + 20 + 20) + 4 * 20 + 779,
    "opt-trajectories": 142,
    "porian-discrepancies": 1745 + 177 * 3,
    "pythia-evals": 3990,
    "regmix": 1088 * 4,
    "rl-depth": 78 * 25,
    "rl-value": 68,
    "sloth": 2304 + 1809,
    "timm-zoo": 1556 * 6,
    "transfer-cherti": 4320 // 3 * 2,
    "vision-nfnet": 26,
}
NO_VALUE = {"clark-routing": 24, "muennighoff-datablations": 9, "porian-discrepancies": 12}


@pytest.fixture(scope="module")
def published_sources() -> list[formats.Source]:
    return formats.published(PUBLISHED)


@pytest.fixture(scope="module")
def published_tables(published_sources: list[formats.Source]) -> dict[str, pl.DataFrame]:
    """Every published table as ingested, without its wholly empty columns."""
    tables = {}
    for source in published_sources:
        table = formats.to_schema(formats.read_cells(source.table), RUN)
        assert table["unparsed"].null_count() == table.height
        assert table["source"].drop_nulls().is_in([source.name]).all()
        tables[source.name] = table[[c.name for c in table if c.null_count() < table.height]]
    return tables


def _words(flags: pl.Series) -> set[str]:
    return set(flags.drop_nulls().str.split(";").explode())


def test_published_sources_are_complete(published_sources: list[formats.Source]) -> None:
    assert {source.name for source in published_sources} == set(ROWS)
    for source in published_sources:
        assert source.citations and "@" in source.origin and source.observed < source.accessed
        assert source.changed and source.notes
        assert source.licence.startswith(LICENCES)
        assert len({defect.flag for defect in source.defects}) == len(source.defects)


def test_nothing_is_shipped_that_may_not_be(published_tables: dict[str, pl.DataFrame]) -> None:
    assert not NOT_TO_BE_SHIPPED & set(published_tables)
    families = set(published_tables["nsl-benchmark"]["family"])
    assert families == {"IC", "NMT", "LM", "BB", "DD", "NANO"}


def test_published_defects_are_flagged_and_flags_are_explained(
    published_sources: list[formats.Source], published_tables: dict[str, pl.DataFrame]
) -> None:
    for source in published_sources:
        table = published_tables[source.name]
        used = _words(table["flags"]) if "flags" in table.columns else set()
        for defect in source.defects:
            runs = table.filter(pl.col("run").is_in(defect.runs))
            assert defect.runs and runs["run"].n_unique() == len(defect.runs)
            assert defect.flag == "" or defect.flag in used
            flagged = runs.filter(pl.col("flags").str.contains(defect.flag, literal=True))
            assert defect.flag == "" or flagged["run"].n_unique() == len(defect.runs)
        explained = {defect.flag for defect in source.defects}
        prose = " ".join(source.changed + source.notes)
        assert all(flag in explained or flag in prose for flag in used)


def test_published_tables_hold_what_was_counted(published_tables: dict[str, pl.DataFrame]) -> None:
    assert {name: table.height for name, table in published_tables.items()} == ROWS
    empty = {name: table["value"].null_count() for name, table in published_tables.items()}
    assert {name: count for name, count in empty.items() if count} == NO_VALUE


@pytest.mark.parametrize(
    ("name", "condition", "rows", "runs"),
    [
        ("clark-routing", "metric = 'loss@massivetext' AND checkpoint = 'final'", 223, 223),
        ("clark-routing", "metric = 'loss@pile'", 223, 223),
        ("clark-routing", "metric = 'loss@c4' AND flags LIKE '%in_paper_fit%'", 163, 163),
        ("colpret-curves", "flags LIKE '%perplexity_not_loss%'", 95, 6),
        ("dclm-downstream", "metric = 'score@extended'", 416, 416),
        ("epoch-benchmarks", "metric = 'horizon@metr-50'", 30, 30),
        ("gpt3-curves", "checkpoint = 'final'", 8, 8),
        ("llama3-isoflops", "flags LIKE '%qc_outlier%'", 17, 17),
        ("metr-horizon", "metric = 'horizon@metr-50'", 30, 30),
        ("muennighoff-datablations", "flags LIKE '%in_fit_182%'", 182, 182),
        ("nsl-benchmark", "family = 'IC'", 18883, 72),
        ("nsl-benchmark", "family = 'NMT'", 53, 5),
        ("nsl-benchmark", "family = 'LM'", 229, 5),
        ("nsl-benchmark", "family = 'BB'", 430, 10),
        ("nsl-benchmark", "family = 'DD'", 929, 16),
        ("nsl-benchmark", "family = 'NANO'", 168, 24),
        ("obs-scaling", "metric = 'accuracy@MMLU' AND series = 'base'", 148, 148),
        ("obs-scaling", "tokens = 6.27e14", 8, 1),
        ("olmo-ladder", "metric = 'loss@c4-en' AND checkpoint = 'final'", 32, 32),
        ("olmo-ladder", "metric = 'loss@pile' AND flags LIKE '%in_paper_fit%'", 16, 16),
        ("porian-discrepancies", "metric LIKE 'loss@%-%' AND params > 0", 940, 272),
        ("porian-discrepancies", "params_non_embedding > 0", 324, 47),
        ("porian-discrepancies", "axis > 0", 481, 154),
        ("porian-discrepancies", "metric = 'params@optimum'", 177, 177),
        ("regmix", "metric = 'loss@pile-pile_cc' AND split = 'train'", 512, 512),
        ("regmix", "metric = 'loss@pile-pile_cc' AND split = 'test'", 576, 576),
        ("rl-depth", "checkpoint = 'final'", 78, 78),
        ("sloth", "series = 'OpenLLM-v1'", 1008, 168),
        ("sloth", "series = 'OpenLLM-v2'", 1296, 215),
        ("timm-zoo", "metric = 'accuracy@imagenet'", 1556, 1266),
    ],
)
def test_published_parts_hold_what_was_counted(
    name: str, condition: str, rows: int, runs: int, published_tables: dict[str, pl.DataFrame]
) -> None:
    part = published_tables[name].filter(pl.sql_expr(condition))
    assert (part.height, part["run"].n_unique()) == (rows, runs)


def test_published_data_stay_small() -> None:
    sizes = [path.stat().st_size for path in PUBLISHED.rglob("*") if path.is_file()]
    assert max(sizes) < 2.5e6
    assert sum(sizes) < 14e6


def test_published_source_without_metadata_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    _write(folder / "runs.csv", "run\nx\n")
    with pytest.raises(InputError, match=r"source\.yaml: missing"):
        formats.published(tmp_path)


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
    assert formats.published(tmp_path)[0].licence == "MIT"
    _write(folder / "source.yaml", text.replace(old, new))
    with pytest.raises(InputError, match=message):
        formats.published(tmp_path)


def test_second_table_in_a_published_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("runs.csv", "more.csv"):
        _write(folder / name, "run\nx\n")
    with pytest.raises(InputError, match=r"one run table.*more\.csv"):
        formats.published(tmp_path)


def test_inference_leaves_frames_alone_that_have_types(tmp_path: Path) -> None:
    table = pl.DataFrame({"seed": [1, 2], "note": ["1", "2"]})
    table.write_parquet(tmp_path / "t.parquet")
    assert_frame_equal(formats.read_table(tmp_path / "t.parquet"), table)
