"""Named checks between cells: the folder is the registry, every file without '_' has ``RULES``.

A file is a theme: `scale` (sizes, tokens and compute that must agree), `result` (values that
cannot be, or hardly), `repeated` (rows that say one thing twice), `curves` (order, spikes,
divergence), `units` (slips of a thousand, names that disagree), `gaps` (cells that other rows
have), `drift` (new rows against earlier ones), `elsewhere` (rows that other sources have too).
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from scaling.runs.validation.rules._rule import Reach, Rule, Severity, where

__all__ = ["Reach", "Rule", "Severity", "load", "where"]


@functools.cache
def load() -> tuple[Rule, ...]:
    """All rules, file by file in alphabetical order."""
    found: list[Rule] = []
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if not info.name.startswith("_"):
            found += importlib.import_module(f"{__name__}.{info.name}").RULES
    return tuple(found)
