"""`scaling.watch`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling.api._table import study_table
from scaling.errors import InputError
from scaling.frames import Table
from scaling.io.notebook import Drawn, html_table, markdown_table
from scaling.plan.costs import CHIP
from scaling.runs.counts import count
from scaling.watching.across import Across
from scaling.watching.journal import Journal
from scaling.watching.place import place_of
from scaling.watching.progress import GAIN
from scaling.watching.remaining import hardware
from scaling.watching.source import Wanted, maps_of
from scaling.watching.text import facts, lines
from scaling.watching.watcher import Look, Question, Watcher
from scaling.workspace.root import find

if TYPE_CHECKING:
    import altair as alt
    import polars as pl


@dataclass(frozen=True, repr=False)
class Watched(Drawn):
    """A look at a run under way.

    Attributes:
        look: what it found: state, progress, remaining, score, notes.
        record: the folder to which its forecast was added.
        rows: of the record, a forecast each.
    """

    look: Look
    record: Path
    rows: tuple[dict[str, Any], ...] = ()

    def __str__(self) -> str:
        return "\n".join(lines(self.look))

    def __repr__(self) -> str:
        return str(self)

    @property
    def state(self) -> str:
        """Waiting (nothing to forecast yet), running, ended, or stopped before its end."""
        return self.look.state

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen or assumed."""
        return self.look.notes

    @property
    def quantiles(self) -> dict[float, float]:
        """Quantiles of the end by their levels; empty where there is no forecast."""
        made = self.look.progress
        return {} if made is None else dict(made.quantiles)

    def plot(self, part: str | None = None) -> alt.TopLevelMixin:
        """The curve so far and the intervals of its end.

        Raises:
            InputError: there is no forecast, or no such panel.
        """
        from scaling.charts import chart

        if self.look.progress is None:
            why = self.look.why or f"the run has {self.state}"
            raise InputError("nothing to draw", value=why, allowed="a run with a forecast")
        found: alt.TopLevelMixin = chart(self.look.progress, part)
        return found

    def to_dict(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        return facts(self.look)

    def to_frame(self) -> pl.DataFrame:
        """A row a forecast of the record, the newest last: time, step, share, quantiles."""
        import polars as pl

        return pl.DataFrame(list(self.rows), infer_schema_length=None)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return html_table(("Run under way",), [(line,) for line in lines(self.look)])

    def _repr_markdown_(self) -> str:
        """The same in Markdown."""
        rows = [(line,) for line in lines(self.look)]
        return "\n".join(markdown_table(("Run under way",), rows))


def watch(
    log: str | os.PathLike[str],
    steps: float | None = None,
    *,
    tokens: float | str | None = None,
    beat: float | None = None,
    metric: str | None = None,
    run: str | None = None,
    maps: Mapping[str, str] | None = None,
    smooth: float | None = None,
    schedule: str | None = None,
    study: Table = None,
    study_metric: str | None = None,
    params: float | str | None = None,
    like: Sequence[str | os.PathLike[str]] = (),
    gain: float = GAIN,
    chips: float | None = None,
    chip: str = CHIP,
    price: str | None = None,
    power: str | None = None,
    pue: str | None = None,
    ended: bool = False,
    alert_after: float = 24.0,
    experiment: str | None = None,
    out: str | os.PathLike[str] | None = None,
) -> Watched:
    """Look once at a run that trains and forecast its end, as ``scaling watch --once`` does.

    The forecast is added to the record, as on the command line; call it again for a new look. No
    alert is sent.

    Args:
        log: log, tracker's file or folder, or MLflow URI.
        steps, tokens: where the run ends; None for what the log says.
        beat: a loss to end at or below.
        metric: loss to forecast; None for the evaluation, else the training loss.
        run: its name, where the log has several.
        maps: step, tokens, lr or wall_time to the log's name for it, or a product, ``step*2048``.
        smooth: steps or tokens over which the loss is averaged, 0 for none; None for 1 % of the run
            of a training loss, none of an evaluation.
        schedule: of the learning rate, such as "cosine:floor=10%".
        study: finished runs of the recipe, whose law also forecasts the end; ``study_metric`` where
            the table has several.
        params: of the run, for study and like.
        like: logs, tables or folders of finished runs of the recipe, whose shape the curve takes.
        gain: part of the loss that tells a plateau.
        chips, chip, price, power, pue: for energy and money left, bands as "MID" or "LOW,MID,HIGH".
        ended: whether the run has ended: its forecasts are scored.
        alert_after: hours after which an end that left its interval is said.
        experiment: of an MLflow server.
        out: folder of the record; None for reports/watch/LOG in a workspace, else LOG.watch.

    Raises:
        InputError: a log that cannot be read or is not there, something that has to be said, or an
            argument out of range.
    """
    bands = {"price": price, "power": power, "pue": pue}
    by = None if chips is None else hardware(chip, bands)
    seen = None if tokens is None else count(tokens, "tokens", place="tokens")
    named = maps_of([f"{name}={one}" for name, one in (maps or {}).items()])
    wanted = Wanted(run, metric, steps, seen, named)
    folder = None if out is None else Path(out)
    place = place_of(os.fspath(log), experiment, folder, find(Path.cwd()) is not None)
    across, said = None, list[str | None]()
    if study is not None or like:
        known = None if study is None else study_table(study, said.append, study_metric)
        size = None if params is None else count(params, "params", place="params")
        across = Across(known, size, tuple(Path(one) for one in like), place.file, wanted)
    elif params is not None or study_metric is not None:
        allowed = "study=TABLE, or like=LOGS"
        raise InputError("params and study_metric are of other runs", allowed=allowed)
    question = Question(beat, gain, smooth, schedule, chips, by, alert_after, ended, across)
    with Journal(place.record).held() as journal:
        place.refuse_another(journal)
        watcher = Watcher(place.file, wanted, question, journal, place.name, place.fetch)
        look = watcher.look(patient=False)
        look = replace(look, notes=(*filter(None, said), *look.notes))
        return Watched(look, place.record, tuple(journal.rows))
