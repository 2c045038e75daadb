"""Text, databases and workbooks that trackers and people save: what is read, what is refused."""

from __future__ import annotations

import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats import mlflow_store, xlsx_file
from tests.support.trackers.make_files import loss
from tests.unit.runs.test_trackers import _losses, _metric, _same, _target


def test_lightning_half_line_is_left_out_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.metrics.csv"
    path.write_text("epoch,step,loss\n0,1,2.5\n0,2,2.")
    frame = formats.read_cells(path)
    _same(frame, run="a", truncated=True, step=1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step,loss\n1,2,3\n", "row 1: a line with another number of cells"),
        ("step,loss\n,2\n", "row 1: no step"),
        ("step,step\n1,2\n", "a column without a name, or repeated"),
        ('step,loss\n1,"' + "x" * 200_000 + '"\n', "not a readable table"),
    ],
)
def test_lightning_tables_that_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.metrics.csv").write_text(text)
    with pytest.raises(InputError, match=rf"a\.metrics\.csv.*{message}"):
        formats.read_cells(tmp_path / "a.metrics.csv")


def test_a_run_table_called_metrics_csv_is_no_lightning(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("run,step,value\na,1,2\n")
    assert formats.format_of(path).name == "csv"


_BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x: !!python/object/apply:os.system ['exit 1']\n", "!object/apply:os.system"),
        (_BOMB, None),
        ("x: &x [*x]\n", None),
        ("x: {y: [1, 2]}\n", "[1, 2]"),
    ],
)
def test_hyperparameters_are_data(text: str, found: str | None, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,step,loss\n0,1,2.5\n")
    (tmp_path / "hparams.yaml").write_text(text)
    if found is None:
        with pytest.raises(InputError, match=r"hparams\.yaml: too much, or a loop"):
            formats.read_cells(tmp_path)
    else:
        frame = formats.read_cells(tmp_path)
        assert [frame[n][0] for n in frame.columns if n.startswith("config")] == [found]


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"log_history": [1]}', '{"log_history": [{"loss": 1}]}', "[" * 100_000, "{"],
)
def test_trainer_states_that_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text(text)
    with pytest.raises(InputError, match=r"trainer_state\.json"):
        formats.read_cells(tmp_path / "trainer_state.json")


def test_mlflow_keeps_the_step_of_a_line_with_a_data_set(tmp_path: Path) -> None:
    assert mlflow_store._line("1000 2.5 7 data abc") == (1.0, 2.5, 7.0)
    run = tmp_path / "mlruns/1/r"
    (run / "metrics").mkdir(parents=True)
    (run / "meta.yaml").write_text("run_id: r\nstatus: 1\nlifecycle_stage: deleted\n")
    (run / "metrics/loss").write_text("1000 2.5 7\n1000 2.")
    _same(formats.read_cells(tmp_path / "mlruns"), truncated=True, left_out=mlflow_store.DELETED)
    (run / "metrics/loss").write_text("1000 2.5 7\nx\n")
    with pytest.raises(InputError, match=r"loss, row 2: not a metric"):
        formats.read_cells(tmp_path / "mlruns")


def test_database_that_is_not_mlflow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs (x)")
        database.execute("CREATE VIEW metrics AS SELECT 1")
    with pytest.raises(InputError, match=r"a\.db: not an MLflow store: no table"):
        formats.read_cells(path)


@pytest.mark.parametrize("end", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["a", "a.wandb"])
def test_exported_history_is_read_in_full(end: str, name: str, tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "_step": list(range(1000)),
            "_timestamp": [1.7e9 + s for s in range(1000)],
            "loss": [loss(s) for s in range(1000)],
            "eval": [loss(s) if s % 100 == 0 else None for s in range(1000)],
            "config.lr": ["0.003"] * 1000,
        }
    )
    path = tmp_path / f"{name}.{end}"
    write = {"csv": table.write_csv, "jsonl": table.write_ndjson, "parquet": table.write_parquet}
    write[end](path)
    frame = formats.read_table(path)
    _same(frame, run="a", truncated=False, config__lr="0.003")
    assert _metric(frame, "loss") == _losses(list(range(1000)))
    assert _metric(frame.filter(pl.col("value").is_not_null()), "eval")["step"] == [
        float(s) for s in range(0, 1000, 100)
    ]
    if end != "parquet":
        path.write_bytes(path.read_bytes()[:-3])
        _same(formats.read_table(path), truncated=True)


def _workbook(path: Path, rows: list[list[object]]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no filled sheet"),
        ([["a", "a"], [1, 2]], "two columns of this name"),
        ([["a", None], [1, 2]], "column 2 has no name"),
        ([["a"], ["#N/A"]], "an error in a cell"),
        ([["a"], ["=A1"]], "a formula without a saved value"),
        ([["a"]], "no rows"),
    ],
)
def test_workbooks_that_are_refused(rows: list[list[object]], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"a\.xlsx.*{message}"):
        formats.read_cells(_workbook(tmp_path / "a.xlsx", rows))


def test_workbook_formula_counts_with_its_saved_value(tmp_path: Path) -> None:
    made = _workbook(tmp_path / "made.xlsx", [["a"], ["=1/3"]])
    path = tmp_path / "calculated.xlsx"
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v />", b"<v>0.33333333333333331</v>"))
    assert formats.read_cells(path)["a"].to_list() == [1 / 3]


def test_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(5_000_000))
    monkeypatch.setattr("scaling.runs.formats.xlsx_file._LARGEST_UNPACKED", 1_000_000)
    with pytest.raises(InputError, match=r"bomb\.xlsx: unpacks to too much; found 5000000"):
        formats.read_cells(path)


def test_workbook_whose_rows_lie_too_far_apart_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty rows are read one by one up to the limit, so it is set low here."""
    monkeypatch.setattr(xlsx_file, "_MOST_ROWS", 10_000)
    made = _workbook(tmp_path / "made.xlsx", [["a"], [1]])
    path = tmp_path / "far.xlsx"
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            sheet = old.read(name).replace(b'<row r="2"', b'<row r="99999999"')
            new.writestr(name, sheet.replace(b'r="A2"', b'r="A99999999"'))
    with pytest.raises(InputError, match=r"far\.xlsx: too many cells"):
        formats.read_cells(path)


def test_workbook_cells_keep_their_types(tmp_path: Path) -> None:
    rows = [["i", "f", "t", "m"], [1, 1, "01", 1], [None] * 4, [2, 0.5, " ", "x"]]
    table = formats.read_table(_workbook(tmp_path / "a.xlsx", rows))
    assert table.to_dict(as_series=False) == {
        "i": [1, None, 2],
        "f": [1.0, None, 0.5],
        "t": ["01", None, None],
        "m": ["1", None, "x"],
    }


@pytest.mark.parametrize(
    "form", [f for f in formats.load().values() if f.raw], ids=lambda f: f.name
)
def test_files_of_another_kind_are_refused_by_name(form: formats.Format, tmp_path: Path) -> None:
    for name in ("hf", "mlflow-sqlite", "wandb-media", "tensorboard", "neptune"):
        _, _, data = _target(name)
        for suffix in form.suffixes:
            path = tmp_path / f"wrong{suffix}"
            path.write_bytes(data)
            try:
                formats.read_cells(path)
            except InputError as error:
                assert path.name in str(error)
