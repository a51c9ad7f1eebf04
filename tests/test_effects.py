"""What a policy changes: intervals and corrected p-values by hand, theory's signs, and every way to judge them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_abm.levers.catalogue import CATALOGUE, OUTCOMES, Lever
from market_abm.metrics.catalogue import catalogue
from market_abm.parameters.schema import Configuration, DatedLever
from market_abm.studies import effects
from market_abm.studies.effects import corrected, effects_of, first_start, outcome_of, paired, predicted, verdict
from market_abm.studies.run import Result

NAN = float("nan")
T3 = 3.182446305  # quantile .975 of Student's t with 3 degrees of freedom, from any table
WHOLE = st.lists(st.integers(-1000, 1000), min_size=2, max_size=12)


def p_of_t3(t):
    """Return the two-sided p-value of Student's t with 3 degrees of freedom, which has a closed form."""
    x = t / math.sqrt(3)
    return 1 - 2 / math.pi * (x / (1 + x * x) + math.atan(x))


# Paired differences ---------------------------------------------------------------------------------


def test_the_interval_is_student_s_t_on_the_differences():
    got = paired(np.array([1.0, 2.0, 3.0, 4.0]))
    # mean 2.5, standard deviation sqrt(5/3), standard error sqrt(5/12), t = sqrt(15)
    assert got["difference"] == 2.5
    assert (got["low"], got["high"]) == pytest.approx((2.5 - T3 * math.sqrt(5 / 12), 2.5 + T3 * math.sqrt(5 / 12)))
    assert (got["low"], got["high"]) == pytest.approx((0.4457, 4.5543), abs=1e-4)
    assert got["p_value"] == pytest.approx(p_of_t3(math.sqrt(15)))
    assert (got["pairs"], got["positive_share"]) == (4, 1.0)
    # quantiles between the sorted values: .05 and .95 of the three steps from 1 to 4
    assert (got["p05"], got["p50"], got["p95"]) == pytest.approx((1.15, 2.5, 3.85))


def test_a_nothing_is_neither_positive_nor_negative():
    assert paired(np.array([-1.0, 0.0, 0.0, 3.0, 5.0]))["positive_share"] == 0.4


def test_pairs_with_a_failed_run_are_left_out():
    got = paired(np.array([NAN, 1.0, 2.0, NAN, 3.0, 4.0, np.inf]))
    assert got == paired(np.array([1.0, 2.0, 3.0, 4.0]))
    assert got["pairs"] == 4


def test_one_pair_has_no_interval():
    got = paired(np.array([NAN, -3.0]))
    assert (got["difference"], got["p05"], got["p50"], got["p95"], got["positive_share"], got["pairs"]) == (-3.0, -3.0, -3.0, -3.0, 0.0, 1)
    assert all(math.isnan(got[name]) for name in ("low", "high", "p_value"))


@pytest.mark.parametrize("differences", [(), (NAN, NAN)])
def test_without_a_pair_nothing_is_known(differences):
    got = paired(np.array(differences, float))
    assert got.pop("pairs") == 0
    assert len(got) == 8
    assert all(math.isnan(value) for value in got.values()), got


@pytest.mark.parametrize(("value", "p_value", "positive"), [(0.0, 1.0, 0.0), (0.25, 0.0, 1.0), (-0.25, 0.0, 0.0)])
def test_differences_without_any_spread_are_certain(value, p_value, positive):
    got = paired(np.full(5, value))
    assert (got["difference"], got["low"], got["high"]) == (value, value, value)
    assert (got["p_value"], got["positive_share"], got["pairs"]) == (p_value, positive, 5)


@given(WHOLE, st.integers(-1000, 1000))
def test_what_is_added_to_every_difference_is_added_to_the_interval(differences, more):
    plain, moved = paired(np.array(differences, float)), paired(np.array(differences, float) + more)
    for name in ("difference", "low", "high", "p05", "p50", "p95"):
        assert moved[name] == pytest.approx(plain[name] + more, abs=1e-7), name


