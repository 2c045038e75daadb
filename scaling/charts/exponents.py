"""Compute-optimal exponents: a, N* and D*/N* by every approach, with intervals."""

from __future__ import annotations

from typing import Any

from scaling.charts import _marks as m
from scaling.forecasting.display import Exponents


def _name(row: dict[str, Any]) -> str:
    """The approach and its law, after the group where there are several."""
    group = f"{row['group']}: " if "group" in row else ""
    return f"{group}{row['approach']} ({row['law']})"


def _panel(made: Exponents, name: str, title: str, headline: str, log: bool) -> m.Drawing | None:
    if name not in made.columns:
        return None
    rows = [
        {
            "approach": _name(one),
            "value": one[name],
            "low": one[f"{name}_low"],
            "high": one[f"{name}_high"],
        }
        for one in made.drop_nulls(name).to_dicts()
    ]
    if not rows:
        return None
    return m.intervals(rows, "approach", title, m.titled(headline, "90 % intervals"), log=log)


def exponent(made: Exponents) -> m.Drawing | None:
    """The exponent a of N* ~ C^a."""
    return _panel(made, "a", "a of N* ~ C^a", "Compute-optimal exponent", log=False)


def params(made: Exponents) -> m.Drawing | None:
    """N* at the budget."""
    headline = f"Compute-optimal params at {made.budget:.3g} FLOP"
    return _panel(made, "params", "params", headline, log=True)


def ratio(made: Exponents) -> m.Drawing | None:
    """D*/N* at the budget."""
    headline = f"Tokens per param at {made.budget:.3g} FLOP"
    return _panel(made, "tokens_per_param", "tokens per param", headline, log=True)


PANELS = {"a": exponent, "params": params, "tokens_per_param": ratio}
