"""Files and folders are replaced whole: killed at any line, the old one or the new one is there."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scaling.io import atomic

KILLED = 9
MANY = 10_000


def write_file(place: Path, text: str) -> None:
    atomic.write(place / "it", text.encode())


def write_folder(place: Path, text: str) -> None:
    with atomic.new_folder(place / "it") as folder:
        atomic.fill(folder, {"a": text.encode(), "b/c": text.encode()})


def content(place: Path) -> dict[str, str]:
    files = sorted(path for path in place.rglob("*") if path.is_file())
    return {file.relative_to(place).as_posix(): file.read_text() for file in files}


def killed_at(line: int, work: Callable[[], None]) -> bool:
    """Do the work in a process that ends at this line of `atomic`; whether it came so far."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
    left = line

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != atomic.__file__:
            return None
        left -= event == "line"
        if left < 0:
            os._exit(KILLED)
        return trace

    sys.settrace(trace)
    work()
    os._exit(0)


def kills(place: Path, work: Callable[[Path, str], None]) -> Iterator[None]:
    for line in range(MANY):
        if not killed_at(line, lambda: work(place, "new")):
            return
        yield


@pytest.mark.parametrize("work", [write_file, write_folder])
def test_a_kill_at_any_line_leaves_the_old_or_the_new_one(
    tmp_path: Path, work: Callable[[Path, str], None]
) -> None:
    work(tmp_path, "old")
    old = content(tmp_path)
    new = dict.fromkeys(old, "new")
    lines = 0
    for _ in kills(tmp_path, work):
        lines += 1
        with pytest.raises(KeyboardInterrupt):  # the next writer, which gets no further
            interrupted(tmp_path, work)
        assert content(tmp_path) in (old, new)
        work(tmp_path, "old")
        assert content(tmp_path) == old  # no leftovers either
    assert content(tmp_path) == new
    assert lines > 20


def interrupted(place: Path, work: Callable[[Path, str], None]) -> None:
    writer = atomic.new_file if work is write_file else atomic.new_folder
    with writer(place / "it"):
        raise KeyboardInterrupt


def test_a_full_disk_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path, "old")
    old = content(tmp_path)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_folder(tmp_path, "new")
    assert content(tmp_path) == old


def test_writers_of_one_file_wait_for_each_other(tmp_path: Path) -> None:
    texts = [letter * 100_000 for letter in "abcdefgh"]
    threads = [threading.Thread(target=write_file, args=(tmp_path, text)) for text in texts * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
        assert (tmp_path / "it").read_text() in texts  # beside it, others may still be writing
    assert content(tmp_path).keys() == {"it"}


def test_a_file_can_lie_elsewhere_until_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "version").mkdir()
    with atomic.new_file(tmp_path / "version" / "a", within=tmp_path) as file:
        file.write_text("a")
        assert not list((tmp_path / "version").iterdir())
    assert content(tmp_path) == {"version/a": "a"}
