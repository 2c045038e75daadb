"""Make a published version again, in a temporary Git worktree, and say what differs and why.

The commit is, of those that Git has, the one whose sources are nearest to those in the manifest:
the tag ``forecast/VERSION``, the commit that added the version's folder, the revision at the issue.
Everything is computed again (`dvc repro --force`): no result is taken from a cache. No server is
needed. The environment is the present one unless one is made from the version's own lock file.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from scaling.errors import InputError, counted
from scaling.io.git import git
from scaling.io.hashing import canonical, sha256
from scaling.record.changes.between import NAME as CHANGES
from scaling.record.reproduce.compare import Difference, compare
from scaling.record.reproduce.processors import environment, settings
from scaling.record.versions.fingerprint import INBOX, PACKAGES, machine
from scaling.record.versions.layouts import gives_the_same_digits, layout_of
from scaling.record.versions.ledger import LEDGER, MANIFEST, PLACES, read_lines, short
from scaling.record.versions.lookup import find
from scaling.record.versions.sources import Commits, code_of
from scaling.record.versions.tags import TAG, added_by

SOURCES = ("engine", "laws")
PARAMS = "params.yaml"
# Where what publishing adds to the outputs is recomputed.
BESIDE = ".reproduced"
# Printed by the interpreter that makes a version again, as manifests have it.
VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"


class ReproduceError(RuntimeError):
    """A version cannot be reproduced; the message says why."""


@dataclass(frozen=True)
class Reproduced:
    """What became of one version: empty ``differences`` when every byte is the same; ``failure``
    where it could not be made at all, ``how`` what it took."""

    version: str
    commit: str
    files: int
    differences: tuple[Difference, ...]
    reasons: tuple[str, ...]
    failure: str = ""
    how: str = ""

    @property
    def same(self) -> bool:
        """Whether every byte came again."""
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
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Reproduced]:
    """Make each version again; with ``lock`` in an environment from its own lock file.

    Where Git has no commit that holds a version, or its commands fail, that is what became of it.
    Raises InputError for a version that is not published.
    """
    found = {version: find(root, version) for version in versions}
    by_place: dict[tuple[str, str | None], list[Path]] = {}
    for folder in found.values():
        try:
            commit = commit_of(root, folder)
            by_place.setdefault((commit, _inbox(root, commit, folder)), []).append(folder)
        except ReproduceError as error:
            yield Reproduced(folder.name, "no commit", 0, (), (), str(error))
    for place, folders in by_place.items():
        yield from _at(root, place, folders, (lock, say))


def _at(
    root: Path,
    place: tuple[str, str | None],
    folders: list[Path],
    how: tuple[bool, Callable[[str], None]],
) -> Iterator[Reproduced]:
    """The versions of one commit and inbox, in one worktree; one that fails leaves the others."""
    (commit, inbox), (lock, say) = place, how
    with _worktree(root, commit) as tree:
        try:
            python = _environment(tree, lock=lock, say=say)
            _put_inbox(tree, inbox)
            _fetch_inbox(root, tree, python)
        except ReproduceError as error:
            yield from (Reproduced(one.name, commit, 0, (), (), str(error)) for one in folders)
            return
        for folder in sorted(folders, key=lambda one: "history" not in one.parts):
            try:
                yield _one(tree, folder, commit, python, say)
            except (ReproduceError, InputError) as error:
                yield Reproduced(folder.name, commit, 0, (), (), str(error))


def _one(
    tree: Path, folder: Path, commit: str, python: str, say: Callable[[str], None]
) -> Reproduced:
    """By the settings that the version's processor asks for; the first that give the same bytes."""
    if gives_the_same_digits(tree):
        return _tried(tree, folder, commit, python, say)
    made_on = json.loads((folder / MANIFEST).read_bytes()).get("machine")
    results = []
    for setting in settings(made_on, machine()):
        words = " ".join(f"{name}={value}" for name, value in setting.items() if value)
        if words:
            say(f"with {words}, as on another processor")
        with environment(setting):
            results.append(_tried(tree, folder, commit, python, say))
        if results[-1].same:
            return replace(results[-1], how=f", with {words}" if words else "")
    return results[0]


