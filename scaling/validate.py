"""Which rows are valid: expectations made from the run schema, executed by Great Expectations.

Every row of a table goes one of two ways. A row that breaks an error check is quarantined as it
came, with a reason for each broken check; every other row goes on. A row that breaks a warning
check goes on with the name of the check added to its ``flags``. No row is dropped or repaired.

Checks come from two lists: the columns of `scaling.schema.RUN` (required, type, range, allowed
words) and `RULES` below (what holds between cells). All of them run in one Great Expectations
suite, which reports the rows that break each. This module alone imports Great Expectations, and
through it pandas: they take seconds.
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
from typing import Any, Literal

import polars as pl

from scaling.errors import shorten
from scaling.schema import RUN, Column

# Before the import, which otherwise prepares to send usage figures.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

with warnings.catch_warnings():
    # Great Expectations imports sre_constants and sre_parse, deprecated since Python 3.11.
    warnings.filterwarnings("ignore", "module 'sre_(constants|parse)'", DeprecationWarning)
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import ProgressBarsConfig

Severity = Literal["error", "warning"]

_NAMES = [column.name for column in RUN]
# The largest float: with it as a bound, infinity is out of range everywhere.
_MOST = sys.float_info.max
# Units in which a loss of zero or less cannot be.
_ENTROPY_UNITS = ("nats/token", "bits/token", "nats/byte", "bits/byte")
# Rows with one key are results of one measurement.
_KEY = (
    *("source", "run", "metric", "dataset", "seed"),
    *("step", "tokens", "checkpoint", "examples", "shots", "axis"),
)
REASONS_APART = " / "


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
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The name by which results of Great Expectations are matched to checks."""
        return f"{self.name}:{self.column}"


@dataclass(frozen=True)
class Rule:
    """What must hold between the cells of a row, or between rows.

    ``broken`` is true in rows that break it (null counts as unbroken), ``found`` is the text for
    the reason. Both may use the helper column ``folder``, the source that the table is read as.
    """

    name: str
    column: str
    severity: Severity
    broken: pl.Expr
    found: pl.Expr
    allowed: str


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


_SIX_ND = 6.0 * pl.col("params") * pl.col("tokens")
_SAME_ROW = pl.struct(*_NAMES, "unparsed")

RULES: tuple[Rule, ...] = (
    Rule(
        "own_source",
        "source",
        "error",
        broken=pl.col("source") != pl.col("folder"),
        found=pl.col("source"),
        allowed="the name of the source's file or folder, or an empty cell",
    ),
    Rule(
        "share",
        "value",
        "error",
        broken=(pl.col("unit") == "fraction")
        & pl.col("metric_kind").is_in(["accuracy", "error"])
        & ~pl.col("value").is_between(0.0, 1.0),
        found=_number("value"),
        allowed=">= 0 and <= 1 where the unit is 'fraction'",
    ),
    Rule(
        "positive_loss",
        "value",
        "error",
        broken=pl.col("unit").is_in(_ENTROPY_UNITS) & (pl.col("value") <= 0.0),
        found=_number("value"),
        allowed="> 0 where the unit is nats or bits per token or byte (0 often means unfinished)",
    ),
    Rule(
        "copy",
        "run",
        "error",
        broken=~_SAME_ROW.is_first_distinct(),
        found=pl.format(
            "every cell as in row {} of {}",
            pl.col("row").first().over(_SAME_ROW),
            pl.col("file").first().over(_SAME_ROW),
        ),
        allowed="a row once",
    ),
    Rule(
        "conflicting_values",
        "value",
        "warning",
        broken=pl.col("value").drop_nulls().n_unique().over(_KEY) > 1,
        found=_number("value"),
        allowed="one value for one run, metric, data set and point of training",
    ),
    Rule(
        "flops_not_6nd",
        "flops",
        "warning",
        # Some count 6ND with active or non-embedding parameters; any of the three will do.
        broken=(pl.col("flops_method") == "6ND")
        & pl.min_horizontal(
            (pl.col("flops") / (6.0 * pl.col(name) * pl.col("tokens"))).log().abs()
            for name in ("params", "params_non_embedding", "params_active")
        ).gt(0.05),
        found=pl.format("{} where 6ND is {}", _number("flops"), _SIX_ND.cast(pl.String)),
        allowed="within 5 % of 6 x params x tokens where flops_method is '6ND'",
    ),
    Rule(
        "epochs_not_tokens_over_unique",
        "epochs",
        "warning",
        broken=(pl.col("epochs") * pl.col("tokens_unique") / pl.col("tokens")).log().abs() > 0.01,
        found=_number("epochs"),
        allowed="within 1 % of tokens / tokens_unique",
    ),
    Rule(
        "tokens_lt_unique",
        "tokens",
        "warning",
        broken=pl.col("tokens") < pl.col("tokens_unique") * (1 - 1e-9),
        found=_number("tokens"),
        allowed=">= tokens_unique",
    ),
    Rule(
        "part_gt_total",
        "params",
        "warning",
        broken=pl.col("params")
        < pl.max_horizontal("params_non_embedding", "params_active") * (1 - 1e-9),
        found=_number("params"),
        allowed=">= params_non_embedding and params_active",
    ),
    Rule(
        "unusual_scale",
        "params",
        "warning",
        # Wide round everything on record; what is outside is mostly a slip of the unit.
        broken=~pl.col("params").is_between(1e3, 1e13)
        | ~pl.col("tokens").is_between(1e3, 1e14)
        | (pl.col("flops") > 1e28),
        found=pl.format(
            "{} parameters, {} tokens",
            _number("params").fill_null("no"),
            _number("tokens").fill_null("no"),
        ),
        allowed="1e3 to 1e13 parameters, 1e3 to 1e14 tokens, up to 1e28 FLOP",
    ),
)


