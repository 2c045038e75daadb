"""Which rows are valid: expectations made from the run schema, executed by Great Expectations.

Every row of a table goes one of two ways. A row that breaks an error check is quarantined as it
came, with a reason for each broken check; every other row goes on. A row that breaks a warning
check goes on with the name of the check added to its ``flags``. No row is dropped or repaired.

Checks come from two lists: the columns of `scaling.runs.schema.RUN` (required, type, range, allowed
words) and the rules of `scaling.runs.validation.rules` (what holds between cells). All of them run
in one Great Expectations suite, which reports the rows that break each. This module and
`scaling.runs.validation.data_docs` alone import Great Expectations, and through it pandas: they
take seconds.

A person may release a quarantined row from named checks (`scaling.runs.validation.releases`): it
goes on with a flag ``released:CHECK`` for each. Cells without a usable value cannot be released.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from scaling.runs.schema import RUN
from scaling.runs.validation.releases import Released, row_id
from scaling.runs.validation.rules import load as load_rules
from scaling.runs.validation.suite import (
    Check,
    _errors,
    _found,
    _lost,
    _reasons,
    _run,
    _targets,
    suite_checks,
)

_NAMES = [column.name for column in RUN]
REASONS_APART = " / "
RELEASED = "released"
# How many rows that break a check reports name.
EXAMPLES = 10
# Where a finding stands, for people.
_PLACE = ("file", "row", "run", "metric")


@dataclass(frozen=True)
class Checked:
    """The two ways that rows go, how often each check was broken, and by which rows.

    ``findings`` has one row for each check that a row breaks: ``file``, ``row``, ``run``,
    ``metric``, ``check`` (its label), ``column``, ``severity``, ``found``, ``allowed``,
    ``outcome`` (flagged, quarantined or released) and ``firm`` (it cannot be released).
    """

    valid: pl.DataFrame
    quarantine: pl.DataFrame
    failed: tuple[tuple[Check, int], ...]
    findings: pl.DataFrame

    @property
    def summary(self) -> Summary:
        """The numbers, and the first findings of each check."""
        first = self.findings.filter(pl.int_range(pl.len()).over("check") < EXAMPLES)
        holds = self.findings.filter(outcome="quarantined", severity="error")[
            "check"
        ].value_counts()
        held_by = dict(holds.sort("count", "check", descending=[True, False]).iter_rows())
        return Summary(self.valid.height, self.quarantine.height, self.failed, first, held_by)


@dataclass(frozen=True)
class Summary:
    """What reports say of a source: how many rows went which way, and what broke which check.

    ``held_by`` counts the quarantined rows that break each check, most first; ``withdrawals`` says
    of each run that was withdrawn or restored what and when, and how many rows it has.
    """

    valid: int
    quarantined: int
    failed: tuple[tuple[Check, int], ...]
    findings: pl.DataFrame
    held_by: Mapping[str, int] = field(default_factory=dict)
    withdrawals: tuple[Mapping[str, Any], ...] = ()

    def __add__(self, other: Summary) -> Summary:
        """Of two parts of a source together."""
        both = pl.concat([self.findings, other.findings])
        return Summary(
            self.valid + other.valid,
            self.quarantined + other.quarantined,
            tuple(
                (check, failed + more)
                for (check, failed), (_, more) in zip(self.failed, other.failed, strict=True)
            ),
            both.filter(pl.int_range(pl.len()).over("check") < EXAMPLES),
            dict((Counter(self.held_by) + Counter(other.held_by)).most_common()),
            self.withdrawals + other.withdrawals,
        )


def validate(table: pl.DataFrame, source: str, released: Released | None = None) -> Checked:
    """Part the rows of an ingested table into valid and quarantined ones.

    ``table`` has the run columns and ``file``, ``row``, ``unparsed``; ``source`` is the name that
    it was ingested under. Valid rows have the run columns only; a NaN in a column that need not
    be filled is an empty cell. Quarantined rows are as they came, with the column ``reasons``:
    ``column: found X; allowed: Y`` for each broken check, parted by ' / '. ``released`` names, by
    the id of their rows, the checks that rows may break.
    """
    return validate_all({source: table}, released)[source]


def validate_all(
    tables: Mapping[str, pl.DataFrame], released: Released | None = None
) -> dict[str, Checked]:
    """As `validate`, for the tables of many sources.

    Great Expectations runs once, over all rows: each run costs it most of a second, whatever the
    number of rows.
    """
    if not tables:
        return {}
    checks = suite_checks()
    checked = _with_targets(tables)
    broken = _run(checked, checks)
    results, start = {}, 0
    for name, table in tables.items():
        own = {key: _within(rows, start, table.height) for key, rows in broken.items()}
        looked = checked.slice(start, table.height)
        results[name] = _part(table, name, looked, own, released or {})
        start += table.height
    return results


def _within(rows: list[int], start: int, height: int) -> list[int]:
    """The positions that fall into a part of the rows, counted from its start."""
    return [i - start for i in rows if start <= i < start + height]


def _part(
    table: pl.DataFrame,
    source: str,
    checked: pl.DataFrame,
    broken: dict[str, list[int]],
    released: Released,
) -> Checked:
    """The two ways of the rows of one table."""
    checks = suite_checks()
    waived = _waived(table, checked, _errors(checks, broken), released) if released else {}
    bad = _reasons(checked, _errors(checks, broken), waived)
    is_bad = pl.Series("is_bad", [i in bad for i in range(table.height)], dtype=pl.Boolean)
    quarantine = table.filter(is_bad).with_columns(
        reasons=pl.Series([REASONS_APART.join(bad[i]) for i in sorted(bad)], dtype=pl.String)
    )
    flags = _warnings(checks, broken)
    for i, labels in waived.items():
        flags[i] += [f"{RELEASED}:{label}" for label in sorted(labels)]
    valid = _flagged(table, flags).filter(~is_bad).select(_NAMES)
    if valid.height + quarantine.height != table.height:
        raise RuntimeError(f"{source}: {table.height} rows came, others went")
    return Checked(
        valid.with_columns(pl.col(pl.Float64).fill_nan(None)),
        quarantine,
        tuple((check, len(broken[check.key])) for check in checks),
        _findings(table, checked, checks, broken, set(bad)),
    )


def _with_targets(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """All tables with the helper columns that checks look at: lost cells, findings of rules."""
    # Rules see NaN as an empty cell; polars would sort it above every number.
    plain = {
        name: table.with_columns(pl.col(pl.Float64).fill_nan(None), folder=pl.lit(name))
        for name, table in tables.items()
    }
    of_source = [rule for rule in load_rules() if rule.reach != "library"]
    of_all = [rule for rule in load_rules() if rule.reach == "library"]
    looked = pl.concat(
        tables[name].hstack(_lost(tables[name], RUN)).hstack(_targets(table, of_source))
        for name, table in plain.items()
    )
    return looked.hstack(_targets(pl.concat(plain.values()), of_all))


def _waived(
    table: pl.DataFrame,
    checked: pl.DataFrame,
    errors: Sequence[tuple[Check, int]],
    released: Released,
) -> dict[int, set[str]]:
    """Labels of the checks that released rows break and may break, by position."""
    waived: dict[int, set[str]] = defaultdict(set)
    ids = {i: row_id(table.row(i, named=True)) for i in {i for _, i in errors}}
    for check, i in errors:
        if check.label in released.get(ids[i], ()) and not _is_firm(
            check, checked[check.target][i]
        ):
            waived[i].add(check.label)
    return waived


def _is_firm(check: Check, cell: object) -> bool:
    """Whether a row that breaks the check cannot be released: it has no value to go on with."""
    return check.firm or (isinstance(cell, float) and not math.isfinite(cell))


def _findings(
    table: pl.DataFrame,
    checked: pl.DataFrame,
    checks: Sequence[Check],
    broken: dict[str, list[int]],
    bad: set[int],
) -> pl.DataFrame:
    """One row for each check that a row breaks, in the order of checks and rows."""
    errors = {(check.key, i) for check, i in _errors(checks, broken)}
    parts = [_no_findings(table)]
    for check in checks:
        rows = [
            i for i in broken[check.key] if check.severity == "warning" or (check.key, i) in errors
        ]
        if not rows:
            continue
        cells = checked[check.target].gather(rows)
        text = cells if check.target.startswith("rule:") else map(_found, cells)
        outcomes = {"warning": ("flagged", "quarantined"), "error": ("released", "quarantined")}
        went = [outcomes[check.severity][i in bad] for i in rows]
        parts.append(
            table[rows].select(
                *_PLACE,
                check=pl.lit(check.label),
                column=pl.lit(check.column),
                severity=pl.lit(check.severity),
                found=pl.Series(text, dtype=pl.String),
                allowed=pl.lit(check.allowed),
                outcome=pl.Series(went, dtype=pl.String),
                firm=pl.Series([_is_firm(check, cell) for cell in cells], dtype=pl.Boolean),
            )
        )
    return pl.concat(parts)


def _no_findings(table: pl.DataFrame) -> pl.DataFrame:
    names = ("check", "column", "severity", "found", "allowed", "outcome")
    texts = (pl.lit("").alias(name) for name in names)
    return table.clear().select(*_PLACE, *texts, firm=pl.lit(False)).clear()


def _warnings(checks: Sequence[Check], broken: dict[str, list[int]]) -> dict[int, list[str]]:
    """Names of the broken warning checks by position."""
    added: dict[int, list[str]] = defaultdict(list)
    for check in checks:
        for i in broken[check.key] if check.severity == "warning" else ():
            added[i].append(check.name)
    return added


def _flagged(table: pl.DataFrame, added: Mapping[int, list[str]]) -> pl.DataFrame:
    """The table with names added to ``flags``, each once."""
    flags = table["flags"].to_list()
    for i, names in added.items():
        present = flags[i].split(";") if flags[i] else []
        flags[i] = ";".join(dict.fromkeys([*present, *names]))
    return table.with_columns(flags=pl.Series(flags, dtype=pl.String))