@given(WHOLE)
def test_the_other_way_round_only_signs_change(differences):
    plain, turned = paired(np.array(differences, float)), paired(-np.array(differences, float))
    pairs = (("difference", "difference"), ("low", "high"), ("high", "low"), ("p05", "p95"), ("p50", "p50"), ("p95", "p05"))
    for name, mirrored in pairs:
        assert turned[name] == pytest.approx(-plain[mirrored], abs=1e-9), name
    assert turned["p_value"] == pytest.approx(plain["p_value"])
    zeros = differences.count(0) / len(differences)
    assert turned["positive_share"] + plain["positive_share"] + zeros == pytest.approx(1)


@given(WHOLE)
def test_an_interval_spares_nothing_exactly_where_the_p_value_is_small(differences):
    got = paired(np.array(differences, float))
    if abs(got["p_value"] - 0.05) > 1e-9:
        assert (got["p_value"] < 0.05) == (got["low"] > 0 or got["high"] < 0)


# Many cells -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p_values", "expected"), [
    # in order .005, .01, .03, .04, times 4 over rank: .02, .02, .04, .04
    ((0.01, 0.04, 0.03, 0.005), (0.02, 0.04, 0.04, 0.02)),
    # .04, .04, .028, .5: none may exceed a later one
    ((0.01, 0.02, 0.021, 0.5), (0.028, 0.028, 0.028, 0.5)),
    # a missing cell counts for nothing: twice .02, and .03
    ((0.02, NAN, 0.03), (0.03, NAN, 0.03)),
    ((NAN,), (NAN,)), ((), ()), ((0.3,), (0.3,)), ((0.0, 1.0), (0.0, 1.0)),
])
def test_p_values_are_corrected_for_the_number_of_cells(p_values, expected):
    assert corrected(p_values) == pytest.approx(np.array(expected), nan_ok=True)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms())
def test_a_corrected_p_value_is_no_smaller_and_keeps_its_place(p_values, random):
    order = list(range(len(p_values)))
    random.shuffle(order)
    got = corrected(p_values)
    assert np.all(got >= p_values)
    assert np.all(got <= 1)
    assert corrected([p_values[k] for k in order]).tolist() == got[order].tolist()
    assert np.all(np.diff(got[np.argsort(p_values, kind="stable")]) >= 0)


# What theory expects --------------------------------------------------------------------------------


def lever(name, **signs):
    return Lever(name, "", "", (), signs)


@pytest.fixture
def own_catalogue(monkeypatch):
    """Put levers with known signs for owners in the catalogue's place."""
    levers = (lever("up", owners="+"), lever("up_too", owners="+"), lever("down", owners="-"), lever("still", owners="0"),
              lever("open", owners="±"), lever("silent"))
    monkeypatch.setattr(effects, "CATALOGUE", {each.name: each for each in levers})


@pytest.mark.parametrize(("levers", "sign"), [
    (("up",), "+"), (("down",), "-"), (("still",), "0"), (("open",), "±"), (("silent",), "±"), ((), ""),
    (("up", "up_too"), "+"), (("up", "up"), "+"), (("up", "still"), "+"), (("still", "down"), "-"), (("still", "still"), "0"),
    (("up", "down"), "±"), (("up", "open"), "±"), (("open", "still"), "±"), (("up", "down", "still"), "±"), (("up", "silent"), "±"),
])
def test_signs_of_several_levers_are_put_together(own_catalogue, levers, sign):
    assert predicted(levers, "hhi_compute_owned") == sign
    assert predicted(levers[::-1], "hhi_compute_owned") == sign


def test_theory_says_nothing_of_a_metric_without_an_outcome(own_catalogue):
    assert predicted(("up",), "chips_made") == ""
    assert outcome_of("chips_made") == ""
    assert outcome_of("hhi_compute_owned_by_group") == outcome_of("cr4_compute_owned") == "owners"
    assert (outcome_of("cr1_chip_sales_by_group"), outcome_of("consumer_surplus_usd")) == ("chips", "welfare")


def test_every_metric_of_an_outcome_is_measured_and_belongs_to_one_outcome():
    named = [metric for metrics in OUTCOMES.values() for metric in metrics]
    assert set(named) <= {metric.name for metric in catalogue(())}
    assert len(set(named)) == len(named)


