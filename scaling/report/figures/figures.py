"""The figure of all studies, as a file: small multiples with legend and alternative text."""

from __future__ import annotations

from collections.abc import Sequence

from scaling.document.blocks import Figure, Panel, Swatch
from scaling.document.format import flop, loss
from scaling.document.legend import box, dot, line, swatch
from scaling.document.palette import COLOUR, Scheme, recolour
from scaling.document.svg_page import TitledPlot, sheet
from scaling.report.figures.plot_forecast import (
    ForecastPanel,
    PlottedTarget,
    compute_domain,
    forecast_plot,
)
from scaling.report.sections.forecasts import quantile

_TITLE = "Forecast loss against training compute"
_SUBTITLE = (
    "Dots are training runs; shading lies beyond every fitted run. Each study measures "
    "loss on its own data."
)


def forecast_figure(panels: Sequence[ForecastPanel], scheme: Scheme = "light") -> str:
    """The forecast figure as one SVG file, as the README shows it."""
    return recolour(forecast_block(panels, "", "").sheet, scheme)


def forecast_block(panels: Sequence[ForecastPanel], caption: str, table: str) -> Figure:
    """The forecast figure as a block of the report."""
    domain = compute_domain(panels)
    plots = [forecast_plot(panel, domain) for panel in panels]
    texts = [_forecast_alt(panel) for panel in panels]
    titled = [TitledPlot(p.title, p.subtitle, plot) for p, plot in zip(panels, plots, strict=True)]
    legend = _forecast_legend(panels)
    alt = "Loss against training compute, one plot a study. " + " ".join(texts)
    return Figure(
        id="forecast",
        title=_TITLE,
        caption=caption,
        alt=alt,
        panels=_panels(titled, texts),
        legend=legend,
        table=table,
        file="forecast.svg",
        size="file",
        sheet=sheet(_TITLE, _SUBTITLE, alt, titled, legend),
    )


def _panels(titled: Sequence[TitledPlot], texts: Sequence[str]) -> tuple[Panel, ...]:
    return tuple(
        Panel(item.title, item.subtitle, text, item.plot.svg, (("study", item.title),))
        for item, text in zip(titled, texts, strict=True)
    )


def _forecast_alt(panel: ForecastPanel) -> str:
    used = sum(run.used for run in panel.runs)
    ends = f", the largest at {flop(10**panel.largest)}" if panel.largest is not None else ""
    aims = [_aim_alt(aim) for aim in sorted(panel.aims, key=lambda aim: aim.x)]
    return f"{panel.title}: {used} fitted runs{ends}; median loss {', '.join(aims)}."


def _aim_alt(aim: PlottedTarget) -> str:
    return f"{loss(quantile(aim.quantiles, 0.5))} at {flop(10**aim.x)} ({aim.name})"


# --------------------------------------------------------------------------- legends


def _forecast_legend(panels: Sequence[ForecastPanel]) -> tuple[Swatch, ...]:
    """Only what some panel shows."""
    runs = [run for panel in panels for run in panel.runs]
    aims = [aim for panel in panels for aim in panel.aims]
    entries = (
        (True, _MEDIAN),
        (True, _INTERVALS),
        (any(not aim.budget for aim in aims), _PLANNED),
        (any(run.used for run in runs), swatch("fitted run", dot("run", 3.2))),
        (any(not run.used for run in runs), swatch("excluded run", dot("run", 1.6))),
    )
    return tuple(entry for shown, entry in entries if shown)


_MEDIAN = swatch("median, compute-optimal", line("median", 8, 2), dot("median", 4.5))
_INTERVALS = swatch(
    "50, 80, 90, 95 % interval",
    box("band95", 0, 16),
    box("band90", 2, 12),
    box("band80", 4, 8),
    box("band50", 6, 4),
)
_PLANNED = swatch(
    "planned run, same intervals",
    line("planned", 8, 1.2),
    line("planned", 8, 4.4, (4, 22)),
    line("planned", 8, 7, (8, 18)),
    f'<path d="M13,2.6L18.4,8L13,13.4L7.6,8Z" fill="{COLOUR["planned"]}" '
    f'stroke="{COLOUR["surface"]}" stroke-width="1.5"/>',
)
