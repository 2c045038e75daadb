"""docs/benchmarks/forecast.md and the table of every task beside it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.forecast.choices import GRID, Found, left_out, others
from benchmarks.forecast.run import Result
from benchmarks.forecast.tasks import SUBSETS
from benchmarks.forecast.tune import LEVELS, Tuned

# Mean RMSLE: best known (method and source), the bar that this project set itself, and its goal.
# Carry-last and tail power law are measured here; the others are Lee et al. 2025 (NSL-PFN,
# arXiv:2505.23032), Alabdulmohsin et al. 2022 (M1 to M4, arXiv:2209.06640) and Caballero et al.
# 2022 (BNSL, arXiv:2210.14891).
BARS = {
    "IC": ("image classification", ".0280 NSL-PFN", 0.0260, 0.0220),
    "NMT": ("translation", ".0083 carry last", 0.0100, 0.0070),
    "LM": ("language models", ".0009 M4", 0.0009, 0.0007),
    "BB": ("BIG-bench", ".0087 M3", 0.0090, 0.0065),
    "NANO": ("nanoGPT", ".0290 tail power law", 0.0200, 0.0170),
    "DD": ("double descent", ".0335 NSL-PFN", 0.0400, 0.0335),
    "COLPRET": ("training curves", ".0290 tail power law", 0.0240, 0.0220),
    "BNSL_ADD": ("4-digit addition", ".0109 BNSL", 0.0200, 0.0109),
}
HEAD = """# How well forecasts hold

`python -m benchmarks.forecast` writes this page and [forecast.csv](forecast.csv), one row a task.
All tasks are forecast with default settings: one method and one set of constants. The curves are
those of the NSL benchmark with its own split (a file that is not shipped: one of its curves has no
licence); the language studies are shipped in `data/published`. [Notes](forecast_notes.md) say how
the constants were chosen and where the method fails; the [log](../log.md) has what was tried.

In brackets beside a share of targets inside the intervals: the share if all but the first constant
of the spread are multiplied by what suits the other groups best, by how often their intervals hold.

"""


# Errors of the two parts of a forecast.
ALONE = ("shapes_alone", "network_alone")
FRESH = """
## More training curves

Curves of single runs, known up to half of their length. They were first scored after the network
had been trained (some of the runs are in the language studies too, as points, not as curves). The
network's weight and the spread were then chosen with them in view. Root mean square log error, also
of the shapes and the network alone, and share of targets inside the intervals.

"""
ACROSS = """
## Losses across runs

One model trained on more and more data, or the best loss of each budget, known up to an eighth, a
third and a half of the largest: few points each. The network's weight, how far its steps are damped
and its weight on short curves were chosen with them in view. The last table was scored with them
and took no part in the choice: losses of one budget against params, which fall and then rise (or
turn within what is hidden). No method here forecasts a turn.

"""
LAST = """
## Curves that were scored last

They were scored once when everything was fixed (2026-11-29). When the network's weight and the
spread were chosen again, they took no part in the score of any choice, but their errors were shown
beside it, so they are no longer a blind test. Only the first and the last come from new tables:
success against epochs of reinforcement learning (noisy shares that rise), other metrics of the runs
above, and accuracy against tokens spent at test time (few points). All are known up to half of
their length, LAMBADA's loss up to a quarter.

