"""Publish the stages' outputs as an immutable version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scaling.errors import InputError
from scaling.record.versions.fingerprint import Current, fingerprint
from scaling.record.versions.store import PublishedVersion, issue


def publish(
    root: Path,
    *,
    now: datetime | None = None,
    corrects: str | None = None,
    reason: str | None = None,
) -> PublishedVersion:
    """Publish what the stages made, once; restore what an earlier version has lost.

    ``now`` is the issue time (default: the clock); ``corrects`` names the version that this one
    corrects, and ``reason`` says why. Raises InputError when an output is missing, a correction
    names no version or a result of a later day counts, PublishError when a published version is
    damaged beyond repair or the disk is full: then nothing is published and what was published
    before stays as it was.
    """
    if (corrects is None) != (reason is None):
        raise InputError("a correction has a version that it corrects, and a reason")
    _refuse_future(root, now or datetime.now(UTC))
    more = {"corrects": corrects, "reason": reason}
    published = issue(root, root / "reports", lambda: _current(root), now=now, more=more)
    # Drawing pages takes a while to import, and most looks publish nothing.
    from scaling.record import site

    site.refresh(root)
    return published


def _refuse_future(root: Path, now: datetime) -> None:
    """Refuse results of days that have not come in tables that were put into the inbox by hand.

    Validation compares the day of a result with the day on which its row was recorded, which only
    these rows lack; and no stage looks at the clock.
    """
    import polars as pl

    for path in sorted((root / "data" / "runs").glob("*.parquet")):
        rows = pl.scan_parquet(path).filter(
            pl.col("recorded").is_null(), pl.col("observed") > now.date() + timedelta(days=1)
        )
        for file, row, day in rows.select("file", "row", "observed").head(1).collect().iter_rows():
            raise InputError(
                "nothing was published: a result of a day that has not come",
                file=file,
                row=row,
                column="observed",
                value=str(day),
                allowed=f"at most a day after {now.date()}",
            )


def _current(root: Path) -> Current:
    """The stages' outputs, with their changes from the version before."""
    current = fingerprint(root)

    def change_files(
        previous: Path | None, folder: Path, issued_at: str | None
    ) -> Mapping[str, bytes]:
        from scaling.record.changes.between import change_files

        return change_files(root, previous, folder, current.made_by, issued_at)

    return replace(current, change_files=change_files)
