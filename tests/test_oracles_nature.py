"""Oracles of technology, power, accounts and estimators: right as they stand and when their knobs are turned, wrong when the model is."""

from pathlib import Path

import numpy as np
import pytest

import market_abm
from market_abm import engine
from market_abm.errors import BadInput
from market_abm.metrics import survival
from market_abm.oracles import accounts, estimators, power, selection, technology
from market_abm.oracles.sheet import read_sheet
from market_abm.phases import chips, energy, labs
from market_abm.rules.electricity import merit_order

FOLDER = Path(market_abm.__file__).parent.parent / "configs" / "oracles"
FILES = {"o10": "o10_selection", "o15": "o15_wright", "o16": "o16_merit_order", "o17": "o17_interconnection", "o18": "o18_chinchilla",
         "o20": "o20_call_market", "o26": "o26_leontief", "o27": "o27_conservation", "o28": "o28_estimators"}
MEASURES = {f"o{number}": measure for number, measure in (
    (10, selection.o10_selection), (15, technology.o15_wright), (16, power.o16_merit_order), (17, power.o17_interconnection),
    (18, technology.o18_chinchilla), (20, power.o20_call_market), (26, power.o26_leontief), (27, accounts.o27_conservation),
    (28, estimators.o28_estimators))}


def found(oracle, *sets):
    """Return {quantity: finding} of an oracle."""
    findings = MEASURES[oracle](read_sheet(str(FOLDER / f"{FILES[oracle]}.toml"), sets))
    assert len({finding.quantity for finding in findings}) == len(findings), "each quantity has a name of its own"
    return {finding.quantity: finding for finding in findings}


def wrong(findings):
    return [(f.quantity, f.expected, f.simulated, f.standard_error) for f in findings.values() if not f.ok]


@pytest.mark.parametrize(("oracle", "sets"), [
    ("o10", ()), ("o10", ("shape=6.0", "death_rate=0.3", "entry_cost=8.0")), ("o10", ("entry_cost=50", "periods=60", "entrants=300")),
    ("o15", ("learning_rate=0.35", "capacity_chips=2000000", "second_capacity_chips=500000", "quarters=9")),
    ("o15", ("learning_rate=0", "second_capacity_chips=1000", "quarters=2", "unit_cost_usd=20000")),
    ("o16", ()), ("o16", ("loads_mw=[1,90,5000]", "ai_load_mw=300", "fuel_factor=0.2", "site_share=0.05")),
    ("o16", ("loads_mw=[200]", "peaking_mw=0", "renewables_mw=0", "price_cap_usd=3000", "second_load_share=2.5")),
    ("o17", ("burst_quarters=3", "late_quarters=4", "slots_growth=0.9", "study_quarters=1", "building_quarters=1")),
    ("o17", ("slots_mw=7000", "burst_quarters=8.3", "slots_growth=1.8", "study_quarters=4", "building_quarters=6")),
    ("o18", ("data_tokens=1e9", "algorithmic_growth=1", "budget_growth=4", "loss_weight=60")),
    ("o18", ("data_tokens=1e14", "compute_flop=1e27", "parameter_exponent=[0.5,0.25]", "token_exponent=[0.3,0.55]")),
    ("o20", ()), ("o20", ("values_usd=[5,12,7,7]", "wanted=2.5", "offered=0.7")), ("o20", ("values_usd=[1,2]", "costs_usd=[3,4]")),
    ("o26", ()), ("o26", ("power_mw=40", "owners=3", "more=1")), ("o26", ("chips=1000000", "watts=2000", "power_mw=0.1")),
    ("o27", ("quarters=6", "lever_quarter=1", "strength=0.4", "omega=2", "startups=10")),
    ("o28", ()), ("o28", ("durations=[2,2,4,1,9,4]", "ended=[1,1,0,1,1,1]", "a=2.0", "b=0.5")), ("o28", ("ended=[0,0,0,0,0]", "points=9")),
])
def test_oracles_hold_when_their_knobs_are_turned(oracle, sets):
    assert wrong(found(oracle, *sets)) == []


def test_ten_doublings_of_output_leave_the_cost_of_the_learning_rate_to_the_tenth():
    findings = found("o15")
    assert wrong(findings) == []
    assert findings["unit cost after 40 quarters (USD/chip)"].simulated == pytest.approx(4000 * 0.8**10, rel=1e-9)
    average = findings["average cost over the cost of the next chip"]
    assert average.simulated > 1.3  # a cumulative-average curve would give the same figure for both


def test_the_queue_finds_its_bursts_and_serves_them_in_turn():
    findings = found("o17")
    assert wrong(findings) == []
    assert findings["requests of the first burst (MW)"].expected == 650  # 6.5 quarters of 100 MW
    first = findings["granted by quarter 2 (MW)"].simulated
    assert first == pytest.approx(100 * 1.25**0.5, rel=1e-12)  # the slots of the third quarter
    assert findings["building alone, by Little's law (quarters)"].simulated == pytest.approx(3, rel=1e-6)


def test_the_printed_coefficients_of_2022_do_not_give_twenty_tokens_a_parameter():
    findings = found("o18")
    assert wrong(findings) == []
    ratio = [findings[f"rule, law {law}: tokens at 1e+24 FLOP"].simulated / findings[f"rule, law {law}: parameters at 1e+24 FLOP"].simulated for law in (1, 2)]
    assert ratio == pytest.approx([18.14, 97.73], abs=0.01)  # the refit; as printed
    assert findings["rule, law 2: loss (nat a token) at 1e+24 FLOP"].simulated == pytest.approx(1.911195, abs=1e-6)
    [tight] = [f for name, f in findings.items() if name.startswith("engine, law 1: what the text there is lets") and "lab 1" in name]
    assert tight.simulated < 0.5 * findings["engine, law 1: largest run of lab 1 in the last quarter (FLOP)"].simulated, "the limit must bind"


