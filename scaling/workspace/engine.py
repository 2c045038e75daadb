"""The engine that a workspace runs on, as ``engine.yaml`` names it.

A workspace has no code of ours. Its stages depend on hashes of the installed package instead, one a
stage, so that a new engine makes stale what its code changed and nothing else. Every stage, and
publishing, refuse an engine that is not the one in the file
(`scaling.record.versions.engine_file`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import scaling
from scaling.extras import DISTRIBUTION
from scaling.io import atomic
from scaling.io.hashing import sha256
from scaling.record.versions.sources import (
    ENGINE_FILE,
    PACKAGE,
    installed_files,
    installed_hash,
    listing_hash,
)

# What DVC reads of a stage in the repository of the engine; wheels carry both files.
_HERE = Path(__file__).parent


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


def write(root: Path, managed: Mapping[str, str], wheel: Mapping[str, str] | None) -> None:
    """Name the installed engine in ``engine.yaml``, with the hashes of the files that it wrote and
    the wheel that DVC keeps."""
    text = "# Written by `scaling init` and `scaling upgrade`. Stages depend on these hashes.\n"
    hashes = {name: sha256(content.encode()) for name, content in managed.items()}
    named = present() | ({} if wheel is None else {"wheel": dict(wheel)}) | {"managed": hashes}
    atomic.write(root / ENGINE_FILE, (text + yaml.safe_dump(named, sort_keys=False)).encode())


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
        # Files of the folder; a workspace may have none of them.
        stage["deps"] = list(
            dict.fromkeys("data/trends" if "data/trends" in one else one for one in stage["deps"])
        )
        stage["params"] = [*stage.get("params", []), {ENGINE_FILE: [f"stages.{name}"]}]
    for plot in made["plots"]:
        for spec in plot.values():
            del spec["template"]
    text = "# Written by `scaling init` and `scaling upgrade`; studies stand in params.yaml.\n"
    return text + yaml.safe_dump(made, sort_keys=False, width=100)
