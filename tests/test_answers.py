"""The essays' questions as probabilities: intervals and parts of the variance by hand, rows on figures made up, and on the market."""

import csv
import math

import numpy as np
import pytest

import market_abm as ma
from market_abm.evidence import answers as asked_of
from market_abm.evidence.answers import Parts
from market_abm.metrics.catalogue import catalogue

LABELS = tuple(f"{2018 + q // 4}Q{q % 4 + 1}" for q in range(72))


def test_the_parts_of_an_additive_layout_are_the_variances_of_its_margins():
    """Points 0 and 2 have variance 2, seeds 0, 0 and 3 have variance 3, and nothing is left."""
    values = np.array([[0.0], [2.0]]) + np.array([[0.0, 0.0, 3.0]])
    assert asked_of.parts_of_variance(values) == pytest.approx((2.0, 3.0, 0.0))
    assert Parts(2.0, 3.0, 0.0).shares == pytest.approx((0.4, 0.6, 0.0))


def test_what_neither_points_nor_seeds_explain_is_left():
    """In a square where every row and column has two of four, the mean square of the rest is 16/4/9, and no margin has a part."""
    values = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]], float)
    assert asked_of.parts_of_variance(values) == pytest.approx((0.0, 0.0, 4 / 9))


def test_points_with_a_failed_run_have_no_part():
    values = np.array([[0.0, 3.0], [2.0, 5.0], [math.nan, 100.0]])
    assert asked_of.parts_of_variance(values) == pytest.approx((2.0, 4.5, 0.0))
    assert all(np.isnan(part) for part in asked_of.parts_of_variance(values[1:]))


def test_wilsons_interval():
    """5 of 10: (.2366, .7634); none of 10: up to z^2/(10 + z^2) = .2775 (Wilson 1927)."""
    assert asked_of.wilson(0.5, 10, 0.95) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert asked_of.wilson(0.0, 10, 0.95) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert asked_of.wilson(1.0, 10, 0.95) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_runs_of_one_point_are_worth_little_more_than_one():
    """If the point decides, four points of eight runs each have a mean of variance (1/3)/4, so .25 is worth 3 independent runs."""
    happened = np.repeat([[1.0], [1.0], [0.0], [0.0]], 8, axis=1)
    assert asked_of.independent_runs(happened, asked_of.parts_of_variance(happened)) == pytest.approx(3.0)


def test_where_all_runs_agree_the_points_count():
    row = asked_of.probability("always", np.ones((10, 8)))
    assert (row["answer"], row["high"]) == (1.0, 1.0)
    assert row["low"] == pytest.approx(0.7225, abs=1e-4)
    assert row["runs"] == 80


def test_a_probability_leaves_out_failed_runs():
    row = asked_of.probability("some", np.array([[1.0, 0.0, math.nan], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]))
    assert row["answer"] == pytest.approx(3 / 8)
    assert row["runs"] == 8
    assert math.isnan(asked_of.probability("none", np.full((2, 2), math.nan))["answer"])


def test_a_quantity_has_its_median_and_what_nine_in_ten_lie_between():
    row = asked_of.quantity("figure", np.arange(101.0).reshape(1, 101), "USD", 7.0)
    assert (row["answer"], row["low"], row["high"], row["as_stated"], row["unit"]) == (50.0, 5.0, 95.0, 7.0, "USD")


def made_up(**figures):
    """Return what would have been simulated: each metric constant in time, `(points, seeds)`."""
    values = {name: np.zeros((2, 72, 2)) for name in asked_of.METRICS}
    values |= {name: np.repeat(np.array(figure, float)[:, None, :], 72, axis=1) for name, figure in figures.items()}
    return asked_of.Asked(values, LABELS)


def answer(rows, question):
    [row] = [row for row in rows if row["question"] == question]
    return row


def test_a_cluster_that_was_reached_once_is_reached():
    """Three of four runs had 1 GW at some time by 2026Q4, one of them earlier and no longer; nobody has 10 GW."""
    asked = made_up(largest_cluster_mw=[[1200, 999], [1000, 500]])
    asked.values["largest_cluster_mw"][0, LABELS.index("2025Q1"), 1] = 1500
    rows = asked_of.cluster_rows(asked)
    assert answer(rows, "largest cluster of 1 GW or more by 2026Q4")["answer"] == 0.75
    assert answer(rows, "largest cluster of 10 GW or more by 2028Q4")["answer"] == 0.0


def test_the_cost_of_a_gigawatt_is_that_of_the_cluster_over_its_power():
    asked = made_up(largest_cluster_mw=[[2000, 2000], [2000, 2000]], cluster_cost_usd_full_run=[[6e10, 6e10], [6e10, 6e10]])
    row = answer(asked_of.cluster_rows(asked), "cost of a GW of it, 2028Q4")
    assert (row["answer"], row["as_stated"]) == (pytest.approx(3e10), 1e10)