"""


Results = tuple[Result | None, Result, Result | None, Result | None, Result | None, Result | None]


def write(
    folder: Path, results: Results, tuned: tuple[Tuned | None, Tuned], beside: str = ""
) -> None:
    """Write both files; ``results`` are curves, language, unseen, fresh, across and last,
    ``beside`` one more section after the curves."""
    curves, language, unseen, fresh, across, last = results
    parts = [HEAD]
    if curves is not None and tuned[0] is not None:
        parts += [_curves(curves.table, tuned[0]), beside]
    parts.append(_language(language.table, tuned[1]))
    if unseen is not None:
        parts.append(_unseen(unseen.table))
    for one, head in ((fresh, FRESH), (across, ACROSS), (last, LAST)):
        if one is not None:
            parts.append(_fresh(one.table, head))
    if curves is not None and unseen is not None:
        parts.append(_choices([*curves.choices, *unseen.choices, *others()]))
    everything = pl.concat([one.table for one in results if one], how="diagonal_relaxed")
    numbers = pl.col(pl.Float64).round_sig_figs(5)
    everything.with_columns(numbers).write_csv(folder / "forecast.csv")
    (folder / "forecast.md").write_text("".join(parts), encoding="utf-8")


def _unseen(table: pl.DataFrame) -> str:
    """Tables that belong to no benchmark."""
    held = [f"in{100 * level:g}" for level in LEVELS]
    lines = [
        "\n## Other tables\n\n",
        "They no longer test the constants: the slope below which a curve is slow, the odds of a "
        "break, the tempering and the spread were chosen with them in view "
        "([notes](forecast_notes.md#constants-of-the-centre)).\n\n",
        "Mean absolute log error (carry last: root mean square), and share of targets inside.\n\n",
        "| table (series) | here | plain Chinchilla | carry last | 50 % | 80 % | 90 % | 95 % "
        "| bias |\n",
        "|---|---|---|---|---|---|---|---|---|\n",
    ]
    means = _means(table, ["mean_abs", "carry_last", "chinchilla", *held, "bias"])
    for group, row in means.items():
        plain = "" if row["chinchilla"] is None else f"{row['chinchilla']:.4f}"
        lines.append(
            f"| {group} ({row['tasks']}) | **{row['mean_abs']:.4f}** | {plain} "
            f"| {row['carry_last']:.4f} | {_percents([row[name] for name in held])} "
            f"| {row['bias']:+.4f} |\n"
        )
    overall = [sum(row[name] for row in means.values()) / len(means) for name in held]
    lines.append(f"| mean of tables | | | | {_percents(overall)} | |\n")
    return "".join(lines)


def _fresh(table: pl.DataFrame, head: str) -> str:
    """Curves that were not seen before the network was trained."""
    held = [f"in{100 * level:g}" for level in LEVELS]
    lines = [
        head,
        "| table and target (curves) | here | shapes alone | network alone | carry last "
        "| tail power law | 50 % | 80 % | 90 % | 95 % |\n",
        "|---|---|---|---|---|---|---|---|---|---|\n",
    ]
    names = ["rmsle", *ALONE, "carry_last", "tail_power_law", *held]
    for group, row in _means(table, names).items():
        errors = " | ".join(f"{row[name]:.4f}" for name in names[1:5])
        lines.append(
            f"| {group} ({row['tasks']}) | **{row['rmsle']:.4f}** | {errors} "
            f"| {_percents([row[name] for name in held])} |\n"
        )
    return "".join(lines)


def _percents(shares: list[float]) -> str:
    return " | ".join(f"{100 * share:.0f}" for share in shares)


def _choices(found: list[Found]) -> str:
    """What each group's error is when the other groups choose the constants of the centre."""
    made = left_out(found)
    lines = [
        "\n## Constants of the centre, chosen without the group that they forecast\n\n",
        "Tempering, penalty of parameters, prior odds of a break, damping, the standard errors "
        "that damp a slow curve's step, the slope below which a curve is slow, and the network's "
        f"weight: the best of {len(GRID)} choices on all other groups of curves, in their own "
        "splits, from a half and from a quarter of what is known, and on simulated curves "
        "(`benchmarks.forecast.choices`). Root mean square log error in the own split.\n\n",
        "| group | error | tempering | penalty | odds | damping | standard errors | slow "
        "| network |\n",
        "|---|---|---|---|---|---|---|---|---|\n",
    ]
    for group, one in made.items():
        chosen = one.choice
        lines.append(
            f"| {group} | {one.rmsle:.4f} | {chosen.tempering:g} | {chosen.penalty:g} "
            f"| {chosen.break_odds:g} | {chosen.damping:g} | {chosen.step_errors:g} "
            f"| {chosen.slow_slope:g} "
            f"| {chosen.network_share:g} |\n"
        )
    return "".join(lines)


