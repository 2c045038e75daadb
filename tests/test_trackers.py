"""Trackers' files: what their own libraries wrote is read in full, and damage is never silent.

``SCALING_FUZZ`` sets how many damaged files per format are tried (200 unless told).
"""

from __future__ import annotations

import functools
import json
import math
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaling import sources
from scaling.errors import InputError
from scaling.schema import RUN
from scaling.sources import _wire, mlflow_store, tensorboard_events, wandb_run
from scaling.sources._raw import RAW
from tests.trackers.make_files import MAKERS, STEPS_TENSORBOARD, STEPS_WANDB, loss, unpack

FUZZ = int(os.environ.get("SCALING_FUZZ", "200"))
MANY = 100_000


def _needs_openpyxl() -> None:
    pytest.importorskip("openpyxl", reason="openpyxl is not installed")


def _metric(frame: pl.DataFrame, name: str) -> dict[str, list[float]]:
    rows = frame.filter(pl.col("metric") == name)
    return {"step": rows["step"].to_list(), "value": rows["value"].to_list()}


def _losses(steps: list[int]) -> dict[str, list[float]]:
    return {"step": [float(s) for s in steps], "value": [loss(s) for s in steps]}


def _same(frame: pl.DataFrame, **expected: object) -> None:
    for name, value in expected.items():
        assert frame[name.replace("__", ".")].unique().to_list() == [value], name


def _check_hf(folder: Path) -> None:
    frame = sources.read_table(folder / "small/checkpoint-500/trainer_state.json")
    _same(frame, run="small", expected_last_step=500.0, truncated=False, config__max_steps="500")
    assert _metric(frame, "loss") == _losses(list(range(50, 501, 50)))
    assert _metric(frame, "eval_loss")["step"] == [250.0, 500.0]
    assert math.isnan(_metric(frame, "grad_norm")["value"][0])
    assert frame.equals(sources.read_table(folder / "small/checkpoint-500"))


def _check_lightning(folder: Path) -> None:
    frame = sources.read_table(folder / "small/version_0/metrics.csv")
    _same(frame, run="small/version_0", truncated=False, config__lr="0.003", config__model="tiny")
    assert _metric(frame, "train_loss") == _losses(list(range(0, 200, 10)))
    assert _metric(frame, "val_loss")["step"] == [0.0, 50.0, 100.0, 150.0]
    assert set(frame["metric"]) == {"epoch", "train_loss", "val_loss"}
    assert frame.equals(sources.read_table(folder / "small/version_0"))


def _check_tensorboard(folder: Path) -> None:
    frame = sources.read_table(folder)
    old, new = (frame.filter(pl.col("run") == name) for name in "ab")
    assert old.height == STEPS_TENSORBOARD and new.height == 20
    for run, steps in ((old, STEPS_TENSORBOARD), (new, 20)):
        expected = [struct.unpack("<f", struct.pack("<f", loss(s)))[0] for s in range(steps)]
        assert _metric(run, "loss") == {"step": list(range(steps)), "value": expected}
        assert run["wall_time"].to_list() == [1.7e9 + s for s in range(steps)]
    _same(new, truncated=False, config__lr="0.003", config__width="64.0", config__model="tiny")
    assert old["config.lr"].null_count() == old.height


def _check_mlflow(folder: Path) -> None:
    path = folder / "mlruns" if (folder / "mlruns").is_dir() else folder / "mlflow.db"
    frame = sources.read_table(path)
    _same(frame, run_name="small", group="scaling", status="FINISHED", truncated=False)
    _same(frame, config__lr="0.003", config__width="64", config__model="tiny")
    _same(frame, expected_last_step=199.0 if path.suffix else None)
    assert _metric(frame, "train/loss") == _losses([*range(120), *range(100, 200)])
    odd = _metric(frame, "odd")
    assert odd["step"] == [0, 1, 2, 3] and math.isnan(odd["value"][0])
    assert odd["value"][1:] == [math.inf, -math.inf, 1e-300]
    assert frame["wall_time"].min() == 1_700_000_000.0


def _check_wandb(folder: Path) -> None:
    frame = sources.read_table(folder / "run-long.wandb")
    _same(frame, run="long", run_name="run long", group="scaling", status="exit code 0")
    _same(frame, truncated=False, expected_last_step=STEPS_WANDB - 1.0, config__late="1")
    _same(frame, config__data__name="corpus", config__data__seeds="[1, 2]", config__lr="0.003")
    assert _metric(frame, "loss") == _losses(list(range(STEPS_WANDB)))
    cut = sources.read_table(folder / "run-cut.wandb")
    _same(cut, run="long", truncated=True, status=None)
    assert 0 < cut.height < frame.height
    assert cut.select("step", "metric", "value").equals(
        frame.head(cut.height).select("step", "metric", "value")
    )


