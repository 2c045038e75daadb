"""A person's table with its rows and columns as they stand in the file, and what was left out.

The command line and the functions of ``import scaling`` both choose rows here, so that one table
gives one answer. What is left out is said through ``Given.say``: on standard error there, in the
notes of the result in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import polars as pl
import polars.selectors as cs

from scaling.errors import InputError, counted, nearest, placed
from scaling.fitting.data import unit_of_target
from scaling.laws._isoflop import GROUP
from scaling.laws._law import Law
from scaling.runs import counts, unit_cells, unit_words
from scaling.runs.units import units_of

MISSING = "missing column"
# Diverged runs that are named; more are counted.
MAX_NAMED = 10


@dataclass(frozen=True)
class Given:
    """A table with columns under our names, and perhaps not all rows of its file.

    ``rows`` are the rows of the file that are left, counted from 1; ``names`` maps a column of the
    frame to the one of the file that it was copied from; ``units`` say that its counts are in full;
    ``say`` takes sentences about what is left out. ``file`` is None for a table from Python.
    """

    # How the choice to leave out diverged runs is written.
    DIVERGED: ClassVar[str] = "--without-diverged"

    file: Path | None
    frame: pl.DataFrame
    rows: Sequence[int]
    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str | None], object] = field(default=lambda text: None, repr=False)

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Input errors inside name the file, its row and its column, and how to name a column."""
        try:
            with placed(self.file, self.rows, self.names):
                yield
        except InputError as error:
            if error.problem != MISSING or error.file != self.file:
                raise
            other = f"A column of another name: {self._flag(str(error.column))}."
            raise error.hinted(f"{error.hint} {other}" if error.hint else other) from error

    def _flag(self, column: str) -> str:
        """How to name the column that may be meant, with its unit if its name speaks of one."""
        start = re.compile(rf"(?:n_|num_)?{re.escape(column)}(?![a-z])", re.IGNORECASE)
        units = units_of(column)
        for name in self.frame.columns:
            if units and start.match(name) and (word := unit_words.named(name)):
                unit = unit_words.unit_of_word(word, units) or "UNIT"
                return unit_cells.map_flag(column, name)(unit)
        return f"--map {column}=THEIRS"

    def kept(self, where: pl.Series) -> Given:
        """The rows for which ``where`` holds; nothing counts as false."""
        where = where.fill_null(value=False)
        left = pl.Series(self.rows).filter(where).to_list()
        return replace(self, frame=self.frame.filter(where), rows=left)

    def of_metric(self, metric: str | None, target: str, *, sparse: bool = False) -> Given:
        """The rows of one metric (of all where it is None) that have a value of it, in the target's
        column; with ``sparse`` also those without a value.

        Raises:
            InputError: no row of this metric, none with a value, or no column ``metric`` or
                ``value``.
        """
        chosen = self if metric is None else self._of_one_metric(metric, target)
        return chosen if sparse else chosen.with_target(target)

    def with_target(self, target: str) -> Given:
        """The rows that have a value of the target; says how many do not. A table
        without the column stays as it is, to be refused by what needs it."""
        if target not in self.frame.columns or not self.frame[target].null_count():
            return self
        if self.frame[target].null_count() == self.frame.height:
            raise InputError("no row has a value", file=self.file, column=target)
        return complete(self, (target,))

    def without_diverged(self, target: str, leave_out: bool) -> Given:
        """The rows of runs that did not diverge, where they are to be left out; says which on
        standard error.

        Raises:
            InputError: values that are not finite, where diverged runs are not to be left out, or
                no run is left.
        """
        if target not in self.frame.columns:
            return self
        if not leave_out:
            self._refuse_not_finite(target)
            return self
        from scaling.runs.diverged import diverged, run_names

        with self.placed():
            found = diverged(self.frame, target)
        if found.is_empty():
            return self
        names = run_names(self.frame)
        kept = self.kept(~names.is_in(found["run"].implode()))
        if not kept.frame.height:
            raise InputError("every run diverged", file=self.file, column=target)
        self.say(_left_out(found, names.n_unique(), "run" in self.frame.columns))
        return kept

    def with_budgets(self, column: str | None, laws: Iterable[Law]) -> Given:
        """The same with this column, where one is named, as the compute budget of each row.

        Raises:
            InputError: no such column, or no law of these that reads it.
        """
        if column is None:
            return self
        reads = [law.name for law in laws if any(one.name == GROUP for one in law.all_inputs)]
        if not reads:
            raise InputError(
                "no compute budgets in this law", value=column, allowed="an isoFLOP law"
            )
        self.require(column)
        frame = self.frame.with_columns(self.frame[column].alias(GROUP))
        return replace(self, frame=frame, names={**self.names, GROUP: column})

    def _refuse_not_finite(self, target: str) -> None:
        """Refuse NaN and infinite values, and say how to leave out the runs that have them."""
        values = unit_cells.numbers(self.frame[target], "loss").cast(pl.Float64, strict=False)
        bad = (~values.is_finite()).fill_null(value=False).arg_true()
        if len(bad):
            raise InputError(
                "not a finite number",
                file=self.file,
                row=self.rows[bad[0]],
                column=self.names.get(target, target),
                value=self.frame[target][bad[0]],
                allowed="a number",
                hint=f"A diverged run? {self.DIVERGED} leaves out such runs, and says which.",
            )

    def _of_one_metric(self, metric: str, target: str) -> Given:
        from scaling.runs.studies import of_metric

        self.require("metric")
        self.require("value")
        of_metric(self.frame, metric, self.file)  # raises: no rows of it
        chosen = self.kept(self.frame["metric"] == metric)
        values, unit = chosen.frame["value"], unit_of_target(chosen.frame)
        made = replace(chosen, names={**self.names, target: "value"})
        if "loss" in target and unit:
            with made.placed():
                values = counts.losses(values, unit)
            unit = counts.unit_kept(unit)
        stated = {"unit": pl.lit(unit)} if unit else {}
        both = values.alias("value"), values.alias(target)
        frame = chosen.frame.with_columns(*both, **stated)
        return replace(made, frame=frame)

    def beside(self, metrics: Sequence[str], table: Given) -> Given:
        """Below these rows those of other metrics of ``table``, each with its values in a column
        of its own."""
        named = [one for one in metrics if one not in self.frame.columns]
        others = [table.of_metric(one, one) for one in named]
        frames = [self.frame, *(one.frame.drop("value") for one in others)]
        return replace(
            self,
            frame=pl.concat(frames, how="diagonal"),
            rows=[*self.rows, *(row for one in others for row in one.rows)],
            names={**self.names, **dict.fromkeys(named, "value")},
        )

    def renamed(self, column: str, name: str) -> Given:
        """The same with this column, where there is one, under a name that is not taken."""
        if column not in self.frame.columns or name in self.frame.columns:
            return self
        frame = self.frame.rename({column: name})
        return replace(self, frame=frame, names={**self.names, name: column})

    def require(self, column: str) -> None:
        """Refuse a table without this column."""
        if column not in self.frame.columns:
            raise InputError(
                MISSING,
                file=self.file,
                column=column,
                allowed=", ".join(self.frame.columns[:30]),
                hint=nearest(column, self.frame.columns),
            )

    def repeated(self) -> str | None:
        """A sentence about repeated rows, each of which counts; None where there are none."""
        again = ~self.frame.select(pl.struct(~cs.nested()).is_first_distinct()).to_series()
        if not again.any():
            return None
        first = self.rows[int(again.arg_true()[0])]
        count = counted(int(again.sum()), "row")
        where = "" if self.file is None else f"{self.file}: "
        return f"{where}{count} repeated cell by cell (the first: row {first}); each counts"


