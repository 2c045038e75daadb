"""Time and size of what is installed, of the core and of each extra, as docs/benchmarks/install.md.

Usage: make sizes, or python .ci/sizes.py WHEELS PYTHON > docs/benchmarks/install.md, where WHEELS
is the folder that `make release` fills. Each is installed in an environment of its own, with the
versions of requirements.lock where that has the package, from pip's cache as it is then.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
NAME = "scaling-forecast"
# For those who work on this code, or for its tests alone.
INNER = ("dev", "trackers", "cluster-dev")


def extras() -> list[str]:
    """Each row of the table: extras in brackets, "" for the core."""
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]
    named = [one for one in project["optional-dependencies"] if one not in INNER]
    return ["", *(f"[{one}]" for one in named), f"[{','.join(named)}]"]


def measured(extra: str, wheels: Path, python: str, constraints: Path) -> tuple[int, int, int]:
    """MB, seconds of the processor and seconds on the wall."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        [wheel] = wheels.glob("scaling_forecast-*.whl")
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check", "-q"]
        install = [*pip, "install", "--find-links", str(wheels), "-c", str(constraints)]
        before, began = os.times(), time.monotonic()
        subprocess.run([*install, f"{NAME}{extra} @ {wheel.resolve().as_uri()}"], check=True)
        after, wall = os.times(), time.monotonic() - began
        size = sum(one.lstat().st_size for one in Path(folder, "lib").rglob("*") if one.is_file())
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return round(size / 1e6), round(used), round(wall)


def main(wheels: Path, python: str) -> None:
    lines = (TREE / "requirements.lock").read_text().splitlines()
    kept = [re.sub(r"\[[^]]*\]", "", one.rstrip(" \\")) for one in lines if one[:1].isalnum()]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("\n".join(kept) + "\n")
        constraints.flush()
        version = subprocess.check_output([python, "-V"], text=True).strip()
        print("# What installing takes\n")
        print(
            f"{version}, {os.cpu_count()} cores of {platform.machine()}, packages from pip's cache."
        )
        print("MB are of the installed packages. Made by `make sizes`.\n")
        print("| installed | MB | s of the processor | s on the wall |")
        print("|---|---:|---:|---:|")
        for extra in extras():
            found = measured(extra, wheels, python, Path(constraints.name))
            shown = "core" if not extra else "everything" if "," in extra else f"`{extra}`"
            print(f"| {shown} | {' | '.join(map(str, found))} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if sys.argv[2:] else sys.executable)
