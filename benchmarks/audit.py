"""CPU seconds of an audit of 10,000 forecasts and 100,000 outcomes.

    python -m benchmarks.audit
    python -m benchmarks.audit --same  # how often two runs of a table have one content

Once in memory, and once as `scaling audit` does it: 100 published versions and 20 validated tables
are read, and scores, page and summary are written. The allowance is 20 CPU seconds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from scipy.spatial import cKDTree

from scaling.io.hashing import sha256
from scaling.record.audit import run
from scaling.record.audit.fitted import SIZE, VALUE
from scaling.record.audit.match import Rules
from scaling.record.audit.page import page
from scaling.record.audit.read import ON_RECORD, OUTCOME, TARGET, selection
from scaling.record.audit.summary import summarise
from scaling.record.audit.table import scored
from scaling.record.versions.fingerprint import Current
from scaling.record.versions.store import issue
from scaling.runs.schema import FORECAST, RUN, dtypes

FORECASTS, OUTCOMES, STUDIES = 10_000, 100_000, 20
LEVELS = [0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975]
Z = [-1.96, -1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645, 1.96]


def tables(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Targets, forecasts and outcomes of a made-up history."""
    chosen = [selection(f"s{k}", "loss@x", ()) for k in range(STUDIES)]
    n = np.exp(rng.uniform(np.log(1e8), np.log(1e12), FORECASTS))
    d = 20 * n * np.exp(rng.normal(0, 0.3, FORECASTS))
    study = rng.integers(0, STUDIES, FORECASTS)
    targets = pl.DataFrame(
        {
            "version": [f"v{k // 100}" for k in range(FORECASTS)],
            "kind": "ahead",
            "issued": date(2024, 1, 1),
            "issued_at": datetime(2024, 1, 1, tzinfo=UTC),
            "as_of": date(2024, 1, 1),
            "after": date(2024, 1, 1),
            "corrected_by": pl.Series([None] * FORECASTS, dtype=pl.String),
            "study": [f"s{k}" for k in study],
            "source": [f"s{k}" for k in study],
            "metric": "loss@x",
            "selection": [chosen[k] for k in study],
            "params_column": "params",
            "cut_column": pl.Series([None] * FORECASTS, dtype=pl.String),
            "cut": pl.Series([None] * FORECASTS, dtype=pl.Float64),
            "target": [f"t{k}" for k in range(FORECASTS)],
            "params": n,
            "tokens": d,
            "flops": 6 * n * d,
            "decades": rng.uniform(0, 3, FORECASTS),
        },
        schema=TARGET,
    )
    said = targets.select("version", "study", "target").with_columns(
        law=pl.lit("ensemble"),
        levels=pl.Series([LEVELS] * FORECASTS),
        values=pl.Series((2.5 * np.exp(0.02 * np.outer(rng.normal(size=FORECASTS), [0.1] * 9)
                                       + 0.02 * np.array(Z))).tolist()),
    )  # fmt: skip
    place = rng.integers(0, FORECASTS, OUTCOMES)
    near_n, near_d = n[place], d[place]
    outcomes = pl.DataFrame(
        {
            "selection": [chosen[k] for k in study[place]],
            "run": [f"r{k}" for k in range(OUTCOMES)],
            "row": "final",
            "observed": date(2025, 1, 1),
            "params": near_n * np.exp(rng.normal(0, 0.05, OUTCOMES)),
            "params_non_embedding": pl.Series([None] * OUTCOMES, dtype=pl.Float64),
            "params_active": pl.Series([None] * OUTCOMES, dtype=pl.Float64),
            "tokens": near_d * np.exp(rng.normal(0, 0.05, OUTCOMES)),
            "flops": pl.Series([None] * OUTCOMES, dtype=pl.Float64),
            "flops_method": "6ND",
            "value": 2.5 * np.exp(rng.normal(0, 0.02, OUTCOMES)),
            "final": True,
            **dict.fromkeys(ON_RECORD),
        },
        schema=OUTCOME,
    )
    return targets, said, outcomes


