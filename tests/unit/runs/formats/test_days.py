"""Days in other formats: proved, stated or refused, and never guessed."""

from __future__ import annotations

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs.formats import days


@pytest.mark.parametrize(
    ("cells", "form", "found"),
    [
        (["25/12/2025", "01/02/2025"], "%d/%m/%Y", ["2025-12-25", "2025-02-01"]),
        (["12/25/2025", "01/02/2025"], "%m/%d/%Y", ["2025-12-25", "2025-01-02"]),
        (["01.02.2025", "31.01.2025 10:00"], "%d.%m.%Y", ["2025-02-01", "2025-01-31"]),
        (["2025/02/01"], "%Y/%m/%d", ["2025-02-01"]),
        (["20250201"], "%Y%m%d", ["2025-02-01"]),
        (["3 Mar 2025", "12 Apr 2025"], "%d %b %Y", ["2025-03-03", "2025-04-12"]),
        (["March 3, 2025"], "%B %d, %Y", ["2025-03-03"]),
        (["2025-02-01", "2025-02-01T10:00:00Z", None, ""], None, None),
        (["n/a", "soon"], None, None),
    ],
)
def test_a_column_proves_its_format(
    cells: list[str | None], form: str | None, found: list[str] | None
) -> None:
    column = pl.Series("day", cells, dtype=pl.String)
    proved = days.proved_format(column)
    assert (proved and proved[0]) == form
    assert days.in_format(column, form).to_list() == (found or cells)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["01/02/2025"], r"row 1, column 'day': a day that may be read in two ways.*--date-format"),
        (["2025-01-01", "3.4.2025"], r"row 2, column 'day': .*found '3.4.2025'"),
        (["25/12/25"], r"a day that may be read in two ways; found '25/12/25'"),
        (["25/12/2025", "12/25/2025"], r"more than one way; found \['12/25/2025', '25/12/2025'\]"),
        (["25/12/2025", "2025/12/25"], r"more than one way"),
    ],
)
def test_a_column_that_does_not_is_refused(cells: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        days.proved_format(pl.Series("day", cells))


def test_a_stated_format_holds_for_every_cell() -> None:
    column = pl.Series("day", ["01/02/25", "2025-02-03"])
    assert days.in_format(column, "%d/%m/%y").to_list() == ["2025-02-01", "2025-02-03"]
    with pytest.raises(InputError, match=r"row 1.*'01/02/25'; allowed: %Y/%m/%d or YYYY-MM-DD"):
        days.in_format(column, "%Y/%m/%d")
    # What was added once is read as it is; a cell that does not parse goes to quarantine.
    assert days.in_format(column, "%Y/%m/%d", strict=False).to_list() == column.to_list()


@pytest.mark.parametrize("text", ["", "%d/%m", "%Y", "dd/mm/yyyy", "%d/%m/%q", "%H %d %m %Y %"])
def test_a_format_has_a_day_a_month_and_a_year(text: str) -> None:
    with pytest.raises(InputError, match="not a format of days"):
        days.checked_format(text)
    assert days.checked_format("%d %b %Y") == "%d %b %Y"
