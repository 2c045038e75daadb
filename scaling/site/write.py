"""Put the index where people look for it; each file is replaced whole, and only when it changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from scaling import durable
from scaling.errors import InputError
from scaling.ledger import LEDGER, read_lines
from scaling.pipeline.files import canonical, write_bytes
from scaling.report.read import as_list, as_map
from scaling.report.render import html, markdown
from scaling.site import audited
from scaling.site.page import page
from scaling.site.records import Record, records

JSON = "index.json"


def build(root: Path) -> list[Path]:
    """Make the index again from the ledger and every version; returns the files that changed."""
    return _write(root / "reports", {})


def refresh(root: Path) -> list[Path]:
    """As `build`, but taking what ``index.json`` already says of versions that have not changed.

    Where nothing is published yet, there is nothing to do.
    """
    reports = root / "reports"
    if not (reports / LEDGER).is_file():
        return []
    return _write(reports, _known(reports / JSON))


def contents(found: list[Record], audit: Record) -> dict[str, bytes]:
    """The bytes of each file of the index, by name."""
    report = page(found, audit)
    texts = {
        "index.html": html(report),
        "index.md": markdown(report),
        JSON: canonical({"audit": audit, "versions": list(reversed(found))}),
    }
    return {name: text.encode() for name, text in texts.items()}


def _write(reports: Path, known: Mapping[str, Record]) -> list[Path]:
    if not (reports / LEDGER).is_file():
        raise InputError("is missing", file=reports / LEDGER, hint="`scaling refit` publishes")
    with durable.locked(reports):
        entries, wrong = read_lines((reports / LEDGER).read_bytes())
        if wrong is not None:
            raise InputError(wrong, file=reports / LEDGER, hint="`scaling publish` restores it")
        files = contents(records(reports, entries, known), audited.read(reports))
        return [path for name, text in files.items() if (path := _put(reports / name, text))]


def _put(path: Path, content: bytes) -> Path | None:
    if path.is_file() and path.read_bytes() == content:
        return None
    write_bytes(path, content)
    return path


def _known(path: Path) -> dict[str, Record]:
    try:
        listed = as_list(as_map(json.loads(path.read_bytes())).get("versions"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(as_map(one).get("version")): dict(as_map(one)) for one in listed}
