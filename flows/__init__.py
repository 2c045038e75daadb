"""Prefect flows: when and where the stages of ``dvc.yaml`` run. Nothing is computed here."""
