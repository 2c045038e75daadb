"""Days that are written otherwise than YYYY-MM-DD: read in a format that is stated or proved.

Between day and month nothing is guessed. A column proves its format where the year comes first,
the month is a word, or one cell has a day above 12; otherwise the format has to be stated.
"""

from __future__ import annotations

import re
from datetime import date, datetime

import polars as pl

from scaling.errors import InputError

ISO = r"^\s*\d{4}-\d{2}-\d{2}(?:[T ].*)?$"
_NUMERIC = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[ T,].*)?")
_COMPACT = re.compile(r"(?:19|20)\d{6}")
_WORDED = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y")
_DIRECTIVE = re.compile(r"%[a-zA-Z]")


def checked_format(text: str) -> str:
    """A format of days, if it has a day, a month and a year.

    Raises:
        InputError: it has not, or cannot be read back.
    """
    allowed = "day, month and year as strptime has them, as in %d/%m/%Y or %m/%d/%y"
    parts = set(_DIRECTIVE.findall(text))
    whole = (parts & {"%d", "%e"}, parts & {"%m", "%b", "%B"}, parts & {"%Y", "%y"})
    day = date(2001, 3, 4)
    try:
        known = all(whole) and datetime.strptime(day.strftime(text), text).date() == day
    except ValueError:
        known = False
    if not known:
        raise InputError("not a format of days", value=text, allowed=allowed)
    return text


def proved_format(cells: pl.Series) -> tuple[str, str] | None:
    """The format of the cells that are not YYYY-MM-DD and a cell that proves it.

    None where all are, or where they are no days.

    Raises:
        InputError: days that leave open which number is the day, or that are written in two ways.
    """
    others = _others(cells)
    found: dict[str, str] = {}
    open_cell: tuple[str, str] | None = None
    for cell in others.unique(maintain_order=True).to_list():
        text = str(cell).strip()
        made = _format(text)
        if made is None:
            continue
        if "?" in made:
            open_cell = open_cell or (made, text)
        else:
            found.setdefault(made, text)
    if open_cell is not None:
        sure = [one for one in found if _fits(one, open_cell[0])]
        if len(sure) != 1:
            raise _open(cells, open_cell[1])
    if len(found) > 1:
        raise InputError(
            "days are written in more than one way",
            row=_row(cells, next(iter(found.values()))),
            column=cells.name,
            value=sorted(found.values()),
            allowed="one format, or YYYY-MM-DD",
        )
    return next(iter(found.items()), None)


def _others(cells: pl.Series) -> pl.Series:
    """The filled cells that are not YYYY-MM-DD."""
    if cells.dtype != pl.String:
        return cells.clear()
    text = cells.drop_nulls()
    return text.filter(~text.str.contains(ISO) & (text.str.strip_chars() != ""))


def _format(text: str) -> str | None:
    """The format of one cell; with '?' for day and month where it leaves them open."""
    if _COMPACT.fullmatch(text):
        return "%Y%m%d"
    numeric = _NUMERIC.fullmatch(text)
    if numeric is None:
        return next((one for one in _WORDED if _day(text, one)), None)
    first, sign, second, last = numeric.groups()
    if len(first) == 4 and len(last) <= 2:
        return f"%Y{sign}%m{sign}%d"
    if len(last) == 3 or len(first) > 2:
        return None
    year = "%Y" if len(last) == 4 else "%y"
    if year == "%y" or (int(first) <= 12 and int(second) <= 12):
        return f"?{sign}?{sign}{year}"
    order = "%d{0}%m{0}" if int(first) > 12 else "%m{0}%d{0}"
    return order.format(sign) + year


def _fits(sure: str, doubtful: str) -> bool:
    return sure.replace("%d", "?").replace("%m", "?") == doubtful


def _open(cells: pl.Series, text: str) -> InputError:
    return InputError(
        "a day that may be read in two ways",
        row=_row(cells, text),
        column=cells.name,
        value=text,
        allowed="YYYY-MM-DD, or a stated format",
        hint="State it: --date-format '%d/%m/%Y' if the day comes first, '%m/%d/%Y' if the month.",
    )


def _row(cells: pl.Series, text: str) -> int:
    found = (cells.str.strip_chars() == text).fill_null(value=False).arg_true()
    return int(found[0]) + 1


def in_format(cells: pl.Series, form: str | None, *, strict: bool = True) -> pl.Series:
    """The cells with days of this format as YYYY-MM-DD; what follows a day is left out.

    Raises:
        InputError: ``strict``, and a cell is neither in the format nor YYYY-MM-DD.
    """
    others = _others(cells)
    if form is None or others.is_empty():
        return cells
    days = {cell: _day(str(cell).strip(), form) for cell in others.unique().to_list()}
    lost = next((cell for cell in others.to_list() if days[cell] is None), None)
    if strict and lost is not None:
        raise InputError(
            "is not a day of the stated format",
            row=_row(cells, str(lost).strip()),
            column=cells.name,
            value=lost,
            allowed=f"{form} or YYYY-MM-DD",
        )
    made = {cell: day.isoformat() for cell, day in days.items() if day is not None}
    return cells.replace(made)


def _day(text: str, form: str) -> date | None:
    """The day, also where a time of day follows it."""
    words = text.split(" ")
    length = len(form.split(" "))
    for start in (text, " ".join(words[:length]).rstrip(","), text.split("T")[0]):
        try:
            return datetime.strptime(start, form).date()
        except ValueError:
            continue
    return None
