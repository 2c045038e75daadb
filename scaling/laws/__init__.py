"""Law families. The folder is the registry: every file that does not start with '_' is a law.

A project adds laws of its own in its folder ``laws/`` (`scaling.laws._project`).
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from scaling.errors import InputError, nearest
from scaling.laws import _project
from scaling.laws._law import Input, Kind, Law, Param, Published, Role, Term

__all__ = [
    "Input",
    "Kind",
    "Law",
    "Param",
    "Published",
    "Role",
    "Term",
    "approaches",
    "get",
    "load",
    "of_role",
    "package",
    "page",
    "planning",
]


def load() -> dict[str, Law]:
    """All laws by name, in alphabetical order: the package's and those of the working directory.

    Raises:
        InputError: a law file of the project does not load.
    """
    return _together(_project.stamp())


@functools.lru_cache(maxsize=8)
def _together(known: _project.Stamp) -> dict[str, Law]:
    own = _project.load(known, frozenset(package()))
    return dict(sorted({**package(), **own}.items()))


@functools.cache
def package() -> dict[str, Law]:
    """The laws of the package by name, in alphabetical order."""
    found: dict[str, Law] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if not info.name.startswith("_"):
            law: Law = importlib.import_module(f"{__name__}.{info.name}").LAW
            found[law.name] = law
    return found


def page(law: Law) -> str:
    """The docstring of a law's file."""
    if law.name not in package():
        return _project.page(law.name)
    return importlib.import_module(f"{__name__}.{law.name}").__doc__ or ""


def of_role(role: Role) -> list[str]:
    """Names of the laws that are used so by default, in that order."""
    found = [law for law in load().values() if role in law.roles]
    return [law.name for law in sorted(found, key=lambda law: law.roles[role])]


def approaches() -> dict[str, str]:
    """Law -> its approach to compute-optimal sizes, in the order of their numbers."""
    first = [*of_role("exponents"), *of_role("plan"), *load()]
    return {name: load()[name].approach for name in first if load()[name].approach}


def planning(law: str | None = None, *, exponents: bool = False) -> tuple[str, ...]:
    """The laws that a table is fitted with for a plan: the one named, else those of that role, with
    ``exponents`` every approach to compute-optimal sizes."""
    usual = list(approaches()) if exponents else of_role("plan")
    return tuple(usual if law is None or law in usual else [*usual, law])


def get(name: str | Law) -> Law:
    """The law of that name (a Law passes through).

    Raises:
        InputError: no such law; the message names the nearest.
    """
    if isinstance(name, Law):
        return name
    laws = load()
    if name not in laws:
        raise InputError(
            "unknown law", value=name, allowed=", ".join(laws), hint=nearest(name, laws)
        )
    return laws[name]
