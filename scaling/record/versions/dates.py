"""Whether the issue times of versions can be true, by what the versions themselves hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from scaling.record.versions.ledger import MANIFEST, Entry, recorded

# A day's run is observed in its owner's time zone, of which the earliest is 14 hours before UTC.
ZONES = timedelta(days=1)
DAYS = ("observed", "recorded")


def problems(root: Path, place: Path, chain: Iterable[Entry]) -> Iterator[str]:
    """Versions issued before the version before them, or before a row that they fitted.

    A version may be issued before one that it corrects: that is the way out after a clock that ran
    ahead. Of a replay the as-of day counts, and its rows are those known at that day.
    """
    newest, before = _Newest(), None
    for entry in chain:
        shown = (place / entry.version / MANIFEST).relative_to(root).as_posix()
        wrong = _unreadable(entry) or _backwards(entry, before)
        if wrong is None and entry.as_of is None:
            day = newest.of(place / entry.version)
            wrong = None if day is None else ahead(day, datetime.fromisoformat(entry.issued_at))
        if wrong is not None:
            yield f"{shown}: {wrong}"
        before = before if _unreadable(entry) else entry


def ahead(newest: date, issued: datetime) -> str | None:
    """That a row is newer than the version that fitted it; None where it is not."""
    if newest <= issued.astimezone(UTC).date() + ZONES:
        return None
    return f"issued at {issued.isoformat()}, before the newest run that it fitted ({newest})"


def newest_row(files: Iterable[Path]) -> date | None:
    """The latest day in tables of fitted rows: observed, or recorded."""
    days = (_latest(file) for file in files)
    return max((day for day in days if day is not None), default=None)


def _unreadable(entry: Entry) -> str | None:
    try:
        if datetime.fromisoformat(entry.issued_at).tzinfo is not None:
            return None
    except (ValueError, TypeError):
        pass
    return f"its issue time {entry.issued_at!r} is not a time with a time zone"


def _backwards(entry: Entry, before: Entry | None) -> str | None:
    if before is None or entry.corrects == before.version:
        return None
    if datetime.fromisoformat(entry.issued_at) >= datetime.fromisoformat(before.issued_at):
        return None
    return (
        f"issued at {entry.issued_at}, before {before.version}, which was published first "
        f"({before.issued_at})"
    )


class _Newest:
    """The newest fitted row of versions; a table that several have is read once."""

    def __init__(self) -> None:
        self._known: dict[str, date | None] = {}

    def of(self, folder: Path) -> date | None:
        listed: Mapping[str, Mapping[str, str]] = recorded(folder / MANIFEST).get("files", {})
        days = []
        for name, facts in listed.items():
            if name.startswith("fits/") and name.endswith(".csv"):
                digest = facts["sha256"]
                if digest not in self._known:
                    self._known[digest] = _latest(folder / name)
                days.append(self._known[digest])
        return max((day for day in days if day is not None), default=None)


def _latest(file: Path) -> date | None:
    if not file.is_file():
        return None
    table = pl.scan_csv(file, infer_schema=False)
    names = [name for name in DAYS if name in table.collect_schema().names()]
    if not names:
        return None
    days = table.select(pl.max_horizontal(pl.col(name).max() for name in names)).collect().item()
    return None if not days else date.fromisoformat(days[:10])
