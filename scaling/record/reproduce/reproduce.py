"""Compute a published version again from its commit, and say what differs and why.

This code drives: it picks the commit (the tag ``forecast/VERSION``, the commit that added the
version's folder, or the revision at the issue, whichever is nearest to the manifest), lays it out
without anything that was published, has this installation's DVC run the stages of the commit's
dvc.yaml (`dvc repro --force`: no result is taken from a cache), and compares. The code of the
commit is the publisher's. It runs in a sandbox, after `code_changes` has listed what in it differs
from this code. The environment is the present one unless one is built
from the version's lock file, before the sandbox closes the network.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from scaling.errors import InputError, counted
from scaling.io import atomic
from scaling.io.hashing import sha256
from scaling.record.changes.between import NAME as CHANGES
from scaling.record.reproduce import code_changes, engines
from scaling.record.reproduce.checkout import inbox_of, lay_out, put_inbox, remove_copies
from scaling.record.reproduce.commits import LOCK, PARAMS, commit_of, has_other_choices
from scaling.record.reproduce.compare import Difference, compare
from scaling.record.reproduce.packages import locked, other_packages, present
from scaling.record.reproduce.processors import settings
from scaling.record.reproduce.published import Published, ReproduceError, read_inside
from scaling.record.reproduce.sandbox import Interpreter, Isolation, Sandbox, isolation
from scaling.record.versions.files import names, read
from scaling.record.versions.fingerprint import machine
from scaling.record.versions.layouts import gives_the_same_digits, layout_of
from scaling.record.versions.ledger import LEDGER, MANIFEST, PLACES, read_lines, short
from scaling.record.versions.lookup import find
from scaling.record.versions.sources import code_of

# Where what publishing adds to the outputs is computed.
BESIDE = ".reproduced"
# The auditor's DVC, never a module of the commit (``-P``); every stage, and nothing from a cache.
REPRO = ("-P", "-m", "dvc", "repro", "--force", "--no-run-cache")
# Printed by the interpreter that runs the version's code, as manifests have it.
VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"

CAVEAT = "; it ran without a sandbox, so its code could have read the published files"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Reproduced:
    """What became of one version.

    - ``differences``: files that are not the same; empty when every byte is
    - ``reasons``: why they may differ
    - ``failure``: why nothing could be compared; else empty
    - ``how``: what it took, and what limits the comparison
    """

    version: str
    commit: str
    files: int
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...]
    failure: str = ""
    how: str = ""

    @property
    def same(self) -> bool:
        """Whether every byte was reproduced."""
        return not self.differences and not self.failure

    def __str__(self) -> str:
        where = f"{short(self.version)} at {self.commit[:12]}"
        if self.failure:
            return f"{where}: could not be reproduced\n  {self.failure}"
        if not self.differences:
            return f"{where}: {counted(self.files, 'file')}, the same byte for byte{self.how}"
        lines = [f"{where}: {len(self.differences)} of {self.files} files differ"]
        lines += [f"  {one}" for one in self.differences]
        return "\n".join([*lines, *(f"  because {reason}" for reason in self.reasons)])


def every(root: Path) -> list[str]:
    """All published versions that have a manifest, the replayed history first."""
    return [folder.name for place in PLACES for folder in _versions(root / place)]


def _versions(place: Path) -> list[Path]:
    """Folders of the versions in the place's ledger: other pages there have manifests too."""
    ledger = place / LEDGER
    entries, _ = read_lines(ledger.read_bytes()) if ledger.is_file() else ([], [])
    known = {entry.version for entry in entries}
    return [
        path.parent for path in sorted(place.glob(f"*/{MANIFEST}")) if path.parent.name in known
    ]


def reproduce(
    root: Path,
    versions: Iterable[str],
    *,
    lock: bool = False,
    wheel: Path | None = None,
    say: Say = lambda text: None,
) -> Iterator[Reproduced]:
    """Compute each version again; with ``lock`` in an environment from its own lock file.

    A version of a workspace that another engine made is computed in such an environment by that
    engine's wheel: ``wheel``, or the one that `scaling.record.reproduce.engines` finds.

    ``say`` is told what is about to run. Where Git has no commit that holds a version, or its
    commands fail, that is what became of it. Raises InputError for a version that is not published.
    """
    found = [Published(find(root, version)) for version in versions]
    groups: dict[tuple[str, str, str], list[Published]] = {}
    for version in found:
        try:
            commit = commit_of(root, version.folder)
            # Replays of one commit share what was validated. Others do not share a folder: the
            # code of one could keep there what it is shown of earlier versions for the next.
            alone = "" if version.is_replay else version.name
            key = (commit, inbox_of(root, commit, version), alone)
            groups.setdefault(key, []).append(version)
        except ReproduceError as error:
            yield Reproduced(version.name, "no commit", 0, (), (), str(error))
    for number, ((commit, inbox, _), group) in enumerate(groups.items(), 1):
        if len(groups) > 1:
            say(f"Commit {number} of {len(groups)}:")
        with tempfile.TemporaryDirectory(prefix="scaling-") as work:
            run = _Run(root, commit, Path(work).resolve(), say, lock or wheel is not None, wheel)
            yield from _at(run, inbox, group)


