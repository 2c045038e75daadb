"""What verbs share: the panels of ``scaling --help`` in their order, options, and printing."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scaling.cli import exit_codes
from scaling.errors import InputError, as_text

if TYPE_CHECKING:
    from scaling.runs.formats import ReadOptions

PIPELINE = "Run the pipeline"
TABLE = "Fit and forecast your own table"
ASK = "Analyse a table of runs"
JUDGE = "Check a fit"
PLAN = "Plan"
TRUST = "Publish and verify"
GOVERN = "Compute governance"
LOOK = "Look up laws and data"
# What messages call the table that comes from there.
STANDARD_INPUT = Path("standard input")
PANELS = (PIPELINE, TABLE, ASK, JUDGE, PLAN, TRUST, GOVERN, LOOK)


def counted(ours: str, option: str) -> Callable[[str], float]:
    """The parser of an option that is a value of the column ``ours``: 8e9, 8B, 30:1."""

    def parse(text: str) -> float:
        from scaling.runs.counts import count

        try:
            return count(text, ours, place=option)
        except InputError as error:
            # Typer would fold a ValueError into a frame of its own.
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(exit_codes.BAD_INPUT) from error

    return parse


PARAMS, TOKENS = counted("params", "--params"), counted("tokens", "--tokens")
FLOPS = counted("flops", "--flops")
LIKE_PARAMS = counted("params", "--like-params")
# Tokens of a model's use, or of a sequence, may be few.
READ, WRITE = counted("context", "--read"), counted("context", "--write")
CONTEXT, VOCABULARY = counted("context", "--context"), counted("context", "--vocabulary")

Table = Annotated[
    Path,
    typer.Argument(
        help="Table of runs, log or tracker's file, one row per run or result; - for standard "
        "input; or a study's name."
    ),
]
Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="NAME=COLUMN[:UNIT]: the column that holds params, tokens, ..., and its unit (M, B; 1 "
        "for none; perplexity of a loss); repeat.",
    ),
]
Metric = Annotated[
    str | None, typer.Option(help="Keep only the rows of this metric; `value` holds the numbers.")
]
Target = Annotated[str, typer.Option(help="Column to predict.")]
Score = Annotated[str, typer.Option(help="Column of the score or quantity.")]
Scale = Annotated[str, typer.Option(help="Column of the scale: flops, params, ...")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", help="Input column, numbers or groups; repeat for more."),
]
Mixed = Annotated[
    list[str] | None,
    typer.Option(help="Column that may mix conventions (metric, schedule_complete, ...); repeat."),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        help="Learning rate along one run: cosine:floor=10%,end=24000, linear, wsd:decay=20%, "
        "constant, points:0=3e-4,20000=3e-4,24000=0; lengths in the unit of the input. Default: "
        "the one that a column such as lr logs; none reads none."
    ),
]
Planned = Annotated[
    Path | None, typer.Option(help="Table of planned runs whose predictions are shown too.")
]
Study = Annotated[
    str | None,
    typer.Option(
        help="Table of finished runs of the recipe, or a study's name: its law also forecasts the "
        "run whose curve the table has (--params and --tokens of its end)."
    ),
]
Partial = Annotated[
    Path | None,
    typer.Option(
        "--partial",
        help="Table of curves (columns run, tokens or step, and the target) of runs under way, "
        "whose planned end is a row without a result in the table of runs. They enter with their "
        "forecast end, the less the wider that is.",
    ),
]
WithoutDiverged = Annotated[
    bool,
    typer.Option(
        "--without-diverged",
        help="Leave out runs whose target turns NaN or infinite, or ends above its first value.",
    ),
]
BudgetColumn = Annotated[
    str | None,
    typer.Option(
        help="Column that names the compute budget of each row, for isoFLOP laws. Default: rows "
        "whose compute agrees."
    ),
]
OneLaw = Annotated[str, typer.Option(help="Law family; `scaling laws` lists them.")]
_READING = "How the file is read"
# Options of every verb that has --map: parameter -> option.
READ_OPTIONS: dict[str, Any] = {
    "sheet": Annotated[
        str | None, typer.Option(help="Sheet of a workbook.", rich_help_panel=_READING)
    ],
    "header": Annotated[
        str | None,
        typer.Option(
            help="Number of the line that names the columns, or 'none'.", rich_help_panel=_READING
        ),
    ],
    "decimal": Annotated[
        str | None,
        typer.Option(help="Sign before decimals: ',' or '.'.", rich_help_panel=_READING),
    ],
    "date_format": Annotated[
        str | None,
        typer.Option(
            help="Format of days that are not YYYY-MM-DD, such as %d/%m/%Y.",
            rich_help_panel=_READING,
        ),
    ],
}
_given: ContextVar[dict[str, Any]] = ContextVar("read options", default={})  # noqa: B039
# The table of runs and that of planned runs, where a verb takes both.
_tables: ContextVar[tuple[Path | None, Path | None]] = ContextVar("tables", default=(None, None))
Level = Annotated[float, typer.Option(help="Probability of the intervals.")]
Resamples = Annotated[
    int, typer.Option(min=0, help="Bootstrap resamples, for intervals; 0 for none.")
]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Registry = Annotated[Path, typer.Option(help="Folder of the threshold registry.")]
Entered = Annotated[
    str | None,
    typer.Option(help="Use only what this registry had on this day. Default: all that it has."),
]
StaleAfter = Annotated[
    int,
    typer.Option(
        min=1,
        help="Days after which a rule's newest source is called old. 180: more than half of the "
        "registry's changes of status followed the one before within that time.",
    ),
]
Secret = Annotated[Path | None, typer.Option(help="File that holds the edition's secret.")]
Certificate = Annotated[
    Path | None,
    typer.Option(
        help="Root certificate (PEM) that verifies timestamps. Default: "
        "audit.timestamps.certificate of params.yaml."
    ),
]
Flows = Annotated[
    bool,
    typer.Option(
        "--flows", help="Write flows and their schedule (prefect.yaml), which you may edit."
    ),
]
Wheel = Annotated[
    Path | None,
    typer.Option(help="Wheel of the installed engine, for DVC to keep. Default: looked for."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def with_read_options(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb with `READ_OPTIONS` beside its own, which `read_options` then gives."""
    signature = inspect.signature(verb, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
        for name, option in READ_OPTIONS.items()
    ]

    @functools.wraps(verb)
    def run(**arguments: Any) -> None:
        given = {name: arguments.pop(name) for name in READ_OPTIONS}
        token = _given.set({name: value for name, value in given.items() if value is not None})
        tables = _tables.set((arguments.get("runs"), arguments.get("at")))
        try:
            verb(**arguments)
        finally:
            _given.reset(token)
            _tables.reset(tables)

    parameters = [*signature.parameters.values(), *added]
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def read_options() -> ReadOptions:
    """How the person says that the table is to be read; what is assumed goes to standard error."""
    from scaling.runs.formats import ReadOptions

    return ReadOptions(**_given.get())


