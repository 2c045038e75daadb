"""The table of scores: every forecast of every answered target, once a version of its outcome.

A result that is revised is another version of it: the score by the old figure stays, marked as
revised, and the forecast is scored again with the new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from scaling.io.hashing import canonical, sha256
from scaling.record.audit.evidence import CONTRADICTED_WORD, NO_EVIDENCE, Evidence
from scaling.record.audit.fitted import FITTED
from scaling.record.audit.match import AHEAD, Rules, answers, pairs
from scaling.record.audit.scores import score

KEY = ("version", "study", "target", "law", "outcome_id")
SHOWN = ("kind", "date_rests_on", "source", "issued", "as_of", "corrected_by", "decades")
OBSERVED = ("run", "observed", "value")
SAME_DAY = "run {}: observed on the day of issue, so it cannot be known which was first"
NO_OUTCOME = "no outcome within the tolerances"
CONTRADICTED = "contradicted"
Mark = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], pl.DataFrame]


def scored(
    targets: pl.DataFrame,
    forecasts: pl.DataFrame,
    outcomes: pl.DataFrame,
    rules: Rules,
    *,
    mark: Mark = lambda pairs, targets, outcomes: pairs,
    evidence: Callable[[list[str]], Mapping[str, Evidence]] = lambda versions: {},
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores, one row a forecast of an answered target, and the targets without an answer.

    ``mark`` says of pairs whether the version ``fitted`` the run, ``evidence`` what the dates
    of versions rest on. ``revised`` marks scores by an outcome that was replaced later. A target
    without an answer has the ``reason``.
    """
    found = mark(pairs(targets, outcomes, rules), targets, outcomes)
    answered = answers(found, targets, outcomes)
    still_open = _open(targets, found, answered.filter(~pl.col("revised"))["place"])
    if not answered.height:
        return pl.DataFrame(), still_open
    both = pl.concat(
        [
            targets[answered["place"]],
            outcomes[answered["outcome"]].select(*OBSERVED, "line"),
            answered.select("distance", "others", "fitted", "revised"),
        ],
        how="horizontal",
    )
    both = both.with_columns(outcome_id=pl.coalesce("line", _identity(both)))
    both = _dated(both, evidence(sorted(set(both.filter(kind=AHEAD)["version"]))))
    every = both.join(
        forecasts, on=["version", "study", "target"], how="inner", maintain_order="left_right"
    )
    parts = [_scores(part) for part in every.partition_by("levels", maintain_order=True)]
    columns = (
        *(*KEY, *SHOWN, *OBSERVED, "median", "distance", "others"),
        *(*_measures(parts[0]), "revised"),
    )
    return pl.concat(parts).select(columns).sort(KEY), still_open


def _open(targets: pl.DataFrame, found: pl.DataFrame, answered: pl.Series) -> pl.DataFrame:
    """The targets that no outcome answers now, with why not."""
    same_day = found.filter("same_day").group_by("place").agg(pl.col("run").min())
    reason = pl.format(SAME_DAY, "run").fill_null(NO_OUTCOME)
    numbered = targets.with_row_index("place").cast({"place": pl.Int64})
    left = numbered.filter(~pl.col("place").is_in(answered.implode()))
    there = left.join(same_day, on="place", how="left", maintain_order="left")
    return there.with_columns(reason=reason).drop("place", "run")


def _dated(answered: pl.DataFrame, evidence: Mapping[str, Evidence]) -> pl.DataFrame:
    """With what each date rests on, and the kind that this leaves of a score ahead."""
    kinds, rests = [], []
    rows = answered.select("version", "kind", "fitted", "observed").iter_rows()
    for version, kind, fitted, observed in rows:
        shown = evidence.get(version, NO_EVIDENCE).before(observed)
        spoiled = FITTED if fitted else CONTRADICTED if shown == CONTRADICTED_WORD else kind
        kinds.append(spoiled if kind == AHEAD else kind)
        rests.append(shown if kind == AHEAD else None)
    return answered.drop("fitted").with_columns(
        pl.Series("kind", kinds, dtype=pl.String),
        pl.Series("date_rests_on", rests, dtype=pl.String),
    )


def _identity(answered: pl.DataFrame) -> pl.Series:
    """Of outcomes that are not on record: a hash of the run, the day and the value."""
    rows = answered.select("metric", *OBSERVED).rows()
    distinct = {row: sha256(canonical(row))[:12] for row in set(rows)}
    return pl.Series([distinct[row] for row in rows])


def _scores(part: pl.DataFrame) -> pl.DataFrame:
    levels = np.array(part["levels"][0], dtype=np.float64)
    values = np.array(part["values"].to_list(), dtype=np.float64)
    scores_of = score(levels, values, part["value"].to_numpy())
    median = pl.Series("median", part["value"].to_numpy() * np.exp(scores_of["error"]))
    measures = pl.DataFrame(scores_of).with_columns(pl.all().fill_nan(None))
    rest = part.drop("levels", "values")
    return pl.concat([rest, median.to_frame(), measures], how="horizontal")


def _measures(part: pl.DataFrame) -> list[str]:
    return part.columns[part.columns.index("error") :]
