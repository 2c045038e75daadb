"""The forecast of a run's end while it trains."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import (
    PARAMS,
    TABLE,
    TOKENS,
    Json,
    Open,
    Plot,
    draw,
    print_json,
    read_options,
    remark,
)
from scaling.errors import InputError, as_text

if TYPE_CHECKING:
    from scaling.watching.across import Across
    from scaling.watching.watcher import Look, Watcher

PANEL = TABLE


def watch(
    log: Annotated[
        str,
        typer.Argument(
            help="Log, tracker's file or folder, or MLflow URI (file:, sqlite:, https:); it may "
            "not be there yet."
        ),
    ],
    experiment: Annotated[
        str | None, typer.Option(help="Experiment to watch on an MLflow server.")
    ] = None,
    steps: Annotated[
        float | None, typer.Option(help="Steps at which the run ends. Default: as the log says.")
    ] = None,
    tokens: Annotated[
        float | None,
        typer.Option(parser=TOKENS, help="Tokens at which it ends, instead of steps."),
    ] = None,
    beat: Annotated[float | None, typer.Option(help="Loss to end at or below.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="Loss to forecast. Default: the evaluation, else the loss.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Run, where the log has several.")] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="NAME=COLUMN for step, tokens, lr or wall_time (Unix seconds), or a product: "
            "tokens=step*2048; repeat.",
        ),
    ] = None,
    smooth: Annotated[
        float | None,
        typer.Option(
            help="Steps or tokens over which the loss is averaged, 0 for none. Default: 1 % of the "
            "run of a training loss, none of an evaluation."
        ),
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="Learning-rate schedule, such as cosine:floor=10%.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            help="Table of finished runs of the recipe, or a study's name: its law also forecasts "
            "the end."
        ),
    ] = None,
    study_metric: Annotated[
        str | None, typer.Option(help="Metric of the study's table, where it has several.")
    ] = None,
    params: Annotated[
        float | None, typer.Option(parser=PARAMS, help="Params of the run, for --study and --like.")
    ] = None,
    like: Annotated[
        list[Path] | None,
        typer.Option(
            help="Log, table or folder of logs of finished runs of the recipe, whose shape also "
            "forecasts the end; repeat."
        ),
    ] = None,
    gain: Annotated[
        float,
        typer.Option(
            help="Part of the loss that tells a plateau: twice the steps would rather not gain it."
        ),
    ] = 0.01,
    chips: Annotated[
        float | None, typer.Option(help="Chips of the run, for energy and money left.")
    ] = None,
    chip: Annotated[
        str, typer.Option(help="Name in data/thresholds/chips.csv; not needed with --power.")
    ] = "NVIDIA H100 SXM5 80GB",
    price: Annotated[
        str | None, typer.Option(help="USD per chip hour; MID or LOW,MID,HIGH.")
    ] = None,
    power: Annotated[str | None, typer.Option(help="W per chip, with its share of the server.")] = (
        None
    ),
    pue: Annotated[
        str | None, typer.Option(help="Power usage effectiveness of the data centre.")
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 60.0,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and end, for cron and CI.")
    ] = False,
    ended: Annotated[
        bool, typer.Option("--ended", help="The run has ended: score its forecasts.")
    ] = False,
    alert_after: Annotated[
        float,
        typer.Option(min=0.0, help="Hours after which an end that left its interval is an alert."),
    ] = 24.0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the record. Default: reports/watch/LOG in a workspace, else LOG.watch."
        ),
    ] = None,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Forecast the end of a run while it trains, from its log as it grows.

    Each look prints the end with its interval, plateaus, spikes and what is left, and appends to
    the record. When the run ends, what stood at 25, 50, 75 and 95 % is scored. Ctrl-C ends it; the
    same command goes on.
    """
    from scaling.watching.journal import Journal
    from scaling.watching.place import place_of
    from scaling.watching.remaining import hardware
    from scaling.watching.source import Wanted, maps_of
    from scaling.watching.watcher import Question, Watcher
    from scaling.workspace.root import find

    wanted = Wanted(run, metric, steps, tokens, maps_of(maps or ()), read_options())
    given = {"price": price, "power": power, "pue": pue}
    by = None if chips is None else hardware(chip, given)
    place = place_of(log, experiment, out, find(Path.cwd()) is not None)
    across = _across(study, study_metric, params, like or ())
    if across is not None:
        across = replace(across, log=place.file, wanted=wanted)
    question = Question(beat, gain, smooth, schedule, chips, by, alert_after, ended, across)
    with Journal(place.record).held() as journal:
        place.refuse_another(journal)
        watcher = Watcher(place.file, wanted, question, journal, place.name, place.fetch)
        if once:
            look = watcher.look(patient=False)
            _shown(look, plot, as_json)
        else:
            look = _follow(watcher, every, plot, as_json)
    if opened and look.progress is not None:
        draw(look.progress, None, opened)
    raise typer.Exit(_code(look))


