"""A version reproduced at its commit, by the real DVC on stages that take no time."""

from __future__ import annotations

import json
import shutil
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from scaling.errors import InputError
from scaling.pipeline.publish import publish
from scaling.record.reproduce import code_changes, reproduce
from scaling.record.reproduce.checkout import lay_out
from scaling.record.reproduce.commits import commit_of
from scaling.record.reproduce.packages import (
    READY,
    environments,
    locked,
    other_packages,
    present,
)
from scaling.record.reproduce.published import ReproduceError
from scaling.record.reproduce.sandbox import Interpreter
from scaling.record.versions.sources import Commits, code_of
from scaling.record.versions.tags import tag_versions
from tests.support.publish_project import git
from tests.support.stage_project import build, commit, dvc, published, write


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = build(tmp_path_factory.mktemp("template") / "project")
    published(project)
    return project


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A project with one committed version, in Git."""
    return shutil.copytree(template, tmp_path / "project")


def renamed(root: Path, version: str) -> None:
    """Have the published file state what the stages do not compute."""
    file = root / "reports" / version / "fits/a.json"
    file.write_text('{"E": 1.9}\n')


def test_the_same_bytes_are_said_to_be_the_same(root: Path) -> None:
    [made] = reproduce.reproduce(root, reproduce.every(root))
    assert made.differences == ()
    assert "3 files, the same byte for byte" in str(made)


def test_what_differs_is_said_with_the_reason(root: Path) -> None:
    """Its commit has other code and data than those with which it was computed."""
    write(root, {"scaling/laws/chinchilla.py": "E = 1.5\n"})
    write(root, {"data/published/a.csv": "run,loss\none,2.125\n"})
    dvc(root, "repro")
    version = publish(root).version
    write(root, {"scaling/laws/chinchilla.py": "E = 1.25\n"})
    write(root, {"data/published/a.csv": "run,loss\none,2.25\n"})
    commit(root, "other code and data")
    [made] = reproduce.reproduce(root, [version])
    assert {one.file for one in made.differences} == {"fits/a.json", "forecast.csv", "report.md"}
    assert "1.5 is now 1.25" in str(made) and "2.125 is now 2.25" in str(made)
    assert "code: scaling/laws is not what the version was computed from" in (made.reasons)
    assert "data: data/validated/a.parquet is not what the version was computed from" in (
        made.reasons
    )


def test_another_environment_is_asked_for_its_own_python(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --lock the interpreter need not be the one that compares."""
    other = tmp_path / "bin" / "python"
    other.parent.mkdir()
    other.write_text(
        f'#!/bin/sh\ncase "$2" in -c) echo 3.12.99 ;; *) exec {sys.executable} "$@" ;; esac\n'
    )
    other.chmod(0o755)
    mine = Interpreter(other, (other.parent, *present().folders))
    monkeypatch.setattr(reproduce, "locked", lambda *given: mine)
    version = reproduce.every(root)[0]
    renamed(root, version)
    [made] = reproduce.reproduce(root, [version], lock=True)
    was = ".".join(map(str, sys.version_info[:3]))
    assert f"environment: Python is 3.12.99, was {was}" in made.reasons


def test_an_environment_is_built_once_from_a_lock_file_without_running_its_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    lock = tmp_path / "requirements.lock"
    lock.write_text("# nothing\n")
    said: list[str] = []
    python = locked(lock, lock, said.append)
    assert python.path.is_relative_to(environments()) and python.path.exists()
    (python.path.parents[1] / "left").touch()
    assert locked(lock, lock, said.append) == python
    assert "building" in said[0] and "which is kept" in said[1]
    # What an interrupted build left is not trusted.
    (python.path.parents[1] / READY).unlink()
    assert locked(lock, lock, said.append) == python
    assert "building" in said[2] and not (python.path.parents[1] / "left").exists()
    lock.write_text("# nothing, in other words\n")
    assert locked(lock, lock, said.append).path != python.path
    for line in (
        "--index-url https://example.org/simple",
        "evil @ https://example.org/evil.whl",
        "-r other.txt",
        "git+https://example.org/evil.git",
        "numpy>=2",
        "./local",
        "-e .",
        f"--hash=sha256:{'0' * 63}",
    ):
        lock.write_text(f"fsspec[http, tqdm]==2026.9.0 \\\n    --hash=sha256:{'0' * 64}\n{line}\n")
        with pytest.raises(ReproduceError, match=r"line 3.*NAME==VERSION"):
            locked(lock, lock, lambda text: None)


