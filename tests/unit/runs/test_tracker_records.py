"""Trackers' records made by hand: what no library writes is refused, marked or read."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats import _wire, tensorboard_events
from tests.support.trackers.records import (
    EXIT,
    RUN,
    float_value,
    history,
    item,
    message,
    scalar,
    tf_record,
    varint,
    wandb_file,
)
from tests.unit.runs.test_trackers import MANY, _metric, _same


def test_check_sum_is_the_published_one() -> None:
    # RFC 3720, B.4: the CRC-32C of 32 zero bytes is 8A9136AA.
    crc = 0x8A9136AA
    masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert tensorboard_events.masked_crc(bytes(32)) == masked


def test_tensorboard_length_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(tf_record(scalar(1, float_value(2.0))) + tf_record(b"", size=2**62))
    with pytest.raises(InputError, match=r"tfevents\.1, row 2: too long a record"):
        formats.read_cells(path)


def test_tensorboard_damage_before_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    records = [bytearray(tf_record(scalar(step, float_value(2.0)))) for step in range(3)]
    records[1][14] ^= 1
    path.write_bytes(b"".join(records))
    with pytest.raises(InputError, match=r"row 2: a damaged record"):
        formats.read_cells(path)


def test_tensorboard_tail_of_zeros_is_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(tf_record(scalar(1, float_value(2.0))) + bytes(100))
    _same(formats.read_cells(path), truncated=True, value=2.0)


@pytest.mark.parametrize(
    ("tensor", "value"),
    [
        (b"\x08\x01" + message(5, struct.pack("<f", 2.5)), 2.5),
        (b"\x08\x02" + message(4, struct.pack("<d", 2.5)), 2.5),
        (b"\x08\x03" + message(7, varint(2**64 - 3)), -3.0),
        (b"\x08\x09\x50\x07", 7.0),
        (b"\x08\x13" + message(13, varint(0x4100)), 2.5),
        (b"\x08\x01", 0.0),
        (b"\x08\x01" + message(2, message(2, b"\x08\x02")), None),
        (b"\x08\x07" + message(8, b"text"), None),
    ],
)
def test_tensorboard_tensors(tensor: bytes, value: float | None, tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(
        tf_record(scalar(0, float_value(math.nan))) + tf_record(scalar(-1, message(8, tensor)))
    )
    frame = formats.read_cells(path)
    assert math.isnan(frame["value"][0])
    assert frame.slice(1)["value"].to_list() == ([] if value is None else [value])
    assert frame.slice(1)["step"].to_list() == ([] if value is None else [-1.0])


def test_wandb_record_of_many_blocks_and_typed_values(tmp_path: Path) -> None:
    typed = [
        message(2, b"a") + message(2, b"b") + b"\x31" + struct.pack("<d", 0.5),
        message(1, b"whole") + b"\x28\x05",
        message(1, b"words") + message(7, b"w" * 100_000),
        message(1, b"flag") + b"\x20\x01",
        message(1, b"none") + b"\x18\x01",
    ]
    path = wandb_file(tmp_path, [RUN, history(3, *typed, item("x", "-Infinity")), EXIT])
    rows = formats.read_cells(path).select("step", "metric", "value", "value_text").rows()
    assert rows == [
        (3.0, "a.b", 0.5, None),
        (3.0, "whole", -3.0, None),
        (3.0, "words", None, "w" * 100_000),
        (3.0, "flag", None, "true"),
        (3.0, "x", -math.inf, None),
    ]


def test_wandb_run_without_exit_is_marked(tmp_path: Path) -> None:
    path = wandb_file(tmp_path, [RUN, history(1, item("x", 1))])
    _same(formats.read_cells(path), truncated=True, status=None)


@pytest.mark.parametrize(
    ("payloads", "message"),
    [
        ([history(1, item("x", 1))], "no record of the run itself"),
        ([RUN, b"\xff" * 12], "row 2: a damaged record"),
        ([RUN, b"\x0b"], "row 2: a damaged record: field key"),
        ([RUN, message(2, b"\x0a\xff\xff\xff\xff\x0f")], "field of .* bytes where"),
        ([RUN, history(1, message(16, b"[" * 200_000))], "row 2: not readable as JSON"),
        ([RUN, history(1, message(16, b"9" * 10_000))], "row 2: not readable as JSON"),
        ([RUN, history(1, item("x", "\ud800"))], "not Unicode"),
    ],
)
def test_wandb_records_that_are_refused(
    payloads: list[bytes], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=rf"run-x\.wandb.*{message}"):
        formats.read_cells(wandb_file(tmp_path, [*payloads, EXIT]))


@given(data=st.binary(max_size=64))
@settings(max_examples=300)
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    try:
        found = list(_wire.fields(data))
    except _wire.WireError:
        return
    assert sum(len(v) for _, _, v in found if isinstance(v, bytes)) <= len(data)


def test_runs_of_many_steps(tmp_path: Path) -> None:
    events = tmp_path / "events.out.tfevents.1"
    events.write_bytes(b"".join(tf_record(scalar(s, float_value(2.0))) for s in range(MANY)))
    lines = "".join(f"0,{s},2.0\n" for s in range(MANY))
    (tmp_path / "a.metrics.csv").write_text(f"epoch,step,loss\n{lines}")
    log = [RUN, *(history(s, item("loss", 2.0)) for s in range(MANY)), EXIT]
    for path in (events, tmp_path / "a.metrics.csv", wandb_file(tmp_path, log)):
        steps = _metric(formats.read_cells(path), "loss")["step"]
        assert steps == [float(s) for s in range(MANY)]
