"""The arithmetic: right values, and the same bits whatever the company, the slots or the machine."""

import hashlib
import inspect
import json
import math
import os
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import same_bits

from market_abm import exact

ROOT = Path(exact.__file__).parent.parent
PRIMES = (2, 7, 13, 127, 131, 257, 307)
NEAREST = 4e-16
SMALLEST_NORMAL = 2.0**-1022


@pytest.fixture(autouse=True)
def quiet():
    """Silence numpy's warnings, as the engine does around a run."""
    with np.errstate(all="ignore"):
        yield


# Values ---------------------------------------------------------------------------------------------


def assert_near(got, truth, relative=NEAREST):
    """Compare with a value of forty digits; below the normal numbers, one unit of the last place is allowed."""
    allowed = max(Decimal(relative) * abs(truth), Decimal(2) ** -1074 if abs(truth) < SMALLEST_NORMAL else Decimal(0))
    assert abs(Decimal(float(got)) - truth) <= allowed, (got, truth)


def precisely(function, *arguments):
    with localcontext() as context:
        context.prec = 40
        return function(*(Decimal(float(a)) for a in arguments))


@given(st.floats(-745.0, 709.7))
def test_exp_is_right_to_the_last_bit_or_two(x):
    assert_near(exact.exp(np.array([[x]]))[0, 0], precisely(Decimal.exp, x))


@given(st.floats(-1e-3, 1e-3))
def test_exp_is_right_near_nought(x):
    assert_near(exact.exp(np.array([[x]]))[0, 0], precisely(Decimal.exp, x))


@given(st.floats(5e-324, 1.7976931348623157e308))
def test_log_is_right_from_the_smallest_to_the_largest_number(x):
    assert_near(exact.log(np.array([[x]]))[0, 0], precisely(Decimal.ln, x))


@given(st.floats(0.5, 2.0))
def test_log_keeps_its_relative_accuracy_near_one(x):
    assert_near(exact.log(np.array([[x]]))[0, 0], precisely(Decimal.ln, x))


def test_exp_and_log_are_right_on_a_grid():
    for x in np.linspace(-740.0, 709.0, 3001):
        assert_near(exact.exp(x), precisely(Decimal.exp, x))
    for x in np.ldexp(np.linspace(0.5, 1.0, 53, endpoint=False), np.arange(-1060, 1060, 40)[:, None]).ravel():
        assert_near(exact.log(x), precisely(Decimal.ln, x))


@pytest.mark.parametrize(("x", "value"), [
    (0.0, 1.0), (-0.0, 1.0), (1.0, math.e), (np.inf, np.inf), (-np.inf, 0.0), (710.0, np.inf), (1e300, np.inf),
    (-745.2, 0.0), (-1e300, 0.0), (-745.0, 5e-324), (5e-324, 1.0),
])
def test_exp_at_its_edges(x, value):
    assert exact.exp(np.array([[x]]))[0, 0] == value


@pytest.mark.parametrize(("x", "value"), [
    (1.0, 0.0), (0.0, -np.inf), (-0.0, -np.inf), (np.inf, np.inf), (math.e, 1.0),
])
def test_log_at_its_edges(x, value):
    assert exact.log(np.array([[x]]))[0, 0] == value


def test_nan_and_logs_of_negative_numbers_are_missing():
    assert np.isnan(exact.exp(np.array([[np.nan]]))).all()
    assert np.isnan(exact.log(np.array([[np.nan, -1.0, -5e-324, -np.inf]]))).all()
    assert np.isnan(exact.power(np.array([[-1.0, np.nan]]), np.array([[2.0]]))).all()


@given(st.floats(1e-300, 1e300), st.floats(-20.0, 20.0))
def test_power_is_as_right_as_a_rounded_exponent_allows(x, p):
    # ln x is right to 4e-16, its product with p is rounded once more, and exp adds its own 4e-16.
    size = abs(p * math.log(x))
    if size < 700:
        truth = precisely(lambda a, b: a**b, x, p)
        assert_near(exact.power(np.array([[x]]), np.array([[p]]))[0, 0], truth, NEAREST + 5.2e-16 * size)


@pytest.mark.parametrize(("x", "p", "value"), [
    (0.0, 0.0, 1.0), (0.0, 0.7, 0.0), (0.0, -0.7, np.inf), (5.0, 0.0, 1.0), (np.inf, 0.0, 1.0), (1.0, 3.7, 1.0),
    (1.0, -1e6, 1.0), (np.inf, 0.5, np.inf), (np.inf, -0.5, 0.0), (10.0, 400.0, np.inf), (10.0, -400.0, 0.0),
])
def test_power_at_its_edges(x, p, value):
    assert exact.power(np.array([[x]]), np.array([[p]]))[0, 0] == value


# Same bits alone and in company ---------------------------------------------------------------------


