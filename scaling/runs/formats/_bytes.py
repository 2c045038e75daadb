"""The bytes of a file that came in: bounded in size, unpacked, and as UTF-8 where they are text.

``.gz`` is unpacked by the standard library, ``.zst`` by polars, which does so for text alone. What
a file unpacks to is bounded before it is kept: of gzip by stopping there, of Zstandard (RFC 8878)
by its blocks, each of which unpacks to at most 128 KiB.
"""

from __future__ import annotations

import codecs
import gzip
import struct
import zlib
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._source import PACKED

LARGEST_FILE = 2 * 1024**3
# Unpacked text is held in memory, several times over while it is read.
LARGEST_UNPACKED = 1024**3
_ZST_MAGIC, _ZST_BLOCK = b"\x28\xb5\x2f\xfd", 128 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The start of a text in which zeros tell UTF-16 that has no mark.
_LOOK = 4096


def check_size(path: Path, largest: int = LARGEST_FILE) -> None:
    """Refuse a file that is larger than the limit."""
    size = path.stat().st_size
    if size > largest:
        raise InputError("too large a file", file=path, value=size, allowed=f"<= {largest} bytes")


def bounded(path: Path, largest: int = LARGEST_FILE) -> bytes:
    """The bytes of a file that is not larger than the limit, unpacked.

    Raises:
        InputError: too large, damaged, or unpacking to too much.
    """
    check_size(path, largest)
    end = path.suffix.lower()
    if end not in PACKED:
        return path.read_bytes()
    most = min(largest, LARGEST_UNPACKED)
    data = _from_gzip(path, most) if end == ".gz" else _from_zstandard(path, most)
    if len(data) > most:
        raise InputError("unpacks to too much", file=path, allowed=f"<= {most} bytes")
    return data


def _from_gzip(path: Path, most: int) -> bytes:
    try:
        with gzip.open(path) as stream:
            return stream.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(path, "gzip", error) from None


def _from_zstandard(path: Path, most: int) -> bytes:
    """The lines of the text; polars tells no break of lines from another."""
    try:
        if _blocks(path.read_bytes()) * _ZST_BLOCK > most + _ZST_BLOCK:
            raise InputError("unpacks to too much", file=path, allowed=f"<= {most} bytes")
        lines = pl.read_lines(path).to_series().to_list()
    except (struct.error, IndexError, pl.exceptions.PolarsError) as error:
        raise _damaged(path, "Zstandard", error) from None
    return "".join(f"{line}\n" for line in lines).encode()


def _blocks(data: bytes) -> int:
    """How many blocks the frames hold; a damaged frame raises IndexError or struct.error."""
    at, count = 0, 0
    while at < len(data):
        magic = data[at : at + 4]
        if magic[1:] == b"\x2a\x4d\x18" and 0x50 <= magic[0] <= 0x5F:  # to be skipped
            at += 8 + int(struct.unpack_from("<I", data, at + 4)[0])
            continue
        if magic != _ZST_MAGIC:
            raise IndexError("no frame")
        about = data[at + 4]
        single, size = about >> 5 & 1, (0, 2, 4, 8)[about >> 6]
        at += 5 + (0 if single else 1) + (0, 1, 2, 4)[about & 3] + (size or single)
        last = 0
        while not last:
            block = data[at] | data[at + 1] << 8 | data[at + 2] << 16
            last, kind = block & 1, block >> 1 & 3
            at, count = at + 3 + (1 if kind == 1 else block >> 3), count + 1
        at += 4 * (about >> 2 & 1)
    if at != len(data):
        raise IndexError("it ends too early")
    return count


def _damaged(path: Path, kind: str, error: BaseException) -> InputError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    hint = f"Pack it again, or unpack it. {kind.capitalize()} files of text are read."
    return InputError(f"not a readable {kind} file: {reason}", file=path, hint=hint)


def as_utf8(data: bytes, path: Path) -> bytes:
    """The bytes of a text as UTF-8 without a mark; UTF-16 is told by its mark or its zeros.

    Raises:
        InputError: no such text.
    """
    code = next((code for mark, code in _MARKS if data.startswith(mark)), None)
    start = data[:_LOOK]
    if code is None and b"\0" in start:
        halves = start[::2].count(0), start[1::2].count(0)
        if min(halves) == 0 and 2 * max(halves) > len(start) // 2:
            code = "utf-16-be" if halves[0] else "utf-16-le"
    if code == "utf-8":
        data = data[3:]
    elif code is not None:
        try:
            data = data.decode(code).encode()
        except UnicodeError:
            raise InputError(f"not readable as {code.upper()} text", file=path) from None
    if b"\0" in data:
        raise InputError("not a text file", file=path, hint="Save the table as UTF-8 text.")
    return data


def text_of_file(path: Path, largest: int = LARGEST_FILE) -> str:
    """The text of a file.

    Raises:
        InputError: as `bounded`, or not UTF-8 or UTF-16.
    """
    return decoded(as_utf8(bounded(path, largest), path), path)


def decoded(data: bytes, path: Path) -> str:
    """UTF-8 as text. Raises InputError where it is not."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        hint = "Save the table as UTF-8 text."
        raise InputError("not UTF-8 text", file=path, hint=hint) from None


def head(path: Path, size: int = 65_536) -> str:
    """The start of a text file, as far as it can be read; empty where it cannot."""
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as stream:
                start = stream.read(size)
        elif path.suffix.lower() == ".zst":
            start = "\n".join(pl.read_lines(path, n_rows=200).to_series().to_list()).encode()
        else:
            with path.open("rb") as handle:
                start = handle.read(size)
        # What is cut may end within a character, but not of UTF-16, as sizes are even.
        return as_utf8(start, path).decode("utf-8", "ignore")
    except (OSError, EOFError, zlib.error, InputError, pl.exceptions.PolarsError):
        return ""
