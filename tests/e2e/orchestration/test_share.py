"""Sharing a published version: real bare repositories and a real DVC remote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scaling.orchestration.dvc.graph import up_to_date
from scaling.orchestration.sharing.push import ShareError, catch_up, share
from scaling.pipeline.publish import publish
from scaling.record.changes.headline import changes, headline
from tests.e2e.orchestration.test_flow import git
from tests.support.ops_project import WHO, make
from tests.support.publish_project import NOON
from tests.support.record_project import grown, prepared


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a published version, and a remote of each kind."""
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)
    root = make(tmp_path / "project")
    dvc(root, "repro", "--quiet")
    dvc(root, "remote", "add", "storage", str(tmp_path / "storage"))
    git(root, "commit", "-qam", "a remote")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "hub.git")
    git(root, "remote", "add", "origin", str(tmp_path / "hub.git"))
    publish(root)
    return root


def dvc(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, cwd=root, env={**os.environ, "PATH": path}, check=True)


def declared(root: Path, text: str) -> None:
    """Another input, without which other outputs are no other version."""
    (root / "data/declared").mkdir(parents=True, exist_ok=True)
    (root / "data/declared/runs.csv").write_text(f"{text}\n")


def version(root: Path) -> str:
    return publish(root).version


def test_a_clone_of_what_was_shared_has_everything(root: Path, tmp_path: Path) -> None:
    done = share(root, version(root), "origin", "storage")
    assert [line.split()[0] for line in done] == ["DVC's", "committed", "tagged", "pushed"]
    assert share(root, version(root), "origin", None) == []
    git(tmp_path, "clone", "-q", "hub.git", "clone")
    clone = tmp_path / "clone"
    assert git(clone, "tag", "--list").split() == [f"forecast/{version(root)}"]
    dvc(clone, "pull", "--quiet", "--remote", "storage")
    assert (clone / "data/validated/report.html").is_file()
    shown = clone / "reports" / version(root) / "report.html"
    assert shown.read_bytes() == (root / "reports/current/report.html").read_bytes()


