"""The Python that runs the code of a version: the present one, or one with its own lock file."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from scaling.record.reproduce.published import ReproduceError
from scaling.record.reproduce.sandbox import Interpreter, execute

PYTHONS = ("python3.11", "python3.12", "python3.13", sys.executable)
PREFIX = "import sys; print(sys.base_prefix)"
# `--no-deps`: the lock file is complete.
PIP = ("-m", "pip", "install", "-qq", "--no-input", "--disable-pip-version-check", "--no-deps",
       "--require-hashes")  # fmt: skip
# A line of a lock file: a package at one version, perhaps for some Pythons, or one of its hashes.
# The name as in https://packaging.python.org/en/latest/specifications/name-normalization.
LINE = re.compile(
    r"""[A-Za-z0-9._-]+(\[[A-Za-z0-9,._\ -]+\])?==[A-Za-z0-9.+!_-]+\s*(;[^\\]*)?
    |--hash=sha256:[0-9a-f]{64}
    |(\#.*)?""",
    re.VERBOSE,
)


def present() -> Interpreter:
    """The interpreter that runs this."""
    return Interpreter(Path(sys.executable), (Path(sys.prefix), Path(sys.base_prefix)))


def locked(lock: Path, own: Path, folder: Path, say: Callable[[str], None]) -> Interpreter:
    """An environment in ``folder`` with the packages of a lock file; raises ReproduceError.

    They come by their hashes from the index that pip is set to. Building a package runs its code,
    so only those are built that the lock file ``own`` of this installation has by the same hashes:
    nothing else of the version or of a package runs outside the sandbox.
    """
    pins, known = _pins(lock), _pins(own) if own.is_file() else {}
    built = [name for name, lines in pins.items() if known.get(name) != lines]
    base, prefix = _base()
    say(f"building an environment from its lock file with {base} (some minutes)")
    python = folder / "bin" / "python"
    only = ["--only-binary", ",".join(built) or ":none:", "-r", str(lock.resolve())]
    for command in ([base, "-m", "venv", str(folder)], [str(python), *PIP, *only]):
        execute(command, folder.parent, os.environ, command)
    return Interpreter(python, (folder, prefix))


def _pins(lock: Path) -> dict[str, set[str]]:
    """Package -> its versions and hashes; raises ReproduceError for anything else, such as another
    index or a package by address."""
    found: dict[str, set[str]] = {}
    name = ""
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip().removesuffix("\\").strip()
        if not LINE.fullmatch(text) or (text.startswith("--") and not name):
            allowed = "NAME==VERSION and --hash"
            raise ReproduceError(f"{lock.name}, line {number}: {text!r}; allowed: {allowed}")
        if "==" in text and not text.startswith("#"):
            name = re.split(r"[\[=]", text)[0].lower()
        if text and not text.startswith("#"):
            found.setdefault(name, set()).add(text)
    return found


def _base() -> tuple[str, Path]:
    """The Python that `PYTHON` names, else the first that runs, and the folder that it is in.

    Each is run, since version managers put stand-ins on the path.
    """
    asked = os.environ.get("PYTHON")
    for name in (asked,) if asked else PYTHONS:
        with contextlib.suppress(ReproduceError, OSError):
            return name, Path(
                execute([name, "-I", "-c", PREFIX], Path(), os.environ, [name]).strip()
            )
    raise ReproduceError(f"no Python runs: tried {asked or ', '.join(PYTHONS)}; set PYTHON")


def other_packages(lock: Path) -> list[str]:
    """Packages that are installed in another version than the lock file says."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    pinned = [line.split(";")[0].split("==") for line in lines if "==" in line and line[0] != "#"]
    # A package may have a version for each range of Pythons.
    wanted: dict[str, list[str]] = {}
    for name, rest in pinned:
        wanted.setdefault(name.strip(), []).append(rest.split()[0].rstrip("\\"))
    found = []
    for name, versions in wanted.items():
        with contextlib.suppress(metadata.PackageNotFoundError):
            here = metadata.version(name)
            if here not in versions:
                found.append(f"{name} is {here}, was {' or '.join(versions)}")
    return found
