"""The audit: put outcomes on record, score published forecasts by them, summarise, write.

Everything but the outcomes is derived: `derive` makes the tables and the page from the published
versions and the outcomes on record, and `audit_problems` compares what is written with that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError, counted
from scaling.io import atomic
from scaling.io.hashing import sha256
from scaling.io.json_files import as_map, json_text
from scaling.io.tables import csv_text
from scaling.record.audit import on_record, read, table
from scaling.record.audit.evidence import Claims, Evidence, evidence, signatures
from scaling.record.audit.fitted import FittedRows
from scaling.record.audit.match import Rules
from scaling.record.audit.page import page
from scaling.record.audit.summary import summarise
from scaling.record.audit.timestamps import FOLDER, Authority, authority, name_of
from scaling.record.versions.dates import dated, dates_problems
from scaling.record.versions.ledger import PLACES, Entry
from scaling.record.versions.outcomes import BOUND, OUTCOMES, Outcome, outcomes_problems
from scaling.record.versions.tables import recorded
from scaling.runs.studies import load_params

OUT = Path("reports/audit")
SCORES, OPEN, SUMMARY, PAGE = "scores.csv", "open.csv", "audit.json", "audit.md"
INTERNAL = ("selection", "issued_at", "after", "cut_column", "cut")
AGAIN = "`scaling audit` writes it again"


@dataclass(frozen=True)
class Audit:
    """Scores of answered targets, the targets that are open, and what both say.

    Attributes:
        lines: the outcomes on record; the last ``added`` of them are not written yet.
    """

    scores: pl.DataFrame
    still_open: pl.DataFrame
    summary: dict[str, Any]
    lines: Sequence[Outcome] = ()
    added: int = 0

    def _repr_markdown_(self) -> str:
        """How a notebook shows it: the audit's page."""
        return page(self.summary)

    def files(self) -> dict[str, bytes]:
        """The derived files, by name in `OUT`."""
        internal = [name for name in INTERNAL if name in self.still_open.columns]
        return {
            SCORES: csv_text(self.scores).encode(),
            OPEN: csv_text(self.still_open.drop(internal)).encode(),
            SUMMARY: json_text(plain(self.summary)).encode(),
            PAGE: page(self.summary).encode(),
        }


def audit(
    root: Path = Path(), certificate: Path | None = None, now: datetime | None = None
) -> Audit:
    """Score every published version by the outcomes on record and the validated runs of today.

    ``certificate`` verifies timestamps; ``now`` is the time at which new outcomes are first used.

    Raises:
        InputError: params.yaml has no tolerances, no run was validated here, or the outcomes on
            record are not those that there were.
    """
    if not (root / on_record.VALIDATED).is_dir():
        hint = "`dvc repro validate` makes it; without it every outcome would look withdrawn"
        raise InputError("is missing", file=root / on_record.VALIDATED, hint=hint)
    wrong = outcome_problems(root)
    if wrong:
        hint = f"Put {OUTCOMES} back from Git; a result that is wrong is revised in its source"
        raise InputError("nothing was scored: " + "; ".join(wrong), hint=hint)
    rules = Rules.of(load_params(root / "params.yaml"))
    versions = read.published(root)
    parts = read.forecasts(folder for folder, _ in versions)
    lines = on_record.recorded(root)
    time = (now or datetime.now(UTC)).astimezone(UTC)
    added = on_record.additions(root, lines, parts[0], rules, time)
    trusted = _authority(root, certificate)
    return _derived(root, versions, [*lines, *added], trusted, None, parts=parts, added=len(added))


