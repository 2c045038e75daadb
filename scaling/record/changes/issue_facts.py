"""The header of a version: which one, when it was issued, and in one line what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from scaling.document.blocks import ISSUE
from scaling.document.format import clean
from scaling.document.render import escape_markdown
from scaling.errors import counted
from scaling.io.json_files import as_list, as_map
from scaling.record.versions.ledger import short
from scaling.report.places import (
    CHANGED_PLACE,
    ISSUED_PLACE,
    VERIFIED_PLACE,
    VERSION_PLACE,
    day_text,
)

# A median that moved by less than this share stands as it was, as in the lists of versions.
MOVED = 1e-3
VERIFIED = "Its hash is in the ledger: \u201cscaling verify\u201d checks it"
KINDS = {"data": "data file", "laws": "law file", "engine": "code file", "choices": "choice"}


def facts(version: str, issued_at: str | None, changes: Mapping[str, Any]) -> dict[str, str]:
    """Place in the header -> what stands there. ``issued_at`` is in ISO 8601."""
    found = {
        VERSION_PLACE: short(version),
        VERIFIED_PLACE: VERIFIED,
        CHANGED_PLACE: one_line(changes),
    }
    return found | ({} if issued_at is None else {ISSUED_PLACE: moment(issued_at)})


def moment(issued_at: str) -> str:
    """A moment as people write it: 29 November 2026, 15:26 UTC."""
    found = datetime.fromisoformat(issued_at).astimezone(UTC)
    return f"{day_text(found.date())}, {found:%H:%M} UTC"


def one_line(changes: Mapping[str, Any]) -> str:
    """What changed since the version before: inputs, rows and how far the forecast moved."""
    if changes.get("old") is None:
        return "The first version."
    listed = [as_map(one).get("kind") for one in as_list(changes.get("made_by"))]
    inputs = [counted(n, name) for kind, name in KINDS.items() if (n := listed.count(kind))]
    rows = [as_map(as_map(one).get("rows")) for one in as_list(changes.get("studies"))]
    added, revised, withdrawn = (
        sum(int(one.get(name) or 0) for one in rows) for name in ("added", "revised", "withdrawn")
    )
    parts = [
        f"{counted(added, 'new row')}" if added else "",
        f"{counted(revised, 'revised row')}" if revised else "",
        f"{counted(withdrawn, 'removed row')}" if withdrawn else "",
        *inputs,
    ]
    said = ", ".join(part for part in parts if part) or "The inputs are the same"
    return f"{said[:1].upper()}{said[1:]}; {_forecasts(changes)}."


def _forecasts(changes: Mapping[str, Any]) -> str:
    moves = [abs(as_map(one).get("change") or 0.0) for one in as_list(changes.get("forecasts"))]
    largest = max(moves, default=0.0)
    if largest < MOVED:
        return f"no median of a forecast moved by {100 * MOVED:g} % or more"
    return f"medians of the forecasts moved by up to {100 * largest:.2g} %"


def filled(suffix: str, text: str, known: Mapping[str, str]) -> str:
    """The report's text (.html, .md or .json) with the facts in their places."""
    if suffix == ".json":
        return _in_json(text, known)
    for place, value in known.items():
        if suffix == ".html":
            text = text.replace(f"<dd>{escape(place)}</dd>", f"<dd>{escape(clean(value))}</dd>", 1)
        else:
            line = f": {escape_markdown(place)}\n"
            text = text.replace(line, f": {escape_markdown(clean(value))}\n", 1)
    return text


def _in_json(text: str, known: Mapping[str, str]) -> str:
    whole: dict[str, Any] = json.loads(text)
    blocks = [b for one in whole["sections"] if one["id"] == ISSUE for b in one["blocks"]]
    for cell in (item["cell"] for block in blocks for item in block.get("items", [])):
        cell[0] = known.get(cell[0], cell[0])
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
