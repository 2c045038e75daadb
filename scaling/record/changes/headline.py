"""What a published version says, in short, and what changed since the one before."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from scaling.record.versions.files import FORECAST, read
from scaling.record.versions.ledger import LEDGER, read_lines, short

# Quantile -> its name in a headline: the median and the ends of the 90 % interval.
SHOWN = {"0.05": "low", "0.5": "median", "0.95": "high"}
# A median that moved by less than this share stands as it was.
MOVED = 1e-3


def headline(version: Path) -> list[dict[str, Any]]:
    """One row a study and target: median and ends of the 90 % interval of the ensemble.

    Empty when the version has no such forecast.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for line in csv.DictReader(io.StringIO(read(version, FORECAST).decode(), newline="")):
        name = SHOWN.get(line.get("quantile") or "")
        if name is None or line.get("law") != "ensemble":
            continue
        key = (line["study"], line["target"])
        row = rows.setdefault(key, {"study": key[0], "target": key[1]})
        row[name] = float(f"{float(line['value']):.5g}")
    return list(rows.values())


def changes(version: Path, before: Path | None) -> str:
    """Markdown: forecasts added, removed or changed since the version before."""
    from scaling.document.format import clean
    from scaling.document.render import escape_markdown

    def names(key: tuple[str, str]) -> str:
        return " | ".join(escape_markdown(clean(name)) for name in key)

    if before is None:
        return f"# {version.name}\n\nThe first version."
    old, new = _medians(before), _medians(version)
    lines = [f"| {names(key)} | | {new[key]:.5g} | new |" for key in new if key not in old]
    lines += [f"| {names(key)} | {old[key]:.5g} | | removed |" for key in old if key not in new]
    for key in new.keys() & old.keys():
        share = new[key] / old[key] - 1
        if abs(share) >= MOVED:
            moved = f"{old[key]:.5g} | {new[key]:.5g} | {100 * share:+.1f} %"
            lines.append(f"| {names(key)} | {moved} |")
    title = f"# {short(version.name)}, after {short(before.name)}\n\n"
    if not lines:
        return title + f"No median moved by {100 * MOVED:g} % or more."
    head = "| study | target | before | now | |\n|---|---|---|---|---|\n"
    return title + head + "\n".join(sorted(lines))


def previous(reports: Path, version: str) -> Path | None:
    """The folder of the version published before this one; None for the first."""
    entries, _ = read_lines((reports / LEDGER).read_bytes())
    names = [entry.version for entry in entries]
    at = names.index(version)
    return reports / names[at - 1] if at else None


def _medians(version: Path) -> dict[tuple[str, str], float]:
    rows = headline(version)
    return {(row["study"], row["target"]): row["median"] for row in rows if "median" in row}
