"""A real MLflow server on loopback, what is logged to it, and its answers as a recording.

    .venv/bin/python -m tests.support.trackers.mlflow_server

starts the servers (`make trackers` installs MLflow there), logs `FIRST` and `SECOND`, pulls after
each with `scaling.runs.servers.mlflow`, and packs every answer with the servers' own databases into
``files/mlflow-server.tar.xz``, which `Replayed` plays again.
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support import ROOT

ARCHIVE = Path(__file__).parent / "files/mlflow-server.tar.xz"
EXPERIMENT = "scaling laws"
# Pages so small that few runs and values fill several.
PAGES = {"_RUNS": 3, "_POINTS": 50}
TOKEN_USER, TOKEN_PASSWORD = "reader", "a-password-of-tests"
START = 1_700_000_000_000
HOSTILE = "\x1b[2J../../evil\r\n"


def interpreter() -> Path | None:
    """The Python that has MLflow: MLFLOW_PYTHON, or that of `make trackers`; None without one."""
    named = os.environ.get("MLFLOW_PYTHON")
    python = Path(named) if named else ROOT / ".venv-trackers/bin/python"
    return python if python.exists() else None


@contextmanager
def served(python: Path, folder: Path, *extra: str, **environment: str) -> Iterator[str]:
    """The address of an MLflow server over ``folder/mlflow.db``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
    command += ["--default-artifact-root", (folder / "artifacts").as_uri(), *extra]
    settings = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": "", **environment}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env=settings, cwd=folder, start_new_session=True
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, folder / "server.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, 15)
            server.wait(60)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            if server.poll() is not None:
                raise RuntimeError(log.read_text()[-2000:]) from None
            time.sleep(0.2)
        else:
            return
    raise TimeoutError(url)


class Client:
    """What logs runs, over the same API; MLflow's own client is not needed."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        self.address, self.headers = address, dict(headers or {})
        self.runs: dict[str, str] = {}

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", **self.headers}
        url, data = f"{self.address}/api/2.0/mlflow/{path}", json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
            return json.loads(answer.read() or b"{}")

    def start(self, experiment: str, name: str, at: int, **params: str) -> None:
        made = self.post(
            "runs/create", experiment_id=experiment, run_name=name, start_time=START + at
        )
        self.runs[name] = made["run"]["info"]["run_id"]
        given = [{"key": key, "value": value} for key, value in params.items()]
        self.post("runs/log-batch", run_id=self.runs[name], params=given)

    def log(self, name: str, key: str, points: list[tuple[int, float, int]]) -> None:
        """Points are (step, value, milliseconds after the start)."""
        metrics = [
            {"key": key, "step": step, "value": _number(value), "timestamp": START + time}
            for step, value, time in points
        ]
        for at in range(0, len(metrics), 1000):
            self.post("runs/log-batch", run_id=self.runs[name], metrics=metrics[at : at + 1000])

    def end(self, name: str, status: str = "FINISHED") -> None:
        self.post("runs/update", run_id=self.runs[name], status=status, end_time=START + 10_000_000)


def _number(value: float) -> float | str:
    """Numbers that JSON has none for, as protocol buffers write them."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def loss(step: int) -> float:
    return 2.0 + 3.0 / (1 + step)


def log_first(client: Client) -> None:
    """Seven runs: a restart, odd numbers, gaps, a hostile name, none logged, deleted, running."""
    experiment = client.post("experiments/create", name=EXPERIMENT)["experiment_id"]
    client.start(experiment, "restarted", 0, params="1000000", lr="0.003")
    # The job died after step 119 and went on from its checkpoint at step 100.
    steps = [(s, loss(s), s) for s in range(120)]
    steps += [(s, loss(s) - 0.5, 100_000 + s) for s in range(100, 200)]
    client.log("restarted", "val/loss", steps)
    odd = (math.nan, math.inf, -math.inf, 1e-300)
    client.log("restarted", "odd", [(i, one, i) for i, one in enumerate(odd)])
    client.end("restarted")
    client.start(experiment, HOSTILE, 1, params="2000000")
    client.log(HOSTILE, "val/loss", [(s, loss(s), s) for s in range(0, 100, 10)])
    # Logged again at one step, and a step far beyond.
    client.log(HOSTILE, "val/loss", [(50, 9.0, 5_000), (10**6, 1.5, 6_000)])
    client.end(HOSTILE)
    client.start(experiment, "empty", 2)
    client.end("empty", "FAILED")
    client.start(experiment, "deleted", 3, params="1")
    client.log("deleted", "val/loss", [(0, 1.0, 0)])
    client.post("runs/delete", run_id=client.runs["deleted"])
    client.start(experiment, "killed", 4, params="3000000")
    client.log("killed", "val/loss", [(s, loss(s), s) for s in range(30)])
    client.end("killed", "KILLED")
    client.start(experiment, "going", 5, params="4000000")
    client.log("going", "val/loss", [(s, loss(s), s) for s in range(40)])
    client.start(experiment, "soon deleted", 6, params="5000000")
    client.log("soon deleted", "val/loss", [(s, loss(s), s) for s in range(5)])
    client.end("soon deleted")


