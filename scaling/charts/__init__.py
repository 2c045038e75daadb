"""Altair charts of results: one file a kind of result, each a map of panels.

`chart` draws what ``result.plot()`` and ``--plot`` show, `write` makes a file of it. A panel is a
function of the result that returns a chart, or None where the result has nothing for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from scaling.errors import InputError, nearest
from scaling.io import atomic

Panel = Callable[[Any], Any]

# Class of a result -> the file of its panels; a subclass has those of its class.
HOMES = {
    "Fit": "fit",
    "Forecast": "forecast",
    "Backtest": "backtest",
    "Exponents": "exponents",
    "Comparison": "comparison",
    "Discovery": "discovery",
    "Answer": "plan",
    "Version": "version",
    "Progress": "watch",
}
SUFFIXES = (".html", ".svg", ".png")
# Pixels of a PNG for one of the chart.
PNG_SCALE = 2.0


def panels_of(result: Any) -> Mapping[str, Panel]:
    """The panels of a result by name.

    Raises:
        InputError: it is no result that is drawn.
    """
    for kind in type(result).__mro__:
        if kind.__name__ in HOMES:
            found: Mapping[str, Panel] = importlib.import_module(
                f"scaling.charts.{HOMES[kind.__name__]}"
            ).PANELS
            return found
    raise InputError("no chart of this", value=type(result).__name__, allowed=", ".join(HOMES))


def chart(result: Any, part: str | None = None) -> Any:
    """One panel of a result, or all that it has, two in a row.

    Raises:
        InputError: no such panel, or nothing to draw.
    """
    import altair as alt

    from scaling.charts._marks import styled

    panels = panels_of(result)
    if part is not None and part not in panels:
        raise InputError(
            "no such panel", value=part, allowed=", ".join(panels), hint=nearest(part, panels)
        )
    chosen = panels if part is None else {part: panels[part]}
    drawn = [one for one in (panel(result) for panel in chosen.values()) if one is not None]
    if not drawn:
        raise InputError(
            "nothing to draw",
            value=part or ", ".join(panels),
            allowed="a result that has its runs, and intervals",
        )
    if len(drawn) == 1:
        return styled(drawn[0])
    rows = [alt.hconcat(*drawn[at : at + 2]) for at in range(0, len(drawn), 2)]
    # Else the colours of one panel have their legend beside another.
    own = [row.resolve_scale(color="independent") for row in rows]
    return styled(alt.vconcat(*own).resolve_scale(color="independent"))


def write(made: Any, path: Path) -> None:
    """A chart as a file: HTML that needs no network, SVG or PNG.

    Raises:
        InputError: another ending.
    """
    check(path)
    import vl_convert as vlc

    if path.suffix == ".html":
        data = _page(made, path.stem).encode()
    elif path.suffix == ".svg":
        data = vlc.vegalite_to_svg(made.to_json()).encode()
    else:
        data = vlc.vegalite_to_png(made.to_json(), scale=PNG_SCALE)
    atomic.write(path, data)


def _page(made: Any, title: str) -> str:
    """The chart on a page of its own that names its language and itself, and fits a phone."""
    options = {"actions": False, "renderer": "svg"}
    page: str = made.to_html(inline=True, embed_options=options)
    head = (
        f'<html lang="en">\n<head>\n  <title>{escape(title)}</title>\n'
        '  <meta name="viewport" content="width=device-width, initial-scale=1">'
    )
    return page.replace("<html>\n<head>", head, 1)


def check(path: Path) -> None:
    """Refuse a file that no chart is written to, before anything is computed.

    Raises:
        InputError: another ending, or no such folder.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(
            "no file for a chart", file=path, value=path.suffix, allowed=" ".join(SUFFIXES)
        )
    if not path.absolute().parent.is_dir():
        raise InputError("no such folder", file=path, value=str(path.parent))