def _check_wandb_media(folder: Path) -> None:
    run = next(folder.glob("kept/offline-run-*"))
    (run.parent / "latest-run").symlink_to(run.name)
    frame = sources.read_table(run.parent)
    assert frame.equals(sources.read_table(run))
    assert _metric(frame, "eval.loss")["step"] == [0, 1, 2, 3, 4]
    assert all(math.isnan(value) for value in _metric(frame, "nan")["value"])
    texts = dict(frame.filter(pl.col("value").is_null()).select("metric", "value_text").rows())
    assert texts["note"] == "text" and texts["flag"] == "true"
    assert texts["histogram._type"] == "histogram"


def _check_xlsx(folder: Path) -> None:
    _needs_openpyxl()
    table = sources.to_schema(sources.read_cells(folder / "runs.xlsx"), RUN)
    # openpyxl writes 16 digits, one less than a double may need.
    assert table["value"].to_list() == pytest.approx([loss(i) for i in range(5)], rel=1e-15)
    assert table["params"].to_list() == [1e6, 2e6, 3e6, 4e6, 5e6]
    assert table["seed"].to_list() == ["007"] * 5
    assert str(table["observed"][4]) == "2024-03-05" and table["unparsed"].null_count() == 5
    with pytest.raises(InputError, match=r"formula\.xlsx: a formula without a saved value.*1\+1"):
        sources.read_cells(folder / "formula.xlsx")


def _check_neptune(folder: Path) -> None:
    frame = sources.read_table(folder)
    _same(frame, run="RUN-1", run_name="small", group="team/scaling", truncated=False)
    assert frame["config.params/lr"][0] == "0.003" and frame["config.sys/tags"][0] == '["a", "b"]'
    assert _metric(frame, "train/loss") == _losses(list(range(100)))
    assert frame.filter(pl.col("metric") == "log")["step"].to_list() == [99.5]
    first = folder / "team_scaling/RUN-1_part_0.parquet"
    assert sources.format_of(first).name == "neptune"
    first.unlink()
    with pytest.raises(InputError, match=r"part_0\.parquet: a part of the run is missing"):
        sources.read_table(folder)


CHECKS: dict[str, Callable[[Path], None]] = {
    "hf": _check_hf,
    "lightning": _check_lightning,
    "tensorboard": _check_tensorboard,
    "mlflow-folder": _check_mlflow,
    "mlflow-sqlite": _check_mlflow,
    "wandb": _check_wandb,
    "wandb-media": _check_wandb_media,
    "xlsx": _check_xlsx,
    "neptune": _check_neptune,
}


@pytest.mark.parametrize("name", MAKERS)
def test_packed_files_are_read_in_full(name: str, tmp_path: Path) -> None:
    CHECKS[name](unpack(name, tmp_path))


