"""Run every deployment of ``prefect.yaml`` on this machine: what ``scaling serve`` calls.

The server is the one that ``PREFECT_API_URL`` names or, without one, an embedded one on the
loopback interface, which keeps its database in ``.prefect/`` and ends with this process.

Rests on internals of prefect 3.8.8: at SIGTERM the runner does not await its own stop, which is a
warning; it ends all the same, and so do its runs (`scaling.orchestration.server.parent_watchdog`).
"""

from __future__ import annotations

import contextvars
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from scaling.errors import InputError
from scaling.orchestration.project_flows import load_flow
from scaling.orchestration.run_local import prefect_home
from scaling.orchestration.server.temporary import ServerError, standing_server
from scaling.orchestration.watch_inbox import watch

FILE = "prefect.yaml"


def main(root: Path, port: int, only: Sequence[str] = (), seconds: float = 2.0) -> int:
    """Serve until stopped; returns the exit status: 0, or 1 when the server does not start."""
    root = root.resolve()
    specs = read(root / FILE, only)
    try:
        with _api(prefect_home(root), port) as url:
            _serve(root, specs, seconds, url)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def read(file: Path, only: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The deployments, or those that are named. Raises InputError."""
    if not file.is_file():
        raise InputError("is missing", file=file, hint="Run this in the project's folder.")
    specs: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]
    names = [spec["name"] for spec in specs]
    for name in only:
        if name not in names:
            raise InputError("no such deployment", file=file, value=name, allowed=", ".join(names))
    return [spec for spec in specs if not only or spec["name"] in only]


@contextmanager
def _api(home: Path, port: int) -> Iterator[str]:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    if given := PREFECT_API_URL.value():
        yield given
        return
    with standing_server(home, port) as url, temporary_settings({PREFECT_API_URL: url}):
        mark_crashed()
        yield url


def _serve(root: Path, specs: list[dict[str, Any]], seconds: float, url: str) -> None:
    from prefect import serve

    made = [deployment(root, spec) for spec in specs]
    print(f"serving {', '.join(spec['name'] for spec in specs)}; pages: {url.removesuffix('/api')}")
    sys.stdout.flush()
    stop = threading.Event()
    # A thread starts without the settings of this one, and would send its events nowhere.
    here = contextvars.copy_context()
    watcher = threading.Thread(target=here.run, args=(watch, root, seconds, stop), daemon=True)
    watcher.start()
    warnings.filterwarnings("ignore", message="coroutine 'Runner.astop' was never awaited")
    try:
        serve(*made, pause_on_shutdown=False, print_starting_message=False)
    finally:
        stop.set()
        watcher.join(10)


def deployment(root: Path, spec: dict[str, Any]) -> Any:
    """The deployment that an entry of the project's ``prefect.yaml`` describes, to be run here."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.events import DeploymentEventTrigger
    from prefect.schedules import Schedule
    from prefect.types.entrypoint import EntrypointType

    path, name = spec["entrypoint"].split(":")
    return load_flow(root, f"{Path(path).name}:{name}").to_deployment(
        spec["name"],
        description=spec["description"],
        tags=spec["tags"],
        parameters=spec["parameters"],
        schedules=[Schedule(**schedule) for schedule in spec["schedules"]],
        triggers=[
            DeploymentEventTrigger(**{k: v for k, v in trigger.items() if k != "type"})
            for trigger in spec.get("triggers", [])
        ],
        concurrency_limit=ConcurrencyLimitConfig(**spec["concurrency_limit"]),
        entrypoint_type=EntrypointType.FILE_PATH,
    )


def mark_crashed() -> None:
    """Mark the runs as crashed that were running when an embedded server last ended.

    No process of theirs is left to do so, and they would hold the place of the next.
    """
    from prefect import get_client
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    running = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    chosen = FlowRunFilter.model_validate({"state": {"type": {"any_": running}}})
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=chosen):
            client.set_flow_run_state(run.id, Crashed(message="its server ended"), force=True)
