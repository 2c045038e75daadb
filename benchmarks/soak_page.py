"""The page of a soak: slopes with their errors, and a drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]

CPU = {
    "CPU s of a refit": "cpu",
    "of it: the flow's process": "flow",
    "of it: DVC, Git and stages": "below",
    "of it: the server": "server",
}
SHOWN = {
    **CPU,
    "memory of the flow's process, MB": "rss_flow",
    "the flow's own, without pages of files": "own_flow",
    "memory of the server, MB": "rss_server",
    "the server's own, without pages of files": "own_server",
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


def table(file: Path, warm: int = WARM) -> pl.DataFrame:
    """One row a refit, with its CPU seconds."""
    rows = pl.read_csv(file)
    cpu = {"flow": "cpu_flow", "below": "cpu_below", "server": "cpu_server"}
    rows = rows.with_columns(pl.col(total).diff().alias(part) for part, total in cpu.items())
    rows = rows.with_columns(cpu=pl.sum_horizontal(*cpu), seconds=pl.col("wall").diff())
    return rows.filter(pl.col("refit") > warm)


def slope(x: Array, y: Array, *others: Array) -> tuple[float, float, float]:
    """Value at the first refit, change per 100 refits, and its standard error (least squares).

    ``others`` are held at their means.
    """
    centred = [other - other.mean() for other in others]
    design = np.column_stack([np.ones_like(x), x - x[0], *centred])
    found, *_ = np.linalg.lstsq(design, y, rcond=None)
    spread = float(((y - design @ found) ** 2).sum()) / (len(x) - design.shape[1])
    error = np.sqrt(spread * np.linalg.inv(design.T @ design)[1, 1])
    return float(found[0]), 100 * float(found[1]), 100 * float(error)


TEXT = """\
# Soak: many refits in a row

    nice -n 15 python -m benchmarks.soak run 500 OUT.csv
    python -m benchmarks.soak page OUT.csv docs/benchmarks [FEW.csv MANY.csv]

One long-lived process runs the flow `refit` again and again against one server, with real Prefect,
DVC and Git and new data each time. Each refit publishes, commits and tags a version of about
{size:.1f} MB. The one stage only copies: what grows with the number of versions is not in the
stages. **{number} refits were run**, one after another, on two cores that others used as well; CPU
seconds are given because wall seconds then say little (median {wall:.1f} s a refit).

{table}

Medians of a hundred refits each:

{hundreds}

