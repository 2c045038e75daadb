"""Other runs that inform the end of one under way: the law of its study."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from scaling.forecasting.pooled import Opinion
from scaling.forecasting.study_end import Study, study_end
from scaling.runs.schedules import Schedule
from scaling.watch.series import Curve, Series


@dataclass(frozen=True)
class Across:
    """What is named beside a log.

    Attributes:
        study: finished runs whose law forecasts the end; None for none.
        params: of the run under way; None where it is not said.
    """

    study: Study | None = None
    params: float | None = None
    _known: dict[tuple[object, ...], tuple[Opinion, list[str]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def opinions(
        self, series: Series, curve: Curve, schedule: Schedule | None
    ) -> tuple[list[Opinion], list[str]]:
        """What each source says of the end of the curve, and what a reader must know.

        Raises:
            InputError: what a source needs is not said, or it is of another quantity.
        """
        if self.study is None:
            return [], []
        made, notes = self._of_study(self.study, series)
        return [made], [one.removesuffix(".") for one in notes]

    def _of_study(self, study: Study, series: Series) -> tuple[Opinion, list[str]]:
        """The study's forecast, which stays as it is while the run goes on."""
        end = {"params": self.params, "tokens": series.planned if series.unit == "tokens" else None}
        planned = pl.DataFrame({name: [one] for name, one in end.items() if one is not None})
        key = (series.run, series.metric, *end.values())
        if key not in self._known:
            self._known[key] = study_end(study, planned, series.metric, series.run)
        return self._known[key]
