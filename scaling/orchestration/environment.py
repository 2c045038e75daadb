"""Telemetry off, and a quiet screen, before a library is imported that would see to neither.

Everything is a default: what a person set in the environment stays. Processes started from here
(DVC, the stages, the temporary server) inherit it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

TELEMETRY = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
}
# The tasks print what a person needs; Prefect would repeat each failure with its traceback. Its
# log is kept in its database, which stays in the repository, where Git ignores it.
LOCAL = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_HOME": str(Path.cwd() / ".prefect"),
    # Seconds between two questions of `scaling serve` to its server; Prefect's 10 suit a far one.
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",
}


def _default(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        os.environ.setdefault(name, value)


_default(TELEMETRY)
# In a process of Prefect's own (a worker, its command line) these flows are guests.
if "prefect" not in sys.modules:
    _default(LOCAL)
