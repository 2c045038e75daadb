"""Text tables (.csv, .tsv): cells between commas, semicolons, tabs or bars, names in a header.

Every cell is text, an empty one is null. A row that is shorter or longer than the header refuses
the file: guessing which cell is missing would move figures into the wrong column. Lines that start
with '#' are comments, unless the cell is quoted; a first line ``sep=;`` names the separator.
polars reads the cells, where every line has as many separators outside quotes as the header; else
Python's csv module does, which can say what is wrong in which row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.errors import InputError, counted, shorten
from scaling.runs.formats._bytes import as_utf8, bounded, decoded
from scaling.runs.formats._decimals import Decimals
from scaling.runs.formats._headings import Heading, heading, is_data
from scaling.runs.formats._source import AS_IT_IS, PACKED, Format, ReadOptions, bare_name

# The header and the separator are looked for in the start of a file.
_HEAD = 2**20
_LOOK = 50
# Part of a large table; what stands in one quoted cell is no longer.
_BLOCK = 32 * 2**20
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_Rows = tuple[list[list[str]], list[int], list[int]]
# A cell may be as long as the file.
_LONGEST_CELL = 2**31 - 1


def read(path: Path, options: ReadOptions = AS_IT_IS) -> pl.DataFrame:
    """The cells of the file as text.

    Raises:
        InputError: not UTF-8 or UTF-16 text, a header without names, a row of another width than
            the header, or numbers that may have a decimal comma or not.
    """
    data = _with_line_feeds(as_utf8(bounded(path), path))
    table = _layout(data[:_HEAD], len(data) > _HEAD, path, options)
    return table.part(data[table.start :])


def batches(path: Path, options: ReadOptions = AS_IT_IS) -> Iterator[pl.DataFrame]:
    """As `read`, in parts of some ten megabytes.

    Raises:
        InputError: as `read`.
    """
    with path.open("rb") as stream:
        start = stream.read(_HEAD)
        if path.suffix.lower() in PACKED or as_utf8(start, path) != start or b"\n" not in start:
            yield read(path, options)
            return
        table = _layout(start, True, path, options)
        stream.seek(table.start)
        rest = b""
        while block := stream.read(_BLOCK):
            whole, rest = _whole_rows(rest + block)
            if whole.strip(b"\r\n"):
                yield table.part(whole)
        if rest.strip(b"\r\n"):
            yield table.part(rest)


def _with_line_feeds(data: bytes) -> bytes:
    """Lines that end in a carriage return alone end in a line feed, as all others do."""
    if data.count(b"\r") == data.count(b"\r\n"):
        return data
    codes = np.frombuffer(data, np.uint8).copy()
    alone = _outside(data, b"\r")
    alone[:-1] &= codes[1:] != ord("\n")
    codes[alone] = ord("\n")
    return codes.tobytes()


def _whole_rows(data: bytes) -> tuple[bytes, bytes]:
    """The bytes up to the last line break outside quotes, and those after it."""
    ends = np.flatnonzero(_outside(data, b"\n"))
    at = int(ends[-1]) + 1 if len(ends) else 0
    return data[:at], data[at:]


def _outside(data: bytes, sign: bytes) -> NDArray[np.bool_]:
    """Where the sign stands outside quotes: after an even number of them."""
    codes = np.frombuffer(data, np.uint8)
    found: NDArray[np.bool_] = codes == ord(sign)
    if b'"' in data:
        # The number modulo 256 has the parity of the number.
        found &= np.cumsum(codes == ord('"'), dtype=np.uint8) % 2 == 0
    return found


@dataclass
class _Table:
    """How the cells stand in a file.

    - ``separator``: the sign between cells.
    - ``start``: the byte at which the data begin.
    - ``width``: cells in a row.
    - ``rows``: rows that were read so far.
    """

    path: Path
    options: ReadOptions
    separator: str
    start: int
    width: int
    heading: Heading
    decimals: Decimals
    rows: int = 0

    def part(self, data: bytes) -> pl.DataFrame:
        """The rows in these bytes, under their names."""
        if b"\0" in data:
            hint = "Save the table as UTF-8 text."
            raise InputError("not a text file", file=self.path, hint=hint)
        kept = self._without_comments(data)
        found = _quickly(kept, self.separator, self.width)
        frame = self._carefully(kept) if found is None else found
        self.rows += frame.height
        named = self.heading.named(frame, self.path, self.options)
        return self.decimals.read(named, self.path, self.options)

    def _without_comments(self, data: bytes) -> bytes:
        if not data.startswith(b"#") and b"\n#" not in data:
            return data
        _say_comments(data, self.options)
        return b"".join(line for line, is_comment in _comments(data) if not is_comment)

    def _carefully(self, data: bytes) -> pl.DataFrame:
        """The rows by Python's csv module."""
        lines = io.StringIO(decoded(data, self.path), newline="")
        rows: list[list[str]] = []
        usual = csv.field_size_limit(_LONGEST_CELL)
        try:
            for row in csv.reader(lines, delimiter=self.separator, strict=True):
                if row:
                    rows.append(row)
                    self._check_width(row, self.rows + len(rows))
        except csv.Error as error:
            raise InputError(
                f"not a readable table: {error}",
                file=self.path,
                row=self.rows + len(rows) + 1,
                hint="A quoted cell ends with a quote; one inside it is written twice.",
            ) from None
        finally:
            csv.field_size_limit(usual)
        columns = zip(*rows, strict=True) if rows else [()] * self.width
        cells = {str(i): pl.Series(one, dtype=pl.String) for i, one in enumerate(columns)}
        return pl.DataFrame(cells).with_columns(pl.all().replace("", None))

    def _check_width(self, row: list[str], number: int) -> None:
        if len(row) == self.width:
            return
        raise InputError(
            f"{len(row)} cells in a table of {self.width} columns",
            file=self.path,
            row=number,
            hint="Put text that holds a separator or a line break in double quotes.",
        )


