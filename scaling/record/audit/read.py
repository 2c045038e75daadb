"""Published versions and validated runs as the two tables that an audit compares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date
from pathlib import Path
from typing import Any

import polars as pl

from scaling.io.hashing import canonical
from scaling.io.progress import steps
from scaling.record.audit.match import AHEAD, N_COLUMNS
from scaling.record.versions.dates import moment
from scaling.record.versions.ledger import LEDGER, PLACES, Entry, read_lines
from scaling.record.versions.tables import fits, manifest, quantiles
from scaling.runs.row_identity import listed
from scaling.runs.studies import without

HISTORY = "history"
# Metrics of a first crossing begin so (`scaling.record.audit.trends.crossing_metric`).
FROM_DAY, DATES = "days from ", "dates by day"
KEY = ("version", "study", "target")
TARGET: dict[str, Any] = {
    "version": pl.String,
    "kind": pl.String,
    "issued": pl.Date,
    "issued_at": pl.Datetime("us", "UTC"),
    "as_of": pl.Date,
    "after": pl.Date,
    "corrected_by": pl.String,
    "study": pl.String,
    "source": pl.String,
    "metric": pl.String,
    "selection": pl.String,
    "params_column": pl.String,
    "cut_column": pl.String,
    "cut": pl.Float64,
    "target": pl.String,
    "params": pl.Float64,
    "tokens": pl.Float64,
    "flops": pl.Float64,
    "decades": pl.Float64,
}
OUTCOME: dict[str, Any] = {
    "selection": pl.String,
    "run": pl.String,
    "row": pl.String,
    "observed": pl.Date,
    **dict.fromkeys((*N_COLUMNS, "tokens", "flops"), pl.Float64),
    "flops_method": pl.String,
    "value": pl.Float64,
    "final": pl.Boolean,
    # Of a result on record: the time from which it counts, that of its revision, and its line.
    "born": pl.Datetime("us", "UTC"),
    "died": pl.Datetime("us", "UTC"),
    "line": pl.String,
}
ON_RECORD = ("born", "died", "line")
# The row of a result in a table that has one row a result.
ONLY_ROW = "final"


def published(root: Path) -> list[tuple[Path, Entry]]:
    """Folder and line of each version in the order of the ledgers, the replayed history first."""
    ledgers = [root / place / LEDGER for place in PLACES]
    return [
        (ledger.parent / entry.version, entry)
        for ledger in ledgers
        if ledger.is_file()
        for entry in read_lines(ledger.read_bytes())[0]
    ]


def versions(root: Path) -> list[Path]:
    """Folders of all versions, in the same order."""
    return [folder for folder, _ in published(root)]


def forecasts(folders: Iterable[Path]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Targets, one row each (columns as in `TARGET`), and the forecasts of each.

    The second table has one row a version, study, target and law, with ``levels`` and ``values``.
    """
    targets, quantile_rows = [], []
    manifests = {folder: manifest(folder) for folder in folders}
    corrected = {one["corrects"]: one["version"] for one in manifests.values() if "corrects" in one}
    for folder, stated in steps(list(manifests.items())):
        table = quantiles(folder).with_columns(version=pl.lit(folder.name))
        studies = pl.DataFrame(_studies(folder), infer_schema_length=None)
        targets.append(
            table.unique(subset=KEY, keep="first", maintain_order=True)
            .select(*KEY, "params", "tokens", "flops")
            .join(studies, on="study", maintain_order="left")
            .with_columns(**_when(stated))
            .with_columns(corrected_by=pl.lit(corrected.get(folder.name), pl.String))
        )
        quantile_rows.append(
            table.sort("quantile", maintain_order=True)
            .group_by(*KEY, "law", maintain_order=True)
            .agg(levels="quantile", values="value")
        )
    if not targets:
        return pl.DataFrame(schema=TARGET), pl.DataFrame()
    every = pl.concat(targets, how="diagonal_relaxed").with_columns(
        decades=(pl.col("flops") / pl.col("largest")).log10()
    )
    typed = every.select(pl.col(name).cast(kind) for name, kind in TARGET.items())
    return typed, pl.concat(quantile_rows)


def _when(manifest: dict[str, Any]) -> dict[str, pl.Expr]:
    """Day of issue, as-of day, the day after which outcomes count, and which kind it is.

    A version with an as-of day before its issue was made with hindsight, so it is a replay.
    """
    issued_at = moment(manifest["issued_at"])
    issued = issued_at.astimezone(UTC).date()
    as_of = date.fromisoformat(manifest["as_of"]) if manifest.get("as_of") else issued
    replay = as_of < issued
    replayed = (
        pl.when(pl.col("metric").str.starts_with(FROM_DAY))
        .then(pl.lit(DATES))
        .when(pl.col("params").is_null())
        .then(pl.lit("counts by day"))
        .when(pl.col("cut_column").is_not_null())
        .then(pl.lit("replay by size"))
        .otherwise(pl.lit("replay by day"))
    )
    return {
        "issued": pl.lit(issued),
        "issued_at": pl.lit(issued_at.astimezone(UTC)),
        "as_of": pl.lit(as_of),
        "after": pl.lit(as_of if replay else issued),
        "kind": replayed if replay else pl.lit(AHEAD),
    }


def _studies(folder: Path) -> list[dict[str, Any]]:
    """What each study of a version was: source, metric, columns, the largest run known."""
    return [
        {
            "study": one.study,
            "source": one.source,
            "metric": one.metric,
            "selection": selection(one.source, one.metric, [rule.where for rule in one.excluded]),
            "params_column": one.params_column or "params",
            "cut_column": one.cut and one.cut.column,
            "cut": one.cut and one.cut.at_most,
            "largest": one.ranges.get("flops", (None, None))[1],
        }
        for one in fits(folder).values()
    ]


def selection(source: str, metric: str, excluded: Sequence[str]) -> str:
    """Source, metric and exclusions (conditions) of a study as one text."""
    chosen = {"source": source, "metric": metric, "exclude": excluded}
    return canonical(chosen).decode()


def outcomes(validated: Path, selections: Iterable[str]) -> pl.DataFrame:
    """Results that each selection has in the validated tables (columns as in `OUTCOME`).

    ``final`` is false for intermediate checkpoints and runs before the end of their schedule.
    """
    parts = [pl.DataFrame(schema=OUTCOME)]
    for text in selections:
        chosen = json.loads(text)
        file = validated / f"{chosen['source']}.parquet"
        if file.is_file():
            rows = pl.scan_parquet(file).filter(pl.col("metric") == chosen["metric"]).collect()
            for condition in chosen["exclude"]:
                rows = without(rows, condition)
            parts.append(_results(rows.with_columns(selection=pl.lit(text))))
    return pl.concat(parts)


def _results(rows: pl.DataFrame) -> pl.DataFrame:
    final = (pl.col("checkpoint").fill_null("final") != "intermediate") & (
        pl.col("schedule_complete").fill_null("yes") != "no"
    )
    numbered = rows.with_columns(final=final, row=listed(rows)["at"].fill_null(ONLY_ROW))
    # The second of two results at one place in one run is another result.
    nth = pl.int_range(pl.len()).over("run", "row")
    row = pl.when(nth > 0).then(pl.format("{} ({})", "row", nth + 1)).otherwise("row")
    kept = numbered.with_columns(row=row).filter(pl.col("value") > 0)
    absent = [pl.lit(None, kind).alias(name) for name, kind in OUTCOME.items() if name in ON_RECORD]
    return kept.with_columns(absent).select(
        pl.col(name).cast(kind) for name, kind in OUTCOME.items()
    )
