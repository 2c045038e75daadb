"""Prefect's server as the pipeline uses it: start, watch, alerts, artifacts."""
