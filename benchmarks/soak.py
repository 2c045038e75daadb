"""Many refits in a row: do memory, time and disk of a refit stay flat?

    nice -n 15 python -m benchmarks.soak run 500 OUT.csv
    nice -n 15 python -m benchmarks.soak run 20 OUT.csv 300    # after 300 versions published alone
    python -m benchmarks.soak page OUT.csv docs/benchmarks [FEW.csv MANY.csv]

One server, as `scaling serve` starts it, and one long-lived process that runs the flow `refit`
again and again: real Prefect, DVC and Git, new data each time, so that each refit publishes,
commits and tags a version. The one stage only copies, as quick as Python starts, because what grows
with the number of versions is not in the stages: they see no version. A version's files are as
large as a real one's. One line a refit goes to OUT.csv at once: a soak that is stopped can be read.
"""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.ops_project import WHO, environment, free_port, make

PIPELINE = """
stages:
  report:
    cmd: >-
      python stage.py report data/published data/validated/x.csv data/fits/a.json
      data/forecasts/forecast.csv reports/current
    deps: [data/published, scaling/runs/schema.py, scaling/laws, picture.svg]
    outs:
      - data/validated
      - data/fits/a.json:
          cache: false
      - data/forecasts/forecast.csv:
          cache: false
      - reports/current
"""
# What a report of the real pipeline has beside its text; it compresses as real ones do.
PICTURE = 300_000
MB = 1024**2


def run(number: int, out: Path, after: int = 0) -> None:
    """Refit ``number`` times and write one line for each; ``after`` versions are there before."""
    with tempfile.TemporaryDirectory(prefix="scaling-soak-") as folder:
        root = _project(Path(folder) / "project")
        for name, value in environment(Path(folder) / "prefect").items():
            os.environ[name] = value
        os.environ.update(WHO)
        os.chdir(root)
        from scaling.orchestration.server.temporary import standing_server

        home = Path(folder) / "prefect"
        with standing_server(home, free_port()) as url, out.open("w", newline="") as handle:
            os.environ["PREFECT_API_URL"] = url
            lines = csv.DictWriter(handle, fieldnames=list(_row(root, home, 0)))
            lines.writeheader()
            _publish(root, after)
            for k in range(1, number + 1):
                _refit(root, k)
                lines.writerow(_row(root, home, k))
                handle.flush()


def _project(root: Path) -> Path:
    make(root)
    (root / "dvc.yaml").write_text(PIPELINE)
    draw = (f"{(k * 7919) % 9973},{(k * 104729) % 9973} " for k in range(PICTURE // 10))
    (root / "picture.svg").write_text("".join(draw))
    stage = (root / "stage.py").read_text()
    more = 'if name == "report":\n    text += Path("picture.svg").read_text()\n'
    (root / "stage.py").write_text(stage.replace("for target in", more + "for target in", 1))
    (root / "params.yaml").write_text("seed: 0\nstudies: {}\n")
    return root


def _publish(root: Path, number: int) -> None:
    """Publish versions without flow and stages, and commit them together."""
    from scaling.pipeline.publish import publish

    if number:
        _refit(root, 0)
    for k in range(number):
        (root / "data/validated/x.csv").write_text(f"{k}\n")
        publish(root)
    if number:
        for arguments in (["add", "-A"], ["commit", "-qm", "versions"]):
            subprocess.run(["git", *arguments], cwd=root, check=True)


def _refit(root: Path, k: int) -> None:
    from flows.refit import refit

    # As many rows each time: the data's own growth is not what is measured.
    (root / "data/published/more.csv").write_text("".join(f"{k},{i}\n" for i in range(50)))
    refit(root, commit=True)


def _row(root: Path, home: Path, k: int) -> dict[str, Any]:
    import psutil

    me, below = (
        resource.getrusage(resource.RUSAGE_SELF),
        resource.getrusage(resource.RUSAGE_CHILDREN),
    )
    here = psutil.Process()
    servers = [
        one
        for one in here.children()
        if "scaling.orchestration.server.temporary" in " ".join(one.cmdline())
    ]
    server = servers[0].cpu_times() if servers else None
    versions = (root / "reports/ledger.jsonl").read_text().count("\n") if k else 0
    return {
        "refit": k,
        "versions": versions,
        "wall": round(time.monotonic(), 2),
        "cpu_flow": round(me.ru_utime + me.ru_stime, 3),
        "cpu_below": round(below.ru_utime + below.ru_stime, 3),
        "cpu_server": round(server.user + server.system, 3) if server else 0,
        "rss_flow": round(here.memory_info().rss / MB, 1),
        "rss_server": round(servers[0].memory_info().rss / MB, 1) if servers else 0,
        "own_flow": _own(here.pid),
        "own_server": _own(servers[0].pid) if servers else 0,
        "fds_flow": here.num_fds(),
        "threads_flow": here.num_threads(),
        **{name: round(_size(path) / MB, 3) for name, path in _places(root, home).items()},
    }


def _own(pid: int) -> float:
    """Memory that is the process's own, MB: without pages of files (libraries, the database)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return round(int(status.split("RssAnon:")[1].split()[0]) / 1024, 1)


def _places(root: Path, home: Path) -> dict[str, Path]:
    return {
        "prefect": home,
        "git": root / ".git",
        "cache": root / ".dvc" / "cache",
        "dvc_tmp": root / ".dvc" / "tmp",
        "reports": root / "reports",
    }


def _size(place: Path) -> int:
    total = 0
    for base, _, names in os.walk(place):
        for name in names:
            try:
                total += os.stat(os.path.join(base, name)).st_blocks * 512
            except FileNotFoundError:  # a database's journal comes and goes
                continue
    return total


def main() -> None:
    """Run, or write the page of a run."""
    if sys.argv[1] == "run":
        run(int(sys.argv[2]), Path(sys.argv[3]).resolve(), *map(int, sys.argv[4:]))
    else:
        from benchmarks.soak_page import write

        write(*map(Path, sys.argv[2:]))


if __name__ == "__main__":
    main()