def _derived(
    root: Path,
    versions: Sequence[tuple[Path, Entry]],
    lines: Sequence[Outcome],
    trusted: Authority | None,
    claims: Claims | None,
    *,
    parts: tuple[pl.DataFrame, pl.DataFrame] | None = None,
    added: int = 0,
) -> Audit:
    """Everything that follows from versions, outcomes on record, tokens and signatures.

    ``claims``: see `scaling.record.audit.evidence.evidence`.
    """
    rules = Rules.of(load_params(root / "params.yaml"))
    targets, forecasts = parts or read.forecasts(folder for folder, _ in versions)
    folders = {folder.name: folder for folder, _ in versions}
    known: dict[str, Evidence] = {}

    def evidence_of(names: list[str]) -> Mapping[str, Evidence]:
        chosen = {entry.version: entry for _, entry in versions if entry.version in names}
        against = dates_problems(dated(root)) if chosen else {}
        known.update(evidence(root, chosen, against, trusted, claims))
        return known

    scores, still_open = table.scored(
        targets,
        forecasts,
        on_record.table(lines),
        rules,
        mark=FittedRows(folders).marks,
        evidence=evidence_of,
    )
    scores = scores.with_columns(pl.col(pl.Float64).round_sig_figs(7)) if scores.height else scores
    more = {
        "dates": [known[name].facts(name) for name in sorted(known)],
        "covers": _covers(versions, lines),
        # Some bytes of a token are not signed.
        "tokens": {
            entry.version: sha256(path.read_bytes())
            for _, entry in versions
            if (path := root / FOLDER / name_of(entry.line())).is_file()
        },
    }
    return Audit(scores, still_open, _rounded(summarise(scores, still_open)) | more, lines, added)


