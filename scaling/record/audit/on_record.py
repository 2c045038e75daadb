"""Outcomes on record as a table, and what today's validated tables add to the record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.io.hashing import sha256
from scaling.record.audit.match import N_COLUMNS, Rules, pairs
from scaling.record.audit.read import ONLY_ROW, OUTCOME, outcomes, selection
from scaling.record.audit.trends import COPIES
from scaling.record.audit.trends import SOURCE as TRENDS
from scaling.record.audit.trends import outcomes as trend_outcomes
from scaling.record.versions.outcomes import OUTCOMES, Outcome, continued, read

VALIDATED = Path("data/validated")
SIZES = (*N_COLUMNS, "tokens", "flops")


def recorded(root: Path) -> list[Outcome]:
    """The outcomes on record.

    Raises:
        InputError: a line is not as an audit writes it.
    """
    path = root / OUTCOMES
    found, wrong = read(path.read_bytes() if path.is_file() else b"")
    if wrong is not None:
        raise InputError(wrong, file=OUTCOMES, hint="Put the file back from Git")
    return found


def table(lines: Sequence[Outcome]) -> pl.DataFrame:
    """The outcomes on record with when each counted (columns as in `OUTCOME`).

    A withdrawal is no outcome; it ends the one that it revises.
    """
    ends = {one.revises: one.first_used for one in lines if one.revises}
    rows = []
    for one in lines:
        digest = one.digest()
        if one.value is not None:
            rows.append(
                {
                    "selection": selection(one.source, one.metric, one.exclude),
                    **{name: getattr(one, name) for name in ("run", "row", *SIZES)},
                    "flops_method": one.flops_method,
                    "value": one.value,
                    "final": True,
                    "observed": datetime.fromisoformat(one.observed).date(),
                    "born": datetime.fromisoformat(one.first_used),
                    "died": datetime.fromisoformat(ends[digest]) if digest in ends else None,
                    "line": digest,
                }
            )
    return pl.DataFrame(rows, schema=OUTCOME)


def today(root: Path, selections: Iterable[str]) -> pl.DataFrame:
    """The final results that each selection has in today's tables (columns as in `OUTCOME`)."""
    chosen = sorted(set(selections))
    found = [outcomes(root / VALIDATED, chosen), trend_outcomes(root, chosen)]
    return pl.concat(found).filter("final").with_columns(pl.col("row").fill_null(ONLY_ROW))


def additions(
    root: Path, lines: list[Outcome], targets: pl.DataFrame, rules: Rules, now: datetime
) -> list[Outcome]:
    """The lines that today's tables add: results within the rules of a target that are new,
    revised or withdrawn since the newest line of each.

    Where the table of a source is not here, its outcomes stay as they are on record.

    Raises:
        InputError: the clock is behind the record.
    """
    used = now.isoformat(timespec="seconds")
    if lines and used < lines[-1].first_used:
        allowed = f"a time after {lines[-1].first_used}, when the last line was added"
        raise InputError(
            "the clock is behind the record", file=OUTCOMES, value=used, allowed=allowed
        )
    newest = {one.key: one for one in lines}
    asked = {selection(one.source, one.metric, one.exclude) for one in lines}
    results = today(root, asked | set(targets["selection"]))
    found = pairs(targets, results, rules)
    studies = _studies(found, targets)
    hashes: dict[Path, str | None] = {}
    tracked = {(one.source, one.run, one.row) for one in lines}
    named = results.with_columns(source=pl.col("selection").str.json_path_match("$.source"))
    present = {}
    for place, key in enumerate(named.select("source", "run", "row").iter_rows()):
        if place in studies or key in tracked:
            one = _line(root, results.row(place, named=True), studies.get(place, ""), used, hashes)
            known = newest.get(one.key)
            if place in studies or known is not None:
                present[one.key] = one if known is None else replace(one, study=known.study)
    gone = [
        replace(one, value=None, table_sha256=digest, first_used=used)
        for key, one in newest.items()
        if key not in present and (digest := _hash(root, Path(one.table), hashes)) is not None
    ]
    return continued(lines, present.values(), gone)


def contradicted(root: Path, lines: Sequence[Outcome]) -> list[str]:
    """Lines that are not what the table that they name says, where that very table is at hand."""
    hashes: dict[Path, str | None] = {}
    place = {number: one for number, one in enumerate(lines, 1) if one.value is not None}
    kept = {n: one for n, one in place.items() if _is(root, one, hashes)}
    chosen = {selection(one.source, one.metric, one.exclude) for one in kept.values()}
    rows = today(root, chosen).iter_rows(named=True) if chosen else ()
    there = {(one := _line(root, row, "", "", hashes)).key: one.content for row in rows}
    return [
        f"{OUTCOMES}: line {number} is not what {one.table} says of run {one.run!r}"
        for number, one in kept.items()
        if there.get(one.key) != one.content
    ]


def _is(root: Path, one: Outcome, hashes: dict[Path, str | None]) -> bool:
    return _hash(root, Path(one.table), hashes) == one.table_sha256


def _studies(found: pl.DataFrame, targets: pl.DataFrame) -> dict[int, str]:
    """Row of a result -> the study of the first target that it is within the rules of."""
    first = found.group_by("outcome", maintain_order=True).agg(pl.first("place"))
    names = targets["study"].gather(first["place"])
    return dict(zip(first["outcome"].to_list(), names.to_list(), strict=True))


def _line(
    root: Path, row: Mapping[str, Any], study: str, used: str, hashes: dict[Path, str | None]
) -> Outcome:
    chosen = json.loads(row["selection"])
    place = COPIES if chosen["source"] == TRENDS else VALIDATED / f"{chosen['source']}.parquet"
    return Outcome(
        source=chosen["source"],
        metric=chosen["metric"],
        exclude=tuple(chosen["exclude"]),
        study=study,
        **{name: row[name] for name in ("run", "row", *SIZES, "flops_method", "value")},
        observed=row["observed"].isoformat(),
        table=place.as_posix(),
        table_sha256=_hash(root, place, hashes) or "",
        first_used=used,
    )


def _hash(root: Path, place: Path, hashes: dict[Path, str | None]) -> str | None:
    """The hash of a table; None where it is not here."""
    if place not in hashes:
        file = root / place
        hashes[place] = sha256(file.read_bytes()) if file.is_file() else None
    return hashes[place]
