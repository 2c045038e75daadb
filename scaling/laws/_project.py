"""Laws of a project: the files in the folder ``laws/`` of the working directory.

A law file is Python, and is run when the registry is read, as ``flows/`` are. Nothing is run of a
file that defines no ``LAW``. No compiled copy is written, so that the folder holds what Git holds.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
import traceback
from collections.abc import Collection
from pathlib import Path
from types import ModuleType

from scaling.errors import InputError
from scaling.laws._law import Law

FOLDER = Path("laws")
NAME = re.compile(r"[a-z][a-z0-9_]*")
# What the modules of law files are called.
MODULES = "scaling_project_laws."
# File, when it was changed and its size: another law file where one of them differs.
Stamp = tuple[tuple[str, int, int], ...]


def files(root: Path = Path()) -> list[Path]:
    """The law files of a project, by name."""
    return sorted(path for path in (root / FOLDER).glob("*.py") if path.name[0] not in "_.")


def stamp() -> Stamp:
    """What `load` of the working directory rests on."""
    found = [(path.absolute(), path.stat()) for path in files()]
    return tuple((str(path), at.st_mtime_ns, at.st_size) for path, at in found)


@functools.lru_cache(maxsize=8)
def load(known: Stamp, package: frozenset[str]) -> dict[str, Law]:
    """The project's laws by name.

    Raises:
        InputError: see `read`.
    """
    return {law.name: law for law in (read(Path(path), package) for path, *_ in known)}


def check_name(name: str, package: Collection[str], file: Path | None = None) -> None:
    """Refuse a name that is no word of Python in small letters, or that the package has."""
    if not NAME.fullmatch(name):
        allowed = "small letters, digits and _, a letter first"
        raise InputError("not a name for a law", file=file, value=name, allowed=allowed)
    if name in package:
        allowed = "a name that no law of the package has"
        raise InputError("this law is in the package", file=file, value=name, allowed=allowed)


def read(path: Path, package: Collection[str]) -> Law:
    """The law of one file.

    Raises:
        InputError: the file is no Python, fails as it runs, defines no ``LAW`` of its own name, or
            has the name of a law of the package; the message has file and line.
    """
    check_name(path.stem, package, path)
    return law_of(path, path.stem)


def law_of(path: Path, name: str) -> Law:
    """The law ``name`` of a file that may be called otherwise. Raises InputError as `read`."""
    tree = _parsed(path)
    if not any(_defines_law(node) for node in tree.body):
        raise InputError("no law in this file", file=path, allowed="LAW = Law(...)")
    law = _run(path, tree, name)
    if not isinstance(law, Law):
        raise InputError("LAW is no law", file=path, value=law, allowed="LAW = Law(...)")
    if law.name != name:
        raise InputError("LAW has another name", file=path, value=law.name, allowed=name)
    return law


def page(name: str) -> str:
    """The docstring of the file of a project's law that was read."""
    return sys.modules[MODULES + name].__doc__ or ""


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        raise InputError(f"no Python: {error.msg}", file=f"{path}, line {error.lineno}") from error
    except ValueError as error:
        raise InputError(f"no Python: {error}", file=path) from error


def _defines_law(node: ast.stmt) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(one, ast.Name) and one.id == "LAW" for one in targets)


def _run(path: Path, tree: ast.Module, name: str) -> object:
    """``LAW`` of a file; an error in it names its line."""
    module = ModuleType(MODULES + name, ast.get_docstring(tree))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(tree, str(path), "exec"), module.__dict__)  # noqa: S102 - the project's own code
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise InputError(f"{type(error).__name__}: {error}", file=where) from error
    return module.__dict__["LAW"]
