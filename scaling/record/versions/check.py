"""Whether published versions are intact, and the ledger over them unbroken.

``scaling verify`` and the audit read every byte, from the tree or from Git. Publishing, and the
question whether anything is new, read those of the newest versions, so that they cost the same
after a year; of older ones they see a line of the ledger or a folder that is not as it was.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scaling.document.format import clean
from scaling.errors import counted
from scaling.io import atomic, settings
from scaling.io.git import git
from scaling.io.hashing import sha256
from scaling.io.progress import steps
from scaling.record.versions.files import KEPT, in_git, is_inside, is_pruned, why_not
from scaling.record.versions.fingerprint import Current, manifest
from scaling.record.versions.ledger import (
    LEDGER,
    MANIFEST,
    PLACES,
    VERSION_NAME,
    Entry,
    PublishError,
    entry_of,
    follow,
    read_lines,
    short,
)


@dataclass
class _History:
    """The published versions: what is wrong with them, and what was restored.

    ``current`` is what restoring may take from; without it problems are only noted. With
    ``newest``, only the bytes of the versions that the tree holds whole are read.
    """

    reports: Path
    current: Current | None = None
    newest: bool = False
    restored: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    # Versions that are in Git alone, and not in this clone.
    not_here: list[Path] = field(default_factory=list)
    # The ledger's bytes once it was found intact or repaired.
    ledger: bytes = b""

    @functools.cached_property
    def root(self) -> Path:
        """The folder of the project."""
        return self.reports.parent if self.reports.name == "reports" else self.reports.parents[1]

    @functools.cached_property
    def whole(self) -> int:
        """How many of the newest versions the tree holds whole."""
        return settings.read(self.root).whole_versions

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    @functools.cached_property
    def named(self) -> dict[str, bool]:
        """What has the name of a version -> whether it is a folder."""
        with os.scandir(self.reports) as entries:
            return {one.name: one.is_dir() for one in entries if VERSION_NAME.fullmatch(one.name)}

    def unread(self, chain: Sequence[Entry]) -> set[str]:
        """The older versions of a chain whose folder is there: their bytes are not read."""
        older = chain[: -self.whole] if self.newest else ()
        return {entry.version for entry in older if self.named.get(entry.version, False)}


def damage(root: Path) -> list[str]:
    """Bytes that are not what was published, by manifests and ledgers; reads every one of them."""
    places = [root / place for place in PLACES if (root / place).is_dir()]
    return [problem for place in places for problem in _problems(place)]


def appears_intact(root: Path) -> bool:
    """As `damage`, but reading only the newest versions."""
    places = [root / place for place in PLACES if (root / place).is_dir()]
    return not any(_problems(place, newest=True) for place in places)


def _problems(reports: Path, *, newest: bool = False) -> list[str]:
    with atomic.locked(reports, shared=True):
        history = _History(reports, newest=newest)
        with _chain_problems(history):
            _checked_chain(history)
    return history.problems


@contextlib.contextmanager
def _chain_problems(history: _History) -> Iterator[None]:
    """A chain that cannot be followed is a problem like any other."""
    try:
        yield
    except PublishError as error:
        history.problems.append(f"{history.shown(history.reports / LEDGER)}: {error}")


def _checked_chain(history: _History) -> list[Entry]:
    """The ledger's entries, every version checked; with present outputs at hand, restored."""
    chain = _repaired_ledger(history)
    unread = history.unread(chain)
    for number, entry in enumerate(steps(chain), 1):
        if entry.version not in unread:
            _check_version(history, entry, old=number <= len(chain) - history.whole)
    for name in sorted(history.named.keys() - {entry.version for entry in chain}):
        history.problems.append(
            f"{history.shown(history.reports / name)}: does not continue from the ledger "
            f"({history.shown(history.reports / LEDGER)}); put the ledger back, or remove the "
            "folder and publish again if it is wanted"
        )
    history.problems += _not_here(history)
    return chain


