"""Tables that are none of SLDBench's, and simulated ones: the constants of the table model.

`python -m benchmarks.other_tables` holds out the larger runs of each, in one direction at a time,
and prints errors and coverage. It reads the published runs in ../shared/data (or SCALING_SHARED).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from scaling.errors import InputError
from scaling.forecasting.table_inputs import is_text
from scaling.forecasting.table_model import table_model

SHARED = Path(os.environ.get("SCALING_SHARED", "../shared"))
LEVELS = np.array([0.5, 0.8, 0.9, 0.95])
MOST = 300


@dataclass(frozen=True)
class Case:
    """Runs, what is read of them, and the shares of runs to hold out by direction."""

    name: str
    runs: pl.DataFrame
    inputs: tuple[str, ...]
    target: str


def published() -> Iterator[Case]:
    """The published tables."""
    for name, file, keep, inputs, target in _TABLES:
        runs = pl.read_csv(SHARED / "data" / file, infer_schema_length=None)
        runs = runs.filter(keep).drop_nulls([*inputs, target])
        runs = runs.filter(pl.col(target).cast(pl.Float64).is_finite())
        text = [one for one in inputs if is_text(runs, one)]
        if text:
            runs = runs.filter(pl.len().over(text) >= 5)
            few = sorted(runs.select(text[0]).to_series().unique())[:8]
            runs = runs.filter(pl.col(text[0]).is_in(few))
        if runs.height > MOST:
            runs = runs.sample(MOST, seed=0)
        yield Case(name, runs, inputs, target)


_WEIGHTS = tuple(
    f"weight_{one}"
    for one in ("arxiv", "book", "c4", "github", "commoncrawl", "stackexchange", "wikipedia")
)
_ANY = pl.lit(True)
_TABLES = (
    (
        "sparse T5",
        "sparse-frantar/t5.csv",
        _ANY,
        ("sparsity", "params_nonzero", "tokens"),
        "val-loss",
    ),
    (
        "sparse ViT",
        "sparse-frantar/vit.csv",
        _ANY,
        ("sparsity", "params_nonzero", "total_examples"),
        "val-loss",
    ),
    (
        "Gemstones shapes",
        "gemstones/runs.csv",
        pl.col("family") == "gemstones-cool_end",
        ("width", "depth", "tokens"),
        "loss",
    ),
    (
        "misfitting rates",
        "misfitting/runs.csv",
        pl.col("family") == "misfitting-dense-final",
        ("params_no_embed", "tokens", "lr"),
        "loss",
    ),
    ("mixtures at scale", "dmsl-mixtures/runs.csv", _ANY, (*_WEIGHTS, "params", "tokens"), "loss"),
    (
        "StepLaw MoE",
        "steplaw/runs.csv",
        pl.col("family") != "steplaw-dense",
        ("active_params", "tokens", "batch_size", "lr"),
        "loss",
    ),
    ("value-based RL", "rl-value/runs.csv", _ANY, ("utd", "critic_params", "task"), "y"),
    ("OLMo ladder", "olmo-ladder/runs.csv", _ANY, ("params", "tokens"), "loss"),
    ("Gadre corpora", "gadre-overtraining/runs.csv", _ANY, ("params", "tokens", "dataset"), "loss"),
    (
        "inverse scaling",
        "inverse-scaling/runs.csv",
        pl.col("y_name") == "mean_loss",
        ("params", "task"),
        "y",
    ),
    (
        "leaderboard",
        "sloth/runs.csv",
        pl.col("table") == "OpenLLM-v1",
        ("params", "tokens", "task"),
        "y",
    ),
    ("insurance", "actuarial/runs.csv", _ANY, ("x", "series"), "y"),
    ("OPT training", "opt-trajectories/runs.csv", _ANY, ("params", "tokens"), "loss"),
    (
        "RegMix 60M",
        "regmix/runs.csv",
        pl.col("params") == 6e7,
        (
            "train_the_pile_arxiv",
            "train_the_pile_freelaw",
            "train_the_pile_pubmed_central",
            "train_the_pile_wikipedia_en",
            "train_the_pile_github",
            "train_the_pile_pile_cc",
        ),
        "metric/the_pile_github_val_loss",
    ),
    (
        "Pythia accuracy",
        "pythia-evals/runs.csv",
        (pl.col("y_name") == "acc") & (pl.col("tokens") > 0) & (pl.col("shots") == 0),
        ("params", "tokens", "task"),
        "y",
    ),
    (
        "OpenCLIP",
        "openclip/runs.csv",
        (pl.col("y_name") == "acc1")
        & pl.col("task").is_in(
            ["imagenet1k", "vtab/cifar100", "imagenet_robustness", "sun397", "cars"]
        ),
        ("params", "samples_seen", "task"),
        "y",
    ),
    (
        "transfer",
        "transfer-cherti/runs.csv",
        pl.col("y_name") == "test/acc",
        ("n_shot", "params_approx", "pretrain_data"),
        "y",
    ),
    ("deep RL", "rl-depth/runs.csv", pl.col("x") % 10 == 0, ("depth", "x", "task"), "y"),
    ("Chinchilla", "chinchilla-epoch/runs.csv", _ANY, ("params", "tokens"), "loss"),
)


def simulated(count: int = 10) -> Iterator[Case]:
    """Tables of one to four inputs from laws with floors, products and optima."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        inputs, rows = 1 + seed % 4, int(rng.integers(25, 160))
        x = 10 ** (
            rng.uniform(0, 3, (rows, inputs))
            if seed % 3
            else rng.integers(0, 7, (rows, inputs)) / 2.0
        )
        u, e = np.log(x), rng.uniform(0.1, 0.6, inputs)
        terms = np.exp(-u * e + rng.normal(0, 0.7, inputs))
        y = rng.uniform(0.3, 2.0) + (terms.sum(axis=1) if seed % 2 else terms.prod(axis=1))
        if seed % 5 == 4:
            y = y + 0.02 * (u[:, 0] - rng.uniform(2, 5)) ** 2
        if seed % 5 == 3:
            y = y - y.mean()
        y = y + 0.01 * y.std() * np.exp(rng.normal(0, 1)) * rng.standard_normal(rows)
        names = tuple(f"x{j}" for j in range(inputs))
        runs = pl.DataFrame({**dict(zip(names, x.T, strict=True)), "y": y})
        yield Case(f"simulated {seed}", runs, names, "y")


