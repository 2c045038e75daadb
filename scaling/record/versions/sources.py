"""The code that makes a version, as one hash a folder: of a checkout, and of a commit.

A folder's hash is the SHA-256 of the lines ``<SHA-256 of the file>  <path>``, sorted by path, as
`sha256sum` prints them. So whoever has the files can work it out with standard tools, and it rests
on nothing weaker than SHA-256, as a Git tree would.
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

import scaling
from scaling.io.git import git, objects, read_object
from scaling.io.hashing import sha256

# All code there is, the command line and the project's own laws too.
CODE = ("dvc.yaml", "flows", "laws", "scaling")
# Its folders have hashes of their own, so that a version says which of them changed.
PACKAGE = "scaling"
# In a workspace: the whole package, as it is installed; its hash stands in engine.yaml.
ENGINE = "engine"
ENGINE_FILE = "engine.yaml"
# DVC's record of the wheel that a workspace keeps.
ENGINE_WHEEL = "engine.dvc"


def code_of(root: Path) -> dict[str, str]:
    """Folder -> hash of the code in a checkout, with what is not committed.

    A workspace has no code of the engine: `ENGINE` stands for the installed package.
    """
    own = hashes({name: sha256((root / name).read_bytes()) for name in code_files(root)})
    if (root / PACKAGE).is_dir() and not (root / ENGINE_FILE).is_file():
        return own
    return own | {ENGINE: installed_hash()}


def installed_files() -> dict[str, Path]:
    """Path in the package, which begins with its name -> where the installed file is."""
    top = Path(scaling.__file__).resolve().parent
    found = {path.relative_to(top.parent).as_posix(): path for path in top.rglob("*")}
    return {name: path for name, path in sorted(found.items()) if path.is_file() and _is_code(name)}


@functools.cache
def installed_hash() -> str:
    """One hash of all code of the installed package."""
    return listing_hash(
        (name, sha256(path.read_bytes())) for name, path in installed_files().items()
    )


def wheel_hash(wheel: Path) -> str:
    """The hash of all code of the package in a wheel: `installed_hash` where it is installed.

    Raises:
        ValueError: it is no wheel, or brings more than the package.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            tops = {PurePosixPath(name).parts[0] for name in names}
            more = {top for top in tops if top != PACKAGE and not top.endswith(".dist-info")}
            code = [name for name in names if name.startswith(f"{PACKAGE}/") and _is_code(name)]
            listed = [(name, sha256(archive.read(name))) for name in code]
    except (OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"is no wheel: {error}") from error
    if more or not code:
        raise ValueError(f"has {', '.join(sorted(more)) or 'no code'}; allowed: {PACKAGE} alone")
    return listing_hash(listed)


def code_files(root: Path) -> list[str]:
    """The paths of all code in a checkout, sorted; without what Python leaves behind.

    Of a workspace those of its own: what it may have of the package's name is not run.
    """
    found: list[Path] = []
    places = [one for one in CODE if one != PACKAGE or not (root / ENGINE_FILE).is_file()]
    for place in places:
        path = root / place
        found += [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    names = (path.relative_to(root).as_posix() for path in found)
    return sorted(name for name in names if _is_code(name))


class Commits:
    """The code of commits; every file is read and hashed once, however many commits have it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, str] = {}
        self._prefix = git(root, "rev-parse", "--show-prefix")

    def code_at(self, commit: str) -> dict[str, str] | None:
        """Folder -> hash of the code at a commit; None when this clone does not have the commit."""
        listed = git(self._root, "ls-tree", "-r", "-z", "--full-tree", commit)
        if listed is None or self._prefix is None:
            return None
        prefix = self._prefix.decode().strip()
        found = dict(_listed(listed.decode(errors="surrogateescape"), prefix))
        engine = read_object(self._root, f"{commit}:./{ENGINE_FILE}")
        if engine is not None:
            found = {name: one for name, one in found.items() if not _is_package(name)}
        self._read(set(found.values()) - self._known.keys())
        own = hashes({name: self._known[blob] for name, blob in found.items()})
        return own if engine is None else own | {ENGINE: _named(engine[1])}

    def _read(self, wanted: set[str]) -> None:
        asked = sorted(wanted)
        for blob, (_, content) in objects(self._root, asked).items():
            self._known[blob] = sha256(content)


def _is_package(name: str) -> bool:
    return PurePosixPath(name).parts[0] == PACKAGE


def _named(engine: bytes) -> str:
    """The hash of the code that an engine.yaml names."""
    try:
        named: Any = yaml.safe_load(engine)
        return str(named["code"])
    except (yaml.YAMLError, KeyError, TypeError):
        return ""


def _listed(listed: str, prefix: str) -> Iterator[tuple[str, str]]:
    """(path below the project, blob) of the code in what `git ls-tree` prints."""
    for line in listed.split("\0"):
        facts, _, name = line.partition("\t")
        path = name.removeprefix(prefix)
        inside = name.startswith(prefix) and path.split("/", 1)[0] in CODE
        if inside and _is_code(path):
            yield path, facts.split()[2]


def hashes(files: Mapping[str, str]) -> dict[str, str]:
    """Folder -> hash, of code files given as path -> hash."""
    folders: dict[str, list[tuple[str, str]]] = {}
    for name, digest in files.items():
        folders.setdefault(_folder(name), []).append((name, digest))
    return {folder: listing_hash(folders[folder]) for folder in sorted(folders)}


def _folder(name: str) -> str:
    """The folder whose hash a file counts in: of the package one of its own folders."""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == PACKAGE and len(parts) > 2 else parts[0]


@functools.cache  # the commits of a project have most names in common
def _is_code(name: str) -> bool:
    """Whether a file can change what a command does: no note for people, nothing hidden."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and "__pycache__" not in path.parts and path.suffix != ".md"


def listing_hash(files: Iterable[tuple[str, str]]) -> str:
    """One hash of files given as (path, hash), as the hash of a folder of the code is made."""
    return sha256("".join(f"{digest}  {name}\n" for name, digest in sorted(files)).encode())
