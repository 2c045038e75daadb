"""Looking at a log again and again: forecasts, alerts, and the score at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.plan.costs import Hardware
from scaling.watching.across import Across
from scaling.watching.alert import Left, left_interval
from scaling.watching.journal import CURVE, Journal, now
from scaling.watching.progress import GAIN, Progress, TooShort, progress
from scaling.watching.remaining import Remaining, remaining
from scaling.watching.schedule import schedule_of
from scaling.watching.score import key_of, observed, row_of, score
from scaling.watching.series import Series, window_of
from scaling.watching.source import Absent, NothingYet, Unclear, Wanted, observations

# Reading and forecasting take at most this share of one processor core: the wait grows with a log.
LOAD = 0.05
WAITING, RUNNING, ENDED, STOPPED = "waiting", "running", "ended", "stopped"


@dataclass(frozen=True)
class Question:
    """What is asked of a run: `scaling.watching.progress.progress`, `scaling.watching.remaining`
    and `scaling.watching.alert` have the meanings. ``ended`` says that the run has ended,
    ``across`` has the other runs that inform its end."""

    beat: float | None = None
    gain: float = GAIN
    smooth: float | None = None
    schedule: str | None = None
    chips: float | None = None
    hardware: Hardware | None = None
    alert_after: float = 24.0
    ended: bool = False
    across: Across | None = None


@dataclass(frozen=True)
class Look:
    """What one look at the log found.

    Attributes:
        state: waiting (nothing to forecast yet), running, ended, or stopped before its planned end.
        time: of the look, UTC.
        why: for what it waits.
        series, progress, remaining: None while it waits.
        left: the end has left its interval of the day before.
        news: whether that was not so at the look before.
        score: of a run that has ended.
        notes: what was chosen or assumed.
    """

    state: str
    time: str
    why: str = ""
    series: Series | None = None
    progress: Progress | None = None
    remaining: Remaining | None = None
    left: Left | None = None
    news: bool = False
    score: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Watcher:
    """Looks at one log and keeps the journal, which is held. ``seconds`` is what the last look
    cost, of one processor core. ``name`` is what the journal calls the log, ``fetch`` brings the
    file of a server's runs up to date."""

    place: Path
    wanted: Wanted
    question: Question
    journal: Journal
    name: str = ""
    fetch: Callable[[], object] | None = None
    seconds: float = 0.0
    _state: object = None
    _failed: object = None
    _last: Look | None = field(default=None, repr=False)

    def look(self, *, patient: bool = True) -> Look:
        """The log as it is now; what was found before, where it has not changed.

        With ``patient`` what is not there yet is waited for, and what cannot be read if it has
        changed since the look before: it may be half written.

        Raises:
            InputError: a log that cannot be read, values that cannot be forecast, something that
                has to be said, or a folder that has another run's forecasts.
        """
        if self.fetch is not None:
            try:
                self.fetch()
            except InputError as error:  # a server may come back
                if not patient:
                    raise
                return Look(WAITING, now(), str(error))
        return self._looked(patient)

    def _looked(self, patient: bool) -> Look:
        state = fingerprint(self.place)
        if self._last is not None and state == self._state:
            return replace(self._last, news=False)
        started = time.process_time()
        try:
            series = observations(self.place, self._pinned())
        except Unclear:
            raise
        except NothingYet as error:
            if isinstance(error, Absent) and not patient:
                raise
            found = Look(WAITING, now(), str(error))
        except InputError as error:
            if not patient or self._failed == state:
                raise
            self._failed, found = state, Look(WAITING, now(), str(error))
        else:
            found = self._found(series)
        self.seconds = time.process_time() - started
        # What could not be read is looked at again, and refused if it has not changed.
        self._state = None if self._failed == state else state
        self._last = found
        return found

    def _pinned(self) -> Wanted:
        """What is wanted, with the metric of the journal: an evaluation that begins later is no
        other run."""
        rows = self.journal.rows
        if not rows:
            return self.wanted
        return replace(self.wanted, metric=self.wanted.metric or rows[-1]["metric"])

    def _found(self, series: Series) -> Look:
        """What is to be said of the series."""
        if self.question.ended:
            series = replace(series, ended=True)
        self._check_run(series)
        if series.finished:
            return self._ended(series)
        schedule, said = schedule_of(
            series, self.question.schedule, self.question.across, self.question.smooth
        )
        notes = [*series.notes, *said]
        rest = remaining(series, self._seen(series), self.question.chips, self.question.hardware)
        earlier = self._earlier(series)
        if earlier is not None:
            notes.append(f"the log begins at {series.at[0]:,.0f}; the part before is from {CURVE}")
        try:
            made = progress(series, schedule=schedule, earlier=earlier, **self._how())
        except TooShort as error:
            return Look(
                WAITING, now(), str(error), series=series, remaining=rest, notes=tuple(notes)
            )
        row = row_of(made, now(), self.question.schedule)
        left = left_interval(self._rows(row), made.median, row["time"], self.question.alert_after)
        row |= {"log": self.name or str(self.place), "left": left is not None}
        news = self._record(made, row)
        return Look(
            RUNNING, row["time"], "", series, made, rest, left, left is not None and news,
            notes=(*notes, *made.notes),
        )  # fmt: skip

    def _how(self) -> dict[str, Any]:
        asked = self.question
        return {
            "beat": asked.beat, "gain": asked.gain, "smooth": asked.smooth, "across": asked.across,
        }  # fmt: skip

    def _check_run(self, series: Series) -> None:
        rows = self.journal.rows
        if rows and rows[-1]["run"] != series.run:
            raise InputError(
                "this folder has forecasts of another run",
                file=self.journal.folder,
                value=rows[-1]["run"],
                allowed=f"{series.run!r}, or another --out",
            )

    def _rows(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Recorded forecasts of the same end."""
        return [one for one in self.journal.rows if key_of(one) == key_of(row)]

    def _record(self, made: Progress, row: dict[str, Any]) -> bool:
        """Append the forecast, unless it is recorded; whether the one before had not left."""
        same = self._rows(row)
        before = same[-1] if same else {}
        again = all(before.get(name) == row[name] for name in ("at", "schedule", "method", "beat"))
        again = again and [*(before.get("sources") or ())] == [*row["sources"]]
        if before and again:
            return False
        # The curve first: a forecast that is recorded has what it rested on.
        self.journal.keep_curve(_table(made))
        self.journal.append(row)
        return not before.get("left", False)

    def _earlier(self, series: Series) -> tuple[Array, Array] | None:
        """Points of the kept curve that lie before the log's first value: it was rotated."""
        kept = self.journal.curve()
        if kept is None or kept.is_empty():
            return None
        window = window_of(series, self.question.smooth)
        same = kept.filter(planned=series.planned, window=window, metric=series.metric)
        before = same.filter(same["at"] < series.at[0] - max(series.gap, window / 2.0))
        if before.is_empty():
            return None
        return before["at"].to_numpy(), before["value"].to_numpy()

    def _seen(self, series: Series) -> tuple[Array, Array]:
        """Where the run was at what time, by the journal."""
        seen = [(r["at"], _seconds(r["time"])) for r in self.journal.rows]
        rows = [*seen, (series.last, _seconds(now()))]
        at, wall = (np.array(one, dtype=float) for one in zip(*rows, strict=True))
        return at, wall

    def _ended(self, series: Series) -> Look:
        if not series.complete:
            why = (
                f"the run ended at {series.unit[:-1]} {series.last:,.0f} of {series.planned:,.0f}; "
                "its forecasts are not scored"
            )
            return Look(STOPPED, now(), why, series=series, notes=series.notes)
        kept = self.journal.score()
        how = self._how()
        left = self._end_left(series)
        known = kept is not None and kept["ended_at"] == series.last
        if kept is None or not known or kept["metric"] != series.metric:
            how["earlier"] = self._earlier(series)
            kept = score(series, self.journal.rows, now(), self.question.schedule, **how)
            self.journal.keep_score(kept)
        before = self.journal.rows[-1].get("left", False) if self.journal.rows else False
        news = left is not None and not known and not before
        return Look(ENDED, now(), "", series, left=left, news=news, score=kept, notes=series.notes)

    def _end_left(self, series: Series) -> Left | None:
        end = observed(series, self.question.smooth)
        window = window_of(series, self.question.smooth)
        key = (series.run, series.metric, series.unit, series.planned, window)
        rows = [row for row in self.journal.rows if key_of(row) == key]
        if end is None:
            return None
        return left_interval(rows, end, now(), self.question.alert_after)


def fingerprint(place: Path) -> object:
    """Sizes and times of the log's files: where they are the same, nothing has changed."""
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    found = []
    for file in files:
        try:
            facts = file.stat()
        except OSError:  # gone since it was listed
            continue
        found.append((str(file), facts.st_size, facts.st_mtime_ns, facts.st_ino))
    return tuple(found)


def pause(seconds: float, cost: float) -> float:
    """How long to wait before the next look: what was asked, or so long that looks take at most
    `LOAD` of a processor core."""
    return max(seconds, cost / LOAD)


def _table(made: Progress) -> pl.DataFrame:
    same = {"planned": made.planned, "window": made.window, "metric": made.metric}
    columns = {"at": made.curve.at, "value": made.curve.value}
    return pl.DataFrame(columns).with_columns(**{k: pl.lit(v) for k, v in same.items()})


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
