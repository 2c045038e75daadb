"""Numbers written with a decimal comma, as in 2,31: asked for where they may be thousands.

A comma is before decimals for sure in 2,5 and 0,125 and 1.234,5; 1,234 may be either. Only columns
in which every cell is such a number are turned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.runs.formats._source import ReadOptions, flag

# A unit may follow: 1,5 million.
_EXPONENT = r"(?:[eE][+-]?\d+)?(?:\s*[A-Za-z][A-Za-z /_-]*)?"
# A whole column of numbers, with a decimal comma and with commas between thousands.
_COMMA = rf"^\s*[+-]?(?:\d{{1,3}}(?:\.\d{{3}})+|\d*)(?:,\d+)?{_EXPONENT}\s*$"
_THOUSANDS = rf"^\s*[+-]?\d{{1,3}}(?:,\d{{3}})*(?:\.\d*)?{_EXPONENT}\s*$"
# Numbers with a point, to be left as they are beside those.
_POINT = rf"^\s*[+-]?\d+\.\d+{_EXPONENT}\s*$"
# Numbers without decimals, with points between thousands.
_GROUPED = rf"^\s*[+-]?(?:[1-9]\d{{0,2}}(?:\.\d{{3}})+|\d+){_EXPONENT}\s*$"
# What cannot be thousands.
_SURE = re.compile(
    rf"\s*[+-]?(?:\d*,(?!\d{{3}}(?:\D|$))\d+|0\d*,\d+|\d{{4,}},\d+|[\d.]*\.\d{{3}},\d+|,\d+){_EXPONENT}\s*"
)
SIGNS = (",", ".")


@dataclass
class Decimals:
    """How a table writes decimals, once its first rows decided it.

    - ``off``: cells stand between commas, so that a number with one was quoted on purpose.
    - ``columns``: those with a decimal comma; None before that is decided.
    """

    off: bool
    columns: list[str] | None = None

    def read(self, frame: pl.DataFrame, path: Path, options: ReadOptions) -> pl.DataFrame:
        """The frame with a point before all decimals.

        Raises:
            InputError: numbers that may have a decimal comma or commas between thousands.
        """
        if options.decimal not in (None, *SIGNS):
            allowed = " | ".join(SIGNS)
            raise InputError(
                "no sign of decimals", file=path, value=options.decimal, allowed=allowed
            )
        if options.decimal == ".":
            made = pl.col(_columns(frame, _THOUSANDS)).str.replace_all(",", "", literal=True)
            return frame.with_columns(made)
        if self.columns is None:
            self.columns = _columns(frame, _COMMA)
            if options.decimal is None:
                self.columns = [] if self.off else self._sure(frame, path, options)
            else:
                self.columns += _grouped(frame, options)
        # A later part may have cells of another kind, which stay as they are.
        return frame.with_columns(
            pl.when(pl.col(name).str.contains(_COMMA)).then(_pointed(name)).otherwise(name)
            for name in self.columns
            if name in frame.columns
        )

    def _sure(self, frame: pl.DataFrame, path: Path, options: ReadOptions) -> list[str]:
        """The columns with a decimal comma, which one number proves for all."""
        columns = self.columns or []
        cells = [c for name in columns for c in frame[name].drop_nulls() if "," in c]
        if not cells:
            return []
        sure = next((cell for cell in cells if _SURE.fullmatch(cell)), None)
        pointed = [
            n for n in frame.columns if n not in columns and frame[n].str.contains(_POINT).any()
        ]
        if sure is None or pointed:
            hint = f"State it: {flag('decimal')} ',' for 1,5 = 1.5, or {flag('decimal')} '.'."
            problem = "a comma may stand before decimals or between thousands"
            if pointed:
                problem = f"decimals after commas, and after points in column {pointed[0]!r}"
            column = next(name for name in columns if cells[0] in frame[name])
            raise InputError(problem, file=path, column=column, value=cells[0], hint=hint)
        options.say(
            f"numbers have a decimal comma: {sure.strip()} is read as "
            f"{sure.strip().replace('.', '').replace(',', '.')} in {', '.join(columns[:8])}"
        )
        return columns


def _grouped(frame: pl.DataFrame, options: ReadOptions) -> list[str]:
    """The columns without a comma whose points are between thousands, since a comma was stated."""
    columns = [
        name
        for name in _columns(frame, _GROUPED, sign=".")
        if not frame[name].str.contains(",", literal=True).any()
    ]
    if columns:
        one = next(cell for cell in frame[columns[0]].drop_nulls() if "." in cell).strip()
        options.say(f"points are between thousands: {one} is read as {one.replace('.', '')}")
    return columns


def _pointed(name: str) -> pl.Expr:
    """1.234,5 as 1234.5."""
    bare = pl.col(name).str.replace_all(".", "", literal=True)
    return bare.str.replace(",", ".", literal=True)


def _columns(frame: pl.DataFrame, pattern: str, sign: str = ",") -> list[str]:
    """The columns all of whose cells are such numbers, some with that sign."""
    return [
        name
        for name in frame.columns
        if frame[name].dtype == pl.String
        and frame[name].str.contains(sign, literal=True).any()
        and frame[name].drop_nulls().str.contains(pattern).all()
    ]
