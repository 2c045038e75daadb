"""Packages that only some verbs need, and the line that installs them."""

from __future__ import annotations

import importlib.util

DISTRIBUTION = "scaling-forecast"
# Extra -> the modules that it brings, as code imports them (pyproject.toml).
EXTRAS = {
    "library": ("scaling_library",),
    "plot": ("altair", "vl_convert"),
    "tables": ("openpyxl", "pyarrow"),
    "report": ("jinja2", "markupsafe"),
    "pipeline": ("dvc", "great_expectations", "packaging", "pandas", "psutil"),
    "serve": ("fastapi", "prefect", "sqlalchemy", "starlette"),
    "timestamps": ("httpx", "rfc3161_client"),
    "cluster": ("prefect_dask", "prefect_ray"),
    "s3": ("dvc_s3",),
    "wandb": ("wandb",),
}


def need(extra: str) -> None:
    """Refuse before anything is written where a module of the extra is missing.

    Raises:
        ModuleNotFoundError: the first, which the command line says with `missing`.
    """
    for module in EXTRAS[extra]:
        if importlib.util.find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def missing(error: ModuleNotFoundError) -> str | None:
    """What to install for a module that is not there; None where it is no extra's."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            return (
                f"this needs {module}, which is not installed\n"
                f"  python -m pip install '{DISTRIBUTION}[{extra}]'"
            )
    return None
