"""One wrong byte anywhere in what is published is found and named."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scaling.io.hashing import sha256
from scaling.pipeline.publish import publish
from scaling.record.reproduce.git_state import changed
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.store import issue
from scaling.record.versions.verify import verify
from tests.support.publish_project import NOON, content, fill, write_report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three versions, and a replayed history of two."""
    project = fill(tmp_path / "project")
    for number in range(3):
        write_report(project, f"# Report {number}\n")
        publish(project, now=NOON)
    for day in ("2024-01-01", "2025-01-01"):
        file = tmp_path / f"{day}.csv"
        file.write_text(f"study,value\na,{day}\n")
        made_by = {"as_of": day, "outputs": {"forecast.csv": sha256(file.read_bytes())}}
        made = Current(made_by, {"forecast.csv": file}, day)
        issue(project, project / "reports/history", lambda made=made: made, now=NOON)  # type: ignore[misc]
    assert verify(project) == []
    return project


def flip(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]


HARMS: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "a bit flipped": flip,
    "the last byte cut": lambda data, rng: data[:-1],
    "a byte more": lambda data, rng: data + b"x",
    "emptied": lambda data, rng: b"",
    "deleted": lambda data, rng: None,
}


def named(problems: list[str], name: str) -> bool:
    """Whether a problem names the file: by its path, or its version where the ledger is gone."""
    return any(f"reports/{name}" in problem for problem in problems)


@pytest.mark.parametrize("harm", HARMS)
def test_an_input_that_is_not_as_git_has_it_is_named(tmp_path: Path, harm: str) -> None:
    inputs = [tmp_path / "data/published/paper/runs.csv", tmp_path / "params.yaml"]
    for path in inputs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("run,value\na,2.5\n")
    assert changed(tmp_path) == []  # no repository, so nothing to compare with
    for arguments in (["init"], ["add", "-A"], ["commit", "-m", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)
    assert changed(tmp_path) == []
    for path in inputs:
        whole = path.read_bytes()
        harmed = HARMS[harm](whole, random.Random(harm))
        path.unlink() if harmed is None else path.write_bytes(harmed)
        (line,) = changed(tmp_path)
        assert line.startswith(f"{path.relative_to(tmp_path)} is not as Git has it")
        path.write_bytes(whole)


@pytest.mark.parametrize("harm", HARMS)
def test_every_file_that_is_not_as_published_is_named(root: Path, harm: str) -> None:
    rng = random.Random(harm)
    files = content(root)
    assert len(files) == 3 * 6 + 1 + 2 * 2 + 1
    for name, data in files.items():
        path = root / "reports" / name
        wrong = HARMS[harm](data, rng)
        if wrong is None:
            path.unlink()
        else:
            path.write_bytes(wrong)
        assert named(verify(root), name), (harm, name)
        path.write_bytes(data)
    assert verify(root) == []


def test_a_line_of_the_ledger_changed_added_or_removed_is_found(root: Path) -> None:
    for place in ("reports", "reports/history"):
        path = root / place / "ledger.jsonl"
        before = path.read_bytes()
        lines = before.splitlines(keepends=True)
        for number in range(len(lines)):
            without = lines[:number] + lines[number + 1 :]
            for wrong in (without, [*lines, lines[number]], lines[::-1]):
                path.write_bytes(b"".join(wrong))
                assert any("ledger.jsonl" in problem for problem in verify(root))
        path.write_bytes(before)
    assert verify(root) == []


@pytest.mark.slow
def test_a_thousand_random_flips_are_found(root: Path) -> None:
    rng = random.Random(0)
    files = content(root)
    for _ in range(1000):
        name = rng.choice(sorted(files))
        path = root / "reports" / name
        path.write_bytes(flip(files[name], rng))
        assert named(verify(root), name), name
        path.write_bytes(files[name])
    assert verify(root) == []


SCRIPT = """
import sys
from pathlib import Path
from scaling.pipeline.publish import publish
print("ready", flush=True)
publish(Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_killed_at_random_times_nothing_published_is_lost(root: Path) -> None:
    """At a random share of the time that a publication took here a moment ago."""
    rng, took = random.Random(1), 0.0
    for number in range(100):
        before = content(root)
        write_report(root, f"# Another {number}\n" * 20_000)
        command = [sys.executable, "-c", SCRIPT, str(root)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline()
        time.sleep(rng.uniform(0.0, took))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        after = content(root)
        kept = [name for name in before if not name.endswith("ledger.jsonl")]
        assert all(after[name] == before[name] for name in kept)
        assert after["ledger.jsonl"].startswith(before["ledger.jsonl"])
        start = time.monotonic()
        publish(root)
        took = time.monotonic() - start
        assert verify(root) == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from scaling.pipeline.publish import publish
from scaling.record.versions.ledger import PublishError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    publish(Path(sys.argv[1]))
except PublishError as error:
    print(error)
"""


def test_a_file_that_cannot_grow_leaves_the_history_whole(root: Path) -> None:
    """As on a full disk, by the system's own limit."""
    before = content(root)
    write_report(root, "# Long\n" * 10_000)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(root)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "no space left" in done.stdout
    assert content(root) == before
    assert verify(root) == []
    assert publish(root, now=NOON).new