def _curves(table: pl.DataFrame, tuned: Tuned) -> str:
    means = _means(table, ("rmsle", *ALONE, "carry_last", "tail_power_law", "log_score"))
    lines = [
        "## Curves: root mean square log error, mean over the curves of a subset\n\n",
        "| subset (curves) | here | bar | goal | best known | shapes alone | network alone "
        "| carry last | tail power law |\n",
        "|---|---|---|---|---|---|---|---|---|\n",
    ]
    for subset in SUBSETS:
        row = means[subset]
        title, known, bar, goal = BARS[subset]
        said = "goal met" if row["rmsle"] <= goal else "met" if row["rmsle"] <= bar else "not met"
        lines.append(
            f"| {title} ({row['tasks']}) | **{row['rmsle']:.4f}** {said} | {bar:.4f} | {goal:.4f} "
            f"| {known} | {row['shapes_alone']:.4f} | {row['network_alone']:.4f} "
            f"| {row['carry_last']:.4f} | {row['tail_power_law']:.4f} |\n"
        )
    seconds = table.filter(pl.col("group") == "IC")["seconds"].sum()
    score = means["IC"]["log_score"]
    lines.append(
        f"\nThe 72 image curves take {seconds:.0f} CPU seconds. Mean log score (natural log, "
        f"density per unit of error rate) on them: {score:.2f}; "
        "NSL-PFN 3.33.\n\n"
    )
    return "".join(lines) + _held(table, tuned, "noise, |step|, network scale, all other parts")


def _language(table: pl.DataFrame, tuned: Tuned) -> str:
    means = _means(table, ("mean_abs", "chinchilla", "bias"))
    lines = [
        "\n## Language: mean absolute log error of the largest runs, forecast from the smaller "
        "ones\n\n",
        "| study (tasks) | here | plain Chinchilla | bias here |\n|---|---|---|---|\n",
    ]
    for group, row in means.items():
        lines.append(
            f"| {group} ({row['tasks']}) | **{row['mean_abs']:.4f}** | {row['chinchilla']:.4f} "
            f"| {row['bias']:+.4f} |\n"
        )
    ours = sum(row["mean_abs"] for row in means.values()) / len(means)
    plain = sum(row["chinchilla"] for row in means.values()) / len(means)
    seconds = table["seconds"].max()
    lines.append(f"| mean of studies | **{ours:.4f}** | {plain:.4f} | |\n")
    lines.append(f"\nThe slowest study takes {seconds:.1f} CPU seconds.\n\n")
    return "".join(lines) + _held(
        table, tuned, "noise, disagreement, doubt about constants, |step|"
    )


def _held(table: pl.DataFrame, tuned: Tuned, parts: str) -> str:
    """Coverage: by the constants in use, and with each group left out of the tuning."""
    names = [f"in{100 * level:g}" for level in LEVELS]
    means = _means(table, names)
    lines = [
        "Share of targets inside the intervals.\n\n",
        "| group | 50 % | 80 % | 90 % | 95 % |\n|---|---|---|---|---|\n",
    ]
    for group, row in means.items():
        cells = [
            f"{100 * row[name]:.0f} ({100 * tuned.coverage[group][level]:.0f})"
            for name, level in zip(names, LEVELS, strict=True)
        ]
        lines.append(f"| {group} | {' | '.join(cells)} |\n")
    overall = [table[name].mean() for name in names]
    by_group = [sum(row[name] for row in means.values()) / len(means) for name in names]
    for title, values in (("all tasks", overall), ("mean of groups", by_group)):
        lines.append(f"| {title} | {_percents(list(values))} |\n")
    constants = ", ".join(f"{value:.3g}" for value in tuned.constants)
    lines.append(
        f"\nBest by log score on all groups: ({constants}) for ({parts}), Student's t with "
        f"{tuned.degrees:g} degrees of freedom.\n"
    )
    return "".join(lines)


def _means(table: pl.DataFrame, names: tuple[str, ...] | list[str]) -> dict[str, dict]:
    made = table.group_by("group", maintain_order=True).agg(
        pl.len().alias("tasks"), *(pl.col(name).mean() for name in names)
    )
    return {row["group"]: row for row in made.to_dicts()}
