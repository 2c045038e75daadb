"""What the report calls a study, a target and a law: names that a reader knows, not their keys."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

from scaling.document.format import clean, count, power, shorten
from scaling.io.json_files import as_map, as_number
from scaling.laws import load

# In figures and headings; a whole name stands in the tables.
LONGEST = 40


def study_titles(studies: Mapping[str, Any]) -> dict[str, str]:
    """Key -> title: what params.yaml says, else the key as words; with the key where two agree."""
    titles = {
        str(key): clean(as_map(chosen).get("title") or "") or spaced(clean(key))
        for key, chosen in studies.items()
    }
    uses = Counter(titles.values())
    return {
        key: title if uses[title] == 1 else f"{title} ({clean(key)})"
        for key, title in titles.items()
    }


def target_titles(targets: Mapping[str, Any]) -> dict[str, str]:
    """Key -> title: the budget ("10²³ FLOP") or the size ("70B model"); with the key added where
    two are alike."""
    titles = {str(key): _target(clean(key), as_map(at)) for key, at in targets.items()}
    uses = Counter(titles.values())
    return {
        key: title if uses[title] == 1 else f"{title} ({clean(key)})"
        for key, title in titles.items()
    }


def _target(key: str, at: Mapping[str, Any]) -> str:
    flops, params = as_number(at.get("flops")), as_number(at.get("params"))
    if params:
        return f"{count(params)} model"
    return f"{power(flops)} FLOP" if flops else key


@functools.cache
def law_title(name: str) -> str:
    """The law's title without what stands in brackets or after "in": Chinchilla, Coupled law."""
    law = load().get(name)
    if law is None:
        return spaced(name)
    return clean(law.title).partition(" (")[0].partition(" in ")[0]


def law_anchor(name: str) -> str:
    """The id of the law on the page; of one that has no file, whose name may be anything, that of
    the list."""
    return f"law-{name.replace('_', '-')}" if name in load() else "laws"


def spaced(key: str) -> str:
    """A key as words: chinchilla-epoch becomes Chinchilla epoch."""
    words = " ".join(key.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:] if words else key


def brief(title: str) -> str:
    """A title for a figure or a heading."""
    return shorten(title, LONGEST)
