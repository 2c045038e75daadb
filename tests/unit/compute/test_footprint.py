"""Energy, carbon and cost against published cases."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from scaling.compute import footprint
from tests.support.govern_tables import RUN, prepared


def energy(hours: float, watts: float, pue: float) -> float:
    made = footprint.energy_kwh(pl.lit(hours), pl.lit(watts), pl.lit(pue))
    return float(pl.select(made).item())


def carbon(kwh: float, intensity: float) -> float:
    return float(pl.select(footprint.carbon_kg(pl.lit(kwh), pl.lit(intensity))).item())


# Touvron et al. 2023, table 15: chip hours at 400 W and PUE 1.1, MWh and t CO2e at 0.385 kg/kWh.
LLAMA = [
    ("OPT-175B", 809_472, 356, 137),
    ("BLOOM-175B", 1_082_880, 475, 183),
    ("LLaMA-7B", 82_432, 36, 14),
    ("LLaMA-13B", 135_168, 59, 23),
    ("LLaMA-33B", 530_432, 233, 90),
    ("LLaMA-65B", 1_022_362, 449, 173),
]


@pytest.mark.parametrize(("model", "hours", "mwh", "tonnes"), LLAMA)
def test_llama_table_15(model: str, hours: float, mwh: float, tonnes: float) -> None:
    kwh = energy(hours, 400.0, 1.1)
    # One per cent, or half a unit where the table rounds to whole ones.
    assert kwh / 1000 == pytest.approx(mwh, rel=0.01, abs=0.5), model
    assert carbon(kwh, 0.385) / 1000 == pytest.approx(tonnes, rel=0.01, abs=0.5), model


def test_llama_the_whole_project() -> None:
    """2,638 MWh and 1,015 t CO2e."""
    assert carbon(2_638_000, 0.385) / 1000 == pytest.approx(1015, rel=0.01)


def test_gpt_3() -> None:
    """Patterson et al. 2021, table 4: 1,287 MWh and 552 t, at 0.429 kg/kWh."""
    assert carbon(1_287_000, 0.429) / 1000 == pytest.approx(552, rel=0.01)


# Model card of Llama 3.1: hours at 700 W, location-based t CO2e; its power includes overhead.
LLAMA_31 = [("8B", 1.46e6, 420), ("70B", 7.0e6, 2040), ("405B", 30.84e6, 8930)]


@pytest.mark.parametrize(("model", "hours", "tonnes"), LLAMA_31)
def test_llama_31(model: str, hours: float, tonnes: float) -> None:
    """One intensity, 0.414 kg/kWh, fits all three and their sum of 11,390 t."""
    kwh = energy(hours, 700.0, 1.0)
    assert carbon(kwh, 0.4140) / 1000 == pytest.approx(tonnes, rel=0.01), model
    assert carbon(energy(39.3e6, 700.0, 1.0), 0.4140) / 1000 == pytest.approx(11_390, rel=0.01)
    assert carbon(kwh, 0.0) == 0.0


def test_strubell() -> None:
    """626,155 lb CO2e of 656,347 kWh at 0.954 lb/kWh."""
    assert carbon(656_347, 0.954) == pytest.approx(626_155, rel=0.01)


def test_one_query() -> None:
    """Epoch AI on GPT-4o: 500 tokens, 100B parameters used, 10 % of an H100, 1,071 W: 0.30 Wh."""
    flop = float(pl.select(footprint.inference_flop(pl.lit(100e9), pl.lit(500.0))).item())
    assert flop == pytest.approx(1e14)
    hours = float(pl.select(footprint.hours_for(pl.lit(flop), pl.lit(989e12), pl.lit(0.10))).item())
    assert 1000 * energy(hours, 1275.0 * 0.7, 1.2) == pytest.approx(0.30, rel=0.01)


@pytest.mark.parametrize(
    ("flop", "hours", "usd", "gwh"),
    [(1e23, 70e3, 0.165e6, 0.0752), (1e25, 7.02e6, 16.5e6, 7.52), (1e27, 702e6, 1.65e9, 752)],
)
def test_what_a_threshold_takes(flop: float, hours: float, usd: float, gwh: float) -> None:
    """H100 at 40 % of 989e12, 2.35 USD an hour, 1.275 kW x 0.7 x 1.2."""
    taken = float(pl.select(footprint.hours_for(pl.lit(flop), pl.lit(989e12), pl.lit(0.4))).item())
    assert taken == pytest.approx(hours, rel=0.01)
    cost = float(pl.select(footprint.rented_usd(pl.lit(taken), pl.lit(2.35))).item())
    assert cost == pytest.approx(usd, rel=0.01)
    assert energy(taken, 1275.0 * 0.7, 1.2) / 1e6 == pytest.approx(gwh, rel=0.01)


def test_of_a_run_with_its_boundary_and_what_is_missing() -> None:
    full = RUN | {
        "chip_hours": 1e6,
        "chip_power_w": 700.0,
        "pue": 1.2,
        "grid_kg_per_kwh": 0.4,
        "market_kg_per_kwh": 0.0,
        "grid_dated": date(2025, 12, 31),
        "params": 70e9,
    }
    bare = RUN | {"run": "bare", "chip_hours": 1e6, "chip_power_w": 700.0}
    made = footprint.of_runs(prepared(full, bare)).sort("run", descending=True).to_dicts()
    assert made[0]["energy_kwh"] == pytest.approx(840_000)
    assert (made[0]["boundary"], made[0]["footprint_missing"]) == ("facility", None)
    assert (made[0]["location_kg"], made[0]["market_kg"]) == (pytest.approx(336_000), 0.0)
    assert made[0]["inference_flop_100k_tokens"] == pytest.approx(1.4e16)
    assert (made[1]["boundary"], made[1]["location_kg"]) == ("chip", None)
    assert "grid_kg_per_kwh" in made[1]["footprint_missing"]
