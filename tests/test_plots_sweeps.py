"""The pictures of sweeps: points lie where the rows say, odd sweeps can be drawn, and files appear beside the tables."""

import csv
import itertools
import json
import re
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib.patches import Rectangle

from market_abm import delivery
from market_abm.plots import catalogue, regions, sensitivity
from market_abm.plots import swept as swept_words
from market_abm.sweeps import discovery as discovering
from market_abm.sweeps import prim
from market_abm.sweeps.runner import sweep
from market_abm.sweeps.sensitivity import Told

NAN = float("nan")


def factor(key, low=0.0, high=1.0, values=(), unit="share", whole=False, says="What it is; more words", scale="linear"):
    """Return one factor as a manifest holds it."""
    return {"key": key, "unit": unit, "low": None if values else low, "high": None if values else high, "values": list(values), "scale": scale,
            "standing": low, "whole": whole, "options": [], "says": says}


def swept(factors, method="sobol", points=12, runs=4, failures=(), values=None, table=None, title="A sweep"):
    """Return results by hand: `values` `(points, runs)` of any metric, `table` {key: values} of the points."""
    return SimpleNamespace(
        factors=factors, failures=list(failures), manifest={"seed": 5, "configuration": None}, points=pd.DataFrame(table or {}),
        values=lambda metric, quarter: values,
        sweep={"title": title, "method": method, "points": points, "runs_a_point": runs, "plan": {"size": 3}, "at": ["2030Q4"]})


def row(parameter, index, value, low=None, high=None, metric="hhi_chip_sales", quarter="2030Q4"):
    low, high = value - 0.1 if low is None else low, value + 0.1 if high is None else high
    return {"parameter": parameter, "metric": metric, "quarter": quarter, "index": index, "value": value, "low": low, "high": high}


def sobol_rows(keys, metric="hhi_chip_sales", chance=True):
    """Return rows in which factor n of N has S1 = n / 2N and ST = n / N."""
    rows = [row(key, index, (place + 1) / len(keys) * half, metric=metric) for place, key in enumerate(keys) for index, half in (("S1", 0.5), ("ST", 1))]
    return rows + ([row("seed", "noise_share", 0.6, metric=metric), row("seed", "noise_share_of_means", 0.2, metric=metric)] if chance else [])


def points_of(axes, label):
    """Return the markers of a label as (x, y)."""
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines if line.get_label() == label]


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def keys_down(axes):
    """Return the labels of the lines of a panel, from the top."""
    return [label.get_text() for label in axes.get_yticklabels()]


# Sensitivity ----------------------------------------------------------------------------------------


def test_sobol_indices_lie_where_the_rows_say_the_largest_on_top():
    figure = sensitivity.draw(Told(sobol_rows(["a.x", "b.y"]), []), swept([factor("a.x"), factor("b.y")]))
    axes = figure.axes[0]
    assert keys_down(axes) == ["b.y", "a.x", "chance (seed)"]
    up, down = sensitivity.SHIFT, -sensitivity.SHIFT
    assert points_of(axes, "S1") == [(0.5, 0 + down), (0.25, 1 + down)]
    assert points_of(axes, "ST") == [(1.0, 0 + up), (0.5, 1 + up)]
    assert [x for x, _ in points_of(axes, "noise_share")] == [0.6]
    assert [x for x, _ in points_of(axes, "noise_share_of_means")] == [0.2]
    lowest = max(y for _, y in points_of(axes, "ST"))
    assert points_of(axes, "noise_share")[0][1] > lowest, "chance has a line of its own below the factors"
    spans = {tuple(np.round(line.get_xdata(), 9)) for line in axes.lines if len(line.get_xdata()) == 2}
    assert {(0.4, 0.6), (0.9, 1.1), (0.5, 0.7)} <= spans, "intervals of S1 and ST of b.y, and of chance"


def test_factors_are_sorted_by_the_total_index_not_by_the_first():
    rows = [row("a", "S1", 0.6), row("a", "ST", 0.65), row("b", "S1", 0.1), row("b", "ST", 0.8)]
    assert keys_down(sensitivity.draw(Told(rows, []), swept([factor("a"), factor("b")])).axes[0])[:2] == ["b", "a"]


