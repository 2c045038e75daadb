"""What the registry says of each law, against its text: cells that were corrected or added."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from scaling.govern import registry
from tests.support.govern_tables import FACTS, LOADED, ON, RUN, crossed, one

LATEST = date(2028, 6, 1)
OLD = date(2026, 11, 28)

# rule, column, what the row says that holds last, as known on 2026-11-30
SAYS: list[tuple[str, str, Any]] = [
    # EU: Guidelines, sections 3.2 to 3.2.2; Regulation (EU) 2026/1744; Art. 101
    ("eu_modifier_third_systemic", "exact", "1/3"),
    ("eu_modifier_third_systemic", "comparator", ">"),
    ("eu_modifier_third_systemic", "counts", "eu_systemic"),
    ("eu_modifier_third_systemic", "clock_days", 14.0),
    ("eu_modifier_third_systemic", "obligation", "Arts 53 to 55 in full"),
    ("eu_modifier_third_other", "counts", "eu_updates"),
    ("eu_modifier_third_other", "clock_from", "released"),
    ("eu_modifier_third_other", "obligation", "limited to the modification"),
    ("eu_modifier_fallback_systemic", "counts", "eu_systemic"),
    ("eu_modifier_fallback_systemic", "exact", "1e25/3"),
    ("eu_modifier_fallback_systemic", "obligation", "Arts 53 to 55 in full"),
    ("eu_modifier_fallback_other", "clock_from", "released"),
    ("eu_modifier_fallback_other", "exact", "1e23/3"),
    ("eu_gpai_indicative", "conditions", "free and open-source models are exempt"),
    ("eu_gpai_indicative", "provision", "section 2.1, point 17"),
    ("eu_aia_51_2", "checked_to", date(2026, 10, 7)),
    ("eu_aia_51_2", "note", "Regulation (EU) 2026/1744"),
    ("eu_aia_51_2", "note", "3 % of turnover or 15 million EUR (Art. 101)"),
    ("eu_aia_51_2", "obligation", "estimate before the large pre-training run starts"),
    # Illinois: 430 ILCS 185
    ("il_sb315", "status", "in_force"),
    ("il_sb315", "effective_from", date(2027, 1, 1)),
    ("il_sb315", "adopted", date(2026, 7, 6)),
    ("il_sb315", "instrument", "P.A. 104-0538"),
    ("il_sb315", "scope_when", "general_purpose = yes"),
    ("il_sb315", "clock", "72 hours of facts for a reasonable belief, 24"),
    ("il_sb315", "clock_from", "released"),
    ("il_sb315_large", "conditions_when", "revenue_usd > 5e8"),
    ("il_sb315_registration", "clock", "renewed yearly"),
    ("il_sb315_framework", "effective_from", date(2028, 1, 1)),
    ("il_sb315_audit", "effective_from", date(2028, 1, 1)),
    ("il_sb315_audit", "clock", "90 days after first being a large developer"),
    ("il_sb3444", "quantity", "training_cost"),
    ("il_sb3444", "value", 1e8),
    # New York: Gen. Bus. Law art. 44-B as replaced by ch. 96 of 2026
    ("ny_raise", "clock_days", 0.0),
    ("ny_raise", "clock_from", "released"),
    ("ny_raise", "obligation", "transparency report before or with deployment"),
    ("ny_raise", "nexus", "in whole or in part in New York (s. 1425)"),
    ("ny_raise", "effective_from", date(2027, 1, 1)),
    ("ny_raise_large", "obligation", "summary of internal use to the office every three months"),
    ("ny_raise_large", "note", "1 million USD, then 3 million USD"),
    ("ny_raise_registration", "obligation", "disclosure statement"),
    ("ny_raise_registration", "clock", "every two years"),
    ("ny_raise_original", "conditions_when", "cost_usd > 1e8"),
    # Connecticut: Public Act 26-15, section 2
    ("ct_pa26_15", "nexus", "doing business in Connecticut"),
    ("ct_pa26_15", "obligation", "whistleblowers"),
    ("ct_pa26_15", "adopted", date(2026, 5, 27)),
    ("ct_pa26_15_large", "effective_from", date(2027, 1, 1)),
    ("ct_pa26_15_large", "obligation", "every quarter"),
    # California: Bus. & Prof. Code 22757.11 to 22757.15
    ("ca_sb53", "provision", "22757.13(c)"),
    ("ca_sb53", "clock", "15 days of their discovery to the Office of Emergency Services"),
    ("ca_sb53_large", "provision", "22757.12(c)(2)"),
    ("ca_sb53_large", "note", "1 million USD a violation (22757.15)"),
    ("ca_sb53_framework", "clock", "stands from when training starts"),
    ("ca_sb53_framework", "clock_from", "trigger"),
    ("mi_hb4668", "note", "In committee since 2025-09-18"),
    # Federal
    ("us_frontier_act", "instrument", "H.R. 9925"),
    ("us_frontier_act", "effective_from", date(2026, 7, 23)),
    ("us_frontier_act", "scope_when", "general_purpose = yes"),
    ("us_frontier_act", "clock", "72 hours of a reasonable belief"),
    ("us_frontier_act_large", "conditions_when", "revenue_usd > 5e7"),
    ("us_frontier_act_very_large", "conditions_when", "revenue_usd > 5e9"),
    ("us_hr9917", "quantity", "training_cost"),
    ("us_hr9917", "value", 1e8),
    ("us_gaaia", "note", "became H.R. 9925"),
    ("us_gaaia", "effective_from", date(2026, 7, 23)),
    ("us_hr8094", "note", "the header of the text says H.R. 8094"),
    ("us_hr8094", "conditions", "fully open-source models are exempt"),
    ("us_s2938", "checked_to", date(2026, 9, 30)),
    ("us_s2938", "scope_when", None),
    ("us_s2938", "nexus_when", None),
    *((f"us_eo14110_{one}", "note", "14148, s. 2(ggg)") for one in ("model", "bio", "cluster")),
    ("us_diffusion_4e091", "note", "FR 2026-00789"),
    ("us_outbound_notifiable", "scope", "joint ventures"),
    ("us_outbound_prohibited", "verified", True),
    ("us_outbound_prohibited_bio", "verified", True),
    # Korea: Enforcement Decree, Presidential Decree No. 36053, Art. 24
    ("kr_ai_basic_act", "provision", "Decree Art. 24(1)"),
    ("kr_ai_basic_act", "conditions", "life, bodily safety and fundamental rights"),
    ("kr_ai_basic_act", "comparator", ">="),
    ("kr_ai_basic_act", "note", "No fine for Art. 32 itself"),
    # Laboratories and others
    ("lab_openai_2x", "comparator", ">"),
    ("lab_anthropic_4x", "comparator", ">="),
    ("lab_anthropic_4x", "note", "v1 said otherwise"),
    ("lab_deepmind_6x", "value", 6.0),
    ("lab_meta_1e26", "comparator", ">="),
    ("none_vn", "instrument", "Decree 142/2026/ND-CP"),
    ("none_br", "instrument", "still in the Chamber"),
    ("none_uk", "instrument", "King's Speech of 2026-05-13"),
    ("none_cn", "instrument", "Cybersecurity Law (2026-01-01)"),
    *((f"none_{one}", "status", "no_threshold") for one in ("kz", "in", "ca")),
]


def row(rule: str, on: date = LATEST, known: date = ON) -> dict[str, Any]:
    table = registry.as_of(LOADED, on, known).filter(pl.col("rule") == rule)
    assert table.height == 1, (rule, table.height)
    return table.to_dicts()[0]


@pytest.mark.parametrize(("rule", "column", "said"), SAYS)
def test_a_rule_says_what_its_text_says(rule: str, column: str, said: Any) -> None:
    found = row(rule)[column]
    if isinstance(said, str):
        assert said in found
    else:
        assert found == said


@pytest.mark.parametrize(
    ("counts", "category", "weights"),
    [
        ("eu_systemic", "initialised_from", (1, 1, 1)),
        ("eu_systemic", "original_run", (1, 1, 1)),
        ("eu_systemic", "synthetic_private", (1, 1, 1)),
        ("eu_systemic", "synthetic_discarded", (1, 1, 1)),
        *(
            ("eu_systemic", name, (0, 0, 0))
            for name in ("synthetic_public", "teacher", "reward_models", "evaluation")
        ),
        *(("eu_systemic", name, (0, 0, 0)) for name in ("exploratory", "recomputation")),
        *(("eu_systemic", name, (0, 1, 1)) for name in ("rl_rollouts", "rolled_back")),
        ("eu_updates", "initialised_from", (0, 1, 1)),
        ("eu_updates", "original_run", (1, 1, 1)),
        ("us_operations", "original_run", (1, 1, 1)),
    ],
)
def test_what_counts_is_as_the_annex_says(
    counts: str, category: str, weights: tuple[float, float, float]
) -> None:
    (found,) = LOADED.counts.filter(counts=counts, category=category).to_dicts()
    assert (found["low"], found["central"], found["high"]) == weights


@pytest.mark.parametrize(
    ("rule", "column", "said"),
    [
        ("eu_modifier_third", "clock_days", 14.0),
        ("eu_modifier_fallback_other", "clock_days", 14.0),
        ("ny_raise", "clock_from", "none"),
        ("us_frontier_act", "effective_from", date(2026, 7, 24)),
        ("lab_openai_2x", "comparator", ">="),
        ("il_sb3444", "quantity", "training_compute"),
        ("kr_ai_basic_act", "provision", "Act Art. 32; decree article not verified"),
        ("us_s2938", "nexus_when", "us_person = yes"),
        ("ca_sb53_large", "provision", "Bus. & Prof. Code 22757.11(j); 22757.12(a), (b), (d)"),
    ],
)
def test_what_was_on_record_before_a_correction_stays(rule: str, column: str, said: Any) -> None:
    assert row(rule, known=OLD)[column] == said


def test_the_act_of_korea_set_no_number_before_its_decree() -> None:
    assert row("kr_ai_basic_act", date(2026, 1, 20))["value"] is None
    assert row("kr_ai_basic_act", date(2026, 1, 21))["value"] == 1e26


def test_models_known_before_the_act_applied_have_two_weeks_after_it() -> None:
    """Guidelines, section 5.3: within two weeks after 2025-08-02."""
    run = RUN | FACTS | {"flop": 5e25, "estimated_on": date(2025, 3, 1)}
    run |= {"started": "2025-01-01", "ended": "2025-07-01", "released": "2025-09-01"}
    assert one(crossed(run), "eu_aia_51_2")["notify_by"] == date(2025, 8, 16)


def test_every_row_has_the_day_of_its_entry() -> None:
    rules = LOADED.rules
    assert rules["entered"].min() == date(2026, 11, 23)
    assert rules.filter(pl.col("entered") == date(2026, 11, 23)).height == 78
    closed = rules.filter(pl.col("recorded_to").is_not_null())
    assert (closed["closed"] >= closed["entered"]).all()