def draw_inputs(rows, runs=64):
    """Return one array of each shape that helpers meet, with zeros, ties and wide ranges."""
    rng = np.random.default_rng(rows)
    amounts = rng.lognormal(0.0, 4.0, (runs, rows)) * (rng.random((runs, rows)) < 0.8)
    return {
        "amounts": amounts,
        "signed": rng.normal(0.0, 30.0, (runs, rows)),
        "weights": rng.lognormal(0.0, 1.0, (runs, rows)),
        "ties": np.floor(rng.random((runs, rows)) * 5.0),
        "capacity": 0.4 * amounts.sum(axis=-1, keepdims=True),
        "exponent": np.resize([2.0, 0.5, 1.0, 0.37, 3.0, 0.0, -1.0], (runs, 1)),
        "links": rng.integers(0, 12, (runs, rows)),
        "table": rng.normal(0.0, 1.0, (runs, 11)),
        "layers": rng.lognormal(0.0, 4.0, (13, runs, rows)),
        "thin": rng.lognormal(0.0, 4.0, (41, runs, 1)),
    }


CASES = {
    "exp": lambda d: exact.exp(d["signed"]),
    "log": lambda d: exact.log(d["amounts"]),
    "power": lambda d: exact.power(d["amounts"], d["exponent"]),
    "total": lambda d: exact.total(d["amounts"]),
    "best": lambda d: exact.best(d["signed"]),
    "before": lambda d: exact.before(d["amounts"]),
    "ratio": lambda d: exact.ratio(d["amounts"], d["capacity"]),
    "share": lambda d: exact.share(d["amounts"]),
    "share_or_zero": lambda d: exact.share_or_zero(d["amounts"]),
    "weighted": lambda d: exact.weighted(d["signed"], d["weights"]),
    "at_best": lambda d: exact.at_best(d["signed"], d["ties"]),
    "leading": lambda d: exact.leading(d["amounts"]),
    "trailing": lambda d: exact.trailing(d["thin"]),
    "stacked": lambda d: exact.stacked(d["layers"]),
    "flattened": lambda d: exact.flattened(np.stack([d["layers"], d["layers"][::-1]])),
    "bounded": lambda d: exact.bounded(d["signed"], -d["capacity"], d["capacity"]),
    "add_up": lambda d: exact.add_up(d["amounts"], d["links"], 11),
    "look_up": lambda d: exact.look_up(d["table"], d["links"]),
    "best_by": lambda d: exact.best_by(d["amounts"], d["links"], 11),
    "order_by": lambda d: exact.order_by(d["ties"]),
    "put_back": lambda d: exact.put_back(d["amounts"], exact.order_by(d["ties"])),
    "serve_in_order": lambda d: exact.serve_in_order(d["amounts"], d["capacity"], exact.order_by(d["ties"])),
}
MORE_CASES = {
    "total of layers": lambda d: exact.total(d["layers"]),
    "total of thin layers": lambda d: exact.total(d["thin"]),
    "total of a transposed array": lambda d: exact.total(np.asfortranarray(d["amounts"])),
    "total of rows that all runs share": lambda d: exact.total(np.broadcast_to(d["layers"][:, :1, 0].T, (len(d["links"]), 13))),
    "total of layers turned to the back": lambda d: exact.total(np.moveaxis(d["layers"], 0, -1))[..., 0],
    "stacked thin layers": lambda d: exact.stacked(d["thin"]),
    "stacked leading": lambda d: exact.stacked(exact.leading(d["amounts"])),
    "stacked transposed": lambda d: exact.stacked(np.moveaxis(d["layers"].T.copy(), (0, 1, 2), (2, 1, 0))),
}


def test_every_helper_has_a_case_below():
    helpers = {n for n, f in inspect.getmembers(exact, inspect.isfunction) if f.__module__ == exact.__name__ and n[0] != "_"}
    assert helpers == set(CASES), "a helper without a case may depend on its batch"


def cut(inputs, runs):
    return {name: np.ascontiguousarray(np.take(array, runs, axis=-2)) for name, array in inputs.items()}


@pytest.mark.parametrize("name", [*CASES, *[n for n in MORE_CASES if "all runs share" not in n]])
def test_a_helper_gives_the_same_bits_alone_and_in_company(name):
    helper = {**CASES, **MORE_CASES}[name]
    for rows in PRIMES:
        inputs = draw_inputs(rows)
        together = helper(inputs)
        for runs in ([*range(8)], *([r] for r in range(64))):
            apart = helper(cut(inputs, runs))
            assert same_bits(apart, np.ascontiguousarray(np.take(together, runs, axis=-2))), (name, rows, runs)


