"""Audits: scores, the rules that match outcomes to targets, and what the scores add up to."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scaling.cli.commands.audit import coverage_lines
from scaling.errors import InputError
from scaling.record.audit import scores, summary, table
from scaling.record.audit.match import Rules, match
from scaling.record.audit.page import page
from scaling.record.audit.read import OUTCOME, TARGET, selection

LEVELS = np.array([0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975])
RULES = Rules(*np.log1p([0.05, 0.05, 0.1]))
SAME = selection("s", "loss@x", ())


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 50))
def test_scores_equal_those_of_an_independent_implementation(seed: int, count: int) -> None:
    import scoringrules

    rng = np.random.default_rng(seed)
    values = np.exp(np.sort(rng.normal(0.5, 1.0, (count, len(LEVELS))), axis=1))
    observed = np.exp(rng.normal(0.5, 2.0, count))
    made = scores.score(LEVELS, values, observed)
    z, truth = np.log(values), np.log(observed)
    ends = [(0, 8), (1, 7), (2, 6), (3, 5)]
    low, high = (np.stack([z[:, pair[k]] for pair in ends], axis=-1) for k in (0, 1))
    alpha = np.array([0.05, 0.1, 0.2, 0.5])
    theirs = scoringrules.weighted_interval_score(truth, z[:, 4], low, high, alpha)
    np.testing.assert_allclose(made["wis"], theirs, rtol=1e-10, atol=1e-12)
    curve = scores.quantile_at(LEVELS, z, scores.GRID)
    theirs = scoringrules.crps_quantile(truth, curve, scores.GRID)
    np.testing.assert_allclose(made["crps"], theirs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(made["error"], z[:, 4] - truth, rtol=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([LEVELS, LEVELS[[1, 4, 7]], LEVELS[1:-1]]))
def test_scores_equal_other_formulas_of_the_same(seed: int, levels: Any) -> None:
    """CRPS as the energy score of 200 members, ranks by straight interpolation, shares by hand."""
    import scoringrules

    rng = np.random.default_rng(seed)
    z = np.sort(rng.normal(0.5, 1.0, (20, len(levels))), axis=1)
    truth = rng.normal(0.5, 2.0, 20)
    made = scores.score(levels, np.exp(z), np.exp(truth))
    members = scores.quantile_at(levels, np.log(np.exp(z)), scores.GRID)
    theirs = scoringrules.crps_ensemble(truth, members, estimator="nrg")
    np.testing.assert_allclose(made["crps"], theirs, rtol=1e-10, atol=1e-12)
    inside = (z[:, 0] < truth) & (truth < z[:, -1])
    x = stats.norm.ppf(levels)
    ranks = [stats.norm.cdf(np.interp(t, row, x)) for t, row in zip(truth, z, strict=True)]
    np.testing.assert_allclose(made["pit"][inside], np.array(ranks)[inside], rtol=1e-10)
    held = (z[:, levels == 0.05] <= truth[:, None]) & (truth[:, None] <= z[:, levels == 0.95])
    np.testing.assert_array_equal(made["in90"], held[:, 0])


def test_scores_of_a_whole_audit_equal_those_of_an_independent_implementation() -> None:
    import scoringrules

    rng = np.random.default_rng(5)
    count = 60
    names = [f"t{number}" for number in range(count)]
    z = np.sort(rng.normal(0.9, 0.2, (count, len(LEVELS))), axis=1)
    observed = np.exp(rng.normal(0.9, 0.3, count))
    sizes = 1e9 * 2.0 ** np.arange(count)
    asked = [target(target=name, params=n) for name, n in zip(names, sizes, strict=True)]
    results = [outcome(run=name, params=n) for name, n in zip(names, sizes, strict=True)]
    found = pl.DataFrame(
        {
            "version": "v",
            "study": "s",
            "target": names,
            "law": "ensemble",
            "levels": [LEVELS.tolist()] * count,
            "values": np.exp(z).tolist(),
        }
    )
    outcomes = pl.concat(results).with_columns(value=pl.Series(observed))
    made, still_open = table.scored(pl.concat(asked), found, outcomes, RULES)
    assert (made.height, still_open.height) == (count, 0)
    made = pl.DataFrame({"target": names}).join(made, on="target", maintain_order="left")
    truth, half = np.log(observed), range(4)
    low, high = (np.stack([z[:, k] for k in order], -1) for order in (half, [8 - k for k in half]))
    theirs = scoringrules.weighted_interval_score(truth, z[:, 4], low, high, 2 * LEVELS[:4])
    np.testing.assert_allclose(made["wis"], theirs, rtol=1e-10)
    members = scores.quantile_at(LEVELS, z, scores.GRID)
    np.testing.assert_allclose(
        made["crps"], scoringrules.crps_ensemble(truth, members, estimator="nrg"), rtol=1e-10
    )
    np.testing.assert_allclose(made["error"], z[:, 4] - truth, rtol=1e-10)


def test_intervals_of_observed_shares_hold_the_stated_one() -> None:
    """Of honest forecasts whose errors are shared within an origin, in 300 simulated audits."""
    rng = np.random.default_rng(6)
    audits, origins, each = 300, 30, 10
    held = dict.fromkeys(summary.NOMINAL, 0)
    for _ in range(audits):
        error = rng.normal(size=(origins, 1)) + rng.normal(size=(origins, each))
        truth = 0.1 * error.reshape(-1) / np.sqrt(2)
        z = np.repeat(0.1 * stats.norm.ppf(LEVELS)[None], len(truth), axis=0)
        made = scores.score(LEVELS, np.exp(z), np.exp(truth))
        frame = pl.DataFrame(made).with_columns(
            kind=pl.lit("ahead"), source=pl.lit("s"), version=np.repeat(np.arange(origins), each)
        )
        [row] = summary.calibration(frame)
        for name, found in zip(summary.NOMINAL, row["intervals"], strict=True):
            held[name] += found["low"] <= found["stated"] <= found["high"]
    # 95 % is meant; 30 origins and a share near its end cost a few per cent, and 300 audits 1.3.
    assert all(0.88 * audits < count < 0.99 * audits for count in held.values()), held


def test_quantiles_of_a_normal_score_as_the_normal_does() -> None:
    import scoringrules

    rng = np.random.default_rng(1)
    centre, scale = rng.normal(size=500), rng.uniform(0.01, 0.5, 500)
    truth = rng.normal(centre, 2 * scale)
    z = centre[:, None] + scale[:, None] * stats.norm.ppf(LEVELS)
    made = scores.score(LEVELS, np.exp(z), np.exp(truth))
    exact = np.asarray(scoringrules.crps_normal(truth, centre, scale))
    np.testing.assert_allclose(made["crps"], exact, rtol=5e-3)
    np.testing.assert_allclose(made["pit"], stats.norm.cdf(truth, centre, scale), atol=1e-9)


def test_honest_forecasts_are_found_honest() -> None:
    rng = np.random.default_rng(2)
    count = 20_000
    centre = rng.normal(size=count)
    z = centre[:, None] + 0.1 * stats.t.ppf(LEVELS, 5)
    truth = centre + 0.1 * rng.standard_t(5, count)
    made = scores.score(LEVELS, np.exp(z), np.exp(truth))
    for name, share in summary.NOMINAL.items():
        assert abs(made[name].mean() - share) < 4 * np.sqrt(share * (1 - share) / count)
    bins = np.histogram(made["pit"], bins=10, range=(0, 1))[0]
    # Within the published levels the ranks are those of the curve; beyond them it is a normal.
    assert stats.chisquare(bins).pvalue > 1e-3
    proud = centre[:, None] + 0.03 * stats.t.ppf(LEVELS, 5)
    narrow = scores.score(LEVELS, np.exp(proud), np.exp(truth))
    assert narrow["in90"].mean() < 0.6


def test_a_point_has_its_error_and_no_interval() -> None:
    made = scores.score(np.array([0.5]), np.array([[2.0]]), np.array([1.0]))
    assert made["error"][0] == pytest.approx(np.log(2))
    assert made["crps"][0] == pytest.approx(np.log(2))
    assert all(np.isnan(made[name][0]) for name in ("wis", "pit", "in50", "in95"))


def test_equal_quantiles_have_a_rank_between() -> None:
    z = np.log(np.array([[1.0, 2.0, 2.0, 2.0, 3.0]]))
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    rank = scores.rank(levels, z, np.log(np.array([2.0])))
    assert rank[0] == pytest.approx(0.5)


# Matching ------------------------------------------------------------------------------------


def target(**changed: Any) -> pl.DataFrame:
    row: dict[str, Any] = {
        "version": "v",
        "kind": "ahead",
        "issued": date(2024, 1, 1),
        "issued_at": datetime(2024, 1, 1, 12, tzinfo=UTC),
        "as_of": date(2024, 1, 1),
        "after": date(2024, 1, 1),
        "corrected_by": None,
        "study": "s",
        "source": "s",
        "metric": "loss@x",
        "selection": SAME,
        "params_column": "params",
        "cut_column": None,
        "cut": None,
        "target": "t",
        "params": 1e9,
        "tokens": 2e10,
        "flops": 1.2e20,
        "decades": 0.5,
    }
    return pl.DataFrame([row | changed], schema=TARGET)


def outcome(**changed: Any) -> pl.DataFrame:
    row: dict[str, Any] = {
        "selection": SAME,
        "run": "r",
        "row": "final",
        "observed": date(2024, 2, 1),
        "params": 1e9,
        "params_non_embedding": None,
        "params_active": None,
        "tokens": 2e10,
        "flops": 1.2e20,
        "flops_method": "6ND",
        "value": 2.5,
        "final": True,
    }
    return pl.DataFrame([row | changed], schema=OUTCOME)


@pytest.mark.parametrize(
    ("asked", "observed", "answered"),
    [
        ({}, {}, True),
        ({}, {"params": 1.04e9, "tokens": 1.95e10}, True),
        ({}, {"params": 1.06e9}, False),
        ({}, {"tokens": 1.8e10}, False),
        ({}, {"flops": 1.4e20}, False),
        ({}, {"flops": 1.4e20, "flops_method": "counted"}, True),
        ({}, {"flops": None}, True),
        ({}, {"selection": selection("s", "loss@y", ())}, False),
        ({}, {"selection": selection("other", "loss@x", ())}, False),
        ({}, {"selection": selection("s", "loss@x", ["epochs > 1"])}, False),
        ({}, {"observed": date(2024, 1, 1)}, False),
        ({}, {"final": False}, False),
        ({"params_column": "params_active"}, {}, False),
        ({"params_column": "params_active"}, {"params_active": 1e9, "params": None}, True),
        ({"cut_column": "flops", "cut": 1e20}, {"observed": date(2023, 1, 1)}, True),
        ({"cut_column": "flops", "cut": 1.3e20}, {}, False),
        ({"cut_column": "flops", "cut": 1e20}, {"flops": None}, False),
        ({"params": None, "tokens": None, "flops": None}, {"params": None, "flops": None}, True),
    ],
)  # fmt: skip
def test_each_rule_alone_decides(
    asked: dict[str, Any], observed: dict[str, Any], *, answered: bool
) -> None:
    pairs = match(target(**asked), outcome(**observed), RULES)
    assert pairs.height == answered


def test_the_nearest_answers_then_the_earliest_then_the_first_by_name() -> None:
    observed = pl.concat(
        [
            outcome(run="far", params=1.04e9),
            outcome(run="late", observed=date(2024, 3, 1)),
            outcome(run="b"),
            outcome(run="a"),
        ]
    )
    pairs = match(target(), observed, RULES)
    assert observed["run"][int(pairs["outcome"][0])] == "a"
    assert pairs["others"][0] == 3


def test_tolerances_must_be_given() -> None:
    assert (
        Rules.of({"audit": {"tolerance": {"params": 0.05, "tokens": 0.05, "flops": 0.1}}}) == RULES
    )
    with pytest.raises(InputError, match=r"audit\.tolerance\.tokens"):
        Rules.of({"audit": {"tolerance": {"params": 0.05, "tokens": 0, "flops": 0.1}}})
    with pytest.raises(InputError, match=r"audit\.tolerance\.params"):
        Rules.of({})


# Scores over time ------------------------------------------------------------------------------


def said() -> pl.DataFrame:
    one = {"version": "v", "study": "s", "target": "t"}
    curve = np.exp(np.log(2.4) + 0.05 * stats.norm.ppf(LEVELS))
    high = (1.2 * curve).tolist()
    return pl.DataFrame(
        [
            one | {"law": "ensemble", "levels": LEVELS.tolist(), "values": curve.tolist()},
            one | {"law": "chinchilla", "levels": LEVELS.tolist(), "values": high},
            one | {"law": "carry last", "levels": [0.5], "values": [3.0]},
        ]
    )


def test_each_forecast_is_scored_once_for_each_version_of_the_outcome() -> None:
    first, still_open = table.scored(target(), said(), outcome(), RULES)
    assert (first.height, still_open.height) == (3, 0)
    assert not first["revised"].any()
    before, after = datetime(2024, 2, 2, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
    both = pl.concat(
        [
            outcome(born=before, died=after, line="old"),
            outcome(value=2.6, born=after, line="new"),
        ]
    )
    made, still_open = table.scored(target(), said(), both, RULES)
    assert (made.height, still_open.height) == (6, 0)
    assert made.filter("revised")["value"].unique().to_list() == [2.5]
    assert made.filter(~pl.col("revised"))["value"].unique().to_list() == [2.6]
    # A version that was issued after the revision was never scored by the old figure.
    later = target(issued_at=datetime(2024, 4, 1, tzinfo=UTC))
    assert table.scored(later, said(), both, RULES)[0]["outcome_id"].unique().to_list() == ["new"]
    # A result that was withdrawn answers nothing; its score stays, marked.
    made, still_open = table.scored(target(), said(), both[:1], RULES)
    assert (made["revised"].all(), still_open["reason"].to_list()) == (True, [table.NO_OUTCOME])


def test_a_nearer_result_that_is_put_on_record_later_takes_over() -> None:
    first, later = datetime(2024, 2, 2, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
    both = pl.concat(
        [
            outcome(run="far", params=1.04e9, born=first, line="far"),
            outcome(run="near", born=later, line="near"),
        ]
    )
    made, _ = table.scored(target(), said(), both, RULES)
    by_run = dict(made.select("run", "revised").unique().iter_rows())
    assert by_run == {"far": True, "near": False}


def test_a_run_of_the_day_of_issue_is_not_scored_and_the_audit_says_why() -> None:
    made, still_open = table.scored(target(), said(), outcome(observed=date(2024, 1, 1)), RULES)
    assert made.height == 0
    why = "run r: observed on the day of issue, so it cannot be known which was first"
    assert still_open["reason"].to_list() == [why]
    found = summary.summarise(made, still_open)
    assert [row["reason"] for row in found["same_day"]] == [why]
    assert why in page(found)
    # A replay of a day knows the rows of that day: nothing is unclear there.
    replay = target(kind="replay by day")
    _, still_open = table.scored(replay, said(), outcome(observed=date(2024, 1, 1)), RULES)
    assert still_open["reason"].to_list() == [table.NO_OUTCOME]


def test_a_target_without_an_outcome_stays_visible() -> None:
    asked = pl.concat([target(), target(target="never", params=7e12)])
    made, still_open = table.scored(asked, said(), outcome(), RULES)
    assert made["target"].unique().to_list() == ["t"]
    assert still_open["target"].to_list() == ["never"]
    found = summary.summarise(made, still_open)
    assert found["open"][0]["targets"] == 1
    assert "| v | 2024-01-01 | ahead | s | 1 |" in page(found)


def test_kinds_are_shown_in_one_order() -> None:
    kinds = ("replay by size", "counts by day", "ahead", "replay by day")
    parts = [target(target=f"t{n}", kind=kind) for n, kind in enumerate(kinds)]
    forecasts = pl.concat([said().with_columns(target=pl.lit(f"t{n}")) for n in range(len(kinds))])
    made, still_open = table.scored(pl.concat(parts), forecasts, outcome(value=2.0), RULES)
    found = summary.summarise(made, still_open)
    lines = list(coverage_lines(found))
    assert [line.split(":")[0] for line in lines] == sorted(kinds)
    assert lines[0] == "ahead: 1 of 1 origin; 0 % in 50 %, 0 % in 80 %, 0 % in 90 %, 0 % in 95 %"


def test_the_summary_answers_every_question() -> None:
    made, still_open = table.scored(target(), said(), outcome(value=2.0), RULES)
    found = summary.summarise(made, still_open)
    by_law = {row["law"]: row for row in found["how_wrong"]}
    assert by_law["ensemble"]["bias"] == pytest.approx(np.log(2.4 / 2.0))
    assert by_law["ensemble"]["skill"] > 0.1
    assert by_law["carry last"]["skill"] == pytest.approx(0.0, abs=1e-12)
    assert found["confidence"][0]["intervals"][2] == {
        "stated": 0.9, "observed": 0.0, "by_origin": 0.0, "low": None, "high": None,
    }  # fmt: skip
    assert sum(found["confidence"][0]["pit"]) == 1
    assert [(row["law"], row["furthest"]) for row in found["blame"]] == [("chinchilla", 1.0)]
    assert found["how_far_out"][0]["decades_from"] == 0.3
    assert found["getting_better"][0]["year"] == 2024
    for heading in ("Error and bias", "By distance", "Over time", "Calibration", "missed"):
        assert heading in page(found)


def test_corrected_versions_are_set_aside() -> None:
    made, still_open = table.scored(target(corrected_by="w"), said(), outcome(), RULES)
    found = summary.summarise(made, still_open)
    assert (found["forecasts_scored"], found["set_aside"]) == (0, 3)
    assert "3 scores" in page(found)
