"""The same tables cut earlier and later: do intervals hold at every distance?

Studies of two inputs: the smallest 30 to 90 % of the runs are known, the others forecast. Curves:
known up to 1 / 1.4 to 1 / 25 of their largest x, up to sixteen of each group. Cuts that leave fewer
than six runs, two inputs of fewer than three values, or nothing to forecast are left out. Simulated
curves (`benchmarks.forecast.simulated`) stand beside them.

Off the diagonal: the runs of few tokens a param are known and those of many forecast, or the other
way round, under several weights of the doubt about the law's constants.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from unittest import mock

import numpy as np
import polars as pl

from benchmarks.forecast import simulated, tasks
from benchmarks.forecast.run import run
from benchmarks.forecast.tasks import Task
from scaling.fitting.data import log_size
from scaling.forecasting import two_inputs

SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FACTORS = (1.4, 2.0, 4.0, 10.0, 25.0)
MOST = 16
VALUES = 3
# Tokens a param at which the runs of gemstones are cut; other studies are cut at their median.
RATIO = 30.0
# Weights of the spread of the constants, against the one in use (`two_inputs.SCALE_WEIGHTS`).
WEIGHTS = (0.0, 0.3, 0.5, 0.6)
HEAD = """# How well forecasts hold by distance

`python -m benchmarks.forecast distance` makes this page: the tables of
[how well forecasts hold](forecast.md), cut at other places. Means over the cuts of all tasks.

"""


def _cut(task: Task, known: np.ndarray) -> Task | None:
    """The task with other runs known; None where they are too few."""
    everything = pl.concat([task.runs, task.at])
    runs, at = everything.filter(pl.Series(known)), everything.filter(pl.Series(~known))
    varied = all(runs[name].n_unique() >= VALUES for name in task.inputs)
    if runs.height < tasks.FEWEST or not at.height or not varied:
        return None
    return Task(task.group, task.name, runs, at, task.inputs, task.target)


def _size(task: Task) -> np.ndarray:
    everything = pl.concat([task.runs, task.at])
    return log_size({name: everything[name].to_numpy() for name in task.inputs})


def studies() -> Iterator[tuple[float, Task]]:
    """(share that is known, task) of studies of two inputs."""
    for task in chain(tasks.language(), tasks.unseen()):
        if len(task.inputs) == 2:
            size = _size(task)
            for share in SHARES:
                cut = _cut(task, size <= np.quantile(size, share))
                if cut is not None:
                    yield share, cut


def curves() -> Iterator[tuple[float, Task]]:
    """(factor between the largest and the largest known x, task) of curves."""
    groups: dict[str, list[Task]] = {}
    for task in chain(tasks.curves(), tasks.unseen()):
        if len(task.inputs) == 1:
            groups.setdefault(task.group, []).append(task)
    for found in groups.values():
        chosen = np.unique(np.linspace(0, len(found) - 1, MOST).astype(int))
        for task, factor in ((found[k], factor) for k in chosen for factor in FACTORS):
            size = _size(task)
            cut = _cut(task, size <= size.max() - np.log(factor))
            # What is forecast is to lie about that far beyond the rest, not in it.
            if cut is not None and np.log(factor) <= 0.7 * np.ptp(size):
                yield factor, cut


def page() -> str:
    """The page."""
    parts = [HEAD, "## Studies of two inputs: mean absolute log error, share of targets inside\n\n"]
    parts += _table(list(studies()), "known", "mean_abs", {"plain Chinchilla": "chinchilla"})
    parts.append("\n## Curves: root mean square log error, share of targets inside\n\n")
    others = {"shapes alone": "shapes_alone", "carry last": "carry_last"}
    parts += _table(list(curves()), "factor", "rmsle", others)
    parts.append(f"\n## {simulated.CURVES} simulated curves with a floor: absolute log error of a")
    parts.append(" new point, share inside\n\n")
    parts += _table(list(simulated.curves()), "factor", "rmsle", others)
    parts += _off_diagonal(list(off_diagonal()))
    return "".join(parts)


def _table(
    cuts: list[tuple[float, Task]], title: str, error: str, others: dict[str, str]
) -> list[str]:
    table = run(task for _, task in cuts).table.with_columns(
        cut=pl.Series([cut for cut, _ in cuts])
    )
    lines = [
        f"| {title} | cuts | here | {' | '.join(others)} | 50 % | 80 % | 90 % | 95 % |\n",
        f"|---|---|---|{'---|' * len(others)}---|---|---|---|\n",
    ]
    held = ("in50", "in80", "in90", "in95")
    for (cut,), rows in table.sort("cut").group_by("cut", maintain_order=True):
        shares = " | ".join(f"{100 * rows[name].mean():.0f}" for name in held)
        beside = " | ".join(f"{rows[name].mean():.4f}" for name in others.values())
        here = f"**{rows[error].mean():.4f}**"
        lines.append(f"| {cut:g} | {rows.height} | {here} | {beside} | {shares} |\n")
    return lines


def off_diagonal() -> Iterator[tuple[str, Task]]:
    """(what is forecast, task) of studies of params and tokens, cut by tokens a param."""
    for task in chain(tasks.language(), tasks.unseen()):
        if task.inputs != ("params", "tokens"):
            continue
        everything = pl.concat([task.runs, task.at])
        ratio = (everything["tokens"] / everything["params"]).to_numpy()
        gemstones = task.group == "gemstones"
        edge = RATIO if gemstones else float(np.median(ratio))
        title = f"gemstones, {RATIO:g}" if gemstones else "others, their median"
        for side, known in (("above", ratio <= edge), ("below", ratio >= edge)):
            cut = _cut(task, known)
            if cut is not None:
                yield f"{side} ({title})", cut


def _off_diagonal(cuts: list[tuple[str, Task]]) -> list[str]:
    lines = ["\n## Off the diagonal: share of targets inside 90 % intervals\n\n"]
    lines.append("By the weight of the spread of the constants; ")
    lines.append(f"{two_inputs.SCALE_WEIGHTS[2]:g} is in use. Means over studies.\n\n")
    lines.append(f"| tokens a param | cuts | {' | '.join(f'{w:g}' for w in WEIGHTS)} |\n")
    lines.append(f"|---|---|{'---|' * len(WEIGHTS)}\n")
    for title in dict.fromkeys(name for name, _ in cuts):
        mine = [task for name, task in cuts if name == title]
        held = np.mean([[_held(task, weight) for weight in WEIGHTS] for task in mine], axis=0)
        shares = " | ".join(f"{100 * share:.0f}" for share in held)
        lines.append(f"| {title} | {len(mine)} | {shares} |\n")
    return lines


def _held(task: Task, weight: float) -> float:
    """The share of targets inside the 90 % intervals of the draws, which forecasts give."""
    x, at = (part.select(task.inputs).to_numpy() for part in (task.runs, task.at))
    noise, disagreement, _, step = two_inputs.SCALE_WEIGHTS
    with mock.patch.object(two_inputs, "SCALE_WEIGHTS", (noise, disagreement, weight, step)):
        law = two_inputs.coupled_model(x, task.runs[task.target].to_numpy())
        low, high = np.quantile(law.draws(np.log(at)), (0.05, 0.95), axis=0)
    return float(np.mean((low <= task.truth) & (task.truth <= high)))
