"""The redacted variant of an evidence pack: what is taken out, what is left, and why.

Compute stays as an order of magnitude, which is what national authorities get under the EU's Model
Documentation Form; SB 53 asks that what is redacted is described and justified (Bus. & Prof. Code
22757.12(f)). The unredacted pack is to be kept: five years under the same provision.
"""

from __future__ import annotations

import polars as pl

MAGNITUDES = ("central", "central_2sf", "low", "high", "to_date", "best")
REMOVED: dict[str, str] = {
    "ratio": "gives the exact compute back",
    "exceeds": "follows from the exact compute",
    "accuracy_95": "shows how the figure was metered",
    "p_final": "gives the exact compute back",
    "p_by_date": "gives the exact compute back",
    "date_05": "gives the pace of training",
    "date_50": "gives the pace of training",
    "date_95": "gives the pace of training",
    "trigger_at": "gives the pace of training",
    "notify_by": "gives the pace of training",
    "notify_at": "gives the pace of training",
    "sigma": "shows how the figure was metered",
    "params": "model size, trade secret",
    "params_active": "model size, trade secret",
    "tokens": "amount of data, trade secret",
    "chip": "hardware, trade secret and security",
    "chips": "hardware, trade secret and security",
    "hours": "hardware, trade secret and security",
    "chip_hours": "hardware, trade secret and security",
    "peak_flops": "hardware, trade secret and security",
    "utilisation": "hardware, trade secret and security",
    "cost_usd": "commercial",
    "revenue_usd": "commercial",
    "energy_kwh": "gives the hardware back",
    "location_kg": "gives the hardware back",
    "market_kg": "gives the hardware back",
    "inference_flop_100k_tokens": "gives the model size back",
    "assumptions": "may name hardware or data",
}


def redact(table: pl.DataFrame) -> pl.DataFrame:
    """The table with sensitive columns emptied and compute as powers of ten (floor)."""
    magnitudes = [name for name in table.columns if name in MAGNITUDES or _regime(name)]
    removed = [name for name in table.columns if name in REMOVED]
    rounded = [
        pl.lit(10.0).pow(pl.col(name).log10().floor()).alias(name)
        for name in magnitudes
        if table[name].dtype == pl.Float64
    ]
    emptied = [pl.lit(None, table[name].dtype).alias(name) for name in removed]
    return table.with_columns(*rounded, *emptied, redacted=pl.lit(value=True))


def record(*tables: pl.DataFrame) -> list[tuple[str, str]]:
    """What `redact` does to these tables: field and reason."""
    names = {name for table in tables for name in table.columns}
    made = [(name, "order of magnitude only") for name in sorted(names) if name in MAGNITUDES]
    return made + [(name, why) for name, why in REMOVED.items() if name in names]


def _regime(name: str) -> bool:
    return name.endswith(("_low", "_central", "_high")) and not name.startswith("flop")
