"""Scores of finished language models on benchmarks."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import final_if, flags, look_up, number, read, unless_zero

# Tasks whose score is a share of right answers; every other score is only called a score.
ACCURACIES = ("mmlu", "arc", "arc-c", "hellaswag", "winogrande", "winograd", "xwinograd", "gsm8k")
ACCURACIES += ("humaneval",)
TENTHS = ("Arena-Elo", "MTBench")
OBS_TABLES = {
    "base_llm_benchmark_eval": "base",
    "base_llm_emergent_capability_eval": "emergent",
    "base_llm_leaderboard_v2_eval": "leaderboard-v2",
    "instruct_llm_benchmark_eval": "instruct",
    "instruct_llm_agent_eval": "agent",
    "base_llm_post_training_eval": "post-training",
}
PYTHIA_STEPS = [0, 64, 512, 1000, 3000, 13000, 33000, 63000, 103000, 143000]
PYTHIA_KINDS = {"acc": "accuracy", "acc_norm": "accuracy", "ppl": "perplexity"}
PYTHIA_NAMES = {"acc": "accuracy", "acc_norm": "accuracy-norm", "ppl": "perplexity"}
EPOCH_SNAPSHOT = "2025-12-03"


def obs_scaling(folder: Path) -> pl.DataFrame:
    """Base and instruction-tuned models on benchmarks, emergent, agent and GSM8K tasks."""
    table = pl.col("table").replace(OBS_TABLES)
    kept = pl.col("table").is_in(list(OBS_TABLES))
    kept &= (table != "post-training") | pl.col("task").str.starts_with("gsm8k")
    right = pl.col("task").str.contains("_(acc|exact_match)") | _is_accuracy(pl.col("task"))
    kind = pl.when(right).then(pl.lit("accuracy")).otherwise(pl.lit("score"))
    conditions = {
        "tokens_1000x": pl.col("model") == "cerebras/btlm-3b-8k-base",
        "total_and_active_mixed": pl.col("model").str.contains("Mixtral"),
    }
    return (
        read(folder)
        .filter(kept)
        .select(
            run="model",
            family="family",
            series=table,
            observed=pl.lit("2024-10-31"),
            params="params",
            tokens="tokens",
            flops="compute_flop",
            flops_method=pl.when(pl.col("compute_flop").is_not_null()).then(pl.lit("6ND")),
            metric=kind + "@" + pl.col("task"),
            metric_kind=kind,
            unit=_obs_unit(table == "agent"),
            value="y",
            checkpoint=pl.lit("final"),
            flags=flags(conditions),
        )
    )


def _obs_unit(agent: pl.Expr) -> pl.Expr:
    return (
        pl.when(agent & (pl.col("task") == "ABench-OA"))
        .then(pl.lit("AgentBench overall score"))
        .when(agent)
        .then(pl.lit("percent"))
        .when(pl.col("task").str.ends_with("_bleu"))
        .then(pl.lit("BLEU, 0 to 100"))
        .when(pl.col("task").is_in(TENTHS))
        .then(pl.lit("rescaled to 0 to 1"))
        .otherwise(pl.lit("fraction"))
    )


def _is_accuracy(task: pl.Expr) -> pl.Expr:
    return task.str.to_lowercase().is_in(ACCURACIES)


def sloth(folder: Path) -> pl.DataFrame:
    """Models of the Open LLM Leaderboard: both versions, and the aggregates of a third table."""
    boards = read(folder).with_columns(date=pl.lit("2024-12-09"))
    more = read(folder, "subtasks").filter(~pl.col("task").str.contains("^(bbh|gpqa|math|musr)_"))
    more = more.filter(~pl.col("task").str.starts_with("hendrycksTest-"))
    both = pl.concat([boards, more], how="diagonal")
    twice = pl.struct("table", "model", "task").is_duplicated()
    kind = pl.when(_is_accuracy(pl.col("task"))).then(pl.lit("accuracy")).otherwise(pl.lit("score"))
    tenths = pl.col("task").is_in(TENTHS)
    return both.select(
        run="model",
        family="family",
        series="table",
        observed=pl.col("date").fill_null("2024-12-09"),
        params="params",
        tokens="tokens",
        metric=kind + "@" + pl.col("table").str.to_lowercase() + "-" + pl.col("task"),
        metric_kind=kind,
        unit=pl.when(tenths).then(pl.lit("rescaled to 0 to 1")).otherwise(pl.lit("fraction")),
        value="y",
        checkpoint=pl.lit("final"),
        flags=flags({"two_results": twice}),
    )


def pythia_evals(folder: Path) -> pl.DataFrame:
    """18 Pythia models along training, at selected steps."""
    table = read(folder)
    last = number("step") == number("step").max().over("model", "shots")
    standard = pl.col("variant").is_in(["standard", "bf16"])
    rank = number("step").rank("dense").over("model", "shots")
    kept = pl.when(standard).then(pl.col("step").cast(pl.Int64).is_in(PYTHIA_STEPS))
    kept = kept.otherwise(rank % 3 == 0)
    small_batch = pl.col("variant").str.ends_with("MtokBS")
    return table.filter(kept | last).select(
        run="model",
        family=pl.when(pl.col("dedup") == "True")
        .then(pl.lit("pythia-deduped"))
        .otherwise(pl.lit("pythia")),
        observed=pl.lit("2023-04-03"),
        params="params",
        params_non_embedding="params_nonembed",
        tokens=unless_zero("tokens"),
        shots="shots",
        metric=look_up(pl.col("y_name"), PYTHIA_NAMES) + "@" + pl.col("task"),
        metric_kind=look_up(pl.col("y_name"), PYTHIA_KINDS),
        unit=pl.when(pl.col("y_name") == "ppl")
        .then(pl.lit("perplexity"))
        .otherwise(pl.lit("fraction")),
        value="y",
        value_se="y_stderr",
        step="step",
        checkpoint=final_if(last),
        flags=flags({"other_batch_size": small_batch}),
    )


def epoch_benchmarks(folder: Path) -> pl.DataFrame:
    """45 benchmarks by 472 model versions, with the models' release dates."""
    given = pl.col("shots").str.strip_chars().str.strip_suffix("-shot")
    horizon = pl.col("task") == "metr"
    twice = pl.struct("task", "model_version", given, "y").is_duplicated() & (given != "few")
    conditions = {"no_release_date": pl.col("release_date").is_null(), "listed_twice": twice}
    name = pl.when(horizon).then(pl.lit("horizon@metr-50")).otherwise("score@" + pl.col("task"))
    return read(folder).select(
        run="model_version",
        family="model",
        observed=pl.col("release_date").fill_null(EPOCH_SNAPSHOT),
        shots=pl.when(given != "few").then(given),
        metric=name,
        metric_kind=pl.when(horizon).then(pl.lit("horizon")).otherwise(pl.lit("score")),
        unit=pl.col("y_unit").str.replace(r" \(50% time horizon\)", ""),
        value="y",
        origin="kind",
        flags=flags(conditions),
        note=pl.when(given == "few").then(pl.lit("shots: few")),
    )


def metr_horizon(folder: Path) -> pl.DataFrame:
    """30 models: the time horizon, both ends of its interval, and the mean score."""
    table = read(folder)
    differs = pl.col("release_date") != pl.col("release_date_metr")
    other = "release date in Epoch's table: " + pl.col("release_date")
    parts = [
        table.select(
            run="model",
            observed="release_date_metr",
            metric=pl.lit(metric),
            metric_kind=pl.lit("horizon" if unit == "minutes" else "score"),
            unit=pl.lit(unit),
            value=column,
            flags=flags({"two_release_dates": differs}),
            note=pl.when(differs).then(other),
        )
        for column, metric, unit in (
            ("y", "horizon@metr-50", "minutes"),
            ("ci_low", "horizon@metr-50-ci-low", "minutes"),
            ("ci_high", "horizon@metr-50-ci-high", "minutes"),
            ("avg_score", "score@metr-mean", "fraction"),
        )
    ]
    return pl.concat(parts)
