"""What `scaling verify PACK` prints: problems, or which packs are whole and what they rest on."""

from __future__ import annotations

from pathlib import Path

from scaling.errors import InputError, counted
from scaling.govern import verify


def verified_packs(path: Path, registry: Path) -> tuple[list[str], list[str]]:
    """Problems, and the lines to print when there are none."""
    with verify.opened(path) as folder:
        problems = verify.check(folder)
        if problems:
            return [f"{path}: {one}" for one in problems], []
        manifest = verify.read(folder)
        lines = _lines(manifest)
        if "format" not in manifest:
            return [], [*lines, "Made before packs held their registry: only hashes were checked."]
        if not (registry / "rules.csv").is_file():
            return [], [*lines, f"Not compared with a registry of today: none in {registry}."]
        try:
            problems = verify.edited(folder, registry)
        except InputError as error:
            return [], [*lines, f"Not compared with {registry}: {error}"]
    if problems:
        problems.append(f"{path}: whole, but the registry that it rests on was edited afterwards")
    return problems, [*lines, f"{registry} still says what it said."]


def _lines(manifest: dict[str, object]) -> list[str]:
    files = manifest["files"]
    number = counted(len(files) if isinstance(files, dict) else 0, "file")
    lines = [f"Whole: evidence packs of {manifest.get('report_date')}, {number}."]
    if "pack" in manifest:
        lines.append(f"Pack {manifest['pack']}. Compare it with the one that was announced.")
    lines.append(f"Registry {manifest.get('registry')}, as on record on {manifest.get('known')}.")
    days = manifest.get("registry_days")
    if isinstance(days, dict):
        lines.append(f"{'; '.join(f'{name} {day}' for name, day in days.items())}.".capitalize())
    return lines
