"""Who imports whom in the project's code, read from its text."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.support import ROOT


@functools.cache
def graph(*folders: str) -> Mapping[str, frozenset[str]]:
    """Module -> the modules of these folders that it imports, at its top or in a function.

    Imports for types alone do not count.
    """
    files = {name(path): path for folder in folders for path in (ROOT / folder).rglob("*.py")}
    return {one: frozenset(_imports(path, files)) for one, path in files.items()}


@functools.cache
def with_registries(*folders: str) -> Mapping[str, frozenset[str]]:
    """As `graph`; a package that scans its folder imports every module in it."""
    imports = graph(*folders)
    return {one: named | _scanned(one, imports) for one, named in imports.items()}


def _scanned(module: str, known: Iterable[str]) -> set[str]:
    file = ROOT.joinpath(*module.split("."), "__init__.py")
    scans = file.is_file() and "pkgutil.iter_modules(__path__)" in file.read_text(encoding="utf-8")
    return {one for one in known if one.rpartition(".")[0] == module} if scans else set()


def name(path: Path) -> str:
    """The module of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def closure(start: str, imports: Mapping[str, Iterable[str]]) -> set[str]:
    """The module, all that it imports, directly or not, and the packages that these lie in."""
    found: set[str] = set()
    more = {start}
    while more:
        found |= more
        packages = {one.rpartition(".")[0] for one in more} - {""}
        more = packages.union(*(imports[one] for one in more)) - found
    return found


def _imports(path: Path, files: Mapping[str, Path]) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {id(node) for one in ast.walk(tree) if _for_types(one) for node in ast.walk(one)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from {inner if inner in files else node.module} & files.keys()


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
