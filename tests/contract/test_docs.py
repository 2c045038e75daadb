"""The documentation: reference pages are current, the site builds with every link whole and needs
nothing from elsewhere, and commands print what the tutorial and the README show."""

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

# What is not run here: set-up, and the whole pipeline (other tests run it).
LEFT_OUT = ("make ", ". .venv", "scaling refit")
# What depends on the versions published so far, so that its output is not compared.
VARYING = ("scaling show", "scaling audit")


def test_reference_pages_are_current() -> None:
    """`python -m tools.reference` writes them."""
    from tools.reference import FOLDER, MADE, pages

    made = pages()
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert sorted(name for name, text in texts.items() if text.startswith(MADE)) == sorted(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


def test_the_decision_table_of_laws_is_current() -> None:
    """`python -m tools.reference` writes it."""
    from tools.reference import LAWS, with_decisions

    page = LAWS.read_text(encoding="utf-8")
    assert with_decisions(page) == page


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
    for name in ("mkdocs.yml", "tools", "CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / name).symlink_to(ROOT / name)
    with (tmp_path / "docs/index.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


BLOCK = re.compile(r"^```(sh|text|python)\n(.*?)^```$", re.S | re.M)
FRAME = str.maketrans(dict.fromkeys("┃━┏┓┳╇┡┩│─└┘┴", " "))


def words(text: str) -> list[str]:
    """The words of an output, whatever the width of its tables and lines."""
    return text.translate(FRAME).split()


def shows(printed: str, page: str) -> bool:
    """Whether the page's output is the one printed, with parts left out at each ``...``."""
    parts = [re.escape(" ".join(words(part))) for part in page.split("...")]
    return re.search(".*".join(parts), " ".join(words(printed))) is not None


def typed(line: str) -> str:
    """What a line of the page prints; fails where it does."""
    if not line.startswith("scaling "):
        subprocess.run(line, shell=True, check=True)
        return ""
    done = CliRunner().invoke(app, shlex.split(line)[1:])
    assert done.exit_code == 0, f"{line}\n{done.output}"
    return done.output


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone, whose Git has older versions, after the first two stages of a refit."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    for stage in ("ingest", "validate"):
        command = [sys.executable, "-m", f"scaling.pipeline.{stage}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
    return folder


@pytest.mark.parametrize("page", ["docs/tutorial.md", "README.md"])
def test_commands_print_what_the_page_shows(
    page: str, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    monkeypatch.setenv("COLUMNS", "80")
    line, printed = "", ""
    for kind, text in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if kind == "python":
            exec(text, {})
        elif kind == "sh":
            lines = text.replace("\\\n", " ").splitlines()
            for line in lines:
                printed = "" if line.startswith(LEFT_OUT) else typed(line)
        elif printed and not line.startswith(VARYING):
            assert shows(printed, text), f"{page} shows another output of {line}:\n{printed}"
    assert (clone / "forecast.csv").stat().st_size > 0