def test_a_row_that_all_runs_share_adds_up_to_the_same_bits():
    row = np.random.default_rng(1).lognormal(0.0, 4.0, (1, 97))
    assert same_bits(exact.total(np.broadcast_to(row, (8, 97)))[3:4], exact.total(row))


# Totals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "spare"), [
    (128, 128), (128, 212), (256, 128), (512, 212), (1024, 128), (300, 212), (300, 1), (131, 125),
])
def test_a_spare_slot_changes_no_bit_of_a_total(rows, spare):
    for seed in range(50):
        x = np.random.default_rng(seed).lognormal(0.0, 5.0, (5, rows))
        assert same_bits(exact.total(np.concatenate([x, np.zeros((5, spare))], axis=-1)), exact.total(x))


@given(st.lists(st.floats(0.0, 1e12), min_size=1, max_size=400))
def test_a_total_is_the_sum(values):
    assert exact.total(np.array([values]))[0, 0] == pytest.approx(math.fsum(values), rel=1e-14)


def test_totals_by_hand():
    assert exact.total(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])).tolist() == [[6.0], [0.0]]
    assert exact.total(np.ones((2, 3, 129))).tolist() == [[[129.0]] * 3] * 2
    assert exact.total(np.zeros((2, 0))).tolist() == [[0.0], [0.0]]


def test_layers_are_piled_up_run_by_run():
    assert exact.stacked(np.array([[[1.0, 2.0]], [[10.0, 20.0]], [[100.0, 200.0]]])).tolist() == [[111.0, 222.0]]


def test_all_axes_in_front_are_summed():
    assert exact.flattened(np.array([[[[1.0, 2.0]], [[10.0, 20.0]]], [[[100.0, 200.0]], [[1000.0, 2000.0]]]])).tolist() == [[1111.0, 2222.0]]
    assert exact.flattened(np.array([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]


def test_leading_and_trailing_undo_each_other():
    x = np.arange(6.0).reshape(2, 3)
    assert exact.leading(x).tolist() == [[[0.0], [3.0]], [[1.0], [4.0]], [[2.0], [5.0]]]
    assert exact.trailing(exact.leading(x)).tolist() == x.tolist()


# Ratios ---------------------------------------------------------------------------------------------


def test_a_ratio_over_nothing_is_what_the_caller_says():
    above, below = np.array([[1.0, 1.0, 1.0]]), np.array([[2.0, 0.0, -1.0]])
    assert exact.ratio(above, below).tolist() == [[0.5, 0.0, 0.0]]
    assert exact.ratio(above, below, np.inf).tolist() == [[0.5, np.inf, np.inf]]


def test_shares_where_there_is_a_market_and_where_there_is_none():
    x = np.array([[1.0, 3.0], [0.0, 0.0]])
    assert exact.share_or_zero(x).tolist() == [[0.25, 0.75], [0.0, 0.0]]
    assert exact.share(x)[0].tolist() == [0.25, 0.75]
    assert np.isnan(exact.share(x)[1]).all()


def test_a_mean_by_weight():
    x, weight = np.array([[2.0, 6.0], [2.0, 6.0]]), np.array([[3.0, 1.0], [0.0, 0.0]])
    assert exact.weighted(x, weight, -1.0).tolist() == [[3.0], [-1.0]]


def test_bounds_and_the_best():
    assert exact.bounded(np.array([[-1.0, 0.5, 9.0]]), 0.0, 1.0).tolist() == [[0.0, 0.5, 1.0]]
    assert exact.best(np.array([[-3.0, -1.0], [4.0, 2.0]])).tolist() == [[-1.0], [4.0]]
    assert exact.at_best(np.array([[5.0, 6.0, 7.0]]), np.array([[1.0, 2.0, 2.0]])).tolist() == [[6.0]]


# Queues ---------------------------------------------------------------------------------------------


def test_before_is_what_stands_ahead_and_the_first_has_nobody():
    assert exact.before(np.array([[3.0, 1.0, 2.0]])).tolist() == [[0.0, 3.0, 4.0]]
    assert exact.before(np.array([[7.0]])).tolist() == [[0.0]]
    assert exact.before(np.zeros((2, 0))).shape == (2, 0)
    assert exact.before(np.array([[[1.0, 2.0]], [[3.0, 4.0]]])).tolist() == [[[0.0, 1.0]], [[0.0, 3.0]]]


def test_rows_are_served_in_the_given_order():
    wanted, order = np.array([[5.0, 3.0, 4.0]] * 3), np.array([[2, 0, 1]] * 3)
    served = exact.serve_in_order(wanted, np.array([[6.0], [0.0], [100.0]]), order)
    assert served.tolist() == [[2.0, 0.0, 4.0], [0.0, 0.0, 0.0], [5.0, 3.0, 4.0]]


def test_the_next_in_line_gets_no_crumbs():
    wanted = np.array([[0.1, 0.2, 0.3]])
    assert exact.serve_in_order(wanted, np.array([[0.1 + 0.2]]), np.array([[0, 1, 2]]))[0, 2] == 0.0


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=30), st.floats(0.0, 1e7), st.integers(0, 2**32 - 1))
def test_nobody_gets_more_than_wanted_and_nothing_is_left_lying(wanted, capacity, seed):
    wanted = np.array([wanted])
    order = np.random.default_rng(seed).permutation(wanted.shape[1])[None]
    served = exact.serve_in_order(wanted, np.array([[capacity]]), order)
    assert np.all((served >= 0.0) & (served <= wanted))
    assert math.fsum(served[0]) == pytest.approx(min(capacity, math.fsum(wanted[0])), rel=1e-12, abs=1e-300)
    queue = [wanted[0, r] - served[0, r] for r in order[0]]
    short = [k for k, left in enumerate(queue) if left > 0]
    assert all(served[0, r] == 0.0 for r in order[0][short[0] + 1 :]) if short else True


