"""From a table to arrays: which columns a law reads, and refusal of values no law can take."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError, counted, nearest
from scaling.laws._law import Input, Law

# Lineage columns from coarse to fine; the first that splits the table enough is the default unit
# of resampling, because runs that share a lineage share an error.
LINEAGE = ("family", "parent", "series", "budget", "run")
MIN_CLUSTERS = 8
# Where none does, rows of one training run are still no independent rows, however few the runs.
OF_ONE_RUN = ("parent", "run")
# Rows of one size from which they look like checkpoints. Grids of finished runs have fewer: the
# published tables here have 1 to 6.
MANY_ROWS = 10


def positive(runs: pl.DataFrame, name: str) -> Array:
    """A column of finite positive numbers.

    Raises:
        InputError: the column is missing, or a cell is empty, text, NaN, infinite or <= 0; the
            message names row (data rows count from 1), column, value and what is allowed.
    """
    values = number(runs, name)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        at = int(bad[0])
        raise InputError(
            "is empty" if runs[name][at] is None else "not a positive finite number",
            row=at + 1,
            column=name,
            value=runs[name][at],
            allowed="> 0",
            hint=None if len(bad) == 1 else f"{len(bad)} rows have this problem.",
        )
    return values


def number(runs: pl.DataFrame, name: str) -> Array:
    """A column as floats; empty cells become NaN, text that is no number is refused."""
    if name not in runs.columns:
        raise InputError(
            "missing column",
            column=name,
            allowed=", ".join(runs.columns[:30]),
            hint=nearest(name, runs.columns),
        )
    column = runs[name]
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        cast = column.cast(pl.Float64, strict=False)
        wrong = np.flatnonzero((cast.is_null() & column.is_not_null()).to_numpy())
        if len(wrong):
            at = int(wrong[0])
            raise InputError(
                "text where a number belongs",
                row=at + 1,
                column=name,
                value=column[at],
                allowed="a number",
            )
        column = cast
    elif not column.dtype.is_numeric():
        raise InputError("not a number column", column=name, value=str(column.dtype))
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


SIX_N_D = "compute, counted as 6 x params x tokens (6ND)"


def law_inputs(
    runs: pl.DataFrame,
    law: Law,
    inputs: Mapping[str, str] | None = None,
    *,
    to_fit: bool = True,
) -> dict[str, Array]:
    """Arrays for each input of the law. ``inputs`` maps a law's input to a column.

    A one-variable law without a mapping reads ``x``, else ``flops``, else 6 * params * tokens.
    Without ``to_fit`` the columns that only the fit reads are left out.
    """
    if runs.height == 0:
        raise InputError("the table is empty", value=0, allowed="at least one data row")
    wanted = [one for one in law.all_inputs if to_fit or not one.only_fit]
    chosen = dict(inputs or {})
    names = [one.name for one in wanted]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise InputError(
            f"{law.name} has no such input",
            value=unknown[0],
            allowed=", ".join(names),
            hint=nearest(unknown[0], names),
        )
    unnamed = law.inputs == ("x",) and not any(one.columns for one in law.needs)
    if unnamed and "x" not in chosen and "x" not in runs.columns:
        return {"x": compute(runs)}
    x = {one.name: read_input(runs, one, chosen.get(one.name)) for one in wanted}
    for one in wanted:
        if one.at_least in x and one.read is None:
            column = chosen.get(one.name) or column_of(one, runs.columns) or one.name
            good = x[one.name] >= x[one.at_least]
            refuse_rows(runs, column, good, f">= {one.at_least} of the same row")
    return x


def assumed_inputs(
    runs: pl.DataFrame, law: Law, inputs: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Sentences on inputs that have no column of their own and are taken as `law_inputs` says:
    what ``x`` is, compute counted as 6ND, and defaults."""
    lacking = [
        one
        for one in law.all_inputs
        if one.name not in (inputs or {}) and one.read is None and not one.labels
        if not _present(runs, column_of(one, runs.columns))
    ]
    said = []
    if law.inputs == ("x",) and any(one.name == "x" and not one.columns for one in lacking):
        said.append(f"x is {'flops' if _present(runs, 'flops') else SIX_N_D}.")
    if any(one.name == "flops" for one in lacking):
        said.append(f"No column flops: {SIX_N_D}.")
    taken = [f"{one.name} = {one.default:g}" for one in lacking if one.default is not None]
    if taken:
        said.append(f"Not in the table, so taken as {', '.join(taken)}.")
    return tuple(said)


def _present(runs: pl.DataFrame, name: str | None) -> bool:
    return name is not None and name in runs.columns and runs[name].null_count() < runs.height


def column_of(one: Input, have: Collection[str]) -> str | None:
    """The column that serves an input; None where the table has none."""
    return next((name for name in one.columns or (one.name,) if name in have), None)


def read_input(runs: pl.DataFrame, one: Input, column: str | None = None) -> Array:
    """One input as numbers (rows,), refused where the law has no place for a value."""
    if one.read is not None and column is None:
        return np.asarray(one.read(runs), dtype=np.float64)
    name = column or column_of(one, runs.columns) or (one.columns or (one.name,))[0]
    if one.labels and name in runs.columns:
        return _labels(runs, name)
    # A table in the run schema has every column, empty where the source had none.
    absent = name not in runs.columns or runs[name].null_count() == runs.height
    if absent and one.default is not None:
        return np.full(runs.height, one.default)
    if one.values:
        return _codes(runs, name, one.values)
    if absent and one.name == "flops" and {"params", "tokens"} <= set(runs.columns):
        return compute(runs)
    if one.low == 0.0 and one.open_low and one.high == float("inf"):
        return positive(runs, name)
    values = number(runs, name)
    low = values > one.low if one.open_low else values >= one.low
    refuse_rows(runs, name, np.isfinite(values) & low & (values <= one.high), one.allowed)
    return values


