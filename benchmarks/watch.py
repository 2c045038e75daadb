"""How well `scaling watch` forecasts the end of real training runs while they train.

    python -m benchmarks.watch          (20 runs, some four minutes on one core)

Twenty runs of `benchmarks.small_training`: three schedules, widths of 16 to 192, 2,500 to 5,000
steps, learning rates over a factor of three, seeds of their own. Each log is written to a file and
read as `scaling watch` reads it; the forecast at a share of the run sees the lines up to there. The
end is the mean loss over the last 1 % of the steps. Written: docs/benchmarks/watch.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.small_training import SCHEDULES, Design, train
from scaling.callbacks import Watch
from scaling.watching.progress import Progress, progress
from scaling.watching.score import SHARES, observed
from scaling.watching.series import Series
from scaling.watching.source import Wanted, observations

OUT = Path("docs/benchmarks/watch.md")
RUNS = 20


@dataclass(frozen=True)
class Scored:
    """A run, its end, and the forecasts at `SHARES`, with the CPU seconds that each took."""

    design: Design
    series: Series
    end: float
    made: tuple[Progress, ...]
    seconds: tuple[float, ...]


def designs(runs: int = RUNS) -> Iterator[Design]:
    """The runs: every schedule in turn, all else drawn."""
    rng = np.random.default_rng(26)
    for seed in range(runs):
        yield Design(
            seed=seed,
            steps=int(rng.integers(25, 51)) * 100,
            width=int(np.exp(rng.uniform(np.log(16), np.log(192)))),
            schedule=tuple(SCHEDULES)[seed % len(SCHEDULES)],
            peak=float(np.exp(rng.uniform(np.log(2e-3), np.log(6e-3)))),
        )


def scored(design: Design) -> Scored:
    """Train, and forecast the end from each share of the log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, f"{design.name}.jsonl")
        log.write_text("".join(json.dumps(line) + "\n" for line in train(design)))
        series = observations(log, Wanted(steps=design.steps))
    end = observed(series)
    assert end is not None
    made, seconds = [], []
    for share in SHARES:
        started = time.process_time()
        made.append(progress(series.until(share * design.steps)))
        seconds.append(time.process_time() - started)
    return Scored(design, series, end, tuple(made), tuple(seconds))


def inside(one: Progress, end: float, low: float, high: float) -> bool:
    """Whether the end lies between two quantiles."""
    return one.quantiles[low] <= end <= one.quantiles[high]


def _row(found: list[Scored], k: int) -> str:
    """A share of the run over some runs."""
    made = [(one.made[k], one.end) for one in found]
    errors = np.array([p.median / end - 1.0 for p, end in made])
    halves = [(p.quantiles[0.95] - p.quantiles[0.05]) / 2 / end for p, end in made]
    held = sum(inside(p, end, 0.05, 0.95) for p, end in made)
    half = sum(inside(p, end, 0.25, 0.75) for p, end in made)
    return (
        f"{SHARES[k]:.0%} | {len(made)} | {100 * np.abs(errors).mean():.1f} | "
        f"{100 * errors.mean():+.1f} | {100 * np.mean(halves):.1f} | {held} | {half}"
    )


def _together(found: list[Scored]) -> str:
    """How often intervals held at all shares together."""
    pairs = [(made, one.end) for one in found for made in one.made]
    wide = sum(inside(made, end, 0.05, 0.95) for made, end in pairs)
    narrow = sum(inside(made, end, 0.25, 0.75) for made, end in pairs)
    return (
        f"\nOf {len(pairs)} forecasts the 90 % interval held the end in {wide}, the 50 % interval "
        f"in {narrow}.\n"
    )


def _log_cost(lines: int = 20_000) -> float:
    """Microseconds of the training's own that `Watch.log` takes a call."""
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(folder, steps=lines, every=1e9)
        started = time.process_time()
        for step in range(lines):
            watch.log(step=step, loss=2.0, lr=1e-3)
        return 1e6 * (time.process_time() - started) / lines


HEAD = """# Runs under way

`python -m benchmarks.watch` makes this page (its docstring has the designs): twenty real runs of a
small character model, forecast while they train. Shown are the mean distance of the median from the
end, its mean (below 0: too low), half the width of the 90 % interval, all in per cent of the end,
and in how many runs the end lay in the 90 and in the 50 % interval. No schedule of the learning
rate was given.

"""
TABLE = (
    "forecast at | runs | error, % | bias, % | half width, % | in 90 % | in 50 %\n"
    "--- | ---: | ---: | ---: | ---: | ---: | ---:\n"
)


def page(found: list[Scored]) -> str:
    """All runs, each schedule, and each run."""
    parts = [HEAD, TABLE, *(_row(found, k) + "\n" for k in range(len(SHARES))), _together(found)]
    for name in SCHEDULES:
        some = [one for one in found if one.design.schedule == name]
        rows = (_row(some, k) + "\n" for k in range(len(SHARES)))
        parts += [f"\n## Schedule: {name}\n\n", TABLE, *rows]
    spikes = sum(len(one.made[-1].spikes) for one in found)
    plateaus = [sum(one.made[k].plateau for one in found) for k in range(len(SHARES))]
    shares = ", ".join(f"{share:.0%}" for share in SHARES)
    cost = [np.mean([one.seconds[k] for one in found]) for k in range(len(SHARES))]
    parts.append(
        "\n## Signs and cost\n\n"
        f"- Spikes found: {spikes}. No run has one that is visible.\n"
        f"- Runs called a plateau at {shares}: {', '.join(map(str, plateaus))}.\n"
        f"- CPU seconds of a forecast at {shares}: {', '.join(f'{one:.2f}' for one in cost)}.\n"
        f"- CPU microseconds of `Watch.log` in the training: {_log_cost():.0f} a call.\n"
    )
    head = "run | end | " + " | ".join(f"{share:.0%}" for share in SHARES)
    parts.append(
        f"\n## Each run\n\nMedians and 90 % intervals.\n\n{head}\n--- | ---:" + " | ---" * 4
    )
    for one in found:
        cells = (
            f"{p.median:.3f} ({p.quantiles[0.05]:.3f} to {p.quantiles[0.95]:.3f})" for p in one.made
        )
        design = one.design
        name = f"{design.schedule}, width {design.width}, {design.steps:,} steps"
        parts.append(f"\n{name} | {one.end:.3f} | {' | '.join(cells)}")
    return "".join(parts) + "\n"


def main() -> None:
    """Write the page, or print it with fewer runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    args = parser.parse_args()
    text = page([scored(one) for one in designs(args.runs)])
    if args.runs == RUNS:
        OUT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
