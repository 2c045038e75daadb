"""The public table of models (Epoch AI, CC BY) as a runs file: what it says, and no more.

Each model is a finished run, dated by its publication; whether it is general-purpose, where it is
offered and who its developer is in law is not in the table, so those conditions stay unknown.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from scaling.govern import tables
from scaling.govern.columns import RUN
from scaling.io import library

MODELS = Path("data/trends/models.csv")
# What a domain of the table says about the output; a model that only looks at images makes none.
_OUTPUTS = {
    "text": "Language|Multimodal",
    "audio": "Audio|Speech|Music",
    "image": "Image generation",
    "video": "Video",
}


def runs_of_models(path: Path = MODELS) -> pl.DataFrame:
    """The models as rows of a runs file. Raises InputError as `scaling.govern.tables.typed`."""
    table = pl.read_csv(library.found(path), infer_schema_length=None)
    outputs = [
        pl.when(pl.col("domain").str.contains(pattern)).then(pl.lit(word))
        for word, pattern in _OUTPUTS.items()
    ]
    listed = pl.concat_str(outputs, separator=";", ignore_nulls=True)
    twice = pl.col("model").is_duplicated()
    method = pl.col("confidence").str.to_lowercase()
    cells = table.select(
        run=pl.when(twice)
        .then(pl.format("{} ({})", "model", pl.col("published").fill_null("undated")))
        .otherwise(pl.col("model")),
        entity=pl.col("organisation").fill_null("not named"),
        state=pl.lit("finished"),
        ended="published",
        released="published",
        flop="flop",
        method=pl.when(method.is_in(["confident", "likely"]))
        .then(method)
        .otherwise(pl.lit("speculative")),
        params="params",
        modality=pl.when(pl.col("domain").is_null())
        .then(None)
        .when(listed == "")
        .then(pl.lit("other"))
        .otherwise(listed),
        biological=pl.when(pl.col("domain").str.contains("Biology"))
        .then(pl.lit("yes"))
        .otherwise(pl.lit("no")),
        open_weights="open",
        source=pl.lit("Epoch AI, Data on AI Models (CC BY 4.0), copy of 2026-07-23"),
    )
    again = pl.col("run").cum_count().over("run")
    cells = cells.with_columns(
        run=pl.when(again > 1).then(pl.format("{} #{}", "run", again)).otherwise(pl.col("run"))
    )
    return tables.typed(cells, RUN)
