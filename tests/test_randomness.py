"""Draws: evenly spread, unrelated, and tied to the founder, never to the slot or the company."""

import ast
import math
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import same_bits

import market_abm
from market_abm.randomness import FIRST, GOLDEN, SECOND, Draws, birth_key, finalise, name_key

PACKAGE = Path(market_abm.__file__).parent
KINDS_OF_DRAW = ("uniform", "logistic", "bounded_gain", "poisson")
SEEDS = np.arange(1000, 1020)
FOUNDERS = birth_key(-1, np.arange(500))[None, :]


@pytest.fixture(scope="module")
def million():
    """Return uniforms by (decision, quarter, run, row): 10 x 10 x 20 x 500."""
    return np.stack([
        np.stack([Draws(SEEDS, quarter).uniform(f"decision {d}", FOUNDERS) for quarter in range(10)]) for d in range(10)
    ])


def within_four_standard_errors(sample, mean, variance_of_one):
    return abs(np.mean(sample) - mean) < 4.0 * math.sqrt(variance_of_one / np.size(sample))


def test_uniforms_have_the_mean_and_variance_of_uniforms(million):
    assert million.size == 1_000_000
    assert within_four_standard_errors(million, 1 / 2, 1 / 12)
    assert within_four_standard_errors((million - 0.5) ** 2, 1 / 12, 1 / 180)


def test_uniforms_fill_a_hundred_boxes_evenly(million):
    found = np.bincount((million.reshape(-1) * 100).astype(int), minlength=100)
    chi_square = np.sum((found - 10_000) ** 2) / 10_000
    assert abs(chi_square - 99) < 4 * math.sqrt(2 * 99)


def test_even_the_last_bits_are_even(million):
    for bit in (1, 2, 8, 30):
        assert within_four_standard_errors(np.floor(million * 2.0**bit) % 2, 1 / 2, 1 / 4)


@pytest.mark.parametrize(("axis", "between"), [(0, "decisions"), (1, "quarters"), (2, "runs"), (3, "rows")])
@pytest.mark.parametrize("power", [1, 2])
def test_neighbours_are_unrelated(million, axis, between, power):
    x = (million - 0.5) ** power
    x = np.moveaxis((x - x.mean()) / x.std(), axis, -1)
    assert within_four_standard_errors(x[..., 1:] * x[..., :-1], 0.0, 1.0), between


def test_no_two_of_a_million_uniforms_are_equal(million):
    assert len(np.unique(million)) == million.size  # 2^52 values: the chance of one pair is 1 in 9,000