def _repaired_ledger(history: _History) -> list[Entry]:
    """The ledger as it must be: its good lines, continued by the manifests that follow them."""
    ledger = history.reports / LEDGER
    content = ledger.read_bytes() if ledger.exists() else b""
    read = read_lines(content)
    manifests = _manifests(history, read[0])
    good, wrong = _good_lines(read, manifests, git(history.reports, "show", f"HEAD:./{LEDGER}"))
    known = {entry.version for entry in good}
    chain = follow(good, (entry for entry in manifests.values() if entry.version not in known))
    if wrong is None and len(chain) > len(good):
        wrong = "no line for " + ", ".join(entry.version for entry in chain[len(good) :])
    history.ledger = content
    if wrong is None:
        return chain
    # A chain shorter than the bad ledger would drop a version.
    if history.current is None or len(chain) < len(content.splitlines()):
        history.problems.append(f"{history.shown(ledger)}: {wrong}")
    else:
        history.ledger = b"".join(entry.line() for entry in chain)
        atomic.write(ledger, history.ledger)
        history.restored.append(f"{history.shown(ledger)} ({wrong})")
    return chain


def _good_lines(
    read: tuple[list[Entry], str | None], manifests: dict[str, Entry], committed: bytes | None
) -> tuple[list[Entry], str | None]:
    """The entries to trust, and what is wrong with the rest of the ledger (None: nothing)."""
    entries, wrong = read
    for number, entry in enumerate(entries):
        recorded = manifests.get(entry.version, entry)
        # No line after the last one vouches for it; its manifest does.
        if (
            recorded is not entry
            and recorded != entry
            and recorded.manifest_sha256 == entry.manifest_sha256
        ):
            entries, wrong = entries[:number], f"line {number + 1} is not what its manifest says"
            break
    in_git, _ = read_lines(committed or b"")
    if entries[: len(in_git)] != in_git:
        return in_git, wrong or "does not begin with the ledger that is in Git"
    return entries, wrong


def _manifests(history: _History, lines: Sequence[Entry]) -> dict[str, Entry]:
    """Version -> ledger line, for every folder whose manifest is intact or is not read."""
    unread = history.unread(lines)
    found = {entry.version: entry for entry in lines if entry.version in unread}
    for name, is_folder in history.named.items():
        if not is_folder or name in unread:
            continue
        path = history.reports / name / MANIFEST
        with contextlib.suppress(PublishError):
            found[name] = entry_of(path.read_bytes() if path.is_file() else b"")
    return {name: entry for name, entry in found.items() if entry.version == name}


def _check_version(history: _History, entry: Entry, *, old: bool) -> None:
    """Compare a version's manifest with the ledger, and its files with the manifest.

    Of an ``old`` version, and of one that is pruned, files may be in Git alone.
    """
    folder = history.reports / entry.version
    pruned = is_pruned(folder) or (old and (folder / MANIFEST).is_file())
    content = _checked(history, folder / MANIFEST, entry.manifest_sha256, entry)
    if content is None:
        return
    recorded = json.loads(content)
    listed = recorded["files"]
    for problem in _contradictions(recorded):
        history.problems.append(f"{history.shown(folder / MANIFEST)}: {problem}")
    for name, facts in listed.items():
        if not is_inside(name):
            continue
        if pruned and name not in KEPT and not (folder / name).exists():
            _check_in_git(history, entry, name, facts["sha256"])
        else:
            _checked(history, folder / name, facts["sha256"], entry)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.relative_to(folder).as_posix() not in {MANIFEST, *listed}:
            problem = f"{history.shown(path)}: is not part of the version; move it elsewhere"
            history.problems.append(problem)


def _check_in_git(history: _History, entry: Entry, name: str, digest: str) -> None:
    """Compare a file that is in Git alone with the manifest.

    One that Git does not have either is lost, or restored from the present outputs.
    """
    folder = history.reports / entry.version
    if history.not_here and history.not_here[-1] == folder:
        return
    content = in_git(folder, name)
    present = history.current is not None and history.current.version == entry.version
    if content is None and present:
        _checked(history, folder / name, digest, entry)
    elif content is None:
        history.not_here.append(folder)
    elif sha256(content) != digest:
        history.problems.append(f"{history.shown(folder / name)}: in Git is not what was published")


