"""The project's own flows, loaded from its folder ``flows/``: a team may edit them there.

The package never imports the name ``flows``, which an installed package may not claim.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scaling.errors import InputError


def load_flow(root: Path, entrypoint: str) -> Any:
    """The flow at ``FILE.py:NAME`` in the project's ``flows/``.

    Raises:
        InputError: the project has no such file.
    """
    from prefect.flows import load_flow_from_entrypoint

    path = root / "flows" / entrypoint.split(":")[0]
    if not path.is_file():
        raise InputError("no such flow", file=path, hint="Run this in the project's folder.")
    name = entrypoint.split(":")[1]
    return load_flow_from_entrypoint(f"{path}:{name}", use_placeholder_flow=False)
