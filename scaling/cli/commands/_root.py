"""Verbs run at the root of the workspace that they are called in, from whichever folder below."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scaling.errors import InputError
from scaling.workspace.root import MARK, find

# What the folder of a project has that is no marked workspace.
PROJECT = ("params.yaml", "dvc.yaml", "reports", "data")


def at_root(command: Callable[..., Any], *, anywhere: bool | str) -> Callable[..., Any]:
    """The verb, run at the root of the workspace, with files named as seen from where it is called.

    Args:
        command: the function of a verb.
        anywhere: whether it works outside of workspaces too; or the name of the option or argument
            with which it does.
    """

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        here = Path.cwd()
        root = find(here)
        if root is None or root == here:
            free = given.get(anywhere) is not None if isinstance(anywhere, str) else anywhere
            if root is None and not free and not _is_project(here):
                works = f" Outside of one it works with {anywhere!r} given."
                raise _outside(here, works * isinstance(anywhere, str))
            return command(**given)
        defaults = inspect.signature(command).parameters
        moved = {
            name: value if value == defaults[name].default else _from(here, value)
            for name, value in given.items()
        }
        with contextlib.chdir(root):
            return command(**moved)

    return run


def root_here() -> Path:
    """The workspace that this is called in.

    Raises:
        InputError: there is none.
    """
    root = find(Path.cwd())
    if root is None:
        raise _outside(Path.cwd())
    return root


def _outside(here: Path, otherwise: str = "") -> InputError:
    return InputError(
        "this is no workspace, and lies in none",
        file=here,
        allowed=f"a folder with {MARK}, or one below it",
        hint=f"`scaling init` begins one.{otherwise}",
    )


def _is_project(folder: Path) -> bool:
    return any((folder / name).exists() for name in PROJECT)


def _from(here: Path, value: Any) -> Any:
    """A file that was named relative to another folder."""
    if isinstance(value, list):
        return [_from(here, one) for one in value]
    if isinstance(value, Path):
        return value if value == Path("-") else here / value
    if isinstance(value, str) and value and (here / value).is_file():
        return str(here / value)
    return value
