"""Sensitivity indices and the share of chance, beside functions whose answer is known in closed form."""

import math
import warnings

import numpy as np
import pytest

from market_abm.errors import BadInput
from market_abm.sweeps.indices import morris, noise_share, sobol, variance_parts

pytest.importorskip("SALib")
LINEAR = np.array([1.0, -2.0, 0.0, 4.0])


def problem(factors):
    return {"num_vars": factors, "names": [f"x{n}" for n in range(factors)], "bounds": [[0.0, 1.0]] * factors}


def sobol_design(factors, blocks, seed):
    from SALib.sample import sobol as sample

    return sample.sample(problem(factors), blocks, calc_second_order=False, seed=seed)


def random_design(factors, blocks, seed):
    """Return a Saltelli design of independent blocks: A, then A with one column of B at a time, then B."""
    a, b = np.random.default_rng(seed).random((2, blocks, factors))
    mixed = [np.where(np.arange(factors) == n, b, a) for n in range(factors)]
    return np.stack([a, *mixed, b], axis=1).reshape(-1, factors)


def morris_design(factors, trajectories, seed=0, levels=4):
    from SALib.sample import morris as sample

    return sample.sample(problem(factors), trajectories, num_levels=levels, seed=seed)


def ishigami(unit, a=7.0, b=0.1):
    x = math.pi * (2 * unit - 1)
    return np.sin(x[:, 0]) + a * np.sin(x[:, 1]) ** 2 + b * x[:, 2] ** 4 * np.sin(x[:, 0])


def ishigami_indices(a=7.0, b=0.1):
    """Return S1 and ST in closed form (Ishigami and Homma 1990): with a = 7 and b = 0.1, 0.3139, 0.4424, 0 and 0.5576, 0.4424, 0.2437."""
    first = 0.5 * (1 + b * math.pi**4 / 5) ** 2
    second = a**2 / 8
    joint = b**2 * math.pi**8 * (1 / 18 - 1 / 50)
    total = first + second + joint
    return {"S1": np.array([first, second, 0.0]) / total, "ST": np.array([first + joint, second, joint]) / total}


def column(rows, index, key="value"):
    return np.array([row[key] for row in rows if row["index"] == index])


def test_the_closed_form_is_the_published_one():
    known = ishigami_indices()
    np.testing.assert_allclose(known["S1"], [0.313905, 0.442411, 0.0], atol=1e-6)
    np.testing.assert_allclose(known["ST"], [0.557589, 0.442411, 0.243684], atol=1e-6)


def test_indices_of_the_ishigami_function_are_found():
    found = sobol(ishigami(sobol_design(3, 2048, seed=1)), 3, resamples=200)
    assert (found.used, found.left_out) == (2048, 0)
    assert [(row["factor"], row["index"]) for row in found.rows] == [(n, name) for n in range(3) for name in ("S1", "ST")]
    for index, known in ishigami_indices().items():
        # independent blocks would err by up to 0.035 (one standard error), a Sobol sequence errs by a few thousandths
        np.testing.assert_allclose(column(found.rows, index), known, atol=0.02)
        assert (column(found.rows, index, "low") < known).all() and (known < column(found.rows, index, "high")).all()


@pytest.mark.parametrize(("design", "least", "most"), [(random_design, 0.90, 0.985), (sobol_design, 0.94, 1.0)])
def test_intervals_hold_the_truth_as_often_as_they_say(design, least, most):
    """A 95% interval; 100 designs of 6 indices. Blocks of a Sobol sequence are no independent draws: its intervals are too wide, not too narrow."""
    known = ishigami_indices()
    held = []
    for seed in range(100):
        rows = sobol(ishigami(design(3, 256, seed)), 3, resamples=200, seed=seed).rows
        held += [(column(rows, index, "low") <= truth) & (truth <= column(rows, index, "high")) for index, truth in known.items()]
    assert least <= np.mean(held) <= most


def test_a_linear_function_has_no_interactions():
    found = sobol(sobol_design(4, 1024, seed=3) @ LINEAR, 4, resamples=100)
    known = LINEAR**2 / (LINEAR**2).sum()  # the variance of a x is a^2 / 12
    np.testing.assert_allclose(column(found.rows, "S1"), known, atol=0.02)
    np.testing.assert_allclose(column(found.rows, "ST"), known, atol=0.02)
    assert column(found.rows, "ST")[2] == 0.0


