"""The tree holds the newest versions whole; the others are read from Git, and none loses a byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.errors import InputError
from scaling.io import git as io_git
from scaling.io import settings
from scaling.pipeline.publish import publish
from scaling.record.site import build, refresh
from scaling.record.versions import prune as prune_module
from scaling.record.versions.files import NotHereError, has, names, read
from scaling.record.versions.verify import verify
from tests.support.publish_project import NOON, PUBLISHED, git
from tests.support.record_project import added, copy, files, grown, prepared

KEPT = ["forecast.csv", "manifest.json"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A project with eight versions, three of them whole."""
    root = tmp_path_factory.mktemp("made") / "project"
    return root, grown(root, 8)


@pytest.fixture
def root(made: tuple[Path, list[str]], tmp_path: Path) -> Path:
    return copy(made[0], tmp_path / "project")


@pytest.fixture
def versions(made: tuple[Path, list[str]]) -> list[str]:
    return made[1]


def cloned(root: Path, place: Path, *options: str) -> Path:
    subprocess.run(
        ["git", "clone", "-q", *options, f"file://{root}", str(place)], check=True, text=True
    )
    return place


def test_the_newest_are_whole_and_older_ones_are_what_proves_them(
    root: Path, versions: list[str]
) -> None:
    for version in versions[-3:]:
        assert files(root, version) == PUBLISHED
    for number, version in enumerate(versions[:-3]):
        assert files(root, version) == KEPT
        folder = root / "reports" / version
        assert read(folder, "report.md").decode() == f"# Report {number}\n"
        assert names(folder) == PUBLISHED
        assert has(folder, "fits/a.json") and not has(folder, "fits/b.json")
        assert names(folder, "fits/*.json") == ["fits/a.json"]
    assert verify(root) == []
    assert git(root, "status", "--porcelain") == ""


def test_publishing_says_what_it_pruned(root: Path, versions: list[str]) -> None:
    prepared(root, 8)
    said = publish(root, now=NOON.replace(month=2)).sentence
    assert "1 version older than the newest 3 (whole_versions in scaling.toml)" in said
    assert files(root, versions[5]) == KEPT