@dataclass(frozen=True)
class Checked:
    """The two ways that rows go, and how often each check was broken."""

    valid: pl.DataFrame
    quarantine: pl.DataFrame
    failed: tuple[tuple[Check, int], ...]


def validate(table: pl.DataFrame, source: str) -> Checked:
    """Part the rows of an ingested table into valid and quarantined ones.

    ``table`` has the run columns and ``file``, ``row``, ``unparsed``; ``source`` is the name that
    it was ingested under. Valid rows have the run columns only; a NaN in a column that need not
    be filled is an empty cell. Quarantined rows are as they came, with the column ``reasons``:
    ``column: found X; allowed: Y`` for each broken check, parted by ' / '.
    """
    return validate_all({source: table})[source]


def validate_all(tables: Mapping[str, pl.DataFrame]) -> dict[str, Checked]:
    """As `validate`, for the tables of many sources.

    Great Expectations runs once, over all rows: each run costs it most of a second, whatever the
    number of rows.
    """
    if not tables:
        return {}
    checks = suite_checks()
    checked = {name: _with_targets(table, name) for name, table in tables.items()}
    broken = _run(pl.concat(checked.values()), checks)
    results, start = {}, 0
    for name, table in tables.items():
        own = {key: _within(rows, start, table.height) for key, rows in broken.items()}
        results[name] = _part(table, name, checked[name], own)
        start += table.height
    return results


def _within(rows: list[int], start: int, height: int) -> list[int]:
    """The positions that fall into a part of the rows, counted from its start."""
    return [i - start for i in rows if start <= i < start + height]


def _part(
    table: pl.DataFrame, source: str, checked: pl.DataFrame, broken: dict[str, list[int]]
) -> Checked:
    """The two ways of the rows of one table."""
    checks = suite_checks()
    bad = _reasons(checked, checks, broken)
    is_bad = pl.Series("is_bad", [i in bad for i in range(table.height)], dtype=pl.Boolean)
    quarantine = table.filter(is_bad).with_columns(
        reasons=pl.Series([REASONS_APART.join(bad[i]) for i in sorted(bad)], dtype=pl.String)
    )
    valid = _flagged(table, checks, broken).filter(~is_bad).select(_NAMES)
    if valid.height + quarantine.height != table.height:
        raise RuntimeError(f"{source}: {table.height} rows came, others went")
    return Checked(
        valid.with_columns(pl.col(pl.Float64).fill_nan(None)),
        quarantine,
        tuple((check, len(broken[check.key])) for check in checks),
    )


@functools.cache
def suite_checks() -> tuple[Check, ...]:
    """All checks: column by column in schema order, then the rules."""
    return checks_of(RUN, RULES)


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
    checked = _targets(table, columns, rules)
    broken = _run(checked, checks, _suite_of("columns", checks))
    return dict(_reasons(checked, checks, broken)), len(checks)


