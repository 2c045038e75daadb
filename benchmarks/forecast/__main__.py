"""See the package."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.forecast import page, tasks
from benchmarks.forecast.run import run
from benchmarks.forecast.tune import left_out

OUT = Path("docs/benchmarks")


def main() -> None:
    """Every task; then the page and the per-task table, or the constants of the spread."""
    curves, curves_scored = run(tasks.curves()) if tasks.CURVES.is_file() else (None, [])
    language, language_scored = run(tasks.language())
    made = left_out(curves_scored), left_out(language_scored)
    if "tune" in sys.argv[1:]:
        for part in made:
            print(part)
        return
    unseen, _ = run(tasks.unseen()) if tasks.SHARED.is_dir() else (None, [])
    page.write(OUT, (curves, language, unseen), made)


if __name__ == "__main__":
    main()
