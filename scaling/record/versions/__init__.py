"""Published versions: their store, ledger, fingerprints, tags and checks."""
