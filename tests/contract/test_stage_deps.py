"""What a stage of ``dvc.yaml`` depends on is what its module imports, and no more."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from scaling.record.versions.fingerprint import blind_to_laws
from tests.support import ROOT
from tests.support.imports import closure, with_registries

PIPELINE: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def code_deps(stage: str) -> list[Path]:
    """The files and folders of code that a stage declares."""
    declared = PIPELINE[stage].get("do", PIPELINE[stage])["deps"]
    return [ROOT / one for one in declared if one.startswith("scaling/")]


def imported(stage: str) -> set[Path]:
    """The files that the stage's module imports, without those that only hold a docstring."""
    files = {_file(one) for one in closure(f"scaling.pipeline.{stage}", with_registries("scaling"))}
    return {file for file in files if not _is_docstring(file)}


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _is_docstring(file: Path) -> bool:
    return [type(node) for node in ast.parse(file.read_text()).body] == [ast.Expr]


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_declares_every_module_that_it_imports(stage: str) -> None:
    deps = code_deps(stage)
    missing = {f for f in imported(stage) if not any(f == d or d in f.parents for d in deps)}
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(map(_shown, missing))}"


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_declares_no_code_that_it_does_not_import(stage: str) -> None:
    files = imported(stage)
    unused = [d for d in code_deps(stage) if not any(f == d or d in f.parents for f in files)]
    assert not unused, f"remove from the deps of {stage} in dvc.yaml: {list(map(_shown, unused))}"


def test_stages_that_read_laws_depend_on_those_of_the_project() -> None:
    assert not blind_to_laws(ROOT)


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
