"""Documents: blocks, cells, SVG, and rendering as HTML, Markdown and JSON. Knows no scaling law."""
