"""The outcomes that scores rest on: a file that only grows, ``reports/audit/outcomes.jsonl``.

One line a result that a published target was, or could have been, scored by. A line is never
changed: a result that is revised or withdrawn gets a new line, which names the line it replaces.
Each line holds the hash of the line before. A rewritten file is noticed by Git's copies of it (the
present commit, every commit before it on the branch, and every tag of a version), by the heads that
versions bind (`outcomes_head`), and by the tables that the lines name, where those are at hand.
Someone who rewrites all of these is caught only by a person who kept an earlier head.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from scaling.io.git import git, objects
from scaling.io.hashing import canonical, sha256

OUTCOMES = Path("reports/audit/outcomes.jsonl")
# The name under which a version's manifest binds the head, and the tags of versions.
BOUND = "outcomes_head"
TAGS = "refs/tags/forecast/"


@dataclass(frozen=True)
class Outcome:
    """One line: a result as it was when a score first used it.

    Attributes:
        source, metric, exclude: what the study that asked selects, and ``study``, its name.
        run: id of the run in its source; ``row`` says where in training the result stands.
        observed: day on which the result was known, YYYY-MM-DD.
        params, params_non_embedding, params_active, tokens, flops: sizes; None where not stated.
        value: the result in the metric's unit; None where it was withdrawn.
        table, table_sha256: the file that had the row, and its hash then.
        first_used: UTC time of the audit that added the line.
        revises: hash of the line that this one replaces; None for the first of a result.
        previous: hash of the line before; None for the first line.
    """

    source: str
    metric: str
    exclude: tuple[str, ...]
    study: str
    run: str
    row: str
    observed: str
    params: float | None
    params_non_embedding: float | None
    params_active: float | None
    tokens: float | None
    flops: float | None
    flops_method: str | None
    value: float | None
    table: str
    table_sha256: str
    first_used: str
    revises: str | None = None
    previous: str | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What identifies the result, however it is revised."""
        return self.source, self.metric, self.exclude, self.run, self.row

    @property
    def content(self) -> tuple[Any, ...]:
        """What a revision changes."""
        sizes = self.params, self.params_non_embedding, self.params_active, self.tokens, self.flops
        return self.observed, self.value, self.flops_method, *sizes

    def line(self) -> bytes:
        """The line as it stands in the file, with its end."""
        return self._line

    def digest(self) -> str:
        """What the next line holds as ``previous``."""
        return self._digest

    @functools.cached_property
    def _line(self) -> bytes:
        return canonical({one.name: getattr(self, one.name) for one in fields(self)}) + b"\n"

    @functools.cached_property
    def _digest(self) -> str:
        return sha256(self._line)


def read(content: bytes) -> tuple[list[Outcome], str | None]:
    """The outcomes up to the first bad line, and what is wrong there (None: all is well)."""
    outcomes: list[Outcome] = []
    current: dict[tuple[Any, ...], str] = {}
    previous: str | None = None
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        one = _parsed(line)
        if one is None:
            return outcomes, f"line {number} is not as an audit writes it"
        if one.previous != previous:
            return outcomes, f"line {number} does not continue from the line before it"
        if outcomes and one.first_used < outcomes[-1].first_used:
            return outcomes, f"line {number} was first used before the line before it"
        if one.revises != current.get(one.key):
            return outcomes, f"line {number} does not name the line that it revises"
        outcomes.append(one)
        previous = current[one.key] = sha256(line)
    return outcomes, None


def _parsed(line: bytes) -> Outcome | None:
    try:
        given = json.loads(line)
        one = Outcome(**given | {"exclude": tuple(given["exclude"])})
        date.fromisoformat(one.observed), datetime.fromisoformat(one.first_used)
        return one if one.line() == line else None
    except (ValueError, TypeError, KeyError):
        return None


def continued(
    outcomes: list[Outcome], present: Iterable[Outcome], gone: Iterable[Outcome]
) -> list[Outcome]:
    """The lines to add: results that are new or not as their newest line says, then withdrawals.

    ``present`` are today's results as lines without a place in the chain; ``gone`` are the newest
    lines of results that today's tables no longer have.
    """
    known = {one.key: (one, one.digest()) for one in outcomes}
    previous = outcomes[-1].digest() if outcomes else None
    added: list[Outcome] = []
    for one in (*present, *gone):
        old = known.get(one.key)
        if old is not None and old[0].content == one.content:
            continue
        new = replace(one, revises=old and old[1], previous=previous)
        added.append(new)
        previous = new.digest()
    return added


def outcomes_head(root: Path) -> str | None:
    """The hash of the last line, which stands for all of them; None where there is no line.

    A version that binds it under `BOUND` makes every later rewrite of these lines visible.
    """
    path = root / OUTCOMES
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    return sha256(lines[-1]) if lines else None


# Whether the file is the one that there was -----------------------------------------------------


def outcomes_problems(root: Path, bound: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with the file of outcomes; an empty list when nothing.

    ``bound`` are the heads that versions bind: version -> hash of a line.
    """
    path = root / OUTCOMES
    content = path.read_bytes() if path.is_file() else b""
    wrong = read(content)[1]
    found = [] if wrong is None else [f"{OUTCOMES}: {wrong}"]
    found += _git_problems(root, content)
    digests = {sha256(line) for line in content.splitlines(keepends=True)} if bound else set()
    found += [
        f"{OUTCOMES}: does not have the line {head[:12]} that version {version} binds"
        for version, head in (bound or {}).items()
        if head not in digests
    ]
    if found and not path.is_file():
        found = [f"{OUTCOMES}: is missing, but was there; put it back from Git", *found]
    return found


def _git_problems(root: Path, content: bytes) -> list[str]:
    """Copies in Git that the file does not continue, the newest of each kind."""
    found = []
    for kind, names in _copies(root).items():
        copies = set(objects(root, names).values())
        differ = [copy for _, copy in copies if not content.startswith(copy)]
        if differ:
            place = min(_first_difference(content, copy) for copy in differ)
            found.append(f"{OUTCOMES}: line {place} is not as {kind} has it")
    return found


def _copies(root: Path) -> dict[str, list[str]]:
    """Where Git has copies: the present commit, its history, the commits of tagged versions."""
    path, prefix = OUTCOMES.as_posix(), _prefix(root)
    log = ("log", "--first-parent", "-m", "--raw", "--no-abbrev", "--format=")
    listed = (git(root, *log, "--", f":(top){prefix}{path}") or b"").decode().splitlines()
    # :old mode new mode, old id, new id, status and path.
    blobs = [one.split()[place] for one in listed for place in (2, 3)]
    tags = (git(root, "for-each-ref", "--format=%(refname)", TAGS) or b"").decode().split()
    return {
        "Git": [f"HEAD:./{path}"],
        "Git's history": [one for one in dict.fromkeys(blobs) if one.strip("0")],
        "the commit of a tagged version": [f"{tag}:{prefix}{path}" for tag in tags],
    }


def _prefix(root: Path) -> str:
    """The project's folder below the top of the repository, with its slash."""
    return (git(root, "rev-parse", "--show-prefix") or b"").decode().strip()


def _first_difference(content: bytes, copy: bytes) -> int:
    pairs = zip(content.splitlines(), copy.splitlines(), strict=False)
    same = [one == other for one, other in pairs]
    return same.index(False) + 1 if False in same else len(same) + 1