def _codes(runs: pl.DataFrame, name: str, values: tuple[str, ...]) -> Array:
    """A text column as positions in ``values``."""
    if name not in runs.columns:
        number(runs, name)  # raises: missing column
    place = {text: at for at, text in enumerate(values)}
    found = [place.get(text, -1) for text in runs[name].cast(pl.String)]
    codes = np.array(found, dtype=np.float64)
    refuse_rows(runs, name, codes >= 0, ", ".join(values[:20]))
    return codes


def _labels(runs: pl.DataFrame, name: str) -> Array:
    """A number for each different value of a column."""
    refuse_rows(runs, name, runs[name].is_not_null().to_numpy(), "a value in every row")
    return runs[name].cast(pl.String).rank("dense").to_numpy().astype(np.float64)


def refuse_rows(runs: pl.DataFrame, name: str, good: NDArray[np.bool_], allowed: str) -> None:
    """Raise an InputError that names the first row that is not ``good``."""
    bad = np.flatnonzero(~good)
    if len(bad):
        at = int(bad[0])
        raise InputError(
            "is empty" if runs[name][at] is None else "value out of range",
            row=at + 1,
            column=name,
            value=runs[name][at],
            allowed=allowed,
            hint=None if len(bad) == 1 else f"{len(bad)} rows have this problem.",
        )


def unit_of_target(runs: pl.DataFrame, target: str = "value") -> str:
    """The unit that the table states for its results, in the column ``unit``; "" for none or
    several, or where it is another column's than the target."""
    if "unit" not in runs.columns:
        return ""
    if "value" in runs.columns and not runs[target].equals(runs["value"]):
        return ""
    stated = runs["unit"].drop_nulls().unique()
    return str(stated[0]) if len(stated) == 1 else ""


def compute(runs: pl.DataFrame) -> Array:
    """Training compute: the ``flops`` column, or 6ND where there is none.

    Source of 6ND: Kaplan et al. 2020, arXiv:2001.08361, section 2.1.
    """
    if "flops" in runs.columns and runs["flops"].null_count() == 0:
        return positive(runs, "flops")
    return 6.0 * positive(runs, "params") * positive(runs, "tokens")


def clusters(runs: pl.DataFrame, cluster: str | None) -> tuple[str, NDArray[np.int64]]:
    """The unit of resampling: its column (or "row") and each row's cluster number.

    None takes the coarsest lineage column with at least 8 values, else the runs where a run has
    several rows, however few runs there are; "row" is the naive choice. A row without a value in
    the column is a cluster of its own.
    """
    if cluster is None:
        cluster = _default_cluster(runs)
    if cluster == "row":
        return "row", np.arange(runs.height)
    if cluster not in runs.columns:
        raise InputError(
            "missing column for clusters",
            column=cluster,
            allowed=", ".join(("row", *runs.columns[:30])),
            hint=nearest(cluster, runs.columns),
        )
    codes = _lineage(runs, cluster).rank("dense").to_numpy()
    return cluster, codes.astype(np.int64) - 1


def _lineage(runs: pl.DataFrame, name: str) -> pl.Series:
    """The column as text; a run without a parent is its own parent, a row without a run its own
    run."""
    own = runs[name].cast(pl.String)
    if name == "parent" and "run" in runs.columns:
        own = own.fill_null(runs["run"].cast(pl.String))
    if not own.null_count():
        return own
    rows = pl.Series([f"\0{row}" for row in range(runs.height)])  # no name begins so
    return own.zip_with(own.is_not_null(), rows)


def _default_cluster(runs: pl.DataFrame) -> str:
    filled = [name for name in LINEAGE if name in runs.columns and runs[name].count()]
    counts = {name: _lineage(runs, name).n_unique() for name in filled}
    several = {name: count for name, count in counts.items() if count < runs.height}
    enough = (name for name, count in several.items() if count >= MIN_CLUSTERS)
    return next(enough, next((name for name in OF_ONE_RUN if name in several), "row"))


def unnamed_runs(runs: pl.DataFrame, unit: str) -> tuple[str, ...]:
    """A sentence about rows that are resampled one by one though they may be checkpoints of few
    runs: no column names the runs, and each size has many rows."""
    if unit != "row" or "run" in runs.columns or "params" not in runs.columns:
        return ()
    sizes = runs["params"].n_unique()
    if sizes * MANY_ROWS > runs.height:
        return ()
    return (
        f"No column names the runs, so each of the {runs.height} rows counts as a run of its own, "
        f"though params has only {counted(sizes, 'value')}. If rows are checkpoints, the intervals "
        "are far too narrow: name the column of runs as cluster (--cluster, or --map run=COLUMN).",
    )


def log_size(columns: Mapping[str, Array]) -> Array:
    """Log of the geometric mean of the inputs."""
    return np.asarray(np.mean([np.log(column) for column in columns.values()], axis=0))
