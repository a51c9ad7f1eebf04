"""From compute to capability: the scaling law (oracle O18), its data limit, two maps (O19), and what growth is made of."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import row, same_bits

import market_abm
from market_abm.behaviour import labs
from market_abm.engine import run_seeds, simulate
from market_abm.metrics.market import quarters_behind
from market_abm.parameters.demand import Training
from market_abm.parameters.loading import load
from market_abm.phases.quarter import QUARTER
from market_abm.rules.capability import (
    CAPABILITY_MAP,
    DECISIVENESS,
    reducible_loss,
    scaling_law,
    trained,
    worth_flop,
)
from market_abm.units import FLOP_PER_PFLOP_HOUR

pytestmark = pytest.mark.usefixtures("quiet")

CONFIGS = Path(market_abm.__file__).parent.parent / "configs"
ENDLESS = row(1e60)
SMALL = ("frame.startup_slots=128", "startups.opening=60", "startups.talent_pool=100")


def law_of(parameter_loss, token_loss, parameter_exponent, token_exponent):
    return scaling_law(SimpleNamespace(parameter_loss=row(parameter_loss), token_loss=row(token_loss),
                                       parameter_exponent=row(parameter_exponent), token_exponent=row(token_exponent)))


HOFFMANN, HOFFMANN_FLOOR = law_of(406.4, 410.7, 0.34, 0.28), 1.69
BESIROGLU, BESIROGLU_FLOOR = law_of(482.01, 2085.43, 0.3478, 0.3658), 1.8172


# The scaling law (O18) --------------------------------------------------------------------------------


def test_the_best_run_of_hoffmann_at_1e24():
    run = trained(row(1e24), ENDLESS, HOFFMANN)
    assert run.parameters[0, 0] == pytest.approx(4.12967e10, rel=1e-5)
    assert run.tokens[0, 0] == pytest.approx(4.03583e12, rel=1e-5)
    assert HOFFMANN_FLOOR + run.reducible_loss[0, 0] == pytest.approx(1.911195, abs=1e-6)
    assert HOFFMANN.exponent[0, 0] == pytest.approx(0.153548, abs=1e-6)
    tenfold = trained(row(1e25), ENDLESS, HOFFMANN).reducible_loss / run.reducible_loss
    assert tenfold[0, 0] == pytest.approx(0.702185, abs=1e-6)


def test_the_declared_coefficients_are_the_refit():
    training = Training()
    refit = law_of(training.parameter_loss, training.token_loss, training.parameter_exponent, training.token_exponent)
    run = trained(row(1e24), ENDLESS, refit)
    assert run.tokens[0, 0] / run.parameters[0, 0] == pytest.approx(18.14, abs=5e-3)
    assert BESIROGLU_FLOOR + run.reducible_loss[0, 0] == pytest.approx(1.959712, abs=1e-6)


@pytest.mark.parametrize("law", [HOFFMANN, BESIROGLU])
@pytest.mark.parametrize("flop", [1e20, 1e24, 3e29])
def test_no_other_split_of_the_compute_is_better(law, flop):
    run = trained(row(flop), ENDLESS, law)
    assert 6 * run.parameters * run.tokens == pytest.approx(flop, rel=1e-12)
    for factor in (0.5, 0.99, 1.01, 2.0):
        other = (law.parameter_loss * (run.parameters * factor) ** -law.parameter_exponent
                 + law.token_loss * (run.tokens / factor) ** -law.token_exponent)
        assert other > run.reducible_loss
    assert reducible_loss(row(flop), law.scale, law.exponent) == pytest.approx(run.reducible_loss, rel=1e-12)


# The data limit ---------------------------------------------------------------------------------------


def test_beyond_the_stock_parameters_grow_alone():
    run = trained(row(6e26), row(1e12), HOFFMANN)  # 6e26 = 6 x 1e14 x 1e12
    assert (run.tokens[0, 0], run.parameters[0, 0]) == (1e12, pytest.approx(1e14, rel=1e-12))
    assert run.reducible_loss[0, 0] == pytest.approx(406.4 * 1e14**-0.34 + 410.7 * 1e12**-0.28, rel=1e-12)


@given(st.floats(20, 35), st.floats(9, 17))
def test_a_limited_run_is_worth_the_unlimited_run_with_its_loss(log_flop, log_stock):
    flop, stock = row(10**log_flop), row(10**log_stock)
    run = trained(flop, stock, BESIROGLU)
    assert run.worth_flop <= flop
    assert reducible_loss(run.worth_flop, BESIROGLU.scale, BESIROGLU.exponent) == pytest.approx(run.reducible_loss, rel=1e-9)
    assert same_bits(worth_flop(flop, stock, BESIROGLU), run.worth_flop)


def test_however_large_a_run_is_it_is_worth_no_more_than_its_text():
    # All that is left is B/D^b, which the unlimited law reaches at a compute that is finite.
    ceiling = 6 * (BESIROGLU.scale / (2085.43 * 30e12**-0.3658)) ** (1 / BESIROGLU.exponent)
    assert trained(row(1e90), row(30e12), BESIROGLU).worth_flop == pytest.approx(ceiling, rel=1e-6)
    assert trained(row(1e28), row(30e12), BESIROGLU).worth_flop < 0.5 * row(1e28)


def test_the_limit_sets_in_softly_and_the_elasticity_is_the_slope_of_worth():
    stock, step = row(30e12), 1e-5
    for flop in (1e25, 3.89e26, 1e27, 1e29):
        slope = math.log(trained(row(flop * math.exp(step)), stock, BESIROGLU).worth_flop[0, 0]
                         / trained(row(flop * math.exp(-step)), stock, BESIROGLU).worth_flop[0, 0]) / (2 * step)
        assert trained(row(flop), stock, BESIROGLU).elasticity[0, 0] == pytest.approx(slope, abs=1e-4)
    assert trained(row(1e25), stock, BESIROGLU).elasticity[0, 0] == 1.0


def test_without_a_limit_a_run_is_worth_itself_to_the_bit():
    flop = row(0.0, 1e-3, 7.7e22, 1e28, 3e45)
    assert same_bits(trained(flop, ENDLESS, BESIROGLU).worth_flop, flop)
    assert same_bits(worth_flop(flop, ENDLESS, BESIROGLU), flop)


def test_the_stock_of_text_is_a_path_through_its_date():
    training = SimpleNamespace(data_epochs=row(4.0), data_tokens=row(50.0), data_growth=row(1.21), data_date=row(24))
    assert labs.usable_tokens(24, training)[0, 0] == 200.0
    assert labs.usable_tokens(26, training)[0, 0] == pytest.approx(220.0)
    assert labs.usable_tokens(20, training)[0, 0] == pytest.approx(200.0 / 1.21)


# Two maps (O19) ---------------------------------------------------------------------------------------


def strengths(name, flop, contest=1.2, weight=244.0, law=BESIROGLU):
    best = row(max(flop))
    return CAPABILITY_MAP[name](row(*flop), best, row(contest), row(weight), law.scale, law.exponent)[0]


def decisiveness(name, flop, contest=1.2, weight=244.0, law=BESIROGLU):
    return DECISIVENESS[name](row(flop), row(contest), row(weight), law.scale, law.exponent)[0, 0]


def test_the_contest_follows_compute_and_the_loss_map_the_difference_in_loss():
    assert strengths("log_compute", (1e24, 4e24, 0.0), contest=0.5) == pytest.approx([0.5, 1.0, 0.0])
    # Hoffmann: reducible loss .2211954 at 1e24, times .7021846 at 1e25: .0658756 apart, 10 of which are .658756.
    assert strengths("loss", (1e24, 1e25, 0.0), weight=10.0, law=HOFFMANN) == pytest.approx([math.exp(-0.658756), 1.0, 0.0], rel=1e-5)


def test_under_the_loss_map_the_contest_loses_its_decisiveness_as_compute_grows():
    # O19: per unit of weight .1535 x .2212 = .0340 at 1e24; two decades later times .702185 twice.
    at_first, later = (decisiveness("loss", flop, weight=1.0, law=HOFFMANN) for flop in (1e24, 1e26))
    assert at_first == pytest.approx(0.0340, abs=5e-5)
    assert later == pytest.approx(at_first * 0.702185**2, rel=1e-5)
    assert decisiveness("log_compute", 1e24) == decisiveness("log_compute", 1e40) == 1.2


def test_the_two_maps_are_equally_decisive_where_the_weight_says():
    training = Training()
    assert decisiveness("loss", 1e28, weight=training.loss_weight) == pytest.approx(decisiveness("log_compute", 1e28), rel=1e-3)


@pytest.mark.parametrize("name", CAPABILITY_MAP)
@pytest.mark.parametrize("flop", [1e24, 1e28, 1e33])
def test_decisiveness_is_the_slope_of_strength(name, flop):
    up = strengths(name, (flop, flop * math.exp(1e-5)))
    assert -math.log(up[0]) / 1e-5 == pytest.approx(decisiveness(name, flop), rel=1e-4)


@pytest.mark.parametrize("name", CAPABILITY_MAP)
def test_with_the_contest_off_all_labs_that_have_trained_are_equal(name):
    assert strengths(name, (0.0, 1.0, 1e22, 1e30), contest=0.0, weight=0.0).tolist() == [0.0, 1.0, 1.0, 1.0]
    assert decisiveness(name, 1e24, contest=0.0, weight=0.0) == 0.0


def spending(place, effective, run, tokens):
    training = SimpleNamespace(capability_map=np.array([[place]]), loss_weight=row(244.0), parameter_loss=row(482.01),
                               token_loss=row(2085.43), parameter_exponent=row(0.3478), token_exponent=row(0.3658))
    rules = SimpleNamespace(training=training, customers=SimpleNamespace(contest=row(1.2)))
    market = SimpleNamespace(frontier_effective_flop=row(effective), frontier_run_flop=row(run), data_tokens=row(tokens))
    return labs.decisiveness_of_spending(market, rules)[0, 0]


def test_a_race_for_loss_limits_itself_and_so_does_a_race_without_text():
    assert spending(0, 1e28, 1e25, 1e30) == spending(0, 1e34, 1e28, 1e30) == 1.2
    assert spending(1, 1e32, 1e25, 1e30) == pytest.approx(spending(1, 1e28, 1e25, 1e30) * 1e4 ** -BESIROGLU.exponent[0, 0])
    limited = trained(row(1e28), row(30e12), BESIROGLU).elasticity[0, 0]
    assert spending(0, 1e30, 1e28, 30e12) == pytest.approx(1.2 * limited)
    assert limited < 0.7


# What growth is made of -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def history():
    """Run the baseline under both maps and with little text."""
    sets = ((), ("training.capability_map=loss",), ("training.data_tokens=1e12", "training.data_epochs=1"), ("switches.contest=0",),
            ("switches.contest=0", "training.capability_map=loss"))
    configurations = [load(CONFIGS / "base.toml", sets=("frame.quarters=56", *SMALL, *more)) for more in sets]
    outcome = simulate(configurations, np.repeat(run_seeds(5, 0, 1), len(sets)))  # the same luck for all
    assert not outcome.failures
    return {name: outcome.values[place] for place, name in enumerate(outcome.names)}


def growth(values):
    return values[1:] / values[:-1]


def test_growth_of_the_largest_run_is_the_product_of_its_factors_in_every_quarter(history):
    flop_per_hour = FLOP_PER_PFLOP_HOUR / history["frontier_full_cost_usd_per_pflop_hour"]  # peak FLOP per amortised dollar
    factors = (history["frontier_run_cost_usd"], flop_per_hour, history["frontier_utilisation"], history["frontier_efficiency"])
    product = np.prod([growth(factor) for factor in factors], axis=0)
    assert growth(history["frontier_run_flop"]) == pytest.approx(product, rel=1e-9)
    per_dollar = growth(history["frontier_flop_per_usd"])
    assert growth(history["frontier_run_flop"]) == pytest.approx(growth(history["frontier_run_cost_usd"]) * per_dollar, rel=1e-9)
    power = growth(history["largest_cluster_pflops"]) * growth(history["largest_cluster_mw_per_pflops"])
    assert growth(history["largest_cluster_mw"]) == pytest.approx(power, rel=1e-9)
    days = history["frontier_run_pflop_hours"] / history["largest_cluster_pflops"] / 24
    numbers = Training()
    path = np.minimum(numbers.opening_run_days * numbers.run_days_growth ** (np.arange(len(days)) / 4), numbers.run_days)
    assert days == pytest.approx(np.broadcast_to(path[:, None], days.shape), rel=1e-9)


def test_little_text_stops_capability_and_not_physical_runs(history):
    plenty, little = (history["frontier_effective_flop"][-1, run] for run in (0, 2))
    assert little < 0.1 * plenty
    assert history["frontier_run_flop"][-1, 2] > 10 * history["frontier_run_flop"][20, 2]
    assert history["bound_by_data_labs"][-1, 2] > 0.05
    assert not history["bound_by_data_labs"][:, 0].any()


def test_with_the_contest_off_both_maps_are_the_same_to_the_bit(history):
    for name, values in history.items():
        assert np.array_equal(values[:, 3], values[:, 4], equal_nan=True), name


def test_how_far_the_median_startup_is_behind():
    # On record 10, 20, 40, 40 and 80: whoever has 25 is behind the last three, whoever has 5 behind all there is.
    record = np.zeros((8, 2, 1))
    record[:5, :, 0] = np.array([10.0, 20, 40, 40, 80])[:, None]
    capable, alive = np.array([[25.0, 1.0, 90.0, 0.0], [5.0, 5.0, 90.0, 0.0]]), np.array([[1.0, 1, 1, 0], [1, 1, 1, 0]])
    world = SimpleNamespace(startups=SimpleNamespace(alive=alive, effective_flop=capable),
                            market=SimpleNamespace(frontier_record_flop=SimpleNamespace(array=record)))
    behind = quarters_behind(world)
    assert behind[0, 0] == 3
    assert np.isnan(behind[1, 0])
    world.startups.alive = np.zeros_like(alive)
    assert np.isnan(quarters_behind(world)).all()


# The extrapolation ------------------------------------------------------------------------------------


def test_nothing_but_ambition_binds_where_nothing_should():
    configuration = load(CONFIGS / "scenarios" / "extrapolation.toml", sets=("frame.quarters=40",))
    outcome = simulate([configuration] * 4, run_seeds(2, 0, 4))
    assert not outcome.failures
    metric = {name: outcome.values[place] for place, name in enumerate(outcome.names)}
    since = outcome.labels.index("2023Q1")  # before it, hundreds of startups catch up and compute is short for a while
    assert np.median(metric["bound_by_ambition_labs"][since:], axis=1).min() > 0.5, "even in the quarter of the demand shock"
    assert metric["bound_by_ambition_labs"][since:].mean() > 0.9
    for reason in ("data", "money", "prize"):
        assert metric[f"bound_by_{reason}_labs"].max() < 0.02, reason
    for reason in ("chips", "money"):
        assert metric[f"bound_by_{reason}_owners"][since:].mean() < 0.02, reason


def test_the_phase_that_trains_is_the_only_one_that_writes_capability():
    writers = {phase.name for phase in QUARTER if "clouds.data_short" in phase.writes or "market.frontier_record_flop" in phase.writes}
    assert writers == {"labs_train", "labs_are_let_go"}  # who lets a lab go has none left
