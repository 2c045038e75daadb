"""`scaling gc`: what stages can compute again goes from a real cache of DVC, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scaling.errors import InputError
from scaling.orchestration.dvc.unused import collect
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.store import issue
from tests.support.publish_project import git

STAGE = """\
stages:
  table:
    cmd: cp data/internal/store/runs.csv table.csv && date +%N >> table.csv
    deps: [data/internal/store]
    outs: [table.csv]
"""


def dvc(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def refitted(root: Path, number: int) -> dict[str, Path]:
    """Another inbox, what a stage makes of it, and a commit; the files of the cache by name."""
    (root / "data/internal/store/runs.csv").write_text(f"loss\n{number}\n")
    dvc(root, "add", "-q", "data/internal/store")
    dvc(root, "repro", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", f"refit {number}")
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    store = yaml.safe_load((root / "data/internal/store.dvc").read_text())
    table = lock["stages"]["table"]["outs"][0]["md5"]
    return {"table": cached(root, table), "store": cached(root, store["outs"][0]["md5"])}


def cached(root: Path, digest: str) -> Path:
    return root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "data/internal/store").mkdir(parents=True)
    (root / "dvc.yaml").write_text(STAGE)
    (root / "params.yaml").write_text("seed: 0\n")
    (root / "scaling.toml").write_text("[workspace]\nwhole_versions = 1\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "a")
    git(root, "config", "user.email", "a@example.org")
    dvc(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "begin")
    return root


def test_old_tables_go_and_the_runs_of_every_version_stay(root: Path) -> None:
    made = [refitted(root, number) for number in range(3)]
    stray = cached(root, "0" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("of no commit\n")
    looked = collect(root, dry=True)
    assert looked.computed.objects == 2 and not looked.removed
    assert all(path.is_file() for one in made for path in one.values())
    found = collect(root, dry=False)
    assert (found.computed, found.removed) == (looked.computed, True)
    assert [one["table"].is_file() for one in made] == [False, False, True]
    # The list of each inbox, and the file in it.
    assert all(one["store"].is_file() for one in made) and found.runs.objects == 6
    assert stray.is_file() and found.unknown.objects == 1
    assert collect(root, dry=False).computed.objects == 0
    text = "\n".join(found.sentences)
    assert "removed 2 objects" in text and "kept 1 object, 0.0 MB: no commit names them" in text
    # The runs of the first state are still there, and its table is computed again.
    git(root, "checkout", "-q", "HEAD~2")
    dvc(root, "checkout", "-q", "data/internal/store.dvc")
    assert (root / "data/internal/store/runs.csv").read_text() == "loss\n0\n"


def test_a_lock_that_is_not_committed_keeps_its_tables(root: Path) -> None:
    first = refitted(root, 0)
    committed = refitted(root, 1)
    (root / "data/internal/store/runs.csv").write_text("loss\n2\n")
    dvc(root, "add", "-q", "data/internal/store")
    dvc(root, "repro", "-q")
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    present = cached(root, lock["stages"]["table"]["outs"][0]["md5"])
    store = yaml.safe_load((root / "data/internal/store.dvc").read_text())["outs"][0]["md5"]
    assert collect(root, dry=False).computed.objects == 1
    assert not first["table"].is_file()
    assert committed["table"].is_file() and present.is_file() and cached(root, store).is_file()


def test_branches_and_tagged_versions_keep_their_tables(root: Path) -> None:
    made = [refitted(root, number) for number in range(2)]
    git(root, "branch", "colleague")
    made += [refitted(root, number) for number in range(2, 4)]
    collect(root, dry=False)
    assert [one["table"].is_file() for one in made] == [False, True, False, True]


def test_runs_that_only_a_manifest_names_stay(root: Path) -> None:
    """As of a version whose run was killed before its commit, and more runs came."""
    (root / "data/internal/store/runs.csv").write_text("loss\n5\n")
    dvc(root, "add", "-q", "data/internal/store")
    inbox = (root / "data/internal/store.dvc").read_text()
    kept = cached(root, yaml.safe_load(inbox)["outs"][0]["md5"])
    made_by = {"format": 2, "seed": 0}
    version = issue(root, root / "reports", lambda: Current(made_by, {})).version
    manifest = json.loads((root / "reports" / version / "manifest.json").read_text())
    assert manifest["inbox"] == inbox
    refitted(root, 6)
    found = collect(root, dry=False)
    assert kept.is_file() and found.runs.objects == 4


def test_a_shared_cache_is_refused(root: Path, tmp_path: Path) -> None:
    refitted(root, 0)
    refitted(root, 1)
    dvc(root, "cache", "dir", str(tmp_path / "shared"))
    with pytest.raises(InputError, match=r"shared.*other projects.*dvc gc --projects"):
        collect(root, dry=False)


def test_a_folder_without_a_commit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no commit of Git"):
        collect(tmp_path, dry=True)
