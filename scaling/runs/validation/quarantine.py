"""Quarantined rows as people handle them: which there are, why, and what a release needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.runs.validation.releases import RELEASES, Release, appended, row_id

QUARANTINE = Path("data/quarantine")
FINDINGS = Path("data/findings.parquet")
_ID_SHOWN = 12
_ROW = "SOURCE:ROW (as in gemstones:17), or the start of a row's id, of 6 digits or more"


def listed(top: Path = Path()) -> pl.DataFrame:
    """All quarantined rows as they came, with ``id`` and the ``folder`` (source) they are read as.

    Raises:
        InputError: nothing has been validated here yet.
    """
    files = sorted((top / QUARANTINE).glob("*.parquet"))
    if not files or not (top / FINDINGS).exists():
        hint = "Run from the top of the project, after: scaling refit"
        raise InputError("nothing has been validated here", file=top / QUARANTINE, hint=hint)
    tables = [pl.read_parquet(path).with_columns(folder=pl.lit(path.stem)) for path in files]
    rows = pl.concat(tables)
    ids = [row_id(row) for row in rows.iter_rows(named=True)]
    return rows.with_columns(id=pl.Series(ids, dtype=pl.String))


def findings(source: str, row: int, file: str | None = None, top: Path = Path()) -> pl.DataFrame:
    """What was found wrong with a row of a source, whether it is quarantined or flagged."""
    table = pl.read_parquet(top / FINDINGS).filter(
        (pl.col("source") == source) & (pl.col("row") == row)
    )
    return table if file is None else table.filter(pl.col("file") == file)


def place(name: str) -> tuple[str, int] | None:
    """SOURCE and ROW, where the name has this form."""
    source, apart, row = name.rpartition(":")
    return (source, int(row)) if apart and row.isascii() and row.isdigit() else None


def find(rows: pl.DataFrame, name: str) -> dict[str, Any]:
    """The one quarantined row of that name.

    Raises:
        InputError: no such row, or several.
    """
    stands = place(name)
    if stands is not None:
        found = rows.filter((pl.col("folder") == stands[0]) & (pl.col("row") == stands[1]))
    elif len(name) >= 6:
        found = rows.filter(pl.col("id").str.starts_with(name))
    else:
        found = rows.clear()
    if found.is_empty():
        hint = "`scaling quarantine list` shows them."
        raise InputError("no such row in quarantine", value=name, allowed=_ROW, hint=hint)
    if found["id"].n_unique() > 1:
        ids = ", ".join(one[:_ID_SHOWN] for one in found["id"])
        raise InputError("several rows match", value=name, allowed=f"one of {ids}")
    return found.row(0, named=True)


def release(
    names: list[str],
    *,
    reason: str,
    by: str,
    at: str,
    identity: str | None,
    top: Path = Path(),
) -> list[Release]:
    """Add a release for each row, of all checks that it breaks; returns the lines written.

    Raises:
        InputError: no such row, a row without a value to go on with, an empty reason or name, or
            a broken chain.
    """
    for what, text in (("reason", reason), ("by", by)):
        if not text.strip():
            raise InputError(f"--{what} is empty", value=text, allowed="a sentence, a name")
    rows = listed(top)
    new = [_of_row(find(rows, name), reason, by, at, identity, top) for name in names]
    return appended(top / RELEASES, {one.row: one for one in new}.values())


def _of_row(
    row: dict[str, Any], reason: str, by: str, at: str, identity: str | None, top: Path
) -> Release:
    found = findings(row["folder"], row["row"], row["file"], top)
    errors = found.filter(pl.col("severity") == "error")
    for one in errors.filter(pl.col("firm")).iter_rows(named=True):
        raise InputError(
            f"cannot be released: {one['check']}",
            file=one["file"],
            row=one["row"],
            column=one["column"],
            value=one["found"],
            allowed=one["allowed"],
            hint="The row has no value to go on with. Correct it where it comes from.",
        )
    return Release(
        row=row["id"],
        source=row["folder"],
        place=f"{row['file']}, row {row['row']}",
        checks=tuple(sorted(set(errors["check"]))),
        reason=reason.strip(),
        by=by.strip(),
        identity=identity,
        at=at,
        previous=None,
    )
