"""The ``scaling`` command: parse, call, print. Verbs are grouped by what a person wants."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from scaling.commands import register
from scaling.errors import InputError, counted
from scaling.ledger import PublishError

app = typer.Typer(
    name="scaling",
    help="Forecast what a training run will reach, from runs that finished.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PIPELINE = "Run the pipeline"
TABLE = "Fit and forecast a table of your own"
LOOK = "Look things up"
TRUST = "Publish and verify"

Table = Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL, one row a run.")]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", help="NAME=COLUMN: the table's column for params, tokens, ..."),
]
Target = Annotated[str, typer.Option(help="Column to explain.")]
Metric = Annotated[
    str | None,
    typer.Option(help="Keep the rows of this metric, whose `value` becomes the target."),
]
Seed = Annotated[int, typer.Option(help="Same seed, same numbers.")]


@app.command(rich_help_panel=PIPELINE)
def refit() -> None:
    """Ingest, validate, fit, forecast, report and publish whatever is out of date."""
    from flows.local import main as run

    raise typer.Exit(run())


@app.command(rich_help_panel=TABLE)
def fit(
    runs: Table,
    law: Annotated[str, typer.Option(help="Law family; `scaling laws` lists them.")],
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
    mixed: Annotated[
        list[str] | None,
        typer.Option(help="Column that may mix conventions (metric, schedule_complete, ...)."),
    ] = None,
    resamples: Annotated[int, typer.Option(help="For standard errors; 0 for none.")] = 1000,
    cluster: Annotated[
        str | None, typer.Option(help="Column resampled as one; 'row' for single rows.")
    ] = None,
    seed: Seed = 0,
    check: Annotated[bool, typer.Option(help="Solve once more with SciPy.")] = False,
    profile: Annotated[
        bool, typer.Option(help="Profile intervals too: a parameter without an end is not known.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit one law to a table of runs."""
    from scaling import laws
    from scaling.fit.engine import fit as run
    from scaling.given import read

    family = laws.get(law)
    table = read(runs, maps).of_metric(metric, target)
    _aside(table.repeated())
    with table.placed(), _working(f"Fitting {law}, {resamples} resamples", quiet=as_json):
        made = run(
            table.frame,
            family,
            target=target,
            resamples=resamples,
            cluster=cluster,
            seed=seed,
            check=check,
            profile=profile,
            mixed=mixed or (),
        )
    if as_json:
        from scaling.pipeline.files import canonical

        typer.echo(canonical(made.to_dict()), nl=False)
        return
    from scaling.show import show_fit

    show_fit(made)


