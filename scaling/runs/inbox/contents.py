"""What a file that is to be added holds, in words, and what it changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from scaling.errors import InputError, counted, shorten
from scaling.runs.formats import format_of
from scaling.runs.inbox.aliases import Names, with_rows
from scaling.runs.inbox.complete_lines import NO_LINE_END, open_ended
from scaling.runs.inbox.mapping import Mapping
from scaling.runs.inbox.merge import (
    Part,
    accounts,
    compared,
    counting,
    merged,
    position,
    yielding,
)
from scaling.runs.inbox.read import parts_of, rows_of
from scaling.runs.inbox.remarks import (
    NO_ORDER,
    left_out,
    left_out_runs,
    means,
    nothing_beside,
    other_units,
    reasons,
)
from scaling.runs.inbox.several_runs import refuse_several
from scaling.runs.inbox.staging import Staged
from scaling.runs.inbox.store import Line

# What makes two runs of one name two runs, where the name is not a tracker's own id.
_RECIPE = ("params", "params_non_embedding", "lr", "width", "depth", "batch_tokens", "context")


@dataclass
class Contents:
    """What a file holds, in words, how many results do not count, by the reason, and names."""

    remarks: list[str]
    left_out: dict[str, int] = field(default_factory=dict)
    results: int = 0
    names: Names = field(default_factory=dict)


def contents(
    staged: Staged, mapping: Mapping, partial: bool, today: date, names: Names
) -> Contents:
    """What was added, once every part of it could be read; ``names`` are those given before."""
    form = format_of(staged.place)
    results, unparsed, first = 0, 0, None
    tracker, early = Contents([]), []
    largest: dict[str, float] = {}
    heard: list[str] = []
    for cells, rows in parts_of(staged.place, mapping, entering=True, say=heard.append):
        if form.raw:
            tracker, rows = _tracker(cells, rows, mapping, partial, form.ordered), counting(rows)
        names = with_rows(names, rows)
        results += rows.height
        tops = rows.group_by("metric").agg(pl.col("value").fill_nan(None).max()).drop_nulls()
        largest |= {name: max(top, largest.get(name, top)) for name, top in tops.iter_rows()}
        lost = rows.filter(pl.col("unparsed").is_not_null())
        unparsed += lost.height
        first = first or (lost["row"][0], lost["unparsed"][0]) if lost.height else first
        # A day more, for today is in UTC.
        early += [rows.filter(pl.col("observed") > today + timedelta(days=1))]
    remarks = [counted(results, "result"), *_too_early(pl.concat(early), today)]
    remarks += other_units(mapping, largest)
    if unparsed and unparsed == results:
        where = first or (None, "{}")
        raise InputError(f"no row can be read; the first: {_lost(where[1])}", row=where[0])
    if first:
        remarks.append(
            f"{counted(unparsed, 'row')} {'has' if unparsed == 1 else 'have'} cells that cannot be "
            f"read and will go to quarantine; the first is row {first[0]}, {_lost(first[1])}"
        )
    if open_ended(staged.place):
        remarks.append(NO_LINE_END)
    remarks += [*tracker.remarks, *dict.fromkeys(heard)]
    return Contents(remarks, tracker.left_out, results, names)


def _tracker(
    cells: pl.DataFrame, rows: pl.DataFrame, mapping: Mapping, partial: bool, ordered: bool
) -> Contents:
    """What is to be said of a tracker's file beside its results.

    Raises:
        InputError: several runs under one name, runs that are not whole, or no result that counts.
    """
    if ordered:
        refuse_several(cells, mapping)
    if mapping.rows == "final":
        _refuse_without_place(counting(rows))
    kept, out = counting(rows), [*left_out_runs(cells), *left_out(rows)]
    if kept.is_empty():
        raise InputError("no result counts:\n  " + "\n  ".join(out or ["none is there"]))
    remarks = [*_reconciled(kept, partial), *out, *means(kept), *nothing_beside(kept, mapping)]
    return Contents(remarks + [NO_ORDER] * (not ordered), reasons(rows))


def _refuse_without_place(rows: pl.DataFrame) -> None:
    """The last of several results is not known where none has a step or the like."""
    lost = rows.filter(position().is_null()).filter(pl.len().over("run", "metric") > 1)
    if lost.height:
        hint = "Map the x axis: --map tokens=NAME, or --map axis=NAME with --set axis_name=..."
        problem = "--rows final: results without a step, so the last is not known"
        raise InputError(problem, value=lost["run"][0], hint=hint)


def _too_early(rows: pl.DataFrame, today: date) -> list[str]:
    """Results of days that have not come, which an audit would take for outcomes."""
    if rows.is_empty():
        return []
    first = f"row {rows['row'][0]}, {rows['observed'][0]}"
    many = counted(rows.height, "result")
    return [
        f"{many} observed after today, {today}, which the refit will hold back (the first: {first})"
    ]


def _lost(unparsed: str) -> str:
    """Cells that cannot be read, in words."""
    cells = list(json.loads(unparsed).items())
    return ", ".join(f"{name} {shorten(text)}" for name, text in cells[:3])


def _reconciled(rows: pl.DataFrame, partial: bool) -> list[str]:
    """A tracker's account of its runs against the rows that came."""
    runs = accounts(rows)
    short = [one for one in runs if one.unended]
    if short and not partial:
        listed = "\n  ".join(str(one) for one in short[:20])
        hint = "Export them again when they have ended, or add --partial to take them flagged."
        raise InputError(
            f"not whole: {len(short)} of {counted(len(runs), 'run')}:\n  {listed}", hint=hint
        )
    remarks = [counted(len(runs), "run")]
    known = [one for one in runs if one.expected is not None]
    if known:
        remarks.append(
            f"of {counted(len(known), 'run')} with a last step in the tracker, "
            f"{len(known) - sum(one.short for one in known)} reach it"
        )
    if short:
        remarks.append(f"{len(short)} are not whole and are flagged")
    return remarks


