"""What changed between two versions, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scaling.document.format import clean
from scaling.errors import counted
from scaling.record.changes.attribution import STEPS
from scaling.record.changes.section import PARTS, moved_code, points

# Standard errors below which a part of a change is not shown.
SMALL = 0.005


def lines(changes: Mapping[str, Any], most: int) -> Iterator[str]:
    """Inputs, rows and new runs; then at most so many parameters and forecasts."""
    # A new layout of the code first: it explains many of the others.
    causes = sorted(changes["made_by"], key=lambda one: "files" not in one)
    yield from map(_cause, causes[:most])
    yield f"{counted(len(causes), 'input')} changed."
    # The first of the sentences counts the inputs that stand above.
    yield from points(changes)[1:]
    whys = {
        (study["study"], law["law"], row["parameter"]): (row, law.get("runs", ()))
        for study in changes["studies"]
        for law in study.get("laws", ())
        for row in law.get("parameters", ())
    }
    for row in changes["parameters"][:most]:
        yield from _parameter(row, whys.get((row["study"], row["law"], row["parameter"])))
    yield from _forecasts(changes["forecasts"], most)


def _cause(one: Mapping[str, Any]) -> str:
    what = moved_code(one["files"]) if "files" in one else f"{one['name']} {one['what']}"
    return clean(f"{one['kind']}: {what}")


def _parameter(row: Mapping[str, Any], why: tuple[Any, Any] | None) -> Iterator[str]:
    where = clean(f"{row['study']}, {row['law']}, {row['parameter']}")
    moved = f"{row['old']:.4g} -> {row['new']:.4g}"
    yield f"{where}: {moved} ({row['change']:+.2f} standard errors of both)"
    if why is None:
        return
    parts, runs = why
    effects = [f"{PARTS[step]} {parts[step]:+.2f}" for step in STEPS if abs(parts[step]) >= SMALL]
    name = row["parameter"]
    most = max(runs, key=lambda one: abs(one["moved"][name]), default=None)
    if most is not None and abs(most["moved"][name]) >= SMALL:
        effects.append(
            f"largest effect by run {most['run']} ({most['what']}) {most['moved'][name]:+.2f}"
        )
    if effects:
        yield "    " + clean(f"in standard errors of the newer fit: {'; '.join(effects)}")


def _forecasts(rows: list[Mapping[str, Any]], most: int) -> Iterator[str]:
    far = sorted(rows, key=lambda row: -abs(row["change"]))
    for row in far[:most]:
        where = clean(f"{row['study']}, {row['target']}, {row['law']}")
        mark = ", outside the old 90 % interval" if row["outside"] else ""
        yield f"{where}: median {100 * row['change']:+.2f} %{mark}"
    left = sum(bool(row["outside"]) for row in rows)
    yield f"{left} of {counted(len(rows), 'median')} lie outside the old 90 % interval."
