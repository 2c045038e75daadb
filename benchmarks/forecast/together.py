"""Curves of one run forecast together: some metrics of it are known further along than others.

Image classification in the benchmark's own split: the twelve few-shot tasks of one model, each
known up to half of its own length, which differ; what is known of the others helps. Pythia's
accuracies and BIG-bench's tasks: one task known up to half of the tokens, the others to the end.
OpenCLIP's ImageNet accuracies: one run known up to half of its epochs, other runs to their end,
against the share of the epochs.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from benchmarks.forecast.run import scores
from benchmarks.forecast.tasks import CURVES, SHARED, curves
from benchmarks.forecast.tune import LEVELS
from scaling.forecasting.engine import predictive

TITLES = {
    "IC": "image classification, all that is known of the model's other tasks",
    "pythia": "Pythia's accuracies, other tasks of the model known to the end",
    "BB": "BIG-bench, other tasks of the model known to the end",
    "openclip": "openCLIP, other runs known to the end, against the share of the run",
}


def run() -> pl.DataFrame:
    """Every curve alone and with its companions; one row each."""
    rows = []
    for group, wide, at in (*_images(), *_pythia(), *_big_bench(), *_clip()):
        others = [name for name in wide.columns if name not in ("x", "value")]
        observed = at["value"].to_numpy()
        alone = wide.drop_nulls("value")
        for how, runs, companions in (("alone", alone, ()), ("together", wide, others)):
            made = predictive(runs, at.select("x"), ("x",), "value", companions=companions)
            rows.append({"group": group, "how": how, **scores(made, observed)})
    return pl.DataFrame(rows)


def page(table: pl.DataFrame) -> str:
    """The section of the page."""
    lines = [
        "\n## With what else is known of the same run\n\n",
        "`scaling forecast --companion`: other metrics of the run that are known further along "
        "(`scaling.forecasting.companions`). Published methods see one curve alone, so this is no "
        "comparison with them; the bar for image classification is .0260. The constants were "
        "chosen on the first; the others, and a simulated jump, were looked at afterwards "
        "(below).\n\n",
        "| curves | how | RMSLE | log score | 50 % | 80 % | 90 % | 95 % |\n",
        "|---|---|---|---|---|---|---|---|\n",
    ]
    held = [f"in{100 * level:g}" for level in LEVELS]
    means = table.group_by("group", "how", maintain_order=True).agg(
        pl.len().alias("curves"), pl.col("rmsle", "log_score", *held).mean()
    )
    for row in means.to_dicts():
        shares = " | ".join(f"{100 * row[name]:.0f}" for name in held)
        lines.append(
            f"| {TITLES[row['group']]} ({row['curves']}) | {row['how']} | **{row['rmsle']:.4f}** "
            f"| {row['log_score']:.2f} | {shares} |\n"
        )
    return "".join(lines)


def _images() -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """The known points of all tasks of a model, those of the task in ``value``; and its targets."""
    models: dict[str, list[tuple[str, pl.DataFrame, pl.DataFrame]]] = {}
    for one in curves(CURVES):
        if one.group == "IC":
            _, name, model = one.name.split("|")
            models.setdefault(model, []).append((name, one.runs, one.at))
    for tasks in models.values():
        for name, runs, at in tasks:
            beside = [part.rename({"value": other}) for other, part, _ in tasks if other != name]
            yield "IC", pl.concat([runs, *beside], how="diagonal"), at


def _pythia() -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """As `_images`."""
    table = pl.read_csv(SHARED / "pythia-evals/runs.csv", infer_schema_length=None).filter(
        pl.col("y_name") == "acc",
        pl.col("variant") == "standard",
        pl.col("shots") == 0,
        pl.col("tokens") > 1e9,
    )
    long = table.select("model", "task", x=pl.col("tokens").cast(pl.Float64), y="y")
    for _, rows in long.group_by("model", maintain_order=True):
        yield from _hidden("pythia", rows)


def _big_bench() -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """As `_images`."""
    table = pl.read_csv(CURVES, infer_schema_length=None).filter(pl.col("subset") == "BB")
    yield from _hidden("BB", table.select("task", x=pl.col("x").cast(pl.Float64), y="y"))


def _clip() -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """As `_images`."""
    share = pl.col("epoch") / pl.col("total_epochs")
    table = pl.read_csv(SHARED / "openclip/curves.csv", infer_schema_length=None)
    parts = table.select("series", x=share, value="y").partition_by("series", as_dict=True)
    runs = {name: part.sort("x").drop("series") for (name,), part in parts.items()}
    for name, part in runs.items():
        known = part.filter(pl.col("x") <= 0.5)
        if known.height >= 6:
            others = [one.rename({"value": key}) for key, one in runs.items() if key != name]
            wide = pl.concat([known, *others], how="diagonal")
            yield "openclip", wide, part.filter(pl.col("x") > 0.5)


def _hidden(group: str, rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame, pl.DataFrame]]:
    """Each task of a model with its second half hidden and the others whole."""
    wide = rows.pivot("task", index="x", values="y", aggregate_function="mean").sort("x")
    known = pl.col("x") <= pl.col("x").max() / 2
    for name in wide.columns[1:]:
        part = wide.filter(pl.col(name).is_not_null())
        value = pl.when(known).then(name).alias("value")
        yield (
            group,
            part.with_columns(value).drop(name),
            part.filter(~known).select("x", value=name),
        )
