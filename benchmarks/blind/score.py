"""Forecasts of the blind curves, known to a quarter, a half and three quarters.

python -m benchmarks.blind.score [BATCH ...]          prints a table a batch
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.blind.designs import BATCHES, designs
from benchmarks.schedules import Curve, inside, score
from scaling.forecasting.scheduled import forecast_end
from scaling.runs.schedules import plan

FOLDER = Path("benchmarks/blind")
SHARES = (0.25, 0.5, 0.75)


def curves(batch: int, folder: Path = FOLDER) -> Iterator[Curve]:
    """The curves of a batch; the group of each says what was trained, the name its schedule."""
    table = pl.read_csv(folder / f"{batch}.csv").partition_by("run", maintain_order=True)
    made = ((group, one) for group in BATCHES[batch] for one in designs(group))
    for rows, (group, design) in zip(table, made, strict=True):
        what = f"{group.task}, {group.model}, {group.optimiser}"
        noisy = design.metric == "train"
        yield Curve(what, design.kind, rows["step"].to_numpy() * 1.0, rows["loss"].to_numpy(),
                    plan(design.schedule), noisy=noisy)  # fmt: skip


@dataclass(frozen=True)
class Scored:
    """One curve known to a share: root mean square log errors, |PIT - .5|, error at the end."""

    curve: Curve
    share: float
    errors: tuple[float, float, float]
    ranks: tuple[np.ndarray, np.ndarray]
    end: float


def scored(curve: Curve, share: float) -> Scored:
    """Forecasts with the schedule and without, and the last value carried on."""
    x, y, at, truth = curve.split(share)
    both = [
        score(curve, forecast_end(x, y, at, one, share=curve.share), truth)
        for one in (curve.schedule, None)
    ]
    last = float(np.sqrt(((np.log(y[-1]) - truth) ** 2).mean()))
    return Scored(curve, share, (both[0].error, both[1].error, last),
                  (both[0].rank, both[1].rank), both[0].end)  # fmt: skip


HEAD = (
    "| curves | with the schedule | without | carry last | in 50 % | in 90 % | bias at the end |\n"
    "|---|---|---|---|---|---|---|"
)


def row(label: str, some: Sequence[Scored]) -> str:
    """One line of a table."""
    errors = np.mean([one.errors for one in some], axis=0)
    cells = [f"{label} ({len(some)})", *(f"{one:.4f}" for one in errors)]
    for level in (0.5, 0.9):
        now, before = (inside([one.ranks[k] for one in some], level) for k in (0, 1))
        cells.append(f"{now:.0f} ({before:.0f})")
    return "| " + " | ".join([*cells, f"{np.mean([one.end for one in some]):+.4f}"]) + " |"


def table(found: Sequence[Scored]) -> list[str]:
    """Lines of a batch: by share, by kind of schedule, by model, and of a training loss."""
    lines = [HEAD]
    ways: list[Callable[[Scored], str]] = [
        lambda one: f"known to {one.share:.0%}",
        lambda one: one.curve.name,
        lambda one: one.curve.group,
        lambda one: "training loss" if one.curve.noisy else "validation loss",
    ]
    for way in ways:
        labels = dict.fromkeys(map(way, found))
        lines += [row(label, [one for one in found if way(one) == label]) for label in labels]
    falling = [one for one in found if one.curve.name != "constant"]
    return [*lines, row("all", found), row("all whose rate changes", falling)]


def main(batches: Sequence[int]) -> None:
    """Print a table a batch."""
    for batch in batches:
        found = [scored(one, share) for one in curves(batch) for share in SHARES]
        print(f"Batch {batch}\n\n" + "\n".join(table(found)))


if __name__ == "__main__":
    main([*map(int, sys.argv[1:])] or [*BATCHES])