def _tried(
    tree: Path, folder: Path, commit: str, python: str, say: Callable[[str], None]
) -> Reproduced:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    say(f"reproducing {short(folder.name)}")
    if folder.parent.name == "history":
        made = tree / ".reproduced" / folder.name
        if not (tree / "data" / "validated").is_dir():
            _run(tree, python, "-m", "dvc", "repro", "--force", "--no-run-cache", "validate")
        day = str(manifest["as_of"])
        command = layout_of(tree).command
        _run(tree, python, "-m", command, "backfill", "--as-of", day, "--out", str(made))
    else:
        _run(tree, python, "-m", "dvc", "repro", "--force", "--no-run-cache")
        made = tree
        _tell_changes(tree, folder, manifest, python)
    differences = []
    for name in manifest["files"]:
        path = _made(made, name)
        again = path.read_bytes() if path.is_file() else None
        one = compare(name, (folder / name).read_bytes(), again)
        if one is not None:
            differences.append(one)
    reasons = tuple(_reasons(tree, folder, manifest, python)) if differences else ()
    return Reproduced(folder.name, commit, len(manifest["files"]), tuple(differences), reasons)


def _tell_changes(tree: Path, folder: Path, manifest: dict[str, Any], python: str) -> None:
    """What publishing wrote about the version before, again, from that version's folder."""
    if CHANGES not in manifest["files"]:
        return
    entries, _ = read_lines((folder.parent / LEDGER).read_bytes())
    known = {entry.digest(): entry.version for entry in entries}
    before = known.get(manifest["previous"])
    old = "" if before is None else str(folder.parent / before)
    _run(tree, python, "-m", layout_of(tree).changes, old, str(tree / BESIDE))


def _made(made: Path, name: str) -> Path:
    """Where a file of a version stands after it was reproduced."""
    places = (
        made / BESIDE / name,
        made / "reports" / "current" / name,
        made / "data" / name,
        made / "data" / "forecasts" / name,
    )
    inside = places if (made / "dvc.yaml").is_file() else (made / name,)
    return next((path for path in inside if path.is_file()), inside[-1])


# The commit --------------------------------------------------------------------------------------


def commit_of(root: Path, folder: Path) -> str:
    """The commit whose sources are nearest to those that made the version."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    # The commit that added it also has the data that came in before: first where sources are equal.
    named = [f"{TAG}{folder.name}", added_by(root, folder), manifest["revision"]]
    commits = [_commit(root, name) for name in named if name]
    known = list(dict.fromkeys(commit for commit in commits if commit))
    if not known:
        raise ReproduceError(
            f"Git has neither its tag, nor its revision {manifest['revision']}, nor "
            "a commit that added it; commit it, or fetch the whole history"
        )
    return min(known, key=lambda commit: len(_other_sources(root, commit, folder)))


def _commit(root: Path, name: str) -> str | None:
    found = git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return found.decode().strip() if found else None


def _told_by(folder: Path) -> dict[str, str]:
    """The code that wrote what changed, which the version id is not made of."""
    path = folder / CHANGES
    written = json.loads(path.read_bytes()) if path.is_file() else {}
    found: dict[str, str] = written.get("told_by", {})
    return found


def _other_sources(root: Path, commit: str, folder: Path) -> list[str]:
    """Source files and choices of the version that are not the same at the commit."""
    made_by = json.loads((folder / MANIFEST).read_bytes())["made_by"]
    if "code" in made_by:
        has = dict(Commits(root).code_at(commit) or {})
        has[PACKAGES] = sha256(git(root, "show", f"{commit}:./{PACKAGES}") or b"")
        wanted = made_by["code"] | {PACKAGES: made_by["packages"]}
        other = [name for name in sorted({*wanted, *has}) if wanted.get(name) != has.get(name)]
        chosen = git(root, "show", f"{commit}:./{PARAMS}")
        return other + ([PARAMS] if _other_choices(folder, made_by, chosen) else [])
    wanted = {name: digest for part in SOURCES for name, digest in made_by[part].items()}
    wanted["requirements.lock"] = made_by["requirements"]
    wanted |= _told_by(folder)
    there = {name: git(root, "show", f"{commit}:./{name}") for name in wanted}
    other = [name for name, content in there.items() if sha256(content or b"") != wanted[name]]
    chosen = git(root, "show", f"{commit}:./{PARAMS}")
    return other + ([PARAMS] if _other_choices(folder, made_by, chosen) else [])


def _other_choices(folder: Path, made_by: Mapping[str, Any], params: bytes | None) -> bool:
    """Whether a version was made by other choices; a replay has its own, in its plan."""
    if folder.parent.name == "history":
        return False
    chosen = sha256(canonical(yaml.safe_load(params or b"")))
    return bool(made_by["params"] != chosen)


# The place and the environment -------------------------------------------------------------------

# A remote of the worktree alone: the cache of the project, whose objects are hashed as they come.
OWN = """
['remote "own"']
    url = {cache}
    verify = true
