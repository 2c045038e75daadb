"""What some tests need and a machine may lack; a skip says what is missing and how to get it.

docs/testing.md lists them.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import NoReturn

import pytest


@dataclass(frozen=True)
class Need:
    """Something that a test cannot do without."""

    what: str
    how: str

    def reason(self, what: str = "") -> str:
        """The text of a skip; ``what`` says it of this test alone."""
        return f"not here: {what or self.what}; to have it: {self.how}"

    def skip(self, what: str = "") -> NoReturn:
        # Reported is where the test is, not this line.
        raise pytest.skip.Exception(self.reason(what), _use_item_location=True)

    def unless(self, there: bool, what: str = "") -> pytest.MarkDecorator:
        """Skip a test unless it is there."""
        return pytest.mark.skipif(not there, reason=self.reason(what))


BROWSER = Need("a browser", "apt-get install chromium")
AXE_CORE = Need("axe-core", "apt-get install npm, with a registry that it reaches")
POSTGRES = Need("PostgreSQL", "apt-get install postgresql")
COMPILER = Need("a C compiler", "apt-get install gcc libc6-dev")
PACKAGES = Need("a package for clusters and buckets", "make cluster")
TRACKER = Need("a tracker's library", ".venv/bin/python -m pip install '.[trackers]'")
MLFLOW = Need("an MLflow server", "make trackers, or MLFLOW_PYTHON with a Python that has MLflow")
SANDBOX = Need("bubblewrap, or a system that allows it", "apt-get install bubblewrap")
DISK = Need("a small disk of its own", "run the tests as root, where mount may be used")
TIMESTAMPS = Need("rfc3161-client", ".venv/bin/python -m pip install '.[timestamps]'")
OPENSSH = Need("ssh-keygen", "apt-get install openssh-client")
OPENSSL = Need("openssl", "apt-get install openssl")
SHARED = Need(
    "a table without an open licence",
    "set SCALING_SHARED to the folder that has it; it may not be shipped",
)


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
