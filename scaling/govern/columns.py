"""The columns of the registry, of a runs file and of its ledger: dtype, unit, range, meaning. Once.

A condition (``scope_when``, ``nexus_when``, ``conditions_when``) is terms parted by ';', each
``COLUMN OP VALUE`` over a column of the runs file. OP is one of = has > >= < <=; ``has`` looks into
a list parted by ';' for any of the words parted by '|'.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from scaling.runs.schema import Column

STATUSES = (
    "in_force",
    "on_the_books_not_enforced",
    "voluntary",
    "enacted",
    "passed",
    "proposed",
    "vetoed",
    "superseded",
    "rescinded",
    "expired",
    "no_threshold",
)
# Quantities that a runs file can answer; the others are listed and never evaluated.
EVALUATED = (
    "training_compute",
    "modification_compute",
    "modification_ratio",
    "training_cost",
    "cluster_peak",
)
COMPARATORS = (">", ">=", "<", "<=")
EXCEEDING = (">", ">=")
YES_NO = ("yes", "no")


def _text(name: str, meaning: str, **more: Any) -> Column:
    return Column(name, pl.String, "", meaning, **more)


def _day(name: str, meaning: str, **more: Any) -> Column:
    return Column(name, pl.Date, "date", meaning, **more)


def _number(
    name: str, unit: str, meaning: str, high: float, required: bool = False, **more: Any
) -> Column:
    return Column(name, pl.Float64, unit, meaning, required, low=0.0, high=high, **more)


RULE: tuple[Column, ...] = (
    _text("rule", "id; one rule has one row per period and statement", required=True),
    _text("jurisdiction", "whose rule it is", required=True),
    _text("instrument", "act, regulation, order, guideline or policy", required=True),
    _text("provision", "the place in it", required=True),
    _text(
        "nature",
        "kind of instrument",
        required=True,
        allowed=("law", "regulation", "order", "guidance", "bill", "policy", "academic"),
    ),
    _text(
        "quantity",
        "what is compared with value",
        required=True,
        allowed=(
            *EVALUATED,
            "effective_compute_ratio",
            "published_frontier",
            "frontier_distance",
            "none",
        ),
    ),
    _text("comparator", "decides equality", required=True, allowed=(*COMPARATORS, "none")),
    _number("value", "see unit", "the threshold", 1e32, open_low=True),
    _text(
        "unit",
        "unit of value",
        required=True,
        allowed=("FLOP", "FLOP/s", "USD", "ratio", "OOM", "none"),
    ),
    _text("counts", "what counts: a name in counts.csv, or none"),
    _text("exact", "value as a fraction, where no decimal is equal to it: 1/3, 1e25/3"),
    _text("cumulative", "is compute added up over a model's life", allowed=YES_NO),
    _text(
        "attaches",
        "from when compute counts: used; intended (plans of a run that started); known (to come)",
        allowed=("used", "intended", "known"),
    ),
    _text("scope", "which models, in words", required=True),
    _text("scope_when", "the same as a condition"),
    _text("nexus", "what ties a model or person to the jurisdiction, in words", required=True),
    _text("nexus_when", "the same as a condition"),
    _text("conditions", "what else must hold, in words"),
    _text("conditions_when", "the same as a condition"),
    _text("obligation", "what follows", required=True),
    _text("clock", "by when, in words", required=True),
    Column("clock_days", pl.Float64, "days or hours", "length of the clock", low=0.0, high=1e4),
    _text(
        "clock_unit",
        "how the clock runs",
        required=True,
        allowed=("calendar", "business", "hours", "none"),
    ),
    _text(
        "clock_from",
        "what starts the clock",
        required=True,
        allowed=("trigger", "released", "transaction", "none"),
    ),
    _text("clock_zone", "time zone of the clock (IANA name)"),
    _number("accuracy", "1", "error of an estimate that the rule allows, a share", 0.99),
    _day("legacy_before", "models released before this day have until legacy_until"),
    _day("legacy_until", "see legacy_before"),
    _day("adopted", "day of adoption"),
    _day("effective_from", "first day on which the status holds", required=True),
    _day("effective_to", "first day on which it no longer holds; empty: still holds"),
    _text("status", "status in that period", required=True, allowed=STATUSES),
    _day("applies_from", "of a bill: day from which it would be in force; empty: not known"),
    _day("recorded_from", "day from which this statement was public", required=True),
    _day("recorded_to", "day on which another statement corrected it; empty: stands"),
    _day("entered", "day from which this registry has the row", required=True),
    _day("closed", "day on which this registry entered recorded_to"),
    _day("checked_to", "newest day to which sources confirm the row", required=True),
    _text("primary_source", "the text itself, where it was read"),
    _text("other_sources", "independent secondary sources, parted by ';'"),
    _text("confidence", "of who entered the row", allowed=("high", "medium", "low")),
    _text("note", "free text"),
)

COUNT: tuple[Column, ...] = (
    _text("counts", "regime, as rules name it", required=True),
    _text("category", "category of the ledger", required=True),
    _number("low", "1", "weight in the low figure", 1.0, required=True),
    _number("central", "1", "weight in the central figure", 1.0, required=True),
    _number("high", "1", "weight in the high figure", 1.0, required=True),
    _text("reading", "why", required=True),
    _text("source", "provision or draft that says so", required=True),
)

ERROR: tuple[Column, ...] = (
    _text("method", "how the compute was found", required=True),
    _number("sigma", "1", "standard deviation of ln(estimate / truth)", 10.0, required=True),
    _text("band", "what that means", required=True),
    _text("source", "where it is from", required=True),
    _text("verified", "was it read in a source", required=True, allowed=YES_NO),
)

CHIP: tuple[Column, ...] = (
    _text("chip", "name", required=True),
    _number("peak_flops", "FLOP/s", "peak dense rate", 1e20, required=True, open_low=True),
    _text("precision", "of that rate", required=True),
    _number("power_w", "W", "thermal design power", 1e6),
    _text("source", "where it is from", required=True),
)

METHODS = (
    "stated",
    "counted",
    "6ND",
    "hardware",
    "hardware_assumed",
    "benchmark",
    "confident",
    "likely",
    "speculative",
)
_MOMENT = "YYYY-MM-DD, or a moment with its offset (2026-03-31T23:30:00-07:00)"

RUN: tuple[Column, ...] = (
    _text("run", "id of the run; more rows of one run are its estimates over time", required=True),
    _text("entity", "who trains it", required=True),
    _text("state", "of the run", required=True, allowed=("planned", "running", "finished")),
    _text("model", "life-cycle id: runs of one entity and model add up"),
    _text("parent", "run or model that this run modifies, here or of another developer"),
    _text("parent_entity", "who trained the parent; empty: looked up in this file"),
    _number(
        "parent_flop",
        "FLOP",
        "training compute of the parent, with what it was itself trained from; empty: looked up "
        "in this file",
        1e32,
        open_low=True,
    ),
    _text("parent_systemic", "does the parent have systemic risk (EU)", allowed=YES_NO),
    _text("started", f"start of training, planned or actual: {_MOMENT}"),
    _text("ended", "end of training, planned or actual: as started"),
    _text("released", "placed on the market or deployed: as started"),
    _text("transaction", "completion of the transaction (outbound investment): as started"),
    _day("estimated_on", "day of this estimate; the newest up to the report date is used"),
    _number("flop", "FLOP", "training compute of this run alone, final", 1e32, open_low=True),
    _number("flop_low", "FLOP", "5 % point of it", 1e32, open_low=True),
    _number("flop_high", "FLOP", "95 % point of it", 1e32, open_low=True),
    _number("flop_to_date", "FLOP", "used up to to_date", 1e32),
    _text("to_date", "day or moment of flop_to_date: as started"),
    _text("method", "how flop was found; see errors.csv", allowed=METHODS),
    _number("accuracy", "1", "own error bound of flop, a share", 0.99),
    _number("params", "parameters", "total", 1e16, open_low=True),
    _number("params_active", "parameters", "used for one token", 1e16, open_low=True),
    _number("tokens", "tokens", "seen in training, repeats counted", 1e17, open_low=True),
    _text("chip", "as chips.csv names it"),
    _number("chips", "chips", "number", 1e9, open_low=True),
    _number("hours", "hours", "wall-clock, if not chip_hours", 1e6, open_low=True),
    _number("chip_hours", "hours", "chips x hours", 1e13, open_low=True),
    _number("peak_flops", "FLOP/s", "peak dense rate of one chip", 1e20, open_low=True),
    _number("utilisation", "1", "share of the peak, over all hours", 1.0, open_low=True),
    _number("network_gbps", "Gbit/s", "network of the cluster", 1e9),
    _text("one_datacenter", "is the cluster in one data centre", allowed=YES_NO),
    _number("cost_usd", "USD", "compute cost of the final run", 1e15),
    _number("spend_12_months_usd", "USD", "compute cost of all models in 12 months", 1e15),
    _text("modality", "what it generates: words parted by ';' (text audio image video other)"),
    _text("general_purpose", "general-purpose or foundation model", allowed=YES_NO),
    _text("biological", "trained on primarily biological sequence data", allowed=YES_NO),
    _text("markets", "where it is offered: words parted by ';' (EU US Korea UK China Japan other)"),
    _text(
        "us_states",
        "US states where the model is developed, deployed or operates, in whole or in part, or "
        "its developer does business: words parted by ';' (New York, Illinois, ...)",
    ),
    _text("open_weights", "are the weights published", allowed=YES_NO),
    _text("distilled", "distilled from a frontier model", allowed=YES_NO),
    _text("us_person", "is the entity a US person", allowed=YES_NO),
    _text("us_cloud", "trained on US infrastructure as a service", allowed=YES_NO),
    _text("covered_foreign_person", "31 CFR 850.209", allowed=YES_NO),
    _text("state_of_the_art", "uses state-of-the-art technology (Korea)", allowed=YES_NO),
    _text("serious_impact", "broad serious effect on life or rights (Korea)", allowed=YES_NO),
    _number("revenue_usd", "USD", "with affiliates, preceding calendar year", 1e15),
    _number("chip_power_w", "W", "draw of one chip, or of its share of the node", 1e6),
    _number("pue", "1", "facility over IT power", 10.0),
    _number("grid_kg_per_kwh", "kg/kWh", "location-based carbon intensity", 3.0),
    _number("market_kg_per_kwh", "kg/kWh", "market-based carbon intensity", 3.0),
    _day("grid_dated", "day that the carbon intensities are of"),
    _text("boundary", "of the energy figure", allowed=("chip", "node", "facility")),
    _text("source", "where the row is from"),
    _text("assumptions", "what was assumed"),
)

# The states and the district (USPS Publication 28, appendix B).
US_STATES = (
    "Alabama", "Alaska", "Arizona", "Arkansas", "California", "Colorado", "Connecticut",
    "Delaware", "District of Columbia", "Florida", "Georgia", "Hawaii", "Idaho", "Illinois",
    "Indiana", "Iowa", "Kansas", "Kentucky", "Louisiana", "Maine", "Maryland", "Massachusetts",
    "Michigan", "Minnesota", "Mississippi", "Missouri", "Montana", "Nebraska", "Nevada",
    "New Hampshire", "New Jersey", "New Mexico", "New York", "North Carolina", "North Dakota",
    "Ohio", "Oklahoma", "Oregon", "Pennsylvania", "Rhode Island", "South Carolina", "South Dakota",
    "Tennessee", "Texas", "Utah", "Vermont", "Virginia", "Washington", "West Virginia",
    "Wisconsin", "Wyoming",
)  # fmt: skip
# What a list of words may hold, beside what a rule asks for. Any other word is refused: "Europe"
# would count as no market of the EU.
WORDS = {
    "markets": ("EU", "US", "Korea", "UK", "China", "Japan", "other"),
    "modality": ("text", "audio", "image", "video", "other"),
    "us_states": (*US_STATES, "none"),
}
# The columns of a rule that hold conditions, in the order in which they are asked.
CONDITIONS = ("scope_when", "nexus_when", "conditions_when")

LEDGER: tuple[Column, ...] = (
    _text("run", "id in the runs file", required=True),
    _text("category", "as counts.csv names it", required=True),
    _number("flop", "FLOP", "compute of this category", 1e32, required=True),
    _text("source", "where it is from"),
)

FLEET: tuple[Column, ...] = (
    _text("run", "id in the runs file; one row per kind of chip and period", required=True),
    _number("chips", "chips", "number in that period", 1e9, open_low=True),
    _number("hours", "hours", "wall-clock, if not chip_hours", 1e6, open_low=True),
    _number("chip_hours", "hours", "chips x hours", 1e13, open_low=True),
    _number("peak_flops", "FLOP/s", "peak dense rate of one chip", 1e20, True, open_low=True),
    _number("utilisation", "1", "share of the peak, over all hours", 1.0, True, open_low=True),
)

ARCHITECTURE: tuple[Column, ...] = (
    _text("run", "id in the runs file", required=True),
    _number("layers", "layers", "transformer blocks", 1e5, True, open_low=True),
    _number("width", "units", "model dimension d", 1e7, True, open_low=True),
    _number("heads", "heads", "query heads h", 1e5, True, open_low=True),
    _number("head_width", "units", "width of a head e", 1e6, True, open_low=True),
    _number("kv_heads", "heads", "key-value heads g", 1e5, True, open_low=True),
    _number("ffn", "units", "inner width of the feed-forward, or of one expert, f", 1e7, True),
    _number("ffn_matrices", "matrices", "m: 2, gated 3", 4, True, open_low=True),
    _number("experts", "experts", "E, 0 where dense", 1e6, True),
    _number("experts_active", "experts", "k, used for one token", 1e6, True),
    _number("experts_shared", "experts", "s, used for every token", 1e6, True),
    _number("vocabulary", "tokens", "V", 1e8, True, open_low=True),
    _number("context", "tokens", "sequence length in training", 1e9, True, open_low=True),
    _number("tokens", "tokens", "seen in training, repeats counted", 1e17, True, open_low=True),
)
