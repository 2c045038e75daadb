"""Word of failures, drift, thresholds and runs: real Prefect blocks, real receivers on loopback."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from tests.e2e.orchestration.test_flow import CHECKOUT, versions
from tests.support.ops_project import ask, ended, environment, free_port, make, serving
from tests.support.waiting import until

SECRET = "pass-1f0c9e7a"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    # As a DVC remote in a bucket takes it: every process inherits it.
    return {**environment(tmp_path / "prefect"), "AWS_SECRET_ACCESS_KEY": SECRET}


def land(root: Path, text: str) -> None:
    """New runs: the stages of the small project read them from data/published."""
    (root / "data/published/more.csv").write_text(text)
    (root / "data/internal/landed.csv").write_text(text)


class _Web(BaseHTTPRequestHandler):
    got: list[str] = []  # noqa: RUF012

    def do_POST(self) -> None:
        self.got.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


class _Mail(socketserver.StreamRequestHandler):
    got: list[str] = []  # noqa: RUF012

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        letter: list[str] | None = None
        for line in (raw.decode().rstrip("\r\n") for raw in self.rfile):
            if letter is not None and line != ".":
                letter.append(line)
                continue
            if letter is not None:
                self.got.append("\n".join(letter))
                letter = None
            start = line.upper().startswith("DATA")
            letter = [] if start else letter
            self.wfile.write(b"354 go on\r\n" if start else b"250 ok\r\n")
            if line.upper().startswith("QUIT"):
                return


@contextmanager
def receiving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def alerts(port: int, env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scaling", "alerts", *arguments]
    here = {**env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    return subprocess.run(command, cwd=CHECKOUT, env=here, capture_output=True, text=True)


def news(texts: list[str], words: str) -> list[str]:
    """What was sent that says this; a letter breaks its lines with =."""
    return [text for text in texts if words in text.replace("=\n", "")]


@pytest.mark.slow
def test_word_of_each_kind_is_sent_in_three_ways_and_says_nothing_internal(
    root: Path, env: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    with (
        receiving(ThreadingHTTPServer(("127.0.0.1", 0), _Web)) as web,
        receiving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail)) as mail,
        serving(root, env, port),
    ):
        for kind, to in {
            "webhook": f"http://127.0.0.1:{web}/hook?key={SECRET}",
            "slack": f"json://me:{SECRET}@127.0.0.1:{web}/slack",
            "email": f"mailto://127.0.0.1:{mail}?from=a@example.org&to=b@example.org&mode=insecure",
        }.items():
            done = alerts(port, env, kind, "--to", to)
            assert done.returncode == 0, done.stderr
        again = alerts(port, env, "webhook", "--to", f"http://127.0.0.1:{web}/hook?key={SECRET}")
        assert again.returncode == 0
        assert len([a for a in ask(port, "automations") if a["name"].startswith("scaling: ")]) >= 12

        def sent(words: str) -> int:
            return len(news([*_Web.got, *_Mail.got], words))

        land(root, "row\nrefuse b\n")
        until(lambda: sent("refit did not complete: Failed") == 3)
        assert ended(port) == ["FAILED"]
        assert not (root / "reports/ledger.jsonl").exists()

        found = {"source": ["hush-hush"], "check": ["drift"]}
        pl.DataFrame(found).write_parquet(root / "data/findings.parquet")
        land(root, "row\n")
        until(lambda: sent("New rows are unlike earlier ones in 1 sources") == 3)
        assert versions(root) == 1

        assert thresholds(port, env, tmp_path / "packs") > 0
        until(lambda: sent("alerts of compute thresholds") == 3)

        assert "handed to Prefect" in leave(port, env, tmp_path / "watched")
        until(lambda: sent("1 run under way left its interval of the day before") == 3)
        kinds = ("logs", "events", "artifacts", "block_documents", "automations")
        shown = json.dumps([ask(port, what) for what in kinds])
    texts = [*_Web.got, *_Mail.got]
    assert len(texts) == 12
    assert not any(word in text for text in texts for word in ("inbox.csv", "hush-hush", "Lab"))
    assert SECRET not in shown
    assert written(tmp_path, SECRET) == []


def thresholds(port: int, env: dict[str, str], out: Path) -> int:
    """The flow ``govern`` against this server, over the example of the documentation."""
    runs = CHECKOUT / "docs/examples/governance-runs.csv"
    command = [sys.executable, "-m", "flows.govern", "--runs", str(runs), "--out", str(out)]
    here = {**env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    done = subprocess.run(command, cwd=CHECKOUT, env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1].split()[0])


def leave(port: int, env: dict[str, str], folder: Path) -> str:
    """Two looks of `scaling watch` at a run that jumps above its interval between them."""
    folder.mkdir()
    log = folder / "hush-hush.jsonl"
    command = [sys.executable, "-m", "scaling", "watch", log, "--steps", "400", "--once"]
    here = {**env, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PYTHONPATH": str(CHECKOUT)}
    for first, last, above in ((1, 200, 0.0), (201, 300, 1.0)):
        with log.open("a") as file:
            for n in range(first, last + 1):
                file.write(json.dumps({"step": n, "loss": 2.0 + 3.0 * n**-0.3 + above}) + "\n")
        done = subprocess.run(
            [*command, "--alert-after", "0"], cwd=folder, env=here, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    return done.stderr


def written(folder: Path, text: str) -> list[Path]:
    """Files with the text: reports, data, Git, DVC, logs, Prefect's database and what it stores."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if text.encode() in path.read_bytes()]


def test_an_address_of_the_wrong_kind_is_refused_and_not_repeated(env: dict[str, str]) -> None:
    done = alerts(1, env, "email", "--to", "https://me:secret@example.org")
    assert done.returncode == 2
    assert "mailto://" in done.stderr and "secret" not in done.stderr + done.stdout
