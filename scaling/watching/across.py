"""Other runs that inform the end of one under way: the law of its study, and the shape of finished
runs of its recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from scaling.forecasting.collapse import Finished
from scaling.forecasting.pooled import Opinion
from scaling.forecasting.study_end import Study, study_end
from scaling.runs.schedules import Schedule
from scaling.watching.like import borrowed, like_runs, logs_of, of_like_runs, same_schedule
from scaling.watching.series import Curve, Series, window_of
from scaling.watching.source import Wanted


@dataclass(frozen=True)
class Across:
    """What is named beside a log.

    Attributes:
        study: finished runs whose law forecasts the end; None for none.
        params: of the run under way; None where it is not said.
        like: logs, tables or folders of finished runs of the recipe.
        log: that of the run under way.
        wanted: how logs are read.
    """

    study: Study | None = None
    params: float | None = None
    like: tuple[Path, ...] = ()
    log: Path = Path()
    wanted: Wanted = field(default_factory=Wanted)
    # Both stay as they are while the run goes on.
    _laws: dict[object, tuple[Opinion, list[str]]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _runs: dict[object, tuple[list[Finished], list[str]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def schedule(self, series: Series, smooth: float | None) -> Schedule | None:
        """The learning rate as logged, then as in finished runs; None where they log none."""
        if not self.like:
            return None
        runs, _ = self._of_logs(series, window_of(series, smooth))
        return borrowed(same_schedule(runs, series, None)[0], series)

    def opinions(
        self, series: Series, curve: Curve, schedule: Schedule | None
    ) -> tuple[list[Opinion], list[str]]:
        """What each source says of the end of the curve, and what a reader must know.

        Args:
            schedule: of the learning rate to the end; None where none is known.

        Raises:
            InputError: what a source needs is not said, or it is of another quantity.
        """
        found: list[Opinion] = []
        notes: list[str] = []
        if self.study is not None:
            made, said = self._of_study(self.study, series)
            found.append(made)
            notes += said
        if self.like:
            runs, left = self._of_logs(series, curve.window)
            same, other = same_schedule(runs, series, schedule)
            shape, said = of_like_runs(same, curve, self.params)
            found += [] if shape is None else [shape]
            notes += [*left, *other, *said]
        return found, [one.removesuffix(".") for one in notes]

    def _of_study(self, study: Study, series: Series) -> tuple[Opinion, list[str]]:
        end = {"params": self.params, "tokens": series.planned if series.unit == "tokens" else None}
        planned = pl.DataFrame({name: [one] for name, one in end.items() if one is not None})
        key = (series.run, series.metric, *end.values())
        if key not in self._laws:
            self._laws[key] = study_end(study, planned, series.metric, series.run)
        return self._laws[key]

    def _of_logs(self, series: Series, window: float) -> tuple[list[Finished], list[str]]:
        share = window / series.planned
        key = (series.run, series.metric, share)
        if key not in self._runs:
            logs = logs_of(self.like, self.log)
            self._runs[key] = like_runs(logs, series, share, self.wanted)
        return self._runs[key]