@pytest.mark.parametrize("name", MAKERS)
def test_fresh_files_are_read_in_full(name: str, tmp_path: Path) -> None:
    if MAKERS[name].absent:
        pytest.skip(f"{MAKERS[name].library} is not installed")
    code = (
        "import sys; from pathlib import Path; from tests.trackers.make_files import MAKERS;"
        "MAKERS[sys.argv[1]].make(Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, name, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    CHECKS[name](tmp_path)


def test_every_tracker_gives_the_raw_columns() -> None:
    for form in sources.load().values():
        assert form.raw == (form.name not in ("csv", "jsonl", "parquet", "xlsx"))
    with tempfile.TemporaryDirectory() as folder:
        frame = sources.read_table(unpack("tensorboard", Path(folder)))
    assert dict(list(frame.schema.items())[: len(RAW)]) == RAW


# Damage.

TARGETS = {
    "hf": "small/checkpoint-500/trainer_state.json",
    "lightning": "small/version_0/metrics.csv",
    "tensorboard": "b/events.out.tfevents.1700000000.host",
    "mlflow-folder": "mlruns",
    "mlflow-sqlite": "mlflow.db",
    "wandb": "run-cut.wandb",
    "wandb-media": "kept/offline-run-20240101_000000-media/run-media.wandb",
    "xlsx": "runs.xlsx",
    "neptune": "team_scaling/RUN-1_part_0.parquet",
}
# Every byte is under a check sum, or a cut line shows: damage leaves whole rows or an error.
CHECKED = ("tensorboard", "wandb", "wandb-media")
STREAMS = (*CHECKED, "lightning", "mlflow-folder")


@functools.cache
def _target(name: str) -> tuple[Path, Path, bytes]:
    """What is read, the file that is damaged, and its bytes."""
    top = unpack(name, Path(tempfile.mkdtemp(prefix="trackers")))
    if name == "mlflow-folder":
        file = next(top.glob("mlruns/*/*/metrics/train/loss"))
        next(top.glob("mlruns/*/*/metrics/odd")).unlink()
        return top / "mlruns", file, file.read_bytes()
    file = top / TARGETS[name]
    return file, file, file.read_bytes()


@functools.cache
def _rows(name: str) -> list[str]:
    path, file, data = _target(name)
    file.write_bytes(data)
    return _plain(sources.read_cells(path))


def _plain(frame: pl.DataFrame) -> list[str]:
    return [
        repr(row) for row in frame.select("run", "step", "metric", "value", "value_text").rows()
    ]


# Where, how, and with what; not the damaged bytes, because hypothesis keeps what it draws.
Damage = tuple[int, str, int, bytes]


def _damage(name: str) -> st.SearchStrategy[Damage]:
    return st.tuples(
        st.integers(0, len(_target(name)[2]) - 1),
        st.sampled_from(("cut", "bit", "lengths", "zeros", "insert", "text")),
        st.integers(0, 7),
        st.binary(min_size=1, max_size=9),
    )


def _damaged(whole: bytes, damage: Damage) -> bytes:
    at, kind, bit, more = damage
    data = bytearray(whole)
    if kind == "cut":
        return bytes(data[:at])
    if kind == "bit":
        data[at] ^= 1 << bit
    elif kind == "insert":
        data[at:at] = more
    else:
        data[at : at + 8] = {"lengths": b"\xff" * 8, "zeros": b"\0" * 8, "text": b"nan,1e99"}[kind]
    return bytes(data)


def _survives(name: str, damaged: bytes) -> None:
    """No crash other than an error that names the file; where sums allow it, no changed row."""
    path, file, data = _target(name)
    whole = _rows(name) if name in CHECKED else []
    file.write_bytes(damaged)
    try:
        frame = sources.read_cells(path)
    except InputError as error:
        assert any(part in str(error) for part in (file.name, path.name))
        return
    if name in CHECKED and damaged != data:
        rows = _plain(frame)
        assert rows == whole[: len(rows)]
        # An event file has no end mark: cut between two records, it looks whole.
        unseen = name == "tensorboard" and data.startswith(damaged)
        assert frame["truncated"].all() or len(rows) == len(whole) or unseen


def _fuzz(name: str, count: int, fixed: bool) -> None:
    if name == "xlsx":
        _needs_openpyxl()

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=fixed,
        suppress_health_check=list(HealthCheck),
    )
    @given(damage=_damage(name))
    def attempt(damage: Damage) -> None:
        _survives(name, _damaged(_target(name)[2], damage))

    attempt()


