"""The explorer's page: one file that needs nothing else and may load nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scaling.document.palette import variables
from scaling.document.policy import policy_hash

_HERE = Path(__file__).parent


def html(data: Mapping[str, Any]) -> str:
    """The page over these data, with a policy that forbids it to load anything."""
    style = "\n".join(
        (
            f":root {{ color-scheme: light dark; {variables('light')} }}",
            f"@media (prefers-color-scheme: dark) {{ :root {{ {variables('dark')} }} }}",
            _text("explorer.css"),
        )
    )
    script = _text("explorer.js")
    policy = (
        f"default-src 'none'; style-src '{policy_hash(style)}'; "
        f"script-src '{policy_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    # In a block of data nothing is markup but the end of the block.
    held = json.dumps(data, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    parts = {"POLICY": policy, "STYLE": style, "DATA": held, "SCRIPT": script}
    return _filled(_text("explorer.html"), parts)


def _filled(text: str, parts: Mapping[str, str]) -> str:
    """The text with each {{NAME}} replaced, and nothing within what replaced it."""
    pieces = text.split("{{")
    made = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        made += [parts[name], rest]
    return "".join(made)


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
