"""Explore forecasts on a page of their own."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import (
    TABLE,
    Json,
    Maps,
    Metric,
    Target,
    WithoutDiverged,
    answer,
    working,
)
from scaling.errors import InputError

PANEL = TABLE


def explore(
    study: Annotated[
        str | None,
        typer.Argument(help="A study, or a table of runs; all studies of the project without."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the page to this .html file instead of serving it.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    target: Target = "loss",
    metric: Metric = None,
    maps: Maps = None,
    without_diverged: WithoutDiverged = False,
    open_page: Annotated[
        bool, typer.Option("--open", help="Also open the page in the browser.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Drag sizes and see loss, interval, cost and thresholds move, on one local page.

    The page computes by itself and needs no network. Its numbers are those of `scaling forecast`.
    """
    from scaling.explore.page import html
    from scaling.explore.page_data import page

    if out is not None and out.suffix != ".html":
        raise InputError("not a file for a page", file=out, allowed="a name that ends in .html")
    with working("Making the page"):
        studies = (
            _table(study, target, metric, maps, without_diverged)
            if _is_file(study)
            else (_stored(study))
        )
        text = html(page(studies, date.today()))
    names = [str(one["name"]) for one in studies]
    if out is not None:
        from scaling.io import atomic

        atomic.write(out, text.encode())
        answer(as_json, {"written": str(out), "studies": names}, [f"wrote {out}"])
        if open_page:
            typer.launch(str(out))
        return
    if as_json:
        raise InputError("nothing to print while serving", allowed="--json with --out")
    _serve(text, port, open_page)


def _is_file(name: str | None) -> bool:
    return name is not None and (Path(name).exists() or Path(name).suffix != "")


def _table(
    name: str | None,
    target: str,
    metric: str | None,
    maps: list[str] | None,
    without_diverged: bool,
) -> list[dict[str, object]]:
    """The model of a table, as the page reads it."""
    from scaling.cli.commands._table import read
    from scaling.explore.page_data import study
    from scaling.forecasting.inputs import check_runs
    from scaling.plan.stored import fitted

    given = read(Path(str(name)), maps).of_metric(metric, target)
    given = given.without_diverged(target, without_diverged)
    with given.placed():
        # A table that a forecast would refuse is refused here, by its row.
        check_runs(given.frame, ("params", "tokens"), target, (), ())
        label = Path(str(name)).name
        sheet = fitted(given.frame, (), label=label, target=target, units=given.units)
    return [study(sheet, 0, target)]


def _stored(name: str | None) -> list[dict[str, object]]:
    """A study of the project, or all of them."""
    from scaling.explore.page_data import study
    from scaling.plan.stored import load, with_runs
    from scaling.report.names import study_titles
    from scaling.runs.studies import load_params

    if name is None and not Path("params.yaml").is_file():
        hint = "Outside of a project give a table: `scaling explore runs.csv`."
        raise InputError("no project here", file="params.yaml", hint=hint)
    params = load_params() if Path("params.yaml").is_file() else {}
    names = sorted(params["studies"]) if name is None else [name]
    seed, titles = int(params.get("seed", 0)), study_titles(params.get("studies", {}))
    return [study(with_runs(load(one)), seed, title=titles.get(one, "")) for one in names]


def _serve(text: str, port: int, open_page: bool) -> None:
    """Serve the page until interrupted."""
    from scaling.explore.serve import server

    try:
        running = server(text, port)
    except OSError as error:
        problem = "the port cannot be used"
        raise InputError(problem, column="--port", value=port, hint=str(error)) from error
    address = f"http://127.0.0.1:{running.server_port}/"
    typer.echo(f"{address} on this machine alone; Ctrl-C ends it.")
    if open_page:
        typer.launch(address)
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        running.server_close()
