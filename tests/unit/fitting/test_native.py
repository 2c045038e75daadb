"""The compiled solver is kept as a file and loaded without the compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scaling.fitting.solver import native

FITTED = """
import sys
from benchmarks.fit_speed.points import chinchilla
import scaling
made = scaling.fit(chinchilla(), "chinchilla", resamples=300, cluster="row")
assert len(made.draws) == 300
print("numba" in sys.modules)
"""


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Places of the code in a folder of the test's own."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    found = native._places()
    assert [one.parent for one in found] == [tmp_path / "cache"]
    return found


def test_a_process_that_resamples_does_not_import_the_compiler() -> None:
    native.load()  # it is compiled once
    made = subprocess.run([sys.executable, "-c", FITTED], capture_output=True, text=True)
    assert made.stdout.strip() == "False", made.stderr


def test_code_is_kept_and_what_is_damaged_is_not_run(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scaling.fitting.solver import loops

    assert native._kept() is None
    text = "define i32 @f() {\n  ret i32 0\n}\n"
    monkeypatch.setattr(loops, "assembly", lambda: (text, "f"))
    made = native._compiled()
    assert native._kept() == made
    whole = places[0].read_bytes()
    for damaged in (whole[:-10], whole[:-1] + b"x", b"", b"\n\n"):
        places[0].write_bytes(damaged)
        assert native._kept() is None


def test_where_no_folder_can_be_written_the_code_runs_all_the_same(
    places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scaling.fitting.solver import loops

    places[0].parent.write_text("a file, not a folder")
    monkeypatch.setattr(loops, "assembly", lambda: ("define i32 @f() {\n  ret i32 0\n}\n", "f"))
    name, code = native._compiled()
    assert name == "f" and code
    assert native._kept() is None


def test_another_processor_has_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    here = native._places()[0]
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert native._places()[0] != here
