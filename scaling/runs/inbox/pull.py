"""Runs from a tracker's server into a source: what is new or changed is pulled, and then added.

What was pulled lies beside the store until it is added, so that a pull that was killed, or whose
mapping leaves questions open, goes on where it was. What was pulled before is what the source's
files hold.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from scaling.runs.inbox import store
from scaling.runs.inbox.add import INTERNAL, Added, Judge, add, checked_name
from scaling.runs.inbox.mapping import Options
from scaling.runs.inbox.read import place_of
from scaling.runs.servers import Pulled

# Writes the new runs into a file, given those of earlier pulls.
Fetch = Callable[[Path, list[Path]], Pulled]


def pull(
    fetch: Fetch,
    source: str,
    ending: str,
    options: Options,
    *,
    today: date,
    internal: Path = INTERNAL,
    judge: Judge | None = None,
    dry_run: bool = False,
) -> tuple[Pulled, Added | None]:
    """What was found on the server, and what became of it in the source; None without news.

    Runs that have not ended by themselves come in flagged, as with `add`'s ``partial``.

    Args:
        fetch: pulls from the server.
        source: name of the source.
        ending: end of the name of the file that ``fetch`` writes.
        options: how the source is read, as in `add`.
        today: the day that the log notes.
        internal: folder of the inbox.
        judge: says what will become of the rows.
        dry_run: only say what would be pulled.

    Raises:
        InputError: as ``fetch``, or as `add`; what was pulled waits for the next call then.
    """
    file = internal / store.PULLED / f"{checked_name(source, Path(source))}{ending}"
    folder = internal / store.STORE / source
    lines = [one for one in store.read_log(folder) if one.path.endswith(ending)]
    found = fetch(file, [place_of(folder, one) for one in lines])
    if dry_run or not file.is_file():
        if options != Options() and not dry_run:
            change = f"`scaling mapping {source}` changes how it is read"
            found.remarks.append(f"nothing is new, so no option was needed; {change}")
        return found, None
    made = add(file, source, options, today=today, partial=True, internal=internal, judge=judge)
    file.unlink()
    return found, made
