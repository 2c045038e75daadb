"""Stage ``forecast``: stored fits and the targets of params.yaml become quantiles."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.forecast.mixture import Member, law_weights, quantiles, run_noise
from scaling.pipeline.files import write_bytes
from scaling.pipeline.study import load_params
from scaling.plan.optimal import compute_optimal
from scaling.schema import FORECAST, dtypes

FITS = Path("data/fits")
OUT = Path("data/forecasts/forecast.csv")


def main() -> None:
    """Write data/forecasts/forecast.csv, one row per study, target, law and quantile."""
    params = load_params()
    levels = np.array(params["forecast"]["quantiles"], dtype=np.float64)
    parts = []
    for study in sorted(params["studies"]):
        document = json.loads((FITS / f"{study}.json").read_text(encoding="utf-8"))
        draws = pl.read_parquet(FITS / f"{study}.parquet")
        targets = place_targets(params["forecast"]["targets"], document)
        parts.append(study_rows(document, draws, targets, levels, params["seed"]))
    table = pl.concat(parts).cast(pl.Schema(dtypes(FORECAST)))
    write_bytes(OUT, table.write_csv().encode())
    print(f"{table.height} quantiles of {len(parts)} studies")


def place_targets(targets: dict[str, Any], document: dict[str, Any]) -> pl.DataFrame:
    """Params, tokens and FLOP of each target; a budget is spent as the study's own fit says."""
    rows = []
    for name, target in targets.items():
        rows.append({"target": name} | place(name, target, document))
    return pl.DataFrame(rows)


def place(name: str, target: dict[str, float], document: dict[str, Any]) -> dict[str, float]:
    """One target as params, tokens, flops."""
    if "flops" not in target:
        n, d = float(target["params"]), float(target["tokens"])
        return {"params": n, "tokens": d, "flops": 6.0 * n * d}
    fits = {one["law"]: one for one in document["fits"]}
    if "chinchilla" not in fits:
        raise InputError(
            f"target {name} needs a chinchilla fit in study {document['study']}",
            file="params.yaml",
            allowed="laws that include chinchilla, or a target with params and tokens",
        )
    values = {key: p["value"] for key, p in fits["chinchilla"]["parameters"].items()}
    n_best, d_best = compute_optimal(values, float(target["flops"]))
    return {"params": float(n_best), "tokens": float(d_best), "flops": float(target["flops"])}


def study_rows(
    document: dict[str, Any], draws: pl.DataFrame, targets: pl.DataFrame, levels: Any, seed: int
) -> pl.DataFrame:
    """Quantiles of each law alone and of the ensemble."""
    fits = document["fits"]
    sound = [one["outcome"] == "converged" for one in fits]
    weights = law_weights([_error(one) for one in fits], sound)
    members = [
        member(one, draws, targets, weight) for one, weight in zip(fits, weights, strict=True)
    ]
    groups = [("ensemble", members)] + [(one.law, [replace(one, weight=1.0)]) for one in members]
    parts = []
    for label, group in groups:
        values = quantiles(group, levels, seed)
        index = np.repeat(np.arange(targets.height), len(levels))
        parts.append(
            targets[index].select(
                pl.lit(document["study"]).alias("study"),
                pl.all(),
                pl.lit(label).alias("law"),
                pl.Series("quantile", np.tile(levels, targets.height)),
                pl.Series("value", values.T.reshape(-1)),
            )
        )
    return pl.concat(parts)


def _error(one: dict[str, Any]) -> float:
    return float("inf") if one["holdout_error"] is None else float(one["holdout_error"])


def member(
    one: dict[str, Any], draws: pl.DataFrame, targets: pl.DataFrame, weight: float
) -> Member:
    """A stored fit as a part of the mixture."""
    law = laws.get(one["law"])
    own = draws.filter(pl.col("law") == law.name)
    theta = np.stack(
        [own.filter(pl.col("parameter") == name)["value"].to_numpy() for name in law.names], axis=1
    )
    x = {name: targets["flops" if name == "x" else name].to_numpy() for name in law.inputs}
    noise = run_noise(np.array(one["residuals"]), len(law.names))
    return Member(law.name, np.log(law(theta, x)), noise, float(weight))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
