"""When Prefect's server is gone: give up in seconds, not in minutes.

Prefect's client asks a server that does not answer six times, which takes about a minute a request,
and at its end a process tries as long to send what is queued. A server that is started again within
`PATIENCE` loses nothing; of one that is not, every further wait is in vain. A server that takes the
question and is slow to answer is at work on a busy machine, and is given `ANSWER_SECONDS` for it.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

LOOK_SECONDS = 2.0
ANSWER_SECONDS = 60.0
# Prefect's server takes some ten seconds to start.
PATIENCE = 20.0
GIVEN_UP = "Prefect's server has gone silent; no request is tried a second time from here on"


@contextmanager
def impatient() -> Iterator[None]:
    """While this lasts, a server that has been silent for `PATIENCE` is not asked again."""
    stop = threading.Event()
    # A thread starts without the settings of this one, which say where the server is.
    here = contextvars.copy_context()
    watcher = threading.Thread(target=here.run, args=(_watch, stop), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join(ANSWER_SECONDS)


def answers(seconds: float = ANSWER_SECONDS) -> bool:
    """Whether Prefect's server says anything at all within ``seconds``."""
    with _asking(seconds) as ask:
        return ask()


def forget() -> None:
    """Drop what is queued for the server, so that this process need not wait for it at its end."""
    from prefect.events.worker import EventsWorker

    # One dictionary for the services of every kind.
    for service in list(EventsWorker._instances.values()):  # type: ignore[misc]
        with suppress(queue.Empty):
            while True:
                service._queue.get_nowait()
        service._stop(at_exit=True)


def _watch(stop: threading.Event) -> None:
    from prefect.settings import get_current_settings

    settings, answered = get_current_settings(), time.monotonic()
    with _asking(ANSWER_SECONDS) as ask:
        while not stop.wait(LOOK_SECONDS):
            if ask():
                answered = time.monotonic()
            elif time.monotonic() - answered > PATIENCE:
                # Read before each new attempt, also by requests that are on their way.
                settings.client.max_retries = 0
                # Prefect would write a line about each log line that did not get there.
                logging.raiseExceptions = False
                print(GIVEN_UP, file=sys.stderr, flush=True)
                return


@contextmanager
def _asking(seconds: float) -> Iterator[Callable[[], bool]]:
    """A function that asks the server once, as Prefect's client does (proxy, TLS, key)."""
    import httpx
    from prefect import get_client
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )

    once = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: seconds}
    with temporary_settings(once), get_client(sync_client=True) as client:
        yield lambda: not isinstance(client.api_healthcheck(), httpx.TransportError)