def _quickly(data: bytes, separator: str, width: int) -> pl.DataFrame | None:
    """The rows by polars; None where lines differ in width, or quotes stand inside cells."""
    data = data.rstrip(b"\r\n") + b"\n"
    blank = data[:1] in b"\r\n" or b"\n\n" in data or b"\n\r\n" in data
    if blank or data.count(b"\r") != data.count(b"\r\n"):
        return None
    ends = np.flatnonzero(_outside(data, b"\n"))
    cells = np.searchsorted(np.flatnonzero(_outside(data, separator.encode())), ends)
    if not len(ends) or (np.diff(cells, prepend=0) != width - 1).any():
        return None
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator=separator,
            schema={str(i): pl.String for i in range(width)},
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    if frame.height != len(ends):
        return None
    return frame.with_columns(pl.all().replace("", None)) if b'""' in data else frame


# The start of a file -----------------------------------------------------------------------------


def _layout(start: bytes, cut: bool, path: Path, options: ReadOptions) -> _Table:
    """How the table is written, by its first rows."""
    if cut:
        start = start[: start.rfind(b"\n") + 1] or start
    at, stated = _stated_separator(start)
    lines = list(_comments(start[at:]))
    separator = stated or _separator([line for line, out in lines if not out], path)
    rows, numbers, ends = _first_rows(lines, separator, path)
    if options.header is None and rows and is_data(rows):
        rows, numbers, ends = _with_commented_names(lines, separator, rows, numbers, ends)
    first = int(stated is not None)
    found = heading(rows, [number + first for number in numbers], path, options)
    begin = ends[found.rows - 1] if found.rows else 0
    _say_comments(start[at : at + begin], options)
    if len(found.names) == 1 and bare_name(path).endswith(".txt"):
        hint = "Separate cells by commas or tabs. Logs have lines such as 'step 100: loss 2.31'."
        value = found.names[0]
        raise InputError("no table and no log", file=path, value=value, hint=hint)
    usual = "\t" if bare_name(path).endswith(".tsv") else ","
    if separator != usual:
        options.say(f"cells are separated by {_SEPARATORS.get(separator, repr(separator))}")
    width = len(found.names)
    return _Table(path, options, separator, at + begin, width, found, Decimals(separator == ","))


