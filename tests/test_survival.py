"""Estimates of waits, on samples small enough to count by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_abm.metrics.market import requests_withdrawn, time_to_power
from market_abm.metrics.survival import age_at_half, cumulative_incidence, kaplan_meier


def test_the_textbook_sample_of_five():
    # 1, 2 still going on, 3, 3, 5 still going on: S(1) = 4/5, S(3) = 4/5 (1 - 2/3); Greenwood at 3: S sqrt(1/20 + 2/3).
    curve = kaplan_meier([1, 2, 3, 3, 5], [1, 0, 1, 1, 0])
    assert curve.times.tolist() == [1.0, 3.0]
    assert curve.survival == pytest.approx([0.8, 0.8 / 3])
    assert curve.standard_error == pytest.approx([0.8 * 0.05**0.5, 0.8 / 3 * (1 / 20 + 2 / 3) ** 0.5])
    assert curve.survival[1] == pytest.approx(0.266667, abs=1e-6)
    assert curve.standard_error[1] == pytest.approx(0.225750, abs=1e-6)


def test_without_anybody_waiting_it_is_the_plain_share_and_with_everybody_waiting_nothing():
    curve = kaplan_meier([4, 2, 9, 2], [1, 1, 1, 1])
    assert curve.survival == pytest.approx([0.5, 0.25, 0.0])
    assert curve.standard_error[-1] == 0.0
    assert kaplan_meier([4, 2], [0, 0]).times.size == 0
    assert kaplan_meier([], []).survival.size == 0


@pytest.mark.parametrize(("durations", "ended"), [([1.0, -2.0], [1, 1]), ([1.0], [1, 1]), ([[1.0]], [[1]])])
def test_what_is_no_sample_is_refused(durations, ended):
    with pytest.raises(ValueError, match="durations"):
        kaplan_meier(durations, ended)


# Of 100, 40 are granted and 10 withdraw at age 1, 10 and 10 of 50 at age 2, 20 and 10 of 30 at age 3.
AT_RISK, GRANTED, WITHDRAWN = [100.0, 50.0, 30.0], [40.0, 10.0, 20.0], [10.0, 10.0, 10.0]


def test_incidences_of_competing_ends_add_up_to_all():
    granted, withdrawn = cumulative_incidence(AT_RISK, [GRANTED, WITHDRAWN])
    assert granted == pytest.approx([0.4, 0.5, 0.7])
    assert withdrawn == pytest.approx([0.1, 0.2, 0.3])


def test_the_still_waiting_count_and_an_age_that_nobody_reaches_ends_nobody():
    # Of a young cohort 100 wait at age 1 and 20 are granted; of an older one 10 reach age 2 and 5 are granted.
    granted, _ = cumulative_incidence([100.0, 10.0, 0.0], [[20.0, 5.0, 0.0], [0.0, 0.0, 0.0]])
    assert granted == pytest.approx([0.2, 0.6, 0.6])


@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), min_size=1, max_size=30))
def test_with_one_way_to_end_it_is_one_minus_kaplan_meier(sample):
    durations, ended = (np.array(x) for x in zip(*sample, strict=True))
    ages = np.arange(1, 9)
    at_risk = np.array([(durations >= a).sum() for a in ages])
    ends = np.array([(durations[ended] == a).sum() for a in ages])
    [incidence] = cumulative_incidence(at_risk, ends[None])
    curve = kaplan_meier(durations, ended)
    expected = [1.0 - curve.survival[curve.times <= a][-1] if (curve.times <= a).any() else 0.0 for a in ages]
    assert incidence == pytest.approx(expected, abs=1e-12)


def test_half_is_reached_at_an_age_or_never():
    incidence = np.array([[0.1, 0.5, 0.0], [0.4, 0.6, 0.0], [0.7, 0.6, 0.49]])
    assert age_at_half(incidence)[:2].tolist() == [3.0, 1.0]
    assert np.isnan(age_at_half(incidence)[2])


def queue(at_risk, granted, withdrawn):
    """One run with two regions that each hold half of the counts."""
    def half(counts):
        return np.repeat(np.array(counts)[:, None, None] / 2, 2, axis=-1)

    regions = SimpleNamespace(at_risk_mw=half(at_risk), granted_by_age_mw=half(granted), withdrawn_by_age_mw=half(withdrawn))
    world = SimpleNamespace(regions=regions, rules=SimpleNamespace(energy=SimpleNamespace(building_quarters=np.array([[3]]))))
    world.noted = lambda name, compute: compute(world)
    return world


def test_time_to_power_is_the_age_at_half_and_the_building():
    assert time_to_power(queue(AT_RISK, GRANTED, WITHDRAWN)).tolist() == [[5.0]]
    assert requests_withdrawn(queue(AT_RISK, GRANTED, WITHDRAWN)).item() == pytest.approx(0.3)


def test_where_nobody_asks_there_is_no_wait():
    empty = queue([0.0] * 3, [0.0] * 3, [0.0] * 3)
    assert np.isnan(time_to_power(empty)).all()
    assert np.isnan(requests_withdrawn(empty)).all()
