"""SLDBench, the public benchmark of scaling-law extrapolation: python -m benchmarks.sldbench

The model of any table is made from the training rows of each of the eight tables and scored on the
test rows: R2 (a target at a time 1 - MSE / variance over the test rows of all groups, the mean of
targets, clipped to [-1, 1]; a refusal is -1), coverage of its intervals, CPU seconds. The tables
(Lin et al., arXiv:2507.21184) lie in ../shared/data/sldbench, or where SCALING_SHARED says. Each
run of this command looks at the test rows once more, and docs/benchmarks/sldbench.md counts them.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.other_tables import LEVELS, SHARED
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.engine import model_of
from scaling.forecasting.table_model import TableModel

PAGE = Path("docs/benchmarks/sldbench.md")
HUMAN, AGENT = "human law (paper)", "SLDAgent GPT-5 (mean of 5)"
BAR, BELOW_HUMAN, SECONDS, SLOW = 0.80, 0.03, 10.0, {"lr_bsz": 30.0}
PROPORTIONS = tuple(f"proportion_domain_{i}" for i in range(1, 6))
DOMAINS = tuple(f"loss_domain_{i}" for i in range(1, 6))
# Inputs and targets by table; `group`, where there are several, is one more input.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "parallel": (("num_params", "parallel_size"), ("loss",)),
    "vocab": (
        ("non_vocab_parameters", "vocab_size", "num_characters"),
        ("unigram_normalized_loss",),
    ),
    "sft": (("sft_data_size",), ("sft_loss",)),
    "domain_mixture": (PROPORTIONS, DOMAINS),
    "moe": (("num_experts", "dense_parameter_count"), ("loss_validation",)),
    "data_constrained": (("unique_tokens", "params", "tokens"), ("loss",)),
    "lr_bsz": (("lr", "bsz", "data_size", "non_embedding_param_size"), ("lm_loss",)),
    "easy_question": (("log_flops",), ("brier_score",)),
}


@dataclass(frozen=True)
class Score:
    """Of one table.

    Attributes:
        r2: as in the module.
        inside: shares of test values inside the intervals (4,).
        seconds: of CPU.
        ranges: median distance of the test rows, in ranges of the runs.
        default: whether `scaling.forecast` uses this model.
    """

    r2: float
    inside: Array
    seconds: float
    ranges: float
    method: str


def rows_of(name: str) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Training rows, test rows and inputs of a table."""
    table = pl.read_csv(SHARED / f"data/sldbench/{name}_scaling_law.csv")
    inputs, _ = TABLES[name]
    if table["group"].n_unique() > 1:
        inputs = (*inputs, "group")
    train, test = (table.filter(pl.col("split") == part) for part in ("train", "test"))
    return train, test, inputs


def score(name: str) -> Score:
    """The model of the training rows on the test rows."""
    train, test, inputs = rows_of(name)
    targets = TABLES[name][1]
    started = time.process_time()
    ends = np.concatenate([0.5 - LEVELS / 2, 0.5 + LEVELS / 2])
    r2, inside, ranges = [], [], 0.0
    for target in targets:
        truth = test[target].to_numpy()
        try:
            model = model_of(train, inputs, target)
            middle, found = model.location(test), model.quantiles(test, ends)
        except InputError as problem:
            print(name, problem)
            return Score(-1.0, np.zeros(4), time.process_time() - started, float("nan"), "")
        r2.append(1.0 - np.mean((middle - truth) ** 2) / np.var(truth))
        inside.append(((found[:4] <= truth) & (truth <= found[4:])).mean(axis=1))
        general = isinstance(model, TableModel)
        ranges = float(np.median(model.reach(test).ranges)) if general else float("nan")
    seconds = time.process_time() - started
    method = "any table" if general else "two inputs"
    return Score(
        float(np.clip(np.mean(r2), -1, 1)), np.mean(inside, axis=0), seconds, ranges, method
    )


