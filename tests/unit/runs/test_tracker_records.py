"""Trackers' records made by hand: what no library writes is refused, marked or read."""

from __future__ import annotations

import json
import math
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.formats import _wire, tensorboard_events, wandb_run
from tests.unit.runs.test_trackers import MANY, _metric, _same


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
        formats.read_cells(path)


def test_tensorboard_damage_before_the_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    records = [bytearray(_record(_scalar(step, _float(2.0)))) for step in range(3)]
    records[1][14] ^= 1
    path.write_bytes(b"".join(records))
    with pytest.raises(InputError, match=r"row 2: a damaged record"):
        formats.read_cells(path)


def test_tensorboard_tail_of_zeros_is_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(_record(_scalar(1, _float(2.0))) + bytes(100))
    _same(formats.read_cells(path), truncated=True, value=2.0)


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
    frame = formats.read_cells(path)
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
    rows = formats.read_cells(path).select("step", "metric", "value", "value_text").rows()
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
    _same(formats.read_cells(path), truncated=True, status=None)


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
        formats.read_cells(_wandb_file(tmp_path, [*payloads, _EXIT]))


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
    events.write_bytes(b"".join(_record(_scalar(s, _float(2.0))) for s in range(MANY)))
    lines = "".join(f"0,{s},2.0\n" for s in range(MANY))
    (tmp_path / "a.metrics.csv").write_text(f"epoch,step,loss\n{lines}")
    log = [_RUN, *(_history(s, _item("loss", 2.0)) for s in range(MANY)), _EXIT]
    for path in (events, tmp_path / "a.metrics.csv", _wandb_file(tmp_path, log)):
        steps = _metric(formats.read_cells(path), "loss")["step"]
        assert steps == [float(s) for s in range(MANY)]
