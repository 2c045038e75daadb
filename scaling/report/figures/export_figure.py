"""Write the forecast figure to one file: ``python -m scaling.report.figures.export_figure
OUT.svg|png``.

``--dark`` draws it for a dark background, ``--root`` names the project's folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import vl_convert as vlc

from scaling.errors import InputError
from scaling.report.context import context
from scaling.report.figures.figures import forecast_figure
from scaling.report.read import read
from scaling.report.sections.headline import forecast_panels

_SCALE = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw and write; 2 when an input is wrong."""
    parser = argparse.ArgumentParser(prog="export_figure", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.svg|png")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--root", type=Path, default=Path())
    chosen = parser.parse_args(arguments)
    try:
        export(chosen.out, chosen.root, dark=chosen.dark)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def export(out: Path, root: Path, *, dark: bool = False) -> None:
    """Draw the figure of the project at ``root`` into ``out``.

    Raises:
        InputError: the file's ending is neither .svg nor .png, or an input is missing.
    """
    if out.suffix not in (".svg", ".png"):
        raise InputError("unknown kind of picture", value=out.suffix, allowed=".svg | .png")
    svg = forecast_figure(forecast_panels(context(read(root))), "dark" if dark else "light")
    data = svg.encode() if out.suffix == ".svg" else vlc.svg_to_png(svg, scale=_SCALE)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
