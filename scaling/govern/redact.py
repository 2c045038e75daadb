"""The redacted variant of an evidence pack: what may be shown, what is left of the rest, and why.

Only columns that are listed here leave: one that is added later stays in until someone decides.
Compute stays as an order of magnitude, which is what national authorities get under the EU's Model
Documentation Form; SB 53 asks that what is redacted is described and justified (Bus. & Prof. Code
22757.12(f)). The unredacted pack is to be kept: five years under the same provision.
"""

from __future__ import annotations

import polars as pl

MAGNITUDES = ("central", "central_2sf", "low", "high", "to_date", "best")
# Facts of the rule, of the entity, of what is public, and what the answer is.
SHOWN = frozenset(
    {
        *("run", "row", "entity", "state", "released_at", "open_weights", "estimates"),
        *("rule", "jurisdiction", "instrument", "provision", "quantity", "comparator", "unit"),
        *("counts", "verified", "checked_to", "obligation", "clock", "clock_zone", "threshold"),
        *("status", "by_compute", "applies", "missing", "verdict", "accuracy_asked", "trigger"),
        *("notify_missing", "loss_metric", "loss_p05", "loss_p50", "loss_p95", "loss_version"),
        *("error_metric", "error_p05", "error_p50", "error_p95", "error_version"),
        *("footprint_missing", "best_method", "method", "nexus", "entered", "stale_days"),
        # Words without figures (`scaling.govern.reasons`).
        *("counted", "not_stated", "because"),
    }
)
_PACE, _HARDWARE = "gives the pace of training", "hardware, trade secret and security"
_EXACT, _METERED = "gives the exact compute back", "shows how the figure was metered"
REASONS: dict[str, str] = {
    **dict.fromkeys(("ratio", "exceeds", "p_final", "p_by_date"), _EXACT),
    **dict.fromkeys(("accuracy_95", "margin", "sigma", "flags", "accuracy"), _METERED),
    **dict.fromkeys(("date_05", "date_50", "date_95", "known_on", "estimated_on"), _PACE),
    **dict.fromkeys(("trigger_at", "notify_by", "notify_at", "started", "ended"), _PACE),
    **dict.fromkeys(("started_at", "ended_at", "to_date_at"), _PACE),
    **dict.fromkeys(("params", "params_active"), "model size, trade secret"),
    "tokens": "amount of data, trade secret",
    **dict.fromkeys(("chip", "chips", "hours", "chip_hours", "peak_flops"), _HARDWARE),
    **dict.fromkeys(("utilisation", "network_gbps", "cluster_peak"), _HARDWARE),
    **dict.fromkeys(("cost_usd", "spend_12_months_usd", "revenue_usd"), "commercial"),
    **dict.fromkeys(("energy_kwh", "location_kg", "market_kg"), "gives the hardware back"),
    "inference_flop_100k_tokens": "gives the model size back",
    **dict.fromkeys(("model", "parent"), "name of a model inside the company"),
    **dict.fromkeys(("assumptions", "source"), "may name hardware, data, people or places"),
}
NOT_LISTED = "not among what may be shown"


def redact(table: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """The table with columns that may not be shown emptied and compute as powers of ten (floor).

    Args:
        names: run -> the name under which it is shown (`aliases`).
    """
    changed = [
        pl.lit(10.0).pow(pl.col(name).log10().floor()).alias(name)
        if _magnitude(name) and kind == pl.Float64
        else pl.lit(None, kind).alias(name)
        for name, kind in table.schema.items()
        if name not in SHOWN
    ]
    run = [pl.col("run").replace_strict(names)] if "run" in table.columns else []
    return table.with_columns(*changed, *run, redacted=pl.lit(value=True))


def aliases(runs: pl.DataFrame) -> dict[str, str]:
    """A name for each run that says nothing of it: run 1, run 2, ... in the order of the file."""
    listed = runs.sort("row")["run"].unique(maintain_order=True).to_list()
    return {name: f"run {number}" for number, name in enumerate(listed, 1)}


def record(*tables: pl.DataFrame) -> list[tuple[str, str]]:
    """What `redact` does to these tables: field and reason."""
    names = sorted({name for table in tables for name in table.columns} - SHOWN - {"redacted"})
    kept = [(name, "order of magnitude only") for name in names if _magnitude(name)]
    out = [(name, REASONS.get(name, NOT_LISTED)) for name in names if not _magnitude(name)]
    return [("run", "name inside the company: numbered instead"), *kept, *out]


def _magnitude(name: str) -> bool:
    regime = name.endswith(("_low", "_central", "_high")) and not name.startswith("flop")
    return name in MAGNITUDES or regime
