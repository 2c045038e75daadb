"""Publishing on a full disk, killed anywhere, and by several at once: whole afterwards."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaling.pipeline.publish import publish
from scaling.record.versions.ledger import PublishError
from scaling.record.versions.verify import verify
from tests.support.publish_project import NOON, PUBLISHED, content, fill, ledger, write_report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return fill(tmp_path / "project")


def test_a_full_disk_leaves_the_history_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root, now=NOON)
    write_report(root, "# Second\n")
    before = content(root)
    sync = os.fsync
    for fatal in range(100):
        calls = iter(range(10_000))

        def full(handle: int, fatal: int = fatal, calls: object = calls) -> None:
            if next(calls) == fatal:  # type: ignore[call-overload]
                raise OSError(errno.ENOSPC, "No space left on device")
            sync(handle)

        monkeypatch.setattr(os, "fsync", full)
        try:
            publish(root, now=NOON)
            break
        except PublishError as error:
            assert "no space left" in str(error)
        monkeypatch.setattr(os, "fsync", sync)
        if len(content(root)) > len(before):  # past the point of no return: completed next time
            break
        assert content(root) == before
    assert fatal > len(PUBLISHED)
    monkeypatch.setattr(os, "fsync", sync)
    publish(root, now=NOON)
    assert len(ledger(root)) == 2
    assert verify(root) == []


# Killed before its nth call of the system that changes or syncs a file, for every n. A process of
# its own, because it forks.
KILLER = """
import os, shutil, signal, sys, traceback
from datetime import UTC, datetime
from pathlib import Path
from scaling.pipeline.publish import publish
from scaling.record.versions.files import read
from scaling.record.versions.verify import verify
from tests.support.publish_project import git

root, harm = Path(sys.argv[1]), sys.argv[2]
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
NAMES = ("fsync", "replace", "rename", "mkdir", "open", "unlink", "chmod")

def die_at(fatal):
    left = [fatal]
    def deadly(call):
        def wrapped(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)
        return wrapped
    for name in NAMES:
        setattr(os, name, deadly(getattr(os, name)))

# All work is done in children: publishing reads tables with polars, whose threads would leave
# a lock behind in the parent that the next child waits for.
def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitpid(child, 0)[1]

def complete():
    publish(root, now=NOON)

def killed(fatal):
    die_at(fatal)
    complete()

def no_half():
    assert not [wrong for wrong in verify(root) if "no line for" not in wrong]

def whole():
    assert verify(root) == [], verify(root)

def held(path):
    version, name = path.relative_to(root / "reports").as_posix().split("/", 1)
    return read(root / "reports" / version, name)

(root / "reports/current/report.md").write_text("# First")
assert forked(complete) == 0
if harm == "pruned":
    (root / "scaling.toml").write_text("[workspace]\\nwhole_versions = 1\\n")
    for command in ("init -q", "add -A", "commit -qm first"):
        git(root, *command.split())
    version = next(root.glob("reports/*/manifest.json")).parent.name
    git(root, "tag", f"forecast/{version}")
published = [path for path in root.glob("reports/*/**/*") if path.is_file()]
first = {path: path.read_bytes() for path in published if "current" not in path.parts}
if harm != "damaged":
    (root / "reports/current/report.md").write_text("# Second")
    (root / "data/validated/a.parquet").write_text("other rows")
safe = root.with_name("safe")
shutil.copytree(root, safe)
points = 0
while True:
    for path in first if harm == "damaged" else ():
        path.unlink()
    if forked(lambda: killed(points)) == 0:
        break
    if harm != "damaged":  # no half version, whatever is still to do
        assert forked(no_half) == 0, points
    assert forked(complete) == 0, points
    assert forked(whole) == 0, points
    lines = (root / "reports/ledger.jsonl").read_text().splitlines()
    assert len(lines) == (1 if harm == "damaged" else 2), points
    assert not list((root / "reports").glob(".tmp-*"))
    assert all(held(path) == data for path, data in first.items())
    left = {path.name for path in first if path.is_file()}
    assert harm != "pruned" or left == {"forecast.csv", "manifest.json"}, left
    shutil.rmtree(root)
    shutil.copytree(safe, root)
    points += 1
print(points)
"""


@pytest.mark.parametrize(
    "harm",
    [*(pytest.param(one, marks=pytest.mark.slow) for one in ("new", "pruned")), "damaged"],
)
def test_killed_anywhere_the_same_command_completes(root: Path, harm: str) -> None:
    command = [sys.executable, "-c", KILLER, str(root), harm]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_publishers_at_the_same_time_make_one_version(root: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from scaling.pipeline.publish import publish;"
        "sys.stdin.readline(); print(publish(Path(sys.argv[1])).new)"
    )
    command = [sys.executable, "-c", script, str(root)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for process in running:  # all have started before the first is let go
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0].strip() for process in running]
    assert sorted(said) == ["False", "False", "False", "True"]
    assert len(ledger(root)) == 1
    assert verify(root) == []
