"""The index page of all versions."""

from __future__ import annotations

from pathlib import Path

from scaling.cli.commands._options import TRUST, Json, answer, working

PANEL = TRUST


def site(as_json: Json = False) -> None:
    """Write reports/index.html, the index of all versions; publishing does so too."""
    from scaling.record.site import build

    with working("Writing the index", quiet=as_json):
        changed = [path.as_posix() for path in build(Path())]
    lines = [f"wrote {path}" for path in changed] or ["reports/index.html is up to date."]
    answer(as_json, {"written": changed}, lines)