@pytest.mark.parametrize("name", [name for name in TARGETS if name != "wandb"])
def test_damage_is_refused_or_marked(name: str) -> None:
    _fuzz(name, FUZZ, fixed=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_damage_is_refused_or_marked_at_length(name: str) -> None:
    _fuzz(name, max(FUZZ, 10_000), fixed=False)


@pytest.mark.parametrize("name", STREAMS)
def test_a_prefix_of_the_file_gives_a_prefix_of_the_rows(name: str) -> None:
    path, file, data = _target(name)
    whole = _rows(name)

    @settings(max_examples=max(10, FUZZ // 4), deadline=None, database=None, derandomize=True)
    @given(size=st.integers(0, len(data) - 1))
    def attempt(size: int) -> None:
        file.write_bytes(data[:size])
        try:
            frame = sources.read_cells(path)
        except InputError as error:
            assert path.name in str(error)
            return
        assert _plain(frame) == whole[: frame.height]
        # Only W&B says where a run ends; the others look whole when cut between two records.
        unseen = name == "tensorboard" or data[:size].endswith(b"\n")
        lost = frame.height < len(whole)
        assert frame["truncated"][0] or not lost or (unseen and not name.startswith("wandb"))

    attempt()


# Framing, by hand.


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _bytes(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _record(payload: bytes, size: int | None = None) -> bytes:
    head = struct.pack("<Q", len(payload) if size is None else size)
    sums = [struct.pack("<I", tensorboard_events.masked_crc(part)) for part in (head, payload)]
    return head + sums[0] + payload + sums[1]


def _scalar(step: int, value: bytes) -> bytes:
    found = _bytes(5, _bytes(1, _bytes(1, b"loss") + value))
    return b"\x09" + struct.pack("<d", 1.0) + b"\x10" + _varint(step % 2**64) + found


def _float(value: float) -> bytes:
    return b"\x15" + struct.pack("<f", value)


def _log(payloads: list[bytes]) -> bytes:
    """A W&B log: parts that fill blocks of 32 KiB."""
    out = bytearray(wandb_run._HEADER)
    for payload in payloads:
        first = True
        while first or payload:
            left = 32768 - len(out) % 32768
            if left < 7:
                out += bytes(left)
                continue
            part, payload = payload[: left - 7], payload[left - 7 :]
            kind = bytes([{(1, 0): 1, (1, 1): 2, (0, 1): 3, (0, 0): 4}[first, bool(payload)]])
            out += struct.pack("<IH", zlib.crc32(part, zlib.crc32(kind)), len(part)) + kind + part
            first = False
    return bytes(out)


_RUN = _bytes(17, _bytes(1, b"id"))
_EXIT = _bytes(18, b"")


def _history(step: int, *items: bytes) -> bytes:
    logged = b"".join(_bytes(1, item) for item in items)
    return _bytes(2, logged + _bytes(2, b"\x08" + _varint(step)))


def _item(name: str, value: object) -> bytes:
    return _bytes(1, name.encode()) + _bytes(16, json.dumps(value).encode())


def _wandb_file(folder: Path, payloads: list[bytes]) -> Path:
    path = folder / "run-x.wandb"
    path.write_bytes(_log(payloads))
    return path


def test_check_sum_is_the_published_one() -> None:
    # RFC 3720, B.4: the CRC-32C of 32 zero bytes is 8A9136AA.
    crc = 0x8A9136AA
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert tensorboard_events.masked_crc(bytes(32)) == masked


def test_tensorboard_length_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(_record(_scalar(1, _float(2.0))) + _record(b"", size=2**62))
    with pytest.raises(InputError, match=r"tfevents\.1, row 2: too long a record"):
        sources.read_cells(path)


def test_tensorboard_damage_before_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    records = [bytearray(_record(_scalar(step, _float(2.0)))) for step in range(3)]
    records[1][14] ^= 1
    path.write_bytes(b"".join(records))
    with pytest.raises(InputError, match=r"row 2: a damaged record"):
        sources.read_cells(path)


def test_tensorboard_tail_of_zeros_is_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(_record(_scalar(1, _float(2.0))) + bytes(100))
    _same(sources.read_cells(path), truncated=True, value=2.0)


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        (b"\x08\x01" + _bytes(5, struct.pack("<f", 2.5)), 2.5),
        (b"\x08\x02" + _bytes(4, struct.pack("<d", 2.5)), 2.5),
        (b"\x08\x03" + _bytes(7, _varint(2**64 - 3)), -3.0),
        (b"\x08\x09\x50\x07", 7.0),
        (b"\x08\x13" + _bytes(13, _varint(0x4100)), 2.5),
        (b"\x08\x01", 0.0),
        (b"\x08\x01" + _bytes(2, _bytes(2, b"\x08\x02")), None),
        (b"\x08\x07" + _bytes(8, b"text"), None),
    ],
)
def test_tensorboard_tensors(tensor: bytes, value: float | None, tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(
        _record(_scalar(0, _float(math.nan))) + _record(_scalar(-1, _bytes(8, tensor)))
    )
    frame = sources.read_cells(path)
    assert math.isnan(frame["value"][0])
    assert frame.slice(1)["value"].to_list() == ([] if value is None else [value])
    assert frame.slice(1)["step"].to_list() == ([] if value is None else [-1.0])


def test_wandb_record_of_many_blocks_and_typed_values(tmp_path: Path) -> None:
    typed = [
        _bytes(2, b"a") + _bytes(2, b"b") + b"\x31" + struct.pack("<d", 0.5),
        _bytes(1, b"whole") + b"\x28\x05",
        _bytes(1, b"words") + _bytes(7, b"w" * 100_000),
        _bytes(1, b"flag") + b"\x20\x01",
        _bytes(1, b"none") + b"\x18\x01",
    ]
    path = _wandb_file(tmp_path, [_RUN, _history(3, *typed, _item("x", "-Infinity")), _EXIT])
    rows = sources.read_cells(path).select("step", "metric", "value", "value_text").rows()
    assert rows == [
        (3.0, "a.b", 0.5, None),
        (3.0, "whole", -3.0, None),
        (3.0, "words", None, "w" * 100_000),
        (3.0, "flag", None, "true"),
        (3.0, "none", None, None),
        (3.0, "x", -math.inf, None),
    ]


def test_wandb_run_without_exit_is_marked(tmp_path: Path) -> None:
    path = _wandb_file(tmp_path, [_RUN, _history(1, _item("x", 1))])
    _same(sources.read_cells(path), truncated=True, status=None)


@pytest.mark.parametrize(
    ("payloads", "message"),
    [
        ([_history(1, _item("x", 1))], "no record of the run itself"),
        ([_RUN, b"\xff" * 12], "row 2: a damaged record"),
        ([_RUN, b"\x0b"], "row 2: a damaged record: field key"),
        ([_RUN, _bytes(2, b"\x0a\xff\xff\xff\xff\x0f")], "field of .* bytes where"),
        ([_RUN, _history(1, _bytes(16, b"[" * 200_000))], "row 2: not readable as JSON"),
        ([_RUN, _history(1, _bytes(16, b"9" * 10_000))], "row 2: not readable as JSON"),
        ([_RUN, _history(1, _item("x", "\ud800"))], "not Unicode"),
    ],
)
def test_wandb_records_that_are_refused(
    payloads: list[bytes], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"run-x\.wandb.*{message}"):
        sources.read_cells(_wandb_file(tmp_path, [*payloads, _EXIT]))


@given(data=st.binary(max_size=64))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        found = list(_wire.fields(data))
    except _wire.WireError:
        return
    assert sum(len(v) for _, _, v in found if isinstance(v, bytes)) <= len(data)


# Text formats.


def test_lightning_half_line_is_left_out_and_marked(tmp_path: Path) -> None:
    path = tmp_path / "a.metrics.csv"
    path.write_text("epoch,step,loss\n0,1,2.5\n0,2,2.")
    frame = sources.read_cells(path)
    _same(frame, run="a", truncated=True, step=1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step,loss\n1,2,3\n", "row 1: a line of another width"),
        ("step,loss\n,2\n", "row 1: no step"),
        ("step,step\n1,2\n", "a nameless or repeated column"),
        ('step,loss\n1,"' + "x" * 200_000 + '"\n', "not a readable table"),
    ],
)
def test_lightning_tables_that_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.metrics.csv").write_text(text)
    with pytest.raises(InputError, match=rf"a\.metrics\.csv.*{message}"):
        sources.read_cells(tmp_path / "a.metrics.csv")


def test_a_run_table_called_metrics_csv_is_no_lightning(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("run,step,value\na,1,2\n")
    assert sources.format_of(path).name == "csv"


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
            sources.read_cells(tmp_path)
    else:
        frame = sources.read_cells(tmp_path)
        assert [frame[n][0] for n in frame.columns if n.startswith("config")] == [found]


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"log_history": [1]}', '{"log_history": [{"loss": 1}]}', "[" * 100_000, "{"],
)
def test_trainer_states_that_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text(text)
    with pytest.raises(InputError, match=r"trainer_state\.json"):
        sources.read_cells(tmp_path / "trainer_state.json")


def test_mlflow_keeps_the_step_of_a_line_with_a_data_set(tmp_path: Path) -> None:
    assert mlflow_store._line("1000 2.5 7 data abc") == (1.0, 2.5, 7.0)
    run = tmp_path / "mlruns/1/r"
    (run / "metrics").mkdir(parents=True)
    (run / "meta.yaml").write_text("run_id: r\nstatus: 1\nlifecycle_stage: deleted\n")
    (run / "metrics/loss").write_text("1000 2.5 7\n1000 2.")
    _same(sources.read_cells(tmp_path / "mlruns"), truncated=True, status="RUNNING (deleted)")
    (run / "metrics/loss").write_text("1000 2.5 7\nx\n")
    with pytest.raises(InputError, match=r"loss, row 2: not a metric"):
        sources.read_cells(tmp_path / "mlruns")


def test_database_that_is_not_mlflow_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs (x)")
        database.execute("CREATE VIEW metrics AS SELECT 1")
    with pytest.raises(InputError, match=r"a\.db: not an MLflow store: no table"):
        sources.read_cells(path)


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
    frame = sources.read_table(path)
    _same(frame, run="a", truncated=False, config__lr="0.003")
    assert _metric(frame, "loss") == _losses(list(range(1000)))
    assert _metric(frame.filter(pl.col("value").is_not_null()), "eval")["step"] == [
        float(s) for s in range(0, 1000, 100)
    ]
    if end != "parquet":
        path.write_bytes(path.read_bytes()[:-3])
        _same(sources.read_table(path), truncated=True)


def test_runs_of_many_steps(tmp_path: Path) -> None:
    events = tmp_path / "events.out.tfevents.1"
    events.write_bytes(b"".join(_record(_scalar(s, _float(2.0))) for s in range(MANY)))
    lines = "".join(f"0,{s},2.0\n" for s in range(MANY))
    (tmp_path / "a.metrics.csv").write_text(f"epoch,step,loss\n{lines}")
    log = [_RUN, *(_history(s, _item("loss", 2.0)) for s in range(MANY)), _EXIT]
    for path in (events, tmp_path / "a.metrics.csv", _wandb_file(tmp_path, log)):
        steps = _metric(sources.read_cells(path), "loss")["step"]
        assert steps == [float(s) for s in range(MANY)]


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
        ([["a", "a"], [1, 2]], "column 2 has no name"),
        ([["a", None], [1, 2]], "column 2 has no name"),
        ([["a"], ["#N/A"]], "an error in a cell"),
        ([["a"], ["=A1"]], "a formula without a saved value"),
        ([["a"]], "no rows"),
    ],
)
def test_workbooks_that_are_refused(rows: list[list[object]], message: str, tmp_path: Path) -> None:
    _needs_openpyxl()
    with pytest.raises(InputError, match=rf"a\.xlsx.*{message}"):
        sources.read_cells(_workbook(tmp_path / "a.xlsx", rows))


