"""Verbs of the ``scaling`` command: the folder is the command tree.

``NAME.py`` defines the function ``NAME``, which is the verb, and the ``PANEL`` of the help that it
belongs to; a file or folder with a ``GROUP`` is a group of verbs. Files that start with '_' are
shared. Verbs of the panels `IN_A_WORKSPACE` need one, unless their file says ``ANYWHERE``. A file
imports what its verb needs inside it, so that ``scaling --help`` stays quick.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable

import typer

from scaling.cli.commands._options import PANELS, PIPELINE, TRUST, with_read_options
from scaling.cli.commands._root import at_root

IN_A_WORKSPACE = (PIPELINE, TRUST)


def register(app: typer.Typer, path: Iterable[str] = __path__, package: str = __name__) -> None:
    """Add the verbs and groups of a folder, in the order of their panels and then of names."""
    names = sorted(info.name for info in pkgutil.iter_modules(path) if info.name[0] != "_")
    modules = {name: importlib.import_module(f"{package}.{name}") for name in names}
    panels = {name: getattr(module, "PANEL", None) for name, module in modules.items()}
    for name in sorted(names, key=lambda name: (*PANELS, None).index(panels[name])):
        if hasattr(modules[name], "GROUP"):
            app.add_typer(modules[name].GROUP, name=name, rich_help_panel=panels[name])
        else:
            command = getattr(modules[name], name)
            # Where columns are mapped, a file is read.
            if "maps" in inspect.signature(command).parameters:
                command = with_read_options(command)
            hidden = getattr(modules[name], "HIDDEN", False)
            anywhere = getattr(modules[name], "ANYWHERE", panels[name] not in IN_A_WORKSPACE)
            run = at_root(command, anywhere=anywhere)
            app.command(name, rich_help_panel=panels[name], hidden=hidden)(run)
