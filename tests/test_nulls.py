"""Null models of pure luck against closed forms, and against the engine's own figures."""

import math

import numpy as np
import pytest

import market_abm as ma
from market_abm.engine import run_seeds
from market_abm.evidence import nulls
from market_abm.metrics import indices

SEEDS = run_seeds(5, 0, 400)


def market(sizes, fringe=None):
    """Return a market of sizes `(quarters, runs, firms)`."""
    sizes = np.asarray(sizes, float)
    fringe = np.zeros(sizes.shape[1:]) if fringe is None else np.broadcast_to(np.asarray(fringe, float), sizes.shape[1:])
    return nulls.Market(tuple(f"{2018 + q // 4}Q{q % 4 + 1}" for q in range(len(sizes))), sizes, fringe)


def still(quarters, runs, firms, fringe=None):
    return market(np.ones((quarters, runs, firms)), fringe)


def test_many_equal_firms_reach_the_lognormal_limit():
    """Of a thousand equal firms N x HHI goes to exp(T s^2), the Gini index to erf(s sqrt(T) / 2): O11 has .0016487 and .3829."""
    grown = nulls.by_luck(still(51, 400, 1000), np.full((1, 1), 0.1), SEEDS, 0)
    assert indices.herfindahl(grown).mean() * 1000 == pytest.approx(math.exp(0.5), rel=0.012)  # three standard errors
    assert indices.gini(grown).mean() == pytest.approx(math.erf(math.sqrt(0.5) / 2), rel=0.004)
    logs = np.log(grown)
    assert logs.mean() == pytest.approx(0.0, abs=0.005)
    assert logs.var() == pytest.approx(50 * 0.1**2, rel=0.01)


def test_few_firms_concentrate_without_any_behaviour():
    """Twenty equal firms reach an HHI of .07734 in 50 quarters of shocks of .1 (O11, Monte Carlo)."""
    found = [indices.herfindahl(nulls.by_luck(still(51, 400, 20), np.full((1, 1), 0.1), SEEDS, r)).mean() for r in range(20)]
    assert np.mean(found) == pytest.approx(0.07734, rel=0.01)


def test_a_fringe_grows_as_its_many_firms_are_expected_to():
    """1000 named firms with half of the market, beside a fringe with the other: both halves grow alike, so HHI = exp(T s^2) / 4 / 1000."""
    sizes = np.ones((51, 400, 1001))
    sizes[..., -1] = 1000.0
    both = market(sizes, np.arange(1001) == 1000)
    found = indices.herfindahl(nulls.by_luck(both, np.full((1, 1), 0.1), SEEDS, 0), both.fringe)
    assert found.mean() == pytest.approx(math.exp(0.5) / 4000, rel=0.01)


def test_luck_in_steps_is_luck_at_once():
    """Without entrants both nulls are one: quarterly shocks add up to one of the same variance."""
    logs = np.log(nulls.by_entry_and_luck(still(13, 400, 50), np.full((1, 1), 0.2), SEEDS, 0))
    assert logs.var() == pytest.approx(12 * 0.2**2, rel=0.03)
    assert logs.mean() == pytest.approx(0.0, abs=0.02)


def test_replicates_runs_and_quarters_have_luck_of_their_own():
    draw = [np.log(nulls.by_luck(still(2, 400, 5), np.ones((1, 1)), SEEDS, r)) for r in (0, 1)]
    assert np.array_equal(draw[0], np.log(nulls.by_luck(still(2, 400, 5), np.ones((1, 1)), SEEDS, 0)))
    assert abs(np.corrcoef(draw[0].ravel(), draw[1].ravel())[0, 1]) < 0.08  # 2000 pairs: 3.6 standard errors
    assert abs(np.corrcoef(draw[0][:-1].ravel(), draw[0][1:].ravel())[0, 1]) < 0.08


def test_entrants_come_with_the_share_that_they_opened_with():
    """One entrant a quarter with a tenth: what was there shrinks by .9 each time, so after three HHI = .9^6 + .01 (.9^4 + .9^2 + 1)."""
    sizes = np.zeros((4, 1, 4))
    sizes[:, 0, 0] = 1.0
    for q in (1, 2, 3):
        sizes[q, 0, q] = sizes[q].sum() / 9
    sizes[2:, 0, 1] = 77.0  # what becomes of it in the model later must not matter
    sizes[2, 0, 2], sizes[3, 0, 3] = 78 / 9, (78 + 78 / 9) / 9
    sizes[3, 0, 2] = 78 / 9
    grown = nulls.by_entry_and_luck(market(sizes), np.zeros((1, 1)), SEEDS[:1], 0)
    assert indices.herfindahl(grown)[0, 0] == pytest.approx(0.9**6 + 0.01 * (0.9**4 + 0.9**2 + 1))


