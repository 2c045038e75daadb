"""What DVC's cache holds that the stages can compute again, and no recent version needs.

An object goes only if a committed ``dvc.lock`` names it as the output of a stage, and none of these
needs it: the present ``dvc.lock`` and that of each branch; the newest versions, as many as the tree
holds whole, and those of code that was not committed; the runs behind every version, which nothing
can compute again (`*.dvc` files of all commits, and the inbox in each manifest). What no file names
stays, and is counted.

`dvc gc` chooses whole commits: to keep the runs of each it would keep all their tables. It removes
here too. Rests on internals of dvc 3.67.1: `Repo.cache.local`, the list of a folder's files in the
cache, and `gc` (`dvc_data`); and on the form of `dvc.lock`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scaling.errors import InputError, counted
from scaling.io import settings
from scaling.io.git import git, objects
from scaling.record.versions.fingerprint import INBOX
from scaling.record.versions.ledger import LEDGER, PLACES, read_lines
from scaling.record.versions.tables import recorded
from scaling.record.versions.tags import TAG, additions

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Size:
    """Objects of the cache: their number and their bytes."""

    objects: int
    bytes: int

    def __str__(self) -> str:
        return f"{counted(self.objects, 'object')}, {self.bytes / 1e6:.1f} MB"


@dataclass(frozen=True)
class Unused:
    """What a look at the cache found; ``removed`` is false where it only looked.

    - ``computed``: what goes: outputs that stages can compute again
    - ``runs``: the runs behind every version, which stay
    - ``needed``: what else stays, for the newest ``whole`` versions, branches and the folder
    - ``unknown``: what stays because no commit names it
    - ``lists``: earlier inboxes whose list of files is not in the cache
    """

    computed: Size
    runs: Size
    needed: Size
    unknown: Size
    whole: int
    lists: int
    removed: bool

    @property
    def sentences(self) -> Iterator[str]:
        """What a person should know, a line each."""
        yield (
            f"{'removed' if self.removed else 'would remove'} {self.computed}: outputs of stages "
            f"for versions older than the newest {self.whole}"
        )
        yield f"kept {self.runs}: the runs behind every version"
        yield f"kept {self.needed}: what the newest versions, branches and this folder need"
        if self.unknown.objects:
            yield f"kept {self.unknown}: no commit names them"
        if self.lists:
            yield (
                f"of {counted(self.lists, 'earlier state')} of the inbox this cache does not have "
                "the runs; a remote may"
            )


def collect(root: Path, *, dry: bool) -> Unused:
    """Remove from the project's cache what stages can compute again; ``dry`` only looks.

    Raises:
        InputError: the folder is not in Git, or the cache is shared with other projects.
    """
    from dvc.repo import Repo
    from dvc_data.hashfile.gc import gc
    from dvc_data.hashfile.hash_info import HashInfo

    if git(root, "rev-parse", "HEAD") is None:
        raise InputError("has no commit of Git, which says what can be computed", file=root)
    with Repo(root) as repo, repo.lock:
        cache = repo.cache.local
        _check_own(root, Path(cache.path))
        contents = _Contents(cache)
        whole = settings.read(root).whole_versions
        every = set(cache.all())
        stores = _stores(root)
        runs = contents.of(stores)
        needed = contents.of(_outputs(root, _newest(root, whole))) - runs
        computed = (contents.of(_outputs(root, _commits(root, LOCK))) & every) - needed - runs
        used = [HashInfo(cache.hash_name, one) for one in every - computed]
        found = Unused(
            computed=_size(cache, computed),
            runs=_size(cache, runs & every),
            needed=_size(cache, needed & every),
            unknown=_size(cache, every - computed - runs - needed),
            whole=whole,
            lists=len(contents.lost & stores),
            removed=not dry,
        )
        if not dry:
            gc(cache, used)
    return found


def _check_own(root: Path, cache: Path) -> None:
    if not cache.resolve().is_relative_to(root.resolve()):
        hint = "`dvc gc --projects` removes what none of several projects uses."
        raise InputError("the cache may be that of other projects too", file=cache, hint=hint)


class _Contents:
    """The objects behind hashes: of a folder, also the files in it."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache
        self._known: dict[str, set[str]] = {}
        # Folders whose list of files the cache does not have.
        self.lost: set[str] = set()

    def of(self, hashes: Iterable[str]) -> set[str]:
        return {one for digest in hashes for one in self._of(digest)}

    def _of(self, digest: str) -> set[str]:
        if digest not in self._known:
            self._known[digest] = {digest, *self._files(digest)}
        return self._known[digest]

    def _files(self, digest: str) -> set[str]:
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.tree import Tree
        from dvc_objects.errors import ObjectDBError

        info = HashInfo(self._cache.hash_name, digest)
        if not info.isdir:
            return set()
        try:
            return {str(file.value) for _, _, file in Tree.load(self._cache, info)}
        except (ObjectDBError, OSError):
            self.lost.add(digest)
            return set()


