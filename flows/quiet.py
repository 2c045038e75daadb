"""Telemetry off, before a library that would send some is imported.

Everything is a default: what a person set in the environment stays. Processes started from here
(DVC, the stages, the temporary server) inherit it.
"""

from __future__ import annotations

import os

DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
}

for _name, _value in DEFAULTS.items():
    os.environ.setdefault(_name, _value)
