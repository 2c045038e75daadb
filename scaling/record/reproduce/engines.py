"""The engine that a workspace's version names, which its commit does not have.

A commit of a workspace holds choices and data. What computes is the installed package: this one,
where its code has the hash that the version is bound to, else a wheel in an environment from the
version's lock file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import yaml

from scaling.extras import DISTRIBUTION
from scaling.record.reproduce.published import ReproduceError
from scaling.record.reproduce.sandbox import Interpreter, execute, printable
from scaling.record.versions.sources import ENGINE_FILE, installed_hash

HASH = "from scaling.record.versions.sources import installed_hash; print(installed_hash())"


def is_workspace(tree: Path) -> bool:
    """Whether a commit, laid out in ``tree``, is of a workspace."""
    return (tree / ENGINE_FILE).is_file()


def named(tree: Path) -> tuple[str, str]:
    """The version and the hash of the engine that a workspace names; raises ReproduceError."""
    try:
        found = yaml.safe_load((tree / ENGINE_FILE).read_text(encoding="utf-8"))
        return printable(str(found["version"])), str(found["code"])
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ReproduceError(f"{ENGINE_FILE} of the version names no engine: {error}") from error


def check_present(tree: Path) -> None:
    """Refuse to reproduce with another engine than the version's; raises ReproduceError."""
    version, code = named(tree)
    if code != installed_hash():
        raise ReproduceError(
            f"it was made by {DISTRIBUTION} {version} (code {code[:12]}), and here is code "
            f"{installed_hash()[:12]}. `scaling reproduce VERSION --engine WHEEL` takes the wheel "
            f"of that engine; `pip download --no-deps {DISTRIBUTION}=={version}` fetches it"
        )


def install(python: Interpreter, wheel: Path, tree: Path, say: Callable[[str], None]) -> None:
    """Install the wheel of a version's engine into its environment; raises ReproduceError when its
    code is not what the version names."""
    version, code = named(tree)
    pip = (str(python.path), "-m", "pip", "install", "-qq", "--no-input", "--no-deps", "--no-index")
    command = [*pip, "--disable-pip-version-check", str(wheel.resolve())]
    execute(command, wheel.resolve().parent, os.environ, command)
    asked = [str(python.path), "-I", "-c", HASH]
    found = execute(asked, python.path.parent, {}, asked).strip()
    if found != code:
        raise ReproduceError(
            f"{wheel.name} has code {found[:12]}; allowed: {DISTRIBUTION} {version}, code "
            f"{code[:12]}"
        )
    say(f"engine {DISTRIBUTION} {version} from {wheel.name}, with the code that the version names")
