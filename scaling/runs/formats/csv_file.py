"""Comma-separated (.csv) and tab-separated (.tsv) text in UTF-8, with a header line.

Every cell is text, an empty one is null. A row that is shorter or longer than the header refuses
the file: guessing which cell is missing would move figures into the wrong column.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow ships no types
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]

from scaling.errors import InputError
from scaling.runs.formats._source import Format, refuse_wide

_WRONG_WIDTH = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
# The parser takes one block of at most this many bytes, so that it can number the rows.
_LARGEST = 2**31 - 1
# A large file's header is looked for at its start; the rest is read in blocks.
_HEAD = 2**20
# Arrow reads up to 32 blocks ahead, so they are small, and parts are made of several.
_BLOCK = 4 * 2**20
_BLOCKS = 8


def read(path: Path) -> pl.DataFrame:
    """The cells of the file as text.

    Raises:
        InputError: not UTF-8 text, a header without names, a row of another width than the header.
    """
    data = path.read_bytes()
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    names = _header(data, separator, path)
    try:
        table = pa_csv.read_csv(pa.BufferReader(data), *_options(names, separator, len(data)))
    except pa.ArrowInvalid as error:
        raise _refusal(str(error), path) from None
    return pl.DataFrame(table).rename(dict(zip(map(str, range(len(names))), names, strict=True)))


def batches(path: Path) -> Iterator[pl.DataFrame]:
    """As `read`, in parts of some ten megabytes.

    Raises:
        InputError: as `read`.
    """
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("rb") as stream:
        names = _header(stream.read(_HEAD), separator, path)
    back = dict(zip(map(str, range(len(names))), names, strict=True))
    try:
        with pa_csv.open_csv(path, *_options(names, separator, _BLOCK)) as reader:
            while blocks := list(itertools.islice(reader, _BLOCKS)):
                part = pl.DataFrame(pa.Table.from_batches(blocks)).rename(back)
                _refuse_binary(part, path)
                yield part
    except pa.ArrowInvalid as error:
        raise _refusal(str(error), path) from None


def _refuse_binary(part: pl.DataFrame, path: Path) -> None:
    if part.select(pl.any_horizontal(pl.all().str.contains("\0", literal=True).any())).item():
        raise InputError("not a text file", file=path, hint="Save the table as UTF-8 text.")


def _options(names: list[str], separator: str, size: int) -> tuple[object, object, object]:
    """Read, parse and convert options: columns are numbered while reading, every cell is text."""
    numbers = [str(i) for i in range(len(names))]
    return (
        pa_csv.ReadOptions(
            use_threads=False,
            block_size=min(max(size, 1), _LARGEST),
            column_names=numbers,
            skip_rows_after_names=1,
        ),
        pa_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        pa_csv.ConvertOptions(
            column_types=dict.fromkeys(numbers, pa.large_string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def _header(data: bytes, separator: str, path: Path) -> list[str]:
    """The names in the first line; each must be there and be said once."""
    if b"\0" in data:
        raise InputError("not a text file", file=path, hint="Save the table as UTF-8 text.")
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    try:
        names = next(csv.reader(text, delimiter=separator), [])
    except UnicodeDecodeError:
        raise _refusal("invalid UTF8", path) from None
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        raise InputError(
            "the header has one column",
            file=path,
            value=names[0],
            hint="Separate cells by commas (.csv) or tabs (.tsv), and write 2.5 with a point.",
        )
    refuse_wide(len(names), path)
    seen: set[str] = set()
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise InputError(f"column {position} has no name", file=path)
        if name in seen:
            raise InputError("two columns of this name", file=path, column=name)
        seen.add(name)
    return names


def _refusal(message: str, path: Path) -> InputError:
    """The parser's complaint as an input error."""
    if "UTF8" in message:
        return InputError("not UTF-8 text", file=path, hint="Save the table as UTF-8 text.")
    wrong = _WRONG_WIDTH.search(message)
    if wrong is None:
        return InputError(f"not a readable table: {message}", file=path)
    row, expected, got = map(int, wrong.groups())
    # The parser counts the header as row 1.
    return InputError(
        f"{got} cells in a table of {expected} columns",
        file=path,
        row=row - 1,
        hint="Put text that holds a separator or a line break in double quotes.",
    )


FORMAT = Format(
    name="csv",
    meaning="run schema as comma- or tab-separated UTF-8 text with a header",
    suffixes=(".csv", ".tsv"),
    read=read,
    typed=False,
    batches=batches,
)
