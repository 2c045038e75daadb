"""The engine's wheel, which DVC keeps beside the runs: an index may drop a version one day.

It lies in the folder `engine`; Git has its hash in `engine.dvc`. `scaling reproduce` takes it from
there for versions that another engine made.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

import scaling
from scaling.errors import InputError
from scaling.extras import DISTRIBUTION
from scaling.io import atomic
from scaling.io.hashing import sha256
from scaling.record.reproduce.engines import code_of_wheel, download
from scaling.record.versions.sources import installed_hash

FOLDER = "engine"


def keep(root: Path, given: Path | None = None) -> tuple[dict[str, str] | None, str]:
    """Keep the wheel of the installed engine: its file and hash, None without one, and a remark.

    It is ``given``, or the one that is kept already, that pip installed from, or that the index
    has; each only where its code is what is installed.

    Raises:
        InputError: the given file is no such wheel, or DVC cannot track it.
    """
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        tried = []
        for place, found in _places(root, given, Path(folder)):
            if isinstance(found, str):
                tried.append(f"{place}: {found}")
                continue
            code = code_of_wheel(found)
            if code == installed_hash():
                return _kept(root, found)
            if given is not None:
                allowed = f"code {installed_hash()[:12]}, which is installed"
                raise InputError("another engine", file=given, value=code, allowed=allowed)
            tried.append(f"{place}: {found.name}: {code}")
    return None, (
        f"No wheel of the engine is kept ({'; '.join(tried)}). Versions made by it are reproduced "
        "only where it is installed or its wheel is at hand; `scaling upgrade --wheel FILE` keeps "
        "one."
    )


def _places(root: Path, given: Path | None, folder: Path) -> Iterator[tuple[str, Path | str]]:
    if given is not None:
        yield "given", given
        return
    for wheel in sorted((root / FOLDER).glob("*.whl")):
        yield "kept", wheel
    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    source = json.loads(text or "{}")
    if "dir_info" in source:
        yield "installed", "from a checkout"
        return
    path = Path(unquote(urlparse(source.get("url", "")).path))
    if "archive_info" in source and path.is_file():
        yield "installed", path
    yield "index", download(scaling.__version__, folder)


def _kept(root: Path, wheel: Path) -> tuple[dict[str, str], str]:
    """Put the wheel alone into the folder, and have DVC track it."""
    content = wheel.read_bytes()
    place = root / FOLDER / wheel.name
    if not place.is_file() or place.read_bytes() != content:
        with atomic.new_folder(root / FOLDER) as beside:
            atomic.fill(beside, {wheel.name: content})
    command = [sys.executable, "-P", "-m", "dvc", "--wait-for-lock", "add", "--quiet", FOLDER]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise InputError(f"DVC could not add the engine's wheel: {said}", file=place)
    return {"file": wheel.name, "sha256": sha256(content)}, f"DVC keeps the engine: {wheel.name}"
