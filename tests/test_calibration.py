"""Calibration: known parameters found again, what cannot be known said, and nothing run twice."""

import json

import numpy as np
import pytest

import market_abm as ma
from market_abm.errors import BadInput
from market_abm.evidence.calibration import calibrate, fitted, target_of
from market_abm.evidence.calibration_file import Plan, read_calibration
from market_abm.evidence.calibration_tables import entangled
from market_abm.evidence.identification import at_bounds, collinearity, identified, judged, noise_of, slices
from market_abm.evidence.moments import lacking, mean_of, measured, moments_of, process_covariance
from market_abm.evidence.patterns import Pattern, Point
from market_abm.evidence.runs import simulated
from market_abm.evidence.search import AS_IT_STANDS, Search, Target, minimised, sampled

PLAN = Plan(points=16, searches=2, steps=20)


def pattern(name, metrics=("x",), history=(), scale="log", use="fit", weight=1.0, period="2021Q4", low=1.0, high=2.0):
    return Pattern(name, "", "", "x", "at", metrics, scale, period, low, high, "made up", use, weight, history)


# Toys of closed form ---------------------------------------------------------------------------------


class Toy:
    """Moments by run that are a function of the point plus the same luck everywhere."""

    def __init__(self, function, luck, target, errors, weights=None):
        self.function, self.luck, self.asked = function, luck, []
        errors = np.broadcast_to(np.asarray(errors, float), np.shape(target)).copy()
        self.search = Search(self.ask, Target(np.asarray(target, float), errors, 1 / errors**2 if weights is None else weights))

    def ask(self, points):
        self.asked += points
        return [np.asarray(self.function(np.full(self.parameters, 0.5) if point is AS_IT_STANDS else np.array(point)))[:, None] + self.luck
                for point in points]

    parameters = 3


def linear(rows=8, runs=16, seed=0, error=0.1, luck=0.05):
    random = np.random.default_rng(seed)
    slopes = random.normal(size=(rows, 3))
    toy = Toy(lambda point: slopes @ point, luck * random.normal(size=(rows, runs)), slopes @ [0.3, 0.6, 0.45], np.full(rows, error))
    return slopes, toy


def test_a_linear_toy_ends_where_weighted_least_squares_does():
    slopes, toy = linear()
    toy.search.target.weights[:] = np.arange(1.0, 9.0)
    fit = fitted(toy.search, 3, PLAN)
    root = np.sqrt(np.arange(1.0, 9.0))
    exact = np.linalg.lstsq(root[:, None] * slopes, root * (toy.search.target.values - toy.luck.mean(axis=1)), rcond=None)[0]
    assert fit.point == pytest.approx(exact, abs=1e-4)
    assert fit.bounds == ("", "", "")


def test_a_linear_toy_has_the_errors_of_the_sandwich_and_the_curvature_of_its_slopes():
    slopes, toy = linear()
    weights = np.arange(1.0, 9.0)
    toy.search.target.weights[:] = weights
    fit = fitted(toy.search, 3, PLAN)
    bread = np.linalg.inv(slopes.T @ np.diag(weights) @ slopes)
    omega = 0.01 * np.eye(8) + (1 + 1 / 16) * np.cov(toy.luck)
    sandwich = bread @ slopes.T @ np.diag(weights) @ omega @ np.diag(weights) @ slopes @ bread
    assert fit.known.slopes == pytest.approx(slopes, abs=1e-9)
    assert fit.known.covariance == pytest.approx(sandwich, rel=1e-6)
    assert fit.known.standard_errors == pytest.approx(np.sqrt(np.diag(sandwich)), rel=1e-6)
    assert fit.curvature == pytest.approx(2 * np.diag(slopes.T @ np.diag(weights) @ slopes), rel=1e-6)
    assert fit.known.rank == 3
    assert fit.known.condition == pytest.approx(np.linalg.cond(np.sqrt(weights)[:, None] * slopes), rel=1e-6)


def test_j_is_the_least_distance_that_any_parameters_leave():
    slopes, toy = linear(rows=8, runs=64)
    toy.search.target.values[:] += 0.2 * np.random.default_rng(7).normal(size=8)
    fit = fitted(toy.search, 3, PLAN)
    omega = 0.01 * np.eye(8) + (1 + 1 / 64) * np.cov(toy.luck)
    gap = toy.search.target.values - toy.luck.mean(axis=1)
    white = np.linalg.inv(np.linalg.cholesky(omega))  # generalised least squares as ordinary ones
    least = np.linalg.lstsq(white @ slopes, white @ gap, rcond=None)[1][0]
    assert fit.known.j_statistic == pytest.approx(least, rel=1e-6)
    assert fit.known.j_freedom == 5


