"""Oracles of firms in the rental market, of the chain above it, and of the race: at their defaults and elsewhere; and how a finding is judged."""

import math
from pathlib import Path

import numpy as np
import pytest

import market_abm
from market_abm.errors import BadInput
from market_abm.oracles.catalogue import ORACLES, chosen
from market_abm.oracles.finding import Finding, mean_of
from market_abm.oracles.running import NotSettled, column, firms_present, settled, stepped
from market_abm.oracles.sheet import read_sheet

CONFIGS = Path(market_abm.__file__).parent.parent / "configs" / "oracles"


def asked(name, *sets):
    """Return {quantity: finding} of an oracle."""
    oracle = ORACLES[name]
    found = oracle.measure(read_sheet(str(CONFIGS / oracle.file), sets))
    assert len({f.quantity for f in found}) == len(found), "each quantity has a name of its own"
    return {f.quantity: f for f in found}


def wrong(found):
    return [f for f in found.values() if not f.ok]


# The golden numbers, typed in from the literature's tables: neither the model's nor the closed forms' word for it.


def test_o1_cournot_at_its_golden_numbers():
    found = asked("O1")
    assert not wrong(found)
    for n, q, p, hhi, margin, profit in ((1, 45, 55, 1, 0.818182, 2025), (3, 22.5, 32.5, 1 / 3, 0.692308, 506.25), (8, 10, 20, 0.125, 0.5, 100)):
        assert found[f"output of a firm, N = {n} (PFLOP-h)"].simulated == pytest.approx(q)
        assert found[f"rent, N = {n} (USD/PFLOP-h)"].simulated == pytest.approx(p)
        assert found[f"HHI, N = {n}"].simulated == pytest.approx(hhi)
        assert found[f"Lerner index, which is HHI over elasticity, N = {n}"].simulated == pytest.approx(margin, abs=5e-7)
        assert found[f"profit of a firm, N = {n} (USD)"].simulated == pytest.approx(profit)


def test_simultaneous_replies_of_four_firms_never_settle_and_damped_ones_do():
    def path(n, speed, start, quarters):
        sheet = read_sheet(str(CONFIGS / "o01_cournot.toml"))
        sets = [*firms_present(n, service_usd=10, output_pflop_hours=start), "rental.choke_usd=100", "customers.enterprise_usd=400", f"rental.output_speed={speed}"]
        return [x[0] for x in stepped([sheet.configuration(*sets)], each=lambda s: column(s, "clouds.output_pflop_hours")[0], quarters=quarters).seen]

    assert path(3, 1.0, 20.0, 4) == pytest.approx([25, 20, 25, 20])  # the cycle that never ends
    assert path(4, 1.0, 20.0, 30)[-2:] in ([0.0, 45.0], [45.0, 0.0])  # from one corner to the other
    assert path(2, 1.0, 20.0, 40)[-1] == pytest.approx(30)
    near, far = (np.abs(np.array(path(4, speed, 18.5, 20)) - 18) for speed in (0.792, 0.808))
    assert np.all(np.diff(near) < 0) and np.all(np.diff(far) > 0)
    # One after the other they would settle: who sees 18 at speed 1 has updated agents in turn.


def test_o2_and_o23_by_their_golden_numbers():
    found = asked("O2")
    assert not wrong(found)
    assert [found[f"output of firm {i} (PFLOP-h)".replace(" (", ", second firm's cost raised (")].simulated for i in (1, 2, 3)] == pytest.approx([31, 17, 11])
    found = asked("O23")
    assert not wrong(found)
    assert [found[f"output of firm {i} (PFLOP-h)"].simulated for i in (1, 2, 3)] == pytest.approx([25.135135, 21.621622, 11.621622], abs=1e-6)
    assert found["rent (USD/PFLOP-h)"].simulated == pytest.approx(41.6216, abs=5e-5)
    assert (found["HHI"].simulated, found["MHHI"].simulated) == pytest.approx((0.362183, 0.410022), abs=5e-7)
    assert found["HHI"].simulated < 0.388889, "a silent stake lowers the index while it raises the price"


@pytest.mark.parametrize(("name", "sets"), [
    ("O1", ("firms=[5]", "choke=60", "slope=0.5", "cost=3", "start=7", "dynamic_firms=[5]", "dynamic_speeds=[0.5]")),
    ("O2", ("costs=[12, 12, 30, 95]", "rise=9", "slope=2")),  # the last sells nothing
    ("O3", ()), ("O3", ("firms=[2, 6]", "elasticity=0.9", "costs=[8, 12]")),
    ("O4", ()), ("O4", ("capacities=[10, 25, 14]", "choke=80", "cost=5")),
    ("O5", ()), ("O5", ("choke=77", "elasticity=1.3")),
    ("O6", ()), ("O6", ("firms=[3]", "choke=150", "chip_cost=4", "integrated_with=2")),
    ("O7", ()), ("O7", ("appeals=[2, 6]", "costs=[3, 30]", "sensitivity=0.3", "log_elasticity=5")),
    ("O9", ()), ("O9", ("fixed=200", "cost=2", "slope=0.7")),
    ("O19", ("labs=[3, 7]", "decisiveness=[0.7, 1.4]", "prize=30", "costs=[1, 1.5, 1.9]")),
    ("O22", ()), ("O22", ("fixed=50", "slope=3")),
    ("O23", ("costs=[10, 15]", "stake=1")), ("O29", ()),
    ("O29", ("elasticity=2.5", "scarce=0.5", "response=1.5", "chip_costs=[5000, 2500, 8000]", "choice_elasticity=4", "market_elasticity=0.8")),
    ("O24", ()), ("O24", ("firms=3", "cost=14", "slope=5")),
])
def test_an_oracle_holds(name, sets):
    assert not wrong(asked(name, *sets))


