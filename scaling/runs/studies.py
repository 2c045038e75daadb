"""Studies as params.yaml names them: which rows of which source, which laws."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from scaling.errors import InputError, counted, nearest
from scaling.runs.schema import WITHDRAWAL, WITHDRAWN

PARAMS = Path("params.yaml")
# Looked at only where a study has no rows, to say why.
RUNS, QUARANTINE = Path("data/runs"), Path("data/quarantine")
FINDINGS = Path("data/findings.parquet")
STUDY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# With these a cell of a CSV is a formula in a spreadsheet.
FORMULA = ("=", "+", "-", "@")


def load_params(path: Path = PARAMS) -> dict[str, Any]:
    """params.yaml as a mapping."""
    with path.open(encoding="utf-8") as stream:
        loaded: dict[str, Any] = yaml.safe_load(stream)
    for name in map(str, loaded.get("studies") or ()):
        # A study's name is part of a command in dvc.yaml, and of the names of files.
        if not STUDY.fullmatch(name):
            allowed = "letters, digits, . _ and -, at most 100, the first a letter or digit"
            raise InputError(
                "not a study's name", file=path, column="studies", value=name, allowed=allowed
            )
    for place in ("studies", "targets"):
        names = loaded.get(place) or (loaded.get("forecast") or {}).get(place) or ()
        _check_names(names, place, path)
    return loaded


def _check_names(names: Iterable[Any], place: str, path: Path) -> None:
    """Refuse names that a spreadsheet would run as a formula: they stand in published tables."""
    for name in map(str, names):
        if name.startswith(FORMULA) or not name.isprintable():
            raise InputError(
                "name would be a formula, or is not printable",
                file=path,
                column=place,
                value=name,
                allowed="printable text that does not begin with = + - @",
            )


def get_study(params: dict[str, Any], name: str) -> dict[str, Any]:
    """One study's entry; an unknown name gets the nearest as a hint."""
    studies: dict[str, dict[str, Any]] = params["studies"]
    if name not in studies:
        raise InputError(
            "unknown study",
            file=PARAMS,
            value=name,
            allowed=", ".join(studies),
            hint=nearest(name, studies),
        )
    return studies[name]


@contextmanager
def of_study(name: str, study: Mapping[str, Any], law: str | None = None) -> Iterator[None]:
    """Errors inside name the study, the law and the file of its rows: input errors in their
    message, others in a note."""
    file = Path("data/validated") / f"{study['source']}.parquet"
    subject = f"study {name}" + (f", law {law}" if law else "")
    try:
        yield
    except InputError as error:
        if error.problem.startswith(f"study {name}"):
            raise
        raise error.of(subject).at(file) from error
    except Exception as error:
        error.add_note(f"{subject}, {file}")
        raise


def select(rows: pl.DataFrame, study: dict[str, Any]) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Rows of the study's metric, wide in ``loss``, and what each exclusion took away.

    Raises:
        InputError: no row is left, because of the metric, of what validation holds back, of what
            was withdrawn, or of the exclusions.
    """
    try:
        chosen = of_metric(rows, study["metric"])
    except InputError as error:
        raise _explained(error, study) from None
    excluded = []
    for rule in study.get("exclude", []):
        kept = without(chosen, rule["where"])
        excluded.append({**rule, "rows": chosen.height - kept.height})
        chosen = kept
    # What names no source is no study of params.yaml, and says itself what it lacks.
    if chosen.is_empty() and "source" in study:
        took = ", ".join(f"{one['where']} ({one['rows']})" for one in excluded)
        problem = "the exclusions leave no row of this metric"
        raise InputError(problem, file=PARAMS, value=took, allowed="rules that leave rows")
    return chosen.rename({"value": "loss"}), excluded


def of_metric(rows: pl.DataFrame, metric: str, file: Path | None = PARAMS) -> pl.DataFrame:
    """Rows of one metric; an unknown metric gets the nearest as a hint.

    ``file`` is what the message names: where the metric stands, or what lacks it.
    """
    chosen = rows.filter(pl.col("metric") == metric)
    if chosen.height == 0:
        known = sorted(rows["metric"].drop_nulls().unique())
        raise InputError(
            "no rows of this metric" if known else "no rows of this metric or any other",
            file=file,
            value=metric,
            allowed=", ".join(known[:20]) or None,
            hint=nearest(metric, known),
        )
    return chosen


def _explained(error: InputError, study: dict[str, Any]) -> InputError:
    """The error with how many rows of the metric are held back or withdrawn, and what to do."""
    source, metric = study.get("source"), study["metric"]
    held = _rows(QUARANTINE / f"{source}.parquet", metric)
    out = _rows(RUNS / f"{source}.parquet", metric)
    if WITHDRAWAL in out.columns:
        out = out.filter(pl.col(WITHDRAWAL).str.starts_with(WITHDRAWN))
    else:
        out = out.clear()
    parts, hints = [], [error.hint] if error.hint else []
    if held.height:
        parts.append(f"{counted(held.height, 'row')} held back{_by_check(source, metric)}")
        hints.append(
            f"`scaling quarantine list --source {source}` shows them with the reasons, and "
            "`scaling quarantine release` lets pass what is right."
        )
    if out.height:
        parts.append(f"{counted(out.height, 'row')} withdrawn")
        hints.append("`scaling remove` lists why; --undo takes it back.")
    problem = f"no row of this metric can be used: {', '.join(parts)}" if parts else error.problem
    return InputError(
        problem,
        file=error.file,
        value=error.value,
        allowed=error.allowed,
        hint=" ".join(hints) or None,
    )


def _rows(table: Path, metric: str) -> pl.DataFrame:
    """The rows of the metric in a table that may not be at hand."""
    if not table.is_file():
        return pl.DataFrame()
    return pl.read_parquet(table).filter(pl.col("metric") == metric)


def _by_check(source: str | None, metric: str) -> str:
    """The check that holds most rows of the metric."""
    if not FINDINGS.is_file():
        return ""
    found = pl.read_parquet(FINDINGS).filter(
        source=source, metric=metric, outcome="quarantined", severity="error"
    )
    counts = found["check"].value_counts().sort("count", "check", descending=[True, False])
    return f" ({counts['count'][0]} by {counts['check'][0]})" if counts.height else ""


def without(rows: pl.DataFrame, condition: str, file: Path | None = PARAMS) -> pl.DataFrame:
    """Rows for which a polars SQL condition is not true (unknown counts as not true).

    ``file`` is where the condition stands, for the message about one that cannot be read.
    """
    try:
        return rows.filter(~pl.sql_expr(condition).fill_null(value=False))
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"exclusion cannot be read: {str(error).splitlines()[0]}",
            file=file,
            value=condition,
            allowed="a polars SQL condition over the columns of the run table",
        ) from error
