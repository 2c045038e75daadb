"""Finished targets: the outcomes of forecasts on record, the farthest of each source.

`read_finished` opens files, the rest is pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from scaling.document.blocks import Block, Cell, Column, Group, Table, Text, table
from scaling.document.cells import words
from scaling.document.format import RANGE, clean, shift, times
from scaling.document.whisker import Whisker, whisker
from scaling.io.json_files import as_number
from scaling.io.tables import unguarded
from scaling.record.versions.files import FORECAST, has, read
from scaling.record.versions.ledger import VERSION_NAME
from scaling.report.names import brief, spaced

SCORES = "audit/scores.csv"
ENSEMBLE = "ensemble"
# Places of versions below reports/.
PLACES = ("", "history")
_COLUMNS = ("version", "study", "target", "kind", "source", "decades", "run", "observed")


def read_finished(reports: Path) -> list[dict[str, Any]]:
    """Of each source the forecast that lay farthest beyond the runs known, whatever its outcome;
    forecasts of counts of models have no distance and are not among them."""
    try:
        frame = unguarded(pl.read_csv(reports / SCORES, infer_schema_length=None))
        known = frame.filter(pl.col("law") == ENSEMBLE, pl.col("decades").is_not_null())
        keys = ["decades", "version", "target"]
        order = known.sort(keys, descending=[True, False, False])
        farthest = order.unique("source", keep="first", maintain_order=True)
        rows = farthest.select(*_COLUMNS, "value", "median", "in90").to_dicts()
    except (OSError, pl.exceptions.PolarsError):
        return []
    return [row | _ends(reports, row) for row in rows]


def _ends(reports: Path, row: Mapping[str, Any]) -> dict[str, float]:
    """Ends of the 90 % interval as the version has them."""
    version = str(row["version"])
    if not VERSION_NAME.fullmatch(version):
        return {}
    for place in PLACES:
        folder = reports / place / version
        if has(folder, FORECAST):
            chosen = unguarded(pl.read_csv(read(folder, FORECAST))).filter(
                pl.col("law") == ENSEMBLE,
                pl.col("study") == row["study"],
                pl.col("target") == row["target"],
                pl.col("quantile").is_in([0.05, 0.95]),
            )
            values = chosen.sort("quantile")["value"].to_list()
            if len(values) == 2:
                return {"low": values[0], "high": values[1]}
    return {}


def finished_blocks(rows: Sequence[Mapping[str, Any]]) -> tuple[Block, ...]:
    """A sentence and a row a source; nothing without scored forecasts."""
    if not rows:
        return ()
    missed = sum(not row["in90"] for row in rows)
    text = Text(
        f"Of each source the forecast that lay farthest beyond the runs it knew: "
        f"{len(rows) - missed} of {len(rows)} outcomes lay inside the 90 % interval. Replays use "
        "later code on what was known before; they prove no foresight."
    )
    return text, finished_table(rows)


def finished_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Source: outcome beside the interval and the median that were forecast."""
    columns = (
        Column("source", "run"),
        Column("outcome", numeric=True, strong=True),
        Column("90 % interval"),
        Column("median off by", numeric=True),
        Column("verdict"),
    )
    found = [
        100 * (value / row["value"] - 1)
        for row in rows
        for value in (row.get("low"), row.get("high"), row["median"])
        if value is not None and row["value"]
    ]
    ends = (min([*found, 0.0]), max([*found, 0.0]))
    note = (
        f"Whiskers show interval and median as a percentage above or below the outcome (black), "
        f"from {shift(ends[0], 0)} % to {shift(ends[1], 0)} %. Losses are each source\u2019s own."
    )
    lines = tuple(_row(row, ends) for row in rows)
    return table("finished-table", "Outcome and forecast", columns, (Group("", lines),), note)


def _row(row: Mapping[str, Any], ends: tuple[float, float]) -> tuple[Cell, ...]:
    place = f"reports/{SCORES}#{clean(row['version'])}, {clean(row['target'])}, "
    value, median = float(row["value"]), float(row["median"])
    low, high = as_number(row.get("low")), as_number(row.get("high"))
    far = times(10 ** float(row["decades"]))
    run = f"{clean(row['run'])}, {clean(row['observed'])}"
    note = f"{run}; {far} the largest run; {clean(row['kind'])}"
    interval = Cell("\u2014")
    if low is not None and high is not None and value:
        off = [100 * (one / value - 1) for one in (low, median, high)]
        drawn = whisker(Whisker((off[0], off[2]), off[1], None, 0.0), ends)
        interval = Cell(
            f"{low:.2f}{RANGE}{high:.2f}", (low, high), "", place + "forecast", svg=drawn
        )
    held = bool(row["in90"])
    return (
        Cell(brief(spaced(clean(row["source"]))), clean(row["source"]), note=note),
        Cell(f"{value:.2f}", value, "", place + "value"),
        interval,
        Cell(f"{shift(100 * (median / value - 1), 1)} %", median, "", place + "median"),
        words("held" if held else "missed", place + "in90")
        if held
        else Cell("missed", "missed", "", place + "in90", "bad"),
    )
