"""Prefect flows: when and where the stages of ``dvc.yaml`` run. Nothing is computed here."""

from flows import quiet as quiet  # before anything of Prefect: settings are read when it loads
