"""How well first crossings were forecast from the past of the newest copy of the table of models.

    python -m benchmarks.first_crossing

Half-yearly origins from 2020 on; lines at half powers of ten up to a hundred times the record of
the day; the rows published by then, as the copy has them now. Prints how many outcomes lay before
the 5 % point and after the 95 % point; a line that nothing has passed yet is after its 95 % point
only where the copy's own day is.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from scaling.govern.first_crossing import Line, first_model, forecast
from scaling.govern.trends import copy_of, read_copies

# One of the widths that `scaling.govern.exceedance.calibrate` may choose.
WIDTH = 0.6


def main() -> None:
    """Forecast, compare, print."""
    copies = read_copies()
    newest = copies["copy"].max()
    assert isinstance(newest, date)
    table = copy_of(copies, newest)
    chances, resolved = [], []
    for half in range(13):
        origin = date(2020, 1, 1) + timedelta(days=round(182.625 * half))
        known = table.filter(pl.col("published") <= origin)
        top = float(known["flop"].to_numpy().max())
        for value in 10.0 ** np.arange(22.0, 29.0, 0.5):
            if top < value <= 100.0 * top:
                line = Line(float(value))
                first = first_model(table, line)
                end = newest if first is None else first["published"]
                chances.append(forecast(known, line, origin, WIDTH).by(end))
                resolved.append(first is not None)
    early = np.array(chances)[resolved] < 0.05
    late = np.array(chances) > 0.95
    print(f"{len(chances)} forecasts, {sum(resolved)} resolved")
    print(
        f"{early.mean():.0%} of these before the 5 % point, {late.mean():.0%} after the 95 % point"
    )


if __name__ == "__main__":
    main()
