"""Publish the stages' outputs as an immutable version, and check what was published.

``publish`` copies the outputs to ``reports/<version>/``, where the version id is the hash of what
made them, writes a manifest beside them and adds a line to ``reports/ledger.jsonl``. The version's
folder is renamed into place first, the ledger second, and then older versions are pruned
(`scaling.record.versions.prune`), so a process killed anywhere leaves a state from which the same
command goes on. Nothing is computed here.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from scaling.errors import InputError
from scaling.io import atomic
from scaling.io.git import committed
from scaling.io.hashing import sha256
from scaling.record.versions.check import _checked_chain, _History
from scaling.record.versions.dates import ahead
from scaling.record.versions.fingerprint import (
    Current,
    code,
    fingerprint,
    inputs,
    machine,
    manifest,
)
from scaling.record.versions.ledger import (
    LEDGER,
    MANIFEST,
    PLACES,
    Entry,
    PublishError,
    entry_of,
    read_lines,
    short,
)
from scaling.record.versions.prune import NOTHING_PRUNED, Pruned, prune
from scaling.record.versions.tables import manifest as stated


@dataclass(frozen=True)
class PublishedVersion:
    """The version of the present outputs; ``new`` is false when it was already published.

    ``newest`` is the version that was issued last; ``other`` are the files that the stages made
    otherwise than they were published, from the same inputs; ``pruned`` is what the tree holds no
    longer.
    """

    version: str
    folder: Path
    new: bool
    restored: tuple[str, ...] = ()
    newest: str | None = None
    other: tuple[str, ...] = ()
    pruned: Pruned = NOTHING_PRUNED

    @property
    def sentence(self) -> str:
        """A line for a person, and one for each file that was restored."""
        first = ("published " if self.new else "already published: ") + short(self.version)
        first += _not_newest(self.version, self.newest)
        if self.other:
            first += (
                f"\nmade here otherwise than published, from the same inputs: "
                f"{', '.join(self.other)}. Another kind of processor can do that; `scaling "
                "reproduce` compares the numbers"
            )
        restored = (f"restored {file}" for file in self.restored)
        return "\n".join([first, *restored, *self.pruned.sentences])


def _not_newest(version: str, newest: str | None) -> str:
    """That the outputs are those of an earlier version again, as after an undone change."""
    if newest is None or newest == version:
        return ""
    return (
        f", which is not the newest version: {short(newest)} is, with what has been "
        f"undone since (`scaling show {short(newest)}` shows that one)"
    )


def issue(
    root: Path,
    reports: Path,
    gather: Callable[[], Current],
    *,
    now: datetime | None = None,
    more: Mapping[str, str | None] | None = None,
) -> PublishedVersion:
    """Add what ``gather`` gives to the history in ``reports``; it is asked under the lock.

    ``more`` are the facts of `scaling.record.versions.ledger.MORE_FACTS`. See `publish`.
    """
    reports.mkdir(parents=True, exist_ok=True)
    with atomic.locked(reports), _explained(reports):
        atomic.remove_leftovers(reports)
        current = replace(gather(), inputs=inputs(root))
        history = _History(reports, current, newest=True)
        chain = _checked_chain(history)
        if history.problems:
            raise PublishError("nothing was published: " + "; ".join(history.problems))
        known = {entry.version for entry in chain}
        new = current.version not in known
        given = {name: value for name, value in (more or {}).items() if value is not None}
        if given:
            given |= {"corrects": _corrected(given["corrects"], current.version, known)}
        if new:
            _check_short(current.version, known)
            chain = [*chain, _add(root, history, chain, (now or datetime.now(UTC), given))]
        pruned = prune(root, reports, chain) if reports == root / PLACES[-1] else NOTHING_PRUNED
    folder = reports / current.version
    other = () if new else _other(folder, current)
    restored = tuple(history.restored)
    return PublishedVersion(
        current.version, folder, new, restored, chain[-1].version, other, pruned
    )


def _other(folder: Path, current: Current) -> tuple[str, ...]:
    """Outputs that are not as the version has them; publishing itself writes into the reports."""
    listed = stated(folder)["files"]
    own = {"report.md", "report.html", "report.json"}
    return tuple(
        name
        for name, digest in current.outputs.items()
        if name not in own and listed.get(name, {}).get("sha256") != digest
    )


def _check_short(version: str, known: set[str]) -> None:
    """Two ids that begin with the same digits would be one to the eye."""
    twin = next((one for one in known if short(one) == short(version)), None)
    if twin is not None:
        raise PublishError(
            f"nothing was published: {version} and {twin} begin with the same digits, which chance "
            "does not do. Change a seed in params.yaml and publish again"
        )


def _corrected(name: str, version: str, known: set[str]) -> str:
    """The whole id of the version that is corrected."""
    found = [one for one in sorted(known) if name and one.startswith(name)]
    if len(found) != 1:
        what = "several versions begin so" if found else "no such version"
        allowed = ", ".join(map(short, sorted(known))) or "none is published"
        raise InputError(what, value=name, allowed=allowed)
    if version in known:
        raise InputError("nothing changed since it was published", value=short(version))
    return found[0]


def is_published(root: Path) -> bool:
    """Whether the ledger has the present outputs (``verify`` says whether they are whole)."""
    try:
        version = fingerprint(root).version
        entries, _ = read_lines((root / "reports" / LEDGER).read_bytes())
    except (OSError, InputError):
        return False
    return version in {entry.version for entry in entries}


def holding(root: Path) -> tuple[Entry | None, str]:
    """The version that holds now, and whether it is not the newest, in words.

    It is that of the present outputs: after a change that was undone, an earlier one. Where these
    are not here or not published it is the newest; None where nothing is published.
    """
    ledger = root / "reports" / LEDGER
    entries, _ = read_lines(ledger.read_bytes() if ledger.is_file() else b"")
    if not entries:
        return None, ""
    version = None
    with contextlib.suppress(InputError, OSError):
        version = fingerprint(root).version
    held = next((one for one in entries if one.version == version), entries[-1])
    return held, _not_newest(held.version, entries[-1].version)


def _add(
    root: Path,
    history: _History,
    chain: list[Entry],
    issued: tuple[datetime, Mapping[str, str]],
) -> Entry:
    """Write the version and the ledger beside, then rename the one and the other."""
    now, given = issued
    if now.tzinfo is None:
        raise InputError("the issue time has no time zone", value=now.isoformat())
    reports, current = history.reports, history.current
    assert current is not None
    _check_clock(now, chain, given)
    revision, dirty = code(root, current.sources)
    _check_day(root, current, now, revision)
    facts: dict[str, str | bool | None] = {
        "issued_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "revision": revision,
        "dirty": dirty,
        "python": platform.python_version(),
        "machine": machine(),
        "previous": chain[-1].digest() if chain else None,
        **given,
    }
    if current.as_of is not None:
        facts["as_of"] = current.as_of
    previous = reports / chain[-1].version if chain else None
    # Both are written before either is renamed: first the version, then the ledger.
    version = reports / current.version
    with atomic.new_file(reports / LEDGER) as ledger, atomic.new_folder(version) as folder:
        content = _fill(folder, current, facts, previous)
        entry = entry_of(content)
        ledger.write_bytes(history.ledger + entry.line())
    return entry


def _check_clock(now: datetime, chain: list[Entry], given: Mapping[str, str]) -> None:
    """Issue times go forwards: a forecast must not look older than what was known to it."""
    if not chain or now >= datetime.fromisoformat(chain[-1].issued_at):
        return
    # The way out after a clock that ran ahead: to correct the version that it dated.
    last = chain[-1]
    if given.get("corrects") != last.version:
        raise PublishError(
            f"nothing was published: the clock says {now.isoformat(timespec='seconds')}, but "
            f"{short(last.version)} was issued at {last.issued_at}. Set the clock and run it "
            f"again; if it was wrong then, `scaling publish --corrects "
            f"{short(last.version)} --reason ...`"
        )


def _check_day(root: Path, current: Current, now: datetime, revision: str | None) -> None:
    """A forecast is not older than the code that made it, nor than a run that it knew."""
    wrong = None
    if current.as_of is None:
        fitted = [path for name, path in current.files.items() if name.startswith("fits/")]
        wrong = ahead((path for path in fitted if path.suffix == ".csv"), now)
    made = None if revision is None else committed(root, revision)
    if made is not None and now < made:
        wrong = (
            f"the clock says {now.isoformat(timespec='seconds')}, but the commit "
            f"{revision} was made "
            f"at {made.isoformat()}"
        )
    if wrong is not None:
        raise PublishError(f"nothing was published: {wrong}. Set the clock, or mend the day")


def _fill(
    folder: Path, current: Current, facts: Mapping[str, str | bool | None], previous: Path | None
) -> bytes:
    """Write every file of the version; returns its manifest."""
    for name, source in current.files.items():
        content = source.read_bytes()
        if sha256(content) != current.outputs[name]:
            raise PublishError(f"{source} changed while it was being published; publish again")
        atomic.fill(folder, {name: content})
    more = current.change_files(previous, folder, str(facts["issued_at"]))
    content = manifest(current, facts, more)
    atomic.fill(folder, {**more, MANIFEST: content})
    return content


@contextlib.contextmanager
def _explained(reports: Path) -> Iterator[None]:
    """Say plainly when the disk is full."""
    try:
        yield
    except OSError as error:
        if not atomic.is_full(error):
            raise
        raise PublishError(
            f"nothing was published: no space left on the disk of {reports}. What was "
            "published before is whole; free some space and publish again"
        ) from error
