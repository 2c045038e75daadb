"""The expectations of a run table, and their execution by Great Expectations."""

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

from scaling.errors import shorten
from scaling.runs.schema import RUN, Column
from scaling.runs.validation.rules import Rule, Severity
from scaling.runs.validation.rules import load as load_rules

# Before the import, which otherwise prepares to send usage figures.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

with warnings.catch_warnings():
    # Great Expectations imports sre_constants and sre_parse, deprecated since Python 3.11.
    warnings.filterwarnings("ignore", "module 'sre_(constants|parse)'", DeprecationWarning)
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import ProgressBarsConfig


# The largest float: with it as a bound, infinity is out of range everywhere.
_MOST = sys.float_info.max


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

    ``table`` has ``columns`` and ``unparsed``, as `scaling.runs.formats.to_schema` gives them.
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


def _found(value: object) -> str:
    """The value of a cell as reasons show it."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return shorten(value)
