"""The pictures: what they add up to, what they say, and that odd studies can be drawn."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from files import fake_engine, use_engine, write_small

import market_abm
from market_abm.plots import barriers, binding, concentration, frontier, owners, policies
from market_abm.plots.catalogue import PICTURES, available, save, svg
from market_abm.plots.style import apart, label_ends, look, quantiles, years
from market_abm.studies.comparison import Comparison

MORE = "[cast.clouds.later]\nkind = 'neocloud'\n[cast.clouds.another]\nkind = 'neocloud'\npresent = 0\n"
SHARES = ("share_owned_east", "share_owned_west", "share_owned_later", "share_owned_another")
OTHERS = (*concentration.MARKETS, *(m for panel in barriers.PANELS for m in panel[3]), *(m for panel in binding.PANELS for m in panel[2]),
          *(panel[0] for panel in frontier.PANELS))
PLAIN = tuple(name for name in PICTURES if name != "policies")


def made(monkeypatch, folder, runs=2, quarters=3):
    """Return a result by hand: shares .5 .2 .1 .2, everything else rising from run to run."""
    use_engine(monkeypatch, fake_engine())
    result = market_abm.run(write_small(folder, MORE), runs=runs, quarters=quarters)
    result.names = (*SHARES, *OTHERS)
    result.values = np.empty((len(result.names), quarters, runs))
    result.values[:4] = np.array([0.5, 0.2, 0.1, 0.2])[:, None, None]
    result.values[4:] = 0.1 + 0.05 * np.arange(runs) / max(1, runs - 1) + 0.1 * np.arange(quarters)[:, None] / quarters
    return result


def effect(lever="a", metric="hhi_chip_sales", sign="-", difference=-0.1, verdict="agree", **more):
    """Return one row of effects by hand."""
    return {"lever": lever, "metric": metric, "unit": "0 to 1", "quarter": "2018Q3", "start": "2018Q2", "baseline": 0.4, "difference": difference,
            "low": difference - 0.02, "high": difference + 0.02, "p05": difference - 0.1, "p50": difference, "p95": difference + 0.1,
            "positive_share": 0.0, "pairs": 2, "p_value": 0.01, "predicted_sign": sign, "q_value": 0.02, "verdict": verdict, "relative": difference / 0.4} | more


def compared(result, rows):
    study = Comparison(result, {row["lever"]: result for row in rows}, {})
    study.__dict__["effects"] = rows
    return study


@pytest.fixture
def result(monkeypatch, tmp_path):
    return made(monkeypatch, tmp_path)


# What is drawn --------------------------------------------------------------------------------------


def test_neoclouds_are_one_band_and_runs_are_averaged(result):
    result.values[0, 2] = (0.4, 0.6)
    result.values[1, 1] = (np.nan, 0.3)
    found = owners.bands(result)
    assert list(found) == ["East", "West", "neoclouds"]
    assert found["East"] == pytest.approx([0.5, 0.5, 0.5])
    assert found["West"] == pytest.approx([0.2, 0.3, 0.2])
    assert found["neoclouds"] == pytest.approx([0.3, 0.3, 0.3])


def test_what_a_firm_without_a_name_owns_is_a_band_of_its_own(result):
    result.values[0] = 0.1  # a break-up took .4 to a spare row
    assert owners.bands(result)[owners.UNNAMED] == pytest.approx([0.4, 0.4, 0.4])
    result.values[0] = 0.5
    assert owners.UNNAMED not in owners.bands(result)


def test_constraints_that_never_bind_are_left_out(result):
    result.values[result.names.index("bound_by_chips_owners")] = 0.001
    assert list(binding.parts_of(result, binding.PANELS[0][2])) == ["bound_by_power_owners", "bound_by_money_owners", "bound_by_none_owners"]


def test_quantiles_leave_failed_runs_out():
    values = np.array([[1.0, 3.0, np.nan], [np.nan, np.nan, np.nan]])
    assert quantiles(values, (0.5,))[0, 0] == 2
    assert np.isnan(quantiles(values, (0.5,))[0, 1])


def test_quarters_are_drawn_at_their_middle():
    assert years(["2018Q1", "2018Q4"]) == [2018.125, 2018.875]


def test_labels_move_apart_as_little_as_possible():
    assert apart([0.1, 0.5], 0.1) == pytest.approx([0.1, 0.5])
    assert apart([0.5, 0.5, 0.9], 0.1) == pytest.approx([0.45, 0.55, 0.9])


def test_labels_of_lines_stand_in_the_order_of_their_ends():
    from matplotlib.figure import Figure

    with look():
        axes = Figure().subplots()
        axes.set(ylim=(1, 100), yscale="log")
        label_ends(axes, [(100, "top", "k"), (float("nan"), "none", "k"), (10, "middle", "k")], gap=0.1)
    assert [(text.get_text(), text.xy[1]) for text in axes.texts] == [("middle", pytest.approx(0.5)), ("top", pytest.approx(1.0))]


# Alternative text -----------------------------------------------------------------------------------


def test_owners_are_told_with_their_shares(result):
    assert "2018Q3: East 50%, West 20%, neoclouds 30%" in PICTURES["owners"].says(result)


def test_concentration_is_told_in_points(result):
    result.values[result.names.index("hhi_chip_sales")] = 0.25
    assert "chip sales 2,500 in 2018Q1, 2,500 in 2018Q3" in PICTURES["concentration"].says(result)


def test_barriers_binding_and_frontier_are_told(result):
    for name, value in (("person_of_compute_usd", 250e3), ("person_of_compute_kw", 30), ("capital_ratio_full_run", 12), ("time_to_power_quarters", 9),
                        ("bound_by_power_owners", 0.7), ("frontier_run_flop", 2.1e25), ("largest_cluster_mw", 20)):
        result.values[result.names.index(name)] = value
    assert ("In 2018Q3 a person of compute costs 250,000 USD, and draws 30 kW, the largest run costs 12 times the median startup's funds, "
            "half of requested power takes 9 quarters.") in PICTURES["barriers"].says(result)
    assert "owners in 2018Q3: power 70%" in PICTURES["binding"].says(result)
    assert "2018Q3: 2.1e+25 FLOP on 20 MW" in PICTURES["frontier"].says(result)


def test_policies_are_told_as_far_as_chance_does_not_explain_them(result):
    rows = [effect("grid", difference=-0.1), effect("cap", difference=0.02, q_value=0.3, verdict="inconclusive"),
            effect("grid", "startups_alive", "+", 20, unit="count", baseline=200)]
    said = PICTURES["policies"].says(compared(result, rows))
    assert "HHI of chip sales: grid -25%" in said
    assert "cap" not in said
    assert "Startups alive: grid +10%" in said


# Odd studies ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("history_until", ["2010Q1", "2018Q2", "2050Q4"])
def test_a_picture_is_drawn_wherever_history_ends(result, name, history_until):
    result.config = replace(result.config, frame=replace(result.config.frame, history_until=history_until))
    assert PICTURES[name].draw(result).axes
    assert PICTURES[name].says(result).endswith(".")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(("runs", "quarters", "failed"), [(1, 1, False), (1, 3, False), (2, 3, True)])
def test_one_run_one_quarter_and_runs_that_all_failed_can_be_drawn(monkeypatch, tmp_path, name, runs, quarters, failed):
    result = made(monkeypatch, tmp_path, runs, quarters)
    if failed:
        result.values[:] = np.nan
        result.failures = [{"run": run, "quarter": "2018Q1", "identity": "money", "where": "", "amount": 1.0} for run in range(runs)]
    assert svg(result, name).startswith("<svg")
    assert PICTURES[name].says(result)


def test_what_was_not_measured_is_not_offered(result):
    assert available(result) == PLAIN
    result.names, result.values = result.names[:5], result.values[:5]  # shares, and the index of chip sales
    assert available(result) == ("owners", "concentration")
    assert available(compared(result, [effect()])) == ("policies", "owners", "concentration")
    assert available(compared(result, [])) == ("owners", "concentration")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 12])
def test_policies_can_be_few_or_many_and_lack_figures(result, count):
    nothing = dict.fromkeys(("difference", "low", "high", "p05", "p50", "p95", "q_value"), float("nan"))
    rows = [effect(f"a_rather_long_name_of_a_policy_{place}+another_one@2028Q1", metric, verdict=verdict)
            for place, verdict in zip(range(count), ["agree", "disagree", "inconclusive", "ambiguous"] * 3, strict=False)
            for metric in ("hhi_chip_sales", "startups_alive")]
    rows.append(effect("nothing", "frontier_run_flop", "", verdict="ambiguous") | nothing | {"baseline": 0.0})
    study = compared(result, rows)
    assert len([axes for axes in policies.draw(study).axes if axes.lines]) == 3
    assert svg(study, "policies")


def test_every_verdict_has_a_look_and_words():
    assert set(policies.VERDICTS) == set(policies.WORDS) == {"agree", "disagree", "inconclusive", "ambiguous"}
    assert len({(marker, filled) for marker, _, filled in policies.VERDICTS.values()}) == 4, "they differ without colour"


# Files and pages ------------------------------------------------------------------------------------


def test_the_same_result_gives_the_same_files(result, tmp_path):
    first, second = (save(result, "owners", tmp_path / name) for name in ("one", "two"))
    assert [path.name for path in first] == ["one.svg", "one.png"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert [path.name for path in save(result, "owners", tmp_path / "mine.pdf")] == ["mine.pdf"]


def test_a_picture_for_a_page_is_named_described_and_has_ids_of_its_own(result):
    result.config = replace(result.config, frame=replace(result.config.frame, title='<b> & "quotes"'))
    drawings = {name: svg(result, name) for name in PLAIN}
    ids = []
    for name, text in drawings.items():
        root = ElementTree.fromstring(text)
        assert root.get("role") == "img"
        assert root.get("aria-label") == PICTURES[name].says(result)
        assert root.get("width") == "100%" and "height" not in root.attrib and root.get("viewBox")
        assert "<metadata" not in text
        own = set(re.findall(r'\bid="([^"]+)"', text))
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        assert used <= own
        ids += own
    assert len(ids) == len(set(ids)), "ids of two pictures on one page may not clash"
    assert svg(result, "owners") == drawings["owners"]
