"""What the checks will say of rows that are added: how many they hold back, and why."""

from __future__ import annotations

import polars as pl

from scaling.errors import counted, shorten
from scaling.runs.schema import RUN

# More rows are checked in parts, by the pipeline.
LARGE = 400_000


def prospects(rows: pl.DataFrame, payload: str, source: str) -> list[str]:
    """How many results of a file pass, and how many each check will hold back, with the first.

    ``rows`` are all rows of the source as they will be; checks of one row against others see them.
    """
    if rows.height > LARGE:
        return [f"{rows.height} rows are checked at the next refit, not here"]
    # Great Expectations takes seconds to import.
    from scaling.runs.validation.partition import validate

    columns = [column.name for column in RUN]
    table = rows.with_columns(pl.col("source").fill_null(source))
    checked = validate(table.select(*columns, "file", "row", "unparsed"), source)
    held = checked.quarantine.filter(pl.col("payload") == payload).height
    total = rows.filter(pl.col("payload") == payload).height
    if not held:
        return [f"all {counted(total, 'result')} pass the checks"]
    own = checked.quarantine.filter(pl.col("payload") == payload).select("file", "row", "run")
    first = checked.findings.filter(pl.col("outcome") == "quarantined").filter(
        pl.col("severity") == "error"
    )
    found = first.join(own.unique(), on=["file", "row", "run"], how="semi", nulls_equal=True)
    verdict = "no result passes" if held == total else f"{total - held} of {total} results pass"
    return [
        f"{verdict} the checks; a refit will hold back {held}:",
        *(_line(part) for _, part in found.group_by("check", maintain_order=True)),
    ]


def _line(part: pl.DataFrame) -> str:
    one = part.row(0, named=True)
    place = f"row {one['row']}, run {shorten(one['run'])}, column {one['column']!r}"
    what = f"found {shorten(one['found'])}; allowed: {one['allowed']}"
    return f"  {one['check']}: {counted(part.height, 'result')} (the first: {place}: {what})"
