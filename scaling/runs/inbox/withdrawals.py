"""Withdrawals: a source, or a run of one, that counts no longer from a day on, and why.

    data/withdrawn/NAME.jsonl                     of a published source
    data/internal/store/NAME/withdrawn.jsonl      of an internal source, by its own names

One line an act, never edited: a run (null for the whole source) is withdrawn, or is restored. The
rows stay where they are. Ingest says in the column ``withdrawal`` which of them count no longer, so
a name that is published may change without the withdrawal losing its run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, nearest, shorten
from scaling.io import atomic
from scaling.runs.schema import RESTORED, WITHDRAWAL, WITHDRAWN

FOLDER = Path("data/withdrawn")
FILE = "withdrawn.jsonl"
MOST_NAMED = 5


@dataclass(frozen=True)
class Withdrawal:
    """One line.

    Attributes:
        recorded: day on which it was written.
        run: the run, or None for the whole source.
        withdrawn: whether it counts no longer; false where it is restored.
        reason: why; null only where it is restored.
        by: who says so.
    """

    recorded: date
    run: str | None
    withdrawn: bool
    reason: str | None
    by: str

    def text(self) -> str:
        """The line, with its end."""
        plain = asdict(self) | {"recorded": self.recorded.isoformat()}
        return json.dumps(plain, ensure_ascii=False) + "\n"

    def __str__(self) -> str:
        what = "the whole source" if self.run is None else f"run {self.run!r}"
        verb = WITHDRAWN if self.withdrawn else RESTORED
        why = f": {self.reason}" if self.reason else ""
        return f"{self.recorded} {what} {verb} by {self.by}{why}"


def read(file: Path) -> list[Withdrawal]:
    """All lines, oldest first; none where there is no file.

    Raises:
        InputError: a line that is not as it was written, or days that go back.
    """
    if not file.is_file():
        return []
    lines: list[Withdrawal] = []
    for row, text in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        lines.append(_line(text, file, row))
        if row > 1 and lines[-1].recorded < lines[-2].recorded:
            day = str(lines[-1].recorded)
            raise InputError("days are out of order", file=file, row=row, value=day)
    return lines


def _line(text: str, file: Path, row: int) -> Withdrawal:
    try:
        given = json.loads(text)
        line = Withdrawal(**given | {"recorded": date.fromisoformat(given["recorded"])})
        plain = isinstance(line.run, str | None) and isinstance(line.reason, str | None)
        if not (plain and type(line.withdrawn) is bool and type(line.by) is str):
            raise TypeError("a value of another type")
    except (ValueError, TypeError, KeyError) as error:
        problem = f"not a line of withdrawals: {error!r}"
        hint = "Lines are only ever added. Restore the file."
        raise InputError(problem, file=file, row=row, value=text, hint=hint) from None
    return line


def in_force(lines: Iterable[Withdrawal], as_of: date | None) -> dict[str | None, Withdrawal]:
    """The last word on each run, and on the whole source (None), on that day."""
    return {one.run: one for one in lines if as_of is None or one.recorded <= as_of}


def marked(rows: pl.DataFrame, lines: Sequence[Withdrawal], as_of: date | None) -> pl.DataFrame:
    """The rows with the column ``withdrawal``: 'withdrawn DAY', 'restored DAY' or null.

    A row is withdrawn where its run is, or the whole source. The table of a source on which
    nothing was ever said stays as it is.
    """
    last = in_force(lines, as_of)
    if not last:
        return rows
    words = {run: _word(_decides(last, run)) for run in rows["run"].unique().to_list()}
    cells = pl.col("run").replace_strict(words, default=None, return_dtype=pl.String)
    return rows.with_columns(cells.alias(WITHDRAWAL))


def _decides(last: dict[str | None, Withdrawal], run: str | None) -> Withdrawal | None:
    """What decides on a run: its own line, unless the source as a whole is withdrawn."""
    both = [one for one in (last.get(run), last.get(None)) if one is not None]
    return max(both, key=lambda one: (one.withdrawn, one.recorded), default=None)


def _word(line: Withdrawal | None) -> str | None:
    return None if line is None else f"{WITHDRAWN if line.withdrawn else RESTORED} {line.recorded}"


def add(
    file: Path,
    runs: Sequence[str | None],
    known: Sequence[str],
    *,
    withdrawn: bool,
    reason: str | None,
    by: str,
    today: date,
) -> list[Withdrawal]:
    """Add a line for each of the runs (None: the whole source); returns those that are new.

    What is so already gets no second line. ``known`` are the source's runs.

    Raises:
        InputError: an unknown run, a restoration of what was never withdrawn, an empty reason, or a
            clock that is behind the file; nothing was written then.
    """
    lines = read(file)
    if lines and today < lines[-1].recorded:
        hint = "Set the clock: the days of the file must not go back."
        raise InputError("withdrawals are ahead of the clock", value=str(today), hint=hint)
    if withdrawn and not (reason or "").strip():
        raise InputError("--reason is empty", value=reason, allowed="why it is withdrawn")
    last = in_force(lines, None)
    new = []
    for run in dict.fromkeys(runs):
        if run is not None and run not in known:
            _refuse_unknown(run, known)
        before = last.get(run)
        if not withdrawn and before is None:
            _refuse_restoring(run, last)
        if before is None or before.withdrawn != withdrawn:
            new.append(Withdrawal(today, run, withdrawn, reason, by))
    if new:
        old = file.read_bytes() if file.is_file() else b""
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(file, old + "".join(one.text() for one in new).encode())
    return new


def _refuse_unknown(run: str, known: Sequence[str]) -> None:
    some = shorten(sorted(known), 400)
    raise InputError(
        "the source has no such run", value=run, allowed=some, hint=nearest(run, known)
    )


def _refuse_restoring(run: str | None, last: dict[str | None, Withdrawal]) -> None:
    out = [str(one.run or "the whole source") for one in last.values() if one.withdrawn]
    what = "the whole source" if run is None else run
    allowed = ", ".join(out) or "nothing of this source is withdrawn"
    raise InputError("is not withdrawn", value=what, allowed=allowed)


def rows_out(table: pl.DataFrame) -> pl.Series:
    """Which rows of an ingested table are withdrawn."""
    if WITHDRAWAL not in table.columns:
        return pl.Series([False], dtype=pl.Boolean).new_from_index(0, table.height)
    return table[WITHDRAWAL].str.starts_with(WITHDRAWN).fill_null(value=False)


def acts(table: pl.DataFrame) -> list[dict[str, Any]]:
    """What of an ingested table was withdrawn or restored, and when.

    Each has ``what`` ('withdrawn DAY' or 'restored DAY'), ``runs`` and ``rows`` (how many), and
    ``first`` (names of the first runs).
    """
    if WITHDRAWAL not in table.columns:
        return []
    runs = pl.col("run").drop_nulls().unique(maintain_order=True)
    said = table.filter(pl.col(WITHDRAWAL).is_not_null()).group_by(
        what=WITHDRAWAL, maintain_order=True
    )
    return said.agg(
        runs=pl.col("run").n_unique(), rows=pl.len(), first=runs.head(MOST_NAMED)
    ).to_dicts()
