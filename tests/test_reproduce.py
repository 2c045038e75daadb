"""A version made again at its commit: with the stages' commands stood in for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scaling.audit import reproduce as module
from scaling.errors import InputError
from scaling.publish import publish
from scaling.tags import tag_versions
from tests.test_publish import NOON, fill, git

MADE = ("data/validated", "data/fits", "data/forecasts", "reports/current")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one committed version, in Git."""
    project = fill(tmp_path / "project")
    git(project, "init", "-q")
    publish(project, now=NOON)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")
    return project


def test_the_same_bytes_are_said_to_be_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stages(tree: Path, python: str, *arguments: str) -> None:
        assert arguments[:3] == ("-m", "dvc", "repro")
        for name in MADE:
            shutil.copytree(root / name, tree / name, dirs_exist_ok=True)

    monkeypatch.setattr(module, "_run", stages)
    version = module.every(root)[0]
    made = next(module.reproduce(root, [version]))
    assert made.differences == ()
    assert "byte for byte" in str(made)
    assert git(root, "worktree", "list").count("\n") == 1


def test_what_differs_is_said_with_the_reason(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stages(tree: Path, python: str, *arguments: str) -> None:
        for name in MADE:
            shutil.copytree(root / name, tree / name, dirs_exist_ok=True)
        (tree / "data/fits/a.json").write_text('{"E": 1.9}\n')
        (tree / "data/validated/a.parquet").write_text("other rows\n")

    monkeypatch.setattr(module, "_run", stages)
    made = next(module.reproduce(root, module.every(root)))
    assert [one.file for one in made.differences] == ["fits/a.json"]
    assert "1.8 is now 1.9" in str(made)
    assert "data: data/validated/a.parquet is not what made it" in made.reasons


def test_a_version_that_git_does_not_have_is_said(root: Path) -> None:
    with pytest.raises(InputError, match="no such version"):
        next(module.reproduce(root, ["nope"]))


def test_committed_versions_are_tagged_once(root: Path) -> None:
    version = module.every(root)[0]
    assert next(tag_versions(root)).startswith(f"tagged forecast/{version}")
    assert list(tag_versions(root)) == []
    (root / "reports/current/report.md").write_text("# Second\n")
    publish(root, now=NOON)
    assert "is not committed" in next(tag_versions(root))
