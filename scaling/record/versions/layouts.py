"""Where the code of a version stands: the layouts that versions were published from.

A version is reproduced in a worktree of its own commit, by the commands that its layout has. From
one layout to the next files move, and names and hashes alone would call that a change of them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from scaling.errors import InputError


@dataclass(frozen=True)
class Layout:
    """One arrangement of the code.

    - ``marker``: a file that no other layout has, in its commits and in its manifests
    - ``command``: the module that is the command line, for `python -m`
    - ``changes``: the module that writes what changed since the version before
    - ``any_processor``: its code gives the same digits on every processor with AVX2
    """

    marker: str
    command: str
    changes: str
    any_processor: bool = False


LAYOUTS = (
    Layout("scaling/fitting/__init__.py", "scaling", "scaling.record.changes.between", True),
    Layout("scaling/fit/__init__.py", "scaling.cli", "scaling.audit.changed"),
    # A workspace, whose engine is installed.
    Layout("engine.yaml", "scaling", "scaling.record.changes.between", True),
)

# Folder of an older layout -> the folders that its files are in now.
FOLDERS = {
    "scaling": ("scaling/io", "scaling/runs"),
    "scaling/answers": ("scaling/analysis", "scaling/fitting"),
    "scaling/audit": ("scaling/record",),
    "scaling/checks": ("scaling/runs/validation/rules",),
    "scaling/fit": ("scaling/fitting", "scaling/io"),
    "scaling/forecast": ("scaling/forecasting",),
    "scaling/govern": ("scaling/compute",),
    "scaling/inbox": ("scaling/runs/inbox",),
    "scaling/pipeline": ("scaling/io", "scaling/runs"),
    "scaling/plan": ("scaling/analysis",),
    "scaling/report": ("scaling/report", "scaling/document"),
    "scaling/report/templates": ("scaling/document/templates",),
    "scaling/sources": ("scaling/runs/formats",),
}


def gives_the_same_digits(tree: Path) -> bool:
    """Whether a checkout's code gives the same digits on every processor with AVX2."""
    return any(one.any_processor and (tree / one.marker).is_file() for one in LAYOUTS)


def layout_of(tree: Path) -> Layout:
    """The layout of a checkout; raises InputError for one that has none of them."""
    for layout in LAYOUTS:
        if (tree / layout.marker).is_file():
            return layout
    allowed = ", ".join(layout.marker for layout in LAYOUTS)
    raise InputError("the code is in no known layout", file=tree, allowed=f"one of {allowed}")


@dataclass(frozen=True)
class Relocation:
    """Counts of files between two layouts.

    - ``unchanged``, ``edited``: moved, with the same content or not
    - ``revised``: edited where they were
    - ``added``, ``removed``: without a counterpart; a file that was renamed counts as both
    """

    unchanged: int
    edited: int
    revised: int
    added: int
    removed: int


def relocated(old: Mapping[str, str], new: Mapping[str, str]) -> Relocation | None:
    """What became of the files (name -> hash); None when both are in one layout.

    A file has moved where its content stands elsewhere, or else its name in a folder of `FOLDERS`.
    """
    marked = [{one.marker for one in LAYOUTS} & names.keys() for names in (old, new)]
    if not all(marked) or marked[0] == marked[1]:
        return None
    gone = {name: old[name] for name in sorted(old.keys() - new.keys())}
    came = {name: new[name] for name in sorted(new.keys() - old.keys())}
    unchanged = _paired(gone, came, lambda name, other: gone[name] == came[other])
    edited = _paired(gone, came, _is_move)
    revised = sum(old[name] != new[name] for name in old.keys() & new.keys())
    return Relocation(unchanged, edited, revised, len(came), len(gone))


def _paired(gone: dict[str, str], came: dict[str, str], same: Callable[[str, str], bool]) -> int:
    """How many names that are gone are the same file as one that came; both lose these."""
    count = 0
    for name in list(gone):
        other = next((one for one in came if same(name, one)), None)
        if other is not None:
            del gone[name], came[other]
            count += 1
    return count


def _is_move(name: str, other: str) -> bool:
    """Whether a file of this name went to a folder where the other stands."""
    if name.rpartition("/")[2] != other.rpartition("/")[2]:
        return False
    places = FOLDERS.get(PurePosixPath(name).parent.as_posix(), ())
    return any(PurePosixPath(other).is_relative_to(place) for place in places)