def the_same_in_all_runs(slopes):
    return np.repeat(slopes.T[..., None], 2, axis=2)


def test_standard_errors_cover_and_j_is_chi_squared_over_many_histories():
    random = np.random.default_rng(3)
    slopes, truth, scores, statistics = random.normal(size=(8, 3)), np.array([0.3, 0.6, 0.45]), [], []
    mix = 0.2 * random.normal(size=(8, 8))
    for _ in range(200):
        luck = mix @ random.normal(size=(8, 200))
        history = slopes @ truth + mix @ random.normal(size=8) + 0.1 * random.normal(size=8)
        target = Target(history, np.full(8, 0.1), np.ones(8))
        estimate = np.linalg.lstsq(slopes, history - luck.mean(axis=1), rcond=None)[0]
        known = judged(the_same_in_all_runs(slopes), (slopes @ estimate)[:, None] + luck, target)
        scores.append((estimate - truth) / known.standard_errors)
        statistics.append(known.j_statistic)
    spread = np.std(scores, axis=0)  # 1 if the errors are right; its own standard error is 1 / sqrt(2 * 200) = .05
    assert np.abs(spread - 1).max() < 0.17
    assert np.mean(statistics) == pytest.approx(5, abs=0.9)  # chi-squared: mean 5, here known to sqrt(10 / 200) = .22; 3% more from 200 runs


def test_p_by_seeds_is_honest_with_few_runs_where_chi_squared_is_not():
    random = np.random.default_rng(4)
    slopes, by_seeds, by_table = random.normal(size=(12, 2)), [], []
    for _ in range(120):
        luck, history = random.normal(size=(12, 12)), random.normal(size=12)
        known = judged(the_same_in_all_runs(slopes), luck, Target(history, np.full(12, 0.1), np.ones(12)))
        by_seeds.append(known.j_p_by_seeds < 0.1)
        by_table.append(known.j_p_value < 0.1)
    assert np.mean(by_seeds) < 0.2  # .1 if it is exact, with a standard error of .027
    assert np.mean(by_table) > 0.5


def test_a_history_that_the_model_cannot_make_is_found_out():
    random = np.random.default_rng(5)
    slopes = random.normal(size=(12, 2))
    reach = slopes @ np.linalg.pinv(slopes)
    apart = (np.eye(12) - reach) @ np.full(12, 8.0)
    known = judged(the_same_in_all_runs(slopes), random.normal(size=(12, 64)), Target(apart, np.full(12, 0.1), np.ones(12)))
    assert known.j_p_by_seeds < 0.01
    assert known.j_p_value < 0.01


def test_a_curved_toy_gives_its_parameters_back():
    times = np.linspace(0, 3, 8)

    def decay(point):
        return 2 * point[0] * np.exp(-(0.2 + point[1]) * times) + point[2]

    truth = np.array([0.7, 0.35, 0.25])
    toy = Toy(decay, np.zeros((8, 4)), decay(truth), 0.05)
    fit = fitted(toy.search, 3, PLAN)
    assert fit.point == pytest.approx(truth, abs=0.005)
    assert fit.search.met[fit.point].objective < 1e-3
    assert all(row["same_as_best"] for row in fit.starts)


def test_parameters_that_only_matter_by_their_sum_are_said_not_to_be_identified():
    rows = np.array([1.0, 2.0, -1.0, 0.5])
    toy = Toy(lambda point: rows * (point[0] + point[1]) + np.array([0, 1, 1, 0]) * point[2], np.zeros((4, 4)), rows * 0.9 + [0, 0.4, 0.4, 0], 0.1)
    known = fitted(toy.search, 3, PLAN).known
    assert known.rank == 2
    assert np.isinf(known.condition)
    assert np.isnan(known.standard_errors[:2]).all()
    assert np.isfinite(known.standard_errors[2])
    found = {row["parameters"]: row for row in known.collinearity}
    assert np.isinf(found[0, 1]["index"])
    assert not found[0, 1]["identifiable"]
    assert found[0, 2]["identifiable"]