def _column_checks(column: Column) -> list[Check]:
    """What the schema says of one column: it is of its type, filled, in range, an allowed word."""
    bounds = {
        "min_value": -_MOST if column.low is None else column.low,
        "max_value": _MOST if column.high is None else column.high,
        "strict_min": column.open_low,
    }
    words = {"value_set": list(column.allowed)}
    applies: list[tuple[bool, str, str, dict[str, Any]]] = [
        (column.dtype != pl.String, "type", "ToBeNull", {}),
        (column.required, "required", "ToNotBeNull", {}),
        (column.dtype == pl.Float64, "range", "ToBeBetween", bounds),
        (bool(column.allowed), "allowed", "ToBeInSet", words),
    ]
    return [
        Check(
            name=name,
            column=column.name,
            severity="error",
            allowed=_allowed(column),
            target=f"type:{column.name}" if name == "type" else column.name,
            expectation=expectation,
            options=options,
        )
        for wanted, name, expectation, options in applies
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
    )


def _with_targets(table: pl.DataFrame, source: str) -> pl.DataFrame:
    """The table with the helper columns that checks look at: lost cells, and findings of rules."""
    return _targets(table.with_columns(folder=pl.lit(source)), RUN, RULES)


def _targets(table: pl.DataFrame, columns: Sequence[Column], rules: Sequence[Rule]) -> pl.DataFrame:
    lost = [json.loads(text) if text else {} for text in table["unparsed"].to_list()]
    types = {
        f"type:{column.name}": pl.Series([row.get(column.name) for row in lost], dtype=pl.String)
        for column in columns
        if column.dtype != pl.String
    }
    findings = {
        f"rule:{rule.name}": pl.when(rule.broken).then(rule.found.fill_null("nothing"))
        for rule in rules
    }
    # Rules see NaN as an empty cell; polars would sort it above every number.
    plain = table.with_columns(pl.col(pl.Float64).fill_nan(None))
    return table.with_columns(**types).hstack(plain.select(**findings))


def _run(
    checked: pl.DataFrame, checks: Sequence[Check], suite: gx.ExpectationSuite | None = None
) -> dict[str, list[int]]:
    """Positions of the rows that break each check, by the check's key."""
    if checked.is_empty():
        return {check.key: [] for check in checks}
    frame = checked.select(sorted({check.target for check in checks})).to_pandas()
    batch = _batches().get_batch({"dataframe": frame})
    result = batch.validate(suite or _suite(), result_format={"result_format": "COMPLETE"})
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
def _suite() -> gx.ExpectationSuite:
    """The checks of the run schema."""
    return _suite_of("run schema", suite_checks())


def _suite_of(name: str, checks: Sequence[Check]) -> gx.ExpectationSuite:
    """Checks as a suite of Great Expectations."""
    severity = {"error": "critical", "warning": "warning"}
    expectations = [
        getattr(gxe, f"ExpectColumnValues{check.expectation}")(
            column=check.target,
            severity=severity[check.severity],
            meta={"check": check.key},
            **check.options,
        )
        for check in checks
    ]
    return gx.ExpectationSuite(name=name, expectations=expectations)


def _reasons(
    checked: pl.DataFrame, checks: Sequence[Check], broken: dict[str, list[int]]
) -> dict[int, list[str]]:
    """The reasons of each row that breaks an error check, by position."""
    reasons: dict[int, list[str]] = defaultdict(list)
    lost = {(c.column, i) for c in checks if c.name == "type" for i in broken[c.key]}
    for check, i in _breaks(checks, broken, "error"):
        # A cell that does not parse is null in its column, but it is not missing.
        if check.name != "required" or (check.column, i) not in lost:
            cell = checked[check.target][i]
            found = cell if check.target.startswith("rule:") else _found(cell)
            reasons[i].append(f"{check.column}: found {found}; allowed: {check.allowed}")
    return reasons


def _breaks(
    checks: Sequence[Check], broken: dict[str, list[int]], severity: Severity
) -> list[tuple[Check, int]]:
    """Each broken check of that severity with each row that breaks it."""
    return [(check, i) for check in checks if check.severity == severity for i in broken[check.key]]


def _found(value: object) -> str:
    """The value of a cell as reasons show it."""
    if value is None:
        return "nothing"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return shorten(value)


def _flagged(
    table: pl.DataFrame, checks: Sequence[Check], broken: dict[str, list[int]]
) -> pl.DataFrame:
    """The table with the names of broken warning checks added to ``flags``, each once."""
    added: dict[int, list[str]] = defaultdict(list)
    for check, i in _breaks(checks, broken, "warning"):
        added[i].append(check.name)
    flags = table["flags"].to_list()
    for i, names in added.items():
        present = flags[i].split(";") if flags[i] else []
        flags[i] = ";".join(dict.fromkeys([*present, *names]))
    return table.with_columns(flags=pl.Series(flags, dtype=pl.String))
