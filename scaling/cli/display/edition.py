"""What `scaling verify EDITION` says: what is wrong, or what the edition is and what was shown."""

from __future__ import annotations

from pathlib import Path

from scaling.io.hashing import canonical
from scaling.record.editions.verify import check, check_full, check_proof, read


def verified(
    folder: Path, disclosed: Path | None, full: Path | None
) -> tuple[list[str], list[str]]:
    """Problems, and the lines to print when there are none."""
    problems = check(folder)
    if problems:
        return problems, []
    told = read(folder)
    lines = [
        f"Whole: redacted edition {told['edition']}",
        f"of version {told['full']['version']}, issued {told['issued_at']}.",
        "Compare the id with the one that was announced.",
    ]
    if full is not None:
        problems += check_full(folder, full)
        lines.append(f"It is what redacting {full} gives.")
    if disclosed is not None:
        leaves, wrong = check_proof(folder, disclosed)
        problems += wrong
        lines += [f"Belongs to it: {canonical(leaf).decode()}" for leaf in leaves]
    return problems, lines
