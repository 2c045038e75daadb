"""A published version computed again from its commit, and compared byte for byte."""
