"""Rebuild ``data/published/<source>/runs.csv`` from tidy tables of the upstream figures.

Nothing in the package needs this script: the tables that it writes are in Git. It documents how
they were made and makes them again.

    python -m tools.build_published TABLES [source ...] [--out data/published]

TABLES is a folder with one ``<source>/runs.csv`` each: one row per run or checkpoint, with the
upstream column names (see the function of each source). Citation, licence and everything that was
changed stand in the ``source.yaml`` beside each result, which is written by hand.

Cells are read and written as text, so a figure keeps every digit that upstream printed; only
derived cells (standard errors, tokens per batch) are computed here. To add a source, write one
function that maps its table to run columns and list it in ``SOURCES``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import polars as pl

from scaling.schema import RUN

# Half the width of a two-sided 95 % normal interval, in standard errors.
Z95 = 1.959963984540054
# OpenLM: every model trains on sequences of 2048 tokens; width and depth of the two named models
# are from open_lm/model_configs, those of the others are in their names.
OPEN_LM_CONTEXT = 2048
OPEN_LM_SHAPES = {"open_lm_1b": ("2048", "24"), "open_lm_7b": ("4096", "32")}


def chinchilla_epoch(table: pl.DataFrame) -> pl.DataFrame:
    """245 points read off Figure 4 of Hoffmann et al. by Besiroglu et al."""
    return table.select(
        run="run_id",
        family="family",
        observed=pl.lit("2022-03-29"),
        params="params",
        tokens="tokens",
        flops="flops",
        flops_method=pl.lit("6ND"),
        metric=pl.lit("loss@massivetext"),
        metric_kind=pl.lit("loss"),
        dataset=pl.lit("massivetext"),
        unit=pl.lit("nats/token"),
        value="loss",
        checkpoint=pl.lit("final"),
        training_data="dataset",
        origin=pl.lit("digitised figure"),
        flags=_flags({"published_outlier": pl.col("published_outlier") == "1"}),
    )


def gadre_overtraining(table: pl.DataFrame) -> pl.DataFrame:
    """104 runs, long over 8 validation losses, 46 task accuracies and two mean errors."""
    model = pl.col("run_id").str.extract(r"(d=\d+_l=\d+|open_lm_\d+b)")
    width = pl.coalesce(model.str.extract(r"d=(\d+)"), _look_up(model, OPEN_LM_SHAPES, 0))
    depth = pl.coalesce(model.str.extract(r"l=(\d+)"), _look_up(model, OPEN_LM_SHAPES, 1))
    sequences = pl.col("batch_size_seqs").cast(pl.Int64)
    runs = table.with_columns(
        run="run_id",
        seed=pl.col("seed").str.strip_suffix(".0"),
        observed=pl.col("date").str.head(10).str.replace_all("_", "-"),
        params_non_embedding="params_no_embed",
        flops_method=pl.lit("6ND"),
        # The three 6.9B runs give a batch of 1 sequence: contradicted by their own arguments.
        batch_tokens=pl.when(sequences > 1).then(sequences * OPEN_LM_CONTEXT).cast(pl.String),
        schedule_complete=pl.lit("yes"),
        width=width,
        depth=depth,
        context=pl.lit(str(OPEN_LM_CONTEXT)),
        checkpoint=pl.lit("final"),
        training_data="dataset",
        flags=_flags({"above_own_extrapolation": pl.col("run_id") == "c4_original-open_lm_7b-1.0"}),
    )
    losses = [c.removeprefix("loss_lo95_") for c in table.columns if c.startswith("loss_lo95_")]
    tasks = [c.removeprefix("acc_") for c in table.columns if c.startswith("acc_")]
    parts = [_gadre_loss(runs, name) for name in losses]
    parts += [_gadre_share(runs, f"acc_{name}", "accuracy", name) for name in tasks]
    parts += [_gadre_share(runs, f"err_{name}", "error", name) for name in ("avg46", "avg17")]
    return pl.concat(parts, how="diagonal")


def _gadre_loss(runs: pl.DataFrame, name: str) -> pl.DataFrame:
    """One validation loss of every run; the published interval becomes a standard error."""
    label = name.replace("c4_val", "c4-val")
    high = pl.col(f"loss_hi95_{name}").cast(pl.Float64)
    low = pl.col(f"loss_lo95_{name}").cast(pl.Float64)
    return runs.with_columns(
        metric=pl.lit(f"loss@{label}"),
        metric_kind=pl.lit("loss"),
        dataset=pl.lit(label),
        tokenizer=pl.lit("EleutherAI/gpt-neox-20b"),
        unit=pl.lit("nats/token"),
        value=pl.col(f"loss_{name}"),
        value_se=((high - low) / (2 * Z95)).map_elements(lambda x: f"{x:.6g}", pl.String),
        origin=pl.lit("exp_data/models"),
    )


def _gadre_share(runs: pl.DataFrame, column: str, kind: str, name: str) -> pl.DataFrame:
    """One accuracy or mean error of every run."""
    return runs.with_columns(
        metric=pl.lit(f"{kind}@{name}"),
        metric_kind=pl.lit(kind),
        dataset=pl.lit(name),
        unit=pl.lit("fraction"),
        value=pl.col(column),
        origin=pl.lit("exp_data/evals"),
    )


def gemstones(table: pl.DataFrame) -> pl.DataFrame:
    """1169 checkpoints: constant-rate trunks, their cooldowns, and trunks at a lower rate.

    A cooldown is a training run of its own whose parent is the trunk that it left.
    """
    model = pl.col("run_id").str.split("@").list.first()
    cooldown = pl.col("family") == "gemstones-cool_end"
    run = pl.when(cooldown).then("run_id").otherwise(model)
    step = pl.col("step").cast(pl.Int64)
    batch = pl.col("tokens").cast(pl.Int64) // step
    return table.select(
        run=run,
        parent=pl.when(cooldown).then(model),
        family="family",
        observed=pl.lit("2025-02-07"),
        params="params",
        params_non_embedding="params_no_embed",
        tokens="tokens",
        flops="flops",
        flops_method=pl.lit("6ND"),
        batch_tokens=batch.cast(pl.String),
        schedule_complete=pl.when(cooldown).then(pl.lit("yes")).otherwise(pl.lit("no")),
        width="width",
        depth="depth",
        context=pl.lit("2048"),
        metric=pl.lit("loss@gemstones-val"),
        metric_kind=pl.lit("loss"),
        dataset=pl.lit("gemstones-val"),
        unit=pl.lit("nats/token"),
        value="loss",
        step="step",
        checkpoint=pl.when(step == step.max().over(run))
        .then(pl.lit("final"))
        .otherwise(pl.lit("intermediate")),
        training_data="dataset",
        origin=pl.lit("training log"),
        flags=_flags({"spike": pl.col("flag_spike") == "1"}),
    )


def muennighoff_datablations(table: pl.DataFrame) -> pl.DataFrame:
    """317 runs on repeated data; the 9 unfinished ones keep their rows with an empty value."""
    unfinished = pl.col("unfinished") == "1"
    flags = {
        "in_fit_182": pl.col("in_fit_182") == "1",
        "unfinished": unfinished,
        "tokens_lt_unique": pl.col("flag_tokens_lt_unique") == "1",
        "published_outlier": pl.col("flag_published_outlier") == "1",
        "copied_value": pl.col("run_id").is_in(["83m32b100m", "83m60b100m"]),
        "name_misread_upstream": pl.col("run_id") == "4b284b12bc4opt2",
    }
    return table.select(
        run="run_id",
        family="family",
        seed="seed",
        observed=pl.lit("2023-05-25"),
        params="params",
        tokens="tokens",
        tokens_unique="unique_tokens",
        epochs="epochs",
        flops="flops",
        flops_method=pl.lit("6ND"),
        metric=pl.lit("loss@c4-val"),
        metric_kind=pl.lit("loss"),
        dataset=pl.lit("c4-val"),
        tokenizer=pl.lit("gpt2"),
        unit=pl.lit("nats/token"),
        value="loss",
        checkpoint=pl.when(~unfinished).then(pl.lit("final")),
        training_data="dataset",
        origin=pl.lit("utils/parametric_fit.ipynb, cell 1"),
        flags=_flags(flags),
        note=pl.concat_str(
            "variant: " + pl.col("variant"), "params_note", separator="; ", ignore_nulls=True
        ),
    )


def _flags(conditions: dict[str, pl.Expr]) -> pl.Expr:
    """The names of the conditions that hold, joined by ';'."""
    words = [pl.when(holds).then(pl.lit(word)) for word, holds in conditions.items()]
    return pl.concat_str(words, separator=";", ignore_nulls=True)


def _look_up(key: pl.Expr, values: dict[str, tuple[str, str]], item: int) -> pl.Expr:
    """The item of the tuple that the key names; null where the key is not listed."""
    table = {name: value[item] for name, value in values.items()}
    return key.replace_strict(table, default=None, return_dtype=pl.String)


SOURCES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "chinchilla-epoch": chinchilla_epoch,
    "gadre-overtraining": gadre_overtraining,
    "gemstones": gemstones,
    "muennighoff-datablations": muennighoff_datablations,
}


def build(name: str, tables: Path) -> pl.DataFrame:
    """The run table of one source: run columns in schema order, wholly empty ones left out."""
    table = pl.read_csv(tables / name / "runs.csv", infer_schema=False)
    runs = SOURCES[name](table).with_columns(source=pl.lit(name))
    runs = runs.with_columns(pl.col(pl.String).replace("", None))
    return runs.select(c.name for c in RUN if c.name in runs and runs[c.name].count() > 0)


def main() -> None:
    """Write the run tables of the sources named on the command line, by default of all."""
    parser = argparse.ArgumentParser(description="Rebuild data/published/*/runs.csv.")
    parser.add_argument("tables", type=Path, help="folder with <source>/runs.csv each")
    parser.add_argument("sources", nargs="*", help=f"default: all of {', '.join(SOURCES)}")
    parser.add_argument("--out", type=Path, default=Path("data/published"))
    options = parser.parse_args()
    for name in options.sources or SOURCES:
        runs = build(name, options.tables)
        (options.out / name).mkdir(parents=True, exist_ok=True)
        runs.write_csv(options.out / name / "runs.csv")
        print(f"{name}: {runs.height} rows, {runs.width} columns")


if __name__ == "__main__":
    main()
