"""Running the code of a version apart from the machine: bubblewrap where the system has it.

The code comes from the publisher. Its environment is bare everywhere; what else it is kept from
depends on what the system offers, and is said before anything runs.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from scaling.record.reproduce.published import ReproduceError

# Programs and libraries, and nothing of /etc that is private.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives",
          "/etc/ld.so.cache")  # fmt: skip
# Namespaces of their own for network, processes, users, host name and communication; no terminal.
BWRAP = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")
UNSHARE = ("--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


class Isolation(Enum):
    """What the code of a version is kept from; the rest of a sentence."""

    FULL = (
        "in a sandbox (bubblewrap): with a bare environment, without a network, and of this "
        "machine's files with its own folder, Python and the system's libraries alone"
    )
    NETWORK = (
        "without a sandbox for files (install bubblewrap to have one): it has no network, but can "
        "read and write whatever you can, the published files too"
    )
    NONE = (
        "without a sandbox (install bubblewrap to have one): it can use the network, and read and "
        "write whatever you can, the published files too"
    )

    @property
    def of_failure(self) -> str:
        """A line to add where the code has failed, since this may be why."""
        lacks = {Isolation.FULL: "network and no files but its own", Isolation.NETWORK: "network"}
        found = lacks.get(self)
        return f"\nIt had no {found}: a stage that needs more fails." if found else ""


@functools.cache
def isolation() -> Isolation:
    """The most that this system allows; tried, since containers and kernels forbid parts of it."""
    tried = {
        Isolation.FULL: ("bwrap", *BWRAP, "--ro-bind", "/", "/", "--proc", "/proc", "true"),
        Isolation.NETWORK: ("unshare", *UNSHARE, "true"),
    }
    for found, command in tried.items():
        if shutil.which(command[0]):
            done = subprocess.run(command, capture_output=True)
            if done.returncode == 0:
                return found
    return Isolation.NONE


@dataclass(frozen=True)
class Interpreter:
    """A Python and the folders that it needs; ``packages`` come before those of its own."""

    path: Path
    folders: tuple[Path, ...]
    packages: Path | None = None

    @property
    def is_present(self) -> bool:
        """Whether it is the one that runs this."""
        return self.path == Path(sys.executable)


@dataclass(frozen=True)
class Sandbox:
    """Where the code of a version runs.

    - ``tree``: the folder with the code, which it may write
    - ``home``: its home, which it may write; ``home / "tmp"`` has its temporary files
    - ``python``: what runs it
    - ``hidden``: folders that it must not see, should they lie within one that it may read
    - ``shown``: further folders that it may read
    - ``setting``: what its environment has beside the usual
    """

    tree: Path
    home: Path
    python: Interpreter
    hidden: tuple[Path, ...]
    shown: tuple[Path, ...] = ()
    setting: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> str:
        """What `python ARGUMENTS` prints there; raises ReproduceError when it fails."""
        command = [str(self.python.path), *arguments]
        return execute([*self._prefix(), *command], self.tree, self._environment(), command)

    def _environment(self) -> dict[str, str]:
        """Nothing of the person's own: keys, tokens, agents and proxies stay out."""
        packages = self.python.packages
        programs = [str(self.python.path.parent), os.defpath]
        first = {}
        if packages is not None:
            programs.insert(0, str(packages / "bin"))
            first["PYTHONPATH"] = str(packages)
        return {
            "PATH": os.pathsep.join(programs),
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "USER": "reproduce",
            "LANG": "C.UTF-8",
            "DVC_SITE_CACHE_DIR": str(self.home / "dvc"),
            **first,
            **self.setting,
        }

    def _prefix(self) -> list[str]:
        if isolation() is Isolation.NETWORK:
            return ["unshare", *UNSHARE]
        return ["bwrap", *BWRAP, *self._binds()] if isolation() is Isolation.FULL else []

    def _binds(self) -> Iterator[str]:
        for place in SYSTEM:
            yield from ("--ro-bind-try", place, place)
        yield from ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")  # noqa: S108 its own
        binds = {folder.resolve(): "--ro-bind" for folder in (*self.python.folders, *self.shown)}
        readable = [*(Path(place).resolve() for place in SYSTEM), *binds]
        for folder in (one.resolve() for one in self.hidden if one.is_dir()):
            if any(folder.is_relative_to(one) for one in readable):
                binds[folder] = "--tmpfs"
        binds |= {folder.resolve(): "--bind" for folder in (self.tree, self.home)}
        # A folder within another comes after it, and so is seen as it should be.
        for folder, kind in sorted(binds.items(), key=lambda item: len(item[0].parts)):
            yield from (
                (kind, str(folder)) if kind == "--tmpfs" else (kind, str(folder), str(folder))
            )
        yield from ("--chdir", str(self.tree.resolve()))


def execute(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], shown: Sequence[str]
) -> str:
    """What the command prints; raises ReproduceError with its last lines and ``shown``."""
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ReproduceError(f"`{' '.join(shown)}` failed ({done.returncode}):\n{printable(last)}")
    return done.stdout


def printable(text: str) -> str:
    """Text of others without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)
