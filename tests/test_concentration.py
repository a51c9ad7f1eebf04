"""Concentration of small worlds: by legal entity, by ultimate owner, and against the quarter before."""

import numpy as np
import pytest
from worlds import measured, value_of

from market_abm.metrics.concentration import BASE_SAYS, STACKS
from market_abm.metrics.memory import Memory
from market_abm.state.tables import EVERYBODY_ELSE, HYPERSCALER, IN_HOUSE, MERCHANT

# Three clouds, the last one being everybody else; two makers; three startups of one possible holder each.
ROWS = {"clouds": 3, "makers": 2, "startups": 3, "holders": 2}
OWNERS = {"clouds.kind": [HYPERSCALER, HYPERSCALER, EVERYBODY_ELSE], "clouds.alive": [1, 1, 1]}
FLEETS = {"clouds.fleet_pflops": [[20, 20, 40], [10, 0, 10]]}  # 30, 20 and 50 of all makers


def world(columns, **more):
    return measured(OWNERS | columns, **(ROWS | more))


def test_every_base_is_measured_in_one_stack():
    assert sorted(base for names in STACKS.values() for base in names) == sorted(BASE_SAYS)


def test_everybody_else_is_a_fringe_of_owned_compute():
    view = world(FLEETS)
    assert value_of("hhi_compute_owned", view) == pytest.approx(0.13)
    assert value_of("cr1_compute_owned", view) == pytest.approx(0.3)
    assert value_of("hill_0_compute_owned", view) == 3


def test_a_cloud_that_is_owned_counts_with_its_owner_in_groups_alone():
    view = world(FLEETS | {"clouds.parent": [3, 0, 3]})
    assert value_of("hhi_compute_owned", view) == pytest.approx(0.13)
    assert value_of("hhi_compute_owned_by_group", view) == pytest.approx(0.25)
    assert value_of("cr1_compute_owned_by_group", view) == pytest.approx(0.5)


def test_in_house_makers_count_with_their_owner():
    sales = {"makers.sales_usd": [60, 30, 10], "makers.kind": [MERCHANT, IN_HOUSE, IN_HOUSE]}
    apart = world(sales, makers=3)
    assert value_of("hhi_chip_sales_by_group", apart) == pytest.approx(0.46), "in-house makers of nobody are on their own"
    view = world(sales | {"makers.parent": [3, 1, 0], "clouds.parent": [3, 0, 3]}, makers=3)
    assert value_of("hhi_chip_sales", view) == pytest.approx(0.46)
    assert value_of("hhi_chip_sales_by_group", view) == pytest.approx(0.36 + 0.16), "both belong to the first cloud's group"


LABS = {"clouds.ai_revenue_usd": [40, 0, 0], "startups.ai_revenue_usd": [30, 20, 10], "startups.alive": [1, 1, 1]}


def test_startups_count_with_who_holds_more_than_half():
    stakes = {"startups.holder": [[0, 1, 0], [3, 3, 1]], "startups.stake": [[0.6, 0.5, 0.3], [0, 0, 0.3]]}
    view = world(LABS | stakes)
    assert value_of("hhi_ai_revenue", view) == pytest.approx(0.16 + 0.09 + 0.04 + 0.01)
    assert value_of("hhi_ai_revenue_by_group", view) == pytest.approx(0.49 + 0.04 + 0.01), "half is not more than half"
    grouped = world(LABS | stakes | {"clouds.parent": [3, 0, 3]})
    assert value_of("cr1_ai_revenue_by_group", grouped) == pytest.approx(0.8), "two holders of one group hold .6"


def test_stakes_raise_the_modified_index():
    # the first cloud's lab has .5, a startup .3 of which that cloud holds .3, another .2
    view = world({"clouds.ai_revenue_usd": [5, 0, 0], "startups.ai_revenue_usd": [3, 2, 0], "startups.alive": [1, 1, 0],
                  "startups.holder": [[0, 3, 3], [3, 3, 3]], "startups.stake": [[0.3, 0, 0], [0, 0, 0]]})
    assert value_of("mhhi_silent_ai_revenue", view) == pytest.approx(0.425)
    assert value_of("mhhi_ai_revenue", view) == pytest.approx(0.502586, abs=1e-6)


def test_an_empty_market_is_missing():
    assert np.isnan(value_of("hhi_chip_sales", world({})))
    assert np.isnan(value_of("hhi_chip_sales_by_group", world({})))


# Against last quarter ---------------------------------------------------------------------------------


def test_the_first_quarter_has_nothing_to_compare_with_and_the_second_has():
    view = world(FLEETS | {"clouds.birth": [7, 8, 9]})
    assert np.isnan(value_of("share_instability_compute_owned", view))
    view.world.quarter = 1
    view.world.array("clouds.fleet_pflops")[:, 0] = [[10, 40, 50], [0, 0, 0]]  # shares .1, .4, .5 after .3, .2, .5
    view.forget()
    assert value_of("share_instability_compute_owned", view) == pytest.approx(0.2)
    assert value_of("rank_turnover_compute_owned", view) == 0
    assert value_of("rank_reversals_compute_owned", view) == 1, "the fringe has no rank"
    view.world.quarter = 3
    view.forget()
    assert np.isnan(value_of("share_instability_compute_owned", view)), "the quarter between was not measured"


def test_a_new_firm_in_an_old_row_is_another_firm():
    view = world(LABS | {"startups.birth": [1, 2, 3]})
    value_of("share_instability_ai_revenue", view)
    view.world.quarter = 1
    view.world.array("startups.birth")[0, 0] = 4
    view.forget()
    assert value_of("share_instability_ai_revenue", view) == pytest.approx(0.3), "one with .3 left, one with .3 entered"
    assert value_of("rank_turnover_ai_revenue", view) == pytest.approx(0.25)


def test_memory_keeps_a_few_quarters_and_the_runs_that_are_left():
    memory = Memory()
    for quarter in range(5):
        memory.remember(quarter, "short", np.full((3, 2), quarter))
        memory.remember(quarter, "long", np.full((2, 3, 2), quarter) + np.arange(3)[:, None], quarters=3)
    assert memory.recall(2, "short") is None and memory.recall(1, "long")[0, 0, 0] == 1
    assert memory.recall(0, "long") is None and memory.recall(4, "nothing") is None
    memory.keep(np.array([0, 2]))
    assert memory.recall(3, "long").tolist() == [[[3, 3], [5, 5]]] * 2
    assert memory.recall(4, "short").shape == (2, 2)
