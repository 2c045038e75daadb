"""The page of a soak: slopes with their errors, and a drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHOWN = {
    "CPU s of a refit": "cpu",
    "of it: the flow's process": "flow",
    "of it: DVC and stages": "below",
    "of it: the server": "server",
    "memory of the flow's process, MB": "rss_flow",
    "memory of the server, MB": "rss_server",
    "open files of the flow's process": "fds_flow",
    "threads of the flow's process": "threads_flow",
    "Prefect's folder, MB": "prefect",
    ".git, MB": "git",
    "DVC's cache, MB": "cache",
    ".dvc/tmp, MB": "dvc_tmp",
    "reports/, MB": "reports",
}
# Refits until everything is imported and every pool is full.
WARM = 5
WIDTH, HEIGHT, LEFT = 640, 150, 60


def table(file: Path) -> pl.DataFrame:
    """One row a refit, with its CPU seconds."""
    rows = pl.read_csv(file)
    cpu = {"flow": "cpu_flow", "below": "cpu_below", "server": "cpu_server"}
    rows = rows.with_columns(pl.col(total).diff().alias(part) for part, total in cpu.items())
    rows = rows.with_columns(cpu=pl.sum_horizontal(*cpu), seconds=pl.col("wall").diff())
    return rows.filter(pl.col("refit") > WARM)


def slope(x: Array, y: Array) -> tuple[float, float, float]:
    """Value at the first refit, change per 100 refits, and its standard error (least squares)."""
    design = np.column_stack([np.ones_like(x), x - x[0]])
    found, *_ = np.linalg.lstsq(design, y, rcond=None)
    spread = float(((y - design @ found) ** 2).sum()) / (len(x) - 2)
    error = np.sqrt(spread * np.linalg.inv(design.T @ design)[1, 1])
    return float(found[0]), 100 * float(found[1]), 100 * float(error)


def write(file: Path, out: Path) -> None:
    """Write soak.md and soak.svg."""
    rows = table(file)
    x = rows["refit"].to_numpy().astype(float)
    lines = [
        f"| over refits {int(x[0])} to {int(x[-1])} | at the first | at the last, as fitted | "
        "change per 100 refits | standard error |",
        "|---|---|---|---|---|",
    ]
    for name, column in SHOWN.items():
        start, per, error = slope(x, rows[column].to_numpy().astype(float))
        end = start + per * (x[-1] - x[0]) / 100
        lines.append(f"| {name} | {start:.4g} | {end:.4g} | {per:+.3g} | {error:.2g} |")
    (out / "soak.table.md").write_text("\n".join(lines) + "\n")
    (out / "soak.svg").write_text(drawing(rows))


def drawing(rows: pl.DataFrame) -> str:
    """CPU seconds and memory over the number of the refit."""
    parts = [
        _panel(rows, {"cpu": "CPU s of a refit"}, 0),
        _panel(rows, {"rss_flow": "MB of the flow's process", "rss_server": "of the server"}, 1),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{2 * HEIGHT}" '
    style = 'font-family="sans-serif" font-size="11">'
    back = '<rect width="100%" height="100%" fill="white"/>'
    return head + style + back + "".join(parts) + "</svg>\n"


def _panel(rows: pl.DataFrame, columns: dict[str, str], number: int) -> str:
    x = rows["refit"].to_numpy().astype(float)
    top, bottom = number * HEIGHT + 24, (number + 1) * HEIGHT - 22
    high = max(float(np.quantile(rows[column].to_numpy(), 0.995)) for column in columns) * 1.15
    parts = [f'<text x="{LEFT}" y="{top - 8}">{", ".join(columns.values())}</text>']
    for value in (0.0, high / 2, high):
        y = bottom - (bottom - top) * value / high
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - 10}" stroke="#ccc"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    across = LEFT + (WIDTH - LEFT - 10) * (x - x[0]) / (x[-1] - x[0])
    for column, colour in zip(columns, ("#1f5fa8", "#b3541e"), strict=False):
        y = bottom - (bottom - top) * np.minimum(rows[column].to_numpy(), high) / high
        dots = "".join(f"M{a:.1f} {b:.1f}h1.5" for a, b in zip(across, y, strict=True))
        parts.append(f'<path d="{dots}" stroke="{colour}" stroke-width="1.5"/>')
    for at, anchor in ((0, "start"), (-1, "end")):
        where = f'x="{across[at]:.0f}" y="{bottom + 14}" text-anchor="{anchor}"'
        parts.append(f"<text {where}>refit {int(x[at])}</text>")
    return "".join(parts)