def splits(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Directions and the rows that are held out there: the top of each wide input, and of all."""
    numeric = [name for name in case.inputs if not is_text(case.runs, name)]
    values = case.runs.select(pl.col(numeric).cast(pl.Float64)).to_numpy()
    wide = [
        j
        for j in range(len(numeric))
        if values[:, j].min() > 0 and np.ptp(np.log(values[:, j])) > 1
    ]
    for j in wide[:3]:
        edge = np.quantile(values[:, j], 0.75)
        levels = np.unique(values[:, j])
        edge = max(edge, levels[min(2, len(levels) - 1)])
        yield f"larger {numeric[j]}", values[:, j] >= edge
    size = (
        np.log(values[:, wide]).mean(axis=1)
        if wide
        else np.random.default_rng(1).random(len(values))
    )
    if len(wide) != 1:
        yield ("larger" if wide else "random"), size >= np.quantile(size, 0.75)
        yield "far larger", size >= np.quantile(size, 0.5)


def score(case: Case, held_out: np.ndarray) -> dict[str, object]:
    """Error, coverage and CPU seconds of one split, with what widths are made of."""
    started = time.process_time()
    small, large = (case.runs.filter(pl.Series(m)) for m in (~held_out, held_out))
    model = table_model(small, case.inputs, case.target)
    truth = large[case.target].cast(pl.Float64).to_numpy()
    ends = np.concatenate([0.5 - LEVELS / 2, 0.5 + LEVELS / 2])
    found = model.quantiles(large, ends)
    middle = model.location(large)
    seconds = time.process_time() - started
    inside = ((found[:4] <= truth) & (truth <= found[4:])).mean(axis=1)
    r2 = 1.0 - np.mean((middle - truth) ** 2) / max(np.var(truth), 1e-12)
    return {
        "r2": max(float(r2), -1.0),
        "inside": inside,
        "seconds": seconds,
        "model": model,
        "large": large,
        "error": model.scale.forth(truth) - model.scale.forth(middle),
    }


def main() -> None:
    """Print every split and the means."""
    total = []
    for case in [*published(), *simulated()]:
        for direction, held_out in splits(case):
            try:
                got = score(case, held_out)
            except InputError as problem:
                print(f"{case.name:20} {direction:24} {problem}")
                continue
            total.append(np.concatenate([[got["r2"]], got["inside"], [got["seconds"]]]))
            print(f"{case.name:20} {direction:24}", *(f"{v:7.2f}" for v in total[-1]), flush=True)
    print("mean", np.round(np.mean(total, axis=0), 3))


if __name__ == "__main__":
    main()
