"""What `scaling verify EDITION` prints: problems, or the edition and what was disclosed."""

from __future__ import annotations

from pathlib import Path

from scaling.io.hashing import canonical
from scaling.record.editions.verify import check, check_full, check_proof, read, stated


def verified(
    folder: Path, disclosed: Path | None, full: Path | None
) -> tuple[list[str], list[str]]:
    """Problems, and the lines to print when there are none."""
    problems = check(folder)
    if problems:
        return problems, []
    manifest = read(folder)
    lines = [
        f"Intact: redacted edition {manifest['edition']}",
        f"of version {manifest['full']['version']}, issued {manifest['issued_at']}.",
        stated(manifest),
        "Compare its id with the announced one.",
    ]
    if full is not None:
        problems += check_full(folder, full)
        lines.append(f"It matches a redaction of {full}.")
    if disclosed is not None:
        leaves, wrong = check_proof(folder, disclosed)
        problems += wrong
        lines += [f"Part of this edition: {canonical(leaf).decode()}" for leaf in leaves]
    return problems, lines
