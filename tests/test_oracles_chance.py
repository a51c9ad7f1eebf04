"""Oracles of chance and of sharing: at their knobs, and at others."""

import math
from pathlib import Path

import pytest

from market_abm.errors import BadInput
from market_abm.oracles import chance, sharing
from market_abm.oracles.sheet import read_sheet

FOLDER = Path(__file__).parent.parent / "configs" / "oracles"
MEASURED = {
    "o11_gibrat": chance.o11_gibrat, "o12_yule_simon": chance.o12_yule_simon, "o13_urns": chance.o13_urns, "o14_replicator": chance.o14_replicator,
    "o21_rationing": sharing.o21_rationing, "o25_switching": sharing.o25_switching,
}
CASES = (
    ("o11_gibrat", ()),
    ("o11_gibrat", ("firms=[2, 60]", "noise=0.3", "growth=1", "horizon_quarters=8")),
    ("o11_gibrat", ("firms=[128]", "noise=0.02", "growth=4", "horizon_quarters=12", "markets=16")),
    ("o12_yule_simon", ()),
    ("o12_yule_simon", ("new_share=0.02", "units=60", "markets=1000")),
    ("o12_yule_simon", ("new_share=0.95", "units=5")),
    ("o13_urns", ()),
    ("o13_urns", ("buyers=2", "exponents=[0, 2]", "start_lots=0.5", "first_share=0.05", "lots=6")),
    ("o13_urns", ("buyers=6", "exponents=[1.5]", "start_lots=20", "first_share=0.9", "lots=12")),
    ("o14_replicator", ()),
    ("o14_replicator", ("prices_usd=[3, 3]", "elasticity=5", "dear_share=0.9", "steps=200", "decisiveness=[0, 3]", "rounds=12")),
    ("o14_replicator", ("prices_usd=[0.1, 10, 1, 2]", "elasticity=0.01", "dear_share=0.01", "steps=1")),
    ("o21_rationing", ()),
    ("o21_rationing", ("orders_pflops=[50, 10, 40]", "supply_pflops=60", "cap=0.5", "inflation=5", "draws=256")),
    ("o21_rationing", ("orders_pflops=[5, 7, 9, 11, 13, 15]", "supply_pflops=20", "exponent=1.1", "floor=0", "cap=0.1", "draws=256")),
    ("o21_rationing", ("orders_pflops=[30, 20]", "supply_pflops=51", "further_pflops=0", "draws=256")),
    ("o25_switching", ()),
    ("o25_switching", ("sizes=[1, 4]", "inertia=0", "lags=[1]")),
    ("o25_switching", ("sizes=[1, 2, 3, 4, 0.5, 1, 2, 3]", "inertia=4", "startups=96", "horizon_quarters=10", "lags=[9, 29]")),
)


def measured(name, *sets):
    """Return the findings of an oracle, `{quantity: finding}`."""
    return {finding.quantity: finding for finding in MEASURED[name](read_sheet(str(FOLDER / f"{name}.toml"), sets))}


@pytest.mark.parametrize(("name", "sets"), CASES, ids=lambda part: part if isinstance(part, str) else " ".join(part) or "as it is")
def test_the_model_gives_the_known_answer(name, sets):
    found = measured(name, *sets)
    assert found
    wrong = [finding for finding in found.values() if not finding.ok]
    assert not wrong, wrong


def test_expected_spread_of_luck_is_the_variance_of_a_quarter_times_quarters():
    found = measured("o11_gibrat", "firms=[20]", "noise=0.2", "horizon_quarters=3", "growth=1", "markets=16")
    [variance] = [finding.expected for quantity, finding in found.items() if quantity.startswith("variance")]
    assert math.isclose(variance, 3 * 0.2**2)
    [mean] = [finding.expected for quantity, finding in found.items() if quantity.startswith("mean log")]
    assert math.isclose(mean, math.log(0.25))  # all start at 1 USD a year