def test_a_quarter_that_is_not_drawn_does_not_stretch_the_axis():
    rows = [row("a", "S1", 0.3), row("a", "ST", 0.5), row("a", "S1", 0.3, quarter="2035Q4"), row("a", "ST", 9.0, quarter="2035Q4")]
    assert sensitivity.draw(Told(rows, []), swept([factor("a")])).axes[0].get_xlim() == pytest.approx((-0.03, 1.03)), "0 to 1 and 3% on each side"


def test_an_interval_that_the_axis_has_room_for_gets_no_arrow():
    rows = [row("a", "S1", -0.9, -2.0, 0.0), row("a", "ST", 0.5), row("b", "S1", -0.3, -0.6, 0.0), row("b", "ST", 0.2)]
    axes = sensitivity.draw(Told(rows, []), swept([factor("a"), factor("b")])).axes[0]
    assert [label for label in (str(line.get_label()) for line in axes.lines) if label.startswith("cut")] == ["cut at -2"]


def test_tints_are_the_factor_alone_and_then_its_interactions():
    figure = sensitivity.draw(Told([row("a", "S1", 0.3), row("a", "ST", 0.8), row("b", "S1", -0.2), row("b", "ST", 0.1)], []),
                              swept([factor("a"), factor("b")]))
    bars = [(bar.get_x(), bar.get_width()) for bar in figure.axes[0].patches]
    assert np.allclose(bars, [(0, 0.3), (0.3, 0.5), (0, 0.0), (0, 0.1)]), "what is below zero is no share"


def test_morris_is_drawn_in_points_of_the_hhi_and_says_which_way():
    rows = [row("a", "mu_star", 0.02, 0.01, 0.03), row("a", "mu", -0.02, -0.03, -0.01), row("a", "sigma", 0.005, 0.0, 0.006),
            row("b", "mu_star", 0.1, 0.05, 0.2), row("b", "mu", 0.03, -0.1, 0.2), row("b", "sigma", 0.2, 0.1, 0.3)]
    figure = sensitivity.draw(Told(rows, []), swept([factor("a"), factor("b")], "morris"))
    axes = figure.axes[0]
    assert keys_down(axes)[:2] == ["b", "a"]
    assert [x for x, _ in points_of(axes, "mu_star")] == pytest.approx([1000, 200])
    assert [x for x, _ in points_of(axes, "sigma")] == pytest.approx([2000, 50])
    arrows = {text.get_text(): text.xy[1] for text in axes.texts if text.get_text() in ("\u2191", "\u2193", "\u00b1", "0")}
    assert arrows == {"\u00b1": 0, "\u2193": 1}
    assert any("unknown" in text for text in texts(figure)), "without rows of the seed chance is unknown"


def test_no_direction_is_told_of_names():
    rows = [row("a", "mu_star", 0.2), row("a", "mu", 0.2, 0.1, 0.3), row("a", "sigma", 0.1)]
    names = sensitivity.draw(Told(rows, []), swept([factor("a", values=("one", "two"), unit="name")], "morris"))
    assert "\u2191" not in texts(names)
    numbers = sensitivity.draw(Told(rows, []), swept([factor("a")], "morris"))
    assert "\u2191" in texts(numbers)


def test_chance_of_a_morris_sweep_is_told_in_words():
    rows = [row("a", "mu_star", 1.0), row("a", "sigma", 1.0), row("seed", "noise_share", 0.4, 0.3, 0.5), row("seed", "noise_share_of_means", 0.25)]
    found = texts(sensitivity.draw(Told(rows, []), swept([factor("a")], "morris")))
    assert any(text.replace("\n", " ") == "40% (30% to 50%) of the variance of one run 25% of that of the means over runs" for text in found)


def test_an_interval_is_cut_and_marked_but_no_point_is_lost():
    rows = [row("a", "S1", -0.9, -2.0, 0.0), row("a", "ST", 1.2, 0.5, 4.0)]
    axes = sensitivity.draw(Told(rows, []), swept([factor("a")])).axes[0]
    assert {line.get_label() for line in axes.lines} >= {"cut at -2", "cut at 4"}
    low, high = axes.get_xlim()
    assert low < -0.9 and 1.2 < high < 2