def test_another_clone_takes_over_what_was_shared_unless_it_has_its_own(
    root: Path, tmp_path: Path
) -> None:
    git(root, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", "hub.git", "clone")
    clone = tmp_path / "clone"
    assert catch_up(clone, "origin", None) is None
    share(root, version(root), "origin", "storage")
    assert catch_up(clone, "origin", "storage") == "took over what origin/main has"
    assert up_to_date(clone)
    assert share(clone, version(root), "origin", None) == ["pushed to origin/main"]
    git(clone, "commit", "-q", "--allow-empty", "-m", "its own")
    git(root, "commit", "-q", "--allow-empty", "-m", "another's")
    git(root, "push", "-q", "origin", "main")
    assert catch_up(clone, "origin", None) is None
    (tmp_path / "hub.git").rename(tmp_path / "away.git")
    assert catch_up(clone, "origin", None) is None
    with pytest.raises(ShareError, match="has no remote"):
        catch_up(clone, "elsewhere", None)


def test_runs_that_came_before_a_version_was_shared_are_sent_with_it(
    root: Path, tmp_path: Path
) -> None:
    """A killed run left a version without a commit, more runs came, and all is shared then."""
    ignore = (root / ".gitignore").read_text()
    (root / ".gitignore").write_text(ignore.replace("/data/internal/\n", "/data/internal/store\n"))
    store, hashes = root / "data/internal/store", []
    for name in ("first", "second", "third"):
        store.mkdir(exist_ok=True)
        (store / name).write_text(f"{name}\n")
        dvc(root, "add", "--quiet", str(store))
        declared(root, name)
        (root / "reports/current/report.html").write_text(f"{name}\n")
        hashes.append(yaml.safe_load((root / "data/internal/store.dvc").read_text()))
        last = publish(root)
    cache = root / ".dvc/cache/files/md5"
    digests = [one["outs"][0]["md5"] for one in hashes]
    (cache / digests[1][:2] / digests[1][2:]).unlink()
    done = share(root, last.version, "origin", "storage")
    assert "does not have all of the earlier runs" in done[1] and digests[1][:2] in done[1]
    there = tmp_path / "storage/files/md5"
    kept = [(there / digest[:2] / digest[2:]).is_file() for digest in digests]
    assert kept == [True, False, True]
    assert [line.split()[0] for line in done[-2:]] == ["tagged", "pushed"]


def test_the_index_is_shared_with_a_version_and_two_workers_do_not_collide_over_it(
    root: Path, tmp_path: Path
) -> None:
    """Each has audited in between, so each has an index of its own, tracked by Git or not yet."""
    git(root, "push", "-q", "origin", "main")
    for name in ("second", "third"):
        git(tmp_path, "clone", "-q", "hub.git", name)
    second, third = tmp_path / "second", tmp_path / "third"
    first = version(root)
    share(root, first, "origin", "storage")
    for clone in (second, third):
        (clone / "reports").mkdir()
        (clone / "reports/index.md").write_text("not tracked yet\n")
        assert catch_up(clone, "origin", "storage") == "took over what origin/main has"
        assert first in (clone / "reports/index.md").read_text()
        (clone / "reports/index.md").write_text("with an audit of its own\n")
        (clone / "reports/index-1-50.md").write_text("a page of older versions\n")
        (clone / "reports/index-notes.md").write_text("someone's own\n")
    # An index that changed makes no commit by itself; it goes with the next version.
    assert share(second, first, "origin", None) == ["pushed to origin/main"]
    (second / "reports/current").mkdir(exist_ok=True)
    dvc(second, "repro", "--quiet")
    declared(second, "more")
    (second / "reports/current/report.html").write_text("more\n")
    made = publish(second).version
    assert share(second, made, "origin", None)[-1] == "pushed to origin/main"
    assert catch_up(third, "origin", None) == "took over what origin/main has"
    assert made in (third / "reports/index.md").read_text()
    # One's page was shared, the other's given up for it; neither has to do with other files.
    assert (third / "reports/index-1-50.md").read_text() == "a page of older versions\n"
    assert (third / "reports/index-notes.md").read_text() == "someone's own\n"
    assert git(third, "status", "--porcelain", "-uno") == ""


def test_an_object_that_changed_in_the_remote_is_not_taken_over(root: Path, tmp_path: Path) -> None:
    """DVC by itself puts it in its place and says nothing, where it is part of a folder."""
    git(root, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", "hub.git", "clone")
    share(root, version(root), "origin", "storage")
    for file in (tmp_path / "storage/files/md5").rglob("*"):
        if file.is_file() and file.suffix != ".dir":
            file.chmod(0o644)
            file.write_bytes(b"garbage\n")
    told = catch_up(tmp_path / "clone", "origin", "storage")
    assert told == "took over what origin/main has; storage does not have all data"
    found = [path for path in (tmp_path / "clone/data").rglob("*") if path.is_file()]
    assert found and all(b"garbage" not in path.read_bytes() for path in found)
    # What stages make is recomputed; the next run needs no remote.
    dvc(tmp_path / "clone", "repro", "--quiet")
    made = tmp_path / "clone/data/validated/report.html"
    assert made.read_bytes() == (root / "data/validated/report.html").read_bytes()


def test_what_a_person_is_editing_is_not_committed(root: Path) -> None:
    (root / "stage.py").write_text("# half an edit\n")
    (root / "notes.txt").write_text("mine\n")
    git(root, "add", "notes.txt")
    share(root, version(root), None, None)
    assert git(root, "status", "--porcelain", "-uno").splitlines() == [
        "A  notes.txt",
        " M stage.py",
    ]


def test_a_diverged_remote_is_told_and_nothing_is_pushed(root: Path, tmp_path: Path) -> None:
    git(root, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", "hub.git", "other")
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "another's")
    git(tmp_path / "other", "push", "-q", "origin", "main")
    with pytest.raises(ShareError, match="has commits that are not here") as refused:
        share(root, version(root), "origin", None)
    assert not refused.value.retryable
    assert git(tmp_path / "hub.git", "tag", "--list") == ""
    # As it says; and the next run ends what this one could not.
    git(root, "pull", "-q", "--no-rebase", "origin", "main")
    assert share(root, version(root), "origin", None) == ["pushed to origin/main"]
    assert git(root, "log", "--format=%s").count("Publish") == 1


def test_a_remote_that_answers_with_noise_is_told_in_plain_text(root: Path, tmp_path: Path) -> None:
    script = tmp_path / "noise.sh"
    script.write_text("#!/bin/sh\nprintf '\\033[2J\\377\\376' >&2\nhead -c 4096 /dev/urandom\n")
    script.chmod(0o755)
    git(root, "config", "remote.origin.receivepack", str(script))
    with pytest.raises(ShareError, match="could not push to origin") as failed:
        share(root, version(root), "origin", None)
    said = str(failed.value)
    assert failed.value.retryable and len(said) < 5000
    assert all(c.isprintable() or c == "\n" for c in said)
    git(root, "config", "--unset", "remote.origin.receivepack")
    assert share(root, version(root), "origin", None) == ["pushed to origin/main"]


def test_a_remote_that_is_not_reached_is_tried_again_later(root: Path, tmp_path: Path) -> None:
    (tmp_path / "hub.git").rename(tmp_path / "away.git")
    with pytest.raises(ShareError, match="could not push to origin") as failed:
        share(root, version(root), "origin", None)
    assert failed.value.retryable
    (tmp_path / "away.git").rename(tmp_path / "hub.git")
    assert share(root, version(root), "origin", None) == ["pushed to origin/main"]


@pytest.mark.parametrize("remotes", [("--upload-pack=x", None), ("nowhere", None), (None, "none")])
def test_only_remotes_that_git_and_dvc_know(
    root: Path, remotes: tuple[str | None, str | None]
) -> None:
    with pytest.raises(ShareError, match="has no remote"):
        share(root, version(root), *remotes)
    assert git(root, "tag", "--list") == ""


def test_a_password_in_an_address_is_not_repeated() -> None:
    said = str(ShareError("fatal: unable to access 'https://me:secret@example.org/x.git'"))
    assert "secret" not in said and "https://***@example.org" in said


HEAD = "study,target,params,tokens,flops,law,quantile,value\n"


def test_what_changed_names_what_came_went_and_moved(tmp_path: Path) -> None:
    for name, lines in {"old": ["a,x 2.0", "b,x 3.0"], "new": ["a,x 2.1", "c,x 1.5"]}.items():
        text = "".join(
            f"{key},1,1,6,ensemble,{level},{value}\n"
            for key, value in (line.split() for line in lines)
            for level in ("0.05", "0.5", "0.95")
        )
        (tmp_path / name).mkdir()
        (tmp_path / name / "forecast.csv").write_text(HEAD + text)
    row = {"study": "a", "target": "x", "low": 2.1, "median": 2.1, "high": 2.1}
    assert headline(tmp_path / "new")[0] == row
    said = changes(tmp_path / "new", tmp_path / "old")
    assert "| a | x | 2 | 2.1 | +5.0 % |" in said
    assert "| b | x | 3 | | removed |" in said and "| c | x | | 1.5 | new |" in said
    assert "first version" in changes(tmp_path / "new", None)


def test_all_that_stages_make_and_git_keeps_is_shared(root: Path) -> None:
    """An output that DVC does not cache would else be edited for ever in one place, old in all."""
    file = root / "dvc.yaml"
    told = yaml.safe_load(file.read_text())
    stage = next(iter(told["stages"].values()))
    stage["metrics"] = [{"numbers.json": {"cache": False}}]
    file.write_text(yaml.safe_dump(told))
    (root / "numbers.json").write_text("{}")
    share(root, version(root), None, None)
    assert "numbers.json" in git(root, "ls-files").split()


def test_what_was_pruned_is_committed_and_what_a_person_removed_is_not(tmp_path: Path) -> None:
    root = tmp_path / "project"
    versions = grown(root, 4)
    prepared(root, 4)
    made = publish(root, now=NOON.replace(month=2))
    assert made.pruned.versions == (versions[1],)
    removed = f"reports/{versions[3]}/report.md"
    (root / removed).unlink()
    assert share(root, made.version, None, None)[0] == f"committed {made.version[:12]}"
    held = git(root, "ls-tree", "-r", "--name-only", "HEAD", f"reports/{versions[1]}/").split()
    assert [Path(name).name for name in held] == ["forecast.csv", "manifest.json"]
    assert git(root, "status", "--porcelain").split() == ["D", removed]
