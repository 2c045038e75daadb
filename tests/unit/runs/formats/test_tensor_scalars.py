"""Scalars that TensorBoard's files hold as tensors, of every type of number."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from scaling.runs import formats
from tests.support.trackers.records import event, message, tf_record, varint


def field(number: int, value: int | bytes) -> bytes:
    """A field of a protocol buffer: a whole number, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return message(number, value)


def _event(step: int, tensor: bytes, tag: bytes = b"loss") -> bytes:
    """A record with one value: 1 tag, 8 tensor."""
    return tf_record(event(step, field(5, field(1, field(1, tag) + field(8, tensor)))))


@pytest.mark.parametrize(
    ("dtype", "content", "number"),
    [
        (1, struct.pack("<f", 2.5), 2.5),
        (2, struct.pack("<d", 0.1), 0.1),
        (3, struct.pack("<i", -7), -7.0),
        (4, b"\x07", 7.0),
        (5, struct.pack("<h", -7), -7.0),
        (6, b"\xf9", -7.0),
        (9, struct.pack("<q", 2**40), 2.0**40),
        (10, b"\x01", 1.0),
        # bfloat16 of 2.5: 0x4020, the upper half of the float 0x40200000.
        (14, struct.pack("<H", 0x4020), 2.5),
        (19, struct.pack("<e", 2.5), 2.5),
        (22, struct.pack("<I", 7), 7.0),
        (23, struct.pack("<Q", 7), 7.0),
    ],
)
@pytest.mark.parametrize("shape", [b"", field(2, field(1, 1))])
def test_a_tensor_of_one_number(
    dtype: int, content: bytes, number: float, shape: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(_event(3, field(1, dtype) + field(2, shape) + field(4, content)))
    frame = formats.read_cells(path)
    assert frame.select("step", "metric", "value").rows() == [(3.0, "loss", number)]


def test_what_is_no_number_is_said(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    one = _event(1, field(1, 1) + field(4, struct.pack("<f", 2.5)))
    wide = field(1, 1) + field(2, field(2, field(1, 2))) + field(4, bytes(8))
    text = field(1, 7) + field(8, b"words")
    path.write_bytes(one + _event(1, wide, b"weights") + _event(2, text, b"note"))
    said: list[str] = []
    frame = formats.read_cells(path, formats.ReadOptions(say=said.append))
    assert frame.height == 1
    assert said == ["2 values that are no numbers left out: weights, note"]
