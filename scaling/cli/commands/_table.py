"""The user's table as a verb takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from scaling.cli.commands._options import (
    STANDARD_INPUT,
    from_standard_input,
    read_options,
    remark,
    tables,
)
from scaling.errors import InputError, counted, nearest, placed
from scaling.given import Given, complete, counting
from scaling.runs import counts, unit_cells
from scaling.runs.studies import PARAMS, STUDY, load_params, select
from scaling.runs.units import COUNTS, LOSSES, SHARES, units_of

if TYPE_CHECKING:
    from scaling.runs.formats import ReadOptions

__all__ = ["Given", "complete", "read"]


def read(path: Path, maps: Sequence[str] | None = None, *, optional: bool = False) -> Given:
    """The table, with mapped columns copied under our names; targets (``optional``) may have ours
    already. Where there is no such file, the rows of the study of this name. The read options of
    the command line hold as `_reading` says.

    Raises:
        InputError: as `scaling.runs.formats.read_table`; a mapping that cannot be read, or of a
            column that the table lacks; neither a file nor a study.
    """
    from scaling.runs.formats import format_of

    if not optional and _names_study(path):
        _refuse_unheeded(path)
        return _mapped(_of_study(path.name), maps, optional)
    shown = STANDARD_INPUT if path == Path("-") else path
    with from_standard_input(path) as file:
        whole = counting(_cells(file, shown, optional), file)
        if format_of(file).raw:
            whole = _with_products(whole, maps or ())
    return _mapped(whole, maps, optional)


def _cells(file: Path, shown: Path, optional: bool) -> Given:
    """The table as it is read; says on standard error what its reader assumes."""
    from scaling.runs.formats import read_table

    heard: dict[str, None] = {}
    reading = replace(_reading(file, optional), say=lambda text: heard.update({text: None}))
    try:
        frame = read_table(file, reading)
    except InputError as error:
        raise _of_planned(error) if optional else error from None
    for text in heard:
        remark(f"{shown}: {text}.")
    return Given(shown, frame, range(1, frame.height + 1), say=remark)


# What says where in a file its table stands, and so holds for one file.
_PLACES = ("sheet", "header")


def _reading(file: Path, planned: bool) -> ReadOptions:
    """The read options that hold for a file: how numbers and days are written, for the runs and the
    planned runs; where the table stands, for the runs or, if their format has no such place, for
    the planned runs.
    """
    from scaling.runs.formats import ReadOptions, format_of, heeded

    given, (runs, at) = read_options(), tables()
    if planned:
        own = heeded(given, format_of(file)).given()
        return ReadOptions(**{n: v for n, v in own.items() if n not in _taken(runs)})
    # What only the planned runs can heed is theirs.
    theirs = heeded(given, format_of(at)).given() if at is not None and at.exists() else {}
    own = heeded(given, format_of(file)).given()
    return ReadOptions(**{n: v for n, v in given.given().items() if n in own or n not in theirs})


def _taken(runs: Path | None) -> tuple[str, ...]:
    """The places that are said of the table of runs."""
    from scaling.runs.formats import format_of

    if runs is None or _names_study(runs) or not (runs.exists() or runs == Path("-")):
        return ()
    takes = format_of(runs).takes if runs != Path("-") else _PLACES
    return tuple(name for name in _PLACES if name in takes)


def _refuse_unheeded(study: Path) -> None:
    """Raise InputError for an option that says nothing of a study, nor of the planned runs."""
    from scaling.runs.formats import flag, format_of, heeded

    given, (_, at) = read_options(), tables()
    theirs = heeded(given, format_of(at)).given() if at is not None and at.exists() else {}
    for name in given.given().keys() - theirs.keys():
        raise InputError(f"{flag(name)} says nothing of a study", value=study.name)


def _of_planned(error: InputError) -> InputError:
    """An error of the planned runs, without the advice to give an option that the runs take."""
    from scaling.runs.formats import flag

    for name in _taken(tables()[0]):
        if flag(name) in (error.hint or ""):
            return error.hinted(
                f"{flag(name)} holds for the table of runs: save the planned runs as a table of "
                "their own, its header in the first line."
            )
    return error


def _mapped(whole: Given, maps: Sequence[str] | None, optional: bool) -> Given:
    """The table with mapped columns, in our units."""
    path, frame = whole.file, whole.frame
    sources: unit_cells.Sources = {}
    for entry in maps or ():
        name, _, text = entry.partition("=")
        if not name or not text:
            raise InputError("--map cannot be read", value=entry, allowed="NAME=COLUMN[:UNIT]")
        with placed(path):
            column, unit = unit_cells.split(text, name, frame.columns)
            unit = unit or whole.units.get(column)
        if optional and column not in frame.columns:
            continue
        whole.require(column)
        # Planned cells such as 70B need no unit that the runs need.
        needless = optional and unit_cells.states_units(frame[column], name)
        sources[name] = column, None if needless else unit
    with replace(whole, names={name: one for name, (one, _) in sources.items()}).placed():
        made = _with_days(counts.table(frame, sources), optional)
    units = {unit for _, unit in sources.values() if unit in (*LOSSES, *SHARES)}
    if len(units) == 1:
        made = made.with_columns(unit=pl.lit(counts.unit_kept(units.pop())))
    names = {name: one for name, (one, _) in sources.items()}
    full = {name: "1" for name in made.columns if units_of(name) is COUNTS}
    return replace(whole, frame=made, names=names, units=full)


def of_options(**sizes: float | None) -> Given:
    """A table of the one planned run that options such as --params and --tokens describe."""
    given = {name: value for name, value in sizes.items() if value is not None}
    flags = {name: f"--{name}" for name in given}
    return Given(Path(" ".join(flags.values())), pl.DataFrame(given), [1], flags)


def _names_study(path: Path) -> bool:
    """Whether a study may be meant: a bare name, neither a file nor the name of one, and a project
    here."""
    from scaling.runs.formats import is_claimed

    bare = path.name == str(path) and STUDY.fullmatch(path.name) and not path.exists()
    return bool(bare) and PARAMS.is_file() and not is_claimed(path)


def _of_study(name: str) -> Given:
    """The rows of a study of params.yaml, its metric in ``loss`` and ``value``; says on standard
    error where they are from and how many the study leaves out.

    Raises:
        InputError: no such study, or its rows are not at hand.
    """
    studies = load_params()["studies"]
    if name not in studies:
        raise InputError(
            "no such file, and no such study",
            value=name,
            allowed=f"a file, or a study of {PARAMS}: {', '.join(studies)}",
            hint=nearest(name, studies),
        )
    study = studies[name]
    file = Path("data/validated") / f"{study['source']}.parquet"
    if not file.is_file():
        hint = "`scaling refit` makes it."
        raise InputError("the rows of this study are not here", file=file, value=name, hint=hint)
    rows = pl.read_parquet(file).with_row_index("_row", offset=1)
    left, excluded = select(rows, study)
    out = sum(one["rows"] for one in excluded)
    remark(
        f"study {name}: {counted(left.height, 'row')} of {study['metric']} from {file}"
        + (f"; {out} left out by the exclusions of {PARAMS}" if out else "")
    )
    frame = left.drop("_row").with_columns(value=left["loss"])
    frame = frame[[one.name for one in frame if one.null_count() < frame.height]]
    return Given(file, frame, left["_row"].to_list(), say=remark)


def _with_days(frame: pl.DataFrame, optional: bool) -> pl.DataFrame:
    """The table with its days as days, where their format is stated or proved.

    Raises:
        InputError: days that leave open which number is the day, or not of the stated format.
    """
    from scaling.runs.formats import days
    from scaling.runs.schema import RUN

    stated = read_options().date_format
    for column in RUN:
        if column.dtype != pl.Date or frame.schema.get(column.name) != pl.String:
            continue
        cells = frame[column.name]
        proved = None if stated else days.proved_format(cells)
        if proved is not None:
            remark(f"{column.name}: days are read as {proved[0]}, which {proved[1]!r} shows.")
        form = days.checked_format(stated) if stated else proved and proved[0]
        made = days.in_format(cells, form).str.to_date("%Y-%m-%d", strict=False)
        if made.null_count() == cells.null_count():
            frame = frame.with_columns(made)
    return frame


def _with_products(given: Given, maps: Sequence[str]) -> Given:
    """A tracker's history with mapped products, such as tokens=step*2048, without the results at
    which one is 0; says on standard error how many these are."""
    from scaling.runs.inbox.our_columns import with_products

    pairs = [one.partition("=")[::2] for one in maps]
    texts = [unit_cells.split(text, name, given.frame.columns)[0] for name, text in pairs]
    new = [text for text in texts if text not in given.frame.columns]
    made = replace(given, frame=with_products(given.frame, new))
    for text in (one for one in new if one in made.frame.columns):
        zero = (made.frame[text] == 0).fill_null(value=False)
        if zero.any():
            remark(f"{counted(int(zero.sum()), 'value')} left out where {text} is 0.")
        # A factor that is written states the scale.
        made = replace(made.kept(~zero), units={**made.units, text: "1"})
    return made
