"""A folder that hub tools read: the quantile tables of versions, and what describes the hub.

    hub-config/tasks.json     rounds, studies, targets and levels
    hub-config/admin.json     name and format
    model-output/...          one file a method and round (`scaling.report.sections.hubverse`)

A version's round is the day of its issue; of a replay it is the day that was replayed. A hub holds
one file a method and round, so of several versions of a day it holds the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from scaling.errors import InputError
from scaling.io import atomic, settings
from scaling.io.git import git
from scaling.io.json_files import json_text
from scaling.record.versions.ledger import short
from scaling.record.versions.tables import fits, manifest, quantiles
from scaling.report.sections import hubverse


@dataclass(frozen=True)
class Team:
    """Who answers for the hub: a name and an e-mail address, and where its repository is."""

    name: str
    email: str
    repository: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Exported:
    """The files of a hub, and what a reader of it should know."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def export(versions: Iterable[Path], out: Path, team: Team) -> Exported:
    """Write the hub of the versions in these folders below ``out``.

    Everything is read before anything is written. Raises InputError when a version cannot be read.
    """
    chosen, notes = _rounds(versions)
    rounds = {day: quantiles(folder) for day, folder in chosen.items()}
    metrics = {
        one.study: one.metric or "loss"
        for folder in chosen.values()
        for one in fits(folder).values()
    }
    contents: dict[str, bytes] = {}
    for day, table in rounds.items():
        contents |= hubverse.files(table, day)
    config = {
        "tasks": hubverse.tasks(rounds, metrics),
        "admin": hubverse.admin(team.name, team.email, team.repository),
    }
    for name, document in config.items():
        contents[f"hub-config/{name}.json"] = json_text(document).encode()
    for name, content in contents.items():
        atomic.write(out / name, content)
    return Exported(tuple(out / name for name in contents), tuple(notes))


def _rounds(versions: Iterable[Path]) -> tuple[dict[date, Path], list[str]]:
    """The version of each round, the last issued of a day; and which were left out for it."""
    found = sorted((_issued(folder), folder) for folder in dict.fromkeys(versions))
    chosen: dict[date, Path] = {}
    notes = []
    for (_, day), folder in found:
        earlier = chosen.get(day)
        if earlier is not None:
            notes.append(
                f"{short(earlier.name)} is left out: {short(folder.name)} is of the same day, "
                f"{day}, and was issued later"
            )
        chosen[day] = folder
    return dict(sorted(chosen.items())), notes


def _issued(folder: Path) -> tuple[datetime, date]:
    """When a version was issued, and the day that is its round."""
    stated = manifest(folder)
    issued = datetime.fromisoformat(stated["issued_at"])
    replayed = stated.get("as_of")
    return issued, date.fromisoformat(replayed) if replayed else issued.astimezone(UTC).date()


def team_of(root: Path, name: str | None = None, email: str | None = None) -> Team:
    """The team by what was given, else by ``team`` of ``scaling.toml`` and Git's user, with the
    repository of the remote origin.

    Raises:
        InputError: neither says who it is.
    """
    own = {key: (git(root, "config", "--get", f"user.{key}") or b"").decode().strip()
           for key in ("name", "email")}  # fmt: skip
    name = name or settings.read(root).team or own["name"]
    made = Team(name, email or own["email"], _repository(root))
    if not made.name or "@" not in made.email:
        hint = "Give --team and --contact, or set user.name and user.email in Git."
        raise InputError(
            "a hub names who answers for it", allowed="a name and an address", hint=hint
        )
    return made


def _repository(root: Path) -> tuple[str, str, str] | None:
    """Host, owner and name, where the remote is on a host that hubs know."""
    url = (git(root, "remote", "get-url", "origin") or b"").decode().strip()
    found = re.search(r"(github|gitlab)\.com[:/]([^/]+)/([^/]+?)(?:\.git)?/?$", url)
    return (found[1], found[2], found[3]) if found else None
