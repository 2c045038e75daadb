"""See the package."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.forecast import distance, needed, page, tasks, together
from benchmarks.forecast.run import run
from benchmarks.forecast.tune import left_out
from scaling.forecasting import curves as one_input
from scaling.forecasting import two_inputs

OUT = Path("docs/benchmarks")


def main() -> None:
    """Every task; then the page and the per-task table, or the constants of the spread, or the
    page by distance, or that of constants left out."""
    for name, made, file in (
        ("distance", distance.page, "forecast_distance.md"),
        ("needed", needed.page, "constants.md"),
    ):
        if name in sys.argv[1:]:
            (OUT / file).write_text(made(), encoding="utf-8")
            return
    curves = run(tasks.curves()) if tasks.CURVES.is_file() else None
    language = run(tasks.language())
    tuned = (
        left_out(curves.scored if curves else [], one_input.SCALE_WEIGHTS, one_input.DEGREES),
        left_out(language.scored, two_inputs.SCALE_WEIGHTS, two_inputs.DEGREES),
    )
    if "tune" in sys.argv[1:]:
        for part in tuned:
            print(part)
        return
    more = (tasks.FRESH, tasks.ACROSS, tasks.LAST)
    unseen, fresh, across, last = (
        run(made) if tasks.SHARED.is_dir() else None
        for made in (tasks.unseen(), *(tasks.fresh(tables) for tables in more))
    )
    beside = together.page(together.run()) if curves else ""
    page.write(OUT, (curves, language, unseen, fresh, across, last), tuned, beside)


if __name__ == "__main__":
    main()
