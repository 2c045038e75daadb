"""Watch the inbox: when something has landed and stopped changing, say so with an event."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

INBOX = Path("data") / "internal"
EVENT, RESOURCE = "scaling.inbox.landed", {"prefect.resource.id": "scaling.inbox"}

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
    """Look every ``seconds`` until told to stop; announce a state that stood for two looks.

    What is there at the start is announced too: it may have landed while no one looked, and a
    refit with nothing new ends at once.
    """
    from prefect.events import emit_event

    told, before = State(), State()
    while not stop.wait(seconds):
        now = state(root)
        if now == before and now != told:
            emit_event(EVENT, RESOURCE, payload={"files": len(now)})
            print(f"inbox: {len(now)} files", file=sys.stderr, flush=True)
            told = now
        before = now


def _is_temporary(path: Path) -> bool:
    return path.name.startswith((".", "~")) or path.suffix in (".partial", ".part", ".tmp")
