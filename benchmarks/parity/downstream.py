"""From loss to task scores: Gadre's error law and the OLMo ladder's chain."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, of_metric, published, shared_table
from benchmarks.parity.gadre import fitted
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective

RAW_SQUARES = Objective("least_squares", "linear")
PRINTED = {
    "c4_original": {"eps": 0.8497, "k": 2.0789, "g": 0.7561},
    "rpj": {"eps": 0.8570, "k": 2.2065, "g": 0.7146},
    "rw_original": {"eps": 0.8653, "k": 2.2148, "g": 0.7070},
}
ROUNDING = "last printed digit"
# OLMo 2 13B at the end of training.
GOAL = {"params": np.array([13202396160.0]), "tokens": np.array([5000088518656.0])}
TASKS = (
    "mmlu_avg_test",
    "hellaswag_val",
    "arc_challenge_test",
    "arc_easy_test",
    "piqa_val",
    "csqa_val",
    "socialiqa_val",
    "openbookqa_test",
)
# Test questions of MMLU by category (Hendrycks et al. 2020, arXiv:2009.03300).
MMLU = {"stem": 3018, "humanities": 4705, "social_sciences": 3077, "other": 3242}


def runs_of(corpus: str) -> pl.DataFrame:
    """Loss on C4 and mean error over 17 tasks of one corpus's runs."""
    errors = of_metric("gadre-overtraining", "error@avg17", "error").drop("metric_kind")
    losses = of_metric("gadre-overtraining", "loss@c4-val").select("run", "loss")
    both = errors.join(losses, on="run").filter(pl.col("training_data") == corpus)
    return both.with_columns(ratio=(pl.col("tokens") / pl.col("params")).round(0))


def error_law(corpus: str) -> Fit:
    """Least squares on the six runs that the authors fit."""
    size, ratio = pl.col("params"), pl.col("ratio")
    six = ((ratio == 20) & (size < 2e9)) | ((ratio == 320) & (size < 2e7))
    return fit(
        runs_of(corpus).filter(six), "downstream_error", target="error", objective=RAW_SQUARES
    )


def gadre() -> list[Figure]:
    """Constants of three corpora, and the printed errors of two large RedPajama runs."""
    found = []
    for corpus, values in PRINTED.items():
        made = error_law(corpus).values
        found += [
            Figure(f"{name}, {corpus}", made[name], value, 1e-4, ROUNDING)
            for name, value in values.items()
        ]
    runs, law = runs_of("rpj"), error_law("rpj")
    for what, low, high, ratio, printed in (
        ("1.4B, M = 640", 1e9, 2e9, 640, 3.6365),
        ("6.9B, M = 20", 6e9, 8e9, 20, 0.0464),
    ):
        one = runs.filter(pl.col("params").is_between(low, high) & (pl.col("ratio") == ratio))
        x = {name: one[name].to_numpy().astype(float) for name in ("params", "tokens")}
        error = law.predict({"validation_loss": fitted("rpj").predict(x)})[0]
        gap = 100.0 * abs(float(error) / float(one["error"][0]) - 1.0)
        found.append(Figure(f"error of the top-1 error, {what}, %", gap, printed, 2e-3, ROUNDING))
    return found


def checkpoints() -> list[Figure]:
    """HellaSwag from all checkpoints of 16 runs, smoothed over five, without the first tenth."""
    curves = shared_table("olmo-ladder", "curves.csv").filter(
        pl.col("run_id").is_in(_fitted_runs()["run"].to_list())
    )
    parts = []
    for _, one in curves.drop_nulls("hellaswag_bpb").sort("step").group_by("run_id"):
        smooth = one.with_columns(
            task_loss=pl.col("hellaswag_bpb").rolling_mean(5, min_samples=1),
            accuracy=pl.col("hellaswag_acc").rolling_mean(5, min_samples=1),
        )
        kept = smooth[int(np.ceil(0.1 * one.height)) :]
        words = ["intermediate"] * (kept.height - 1) + ["final"]
        parts.append(kept.with_columns(checkpoint=pl.Series(words)))
    table = pl.concat(parts)
    final = table.filter(pl.col("checkpoint") == "final").with_columns(loss="task_loss")
    step = float(fit(final, "chinchilla").predict(GOAL)[0])
    chain = float(fit(table, "ladder", target="accuracy").predict(GOAL)[0])
    return [
        Figure("task loss of 13B, HellaSwag", step, 0.6531765996, 1e-6, "same optimum"),
        Figure("accuracy of 13B, HellaSwag", chain, 0.8530360, 1e-3, "order of smoothing and cut"),
    ]


def eight_tasks() -> list[Figure]:
    """Mean relative error of the chain for 13B over eight tasks, from final checkpoints alone."""
    truth = shared_table("olmo-ladder", "published_predictions.csv").filter(
        (pl.col("target") == "OLMo2-13B-5T") & (pl.col("table") == "chained_main")
    )
    errors = []
    for task in TASKS:
        loss = _task(task, "bits_per_byte").rename({"value": "task_loss"})
        table = _fitted_runs().join(loss, on="run")
        table = table.join(_task(task, "accuracy").rename({"value": "accuracy"}), on="run")
        made = float(fit(table, "ladder", target="accuracy").predict(GOAL)[0])
        actual = float(truth.filter(pl.col("task") == task + "_5shot")["actual"][0])
        errors.append(abs(made / actual - 1.0))
    mean = 100.0 * float(np.mean(errors))
    why = "final checkpoints only; the authors add all intermediate ones, not public for 7 of 8"
    return [Figure("mean relative error of eight accuracies, %", mean, 6.04, 1.0, why)]


def _fitted_runs() -> pl.DataFrame:
    rows = of_metric("olmo-ladder", "loss@c4-en-avg5")
    kept = rows.filter(pl.col("flags").fill_null("").str.contains("in_paper_fit"))
    return kept.select("run", pl.col("params_non_embedding").alias("params"), "tokens")


def _task(task: str, kind: str) -> pl.DataFrame:
    """run, value of one task; MMLU is the mean over its questions."""
    end = "_rc_5shot" if kind == "bits_per_byte" else "_rc_5shot_len_norm"
    rows = published("olmo-ladder").filter(pl.col("checkpoint") == "final")
    if not task.startswith("mmlu"):
        return rows.filter(pl.col("metric") == f"{kind}@{task}{end}").select("run", "value")
    total = sum(MMLU.values())
    parts = [
        rows.filter(pl.col("metric") == f"{kind}@mmlu_{name}_test{end}").select(
            "run", pl.col("value") * count / total
        )
        for name, count in MMLU.items()
    ]
    return pl.concat(parts).group_by("run").agg(pl.col("value").sum())


LADDER = "Bhagia et al. 2024, arXiv:2412.04403"
ENTRIES = (
    Entry(
        "gadre-errors",
        "downstream_error",
        "gadre-overtraining",
        "Gadre et al. 2024, arXiv:2403.08540 and its notebook scaling_explorer.ipynb",
        gadre,
    ),
    Entry(
        "olmo-hellaswag",
        "ladder",
        "olmo-ladder",
        LADDER,
        checkpoints,
        "the 13B run reached .8319",
        shared="olmo-ladder",
    ),
    Entry(
        "olmo-tasks",
        "ladder",
        "olmo-ladder",
        LADDER,
        eight_tasks,
        "without the made point (loss 0, accuracy 1) the same runs give 12 %",
        shared="olmo-ladder",
    ),
)