def test_the_deviation_of_growth_is_that_of_growth_less_its_mean():
    """Growth of .5 - .3 and .5 + .3 has variance .18 with one degree of freedom; over four quarters a quarter's part is a fourth."""
    start = np.array([0.495, 0.495, 0.0001])
    end = start * np.exp([0.2, 0.8, 5.0])  # the third is below one hundredth at first, and does not count
    one = market([[start], [end]])
    assert nulls.growth_deviation(one, every=1) == pytest.approx(math.sqrt(0.18))
    year = market([[start], [start], [start], [start], [end]])
    assert nulls.growth_deviation(year) == pytest.approx(math.sqrt(0.18 / 4))
    assert nulls.growth_deviation(market([[start, start], [end, start]]), every=1) == pytest.approx(math.sqrt(0.18 / 2))
    assert nulls.growth_deviation(market([[start, start], [end, start]]), every=1, by_run=True).ravel() == pytest.approx([math.sqrt(0.18), 0.0])


def test_a_fringe_has_no_part_in_the_deviation():
    start, end = np.array([1.0, 1.0, 1.0]), np.array([1.0, 1.0, 50.0])
    assert nulls.growth_deviation(market([[start], [end]], [0, 0, 1]), every=1) == pytest.approx(0.0)


def test_the_facts_give_a_fifth_a_year():
    """ln of the ratios .0637, .0099, .4976, .1902, .3483, .3216: standard deviation .187; a quarter has the half of it."""
    assert nulls.facts_deviation() == pytest.approx(0.187 / 2, abs=0.001)


def grown_by_luck(deviation, drift, runs=200, quarters=17):
    """Return a market of ten firms whose growth is luck, and a drift in favour of the first."""
    rng = np.random.default_rng(3)
    steps = rng.normal(0, deviation, (quarters - 1, runs, 10))
    steps[..., 0] += drift
    return market(np.exp(np.concatenate([np.zeros((1, runs, 10)), np.cumsum(steps, axis=0)])))


@pytest.mark.parametrize("null", nulls.NULLS)
def test_luck_is_not_found_to_be_more_than_luck(null):
    index, _ = nulls.index_of("hhi_chip_sales")
    model = grown_by_luck(0.15, 0.0)
    row = nulls.against_luck(model, index, nulls.growth_deviation(model, least_share=0), null)
    assert row["rise_low"] > 0
    assert row["beyond_low"] < 0 < row["beyond_high"]
    assert row["share_as_large"] == pytest.approx(0.5, abs=0.06)
    assert row["verdict"] == "within luck"
    assert row["deviation_a_year"] == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("null", nulls.NULLS)
def test_a_leader_who_is_better_is_found_beyond_luck(null):
    index, _ = nulls.index_of("cr1_chip_sales")
    model = grown_by_luck(0.05, 0.15)
    row = nulls.against_luck(model, index, np.full((1, 1), 0.05), null)
    last = model.shares[-1, :, 0].mean()
    assert row["rise"] == pytest.approx(last - 0.1, abs=0.01)
    assert row["share_as_large"] < 0.01
    assert 0.5 < row["part_beyond"] < 1.0
    assert row["part_low"] < row["part_beyond"] < row["part_high"]
    assert row["verdict"] == "beyond luck"


def test_the_part_beyond_needs_a_rise():
    assert np.isnan(nulls.ratio_of_means(np.array([1.0, -1.0, 2.0]), np.array([1.0, -1.0, 0.5]))).all()
    assert nulls.ratio_of_means(np.array([2.0, 2.5, 3.0]), np.array([4.0, 5.0, 6.0])) == pytest.approx((0.5, 0.5, 0.5))


@pytest.fixture(scope="module")
def small():
    return ma.load("configs/base.toml", sets=["frame.startup_slots=128", "startups.opening=60", "frame.quarters=8"])


def test_sizes_are_those_that_the_metrics_are_made_of(small):
    """The indices of what is gathered firm by firm are the engine's metrics, whatever rows firms stood in."""
    result = ma.run(small, runs=2, seed=3)
    found = nulls.markets_of(small, ["compute_owned", "chip_sales", "ai_revenue"], 2, "2019Q4", seed=3)
    for claim in ("cr4_compute_owned", "hhi_chip_sales", "hhi_ai_revenue"):
        index, base = nulls.index_of(claim)
        mine = [index(sizes, found[base].fringe) for sizes in found[base].sizes]
        np.testing.assert_allclose(mine, result.metric(claim), rtol=1e-12)


def test_every_claim_gets_its_rows(small):
    rows = nulls.null_models(small, runs=3, spans=(("2018Q1", "2019Q4"),), claims=("cr4_compute_owned", "hhi_chip_sales"), replicates=20)
    told = [(row["claim"], row["null"], row["variance"]) for row in rows]
    assert told == [("cr4_compute_owned", "luck", "model"), ("cr4_compute_owned", "luck", "facts"),
                    ("cr4_compute_owned", "entry and luck", "model"), ("cr4_compute_owned", "entry and luck", "facts"),
                    ("hhi_chip_sales", "luck", "model"), ("hhi_chip_sales", "entry and luck", "model")]
    for row in rows:
        assert row["rise"] == pytest.approx(row["closing"] - row["opening"])
        assert row["beyond"] == pytest.approx(row["rise"] - row["by_luck"])
