"""Published constants by paper: found by every name, side by side, and what they plan."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from scaling import laws
from scaling.cli.main import app
from scaling.errors import InputError
from scaling.io.json_files import json_text
from scaling.laws._surface import is_allocation
from scaling.plan import allocation, published, stored
from scaling.plan.answer import text
from scaling.plan.flops import transformer_counting

GOPHER = 5.76e23
# Hoffmann et al. 2022, tables 3 and A3: params -> FLOP by approaches 1 and 2.
TABLE_3 = {4e8: 1.92e19, 1e9: 1.21e20, 1e10: 1.23e22, 67e9: 5.76e23, 175e9: 3.85e24, 1e12: 1.27e26}
TABLE_A3 = {4e8: 1.84e19, 1e9: 1.2e20, 1e10: 1.32e22, 67e9: 6.88e23, 175e9: 4.54e24, 1e12: 1.59e26}


def params(name: str, flops: float) -> float:
    return allocation.optimal(stored.read(name), flops=flops).value("params").value


@pytest.mark.parametrize("name", ["published:kaplan2020", "published:envelope:kaplan2020"])
def test_kaplan_spends_ten_times_the_compute_on_params(name: str) -> None:
    one, ten = (allocation.optimal(stored.read(name), flops=c) for c in (1e23, 1e24))
    growth = {key: ten.value(key).value / one.value(key).value for key in ("params", "tokens")}
    assert growth["params"] == pytest.approx(5.4, abs=0.05)
    assert growth["tokens"] == pytest.approx(1.9, abs=0.05)
    # Hoffmann et al. 2022, appendix D.4: what Kaplan et al. would train with 1e21 FLOP.
    assert params(name, 1e21) == pytest.approx(4.68e9, rel=1e-3)


def test_kaplans_printed_tokens_hold_at_6nd() -> None:
    """Table 6: D* = 2e10 tokens at C_min of one PF-day; C is 2 C_min at the critical batch."""
    made = allocation.optimal(stored.read("published:kaplan2020"), flops=2 * 8.64e19)
    assert made.value("params").value == pytest.approx(1.3e9)
    assert made.value("tokens").value == pytest.approx(2e10, rel=0.11)


def test_hoffmanns_three_approaches() -> None:
    for name, table in (("envelope", TABLE_3), ("isoflop", TABLE_A3)):
        for size, flops in table.items():
            assert params(f"published:{name}:hoffmann2022", flops) == pytest.approx(size, rel=0.04)
    assert params("published:chinchilla:hoffmann2022", GOPHER) == pytest.approx(32e9, rel=0.02)
    assert params("published:chinchilla:hoffmann2022-source", GOPHER) == pytest.approx(
        40e9, rel=0.02
    )
    rows = allocation.side_by_side(stored.read("published:hoffmann2022"), GOPHER)
    assert [row["law"] for row in rows] == ["envelope", "isoflop", "chinchilla"]


def test_deepseeks_tokens_follow_from_its_params() -> None:
    made = allocation.optimal(stored.read("published:deepseek2024"), flops=1e24)
    assert made.value("tokens").value == pytest.approx(5.8316 * 1e24**0.4757, rel=2e-4)


def test_sets_are_found_by_number_paper_and_law() -> None:
    first, second = (stored.read(f"published:chinchilla:{n}") for n in (1, 2))
    assert first.get("chinchilla").values["A"] == 482.01
    assert stored.read("published:chinchilla:besiroglu2024").version == first.version
    assert stored.read("published:chinchilla:hoffmann2022").version == second.version
    assert stored.read("published:chinchilla").version == first.version
    kaplan = stored.read("published:kaplan2020")
    assert {"envelope", "kaplan_joint", "kaplan_params"} <= set(kaplan.fits)
    joint = allocation.optimal(kaplan, flops=1e24, law="kaplan_joint")
    assert joint.value("loss").value > 0
    for one in published.sets():
        if one.missing:
            with pytest.raises(InputError, match="does not print"):
                stored.read(f"published:{one.key}")
        else:
            assert stored.read(f"published:{one.key}").get(one.law.name).theta.size


def test_the_first_set_names_its_paper_and_the_others() -> None:
    notes = " ".join(stored.read("published:chinchilla").notes)
    assert "besiroglu2024" in notes and "published:chinchilla:hoffmann2022" in notes
    assert "Known to be wrong" in notes and "arXiv:2404.10102" in notes
    notes = " ".join(stored.read("published:over_training:gadre2024").notes)
    assert "gadre2024-refinedweb" in notes
    notes = " ".join(stored.read("published:kaplan2020").notes)
    assert "params without embeddings" in notes


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("chinchila", "unknown law or paper; found 'chinchila'.*Did you mean 'chinchilla'"),
        ("kaplan", "Did you mean 'kaplan2020'"),
        ("hofmann2022", "Did you mean 'hoffmann2022'"),
        ("HOFFMANN2022", "Did you mean 'hoffmann2022'"),
        ("", "unknown law or paper"),
        ("chinchilla:hofman", "no such published fit.*Did you mean 'hoffmann2022'"),
        ("chinchilla:0", "no such published fit.*1 to 4"),
        ("chinchilla:²", "no such published fit"),
        ("chinchilla:1:2", "no such published fit"),
        ("chinchilla:kaplan2020", "published:kaplan_joint:kaplan2020"),
        ("kaplan2020:kaplan_joint", "law is named before the paper"),
        ("u_shaped", "no published constants of u_shaped"),
        ("trend", "has no y0"),
        ("isoflop:porian2024-refinedweb", "has no G.*ten times the compute takes 3.1 times"),
        ("porian2024", "has no G"),
    ],
)
def test_names_that_find_nothing(name: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        stored.read(f"published:{name}")
    assert re.search(says, str(error.value))


@pytest.mark.parametrize("flops", [1e18, 1e21, 1e24, 1e27])
def test_every_set_stands_beside_the_others(flops: float) -> None:
    made = allocation.optimal(stored.read("published:over_training"), flops=flops)
    (title,) = [one for one in made.tables if one.startswith("Published constants at")]
    rows = {row["set"]: row for row in made.tables[title]}
    assert list(rows) == [one.key for one in published.sets() if one.plans]
    for row in rows.values():
        if row["params"] is not None:
            assert 6 * row["params"] * row["tokens"] == pytest.approx(flops)
            assert row["tokens_per_param"] == pytest.approx(row["tokens"] / row["params"])
        if row["params_10x"] is not None:
            assert row["params_10x"] * row["tokens_10x"] == pytest.approx(10.0)
        assert row["caveat"]
    assert rows["envelope:kaplan2020"]["loss"] is None
    assert rows["isoflop:porian2024-refinedweb"]["params"] is None
    assert rows["fine_grained:krajewski2024"]["params"] is None
    best = rows["chinchilla:besiroglu2024"]
    alone = allocation.optimal(stored.read("published:chinchilla"), flops=flops)
    for name in ("params", "tokens", "tokens_per_param", "loss"):
        assert best[name] == pytest.approx(alone.value(name).value)
    assert "hoffmann2022" in text(made) and json.loads(json_text(made.to_dict()))


def test_an_allocation_says_that_it_has_no_loss() -> None:
    sheet = stored.read("published:envelope:kaplan2020")
    made = allocation.optimal(sheet, flops=1e23)
    assert [name for name, _, _ in made.figures][-1] == "exponent"
    assert any("has no loss" in one for one in made.warnings)
    with pytest.raises(InputError, match="no loss to reach"):
        allocation.optimal(sheet, loss=2.0)
    with pytest.raises(InputError, match="--law kaplan_joint has a loss"):
        allocation.optimal(stored.read("published:kaplan2020"), loss=2.0)
    with pytest.raises(InputError, match="allowed: 6ND"):
        allocation.optimal(sheet, flops=1e23, count=transformer_counting())
    for flops in (0.0, -1.0, 1e40, float("nan")):
        with pytest.raises(InputError, match="compute budget out of range"):
            allocation.optimal(sheet, flops=flops)
        with pytest.raises(InputError, match="compute budget out of range"):
            published.rows(flops)
    with pytest.raises(InputError, match="needs a law of the loss"):
        allocation.optimal(stored.read("published:kaplan2020"), flops=1e23, law="kaplan_params")


def test_the_command_line_prints_them() -> None:
    made = CliRunner().invoke(app, ["plan", "optimal", "published:kaplan2020", "--flops", "1e24"])
    assert made.exit_code == 0, made.exception
    assert "envelope:kaplan2020" in made.output and "has no loss" in made.output
    listed = CliRunner().invoke(app, ["laws"]).output
    one = CliRunner().invoke(app, ["laws", "chinchilla"]).output
    assert "hoffmann2022-source" in listed and "published:chinchilla:hoffmann2022" in one


def test_a_paper_leads_with_one_law() -> None:
    for paper in {one.paper.paper for one in published.sets()}:
        leads = [one for one in published.sets() if one.paper.paper == paper and one.paper.lead]
        assert len(leads) <= 1 and all(is_allocation(one.law) for one in leads)
    assert not {one.paper.paper for one in published.sets()} & set(laws.load())


def test_exponents_follow_from_the_constants() -> None:
    """alpha and beta of approach 3 give N* ~ C^(beta/(alpha+beta)) (equation 4)."""
    rows = {row["set"]: row for row in published.rows(1e24)}
    power = np.log10(float(str(rows["chinchilla:hoffmann2022-source"]["params_10x"])))
    assert power == pytest.approx(0.2849 / (0.3392 + 0.2849))
    assert power == pytest.approx(0.46, abs=0.005)  # printed in table 2
