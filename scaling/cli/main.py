"""The ``scaling`` command: parse, call, print. Verbs are grouped by what a person wants."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator

import typer

from scaling.cli.commands import register
from scaling.errors import InputError, as_text
from scaling.extras import missing
from scaling.record.versions.ledger import PublishError

app = typer.Typer(
    name="scaling",
    help="Forecast what a training run will reach, from runs that finished.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


register(app)


class _Shown(io.TextIOWrapper):
    """A standard stream on which names from files are text, whatever characters they hold."""

    def write(self, text: str) -> int:
        # A terminal gets the colours that our own tables have, in lines without foreign controls.
        return super().write(_COLOUR.sub(_plain, text) if self.isatty() else as_text(text))


def _plain(found: re.Match[str]) -> str:
    return found[0] if found[1] is None else as_text(found[1])


# A colour or weight as the library for terminals writes it, or a stretch of anything else.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m|((?:(?!\x1b\[[0-9;]*m).)+)", re.DOTALL)


@contextlib.contextmanager
def _text_alone(name: str) -> Iterator[None]:
    """The standard stream of this name as one that shows text alone, and as it was afterwards."""
    stream = getattr(sys, name)
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        yield
        return
    stream.flush()
    shown = _Shown(buffer, stream.encoding, stream.errors, write_through=True)
    setattr(sys, name, shown)
    try:
        yield
    finally:
        setattr(sys, name, stream)
        with contextlib.suppress(BrokenPipeError):
            shown.detach()


def main() -> None:
    """Entry point: an InputError is one message on standard error and exit code 2; what stands in
    the way of publishing is one message and exit code 1."""
    try:
        with _text_alone("stdout"), _text_alone("stderr"):
            app()
    except InputError as error:
        print(f"Error: {as_text(str(error))}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        line = missing(error)
        if line is None:
            raise
        print(f"Error: {line}", file=sys.stderr)
        sys.exit(2)
    except PublishError as error:
        print(f"Error: {as_text(str(error))}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
