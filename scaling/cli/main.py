"""The ``scaling`` command: parse, call, print. Verbs are grouped by what a person wants."""

from __future__ import annotations

import sys

import typer

from scaling.cli.commands import register
from scaling.errors import InputError
from scaling.record.versions.ledger import PublishError

app = typer.Typer(
    name="scaling",
    help="Forecast what a training run will reach, from runs that finished.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


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