@dataclass(frozen=True)
class _Run:
    """One commit, laid out in ``work / "tree"``."""

    root: Path
    commit: str
    work: Path
    say: Say
    lock: bool = False
    wheel: Path | None = None

    @property
    def tree(self) -> Path:
        return self.work / "tree"

    def failed(self, version: Published, error: Exception) -> Reproduced:
        return Reproduced(version.name, self.commit, 0, (), (), str(error))


def _at(run: _Run, inbox: str, versions: list[Published]) -> Iterator[Reproduced]:
    """The versions of one commit and inbox; one that fails leaves the others."""
    try:
        box, whose = _prepared(run, inbox, versions)
    except ReproduceError as error:
        yield from (run.failed(one, error) for one in versions)
        return
    for version in versions:
        try:
            result = _one(run, box, version)
            yield replace(result, how=result.how + whose)
        except (ReproduceError, InputError) as error:
            yield run.failed(version, error)


def _prepared(run: _Run, inbox: str, versions: list[Published]) -> tuple[Sandbox, str]:
    """The commit laid out, and what is to be known before its code runs; and how far that code is
    this, for the result."""
    own = code_changes.own_checkout()
    lay_out(run.root, run.commit, run.tree)
    run.say(f"{', '.join(short(one.name) for one in versions)}: commit {run.commit[:12]}")
    # What a workspace's code is compared with: this workspace's.
    other = run.root if engines.is_workspace(run.tree) else own
    for line in (
        *code_changes.lines(run.tree, other, run.commit),
        *remove_copies(run.tree, versions),
    ):
        run.say(line)
    put_inbox(run.root, run.tree, inbox, run.work)
    other_code = code_changes.count(run.tree, other)
    whose = f"; {counted(other_code, 'file')} of its code are not as here" if other_code else ""
    python = _interpreter(run, own, versions[0].python)
    run.say(f"Now the code of commit {run.commit[:12]} runs on this machine, {isolation().value}.")
    (run.work / "home" / "tmp").mkdir(parents=True)
    hidden = (run.root, own / "reports", own / ".git")
    workspace = engines.is_workspace(run.tree)
    shown = _own_package(own) if workspace and python.packages is None else ()
    return Sandbox(run.tree, run.work / "home", python, hidden, shown), whose


def _own_package(own: Path) -> tuple[Path, ...]:
    """The package that is installed here and what wheels have beside it, to run a workspace."""
    return tuple(path for name in ("scaling", "dvc.yaml", LOCK) if (path := own / name).exists())


def _own_lock(own: Path) -> Path:
    """The lock file of the code that runs this; wheels carry it inside the package."""
    inside = own / "scaling" / "workspace" / LOCK
    return inside if inside.is_file() else own / LOCK


def _interpreter(run: _Run, own: Path, was: str) -> Interpreter:
    """The Python for a version that was made by the Python ``was``."""
    workspace = engines.is_workspace(run.tree)
    if run.wheel is not None and not workspace:
        raise ReproduceError("its commit has the code that made it: --engine is for workspaces")
    if run.lock or (workspace and not engines.is_present(run.tree)):
        wheel = None
        if workspace:
            wheel = engines.find(run.root, run.commit, run.tree, run.wheel, run.work, run.say)
        built = locked(run.tree / LOCK, _own_lock(own), run.say, was)
        return built if wheel is None else engines.install(built, wheel, run.work / "package")
    other = len(other_packages(run.tree / LOCK))
    differ = f"{counted(other, 'package')} not as in its lock file"
    run.say(f"in the present environment: {differ if other else 'as in its lock file'}")
    return present()


def _one(run: _Run, box: Sandbox, version: Published) -> Reproduced:
    """By the settings that the version's processor asks for; the first that give the same bytes."""
    alike = gives_the_same_digits(run.tree)
    results = []
    for setting in [{}] if alike else settings(version.machine, machine()):
        words = " ".join(f"{name}={value}" for name, value in setting.items())
        if words:
            run.say(f"with {words}, as on another processor")
        results.append(_tried(run, replace(box, setting=setting), version))
        if results[-1].same:
            caveat = "" if isolation() is Isolation.FULL else CAVEAT
            return replace(results[-1], how=(f", with {words}" if words else "") + caveat)
    return results[0]


def _tried(run: _Run, box: Sandbox, version: Published) -> Reproduced:
    files = version.files
    run.say(f"reproducing {short(version.name)}")
    try:
        computed = _replayed(box, version) if version.is_replay else _staged(run, box, version)
    except ReproduceError as error:
        raise ReproduceError(f"{error}{isolation().of_failure}") from error
    pairs = [(name, version.content(name), computed.get(name)) for name in files]
    found = [_difference(version, *pair) for pair in pairs]
    differences = tuple(one for one in found if one is not None)
    reasons = tuple(_reasons(box, version)) if differences else ()
    return Reproduced(version.name, run.commit, len(files), differences, reasons)


