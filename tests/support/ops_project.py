"""A small project under Git, DVC and Prefect, with a server and remotes of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.orchestration.test_flow import CHECKOUT, FILES, git

SERVE = (
    "import sys; from pathlib import Path; from scaling.orchestration.server.serve import main; "
    "sys.exit(main(Path(), int(sys.argv[1]), ('refit',), 0.5))"
)
# Whoever commits in a test has a name, and nothing of the person's own settings is read.
WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def make(root: Path) -> Path:
    """The project, committed; its inbox is a folder that Git ignores."""
    own = (".dvcignore", "prefect.yaml")
    files = {**FILES, **{name: (CHECKOUT / name).read_text() for name in own}}
    files[".gitignore"] += ".prefect/\n/data/internal/\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "data/internal").mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return root


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    return {**kept, **WHO, "PYTHONPATH": str(CHECKOUT), "PREFECT_HOME": str(home)}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(root: Path, env: dict[str, str], port: int) -> Iterator[subprocess.Popen[str]]:
    """`scaling serve refit`, once it answers; ended at the end, if it still runs."""
    command = [sys.executable, "-c", SERVE, str(port)]
    with (
        (root.parent / "serve.log").open("a") as log,
        subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log, text=True) as child,
    ):
        try:
            until(lambda: any(d["status"] == "READY" for d in ask(port, "deployments")))
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()


def ask(port: int, what: str) -> list[dict[str, Any]]:
    """All objects of a kind; none while the server does not answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/{what}/filter",
        b"{}",
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
    except OSError:
        return []
    return found


def ended(port: int) -> list[str]:
    """States of the flow runs that began and ended."""
    runs = [run for run in ask(port, "flow_runs") if run["end_time"]]
    return [run["state_type"] for run in sorted(runs, key=lambda run: str(run["end_time"]))]


def until(true: Callable[[], object], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.3)