A refit changes by {per:+.3f} CPU s, and its process by {more:+.1f} MB, with each hundred versions
that are kept. A refit of the shipped studies in which all is stale takes 85 CPU s
([latency](latency.md)). Until 2026-11-23, when a refit asked the disk about every file of every
version, parsed the whole ledger nine times and rendered a row for every version, it was +0.26 CPU s
(+0.09 of it in the flow's process) and +3.1 MB, measured in the same way over 500 refits.

Slopes are least squares over all refits but the first {warm}; a slope within two standard errors of
zero is flat. CPU seconds rise with the wall seconds of a refit, that is with what else the machine
does (the server has work of its own every few seconds, and processes that take turns empty each
other's caches); the last lines hold the wall seconds at their mean, which takes out part of it.

Folders grow by what is kept for good: each version in `reports/`, its stages' outputs in DVC's
cache, and both in Git. Prefect's folder has the database; the server of `scaling serve` removes
runs that are older than 90 days from it (`PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED`; here none was
so old). The server's memory goes up and down: SQLite may keep 80 MB of its database's pages a
connection (Prefect's setting). The flow's process keeps the last 700 events until the server has
confirmed them, and each line of the ledger (about 1.5 kB with what was read from it).

![CPU seconds and memory over the refits](soak.svg)
{compared}"""


HUNDREDS = {
    "CPU s of a refit": "cpu",
    "flow's own memory, MB": "own_flow",
    "server's own memory, MB": "own_server",
}


def hundreds(rows: pl.DataFrame) -> str:
    """Medians over each hundred refits."""
    parts = rows.with_columns(part=(pl.col("refit") - 1) // 100).group_by("part").agg(
        pl.col("refit").min().alias("low"),
        pl.col("refit").max().alias("high"),
        *(pl.col(column).median() for column in HUNDREDS.values()),
    )  # fmt: skip
    made = parts.sort("part").to_dicts()
    heads = " | ".join(f"{row['low']} to {row['high']}" for row in made)
    lines = [f"| refits | {heads} |", "|---" * (len(made) + 1) + "|"]
    for name, column in HUNDREDS.items():
        cells = " | ".join(f"{row[column]:.4g}" for row in made)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


COMPARED = """
## With few and with many versions

    nice -n 5 python -m benchmarks.soak run N FEW.csv 3
    nice -n 5 python -m benchmarks.soak run N MANY.csv 500

The versions that are there before are published alone. Means of {number} refits each, after the
first {warm}, one soak after the other:

{table}
"""


def compared(few: Path, many: Path) -> str:
    """Means of two soaks that began with few and with many versions, and what lies between."""
    parts = [table(few), table(many)]
    spans = [f"{part['versions'].min()} to {part['versions'].max()} versions" for part in parts]
    apart = float(parts[1]["versions"].mean() - parts[0]["versions"].mean()) / 100
    lines = [
        f"| | {spans[0]} | {spans[1]} | more for 100 versions | standard error |",
        "|---|---|---|---|---|",
    ]
    chosen = {**CPU, "the flow's own memory, MB": "own_flow", "the server's own, MB": "own_server"}
    for name, column in chosen.items():
        ends = [part[column].to_numpy().astype(float) for part in parts]
        low, high = (float(one.mean()) for one in ends)
        error = float(np.sqrt(sum(one.var(ddof=1) / len(one) for one in ends)))
        more = f"{(high - low) / apart:+.3g} | {error / apart:.2g}"
        lines.append(f"| {name} | {low:.4g} | {high:.4g} | {more} |")
    return COMPARED.format(number=parts[0].height, warm=WARM, table="\n".join(lines))


def write(file: Path, out: Path, few: Path | None = None, many: Path | None = None) -> None:
    """Write soak.md and soak.svg; ``few`` and ``many`` are of soaks that began with versions."""
    rows = table(file)
    x = rows["refit"].to_numpy().astype(float)
    lines = [
        f"| over refits {int(x[0])} to {int(x[-1])} | at the first | at the last, as fitted | "
        "change per 100 refits | standard error |",
        "|---|---|---|---|---|",
    ]
    for name, column in SHOWN.items():
        start, per, error = slope(x, rows[column].to_numpy().astype(float))
        last = start + per * (x[-1] - x[0]) / 100
        small = 5e-4  # below this a slope is rounding
        told = f"{per:+.3g} | {error:.2g}" if abs(per) > small else "0 | 0"
        lines.append(f"| {name} | {start:.4g} | {last:.4g} | {told} |")
    wall = rows["seconds"].to_numpy().astype(float)
    for name, column in CPU.items():
        start, per, error = slope(x, rows[column].to_numpy().astype(float), wall)
        last = start + per * (x[-1] - x[0]) / 100
        told = f"{start:.4g} | {last:.4g} | {per:+.3g} | {error:.2g}"
        lines.append(f"| {name}, wall seconds held fixed | {told} |")
    size = slope(x, rows["reports"].to_numpy().astype(float))[1] / 100
    text = TEXT.format(
        number=int(x[-1]),
        wall=float(np.median(rows["seconds"].drop_nulls().to_numpy())),
        table="\n".join(lines),
        hundreds=hundreds(rows),
        per=slope(x, rows["cpu"].to_numpy().astype(float))[1],
        more=slope(x, rows["own_flow"].to_numpy().astype(float))[1],
        warm=WARM,
        size=size,
        compared=compared(few, many) if few and many else "",
    )
    (out / "soak.md").write_text(text)
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
