"""Verbs of the ``scaling`` command: the folder is the command tree.

``NAME.py`` defines the function ``NAME``, which is the verb, and the ``PANEL`` of the help that it
belongs to; a file or folder with a ``GROUP`` is a group of verbs. Files that start with '_' are
shared. A file is imported when its verb is run; the list of verbs is read from the files' text, so
that ``scaling --help`` stays quick. Verbs of the panels `IN_A_WORKSPACE` need one, unless their
file says ``ANYWHERE``; a verb that is ``HIDDEN`` is not listed.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

import typer
from typer.core import TyperGroup

from scaling.cli.commands import _options

IN_A_WORKSPACE = (_options.PIPELINE, _options.TRUST)


class Verb(NamedTuple):
    """A verb in the list of them: what it does, and the panel it stands in."""

    help: str
    panel: str
    hidden: bool = False


class _Verbs(MutableMapping[str, Any]):
    """Name -> command of a folder's files; a file is imported when its command is asked for."""

    def __init__(self, path: Iterable[str], package: str) -> None:
        self.package = package
        found = {info.name: info for info in pkgutil.iter_modules(path) if info.name[0] != "_"}
        self.files = {name: _file(path, name) for name in sorted(found)}
        self.loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.loaded:
            if name not in self.files:
                raise KeyError(name)
            self.loaded[name] = _command(importlib.import_module(f"{self.package}.{name}"), name)
        return self.loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self.loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self.files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def panels(self) -> dict[str, list[tuple[str, str]]]:
        """Panel -> its verbs, each with what it does."""
        listed = {name: _listed(file, name) for name, file in self.files.items()}
        listed = {name: one for name, one in listed.items() if not one.hidden}
        order = [*_options.PANELS, ""]
        return {
            panel: rows
            for panel in order
            if (rows := [(name, one.help) for name, one in listed.items() if one.panel == panel])
        }


def folder(path: Iterable[str] = __path__, package: str = __name__) -> type[TyperGroup]:
    """The kind of a group whose verbs are the files of a folder."""
    verbs = _Verbs(path, package)

    class Folder(TyperGroup):
        """A group that lists its verbs by panel, from the text of their files."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings | {"commands": None})
            self.commands = verbs

        def format_help(self, ctx: Any, formatter: Any) -> None:
            self.format_usage(ctx, formatter)
            self.format_help_text(ctx, formatter)
            self.format_options(ctx, formatter)

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            # One width for all, so that the panels align.
            width = max(map(len, verbs))
            for panel, rows in verbs.panels().items():
                with formatter.section(panel or "Commands"):
                    formatter.write_dl([(name.ljust(width), text) for name, text in rows])

    return Folder


def _command(module: Any, name: str) -> Any:
    """The command of a verb's module, or its group."""
    if hasattr(module, "GROUP"):
        group = typer.main.get_group(module.GROUP)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    from scaling.cli.commands._root import at_root

    verb = getattr(module, name)
    # Where columns are mapped, a file is read.
    if "maps" in inspect.signature(verb).parameters:
        verb = _options.with_read_options(verb)
    anywhere = getattr(module, "ANYWHERE", getattr(module, "PANEL", None) not in IN_A_WORKSPACE)
    hidden = getattr(module, "HIDDEN", False)
    # Paragraphs are as wide as the terminal, not as the lines of the file.
    paragraphs = inspect.cleandoc(verb.__doc__ or "").split("\n\n")
    help_text = "\n\n".join(" ".join(one.split()) for one in paragraphs)
    alone.command(name, hidden=hidden, help=help_text)(at_root(verb, anywhere=anywhere))
    return typer.main.get_command(alone)


def _file(path: Iterable[str], name: str) -> Path:
    """The file of a module or package in one of these folders."""
    places = [Path(one, name) for one in path]
    files = [one.with_suffix(".py") for one in places] + [one / "__init__.py" for one in places]
    return next(one for one in files if one.is_file())


def _listed(file: Path, name: str) -> Verb:
    """The verb of a file, read from its text: the first paragraph of its docstring, or the ``help``
    of its group."""
    panel, text, hidden = "", "", False
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            text = (ast.get_docstring(node) or "").split("\n\n")[0]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            target, value = node.targets[0].id, node.value
            hidden |= target == "HIDDEN"
            if target == "PANEL" and isinstance(value, ast.Name):
                panel = getattr(_options, value.id)
            elif target == "GROUP" and isinstance(value, ast.Call):
                helps = [one.value for one in value.keywords if one.arg == "help"]
                text = next((str(ast.literal_eval(one)) for one in helps), "")
    return Verb(" ".join(inspect.cleandoc(text).split()), panel, hidden)
