"""What training costs: chip hours, days, money, energy and carbon, each with a range.

The expressions are those of `scaling.compute.footprint`. Every factor is a band, low to high, and
the ends of an answer take all factors at their favourable or at their unfavourable end: a range of
what is possible, not an interval of probability.

Defaults, each with its reason:

- Utilisation .4 (.3 to .5): reported utilisations lie between .3 and .5 (docs/governance.md).
- Price 2.35 USD per H100 hour (1.70 to 2.95): one-year contracts rose from 1.70 (October 2025) to
  2.35 (March 2026), the median on demand was 2.95 (May 2026); secondary reports, so give your own.
- Power: the chip's thermal design power alone is the low end; a server needs 1,275/700 of it
  (DGX H100: 10.2 kW for eight), the high end; the centre is .7 of a server, as Epoch AI takes it.
- Overhead (PUE) 1.2 (1.1 to 1.3): halls built for training.
- Carbon has no default: the intensity of a grid must come with its date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from scaling.compute import footprint
from scaling.errors import InputError, nearest
from scaling.fitting.intervals import Interval
from scaling.govern import registry
from scaling.plan.allocation import optimal
from scaling.plan.answer import FLOPS, NOT_ONE_LAW, Answer, Basis, Figure, exact, within
from scaling.plan.stored import Sheet

Seen = tuple[list[str], dict[str, float], list[str]]

CHIP = "NVIDIA H100 SXM5 80GB"
NODE, DRAW = 1275.0 / 700.0, 0.7
LIMITS = {
    "utilisation": (0.001, 1.0, "of the dense peak rate"),
    "price": (0.01, 1000.0, "USD per chip hour"),
    "power": (10.0, 100_000.0, "W per chip"),
    "pue": (1.0, 3.0, ""),
    "grid": (0.0, 2.0, "kg CO2e per kWh"),
    "market": (0.0, 2.0, "kg CO2e per kWh"),
}


@dataclass(frozen=True)
class FactorRange:
    """A factor with its ends."""

    low: float
    central: float
    high: float

    @classmethod
    def of(cls, name: str, text: str) -> FactorRange:
        """From ``MID`` or ``LOW,MID,HIGH``.

        Raises:
            InputError: not numbers, not in order, or outside the limits of ``name``.
        """
        try:
            parts = [float(part) for part in text.split(",")]
        except ValueError:
            parts = []
        if len(parts) not in (1, 3) or sorted(parts) != parts:
            raise InputError(f"{name} cannot be read", value=text, allowed="MID or LOW,MID,HIGH")
        low, high, unit = LIMITS[name]
        for part in parts:
            within(name, part, (low, high), unit)
        return cls(parts[0], parts[len(parts) // 2], parts[-1])


@dataclass(frozen=True)
class Hardware:
    """Chips and their circumstances; carbon is left out where ``grid`` is None."""

    chip: str
    peak_flops: float
    power: FactorRange
    utilisation: FactorRange = field(default_factory=lambda: FactorRange(0.3, 0.4, 0.5))
    price: FactorRange = field(default_factory=lambda: FactorRange(1.70, 2.35, 2.95))
    pue: FactorRange = field(default_factory=lambda: FactorRange(1.1, 1.2, 1.3))
    grid: FactorRange | None = None
    market: FactorRange | None = None
    dated: str = ""

    @property
    def usd_per_flop(self) -> float:
        """Central price of an operation."""
        return self.price.central / (3600.0 * self.peak_flops * self.utilisation.central)


def hardware(
    chip: str = CHIP,
    given: Mapping[str, str | None] | None = None,
    dated: str = "",
    folder: Path = registry.FOLDER,
) -> Hardware:
    """A chip of chips.csv, with bands as text where they are given.

    Raises:
        InputError: unknown chip, a band that cannot be read, or an intensity without its date.
    """
    chips = registry.load(folder).chips
    found = chips.filter(pl.col("chip") == chip)
    if found.is_empty():
        names = chips["chip"].to_list()
        raise InputError(
            "unknown chip",
            file=folder / "chips.csv",
            value=chip,
            allowed="a name in that file",
            hint=nearest(chip, names),
        )
    watts = float(found["power_w"][0] or 0.0)
    known = {
        name: FactorRange.of(name, text) for name, text in (given or {}).items() if text is not None
    }
    if ("grid" in known or "market" in known) and not dated:
        raise InputError("an intensity needs its date", allowed="--grid-dated YYYY-MM")
    if "power" not in known and watts <= 0:
        raise InputError("no power is known for this chip", value=chip, allowed="--power WATT")
    known.setdefault("power", FactorRange(watts, watts * NODE * DRAW, watts * NODE))
    return Hardware(chip, float(found["peak_flops"][0]), dated=dated, **known)


def figures(flops: FactorRange, by: Hardware, chips: float | None = None) -> dict[str, FactorRange]:
    """Chip hours, days on ``chips`` (where given), USD, MWh and tonnes of CO2e."""
    # Rows: all factors favourable, central, unfavourable.
    table = pl.DataFrame(
        {
            "flop": [flops.low, flops.central, flops.high],
            "use": [by.utilisation.high, by.utilisation.central, by.utilisation.low],
            **{
                name: [one.low, one.central, one.high]
                for name, one in (("price", by.price), ("power", by.power), ("pue", by.pue))
            },
        }
    )
    hours = footprint.hours_for(pl.col("flop"), pl.lit(by.peak_flops), pl.col("use"))
    energy = footprint.energy_kwh(pl.col("chip_hours"), pl.col("power"), pl.col("pue"))
    made = table.with_columns(chip_hours=hours).with_columns(energy=energy)
    made = made.with_columns(usd=footprint.rented_usd(pl.col("chip_hours"), pl.col("price")))
    out = {"chip_hours": _band(made["chip_hours"])}
    if chips is not None:
        out["days"] = _band(made["chip_hours"] / chips / 24.0)
    out |= {"usd": _band(made["usd"]), "energy": _band(made["energy"] / 1000.0)}
    for name, one in (("carbon_location", by.grid), ("carbon_market", by.market)):
        if one is not None:
            at = pl.Series("intensity", [one.low, one.central, one.high])
            carbon = footprint.carbon_kg(pl.col("energy"), pl.col("intensity"))
            out[name] = _band(made.with_columns(at).select(carbon / 1000.0).to_series())
    return out


def _band(ends: pl.Series) -> FactorRange:
    return FactorRange(*(float(one) for one in ends))


UNITS = {
    "chip_hours": "h",
    "days": "days",
    "usd": "USD",
    "energy": "MWh",
    "carbon_location": "t CO2e, location-based",
    "carbon_market": "t CO2e, market-based",
}


def cost(
    by: Hardware,
    *,
    flops: float | None = None,
    sheet: Sheet | None = None,
    loss: float | None = None,
    law: str | None = None,
    chips: float | None = None,
    level: float = 0.9,
) -> Answer:
    """Cost of ``flops``, or of the least compute with which a fitted law reaches ``loss``.

    Raises:
        InputError: a figure out of range, or neither or both of ``flops`` and ``loss``.
    """
    if (flops is None) == (loss is None):
        raise InputError("give --flops or --loss", value=(flops, loss), allowed="one of the two")
    if chips is not None:
        within("chips", chips, (1.0, 1e8), "chips")
    if flops is not None:
        within("compute", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
        spent, source, version = exact(flops, level), "no law", "-"
        seen: Seen = ([], {}, [])
        basis = NOT_ONE_LAW
    else:
        spent, source, version, basis, seen = _of_loss(sheet, loss, law, level)
        others = [_shown(one, by, chips, level) for name, one, _ in basis.model if name == "flops"]
        basis = replace(basis, model=others[0] if others else ())
    assumes, distance, warnings = seen
    return Answer(
        f"Cost of {spent.value:.4g} FLOP on {by.chip}",
        _shown(spent, by, chips, level),
        source,
        version,
        basis,
        {},
        distance,
        [*assumes, *_assumptions(by)],
        [*warnings, *_missing(by)],
    )


def _shown(spent: Interval, by: Hardware, chips: float | None, level: float) -> list[Figure]:
    """What a compute costs."""
    low, high = (spent.low, spent.high) if spent.low == spent.low else (spent.value, spent.value)
    made = figures(FactorRange(low, spent.value, high), by, chips)
    return [
        ("flops", spent, "FLOP"),
        *((k, Interval(b.central, b.low, b.high, 1.0), UNITS[k]) for k, b in made.items()),
        ("usd_per_flop", exact(by.usd_per_flop, level), "USD/FLOP"),
    ]


def _of_loss(
    sheet: Sheet | None, loss: float | None, law: str | None, level: float
) -> tuple[Interval, str, str, Basis, Seen]:
    if sheet is None:
        raise InputError("a loss needs a fitted law", value=loss, allowed="a study or --runs")
    found = optimal(sheet, loss=loss, law=law, level=level)
    spent = found.value("flops")
    seen = list(found.assumptions), dict(found.distance), list(found.warnings)
    return spent, found.source, found.version, found.basis, seen


def _assumptions(by: Hardware) -> list[str]:
    def ends(one: FactorRange) -> str:
        return f"{one.central:.4g} ({one.low:.4g} to {one.high:.4g})"

    out = [
        f"{by.chip}: {by.peak_flops:.4g} FLOP/s dense peak, utilisation {ends(by.utilisation)}, "
        f"{ends(by.price)} USD per hour, {ends(by.power)} W, PUE {ends(by.pue)}.",
        "Ends take every factor at its favourable or its unfavourable end (100 %: no probability).",
        "Energy is of the facility: servers and overhead, without building the chips.",
        "One finished run: failed runs, experiments and staff come on top.",
    ]
    if by.grid is not None or by.market is not None:
        out.append(f"Carbon intensity of {by.dated}.")
    return out


def _missing(by: Hardware) -> list[str]:
    if by.grid is None and by.market is None:
        return ["No carbon: give the grid's kg/kWh (--grid) with its date (--grid-dated)."]
    return []
