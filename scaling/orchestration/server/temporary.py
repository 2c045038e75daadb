"""A temporary Prefect server: a child process, on the loopback interface, that ends cleanly.

Prefect can start one by itself, but stops it while task events are still being written: with some
forty tasks its log ends in a traceback. Here the parent first drains its own queues, so that every
event has come in (`drain`). The child is told to stop by the end of its standard input, which also
comes when the parent dies, however that happens; it then lets the open connections finish.

Rests on internals of prefect 3.8.8: the application that `create_app` makes, and the queues of
events and log lines, which are drained.
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scaling.io.atomic import little_space

# Guards against what hangs: a machine that is busy with other work takes its time over all.
START_SECONDS = 900.0
STOP_SECONDS = 300.0
ANSWER_SECONDS = 120.0
# Only what a flow run needs: the recorder of task runs. It writes when it has a batch and at the
# end, never on a timer: a timer is what stopping would interrupt.
SETTINGS = {
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "25",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "86400",
}


VACUUM = "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED"


class ServerError(RuntimeError):
    """The server did not start; the message has the end of its log."""


@contextmanager
def temporary_server(home: Path) -> Iterator[str]:
    """The API address of a server that lives as long as the context.

    ``home`` takes Prefect's database and ``server.log``. Raises ServerError.
    """
    with _server(home, SETTINGS, []) as url:
        yield url


@contextmanager
def standing_server(home: Path, port: int) -> Iterator[str]:
    """As `temporary_server`, at a known port, with pages to look at, schedules and automations."""
    settings = {"PREFECT_SERVER_API_PORT": str(port), "PREFECT_SERVER_LOGGING_LEVEL": "WARNING"}
    # Else runs, their logs and artifacts stay for ever; with it they go after 90 days.
    settings[VACUUM] = os.environ.get(VACUUM, "true")
    with _server(home, settings, [str(port)]) as url:
        yield url


@contextmanager
def _server(home: Path, settings: dict[str, str], arguments: list[str]) -> Iterator[str]:
    home.mkdir(parents=True, exist_ok=True)
    file = home / "server.log"
    with file.open("wb") as log, _child(home, log.fileno(), settings, arguments) as child:
        yield f"http://127.0.0.1:{_port(child, file)}/api"


@contextmanager
def _child(
    home: Path, log: int, settings: dict[str, str], arguments: list[str]
) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-m", "scaling.orchestration.server.temporary", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, **settings, "PREFECT_HOME": str(home.resolve())},
        start_new_session=True,  # so that Ctrl-C reaches the flow, which then stops the server
    )
    try:
        yield child
    finally:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.close()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _port(child: subprocess.Popen[bytes], log: Path) -> int:
    """Wait until the child says on which port it listens."""
    assert child.stdout is not None
    deadline = threading.Timer(START_SECONDS, child.kill)
    deadline.start()
    line = child.stdout.readline()
    deadline.cancel()
    if not line:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        full = little_space(log.parent)
        raise ServerError(f"Prefect's server did not start{full}; the end of {log}:\n{tail}")
    return int(line)


def answers(seconds: float = ANSWER_SECONDS) -> bool:
    """Whether Prefect's server says anything at all within ``seconds``; asked once."""
    import httpx
    from prefect import get_client
    from prefect.settings import (
        PREFECT_API_REQUEST_TIMEOUT,
        PREFECT_CLIENT_MAX_RETRIES,
        temporary_settings,
    )

    once = {PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: seconds}
    with temporary_settings(once), get_client(sync_client=True) as client:
        return not isinstance(client.api_healthcheck(), httpx.TransportError)


def drain() -> None:
    """Send every event and log line that is still queued in this process, if the server answers."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    if not answers():
        return
    # A worker that is told to stop with much still to send warns about it; one that is not, sends.
    idle = threading.Thread(target=EventsWorker.instance().wait_until_empty, daemon=True)
    idle.start()
    idle.join(STOP_SECONDS)
    EventsWorker.drain_all(timeout=STOP_SECONDS)
    APILogWorker.drain_all(timeout=STOP_SECONDS)


# The child --------------------------------------------------------------------------------------


def serve(port: int | None = None) -> None:
    """Serve until standard input ends: with a port everything, without one what a run needs."""
    # Of half a million objects that imports make none goes: looking through them is a tenth of the
    # time of a start.
    gc.disable()
    import uvicorn
    from prefect.server.api.server import create_app

    import scaling.orchestration.server.alerts  # noqa: F401  so that automations can send e-mail

    gc.freeze()
    gc.enable()
    listener = socket.create_server(("127.0.0.1", port or 0))
    app = create_app(ephemeral=port is None, final=True)
    # A standing server is never without an open connection, which would use all of this time.
    ending = 60 if port is None else 20
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=ending)
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_at_eof, args=(server, listener), daemon=True).start()
    server.run(sockets=[listener])


def _stop_at_eof(server: Any, listener: socket.socket) -> None:
    """Print the port once the server has started; stop it when standard input ends."""
    port = listener.getsockname()[1]
    while not server.started:
        threading.Event().wait(0.02)
    print(port, flush=True)
    sys.stdin.buffer.read()
    server.should_exit = True


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]))