def _across(
    study: str | None, metric: str | None, params: float | None, like: Sequence[Path]
) -> Across | None:
    """The other runs that are named; None where there are none.

    Raises:
        InputError: an option that nothing would read, or a table that cannot be read.
    """
    from scaling.cli.commands._table import read
    from scaling.forecasting.study_end import finished_runs
    from scaling.watching.across import Across

    if metric is not None and study is None:
        raise InputError("--study-metric is of --study", value=metric, allowed="--study TABLE")
    if study is None and not like:
        if params is not None:
            allowed = "--study TABLE, or --like LOGS"
            raise InputError("--params is for other runs", value=params, allowed=allowed)
        return None
    runs = None if study is None else finished_runs(study, read(Path(study)), metric)
    return Across(runs, params, tuple(like))


def _follow(watcher: Watcher, every: float, plot: Path | None, as_json: bool) -> Look:
    """Look until the run ends."""
    from scaling.watching.watcher import ENDED, STOPPED, pause

    with _screen(plot, as_json) as show:
        while True:
            look = watcher.look()
            show(look)
            if look.state in (ENDED, STOPPED):
                return look
            time.sleep(pause(every, watcher.seconds))


@contextmanager
def _screen(plot: Path | None, as_json: bool) -> Iterator[Callable[[Look], None]]:
    """What shows a look: a block that is drawn anew on a terminal, else a line where it is new."""
    stream = sys.__stdout__
    if as_json or stream is None or not sys.stdout.isatty():
        yield _Plain(plot, as_json).show
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from scaling.watching.text import line, lines

    shown: set[str] = set()
    with Live(console=Console(file=stream), auto_refresh=False) as live:

        def block(look: Look) -> None:
            text = as_text("\n".join([f"{look.time} {look.state}", *lines(look)]))
            live.update(Text(text), refresh=True)
            if line(look) not in shown:
                shown.add(line(look))
                _after(look, plot)

        yield block


class _Plain:
    """Prints each new look in a line, or as a line of JSON; notes on standard error, once."""

    def __init__(self, plot: Path | None, as_json: bool) -> None:
        self.plot, self.as_json = plot, as_json
        self.shown: set[str] = set()

    def show(self, look: Look) -> None:
        """Print the look, where it is new."""
        from scaling.io.json_files import json_text
        from scaling.watching.text import facts, line, score_lines

        for note in (f"{one}." for one in look.notes):
            if note not in self.shown:
                self.shown.add(note)
                remark(note)
        if line(look) in self.shown:
            return
        self.shown.add(line(look))
        if self.as_json:
            typer.echo(json.dumps(json.loads(json_text(facts(look)))))
        else:
            for text in (line(look), *score_lines(look)):
                typer.echo(text)
        _after(look, self.plot)


def _shown(look: Look, plot: Path | None, as_json: bool) -> None:
    """Print all of one look."""
    from scaling.watching.text import facts, lines

    if as_json:
        print_json(facts(look))
    else:
        for text in lines(look):
            typer.echo(text)
    _after(look, plot)


def _after(look: Look, plot: Path | None) -> None:
    """The chart of a new look, and its alert."""
    if plot is not None and look.progress is not None:
        draw(look.progress, plot, False)
    if look.news:
        import scaling.orchestration.environment  # noqa: F401  settings of Prefect, before it
        from scaling.watching.alert import announce

        remark(announce())


def _code(look: Look) -> int:
    from scaling.watching.text import answered

    return exit_codes.OK if answered(look) else exit_codes.NO