def test_two_thirds_of_the_chips_run_on_twenty_megawatts():
    findings = found("o26")
    assert findings["chips with power"].simulated == pytest.approx(42666.67, abs=0.01)  # 20 MW over 30/64 kW
    assert findings["energised compute with 10% more chips (PFLOP/s)"].simulated == pytest.approx(13312, rel=1e-9)
    assert findings["shadow price of a MW (PFLOP/s)"].simulated == pytest.approx(665.6, rel=1e-6)  # .312 over 30/64 kW


def test_kaplan_meier_gives_the_figures_of_the_five_durations():
    findings = found("o28")
    assert findings["survival beyond 3"].simulated == pytest.approx(0.8 / 3, rel=1e-12)
    assert findings["Greenwood's standard error at 3"].simulated == pytest.approx(0.225750, abs=1e-6)


def test_the_accounts_of_every_lever_balance():
    findings = found("o27", "quarters=12")
    assert wrong(findings) == []
    assert len(findings) > 20
    assert all("14 runs" in name for name in findings if name.startswith("largest")), "none, twelve levers, all switches off"


@pytest.mark.parametrize(("oracle", "sets", "key"), [
    ("o18", ("floor_loss=[1.0]",), "floor_loss"), ("o28", ("ended=[1]",), "ended"),
])
def test_lists_that_do_not_match_are_refused(oracle, sets, key):
    with pytest.raises(BadInput) as refusal:
        found(oracle, *sets)
    [problem] = refusal.value.problems
    assert problem.key == key
    assert problem.remedy


# A wrong model is found out -------------------------------------------------------------------------


def marginal_price_of_the_next_plant(capacity_mw, cost_usd, load_mw, price_cap):
    cleared = merit_order(capacity_mw, cost_usd, load_mw, price_cap)
    return cleared._replace(price_usd=np.minimum(price_cap, cleared.price_usd + 1.0))


def everybody_at_once(waiting_mw, slots_mw, lots=None, bids=None):
    wanted = waiting_mw.sum(axis=(0, 3), keepdims=True)[0]
    return waiting_mw * np.minimum(1.0, np.divide(slots_mw, wanted, out=np.ones_like(wanted), where=wanted > 0))


def test_a_price_above_the_last_plants_cost_is_found(monkeypatch):
    monkeypatch.setattr(energy, "merit_order", marginal_price_of_the_next_plant)
    names = [name for name, *_ in wrong(found("o16", "loads_mw=[200]"))]
    assert any(name.startswith("price in the first region") for name in names)
    assert any(name.startswith("rents") for name in names)


def test_a_queue_that_does_not_serve_the_oldest_first_is_found(monkeypatch):
    monkeypatch.setitem(energy.CONNECTION, "first_come", everybody_at_once)
    names = [name for name, *_ in wrong(found("o17", "building_quarters=1"))]
    assert any("while the first waits" in name for name in names)
    assert "granted by quarter 2 (MW)" not in names  # as much is granted, to others


def test_learning_on_one_makers_chips_alone_is_found(monkeypatch):
    def alone(makers, settings):
        made = 1.0 + makers.cumulative_chips / settings.chips_before_start
        return makers.base_cost_usd_per_chip * made ** -settings.learning_exponent / makers.pflops_per_chip

    monkeypatch.setattr(chips.chip_makers, "unit_cost_usd_per_pflops", alone)
    names = [name for name, *_ in wrong(found("o15", "quarters=4", "second_capacity_chips=500000"))]
    assert "largest distance from the learning curve (relative)" in names


def test_a_data_limit_that_does_not_bind_is_found(monkeypatch):
    monkeypatch.setattr(labs, "worth_flop", lambda flop, tokens, law: flop)
    names = [name for name, *_ in wrong(found("o18"))]
    assert any("effective compute of lab 1" in name for name in names)
    assert any("by customers' shares" in name for name in names)


def lost_on_the_way(capacity_mw, cost_usd, load_mw, price_cap):
    cleared = merit_order(capacity_mw, cost_usd, load_mw, price_cap)
    return cleared._replace(dispatched_mw=0.9 * cleared.dispatched_mw)


def test_electricity_that_is_lost_is_found_with_and_without_the_engines_own_checks(monkeypatch):
    monkeypatch.setattr(energy, "merit_order", lost_on_the_way)
    [stopped] = wrong(found("o27", "quarters=2"))
    assert (stopped[0], stopped[2]) == ("runs stopped by the engine's own checks", 14)
    monkeypatch.setattr(engine, "broken", lambda world: [])
    [lost] = wrong(found("o27", "quarters=2"))
    assert lost[0].startswith("largest residual of electricity dispatched and short against load")
    assert lost[2] == pytest.approx(100)  # a tenth of the load, per mille


def test_an_estimator_that_forgets_who_still_waits_is_found(monkeypatch):
    def forgetful(durations, ended):
        ended = np.asarray(ended) != 0
        return survival.kaplan_meier(np.asarray(durations)[ended], ended[ended])

    monkeypatch.setattr(estimators, "kaplan_meier", forgetful)
    assert "survival beyond 3" in [name for name, *_ in wrong(found("o28"))]
