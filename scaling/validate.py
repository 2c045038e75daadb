"""Which rows are valid: expectations made from the run schema, executed by Great Expectations.

Every row of a table goes one of two ways. A row that breaks an error check is quarantined as it
came, with a reason for each broken check; every other row goes on. A row that breaks a warning
check goes on with the name of the check added to its ``flags``. No row is dropped or repaired.

Checks come from two lists: the columns of `scaling.schema.RUN` (required, type, range, allowed
words) and the rules of `scaling.checks` (what holds between cells). All of them run in one Great
Expectations suite, which reports the rows that break each. This module and `scaling.datadocs`
alone import Great Expectations, and through it pandas: they take seconds.

A person may release a quarantined row from named checks (`scaling.releases`): it goes on with a
flag ``released:CHECK`` for each. Cells without a usable value cannot be released.
"""

from __future__ import annotations

import functools
import json
import math
import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from scaling.checks import Rule, Severity
from scaling.checks import load as load_rules
from scaling.errors import shorten
from scaling.releases import Released, row_id
from scaling.schema import RUN, Column

# Before the import, which otherwise prepares to send usage figures.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

with warnings.catch_warnings():
    # Great Expectations imports sre_constants and sre_parse, deprecated since Python 3.11.
    warnings.filterwarnings("ignore", "module 'sre_(constants|parse)'", DeprecationWarning)
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import ProgressBarsConfig

_NAMES = [column.name for column in RUN]
# The largest float: with it as a bound, infinity is out of range everywhere.
_MOST = sys.float_info.max
REASONS_APART = " / "
RELEASED = "released"
# How many rows that break a check reports name.
EXAMPLES = 10
# Where a finding stands, for people.
_PLACE = ("file", "row", "run", "metric")


@dataclass(frozen=True)
class Check:
    """One expectation: what it is called, which column it is about, and how it reads.

    ``target`` is the column of the checked frame that the expectation looks at; where it is not
    the column itself, it holds null in good rows and in bad rows the text of what was found.
    ``expectation`` is the end of a Great Expectations class, ExpectColumnValues...
    """

    name: str
    column: str
    severity: Severity
    allowed: str
    target: str
    expectation: str
    means: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    firm: bool = False

    @property
    def label(self) -> str:
        """The name that people use: a rule's own, or name:column of a check of one column."""
        return self.name if self.target.startswith("rule:") else self.key

    @property
    def key(self) -> str:
        """The name by which results of Great Expectations are matched to checks."""
        return f"{self.name}:{self.column}"


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
    def told(self) -> Told:
        """The numbers, and the first findings of each check."""
        first = self.findings.filter(pl.int_range(pl.len()).over("check") < EXAMPLES)
        return Told(self.valid.height, self.quarantine.height, self.failed, first)