def test_a_parameter_that_moves_nothing_is_said_not_to_be_identified():
    toy = Toy(lambda point: np.array([point[0], point[0] + point[1], point[1]]), np.zeros((3, 4)), [0.3, 0.8, 0.5], 0.1)
    known = fitted(toy.search, 3, PLAN).known
    assert known.rank == 2
    assert known.importance[2] == 0
    assert np.isnan(known.standard_errors[2])
    assert all(np.isnan(row["index"]) for row in known.collinearity if 2 in row["parameters"])


def test_slopes_that_are_chance_alone_have_no_rank():
    random = np.random.default_rng(6)
    by_run = random.normal(size=(2, 10, 9))  # slopes of two parameters that do nothing, by run
    known = judged(by_run, random.normal(size=(10, 9)), Target(np.zeros(10), np.ones(10), np.ones(10)))
    assert known.rank == 0
    assert np.isnan(known.standard_errors).all()
    one_that_acts = judged(by_run + np.array([3.0, 0.0])[:, None, None], random.normal(size=(10, 9)), Target(np.zeros(10), np.ones(10), np.ones(10)))
    assert one_that_acts.rank == 1
    assert np.isnan(one_that_acts.standard_errors[1])


def test_the_noise_of_a_direction_is_the_standard_error_of_its_slopes():
    slopes = np.array([[[1.0, 3.0], [2.0, 2.0]], [[0.0, 4.0], [1.0, 1.0]]])  # (parameters, moments, runs)
    noise = noise_of(slopes, np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([4.0, 1.0]))
    # of two runs the standard error is half their difference: 1 along the first; along the second (.6, 5.0) by run, so 2.2; weight 4 doubles it
    assert noise == pytest.approx([2.0, 4.4])


@pytest.mark.parametrize("cosine", [0.0, 0.6, 0.99, -0.6])
def test_the_collinearity_of_two_parameters_follows_from_their_angle(cosine):
    columns = np.array([[1.0, 5 * cosine], [0.0, 5 * np.sqrt(1 - cosine**2)]])
    [row] = collinearity(columns)
    assert row["index"] == pytest.approx(1 / np.sqrt(1 - abs(cosine)))  # eigenvalues of the normed product are 1 + c and 1 - c
    assert row["identifiable"] == (1 / np.sqrt(1 - abs(cosine)) < 20)


def test_a_truth_beyond_the_bounds_ends_at_a_bound_and_is_told():
    toy = Toy(lambda point: point, np.zeros((3, 4)), [0.4, 1.3, -0.2], 0.1)
    fit = fitted(toy.search, 3, PLAN)
    assert fit.bounds == ("", "high", "low")
    assert fit.point[0] == pytest.approx(0.4, abs=0.01)
    assert at_bounds((0.009, 0.991, 0.011, 0.989)) == ("low", "high", "", "")


def test_two_minima_are_told_apart():
    toy = Toy(lambda point: np.array([(point[0] - 0.5) ** 2, 0.01 * point[0]]), np.zeros((2, 4)), [0.09, 0.002], 0.1)
    toy.search.at([(0.1,), (0.9,)], "sample")
    left, right = minimised(toy.search, [(0.1,), (0.9,)], 0.05, 20)
    assert left["end"] == pytest.approx((0.2,), abs=0.01)
    assert right["end"] == pytest.approx((0.8,), abs=0.01)
    assert (left["same_as_best"], right["same_as_best"]) == (True, False)


def test_where_more_than_a_tenth_of_runs_lack_a_moment_there_is_no_candidate():
    class Torn(Toy):
        def ask(self, points):
            found = super().ask(points)
            for point, by_run in zip(points, found, strict=True):
                if point is not AS_IT_STANDS and point[0] > 0.5:
                    by_run[0, :2] = np.nan  # 2 of 10 runs
                else:
                    by_run[0, 0] = np.nan  # 1 of 10 runs
            return found

    toy = Torn(lambda point: point, np.zeros((3, 10)), [0.7, 0.4, 0.4], 0.1)
    fit = fitted(toy.search, 3, PLAN)
    assert fit.point[0] <= 0.5
    assert fit.point[0] > 0.4
    assert not any(met.good for point, met in toy.search.met.items() if point is not AS_IT_STANDS and point[0] > 0.5)


def test_no_candidate_at_all_is_refused():
    toy = Toy(lambda point: point * np.nan, np.zeros((3, 10)), [0.7, 0.4, 0.4], 0.1)
    with pytest.raises(BadInput, match="no point of 16.*narrow the bounds"):
        fitted(toy.search, 3, PLAN)


