"""What each extra brings is what verbs say when it is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scaling.extras import DISTRIBUTION, EXTRAS, missing, need
from tests.support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What a module is called on the index, where that differs.
PACKAGES = {
    "dvc_s3": "dvc-s3",
    "great_expectations": "great-expectations",
    "markupsafe": "jinja2",
    "prefect_dask": "prefect-dask",
    "prefect_ray": "prefect-ray",
    "rfc3161_client": "rfc3161-client",
    "scaling_library": "scaling-library",
    "vl_convert": "vl-convert-python",
}


def packages(extra: str) -> set[str]:
    """The packages of an extra, those of the extras within it included."""
    found: set[str] = set()
    for line in PROJECT["optional-dependencies"][extra]:
        if inner := re.fullmatch(rf"{DISTRIBUTION}\[(.*)\]", line):
            found |= {one for name in inner[1].split(",") for one in packages(name)}
        else:
            found.add(re.split(r"[<>=\[]", line)[0])
    return found


def test_the_distribution_is_named_once() -> None:
    assert PROJECT["name"] == DISTRIBUTION


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_what_its_line_says(extra: str) -> None:
    for module in EXTRAS[extra]:
        assert PACKAGES.get(module, module) in packages(extra), module
        line = missing(ModuleNotFoundError(name=f"{module}.part"))
        assert line is not None and f"'{DISTRIBUTION}[{extra}]'" in line


def test_a_missing_extra_is_found_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    need("pipeline")
    monkeypatch.setitem(EXTRAS, "pipeline", ("packaging", "no_such_module"))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        need("pipeline")


def test_a_module_of_no_extra_is_a_fault_of_ours() -> None:
    assert missing(ModuleNotFoundError(name="scaling.nothing")) is None
    assert missing(ModuleNotFoundError()) is None


def test_the_core_imports_no_extra() -> None:
    """What the first import and the help of every verb load."""
    modules = {one for names in EXTRAS.values() for one in names}
    script = (
        "import sys, scaling, scaling.cli.main; scaling.fit, scaling.forecast; "
        f"print(sorted(set(sys.modules) & {modules!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("ending", ["csv", "jsonl", "log"])
def test_the_core_reads_tables_and_logs(ending: str, tmp_path: Path) -> None:
    """With every package of an extra away, as in an environment that has none (`.ci/smoke.py`)."""
    rows = [(s * 1000, round(2 + 500 * (s * 1000) ** -0.3, 6)) for s in range(2, 60)]
    text = {
        "csv": "x,loss\n" + "".join(f"{d},{y}\n" for d, y in rows),
        "jsonl": "".join(f'{{"x": {d}, "loss": {y}}}\n' for d, y in rows),
        "log": "".join(f"step {d}: loss {y}\n" for d, y in rows),
    }[ending]
    path = tmp_path / f"runs.{ending}"
    path.write_text(text)
    away = sorted({one for names in EXTRAS.values() for one in names})
    words = ["fit", str(path), "--law", "power_law", "--resamples", "0"]
    words += ["--map=x=step", "--metric=loss"] * (ending == "log")
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({away!r})); "
        f"sys.argv = ['scaling', *{words!r}]; from scaling.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "58 rows" in done.stdout, done.stdout + done.stderr
