"""The engine that a workspace's version names, which its commit does not have.

A commit of a workspace holds choices and data. What computes is the installed package, where its
code has the hash that the version is bound to, else that engine's wheel in an environment from the
version's lock file. The wheel is one that is given, the one that DVC keeps for the commit, or what
the index has of that version: whichever has that hash.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from packaging.version import InvalidVersion, Version

from scaling.extras import DISTRIBUTION
from scaling.io.git import git
from scaling.record.reproduce.checkout import fetch
from scaling.record.reproduce.published import ReproduceError
from scaling.record.reproduce.sandbox import Interpreter, execute, printable
from scaling.record.versions import engine_file
from scaling.record.versions.engine_file import Engine
from scaling.record.versions.sources import ENGINE_FILE, ENGINE_WHEEL, installed_hash, wheel_hash

# A wheel is some megabytes; an index that does not answer is given up.
DOWNLOAD_SECONDS = 300.0


def is_workspace(tree: Path) -> bool:
    """Whether a commit, laid out in ``tree``, is of a workspace."""
    return (tree / ENGINE_FILE).is_file()


def named(tree: Path) -> Engine:
    """The engine that a workspace names; raises ReproduceError."""
    try:
        found = engine_file.parse((tree / ENGINE_FILE).read_bytes())
        return replace(found, version=str(Version(found.version)))
    except (OSError, ValueError, InvalidVersion) as error:
        raise ReproduceError(f"{ENGINE_FILE} of the version {printable(str(error))}") from error


def is_present(tree: Path) -> bool:
    """Whether the installed package is the engine of the version; raises ReproduceError."""
    return named(tree).code == installed_hash()


def download(version: str, folder: Path) -> Path | str:
    """The wheel of a version from the index that pip is set to, in ``folder``; or why there is
    none. Nothing of it runs."""
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-input", "--no-deps",
               "--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder),
               f"{DISTRIBUTION}=={version}"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired:
        return f"the index did not answer within {DOWNLOAD_SECONDS:.0f} seconds"
    found = sorted(folder.glob("*.whl"))
    said = (done.stderr.strip() or "it has none").splitlines()[-1]
    return found[0] if done.returncode == 0 and found else printable(said)


def code_of_wheel(wheel: Path) -> str:
    """The hash of its code, or what is wrong with it."""
    try:
        return wheel_hash(wheel)
    except ValueError as error:
        return printable(str(error))


def find(
    root: Path, commit: str, tree: Path, given: Path | None, work: Path, say: Callable[[str], None]
) -> Path:
    """A wheel with the code that the version in ``tree`` is bound to.

    Raises:
        ReproduceError: there is none; the message says what each place has.
    """
    engine = named(tree)
    tried = []
    for place, found in _places(root, commit, engine, given, work):
        if isinstance(found, str):
            tried.append(f"  {place}: {found}")
            continue
        code = code_of_wheel(found)
        if code == engine.code:
            say(f"engine {DISTRIBUTION} {engine.version}, code {code[:12]}: {place}, {found.name}")
            return found
        tried.append(f"  {place}: {found.name}: {code}")
    raise ReproduceError(
        f"it was made by {DISTRIBUTION} {engine.version}, code {engine.code[:12]}, and no wheel "
        f"here has that code:\n" + "\n".join(tried) + "\n  `scaling reproduce VERSION --engine "
        "WHEEL` takes one from elsewhere"
    )


def _places(
    root: Path, commit: str, engine: Engine, given: Path | None, work: Path
) -> Iterator[tuple[str, Path | str]]:
    """Where a wheel may be, and the wheel or why there is none."""
    if given is not None:
        yield "given", given.resolve()
        return
    yield "kept by DVC", _kept(root, commit, work)
    folder = work / "download"
    folder.mkdir()
    yield "from the index", download(engine.version, folder)


def _kept(root: Path, commit: str, work: Path) -> Path | str:
    text = git(root, "show", f"{commit}:./{ENGINE_WHEEL}")
    if text is None:
        return "the commit keeps no wheel"
    try:
        wheels = sorted(fetch(root, ENGINE_WHEEL, text.decode(), work).glob("*.whl"))
    except (ReproduceError, UnicodeDecodeError) as error:
        return str(error)
    return wheels[0] if wheels else "its folder has no wheel"


def install(python: Interpreter, wheel: Path, folder: Path) -> Interpreter:
    """The interpreter with the wheel's package in ``folder``, before all others.

    The environment stays as its lock file has it, for the next version; nothing of the wheel runs.
    """
    command = [str(python.path), "-m", "pip", "install", "-qq", "--no-input", "--no-deps",
               "--no-index", "--disable-pip-version-check", "--target", str(folder),
               str(wheel)]  # fmt: skip
    execute(command, folder.parent, os.environ, command)
    return replace(python, folders=(*python.folders, folder), packages=folder)
