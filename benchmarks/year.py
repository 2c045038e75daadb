"""A simulated year of daily versions of four studies: what it takes on disk, in Git and in time.

Run it from the repository root with::

    python -m benchmarks.year [--days 365]

Each day is one of the project's own newest versions, taken in turn, with the last digits of a
quarter of its numbers changed, as after a run of one of the four studies. It is published,
committed and tagged as a refit does it, without waiting for the disk. Printed are bytes of the
tree, of Git's packs after `git gc`, CPU seconds of publishing, of what publishing reads of the
versions before, of `scaling verify`, and of reading every file in a fresh clone.
docs/benchmarks/storage.md has the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scaling.io.git import close_all
from scaling.io.settings import Settings
from scaling.record.site import refresh
from scaling.record.versions.check import appears_intact
from scaling.record.versions.files import names, read
from scaling.record.versions.fingerprint import Current, made_by
from scaling.record.versions.ledger import LEDGER, MANIFEST, read_lines
from scaling.record.versions.store import issue
from scaling.record.versions.tags import tag_versions
from scaling.record.versions.verify import verify

SHAPES = 4  # of the newest versions of this repository, in turn
SHARE = 0.25  # of the numbers that change from day to day
NUMBER = re.compile(rb"\d+\.\d{3,}")
FIRST = datetime(2030, 1, 1, 12, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    days: int = parser.parse_args().days
    os.fsync = lambda handle: None
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "project"
        _begin(root)
        for day, seconds in enumerate(_publish(root, Path(place) / "outputs", days), 1):
            if day in (1, 2, Settings.whole_versions, 2 * Settings.whole_versions, days):
                print(f"day {day}: publishing {seconds:.2f} CPU s, tree {_tree(root)}", flush=True)
        _git(root, "gc", "-q")
        print(f"packed: {_size(root / '.git' / 'objects') / 1e6:.1f} MB")
        print(f"what publishing reads again: {_seconds(lambda: appears_intact(root)):.2f} CPU s")
        print(f"verify of all: {_seconds(lambda: _sound(root)):.1f} CPU s")
        _git(Path(place), "clone", "-q", f"file://{root}", "clone")
        read_all = _seconds(lambda: _read(Path(place) / "clone"))
        print(f"every file of every version in a clone: {read_all:.1f} CPU s")


def _begin(root: Path) -> None:
    root.mkdir()
    _git(root, "init", "-q", "-b", "main")
    for name, value in (
        ("user.name", "a"),
        ("user.email", "a@example.org"),
        ("gc.auto", "0"),
        ("core.fsync", "none"),
    ):
        _git(root, "config", name, value)
    (root / "scaling.toml").write_text(f"[workspace]\nwhole_versions = {Settings.whole_versions}\n")
    (root / "params.yaml").write_text("")
    (root / "requirements.lock").write_text("")
    (root / "scaling").mkdir()
    (root / "scaling" / "engine.py").write_text("")
    _git(root, "add", "-A")
    _git(root, "commit", "-qm", "begin")


def _publish(root: Path, outputs: Path, days: int) -> Iterator[float]:
    """CPU seconds of publishing, a day each."""
    here = Path("reports")
    lines, _ = read_lines((here / LEDGER).read_bytes())
    shapes = [here / entry.version for entry in lines[-SHAPES:]]
    draw = random.Random(0)
    for day in range(days):
        files = dict(_files(shapes[day % SHAPES], outputs, draw))
        (root / "params.yaml").write_text(f"seed: {day}\n")
        _git(root, "commit", "-qam", f"run {day}")
        current = Current(made_by(root, (), {"seed": day}), files)
        now = FIRST + timedelta(days=day)

        def publish(current: Current = current, now: datetime = now) -> None:
            issue(root, root / "reports", lambda: current, now=now)
            refresh(root)

        yield _seconds(publish)
        _git(root, "add", "-A")
        _git(root, "commit", "-qm", f"publish {day}")
        for _ in tag_versions(root):
            pass


def _files(shape: Path, outputs: Path, draw: random.Random) -> Iterator[tuple[str, Path]]:
    """The outputs of a day: name -> file."""
    for name in names(shape):
        if name != MANIFEST:
            path = outputs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(NUMBER.sub(lambda found: _other(found[0], draw), read(shape, name)))
            yield name, path


def _other(number: bytes, draw: random.Random) -> bytes:
    changed = draw.random() < SHARE
    return number[:-2] + f"{draw.randrange(100):02d}".encode() if changed else number


def _sound(root: Path) -> None:
    wrong = verify(root)
    assert not wrong, wrong[:3]


def _read(clone: Path) -> None:
    for entry in read_lines((clone / "reports" / LEDGER).read_bytes())[0]:
        folder = clone / "reports" / entry.version
        stated = json.loads(read(folder, MANIFEST))["files"]
        for name, facts in stated.items():
            assert len(read(folder, name)) == facts["bytes"], (folder, name)


def _tree(root: Path) -> str:
    reports = root / "reports"
    count = sum(path.is_file() for path in reports.rglob("*"))
    return f"{_size(reports) / 1e6:.0f} MB in {count} files"


def _size(folder: Path) -> int:
    """Bytes on the disk."""
    return 512 * sum(path.stat().st_blocks for path in folder.rglob("*"))


def _seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call, with those of the processes that it started and waited for."""
    start = time.process_time(), _children()
    work()
    close_all()
    return time.process_time() - start[0] + _children() - start[1]


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True)


if __name__ == "__main__":
    main()
