"""Records of TensorBoard and Weights & Biases, byte by byte, as their writers frame them."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

from scaling.runs.formats import tensorboard_events, wandb_run


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def tf_record(payload: bytes, size: int | None = None) -> bytes:
    head = struct.pack("<Q", len(payload) if size is None else size)
    sums = [struct.pack("<I", tensorboard_events.masked_crc(part)) for part in (head, payload)]
    return head + sums[0] + payload + sums[1]


def event(step: int, content: bytes, wall: float = 1.0) -> bytes:
    return b"\x09" + struct.pack("<d", wall) + b"\x10" + varint(step % 2**64) + content


def scalar(step: int, value: bytes, tag: str = "loss", wall: float = 1.0) -> bytes:
    return event(step, message(5, message(1, message(1, tag.encode()) + value)), wall)


def session_start(step: int, wall: float = 1.0) -> bytes:
    return event(step, message(7, b"\x08\x01"), wall)


def float_value(value: float) -> bytes:
    return b"\x15" + struct.pack("<f", value)


def wandb_log(payloads: list[bytes]) -> bytes:
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


RUN = message(17, message(1, b"id"))
EXIT = message(18, b"")


def history(step: int, *items: bytes) -> bytes:
    logged = b"".join(message(1, item) for item in items)
    return message(2, logged + message(2, b"\x08" + varint(step)))


def item(name: str, value: object) -> bytes:
    return message(1, name.encode()) + message(16, json.dumps(value).encode())


def wandb_file(folder: Path, payloads: list[bytes]) -> Path:
    path = folder / "run-x.wandb"
    path.write_bytes(wandb_log(payloads))
    return path
