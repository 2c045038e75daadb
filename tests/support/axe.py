"""axe-core, the checker of pages for people who use them otherwise, from npm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.needs import AXE_CORE
from tests.support.waiting import HANG

AXE = "4.14.1"
# An expression whose value lists what is serious, with the first element of each.
SERIOUS = """axe.run(document, {resultTypes: ['violations']}).then(r => r.violations
    .filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => v.id + ': ' + v.nodes[0].html))"""


def axe_core(folder: Path) -> str:
    """The script, installed into ``folder``; skips the test where it cannot be had."""
    if shutil.which("npm") is None:
        AXE_CORE.skip()
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"axe-core@{AXE}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=HANG, check=False)
    script = folder / "node_modules/axe-core/axe.min.js"
    if done.returncode or not script.is_file():
        AXE_CORE.skip()
    return script.read_text(encoding="utf-8") + ";0"
