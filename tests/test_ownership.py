"""Who owns whom in the end, and what stakes add to concentration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import row, same_bits

from market_abm.metrics.indices import herfindahl
from market_abm.metrics.ownership import ghhi, majority_owner, mhhi, owner_of, stakes_mhhi, ultimate_owners

SHARES = row(0.5, 0.3, 0.2)
CASH_FLOW = np.array([[[1, 0.3, 0]], [[0, 0.7, 0]], [[0, 0, 1]]], float)  # owner 1 holds 30% of firm 2


def test_silent_stakes_and_stakes_with_control_have_their_worked_index():
    silent = CASH_FLOW.copy()
    silent[0, 0, 1] = 0
    assert mhhi(SHARES, CASH_FLOW, silent).item() == pytest.approx(0.425, abs=1e-6)
    assert mhhi(SHARES, CASH_FLOW, CASH_FLOW).item() == pytest.approx(0.502586, abs=1e-6)
    # kappa_21 alone: firm 2's weight on firm 1
    kappa = 0.3 / (0.7**2 + 0.3**2)
    assert kappa == pytest.approx(0.517241, abs=1e-6)


def test_without_stakes_the_modified_index_is_the_plain_one():
    assert mhhi(SHARES, np.eye(3)[:, None, :], np.eye(3)[:, None, :]).item() == pytest.approx(0.38)


def test_a_firm_that_nobody_controls_looks_after_itself():
    nobody = np.eye(3)[:, None, :].copy()
    nobody[1] = 0
    assert mhhi(SHARES, np.eye(3)[:, None, :], nobody).item() == pytest.approx(0.38)


def test_full_ownership_makes_two_firms_one():
    together = np.array([[[1, 1, 0]], [[0, 0, 1]]], float)
    assert mhhi(SHARES, together, together).item() == pytest.approx(0.8**2 + 0.2**2)


def test_ultimate_rights_are_those_of_the_inverse():
    # firm 1 holds half of firm 2, firm 2 a fifth of firm 3; the rest is held outside
    cross = np.array([[[0, 0.5, 0]], [[0, 0, 0.2]], [[0, 0, 0]]], float)
    direct = np.array([[[1, 0, 0]], [[0, 0.5, 0]], [[0, 0, 0.8]]], float)
    rights = direct[:, 0, :] @ np.linalg.inv(np.eye(3) - cross[:, 0, :])
    assert rights[0] == pytest.approx([1, 0.5, 0.1])
    assert ghhi(SHARES, direct, direct, cross).item() == pytest.approx(mhhi(SHARES, rights[:, None, :], direct).item(), rel=1e-12)
    assert ghhi(SHARES, direct, direct, 0 * cross).item() == pytest.approx(mhhi(SHARES, direct, direct).item())


def test_a_chain_of_parents_ends_at_its_top():
    parent = np.array([[4, 0, 1, 4], [4, 4, 4, 4], [1, 2, 3, 4]])
    assert ultimate_owners(parent).tolist() == [[0, 0, 0, 3], [0, 1, 2, 3], [3, 3, 3, 3]]


def test_the_owner_at_a_link_is_the_top_of_its_chain_and_nobody_stays_nobody():
    owners = np.array([[0, 0, 2]])
    assert owner_of(np.array([[1, 3, 2, 0]]), owners).tolist() == [[0, 3, 2, 0]]


def test_more_than_half_owns_and_a_group_counts_together():
    owners = np.array([[0, 0, 2]])  # the second cloud belongs to the first
    stake = np.array([[[0.6, 0.5, 0.3, 0.1]], [[0.1, 0.0, 0.3, 0.2]]])
    holder = np.array([[[2, 2, 0, 3]], [[0, 3, 1, 0]]])
    assert majority_owner(stake, holder, owners).tolist() == [[2, 3, 0, 3]]
    assert majority_owner(0 * stake, holder, owners).tolist() == [[3, 3, 3, 3]]


shares = st.lists(st.floats(0.01, 10.0), min_size=5, max_size=5)


@given(values=shares, stakes=st.lists(st.floats(0.0, 0.45), min_size=6, max_size=6), silent=st.booleans())
def test_the_sum_over_stakes_is_the_matrix_of_owners(values, stakes, silent):
    # two clouds, three startups; each startup's other holders are an owner of their own
    market = row(*values) / sum(values)
    stake, holder = np.array(stakes).reshape(2, 1, 3), np.broadcast_to(np.array([[[0]], [[1]]]), (2, 1, 3))
    cash_flow = np.zeros((5, 1, 5))
    cash_flow[0, 0, 0] = cash_flow[1, 0, 1] = 1
    cash_flow[:2, 0, 2:] = stake[:, 0]
    for startup in range(3):
        cash_flow[2 + startup, 0, 2 + startup] = 1 - stake[:, 0, startup].sum()
    control = cash_flow.copy()
    if silent:
        control[:2, 0, 2:] = 0
    found = stakes_mhhi(market[:, :2], market[:, 2:], stake, holder, np.array([[0, 1]]), silent)
    assert found.item() == pytest.approx(mhhi(market, cash_flow, control).item(), rel=1e-12)
    assert found.item() >= herfindahl(market).item() - 1e-12


def test_a_run_without_stakes_is_the_same_beside_one_with_them():
    market, owners = np.tile(row(0.2, 0.3, 0.4, 0.1), (2, 1)), np.tile(np.arange(2), (2, 1))
    stake, holder = np.zeros((1, 2, 2)), np.zeros((1, 2, 2), np.int64)
    stake[0, 1] = 0.3
    both = stakes_mhhi(market[:, :2], market[:, 2:], stake, holder, owners)
    alone = stakes_mhhi(market[:1, :2], market[:1, 2:], stake[:, :1], holder[:, :1], owners[:1])
    assert same_bits(both[:1], alone)
    assert both[1, 0] > both[0, 0]
