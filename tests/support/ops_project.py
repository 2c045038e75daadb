"""A small project under Git, DVC and Prefect, with a server and remotes of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.e2e.orchestration.test_flow import CHECKOUT, FILES, git
from tests.support.waiting import HANG, PAUSE, Gate, end_of, until

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
# What Prefect's server answers when its database is: the same question has an answer later.
BUSY = 503


def make(root: Path) -> Path:
    """The project, committed; its inbox is a folder that Git ignores.

    Nothing is due at a time of the day: that would be a run that a test has not asked for.
    """
    deployments = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())
    for one in deployments["deployments"]:
        one["schedules"] = []
    files = {
        **FILES,
        ".dvcignore": (CHECKOUT / ".dvcignore").read_text(),
        "prefect.yaml": yaml.safe_dump(deployments, sort_keys=False),
    }
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
def serving(
    root: Path, env: dict[str, str], port: int, script: str = SERVE
) -> Iterator[subprocess.Popen[str]]:
    """`scaling serve refit`, once it answers; ended at the end, if it still runs."""
    command = [sys.executable, "-c", script, str(port)]
    with (
        (root.parent / "serve.log").open("a") as log,
        subprocess.Popen(command, cwd=root, env=env, stdout=log, stderr=log, text=True) as child,
    ):
        try:
            until(lambda: _ready(port), child=child)
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            end_of(child)


def _ready(port: int) -> bool:
    return any(one["status"] == "READY" for one in ask(port, "deployments"))


def ask(port: int, what: str) -> list[dict[str, Any]]:
    """All objects of a kind; none while the server does not answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/{what}/filter",
        b"{}",
        {"Content-Type": "application/json"},
    )
    while True:
        try:
            with urllib.request.urlopen(request, timeout=HANG) as answer:
                found: list[dict[str, Any]] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            if error.code != BUSY:
                raise
            time.sleep(PAUSE)
        except OSError:
            return []


def ended(port: int) -> list[str]:
    """States of the flow runs that began and ended."""
    runs = [run for run in ask(port, "flow_runs") if run["end_time"]]
    return [run["state_type"] for run in sorted(runs, key=lambda run: str(run["end_time"]))]


def hold(root: Path, *names: str) -> Gate:
    """Have these stages wait, wherever they run, until the gate is opened."""
    gate = Gate(root.parent / f"{root.name}.gate")
    stage = root / "stage.py"
    wait = f"if sys.argv[1] in {names!r}:\n    {gate.line}\n"
    stage.write_text(stage.read_text().replace("name, source", f"{wait}name, source", 1))
    return gate


def at_work(root: Path, name: str = "b") -> bool:
    """Whether this stage of the project runs."""
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        if "stage.py" in words and name in words and process.info["cwd"] == str(root):
            return True
    return False
