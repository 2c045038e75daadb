"""What will become of an internal source's rows at the next refit."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from scaling.document.format import clean
from scaling.errors import counted
from scaling.runs.inbox.sources import KnownSource


def outlook(known: KnownSource, rows: pl.DataFrame) -> Iterator[str]:
    """How many rows will pass, be held back and by which check, or are withdrawn.

    ``rows`` are those that the files make, as `scaling.runs.inbox.read.source_rows`. They go
    through the checks of the source itself; copies of other sources' rows are found at the refit.
    """
    from scaling.pipeline.ingest import PARAMS, as_ingested, choices
    from scaling.runs.inbox import withdrawals
    from scaling.runs.schema import WITHDRAWAL
    from scaling.runs.validation import releases
    from scaling.runs.validation.partition import validate

    ((name, table),) = as_ingested(known, rows, choices(PARAMS)).items()
    out = withdrawals.rows_out(table)
    counting = table.filter(~out).drop(WITHDRAWAL, strict=False)
    checked = validate(counting, name, releases.released(releases.read()))
    yield f"At the next refit {checked.valid.height} of {counted(table.height, 'row')} will pass."
    if out.any():
        yield f"{counted(int(out.sum()), 'row')} withdrawn; `scaling remove` lists why."
    held = checked.findings.filter(outcome="quarantined", severity="error")
    for (check,), found in held.group_by("check", maintain_order=True):
        first = found.row(0, named=True)
        yield clean(
            f"{counted(found.height, 'row')} will be held back by {check}; the first: row "
            f"{first['row']}, column {first['column']!r}: found {first['found']}; allowed: "
            f"{first['allowed']}"
        )
