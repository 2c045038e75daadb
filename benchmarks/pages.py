"""How large pages are, how soon they can be used, and what making them costs.

    python -m benchmarks.pages [--versions 500] [--studies 12 25 50]

First the pages of the newest published version and the index, then an index of many versions, each
opened in Chromium at phone width: milliseconds by the browser's own clock until the page is
interactive and until it is loaded, the median of five. Then CPU seconds to make one version's page
of so many simulated studies.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.site import add
from scaling.cli.display.version import find
from scaling.pipeline.report import contents
from scaling.record.site import build
from scaling.record.versions.ledger import LEDGER, Entry
from tests.support.browser import Browser, started
from tests.support.report_project import project, studies

REPEATS = 5
CLOCK = """(e => [e.domInteractive, e.loadEventEnd])(
    performance.getEntriesByType('navigation')[0])"""


def opened(browser: Browser, page: Path) -> tuple[float, float]:
    """Milliseconds to interactive and to loaded, medians."""
    times = []
    for _ in range(REPEATS):
        browser.open(page, 390, 844, "light")
        times.append(browser.run(f"new Promise(r => setTimeout(() => r({CLOCK}), 0))"))
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def index(root: Path, versions: int) -> Path:
    """The index of so many simulated versions of 50 studies."""
    (root / "reports").mkdir()
    last: Entry | None = None
    for number in range(versions):
        last = add(root / "reports", number, 50, last)
    assert (root / "reports" / LEDGER).is_file()
    build(root)
    return root / "reports/index.html"


def making(count: int) -> tuple[float, int]:
    """CPU seconds to make a page of so many studies, and its bytes."""
    with tempfile.TemporaryDirectory() as place:
        made = project(Path(place) / "p", studies(tuple(f"study-{i}" for i in range(count))))
        start = time.process_time()
        files = contents(made)
        return time.process_time() - start, len(files["report.html"])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=500)
    parser.add_argument("--studies", type=int, nargs="+", default=[12, 25, 50])
    asked = parser.parse_args()
    newest = Path("reports", find(Path("reports"), None).version, "report.html").resolve()
    with tempfile.TemporaryDirectory() as place, started(Path(place) / "profile") as browser:
        many = index(Path(place), asked.versions)
        pages = {"newest version": newest, "index": Path("reports/index.html").resolve()}
        print("| page | KB | interactive, ms | loaded, ms |\n|---|---:|---:|---:|")
        for name, page in {**pages, f"index of {asked.versions}": many}.items():
            ready, loaded = opened(browser, page)
            print(f"| {name} | {page.stat().st_size / 1e3:.0f} | {ready:.0f} | {loaded:.0f} |")
    making(1)
    print("\n| studies | CPU s | report.html, KB |\n|---:|---:|---:|")
    for count in asked.studies:
        seconds, size = making(count)
        print(f"| {count} | {seconds:.2f} | {size / 1e3:.0f} |")


if __name__ == "__main__":
    main()