def _stated_separator(start: bytes) -> tuple[int, str | None]:
    """The length of a first line ``sep=;`` as Excel writes it, and the sign that it names."""
    line = start.split(b"\n", 1)[0]
    text = line.strip(b'\r"')
    if text[:4].lower() != b"sep=" or len(text) != 5:
        return 0, None
    return min(len(line) + 1, len(start)), text[4:].decode("ascii", "replace")


def _comments(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """The lines, and whether each is a comment: one that starts with '#' outside quotes."""
    inside = False
    for line in io.BytesIO(data):
        comment = not inside and line.startswith(b"#")
        if not comment and line.count(b'"') % 2:
            inside = not inside
        yield line, comment


def _say_comments(data: bytes, options: ReadOptions) -> None:
    """Say how many lines of these are comments, with the first."""
    out = [line for line, is_comment in _comments(data) if is_comment]
    if out:
        first = shorten(out[0].decode("utf-8", "replace").strip(), 60)
        many = f"{counted(len(out), 'line')} that start{'s' * (len(out) == 1)} with '#'"
        options.say(f"{many} left out as a comment: {first}")


def _with_commented_names(
    lines: list[tuple[bytes, bool]],
    separator: str,
    rows: list[list[str]],
    numbers: list[int],
    ends: list[int],
) -> _Rows:
    """With a comment right above rows without a header as their names, if it has as many cells."""
    place = numbers[0] - 2
    if place < 0 or not lines[place][1]:
        return rows, numbers, ends
    text = lines[place][0].decode("utf-8", "replace").lstrip("#").strip()
    names = next(csv.reader([text], delimiter=separator), [])
    if len(names) != len(rows[0]) or is_data([names]):
        return rows, numbers, ends
    end = sum(len(line) for line, _ in lines[: place + 1])
    return [names, *rows], [place + 1, *numbers], [end, *ends]


def _separator(lines: list[bytes], path: Path) -> str:
    """The sign between the cells: of those that part the first lines, the one that parts them
    alike."""
    if bare_name(path).endswith(".tsv"):
        return "\t"
    best, most = ",", 0.0
    text = [line.decode("utf-8", "replace") for line in lines[:_LOOK]]
    for sign in _SEPARATORS:
        try:
            widths = [len(row) for row in csv.reader(text, delimiter=sign) if row]
        except csv.Error:
            continue
        usual = max(set(widths), key=widths.count, default=1)
        alike = sum(width == usual for width in widths) / max(len(widths), 1)
        # Cells of the first row count more than those of a text further down.
        alike *= 1.0 if widths and widths[0] == usual else 0.9
        if usual > 1 and alike > most:
            best, most = sign, alike
    return best


def _first_rows(lines: list[tuple[bytes, bool]], separator: str, path: Path) -> _Rows:
    """The first rows that are no comments, their lines from 1, and the bytes at which they end."""
    at, ends, kept, numbers = 0, [], [], []
    for number, (line, comment) in enumerate(lines, start=1):
        at += len(line)
        if not comment:
            kept.append(decoded(line, path))
            ends.append(at)
            numbers.append(number)
    reader = csv.reader(kept, delimiter=separator)
    rows, places, stops = list[list[str]](), list[int](), list[int]()
    before = 0
    try:
        for row in reader:
            if row:
                rows.append(row)
                places.append(numbers[before])
                stops.append(ends[reader.line_num - 1])
            before = reader.line_num
            if len(rows) >= _LOOK:
                break
    except csv.Error as error:
        raise InputError(f"not a readable table: {error}", file=path) from None
    return rows, places, stops


FORMAT = Format(
    name="csv",
    meaning="run schema as comma-, semicolon- or tab-separated text",
    seen="what pandas 3.1.1, polars 2.1.0 and spreadsheets write (2026-11-30)",
    suffixes=(".csv", ".tsv", ".txt"),
    read=read,
    typed=False,
    batches=batches,
    takes=("header", "decimal"),
    packed=True,
)
