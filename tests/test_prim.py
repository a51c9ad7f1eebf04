"""Scenario discovery: boxes that were planted are found, chance is told from structure, and counts add up."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from market_abm.errors import BadInput
from market_abm.sweeps.prim import Box, Settings, choose, cover, discover, measured, p_values, paste, peel, simplified
from market_abm.sweeps.trust import out_of_sample, reproducibility


def uniform(cases, factors, seed=0):
    return np.random.default_rng(seed).random((cases, factors))


def box(coverage, density, bounds=(), mass=0.5):
    return Box(dict.fromkeys(bounds, (0.0, 1.0)), 10, 5, coverage, density, mass)


def test_a_planted_box_is_found():
    x = uniform(2000, 6, seed=1)
    interest = (x[:, 0] > 0.6) & (x[:, 1] < 0.4) & (x[:, 4] > 0.2)
    found = discover(x, interest)
    # a step takes a twentieth of the cases, and the box holds an eighth of them: limits are good to about 0.05 times 0.4
    assert found.restricted == (0, 1, 4)
    assert found.coverage > 0.94 and found.density > 0.94
    assert found.bounds[0] == (pytest.approx(0.6, abs=0.03), np.inf)
    assert found.bounds[1] == (-np.inf, pytest.approx(0.4, abs=0.03))
    assert found.bounds[4][0] == pytest.approx(0.2, abs=0.04)
    assert max(p_values(x, interest, found).values()) < 1e-6


def test_a_box_inside_is_bounded_on_both_sides():
    x = uniform(3000, 3, seed=2)
    found = discover(x, np.abs(x[:, 1] - 0.5) < 0.15)
    assert found.bounds == {1: (pytest.approx(0.35, abs=0.03), pytest.approx(0.65, abs=0.03))}
    assert found.coverage > 0.93 and found.density > 0.93


def test_categories_switches_and_whole_numbers_are_found():
    random = np.random.default_rng(3)
    x = np.column_stack([random.random((2000, 3)), random.integers(0, 2, 2000), random.integers(0, 5, 2000), random.integers(0, 8, 2000)])
    interest = (x[:, 3] == 1) & np.isin(x[:, 4], (1, 3)) & (x[:, 5] >= 5)
    found = discover(x, interest, Settings(categories=(4,)))
    assert found.bounds == {3: (0.5, np.inf), 4: frozenset({1.0, 3.0}), 5: (4.5, np.inf)}
    assert found.coverage == found.density == 1


def test_labels_are_ordered_unless_they_are_called_categories():
    x = np.repeat(np.arange(5.0), 20)[:, None]
    interest = np.isin(x[:, 0], (0, 4))
    assert discover(x, interest, Settings(categories=(0,))).bounds == {0: frozenset({0.0, 4.0})}
    assert discover(x, interest).coverage == 0.5  # no interval has both ends and not the middle


def test_the_first_step_by_hand():
    """Twenty cases 1 to 20, patience a tenth: the lower step drops 1 and 2, the upper 19 and 20. Of interest are 15 to 20."""
    x = np.arange(1.0, 21.0)[:, None]
    first = peel(x, x[:, 0] >= 15, Settings(patience=0.1))[1]
    assert first == Box({0: (2.5, np.inf)}, 18, 6, 1.0, 6 / 18, 0.9)


def test_a_level_is_never_divided():
    """Of nine zeros and one one a twentieth cannot be taken: the step takes all zeros."""
    x = np.r_[np.zeros(9), 1.0][:, None]
    assert peel(x, x[:, 0] == 1)[1].bounds == {0: (0.5, np.inf)}


def test_the_lenient_step_bears_a_switch_that_the_original_prefers():
    """Densities after steps by hand: half of all cases are 1/2 of interest without the switch's zeros; a twentieth off the other factor, 0.42.

    Gain for each case given up: 0.1 / 100 against (8 / 19 - 0.4) / 10.
    """
    switch = np.repeat([0.0, 1.0], 100)
    other = np.r_[np.arange(100.0), np.arange(100.0)]
    interest = np.zeros(200, bool)
    interest[100:150], interest[20:50] = True, True  # 50 of the ones, 30 of the zeros
    x = np.column_stack([switch, other])
    assert peel(x, interest, Settings(objective="original"))[1].restricted == (0,)
    assert peel(x, interest)[1].restricted == (1,)


def test_where_every_step_loses_the_least_loss_is_taken():
    """Of 200 cases the 40 at the ends of the first factor are of interest; the other's three levels hold 18 of 60, 4 of 80 and 18 of 60.

    The first step leaves 30 of 190 or 22 of 140. The second is the lower density, and a smaller loss only for each case given up.
    """
    place = np.arange(200.0)
    interest = (place < 20) | (place >= 180)
    level = np.empty(200)
    level[interest], level[~interest] = np.repeat([0, 1, 2], [18, 4, 18]), np.repeat([0, 1, 2], [42, 76, 42])
    first = peel(np.column_stack([place, level]), interest)[1]
    assert (first.restricted, first.of_interest, first.cases) == ((0,), 30, 190)


def test_a_category_that_the_box_does_not_hold_is_not_shut_out():
    """A switch shuts out all cases of category 2 before category 1 is given up for its own sake: nothing was learned about 2."""
    switch = np.repeat([0.0, 1.0], [60, 40])
    label = np.r_[np.repeat([0.0, 1.0, 2.0], 20), np.repeat([0.0, 1.0], 20)]
    found = peel(np.column_stack([switch, label]), (switch == 1) & (label == 0), Settings(categories=(1,), objective="original"))
    assert found[-1].bounds == {0: (0.5, np.inf), 1: frozenset({0.0, 2.0})}


def test_neighbouring_numbers_are_told_apart():
    x = np.repeat([1.0, np.nextafter(1.0, 2.0)], 20)[:, None]
    for interest in (x[:, 0] > 1.0, x[:, 0] == 1.0):
        assert (discover(x, interest).holds(x) == interest).all()


def test_peeling_keeps_to_the_least_mass():
    x = uniform(400, 4, seed=5)
    interest = uniform(400, 1, seed=6)[:, 0] < 0.3 * x[:, 0]
    assert min(b.mass for b in peel(x, interest, Settings(least_mass=0.25))) >= 0.25
    assert min(b.mass for b in peel(x, interest, Settings(least_mass=0.05))) < 0.25


def test_pasting_takes_back_what_a_bound_should_not_have_cut():
    """Cases 1 to 40, of interest are 21 to 40; a box from 31 up is widened by a tenth of itself at a time down to 21, and no further."""
    x = np.arange(1.0, 41.0)[:, None]
    interest = x[:, 0] > 20
    wide = paste(x, interest, measured(x, interest, {0: (30.5, np.inf)}), Settings(patience=0.1))
    assert [b.cases for b in wide] == list(range(11, 21))
    assert wide[-1] == Box({0: (20.5, np.inf)}, 20, 20, 1.0, 1.0, 0.5)


def test_pasting_frees_a_factor_and_a_category():
    x = np.column_stack([np.arange(30.0), np.tile([0.0, 1.0, 2.0], 10)])
    everything = np.ones(30, bool)
    narrow = measured(x, everything, {0: (4.5, 28.5), 1: frozenset({0.0})})
    assert paste(x, everything, narrow, Settings(categories=(1,)))[-1] == Box({}, 30, 30, 1.0, 1.0, 1.0)


def test_pasting_does_not_let_in_a_category_of_which_it_knows_nothing():
    x = np.column_stack([np.repeat([0.0, 9.0], 20), np.repeat([0.0, 1.0, 2.0, 0.0], 10)])
    interest = np.arange(40) < 10
    narrow = measured(x, interest, {0: (-np.inf, 5.0), 1: frozenset({0.0})})
    assert paste(x, interest, narrow, Settings(categories=(1,))) == []


@pytest.mark.parametrize(("interest", "coverage", "density"), [(False, np.nan, 0.0), (True, 1.0, 1.0)])
def test_with_nothing_or_everything_of_interest_the_box_is_all_cases(interest, coverage, density):
    x, wanted = uniform(50, 3), np.full(50, interest)
    [only] = peel(x, wanted)
    assert (only.bounds, only.cases, only.mass, only.density) == ({}, 50, 1.0, density)
    np.testing.assert_equal(only.coverage, coverage)
    assert discover(x, wanted).bounds == {} and cover(x, wanted) == []
    told = out_of_sample(x, wanted, resamples=20)
    np.testing.assert_equal([told[0]["value"], told[1]["value"]], [coverage, density])
    assert (reproducibility(x, wanted, resamples=5) == 0).all()


def test_a_factor_that_never_varies_is_left_alone():
    x = uniform(300, 2, seed=4)
    x[:, 0] = 7.0
    assert discover(x, x[:, 1] > 0.5, Settings(categories=(0,))).restricted == discover(x, x[:, 1] > 0.5).restricted == (1,)


def test_the_box_is_chosen_by_product_or_by_least_coverage():
    trajectory = [box(1.0, 0.2), box(0.9, 0.6), box(0.7, 0.7), box(0.3, 1.0)]
    assert choose(trajectory).coverage == 0.9  # products 0.2, 0.54, 0.49, 0.3
    assert choose(trajectory, 0.5).coverage == 0.7
    assert choose(trajectory, 0.0).coverage == 0.3
    assert choose(trajectory, 0.95).coverage == 1.0
    assert choose([box(0.9, 0.6, (1, 2)), box(0.9, 0.6, (1,))]).restricted == (1,)


def test_quasi_p_values_are_a_binomial_test():
    x = uniform(300, 3, seed=7)
    interest = uniform(300, 1, seed=8)[:, 0] < 0.2 + 0.5 * (x[:, 0] > 0.5)
    found = measured(x, interest, {0: (0.5, np.inf), 2: (0.1, 0.8)})
    inside = (x[:, 0] >= 0.5) & (x[:, 2] >= 0.1) & (x[:, 2] <= 0.8)
    for factor, wider in {0: (x[:, 2] >= 0.1) & (x[:, 2] <= 0.8), 2: x[:, 0] >= 0.5}.items():
        known = binomtest(int(interest[inside].sum()), int(inside.sum()), interest[wider].mean(), alternative="greater").pvalue
        assert p_values(x, interest, found)[factor] == pytest.approx(known, rel=1e-9)
        assert p_values(x, interest, replace(found, cases=3, of_interest=1))[factor] == pytest.approx(known, rel=1e-9)  # counts of other cases


def test_a_restriction_that_chance_explains_is_dropped():
    x = uniform(1000, 3, seed=9)
    interest = x[:, 0] > 0.5
    box = measured(x, interest, {0: (0.5, np.inf), 1: (0.1, np.inf)})
    assert simplified(x, interest, box).bounds == {0: (0.5, np.inf)}
    assert simplified(x, interest, box, level=1.0) == box


def test_covering_finds_one_box_after_the_other():
    x = uniform(3000, 4, seed=10)
    one, other = (x[:, 0] < 0.3) & (x[:, 1] < 0.5), (x[:, 2] > 0.7) & (x[:, 3] > 0.7)
    found = cover(x, one | other, boxes=4)
    assert {b.restricted for b in found[:2]} == {(0, 1), (2, 3)}
    assert sum(b.coverage for b in found[:2]) > 0.9
    assert sum(b.coverage for b in found) <= 1 and sum(b.mass for b in found) <= 1
    assert all(b.density > 0.9 for b in found[:2])


def test_the_least_mass_is_of_all_cases_also_for_later_boxes():
    """The second region holds 0.075 of all cases, 0.15 of those that the first leaves."""
    x = uniform(2000, 2, seed=14)
    found = cover(x, (x[:, 0] < 0.5) | (x[:, 1] > 0.85), settings=Settings(least_mass=0.12))
    assert len(found) > 1 and min(b.mass for b in found) >= 0.12


def test_folds_are_drawn_at_random():
    """Every fifth case is of interest: five folds in turn would hold all of them out together."""
    x = np.arange(200.0)[:, None] % 5
    assert [row["value"] for row in out_of_sample(x, x[:, 0] == 4, resamples=0)] == [1, 1]


def test_factors_of_the_scenario_are_restricted_in_nearly_all_samples_and_others_seldom():
    x = uniform(600, 6, seed=11)
    interest = uniform(600, 1, seed=12)[:, 0] < 0.05 + 0.85 * ((x[:, 0] > 0.6) & (x[:, 1] < 0.5)) - 0.3 * (x[:, 2] < 0.2)
    often = reproducibility(x, interest, resamples=40)
    assert (often[:2] == 1).all() and 0 < often[2] < 1 and (often[3:] < 0.5).all()


def test_on_new_cases_a_box_of_pure_chance_is_worth_nothing():
    """Interest has nothing to do with factors: its share is 0.2 in any box, and the box found flatters itself."""
    inside, outside, held = [], [], []
    for seed in range(30):
        x = uniform(300, 6, seed)
        interest = uniform(300, 1, 1000 + seed)[:, 0] < 0.2
        setting = Settings(least_coverage=0.2)
        inside.append(discover(x, interest, setting, level=1.0).density)
        told = {row["index"]: row for row in out_of_sample(x, interest, setting, level=1.0, resamples=200)}
        outside.append(told["density"]["value"])
        held.append(told["density"]["low"] <= 0.2 <= told["density"]["high"])
    assert np.mean(inside) > 0.35
    assert abs(np.mean(outside) - 0.2) < 4 * np.std(outside, ddof=1) / np.sqrt(30)
    assert np.mean(held) > 0.8


def test_intervals_hold_what_the_reported_box_is_worth():
    """The worth of each reported box is taken from 50,000 further cases; a 95% interval, 40 samples of 400 cases."""
    def noisy(x, seed):
        return uniform(len(x), 1, seed)[:, 0] < 0.1 + 0.7 * ((x[:, 0] > 0.6) & (x[:, 1] < 0.5))

    many = uniform(50_000, 4, seed=99)
    wanted, held = noisy(many, 98), []
    for seed in range(40):
        x = uniform(400, 4, seed)
        interest = noisy(x, 1000 + seed)
        worth = measured(many, wanted, discover(x, interest).bounds)
        coverage, density = out_of_sample(x, interest, resamples=200)
        held += [coverage["low"] <= worth.coverage <= coverage["high"], density["low"] <= worth.density <= density["high"]]
    assert 0.85 <= np.mean(held) <= 0.99


def test_on_new_cases_a_planted_box_keeps_its_worth():
    x = uniform(1500, 4, seed=13)
    coverage, density = out_of_sample(x, (x[:, 0] > 0.5) & (x[:, 3] < 0.6), resamples=200)
    for row in (coverage, density):
        assert row["value"] > 0.9 and row["low"] < row["value"] < row["high"] <= 1
    assert [coverage["index"], density["index"]] == ["coverage", "density"]


def test_runs_of_a_point_stay_together():
    """Twenty equal runs a point, and interest that has nothing to do with factors: apart, the same point would be learned and judged."""
    apart, together = [], []
    for seed in range(6):
        x, interest = np.repeat(uniform(60, 5, seed), 20, axis=0), np.repeat(uniform(60, 1, 100 + seed)[:, 0] < 0.3, 20)
        setting = Settings(least_coverage=0.3)
        apart.append(out_of_sample(x, interest, setting, resamples=0)[1]["value"])
        together.append(out_of_sample(x, interest, setting, resamples=0, points=np.repeat(np.arange(60), 20))[1]["value"])
    assert np.mean(apart) > 0.6 > 0.5 > np.mean(together)


def test_draws_depend_on_the_seed_alone():
    x = uniform(200, 3, seed=1)
    interest = x[:, 0] + uniform(200, 1, seed=2)[:, 0] > 1.2
    assert out_of_sample(x, interest, seed=3) == out_of_sample(x, interest, seed=3)
    assert out_of_sample(x, interest, seed=3) != out_of_sample(x, interest, seed=4)
    assert (reproducibility(x, interest, resamples=9, seed=3) == reproducibility(x, interest, resamples=9, seed=3)).all()


@pytest.mark.parametrize(("x", "interest", "setting", "fault"), [
    (np.zeros((3, 2)), np.zeros(4), Settings(), "cases of shape (3, 2) and outcomes of shape (4,)"),
    (np.zeros((0, 2)), np.zeros(0), Settings(), "cases of shape (0, 2)"),
    (np.zeros((3, 2)), np.array([0, 1, np.nan]), Settings(), "leave out cases whose outcome is missing"),
    (np.full((3, 2), np.nan), np.zeros(3), Settings(), "factors that are missing or infinite"),
    (np.zeros((3, 2)), np.zeros(3), Settings(patience=1.0), "patience = 1.0: must be between 0 and 1"),
    (np.zeros((3, 2)), np.zeros(3), Settings(objective="best"), 'objective = "best": is not known; known are lenient, original'),
])
def test_what_cannot_be_used_is_refused(x, interest, setting, fault):
    with pytest.raises(BadInput) as error:
        peel(x, interest, setting)
    assert fault in str(error.value)


def test_too_many_folds_are_refused():
    with pytest.raises(BadInput, match="folds = 9: cannot divide 6 points; give from 2"):
        out_of_sample(uniform(6, 2), np.arange(6) > 2, folds=9)


@st.composite
def cases(draw):
    """Return few cases of a number, a whole number, a switch and a category, and what is of interest."""
    count = draw(st.integers(1, 40))
    of = lambda each: draw(st.lists(each, min_size=count, max_size=count))
    x = np.array([of(st.floats(-1e9, 1e9)), of(st.integers(0, 6)), of(st.integers(0, 1)), of(st.integers(0, 3))], float).T
    return x, np.array(of(st.booleans()))


SETTING = Settings(categories=(3,), patience=0.1)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_counts_and_shares_agree(case):
    x, interest = case
    for found in [*peel(x, interest, SETTING), discover(x, interest, SETTING)]:
        inside = found.holds(x)
        assert (found.cases, found.of_interest) == (inside.sum(), interest[inside].sum())
        assert 0 <= found.density <= 1 and 0 < found.mass <= 1
        assert found.density * found.mass * len(x) == pytest.approx(found.of_interest)
        if interest.any():
            assert 0 <= found.coverage <= 1
            assert found.coverage * interest.sum() == pytest.approx(found.of_interest)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_each_box_is_inside_the_last_until_pasting_widens_it_without_loss_of_density(case):
    x, interest = case
    pasting = False
    for before, after in pairwise(peel(x, interest, SETTING)):
        assert after.cases != before.cases and not (pasting and after.cases < before.cases)
        pasting = after.cases > before.cases
        smaller, larger = (before, after) if pasting else (after, before)
        assert not (smaller.holds(x) & ~larger.holds(x)).any()
        assert not pasting or after.density >= before.density


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_cases_changes_nothing(case, random):
    x, interest = case
    order = random.sample(range(len(x)), len(x))
    assert [replace(b, coverage=np.nan_to_num(b.coverage)) for b in peel(x, interest, SETTING)] == [
        replace(b, coverage=np.nan_to_num(b.coverage)) for b in peel(x[order], interest[order], SETTING)]
    assert discover(x, interest, SETTING).bounds == discover(x[order], interest[order], SETTING).bounds
    assert [b.bounds for b in cover(x, interest, 3, SETTING)] == [b.bounds for b in cover(x[order], interest[order], 3, SETTING)]
