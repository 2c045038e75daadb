"""The tasks: fit on small runs or on the beginning of a curve, forecast the rest."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.parity import published
from scaling.forecasting.inputs import observed_scale

# Curves with the benchmark's own split of train and extrapolate; one of them has no licence, so the
# table is not shipped.
SHARED = Path(os.environ.get("SCALING_SHARED", "../shared")) / "data"
CURVES = SHARED / "nsl-benchmark/runs.csv"
# Flags of runs that their own source leaves out.
LEFT_OUT = "published_outlier|spline_outlier|diverged"
SUBSETS = ("IC", "NMT", "LM", "BB", "NANO", "DD", "COLPRET", "BNSL_ADD")


# Runs that a task needs.
FEWEST = 6


@dataclass(frozen=True)
class Task:
    """Runs that are known, runs to forecast, and the columns that are read."""

    group: str
    name: str
    runs: pl.DataFrame
    at: pl.DataFrame
    inputs: tuple[str, ...]
    target: str = "value"

    @property
    def truth(self) -> np.ndarray:
        """Log of the outcome."""
        return np.log(self.at[self.target].to_numpy())


def curves(path: Path = CURVES) -> Iterator[Task]:
    """One task a curve, in the benchmark's own split."""
    table = pl.read_csv(path, infer_schema_length=None)
    for (subset, series), rows in table.group_by("subset", "series", maintain_order=True):
        part = rows.select(x=pl.col("x").cast(pl.Float64), value="y", split="split").sort("x")
        runs = part.filter(pl.col("split") == "train").drop("split")
        at = part.filter(pl.col("split") == "extrapolate").drop("split")
        if runs.height and at.height:
            yield Task(str(subset), str(series), runs, at, ("x",))


def language() -> Iterator[Task]:
    """Small runs of a study against its largest."""
    n, d = pl.col("params"), pl.col("tokens")
    table = _published("gadre-overtraining").filter(pl.col("metric") == "loss@c4-val")
    for (family,), rows in table.group_by("family", maintain_order=True):
        yield _split("gadre", str(family), rows, n > 1e9)
    table = _published("gemstones").filter(pl.col("family") == "gemstones-cool_end")
    yield _split("gemstones", "cool_end", table, n > 1e9)
    table = _published("muennighoff-datablations").filter(
        pl.col("training_data") == "C4", pl.col("epochs") <= 1.5
    )
    yield _split("muennighoff", "C4", table, n > 2e9)
    yield from _ladder()
    table = _published("llama3-isoflops")
    yield _split("llama3", "isoflops", table, pl.col("flops") > 5e20)
    table = _published("opt-trajectories").filter(d >= 1e10)
    yield _split("opt", "trajectories", table, n > 2e10)
    table = _published("porian-discrepancies").filter(
        pl.col("params").is_not_null(), pl.col("metric").str.ends_with("-val")
    )
    for (family,), rows in table.group_by("family", maintain_order=True):
        if rows["params"].n_unique() >= 10 and rows.height >= 60:
            yield _split("porian", str(family), rows, pl.col("flops") > 5e18)
    yield from _routed()


@dataclass(frozen=True)
class Unseen:
    """A table, what tells its series apart, what is read, and the factor by which the hidden part
    of a series lies beyond the rest in ``along``."""

    file: str
    by: tuple[str, ...]
    inputs: tuple[str, ...]
    target: str
    along: str
    factor: float
    only: str = "true"