def _difference(
    version: Published, name: str, old: bytes | None, new: bytes | None
) -> Difference | None:
    if old is None:
        return Difference(name, "is missing in the published folder, or a link out of it")
    if name not in version.named:
        return Difference(name, f"is in the published folder, and {MANIFEST} does not name it")
    return compare(name, old, new)


def _replayed(box: Sandbox, version: Published) -> dict[str, bytes]:
    """Name -> content of a replay's files, computed."""
    if not (box.tree / "data" / "validated").is_dir():
        box.run(*REPRO, "validate")
    out = _cleared(box.tree, f"{BESIDE}-{version.name}")
    command = layout_of(box.tree).command
    box.run("-m", command, "backfill", "--as-of", version.day, "--out", str(out))
    return _read(version, box.tree, (out.name,))


def _staged(run: _Run, box: Sandbox, version: Published) -> dict[str, bytes]:
    """Name -> content of a version's files, computed by the stages.

    Read before any earlier version is shown to its code, which holds many of the same bytes.
    """
    _cleared(box.tree, "reports")
    out = _cleared(box.tree, BESIDE)
    box.run(*REPRO)
    computed = _read(version, box.tree, ("data/forecasts", "data", "reports/current"))
    if CHANGES in version.named:
        with tempfile.TemporaryDirectory(dir=run.work) as earlier:
            before = _lay_out_earlier(version.folder, Path(earlier))
            seeing = replace(box, shown=(*box.shown, Path(earlier)))
            writer = layout_of(box.tree).changes
            seeing.run("-m", writer, str(before or ""), str(out), version.issued_at)
        computed |= _read(version, box.tree, (BESIDE,))
    return computed


def _cleared(tree: Path, name: str) -> Path:
    """An entry of the tree removed. Nothing deeper is ever removed or written from outside once its
    code has run: what was a folder of the tree may have become a link to one elsewhere."""
    shutil.rmtree(tree / name, ignore_errors=True)
    return tree / name


def _read(version: Published, folder: Path, places: Iterable[str]) -> dict[str, bytes]:
    """Name -> content of the version's files, from the last of these places that has it."""
    found = {(name, place): read_inside(folder, f"{place}/{name}")
             for place in places for name in version.files}  # fmt: skip
    return {name: content for (name, _), content in found.items() if content is not None}


def _lay_out_earlier(folder: Path, reports: Path) -> Path | None:
    """Copy the versions before this one, with which it says what changed; returns the last."""
    lines = (folder.parent / LEDGER).read_bytes().splitlines(keepends=True)
    known = [entry.version for entry in read_lines(b"".join(lines))[0]]
    earlier = known[: known.index(folder.name)]
    (reports / LEDGER).write_bytes(b"".join(lines[: len(earlier)]))
    for version in (folder.parent / name for name in earlier):
        # Of versions in the tree and in Git alike: the code may read any of them.
        files = {name: read(version, name) for name in names(version)}
        atomic.fill(reports / version.name, files)
    return reports / earlier[-1] if earlier else None


# Why ---------------------------------------------------------------------------------------------


def _reasons(box: Sandbox, version: Published) -> Iterator[str]:
    """What is not as it was: code, data, choices, environment."""
    yield from _other_files(box, version)
    if has_other_choices(version, read_inside(box.tree, PARAMS)):
        yield f"choices: {PARAMS} is not what the version was computed from"
    if sha256(read_inside(box.tree, LOCK) or b"") != version.requirements:
        yield f"environment: its commit has another {LOCK}"
    if version.is_dirty:
        yield "code: it was published from files that were not committed"
    yield from _other_environment(box, version)


def _other_files(box: Sandbox, version: Published) -> Iterator[str]:
    """Code and data of the folder that are not what the manifest states."""
    there = code_of(box.tree) if version.code else {}
    for name in sorted({*version.code, *there}):
        if version.code.get(name) != there.get(name):
            yield f"code: {name} is not what the version was computed from"
    for kind, hashes in (("code", version.sources), ("data", version.data)):
        for name, digest in hashes.items():
            if sha256(read_inside(box.tree, name) or b"") != digest:
                yield f"{kind}: {name} is not what the version was computed from"


def _other_environment(box: Sandbox, version: Published) -> Iterator[str]:
    if box.python.is_present:
        yield from (f"environment: {other}" for other in other_packages(box.tree / LOCK)[:10])
    now, was = box.run("-I", "-c", VERSION).strip(), version.python
    if was != now:
        yield f"environment: Python is {now}, was {was}"
    if version.machine != machine():
        was = version.machine or "not recorded"
        yield f"environment: the processor is {machine()}, was {was}"
