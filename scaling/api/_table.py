"""Tables as the functions of ``import scaling`` take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import polars as pl

from scaling.api._inputs import stated
from scaling.errors import InputError
from scaling.forecasting.study_end import Study, finished_runs
from scaling.frames import POLARS, Table, kind_of, path_of, to_polars
from scaling.given import Given, counting
from scaling.runs.units import COUNTS, units_of


class PythonTable(Given):
    """A person's table from Python; its errors name arguments instead of options."""

    DIVERGED: ClassVar[str] = "without_diverged=True"

    def _flag(self, column: str) -> str:
        argument = f'inputs={{"{column}": "THEIRS"}}' if units_of(column) else 'target="THEIRS"'
        return f"{argument}, or rename it"


@dataclass(frozen=True)
class Asked:
    """The tables of one question.

    Attributes:
        runs, at: as polars, counts in full.
        inputs: the argument, without units.
        kind: of what goes out.
        notes: sentences on what was left out, in the order in which they were said.
    """

    runs: PythonTable
    at: PythonTable | None
    inputs: Any
    kind: str
    notes: list[str] = field(default_factory=list)


def ask(runs: Table, at: Table = None, inputs: Any = None, *, by_name: bool = False) -> Asked:
    """Read the tables, and the units that ``inputs`` states, see `scaling.api._inputs.stated`.

    Raises:
        InputError: no table, a file that cannot be read, or counts that cannot be in full.
    """
    notes: list[str] = []
    given = {"runs": _read(runs, notes)} | ({} if at is None else {"at": _read(at, notes)})
    kinds = [kind_of(one) for one in (at, runs) if one is not None]
    kind = next((one for one in kinds if one != POLARS), POLARS)
    with _placed(given):
        tables, known, names = stated(
            {name: one.frame for name, one in given.items()}, inputs, by_name=by_name
        )
    made = {
        name: replace(one, frame=tables[name], names=names, units=_full(tables[name]))
        for name, one in given.items()
    }
    return Asked(made["runs"], made.get("at"), known, kind, notes)


def ask_beside(
    table: Table, say: Callable[[str | None], object], inputs: Any = None, *, by_name: bool = False
) -> PythonTable:
    """Read one more table; what it leaves out goes to the notes of the result by ``say``."""
    asked = ask(table, inputs=inputs, by_name=by_name)
    for note in asked.notes:
        say(note)
    return replace(asked.runs, say=say)


def study_table(
    table: Table,
    say: Callable[[str | None], object],
    metric: str | None = None,
    target: str = "loss",
) -> Study:
    """The finished runs of a study, as `finished_runs` reads them."""
    given = ask_beside(table, say)
    name = "study" if given.file is None else str(given.file)
    return finished_runs(name, given, metric, target)


def _read(table: Table, notes: list[str]) -> PythonTable:
    from scaling.runs.formats import read_table

    file = path_of(table)
    frame = to_polars(table) if file is None else read_table(file)

    def say(text: str | None) -> None:
        if text:
            notes.append(text)

    read = counting(PythonTable(file, frame, range(1, frame.height + 1), say=say))
    assert isinstance(read, PythonTable)
    return read


def _full(frame: pl.DataFrame) -> dict[str, str]:
    return {name: "1" for name in frame.columns if units_of(name) is COUNTS}


@contextmanager
def _placed(given: dict[str, PythonTable]) -> Iterator[None]:
    """Errors of a column that only one of the tables has name its file."""
    try:
        yield
    except InputError as error:
        have = [one for one in given.values() if error.column in one.frame.columns]
        raise error.at(have[0].file) if len(have) == 1 and have[0].file else error from error