def test_one_process_answers_every_question(
    root: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    start = subprocess.Popen.__init__

    def noted(self: object, command: list[str], *args: object, **kwargs: object) -> None:
        started.append(command)
        start(self, command, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    for version in versions[:5]:
        for name in PUBLISHED:
            assert read(root / "reports" / version, name)
    assert len(started) <= 1


def test_an_ended_process_is_started_again(root: Path, versions: list[str]) -> None:
    folder = root / "reports" / versions[0]
    assert read(folder, "report.html")
    at = folder.parent.stat()
    process, _ = io_git._processes[os.getpid(), at.st_dev, at.st_ino]
    process.kill()
    process.wait()
    assert read(folder, "report.html") == b"<p>Report 0</p>\n"


def test_a_project_that_takes_the_place_of_another_is_read(root: Path, versions: list[str]) -> None:
    folder = root / "reports" / versions[0]
    assert read(folder, "report.html")
    git(root, "tag", "-d", f"forecast/{versions[0]}")
    other = copy(root, root.with_name("other"))
    shutil.rmtree(root)
    other.rename(root)
    assert read(folder, "report.html") == b"<p>Report 0</p>\n"


def test_a_clone_reads_every_version(root: Path, versions: list[str], tmp_path: Path) -> None:
    clone = cloned(root, tmp_path / "clone")
    for version in versions:
        for name in PUBLISHED:
            assert read(clone / "reports" / version, name)
    assert verify(clone) == []
    # Without tags it is the commit that added the version.
    bare = cloned(root, tmp_path / "bare", "--no-tags")
    assert read(bare / "reports" / versions[0], "report.md") == b"# Report 0\n"
    assert verify(bare) == []


def test_a_shallow_clone_says_what_it_lacks(
    root: Path, versions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = cloned(root, tmp_path / "clone", "--depth", "1")
    with pytest.raises(NotHereError, match=r"report\.html.*shallow.*git fetch --tags --unshallow"):
        read(clone / "reports" / versions[0], "report.html")
    (problem,) = verify(clone)
    assert problem.startswith("reports: reports and fits of 5 versions are in Git alone (first")
    assert "this clone is shallow" in problem and "git fetch --tags --unshallow" in problem
    with pytest.raises(InputError, match="shallow"):
        build(clone)
    monkeypatch.chdir(clone)
    shown = CliRunner().invoke(app, ["show", versions[0]])
    assert isinstance(shown.exception, InputError) and "shallow" in str(shown.exception)
    subprocess.run(["git", "fetch", "-q", "--tags", "--unshallow"], check=True, cwd=clone)
    assert verify(clone) == []


def test_a_version_without_a_tag_is_kept_whole(root: Path, versions: list[str]) -> None:
    git(root, "tag", "-d", f"forecast/{versions[5]}")
    prepared(root, 8)
    said = publish(root, now=NOON.replace(month=2)).sentence
    assert files(root, versions[5]) == PUBLISHED
    assert f"1 older version kept whole (first {versions[5][:12]}): no tag" in said
    git(root, "add", "-A")
    git(root, "commit", "-qm", "publish 8")
    assert CliRunner().invoke(app, ["publish", "--help"]).exit_code == 0
    added(root, 40)
    added(root, 41)
    assert files(root, versions[5]) == KEPT
    assert verify(root) == []


@pytest.mark.parametrize("name", ["report.md", "forecast.csv", "manifest.json"])
def test_a_version_whose_tag_has_other_bytes_is_kept_whole(
    root: Path, versions: list[str], name: str
) -> None:
    file = root / "reports" / versions[5] / name
    whole = file.read_bytes()
    file.write_bytes(whole + b"\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "other bytes")
    git(root, "tag", "-f", f"forecast/{versions[5]}")
    file.write_bytes(whole)
    prepared(root, 8)
    said = publish(root, now=NOON.replace(month=2)).sentence
    assert files(root, versions[5]) == PUBLISHED
    assert "the commit of their tag does not have the same files" in said


def test_other_bytes_in_git_are_found(root: Path, versions: list[str]) -> None:
    git(root, "checkout", "-q", "-b", "other", f"forecast/{versions[0]}")
    (root / "reports" / versions[0] / "report.md").write_text("# Forged\n")
    git(root, "commit", "-qam", "forged")
    git(root, "tag", "-f", f"forecast/{versions[0]}")
    git(root, "checkout", "-q", "main")
    assert verify(root) == [f"reports/{versions[0]}/report.md: in Git is not what was published"]


def test_a_file_that_the_newest_version_lost_is_missing_and_restored(
    root: Path, versions: list[str]
) -> None:
    file = root / "reports" / versions[-1] / "fits/a.json"
    whole = file.read_bytes()
    (root / "data/fits/a.json").write_text("{}\n")
    file.unlink()
    assert verify(root) == [f"reports/{versions[-1]}/fits/a.json: is missing"]
    (root / "data/fits/a.json").write_bytes(whole)
    assert publish(root, now=NOON.replace(month=2)).restored
    assert verify(root) == []


def test_a_higher_setting_leaves_old_versions_in_git(root: Path, versions: list[str]) -> None:
    (root / "scaling.toml").write_text("[workspace]\nwhole_versions = 30\n")
    assert verify(root) == []
    assert added(root, 9)
    assert files(root, versions[0]) == KEPT and files(root, versions[5]) == PUBLISHED
    assert verify(root) == []


def test_a_version_that_is_brought_back_is_whole(root: Path, versions: list[str]) -> None:
    place = f"reports/{versions[0]}"
    git(root, "checkout", f"forecast/{versions[0]}", "--", place)
    assert files(root, versions[0]) == PUBLISHED
    assert verify(root) == []


def test_a_kill_between_removals_leaves_what_the_next_call_finishes(
    root: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(root, 8)
    remove = Path.unlink
    for removals in range(5):
        again = copy(root, root.with_name(f"again-{removals}"))
        left = [removals]

        class Killed(BaseException):
            pass

        def unlink(path: Path, missing_ok: bool = False, left: list[int] = left) -> None:
            if versions[5] in path.parts[-3:-1]:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
            remove(path, missing_ok)

        with monkeypatch.context() as patch:
            patch.setattr(prune_module.Path, "unlink", unlink)
            if removals < 4:
                with pytest.raises(Killed):
                    publish(again, now=NOON.replace(month=2))
                assert len(files(again, versions[5])) == len(PUBLISHED) - removals
                assert verify(again) == []
        assert publish(again, now=NOON.replace(month=2)).newest
        assert files(again, versions[5]) == KEPT
        assert verify(again) == []
        shutil.rmtree(again)


def test_old_links_go_to_tags(root: Path, versions: list[str]) -> None:
    page = (root / "reports/index.html").read_text()
    for version in versions[-3:]:
        assert f'href="{version}/report.html"' in page
    for version in versions[:-3]:
        assert f'href="{version}/report.html"' not in page
        assert f'href="{version}/forecast.csv"' in page
    assert "at the tag forecast/VERSION" in page
    (root / "scaling.toml").write_text(
        '[workspace]\nwhole_versions = 3\nrepository = "https://example.org/a/b/"\n'
    )
    refresh(root)
    page = (root / "reports/index.html").read_text()
    for version in versions[:-3]:
        at = f"https://example.org/a/b/blob/forecast/{version}/reports/{version}/report.html"
        assert f'href="{at}"' in page
    links = {line for line in page.split('"') if line.endswith("/report.html")}
    for link in links:
        assert link.startswith("https://") or (root / "reports" / link).is_file()


def test_an_index_that_is_made_again_from_git_is_the_same(root: Path) -> None:
    whole = {path.name: path.read_bytes() for path in (root / "reports").glob("index*")}
    for name in whole:
        (root / "reports" / name).unlink()
    build(root)
    assert whole == {path.name: path.read_bytes() for path in (root / "reports").glob("index*")}


def test_show_opens_the_page_of_an_old_version(
    root: Path, versions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = root.with_name("browser"), root.with_name("opened")
    browser.write_text(f'#!/bin/sh\ncp "${{1#file://}}" {opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.chdir(root)
    command = [sys.executable, "-m", "scaling", "show", versions[0][:12], "--open"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert opened.read_bytes() == b"<p>Report 0</p>\n"
    shown = subprocess.run(command[:-1], capture_output=True, text=True, check=True).stdout
    assert "--open` opens it" in " ".join(shown.split())


def test_settings_that_are_none_are_refused(tmp_path: Path) -> None:
    assert settings.read(tmp_path).whole_versions == 30
    file = tmp_path / "scaling.toml"
    for value in ("0", "-1", '"3"', "2.5", "true"):
        file.write_text(f"[workspace]\nwhole_versions = {value}\n")
        with pytest.raises(InputError, match=r"scaling\.toml.*whole_versions.*at least 1"):
            settings.read(tmp_path)
    file.write_text("[workspace]\n")
    assert (settings.read(tmp_path).whole_versions, settings.read(tmp_path).repository) == (30, "")
    for text in ("[workspace", "workspace = 3\n"):
        file.write_text(text)
        with pytest.raises(InputError, match=r"scaling\.toml"):
            settings.read(tmp_path)
    for value in ('"javascript:alert(1)"', "3"):
        file.write_text(f"[workspace]\nrepository = {value}\n")
        with pytest.raises(InputError, match=r"https://HOST|text in quotes"):
            settings.read(tmp_path)