def test_integration_raises_concentration_and_lowers_the_rent():
    found = asked("O6", "firms=[4]")
    assert found["rise of the HHI by integration"].simulated == pytest.approx(0.75)
    assert found["change of the rent by integration (USD/PFLOP-h)"].simulated == pytest.approx(-9)
    assert found["rent with access to chips at cost, N = 4 (USD/PFLOP-h)"].simulated == pytest.approx(28)


def test_sutton_s_market_keeps_two_firms_while_it_grows_a_hundred_thousandfold():
    found = asked("O8", "large_spendings=[10, 1000000]", "exponents=[2]", "qualities=[1.4, 0.9]")
    assert not wrong(found)
    assert [found[f"firms, endogenous sunk cost, exponent 2, spending {s}"].simulated for s in ("10", "1e+06")] == [2, 2]
    assert found["firms, exogenous sunk cost, spending 100.5"].simulated == 10
    assert found["outlay of a firm, exponent 2, spending 1e+06 (USD)"].simulated == pytest.approx(125000.5)  # S/8 and a half


def test_o19_by_its_golden_numbers():
    found = asked("O19", "labs=[4, 5, 6]", "decisiveness=[1.2, 1.25]", "costs=[1, 1.2, 2, 5]")
    assert not wrong(found)
    assert found["spending of a lab, N = 4, r = 1.2 (M USD)"].simulated == pytest.approx(22.5)
    assert found["payoff of a lab, N = 4, r = 1.2 (M USD)"].simulated == pytest.approx(2.5)
    assert found["payoff of a lab, N = 5, r = 1.25 (M USD)"].simulated == pytest.approx(0.0, abs=1e-9)
    assert found["labs that can take part without a loss, among [4, 5, 6], r = 1.25"].simulated == 2  # 4 and 5: r/(r - 1) = 5
    shares = [f.simulated for q, f in found.items() if q.startswith("share of the lab")]
    assert shares == pytest.approx([0.523810, 0.428571, 0.047619, 0.0], abs=1e-6)


# Judging --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("expected", "simulated", "error", "ok"), [
    (1.0, 1.0 + 9e-7, 0.0, True), (1.0, 1.0 + 2e-6, 0.0, False), (0.0, 9e-7, 0.0, True), (0.0, 2e-6, 0.0, False),
    (1e9, 1e9 + 900, 0.0, True), (1.0, 1.39, 0.1, True), (1.0, 1.41, 0.1, False), (math.inf, math.inf, 0.0, True),
    (math.inf, 1.0, 0.0, False), (math.nan, math.nan, 0.0, True), (math.nan, 1.0, 0.0, False), (1.0, math.nan, 0.0, False), (1.0, math.nan, 0.1, False),
])
def test_when_a_finding_is_right(expected, simulated, error, ok):
    assert Finding("x", expected, simulated, error).ok is ok


def test_the_error_of_a_mean_is_that_of_its_draws():
    finding = mean_of("x", 2.0, [1.0, 2.0, 3.0, 6.0])  # mean 3, variance 14/3, error sqrt(14/12)
    assert (finding.quantity, finding.simulated) == ("x, mean of 4", 3.0)
    assert finding.standard_error == pytest.approx(math.sqrt(14 / 12))
    assert mean_of("x", 2.0, [1.0, 3.0], expected_error=3.0).standard_error == pytest.approx(math.sqrt(1 + 9))


def test_what_never_settles_says_so():
    sheet = read_sheet(str(CONFIGS / "o01_cournot.toml"))
    sets = [*firms_present(3, service_usd=10, output_pflop_hours=20), "rental.choke_usd=100", "customers.enterprise_usd=400", "rental.output_speed=1", "frame.quarters=20"]
    with pytest.raises(NotSettled, match="still moved after 20 quarters"):
        settled([sheet.configuration(*sets)], "clouds.output_pflop_hours", 1e-9)


def test_all_stand_in_order_and_each_is_found_by_number_and_by_name():
    assert list(ORACLES) == [f"O{n}" for n in range(1, 30)]
    for oracle in ORACLES.values():
        assert chosen(oracle.name.lower()) == chosen(oracle.file) == [oracle]
        sheet = read_sheet(str(CONFIGS / oracle.file))
        assert (sheet.name, sheet.tests in ("engine", "rule", "estimator")) == (oracle.name, True)
        assert sheet.says and sheet.source
    engine = [o.name for o in ORACLES.values() if read_sheet(str(CONFIGS / o.file)).tests == "engine"]
    assert set(engine) >= {f"O{n}" for n in (*range(1, 10), 11, 13, *range(15, 20), *range(21, 28), 29)}


@pytest.mark.parametrize(("text", "why"), [
    ("costs=[10]", "must have at least 2 values"), ("costs=10", "must be a list"), ("rise=-1", "must be a number from 0 to 50"), ("rice=1", "is no knob of oracle O2"),
    ("rise", "must be written key=value"), ("costs=[1, 'a']", "must be a number"),
])
def test_a_knob_is_refused_with_its_bound(text, why):
    with pytest.raises(BadInput, match=why.replace("[", r"\[")):
        read_sheet(str(CONFIGS / "o02_unequal_costs.toml"), [text])


@pytest.mark.parametrize("file", sorted(path.name for path in CONFIGS.glob("*.toml") if "demand =" in path.read_text() or path.name == "textbook.toml"))
def test_an_engine_s_oracle_is_a_configuration_like_any_other(file):
    configuration = market_abm.load(CONFIGS / file, ["frame.quarters=2"])
    assert not stepped([configuration]).failures
