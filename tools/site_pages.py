"""A hook of MkDocs: CONTRIBUTING.md and CHANGELOG.md are pages of the site too."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages; their links into docs/ become links within the site."""
    root = Path(config.config_file_path or "").parent
    for name in PAGES:
        text = (root / name).read_text(encoding="utf-8").replace("](docs/", "](")
        text = text.replace("](CHANGELOG.md)", "](changelog.md)")
        files.append(File.generated(config, name.lower(), content=text))
    return files
