"""A project's law files: found, refused with file and line, never in place of the package's."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaling import laws
from scaling.errors import InputError
from tests.support.toy_law import TOY

LAW = TOY.replace("toy_logarithm", "own")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "laws").mkdir()
    return tmp_path / "laws"


def test_a_law_file_is_in_the_registry_from_then_on(folder: Path) -> None:
    assert "own" not in laws.load()
    (folder / "own.py").write_text(LAW)
    assert laws.get("own").title == "Toy law"
    assert laws.page(laws.get("own")).startswith("A toy: loss falls")
    (folder / "own.py").write_text(LAW.replace("Toy law", "Other"))
    assert laws.get("own").title == "Other"
    (folder / "own.py").unlink()
    with pytest.raises(InputError, match="unknown law"):
        laws.get("own")
    assert not (folder / "__pycache__").exists()


def test_other_files_are_no_laws(folder: Path) -> None:
    (folder / "_shared.py").write_text("raise RuntimeError\n")
    (folder / "README.md").write_text("# Laws\n")
    assert set(laws.load()) == set(laws.package())


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("own.py", LAW.replace("predict(p, x):", "predict(p, x)"), r"own.py, line 13: no Python"),
        ("own.py", LAW.replace("import numpy", "import numpty"), r"own.py, line 8: ModuleNotFound"),
        ("own.py", LAW.replace("inputs=", "input="), r"own.py, line 17: TypeError"),
        ("own.py", LAW + "raise SystemExit(3)\n", r"own.py, line 29: SystemExit"),
        ("own.py", "open('made', 'w')\n", r"own.py: no law in this file; allowed: LAW = Law"),
        ("own.py", "LAW = 3\n", r"own.py: LAW is no law; found 3"),
        ("other.py", LAW, r"other.py: LAW has another name; found 'own'; allowed: other"),
        ("chinchilla.py", LAW, r"chinchilla.py: this law is in the package"),
        ("Own-law.py", LAW, r"Own-law.py: not a name for a law"),
        ("own.py", "LAW = '\x00'\n", r"own.py.* no Python"),
        ("own.py", "LAW = '\udcff'\n", r"own.py.* no Python"),
    ],
)
def test_a_file_that_does_not_load_is_named(folder: Path, name: str, text: str, says: str) -> None:
    (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=says):
        laws.load()
    assert not Path("made").exists()
