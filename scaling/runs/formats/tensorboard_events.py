"""TensorBoard event files: ``events.out.tfevents.*``, one or a folder of them.

Format: TFRecord framing (https://www.tensorflow.org/tutorials/load_data/tfrecord: length, masked
CRC-32C of the length, payload, masked CRC-32C of the payload) round the protocol buffers
``tensorflow.Event`` and ``tensorboard.plugins.hparams.HParamsPluginData``. Scalars are read, both
as ``simple_value`` and as tensors of one number; images, histograms and texts are not metric values
and are left out, which is said with their tags. Numbers are as stored: most writers store 32-bit
floats.

A run is a folder, as TensorBoard has it: named by its path below the folder that is read. Files of
one run are put together in the order of their times. A session that starts at a step
(``SessionLog``, what writers call ``purge_step``) leaves out what was written before from that step
on, as TensorBoard does. A file that ends within a record is kept up to there and marked
``truncated``; a damaged record with others after it is refused. The format has no end mark, so a
file that ends between two records cannot be told from a whole one, and it has no account of its own
last step.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, counted
from scaling.runs.formats import _wire
from scaling.runs.formats._bytes import bounded
from scaling.runs.formats._raw import PURGED, Row, Run, by_time, frame
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions

_LARGEST_RECORD = 256 * 1024**2
_MARK = ".tfevents"
# SessionLog.SessionStatus; in a list of rows, the metric of the row that stands for it.
_STATUS_START, _START = 1, "\0session start"


def _crc_table() -> tuple[int, ...]:
    """CRC-32C (Castagnoli), reflected polynomial 0x82F63B78, byte by byte."""
    entries = list(range(256))
    for _ in range(8):
        entries = [(entry >> 1) ^ (0x82F63B78 if entry & 1 else 0) for entry in entries]
    return tuple(entries)


_CRC = _crc_table()


def masked_crc(data: bytes) -> int:
    """The CRC-32C as TFRecord stores it: rotated and shifted, so that a CRC of a CRC differs."""
    crc, table = 0xFFFFFFFF, _CRC
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of a file, or of all event files below a folder.

    Raises:
        InputError: not an event file, or a damaged record.
    """
    top = path if path.is_dir() else path.parent
    files = sorted(top.rglob(f"*{_MARK}*")) if path.is_dir() else [path]
    runs: dict[str, list[Run]] = {}
    others: Counter[str] = Counter()
    for file in (file for file in files if file.is_file()):
        below = file.parent.relative_to(top).as_posix()
        name = top.absolute().name if below == "." else below
        runs.setdefault(name, []).append(part := Run(name))
        _read_file(file, part, others)
    if others:
        tags = f"{', '.join(list(others)[:8])}{', ...' if len(others) > 8 else ''}"
        options.say(f"{counted(others.total(), 'value')} that are no numbers left out: {tags}")
    return frame([_together(parts) for parts in runs.values()], path)


def _together(parts: list[Run]) -> Run:
    """The files of one run as one."""
    rows = list[Row]()
    for row in by_time(part.rows for part in parts):
        if row.metric == _START:
            rows = [_purged(old, row.step or 0.0) for old in rows]
        else:
            rows.append(row)
    notes = {name: value for part in parts for name, value in part.notes.items()}
    return replace(
        parts[0], rows=rows, notes=notes, truncated=any(part.truncated for part in parts)
    )


def _purged(row: Row, start: float) -> Row:
    return row._replace(left_out=PURGED) if (row.step or 0.0) >= start else row


def _read_file(file: Path, run: Run, others: Counter[str]) -> None:
    data = bounded(file)
    for row, payload in enumerate(_records(data, file, run), start=1):
        try:
            _event(payload, run, others)
        except (_wire.WireError, struct.error) as error:
            raise InputError(f"a damaged event: {error}", file=file, row=row) from None


def _records(data: bytes, file: Path, run: Run) -> Iterator[bytes]:
    """The payloads, each checked; a cut one at the end marks the run."""
    at, row = 0, 1
    while at < len(data):
        if len(data) - at < 12:
            run.truncated = True
            return
        size, check = struct.unpack_from("<QI", data, at)
        if masked_crc(data[at : at + 8]) != check:
            run.truncated = _padding(data, at, file, row)
            return
        if size > _LARGEST_RECORD:
            allowed = f"<= {_LARGEST_RECORD} bytes"
            raise InputError("too long a record", file=file, row=row, value=size, allowed=allowed)
        payload, after = data[at + 12 : at + 12 + size], at + 12 + size
        if len(data) - after < 4:
            run.truncated = True
            return
        if masked_crc(payload) != struct.unpack_from("<I", data, after)[0]:
            raise InputError("a damaged record (its check sum differs)", file=file, row=row)
        yield payload
        at, row = after + 4, row + 1


def _padding(data: bytes, at: int, file: Path, row: int) -> bool:
    """Whether only zeros follow, as after a crash of the machine."""
    if at > 0 and data.count(0, at) == len(data) - at:
        return True
    what = "a damaged record (its check sum differs)" if at else "not a TensorBoard event file"
    raise InputError(what, file=file, row=row)


def _event(payload: bytes, run: Run, others: Counter[str]) -> None:
    """Event: 1 wall_time, 2 step, 5 summary (1 value, repeated), 7 session_log (1 status)."""
    wall, step, summaries, starts = 0.0, 0, list[bytes](), False
    for number, kind, value in _wire.fields(payload):
        if number == 1:
            wall = _wire.real(kind, value)
        elif number == 2:
            step = _wire.signed(value)
        elif number == 5:
            summaries.append(_wire.raw(value))
        elif number == 7:
            starts = (1, _wire.VARINT, _STATUS_START) in _wire.fields(_wire.raw(value))
    run.rows += [Row(0, float(step), _START, None, None, wall)] * starts
    for summary in summaries:
        _summary(summary, float(step), wall, run, others)


