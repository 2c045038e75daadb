"""A version reproduced at its commit: with the stages' commands stood in for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scaling.errors import InputError
from scaling.pipeline.publish import publish
from scaling.record.reproduce import reproduce
from scaling.record.versions.tags import tag_versions
from tests.support.publish_project import NOON, fill, git, write_report

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

    monkeypatch.setattr(reproduce, "_run", stages)
    version = reproduce.every(root)[0]
    made = next(reproduce.reproduce(root, [version]))
    assert made.differences == ()
    assert "byte for byte" in str(made)
    assert git(root, "worktree", "list").count("\n") == 1


def test_what_differs_is_said_with_the_reason(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stages(tree: Path, python: str, *arguments: str) -> None:
        for name in MADE:
            shutil.copytree(root / name, tree / name, dirs_exist_ok=True)
        (tree / "data/fits/a.json").write_text('{"E": 1.9}\n')
        (tree / "data/validated/a.parquet").write_text("other rows\n")

    monkeypatch.setattr(reproduce, "_run", stages)
    made = next(reproduce.reproduce(root, reproduce.every(root)))
    assert [one.file for one in made.differences] == ["fits/a.json"]
    assert "1.8 is now 1.9" in str(made)
    assert "data: data/validated/a.parquet is not what made it" in made.reasons


def test_another_environment_is_asked_for_its_own_python(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --lock the interpreter need not be the one that compares."""
    other = tmp_path / "python"
    other.write_text('#!/bin/sh\ncase "$1" in -c) echo 3.12.99 ;; *) exit 1 ;; esac\n')
    other.chmod(0o755)
    monkeypatch.setattr(reproduce, "_environment", lambda tree, **how: str(other))

    def stages(tree: Path, python: str, *arguments: str) -> None:
        for name in MADE:
            shutil.copytree(root / name, tree / name, dirs_exist_ok=True)
        (tree / "data/fits/a.json").write_text('{"E": 1.9}\n')

    monkeypatch.setattr(reproduce, "_run", stages)
    made = next(reproduce.reproduce(root, reproduce.every(root), lock=True))
    was = ".".join(map(str, sys.version_info[:3]))
    assert f"environment: Python is 3.12.99, was {was}" in made.reasons


def test_pages_beside_the_versions_are_none(root: Path) -> None:
    """`scaling govern` writes reports/governance, with a manifest of its own."""
    known = reproduce.every(root)
    (root / "reports/governance").mkdir()
    (root / "reports/governance/manifest.json").write_text("{}")
    assert reproduce.every(root) == known
    with pytest.raises(InputError, match="no such version"):
        next(reproduce.reproduce(root, ["governance"]))


def test_a_version_that_git_does_not_have_is_said(root: Path) -> None:
    with pytest.raises(InputError, match="no such version"):
        next(reproduce.reproduce(root, ["nope"]))


def test_committed_versions_are_tagged_once(root: Path) -> None:
    version = reproduce.every(root)[0]
    assert next(tag_versions(root)).startswith(f"tagged forecast/{version}")
    assert list(tag_versions(root)) == []
    write_report(root, "# Second\n")
    publish(root, now=NOON)
    assert "is not committed" in next(tag_versions(root))


# What changed between the issue of a version and its commit ---------------------------------------


def dvc(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, cwd=root, env={**os.environ, "PATH": path}, check=True)


def drop(root: Path, name: str) -> None:
    """A run in the inbox, as `scaling add` leaves it, and outputs that come of it."""
    store = root / "data/internal/store"
    store.mkdir(parents=True, exist_ok=True)
    (store / name).write_text(f"{name}\n")
    dvc(root, "add", str(store))
    (root / "data/validated/a.parquet").write_text(f"with {name}\n")
    (root / "reports/current/report.md").write_text(f"# With {name}\n")


def test_a_version_is_made_again_from_the_inbox_that_it_had_however_late_its_commit(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three versions in one commit: before any run of a team's own, and with one and two runs."""
    dvc(root, "init")
    found = {}

    def stages(tree: Path, python: str, *arguments: str) -> None:
        store = tree / "data/internal/store"
        found[len(found)] = sorted(path.name for path in store.glob("*"))
        shutil.copytree(root / "reports/current", tree / "reports/current", dirs_exist_ok=True)

    (root / "reports/current/report.md").write_text("# With none\n")
    none = publish(root).version
    drop(root, "first")
    one = publish(root).version
    drop(root, "second")
    two = publish(root).version
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all of them, at once")
    monkeypatch.setattr(reproduce, "_run", stages)
    made = list(reproduce.reproduce(root, [none, one, two]))
    assert not any(each.failure for each in made), made
    assert found == {0: [], 1: ["first"], 2: ["first", "second"]}
    # Once its runs are nowhere any more, that is what is said, of this version alone.
    shutil.rmtree(root / ".dvc/cache/files/md5" / _object(root, one)[:2])
    lost = {each.version: each.failure for each in reproduce.reproduce(root, [one, two])}
    assert "neither in DVC's cache nor in a remote" in lost[one] and lost[two] == ""


def _object(root: Path, version: str) -> str:
    text = json.loads((root / "reports" / version / "manifest.json").read_text())["inbox"]
    digest: str = yaml.safe_load(text)["outs"][0]["md5"]
    return digest


def test_choices_that_changed_before_the_commit_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stages(tree: Path, python: str, *arguments: str) -> None:
        for name in MADE:
            shutil.copytree(root / name, tree / name, dirs_exist_ok=True)
        (tree / "data/fits/a.json").write_text('{"E": 1.9}\n')

    params = root / "params.yaml"
    params.write_text(params.read_text().replace("seed: 7", "seed: 8"))
    version = publish(root).version
    params.write_text(params.read_text().replace("seed: 8", "seed: 9"))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "another seed")
    monkeypatch.setattr(reproduce, "_run", stages)
    [made] = reproduce.reproduce(root, [version])
    assert "choices: params.yaml is not what made it" in made.reasons


def test_of_two_commits_the_one_with_the_choices_that_made_it_is_taken(root: Path) -> None:
    """It was published from a clean checkout, and committed beside other choices."""
    (root / "reports/current/report.md").write_text("# Second\n")
    issued_at = git(root, "rev-parse", "HEAD").strip()
    made = publish(root)
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("seed: 7", "seed: 9"))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "another seed")
    assert reproduce.commit_of(root, made.folder) == issued_at
