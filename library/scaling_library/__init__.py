"""Published training runs, the registry of compute thresholds, and public models, as files."""
