"""Law families. The folder is the registry: every file that does not start with '_' is a law."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from scaling.errors import InputError, nearest
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
]


@functools.cache
def load() -> dict[str, Law]:
    """All laws by name, in alphabetical order."""
    found: dict[str, Law] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if not info.name.startswith("_"):
            law: Law = importlib.import_module(f"{__name__}.{info.name}").LAW
            found[law.name] = law
    return found


def of_role(role: Role) -> list[str]:
    """Names of the laws that are used so by default, in that order."""
    found = [law for law in load().values() if role in law.roles]
    return [law.name for law in sorted(found, key=lambda law: law.roles[role])]


def approaches() -> dict[str, str]:
    """Law -> its approach to compute-optimal sizes, in the order of their numbers."""
    first = [*of_role("exponents"), *of_role("plan"), *load()]
    return {name: load()[name].approach for name in first if load()[name].approach}


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
