"""Pictures of what nobody expects: names with dollars, a lone quarter, a baseline of zero, figures of zero."""

from dataclasses import replace

import numpy as np
import pytest
from test_plots import PLAIN, compared, effect, made

from market_abm.plots import frontier, owners, policies
from market_abm.plots.catalogue import PICTURES, svg
from market_abm.plots.style import look, stacked, year_axis


@pytest.fixture
def result(monkeypatch, tmp_path):
    return made(monkeypatch, tmp_path)


def titled(result, title):
    result.config = replace(result.config, frame=replace(result.config.frame, title=title))
    return result


@pytest.mark.parametrize("name", PLAIN)
def test_a_title_is_text_and_no_formula(result, name):
    assert r"for $\foo$ now" in svg(titled(result, r"for $\foo$ now"), name)


def test_the_name_of_a_policy_is_text_and_no_formula(result):
    assert r"$\foo$" in svg(compared(result, [effect(r"$\foo$")]), "policies")


def test_a_title_that_looks_like_an_id_stays_as_it_is(result):
    assert "see url(#a)" in svg(titled(result, "see url(#a)"), "owners")


def test_a_long_title_is_broken_into_lines(result):
    figure = PICTURES["owners"].draw(titled(result, "word " * 30))
    assert max(len(line) for line in figure.get_suptitle().split("\n")) <= 10.5 * 9  # letters an inch, inches


def test_a_lone_quarter_can_be_seen(monkeypatch, tmp_path):
    from matplotlib.figure import Figure

    result = made(monkeypatch, tmp_path, runs=1, quarters=1)
    with look():
        axes = Figure().subplots()
        [area] = stacked(axes, result, [np.array([0.5])], ["k"], 1)
        year_axis(axes, result)
    box = area.get_paths()[0].get_extents()
    assert (box.width, box.height) == (0.25, 0.5), "a quarter of a year wide"
    assert [axes.xaxis.get_major_formatter()(0, place) for place in range(1)] == ["2018Q1"]
    lines = PICTURES["concentration"].draw(result).axes[0].lines
    assert any(line.get_marker() == "o" and len(line.get_xdata()) == 1 for line in lines)


@pytest.mark.filterwarnings("error")
def test_figures_of_zero_have_no_place_on_a_logarithmic_axis(result):
    result.values[:] = 0.0
    for name in PLAIN:
        assert svg(result, name)


def test_only_what_the_essay_states_is_marked(result):
    result.labels = tuple(f"{year}Q4" for year in (2018, 2024, 2030))
    run, cluster = frontier.draw(result).axes
    marks = [sorted(float(y) for _, y in points.get_offsets()) for axes in (run, cluster) for points in axes.collections if len(points.get_offsets()) > 1]
    assert [1e26, 1e27] in marks, "2026 and 2028 are stated in GW only"
    assert [1e3, 1e4] in marks


def test_a_difference_from_nothing_is_told_in_its_own_unit(result):
    row = effect("grid", "exits_clouds", "", 0.5, "ambiguous", unit="count/quarter", baseline=0.0)
    study = compared(result, [row])
    assert "Clouds closed: grid +0.5 count/quarter" in PICTURES["policies"].says(study)
    [axes] = [axes for axes in policies.draw(study).axes if axes.lines]
    assert "no figure" not in [text.get_text() for text in axes.texts]
    assert axes.get_title("left") == "Clouds closed\nbaseline 0 count/quarter"


def test_levels_are_told_in_words_that_people_use(result):
    rows = [effect("grid", "hhi_chip_sales", baseline=0.345), effect("grid", "cr4_compute_owned", unit="share", baseline=0.812)]
    titles = [axes.get_title("left") for axes in policies.draw(compared(result, rows)).axes]
    assert titles == ["HHI of chip sales\nbaseline 3,450 points", "Four largest owners' share of AI compute\nbaseline 81%"]
    assert policies.title_of("hhi_training_flop") == "HHI of training compute"
    assert policies.title_of("share_owned_google") == "Share owned google"


def test_a_small_change_is_not_rounded_to_nothing(result):
    assert "grid -0.3%" in PICTURES["policies"].says(compared(result, [effect("grid", difference=-0.0012)]))  # of a baseline of .4


def test_a_share_too_small_to_round_is_not_called_nothing(result):
    result.values[2:4] = 0.001  # two neoclouds
    assert "neoclouds under 1%" in PICTURES["owners"].says(result)
    assert "neoclouds" in owners.bands(result)


def test_thousands_of_megawatts_are_written_out(result):
    result.values[result.names.index("largest_cluster_mw")] = 5930
    assert "on 5,930 MW" in PICTURES["frontier"].says(result)
