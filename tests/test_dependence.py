"""Dependence of labs, on a worked matrix and on worlds made by hand."""

import numpy as np
import pytest
from worlds import measured, row, value_of

from market_abm.metrics import dependence
from market_abm.metrics.dependence import Supply
from market_abm.state.tables import EVERYBODY_ELSE, HYPERSCALER

MATRIX = np.array([[0.8, 0.2, 0], [0.1, 0.9, 0], [0, 0.5, 0.5], [1, 0, 0]])  # labs by owners
WEIGHT = row(0.4, 0.3, 0.2, 0.1)


def supply(matrix, weight, itself=()):
    """Write a matrix of labs by sources as layers; the columns named in `itself` are a lab's own compute."""
    matrix = np.asarray(matrix, float)
    owners = matrix.shape[1] - len(itself)
    others = iter(range(owners))
    link = [owners if column in itself else next(others) for column in range(matrix.shape[1])]
    return Supply(matrix.T[:, None, :].copy(), np.array(link)[:, None, None] * np.ones((1, 1, len(matrix)), np.int64), owners, weight)


def test_the_worked_matrix_hides_dependence_behind_a_diverse_whole():
    found = supply(MATRIX * [[7], [2], [5], [1]], WEIGHT)  # hours, not parts
    assert dependence.single_provider(found).item() == pytest.approx(0.80)
    assert dependence.supplier_herfindahl(found).item() == pytest.approx(0.718)
    assert dependence.hosts(found)[0] == pytest.approx([0.45, 0.45, 0.10])
    assert dependence.common_host(dependence.hosts(found)).item() == pytest.approx(0.415)


def test_own_compute_is_no_dependence():
    found = supply([[0.9, 0.1], [0.2, 0.8]], row(3, 1), itself=(0,))
    assert dependence.single_provider(found).item() == pytest.approx(0.25)
    assert dependence.supplier_herfindahl(found).item() == pytest.approx(0.75 * 0.82 + 0.25 * 0.68)
    assert dependence.rival_owned(found, np.ones((2, 1, 2))).item() == pytest.approx(0.75 * 0.1 + 0.25 * 0.8)
    assert dependence.telemetry_exposure(found, row(0.5)).item() == pytest.approx(0.5 * (0.75 * 0.1 + 0.25 * 0.8))


def test_labs_without_training_or_weight_count_for_nothing(quiet):
    idle = supply([[1, 0], [0, 0]], row(1, 9))
    assert dependence.single_provider(idle).item() == 1
    empty = supply(np.zeros((2, 2)), row(1, 9))
    for measure in (dependence.single_provider, dependence.supplier_herfindahl):
        assert np.isnan(measure(empty)).all()
        assert np.isnan(measure(supply([[1, 0], [0, 1]], row(0, 0)))).all()
    assert np.isnan(dependence.common_host(dependence.hosts(empty))).all()


# Two clouds with labs, one without; five startups: backed, held by majority, free at a rival, free at the neutral one, dead.
WORLD = {
    "clouds.alive": [1, 1, 1], "clouds.kind": [HYPERSCALER, HYPERSCALER, EVERYBODY_ELSE], "clouds.has_lab": [1, 1, 0],
    "clouds.training_pflop_hours": [10, 0, 0], "clouds.ai_revenue_usd": [30, 0, 0],
    "startups.alive": [1, 1, 1, 1, 0], "startups.provider": [1, 0, 0, 2, 3], "startups.backer": [1, 3, 3, 3, 3],
    "startups.holder": [[3, 0, 1, 3, 3], [3, 3, 3, 3, 3]], "startups.stake": [[0, 0.6, 0.2, 0, 0], [0, 0, 0, 0, 0]],
    "startups.training_pflop_hours": [5, 5, 5, 5, 0], "startups.ai_revenue_usd": [10, 20, 30, 10, 0],
    "clouds.fleet_pflops": [[8, 5, 0], [2, 5, 9]],
}
ROWS = {"clouds": 3, "startups": 5, "holders": 2, "makers": 2}


def world(**more):
    return measured(WORLD | more, **ROWS)


def test_labs_of_a_world_depend_on_their_hosts():
    view = world()
    assert value_of("single_provider_labs", view) == pytest.approx(0.7), "all but the owner's own lab"
    assert value_of("supplier_hhi_labs", view) == 1
    assert value_of("rival_owned_training", view) == pytest.approx(0.3), "neither the backed one, nor the held one, nor at the neutral host"
    assert value_of("telemetry_exposure_training", view) == pytest.approx(0.7)
    assert value_of("common_host_training", view) == pytest.approx(0.8**2 + 0.1**2 + 0.1**2), "an owner hosts its own lab"
    assert value_of("untrained_labs", view) == 1, "the second cloud's"


def test_a_backdoor_reaches_what_runs_on_one_makers_chips():
    view = world()
    first = 0.8 * 0.8 + 0.1 * 0.5
    assert value_of("common_stack_share_training", view) == pytest.approx(first)
    assert value_of("common_stack_training", view) == pytest.approx(first**2 + (1 - first) ** 2)


def test_influence_widens_from_ownership_to_stakes_to_hosting():
    view = world()
    assert value_of("owned_ai_revenue", view) == pytest.approx(0.5)
    assert value_of("influenced_ai_revenue", view) == pytest.approx(0.9)
    assert value_of("hosted_ai_revenue", view) == pytest.approx(1.0)


def test_an_owner_of_the_host_is_the_rival():
    view = world(**{"clouds.parent": [3, 3, 0]})
    assert value_of("rival_owned_training", view) == pytest.approx(0.4), "the neutral host belongs to the first cloud now"


def test_foreclosure_is_what_was_refused_and_a_worse_service_rate():
    view = world(**{"startups.training_usd": [10, 10, 20, 10, 0], "clouds.contested_rent_usd": [2, 1, 1],
                    "clouds.withheld_pflop_hours": [7, 0, 0], "clouds.own_fill_rate": [0.9, 0.5, 0], "clouds.lab_funded_usd": [3, 1, 0]})
    # asked: 10, 5, 10 and 10 hours; of them 5 served each; the rival's tenant is the third
    assert value_of("foreclosure_startups", view) == pytest.approx(0.2)
    assert value_of("service_rate_gap_labs", view) == pytest.approx((3 * 0.9 + 0.5) / 4 - 0.5)


def test_customers_of_the_leading_maker():
    view = world(**{"makers.sales_usd": [5, 9], "clouds.delivered_pflops": [[9, 0, 0], [6, 2, 2]]})
    assert value_of("customer_hhi_chips", view) == pytest.approx(0.36 + 0.04), "everybody else is a fringe"


def test_insight_is_weighed_by_training():
    assert value_of("insight_labs", world(**{"clouds.insight": [0.2, 0.9, 0]})) == pytest.approx(0.2)


def test_a_world_without_labs_has_no_dependence():
    view = measured({}, **ROWS)
    for metric in dependence.METRICS:
        assert np.isnan(value_of(metric.name, view)) or metric.name == "untrained_labs", metric.name