def log_second(client: Client) -> None:
    """One goes on and ends, one is new, one is deleted."""
    client.log("going", "val/loss", [(s, loss(s), s) for s in range(40, 60)])
    client.end("going")
    found = client.post("experiments/search", max_results=10)["experiments"]
    experiment = next(one["experiment_id"] for one in found if one["name"] == EXPERIMENT)
    client.start(experiment, "new", 7, params="6000000")
    client.log("new", "val/loss", [(s, loss(s), s) for s in range(3)])
    client.end("new")
    client.post("runs/delete", run_id=client.runs["soon deleted"])


Answers = dict[str, dict[str, Any]]


def _key(handler: BaseHTTPRequestHandler, body: bytes) -> str:
    access = "with token" if handler.headers.get("Authorization") else "without token"
    return f"{handler.command} {handler.path} {body.decode()} {access}"


@contextmanager
def listening(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """The address of a server on loopback that answers so."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """A whole answer."""
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def recording(upstream: str, answers: Answers) -> Iterator[str]:
    """A server that passes requests on, and keeps the answers."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {
            name: handler.headers[name]
            for name in ("Authorization", "Content-Type")
            if name in handler.headers
        }
        method = {"data": body} if handler.command == "POST" else {}
        request = urllib.request.Request(upstream + handler.path, headers=headers, **method)
        try:
            with urllib.request.urlopen(request) as found:
                status, content = found.status, found.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        answers[_key(handler, body)] = {"status": status, "body": content.decode()}
        send(handler, status, content)

    with listening(answer) as address:
        yield address


@contextmanager
def replaying(answers: Answers) -> Iterator[str]:
    """A server that answers what was recorded, and nothing else."""

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        found = answers.get(_key(handler, body), {"status": 501, "body": "{}"})
        send(handler, found["status"], found["body"].encode())

    with listening(answer) as address:
        yield address


def _vacuumed(database: Path, target: Path) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(database, isolation_level=None)) as source:
        source.execute("VACUUM INTO ?", (str(target),))


def _log_and_pull(python: Path, folder: Path, out: Path) -> None:
    """The two pulls of a server without a password."""
    from scaling.runs.servers import mlflow

    with served(python, folder) as address:
        client = Client(address)
        for number, log in enumerate((log_first, log_second), start=1):
            log(client)
            answers: Answers = {}
            with recording(address, answers) as proxy:
                for name in (EXPERIMENT, "scaling lows"):
                    _tried(lambda at, one=name: mlflow.pull(at, one, out / "pulled.db"), proxy)
            _write(out / f"answers-{number}.json", answers)
            _vacuumed(folder / "mlflow.db", out / f"server-{number}.db")
        with urllib.request.urlopen(f"{address}/version") as version:
            (out / "version.txt").write_bytes(version.read())


def _pull_with_password(python: Path, folder: Path, out: Path) -> None:
    """What a server with a password says: to nobody, to a wrong one, and to the right one."""
    from scaling.runs.servers import mlflow

    (folder / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder}/auth.db\n"
        f"admin_username = {TOKEN_USER}\nadmin_password = {TOKEN_PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    secrets = {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "tests",
    }
    with served(python, folder, "--app-name", "basic-auth", **secrets) as address:
        for name, password in (("nobody", ""), ("wrong", "wrong"), ("right", TOKEN_PASSWORD)):
            given = {
                "MLFLOW_TRACKING_USERNAME": TOKEN_USER,
                "MLFLOW_TRACKING_PASSWORD": password,
            }
            answers: Answers = {}
            with recording(address, answers) as proxy:
                _tried(
                    lambda at, given=given: mlflow.pull(
                        at, "Default", out / "none.db", environment=given
                    ),
                    proxy,
                )
            _write(out / f"answers-{name}.json", answers)


def _tried(pull: Callable[[str], Any], address: str) -> None:
    from scaling.errors import InputError

    try:
        print(pull(address))
    except InputError as error:
        print(error)


def _write(file: Path, answers: Answers) -> None:
    file.write_text(json.dumps(answers, indent=1, sort_keys=True))


def main() -> None:
    """Record, and pack."""
    from scaling.runs.servers import mlflow

    python = interpreter()
    if python is None:
        raise SystemExit("no MLflow here: `make trackers`")
    for name, size in PAGES.items():
        setattr(mlflow, name, size)
    with tempfile.TemporaryDirectory() as made:
        places = [Path(made, name) for name in ("open", "closed", "out")]
        for place in places:
            place.mkdir()
        _log_and_pull(python, places[0], places[2])
        _pull_with_password(python, places[1], places[2])
        from tests.support.trackers.make_files import pack

        (places[2] / "pulled.db").unlink()
        pack(places[2], ARCHIVE)
    with tarfile.open(ARCHIVE) as archive:
        print(archive.getnames(), ARCHIVE.stat().st_size)


if __name__ == "__main__":
    main()
