"""The evidence packs of one day: what the command ``scaling govern`` and the flow share."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from scaling.govern.crossings import Asked
from scaling.govern.evidence import Sources, Written, gather, made_by, redacted, write
from scaling.govern.registry import STALE_AFTER
from scaling.govern.runs import Files
from scaling.io import library
from scaling.record.versions.fingerprint import code
from scaling.record.versions.lookup import version


def packs(
    root: Path,
    runs: Path | None,
    out: Path,
    on: date,
    *,
    known: date | None = None,
    entered: date | None = None,
    stale_after: int = STALE_AFTER,
    likely: float = 0.5,
    details: Files | None = None,
    redact: bool = False,
    registry: Path | None = None,
) -> Written:
    """Write the packs of one day. Raises InputError for a bad file."""
    asked = Asked(on, known or on, likely, entered, stale_after)
    registry = library.found(registry or root / "data" / "thresholds")
    sources = Sources(runs, details or Files(), registry, root, version)
    tables, loaded = gather(sources, asked)
    by = made_by(sources, asked, loaded, _command(sources, asked, redact), _revision(code(root)))
    if redact:
        tables, by = redacted(tables, by)
    return write(out, tables, by, registry)


def _command(sources: Sources, asked: Asked, redact: bool) -> str:
    """The command that makes the same packs again, beside its files: a path names a machine."""
    parts = ["scaling govern"]
    parts += [f"--runs {sources.runs.name}"] if sources.runs else []
    for name in ("ledger", "fleets", "architectures"):
        path = getattr(sources.details, name)
        parts += [f"--{name} {path.name}"] if path else []
    parts += [f"--on {asked.on} --known {asked.known} --likely {asked.likely:g}"]
    parts += [] if asked.entered is None else [f"--entered {asked.entered}"]
    parts += [] if asked.stale_after == STALE_AFTER else [f"--stale-after {asked.stale_after}"]
    return " ".join(parts + (["--redact"] if redact else []))


def _revision(found: tuple[str | None, bool | None]) -> str:
    revision, dirty = found
    return (revision or "no Git revision") + (" with changes" if dirty else "")
