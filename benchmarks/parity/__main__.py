"""Write docs/parity.md: python -m benchmarks.parity [KEY ...]

With keys, only those entries are measured and printed, and nothing is written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.parity import Entry, Figure, load
from tests.support.shared import shared

PAGE = Path("docs/parity.md")
HEAD = """# Parity with published figures

Made by `python -m benchmarks.parity`; `tests/contract/test_parity.py` holds every row within its
tolerance. Sources marked * are not in the project, most for want of an open licence: their rows
were made where the tables are at hand, and their tests skip elsewhere.

| law | source | figure | ours | published | tolerance | reason of the tolerance |
|---|---|---|---|---|---|---|
"""


def main(keys: list[str]) -> int:
    """Measure, print and, where all were asked for, write the page."""
    entries = load()
    rows, notes, bad = [], [], 0
    for key, entry in entries.items():
        if keys and key not in keys:
            continue
        if entry.shared and shared(entry.shared) is None:
            print(f"{key}: no shared table {entry.shared}; the page would lose its rows")
            return 1
        figures = entry.measure()
        for figure in figures:
            bad += not figure.holds
            print(f"{'ok ' if figure.holds else 'BAD'} {key}: {figure.what}", end=" ")
            print(
                f"ours {figure.ours:.10g} published {figure.published:.10g} ({figure.tolerance:g})"
            )
        rows += [_row(entry, figure) for figure in figures]
        notes.append(f"- **{key}**: {entry.citation}. {entry.note}".rstrip())
    if not keys:
        text = HEAD + "\n".join(rows) + "\n\n## Notes\n\n" + "\n".join(notes) + "\n"
        PAGE.write_text(text, encoding="utf-8")
    return bad


def _row(entry: Entry, figure: Figure) -> str:
    source = entry.source + ("*" if entry.shared else "")
    digits = _digits(figure)
    cells = (
        entry.law,
        source,
        figure.what,
        digits(figure.ours),
        digits(figure.published),
        f"{figure.tolerance:g}",
        figure.why,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _digits(figure: Figure):
    """As many digits as the tolerance makes meaningful, at least four."""
    size = abs(figure.published) or 1.0
    wanted = 4
    while wanted < 12 and size * 10.0 ** (1 - wanted) > figure.tolerance:
        wanted += 1
    return lambda value: f"{value:.{wanted}g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