def test_workbook_formula_counts_with_its_saved_value(tmp_path: Path) -> None:
    _needs_openpyxl()
    made = _workbook(tmp_path / "made.xlsx", [["a"], ["=1/3"]])
    path = tmp_path / "calculated.xlsx"
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v />", b"<v>0.33333333333333331</v>"))
    assert sources.read_cells(path)["a"].to_list() == [1 / 3]


def test_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(5_000_000))
    monkeypatch.setattr("scaling.sources.xlsx_file._LARGEST_UNPACKED", 1_000_000)
    with pytest.raises(InputError, match=r"bomb\.xlsx: unpacks to too much; found 5000000"):
        sources.read_cells(path)


def test_workbook_whose_rows_lie_too_far_apart_is_refused(tmp_path: Path) -> None:
    _needs_openpyxl()
    made = _workbook(tmp_path / "made.xlsx", [["a"], [1]])
    path = tmp_path / "far.xlsx"
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            sheet = old.read(name).replace(b'<row r="2"', b'<row r="99999999"')
            new.writestr(name, sheet.replace(b'r="A2"', b'r="A99999999"'))
    with pytest.raises(InputError, match=r"far\.xlsx: too many cells"):
        sources.read_cells(path)


def test_workbook_cells_keep_their_types(tmp_path: Path) -> None:
    _needs_openpyxl()
    rows = [["i", "f", "t", "m"], [1, 1, "01", 1], [None] * 4, [2, 0.5, " ", "x"]]
    table = sources.read_table(_workbook(tmp_path / "a.xlsx", rows))
    assert table.to_dict(as_series=False) == {
        "i": [1, None, 2],
        "f": [1.0, None, 0.5],
        "t": ["01", None, None],
        "m": ["1", None, "x"],
    }


@pytest.mark.parametrize(
    "form", [f for f in sources.load().values() if f.raw], ids=lambda f: f.name
)
def test_files_of_another_kind_are_refused_by_name(form: sources.Format, tmp_path: Path) -> None:
    for name in ("hf", "mlflow-sqlite", "wandb-media", "tensorboard", "neptune"):
        _, _, data = _target(name)
        for suffix in form.suffixes:
            path = tmp_path / f"wrong{suffix}"
            path.write_bytes(data)
            try:
                sources.read_cells(path)
            except InputError as error:
                assert path.name in str(error)
