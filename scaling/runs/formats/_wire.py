"""Protocol-buffer wire format: only what the trackers' records need, with every length checked.

Format: https://protobuf.dev/programming-guides/encoding. A message is a run of fields, each a key
(number and wire type) and a payload. Groups, which no tracker uses, are refused. Nothing here
recurses: who calls opens the nested messages that it knows, so depth is bounded by the caller.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

Value = int | bytes
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class WireError(ValueError):
    """The bytes are not a message."""


def fields(data: bytes) -> Iterator[tuple[int, int, Value]]:
    """Number, wire type and payload of every field: an integer, or bytes for types 1, 2 and 5."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        wire = key & 7
        if key >> 3 == 0 or wire not in (VARINT, FIXED64, BYTES, FIXED32):
            raise WireError(f"field key {key}")
        if wire == VARINT:
            number, at = _varint(data, at)
            yield key >> 3, wire, number
            continue
        size = 8 if wire == FIXED64 else 4
        if wire == BYTES:
            size, at = _varint(data, at)
        if size > end - at:
            raise WireError(f"field of {size} bytes where {end - at} are left")
        yield key >> 3, wire, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An integer of up to 64 bits in groups of 7, lowest first, and the place after it."""
    value = 0
    for place in range(10):
        if at + place >= len(data):
            raise WireError("an integer that is cut")
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise WireError("an integer of more than 64 bits")


def signed(value: Value) -> int:
    """A varint read as a signed 64-bit integer."""
    number = int(value) if isinstance(value, int) else 0
    return number - 2**64 if number >= 2**63 else number


def text(value: Value) -> str:
    """A bytes field as text.

    Raises:
        WireError: not bytes, or not UTF-8.
    """
    try:
        return raw(value).decode("utf-8")
    except UnicodeDecodeError:
        raise WireError("text that is not UTF-8") from None


def raw(value: Value) -> bytes:
    """A field that must hold bytes."""
    if not isinstance(value, bytes):
        raise WireError("an integer where bytes belong")
    return value


def real(wire: int, value: Value) -> float:
    """A double or float field."""
    if wire not in (FIXED64, FIXED32) or not isinstance(value, bytes):
        raise WireError("no floating-point number")
    number: float = struct.unpack("<d" if wire == FIXED64 else "<f", value)[0]
    return number