@pytest.mark.parametrize("method", ["sobol", "morris"])
@pytest.mark.parametrize("count", [1, 20, 30])
def test_one_factor_and_many_can_be_drawn(method, count):
    keys = [f"section.a_rather_long_name_{n}" for n in range(count)]
    rows = [row(key, index, 0.01 * (place + 1)) for place, key in enumerate(keys) for index in sensitivity.MAIN[method]]
    figure = sensitivity.draw(Told(rows, []), swept([factor(key) for key in keys], method))
    assert len(keys_down(figure.axes[0])) == min(count, 20) + 1
    assert any("10 smaller factors" in text for text in texts(figure)) == (count == 30)
    assert keys[-1] == keys_down(figure.axes[0])[0]


@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_missing_figures_come_last_and_are_called_so(method):
    first, second = sensitivity.MAIN[method]
    rows = [row("a", first, NAN, NAN, NAN), row("a", second, NAN, NAN, NAN), row("b", first, 0.2, NAN, NAN), row("b", second, 0.3, NAN, NAN),
            row("seed", "noise_share", NAN, NAN, NAN), row("seed", "noise_share_of_means", NAN, NAN, NAN)]
    results = swept([factor("a"), factor("b")], method)
    figure = sensitivity.draw(Told(rows, []), results)
    assert keys_down(figure.axes[0])[:2] == ["b", "a"]
    assert f"no figure of {first}" in texts(figure)
    assert "nan" not in " ".join(texts(figure))
    assert "a none" in sensitivity.says(Told(rows, []), results)


def test_all_figures_missing_can_be_drawn():
    rows = [row("a", index, NAN, NAN, NAN) for index in ("mu_star", "mu", "sigma")]
    sensitivity.draw(Told(rows, []), swept([factor("a")], "morris")).draw_without_rendering()


def test_a_panel_a_metric_sorted_on_its_own_and_only_the_first_quarter():
    other = [row("a", "S1", 0.5, metric="startups_alive"), row("a", "ST", 0.9, metric="startups_alive"),
             row("b", "S1", 0.1, metric="startups_alive"), row("b", "ST", 0.1, metric="startups_alive")]
    later = [row("a", "ST", 0.33, quarter="2035Q4"), row("a", "S1", 0.33, quarter="2035Q4")]
    figure = sensitivity.draw(Told(sobol_rows(["a", "b"]) + other + later, []), swept([factor("a"), factor("b")]))
    assert [axes.get_title("left") for axes in figure.axes] == ["HHI of chip sales", "Startups alive"]
    assert [keys_down(axes)[:2] for axes in figure.axes] == [["b", "a"], ["a", "b"]]
    assert 0.33 not in [x for x, _ in points_of(figure.axes[0], "ST")]
    assert "in 2030Q4" in figure.get_suptitle() and "the first of 2 quarters" in figure.get_suptitle()


def test_the_heading_says_design_runs_seed_and_failures():
    results = swept([factor("a")], "latin_hypercube", failures=[{"point": 0, "run": 0}, {"point": 1, "run": 0}])
    assert swept_words.design_in_words(results) == "A sweep: Latin hypercube design, 12 points, 4 runs each, seed 5; 2 runs failed"
    assert "3 blocks" in swept_words.design_in_words(swept([factor("a")]))


def test_dollars_and_underscores_are_text_and_no_formula(tmp_path):
    key = r"cast.clouds.$\foo$_x_y"
    results = swept([factor(key, says=r"costs $\bar$ and_more"), factor("b")], title=r"for $\title$ now")
    files = catalogue.save_sensitivity(Told(sobol_rows([key, "b"], r"a_$\metric$"), []), results, tmp_path / "picture")
    assert [file.name for file in files] == ["picture.svg", "picture.png"]
    assert r"cast.clouds.$\foo$_x_y" in texts(sensitivity.draw(Told(sobol_rows([key, "b"]), []), results))


# Regions --------------------------------------------------------------------------------------------


def found_in(monkeypatch, factors, table, values, above=0.5, **more):
    """Return (discovery, results) of a sweep by hand."""
    results = swept(factors, "latin_hypercube", points=len(values), runs=values.shape[1], values=values, table=table, **more)
    monkeypatch.setattr(discovering, "load_results", lambda place: results)
    return discovering.discovery("here", "hhi_chip_sales", above=above), results


