"""The ingest stage: every row of every file, with its place, in the run schema."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.errors import InputError
from scaling.pipeline import ingest
from scaling.runs.inbox.aliases import unnumbered
from scaling.runs.schema import RUN, dtypes
from tests.support.inbox_project import METADATA


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one published source, entered."""
    monkeypatch.chdir(tmp_path)
    _put("params.yaml", "disclose_internal: true")
    _put("data/published/paper/source.yaml", METADATA)
    _put("data/published/paper/runs.csv", "run,params,value\na,7e9,2.5\nb,seventy,\n")
    return tmp_path


def _put(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _out() -> dict[str, pl.DataFrame]:
    return {path.stem: pl.read_parquet(path) for path in sorted(ingest.OUT.iterdir())}


def _bytes() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(ingest.OUT.iterdir())}


def test_rows_have_the_run_schema_and_their_place(project: Path) -> None:
    ingest.main()
    table = _out()["paper"]
    assert dict(table.schema) == dtypes(RUN) | {
        "file": pl.String,
        "row": pl.Int64,
        "unparsed": pl.String,
    }
    assert table["row"].to_list() == [1, 2]
    assert set(table["file"]) == {"data/published/paper/runs.csv"}
    assert set(table["source"]) == {"paper"}
    assert table["params"].to_list() == [7e9, None]
    assert json.loads(table["unparsed"][1]) == {"params": "seventy"}


def test_inbox_of_files_and_folders(project: Path) -> None:
    for ignored in ("README.md", ".gitignore", "team.csv.dvc"):
        _put(f"data/internal/{ignored}", "not a table")
    _put("data/internal/team.csv", "run,value\nx,1\n")
    _put("data/internal/group/b.jsonl", '{"run": "y", "value": 2}')
    _put("data/internal/group/a.csv", "run,value\nz,3\nz,4\n")
    ingest.main()
    tables = _out()
    assert sorted(tables) == ["group", "paper", "team"]
    assert tables["group"].select("run", "row").rows() == [("z", 1), ("z", 2), ("y", 1)]


def test_same_files_give_the_same_bytes(project: Path) -> None:
    ingest.main()
    first = _bytes()
    ingest.main()
    assert _bytes() == first


def test_outputs_of_gone_sources_are_removed(project: Path) -> None:
    team = _put("data/internal/team.csv", "run,value\nx,1\n")
    ingest.main()
    assert "team" in _out()
    team.unlink()
    ingest.main()
    assert sorted(_out()) == ["paper"]
    assert sorted(path.name for path in Path("data").iterdir()) == ["internal", "published", "runs"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("data/published/paper/runs.csv", "run,vlaue\na,1\n", "'vlaue'.*Did you mean 'value'"),
        ("data/published/paper/runs.csv", "run,value\na\n", "row 1"),
        ("data/published/paper/runs.csv", "", "the file is empty"),
        ("data/published/paper/source.yaml", "title: T", "missing key"),
        ("data/internal/paper.csv", "run,value\na,1\n", "source 'paper' is taken"),
        ("data/internal/team.docx", "x", "unknown format"),
        ("data/internal/team/inner/runs.csv", "run\nx\n", "no folder of a tracker"),
    ],
)
def test_bad_file_ends_the_stage_and_leaves_the_last_tables(
    name: str, text: str, message: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest.main()
    before = _bytes()
    _put(name, text)
    with pytest.raises(SystemExit) as stop:
        ingest.main()
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and str(Path(name).parent) in error
    assert _bytes() == before


def test_inbox_file_and_folder_of_one_name_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _put("data/internal/team.csv", "run\nx\n")
    _put("data/internal/team/a.csv", "run\nx\n")
    with pytest.raises(SystemExit):
        ingest.main()
    assert "'team' appears twice" in capsys.readouterr().err


def test_missing_published_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        ingest.main()
    assert "Run this in the project's folder" in capsys.readouterr().err


_CELL = st.one_of(st.none(), st.integers(), st.floats(), st.booleans(), st.text(max_size=5))


@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["run", "params", "value", "observed"]), _CELL),
        min_size=1,
        max_size=8,
    ).filter(lambda rows: any(rows))
)
@settings(max_examples=50)
def test_no_row_is_lost(
    rows: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("inbox") / "team.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    table = ingest.run_table("team", [path])
    assert table["row"].to_list() == list(range(1, len(rows) + 1))


def test_published_counts_may_have_a_letter(project: Path) -> None:
    _put("data/published/paper/runs.csv", "run,params,tokens,value\na,70B,1.4T,2.5\n")
    ingest.main()
    table = _out()["paper"]
    assert table.select("params", "tokens", "unparsed").rows() == [(7e10, 1.4e12, None)]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("run,params,value\nx,30,3\n", "row 1, column 'params': too small"),
        ("run,tokens,value\nx,2e10,3\ny,26,3\n", "row 2, column 'tokens': too small"),
        (
            "run,metric,metric_kind,unit,value\nx,loss@c4,loss,nats/token,20\n",
            "too high for a loss in nats/token",
        ),
    ],
)
def test_units_of_a_table_put_there_by_hand_are_checked(
    project: Path, cells: str, message: str
) -> None:
    _put("data/internal/team.csv", cells)
    with pytest.raises(InputError) as refused:
        list(ingest.ingest(ingest.PUBLISHED, ingest.INTERNAL)[unnumbered("team")])
    said = str(refused.value)
    assert said.startswith("data/internal/team.csv: units are missing") and message in said
    assert "scaling add PATH --as NAME --map" in said
    _put("data/internal/team.csv", "run,params,tokens,value\nx,30M,1B,3\n")
    made = pl.concat(ingest.ingest(ingest.PUBLISHED, ingest.INTERNAL)[unnumbered("team")])
    assert made.select("params", "tokens").rows() == [(3e7, 1e9)]
