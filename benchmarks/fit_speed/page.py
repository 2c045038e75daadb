"""The page: tables, bars and what they were measured on, as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks.fit_speed.cost import FEW, PARTS, Series
from benchmarks.fit_speed.ours import MANY, MOST, Fresh, Ours
from benchmarks.fit_speed.reference import Reference

FIT_BAR, RESAMPLES_BAR, MEMORY_BAR, OFF_BAR, RATIO_BAR = 0.1, 0.5, 250.0, 1e-12, 300.0
# A slope fitted to seven noisy times is this far from 1 now and then. A global fit against
# parameters has no such room: at most linear.
SLOPE_BAR, FIT_SLOPE_BAR = 1.1, 1.0
PACKAGES = ("numpy", "scipy", "numba", "polars")


@dataclass(frozen=True)
class Bar:
    """A requirement, what was measured, and whether it is met."""

    name: str
    asked: str
    measured: str
    met: bool


def bars(
    ours: Ours, fresh: Fresh, references: Sequence[Reference], cost: Sequence[Series]
) -> list[Bar]:
    """What is asked of the engine."""
    fit, many = ours.fit.median, ours.resamples[MANY].median
    memory, ratio = fresh.peak["4,000 resamples"], references[-1].seconds / ours.seconds
    grown = [one for one in cost if one.axis != "parameters"]
    steepest = max(grown, key=lambda one: one.slope)
    slope = (
        f"at most {steepest.slope:.2f} ({steepest.path}, {steepest.job} against {steepest.axis})"
    )
    return [
        Bar("global fit", f"<= {FIT_BAR} s", f"{fit:.3f} s", fit <= FIT_BAR),
        Bar(
            "4,000 robust resamples",
            f"<= {RESAMPLES_BAR} s",
            f"{many:.3f} s",
            many <= RESAMPLES_BAR,
        ),
        Bar(
            "peak memory of both, with imports",
            f"< {MEMORY_BAR:.0f} MB",
            f"{memory:.0f} MB",
            memory < MEMORY_BAR,
        ),
        Bar(
            "objective against the known optimum",
            f"<= {OFF_BAR:g}",
            f"{abs(ours.off):.1e}",
            abs(ours.off) <= OFF_BAR,
        ),
        Bar(
            "times faster than SciPy that reaches the optimum",
            f">= {RATIO_BAR:.0f}",
            f"{ratio:.0f}",
            ratio >= RATIO_BAR,
        ),
        Bar(
            "slope of cost against rows, resamples, starts",
            "about 1",
            slope,
            steepest.slope <= SLOPE_BAR,
        ),
        *(_by_parameters(cost, path) for path in FEW),
    ]


def _by_parameters(cost: Sequence[Series], path: str) -> Bar:
    """Whether a global fit and its resamples grow at most linearly with parameters."""
    whole = [
        one for one in cost if (one.axis, one.path) == ("parameters", path) and one.job not in PARTS
    ]
    said = ", ".join(f"{one.job} {one.slope:.2f} ± {one.error:.2f}" for one in whole)
    most = {"global fit": FIT_SLOPE_BAR}
    met = all(one.slope <= most.get(one.job, SLOPE_BAR) for one in whole)
    asked = f"<= {FIT_SLOPE_BAR:g}, resamples about 1"
    return Bar(f"slope of cost against 3 to 11 parameters, {path}", asked, said, met)


def page(
    command: str,
    image: Path,
    ours: Ours,
    fresh: Fresh,
    references: Sequence[Reference],
    cost: Sequence[Series],
) -> str:
    """All of it. ``image`` is the figure's path as seen from the page."""
    parts = [
        ["# Speed of fits", "", _about(command)],
        ["## Bars", "", *_bars(bars(ours, fresh, references, cost))],
        ["## The 240 Chinchilla points", "", *_ours(ours, fresh)],
        ["## Against SciPy", "", *_reference(ours, references)],
        [
            "## How cost grows",
            "",
            f"![CPU seconds against size]({image.as_posix()})",
            "",
            *_cost(cost),
        ],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def machine() -> str:
    """The machine in generic words."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else []
    wide = next((name for name in ("avx512f", "avx2") if name in flags), "")
    vectors = {"avx512f": " with AVX-512", "avx2": " with AVX2", "": ""}[wide]
    return f"{os.cpu_count()} cores, {platform.machine()}{vectors}, {platform.system()}, shared"


def _about(command: str) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Written by `{command}` on {date.today():%Y-%m-%d}. Machine: {machine()}; Python "
        f"{platform.python_version()}, {packages}. Times are CPU seconds of one thread, medians of "
        f"repeats; the machine is shared (load {os.getloadavg()[2]:.0f} on {os.cpu_count()} cores "
        "while this was measured), which makes all times longer, so read ratios and slopes."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows)]


def _bars(found: Sequence[Bar]) -> list[str]:
    head = ("what", "asked", "measured", "met")
    return _table(head, [(b.name, b.asked, b.measured, "yes" if b.met else "no") for b in found])


def _ours(ours: Ours, fresh: Fresh) -> list[str]:
    loading = ours.first - ours.resamples[MANY].median
    rows = [
        ("global fit: search, polish, certificate", ours.fit.best, ours.fit.median),
        *(
            (f"{n:,} resamples, two starts each", t.best, t.median)
            for n, t in ours.resamples.items()
        ),
        (f"{MANY:,} resamples in numpy, not compiled", ours.numpy.best, ours.numpy.median),
    ]
    steps = ", ".join(f"{name} {value:.0f}" for name, value in fresh.peak.items())
    return [
        *_table(("job", "best, s", "median, s"), [(n, f"{a:.3f}", f"{b:.3f}") for n, a, b in rows]),
        "",
        f"All {ours.starts_agreeing:.0%} of polished starts end at the same objective, and both "
        f"starts of {ours.resamples_agreeing:.2%} of the resamples. The first resamples of a "
        f"process also load the compiled solver: {loading:.2f} s. Compiling it, "
        f"once at set-up, takes {fresh.compiling:.0f} s.",
        "",
        f"Peak memory of a fresh process after each step, MB: {steps}. That process takes "
        f"{fresh.seconds:.1f} CPU seconds in all, imports included.",
    ]


def _reference(ours: Ours, found: Sequence[Reference]) -> list[str]:
    one = found[0]
    sampled = one.starts < one.of_starts
    how = (
        f"Timed on {one.starts} random starts of {one.of_starts:,} and the first {one.resamples} "
        f"of {MOST:,} resamples, and scaled to all; the error is of that sampling."
        if sampled
        else f"Timed on all {one.starts:,} starts and {one.resamples:,} resamples."
    )
    head = (
        "SciPy L-BFGS-B",
        "4,500 starts, s",
        "4,500 resamples, s",
        "starts at the optimum",
        "resamples at the optimum",
        "best start",
        "ratio to ours",
    )
    rows = [
        (
            r.name,
            f"{r.start_seconds:.1f} ± {r.start_error:.1f}" if sampled else f"{r.start_seconds:.1f}",
            f"{r.resample_seconds:.1f}",
            f"{r.starts_reached:.1%}",
            f"{r.resamples_reached:.1%}",
            f"{max(r.best, 0.0):.0e}",
            f"{r.seconds / ours.seconds:.0f}",
        )
        for r in found
    ]
    return [
        "Analytic gradient, centred logs, one log-sum-exp; Hoffmann et al.'s 4,500 starts, then "
        "one start for each resample, the same resamples as ours. At the optimum: within 1e-6 of "
        "it, relatively; for a resample, of the better of our two starts. Ours is one global fit "
        f"and 4,500 resamples from two starts each: {ours.seconds:.3f} s.",
        "",
        how,
        "",
        *_table(head, rows),
        "",
        "With its default tolerances SciPy stops short on most resamples, so it is not the same "
        "work; the last line is.",
    ]


def _cost(found: Sequence[Series]) -> list[str]:
    rows = [
        (
            one.axis,
            one.path,
            one.job,
            f"{one.sizes[0]:,} to {one.sizes[-1]:,}",
            f"{one.seconds[0]:.2g} to {one.seconds[-1]:.2g}"
            + (" steps" if one.unit != "s" else ""),
            f"{one.slope:.2f} ± {one.error:.2f}",
            f"{one.late:.2f}",
        )
        for one in found
    ]
    head = ("axis", "path", "job", "sizes", "takes", "slope", "slope, upper half")
    return [
        "Slopes of log seconds on log size: 1 is linear. Power terms: closed-form derivatives, and "
        "the compiled solver for resamples. Any law: jets through `predict`, in numpy. Tables of "
        "more than 240 rows repeat the points with noise. A table of more than 2,000 rows is "
        "searched on a sample, so its fit grows slower at first. The error of a slope is from how "
        "far five to seven points lie off their line. Against parameters, one evaluation (with "
        "second derivatives) and the steps of a start are shown apart, because a polish is their "
        "product. With one exponent (3 parameters) the grid is a line of 576 points, its best "
        "nearly polished; from two exponents on the best points descend by variable projection, so "
        "that their polish takes about as few steps.",
        "",
        *_table(head, rows),
    ]