# Owners, chips, entry, price of compute, output, welfare. Where the literature says "0 or +" of output it is left open.
THEORY = {
    "documentation_mandate": "--+-+±",  # Farrell and Klemperer 2007: lower switching costs; less is left for research
    "switching_ban": "-0+±±+",  # the same: locked-in customers pay less, introductory prices go
    "data_act": "-0+±±+",
    "public_cloud": "-++-+±",  # an outside option that buys the dominant chip and crowds out
    "faster_grid": "±0+-++",  # all expand, the largest requesters most
    "break_up": "-0+-+±",  # Cournot: 28 to 25 as three become four
    "structural_separation": "-0++-±",  # Spengler 1950: a second margin
    "chip_neutrality": "-0+±±±",  # Arthur 1989
    "compute_vouchers": "-0++±±",  # incidence: inelastic supply takes the subsidy
    "training_cap": "-0+--±",  # Sutton 1991: exogenous sunk costs
    "stake_limit": "-0±±-±",  # O'Brien and Salop 2000
    "export_control": "+±-+--",  # rationing; a rival may grow behind the fence
}


@pytest.mark.parametrize("name", [*CATALOGUE])
def test_the_catalogue_has_theory_s_signs(name):
    assert "".join(CATALOGUE[name].signs[outcome] for outcome in ("owners", "chips", "entry", "price", "output", "welfare")) == THEORY[name]


# Verdicts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sign", "difference", "low", "high", "q_value", "expected"), [
    ("+", 3.0, 1.0, 5.0, 0.05, "agree"), ("-", -3.0, -5.0, -1.0, 0.01, "agree"),
    ("+", -3.0, -5.0, -1.0, 0.01, "disagree"), ("-", 3.0, 1.0, 5.0, 0.01, "disagree"),
    ("+", 3.0, 1.0, 5.0, 0.0501, "inconclusive"), ("-", 3.0, 1.0, 5.0, 0.2, "inconclusive"), ("+", 0.0, 0.0, 0.0, 1.0, "inconclusive"),
    ("+", NAN, NAN, NAN, NAN, "inconclusive"), ("0", NAN, NAN, NAN, NAN, "inconclusive"), ("-", -3.0, NAN, NAN, NAN, "inconclusive"),
    # two per cent of the baseline of -50 is 1
    ("0", 0.5, -0.1, 1.0, 0.9, "agree"), ("0", 0.5, 0.4, 0.6, 0.001, "agree"), ("0", -0.9, -1.0, -0.8, 0.001, "agree"),
    ("0", 1.5, 1.1, 1.9, 0.001, "disagree"), ("0", -1.5, -1.9, -1.1, 0.05, "disagree"), ("0", 1.5, 1.1, 1.9, 0.06, "inconclusive"),
    ("0", 1.5, 0.5, 2.5, 0.001, "inconclusive"), ("0", -1.5, -2.5, -0.5, 0.05, "inconclusive"),  # not wholly beyond 1
    ("0", 0.5, -1.01, 2.0, 0.4, "inconclusive"), ("0", -0.5, -1.01, 0.0, 0.06, "inconclusive"),
    ("±", 3.0, 1.0, 5.0, 0.001, "ambiguous"), ("", 3.0, 1.0, 5.0, 0.001, "ambiguous"), ("±", NAN, NAN, NAN, NAN, "ambiguous"),
])
def test_a_cell_is_judged(sign, difference, low, high, q_value, expected):
    row = {"predicted_sign": sign, "difference": difference, "low": low, "high": high, "q_value": q_value, "baseline": -50.0}
    assert verdict(row) == expected


@pytest.mark.parametrize(("low", "high", "expected"), [(0.0, 0.0, "agree"), (-0.1, 0.1, "inconclusive")])
def test_nothing_of_nothing_is_nothing(low, high, expected):
    assert verdict({"predicted_sign": "0", "difference": 0.0, "low": low, "high": high, "q_value": 1.0, "baseline": 0.0}) == expected


@given(st.sampled_from("+-"), st.floats(-9, 9), st.floats(0, 9), st.floats(0, 1))
def test_a_verdict_turns_with_the_difference(sign, difference, reach, q_value):
    def judged(d):
        return verdict({"predicted_sign": sign, "difference": d, "low": d - reach, "high": d + reach, "q_value": q_value, "baseline": 1.0})

    if difference:
        turned = {"agree": "disagree", "disagree": "agree", "inconclusive": "inconclusive"}
        assert judged(-difference) == turned[judged(difference)]