def counting(given: Given, file: Path | None = None) -> Given:
    """Of a tracker's history the values that count; says what is left out. ``file`` has the bytes
    where the table's own is only a name."""
    from scaling.runs.formats import format_of, settled

    place = file or given.file
    form = None if place is None else format_of(place)
    if form is None or not form.raw:
        return given
    left = settled(given.frame, ordered=form.ordered)["left_out"]
    for why, count in left.drop_nulls().value_counts(sort=True).iter_rows():
        given.say(f"{given.file}: {counted(count, 'value')} left out: {why}.")
    return given.kept(left.is_null())


def complete(given: Given, columns: Sequence[str]) -> Given:
    """The rows that have all of these columns; says how many were left out."""
    known = [name for name in columns if name in given.frame.columns]
    kept = given.kept(
        given.frame.select(pl.all_horizontal(pl.col(known).is_not_null())).to_series()
    )
    if left := given.frame.height - kept.frame.height:
        given.say(f"{counted(left, 'row')} without {' or '.join(known)} left out.")
    return kept


def _left_out(found: pl.DataFrame, total: int, named: bool) -> str:
    """Which diverged runs are left out, and why."""
    why = {True: "not finite", False: "ends above its first value"}
    shown = [f"{run} ({why[bad]})" for run, _, bad in found.head(MAX_NAMED).iter_rows()]
    more = f" and {found.height - MAX_NAMED} more" if found.height > MAX_NAMED else ""
    rows = counted(int(found["rows"].sum()), "row")
    text = f"{found.height} of {total} runs diverged and are left out ({rows}): "
    note = "" if named else " No column `run`, so each row was taken as a run of its own."
    return f"{text}{', '.join(shown)}{more}.{note}"