def test_slopes_at_a_bound_are_one_sided_and_all_points_are_asked_at_once():
    _, toy = linear()
    toy.search.at([(0.0, 1.0, 0.5)], "here")
    toy.asked.clear()
    batches = []
    ask = toy.search.ask
    toy.search.ask = lambda points: batches.append(len(points)) or ask(points)
    known = identified(toy.search, (0.0, 1.0, 0.5), 0.05)
    assert known.slopes == pytest.approx(linear()[0], abs=1e-9)
    assert set(toy.asked) == {(0.05, 1.0, 0.5), (0.0, 0.95, 0.5), (0.0, 1.0, 0.45), (0.0, 1.0, 0.55)}
    assert batches == [4]


def test_slices_hold_the_others_and_go_over_the_whole_range():
    toy = Toy(lambda point: point, np.zeros((3, 4)), [0.5, 0.5, 0.5], 0.5)
    toy.search.at([(0.5, 0.5, 0.5)], "here")
    rows = slices(toy.search, (0.5, 0.5, 0.5))
    assert len(rows) == 27
    along = [row["objective"] for row in rows if row["parameter"] == 1]
    assert along == pytest.approx([4 * (place / 8 - 0.5) ** 2 for place in range(9)])


def test_no_point_is_asked_twice_and_the_search_repeats_itself():
    toys = [linear()[1], linear()[1]]
    for toy in toys:
        fitted(toy.search, 3, PLAN)
    assert len(set(toys[0].asked)) == len(toys[0].asked)
    assert toys[0].asked == toys[1].asked
    assert sampled(3, 16, 1) == sampled(3, 16, 1) != sampled(3, 16, 2)


# Moments ---------------------------------------------------------------------------------------------


def test_a_series_gives_a_moment_a_year_and_they_share_its_weight():
    series = pattern("rent", history=(Point("2021", 4.0, 0.1), Point("2022Q4", 2.0, 0.2), Point("2024", 9.0, 0.1)), weight=3.0)
    moments, left_out = moments_of((series,), "2023Q4")
    assert [moment.name for moment in moments] == ["rent 2021", "rent 2022Q4"]
    assert [moment.target for moment in moments] == pytest.approx([np.log(4), np.log(2)])
    assert [moment.weight for moment in moments] == pytest.approx([1.5 / 0.01, 1.5 / 0.04])
    assert left_out == {}


def test_a_band_is_read_as_a_90_percent_interval():
    log, straight = pattern("growth", low=2.0, high=8.0), pattern("share", scale="linear", low=0.2, high=0.6)
    growth, share = moments_of((log, straight), "2021Q4")[0]
    assert growth.target == pytest.approx(np.log(4))
    assert growth.error == pytest.approx(np.log(4) / 3.29)
    assert (share.target, share.error) == pytest.approx((0.4, 0.4 / 3.29))
    assert (growth.shown(growth.target), share.shown(share.target)) == pytest.approx((4.0, 0.4))


def test_what_is_held_out_or_later_is_left_out_with_the_reason():
    late, held = pattern("late", period="2024"), pattern("held", use="judge")
    assert moments_of((late, held), "2023Q4") == ((), {"late": "ends after 2023Q4", "held": "held out on purpose"})
    whole_year, half_year = pattern("whole", period="2019Q1..2023"), pattern("half", period="2019..2023Q2")
    assert [moment.name for moment in moments_of((whole_year, half_year), "2023Q2")[0]] == ["half 2019..2023Q2"]


def test_a_figure_without_error_or_logarithm_is_refused():
    with pytest.raises(BadInput) as refusal:
        moments_of((pattern("rent", history=(Point("2021", -4.0, 0.1), Point("2022", 1.0, 0.0))),), "2023Q4")
    assert "rent 2021 = -4.0: has no logarithm" in str(refusal.value)
    assert "rent 2022 = 0.0: has no error" in str(refusal.value)


