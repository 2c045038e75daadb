"""A published version by its id, or the newest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def version(root: Path, study: str) -> str:
    """The published version that has this study's model, byte for byte, else the model file's own
    hash; where there is no model, the same of its fits."""
    name = f"models/{study}.json"
    if not (root / "data" / name).is_file():
        name = f"fits/{study}.json"
    digest = hashlib.sha256((root / "data" / name).read_bytes()).hexdigest()
    for manifest in sorted((root / "reports").glob("*/manifest.json")):
        known = json.loads(manifest.read_text(encoding="utf-8")).get("files", {})
        if known.get(name, {}).get("sha256") == digest:
            return manifest.parent.name
    return f"unpublished {digest[:12]}"
