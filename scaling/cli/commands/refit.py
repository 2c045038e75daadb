"""Run the pipeline now."""

from __future__ import annotations

import typer

from scaling.cli.commands._options import PIPELINE, Json, outcome

PANEL = PIPELINE


def refit(as_json: Json = False) -> None:
    """Ingest, validate, fit, forecast, report and publish whatever is out of date."""
    from scaling.orchestration.run_local import main as run

    raise typer.Exit(outcome(run, as_json))
