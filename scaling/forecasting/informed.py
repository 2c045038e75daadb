"""The forecast of one run's curve, informed by its study's law and by other runs of the table.

The curve's own forecast (`scaling.forecasting.engine`) is pooled (`scaling.forecasting.pooled`)
with the law of a study, where one is named (`scaling.forecasting.study_end`), and with the shape of
the other runs of the table, where the targets name one (`scaling.forecasting.collapse`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.errors import InputError
from scaling.fitting.data import number, positive
from scaling.forecasting.collapse import MIN_POINTS, MIN_RUNS, Finished, alike, collapse
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.pooled import Opinion, Pooled, pool
from scaling.forecasting.schedule_input import ALONG, RUNS, one_run, schedule_of
from scaling.forecasting.study_end import INPUTS, Study, study_end
from scaling.runs.logged_rates import column_of, logged
from scaling.runs.schedules import Schedule

# Targets whose opinions are said one by one.
SHOWN = 5


@dataclass(frozen=True)
class Informed:
    """What other runs say of a curve; `scaling.forecasting.engine.forecast` calls it.

    Attributes:
        runs: the table of the curve, perhaps with other runs.
        inputs, target: as of the forecast: one input.
        metric: what the curve's loss is called.
        study: finished runs of the recipe; None for none.
        schedule: as of the forecast.
    """

    runs: pl.DataFrame
    inputs: Sequence[str]
    target: str
    metric: str
    study: Study | None = None
    schedule: Schedule | str | None = None

    def __call__(self, made: Predictive, at: pl.DataFrame) -> tuple[Predictive, list[str]]:
        """The forecast at T targets that all sources give together, and sentences on each."""
        found, notes = [Opinion("The run's curve", made)], []
        own, others, _ = one_run(self.runs, at, self.inputs)
        if self.study is not None:
            planned = at.select([name for name in INPUTS if name in at.columns])
            law, said = study_end(self.study, planned, self.metric, _name(own))
            found.append(law)
            notes += [f"{one.removesuffix('.')}." for one in said]
        if others is not None and not made.increasing:
            shape, said = self._shape(own, others, at)
            found += [] if shape is None else [shape]
            notes += said
        if len(found) == 1:
            return made, notes
        pooled = pool(found)
        return pooled.made, [*notes, *_said(pooled), *(f"Warning: {o}." for o in pooled.warnings())]

    def _shape(
        self, own: pl.DataFrame, others: pl.DataFrame, at: pl.DataFrame
    ) -> tuple[Opinion | None, list[str]]:
        """What the shape of the other runs says, or why it is not used."""
        name = self.inputs[0]
        ends = positive(at, name)
        end = float(ends.max())
        rate, _ = schedule_of(own, at, self.inputs, self.schedule)
        runs = _finished(others, name, self.target)
        same = [
            one
            for one in runs
            if rate is not None
            and one.schedule is not None
            and alike(rate, end, one.schedule, one.end)
        ]
        x, y = positive(own, name), positive(own, self.target)
        made = None if x.max() >= end else collapse(x, y, ends, end, same, _params(own))
        if made is None:
            return None, [
                f"The shape of the other runs is not used: of {len(runs)}, {len(same)} have the "
                f"learning rate of this one by share of the run; {MIN_RUNS} or more with "
                f"{MIN_POINTS} values up to this share are needed."
            ]
        said = (
            f"The shape is that of {', '.join(made.runs[:SHOWN])}"
            f"{f' and {len(made.runs) - SHOWN} more' if len(made.runs) > SHOWN else ''}; each "
            f"forecast from the others from this share of the run, they err by up to "
            f"{made.error.max():.2%}."
        )
        return Opinion(f"The shape of {len(made.runs)} other runs", made.made), [said]


def informed(
    runs: pl.DataFrame,
    inputs: Sequence[str],
    target: str,
    metric: str | None,
    study: Study | None,
    schedule: Schedule | str | None,
) -> Informed | None:
    """What informs a curve; None where nothing can.

    Raises:
        InputError: a study beside other inputs than tokens or steps of one run.
    """
    if len(inputs) != 1 or not ALONG.search(inputs[0]):
        if study is not None:
            raise InputError(
                "a study informs the curve of one run", value=[*inputs],
                allowed="tokens or steps of the run as the one input",
            )  # fmt: skip
        return None
    return Informed(runs, inputs, target, metric or target, study, schedule)


def along(curve: pl.DataFrame, at: pl.DataFrame) -> str:
    """The input along which a run goes on, in both tables.

    Raises:
        InputError: none, or several.
    """
    found = [name for name in at.columns if name in curve.columns and ALONG.search(name)]
    if len(found) != 1:
        raise InputError(
            "along which column does the run go on?", value=", ".join(found) or None,
            allowed="--input NAME, such as tokens, in the curve and in the planned run",
        )  # fmt: skip
    return found[0]


def _finished(others: pl.DataFrame, name: str, target: str) -> list[Finished]:
    """The other runs of a table, each up to its last row."""
    label = next(one for one in RUNS if one in others.columns)
    column, found = column_of(others.drop(name)), []
    for (run,), rows in others.sort(name).group_by(label, maintain_order=True):
        x, y = number(rows, name), number(rows, target)
        good = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
        rate = None if column is None else logged(x[good], number(rows, column)[good], column)
        if good.sum() >= MIN_POINTS:
            found.append(Finished(str(run), x[good], y[good], rate, _params(rows)))
    return found


def _params(rows: pl.DataFrame) -> float | None:
    """The params of one run, where its rows state one number."""
    if "params" not in rows.columns or not rows["params"].dtype.is_numeric():
        return None
    values = rows["params"].drop_nulls().unique()
    return float(values[0]) if len(values) == 1 and values[0] > 0 else None


def _name(own: pl.DataFrame) -> str | None:
    """The run's name, where the rows state one."""
    label = next((one for one in RUNS if one in own.columns), None)
    return str(own[label][0]) if label is not None and own[label].n_unique() == 1 else None


def _said(pooled: Pooled) -> list[str]:
    """What each source says alone of the last targets, and its weight."""
    count = len(pooled.made.location)
    levels = np.array((0.05, 0.5, 0.95))
    found = []
    for one, weight in zip(pooled.opinions, pooled.weights, strict=True):
        low, middle, high = one.made.quantiles(levels)
        each = [
            f"{middle[k]:.4g} (90 %: {low[k]:.4g} to {high[k]:.4g}; weight {weight[k]:.0%})"
            for k in range(max(count - SHOWN, 0), count)
        ]
        found.append(f"{one.source} alone: {', '.join(each)}.")
    return found