def _rounded(value: Any) -> Any:
    """Seven digits: what a reader needs, and what every processor computes alike."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def _covers(versions: Sequence[tuple[Path, Entry]], lines: Sequence[Outcome]) -> dict[str, Any]:
    """How many lines of each chain the audit read, and the hash of the last."""
    chains: dict[str, list[Entry]] = {place: [] for place in PLACES}
    for folder, entry in versions:
        chains[PLACES[0] if folder.parent.name == Path(PLACES[0]).name else PLACES[1]].append(entry)
    found = {
        place: {"lines": len(chain), "last_sha256": sha256(chain[-1].line())}
        for place, chain in chains.items()
        if chain
    }
    if lines:
        found[OUTCOMES.as_posix()] = {"lines": len(lines), "last_sha256": lines[-1].digest()}
    return found


def _authority(root: Path, certificate: Path | None) -> Authority | None:
    """What verifies tokens, where there are any."""
    there = any((root / FOLDER).glob("*.tsr"))
    return authority(root, certificate) if there else None


def write(audit: Audit, root: Path = Path()) -> list[Path]:
    """Add the new outcomes to the record, and write the tables, the summary and the page.

    Returns their paths. Raises InputError when another audit wrote meanwhile.
    """
    folder = root / OUT
    folder.mkdir(parents=True, exist_ok=True)
    before = audit.lines[: len(audit.lines) - audit.added]
    content = b"".join(one.line() for one in audit.lines)
    written = audit.files()
    with atomic.locked(folder):
        path = root / OUTCOMES
        there = path.read_bytes() if path.is_file() else b""
        if there != b"".join(one.line() for one in before):
            raise InputError("another audit wrote meanwhile; run it again", file=OUTCOMES)
        if audit.added:
            atomic.write(path, content)
        for name, text in written.items():
            atomic.write(folder / name, text)
    return [*([path] if audit.added else []), *(folder / name for name in written)]


def rewrite(root: Path, certificate: Path | None = None) -> list[Path]:
    """Write the derived files again, where there are any, from what is on record."""
    if not (root / OUT / SUMMARY).is_file():
        return []
    lines = on_record.recorded(root)
    versions = read.published(root)
    return write(_derived(root, versions, lines, _authority(root, certificate), None), root)


# Whether what is written is what the record gives -----------------------------------------------


def outcome_problems(root: Path) -> list[str]:
    """What is wrong with the outcomes on record."""
    bound = {}
    for folder in read.versions(root):
        head = recorded(folder).get(BOUND)
        if head is not None:
            bound[folder.name] = str(head)
    found = outcomes_problems(root, bound)
    return found or on_record.contradicted(root, on_record.recorded(root))


def audit_problems(root: Path, certificate: Path | None = None) -> list[str]:
    """What is wrong with the outcomes on record, and which file of the audit they do not give."""
    wrong = outcome_problems(root)
    if wrong or not (root / OUT).is_dir():
        return wrong
    summary = _json(root / OUT / SUMMARY)
    if summary and "covers" not in summary:
        return [f"{OUT / SUMMARY}: was written before outcomes were put on record; {AGAIN}"]
    try:
        versions, lines = covered(root, summary)
        claims = Claims.of(summary)
        made = _derived(root, versions, lines, _authority(root, certificate), claims).files()
    except (InputError, ValueError, KeyError, TypeError) as error:
        return [f"{OUT / SUMMARY}: cannot be derived from the record ({error}); {AGAIN}"]
    return [
        *_unconfirmed(root, versions, claims),
        *differences(root / OUT, made, OUT.as_posix(), AGAIN),
        *(
            f"{OUT / path.name}: is no file of the audit"
            for path in sorted((root / OUT).iterdir())
            if path.name not in {*made, OUTCOMES.name}
        ),
    ]


def signature_problems(root: Path) -> list[str]:
    """Signatures that a written audit speaks of and that Git does not verify here."""
    summary = _json(root / OUT / SUMMARY)
    return _unconfirmed(root, covered(root, summary)[0], Claims.of(summary))


def _unconfirmed(root: Path, versions: Sequence[tuple[Path, Entry]], claims: Claims) -> list[str]:
    """Signatures that the audit speaks of and that Git does not verify here."""
    here = signatures(root, [folder for folder, _ in versions if folder.name in claims.signed])
    return [
        f"{OUT / SUMMARY}: says that version {version} was signed ({one.what}, "
        f"{one.when.isoformat()}), which Git does not confirm here: no such signature, or no key"
        for version, one in claims.signed.items()
        if here.get(version) != one
    ]


def covered(
    root: Path, summary: Mapping[str, Any]
) -> tuple[list[tuple[Path, Entry]], list[Outcome]]:
    """The versions and outcomes that an audit read, as far as it says so.

    Raises:
        InputError: the chains here do not have the lines that it read.
    """
    covers = as_map(summary.get("covers"))
    versions: list[tuple[Path, Entry]] = []
    for place in PLACES:
        chain = [one for one in read.published(root) if one[0].parent == root / place]
        hashes = [sha256(entry.line()) for _, entry in chain]
        versions += chain[: _count(covers, place, hashes)]
    lines = on_record.recorded(root)
    place = OUTCOMES.as_posix()
    return versions, lines[: _count(covers, place, [one.digest() for one in lines])]


def _count(covers: Mapping[str, Any], place: str, hashes: Sequence[str]) -> int:
    """How many lines of a chain were read."""
    said = as_map(covers.get(place))
    count = int(said.get("lines", 0))
    if count and (count > len(hashes) or hashes[count - 1] != said.get("last_sha256")):
        raise InputError(f"line {count} of {place} is not the one that was audited")
    return count


def uncovered(root: Path) -> list[str]:
    """That versions or outcomes were added since the audit was written, a sentence each."""
    if not (root / OUT / SUMMARY).is_file():
        return []
    covers = as_map(_json(root / OUT / SUMMARY).get("covers"))
    left = len(read.versions(root)) - sum(
        int(as_map(covers.get(place)).get("lines", 0)) for place in PLACES
    )
    if left <= 0:
        return []
    return [f"{OUT}: does not score {counted(left, 'newer version')} yet; `scaling audit` does"]


def differences(folder: Path, made: Mapping[str, bytes], place: str, again: str) -> list[str]:
    """Files that are not as they are derived, each with the first line that differs."""
    found = []
    for name, content in made.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{place}/{name}: is missing; {again}")
        elif (there := path.read_bytes()) != content:
            line = _first_difference(there, content)
            found.append(f"{place}/{name}: line {line} is not what the record gives; {again}")
    return found


def _first_difference(there: bytes, content: bytes) -> int:
    ours, theirs = there.splitlines(keepends=True), content.splitlines(keepends=True)
    same = [one == other for one, other in zip(ours, theirs, strict=False)]
    return (same.index(False) if False in same else len(same)) + 1


def _json(path: Path) -> Mapping[str, Any]:
    try:
        return as_map(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):
        return {}


def plain(value: Any) -> Any:
    """Days as text, for JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