def test_a_moment_of_a_run_without_value_is_nan_and_the_mean_is_over_the_rest():
    moments, _ = moments_of((pattern("run", ("x",)), pattern("share", ("y",), scale="linear")), "2021Q4")
    values = {"x": np.array([[np.e, 0.0, np.e**3, np.nan]]), "y": np.array([[0.1, 0.2, 0.3, 0.4]])}
    by_run = measured(moments, values, ("2021Q4",))
    assert by_run == pytest.approx(np.array([[1, np.nan, 3, np.nan], [0.1, 0.2, 0.3, 0.4]]), nan_ok=True)
    assert mean_of(by_run) == pytest.approx([2.0, 0.25])
    assert lacking(by_run) == pytest.approx([0.5, 0.0])
    assert process_covariance(by_run) == pytest.approx(np.array([[2.0, 0.2], [0.2, 0.02]]))  # of the runs (1, .1) and (3, .3)
    assert np.isnan(process_covariance(by_run[:, 1:2])).all()


def test_chance_over_seeds_may_count_in_the_weights():
    moments, _ = moments_of((pattern("share", ("y",), scale="linear", low=0.0, high=3.29),), "2021Q4")
    assert target_of(moments).weights == pytest.approx([1.0])
    assert target_of(moments, np.array([[1.0, 3.0, 5.0]])).weights == pytest.approx([1 / (1 + 4)])


# The file --------------------------------------------------------------------------------------------