def tables() -> tuple[Path | None, Path | None]:
    """The table of runs and that of planned runs, as the verb that runs was given them."""
    return _tables.get()


@contextmanager
def from_standard_input(path: Path) -> Iterator[Path]:
    """The file, or for - a temporary one with what comes from standard input.

    Raises:
        InputError: nothing comes, or an error inside, which speaks of standard input then.
    """
    if path != Path("-"):
        yield path
        return
    from scaling.runs.formats import ending_of

    data = sys.stdin.buffer.read()
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        file = Path(folder, f"standard-input{ending_of(data)}")
        file.write_bytes(data)
        try:
            yield file
        except InputError as error:
            raise (error if error.file != file else error.about(STANDARD_INPUT)) from None


def _chart_file(path: Path | None) -> Path | None:
    """Refuse a file that no chart is written to before anything is computed."""
    if path is not None and path != TERMINAL:
        from scaling.charts import check

        check(path)
    return path


# The name of the terminal, as a file of a chart.
TERMINAL = Path("-")
Plot = Annotated[
    Path | None,
    typer.Option(
        "--plot",
        callback=_chart_file,
        help="Write a chart: .html, which needs no network, .svg or .png; - for the terminal.",
    ),
]
Open = Annotated[
    bool,
    typer.Option(
        "--open", help="Show the chart in a browser; without --plot from a temporary file."
    ),
]


def draw(result: Any, path: Path | None, opened: bool) -> None:
    """The chart of a result as a file, in the terminal or in a browser, where that is asked for.

    Raises:
        InputError: nothing to draw.
    """
    if path is None and not opened:
        return
    from scaling import charts

    made = charts.chart(result)
    if path == TERMINAL:
        from scaling.charts.terminal import text

        typer.echo(text(made))
        path = None
        if not opened:
            return
    if path is None:
        import tempfile

        path = Path(tempfile.mkdtemp(prefix="scaling-")) / "chart.html"
    charts.write(made, path)
    remark(f"Chart -> {path}")
    if opened:
        open_page(path)


def open_page(path: Path) -> None:
    """Open a file in the browser."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        remark("No browser here: open that file in one.")


def day_of(text: str | None, option: str, default: date) -> date:
    """A day given on the command line. Raises InputError."""
    try:
        return default if text is None else date.fromisoformat(text)
    except ValueError:
        allowed = "YYYY-MM-DD"
        raise InputError("is not a date", column=option, value=text, allowed=allowed) from None


def print_json(value: object) -> None:
    """Print a value as JSON; days and times as ISO 8601."""
    from scaling.io.json_files import json_text

    typer.echo(json_text(_dated(value)), nl=False)


def _dated(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _dated(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_dated(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def answer(as_json: bool, facts: Mapping[str, Any], lines: Iterable[str]) -> None:
    """Print the facts as JSON, or what a person reads of them, a line each."""
    if as_json:
        print_json(facts)
        return
    for line in lines:
        typer.echo(line)


def print_finding(found: Any, as_json: bool) -> None:
    """Print what an analysis found: its sentence, or all of it as JSON."""
    if as_json:
        facts = asdict(found) | {"sentence": found.sentence}
        lists = {key: one.tolist() for key, one in facts.items() if hasattr(one, "tolist")}
        print_json(facts | lists)
    else:
        typer.echo(found.sentence)
        typer.echo("A test of these columns alone; it reads neither a law nor the study's model.")


def remark(text: str | None) -> None:
    """A remark on standard error."""
    if text:
        typer.echo(text, err=True)


@contextlib.contextmanager
def working(text: str, *, quiet: bool = False) -> Iterator[None]:
    """What long work does, how far it is and how long it has taken, on a terminal's standard error;
    nothing when piped, or with ``quiet``."""
    # The stream itself: what `main` puts in its place shows a terminal's commands as text.
    stream = sys.__stderr__
    if quiet or stream is None or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from scaling.io.progress import watched

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Progress(*columns, TimeElapsedColumn(), console=Console(file=stream), transient=True)
    with bar:
        task = bar.add_task(escape(as_text(text)), total=None)
        with watched(lambda done, total: bar.update(task, completed=done, total=total)):
            yield


def outcome(work: Callable[[], int], as_json: bool) -> int:
    """The exit code of what prints its own progress; with JSON that is the lines of an object."""
    if not as_json:
        return work()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = work()
    print_json({"exit_code": code, "messages": printed.getvalue().splitlines()})
    return code
