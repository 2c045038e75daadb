"""Imports run one way: each wing imports only those before it, and no files import in a circle."""

from __future__ import annotations

import ast
import graphlib
import importlib

import pytest

from tests.support import ROOT
from tests.support.imports import graph

WINGS = (
    *("_version", "_exports", "errors", "extras", "arrays", "io", "_pandas", "frames"),
    *("runs", "laws"),
    *("compute", "document", "fitting", "given", "analysis", "forecasting", "govern", "plan"),
    *("charts", "watching", "callbacks", "report", "explore", "record", "pipeline", "workspace"),
    *("orchestration", "api"),
    "cli",
)
ROOMS = {"scaling": WINGS, "scaling.runs": ("formats", "inbox", "validation")}
# The front doors, which import from any wing.
DOORS = {"scaling", "scaling.__main__"}


def room(module: str, folder: str) -> str:
    """The name that comes after the folder's in the module's; empty outside the folder."""
    return module.removeprefix(folder).split(".")[1] if module.startswith(f"{folder}.") else ""


@pytest.mark.parametrize("folder", ROOMS)
def test_a_room_imports_only_those_before_it(folder: str) -> None:
    place = {name: number for number, name in enumerate(ROOMS[folder])}
    pairs = [(a, b) for a, imported in graph("scaling").items() for b in imported]
    numbers = {one: place.get(room(one, folder), -1) for pair in pairs for one in pair}
    assert not [f"{a} imports {b}" for a, b in pairs if numbers[b] > numbers[a] >= 0]


def test_every_wing_has_its_place() -> None:
    assert {room(one, "scaling") for one in graph("scaling").keys() - DOORS} == set(WINGS)


def test_no_files_import_each_other_in_a_circle() -> None:
    graphlib.TopologicalSorter(graph("scaling", "flows")).prepare()


def test_the_package_never_imports_flows() -> None:
    imports = graph("scaling", "flows")
    assert not [
        one for one in graph("scaling") if any(two.startswith("flows") for two in imports[one])
    ]


@pytest.mark.parametrize("folder", ["benchmarks", "tools"])
def test_what_no_type_checker_reads_imports_what_there_is(folder: str) -> None:
    missing = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scaling"):
                home = importlib.import_module(str(node.module))
                names = [one.name for one in node.names if not hasattr(home, one.name)]
                missing += [f"{path.name}:{node.lineno} {n}" for n in names if not _module(home, n)]
    assert not missing


def _module(home: object, name: str) -> bool:
    try:
        importlib.import_module(f"{home.__name__}.{name}")  # type: ignore[attr-defined]
    except ModuleNotFoundError:
        return False
    return True
