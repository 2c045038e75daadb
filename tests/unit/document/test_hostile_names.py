"""Names that would be formulas in a spreadsheet reach no published table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scaling.errors import InputError
from scaling.runs.studies import load_params


def written(path: Path, params: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(params), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "a\u202eb", "\t="]
)
@pytest.mark.parametrize("place", ["studies", "targets"])
def test_a_name_that_is_a_formula_is_refused(tmp_path: Path, name: str, place: str) -> None:
    named: dict[str, Any] = {name: {}}
    params = {"studies": named} if place == "studies" else {"forecast": {"targets": named}}
    with pytest.raises(InputError, match=r"not a study's name|formula.*allowed: printable"):
        load_params(written(tmp_path / "params.yaml", params))


def test_the_projects_own_names_are_fine() -> None:
    assert load_params()["studies"]


def test_missing_parts_are_no_matter(tmp_path: Path) -> None:
    assert load_params(written(tmp_path / "params.yaml", {"seed": 1})) == {"seed": 1}