"""


def _inbox(root: Path, commit: str, folder: Path) -> str | None:
    """What the inbox was, where the commit has another: runs may come before the commit does.

    Empty: there was none. A manifest from before inboxes were kept leaves it to the commit.
    """
    told = json.loads((folder / MANIFEST).read_bytes())
    there = (git(root, "show", f"{commit}:./{INBOX}") or b"").decode()
    inbox: str = (told["inbox"] or "") if "inbox" in told else there
    return None if inbox == there else inbox


def _put_inbox(tree: Path, inbox: str | None) -> None:
    if inbox == "":
        (tree / INBOX).unlink()
    elif inbox is not None:
        (tree / INBOX).parent.mkdir(parents=True, exist_ok=True)
        (tree / INBOX).write_text(inbox, encoding="utf-8")


def _fetch_inbox(root: Path, tree: Path, python: str) -> None:
    """The runs of the inbox that the worktree names, from the project's cache or a remote."""
    tracked = tree / INBOX
    if not tracked.is_file():
        return
    cache = _said(root, python, "cache", "dir").strip()
    own = root / ".dvc" / "config.local"  # has what the remotes of this machine need
    config = (own.read_text(encoding="utf-8") if own.is_file() else "") + OWN.format(cache=cache)
    (tree / ".dvc" / "config.local").write_text(config, encoding="utf-8")
    problems = []
    for remote in _said(tree, python, "remote", "list").splitlines():
        name = remote.split()[0]
        try:
            # DVC trusts a remote unless it is told not to.
            _said(tree, python, "remote", "modify", "--quiet", "--local", name, "verify", "true")
            _said(tree, python, "pull", "--quiet", "--remote", name, str(tracked))
        except ReproduceError as error:
            problems.append(f"{name}: {error}")
        else:
            return
    problem = "the runs of the inbox at that time are neither in DVC's cache nor in a remote:"
    raise ReproduceError("\n".join([problem, *problems]))


def _said(folder: Path, python: str, *arguments: str) -> str:
    """What DVC prints; raises ReproduceError."""
    return _execute(folder, [python, "-m", "dvc", *arguments], Path(python).parent)


