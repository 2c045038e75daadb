"""Files and Git: atomic writes, tables, JSON, hashes, locks. Knows nothing of scaling laws."""