# Tables that belong to no benchmark. Nothing of the centre was tuned on them until 2026-11-23.
UNSEEN = (
    Unseen("chinchilla-epoch/runs.csv", (), ("params", "tokens"), "loss", "flops", 10.0),
    Unseen("misfitting/runs.csv", ("family",), ("params", "tokens"), "loss", "flops", 10.0),
    Unseen("steplaw/runs.csv", ("family",), ("params", "tokens"), "loss", "flops", 3.0,
           "best_hp_for_ND = 1"),
    Unseen("vision-nfnet/runs.csv", (), ("x",), "y", "x", 4.0),
    Unseen("gpt3-curves/curves.csv", ("run_id", "kind"), ("tokens",), "loss", "tokens", 2.0),
    Unseen("finetune-rectified/runs.csv", ("family", "params"), ("finetune_examples",), "loss",
           "finetune_examples", 8.0),
    Unseen("parscale/runs.csv", ("family",), ("params", "parallel_streams"), "loss", "params",
           2.0),
    Unseen("pythia-evals/runs.csv", ("model", "task", "shots"), ("tokens",), "y", "tokens", 2.0,
           "y_name = 'acc' AND tokens > 1e9 AND shots = 0 AND variant = 'standard'"),
    Unseen("openclip/curves.csv", ("series",), ("x",), "y", "x", 2.0),
    Unseen("transfer-cherti/runs.csv", ("series",), ("n_shot",), "y", "n_shot", 4.0,
           "y_name = 'test/acc' AND n_shot > 0"),
    Unseen("actuarial/runs.csv", ("series",), ("x",), "y", "x", 2.0),
)  # fmt: skip

# Curves of single training runs, first scored when the network was trained (2026-11-29); its part
# in the centre and the spread were then chosen with them in view as well. Up to so many of each
# table, evenly from first to last.
FRESH = (
    Unseen("clark-routing/curves_all_steps.csv", ("run_id",), ("tokens",), "loss", "tokens", 2.0),
    Unseen("data-mixing/curves.csv", ("run", "valid_domain"), ("step",), "loss", "step", 2.0),
    Unseen("opt-trajectories/runs.csv", ("family",), ("tokens",), "loss", "tokens", 2.0),
    Unseen("olmo-ladder/curves.csv", ("run_id",), ("tokens",), "c4_ce", "tokens", 2.0),
    Unseen("gemstones/extra_validation_losses.csv", ("run_name", "val"), ("tokens",),
           "final_loss", "tokens", 2.0),
)  # fmt: skip
# Losses across runs: one model with more and more data, or the best of each budget.
ACROSS = (
    Unseen("porian-discrepancies/optimal_pairs.csv", ("series",), ("flops",), "loss_star", "flops",
           8.0),
    Unseen("porian-discrepancies/runs.csv", ("family", "params"), ("tokens",), "loss", "tokens",
           3.0),
    Unseen("gadre-overtraining/runs.csv", ("family", "params"), ("tokens",), "loss", "tokens",
           2.0),
    Unseen("misfitting/runs.csv", ("family", "params"), ("tokens",), "loss", "tokens", 2.0),
    Unseen("steplaw/runs.csv", ("params",), ("tokens",), "loss", "tokens", 2.0,
           "best_hp_for_ND = 1"),
    Unseen("llama3-isoflops/runs.csv", ("flops",), ("params",), "loss", "params", 2.0),
)  # fmt: skip
# They took no part in the score of any choice. Three are other metrics of runs above.
LAST = (
    Unseen("rl-depth/runs.csv", ("series",), ("x",), "y", "x", 2.0, "y > 0 AND x_name = 'epoch'"),
    Unseen("olmo-ladder/curves.csv", ("run_id",), ("tokens",), "hellaswag_bpb", "tokens", 2.0),
    Unseen("olmo-ladder/curves.csv", ("run_id",), ("tokens",), "hellaswag_acc", "tokens", 2.0),
    Unseen("clark-routing/curves_all_steps.csv", ("run_id",), ("tokens",), "loss_lambada",
           "tokens", 4.0),
    Unseen("test-time-o1mini/runs.csv", ("series",), ("x",), "y", "x", 2.0),
)  # fmt: skip
MOST_FRESH = 40


def fresh(tables: Sequence[Unseen]) -> Iterator[Task]:
    """Curves of tables that the network had been trained without a look at."""
    for one in tables:
        found = list(unseen((one,)))
        places = np.unique(np.linspace(0, len(found) - 1, MOST_FRESH).astype(int))
        group = f"{one.file.split('/')[0]} {one.target}"
        yield from (replace(found[place], group=group) for place in places)