def test_values_are_those_of_salib():
    from SALib.analyze import sobol as analysis

    y = 1e12 * (5 + ishigami(sobol_design(3, 64, seed=5)))
    known = analysis.analyze(problem(3), y, calc_second_order=False, num_resamples=2, seed=1)
    found = sobol(y, 3, resamples=10)
    for index in ("S1", "ST"):
        np.testing.assert_allclose(column(found.rows, index), known[index], rtol=1e-9)


def test_blocks_with_a_missing_outcome_are_left_out_whole():
    y = ishigami(random_design(3, 64, seed=2))
    kept = np.delete(y.reshape(64, 5), [3, 10], axis=0).ravel()
    y[3 * 5 + 1], y[10 * 5 + 4] = np.nan, np.inf
    assert sobol(y, 3, resamples=50) == (sobol(kept, 3, resamples=50).rows, 62, 2)


@pytest.mark.parametrize("y", [np.full(40, 3.1), np.full(40, np.nan), np.r_[np.arange(5.0), np.full(35, np.nan)], 0.1 + 1e-17 * np.arange(40), np.empty(0)],
                         ids=["constant", "missing", "one block", "rounding", "none"])
def test_without_two_blocks_that_vary_there_are_no_indices(y):
    found = sobol(y, 3, resamples=20)
    assert len(found.rows) == 6
    assert np.isnan([[row["value"], row["low"], row["high"]] for row in found.rows]).all()