def test_expected_awards_are_those_worked_out_by_hand():
    found = measured("o21_rationing", "supply_pflops=60", "further_pflops=20", "draws=256")
    proportional = [found[f"award of buyer {k}, proportional (PFLOP/s)"].expected for k in (1, 2, 3)]
    assert proportional == pytest.approx([25, 15, 20])  # 60 of 120 for orders of 50, 30, 40
    inflated = [found[f"award of buyer {k}, proportional where buyer 1 orders 2 times as much (PFLOP/s)"].expected for k in (1, 2, 3)]
    assert inflated == pytest.approx([100 * 60 / 170, 30 * 60 / 170, 40 * 60 / 170])
    auction = [found[f"award of buyer {k}, auction (PFLOP/s)"].expected for k in (1, 2, 3)]
    assert auction == [0, 30, 30]  # the second bids most, then the third
    capped = [found[f"award of buyer {k}, capped (PFLOP/s)"].expected for k in (1, 2, 3)]
    assert capped == pytest.approx([21, 18, 21])  # at most .35 of 60; what the cap leaves goes to the second
    lottery = [found[f"award of buyer {k}, lottery (PFLOP/s), mean of 256"].expected for k in (1, 2, 3)]
    # Six orderings of equal chance: 50 10 0, 50 0 10, 30 30 0, 0 30 30, 40 20 0, 20 0 40 in the order of service.
    assert lottery == pytest.approx([25, 15, 20])


def test_what_is_overdue_comes_first():
    found = measured("o21_rationing", "draws=256")
    # 80 for orders of 60, 40 and 50: 32, 21 1/3 and 26 2/3 are served. What is left, 70, comes before the 10 more of each, who share 10.
    later = [found[f"award of buyer {k} a quarter later, contracts_first (PFLOP/s)"] for k in (1, 2, 3)]
    assert [finding.expected for finding in later] == pytest.approx([28 + 10 / 3, 56 / 3 + 10 / 3, 70 / 3 + 10 / 3])
    assert all(finding.ok for finding in later)


def test_expected_stay_is_the_logit_of_the_present_cloud():
    found = measured("o25_switching", "horizon_quarters=4")
    stay = math.exp(2) / (math.exp(2) + 2)
    assert found["part of startups that stay a quarter, mean of 32"].expected == pytest.approx(stay)
    assert found["autocorrelation over 1 quarter, mean of 32"].expected == pytest.approx(stay - (1 - stay) / 2)  # eigenvalue of the chain
    assert found["spell with the first cloud, cut at 4 quarters (quarters), mean of 32"].expected == pytest.approx(1 + stay + stay**2 + stay**3)


def test_expected_urns_are_those_worked_out_by_hand():
    found = measured("o13_urns", "buyers=2", "exponents=[1.0]", "lots=2")
    # From 1 and 1, two lots: 3 and 1 with chance 2/3, 2 and 2 with 1/3.
    drawn = found["HHI of purchases after 2 lots drawn by purchases to the power 1, mean of 64"]
    assert drawn.expected == pytest.approx(2 / 3 * 10 / 16 + 1 / 3 * 0.5)
    divided = found["purchases of the first buyer after 2 lots divided by purchases to the power 1 (lots)"]
    assert divided.expected == pytest.approx(0.4 * 4)  # shares stay


def test_the_cheap_gain():
    found = measured("o14_replicator")
    assert found["gain of the cheapest on the dearest after 50 choices (share)"].simulated > 0


@pytest.mark.parametrize(("name", "sets", "what"), [
    ("o21_rationing", "orders_pflops=[1]", "two to 6 buyers"), ("o21_rationing", "holdings=[1, 2]", "two to 6 buyers"),
    ("o21_rationing", "rents_out=[0.2, 0.2, 0.3]", "must differ"), ("o25_switching", "sizes=[1]", "two to 8 clouds"),
])
def test_lists_that_do_not_fit_are_refused(name, sets, what):
    with pytest.raises(BadInput, match=what):
        measured(name, sets)
