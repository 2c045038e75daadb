"""Where the fan-outs of a flow run: threads of its own process, a Dask cluster or a Ray cluster.

| environment | meaning |
|---|---|
| ``SCALING_RUNNER`` | ``threads`` (the default), ``dask`` or ``ray`` |
| ``SCALING_CLUSTER`` | address of a cluster; without it one is started here for the time of a run |
| ``SCALING_WORKERS`` | how many tasks run side by side (2), by which stages are put into batches |

What runs is the same whichever is chosen: a task brings a batch of DVC stages up to date.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from scaling.errors import InputError

RUNNER, CLUSTER, WORKERS = "SCALING_RUNNER", "SCALING_CLUSTER", "SCALING_WORKERS"
# With two batches a worker, one with the longer stages does not keep the rest waiting.
BATCHES = 2


def runner() -> Any:
    """The task runner that the environment chooses. Raises InputError."""
    name = os.environ.get(RUNNER, "threads")
    if name not in RUNNERS:
        raise InputError("no such runner", column=RUNNER, value=name, allowed=", ".join(RUNNERS))
    try:
        return RUNNERS[name](workers(), os.environ.get(CLUSTER))
    except ImportError as error:
        hint = "`pip install --no-deps --require-hashes -r requirements-cluster.lock` brings it"
        raise InputError(
            f"not installed: {error.name}", column=RUNNER, value=name, hint=hint
        ) from error


def workers() -> int:
    """How many tasks run side by side. Raises InputError."""
    text = os.environ.get(WORKERS, "2")
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise InputError(
            "not a number of workers", column=WORKERS, value=text, allowed="1 to 10000"
        )
    return int(text)


def batches(stages: Sequence[str]) -> list[list[str]]:
    """The stages dealt out in turn, so that a batch does not get all of a kind."""
    number = min(len(stages), BATCHES * workers())
    return [list(stages[first::number]) for first in range(number)]


def _threads(number: int, address: str | None) -> Any:
    from prefect.task_runners import ThreadPoolTaskRunner

    return ThreadPoolTaskRunner(max_workers=number)


def _dask(number: int, address: str | None) -> Any:
    from prefect_dask import DaskTaskRunner

    if address:
        return DaskTaskRunner(address=address)
    # Processes, because fits hold the interpreter; on the loopback interface, without pages.
    local = {"n_workers": number, "threads_per_worker": 1, "host": "127.0.0.1"}
    return DaskTaskRunner(cluster_kwargs={**local, "dashboard_address": None})


def _ray(number: int, address: str | None) -> Any:
    from prefect_ray import RayTaskRunner

    if address:
        return RayTaskRunner(address=address)
    local = {"num_cpus": number, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    return RayTaskRunner(init_kwargs=local)


RUNNERS: dict[str, Callable[[int, str | None], Any]] = {
    "threads": _threads,
    "dask": _dask,
    "ray": _ray,
}
