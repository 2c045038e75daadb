"""Put the index where people look for it; each file is replaced whole, and only when it changed.

The newest versions stand in ``index.html``. Whenever there are twice `PAGE` of them, the older half
gets a page of its own (``index-1-50.html``), which is not written again: what a publication costs
does not grow with the number of versions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scaling.document.blocks import Report
from scaling.document.format import clean
from scaling.document.render import html, markdown, stylesheet
from scaling.errors import InputError
from scaling.io import atomic
from scaling.io.hashing import sha256
from scaling.io.json_files import as_list, as_map, json_text
from scaling.record.site import audited
from scaling.record.site.newest import Newest, read_newest
from scaling.record.site.page import older_page, page
from scaling.record.site.pages import law_file, law_page, laws_of, study_file, study_page
from scaling.record.site.records import FORM, IN_GIT, Record, records
from scaling.record.versions.files import is_pruned
from scaling.record.versions.ledger import LEDGER, Entry, read_lines

JSON = "index.json"
PAGE = 50
KINDS = ("html", "json", "md")
OLDER = re.compile(r"index-\d+-\d+\.(html|json|md)")
# Pages of studies and laws, which go with the newest version.
SUBJECT = re.compile(r"(study|law)-[A-Za-z0-9._-]+\.html")


@dataclass(frozen=True)
class _StoredIndex:
    """What ``index.json`` says: of the newest versions, by version, and of pages, by name."""

    versions: Mapping[str, Record] = field(default_factory=dict)
    pages: Mapping[str, Record] = field(default_factory=dict)


def build(root: Path) -> list[Path]:
    """Make the index again from the ledger and every version; returns the files that changed.

    Pages of older versions that belong to no index any more are removed.
    """
    reports = root / "reports"
    changed = _write(reports, _StoredIndex())
    pages = as_list(as_map(json.loads((reports / JSON).read_bytes())).get("pages"))
    kept = {as_map(one).get("name") for one in pages}
    for path in reports.iterdir():
        if OLDER.fullmatch(path.name) and path.stem not in kept:
            path.unlink()
    return changed


def refresh(root: Path) -> list[Path]:
    """As `build`, but taking what ``index.json`` already says of versions that have not changed.

    Where nothing is published yet, there is nothing to do.
    """
    reports = root / "reports"
    if not (reports / LEDGER).is_file():
        return []
    return _write(reports, _stored_index(reports / JSON))


def contents(
    found: list[Record],
    audit: Record,
    pages: Sequence[Record] = (),
    latest: Newest | None = None,
) -> dict[str, bytes]:
    """The bytes of each file of the index, and of the pages of studies and laws, by name."""
    index = {"audit": audit, "pages": list(pages), "versions": list(reversed(found))}
    return _files("index", page(found, audit, pages, latest), index) | _beside(found, latest)


def _beside(found: list[Record], latest: Newest | None) -> dict[str, bytes]:
    """The pages of the newest version's studies and laws."""
    if latest is None:
        return {}
    studies = {file: study for study in latest.studies() if (file := study_file(study))}
    laws = {file: law for law in laws_of(latest) if (file := law_file(law))}
    reports = {file: study_page(study, found, latest) for file, study in studies.items()}
    reports |= {file: law_page(law, latest) for file, law in laws.items()}
    return {file: html(report).encode() for file, report in reports.items()}


def _files(name: str, report: Report, document: Record) -> dict[str, bytes]:
    texts = {"html": html(report), "md": markdown(report), "json": json_text(document)}
    return {f"{name}.{kind}": text.encode() for kind, text in texts.items()}


def derived(root: Path) -> dict[str, bytes]:
    """The bytes of every file of the index, by name, from the ledger and the versions alone."""
    return _derived(root / "reports", _StoredIndex(), always=True)[0]


