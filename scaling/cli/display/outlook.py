"""What will become of an internal source's rows at the next refit."""

from __future__ import annotations

import polars as pl

from scaling.document.format import clean
from scaling.errors import counted, shorten

# More rows are checked in parts, by the pipeline.
LARGE = 400_000


def outlook(rows: pl.DataFrame, source: str, payload: str | None = None) -> list[str]:
    """How many results pass, and which are held back or flagged by each check, with the first.

    ``rows`` are all that the source's files make, as `scaling.runs.inbox.read.source_rows`; with
    ``payload`` only those of that file are counted. They go through the checks of the source itself
    with the releases that there are; copies of other sources' rows are found at the refit.
    """
    if rows.height > LARGE:
        return [f"{rows.height} rows are checked at the next refit, not here"]
    # Great Expectations takes seconds to import.
    from scaling.pipeline.ingest import PARAMS, as_ingested, choices
    from scaling.runs.inbox import withdrawals
    from scaling.runs.schema import WITHDRAWAL
    from scaling.runs.validation.partition import validate

    own, named = as_ingested(source, rows, choices(PARAMS))
    out = withdrawals.rows_out(own)
    table = own.filter(~out).drop(WITHDRAWAL, strict=False)
    checked = validate(table, source, _released(table, named.filter(~out)))
    counting = pl.lit(True) if payload is None else pl.col("payload") == payload
    held = checked.quarantine.filter(counting)
    mine, gone = table.filter(counting), own.filter(out).filter(counting).height
    keys = ["file", "row", "run"]
    found = checked.findings.join(
        mine.select(keys).unique(), on=keys, how="semi", nulls_equal=True, maintain_order="left"
    )
    lines = _verdict(mine.height, held.height)
    lines += _lines(found.filter(outcome="quarantined", severity="error"))
    if warned := _lines(found.filter(outcome="flagged")):
        lines += ["warnings, which hold nothing back:", *warned]
    return lines + [f"{counted(gone, 'row')} withdrawn; `scaling remove` lists why"] * (gone > 0)


def _verdict(total: int, held: int) -> list[str]:
    if not held:
        all_pass = (
            f"all {total} results pass" if total > 1 else f"{counted(total, 'result')} passes"
        )
        return [f"{all_pass} the checks"]
    some = "no result passes" if held == total else f"{total - held} of {total} results pass"
    return [f"{some} the checks; a refit will hold back {held}:"]


def _lines(findings: pl.DataFrame) -> list[str]:
    """A line a check, with the first example."""
    return [_line(part) for _, part in findings.group_by("check", maintain_order=True)]


def _line(part: pl.DataFrame) -> str:
    one = part.row(0, named=True)
    place = f"row {one['row']}, run {shorten(one['run'])}, column {one['column']!r}"
    what = f"found {shorten(one['found'])}; allowed: {one['allowed']}"
    results = counted(part.height, "result")
    return "  " + clean(f"{one['check']}: {results} (the first: {place}: {what})")


def _released(own: pl.DataFrame, named: pl.DataFrame) -> dict[str, frozenset[str]]:
    """The releases, by what rows are under their own names: a release names the published row."""
    from scaling.runs.validation import releases

    given = releases.released(releases.read())
    if not given:
        return {}
    pairs = zip(own.iter_rows(named=True), named.iter_rows(named=True), strict=True)
    ids = ((releases.row_id(mine), given.get(releases.row_id(theirs))) for mine, theirs in pairs)
    return {row: checks for row, checks in ids if checks is not None}
