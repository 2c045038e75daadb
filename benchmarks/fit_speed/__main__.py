"""The command; see the package's docstring."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from pathlib import Path

import benchmarks.fit_speed
from benchmarks.fit_speed import cost, ours, reference
from benchmarks.fit_speed.figure import figure
from benchmarks.fit_speed.page import bars, page
from benchmarks.fit_speed.points import chinchilla

SAMPLE, REPEATS = 450, 3


def main() -> None:
    """Measure, print, and write the page and the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit_speed")
    parser.description = benchmarks.fit_speed.__doc__
    parser.add_argument("--full", action="store_true", help="all starts and resamples in SciPy")
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/fit_speed.md"))
    parser.add_argument("--figure", type=Path, default=Path("docs/img/fit_cost.svg"))
    args = parser.parse_args()
    fresh = ours.fresh()
    points = chinchilla()
    made = ours.measure(points)
    _say(f"fit {made.fit.median:.3f} s, with 4,500 resamples {made.seconds:.3f} s")
    sample, repeats = (ours.MOST, 1) if args.full else (SAMPLE, REPEATS)
    references = reference.measure(points, made.weights, made.objectives, sample, repeats)
    for one in references:
        _say(f"SciPy, {one.name}: {one.seconds:.0f} s, {one.seconds / made.seconds:.0f} times ours")
    found = cost.measure(_say)
    command = shlex.join(["python", "-m", "benchmarks.fit_speed", *sys.argv[1:]])
    image = Path(os.path.relpath(args.figure, args.out.parent))
    _write(args.figure, figure(found))
    _write(args.out, page(command, image, made, fresh, references, found))
    for bar in bars(made, fresh, references, found):
        _say(f"{'met' if bar.met else 'MISSED'}: {bar.name}: {bar.measured}, asked {bar.asked}")


def _say(line: str) -> None:
    print(f"[{time.process_time():4.0f} s] {line}", flush=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