def grid(runs=3):
    """Return a table of 60 points over x, a switch and names, and values above a half where x > 0.6, the switch is on and the name is b."""
    points = [(x, s, n) for x in np.linspace(0.05, 0.95, 10) for s in (0, 1) for n in ("b", "a_long_name", "$c$")]
    table = {"sec.x": [p[0] for p in points], "switches.s": [p[1] for p in points], "rules.n": [p[2] for p in points]}
    level = np.array([0.9 if x > 0.6 and s and n == "b" else 0.1 for x, s, n in points])
    factors = [factor("sec.x"), factor("switches.s", 0, 1, unit="switch", whole=True), factor("rules.n", values=("b", "a_long_name", "$c$"), unit="name")]
    return factors, table, level[:, None] + 0.01 * np.arange(runs)


def boxes_of(axes):
    return [patch.get_bbox() for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_label() == "box"]


def cases_of(axes, label):
    [line] = [line for line in axes.lines if line.get_label() == label]
    return np.stack([line.get_xdata(), line.get_ydata()], axis=1)


def test_two_factors_are_drawn_and_the_third_is_told(monkeypatch):
    factors, table, values = grid()
    found, results = found_in(monkeypatch, factors, table, values)
    figure = regions.draw(found, results)
    assert len(found.cases.boxes[0].restricted) == 3 and len(regions.axes_of(found)) == 2
    [third] = set(found.cases.boxes[0].restricted) - set(regions.axes_of(found))
    heading = figure.get_suptitle().replace("\n", " ")
    assert f"not drawn: {factors[third]['key']}" in heading
    faint = len(cases_of(figure.axes[0], "other, outside"))
    outside = {0: (60 - 24) * 3, 1: 30 * 3, 2: 40 * 3}[third]  # cases that the third factor's bound leaves out
    assert faint + len(cases_of(figure.axes[0], "interest, outside")) == outside
    assert len(cases_of(figure.axes[0], "interest")) == 4 * 3, "four values of x above 0.6, three runs each"


def test_ranges_are_told_in_words(monkeypatch):
    factors, table, values = grid()
    found, results = found_in(monkeypatch, factors, table, values)
    told = regions.ranges_in_words(found, (0, 1, 2), results.factors)
    assert told == ["sec.x at least 0.6", "switches.s is on", "rules.n is b"], "halfway between 0.55 and 0.65"


def test_cases_are_scattered_about_names_and_switches_and_ringed_about_numbers(monkeypatch):
    factors, table, values = grid()
    found, results = found_in(monkeypatch, factors[1:], {key: table[key] for key in ("switches.s", "rules.n")}, values, above=0.05)
    assert found.rows == [] and found.remarks[-1] == "there is no region to find"
    figure = regions.draw(found, results)
    drawn = cases_of(figure.axes[0], "interest")
    assert np.array_equal(np.round(drawn[:, 0]), found.cases.x[:, 0]) and np.array_equal(np.round(drawn[:, 1]), found.cases.x[:, 1])
    assert not boxes_of(figure.axes[0]) and "no box" in figure.get_suptitle()
    assert {"off", "on", "b", "a long name", "$c$"} <= set(texts(figure))
    axis = regions._Axis(found.cases._replace(columns=(discovering.Column(factors[0], np.array(table["sec.x"])),), x=np.repeat(table["sec.x"], 3)[:, None]),
                         SimpleNamespace(factors=factors[:1]), 0)
    ringed = axis.spread(found.cases, 0)
    assert np.abs(ringed - np.repeat(table["sec.x"], 3)).max() <= 0.9 * regions.RING + 1e-12, "x runs over 0.9"
    assert len(np.unique(ringed[:3])) > 1


def test_one_run_a_point_is_drawn_exactly(monkeypatch):
    x, y = np.random.default_rng(1).uniform(size=(2, 80))
    found, results = found_in(monkeypatch, [factor("x"), factor("y")], {"x": x, "y": y}, ((x > 0.5) & (y < 0.4)).astype(float)[:, None])
    figure = regions.draw(found, results)
    inside = (x > 0.5) & (y < 0.4)
    drawn, order = cases_of(figure.axes[0], "interest"), regions.axes_of(found)
    expected = np.stack([(x, y)[place][inside] for place in order], axis=1)
    assert np.array_equal(drawn, expected)


