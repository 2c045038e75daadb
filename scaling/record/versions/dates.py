"""Whether the day on which a version says it was issued can be true.

``issued_at`` is the publisher's word. It is contradicted where it lies before something that the
version must have known: the commit that it names, the newest row that it fitted, or the version
before it. Nothing here shows that a date is true; a timestamp does
(`scaling.record.audit.timestamps`).
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import shorten
from scaling.io.git import objects
from scaling.io.json_files import as_map
from scaling.record.versions.files import NotHereError, has, read
from scaling.record.versions.ledger import LEDGER, MANIFEST, PLACES, read_lines

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# A row's day has no time zone. The earliest zone is UTC+14 (Pacific/Kiritimati in the IANA time
# zone database), where a day begins 14 hours before it does in UTC.
EARLIEST_ZONE = timedelta(hours=14)
_COMMITTER = re.compile(rb"^committer .* (\d+) [+-]\d{4}$", re.MULTILINE)
_DAYS = ("observed", "recorded")


@dataclass(frozen=True)
class Dated:
    """What is known of a version's date.

    Attributes:
        place: folder of its ledger, below the project.
        issued_at: as its line in the ledger says, with a time zone.
        revision: the commit that it names, and ``committed``, that commit's date; None where the
            version names none or Git here does not have it.
        newest_row: day, study and run of the newest row that it fitted; None where it lists none.
        corrects: version whose date may be wrong, since this one corrects it.
    """

    place: str
    version: str
    issued_at: datetime
    revision: str | None = None
    committed: datetime | None = None
    newest_row: tuple[date, str, str] | None = None
    corrects: str | None = None


def dates_problems(versions: Sequence[Dated]) -> dict[str, list[str]]:
    """Version -> what contradicts its date; versions without a contradiction are left out.

    ``versions`` are in the order of their ledgers.
    """
    found: dict[str, list[str]] = {}
    earlier: dict[str, list[Dated]] = {}
    for one in versions:
        chain = earlier.setdefault(one.place, [])
        # The way out after a clock that ran ahead is to correct the version that it dated.
        chain[:] = [other for other in chain if other.version != one.corrects]
        against = [*_before_commit(one), *_before_row(one), *_before_version(one, chain)]
        if against:
            found[one.version] = [f"{one.place}/{one.version}: {text}" for text in against]
        chain.append(one)
    return found


def _before_commit(one: Dated) -> Iterable[str]:
    if one.committed is not None and one.issued_at < one.committed:
        yield (
            f"issued_at is {_time(one.issued_at)}, before the commit that it names: "
            f"{str(one.revision)[:12]} is of {_time(one.committed)}"
        )


def _before_row(one: Dated) -> Iterable[str]:
    if one.newest_row is None:
        return
    day, study, run = one.newest_row
    if day > (one.issued_at.astimezone(UTC) + EARLIEST_ZONE).date():
        yield (
            f"issued_at is {_time(one.issued_at)}, before a row that it fitted: "
            f"{shorten(run)} of study {study} is of {day}"
        )


def _before_version(one: Dated, chain: Sequence[Dated]) -> Iterable[str]:
    last = max(chain, key=lambda other: other.issued_at, default=None)
    if last is not None and one.issued_at < last.issued_at:
        yield (
            f"issued_at is {_time(one.issued_at)}, before {last.version}, which is before it in "
            f"the ledger and was issued at {_time(last.issued_at)}"
        )


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def problems(root: Path) -> list[str]:
    """What contradicts the dates of the published versions, a sentence each."""
    return [text for texts in dates_problems(dated(root)).values() for text in texts]


def dated(root: Path) -> list[Dated]:
    """What is known of the date of every version in the ledgers, in their order."""
    lines = [
        (place, entry)
        for place in PLACES
        if (root / place / LEDGER).is_file()
        for entry in read_lines((root / place / LEDGER).read_bytes())[0]
    ]
    named = (str(entry.revision) for _, entry in lines)
    commits = commit_dates(root, (name for name in named if COMMIT.fullmatch(name)))
    newest: dict[str, tuple[date, str] | None] = {}
    return [
        Dated(
            place=place,
            version=entry.version,
            issued_at=moment(entry.issued_at),
            revision=entry.revision,
            committed=commits.get(str(entry.revision)),
            newest_row=_newest_row(root / place / entry.version, newest),
            corrects=entry.corrects,
        )
        for place, entry in lines
    ]


def moment(text: str) -> datetime:
    """A time of a ledger or a commit; the beginning of time where it cannot be read.

    One without a time zone is UTC.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def commit_dates(root: Path, commits: Iterable[str]) -> dict[str, datetime]:
    """The committer's date of each commit that Git has here."""
    found = {}
    for name, (_, content) in objects(root, commits).items():
        date_line = _COMMITTER.search(content.split(b"\n\n", 1)[0])
        if date_line:
            found[name] = datetime.fromtimestamp(int(date_line.group(1)), UTC)
    return found


def ahead(files: Iterable[Path], issued: datetime) -> str | None:
    """That lists of fitted rows have one that is newer than the issue; None where none has."""
    found = ((file.stem, _newest(file.read_bytes())) for file in files)
    rows = [(*newest, study) for study, newest in found if newest is not None]
    if not rows:
        return None
    day, run, study = max(rows)
    return next(iter(_before_row(Dated("", "", issued, newest_row=(day, study, run)))), None)


def _newest_row(
    folder: Path, known: dict[str, tuple[date, str] | None]
) -> tuple[date, str, str] | None:
    """Day, study and run of the newest row in the version's lists of rows.

    ``known`` keeps what was read, by the hash in the manifest: most versions share most lists.
    """
    rows = []
    for name, digest in row_lists(folder).items():
        if digest not in known:
            # What has been lost, or is not in this clone, is named as damage.
            with contextlib.suppress(FileNotFoundError, NotHereError):
                known[digest] = _newest(read(folder, name))
        newest = known.get(digest)
        if newest is not None:
            rows.append((newest[0], Path(name).stem, newest[1]))
    return max(rows, default=None)


def row_lists(folder: Path) -> dict[str, str]:
    """Files that list the rows which a version fitted (``fits/STUDY.csv``) -> hash, by its
    manifest; only those that are there."""
    try:
        manifest: Mapping[str, Any] = as_map(json.loads(read(folder, MANIFEST)))
    except (OSError, ValueError):
        return {}
    return {
        name: str(as_map(facts).get("sha256", facts))
        for name, facts in as_map(manifest.get("files")).items()
        if re.fullmatch(r"fits/[^/]+\.csv", name) and has(folder, name)
    }


def _newest(rows: bytes) -> tuple[date, str] | None:
    """The newest day in a list of rows, and the run that has it."""
    try:
        table = pl.read_csv(rows, infer_schema=False, columns=None)
        days = [pl.col(name).str.to_date(strict=False) for name in _DAYS if name in table.columns]
        newest = table.select("run", day=pl.max_horizontal(days)).drop_nulls("day")
    except pl.exceptions.PolarsError:
        return None
    if not newest.height:
        return None
    day, run = newest.sort("day", "run").row(-1, named=False)[::-1]
    return day, str(run)
