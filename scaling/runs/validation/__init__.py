"""Good rows go on, bad rows go to quarantine with the reason; no row is lost."""