@app.command(rich_help_panel=TABLE)
def forecast(
    runs: Table,
    at: Annotated[Path, typer.Option(help="Table of planned runs, with the input columns.")],
    out: Annotated[Path, typer.Option(help="Where to write: .csv, .parquet or .jsonl.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="Input column; repeat for two.")
    ] = None,
    target: Target = "loss",
    quantile: Annotated[
        list[float] | None,
        typer.Option(min=0.0, max=1.0, help="Probability level; repeat for more."),
    ] = None,
    law: Annotated[
        list[str] | None, typer.Option(help="Use only this law; repeat for more.")
    ] = None,
    companion: Annotated[
        list[str] | None,
        typer.Option(
            help="Column (or, with --metric, metric) of the same run that is known further; repeat "
            "for more."
        ),
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    seed: Seed = 0,
) -> None:
    """Forecast planned runs from a table of finished ones, with intervals."""
    from scaling.fit.data import law_inputs
    from scaling.forecast.beside import laws_alone
    from scaling.forecast.engine import (
        LEVELS,
        alone,
        applicable,
        check_companions,
        check_targets,
        decades_beyond,
        usual_inputs,
        with_target,
    )
    from scaling.forecast.engine import forecast as run
    from scaling.given import read
    from scaling.pipeline.files import write_table

    table = read(runs, maps)
    given = table.of_metric(metric, target)
    _aside(given.repeated())
    if metric is not None and companion:
        given = given.beside(companion, table)
    planned = read(at, maps, optional=True)
    targets = planned.frame
    names = tuple(inputs) if inputs else usual_inputs(given.frame, targets)
    check_companions(companion or (), names, law or "auto")
    special = alone(names, law or "auto")
    if special is None:
        applicable(names, law or "auto")
    with planned.placed():
        if special is None:
            check_targets(targets, names)
        elif special.bind is None:
            law_inputs(targets, special, to_fit=False)
    with given.placed(), _working(f"Forecasting {counted(targets.height, 'target')}"):
        made = run(
            given.frame,
            targets,
            inputs=names,
            target=target,
            quantiles=quantile or LEVELS,
            laws=law or "auto",
            companions=companion or (),
            seed=seed,
        )
    write_table(out, made)
    typer.echo(
        f"{counted(made.height, 'quantile')} of {counted(targets.height, 'target')} -> {out}"
    )
    from scaling.show_forecast import show_forecast

    frame = with_target(given.frame, target) if companion else given.frame
    beyond = None if special is not None else decades_beyond(frame, targets, names)
    both = beyond is not None and not law and len(names) < 3
    beside = laws_alone(frame, targets, names, target) if both else {}
    show_forecast(made, targets, names, beyond, beside)


@app.command(rich_help_panel=LOOK)
def laws(
    name: Annotated[str | None, typer.Argument(help="One law, in full.")] = None,
    table: Annotated[
        Path | None, typer.Option("--for", help="Say which laws apply to this table of runs.")
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
) -> None:
    """List the law families, show one in full, or say which apply to a table and why not."""
    from scaling import show

    if table is not None:
        from scaling.given import read

        given = read(table, maps).of_metric(metric, target)
        with given.placed():
            show.show_applicable(given.frame, target, name)
    elif name is None:
        show.show_laws()
    else:
        show.show_law(name)


@app.command(rich_help_panel=LOOK)
def sources(
    name: Annotated[str | None, typer.Argument(help="One source, in full.")] = None,
) -> None:
    """List the data sets of the library, or show one in full."""
    from scaling.show import show_source, show_sources

    show_sources() if name is None else show_source(name)


@app.command(rich_help_panel=TRUST)
def publish(
    corrects: Annotated[str | None, typer.Option(help="Version that this one corrects.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is corrected.")] = None,
    tag: Annotated[
        bool, typer.Option("--tag", help="Also tag every version that is committed to Git.")
    ] = False,
    redact: Annotated[
        bool, typer.Option("--redact", help="Also make the edition without internal runs.")
    ] = False,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="The edition keeps internal forecasts back too.")
    ] = False,
    secret: Annotated[Path | None, typer.Option(help="File with the edition's secret.")] = None,
) -> None:
    """Publish the current report as an immutable version (refit does this by itself)."""
    from flows.alone import alone
    from scaling.audit import secret as secrets
    from scaling.publish import publish as run

    if (sealed or secret) and not redact:
        raise InputError("--sealed and --secret are about an edition", allowed="with --redact")
    salt = secrets.read(secret, Path()) if redact else None
    # Not while a refit writes what is to be published.
    with alone(Path().resolve()):
        made = run(Path(), corrects=corrects, reason=reason)
    typer.echo(made.sentence)
    if salt is not None:
        from scaling.audit.redact import FOLDER, write
        from scaling.audit.redact import redact as edition_of

        edition = edition_of(Path(), made.version, salt, sealed=sealed)
        folder = write(edition, Path("reports") / FOLDER)
        typer.echo(f"redacted edition {edition.id}\n{folder}")
    if tag:
        from scaling.tags import tag_versions

        for line in tag_versions(Path()):
            typer.echo(line)


@app.command(rich_help_panel=TRUST)
def verify(
    edition: Annotated[
        Path | None, typer.Argument(help="Folder of a redacted edition, to check it alone.")
    ] = None,
    disclosed: Annotated[
        Path | None, typer.Option(help="Proof that something belongs to the edition.")
    ] = None,
    full: Annotated[
        Path | None, typer.Option(help="Folder of the full version, to compare with.")
    ] = None,
) -> None:
    """Check every published version, or one redacted edition with nothing else at hand.

    Inputs that are not as Git has them are named too.
    """
    if edition is not None:
        from scaling.show_edition import verified

        problems, good = verified(edition, disclosed, full)
    elif disclosed or full:
        raise InputError("which edition?", allowed="the folder of a redacted edition")
    else:
        from scaling.audit.edition import check_all
        from scaling.audit.inputs import changed
        from scaling.publish import verify as run

        for line in changed(Path()):
            typer.echo(line, err=True)
        problems, good = run(Path()) + check_all(Path()), ["Every published version is whole."]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("\n".join(good))


def _aside(text: str | None) -> None:
    """A remark on standard error."""
    if text:
        typer.echo(text, err=True)


def _working(text: str, *, quiet: bool = False) -> Any:
    """A spinner on standard error while something long runs; nothing when piped."""
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    return console.status(text)


register(app)


def main() -> None:
    """Entry point: an InputError is one message on standard error and exit code 2; what stands in
    the way of publishing is one message and exit code 1."""
    try:
        app()
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except PublishError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