def test_where_the_two_samples_do_not_vary_there_are_no_indices():
    y = np.tile([0.0, 1.0, 0.0, 0.0, 0.0], 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(column(sobol(y, 3, resamples=20).rows, "S1")).all()


def test_draws_in_which_nothing_varies_do_not_count_as_no_effect():
    """One outcome of 40 blocks is 1, in the first sample: a draw that holds it c times has ST = 1 / (1 - c / 80), and a third do not hold it."""
    y = np.zeros(200)
    y[0] = 1.0
    found = sobol(y, 3, resamples=100)
    np.testing.assert_allclose(column(found.rows, "ST"), 80 / 79)
    np.testing.assert_allclose(column(found.rows, "ST", "low"), 80 / 79)


def test_a_broken_block_is_refused():
    with pytest.raises(BadInput, match=r"blocks: \(41,\) outcomes are no whole number of blocks of 5; give all rows"):
        sobol(np.arange(41.0), 3)


def test_many_resamples_are_taken_in_pieces_and_all_counted(monkeypatch):
    from market_abm.sweeps import indices

    y = ishigami(random_design(3, 32, seed=2))
    whole = sobol(y, 3, resamples=2000)
    taken, estimate = [], indices._first_and_total
    monkeypatch.setattr(indices, "AT_ONCE", 32 * 7)
    monkeypatch.setattr(indices, "_first_and_total", lambda blocks, chosen: taken.append(chosen.shape[1]) or estimate(blocks, chosen))
    pieces = sobol(y, 3, resamples=2000)
    assert sum(taken) == 2000 + 1 and max(taken) == 7  # one for the values themselves
    assert column(whole.rows, "ST").tolist() == column(pieces.rows, "ST").tolist()
    np.testing.assert_allclose(column(whole.rows, "ST", "low"), column(pieces.rows, "ST", "low"), atol=0.05)


@pytest.mark.parametrize("levels", [4, 6])
def test_effects_of_a_linear_function_are_its_slopes(levels):
    unit = morris_design(4, 10, levels=levels)
    found = morris(unit, unit @ LINEAR, levels, resamples=50)
    assert (found.used, found.left_out) == (10, 0)
    for index, known in {"mu_star": np.abs(LINEAR), "mu": LINEAR, "sigma": np.zeros(4)}.items():
        for key in ("value", "low", "high"):
            np.testing.assert_allclose(column(found.rows, index, key), known, atol=1e-12)


def test_effects_by_hand():
    """Two trajectories of y = x0 * x1 on four levels, a step of 2/3: an effect is the other factor's value."""
    unit = np.array([[0, 0], [2 / 3, 0], [2 / 3, 2 / 3], [1, 1 / 3], [1, 1], [1 / 3, 1]])
    rows = morris(unit, unit[:, 0] * unit[:, 1], 4, resamples=500).rows
    # first factor: 0 and 1; second: 2/3 and 1
    np.testing.assert_allclose(column(rows, "mu"), [1 / 2, 5 / 6])
    np.testing.assert_allclose(column(rows, "mu_star"), [1 / 2, 5 / 6])
    np.testing.assert_allclose(column(rows, "sigma"), [math.sqrt(1 / 2), math.sqrt(1 / 18)])
    # the bootstrap takes one of them twice in half of its draws, so that percentiles reach both ends
    np.testing.assert_allclose(column(rows, "mu", "low"), [0, 2 / 3], atol=1e-12)
    np.testing.assert_allclose(column(rows, "mu", "high"), [1, 1])


def test_values_of_effects_are_those_of_salib():
    from SALib.analyze import morris as analysis

    unit = morris_design(3, 20, seed=4)
    y = ishigami(unit) + 100
    known = analysis.analyze(problem(3), unit, y, num_levels=4, num_resamples=10, seed=1)
    rows = morris(unit, y, 4, resamples=10).rows
    for index in ("mu_star", "mu", "sigma"):
        np.testing.assert_allclose(column(rows, index), np.asarray(known[index], float), rtol=1e-9, atol=1e-9)


def test_the_interval_of_mean_effects_holds_the_truth():
    """Effects of y = x0^2 + x1 on four levels, a step of 2/3 from 0 or 1/3 up: 2/3 or 4/3 as likely, mean 1."""
    held = []
    for seed in range(100):
        unit = morris_design(2, 40, seed)
        rows = morris(unit, unit[:, 0] ** 2 + unit[:, 1], 4, resamples=200, seed=seed).rows
        held.append(column(rows, "mu", "low")[0] - 1e-12 <= 1 <= column(rows, "mu", "high")[0] + 1e-12)
    assert 0.88 <= np.mean(held) <= 0.99


def test_trajectories_with_a_missing_outcome_are_left_out_whole():
    unit = morris_design(3, 12, seed=1)
    y = ishigami(unit)
    gone = np.repeat(np.arange(12) == 5, 4)
    kept = morris(unit[~gone], y[~gone], 4, resamples=50).rows
    y[5 * 4 + 2] = np.nan
    assert morris(unit, y, 4, resamples=50) == (kept, 11, 1)


@pytest.mark.parametrize("y", [np.full(12, 3.1), np.full(12, np.nan), np.r_[np.arange(4.0), np.full(8, np.nan)]], ids=["constant", "missing", "one"])
def test_without_two_trajectories_that_vary_there_are_no_effects(y):
    found = morris(morris_design(3, 3), y, 4, resamples=20)
    assert np.isnan([[row["value"], row["low"], row["high"]] for row in found.rows]).all()


@pytest.mark.parametrize(("unit", "levels"), [(morris_design(3, 3), 8), (morris_design(3, 3)[::-1][[1, 0, *range(2, 12)]], 4), (np.full((12, 3), 0.5), 4)],
                         ids=["levels", "order", "no step"])
def test_a_design_of_another_kind_is_refused(unit, levels):
    with pytest.raises(BadInput, match="morris: levels = .*: is no design of trajectories in which each factor takes one step of"):
        morris(unit, np.arange(12.0), levels)


def test_outcomes_of_another_design_are_refused():
    with pytest.raises(BadInput, match="has 12 rows in the design and 8 outcomes"):
        morris(morris_design(3, 3), np.arange(8.0), 4)


def noisy(random, points, runs, point, seed, interaction):
    """Return y = f(x) + s(seed) + e(x, seed) with independent normal parts of the given variances."""
    return (random.normal(0, math.sqrt(point), (points, 1)) + random.normal(0, math.sqrt(seed), (1, runs))
            + random.normal(0, math.sqrt(interaction), (points, runs)) + 10)


@pytest.mark.parametrize("runs", [2, 8])
def test_parts_of_the_variance_are_estimated_without_bias(runs):
    random, truth = np.random.default_rng(runs), (3.0, 2.0, 1.5)
    parts = np.array([variance_parts(noisy(random, 12, runs, *truth)) for _ in range(2000)])
    error = parts.std(axis=0, ddof=1) / math.sqrt(len(parts))
    assert (np.abs(parts.mean(axis=0) - truth) < 4 * error).all()
    assert (4 * error < 0.25 * np.array(truth)).all()  # else the test could not fail


@pytest.mark.parametrize("runs", [2, 8])
def test_shares_of_chance_are_right_on_average_where_no_seed_moves_all_points(runs):
    """Without a main effect of seeds the ratios are right but for a bias of order 1 / points, which 400 points make small."""
    random = np.random.default_rng(10 + runs)
    shares = np.array([[row["value"] for row in noise_share(noisy(random, 400, runs, 3.0, 0.0, 1.5), resamples=0)] for _ in range(300)])
    truth = np.array([1.5 / 4.5, (1.5 / runs) / (3.0 + 1.5 / runs)])
    error = shares.std(axis=0, ddof=1) / math.sqrt(len(shares))
    assert (np.abs(shares.mean(axis=0) - truth) < 4 * error).all()
    assert (4 * error < 0.05 * truth).all()


@pytest.mark.parametrize("runs", [2, 8])
def test_numerator_and_denominator_are_right_with_common_seeds(runs):
    """The ratio of means over many data sets is the truth; the mean of ratios is below it, the more so the fewer the seeds."""
    random, (point, seed, interaction) = np.random.default_rng(20 + runs), (3.0, 2.0, 1.5)
    data = [noisy(random, 60, runs, point, seed, interaction) for _ in range(2000)]
    parts = np.array([variance_parts(values) for values in data])
    truth = (seed + interaction) / (point + seed + interaction)
    excess = parts[:, 1:].sum(axis=1) - truth * parts.sum(axis=1)  # of mean zero if both are without bias
    assert abs(excess.mean()) < 4 * excess.std(ddof=1) / math.sqrt(len(data))
    means = np.array([noise_share(values, resamples=0)[1]["value"] for values in data])
    of_means = (interaction / runs) / (point + interaction / runs)
    # the ratio's bias over 60 points is at most 2 / 59 of it, by the variance of a sample variance
    assert abs(means.mean() - of_means) < 4 * means.std(ddof=1) / math.sqrt(len(data)) + 2 / 59 * of_means
    mean_share = np.mean([noise_share(values, resamples=0)[0]["value"] for values in data])
    assert mean_share < truth


def test_parts_by_hand():
    """Points (1, 3) and (5, 11): within 2 and 18, means 2 and 8; a two-way table has residuals 1, -1, -1, 1, one degree of freedom."""
    parts = variance_parts([[1.0, 3.0], [5.0, 11.0]])
    assert parts == pytest.approx((18 - 4 / 2, 10 - 4, 4))
    rows = noise_share([[1.0, 3.0], [5.0, 11.0]], resamples=10)
    assert [row["value"] for row in rows] == pytest.approx([10 / 26, 2 / 18])


def test_a_shift_of_all_points_by_the_seed_is_no_noise_of_the_means():
    values = np.array([[0.0], [1.0], [5.0]]) + np.array([[0.0, 10.0, 30.0]])
    share, of_means = noise_share(values, resamples=50)
    assert of_means["value"] == pytest.approx(0, abs=1e-12) and of_means["high"] == pytest.approx(0, abs=1e-12)
    within, point = np.var([0, 10, 30], ddof=1), np.var([0, 1, 5], ddof=1)
    assert share["value"] == pytest.approx(within / (within + point))


def test_no_noise_and_nothing_but_noise():
    fixed = noise_share(np.arange(5.0)[:, None] + np.zeros(3), resamples=50)
    assert [row["value"] for row in fixed] == [0, 0] and [row["high"] for row in fixed] == [0, 0]
    chance = noise_share(np.random.default_rng(1).normal(size=(2000, 4)), resamples=50)
    assert chance[0]["value"] > 0.97 and chance[1]["value"] > 0.9  # both 1 but for sampling


def test_intervals_over_points_hold_the_share():
    random, held = np.random.default_rng(5), []
    for seed in range(200):
        held.append([row["low"] <= truth <= row["high"] for truth, row in
                     zip((1 / 3, 0.5 / 2.5), noise_share(noisy(random, 80, 2, 2.0, 0.0, 1.0), resamples=200, seed=seed), strict=True)])
    assert (np.mean(held, axis=0) > 0.88).all() and (np.mean(held, axis=0) < 0.995).all()


def test_points_with_a_missing_run_are_left_out():
    values = noisy(np.random.default_rng(3), 20, 4, 1.0, 1.0, 1.0)
    kept = noise_share(np.delete(values, 7, axis=0), resamples=50)
    values[7, 2] = np.nan
    assert noise_share(values, resamples=50) == [row | {"left_out": 1} for row in kept]
    assert kept[0]["used"] == 19


@pytest.mark.parametrize("values", [np.arange(5.0)[:, None], np.full((4, 3), 2.7), np.full((4, 3), np.nan), np.arange(3.0)[None], np.empty((0, 3))],
                         ids=["one run", "constant", "missing", "one point", "none"])
def test_where_chance_cannot_be_told_it_is_not_told(values):
    rows = noise_share(values, resamples=20)
    assert [row["index"] for row in rows] == ["noise_share", "noise_share_of_means"]
    assert np.isnan([[row["value"], row["low"], row["high"]] for row in rows]).all()


def test_values_without_runs_are_refused():
    with pytest.raises(BadInput, match="has values of 1 dimensions; give one row a point"):
        noise_share(np.arange(4.0))