def test_the_box_is_drawn_at_its_bounds_and_open_ends_run_to_the_edge(monkeypatch):
    x, y = np.random.default_rng(1).uniform(-4, 8, size=(2, 80))
    factors = [factor("x", -5, 8), factor("y", -4, 8)]
    found, results = found_in(monkeypatch, factors, {"x": x, "y": y}, ((x > 0.5) & (y < 0.4)).astype(float)[:, None])
    box = prim.measured(found.cases.x, found.cases.interest, {0: (0.5, np.inf), 1: (-np.inf, 0.4)})
    told = found._replace(cases=found.cases._replace(boxes=(box,)))
    axes, order = regions.draw(told, results).axes[0], regions.axes_of(told)
    [drawn] = boxes_of(axes)
    ends = {place: (drawn.intervalx, drawn.intervaly)[side] for side, place in enumerate(order)}
    limits = {place: (axes.get_xlim(), axes.get_ylim())[side] for side, place in enumerate(order)}
    assert limits[0] == pytest.approx((-5 - 0.03 * 13, 8 + 0.03 * 13)), "all that the factor may be"
    assert np.allclose(ends[0], (0.5, limits[0][1])) and np.allclose(ends[1], (limits[1][0], 0.4))


def test_one_factor_is_drawn_against_the_metric_and_the_line(monkeypatch):
    x = np.linspace(0, 1, 40)
    found, results = found_in(monkeypatch, [factor("x")], {"x": x}, x[:, None], above=0.6)
    axes = regions.draw(found, results).axes[0]
    assert np.allclose(cases_of(axes, "interest"), np.stack([x[x > 0.6], x[x > 0.6] * 10_000], axis=1)), "HHI in points"
    [line] = [line for line in axes.lines if line.get_label() == "line"]
    assert list(line.get_ydata()) == [6000, 6000]
    [box] = boxes_of(axes)
    assert (box.y0, box.y1) == pytest.approx(axes.get_ylim()), "the box bounds the factor, not the metric"
    assert x[x <= 0.6].max() < box.x0 < x[x > 0.6].min()


def overlapping(figure, axis):
    """Return the pairs of neighbouring tick labels of an axis that run into one another."""
    figure.draw_without_rendering()
    shown = [label for label in axis.get_ticklabels() if label.get_text()]
    return [(one.get_text(), two.get_text()) for one, two in itertools.pairwise(shown)
            if one.get_window_extent().overlaps(two.get_window_extent())]


def test_long_names_of_policies_do_not_run_into_one_another(monkeypatch):
    policies = ["", "break_up", "break_up+faster_grid@2028Q1", "documentation_mandate@2027Q3", "compute_vouchers+stake_limit@2026Q1", "data_act"]
    place, x = np.arange(90) % 6, np.tile(np.linspace(0, 1, 15), 6)
    table = {"policy": [policies[n] for n in place], "x": x}
    found, results = found_in(monkeypatch, [factor("policy", values=policies, unit="policy"), factor("x")], table, (place == 2).astype(float)[:, None], 0.5)
    for order in ((0, 1), (1, 0)):
        monkeypatch.setattr(regions, "axes_of", lambda found, order=order: order)
        figure = regions.draw(found._replace(cases=found.cases._replace(boxes=())), results)
        axis = (figure.axes[0].xaxis, figure.axes[0].yaxis)[order.index(0)]
        assert len(axis.get_ticklabels()) == 6 and overlapping(figure, axis) == []
        assert "break up and faster grid from 2028Q1" in [label.get_text().replace("\n", " ") for label in axis.get_ticklabels()]


def test_of_many_dates_so_many_are_named_that_they_can_be_read(monkeypatch):
    dates = [f"{year}Q{quarter}" for year in range(2018, 2036) for quarter in range(1, 5)]
    x = np.tile([0.0, 1.0], 36)
    factors = [factor("start", values=dates, unit="quarter"), factor("x")]
    found, results = found_in(monkeypatch, factors, {"start": dates, "x": x}, (np.arange(72) >= 36).astype(float)[:, None])
    for order in ((0, 1), (1, 0)):
        monkeypatch.setattr(regions, "axes_of", lambda found, order=order: order)
        figure = regions.draw(found._replace(cases=found.cases._replace(boxes=())), results)
        axis = (figure.axes[0].xaxis, figure.axes[0].yaxis)[order.index(0)]
        named = dict(zip(axis.get_ticklocs(), (label.get_text() for label in axis.get_ticklabels()), strict=True))
        assert overlapping(figure, axis) == [] and len(named) == 12, "each sixth of 72"
        assert named[0] == "2018Q1" and named[36] == "2027Q1", "nine years later"


