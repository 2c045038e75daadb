"""Weights & Biases offline runs: ``run-ID.wandb``, its ``offline-run-*`` folder, or ``wandb/``.

Format: the log of LevelDB (https://github.com/google/leveldb/blob/main/doc/log_format.md) after a
header of 7 bytes (":W&B", magic number 0xBEE1, version 0), with CRC-32 of type and data, round
the protocol buffer ``wandb_internal.Record``. The full history is read, not the sample that the
service's interface shows; media stay as the texts that describe them.

``expected_last_step`` is the step in the run's own summary. A run that ends within a record, or
without the record of its exit, is kept up to there and marked ``truncated``; a damaged record
with others after it is refused. ``_wandb`` (telemetry) is left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats import _wire
from scaling.runs.formats._bytes import bounded
from scaling.runs.formats._raw import Run, as_number, as_text, frame, from_json
from scaling.runs.formats._source import AS_IT_IS, Format, ReadOptions

_SUFFIX = ".wandb"
_HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
_BLOCK = 32 * 1024
_LARGEST_RECORD = 64 * 1024**2
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# Older runs hold JSON text (16); newer clients may send typed values (3 to 8).
_TYPED = {3: "none", 4: "boolean", 5: "integer", 6: "number", 7: "text", 8: "json", 16: "json"}


class _Cut(Exception):
    """The file ends here, within a record."""


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The raw frame of a run, or of all runs in a folder.

    Raises:
        InputError: not such a file, or a damaged record.
    """
    return frame([_run(file) for file in (_logs(path) if path.is_dir() else [path])], path)


def _logs(folder: Path) -> list[Path]:
    """The logs in the folder or one below it, each once (``latest-run`` is a link)."""
    found = [*folder.glob(f"*{_SUFFIX}"), *folder.glob(f"*/*{_SUFFIX}")]
    return sorted({file.resolve(): file.resolve() for file in found if file.is_file()})


def _run(file: Path) -> Run:
    run, summary = Run(""), dict[str, Any]()
    config: dict[str, Any] = {}
    for row, payload in enumerate(_records(bounded(file), file, run), start=1):
        try:
            _record(payload, run, config, summary, file, row)
        except _wire.WireError as error:
            raise InputError(f"a damaged record: {error}", file=file, row=row) from None
    if not run.run:
        raise InputError("no record of the run itself", file=file)
    run.truncated = run.truncated or run.status is None
    run.note("config", config)
    run.note("summary", summary)
    run.expected_last_step = as_number(summary.get("_step"))
    return run


def _records(data: bytes, file: Path, run: Run) -> Iterator[bytes]:
    """The payloads, put together from their parts; a cut one at the end marks the run."""
    if not data.startswith(_HEADER):
        raise InputError("not a W&B run log", file=file, value=data[:7], allowed=repr(_HEADER))
    parts, size, row = list[bytes](), 0, 1
    for kind, part in _parts(data, file, run):
        size += len(part)
        if (kind in (_FULL, _FIRST)) == bool(parts):
            raise InputError("parts of records out of order", file=file, row=row)
        if size > _LARGEST_RECORD:
            allowed = f"<= {_LARGEST_RECORD} bytes"
            raise InputError("too long a record", file=file, row=row, value=size, allowed=allowed)
        parts.append(part)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts, size, row = [], 0, row + 1
    run.truncated = run.truncated or bool(parts)


def _parts(data: bytes, file: Path, run: Run) -> Iterator[tuple[int, bytes]]:
    """Type and data of every whole part; a cut one marks the run."""
    at = len(_HEADER)
    while at < len(data):
        try:
            kind, part, at = _part(data, at, file)
        except _Cut:
            run.truncated = True
            return
        if kind != 0:
            yield kind, part


def _part(data: bytes, at: int, file: Path) -> tuple[int, bytes, int]:
    """Type (0 for padding), data and end of the part that starts here."""
    left = _BLOCK - at % _BLOCK
    if left < 7:
        return 0, b"", at + left
    if len(data) - at < 7:
        raise _Cut
    check, size, kind = struct.unpack_from("<IHB", data, at)
    if kind == 0 and data.count(0, at) == len(data) - at:
        raise _Cut
    if size > left - 7 or kind not in (_FULL, _FIRST, _MIDDLE, _LAST):
        raise InputError(f"damaged at byte {at} (length or type)", file=file)
    part = data[at + 7 : at + 7 + size]
    if len(part) < size:
        raise _Cut
    if zlib.crc32(part, zlib.crc32(bytes([kind]))) != check:
        raise InputError(f"damaged at byte {at} (a check sum differs)", file=file)
    return kind, part, at + 7 + size


