"""Telemetry off, and a quiet screen, set before the libraries that read it are imported.

Everything is a default: what a person set in the environment stays. Processes started from here
(DVC, the stages, the temporary server) inherit it.

Rests on internals of prefect 3.8.8: the names of these settings, unknown ones being ignored.
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
# log is kept in its database, in a folder of the project that Git ignores.
LOCAL = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    "PREFECT_HOME": str(Path.cwd() / ".prefect"),
    # A server that is gone is given up after a quarter of a minute; with Prefect's 5 retries it is
    # a minute a request. Prefect's server starts in ten seconds.
    "PREFECT_CLIENT_MAX_RETRIES": "3",
    # Seconds between two questions of `scaling serve` to its server; Prefect's 10 suit a far one.
    "PREFECT_RUNNER_POLL_FREQUENCY": "2",
}


# In a workspace a file of a person's own, called as a module of ours, is not run for it. In a
# checkout the folder's own package is meant.
WORKSPACE = {"PYTHONSAFEPATH": "1"}


def _default(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        os.environ.setdefault(name, value)


_default(TELEMETRY)
if Path("engine.yaml").is_file():
    _default(WORKSPACE)
# A process of Prefect's own (a worker, its command line) has its own settings.
if "prefect" not in sys.modules:
    _default(LOCAL)
