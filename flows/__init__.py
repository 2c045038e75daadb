"""Prefect flows: when and where the stages of ``dvc.yaml`` run. Nothing is computed here."""

# Before anything of Prefect: settings are read when it loads.
from scaling.orchestration import environment as environment
