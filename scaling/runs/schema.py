"""The columns of a run, a forecast and an outcome: dtype, unit, range, meaning. Once.

Everything else that knows about columns is made from this module: polars dtypes, the Great
Expectations suite (`scaling.runs.validation.partition`), the docs table and the form of error
messages.

A run table is long over metrics: one row is one result (one metric, one checkpoint) of one run.
Conventions that must never be converted silently or mixed in one fit are separate columns: total,
non-embedding and active params; tokens seen and unique tokens; unit and data set of the metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

# int64 overflows at 9.2e18, which 6*N*D passes with ease, so counts are floats (exact to 9e15).
_NUM = pl.Float64
_TEXT = pl.String

# Column of an ingested table in which `scaling remove` has its word on a row: one of these, and the
# day. No column where nothing was ever withdrawn.
WITHDRAWAL = "withdrawal"
WITHDRAWN, RESTORED = "withdrawn", "restored"


@dataclass(frozen=True)
class Column:
    """One column.

    ``low`` and ``high`` bound the values, ends included unless ``open_low``; None means no bound.
    ``allowed`` lists the only words a text column may hold.
    """

    name: str
    dtype: Any
    unit: str
    meaning: str
    required: bool = False
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    allowed: tuple[str, ...] = ()

    @property
    def range_text(self) -> str:
        """The allowed values in words, as error messages and docs print them."""
        if self.allowed:
            return " | ".join(self.allowed)
        if self.low is None and self.high is None:
            kinds = {_TEXT: "text", pl.Date: "a day, YYYY-MM-DD"}
            return kinds.get(self.dtype, "any finite number")
        left = "" if self.low is None else f"{'>' if self.open_low else '>='} {self.low:g}"
        right = "" if self.high is None else f"<= {self.high:g}"
        return " and ".join(part for part in (left, right) if part)


def _count(name: str, unit: str, meaning: str, high: float, **more: Any) -> Column:
    return Column(name, _NUM, unit, meaning, low=0.0, open_low=True, high=high, **more)


def _text(name: str, meaning: str, **more: Any) -> Column:
    return Column(name, _TEXT, "", meaning, **more)


def _shown(name: str, unit: str, meaning: str, high: float) -> Column:
    """A count that may be zero."""
    return Column(name, _NUM, unit, meaning, low=0.0, high=high)


# Upper ends are physical or historical with wide room, so that they catch unit slips and never a
# real run: the largest runs on record are near 1e12..1e13 params, 1e14 tokens, 1e27 FLOP.
RUN: tuple[Column, ...] = (
    # identity and lineage
    _text("source", "folder in data/published or name given to an internal import", required=True),
    _text("run", "id of the training run, unique in its source", required=True),
    _text("parent", "run that this one was started from"),
    _text("family", "runs that share a recipe (architecture, data, tuning)"),
    _text("series", "runs that are read off one curve or share one budget"),
    _text("seed", "random seed as the source gives it"),
    Column("observed", pl.Date, "date", "day on which the result was known", required=True),
    Column("recorded", pl.Date, "date", "day on which the row came into this project"),
    # scale
    _count("params", "parameters", "N, total", 1e16),
    _count("params_non_embedding", "parameters", "N without embeddings", 1e16),
    _count("params_active", "parameters", "N used for one token (routed models)", 1e16),
    _count("experts", "experts", "experts per routed layer", 1e6),
    _count("experts_active", "experts", "k, experts that one token goes through", 1e6),
    _count("streams", "streams", "P, parallel streams of one model", 1e6),
    _count("gmacs", "1e9 multiply-adds", "forward pass on one example", 1e12),
    _count("tokens", "tokens", "D, seen in training, repeats counted", 1e17),
    _count("tokens_unique", "tokens", "U, distinct tokens", 1e17),
    _count("epochs", "epochs", "D / U", 1e6),
    _shown("examples", "examples", "training or fine-tuning examples, where not tokens", 1e15),
    _shown("shots", "examples", "examples in the prompt, or per class to adapt on", 1e9),
    _text("mixture", "share of each domain in training, as 'name=share;...'"),
    _count("flops", "FLOP", "C, training compute", 1e32),
    _text("flops_method", "how C was counted", allowed=("6ND", "counted", "hardware", "stated")),
    _count("batch_tokens", "tokens", "tokens per step", 1e10),
    _count("batch_size", "examples", "examples or transitions per step, where not tokens", 1e10),
    _count("utd", "updates", "updates-to-data ratio: gradient steps per environment step", 1e6),
    _count("lr", "1", "peak learning rate", 1e3),
    _text("schedule_complete", "did the learning rate decay end", allowed=("yes", "no")),
    _count("width", "units", "model dimension", 1e7),
    _count("depth", "layers", "layers", 1e5),
    _count("context", "tokens", "sequence length", 1e9),
    # result
    _text("metric", "id of the metric: what, on which data set", required=True),
    _text(
        "metric_kind",
        "what the number is",
        required=True,
        allowed=(
            "loss",
            "bits_per_byte",
            "perplexity",
            "error",
            "accuracy",
            "score",
            "return",
            "horizon",
            "count",
        ),
    ),
    _text("dataset", "evaluation data set"),
    _text("task_version", "version of the evaluation task, as its harness counts them"),
    _count(
        "evaluated", "examples", "examples of the evaluation that the value is taken over", 1e12
    ),
    _text("tokenizer", "tokenizer behind a per-token loss"),
    _text("unit", "unit of value", required=True),
    Column("value", _NUM, "see unit", "the result", required=True),
    Column("value_se", _NUM, "see unit", "standard error of value", low=0.0),
    Column("step", _NUM, "steps", "optimiser step of the checkpoint", low=0.0),
    _text("checkpoint", "final or intermediate", allowed=("final", "intermediate")),
    Column("axis", _NUM, "see axis_name", "x of a curve whose axis is none of the columns above"),
    _text("axis_name", "what axis is, and in which unit"),
    _text("split", "part of a benchmark's own split", allowed=("train", "test", "extrapolate")),
    # provenance
    _text("training_data", "training corpus"),
    _text("origin", "paper table, digitised figure, tracker"),
    _text("flags", "known defects, separated by ';' (never a reason to delete)"),
    _text("note", "free text"),
    _text("payload", "start of the SHA-256 of the file that an internal row came in"),
)

FORECAST: tuple[Column, ...] = (
    _text("study", "study whose runs were fitted", required=True),
    _text("target", "name of the planned run in params.yaml", required=True),
    _count("params", "parameters", "N of the target", 1e16, required=True),
    _count("tokens", "tokens", "D of the target", 1e17, required=True),
    _count("flops", "FLOP", "C of the target, 6ND", 1e32, required=True),
    _text("law", "law family, or 'ensemble'", required=True),
    Column("quantile", _NUM, "1", "probability level", required=True, low=0.0, high=1.0),
    Column("value", _NUM, "unit of the metric", "forecast at that level", required=True),
)

OUTCOME: tuple[Column, ...] = (
    _text("study", "study of the forecast", required=True),
    _text("target", "target that the run answers", required=True),
    _text("run", "run that answers it", required=True),
    Column("observed", pl.Date, "date", "day on which the result was known", required=True),
    Column("value", _NUM, "unit of the metric", "the outcome", required=True),
)


def dtypes(columns: tuple[Column, ...]) -> dict[str, Any]:
    """Polars schema of a table."""
    return {column.name: column.dtype for column in columns}


def by_name(columns: tuple[Column, ...]) -> dict[str, Column]:
    """Columns keyed by name."""
    return {column.name: column for column in columns}
