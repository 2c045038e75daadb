"""Files of published versions are read by `scaling.record.versions.files` and by nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaling.record.versions.files import BASELINES, FORECAST, PAGE
from scaling.record.versions.ledger import MANIFEST
from tests.support import ROOT

# Names of files that stand in the folder of a version, and of constants that have them.
FILES = {
    *(MANIFEST, FORECAST, BASELINES, PAGE, "report.json", "report.md"),
    *("changes.json", "checklist.json", "fan.csv", "forecast.svg"),
    *("fits", "backtests", "models", "model-output"),
}
CONSTANTS = {"MANIFEST", "FORECAST", "BASELINES", "PAGE", "REPORT", "CHANGES", "FAN"}
# Wings that know published versions.
WINGS = ("api", "cli", "explore", "orchestration", "record", "workspace")
# Modules that may name such a path -> why.
MAY = {
    "record/versions/files.py": "the reader",
    "record/versions/check.py": "damage is named by its path, and restored there",
    "record/versions/fingerprint.py": "the outputs of the stages",
    "record/versions/tags.py": "paths in Git, whose log is asked",
    "record/audit/evidence.py": "paths in Git, whose objects are asked for",
    "record/editions/verify.py": "the folder of an edition, which stands by itself",
}


def _direct(tree: ast.AST) -> Iterator[ast.BinOp]:
    """Every ``folder / name`` with the name of a version's file at its end."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            right = node.right
            constant = isinstance(right, ast.Constant) and right.value in FILES
            named = isinstance(right, ast.Name) and right.id in CONSTANTS
            if constant or named:
                yield node


def _found(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [f"{path}:{node.lineno}: {ast.unparse(node)}" for node in _direct(ast.parse(text))]


@pytest.mark.parametrize("wing", WINGS)
def test_no_path_leads_past_the_reader(wing: str) -> None:
    folder = ROOT / "scaling"
    found = [
        one
        for path in sorted((folder / wing).rglob("*.py"))
        if path.relative_to(folder).as_posix() not in MAY
        for one in _found(path)
    ]
    assert not found, "read(version, name) of scaling.record.versions.files reads it"


def test_every_exception_is_needed_and_a_path_is_found(tmp_path: Path) -> None:
    assert [name for name in MAY if not _found(ROOT / "scaling" / name)] == []
    file = tmp_path / "a.py"
    file.write_text('x = folder / MANIFEST\ny = (root / v / "report.html").read_bytes()\n')
    assert len(_found(file)) == 2
