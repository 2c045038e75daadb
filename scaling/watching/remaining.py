"""What the rest of a run takes: hours, and of known chips energy and money.

    hours left  = what is left of the run / pace
    chip hours  = chips x hours left;   energy and money as of `scaling.compute.footprint`

The pace is that of the last `RECENT` of the run, the median over its pieces, so that a pause counts
little. Power, overhead and price are those of `scaling plan cost`, with its low and high ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.compute import footprint
from scaling.errors import InputError
from scaling.govern import registry
from scaling.plan import costs
from scaling.plan.costs import FactorRange, Hardware
from scaling.watching.series import Series

# The part of what is done over which the pace is taken, and the pieces that it is cut into.
RECENT = 0.2
PIECES = 10


@dataclass(frozen=True)
class Remaining:
    """What the rest of a run takes; None where it is not known, and ``missing`` says what would
    tell.

    Attributes:
        hours: of the clock.
        energy_kwh, usd: low, central and high.
        basis: what the figures rest on, a sentence each.
        missing: what to give, a sentence each.
    """

    hours: float | None
    energy_kwh: FactorRange | None
    usd: FactorRange | None
    basis: tuple[str, ...]
    missing: tuple[str, ...]


def pace(at: Array, wall: Array) -> float | None:
    """Steps or tokens (n,) per second of the clock (n,) lately; None where no times are known."""
    known = np.isfinite(wall) & np.isfinite(at)
    at, wall = at[known], wall[known]
    recent = at >= at[-1] * (1.0 - RECENT) if len(at) else np.zeros(0, dtype=bool)
    if recent.sum() < 2:
        recent = np.ones(len(at), dtype=bool)
    at, wall = at[recent], wall[recent]
    if len(at) < 2:
        return None
    cuts = np.unique(np.linspace(0, len(at) - 1, min(PIECES, len(at) - 1) + 1).astype(int))
    seconds, distance = np.diff(wall[cuts]), np.diff(at[cuts])
    forward = (seconds > 0) & (distance > 0)
    if not forward.any():
        return None
    return float(1.0 / np.median(seconds[forward] / distance[forward]))


def remaining(
    series: Series,
    seen: tuple[Array, Array],
    chips: float | None = None,
    by: Hardware | None = None,
) -> Remaining:
    """What the rest of the run takes.

    Args:
        series: the run.
        seen: how far the run was (k,) at what seconds since 1970 (k,), as the watch itself saw it;
            for logs without times.
        chips: that the run is on.
        by: the chip, its power, overhead and price.

    Raises:
        InputError: a number of chips that is not positive.
    """
    if chips is not None and not (np.isfinite(chips) and chips > 0):
        raise InputError("not a number of chips", column="chips", value=chips, allowed="> 0")
    speed, source = pace(series.at, series.wall), "times in the log"
    if speed is None:
        speed, source = pace(*seen), "this watch's own clock"
    if speed is None:
        why = "time left: not known before two looks at the log, which has no times"
        return Remaining(None, None, None, (), (why,))
    hours = max(series.planned - series.last, 0.0) / speed / 3600.0
    basis = [f"pace {speed:.4g} {series.unit} a second, from {source}"]
    if chips is None or by is None:
        return Remaining(hours, None, None, tuple(basis), (GIVE_CHIPS,))
    energy, usd = _cost(chips * hours, by)
    basis.append(
        f"{chips:g} x {by.chip}: {_ends(by.power)} W, PUE {_ends(by.pue)}, "
        f"{_ends(by.price)} USD per chip hour"
    )
    return Remaining(hours, energy, usd, tuple(basis), ())


def hardware(chip: str, given: Mapping[str, str | None]) -> Hardware:
    """The chip with the bands of `scaling.plan.costs.hardware`; by its power alone, where that is
    given, so that no table of chips is needed.

    Raises:
        InputError: as there.
    """
    bands = {name: FactorRange.of(name, text) for name, text in given.items() if text is not None}
    if "power" in bands:
        usual = Hardware(chip, float("nan"), bands["power"])
        price, pue = bands.get("price", usual.price), bands.get("pue", usual.pue)
        return replace(usual, price=price, pue=pue)
    if not registry.FOLDER.is_dir():
        raise InputError(
            "no table of chips here", file=registry.FOLDER, value=chip, allowed="--power WATT",
            hint="With --power and --price none is needed.",
        )  # fmt: skip
    return costs.hardware(chip, given)


GIVE_CHIPS = "energy and money left: give --chips N (and --chip NAME, --price USD per chip hour)"


def _ends(one: FactorRange) -> str:
    return f"{one.central:.4g} ({one.low:.4g} to {one.high:.4g})"


def _cost(chip_hours: float, by: Hardware) -> tuple[FactorRange, FactorRange]:
    """kWh and USD of so many chip hours, all factors low, central and high."""
    columns = (("price", by.price), ("power", by.power), ("pue", by.pue))
    table = pl.DataFrame({name: [one.low, one.central, one.high] for name, one in columns})
    hours = pl.lit(chip_hours)
    made = table.select(
        energy=footprint.energy_kwh(hours, pl.col("power"), pl.col("pue")),
        usd=footprint.rented_usd(hours, pl.col("price")),
    )
    energy, usd = (FactorRange(*made[name].to_list()) for name in ("energy", "usd"))
    return energy, usd
