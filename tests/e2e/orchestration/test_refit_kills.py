"""The whole refit (Prefect, DVC, publishing) killed, doubled and out of disk: history stays whole.

Half of the kills take the process group, half the main process alone, which leaves DVC and its
stage behind. Most come after a random time, some as soon as publishing begins to write. The times
follow the machine, and a kill that came after the end does not count.
SCALING_KILLS says how many (20).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaling.orchestration.server.temporary import temporary_server
from scaling.record.versions.verify import verify
from tests.support import text_project as small

KILLS = int(os.environ.get("SCALING_KILLS", "20"))
# Of all kills: as soon as publishing writes, or up to so many seconds later.
AT_PUBLISHING, AFTER = 0.3, 0.02


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """With a server that runs already: making one takes longer than all the stages here."""
    homes = tmp_path_factory.mktemp("prefect")
    with temporary_server(homes / "server") as url:
        yield small.environment(homes / "flows", url)


def more_data(root: Path, text: str) -> None:
    with (root / "data/published/runs.csv").open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def kill(root: Path, env: dict[str, str], chance: random.Random, took: float) -> str:
    """Start a refit, which takes about so long, and kill it; says what was killed, and when."""
    child = small.start(root, env, root.parent / "refit.log")
    what = chance.choice(("group", "main"))
    when = "after a time"
    if chance.random() < AT_PUBLISHING:
        when = "at publishing"
        wait_for_writing(root, child)
        time.sleep(chance.uniform(0.0, AFTER))
    else:
        time.sleep(chance.uniform(0.0, 0.9 * took))
    if child.poll() is not None:
        when = "ended before"
    elif what == "group":
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.send_signal(signal.SIGKILL)
    child.wait()
    return f"{what} {when}"


def wait_for_writing(root: Path, child: subprocess.Popen[bytes]) -> None:
    """Until publishing has made a temporary file or folder, or the refit ended."""
    reports = root / "reports"
    while child.poll() is None:
        if reports.is_dir() and any(name.startswith(".tmp-") for name in os.listdir(reports)):
            return
        time.sleep(0.0005)


@pytest.mark.slow
def test_killed_at_random_points_of_a_refit(tmp_path: Path, env: dict[str, str]) -> None:
    """After every kill what was published is there; one kill in three is followed to the end."""
    root = small.toy(tmp_path / "project")
    start = time.monotonic()
    assert small.refit(root, env).returncode == 0
    took = time.monotonic() - start
    chance, seen, came = random.Random(7), list[str](), 0
    while came < KILLS:
        number = len(seen)
        more_data(root, f"row {number}")
        before = small.published(root)
        seen.append(kill(root, env, chance, took))
        small.assert_whole(root, before)
        print(number, seen[-1], flush=True)
        late = "ended" in seen[-1]
        took *= 0.8 if late else 1.05
        came += not late
        if number % 3 == 2 or came == KILLS:
            complete(root, env, f"row {number}\n")
    print({what: seen.count(what) for what in sorted(set(seen))})


def complete(root: Path, env: dict[str, str], last: str) -> None:
    """The next refit publishes what the killed one would have, and the chain is whole."""
    before = small.published(root)
    done = small.refit(root, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verify(root) == []
    small.assert_whole(root, before)
    newest = small.ledger(root)[-1]["version"]
    assert (root / "reports" / newest / "report.html").read_text().endswith(last)
    assert not list((root / "reports").glob(".tmp-*"))