def test_ties_stay_in_row_order():
    assert exact.order_by(np.array([[2.0, 1.0, 2.0, 1.0, 0.0]])).tolist() == [[4, 1, 3, 0, 2]]
    assert exact.order_by(np.zeros((1, 50))).tolist() == [[*range(50)]]


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40))
def test_putting_back_undoes_an_order(values):
    key = np.array([values])
    order = exact.order_by(key)
    ranked = np.take_along_axis(key, order, axis=-1)
    assert ranked.tolist() == [sorted(values)]
    assert exact.put_back(ranked, order).tolist() == [values]


# Links ----------------------------------------------------------------------------------------------


def test_amounts_add_up_by_link_and_nobody_gets_nothing():
    amounts, links = np.array([[1.0, 2.0, 4.0], [10.0, 20.0, 40.0]]), np.array([[0, 2, 0], [2, 1, 1]])
    assert exact.add_up(amounts, links, 2).tolist() == [[5.0, 0.0], [0.0, 60.0]]
    assert exact.add_up(amounts, np.full((2, 3), 2), 2).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert exact.add_up(np.zeros((2, 0)), np.zeros((2, 0), np.int64), 3).tolist() == [[0.0] * 3] * 2


def test_a_table_is_read_by_link_and_nobody_reads_what_the_caller_says():
    table, links = np.array([[10.0, 20.0], [30.0, 40.0]]), np.array([[1, 2, 0], [2, 0, 1]])
    assert exact.look_up(table, links).tolist() == [[20.0, 0.0, 10.0], [0.0, 30.0, 40.0]]
    assert exact.look_up(table, links, -7.0).tolist() == [[20.0, -7.0, 10.0], [-7.0, 30.0, 40.0]]
    assert exact.look_up(table, np.zeros((2, 0), np.int64)).shape == (2, 0)


# Machines -------------------------------------------------------------------------------------------


def bytes_on_a_fixed_input():
    """Return a digest of the bytes of every helper: what is compared between processors."""
    with np.errstate(all="ignore"):
        inputs = draw_inputs(1031, runs=16)
        return {name: hashlib.sha256(case(inputs).tobytes()).hexdigest() for name, case in {**CASES, **MORE_CASES}.items()}


def features_that_can_be_switched_off():
    from numpy._core import _multiarray_umath as core

    return [f for f in core.__cpu_dispatch__ if core.__cpu_features__.get(f) and f not in core.__cpu_baseline__]


def test_a_processor_without_wide_instructions_gives_the_same_bits():
    features = features_that_can_be_switched_off()
    if not features:
        pytest.skip("this processor or this numpy has no dispatched features to switch off")
    script = (
        "import json, test_exact\n"
        "print(json.dumps([test_exact.features_that_can_be_switched_off(), test_exact.bytes_on_a_fixed_input()]))"
    )
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(features), "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    left, digests = json.loads(done.stdout)
    assert left == [], f"numpy kept {left}"
    assert digests == bytes_on_a_fixed_input()


@pytest.mark.parametrize("shape", [(2, 1, 1), (9, 1, 1), (41, 1, 1), (41, 1, 2), (129, 3, 1), (41, 64, 15), (41, 10, 1, 1), (12, 10, 64, 15)])
def test_layers_are_added_one_after_the_other_however_they_lie_in_memory(shape):
    random = np.random.default_rng(5)
    layers = random.lognormal(0, 8, shape) * random.choice([-1, 1], shape)  # sums in another order round differently
    expected = layers[0]
    for layer in layers[1:]:
        expected = expected + layer
    turned = np.moveaxis(np.ascontiguousarray(np.moveaxis(layers, 0, -1)), -1, 0)
    assert np.array_equal(exact.stacked(layers), expected)
    assert np.array_equal(exact.stacked(turned), expected)
