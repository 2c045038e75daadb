"""CPU seconds of the index over many versions of many studies: python -m benchmarks.site

Each simulated version has a forecast table and a backtest table of all its studies. ``fresh`` makes
the index from nothing (`scaling site`); ``one more`` is what publishing pays when one version is
new.

    python -m benchmarks.site [--versions 125 250 500] [--studies 50]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from scaling.io.hashing import canonical
from scaling.record.site import build, refresh
from scaling.record.site.write import PAGE
from scaling.record.versions.ledger import LEDGER, Entry, entry_of, version_of

TARGETS = 4
LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
PADDING = 60  # other tables of a study in report.json, about 8 KB, as in the project's own


def report(studies: int) -> bytes:
    """A report.json with a backtest table and as much else as a real one."""
    values = ("ensemble", "all", 100.0, 0.02, 0.01, 0.5, 0.8, 0.9, 0.95, 0.3)
    row = [{"text": str(v), "value": v, "unit": "", "origin": "data/x.json#y"} for v in values]
    other = [{"text": "-", "value": 1.0, "unit": "nats per token", "origin": "data/fits/x.json#y"}]
    tables = [
        {"id": "backtest-table", "groups": [{"rows": [row]} for _ in range(studies)]},
        {"id": "other", "groups": [{"rows": [other] * PADDING} for _ in range(studies)]},
    ]
    return canonical({"sections": [{"blocks": tables}]})


def forecast(studies: int, shift: float) -> bytes:
    """A forecast.csv of every study, target and quantile."""
    rows = [
        (f"study-{s}", f"target-{t}", "ensemble", q, 2.0 + shift + 0.1 * (q - 0.5))
        for s in range(studies)
        for t in range(TARGETS)
        for q in LEVELS
    ]
    names = ["study", "target", "law", "quantile", "value"]
    return pl.DataFrame(rows, schema=names, orient="row").write_csv().encode()


def add(reports: Path, number: int, studies: int, last: Entry | None) -> Entry:
    """One more version and its line in the ledger."""
    made_by: dict[str, Any] = {
        "data": {f"data/validated/study-{s}.parquet": str(number % 7 + s) for s in range(studies)},
        "laws": {"scaling/laws/chinchilla.py": str(number)},
        "engine": {},
    }
    facts = {
        "issued_at": "2030-01-01T00:00:00+00:00", "revision": None, "dirty": None,
        "python": "3", "previous": None if last is None else last.digest(),
    }  # fmt: skip
    content = canonical({**facts, "version": version_of(made_by), "made_by": made_by, "files": {}})
    entry = entry_of(content)
    folder = reports / entry.version
    folder.mkdir()
    (folder / "manifest.json").write_bytes(content)
    (folder / "report.json").write_bytes(report(studies))
    (folder / "forecast.csv").write_bytes(forecast(studies, 0.001 * number))
    with (reports / LEDGER).open("ab") as file:
        file.write(entry.line())
    return entry


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, nargs="+", default=[125, 250, 500])
    parser.add_argument("--studies", type=int, default=50)
    asked = parser.parse_args()
    print("versions  studies  fresh  one more  index.html KB")
    for versions in asked.versions:
        with tempfile.TemporaryDirectory() as place:
            root = Path(place)
            (root / "reports").mkdir()
            last: Entry | None = None
            for number in range(versions - 1):
                last = add(root / "reports", number, asked.studies, last)
            refresh(root)
            add(root / "reports", versions, asked.studies, last)
            more = seconds(lambda root=root: refresh(root))
            fresh = seconds(lambda root=root: build(root))
            size = (root / "reports/index.html").stat().st_size / 1e3
            told = json.loads((root / "reports/index.json").read_bytes())
            assert len(told["versions"]) + len(told["pages"]) * PAGE == versions
        print(f"{versions:8d} {asked.studies:8d} {fresh:6.2f} {more:9.2f} {size:14.0f}")


if __name__ == "__main__":
    main()
