"""YAML from someone else: bounded in size, in depth and in what it unfolds to.

A safe loader builds no objects, but aliases let a small file hold more values than a memory can
("billion laughs"), and whoever prints or copies one of them unfolds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from scaling.errors import InputError
from scaling.runs.formats._bytes import bounded

LARGEST = 4 * 1024**2
MOST_VALUES = 100_000


class Plain(yaml.SafeLoader):
    """Safe YAML; the tag of a Python object is not followed, what stands under it stays text."""


def _untagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> str:
    return f"!{suffix}"


Plain.add_multi_constructor("tag:yaml.org,2002:python/", _untagged)


def from_yaml(file: Path, largest: int = LARGEST) -> Any:
    """What the file says.

    Raises:
        InputError: too large, not YAML, not UTF-8, nested too deeply, a loop, or too many values.
    """
    content = bounded(file, largest)
    try:
        value = yaml.load(content, Loader=Plain)
        weight = _weight(value, {})
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not readable as YAML: {error}", file=file) from None
    if weight > MOST_VALUES:
        raise InputError("too much, or a loop", file=file, allowed=f"<= {MOST_VALUES} values")
    return value


def _weight(value: Any, known: dict[int, int]) -> int:
    """How many values it unfolds to."""
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) not in known:
        known[id(value)] = MOST_VALUES  # until it is known: a loop has no end
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_weight(part, known) for part in parts)
    return known[id(value)]