def unseen(tables: Sequence[Unseen] = UNSEEN) -> Iterator[Task]:
    """Series of the tables that belong to no benchmark."""
    for one in tables:
        table = pl.read_csv(SHARED / one.file, infer_schema_length=None).filter(
            pl.sql_expr(one.only)
        )
        parts = table.group_by(one.by, maintain_order=True) if one.by else [(("",), table)]
        for names, rows in parts:
            task = _beyond(one, " ".join(map(str, names)), rows)
            if task.runs.height >= FEWEST and task.at.height and _varied(task):
                yield task


def beginnings(factor: float) -> Iterator[Task]:
    """Curves known up to 1 / factor of what is known of them; up to twice that is forecast. Rising
    shares are turned into what is missing, so that the column is what is forecast."""
    for task in itertools.chain(curves(), unseen()):
        if len(task.inputs) > 1:
            continue
        name = task.inputs[0]
        x = task.runs[name].to_numpy()
        y, increasing = observed_scale(task.runs, task.target, np.log(x))
        table = pl.DataFrame({"x": x, "value": 1.0 - y if increasing else y})
        known = x[x <= x.max() / factor]
        if len(known) < FEWEST:
            continue
        runs = table.filter(pl.col("x") <= known.max())
        at = table.filter(pl.col("x") > known.max(), pl.col("x") <= 2.0 * known.max())
        if at.height:
            yield Task(task.group, task.name, runs, at, ("x",))


def _beyond(one: Unseen, name: str, rows: pl.DataFrame) -> Task:
    columns = dict.fromkeys((*one.inputs, one.along))
    table = rows.select(
        pl.col(*columns).cast(pl.Float64), value=pl.col(one.target).cast(pl.Float64)
    )
    table = table.drop_nulls().filter(pl.all_horizontal(pl.col(*columns) > 0))
    known = pl.col(one.along) <= pl.col(one.along).max() / one.factor
    parts = [table.filter(rule).select(*one.inputs, "value") for rule in (known, ~known)]
    return Task(one.file.split("/")[0], name, *parts, one.inputs)


def _varied(task: Task) -> bool:
    return all(task.runs[name].n_unique() >= 3 for name in task.inputs)


def _ladder() -> Iterator[Task]:
    table = _published("olmo-ladder").filter(
        pl.col("checkpoint") == "final", pl.col("metric_kind").is_in(["loss", "bits_per_byte"])
    )
    inputs = ("params_non_embedding", "tokens")
    for (metric,), rows in table.group_by("metric", maintain_order=True):
        large = pl.col("params_non_embedding") > 2e9
        if rows.filter(large).height and str(metric).startswith("loss"):
            yield _split("olmo-ladder", str(metric), rows, large, inputs)


def _routed() -> Iterator[Task]:
    table = _published("clark-routing").filter(
        pl.col("checkpoint") == "final",
        pl.col("metric") == "loss@massivetext",
        pl.col("experts_active").fill_null(1) == 1,
        pl.col("experts") > 1,
    )
    inputs = ("params_non_embedding", "experts")
    for (family,), rows in table.group_by("family", maintain_order=True):
        large = pl.col("params_non_embedding") > 5e8
        if rows.filter(large).height:
            yield _split("clark", str(family), rows, large, inputs)


def _published(source: str) -> pl.DataFrame:
    table = published(source)
    if "flags" not in table.columns:
        return table
    return table.filter(~pl.col("flags").fill_null("").str.contains(LEFT_OUT))


def _split(
    group: str,
    name: str,
    rows: pl.DataFrame,
    large: pl.Expr,
    inputs: tuple[str, ...] = ("params", "tokens"),
) -> Task:
    table = rows.select(pl.col(*inputs, "value").cast(pl.Float64), large=large).drop_nulls()
    runs = table.filter(~pl.col("large")).drop("large")
    return Task(group, name, runs, table.filter("large").drop("large"), inputs)