@dataclass(frozen=True)
class Told:
    """What reports say of a source: how many rows went which way, and what broke which check."""

    valid: int
    quarantined: int
    failed: tuple[tuple[Check, int], ...]
    findings: pl.DataFrame

    def __add__(self, other: Told) -> Told:
        """Of two parts of a source together."""
        both = pl.concat([self.findings, other.findings])
        return Told(
            self.valid + other.valid,
            self.quarantined + other.quarantined,
            tuple(
                (check, failed + more)
                for (check, failed), (_, more) in zip(self.failed, other.failed, strict=True)
            ),
            both.filter(pl.int_range(pl.len()).over("check") < EXAMPLES),
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


@functools.cache
def suite_checks() -> tuple[Check, ...]:
    """All checks: column by column in schema order, then the rules."""
    return checks_of(RUN, load_rules())


def checks_of(columns: Sequence[Column], rules: Sequence[Rule]) -> tuple[Check, ...]:
    """The checks of a table with these columns and rules: columns in order, then the rules."""
    made = [check for column in columns for check in _column_checks(column)]
    return tuple(made + [_rule_check(rule) for rule in rules])


def check_table(
    table: pl.DataFrame, columns: Sequence[Column], rules: Sequence[Rule]
) -> tuple[dict[int, list[str]], int]:
    """Reasons by position of the rows of any table that break a check, and how many checks ran.

    ``table`` has ``columns`` and ``unparsed``, as `scaling.sources.to_schema` gives them.
    """
    checks = checks_of(columns, rules)
    plain = table.with_columns(pl.col(pl.Float64).fill_nan(None))
    checked = table.hstack(_lost(table, columns)).hstack(_targets(plain, rules))
    broken = _run(checked, checks, _suite_of("columns", checks))
    return dict(_reasons(checked, _errors(checks, broken), {})), len(checks)


def _column_checks(column: Column) -> list[Check]:
    """What the schema says of one column: it is of its type, filled, in range, an allowed word."""
    bounds = {
        "min_value": -_MOST if column.low is None else column.low,
        "max_value": _MOST if column.high is None else column.high,
        "strict_min": column.open_low,
    }
    words = {"value_set": list(column.allowed)}
    kind = "a date" if column.dtype == pl.Date else "a number"
    applies: list[tuple[bool, str, str, str, dict[str, Any]]] = [
        (column.dtype != pl.String, "type", "ToBeNull", f"every cell parses as {kind}", {}),
        (column.required, "required", "ToNotBeNull", "every cell is filled", {}),
        (column.dtype == pl.Float64, "range", "ToBeBetween", f"finite; {_allowed(column)}", bounds),
        (bool(column.allowed), "allowed", "ToBeInSet", f"one of {_allowed(column)}", words),
    ]
    return [
        Check(
            name=name,
            column=column.name,
            severity="error",
            allowed=_allowed(column),
            target=f"type:{column.name}" if name == "type" else column.name,
            expectation=expectation,
            means=f"{column.name}: {means}",
            options=options,
            firm=name in ("type", "required"),
        )
        for wanted, name, expectation, means, options in applies
        if wanted
    ]


def _allowed(column: Column) -> str:
    """The allowed values in words."""
    if column.dtype == pl.Date:
        return "a date as YYYY-MM-DD"
    return column.range_text if column.range_text != "text" else "a text"


def _rule_check(rule: Rule) -> Check:
    return Check(
        name=rule.name,
        column=rule.column,
        severity=rule.severity,
        allowed=rule.allowed,
        target=f"rule:{rule.name}",
        expectation="ToBeNull",
        means=rule.means,
        firm=rule.firm,
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


def _lost(table: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """The texts of cells that did not parse, by check of type."""
    names = [f"type:{column.name}" for column in columns if column.dtype != pl.String]
    if table["unparsed"].null_count() == table.height:
        empty = pl.Series([None], dtype=pl.String).new_from_index(0, table.height)
        return pl.DataFrame([empty.alias(name) for name in names])
    cells = [json.loads(text) if text else {} for text in table["unparsed"].to_list()]
    return pl.DataFrame(
        {
            f"type:{column.name}": pl.Series(
                [row.get(column.name) for row in cells], dtype=pl.String
            )
            for column in columns
            if column.dtype != pl.String
        }
    )


def _targets(table: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """What each rule found in each row."""
    simple = {f"rule:{r.name}": r.find for r in rules if isinstance(r.find, pl.Expr)}
    others = [
        r.find(table).rename(f"rule:{r.name}") for r in rules if not isinstance(r.find, pl.Expr)
    ]
    return pl.DataFrame([*table.select(**simple), *others])


def _run(
    checked: pl.DataFrame, checks: Sequence[Check], suite: gx.ExpectationSuite | None = None
) -> dict[str, list[int]]:
    """Positions of the rows that break each check, by the check's key."""
    if checked.is_empty():
        return {check.key: [] for check in checks}
    frame = checked.select(sorted({check.target for check in checks})).to_pandas()
    batch = _batches().get_batch({"dataframe": frame})
    result = batch.validate(
        suite or expectation_suite(), result_format={"result_format": "COMPLETE"}
    )
    broken: dict[str, list[int]] = {}
    for outcome in result.results:
        key = outcome.expectation_config.meta["check"]
        # Great Expectations notes what an expectation raised instead of raising it.
        if "unexpected_count" not in outcome.result:
            raise RuntimeError(f"check {key} did not run: {outcome.exception_info}")
        broken[key] = [int(i) for i in outcome.result.get("unexpected_index_list") or []]
        if len(broken[key]) != outcome.result["unexpected_count"]:
            raise RuntimeError(f"check {key} does not name all rows that break it")
    return broken


@functools.cache
def _batches() -> Any:
    """Where frames are handed to Great Expectations: in memory, nothing stored, nothing shown."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("runs").add_dataframe_asset("runs")
    return asset.add_batch_definition_whole_dataframe("all rows")


@functools.cache
def expectation_suite() -> gx.ExpectationSuite:
    """The checks of the run schema, made once."""
    return _suite_of("run schema", suite_checks())


def _suite_of(name: str, checks: Sequence[Check]) -> gx.ExpectationSuite:
    """Checks as a suite of Great Expectations."""
    severity = {"error": "critical", "warning": "warning"}
    expectations = [
        getattr(gxe, f"ExpectColumnValues{check.expectation}")(
            column=check.target,
            severity=severity[check.severity],
            description=check.means,
            meta={"check": check.key},
            **check.options,
        )
        for check in checks
    ]
    return gx.ExpectationSuite(name=name, expectations=expectations)


def _errors(checks: Sequence[Check], broken: dict[str, list[int]]) -> list[tuple[Check, int]]:
    """Each broken error check with each row that breaks it."""
    lost = {(c.column, i) for c in checks if c.name == "type" for i in broken[c.key]}
    return [
        (check, i)
        for check in checks
        if check.severity == "error"
        for i in broken[check.key]
        # A cell that does not parse is null in its column, but it is not missing.
        if check.name != "required" or (check.column, i) not in lost
    ]


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


def _reasons(
    checked: pl.DataFrame,
    errors: Sequence[tuple[Check, int]],
    waived: Mapping[int, set[str]],
) -> dict[int, list[str]]:
    """The reasons of each row that breaks an error check unreleased, by position."""
    reasons: dict[int, list[str]] = defaultdict(list)
    for check, i in errors:
        if check.label not in waived.get(i, ()):
            cell = checked[check.target][i]
            found = cell if check.target.startswith("rule:") else _found(cell)
            reasons[i].append(f"{check.column}: found {found}; allowed: {check.allowed}")
    return reasons


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


def _found(value: object) -> str:
    """The value of a cell as reasons show it."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return shorten(value)


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
