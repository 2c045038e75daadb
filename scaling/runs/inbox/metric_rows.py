"""One row a result of each mapped metric."""

from __future__ import annotations

import polars as pl

from scaling.runs.formats import to_schema
from scaling.runs.inbox.mapping import Mapping
from scaling.runs.inbox.tracker_frame import beside
from scaling.runs.schema import RUN
from scaling.runs.units import value_in


def of_metrics(frame: pl.DataFrame, mapping: Mapping, raw: bool) -> pl.DataFrame:
    """One row per result of a mapped metric, with our id, unit and value in ``_`` columns."""
    if raw:
        frame = beside(frame, mapping)
        chosen = [frame.filter(pl.col("metric") == name) for name in mapping.metrics]
        text = pl.when(pl.col("value").is_null()).then("value_text")
        parts = [part.with_columns(_value=pl.col("value"), _text=text) for part in chosen]
    else:
        there = [name for name in mapping.metrics if name in frame.columns]
        values = {name: to_schema(frame.select(value=name), RUN) for name in there}
        # An empty cell is no result, unless no metric of the row has one: then the row would go.
        empty = pl.all_horizontal(pl.col(name).is_null() for name in there)
        parts = [
            frame.with_columns(
                _value=values[name]["value"],
                _text=pl.when(values[name]["value"].is_null()).then(pl.col(name).cast(pl.String)),
            ).filter(pl.col(name).is_not_null() | (empty if name == there[0] else pl.lit(False)))
            for name in there
        ]
        return _joined(parts, there, mapping)
    return _joined(parts, list(mapping.metrics), mapping)


def _joined(parts: list[pl.DataFrame], names: list[str], mapping: Mapping) -> pl.DataFrame:
    """The parts of the metrics one after the other, in order of their rows."""
    made = []
    for name, part in zip(names, parts, strict=True):
        metric = mapping.metrics[name]
        value = value_in(pl.col("_value"), metric.unit, metric.to, mapping.bytes_per_token)
        made.append(
            part.with_columns(
                _value=value,
                _metric=pl.lit(metric.id),
                _metric_kind=pl.lit(metric.kind),
                _dataset=pl.lit(metric.dataset),
                _unit=pl.lit(metric.to),
            )
        )
    return pl.concat(made).sort("_row", maintain_order=True)
