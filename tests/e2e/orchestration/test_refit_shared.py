"""Refits and publications at the same time, and on a full disk: the history stays whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaling.orchestration.server.temporary import temporary_server
from scaling.record.versions.verify import verify
from tests.support import text_project as small
from tests.support.needs import DISK
from tests.support.ops_project import at_work, hold
from tests.support.waiting import end_of, until

WAITING = "another refit is running here; waiting"
PUBLISH = [sys.executable, "-m", "scaling", "publish"]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    homes = tmp_path_factory.mktemp("prefect")
    with temporary_server(homes / "server") as url:
        yield small.environment(homes / "flows", url)


def more_data(root: Path, text: str) -> None:
    with (root / "data/published/runs.csv").open("a", encoding="utf-8") as file:
        file.write(text + "\n")


@pytest.mark.slow
def test_two_refits_at_once(tmp_path: Path, env: dict[str, str]) -> None:
    """One waits, and then finds what the other published; the second time they start together."""
    root = small.toy(tmp_path / "project")
    logs = [tmp_path / "first.log", tmp_path / "second.log"]
    gate = hold(root, "forecast")
    for number in range(2):
        more_data(root, f"row {number}")
        before = small.published(root)
        first, second = logs if number == 0 else reversed(logs)
        both = [small.start(root, env, first)]
        if number == 0:
            until(lambda: at_work(root, "forecast"))
        both.append(small.start(root, env, second))
        if number == 0:
            until(lambda: WAITING in logs[1].read_text())
            gate.open()
        assert [end_of(child) for child in both] == [0, 0]
        small.assert_whole(root, before)
        assert verify(root) == []
        assert len(small.ledger(root)) == number + 1
    told = "".join(log.read_text() for log in logs)
    assert told.count("\npublished ") + told.startswith("published ") <= 2


@pytest.mark.slow
def test_publishing_while_a_refit_runs(tmp_path: Path, env: dict[str, str]) -> None:
    """It waits for the refit: nothing half made is published."""
    root = small.toy(tmp_path / "project")
    assert small.refit(root, env).returncode == 0
    more_data(root, "more")
    child = small.start(root, env, tmp_path / "refit.log")
    said = []
    while child.poll() is None:
        time.sleep(1.0)
        done = subprocess.run(PUBLISH, cwd=root, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert child.returncode == 0, (tmp_path / "refit.log").read_text()
    assert verify(root) == []
    assert len(small.ledger(root)) == 2
    assert said


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        DISK.skip()
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, left: int) -> Path:
    """A file that takes all but so many bytes of the disk."""
    file = disk / "filler"
    free = shutil.disk_usage(disk).free - left
    file.write_bytes(b"x" * max(free, 0))
    return file


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 120_000, 420_000])
def test_a_full_disk_ends_a_refit_with_an_error(disk: Path, env: dict[str, str], left: int) -> None:
    """At the first stage, at a later one, and when publishing; with room again, it completes."""
    root = small.toy(disk / "project")
    assert small.refit(root, env).returncode == 0
    before = small.published(root)
    more_data(root, "row of a long table\n" * 5000)
    filler = fill(disk, left)
    done = small.refit(root, env)
    assert done.returncode != 0
    assert "o space left" in done.stdout + done.stderr
    small.assert_whole(root, before)
    filler.unlink()
    done = small.refit(root, env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verify(root) == []
    assert len(small.ledger(root)) == 2


@pytest.mark.slow
def test_a_full_disk_ends_publishing_with_an_error(disk: Path, env: dict[str, str]) -> None:
    root = small.toy(disk / "project")
    assert small.refit(root, env).returncode == 0
    before = small.published(root)
    (root / "reports/current/report.html").write_text("another report\n" * 2000)
    filler = fill(disk, 8_000)
    done = subprocess.run(PUBLISH, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode != 0
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr
    small.assert_whole(root, before)
    assert verify(root) == []
    filler.unlink()
    done = subprocess.run(PUBLISH, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(small.ledger(root)) == 2
