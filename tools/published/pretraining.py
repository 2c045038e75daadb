"""Language models trained from scratch: final losses and checkpoints over N, D and recipe."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import flags, look_up, read

# Half the width of a two-sided 95 % normal interval, in standard errors.
Z95 = 1.959963984540054
# OpenLM: every model trains on sequences of 2048 tokens; width and depth of the two named models
# are from open_lm/model_configs, those of the others are in their names.
OPEN_LM_CONTEXT = 2048
OPEN_LM_WIDTH = {"open_lm_1b": "2048", "open_lm_7b": "4096"}
OPEN_LM_DEPTH = {"open_lm_1b": "24", "open_lm_7b": "32"}


def chinchilla_epoch(folder: Path) -> pl.DataFrame:
    """245 points read off Figure 4 of Hoffmann et al. by Besiroglu et al."""
    return read(folder).select(
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
        flags=flags({"published_outlier": pl.col("published_outlier") == "1"}),
    )


def gadre_overtraining(folder: Path) -> pl.DataFrame:
    """104 runs, long over 8 validation losses, 46 task accuracies and two mean errors."""
    table = read(folder)
    model = pl.col("run_id").str.extract(r"(d=\d+_l=\d+|open_lm_\d+b)")
    width = pl.coalesce(model.str.extract(r"d=(\d+)"), look_up(model, OPEN_LM_WIDTH))
    depth = pl.coalesce(model.str.extract(r"l=(\d+)"), look_up(model, OPEN_LM_DEPTH))
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
        flags=flags({"above_own_extrapolation": pl.col("run_id") == "c4_original-open_lm_7b-1.0"}),
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


def gemstones(folder: Path) -> pl.DataFrame:
    """1169 checkpoints: constant-rate trunks, their cooldowns, and trunks at a lower rate.

    A cooldown is a training run of its own whose parent is the trunk that it left.
    """
    model = pl.col("run_id").str.split("@").list.first()
    cooldown = pl.col("family") == "gemstones-cool_end"
    run = pl.when(cooldown).then("run_id").otherwise(model)
    step = pl.col("step").cast(pl.Int64)
    batch = pl.col("tokens").cast(pl.Int64) // step
    return read(folder).select(
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
        flags=flags({"spike": pl.col("flag_spike") == "1"}),
    )


def muennighoff_datablations(folder: Path) -> pl.DataFrame:
    """317 runs on repeated data; the 9 unfinished ones keep their rows with an empty value."""
    unfinished = pl.col("unfinished") == "1"
    conditions = {
        "in_fit_182": pl.col("in_fit_182") == "1",
        "unfinished": unfinished,
        "tokens_lt_unique": pl.col("flag_tokens_lt_unique") == "1",
        "published_outlier": pl.col("flag_published_outlier") == "1",
        "copied_value": pl.col("run_id").is_in(["83m32b100m", "83m60b100m"]),
        "name_misread_upstream": pl.col("run_id") == "4b284b12bc4opt2",
    }
    return read(folder).select(
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
        flags=flags(conditions),
        note=pl.concat_str(
            "variant: " + pl.col("variant"), "params_note", separator="; ", ignore_nulls=True
        ),
    )