def test_what_binds_most_is_told_run_by_run():
    asked = made_up(bound_by_power_owners=[[0.6, 0.3], [0.5, 0.2]], bound_by_money_owners=[[0.3, 0.6], [0.4, 0.3]],
                    bound_by_none_owners=[[0.1, 0.1], [0.1, 0.5]], bound_by_data_labs=[[1, 1], [1, math.nan]])
    rows = asked_of.roadblock_rows(asked)
    found = {name: answer(rows, f"more of owners' compute bound by {name} than by anything else, 2026-30")["answer"] for name in asked_of.OWNERS}
    assert found == {"power": 0.5, "chips": 0.0, "money": 0.25, "none": 0.25}
    data = answer(rows, "more of labs' research budgets bound by data than by anything else, 2026-30")
    assert (data["answer"], data["runs"]) == (1.0, 3)
    assert answer(rows, "part of owners' compute bound by power, 2026-30")["answer"] == pytest.approx(0.4)


def test_concentration_rises_only_if_it_rises():
    asked = made_up(cr4_compute_owned=[[0.5, 0.5], [0.5, 0.5]])
    asked.values["cr4_compute_owned"][0, LABELS.index("2030Q4"):, 0] = 0.6
    rows = asked_of.owner_rows(asked)
    assert answer(rows, "share of the four largest owners higher in 2030Q4 than in 2024Q4")["answer"] == 0.25
    assert answer(rows, "share of the four largest owners higher in 2035Q4 than in 2030Q4")["answer"] == 0.0


def test_the_year_of_a_cheap_person_is_when_the_quarter_ends():
    asked = made_up(person_of_compute_usd=[[1e6, 1e6], [1e6, 1e6]])
    asked.values["person_of_compute_usd"][0, LABELS.index("2029Q4"):, 0] = 2e5
    row = answer(asked_of.person_rows(asked), "year in which a person of compute costs an outsider no more than the essay says")
    assert (row["answer"], row["runs"]) == (2030.0, 1)


def test_the_year_of_the_desktop_is_open():
    """log2 400 = 8.644 doublings of 1.743 years from 2023.9 end in 2039.0; the slope .5737 has a standard error of .1138 and two degrees, t .95 = 2.920."""
    as_essay, in_16_bit = asked_of.desktop_rows()
    assert as_essay["answer"] == pytest.approx(2023.9 + 8.6439 / 0.5737, abs=0.02)
    assert as_essay["low"] == pytest.approx(2023.9 + 8.6439 / (0.5737 + 2.920 * 0.1138), abs=0.05)
    assert as_essay["high"] == pytest.approx(2023.9 + 8.6439 / (0.5737 - 2.920 * 0.1138), abs=0.3)
    assert in_16_bit["answer"] == pytest.approx(2022.75 + 2.3 * math.log2(20_000 / 330))
    assert in_16_bit["low"] < in_16_bit["answer"] < in_16_bit["high"]


def test_the_sample_covers_each_range_evenly():
    """A Latin hypercube of ten has one point in each tenth of each range."""
    settings = asked_of.sampled({"clouds.omega": (0.4, 0.9), "energy.slots_growth": (1.05, 1.4)}, 10)
    tenths = sorted(int((setting["clouds.omega"] - 0.4) / 0.05) for setting in settings)
    assert tenths == list(range(10))
    assert settings == asked_of.sampled({"clouds.omega": (0.4, 0.9), "energy.slots_growth": (1.05, 1.4)}, 10)


def test_what_no_fact_fixes_is_varied_over_what_is_declared():
    assert set(asked_of.declared_ranges()) == set(asked_of.VARIED)
    assert all(low < high for low, high in asked_of.declared_ranges().values())


def test_every_metric_exists():
    assert set(asked_of.METRICS) <= {metric.name for metric in catalogue(["amazon"])}


def test_the_market_is_asked_and_the_answers_are_kept(tmp_path):
    config = ma.load("configs/base.toml", sets=["frame.startup_slots=128", "startups.opening=40"])
    rows = asked_of.answers(config, 2, 2, tmp_path, 0, seed=3)
    assert {row["runs"] for row in rows} <= {0, 4}
    for row in rows:
        assert row["low"] <= row["answer"] <= row["high"], row
        if row["unit"] == "probability":
            assert 0 <= row["low"] <= row["high"] <= 1
    named = [row["answer"] for row in rows if row["question"].startswith("more of owners' compute")]
    assert sum(named) == pytest.approx(1.0)
    with open(tmp_path / "answers.csv", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(rows)
    done = []
    assert asked_of.answers(config, 2, 2, tmp_path, 0, lambda *told: done.append(told), seed=3)[0] == rows[0]
    assert not done  # nothing was run twice
