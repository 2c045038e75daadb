"""What was found whole, so that a refit need not read every byte that was ever published.

As Git's index does it: a file whose size, times and inode are as they were when its bytes were last
hashed is taken as it was. ``scaling verify`` and the audit never ask here; publishing and the look
whether anything is new do. So a refit's time does not grow with the number of versions, and a
change that leaves a file's status alone (a dying disk) is found by the next full check.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from scaling import durable
from scaling.ledger import Entry

FILE = ".seen.json"
# A file that changed so lately may change again within one tick of the disk's clock (Git calls such
# a file racily clean): it is read again the next time.
SETTLED_NS = 2 * 10**9

Status = dict[str, list[int]]


class Seen:
    """Versions whose files were hashed and found whole, with the status that the files had."""

    def __init__(self, reports: Path) -> None:
        self._file = reports / FILE
        self._known = _read(self._file)
        self._now: dict[str, tuple[str, Status]] = {}

    def is_whole(self, folder: Path, entry: Entry) -> bool:
        """Whether this line of the ledger and every file are as they were when last hashed."""
        if folder.name in self._now:
            return True
        line, status = self._known.get(folder.name, ("", {}))
        if line != entry.digest() or not status or status != _status(folder):
            return False
        self._now[folder.name] = line, status
        return True

    def note(self, folder: Path, entry: Entry, since_ns: int) -> None:
        """Its files were hashed after ``since_ns`` and are whole; not noted if one is too new."""
        status = _status(folder)
        if status and all(max(facts[1:3]) < since_ns - SETTLED_NS for facts in status.values()):
            self._now[folder.name] = entry.digest(), status

    def keep(self) -> None:
        """Write what is known, if that changed. A disk that takes no more costs only time."""
        if self._now == self._known:
            return
        content = json.dumps(self._now, sort_keys=True).encode()
        with contextlib.suppress(OSError):
            durable.rename(durable.write_beside(self._file.parent, content), self._file)


def clock_ns() -> int:
    """The clock that the times of files are told by."""
    return time.time_ns()


def _read(file: Path) -> dict[str, tuple[str, Status]]:
    """What was kept; nothing where that cannot be read, for then everything is hashed."""
    try:
        given = json.loads(file.read_bytes())
        return {str(name): (str(line), dict(status)) for name, (line, status) in given.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _status(folder: Path) -> Status:
    """Path in the folder -> size, time of content, time of status, inode, of every file."""
    found: Status = {}
    for entry in _files(folder):
        name = entry.path.removeprefix(f"{folder}{os.sep}")
        try:
            facts = entry.stat()  # of what a link leads to: that is what is read
        except OSError:
            return {}
        found[name] = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
    return found


def _files(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                yield entry
