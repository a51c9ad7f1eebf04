"""Metrics on markets made by hand: golden numbers, edges, and what binds whom."""

from types import SimpleNamespace

import numpy as np
import pytest
from worlds import measured, value_of

from market_abm.metrics.concentration import effective_number, herfindahl, largest
from market_abm.metrics.market import (
    chip_price,
    entry_rate,
    exit_rate,
    in_house_share,
    labs_bound_by,
    lerner,
    owners_bound_by,
    person_of_compute_usd,
)

GOLDEN = np.array([[31.0, 24, 12, 8, 7, 6, 5, 4, 2, 1]])  # percent; the HHI is the sum of squares: 1,876 points


def test_the_golden_market_has_its_textbook_concentration():
    assert herfindahl(GOLDEN).item() == pytest.approx(0.1876)
    assert largest(GOLDEN, 4).item() == pytest.approx(0.75)
    assert largest(GOLDEN, 1).item() == pytest.approx(0.31)
    assert effective_number(GOLDEN).item() == pytest.approx(6.819944, abs=1e-6)


def test_a_monopoly_is_one_and_equals_share():
    assert herfindahl(np.array([[0.0, 7.0, 0.0]])).item() == 1.0
    assert herfindahl(np.full((1, 4), 3.0)).item() == pytest.approx(0.25)
    assert effective_number(np.full((1, 4), 3.0)).item() == pytest.approx(4.0)
    assert largest(np.array([[1.0, 1.0]]), 4).item() == pytest.approx(1.0), "fewer firms than k"


def test_an_empty_market_has_no_concentration_rather_than_none():
    for measure in (herfindahl, effective_number, lambda sizes: largest(sizes, 4)):
        with np.errstate(all="ignore"):
            assert np.isnan(measure(np.zeros((1, 3))).item())


def test_a_negative_size_is_an_error():
    with pytest.raises(ValueError, match="negative"):
        herfindahl(np.array([[1.0, -0.1]]))


def test_scale_order_and_idle_firms_change_no_concentration():
    shuffled = np.concatenate([GOLDEN[:, ::-1] * 17.0, np.zeros((1, 3))], axis=-1)
    assert herfindahl(shuffled).item() == pytest.approx(herfindahl(GOLDEN).item(), rel=1e-14)
    assert largest(shuffled, 4).item() == pytest.approx(largest(GOLDEN, 4).item(), rel=1e-14)


def test_an_atomistic_fringe_counts_in_the_total_and_not_in_the_squares():
    sizes, fringe = np.array([[30.0, 20.0, 50.0]]), np.array([[0.0, 0.0, 1.0]])
    assert herfindahl(sizes, fringe).item() == pytest.approx(0.3**2 + 0.2**2)
    assert largest(sizes, 1, fringe).item() == pytest.approx(0.3)


def standing(**tables):
    """Return a stand-in for a world whose figures are worked out anew each time."""
    world = SimpleNamespace(**tables)
    world.noted = lambda name, compute: compute(world)
    return world


def owners(**changes):
    """Four owners with 10, 20, 30 and 40 PFLOP/s of one maker, nothing short."""
    columns = {
        "fleet_pflops": np.array([[[10.0, 20.0, 30.0, 40.0]]]), "active_pflops": np.array([[10.0, 20.0, 30.0, 40.0]]),
        "power_short": np.zeros((1, 4)), "unserved_pflops": np.zeros((1, 4)), "money_short": np.zeros((1, 4)),
    }
    return standing(clouds=SimpleNamespace(**(columns | changes)))


def bound(world):
    return [owners_bound_by(reason)(world).item() for reason in ("power", "chips", "money", "none")]


def test_nothing_short_binds_nobody():
    assert bound(owners()) == pytest.approx([0, 0, 0, 1])


def test_owners_are_bound_by_the_first_of_power_chips_and_money():
    world = owners(
        active_pflops=np.array([[9.0, 20.0, 30.0, 40.0]]),  # the first has idle chips: power, whatever else it lacks
        power_short=np.array([[0.0, 0.5, 0.0, 0.0]]),  # the second would order more if it could connect it: power
        unserved_pflops=np.array([[5.0, 0.0, 3.0, 0.4]]),  # the third waits for a tenth of its fleet: chips; 1% is not noticed
        money_short=np.array([[0.9, 0.9, 0.9, 0.9]]),  # the fourth lacks money only
    )
    assert bound(world) == pytest.approx([0.1 + 0.2, 0.3, 0.4, 0])


def test_a_shortfall_of_two_percent_is_not_noticed_and_one_of_three_is():
    assert bound(owners(money_short=np.full((1, 4), 0.02)))[2] == 0
    assert bound(owners(money_short=np.full((1, 4), 0.03)))[2] == pytest.approx(1)


def test_no_compute_no_reason():
    with np.errstate(all="ignore"):
        assert np.isnan(bound(owners(fleet_pflops=np.zeros((1, 1, 4)), active_pflops=np.zeros((1, 4))))).all()