def test_names_that_are_no_neighbours_give_two_rectangles():
    column = SimpleNamespace(names=["a", "b", "c", "d"], numbers=np.arange(4.0), key="k", whole=False)
    cases = SimpleNamespace(x=np.arange(4.0)[:, None], columns=(column,))
    axis = regions._Axis(cases, SimpleNamespace(factors=[factor("k", values=("a", "b", "c", "d"), unit="name")]), 0)
    assert axis.stretches(SimpleNamespace(bounds={0: frozenset({0.0, 2.0, 3.0})}), (0, 9)) == [(-0.5, 0.5), (1.5, 3.5)]


def test_the_surest_factors_are_those_bounded_again_then_by_quasi_p_value(monkeypatch):
    factors, table, values = grid()
    found, _ = found_in(monkeypatch, factors, table, values)
    doubts = {"sec.x": (0.9, 1e-3), "switches.s": (1.0, 1e-2), "rules.n": (1.0, 1e-9)}
    rows = [{**one, "value": doubts[one["parameter"]][one["index"] == "quasi_p_value"]} if one["index"] in ("bounded_again", "quasi_p_value") else one
            for one in found.rows]
    assert regions.axes_of(found._replace(rows=rows)) == (2, 1)


def test_coverage_and_density_on_unseen_cases_stand_in_the_heading(monkeypatch):
    factors, table, values = grid()
    found, results = found_in(monkeypatch, factors, table, values)
    unseen = {"coverage_unseen": (0.5, 0.25, 0.75), "density_unseen": (0.8, 0.6, 0.9)}
    rows = [{**one, **dict(zip(("value", "low", "high"), unseen[one["index"]], strict=True))} if one["index"] in unseen else one for one in found.rows]
    heading = regions.draw(found._replace(rows=rows), results).get_suptitle().replace("\n", " ")
    assert "50% (25% to 75%) of all runs of interest" in heading and "80% (60% to 90%) of the runs in it" in heading
    without = [one for one in rows if one["index"] not in unseen]
    assert "on the cases that it was chosen on" in regions.draw(found._replace(rows=without), results).get_suptitle().replace("\n", " ")


def test_failed_runs_are_left_out_and_counted(monkeypatch):
    factors, table, values = grid()
    values[3, 0] = np.nan
    found, results = found_in(monkeypatch, factors, table, values, failures=[{"point": 3, "run": 0}])
    figure = regions.draw(found, results)
    assert sum(len(line.get_xdata()) for line in figure.axes[0].lines) == 179
    assert "1 runs failed" in figure.get_suptitle() or "1 run failed" in figure.get_suptitle()
    assert len(found.cases.x) == len(found.cases.values) == len(found.cases.points) == 179


def test_a_log_scale_has_an_axis_of_its_own(monkeypatch):
    x = np.geomspace(1, 1e4, 40)
    y = np.random.default_rng(2).uniform(size=40)
    found, results = found_in(monkeypatch, [factor("x", 1, 1e4, scale="log"), factor("y")], {"x": x, "y": y}, (x > 100).astype(float)[:, None])
    assert regions.draw(found, results).axes[0].get_xscale() == "log"


@pytest.mark.parametrize(("values", "bound", "expected"), [
    ((), (0.5, np.inf), (1, None)), ((), (-np.inf, 0.5), (None, 0)), ((), (2.5, 6.5), (3, 6)),
    ((2, 10, 50), (6.0, 30.0), (10, 10)), ((), (3.0, 3.0), (3, 3)),
])
def test_bounds_of_whole_numbers_are_the_whole_numbers_inside(values, bound, expected):
    column = discovering.Column(factor("n", 0, 9, values=values, whole=True, unit="count"), np.array(values or range(10)))
    assert column.told(bound) == (None, *expected)
    assert all(end is None or isinstance(end, int) for end in expected)