def page(scores: dict[str, Score], times: int) -> str:
    """The page, in Markdown."""
    published = pl.read_csv(SHARED / "data/sldbench/published.csv", infer_schema_length=None)
    printed = {
        (task, method): float(r2)
        for task, method, r2 in published.select("task", "method", "r2").iter_rows()
        if method in (HUMAN, AGENT)
    }
    lines = [_HEAD]
    for name, one in scores.items():
        shown = [f"{printed.get((name, who), float('nan')):.3f}" for who in (HUMAN, AGENT)]
        cover = " / ".join(f"{share:.2f}" for share in one.inside)
        lines.append(
            f"| {name} | {one.method} | {one.r2:.3f} | {' | '.join(shown)} | {cover} | "
            f"{_shown(one.ranges)} | {one.seconds:.1f} |"
        )
    mean = float(np.mean([one.r2 for one in scores.values()]))
    inside = np.mean([one.inside for one in scores.values()], axis=0)
    means = [np.mean([printed[name, who] for name in TABLES]) for who in (HUMAN, AGENT)]
    cover = " / ".join(f"{share:.2f}" for share in inside)
    lines.append(
        f"| mean | | {mean:.3f} | {means[0]:.3f} | {means[1]:.3f} | {cover} | | "
        f"{np.mean([one.seconds for one in scores.values()]):.1f} |"
    )
    missed = [
        *([f"mean R2 {mean:.3f} is below {BAR:.2f}"] if mean < BAR else []),
        *(
            f"{name} is below the printed human law by more than {BELOW_HUMAN}"
            for name, one in scores.items()
            if one.r2 < printed[name, HUMAN] - BELOW_HUMAN
        ),
        *(
            f"{name} takes {one.seconds:.0f} CPU s"
            for name, one in scores.items()
            if one.seconds > SLOW.get(name, SECONDS)
        ),
        *(
            [f"90 % intervals hold {100 * inside[2]:.0f} %"]
            if not 0.80 <= inside[2] <= 0.98
            else []
        ),
    ]
    bars = "Bars that are missed: " + "; ".join(missed) + "." if missed else "All bars are met."
    return "\n".join([*lines, "", bars, "", _COUNT.format(times=times), "", _TAIL])


_HEAD = """# SLDBench: forecasts of any table

Made by `OMP_NUM_THREADS=1 python -m benchmarks.sldbench`. R2 on the extrapolation of the eight
tables of SLDBench (Lin et al., arXiv:2507.21184), by the model that every forecast reads, at
default settings. "Human" and "agent" are the printed figures of the authors' laws and of the best
agent in that paper. Coverage is of 50 / 80 / 90 / 95 % intervals, distance the median of the test
rows in ranges of the runs.

| table | model | R2 | human | agent | coverage | distance | CPU s |
|---|---|---|---|---|---|---|---|"""
_COUNT = "This command has scored the test rows {times} times, this time included."
_TAIL = """Bars: no refusal, mean R2 of .80, no table below the printed human law by more than .03,
10 CPU seconds a table (30 for lr_bsz), 90 % intervals that hold 80 to 98 % on the mean of tables.

Forms, weights and the constants of the spread were chosen on the training rows of these tables,
split again, and on the tables of `python -m benchmarks.other_tables`, none of which is in
SLDBench.
"""


def _shown(ranges: float) -> str:
    return "-" if np.isnan(ranges) else f"{ranges:.2f}"


def main() -> None:
    """Score all tables and write the page."""
    scores = {}
    for name in TABLES:
        scores[name] = one = score(name)
        print(
            f"{name:18} {one.r2:7.3f}  {np.round(one.inside, 2)}  {one.seconds:6.1f} s", flush=True
        )
    before = (
        re.search(r"scored the test rows (\d+) times", PAGE.read_text("utf-8"))
        if PAGE.exists()
        else None
    )
    times = 1 + (int(before.group(1)) if before else 0)
    PAGE.write_text(page(scores, times), "utf-8")
    print(f"mean {np.mean([one.r2 for one in scores.values()]):.3f}, scored {times} times")


if __name__ == "__main__":
    main()