SMALL = """
extends = "{base}"
[frame]
startup_slots = 16
[startups]
opening = 6
bystanders = 2
talent_pool = 12
"""
FILE = """
[calibration]
title = "A trial"
config = "small.toml"
until = "2020Q2"
runs = 4
points = 5
searches = 1
steps = 5
[free]
"training.ambition_growth" = {}
"customers.legacy_growth" = { low = 1.4, high = 1.8, scale = "log" }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibration")
    (folder / "small.toml").write_text(SMALL.format(base=ma.__path__[0] + "/../configs/base.toml"))
    return folder


def written(place, text=FILE, name="trial.toml"):
    (place / name).write_text(text)
    return place / name


def test_a_calibration_is_read_with_the_bounds_it_says_or_that_are_declared(place):
    plan = read_calibration(written(place))
    ambition, legacy = plan.free
    declared = ma.load(place / "small.toml").parameters.training.__dataclass_fields__["ambition_growth"].metadata["told"]
    assert (ambition.low, ambition.high) == (declared.low, declared.high)
    assert (legacy.low, legacy.high) == (1.4, 1.8)
    assert plan.setting((0.0, 0.5))["customers.legacy_growth"] == pytest.approx(np.sqrt(1.4 * 1.8))
    assert plan.setting((1.0, 0.5))["training.ambition_growth"] == declared.high


SEVEN = "".join(f'"{key}" = {{}}\n' for key in (
    "clouds.omega", "energy.slots_growth", "chips.learning_exponent", "training.hope", "customers.contest", "customers.captive_share",
    "training.ambition_growth"))


@pytest.mark.parametrize(("old", "new", "parts"), [
    ('until = "2020Q2"', 'until = "2017Q4"', ("calibration.until", "2017Q4", "from 2018Q1 on")),
    ('until = "2020Q2"', 'until = "soon"', ("calibration.until", "soon")),
    ('until = "2020Q2"', "", ("calibration.until", "must be said", 'write until = "2023Q4"')),
    ('config = "small.toml"', "", ("calibration.config", "must be said")),
    ('config = "small.toml"', 'config = "smell.toml"', ("there is no such file", "small.toml")),
    ("runs = 4", "runs = 1", ("calibration.runs = 1", "between 2 and", "raise it to 2")),
    ("runs = 4", "rums = 4", ("calibration.rums", "did you mean runs?")),
    ("runs = 4", 'weights = "none"', ("calibration.weights", "measurement, total")),
    ("[free]", "[fere]", ("fere", "did you mean free?", "names nothing to fit")),
    ('"training.ambition_growth"', '"training.ambition_grwoth"', ("free.training.ambition_grwoth", "did you mean training.ambition_growth?")),
    ('"training.ambition_growth"', '"switches.efficiency"', ("free.switches.efficiency", "cannot be fitted")),
    ('"training.ambition_growth"', '"chips.allocation"', ("free.chips.allocation", "cannot be fitted")),
    ("high = 1.8", "high = 1.9", ("free.customers.legacy_growth.high = 1.9", "between the declared 1.35 and 1.8", "widen the declared range")),
    ("low = 1.4", "low = 1.0", ("free.customers.legacy_growth.low = 1.0", "between the declared")),
    ("low = 1.4", "low = 1.8", ("free.customers.legacy_growth.low", "must be below high")),
    ('scale = "log"', "values = [1.5]", ("free.customers.legacy_growth.values", "is no word for a free parameter")),
    ("= {}", "= 2.4", ("free.training.ambition_growth = 2.4", "must be a table")),
    ('"training.ambition_growth" = {}', SEVEN, ("free", "names 8 parameters, but at most 6", "moments are few")),
    ('"training.ambition_growth" = {}', '"cast.clouds.google.legacy_share" = {}', ("at some corner of the bounds", "legacy_share", "narrow the bounds")),
])
def test_what_is_wrong_with_a_calibration_is_said_in_words(place, old, new, parts):
    assert old in FILE
    path = written(place, FILE.replace(old, new), "wrong.toml")
    with pytest.raises(BadInput) as refusal:
        read_calibration(path)
    assert all(part in str(refusal.value) for part in parts), refusal.value


# The market ------------------------------------------------------------------------------------------

METRICS = ("compute_owned_pflops", "frontier_run_flop", "contested_rent_usd_per_pflop_hour")
TRUE = {"training.ambition_growth": 2.4, "customers.legacy_growth": 1.6}
DATES = ("2019Q2", "2019Q4", "2020Q2")


def history(place, runs, seed):
    """Return patterns whose facts are what the market makes at the true parameters on some seeds."""
    [values] = (found := simulated(place / "small.toml", [TRUE], runs, "2020Q2", METRICS, None, workers=0, seed=seed)).values
    facts = {metric: {date: float(np.exp(np.log(values[metric][found.labels.index(date)]).mean())) for date in DATES} for metric in METRICS}
    return tuple(pattern(metric, (metric,), tuple(Point(date, facts[metric][date], 0.02) for date in DATES)) for metric in METRICS)


def carried_out(place, out, patterns, text=FILE, progress=None):
    return calibrate(written(place, text), out, workers=0, progress=progress, patterns=patterns)


@pytest.fixture(scope="module")
def own_seeds(place):
    """Return the facts made by the very runs that the calibration uses, and the calibration on them."""
    patterns = history(place, 4, ma.load(place / "small.toml").frame.seed)
    return patterns, carried_out(place, place / "own", patterns)


def test_facts_made_with_the_same_seeds_give_the_parameters_back_exactly(own_seeds):
    _, found = own_seeds
    rows = {row["parameter"]: row for row in found.rows}
    for key, true in TRUE.items():
        assert rows[key]["fitted"] == pytest.approx(true, abs=0.01 * (rows[key]["high"] - rows[key]["low"]))
    assert found.document["objective"] < 0.01 * found.document["objective_before"]
    assert found.document["rank"] == 2


def test_a_single_history_of_another_seed_gives_them_back_within_three_standard_errors(place):
    found = carried_out(place, place / "other", history(place, 1, 77), FILE.replace("runs = 4", "runs = 8"))
    for row in found.rows:
        assert abs(row["fitted"] - TRUE[row["parameter"]]) < 3 * row["standard_error"]
        assert row["standard_error"] < 2 * (row["high"] - row["low"])


def test_the_fitted_configuration_can_be_run_and_says_where_its_numbers_are_from(own_seeds):
    _, found = own_seeds
    config = ma.load(found.fitted)
    fitted_to = {row["parameter"]: row["fitted"] for row in found.rows}
    assert config.parameters.training.ambition_growth == fitted_to["training.ambition_growth"]
    assert config.parameters.customers.legacy_growth == fitted_to["customers.legacy_growth"]
    assert config.sources["training.ambition_growth"].startswith("fitted: 9 moments to 2020Q2, standard error")
    assert config.parameters.startups.opening == 6


def test_the_folder_holds_what_was_found(own_seeds):
    _, found = own_seeds
    document = json.loads((found.folder / "calibration.json").read_text())
    assert document == found.document
    assert {row["pattern"] for row in document["moments"]} == set(METRICS)
    assert sum(row["part_of_objective"] for row in document["moments"]) == pytest.approx(1)
    trace = (found.folder / "trace.csv").read_text().splitlines()
    assert trace[0] == "evaluation,stage,training.ambition_growth,customers.legacy_growth,objective,lacking"
    assert len(trace) == 1 + document["points"]
    assert len((found.folder / "slices.csv").read_text().splitlines()) == 1 + 2 * 9


def test_asked_again_nothing_is_run_and_the_answer_is_the_same(place, own_seeds):
    patterns, found = own_seeds
    again = carried_out(place, place / "own", patterns)
    assert found.new > 0
    assert again.new == 0
    assert again.document == found.document


def test_killed_and_resumed_it_gives_the_same_answer_and_runs_nothing_twice(place, own_seeds):
    patterns, found = own_seeds
    met = []

    def killed(done, total, objective):
        met.append(done)
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carried_out(place, place / "killed", patterns, progress=killed)
    stored = int(json.loads((place / "killed/runs/manifest.json").read_text())["sweep"]["stored"])
    assert 4 * (met[-1] - 1) == stored < found.new  # the configuration as it stands is met twice and run once
    resumed = carried_out(place, place / "killed", patterns)
    assert resumed.new == found.new - stored
    for name in ("calibration.json", "fitted.toml", "trace.csv", "moments.csv"):
        assert (resumed.folder / name).read_bytes() == (found.folder / name).read_bytes(), name


def test_facts_beyond_what_the_bounds_allow_end_at_a_bound_and_are_remarked(place, own_seeds):
    patterns, _ = own_seeds
    text = FILE.replace('{ low = 1.4, high = 1.8, scale = "log" }', "{ low = 1.35, high = 1.45 }")
    found = carried_out(place, place / "narrow", patterns, text)
    [row] = [row for row in found.rows if row["parameter"] == "customers.legacy_growth"]
    assert row["at_bound"] == "high"
    assert found.document["bounds_hit"] == ["customers.legacy_growth"]
    assert any(remark.startswith("customers.legacy_growth ended at its high bound") for remark in found.remarks)
    assert "at its high bound" in found.fitted.read_text()


FACTS = """
[stock]
estimator = "at"
metrics = ["compute_owned_pflops"]
scale = "log"
period = "2024Q4"
low = 1e5
high = 1e7
source = "made up"
history = [["2018Q4", 30000, 0.1], ["2019Q4", 70000, 0.1], ["2020Q4", 150000, 0.1]]