# The table ------------------------------------------------------------------------------------------


def result(chips, owned):
    """Return two quarters of `chips_made` and `hhi_compute_owned`, each `(quarters, runs)`."""
    values = np.array([chips, owned], float)
    runs = values.shape[2]
    return Result(Configuration(), values, ("2020Q1", "2020Q2"), ("chips_made", "hhi_compute_owned"), np.arange(runs, dtype=np.uint64), [], np.zeros(runs), 0.0)


def table():
    """Return the rows of two policies: one lowers a metric by 1 to 4, the other does nothing."""
    still = [[10.0] * 4] * 2
    baseline = result([[5.0, NAN, 5.0, 5.0], [5.0] * 4], still)
    falls = result([[5.0, 5.0, NAN, 5.0], [5.0] * 4], [[10.0] * 4, [9.0, 8.0, 7.0, 6.0]])
    policies = {"falls": (DatedLever("break_up", "2027Q1"), DatedLever("compute_vouchers", "2026Q3")), "idle": (DatedLever("export_control"),)}
    return effects_of(baseline, {"falls": falls, "idle": baseline}, policies, ("hhi_compute_owned", "chips_made"), ("2020Q1", "2020Q2"))


def test_there_is_a_row_for_every_policy_metric_and_quarter():
    places = [(row["metric"], row["quarter"], row["lever"]) for row in table()]
    assert places == [(m, q, p) for m in ("hhi_compute_owned", "chips_made") for q in ("2020Q1", "2020Q2") for p in ("falls", "idle")]


def test_a_row_tells_baseline_difference_and_verdict():
    rows = table()
    # of eight cells one has an effect: its p-value is corrected by eight
    p_value = p_of_t3(math.sqrt(15))
    falls = rows[2]
    assert (falls["baseline"], falls["difference"], falls["relative"], falls["start"]) == (10.0, -2.5, -0.25, "2026Q3")
    assert falls["p_value"] == pytest.approx(p_value)
    assert falls["q_value"] == pytest.approx(8 * p_value)
    assert (falls["predicted_sign"], falls["verdict"]) == ("-", "inconclusive"), "p below .05, but not after the correction"
    assert (falls["unit"], rows[4]["unit"]) == ("0 to 1", "chips/year")
    assert (rows[3]["predicted_sign"], rows[3]["verdict"], rows[3]["difference"]) == ("+", "inconclusive", 0.0)
    assert [row["verdict"] for row in rows[4:]] == ["ambiguous"] * 4
    assert (rows[4]["baseline"], rows[4]["pairs"]) == (5.0, 2), "runs that failed on either side are no pairs"


def test_without_a_baseline_there_is_no_relative_difference():
    nothing = result([[NAN] * 2] * 2, [[0.0] * 2] * 2)
    policy = result([[1.0] * 2] * 2, [[1.0] * 2] * 2)
    rows = effects_of(nothing, {"p": policy}, {"p": (DatedLever("break_up"),)}, ("hhi_compute_owned", "chips_made"), ("2020Q2",))
    assert [row["difference"] for row in rows] == pytest.approx([1.0, NAN], nan_ok=True)
    assert all(math.isnan(row["relative"]) for row in rows)
    assert math.isnan(rows[1]["baseline"])
    assert rows[1]["pairs"] == 0


def test_a_relative_difference_has_the_sign_of_the_difference():
    loss, gain = ([[value] * 2] * 2 for value in (-8.0, -6.0))
    [row] = effects_of(result(loss, loss), {"p": result(gain, gain)}, {"p": ()}, ("chips_made",), ("2020Q2",))
    assert (row["baseline"], row["difference"], row["relative"]) == (-8.0, 2.0, 0.25)


def test_a_policy_starts_with_its_first_lever():
    assert first_start((DatedLever("a", "2030Q1"), DatedLever("b", "2026Q4"), DatedLever("c", "2027Q1"))) == "2026Q4"
    assert first_start(()) == ""