def _size(cache: Any, hashes: set[str]) -> Size:
    paths = (Path(cache.oid_to_path(one)) for one in hashes)
    return Size(len(hashes), sum(path.stat().st_size for path in paths))


# What Git and the record name -------------------------------------------------------------------


def _commits(root: Path, path: str) -> list[str]:
    """Every commit of any branch or tag that changed such a file."""
    return (git(root, "log", "--all", "--format=%H", "--", path) or b"").decode().split()


def _newest(root: Path, whole: int) -> list[str]:
    """The commits whose tables stay: of the newest versions, of dirty ones and of each branch."""
    names = ["HEAD", *(git(root, "for-each-ref", "--format=%(refname)") or b"").decode().split()]
    names = [name for name in names if not name.startswith("refs/tags/")]
    for place in PLACES:
        ledger = root / place / LEDGER
        entries = read_lines(ledger.read_bytes())[0] if ledger.is_file() else []
        added = additions(root / place) if entries else {}
        # What code that nobody committed computed, nobody can compute again.
        kept = [one for one in entries[:-whole] if one.dirty] + entries[-whole:]
        names += [f"refs/tags/{TAG}{one.version}" for one in kept]
        names += [added[one.version] for one in kept if one.version in added]
    return names


def _outputs(root: Path, commits: Iterable[str]) -> set[str]:
    """Hashes of what the ``dvc.lock`` of these commits, and of the folder, say stages wrote."""
    found = objects(root, (f"{commit}:./{LOCK}" for commit in commits))
    texts = dict(found.values())
    present = root / LOCK
    now = [present.read_bytes()] if present.is_file() else []
    return {digest for text in [*texts.values(), *now] for digest in _of_lock(text)}


def _of_lock(text: bytes) -> Iterator[str]:
    stages = _parsed(text).get("stages") or {}
    yield from (one["md5"] for stage in stages.values() for one in stage.get("outs") or ()
                if "md5" in one)  # fmt: skip


def _stores(root: Path) -> set[str]:
    """Hashes of what people put in: `*.dvc` files of the folder and of every commit, and the inbox
    in the manifest of every version."""
    pattern = ":(glob)**/*.dvc"
    log = ("log", "--all", "--format=%x00%H", "--name-only", "--relative", "--", pattern)
    blocks = (git(root, *log) or b"").decode().split("\0")[1:]
    pairs = ((commit, names) for commit, *names in (block.split("\n") for block in blocks))
    asked = [f"{commit}:./{name}" for commit, names in pairs for name in names if name]
    texts = [content for _, content in objects(root, asked).values()]
    texts += [path.read_bytes() for path in (root / INBOX).parent.glob("*.dvc")]
    for place in PLACES:
        ledger = root / place / LEDGER
        for entry in read_lines(ledger.read_bytes())[0] if ledger.is_file() else []:
            texts.append(str(recorded(root / place / entry.version).get("inbox") or "").encode())
    outs = (one for text in set(texts) for one in _parsed(text).get("outs") or ())
    return {one["md5"] for one in outs if "md5" in one}


# The one in C parses a lock of 40 KB in a tenth of the time, where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=_LOADER)  # noqa: S506  # it is a safe one
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
