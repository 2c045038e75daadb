"""A model of a full refit on more workers and studies than are here.

    python -m benchmarks.fan_out_model

Extrapolated from CPU seconds that were measured on this project: one worker is one such core, and
nothing waits for a disk or a network. Batches are dealt out and taken as the flows do it.
"""

from __future__ import annotations

import heapq
from itertools import cycle, islice

from scaling.orchestration.server.task_runner import BATCHES

# `python -m scaling.pipeline.fit STUDY` and `.backtest STUDY` of the four studies shipped, with
# their start.
FITS, BACKTESTS = (15.6, 6.5, 5.5, 6.4), (9.2, 7.0, 8.2, 8.6)
# Ingest, validate, forecast and report of the four studies, and their start.
ALONE, ALONE_A_STUDY = 13.0, 1.3
# `python -m benchmarks.fan_out stages`: a DVC process starts, and a stage costs the more the more
# stages there are, because dvc.lock is read and written whole after each.
DVC_START, DVC_STAGE, DVC_GROWTH = 0.55, 0.05, 0.0013
# A look at all stages (`dvc status`), per stage; three a refit.
LOOK = 0.008
# `python -m benchmarks.fan_out overhead`: a task on a cluster, Prefect's server included.
TASK = 0.32
WORKERS = (1, 2, 4, 10, 30, 100)


def main() -> None:
    """Print speed-ups, and where DVC's own record costs more than the work."""
    print("| studies | " + " | ".join(f"on {number}, min" for number in WORKERS) + " |")
    print("|---" * (1 + len(WORKERS)) + "|")
    for studies in (4, 100, 500, 2000, 10_000):
        cells = [f"{wall(studies, number) / 60:,.1f}" for number in WORKERS]
        print(f"| {studies:,} | " + " | ".join(cells) + " |")
    work = (sum(FITS) + sum(BACKTESTS)) / 8
    print(
        f"\na stage works {work:.1f} CPU s in the mean; DVC's record of a stage costs a tenth of it"
    )
    print(
        f"from {(0.1 * work - DVC_STAGE) / DVC_GROWTH / 2:,.0f} studies on, and as much as the work"
    )
    print(f"from {(work - DVC_STAGE) / DVC_GROWTH / 2:,.0f} studies on")


def wall(studies: int, workers: int) -> float:
    """Seconds of a refit in which everything is stale."""
    number = 2 * studies
    record = DVC_STAGE + DVC_GROWTH * number
    stages = [*islice(cycle(FITS), studies), *islice(cycle(BACKTESTS), studies)]
    count = min(number, BATCHES * workers)
    batches = [stages[first::count] for first in range(count)]
    costs = [TASK + DVC_START + sum(batch) + record * len(batch) for batch in batches]
    alone = ALONE + ALONE_A_STUDY * studies + 3 * (DVC_START + LOOK * number)
    return alone + last(costs, workers)


def last(costs: list[float], workers: int) -> float:
    """When the last batch ends, each taken by the first worker that is free."""
    free = [0.0] * min(workers, len(costs))
    for cost in costs:
        heapq.heapreplace(free, free[0] + cost)
    return max(free)


if __name__ == "__main__":
    main()