def test_labs_are_bound_by_data_then_compute_then_money_then_prize_then_ambition():
    clouds = SimpleNamespace(
        lab_budget_usd=np.array([[10.0, 10.0, 0.0]]), lab_funded_usd=np.array([[10.0, 10.0, 0.0]]), has_lab=np.array([[1.0, 1.0, 0.0]]),
        own_fill_rate=np.array([[0.5, 1.0, 1.0]]), prize_bound=np.array([[1.0, 1.0, 0.0]]),
        data_short=np.array([[0.0, 0.02, 0.9]]), contested_rent_usd=np.array([[2.0, 3.0, 0.0]]))
    startups = SimpleNamespace(
        budget_usd=np.array([[20.0, 30.0, 30.0, 25.0]]), training_usd=np.array([[2.0, 10.0, 30.0, 2.0]]),
        own_training_pflop_hours=np.array([[0.0, 10.0, 0.0, 0.0]]), provider=np.array([[0, 0, 1, 1]]), prize_bound=np.zeros((1, 4)),
        data_short=np.array([[0.0, 0.0, 0.0, 0.3]]), fill_rate=np.array([[1.0, 1.0, 0.9, 0.9]]))
    world = standing(clouds=clouds, startups=startups)
    reasons = {reason: labs_bound_by(reason)(world).item() for reason in ("data", "compute", "money", "prize", "ambition")}
    # 125 wanted in all: startup 4 has too little text for its run (25), whatever else; owner 1 rationed (10) and startup 3 at a
    # rationed cloud (30); startup 1 short of money (20); owner 2 stopped by the prize (10); startup 2 by ambition alone (30)
    assert reasons == pytest.approx({"data": 0.2, "compute": 0.32, "money": 0.16, "prize": 0.08, "ambition": 0.24})


def test_entry_and_exit_rates_are_over_those_alive_at_the_start():
    # 10 at the start, 3 close, 1 is bought, 3 enter: 9 alive
    world = SimpleNamespace(startups=SimpleNamespace(alive=np.ones((1, 9))),
                            market=SimpleNamespace(entries=np.array([[3.0]]), exits=np.array([[3.0]]), acquired=np.array([[1.0]])))
    assert (entry_rate(world).item(), exit_rate(world).item()) == pytest.approx((0.3, 0.3))


def test_the_lerner_index_weighs_merchants_by_sales():
    makers = SimpleNamespace(unit_cost_usd_per_pflops=np.array([[25.0, 60.0, 30.0]]), price_usd_per_pflops=np.array([[100.0, 100.0, 30.0]]),
                             sales_usd=np.array([[300.0, 100.0, 900.0]]), kind=np.array([[1.0, 1.0, 2.0]]))
    assert lerner(SimpleNamespace(makers=makers)).item() == pytest.approx((0.75 * 300 + 0.4 * 100) / 400)


def test_the_in_house_share_is_of_chips_delivered_and_chip_prices_are_merchants():
    makers = SimpleNamespace(sales_usd=np.array([[600.0, 90.0, 0.0]]), sold_pflops=np.array([[30.0, 10.0, 0.0]]), kind=np.array([[1.0, 2.0, 2.0]]))
    world = SimpleNamespace(makers=makers)
    assert (in_house_share(world).item(), chip_price(world).item()) == (0.25, 20.0)
    makers.sold_pflops = 0 * makers.sold_pflops
    assert np.isnan(in_house_share(world)).all() and np.isnan(chip_price(world)).all()


def test_a_person_of_compute_is_twenty_pflops_bought_housed_and_networked():
    # 30,000 USD and 1.4 kW a PFLOP/s, 35% for servers, 11 M USD a MW: 20 x (40,500 + 15,400) = 1,118,000 USD
    makers = SimpleNamespace(sales_usd=np.array([[3e6]]), sold_pflops=np.array([[100.0]]), mw_per_pflops=np.array([[1.4e-3]]),
                             kind=np.array([[1.0]]))
    clouds = SimpleNamespace(building_usd_per_mw=np.array([[11e6]]), server_overhead=np.array([[0.35]]))
    world = SimpleNamespace(makers=makers, rules=SimpleNamespace(clouds=clouds))
    assert person_of_compute_usd(world).item() == pytest.approx(1_118_000)


def test_the_ten_largest_runs_are_averaged_in_logs():
    # ten runs of 1e3 to 1e12 and two smaller ones: the mean exponent of 3 to 12 is 7.5
    view = measured({"clouds.run_flop": [1e12, 10.0], "startups.run_flop": [10.0**k for k in range(3, 12)] + [5.0]}, clouds=2, startups=10)
    assert value_of("top_ten_runs_flop", view) == pytest.approx(10**7.5)
    few = measured({"clouds.run_flop": [1e12, 10.0], "startups.run_flop": [0.0] * 10}, clouds=2, startups=10)
    assert np.isnan(value_of("top_ten_runs_flop", few))


def test_the_leading_merchant_is_counted_among_merchants():
    view = measured({"makers.made_chips": [60, 20, 500], "makers.kind": [1, 1, 2]}, makers=3)
    assert value_of("cr1_merchant_chips_made", view) == pytest.approx(0.75)


def test_electricity_is_a_part_of_full_cost():
    # 100 hours at 2 USD and 300 at 1 USD cost 500; electricity 25
    view = measured({"clouds.energy_bill_usd": [5, 20], "clouds.full_cost_usd": [2, 1], "clouds.used_pflop_hours": [100, 300]}, clouds=2)
    assert value_of("energy_share_compute_cost", view) == pytest.approx(0.05)
