"""The table of scores: every forecast of every answered target, once a version of its outcome.

A result that is revised is another version of it: the score by the old figure stays, marked as
revised, and the forecast is scored again with the new one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from scaling.io.hashing import canonical, sha256
from scaling.io.tables import unguarded
from scaling.record.audit.match import Rules, match
from scaling.record.audit.scores import score

KEY = ("version", "study", "target", "law", "outcome_id")
SHOWN = ("kind", "source", "issued", "as_of", "corrected_by", "decades")
CAME = ("run", "observed", "value")


def scored(
    targets: pl.DataFrame, forecasts: pl.DataFrame, outcomes: pl.DataFrame, rules: Rules
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores, one row a forecast of an answered target, and the targets without an answer."""
    pairs = match(targets, outcomes, rules)
    answered = pl.concat(
        [
            targets[pairs["place"]],
            outcomes[pairs["outcome"]].select(*CAME),
            pairs.select("distance", "others"),
        ],
        how="horizontal",
    )
    answered = answered.with_columns(outcome_id=_identity(answered))
    still_open = targets[np.setdiff1d(np.arange(targets.height), pairs["place"].to_numpy())]
    if not answered.height:
        return pl.DataFrame(), still_open
    every = answered.join(
        forecasts, on=["version", "study", "target"], how="inner", maintain_order="left_right"
    )
    parts = [_scores(part) for part in every.partition_by("levels", maintain_order=True)]
    columns = (*KEY, *SHOWN, *CAME, "median", "distance", "others", *_measures(parts[0]))
    return pl.concat(parts).select(columns).sort(KEY), still_open


def merged(old: pl.DataFrame | None, new: pl.DataFrame) -> pl.DataFrame:
    """Scores that were given before, with those that are new; ``revised`` marks superseded ones.

    A row is superseded when the same forecast has a score by a later version of the outcome.
    """
    if old is None or not old.height:
        return new.with_columns(revised=pl.lit(value=False)) if new.height else new
    if not new.height:
        return old.with_columns(revised=pl.lit(value=True))
    before = old.select(new.columns).cast(new.schema)
    fresh = new.join(before, on=KEY, how="anti")
    kept = pl.concat([before, fresh])
    current = new.select(KEY).with_columns(revised=pl.lit(value=False))
    return kept.join(current, on=KEY, how="left").with_columns(
        pl.col("revised").fill_null(value=True)
    ).sort(KEY)  # fmt: skip


def read(path: Path) -> pl.DataFrame | None:
    """The scores that an earlier audit wrote; None where there was none."""
    if not path.is_file():
        return None
    return unguarded(pl.read_csv(path, infer_schema_length=None, try_parse_dates=True))


def _identity(answered: pl.DataFrame) -> pl.Series:
    """The version of each outcome: a hash of the run, the day and the value."""
    rows = answered.select("metric", *CAME).rows()
    distinct = {row: sha256(canonical(row))[:12] for row in set(rows)}
    return pl.Series([distinct[row] for row in rows])


def _scores(part: pl.DataFrame) -> pl.DataFrame:
    levels = np.array(part["levels"][0], dtype=np.float64)
    values = np.array(part["values"].to_list(), dtype=np.float64)
    scores_of = score(levels, values, part["value"].to_numpy())
    median = pl.Series("median", part["value"].to_numpy() * np.exp(scores_of["error"]))
    measures = pl.DataFrame(scores_of).with_columns(pl.all().fill_nan(None))
    return pl.concat([part.drop("levels", "values"), median.to_frame(), measures], how="horizontal")


def _measures(part: pl.DataFrame) -> list[str]:
    return part.columns[part.columns.index("error") :]
