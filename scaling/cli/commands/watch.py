"""The forecast of a run's end while it trains."""

from __future__ import annotations

import json
import re
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
    from scaling.watch.across import Across
    from scaling.watch.journal import Journal
    from scaling.watch.watcher import Look, Watcher

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
    from scaling.watch.journal import Journal
    from scaling.watch.remaining import hardware
    from scaling.watch.source import Wanted, maps_of
    from scaling.watch.watcher import Question, Watcher

    wanted = Wanted(run, metric, steps, tokens, maps_of(maps or ()), read_options())
    given = {"price": price, "power": power, "pue": pue}
    by = None if chips is None else hardware(chip, given)
    place, folder, name, fetch = _source(log, experiment, out)
    across = _across(study, study_metric, params, like or ())
    if across is not None:
        across = replace(across, log=place, wanted=wanted)
    question = Question(beat, gain, smooth, schedule, chips, by, alert_after, ended, across)
    with Journal(folder).held() as journal:
        if out is None:
            _refuse_another(name, journal)
        watcher = Watcher(place, wanted, question, journal, name, fetch)
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
    from scaling.cli.commands._table import study_runs
    from scaling.watch.across import Across

    if metric is not None and study is None:
        raise InputError("--study-metric is of --study", value=metric, allowed="--study TABLE")
    if study is None and not like:
        if params is not None:
            allowed = "--study TABLE, or --like LOGS"
            raise InputError("--params is for other runs", value=params, allowed=allowed)
        return None
    runs = None if study is None else study_runs(Path(study), metric)
    return Across(runs, params, tuple(like))


def _source(
    log: str, experiment: str | None, out: Path | None
) -> tuple[Path, Path, str, Callable[[], object] | None]:
    """What is read, the folder of the record, what the log is called there, and for a server what
    brings its file up to date."""
    from scaling.watch.source import local

    if not log.startswith(("http://", "https://")):
        place = local(log)
        if experiment is not None:
            raise InputError(
                "--experiment is of an MLflow server", value=log, allowed="https://HOST[:PORT]"
            )
        return place, out or _folder(place), str(place), None
    if experiment is None:
        raise InputError("which experiment?", value="none", allowed="--experiment NAME")
    from scaling.runs.servers._rest import Rest
    from scaling.runs.servers.mlflow import pull

    plain = re.sub(r"[^\w.-]+", "-", experiment).strip(".-") or "mlflow"
    folder = out or _folder(Path(plain))
    place, name = folder / f"{plain}.db", f"{Rest(log, {}).address}, experiment {experiment}"
    return place, folder, name, lambda: pull(log, experiment, place)


def _folder(log: Path) -> Path:
    """Where the record of a log is kept, if the person does not say."""
    from scaling.workspace.root import find

    name = log.absolute().stem
    if find(Path.cwd()) is not None:
        return Path("reports", "watch", f"{log.absolute().parent.name}-{name}")
    return Path(f"{name}.watch")


def _refuse_another(log: str, journal: Journal) -> None:
    """A folder that was not chosen may have the record of another log of that name."""
    before = journal.rows[-1].get("log") if journal.rows else None
    if before is not None and before != log:
        raise InputError(
            "its folder has the forecasts of another log",
            file=journal.folder,
            value=before,
            allowed=f"{log}, or a folder of its own: --out FOLDER",
        )


def _follow(watcher: Watcher, every: float, plot: Path | None, as_json: bool) -> Look:
    """Look until the run ends."""
    from scaling.watch.watcher import ENDED, STOPPED, pause

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

    from scaling.watch.text import line, lines

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
        from scaling.watch.text import facts, line, score_lines

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
    from scaling.watch.text import facts, lines

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
        from scaling.watch.alert import announce

        remark(announce())


def _code(look: Look) -> int:
    from scaling.watch.text import answered

    return exit_codes.OK if answered(look) else exit_codes.NO