[growth_of_the_record]
estimator = "running_top"
metrics = ["frontier_run_flop"]
scale = "log"
period = "2018Q4..2020Q2"
low = 3
high = 5
source = "made up"

[before_the_start]
estimator = "at"
metrics = ["frontier_run_flop"]
period = "2016"
low = 3
high = 5
source = "made up"

[held_out]
estimator = "at"
metrics = ["compute_owned_pflops"]
period = "2019Q2"
low = 1
high = 2
source = "made up"
use = "judge"
"""


def test_patterns_may_come_from_a_file_and_what_runs_cannot_measure_is_left_out_and_told(place):
    written(place, FACTS, "facts.toml")
    text = FILE.replace("points = 5", 'points = 2\npatterns = "facts.toml"').replace("steps = 5", "steps = 1")
    found = carried_out(place, place / "from_a_file", None, text)
    assert {(row["pattern"], row["period"]) for row in found.moments} == {
        ("stock", "2018Q4"), ("stock", "2019Q4"), ("growth_of_the_record", "2018Q4..2020Q2")}
    assert found.document["left_out"] == {
        "before_the_start 2016": "has no value in 100% of the runs of the configuration as it stands", "held_out": "held out on purpose"}
    assert any(remark.startswith("before_the_start 2016: has no value") for remark in found.remarks)


def test_parameters_that_make_up_for_one_another_are_named_once():
    rows = [{"parameters": pair, "index": index} for pair, index in (((0, 1), 2.0), ((0, 2), 30.0), ((1, 2), np.nan), ((0, 1, 2), np.inf))]
    assert [row["parameters"] for row in entangled(rows)] == [(0, 2)]
    rows[1]["index"] = 3.0
    assert [row["parameters"] for row in entangled(rows)] == [(0, 1, 2)]


def test_more_parameters_than_moments_are_refused(place):
    one = (pattern("one", (METRICS[0],), (Point("2019Q4", 1.0, 0.1),)),)
    with pytest.raises(BadInput, match="2 free parameters, but only 1 moments.*free fewer parameters"):
        carried_out(place, place / "few", one)


def test_a_folder_of_something_else_is_left_alone(place, own_seeds):
    (place / "mine").mkdir()
    (place / "mine/letter.txt").write_text("dear")
    with pytest.raises(BadInput, match="no folder of a calibration"):
        carried_out(place, place / "mine", own_seeds[0])
