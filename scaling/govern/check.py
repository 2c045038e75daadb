"""The registry under Great Expectations: the same columns and the same rows of `problems`."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.govern import columns, registry
from scaling.runs.formats import read_cells, to_schema


def check(folder: Path = registry.FOLDER) -> tuple[list[str], int]:
    """What is wrong, one line each (empty: nothing), and how many expectations ran.

    Imports Great Expectations, which takes seconds.
    """
    from scaling.runs.validation.rules import Rule, where
    from scaling.runs.validation.suite import check_table

    counts = to_schema(read_cells(folder / "counts.csv"), columns.COUNT)
    rules = [
        Rule(
            *(name, column, "error"),
            means=f"{column}: {allowed}",
            allowed=allowed,
            find=where(broken, pl.col(column).cast(pl.String)),
        )
        for name, (broken, column, _, allowed) in registry.problems(counts).items()
    ]
    wrong, ran = [], 0
    for file, cols in registry.FILES.values():
        table = to_schema(read_cells(folder / file), cols)
        reasons, number = check_table(table, cols, rules if file == "rules.csv" else [])
        wrong += [f"{file}, row {i + 1}: {'; '.join(reasons[i])}" for i in sorted(reasons)]
        ran += number
    if not wrong:
        wrong += _between(folder)
    return wrong, ran


def _between(folder: Path) -> list[str]:
    """What is wrong between rows: two that speak of one day, an end that nothing follows."""
    try:
        registry.load(folder)
    except InputError as error:
        return [str(error)]
    return []
