"""The documentation: reference pages are current, the site builds with every link whole and needs
nothing from elsewhere, and the tutorial's commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from tests.support import ROOT

# What the test leaves out of the tutorial: set-up, and the whole pipeline (other tests run it).
LEFT_OUT = ("make ", ". .venv", "scaling refit")
# Outputs of the first two stages, which the test makes itself.
MADE = ("runs", "validated", "quarantine", "findings.parquet", "docs", "validation.json")
NEEDED = ("data", "reports", "params.yaml", "dvc.yaml", "requirements.lock", "scaling")


def test_reference_pages_are_current() -> None:
    """`python -m tools.reference` writes them."""
    from tools.reference import FOLDER, MADE, pages

    made = pages()
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert sorted(name for name, text in texts.items() if text.startswith(MADE)) == sorted(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


class _Loads(HTMLParser):
    """Everything that a page makes the browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = {"script": "src", "link": "href", "img": "src", "iframe": "src"}.get(tag)
        if name and (value := given.get(name)) and given.get("rel") != "canonical":
            self.found.append(value)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site."""
    place = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(place)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_the_site_needs_nothing_from_elsewhere(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert [one for one in loads.found if re.match(r"(?:https?:)?//", one)] == [], page


def test_a_broken_link_stops_the_build(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs/index.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


def commands(page: str) -> list[str]:
    """The indented lines of a page, as they are typed."""
    return [line[4:] for line in page.splitlines() if line.startswith("    ")]


def test_the_tutorial_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = commands((ROOT / "docs/tutorial.md").read_text(encoding="utf-8"))
    typed = [line for line in told if not line.startswith(LEFT_OUT)]
    assert len(typed) > 8
    for name in NEEDED:
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "reports").unlink()
    shutil.copytree(ROOT / "reports", tmp_path / "reports")
    (tmp_path / "data").unlink()
    (tmp_path / "data").mkdir()
    for path in (ROOT / "data").iterdir():
        if path.name not in MADE:
            (tmp_path / "data" / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for stage in ("ingest", "validate"):  # what `scaling refit` leaves, which a fresh clone lacks
        command = [sys.executable, "-m", f"scaling.pipeline.{stage}"]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    for line in typed:
        if line.startswith(("printf", "grep")):
            subprocess.run(line, shell=True, check=True)
            continue
        word, *arguments = shlex.split(line)
        assert word == "scaling"
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, f"{line}\n{done.output}"
    assert (tmp_path / "forecast.csv").stat().st_size > 0
    assert (tmp_path / "reports/index.html").is_file()