def lay_out(root: Path, told: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]) -> None:
    """The same history as files: versions with their ledger, params.yaml, validated tables."""
    targets, said, outcomes = told
    (root / "params.yaml").write_text(
        "audit: {tolerance: {params: 0.05, tokens: 0.05, flops: 0.1}}\n"
    )
    rows = targets.join(said, on=["version", "study", "target"]).explode("levels", "values")
    rows = rows.rename({"levels": "quantile", "values": "value"})
    for (name,), part in rows.partition_by("version", as_dict=True, maintain_order=True).items():
        files = {"forecast.csv": part.select(list(dtypes(FORECAST))).write_csv()}
        for study in part["study"].unique().sort():
            facts = {"study": study, "source": study, "metric": "loss@x", "excluded": []}
            files[f"fits/{study}.json"] = json.dumps(facts)
        _issue(root, str(name), files)
    (root / "data/validated").mkdir(parents=True)
    chosen = outcomes.with_columns(source=pl.col("selection").str.json_path_match("$.source"))
    for (source,), part in chosen.partition_by("source", as_dict=True).items():
        columns = part.drop("row").with_columns(metric=pl.lit("loss@x"), checkpoint=pl.lit("final"))
        lacking = {k: pl.lit(None, t) for k, t in dtypes(RUN).items() if k not in columns.columns}
        table = columns.with_columns(**lacking).select(list(dtypes(RUN)))
        table.write_parquet(root / f"data/validated/{source}.parquet")


def _issue(root: Path, name: str, files: dict[str, str]) -> None:
    """Publish a version of these files, issued on the day of the forecasts."""
    made = {}
    for path, text in files.items():
        place = root / "made" / name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        made[path] = place
    outputs = {path: sha256(place.read_bytes()) for path, place in sorted(made.items())}
    current = Current({"outputs": outputs, "name": name}, made)
    issue(root, root / "reports", lambda: current, now=datetime(2024, 1, 1, tzinfo=UTC))


def same(validated: Path) -> None:
    """Print how many final runs of each table are taken for another run of it by their content
    (`scaling.record.audit.fitted`): same metric, N, D and value within its tolerances."""
    for file in sorted(validated.glob("*.parquet")):
        rows = pl.read_parquet(file).filter(
            pl.col("value") > 0,
            pl.col("checkpoint").fill_null("final") != "intermediate",
            pl.col("params").is_not_null() & pl.col("tokens").is_not_null(),
        )
        found = 0
        for part in rows.partition_by("metric"):
            logs = np.log(part.select("params", "tokens", "value").to_numpy())
            tree = cKDTree(logs / np.array([SIZE, SIZE, VALUE]))
            runs = part["run"].to_list()
            near = tree.query_pairs(1.0, p=np.inf)
            found += len({one for pair in near for one in pair if runs[pair[0]] != runs[pair[1]]})
        if rows.height:
            print(f"{file.stem}: {100 * found / rows.height:.1f} % of {rows.height}")


def main() -> None:
    """Print the CPU seconds and what was scored."""
    if "--same" in sys.argv:
        same(run.on_record.VALIDATED)
        return
    targets, said, outcomes = tables(np.random.default_rng(0))
    start = time.process_time()
    rules = Rules(*np.log1p([0.05, 0.05, 0.1]))
    made, still_open = scored(targets, said, outcomes, rules)
    text = page(summarise(made, still_open))
    spent = time.process_time() - start
    print(
        f"{targets.height} forecasts, {outcomes.height} outcomes: {made.height} scored, "
        f"{still_open.height} open, {len(text)} characters, {spent:.2f} CPU s"
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay_out(root, (targets, said, outcomes))
        start = time.process_time()
        done = run.audit(root)
        run.write(done, root)
        spent = time.process_time() - start
    print(f"from and to files: {done.scores.height} scored, {spent:.2f} CPU s")


if __name__ == "__main__":
    main()
