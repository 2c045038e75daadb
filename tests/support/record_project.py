"""A record of many small versions in Git, of which the tree holds the newest whole."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

from scaling.pipeline.publish import publish
from scaling.record.versions.tags import tag_versions
from tests.support.publish_project import NOON, fill, git, write_report

REPORT = {"title": "Report", "sections": []}


def grown(root: Path, versions: int, whole: int = 3, *, tags: bool = True) -> list[str]:
    """Publish, commit and tag that many versions one after another; their ids, oldest first."""
    fill(root)
    (root / "scaling.toml").write_text(f"[workspace]\nwhole_versions = {whole}\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "a")
    git(root, "config", "user.email", "a@example.org")
    return [added(root, number, tags=tags) for number in range(versions)]


def added(root: Path, number: int, *, tags: bool = True) -> str:
    """Publish, commit and tag one version more."""
    prepared(root, number)
    version = publish(root, now=NOON + timedelta(days=number)).version
    git(root, "add", "-A")
    git(root, "commit", "-qm", f"publish {number}")
    if tags:
        for line in tag_versions(root):
            assert line.startswith("tagged"), line
    return version


def prepared(root: Path, number: int) -> None:
    """What the stages of another refit leave, committed as far as it made the version."""
    write_report(root, f"# Report {number}\n")
    (root / "reports/current/report.html").write_text(f"<p>Report {number}</p>\n")
    (root / "reports/current/report.json").write_text(json.dumps(REPORT | {"number": number}))
    (root / "data/fits/a.json").write_text(json.dumps({"study": "a", "number": number}))
    git(root, "add", "-A")
    git(root, "commit", "-qm", f"data {number}")


def files(root: Path, version: str) -> list[str]:
    """Names of the version's files in the tree."""
    folder = root / "reports" / version
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def copy(source: Path, target: Path) -> Path:
    """The project with its Git, as it is."""
    return Path(shutil.copytree(source, target, symlinks=True))
