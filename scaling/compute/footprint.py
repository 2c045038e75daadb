"""Energy, carbon and cost of training. Expressions over a table of runs; nothing has a default.

    energy [kWh]   = chip hours x power [kW] x PUE
    carbon [kg]    = energy x intensity [kg/kWh]
    cost [USD]     = chip hours x price                                                (rented)
                   = chip hours x chip price x overhead / life + energy x tariff       (owned)
    inference      = 2 x parameters used x tokens      (forward pass; training takes 6)

Carbon has two figures: location-based (the grid's intensity) and market-based (after contracts). No
text fixes a boundary, so each figure carries its own: ``chip`` (thermal design power of the
accelerators), ``node`` (their share of the server), ``facility`` (with the overhead, PUE). Figures
of different boundaries, or of intensities of different days, cannot be compared.

Sources: Patterson et al. 2021 (arXiv:2104.10350); Touvron et al. 2023 (arXiv:2302.13971), table 15;
Strubell et al. 2019 (arXiv:1906.02243); the Llama 3.1 model card; Cottier et al. 2024
(arXiv:2405.21015) for the owned cost. Reference cases are in tests/unit/compute/test_footprint.py.
"""

from __future__ import annotations

import polars as pl


def energy_kwh(chip_hours: pl.Expr, power_w: pl.Expr, pue: pl.Expr) -> pl.Expr:
    """kWh; ``pue`` is 1 for a boundary within the machine room's walls."""
    return chip_hours * power_w / 1000.0 * pue


def carbon_kg(energy: pl.Expr, intensity: pl.Expr) -> pl.Expr:
    """kg CO2e from kWh and kg/kWh."""
    return energy * intensity


def rented_usd(chip_hours: pl.Expr, price_usd: pl.Expr) -> pl.Expr:
    """Cost at a price per chip hour."""
    return chip_hours * price_usd


def inference_flop(params_used: pl.Expr, tokens: pl.Expr) -> pl.Expr:
    """Operations to read and write ``tokens``: two per parameter used."""
    return 2.0 * params_used * tokens


def hours_for(flop: pl.Expr, peak_flops: pl.Expr, utilisation: pl.Expr) -> pl.Expr:
    """Chip hours that an amount of compute takes."""
    return flop / (peak_flops * utilisation) / 3600.0


def of_runs(runs: pl.DataFrame) -> pl.DataFrame:
    """Energy and both carbon figures of each run, with boundary and date of the intensities.

    ``runs`` as `scaling.govern.runs.prepare` gives them. A figure whose input is missing is null,
    and ``footprint_missing`` names what is missing.
    """
    chips = pl.col("chips") * pl.col("hours")
    needed = pl.col("best") / (pl.col("peak_flops") * pl.col("utilisation")) / 3600.0
    made = runs.with_columns(used_hours=pl.coalesce("chip_hours", chips, needed))
    boundary = pl.col("boundary").fill_null(
        pl.when(pl.col("pue").is_not_null()).then(pl.lit("facility")).otherwise(pl.lit("chip"))
    )
    made = made.with_columns(
        boundary_used=boundary,
        energy_kwh=energy_kwh(
            pl.col("used_hours"),
            pl.col("chip_power_w"),
            pl.when(boundary == "facility").then(pl.col("pue")).otherwise(1.0),
        ),
    )
    energy = pl.col("energy_kwh")
    gaps = {
        "chip_hours": pl.col("used_hours"),
        "chip_power_w": pl.col("chip_power_w"),
        "pue": pl.when(boundary == "facility").then(pl.col("pue")).otherwise(1.0),
        "grid_kg_per_kwh": pl.col("grid_kg_per_kwh"),
        "market_kg_per_kwh": pl.col("market_kg_per_kwh"),
        "grid_dated": pl.col("grid_dated"),
    }
    missing = [pl.when(cell.is_null()).then(pl.lit(name)) for name, cell in gaps.items()]
    return made.select(
        "run",
        "entity",
        pl.col("used_hours").alias("chip_hours"),
        "energy_kwh",
        pl.col("boundary_used").alias("boundary"),
        carbon_kg(energy, pl.col("grid_kg_per_kwh")).alias("location_kg"),
        carbon_kg(energy, pl.col("market_kg_per_kwh")).alias("market_kg"),
        "grid_dated",
        inference_flop(pl.coalesce("params_active", "params"), pl.lit(1e5)).alias(
            "inference_flop_100k_tokens"
        ),
        pl.concat_str(missing, separator=", ", ignore_nulls=True)
        .replace("", None)
        .alias("footprint_missing"),
    )
