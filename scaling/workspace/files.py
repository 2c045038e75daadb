"""The files with which a workspace begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scaling.io.settings import DEFAULT_WHOLE, WHOLE
from scaling.workspace import engine
from scaling.workspace.root import MARK

LOCK = "requirements.lock"
# Everything that holds rows of internal runs, or is computed from them. DVC writes such lines
# itself, and takes its own back when a later stage fails: these stay.
IGNORED = """\
# Written by `scaling init`: what Git must not track, whatever DVC does with its own lines.
/.prefect/
/.venv/
.tmp-*
.seen.json
__pycache__/
/data/backtests/*.parquet
/data/docs
/data/findings.parquet
/data/fits/*.parquet
/data/governance/
/data/internal/*
!/data/internal/README.md
!/data/internal/store.dvc
/data/quarantine
/data/runs
/data/validated
/reports/current
/reports/governance/
"""
DVC_IGNORED = """\
__pycache__/
*.pyc
.tmp-*
/reports/history
/reports/[0-9a-f][0-9a-f]*
"""
FOLDERS = {
    "data/declared/README.md": "Hashes of runs that were announced before they ended.\n",
    "data/internal/README.md": "Runs that `scaling add` took, as they came. DVC keeps them.\n",
    "data/published/README.md": "Sources of the library that this workspace uses.\n",
    "data/releases/README.md": "Rows that were looked at and pass a check: `scaling quarantine`.\n",
    "data/thresholds/README.md": "The registry of compute thresholds, where it is used.\n",
    "data/trends/README.md": "Public models and their compute, where they are used.\n",
    "data/withdrawn/README.md": "Runs that were withdrawn: `scaling remove`.\n",
    "laws/README.md": "Laws of this project: a file each, as `scaling laws --help` says.\n",
    "reports/README.md": "Published versions, a folder each; `scaling verify` checks them.\n",
}


def managed() -> dict[str, str]:
    """Files that an upgrade writes again: those that follow from the engine."""
    return {
        "dvc.yaml": engine.pipeline(),
        LOCK: engine.bundled(LOCK),
        ".gitignore": IGNORED,
        ".dvcignore": DVC_IGNORED,
    }


def first(team: str, params: str) -> dict[str, str]:
    """All files of a new workspace but ``engine.yaml``: path -> text."""
    return {
        MARK: _marked(team),
        "params.yaml": params,
        ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n",
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
        **managed(),
        **FOLDERS,
    }


def _marked(team: str) -> str:
    return (
        "# The root of a scaling workspace: commands find it from any folder below.\n"
        "[workspace]\n"
        "# In names of hubverse tables.\n"
        f"team = {_quoted(team)}\n"
        "# How many of the newest versions the folder holds whole; of older ones Git alone has\n"
        "# reports and fits.\n"
        f"{WHOLE} = {DEFAULT_WHOLE}\n"
    )


def _quoted(text: str) -> str:
    return '"' + re.sub(r'([\\"])', r"\\\1", text) + '"'


def params(studies: Mapping[str, tuple[str, str, Sequence[str]]]) -> str:
    """``params.yaml`` of studies: name -> source, metric, laws."""
    lines = [
        "# The choices of this workspace.",
        "seed: 0",
        "",
        "# The run tables as they were known here on a past day (YYYY-MM-DD); null for all.",
        "as_of: null",
        "# With false, internal sources and runs have numbers for names in all that is published.",
        "disclose_internal: true",
        "",
        "# One entry a study: source, metric, rows to leave out (`exclude`, with a reason), laws.",
        "studies:" if studies else "studies: {}",
    ]
    for name, (source, metric, laws) in studies.items():
        lines += [
            f"  {name}:",
            f"    source: {source}",
            f"    metric: {metric}",
            f"    laws: [{', '.join(laws)}]",
        ]
    lines += [
        "",
        "fit:",
        "  # Huber's delta on log residuals: Hoffmann et al. 2022, section 3.3.",
        "  delta: 0.001",
        "  # Monte Carlo error of a standard error is 2 % at 1,000.",
        "  resamples: 1000",
        "",
        "forecast:",
        "  quantiles: [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]",
        "  # A target names params and tokens, or a compute budget that each study spends in its",
        "  # own compute-optimal way.",
        "  targets:",
        "    optimal-1e23: {flops: 1.0e+23}",
        "    optimal-1e25: {flops: 1.0e+25}",
        "",
        "govern:",
        "  # The day on which the report reads the registry of thresholds, in quotes.",
        "  day: null",
        "  largest: 0",
        "",
        "audit:",
        "  # A run answers a target when its params and tokens are within these shares of it.",
        "  tolerance: {params: 0.05, tokens: 0.05, flops: 0.1}",
    ]
    return "\n".join(lines) + "\n"
