"""Folders that are verbs: `scaling.fit` is a package and, called, its main function.

Importing a submodule binds the package's name in its parent, so a function of the same name at
the root would be overwritten by the first such import. A callable package has no such race.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        engine = importlib.import_module(f"{self.__name__}.engine")
        return getattr(engine, self.__name__.rpartition(".")[2])(*args, **kwargs)


def make_callable(name: str) -> None:
    """Let the package ``name`` be called as its ``engine`` module's function of that name."""
    sys.modules[name].__class__ = _Verb
