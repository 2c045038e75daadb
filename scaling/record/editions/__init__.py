"""Redacted editions: parts of a version that prove they belong to the whole."""