def part_to_be(staged: Staged, mapping: Mapping, line: Line) -> Part:
    """The rows of the file as they will stand beside those of other files."""
    rows = pl.concat(list(rows_of(staged.place, mapping)))
    rows = rows.with_columns(file=pl.lit(staged.given.as_posix()), payload=pl.lit(line.payload))
    return Part(rows, line.recorded, format_of(staged.place).raw, mapping.rows == "final")


def against(others: Sequence[Part], part: Part, *, by_name: bool) -> list[str]:
    """What is new against the files that are there; nothing when nothing is.

    Raises:
        InputError: ``by_name``, and a run of the same name is there with another recipe.
    """
    old, rows = merged(others), counting(part.rows) if part.raw else part.rows
    if by_name:
        _refuse_namesakes(old, rows)
    news = compared(old, merged([*others, part]))
    yields = yielding(merged(others, keep_times=True), rows)
    left = [f"left out: {counted(n, 'result')} {why}" for why, n in yields.items()]
    return [*([news] if news else []), *left]


def _refuse_namesakes(old: pl.DataFrame, new: pl.DataFrame) -> None:
    """A run that is only known by its name has to have the same recipe to be the same run."""
    recipes = [
        rows.group_by("run", maintain_order=True).agg(pl.col(_RECIPE).drop_nulls().last())
        for rows in (old, new)
    ]
    both = recipes[0].join(recipes[1], on="run", suffix=" now")
    for run in both.iter_rows(named=True):
        for name in _RECIPE:
            before, now = run[name], run[f"{name} now"]
            if before is not None and now is not None and before != now:
                hint = "If it is the same run, add --correct; else rename the new one's folder."
                problem = (
                    f"run {run['run']!r} is there with {name} {before:g}, and not a tracker's id"
                )
                raise InputError(problem, column=name, value=now, hint=hint)