def _not_here(history: _History) -> Iterator[str]:
    """One sentence for all versions that this clone cannot read."""
    if not history.not_here:
        return
    reason, hint = why_not(first := history.not_here[0])
    count = counted(len(history.not_here), "version")
    yield (
        f"{history.shown(history.reports)}: reports and fits of {count} are in Git alone (first "
        f"{short(first.name)}), and {reason}. {hint}"
    )


def _contradictions(recorded: Mapping[str, Any]) -> Iterator[str]:
    """What a manifest says that cannot be: files outside of the version, one file with two hashes.

    Manifests of the first form list what the stages made beside what was published; publishing
    writes the changes since the version before into the report's files alone.
    """
    files, outputs = recorded["files"], recorded["made_by"].get("outputs", {})
    for name in files:
        if not is_inside(name):
            yield f"lists {clean(name)!r}, which is not a file inside the version"
    free = {"report.md", "report.html", "report.json"} if "changes.json" in files else set()
    for name, digest in outputs.items():
        if name not in free and files.get(name, {}).get("sha256") != digest:
            yield f"says that {clean(name)} was made with another content than was published"


def _checked(history: _History, path: Path, digest: str, entry: Entry) -> bytes | None:
    """The file's recorded bytes, restored if need be; None, with the problem noted, if not."""
    content = path.read_bytes() if path.is_file() else None
    if content is not None and sha256(content) == digest:
        return content
    wrong = "is missing" if content is None else "is not what was published"
    if content is not None and path.name == MANIFEST:
        # No later line vouches for the last one: either of the two may be the wrong one.
        wrong += f", or its line in {history.shown(history.reports / LEDGER)} is not"
    found = _find(history, path, digest, entry)
    if found is None:
        hint = "" if history.current is None else "; put it back from Git or a backup"
        history.problems.append(f"{history.shown(path)}: {wrong}{hint}")
        return None
    atomic.write(path, found, within=history.reports)
    history.restored.append(f"{history.shown(path)} ({wrong})")
    return found


def _find(history: _History, path: Path, digest: str, entry: Entry) -> bytes | None:
    """The bytes with this hash, wherever they still are; None when only checking."""
    if history.current is None:
        return None
    for content in _candidates(history.reports, history.current, path, entry):
        if sha256(content) == digest:
            return content
    return None


def _candidates(reports: Path, current: Current, path: Path, entry: Entry) -> Iterator[bytes]:
    """What the lost file may have held: reproduced, an output, in Git, in another version."""
    yield from (source.read_bytes() for source in current.files.values())
    if current.version == entry.version:
        change_files = _rebuilt_change_files(reports, current, entry)
        yield manifest(current, entry.facts(), change_files)
        # Of a version from before manifests named the inbox.
        yield manifest(replace(current, inputs={}), entry.facts(), change_files)
        yield from change_files.values()
    yield git(reports, "show", f"HEAD:./{path.relative_to(reports).as_posix()}") or b""
    name = path.relative_to(reports / entry.version).as_posix()
    yield in_git(reports / entry.version, name) or b""
    others = reports.glob(f"*/{name}")
    yield from (other.read_bytes() for other in sorted(others) if other.is_file())


def _rebuilt_change_files(reports: Path, current: Current, entry: Entry) -> Mapping[str, bytes]:
    """What was published beside the present outputs, from the version that came before them."""
    known = {one.digest(): name for name, one in _manifests(_History(reports), []).items()}
    before = known.get(entry.previous or "")
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        atomic.fill(Path(folder), {n: one.read_bytes() for n, one in current.files.items()})
        previous = reports / before if before else None
        return current.change_files(previous, Path(folder), entry.issued_at)
