"""Verbs of the ``scaling`` command. The folder is the registry: every file that does not start
with '_' has ``register(app)``, which adds its commands. A file imports what its commands need
inside them, so that ``scaling --help`` stays quick."""

from __future__ import annotations

import importlib
import pkgutil

import typer

from scaling.cli.commands._options import PANELS


def register(app: typer.Typer) -> None:
    """Add every file's commands, in the order of their panels and then of file names."""
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if not info.name.startswith("_"):
            importlib.import_module(f"{__name__}.{info.name}").register(app)
    for registered in (app.registered_commands, app.registered_groups):
        registered.sort(key=lambda one: PANELS.index(str(one.rich_help_panel)))