def test_bounds_of_other_numbers_stay_as_they_are():
    assert discovering.Column(factor("x"), np.linspace(0, 1, 5)).told((0.125, np.inf)) == (None, 0.125, None)


def test_colours_of_interest_and_others_differ_in_grey():
    light = [np.dot(colors.to_rgb(colour), (0.299, 0.587, 0.114)) for colour in (regions.INTEREST, regions.OTHER)]
    assert abs(light[0] - light[1]) > 0.1


# Files and commands ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ishigami(tmp_path_factory):
    """Return the folder of a small sweep of the test function."""
    folder = tmp_path_factory.mktemp("ishigami")
    (folder / "design.toml").write_text('[design]\ntitle = "A < B & $c$"\nmodel = "ishigami"\nmethod = "sobol"\nsize = 16\n[factors]\nx1 = {}\nx2 = {}\nx3 = {}\n')
    sweep(folder / "design.toml", folder / "out", 1, None, lambda done, total: None)
    return folder / "out"


@pytest.mark.parametrize("as_json", [False, True])
def test_the_commands_leave_tables_and_pictures(ishigami, capsys, as_json):
    delivery.tell_of_sensitivity(ishigami, (), (), as_json)
    rows = list(csv.DictReader((ishigami / "sensitivity.csv").open()))
    printed = capsys.readouterr()
    assert len(rows) == 6 and list(rows[0]) == ["parameter", "metric", "quarter", "index", "value", "low", "high"]
    if as_json:
        assert [float(one["value"]) for one in rows] == [one["value"] for one in json.loads(printed.out)]
    delivery.tell_of_discovery(ishigami, "ishigami", 5.0, None, None, 1, as_json)
    again = capsys.readouterr()
    assert next(csv.DictReader((ishigami / "discovery.csv").open()))["index"] == "coverage"
    for name, told in (("sensitivity", printed.err), ("regions", again.err)):
        for suffix in (".svg", ".png"):
            file = ishigami / "figures" / f"{name}{suffix}"
            assert file.stat().st_size > 5000 and str(file) in told


def test_an_svg_has_a_title_and_a_description(ishigami):
    delivery.tell_of_discovery(ishigami, "ishigami", 5.0, None, None, 1, True)
    root = ElementTree.parse(ishigami / "figures" / "regions.svg").getroot()
    title, description = (root.find(f"{{http://www.w3.org/2000/svg}}{name}").text for name in ("title", "desc"))
    assert title == "Where a metric lies beyond a line" and root.get("role") == "img"
    assert re.search(r"Scatter plot of 80 simulated runs by x\d and", description)


def test_what_has_no_region_still_leaves_a_table_with_its_header(ishigami, capsys):
    delivery.tell_of_discovery(ishigami, "ishigami", 1e9, None, None, 1, True)
    assert (ishigami / "discovery.csv").read_text() == "box,parameter,index,value,low,high\n"
    assert json.loads(capsys.readouterr().out) == []


def test_a_folder_that_cannot_be_written_is_told_after_the_numbers(ishigami, capsys, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", lambda *some, **more: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    delivery.tell_of_sensitivity(ishigami, (), (), True)
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)) == 6
    assert "cannot be written: Permission denied; the numbers are printed" in printed.err


def test_a_sweep_that_grows_takes_away_what_was_concluded_from_less(tmp_path, call):
    design = tmp_path / "ishigami.toml"
    design.write_text('[design]\nmodel = "ishigami"\nmethod = "sobol"\nsize = 8\n[factors]\nx1 = {}\nx2 = {}\n')
    sweep(design, tmp_path / "out", workers=0)
    assert call("sensitivity", tmp_path / "out")[0] == 0
    made = [tmp_path / "out" / name for name in ("sensitivity.csv", "figures/sensitivity.svg", "figures/sensitivity.png")]
    assert all(path.exists() for path in made)
    sweep(design, tmp_path / "out", workers=0)
    assert all(path.exists() for path in made)  # nothing new
    design.write_text(design.read_text().replace("size = 8", "size = 16"))
    assert sweep(design, tmp_path / "out", workers=0).new == 32
    assert not any(path.exists() for path in made)
