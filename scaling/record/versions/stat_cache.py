"""Versions found intact, so that a refit need not read every byte that was ever published.

As Git's index does it: a file whose size, times and inode are as they were when its bytes were last
hashed is taken as it was. ``scaling verify`` and the audit never ask here; publishing and the look
whether anything is new do. They ask the disk about the newest versions and about a share of the
older ones, in turn, so a refit's time does not grow with the number of versions; that a line of the
ledger or a whole folder is missing or another one is seen in every look. A change that leaves a
file's status alone (a dying disk) is found by the next full check.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scaling.io import atomic
from scaling.io.hashing import sha256
from scaling.record.versions.ledger import Entry

FILE = ".seen.json"
# A file that changed so lately may change again within one tick of the disk's clock (Git calls such
# a file racily clean): it is read again the next time.
SETTLED_NS = 2 * 10**9
# Versions whose files' status is asked for in every look: the newest; of the older ones as many.
NEWEST = 50
OLDER = 50


class StatCache:
    """Versions whose files were hashed and found intact, with the status that the files had.

    They are kept in the order in which the disk was last asked about them.
    """

    def __init__(self, reports: Path) -> None:
        self._reports, self._file = reports, reports / FILE
        self._known = _read(self._file)
        self._now: dict[str, tuple[str, str]] = {}
        self._left: dict[str, tuple[str, str]] = {}

    def choose(self, chain: Sequence[Entry]) -> None:
        """Take from this ledger the versions about which the disk is not asked this time."""
        newest = {entry.version for entry in chain[-NEWEST:]}
        older = (name for name in self._known if name not in newest)
        self._left = {name: self._known[name] for name in itertools.islice(older, OLDER, None)}

    def is_intact(self, entry: Entry, there: bool) -> bool:
        """Whether this line of the ledger and every file are as they were when last hashed.

        ``there`` says whether the version has a folder.
        """
        name = entry.version
        if name in self._now:
            return True
        line, status = self._known.get(name, ("", ""))
        if line != entry.digest() or not there:
            self._left.pop(name, None)
            return False
        if name in self._left:
            return True
        if not status or status != _status(self._reports / name)[0]:
            return False
        self._now[name] = line, status
        return True

    def note(self, entry: Entry, since_ns: int) -> None:
        """Its files were hashed after ``since_ns`` and are intact; not noted if one is too new."""
        status, changed = _status(self._reports / entry.version)
        if status and changed < since_ns - SETTLED_NS:
            self._now[entry.version] = entry.digest(), status

    def save(self) -> None:
        """Write what is known, if that changed. A disk that takes no more costs only time."""
        known = self._left | self._now
        if known == self._known and not self._left:
            return
        content = json.dumps(known).encode()
        with contextlib.suppress(OSError):
            atomic.write(self._file, content)


def clock_ns() -> int:
    """The clock of file times."""
    return time.time_ns()


def _read(file: Path) -> dict[str, tuple[str, str]]:
    """What was kept; nothing where that cannot be read, for then everything is hashed."""
    try:
        given = json.loads(file.read_bytes())
        entries = {name: (line, status) for name, (line, status) in given.items()}
        return {name: one for name, one in entries.items() if all(isinstance(x, str) for x in one)}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _status(folder: Path) -> tuple[str, int]:
    """Hash of size, time of content, time of status and inode of every file, and the latest time.

    An empty text where there is no file, or one that cannot be asked about.
    """
    found, latest = [], 0
    for entry in _files(folder):
        try:
            facts = entry.stat()  # of what a link leads to: that is what is read
        except OSError:
            return "", 0
        times = facts.st_mtime_ns, facts.st_ctime_ns
        name = entry.path.removeprefix(f"{folder}{os.sep}")
        found.append(f"{name}\0{facts.st_size} {times} {facts.st_ino}")
        latest = max(latest, *times)
    entries = "\n".join(sorted(found)).encode(errors="surrogateescape")
    return sha256(entries) if found else "", latest


def _files(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path)
            else:
                yield entry