def test_all_code_of_a_commit_is_laid_out(root: Path, tmp_path: Path) -> None:
    """The version's id, which its report states, is made of it."""
    write(root, {"flows/refit.py": "x = 1\n", "laws/mine.py": "y = 2\n"})
    made = commit(root, "flows and laws of the project")
    lay_out(root, made, tmp_path / "tree")
    assert code_of(tmp_path / "tree") == Commits(root).code_at(made)
    assert "flows" in code_of(tmp_path / "tree")


def test_code_of_a_commit_is_that_of_the_projects_folder(tmp_path: Path) -> None:
    """The project may lie below the top of its repository, beside other code."""
    root = tmp_path / "team" / "project"
    files = {"dvc.yaml": "a: 1\n", "scaling/a/b/ü c.py": "x = 1\n", "scaling/d.py": "y = 2\n"}
    files |= {"scaling/a/notes.md": "no code\n", "scaling/a/.hidden": "no code\n"}
    write(root, files | {"data/scaling/a.py": "no code\n"})
    write(tmp_path, {"scaling/other.py": "of another project\n"})
    git(tmp_path, "init", "-q")
    for name, who in (("user.name", "a"), ("user.email", "a@example.org")):
        git(tmp_path, "config", name, who)
    made = commit(tmp_path, "two projects")
    commits = Commits(root)
    assert commits.code_at(made) == code_of(root)
    assert set(code_of(root)) == {"dvc.yaml", "scaling", "scaling/a"}
    (root / "scaling/a/b/ü c.py").write_text("x = 2\n")
    assert commits.code_at(commit(tmp_path, "a change")) == code_of(root) != commits.code_at(made)
    # A commit from before the project has no code of it; one that is not here is not known.
    (tmp_path / "empty").mkdir()
    assert Commits(tmp_path / "empty").code_at(made) == {}
    assert commits.code_at("0" * 40) is None


def test_installed_versions_are_compared_with_the_lines_for_this_python(tmp_path: Path) -> None:
    """Two lines for two ranges of Pythons, an extra, another spelling of name and version."""
    here = metadata.version("polars")
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        f"polars=={here} ; python_full_version >= '3.11' \\\n    --hash=sha256:{'0' * 64}\n"
        "polars==0.1 ; python_full_version < '3.11'\n"
        "numpy==0.1 ; sys_platform == 'win32'\n"
        f"Great_Expectations[pandas]=={metadata.version('great-expectations')}.0\n"
        "not-installed-anywhere==1.0\n# scipy==0.1\n"
    )
    assert other_packages(lock) == []
    lock.write_text("polars==0.1 ; python_full_version >= '3.11'\nnumpy==0.2\n")
    assert other_packages(lock) == [
        f"polars is {here}, was 0.1",
        f"numpy is {metadata.version('numpy')}, was 0.2",
    ]


def test_pages_beside_the_versions_are_none(root: Path) -> None:
    """`scaling govern` writes reports/governance, with a manifest of its own."""
    known = reproduce.every(root)
    (root / "reports/governance").mkdir()
    (root / "reports/governance/manifest.json").write_text("{}")
    assert reproduce.every(root) == known
    with pytest.raises(InputError, match="no such version"):
        next(reproduce.reproduce(root, ["governance"]))


def test_a_version_that_is_not_published_is_refused(root: Path) -> None:
    with pytest.raises(InputError, match="no such version"):
        next(reproduce.reproduce(root, ["nope"]))


def test_committed_versions_are_tagged_once(root: Path) -> None:
    version = reproduce.every(root)[0]
    assert next(tag_versions(root)).startswith(f"tagged forecast/{version}")
    assert list(tag_versions(root)) == []
    write(root, {"reports/current/report.md": "# Second\n", "data/validated/a.parquet": "other\n"})
    publish(root)
    assert "is not committed" in next(tag_versions(root))


@pytest.mark.parametrize(
    "name", ["../../params.yaml", "/etc/passwd", "fits/../../a", "", ".", "a\\b", "fits//a.json",
             "a\x1b[2J", "fits/a.json/"],
)  # fmt: skip
def test_a_name_that_leads_out_of_the_folder_is_refused(root: Path, name: str) -> None:
    version = reproduce.every(root)[0]
    path = root / "reports" / version / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"][name] = {"sha256": "0" * 64, "bytes": 1}
    path.write_text(json.dumps(manifest))
    [made] = reproduce.reproduce(root, [version])
    assert f"`files` has {name!r}; allowed: a path inside" in made.failure


