"""What the date of a version rests on: the publisher's word, a signature, or a third party.

A score is ahead when its version was there before the outcome. A token of a third party shows it
where the token is of a day before the outcome's; else a signature of that age, of the version's
tag or of the commit that added it, shows that the holder of a key says so; else the publisher says
so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from scaling.io.git import git, objects
from scaling.io.json_files import as_list, as_map
from scaling.record.audit.timestamps import Authority, timestamp_of
from scaling.record.versions.dates import moment
from scaling.record.versions.files import has, read
from scaling.record.versions.ledger import MANIFEST, PLACES, Entry

PUBLISHER, SIGNATURE, THIRD_PARTY = "publisher's word", "signature", "third party"
CONTRADICTED_WORD = "publisher's word contradicted"
_TAGS = "refs/tags/forecast/"
_GOOD = ("G", "U")  # a good signature, and one by a key of unknown trust, as Git's %G? says


@dataclass(frozen=True)
class Evidence:
    """What speaks for a version's date and against it.

    Attributes:
        issued_at: the publisher's word.
        against: sentences that contradict it.
        signed: time of a signature that Git verified, and ``signer``, what signed.
        stamped: time of a verified token, by the authority's clock.
    """

    issued_at: str = ""
    against: tuple[str, ...] = ()
    signed: datetime | None = None
    signer: str = ""
    stamped: datetime | None = None

    def before(self, day: date) -> str:
        """What shows that the version was there before a day."""
        if self.against:
            return CONTRADICTED_WORD
        if self.stamped is not None and self.stamped.date() < day:
            return THIRD_PARTY
        if self.signed is not None and self.signed.date() < day:
            return SIGNATURE
        return PUBLISHER

    def facts(self, version: str) -> dict[str, Any]:
        """As it stands in audit.json."""
        return {
            "version": version,
            "issued_at": self.issued_at,
            "rests_on": self.before(date.max),
            "signed_at": self.signed and self.signed.isoformat(),
            "signed_by": self.signer,
            "timestamped_at": self.stamped and self.stamped.isoformat(),
            "contradicted_by": list(self.against),
        }


NO_EVIDENCE = Evidence()


@dataclass(frozen=True)
class Signature:
    """A signature that Git verified: when by the signer's clock, and of what."""

    when: datetime
    what: str


def evidence(
    root: Path,
    entries: Mapping[str, Entry],
    against: Mapping[str, Sequence[str]],
    trusted: Authority | None,
    claims: Claims | None,
) -> dict[str, Evidence]:
    """Version -> what its date rests on; ``entries`` are their lines of the ledger.

    ``claims`` stand for the signatures, and for the timestamps where no certificate is trusted;
    None asks Git.
    """
    folders = [root / place / name for name in entries for place in PLACES]
    signed = signatures(root, folders) if claims is None else claims.signed
    found = {}
    for version, entry in entries.items():
        stamped: datetime | str | None = None
        if trusted is not None:
            stamped = timestamp_of(root, entry.line(), trusted)
        elif claims is not None:
            stamped = claims.stamped.get(version)
        signature = signed.get(version)
        found[version] = Evidence(
            issued_at=entry.issued_at,
            against=tuple(against.get(version, ())),
            signed=None if signature is None else signature.when,
            signer="" if signature is None else signature.what,
            stamped=stamped if isinstance(stamped, datetime) else None,
        )
    return found


@dataclass(frozen=True)
class Claims:
    """The signatures and timestamps that a written audit speaks of, by version."""

    signed: Mapping[str, Signature]
    stamped: Mapping[str, datetime]

    @classmethod
    def of(cls, summary: Mapping[str, Any]) -> Claims:
        """From audit.json."""
        rows = {str(as_map(r).get("version")): as_map(r) for r in as_list(summary.get("dates"))}
        signed = {
            version: Signature(moment(str(row["signed_at"])), str(row.get("signed_by")))
            for version, row in rows.items()
            if row.get("signed_at")
        }
        stamped = {v: row.get("timestamped_at") for v, row in rows.items()}
        return cls(signed, {v: moment(str(time)) for v, time in stamped.items() if time})


def signatures(root: Path, folders: Iterable[Path]) -> dict[str, Signature]:
    """Version -> the earliest good signature of its tag or of the commit that added it."""
    wanted = {folder.name: folder for folder in folders if has(folder, MANIFEST)}
    found: dict[str, Signature] = {}
    if not wanted:
        return found
    for one in (_of_tags(root, wanted), _of_commits(root, wanted)):
        for version, signature in one.items():
            if version not in found or signature.when < found[version].when:
                found[version] = signature
    return found


def _of_tags(root: Path, wanted: Mapping[str, Path]) -> dict[str, Signature]:
    form = "%(refname)%00%(taggerdate:iso-strict)%00%(if)%(contents:signature)%(then)yes%(end)"
    listed = (git(root, "for-each-ref", f"--format={form}", _TAGS) or b"").decode()
    found = {}
    for line in listed.splitlines():
        name, when, signed = line.split("\0")
        version = name.removeprefix(_TAGS)
        if signed and version in wanted and _holds(root, name, wanted[version]):
            found[version] = Signature(moment(when).astimezone(UTC), f"tag forecast/{version}")
    return found


def _holds(root: Path, tag: str, folder: Path) -> bool:
    """Whether a tag's signature is good and its commit has this very version."""
    path = (folder / MANIFEST).relative_to(root).as_posix()
    if git(root, "verify-tag", tag) is None:
        return False
    # From within the project's folder, which may lie below the top of the repository.
    held = git(root, "show", f"{tag}^{{commit}}:./{path}")
    return held == read(folder, MANIFEST)


def _of_commits(root: Path, wanted: Mapping[str, Path]) -> dict[str, Signature]:
    paths = {(f / MANIFEST).relative_to(root).as_posix(): v for v, f in wanted.items()}
    log = ("log", "--diff-filter=A", "--name-only", "--relative", "--format=%x00%H %ct")
    listed = (git(root, *log, "--", "reports") or b"").decode()
    added: dict[str, tuple[str, datetime]] = {}
    for block in listed.split("\0")[1:]:
        head, *names = block.split("\n")
        commit, seconds = head.split()
        for name in names:
            if name in paths:
                added[paths[name]] = commit, datetime.fromtimestamp(int(seconds), UTC)
    wanted_at = {v: f"{added[v][0]}:./{p}" for p, v in paths.items() if v in added}
    held = objects(root, wanted_at.values())
    added = {
        version: one
        for version, one in added.items()
        if held.get(wanted_at[version], ("", b""))[1] == read(wanted[version], MANIFEST)
    }
    if not added:
        return {}
    commits = sorted({commit for commit, _ in added.values()})
    grades = (git(root, "log", "--no-walk=unsorted", "--format=%H %G?", *commits) or b"").decode()
    good = {line.split()[0] for line in grades.splitlines() if line.split()[-1] in _GOOD}
    return {
        version: Signature(when, f"commit {commit[:12]}")
        for version, (commit, when) in added.items()
        if commit in good
    }
