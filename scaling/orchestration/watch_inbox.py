"""Watch the inbox: emit an event when files have arrived and stopped changing."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from scaling.runs.inbox.complete_lines import open_ended
from scaling.runs.inbox.store import PULLED

INBOX = Path("data") / "internal"
EVENT, RESOURCE = "scaling.inbox.landed", {"prefect.resource.id": "scaling.inbox"}

# How long a table without a line end must have stood, and how long a refit waits for that at most.
SETTLED_SECONDS, MAX_WAIT_SECONDS = 10.0, 60.0

State = frozenset[tuple[str, int, int]]


def state(root: Path) -> State:
    """Name, size and time of every file in the inbox; temporary ones are not there yet."""
    found = set()
    for path in (root / INBOX).rglob("*"):
        try:
            facts = path.stat()
        except FileNotFoundError:  # renamed or removed since it was listed
            continue
        if path.is_file() and not _is_temporary(path):
            found.add((path.as_posix(), facts.st_size, facts.st_mtime_ns))
    return frozenset(found)


def watch(root: Path, seconds: float, stop: threading.Event) -> None:
    """Look every ``seconds`` until ``stop`` is set; announce a state that two looks found.

    What is there at the start is announced too: it may have arrived before, and a refit with
    nothing new ends at once.
    """
    from prefect.events import emit_event

    announced, before = State(), State()
    while not stop.wait(seconds):
        now = state(root)
        if now == before and now != announced:
            emit_event(EVENT, RESOURCE, payload={"files": len(now)})
            print(f"inbox: {len(now)} files", file=sys.stderr, flush=True)
            announced = now
        before = now


def wait_for_writers(
    root: Path, settled: float = SETTLED_SECONDS, longest: float = MAX_WAIT_SECONDS
) -> None:
    """Wait while a table without a line end after its last row has changed a moment ago.

    Such a file may be half written (`scaling.runs.inbox.complete_lines`), and no stage may look at
    a clock.
    """
    until = time.monotonic() + longest
    while (left := min(until - time.monotonic(), settled - _youngest(root))) > 0:
        print(
            "inbox: waiting for a table that may not be complete yet", file=sys.stderr, flush=True
        )
        time.sleep(left)


def _youngest(root: Path) -> float:
    """Seconds since the last change of a table without a line end; infinite where there is none."""
    changed = [
        changed_ns
        for name, _, changed_ns in state(root)
        if open_ended(Path(name)) and "store" not in Path(name).relative_to(root / INBOX).parts[:1]
    ]
    return time.time() - max(changed) / 1e9 if changed else float("inf")


def _is_temporary(path: Path) -> bool:
    return (
        PULLED in path.parts
        or path.name.startswith((".", "~"))
        or path.suffix in (".partial", ".part", ".tmp")
    )