def undo_finalise(word):
    """Turn a scrambled word back, by Python's whole numbers."""
    def unshift(w, s):
        out = w
        for _ in range(64 // s + 1):
            out = w ^ (out >> s)
        return out

    word = unshift(word, 31)
    word = unshift(word * pow(int(SECOND), -1, 2**64) % 2**64, 27)
    return unshift(word * pow(int(FIRST), -1, 2**64) % 2**64, 30)


@given(st.integers(0, 2**64 - 1))
def test_scrambling_loses_nothing(word):
    assert undo_finalise(int(finalise(np.array([word], np.uint64))[0])) == word


@pytest.mark.parametrize("word", [0, 1, 2**64 - 1, 2**64 - 2, 2**63])
def test_uniforms_lie_strictly_between_0_and_1_even_at_the_ends(word):
    seed, quarter, decision = 5, 3, "a decision"
    scramble = lambda w: int(finalise(np.array([w % 2**64], np.uint64))[0])
    run = scramble(scramble(seed + int(GOLDEN)) ^ ((quarter + 1) * int(GOLDEN) % 2**64))
    birth = np.array([[undo_finalise(word) ^ scramble(run ^ int(name_key(decision)))]], np.uint64)
    u = Draws([seed], quarter).uniform(decision, birth)[0, 0]
    assert 0.0 < u < 1.0
    assert u == pytest.approx(word / 2**64, abs=2.0**-52)
    assert 0.0 < 1.0 - u < 1.0


# Who draws ------------------------------------------------------------------------------------------


def all_kinds(draws, births):
    mean = np.full((births.shape[0], 1), 2.5)
    yield draws.uniform("a", births)
    yield draws.logistic("a", births)
    yield draws.bounded_gain("a", births, 0.05, 0.22)
    yield draws.poisson("a", births, mean)


@given(st.integers(0, 2**32 - 1))
def test_a_founder_draws_the_same_in_any_slot(seed):
    order = np.random.default_rng(seed).permutation(500)
    births = np.repeat(FOUNDERS, 3, axis=0)
    for here, there in zip(all_kinds(Draws([1, 2, 3], 7), births),
                           all_kinds(Draws([1, 2, 3], 7), np.take(births, order, axis=1)), strict=True):
        assert same_bits(np.take(here, order, axis=1), there)


@pytest.mark.parametrize("slots", [7, 131, 499])
def test_a_founder_draws_the_same_among_fewer_slots(slots):
    births = np.repeat(FOUNDERS, 3, axis=0)
    for many, few in zip(all_kinds(Draws([1, 2, 3], 7), births),
                         all_kinds(Draws([1, 2, 3], 7), births[:, :slots].copy()), strict=True):
        assert same_bits(np.ascontiguousarray(many[:, :slots]), few)


@pytest.mark.parametrize("company", [[0], [19], [3, 11], [*range(8)], [5, 4, 3]])
def test_a_run_draws_the_same_alone_and_in_company(company):
    births = np.repeat(FOUNDERS[:, :131], len(SEEDS), axis=0)
    for together, apart in zip(all_kinds(Draws(SEEDS, 7), births),
                               all_kinds(Draws(SEEDS[company], 7), births[company]), strict=True):
        assert same_bits(together[company], apart)


def test_seed_quarter_decision_and_birth_each_change_a_draw():
    births = birth_key(0, np.arange(2))[None, :]
    base = Draws([1], 0).uniform("a", births)[0, 0]
    others = [Draws([2], 0).uniform("a", births)[0, 0], Draws([1], 1).uniform("a", births)[0, 0],
              Draws([1], 0).uniform("b", births)[0, 0], Draws([1], 0).uniform("a", births)[0, 1]]
    assert len({base, *others}) == 5


def test_the_opening_may_draw_before_the_first_quarter():
    opening, first = Draws([1, 2], -1).uniform("a", FOUNDERS), Draws([1, 2], 0).uniform("a", FOUNDERS)
    assert np.all(opening != first)


@pytest.mark.filterwarnings("error")
def test_wrapping_arithmetic_warns_nobody():
    assert birth_key(3, 4) == birth_key(3, np.array([4]))[0]
    Draws([2**63], 399).uniform("a", birth_key(399, 511)[None, None])


def test_no_two_births_share_a_key():
    quarters, orders = np.meshgrid(np.arange(-1, 400), np.arange(1031))
    keys = birth_key(quarters.reshape(-1), orders.reshape(-1))
    assert len(np.unique(keys)) == keys.size
    assert np.all(keys != 0)


# Other distributions --------------------------------------------------------------------------------


def test_logistic_draws_have_mean_0_and_variance_1():
    x = np.concatenate([Draws(SEEDS, q).logistic("noise", FOUNDERS) for q in range(30)])
    assert within_four_standard_errors(x, 0.0, 1.0)
    assert within_four_standard_errors(x**2, 1.0, 3.2)  # fourth moment of a logistic: 4.2 variances squared
    beyond = 1.0 / (1.0 + math.exp(math.pi / math.sqrt(3.0)))  # P(X > 1)
    assert within_four_standard_errors(x > 1.0, beyond, beyond * (1.0 - beyond))


def test_a_logistic_draw_is_the_log_odds_of_its_uniform():
    draws = Draws(SEEDS, 0)
    u = draws.uniform("noise", FOUNDERS)
    np.testing.assert_allclose(draws.logistic("noise", FOUNDERS) * math.pi / math.sqrt(3.0), np.log(u / (1.0 - u)), rtol=1e-14)


def test_bounded_gains_keep_their_bounds_and_their_mean():
    low, high = 0.05, 0.22
    x = np.concatenate([Draws(SEEDS, q).bounded_gain("gain", FOUNDERS, low, high) for q in range(30)])
    assert np.all((x >= low) & (x <= high))
    part = (x - low) / (high - low)
    mean = 2.0 * math.gamma(1.5) * math.gamma(2.0) / math.gamma(3.5)  # 2 B(3/2, 2) = 8/15
    assert within_four_standard_errors(part, mean, 1 / 3 - mean**2)  # second moment 2 B(2, 2) = 1/3
    for level in (0.1, 0.5, 0.9):  # F(x) = 1 - (1 - x^2)^2
        chance = 1.0 - (1.0 - level**2) ** 2
        assert within_four_standard_errors(part < level, chance, chance * (1.0 - chance))


def counts(mean, runs=200_000, **more):
    return Draws(np.arange(runs), 4).poisson("entry", birth_key(4, np.zeros((1, 1), int)), np.full((runs, 1), mean), **more)


def test_poisson_counts_have_the_exact_chances():
    found = counts(0.7)
    for k in range(5):
        chance = math.exp(-0.7) * 0.7**k / math.factorial(k)
        assert within_four_standard_errors(found == k, chance, chance * (1.0 - chance)), k


@pytest.mark.parametrize("mean", [0.1, 3.0, 12.0, 25.0])
def test_poisson_counts_have_equal_mean_and_variance(mean):
    found = counts(mean)
    assert np.all(found == np.floor(found))
    assert within_four_standard_errors(found, mean, mean)
    assert within_four_standard_errors((found - mean) ** 2, mean, mean + 2.0 * mean**2)


def test_nobody_enters_at_mean_0_and_no_more_than_the_cut():
    assert np.all(counts(0.0, runs=1000) == 0.0)
    assert np.all(counts(50.0, runs=1000, most=10) == 10.0)


def test_a_larger_mean_never_brings_fewer():
    found = np.array([counts(mean, runs=2000) for mean in (0.5, 1.0, 2.0, 4.0, 8.0)])
    assert np.all(np.diff(found, axis=0) >= 0)


# Names ----------------------------------------------------------------------------------------------


def decisions_in(source):
    """Return (name, line) of every draw in a source text; an f-string stands as its template."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KINDS_OF_DRAW:
            given_by_name = [k.value for k in node.keywords if k.arg == "decision"]
            first = (node.args or given_by_name or [None])[0]
            if isinstance(first, ast.Constant):
                found.append((first.value, node.lineno))
            elif isinstance(first, ast.JoinedStr):
                found.append(("".join(p.value if isinstance(p, ast.Constant) else "{}" for p in first.values), node.lineno))
            else:
                found.append((None, node.lineno))
    return found


def decisions_of_the_package():
    places = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name != "randomness.py":
            for name, line in decisions_in(path.read_text()):
                places[name].append(f"{path.relative_to(PACKAGE)}:{line}")
    return places


def test_the_scan_finds_names_of_draws():
    source = 'draws.uniform("exit", b)\ndraws.poisson(decision="entry", birth=b)\nd.logistic(f"taste {k}", b)\nd.uniform(name, b)'
    assert decisions_in(source) == [("exit", 1), ("entry", 2), ("taste {}", 3), (None, 4)]


def test_every_decision_is_written_out_where_it_is_drawn():
    hidden = decisions_of_the_package().get(None, [])
    assert not hidden, f"name the decision in the call itself, so that names can be compared: {hidden}"


def test_no_decision_is_drawn_in_two_places():
    twice = {name: where for name, where in decisions_of_the_package().items() if name and len(where) > 1}
    assert not twice, f"the same name gives the same draw: {twice}"


def test_no_two_decisions_have_the_same_key():
    names = [*filter(None, decisions_of_the_package()), *(f"decision {k}" for k in range(100_000))]
    assert len({int(name_key(name)) for name in names}) == len(names)


def test_a_name_has_the_same_key_in_every_process():
    script = "from market_abm.randomness import name_key; print(int(name_key('research success')))"
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) == int(name_key("research success"))
