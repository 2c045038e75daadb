"""The Python that runs the code of a version: the present one, or one with its own lock file."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from scaling.errors import counted
from scaling.io import atomic, cache
from scaling.io.hashing import sha256
from scaling.record.reproduce.published import ReproduceError
from scaling.record.reproduce.sandbox import Interpreter, execute

# Written last: without it an environment is not whole.
READY = ".ready"
# With these, Python would look for packages elsewhere too, or leave no bytecode.
UNSEEN = ("PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "PYTHONPATH")
PYTHONS = ("python3.11", "python3.12", "python3.13", sys.executable)
BASE = "import sys; print(sys.version, sys.base_prefix, sep='\\n')"
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


def environments() -> Path:
    """Where environments of lock files are kept: any of them may be removed at any time."""
    place = cache.folder("environments")
    if place is None:
        raise ReproduceError("no folder for environments: XDG_CACHE_HOME=/A/FOLDER names one")
    return place


def locked(lock: Path, own: Path, say: Callable[[str], None], was: str = "") -> Interpreter:
    """The environment with the packages of a lock file, built once; raises ReproduceError.

    It is kept in `environments` by the hash of the lock file and of the Python; ``was`` is the
    version of the Python that is sought first. The packages come by their hashes from the index
    that pip is set to. Building a package runs its code, so only those are built that the lock file
    ``own`` of this installation has by the same hashes: nothing else of the version or of a package
    runs outside the sandbox.
    """
    pins, known = _pins(lock), _pins(own) if own.is_file() else {}
    unknown = [name for name, lines in pins.items() if known.get(name) != lines]
    base, version, prefix = _base(was)
    key = sha256(lock.read_bytes() + f"{version}\n{prefix}".encode())
    folder = environments() / key[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with atomic.locked(folder, waiting=lambda: say("another command builds it; waiting")):
        if (folder / READY).is_file():
            say(f"in the environment of its lock file, which is kept: {folder}")
        else:
            say(f"building an environment from its lock file with {base} (some minutes): {folder}")
            only = ["--only-binary", ",".join(unknown) or ":none:", "-r", str(lock.resolve())]
            _build(folder, base, only)
    return Interpreter(folder / "bin" / "python", (folder, prefix))


def _build(folder: Path, base: str, packages: list[str]) -> None:
    """Build it; what an interrupted build left is removed first."""
    environment = {name: one for name, one in os.environ.items() if name not in UNSEEN}
    install = [str(folder / "bin" / "python"), *PIP, *packages]
    for command in ([base, "-m", "venv", "--clear", str(folder)], install):
        execute(command, folder.parent, environment, command)
    atomic.write(folder / READY, b"")


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


def _base(was: str) -> tuple[str, str, Path]:
    """The Python that `PYTHON` names, else one of this minor version, else the first that runs:
    its name, its version and the folder that it is in.

    Each is run, since version managers put stand-ins on the path.
    """
    asked = os.environ.get("PYTHON")
    same = [f"python{'.'.join(was.split('.')[:2])}"] if re.fullmatch(r"3\.\d+\.\d+", was) else []
    for name in (asked,) if asked else (*same, *PYTHONS):
        with contextlib.suppress(ReproduceError, OSError):
            said = execute([name, "-I", "-c", BASE], Path(), os.environ, [name])
            *version, prefix = said.strip().splitlines()
            return name, " ".join(version), Path(prefix)
    raise ReproduceError(f"no Python runs: tried {asked or ', '.join(PYTHONS)}; set PYTHON")


def other_packages(lock: Path) -> list[str]:
    """Packages that are installed in another version than the lock file says for this Python and
    system; packages that are not installed are left out, since extras bring them."""
    found = []
    for line in lock.read_text(encoding="utf-8").splitlines():
        text = line.strip().removesuffix("\\").strip()
        if "==" not in text or text.startswith(("#", "-")):
            continue
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        [pinned] = wanted.specifier
        with contextlib.suppress(metadata.PackageNotFoundError):
            here = metadata.version(wanted.name)
            if Version(here) != Version(pinned.version):
                found.append(f"{wanted.name} is {here}, was {pinned.version}")
    return found


def not_as_locked(lock: Path) -> list[str]:
    """A remark where installed packages are not those that versions are reproduced with."""
    other = other_packages(lock)
    if not other:
        return []
    named = "; ".join(other[:3]) + ("; ..." if other[3:] else "")
    return [
        f"{counted(len(other), 'package')} not as in {lock.name}, with which versions are "
        f"reproduced: {named}\n"
        f"  python -m pip install --no-deps --require-hashes -r {lock.name}"
    ]
