"""The ``scaling`` command: parse, call, print. Verbs are grouped by what a person wants."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

import typer

from scaling.cli import exit_codes
from scaling.cli.commands import folder
from scaling.errors import InputError, as_text
from scaling.extras import missing

app = typer.Typer(
    name="scaling",
    cls=folder(),
    help="Forecast what a training run will reach, from runs that finished.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _app() -> None:
    """The group itself takes no options."""


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


_UNUSABLE = (
    *(FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError),
    PermissionError,
)


def main() -> None:
    """Entry point; errors become one message on standard error and an exit code of `exit_codes`."""
    try:
        with _text_alone("stdout"), _text_alone("stderr"):
            app()
    except InputError as error:
        _end(error, exit_codes.BAD_INPUT)
    except ModuleNotFoundError as error:
        line = missing(error)
        if line is None:
            _fault()
        _end(line, exit_codes.BAD_INPUT)
    except OSError as error:
        # What a person named cannot be used; a full disk stands in the way of anything.
        code = exit_codes.BAD_INPUT if isinstance(error, _UNUSABLE) else exit_codes.NO
        _end(f"{error.filename}: {error.strerror}" if error.filename else str(error), code)
    except Exception as error:
        from scaling.record.versions.ledger import PublishError

        if not isinstance(error, PublishError):
            _fault()
        _end(error, exit_codes.NO)


def _end(message: object, code: int) -> NoReturn:
    print(f"Error: {as_text(str(message))}", file=sys.stderr)
    sys.exit(code)


def _fault() -> NoReturn:
    """The traceback of what nobody foresaw."""
    print(as_text(traceback.format_exc()), end="", file=sys.stderr)
    sys.exit(exit_codes.FAULT)


if __name__ == "__main__":
    main()
