"""How the code of a version differs from the code that reproduces it, file by file.

The version's code computes the numbers that are compared, so whoever compares has to know what in
it is not their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import scaling
from scaling.errors import counted
from scaling.record.reproduce.git_state import INPUTS
from scaling.record.reproduce.published import ReproduceError
from scaling.record.reproduce.sandbox import printable
from scaling.record.versions.sources import CODE

OTHER = tuple(sorted({*INPUTS, "history.yaml", "data/withdrawn"} - set(CODE)))
PIPELINE = "dvc.yaml"
ABSENT = "not in the version"
# How many files of a group are named before the rest is counted: a screen holds 24 lines.
FIRST = 20


@dataclass(frozen=True)
class Change:
    """One file that is not the same: lines that the version has more and fewer than this code;
    None of a file that is no text."""

    name: str
    what: str
    more: int | None
    fewer: int | None

    def __str__(self) -> str:
        lines = "not text" if self.more is None else f"+{self.more} -{self.fewer}"
        return f"{self.name} ({self.what}, {lines})"


def own_checkout() -> Path:
    """The folder of the code that runs this."""
    return Path(scaling.__file__).resolve().parents[1]


def changes(tree: Path, own: Path, places: tuple[str, ...]) -> list[Change]:
    """Files of these places that the version in ``tree`` and this code do not have the same."""
    theirs, ours = _files(tree, places), _files(own, places)
    # Bytecode that Python left here; in a commit it would be code.
    ours = {name: path for name, path in ours.items() if path.parent.name != "__pycache__"}
    names = sorted(theirs.keys() | ours.keys())
    pairs = [(name, _read(theirs.get(name)), _read(ours.get(name))) for name in names]
    return [_change(name, new, old) for name, new, old in pairs if new != old]


def _files(folder: Path, places: tuple[str, ...]) -> dict[str, Path]:
    found = [path for one in places for path in (folder / one, *(folder / one).rglob("*"))]
    return {path.relative_to(folder).as_posix(): path for path in found if path.is_file()}


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


def _change(name: str, theirs: bytes | None, ours: bytes | None) -> Change:
    what = "only in the version" if ours is None else ABSENT
    what = "changed" if ours is not None and theirs is not None else what
    if b"\0" in (theirs or b"") + (ours or b""):
        return Change(printable(name), what, None, None)
    new, old = (Counter((content or b"").splitlines()) for content in (theirs, ours))
    return Change(printable(name), what, (new - old).total(), (old - new).total())


def lines(tree: Path, own: Path, commit: str) -> Iterator[str]:
    """What to tell before the code in ``tree`` runs: files, then commands of stages.

    Every file that the version has and that no stage of either dvc.yaml declares is named; of the
    others, which a version id binds, the first.
    """
    code = changes(tree, own, CODE)
    yield f"its code against the code that runs this command ({own}):"
    if not code:
        yield "  the same"
    stages = [_stages(folder) for folder in (tree, own)]
    declared = [one for one in code if _is_stage_code(one.name, stages)]
    undeclared = [one for one in code if one not in declared]
    yield from _group("code of stages", declared, FIRST)
    yield from _group("code that no stage declares", undeclared, len(undeclared))
    other = changes(tree, own, OTHER)
    yield from _group("data and choices", other, FIRST)
    if max(len(declared), len(other)) > FIRST:
        yield f"  all of them: git diff --stat {commit} -- {' '.join(CODE + OTHER)}"
    yield from _commands(*stages)


def count(tree: Path, own: Path) -> int:
    """How many files of the version's code this code does not have the same."""
    return sum(one.what != ABSENT for one in changes(tree, own, CODE))


def _group(title: str, group: list[Change], most: int) -> Iterator[str]:
    """The files that the version has; those that it lacks cannot run, and are counted."""
    if not group:
        return
    present = [one for one in group if one.what != ABSENT]
    more, fewer = sum(one.more or 0 for one in group), sum(one.fewer or 0 for one in group)
    lacks = f", {len(group) - len(present)} not in the version" if len(present) < len(group) else ""
    yield f"  {title}: {counted(len(group), 'file')} (+{more} -{fewer} lines){lacks}"
    yield from (f"    {one}" for one in present[:most])
    if len(present) > most:
        yield f"    and {len(present) - most} more"


def _stages(folder: Path) -> dict[str, Any]:
    """Name -> what dvc.yaml says of the stage; empty where there is none."""
    path = folder / PIPELINE
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        return {str(name): spec.get("do", spec) for name, spec in found.items()}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ReproduceError(f"{PIPELINE} of the version is no list of stages: {error}") from error


def _is_stage_code(name: str, stages: list[dict[str, Any]]) -> bool:
    deps = {dep for one in stages for spec in one.values() for dep in spec.get("deps") or ()}
    return any(isinstance(dep, str) and f"{name}/".startswith(f"{dep}/") for dep in deps)


def _commands(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    """The stages whose command or working folder is not the same."""
    names = sorted(theirs.keys() | ours.keys())
    pairs = {name: (_command(theirs.get(name)), _command(ours.get(name))) for name in names}
    other = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if not other:
        yield "  commands of stages: the same"
    for name, (their, our) in other.items():
        yield printable(f"  stage {name}: {their}; here: {our}")


def _command(spec: Any) -> str:
    if spec is None:
        return "no such stage"
    where = f" in {spec['wdir']}" if "wdir" in spec else ""
    return f"`{spec.get('cmd')}`{where}"
