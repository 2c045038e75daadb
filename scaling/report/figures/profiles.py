"""The profile of each parameter: how much worse the fit is with it fixed elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from scaling.document.blocks import Block, Cell, Column, Figure, Group, Panel, table
from scaling.document.cells import figure, words
from scaling.document.format import estimate, like
from scaling.document.legend import line, swatch
from scaling.document.svg import Plot
from scaling.fitting.study_record import FitRecord, Parameter
from scaling.report.context import Study
from scaling.report.figures.plot_detail import profile_plot
from scaling.report.figures.study_figures import with_table

_PROFILE = swatch("profile", line("median", 8, 2))
_LIMIT = swatch("height of its 90 % interval's ends", line("planned", 8, 1.2))
_DRAWN = swatch("90 % interval of the draws", line("planned", 8, 4.4))


def profile_figure(study: Study, fits: Sequence[FitRecord], index: int) -> list[Block]:
    """The profile of every parameter, from the fit file; nothing where it has none."""
    own = {fit.law: fit for fit in fits}
    panels: list[tuple[str, str, Plot, str]] = []
    groups = []
    for at, one in enumerate(study.record.profiles):
        law, height = one.law, one.height90
        if law not in own or not height:
            continue
        place = f"{study.fit_file}#profiles[{at}]."
        rows = []
        order = study.stored[law].law.names if law in study.stored else tuple(one.parameters)
        for name in [name for name in order if name in one.parameters]:
            curve = one.parameters[name].points
            if len(curve) > 2:
                known = own[law].parameters.get(name)
                plot = profile_plot(curve, height, _interval(known))
                panels.append((law, name, plot, f"{name} of {law}: its profile."))
                error = known.se if known else None
                rows.append(_profile_row(name, curve, height, error, place))
        groups.append(Group(law, tuple(rows)))
    if not panels:
        return []
    columns = (
        Column("parameter"),
        Column("best", numeric=True),
        Column("90 % profile interval", numeric=True),
        Column("shape", long=True),
    )
    note = (
        "Ends are read between the computed points of the profile. An open side is one on which "
        "the fit never gets worse enough within the values tried."
    )
    title = "Profile intervals"
    behind = table(f"profile-table-{index}", title, columns, tuple(groups), note, "law")
    caption = (
        "How much worse the fit gets when one parameter is fixed and all others are refitted "
        "(twice the rise of the objective over its dispersion). The 90 % interval ends where the "
        "curve meets the dashed line; the bar on that line is the interval of the draws. A curve "
        "that stays low is a parameter that the data do not determine."
    )
    drawn = Figure(
        id=f"profiles-{index}",
        title="Profiles of the parameters",
        caption=caption,
        alt=f"{study.title}: profiles of {len(panels)} parameters.",
        panels=tuple(
            Panel(name, law, alt, plot.svg, (("study", study.title), ("law", law)))
            for law, name, plot, alt in panels
        ),
        legend=(_PROFILE, _LIMIT, _DRAWN),
        table=behind.id,
        size="small",
    )
    return with_table((drawn, behind))


def _interval(found: Parameter | None) -> tuple[float, float] | None:
    if found is None or found.low90 is None or found.high90 is None:
        return None
    return found.low90, found.high90


def _profile_row(
    name: str, curve: list[tuple[float, float]], height: float, error: float | None, place: str
) -> tuple[Cell, ...]:
    best = min(range(len(curve)), key=lambda i: curve[i][1])
    text = estimate(curve[best][0], error)[0]
    low = crossing(curve[best::-1], height)
    high = crossing(curve[best:], height)
    open_ends = [side for side, end in (("below", low), ("above", high)) if end is None]
    shape = "closed" if not open_ends else f"open {' and '.join(open_ends)}"
    ends = [_end(end, text) for end in (low, high)]
    where = f"{place}parameters.{name}"
    return (
        words(name),
        figure(curve[best][0], lambda _: text, where),
        Cell("\u2013".join(ends), _known(low, high), "", where),
        Cell(shape, shape, "", where, "caution" if open_ends else ""),
    )


def _end(end: float | None, pattern: str) -> str:
    return "open" if end is None else like(end, pattern)


def _known(low: float | None, high: float | None) -> tuple[float, float] | str:
    return "open" if low is None or high is None else (low, high)


def crossing(curve: Sequence[tuple[float, float]], height: float) -> float | None:
    """Where a curve that begins at the optimum first reaches the height; None if it never does."""
    for (x, y), (x2, y2) in pairwise(curve):
        if y < height <= y2:
            # The root of the rise is near a straight line, the rise itself is not.
            a, b = np.sqrt(max(y, 0.0)), np.sqrt(y2)
            return float(x + (np.sqrt(height) - a) / (b - a) * (x2 - x))
    return None
