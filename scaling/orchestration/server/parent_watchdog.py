"""A flow run whose parent process was killed ends itself.

Prefect's runner and worker start each run as a process of its own. When they are killed, the run
would continue beside the one that is started next. It watches its parent instead, and when that
is gone it ends itself and what it started. Nothing is lost: the next run continues from what DVC
has.

Rests on internals of prefect 3.8.8: the environment variable with the id of the run, which the
runner and the worker set for the process that they start.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any

SECONDS = 1.0
# A server that is gone refuses at once; one on a busy machine takes its time.
REPORT_SECONDS = 60.0
# Set by the runner and the worker for the process of one run, and by nothing else.
STARTED_BY_PREFECT = "PREFECT__FLOW_RUN_ID"
NAME = "ends with its parent"


def end_with_parent(end: Callable[[], None] | None = None) -> threading.Thread | None:
    """Watch the parent of a run that Prefect started; None for any other process."""
    watched = any(thread.name == NAME for thread in threading.enumerate())
    if watched or STARTED_BY_PREFECT not in os.environ:
        return None
    watcher = threading.Thread(
        target=_watch, args=(os.getppid(), end or _end), name=NAME, daemon=True
    )
    watcher.start()
    return watcher


def _watch(parent: int, end: Callable[[], None]) -> None:
    while os.getppid() == parent:
        threading.Event().wait(SECONDS)
    end()


def _end() -> None:
    """Leave at once, with every process below: the system gives back the project's lock.

    Nothing is printed: whoever read this process's output is gone, and writing to it would fail.
    """
    import psutil

    with contextlib.suppress(Exception):  # whatever it is: ending comes first
        _report_crashed()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(1)


def _report_crashed() -> None:
    """Have the server mark this run as crashed, if it is there: else it would hold the one place of
    its deployment until its claim runs out (five minutes), and count as running for ever."""
    from uuid import UUID

    from prefect import State, get_client
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )
    from prefect.states import Crashed

    run = UUID(os.environ[STARTED_BY_PREFECT])
    once = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: REPORT_SECONDS}
    with temporary_settings(once), get_client(sync_client=True) as client:
        state: State[Any] = Crashed(message="its worker ended")
        client.set_flow_run_state(run, state, force=True)
