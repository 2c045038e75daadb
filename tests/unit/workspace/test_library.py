"""The library: the workspace's own files first, then the package's; copies for versions."""

from __future__ import annotations

import os
import shutil
import tomllib
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.extras import DISTRIBUTION
from scaling.govern import registry
from scaling.io import library
from scaling.workspace.library import NOTE, add
from tests.support import ROOT
from tests.support.command import cli


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and the library as if it were installed."""
    package = tmp_path / "installed"
    for part in library.PARTS:
        os.makedirs(package, exist_ok=True)
        (package / part).symlink_to(ROOT / "data" / part)
    monkeypatch.setattr(library, "package", lambda: package)
    monkeypatch.setattr(library, "version", lambda: "2026.11.30")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_its_package_has_what_lookups_read() -> None:
    project = tomllib.loads((ROOT / "library/pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert set(included) == {f"../data/{part}" for part in library.PARTS}
    assert project["project"]["name"] == library.DISTRIBUTION != DISTRIBUTION


@pytest.mark.parametrize(
    "verb",
    [("thresholds",), ("sources",), ("sources", "gemstones"), ("plan", "cost", "--flops", "1e22")],
)
def test_lookups_work_in_an_empty_folder(here: Path, verb: tuple[str, ...]) -> None:
    assert cli(*verb).returncode == 0
    assert list(here.iterdir()) == []


def test_the_workspace_comes_first(here: Path) -> None:
    shutil.copytree(ROOT / "data/thresholds", "data/thresholds")
    rules = Path("data/thresholds/rules.csv")
    rules.write_text("".join(rules.read_text().splitlines(keepends=True)[:3]))
    assert registry.load().rules.height == 2


def test_what_versions_rest_on_is_copied(here: Path) -> None:
    assert cli("init").returncode == 0
    done = cli("library", "add", "gemstones", "thresholds")
    assert done.returncode == 0 and "from the library of 2026.11.30" in done.stdout
    copied = Path("data/published/gemstones")
    assert (copied / "runs.csv").read_bytes() == (
        ROOT / "data" / "published/gemstones/runs.csv"
    ).read_bytes()
    assert "scaling-library 2026.11.30" in (copied / NOTE).read_text()
    assert cli("library", "add", "gemstone").returncode == 2


def test_without_it_a_sentence_has_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "PACKAGE", "scaling_library_that_is_not_here")
    monkeypatch.setattr(library, "DISTRIBUTION", "scaling-library-that-is-not-here")
    assert library.found(Path("data/thresholds")) == Path("data/thresholds")
    with pytest.raises(InputError, match="python -m pip install"):
        add(tmp_path, "gemstones")