@contextlib.contextmanager
def _worktree(root: Path, commit: str) -> Iterator[Path]:
    """The commit checked out beside, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        tree = Path(folder) / "tree"
        if git(root, "worktree", "add", "--detach", str(tree), commit) is None:
            raise ReproduceError(f"Git cannot check out {commit} beside {root}")
        try:
            yield tree
        finally:
            git(root, "worktree", "remove", "--force", str(tree))
            git(root, "worktree", "prune")


def _environment(tree: Path, *, lock: bool, say: Callable[[str], None]) -> str:
    """The interpreter: the present one, or one from the lock file of the commit."""
    if lock:
        say("building the environment from its own lock file (some minutes)")
        _execute(tree, ["make", "setup"])
        return str(tree / ".venv" / "bin" / "python")
    other = _other_packages(tree)
    told = f"{len(other)} packages differ from its lock file" if other else "as in its lock file"
    say(f"in the present environment: {told}")
    return sys.executable


def _other_packages(tree: Path) -> list[str]:
    """Packages that are installed in another version than the lock file says."""
    lines = (tree / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pinned = [line.split(";")[0].split("==") for line in lines if "==" in line and line[0] != "#"]
    # A package may have a version for each range of Pythons.
    wanted: dict[str, list[str]] = {}
    for name, rest in pinned:
        wanted.setdefault(name.strip(), []).append(rest.split()[0].rstrip("\\"))
    found = []
    for name, versions in wanted.items():
        with contextlib.suppress(metadata.PackageNotFoundError):
            present = metadata.version(name)
            if present not in versions:
                found.append(f"{name} is {present}, was {' or '.join(versions)}")
    return found


def _run(tree: Path, python: str, *arguments: str) -> None:
    _execute(tree, [python, *arguments], Path(python).parent)


def _execute(tree: Path, command: list[str], first: Path | None = None) -> str:
    """What the command prints; raises ReproduceError. It imports the code of the tree, not this."""
    firsts = {"PATH": first, "PYTHONPATH": tree}
    environment = {
        **os.environ,
        **{name: _before(name, one) for name, one in firsts.items() if one},
    }
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ReproduceError(f"`{' '.join(command)}` failed ({done.returncode}):\n{said}")
    return done.stdout


def _before(name: str, folder: Path) -> str:
    """The environment's list of folders with this one before the others."""
    rest = os.environ.get(name, os.defpath if name == "PATH" else "")
    return f"{folder}{os.pathsep}{rest}" if rest else str(folder)


# Why ---------------------------------------------------------------------------------------------


def _reasons(tree: Path, folder: Path, manifest: dict[str, Any], python: str) -> Iterator[str]:
    """What is not as it was: code, data, choices, environment."""
    made_by = manifest["made_by"]
    yield from _other_files(tree, made_by)
    if _other_choices(folder, made_by, (tree / PARAMS).read_bytes()):
        yield f"choices: {PARAMS} is not what made it"
    if sha256((tree / "requirements.lock").read_bytes()) != _packages(made_by):
        yield "environment: its commit has another requirements.lock"
    if manifest["dirty"]:
        yield "code: it was published from files that were not committed"
    yield from _other_environment(tree, manifest, python)


def _other_files(tree: Path, made_by: Mapping[str, Any]) -> Iterator[str]:
    """Code and tables of the worktree that are not those that made the version."""
    if "code" in made_by:
        there = code_of(tree)
        for name in sorted({*made_by["code"], *there}):
            if made_by["code"].get(name) != there.get(name):
                yield f"code: {name} is not what made it"
    for kind in (*SOURCES, "data"):
        for name, digest in made_by.get(kind, {}).items():
            path = tree / name
            if not path.is_file() or sha256(path.read_bytes()) != digest:
                yield f"{'data' if kind == 'data' else 'code'}: {name} is not what made it"


def _packages(made_by: Mapping[str, Any]) -> str:
    """The hash of the lock file; the first form of manifests has it under another name."""
    found: str = made_by["packages"] if "packages" in made_by else made_by["requirements"]
    return found


def _other_environment(tree: Path, manifest: dict[str, Any], python: str) -> Iterator[str]:
    if python == sys.executable:
        yield from (f"environment: {other}" for other in _other_packages(tree)[:10])
    now = _execute(tree, [python, "-c", VERSION]).strip()
    if manifest["python"] != now:
        yield f"environment: Python is {now}, was {manifest['python']}"
    was = manifest.get("machine")
    if was != machine():
        yield f"environment: the processor is {machine()}, was {was or 'not recorded'}"
