"""When Prefect's server is gone: give up in seconds, not in minutes.

Prefect's client asks a server that does not answer six times, which takes about a minute a request,
and at its end a process tries as long to send what is queued. A server that is started again within
`PATIENCE` loses nothing; of one that is not, every further wait is in vain. A server that takes the
question and is slow to answer may be at work on a busy machine: it is given `SILENCE`.
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
ANSWER_SECONDS = 120.0
# Prefect's server takes some ten seconds to start.
PATIENCE = 20.0
SILENCE = 300.0
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
        return ask() is None


def of_the_server(error: Exception) -> bool:
    """Whether a flow failed because of its server: it died, or its disk is full."""
    import httpx
    from prefect.exceptions import PrefectException

    # What Prefect's client says of a request between two attempts when `_watch` gives up.
    ended = isinstance(error, AssertionError) and "Retry handling ended" in str(error)
    return ended or isinstance(error, (httpx.HTTPError, PrefectException))


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
    import httpx
    from prefect.settings import get_current_settings

    settings, answered = get_current_settings(), time.monotonic()
    with _asking(ANSWER_SECONDS) as ask:
        while not stop.wait(LOOK_SECONDS):
            error = ask()
            patience = PATIENCE if isinstance(error, httpx.ConnectError) else SILENCE
            if error is None:
                answered = time.monotonic()
            elif time.monotonic() - answered > patience:
                # Read before each new attempt, also by requests that are on their way.
                settings.client.max_retries = 0
                # Prefect would write a line about each log line that did not get there.
                logging.raiseExceptions = False
                print(GIVEN_UP, file=sys.stderr, flush=True)
                return


@contextmanager
def _asking(seconds: float) -> Iterator[Callable[[], Exception | None]]:
    """A function that asks the server once, as Prefect's client does (proxy, TLS, key).

    It says what stood in the way of an answer; None when there was one, whatever it said.
    """
    import httpx
    from prefect import get_client
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )

    once = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: seconds}
    with temporary_settings(once), get_client(sync_client=True) as client:

        def ask() -> Exception | None:
            error = client.api_healthcheck()
            return error if isinstance(error, httpx.TransportError) else None

        yield ask
