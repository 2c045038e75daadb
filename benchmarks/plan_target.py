"""Are the probabilities of `plan target` right? On the tasks of a public model ladder.

    python -m benchmarks.plan_target [--rows FILE] [--page]

20 tasks (cloze form, five shots) of the OLMo 2 ladder. The ladder law is fitted to the runs below
1B params (and again to those below 3B), one row a run, 60 resamples; every finished larger run, up
to 13B on 5T tokens, is a target whose accuracy is known. The forecast of a run is a distribution: a
mixture over draws of normals about each draw's accuracy, with the scatter of the fitted runs and
the scatter of single tasks, as a share of the accuracy. `50 %` to `95 %` are the shares of actual
accuracies inside its central intervals; `log score` is the mean log density (higher is better).
Goals lie 10 % below to 10 % above the law's forecast; by ranges of the forecast probability, the
last table has its mean (`forecast`) and the share of goals that the run reached (`reached`).
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.parity import published
from scaling.fitting.engine import fit
from scaling.plan.downstream import run_noise

PAGE = Path("docs/benchmarks/plan_target.md")
TOPS, RESAMPLES = (8e8, 1.4e9), 60
SCATTERS = (0.0, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1)
LEVELS = (0.5, 0.8, 0.9, 0.95)
GOALS = (0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1)
BINS = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 0.9), (0.9, 1.0001))

Row = dict[str, object]


def tables() -> dict[str, pl.DataFrame]:
    """Task -> run, params (without input embedding), tokens, checkpoint, task loss, accuracy."""
    rows = published("olmo-ladder")
    runs = rows.filter(pl.col("metric") == "loss@c4-en-avg5").select(
        "run", "tokens", "checkpoint", params=pl.col("params_non_embedding").cast(pl.Float64)
    )
    made = {}
    for metric in sorted(rows["metric"].unique()):
        if not metric.startswith("bits_per_byte@"):
            continue
        name = metric.split("@")[1]
        right = rows.filter(pl.col("metric").str.starts_with(f"accuracy@{name}"))
        loss = rows.filter(pl.col("metric") == metric).select("run", task_loss="value")
        table = runs.join(loss, on="run").join(right.select("run", accuracy="value"), on="run")
        made[name.removesuffix("_rc_5shot")] = table
    return made


def measure() -> list[Row]:
    """One row a task, origin and larger run: the forecast and the outcome."""
    return [
        row
        for task, table in tables().items()
        for top in TOPS
        for row in forecasts(task, table, top)
    ]


def forecasts(task: str, table: pl.DataFrame, top: float) -> list[Row]:
    """The forecasts from the runs below ``top`` params."""
    small = table.filter(pl.col("params") < top)
    made = fit(
        small.drop("checkpoint"), "ladder", target="accuracy", resamples=RESAMPLES, cluster="row"
    )
    large = table.filter((pl.col("params") >= top) & (pl.col("checkpoint") == "final"))
    x = {name: large[name].to_numpy().astype(float) for name in ("params", "tokens")}
    centre, draws = made.predict(x), made.predict_draws(x)
    return [
        {
            "task": task,
            "top": top,
            "run": run,
            "actual": actual,
            "pred": float(centre[i]),
            "s": run_noise(made),
            "draws": [round(float(one), 4) for one in draws[:, i]],
        }
        for i, (run, actual) in enumerate(zip(large["run"], large["accuracy"], strict=True))
    ]


def below(row: Row, value: float, scatter: float | None) -> float:
    """Forecast probability that the accuracy is below a value; None is of the draws alone."""
    a = np.array(row["draws"], dtype=float)
    if scatter is None:
        return float(np.mean(a < value))
    sd = np.hypot(float(row["s"]), scatter * a)  # type: ignore[arg-type]
    return float(np.mean([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in (value - a) / sd]))


def log_score(row: Row, scatter: float) -> float:
    """Log density of the outcome."""
    a = np.array(row["draws"], dtype=float)
    sd = np.hypot(float(row["s"]), scatter * a)  # type: ignore[arg-type]
    z = (float(row["actual"]) - a) / sd  # type: ignore[arg-type]
    return float(np.log(np.mean(np.exp(-0.5 * z**2) / sd / math.sqrt(2 * math.pi)) + 1e-12))


def coverage(rows: list[Row]) -> list[str]:
    """Lines of the first table."""
    head = [f"{level:.0%}".replace("%", " %") for level in LEVELS]
    lines = ["| forecast | " + " | ".join(head) + " | log score |", "|" + "---|" * (len(head) + 2)]
    for scatter in (None, *SCATTERS):
        at = np.array([below(row, float(row["actual"]), scatter) for row in rows])  # type: ignore[arg-type]
        held = [float(np.mean(np.abs(at - 0.5) <= level / 2)) for level in LEVELS]
        name = "draws of the law alone" if scatter is None else f"and scatter {scatter:g}"
        score = "" if scatter is None else f"{np.mean([log_score(r, scatter) for r in rows]):.3f}"
        lines.append(f"| {name} | " + " | ".join(f"{one:.2f}" for one in held) + f" | {score} |")
    return lines


def reliability(rows: list[Row], scatter: float) -> list[str]:
    """Lines of the second table."""
    both = [
        (1.0 - below(row, goal, scatter), float(float(row["actual"]) >= goal))  # type: ignore[arg-type]
        for row in rows
        for goal in (float(row["pred"]) * share for share in GOALS)  # type: ignore[arg-type]
    ]
    p, reached = np.array(both).T
    lines = ["| probability | goals | forecast | reached |", "|---|---|---|---|"]
    for low, high in BINS:
        here = (p >= low) & (p < high)
        if here.any():
            lines.append(
                f"| {low:g} to {min(high, 1.0):g} | {here.sum()} | {p[here].mean():.2f} | "
                f"{reached[here].mean():.2f} |"
            )
    return lines


def chosen(rows: list[Row]) -> str:
    """The scatter of the best log score over all tasks, and with each task left out."""

    def best(some: list[Row]) -> float:
        return max(SCATTERS, key=lambda one: sum(log_score(row, one) for row in some))

    tasks = sorted({str(row["task"]) for row in rows})
    without = [best([row for row in rows if row["task"] != task]) for task in tasks]
    return (
        f"Best log score: scatter {best(rows):g}; with each task left out, {min(without):g} to "
        f"{max(without):g}."
    )


def main() -> None:
    """Print the tables; with --page, write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=Path, help="rows made before, or where to keep them")
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    if asked.rows is not None and asked.rows.is_file():
        rows = json.loads(asked.rows.read_text(encoding="utf-8"))
    else:
        rows = measure()
        if asked.rows is not None:
            asked.rows.write_text(json.dumps(rows), encoding="utf-8")
    from scaling.plan.downstream import SCATTER

    lines = [
        "# Probabilities of downstream goals",
        "",
        "Made by `python -m benchmarks.plan_target --page`.",
        "",
        *(__doc__ or "").split("\n\n", 2)[2].strip().splitlines(),
        "",
    ]
    for top in (*TOPS, None):
        some = [row for row in rows if top is None or row["top"] == top]
        title = "Both origins" if top is None else f"Fitted below {top:.3g} params"
        lines += [f"## {title}, {len(some)} runs and tasks", "", *coverage(some), ""]
    lines += [chosen(rows), "", f"## Goals, scatter {SCATTER:g}", "", *reliability(rows, SCATTER)]
    text = "\n".join(lines) + "\n"
    print(text)
    if asked.page:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
