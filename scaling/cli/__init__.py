"""The ``scaling`` command: `main` parses, `commands` has the verbs, `display` prints."""