def _record(
    payload: bytes, run: Run, config: dict[str, Any], summary: dict[str, Any], file: Path, row: int
) -> None:
    """Record: 2 history, 3 summary, 5 config, 17 run, 18 exit."""
    for number, _, value in _wire.fields(payload):
        if number == 2:
            _history(_wire.raw(value), run, file, row)
        elif number == 3:
            _update(_wire.raw(value), summary, file, row)
        elif number == 5:
            _update(_wire.raw(value), config, file, row)
        elif number == 17:
            _start(_wire.raw(value), run, config, file, row)
        elif number == 18:
            codes = [_wire.signed(v) for n, _, v in _wire.fields(_wire.raw(value)) if n == 1]
            code = codes[0] if codes else 0
            run.status, run.ended = f"exit code {code}", code == 0


def _start(data: bytes, run: Run, config: dict[str, Any], file: Path, row: int) -> None:
    """RunRecord: 1 run_id, 3 project, 4 config, 8 display_name."""
    for number, _, value in _wire.fields(data):
        if number == 1:
            run.run = _wire.text(value)
        elif number == 3:
            run.group = _wire.text(value)
        elif number == 4:
            _update(_wire.raw(value), config, file, row)
        elif number == 8:
            run.run_name = _wire.text(value)


def _update(data: bytes, known: dict[str, Any], file: Path, row: int) -> None:
    """ConfigRecord and SummaryRecord: 1 update, 2 remove, in the order in which they stand."""
    for number, _, value in _wire.fields(data):
        if number not in (1, 2):
            continue
        name, content = _item(_wire.raw(value), file, row)
        if name.split(".")[0] == "_wandb":
            continue
        for old in [name] if number == 1 else _at_or_below(known, name):
            known.pop(old, None)
        if number == 1:
            known[name] = content


def _at_or_below(known: dict[str, Any], name: str) -> list[str]:
    return [key for key in known if key == name or key.startswith(f"{name}.")]


def _history(data: bytes, run: Run, file: Path, row: int) -> None:
    """HistoryRecord: 1 item, repeated; 2 step (1 num). Items may state the step as well."""
    items: dict[str, Any] = {}
    step: float | None = None
    for number, _, value in _wire.fields(data):
        if number == 1:
            name, content = _item(_wire.raw(value), file, row)
            items[name] = content
        elif number == 2:
            nums = [_wire.signed(v) for n, _, v in _wire.fields(_wire.raw(value)) if n == 1]
            step = float(nums[0]) if nums else 0.0
    stated = as_number(items.pop("_step", None))
    wall = as_number(items.pop("_timestamp", None))
    for name, content in items.items():
        run.add(step if stated is None else stated, name, content, wall, record=row)


def _item(data: bytes, file: Path, row: int) -> tuple[str, Any]:
    """An item: 1 key, or 2 nested_key (its parts joined by points), and the value."""
    key, nested, content = "", list[str](), None
    for number, kind, value in _wire.fields(data):
        if number == 1:
            key = _wire.text(value)
        elif number == 2:
            nested.append(_wire.text(value))
        elif number in _TYPED:
            content = _content(_TYPED[number], kind, value, file, row)
    return key or ".".join(nested), content


def _content(kind: str, width: int, value: _wire.Value, file: Path, row: int) -> Any:
    if kind == "json":
        return from_json(_wire.text(value), file, row)
    if kind == "boolean":
        return bool(value)
    if kind == "integer":
        # sint64: zigzag, so that small negative numbers are short.
        whole = int(value) if isinstance(value, int) else 0
        return (whole >> 1) ^ -(whole & 1)
    if kind == "number":
        return _wire.real(width, value)
    return None if kind == "none" else as_text(_wire.text(value))


def _recognise(path: Path) -> bool:
    if path.is_dir():
        return bool(_logs(path))
    return path.name.lower().endswith(_SUFFIX)


FORMAT = Format(
    name="wandb",
    meaning="Weights & Biases run log, its offline-run folder, or the folder wandb",
    seen="wandb 0.31.0, its own offline runs (2026-11-29)",
    suffixes=(_SUFFIX,),
    read=read,
    recognise=_recognise,
    raw=True,
    own_ids=True,
    needs=(f"*{_SUFFIX}",),
)
