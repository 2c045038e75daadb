"""What a run is, and how runs come in: formats, then inbox, then validation."""
