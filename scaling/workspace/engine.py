"""The engine that a workspace runs on, as ``engine.yaml`` names it.

A workspace has no code of ours. Its stages depend on hashes of the installed package instead, one a
stage, so that a new engine makes stale what its code changed and nothing else. Every stage, and
publishing, refuse an engine that is not the one in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import scaling
from scaling.errors import InputError
from scaling.extras import DISTRIBUTION
from scaling.io import atomic
from scaling.io.hashing import sha256
from scaling.record.versions.sources import (
    PACKAGE,
    installed_files,
    installed_hash,
    listing_hash,
)

FILE = "engine.yaml"
# What DVC reads of a stage in the repository of the engine; wheels carry both files.
_HERE = Path(__file__).parent
UPGRADE = "`scaling upgrade` moves the workspace to it; or install the engine that the file names."


def bundled(name: str) -> str:
    """The text of a file that wheels carry beside this one, and a checkout at its top."""
    inside = _HERE / name
    path = inside if inside.is_file() else Path(scaling.__file__).parents[1] / name
    return path.read_text(encoding="utf-8")


def present() -> dict[str, Any]:
    """The engine that is installed, as ``engine.yaml`` would name it."""
    return {
        "distribution": DISTRIBUTION,
        "version": scaling.__version__,
        "code": installed_hash(),
        "stages": _stage_hashes(),
    }


def write(root: Path, managed: Mapping[str, str]) -> None:
    """Name the installed engine in ``engine.yaml``, and the hashes of the files that it wrote."""
    text = "# Written by `scaling init` and `scaling upgrade`. Stages depend on these hashes.\n"
    hashes = {name: sha256(content.encode()) for name, content in managed.items()}
    content = yaml.safe_dump(present() | {"managed": hashes}, sort_keys=False)
    atomic.write(root / FILE, (text + content).encode())


def read(root: Path) -> Mapping[str, Any]:
    """What ``engine.yaml`` says.

    Raises:
        InputError: it names no engine.
    """
    path = root / FILE
    try:
        named: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        str(named["code"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError("does not name an engine", file=path, hint=UPGRADE) from error
    return named


def check(root: Path) -> None:
    """Refuse to run with another engine than the workspace's own; a checkout runs on itself.

    Raises:
        InputError: the installed engine has other code than ``engine.yaml`` names.
    """
    path = root / FILE
    if not path.is_file():
        return
    named = read(root)
    code = str(named["code"])
    if code != installed_hash():
        raise InputError(
            "the installed engine is not the workspace's",
            file=path,
            value=f"{DISTRIBUTION} {scaling.__version__}, code {installed_hash()[:12]}",
            allowed=f"{DISTRIBUTION} {named.get('version')}, code {code[:12]}",
            hint=UPGRADE,
        )


def _stage_hashes() -> dict[str, str]:
    """Stage -> hash of the code that it depends on."""
    files = {name: sha256(path.read_bytes()) for name, path in installed_files().items()}
    found = {}
    for stage, spec in yaml.safe_load(bundled("dvc.yaml"))["stages"].items():
        deps = [one for one in spec.get("do", spec)["deps"] if str(one).startswith(f"{PACKAGE}/")]
        needed = {
            name: digest
            for name, digest in files.items()
            if any(name == dep or name.startswith(f"{dep}/") for dep in deps)
        }
        found[stage] = listing_hash(needed.items())
    return found


def pipeline() -> str:
    """``dvc.yaml`` of a workspace: the engine's own stages, which depend on its hashes."""
    made = yaml.safe_load(bundled("dvc.yaml"))
    for name, spec in made["stages"].items():
        stage = spec.get("do", spec)
        stage["cmd"] = str(stage["cmd"]).replace("python -m scaling.pipeline.", "scaling stage ")
        stage["deps"] = [one for one in stage["deps"] if not str(one).startswith(f"{PACKAGE}/")]
        # One file of the folder; a workspace may have none of it.
        stage["deps"] = [str(one).replace("trends/models.csv", "trends") for one in stage["deps"]]
        stage["params"] = [*stage.get("params", []), {FILE: [f"stages.{name}"]}]
    for plot in made["plots"]:
        for spec in plot.values():
            del spec["template"]
    text = "# Written by `scaling init` and `scaling upgrade`; studies stand in params.yaml.\n"
    return text + yaml.safe_dump(made, sort_keys=False, width=100)