def _summary(data: bytes, step: float, wall: float, run: Run, others: Counter[str]) -> None:
    """Summary: 1 value, repeated; what is no number is counted by its tag."""
    for tag, number, metadata in (
        _parts(_wire.raw(value)) for place, _, value in _wire.fields(data) if place == 1
    ):
        if number is not None:
            run.add(step, tag, number, wall)
        elif tag == "_hparams_/session_start_info":
            run.note("config", _hparams(metadata))
        elif not tag.startswith("_hparams_/"):
            others[tag] += 1


def _parts(data: bytes) -> tuple[str, float | None, bytes]:
    """Summary.Value: 1 tag, 2 simple_value, 8 tensor, 9 metadata. None for what is no number."""
    tag, number, metadata = "", None, b""
    for place, kind, value in _wire.fields(data):
        if place == 1:
            tag = _wire.text(value)
        elif place == 2:
            number = _wire.real(kind, value)
        elif place == 8:
            number = _tensor(_wire.raw(value))
        elif place == 9:
            metadata = _wire.raw(value)
    return tag, number, metadata


# TensorProto: the field that holds values of each dtype, and their layout in tensor_content.
_LAYOUTS = {
    1: (5, "<f"),
    2: (6, "<d"),
    3: (7, "<i"),
    9: (10, "<q"),
    19: (13, "<e"),
    14: (13, "<H"),
    4: (7, "<B"),
    5: (7, "<h"),
    6: (7, "<b"),
    10: (11, "<?"),
    17: (7, "<H"),
    22: (16, "<I"),
    23: (17, "<Q"),
}
_HALF, _BRAIN = 19, 14


def _tensor(data: bytes) -> float | None:
    """The number in a tensor of one: 1 dtype, 2 shape, 4 content, then typed lists."""
    found = {number: (kind, value) for number, kind, value in _wire.fields(data)}
    dtype = found.get(1, (0, 0))[1]
    shape = _wire.raw(found.get(2, (2, b""))[1])
    if not isinstance(dtype, int) or dtype not in _LAYOUTS or not _is_one(shape):
        return None
    place, layout = _LAYOUTS[dtype]
    if 4 in found:
        number = struct.unpack(layout, _wire.raw(found[4][1]))[0]
        return _brain(int(number)) if dtype == _BRAIN else float(number)
    value = found.get(place, (_wire.BYTES, b""))[1]
    if isinstance(value, bytes) and place in (5, 6):
        # Packed or not, one number is its bytes; a list without entries stands for zero.
        return float(struct.unpack(layout, value)[0]) if value else 0.0
    return _whole(value, dtype)


def _is_one(shape: bytes) -> bool:
    """Whether every dimension is 1: field 2, whose field 1 is its size."""
    dims = [_wire.raw(value) for number, _, value in _wire.fields(shape) if number == 2]
    return all((1, _wire.VARINT, 1) in _wire.fields(dim) for dim in dims)


def _whole(value: _wire.Value, dtype: int) -> float:
    """A varint, packed or not; floats of 16 bits are stored as the integer of their bits."""
    if isinstance(value, bytes):
        value = next((v for _, _, v in _wire.fields(b"\x08" + value)), 0) if value else 0
    number = _wire.signed(value)
    if dtype == _BRAIN:
        return _brain(number)
    if dtype != _HALF:
        return float(number)
    return float(struct.unpack("<e", struct.pack("<H", number & 0xFFFF))[0])


def _brain(bits: int) -> float:
    """bfloat16: the upper half of a 32-bit float."""
    return float(struct.unpack("<f", struct.pack("<I", (bits & 0xFFFF) << 16))[0])


def _hparams(metadata: bytes) -> dict[str, Any]:
    """Metadata 1 plugin_data, 2 content; HParamsPluginData 3 session_start_info, 1 hparams."""
    found: dict[str, Any] = {}
    for entry in _path(metadata, (1, 2, 3, 1)):
        pair = {number: value for number, _, value in _wire.fields(entry)}
        found[_wire.text(pair.get(1, b""))] = _plain(_wire.raw(pair.get(2, b"")))
    return found


def _path(data: bytes, numbers: tuple[int, ...]) -> list[bytes]:
    """The messages reached by these field numbers, one below the other."""
    level = [data]
    for number in numbers:
        level = [_wire.raw(v) for at in level for n, _, v in _wire.fields(at) if n == number]
    return level


def _plain(data: bytes) -> Any:
    """google.protobuf.Value: 2 number, 3 string, 4 bool; other kinds are not hyperparameters."""
    for number, kind, value in _wire.fields(data):
        if number == 2:
            return _wire.real(kind, value)
        if number == 3:
            return _wire.text(value)
        if number == 4:
            return bool(value)
    return None


def _recognise(path: Path) -> bool:
    if not path.is_dir():
        return _MARK in path.name.lower()
    levels = (f"*{_MARK}*", f"*/*{_MARK}*", f"*/*/*{_MARK}*")
    return any(file.is_file() for level in levels for file in path.glob(level))


FORMAT = Format(
    name="tensorboard",
    meaning="TensorBoard event file, or a folder of them",
    seen="tensorboard 2.21.0, its own files (2026-11-30)",
    suffixes=(_MARK,),
    read=read,
    recognise=_recognise,
    raw=True,
    needs=("*tfevents*",),
)
