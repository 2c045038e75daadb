"""What a fit predicts at the rows of a table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from scaling.api._table import ask
from scaling.fitting.data import law_inputs
from scaling.fitting.result import Fit
from scaling.forecasting.distance import decades_outside
from scaling.frames import Table


def predict(made: Fit, at: Table) -> Table:
    """See `scaling.fitting.result.Fit.predict`.

    Raises:
        InputError: a column is missing, a value that no law can take, or counts without a unit.
    """
    asked = ask(at)
    frame = asked.runs.frame
    with asked.runs.placed():
        x = law_inputs(frame, made.law, to_fit=False)
    columns = {"value": made.predict(x)}
    if len(made.draws):
        ends = np.quantile(made.predict_draws(x), [0.05, 0.95], axis=0)
        columns |= {"low90": ends[0], "high90": ends[1]}
    else:
        columns |= dict.fromkeys(("low90", "high90"), np.full(frame.height, np.nan))
    far = [
        np.abs([decades_outside(float(one), *made.ranges[name]) for one in values])
        for name, values in x.items()
        if made.ranges.get(name, (0.0,))[0] > 0
    ]
    if far:
        columns["decades_out"] = np.max(far, axis=0)
    new = pl.DataFrame(columns).with_columns(pl.col("low90", "high90").fill_nan(None))
    return replace(made, kind=asked.kind)._out(frame.drop(new.columns, strict=False).hstack(new))