def _write(reports: Path, known: _StoredIndex) -> list[Path]:
    if not (reports / LEDGER).is_file():
        raise InputError("is missing", file=reports / LEDGER, hint="`scaling refit` publishes")
    with atomic.locked(reports):
        files, wrong = _derived(reports, known)
        if wrong is not None:
            raise InputError(wrong, file=reports / LEDGER, hint="`scaling publish` restores it")
        return _put(reports, files)


def _derived(
    reports: Path, known: _StoredIndex, *, always: bool = False
) -> tuple[dict[str, bytes], str | None]:
    """The files of the index and, ``always`` or where they changed, of older pages; and what is
    wrong with the ledger."""
    entries, wrong = read_lines((reports / LEDGER).read_bytes())
    pages, files = _older(reports, entries, known, always)
    first = len(pages) * PAGE
    before = entries[first - 1] if first else None
    newest = records(reports, entries[first:], known.versions, before)
    latest = read_newest(reports, entries[-1].version) if entries else None
    return files | contents(newest, audited.read(reports), pages, latest), wrong


def _older(
    reports: Path, entries: list[Entry], known: _StoredIndex, always: bool
) -> tuple[list[Record], dict[str, bytes]]:
    """What the index says of each page of older versions, and the files of pages made now."""
    pages: list[Record] = []
    made: dict[str, bytes] = {}
    for first in range(0, len(entries) - 2 * PAGE + 1, PAGE):
        identity = _identity(reports, entries, first)
        stored = known.pages.get(identity["name"], {})
        sizes = {} if always else _unchanged_sizes(reports, identity, stored)
        if not sizes:
            before = entries[first - 1] if first else None
            found = records(reports, entries[first : first + PAGE], known.versions, before)
            report = older_page(found, identity, pages[-1] if pages else None)
            files = _files(identity["name"], report, {"versions": found[::-1]})
            made |= files
            sizes = {name: len(content) for name, content in files.items()}
        pages.append(identity | {"bytes": sizes})
    return pages, made


def _identity(reports: Path, entries: list[Entry], first: int) -> Record:
    """What identifies a page: its last line stands for all lines before, by their hashes.

    With the number of its versions that are in Git alone, where there are any.
    """
    last = entries[first + PAGE - 1]
    chosen = entries[first : first + PAGE]
    pruned = sum(is_pruned(reports / one.version) for one in chosen)
    return ({IN_GIT: pruned} if pruned else {}) | {
        "name": f"index-{first + 1}-{first + PAGE}",
        "first": first + 1,
        "last": first + PAGE,
        "since": clean(entries[first].issued_at),
        "until": clean(last.issued_at),
        "line_sha256": last.digest(),
        "form": FORM,
        "style": sha256(stylesheet().encode()),
    }


def _unchanged_sizes(reports: Path, identity: Record, there: Record) -> Record:
    """Sizes of the page's files, where it was made of the same and they are as long as they were;
    else none."""
    names = [f"{identity['name']}.{kind}" for kind in KINDS]
    try:
        sizes = {name: (reports / name).stat().st_size for name in names}
    except OSError:
        return {}
    return sizes if there == identity | {"bytes": sizes} else {}


def _put(reports: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write the files that are not as they should be; remove pages of studies and laws that the
    newest version has no more."""
    for path in reports.iterdir():
        if SUBJECT.fullmatch(path.name) and path.name not in files:
            path.unlink()
    paths = {reports / name: content for name, content in files.items()}
    new = [p for p, content in paths.items() if not p.is_file() or p.read_bytes() != content]
    for path in new:
        atomic.write(path, paths[path])
    return new


def _stored_index(path: Path) -> _StoredIndex:
    try:
        index = as_map(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return _StoredIndex()
    versions, pages = (map(as_map, as_list(index.get(name))) for name in ("versions", "pages"))
    return _StoredIndex(
        {str(one.get("version")): dict(one) for one in versions},
        {str(one.get("name")): dict(one) for one in pages},
    )