# How the code differs -----------------------------------------------------------------------------


def test_the_same_code_is_said_to_be_the_same(root: Path) -> None:
    assert list(code_changes.lines(root, root, "HEAD")) == [
        f"its code against the code that runs this command ({root}):",
        "  the same",
        "  commands of stages: the same",
    ]


def test_each_file_that_differs_is_named_with_its_lines(root: Path, tmp_path: Path) -> None:
    tree = shutil.copytree(root, tmp_path / "tree")
    write(tree, {"scaling/cli/commands/site.py": "a = 1\nb = 2\nc = 3\n",
                 "scaling/laws/chinchilla.py": "E = 1.5\nF = 1\n",
                 "scaling/\u202egnp.py": "x = 1\n", "params.yaml": "seed: 8\n"})  # fmt: skip
    (tree / "scaling/pipeline/report.py").unlink()
    (tree / "scaling/blob.bin").write_bytes(b"\0\1")
    text = (tree / "dvc.yaml").read_text()
    (tree / "dvc.yaml").write_text(text.replace("scaling.pipeline.fit $", "evil.fit $"))
    assert list(code_changes.lines(tree, root, "HEAD"))[1:] == [
        "  code of stages: 2 files (+2 -7 lines), 1 not in the version",
        "    scaling/laws/chinchilla.py (changed, +2 -1)",
        "  code that no stage declares: 4 files (+5 -1 lines)",
        "    dvc.yaml (changed, +1 -1)",
        "    scaling/blob.bin (only in the version, not text)",
        "    scaling/cli/commands/site.py (only in the version, +3 -0)",
        "    scaling/\\u202egnp.py (only in the version, +1 -0)",
        "  data and choices: 1 file (+1 -3 lines)",
        "    params.yaml (changed, +1 -3)",
        "  stage fit: `python -m evil.fit ${key}`; here: `python -m scaling.pipeline.fit ${key}`",
    ]


# What changed between the issue of a version and its commit ---------------------------------------


def drop(root: Path, name: str) -> None:
    """A run in the inbox, as `scaling add` leaves it, and outputs that come of it."""
    store = root / "data/internal/store"
    store.mkdir(parents=True, exist_ok=True)
    (store / name).write_text(f"{name}\n")
    dvc(root, "add", str(store))
    dvc(root, "repro")


def test_a_version_is_reproduced_from_the_inbox_that_it_had_however_late_its_commit(
    tmp_path: Path,
) -> None:
    """Three versions in one commit: before any run of a team's own, and with one and two runs."""
    root = build(tmp_path / "project")
    none = publish(root).version
    drop(root, "first")
    one = publish(root).version
    drop(root, "second")
    two = publish(root).version
    commit(root, "all of them, at once")
    assert "['first', 'second']" in (root / "reports" / two / "report.md").read_text()
    made = list(reproduce.reproduce(root, [none, one, two]))
    assert all(each.same for each in made), made
    # Once its runs are nowhere any more, that is what is said.
    shutil.rmtree(root / ".dvc/cache/files/md5" / _object(root, one)[:2])
    [lost] = reproduce.reproduce(root, [one])
    assert "neither in DVC's cache nor in a remote" in lost.failure


def _object(root: Path, version: str) -> str:
    text = json.loads((root / "reports" / version / "manifest.json").read_text())["inbox"]
    digest: str = yaml.safe_load(text)["outs"][0]["md5"]
    return digest


def test_choices_that_changed_before_the_commit_are_named(root: Path) -> None:
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("seed: 7", "seed: 8"))
    version = publish(root).version
    params.write_text(params.read_text().replace("seed: 8", "seed: 9"))
    renamed(root, version)
    commit(root, "another seed")
    [made] = reproduce.reproduce(root, [version])
    assert "choices: params.yaml is not what the version was computed from" in made.reasons


def test_of_two_commits_the_one_with_the_choices_that_made_it_is_taken(root: Path) -> None:
    """It was published from a clean checkout, and committed beside other choices."""
    (root / "reports/current/report.md").write_text("# Second\n")
    issued_at = git(root, "rev-parse", "HEAD").strip()
    version = publish(root).version
    params = root / "params.yaml"
    params.write_text(params.read_text().replace("seed: 7", "seed: 9"))
    commit(root, "another seed")
    assert commit_of(root, root / "reports" / version) == issued_at
