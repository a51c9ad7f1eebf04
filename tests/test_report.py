"""The page of a study: its sentences on figures made by hand, its sections, what it escapes and what it never loads."""

import re
import sys
import types
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from files import write_small

import market_abm
from market_abm.levers.catalogue import CATALOGUE
from market_abm.parameters.schema import DatedLever
from market_abm.report import effects, names, numbers, policies, scenario, tables, words
from market_abm.report.page import page
from market_abm.studies.comparison import Comparison
from market_abm.studies.names import metric_name, policy_name
from market_abm.studies.run import Result
from market_abm.studies.store import manifest_of, manifest_of_comparison

NAN = float("nan")
LABELS = ("2024Q3", "2024Q4", "2030Q4")
VOID = {"meta", "link", "br", "hr", "img", "input", "rect", "path", "use"}
LOADING = {"src", "srcset", "poster", "data", "action", "formaction", "background", "ping", "manifest"}
SECTIONS = ["answer", "pictures", "table", "policies", "reading", "limits", "again"]
DRAWING = '<svg viewBox="0 0 2 1" role="img" aria-label="a line"><rect width="2" height="1"/></svg>'


class Picture:
    title = "A picture"
    says = staticmethod(lambda study: "A line that rises & falls.")


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    """Put a stand-in where the pictures are, so that the page is tested alone."""
    stub = types.ModuleType("market_abm.plots.catalogue")
    stub.PICTURES, stub.available, stub.svg = {"concentration": Picture}, lambda study: ("concentration",), lambda study, name: DRAWING
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    return stub


@pytest.fixture
def config(tmp_path):
    return market_abm.load(write_small(tmp_path, "[frame]\nstart = '2024Q3'\nhistory_until = '2024Q4'\ntitle = 'By hand'\n"))


def result_of(config, figures, labels=LABELS, failures=()):
    """Return a result of figures by hand: {metric: one row a quarter, one column a run}."""
    values = np.array([np.broadcast_to(np.asarray(rows, float), (len(labels), np.shape(rows)[-1])) for rows in figures.values()])
    runs = values.shape[2]
    return Result(config, values, tuple(labels), tuple(figures), np.arange(runs, dtype=np.uint64), list(failures), np.zeros(runs), 1.5)


SHARES = {"share_owned_east": [[0.5, 0.5], [0.5, 0.5], [0.7, 0.9]], "share_owned_west": [[0.5, 0.5], [0.5, 0.5], [0.3, 0.1]],
          "hhi_compute_owned": [[0.05, 0.05], [0.15, 0.17], [0.17, 0.21]], "person_of_compute_usd": [[1e6, 1e6], [9e5, 9e5], [2e5, 4e5]]}


def row_of(**given):
    """Return one effect by hand: startups alive rise from 200 by 50."""
    row = {"lever": "compute_vouchers", "metric": "startups_alive", "unit": "count", "quarter": "2030Q4", "start": "2026Q1", "baseline": 200.0,
           "difference": 50.0, "low": 40.0, "high": 60.0, "p05": 30.0, "p50": 50.0, "p95": 70.0, "positive_share": 1.0, "pairs": 8,
           "predicted_sign": "+", "q_value": 0.001, "verdict": "agree"}
    assert set(given) <= set(row)
    return row | given


def comparison_of(baseline, rows, **changed):
    """Return a comparison whose effects are rows by hand."""
    policy = {name: (DatedLever(part),) for row in rows for name in [row["lever"]] for part in [name.partition("@")[0]]}
    study = Comparison(baseline, dict.fromkeys(policy, baseline) | changed, policy)
    study.effects = rows
    return study


@pytest.fixture
def result(config):
    return result_of(config, SHARES)


@pytest.mark.parametrize(("value", "said"), [
    (0.0, "0"), (267.6, "268"), (1540.0, "1,540"), (999.6, "1,000"), (-12.34, "−12.3"), (5.02e8, "502 million"), (999.9e6, "1 billion"),
    (2.5e12, "2.5 trillion"), (8.83e27, "8.83 × 10²⁷"), (-4e-5, "−4.00 × 10⁻⁵"), (0.0561, "0.0561"), (NAN, "no figure"), (float("inf"), "no figure"),
])
def test_a_figure_keeps_three_digits(value, said):
    assert numbers.figure(value) == said


@pytest.mark.parametrize(("value", "metric", "unit", "said"), [
    (0.1527, "hhi_compute_owned", "0 to 1", "1,527 points"), (0.1527, "gini_compute_owned", "0 to 1", "0.153"), (0.414, "cr4_chip_sales", "share", "41%"),
    (0.9996, "cr4_chip_sales", "share", "99.9%"), (1.0, "cr4_chip_sales", "share", "100%"), (0.00004, "x", "share", "less than 0.01%"),
    (0.0996, "x", "share", "10%"), (0.071, "x", "share", "7.1%"), (5e8, "x", "USD", "500 million USD"), (9.0, "x", "quarters", "9 quarters"),
    (0.02, "x", "share difference", "2 percentage points"), (NAN, "hhi_compute_owned", "0 to 1", "no figure"),
])
def test_a_level_is_said_in_the_unit_that_people_use(value, metric, unit, said):
    assert numbers.level(value, metric, unit) == said


def test_a_change_of_a_share_is_in_percentage_points():
    assert numbers.size_of_change(-0.042, "cr4_chip_sales", "share") == "4.2 percentage points"
    assert numbers.range_of_changes(-0.0353, 0.002, "hhi_chip_sales", "0 to 1") == "−353 to +20 points"
    assert numbers.range_of_changes(NAN, 1.0, "x", "count") == "no figure"


def test_the_spread_leaves_failed_runs_out_and_one_run_has_no_range():
    # 5, 50 and 95% of 100, 200, 300 by linear interpolation: 100 + .1 * 100, 200, 200 + .9 * 100
    assert numbers.spread(np.array([100.0, NAN, 300.0, 200.0]), "x", "count") == "200 (110 to 290)"
    assert numbers.spread(np.array([NAN, 200.0]), "x", "count") == "200"
    assert numbers.spread(np.array([NAN]), "x", "count") == "no figure"


@pytest.mark.parametrize(("policy", "name"), [
    ("compute_vouchers", "compute vouchers"), ("break_up+faster_grid@2028Q1", "break up and faster grid from 2028Q1"), ("my/two_levers.toml", "my/two_levers.toml"),
])
def test_a_policy_has_a_readable_name(policy, name):
    assert policy_name(policy) == name


def test_a_metric_that_has_no_name_is_called_by_its_meaning():
    assert metric_name("hhi_chip_sales") == "HHI of chip sales"
    assert metric_name("cr4_compute_owned_by_group") == "share of the 4 largest firms, AI compute owned, by ultimate owner"
    assert metric_name("untrained_labs", "Labs left out.") == "Labs left out"


def test_owners_are_named_by_size_with_their_range(result):
    # at the end 70 and 90%, 30 and 10%: medians 80 and 20, 5 to 95%: 71 to 89 and 11 to 29
    assert scenario.owners(result, "2030Q4") == "In 2030Q4 East owns 80% (71 to 89%) of AI compute, West 20% (11 to 29%)."
    assert scenario.owners(result, "2024Q4").startswith("In 2024Q4, the end of the period with facts, East owns 50% (50 to 50%) of AI compute")


def test_small_owners_are_told_apart_from_firms(config):
    clouds = (replace(config.cast.clouds[0], name="Fringe", kind="everybody_else"), *config.cast.clouds[1:])
    result = result_of(replace(config, cast=replace(config.cast, clouds=clouds)),
                       {"share_owned_fringe": [[0.75]], "share_owned_west": [[0.25]], "cr4_compute_owned": [[0.25]]})
    assert scenario.owners(result, "2030Q4") == ("In 2030Q4 West owns 25% of AI compute. The four largest named owners of each run hold 25%. "
                                                 "All other owners, many and small, hold 75%.")


def test_concentration_is_held_against_both_thresholds(result):
    # medians 1,600 and 1,900 points; 5 to 95%: 1,510 to 1,690 and 1,720 to 2,080; one of two runs above 1,800 at the end
    assert scenario.concentration(result, "compute_owned") == (
        "HHI of AI compute owned: 1,600 points (1,510 to 1,690) in 2024Q4, moderately concentrated; "
        "1,900 points (1,720 to 2,080) in 2030Q4, highly concentrated, above 1,800 in 1 of 2 runs.")
    assert scenario.concentration(result, "chip_sales") == ""


@pytest.mark.parametrize(("points", "word"), [
    (999.9, "not concentrated"), (1000.0, "moderately concentrated"), (1800.0, "moderately concentrated"), (1800.1, "highly concentrated"),
])
def test_the_thresholds_are_1000_and_1800_points(points, word):
    assert scenario.concentrated(points) == word


def test_in_short_the_four_largest_are_followed_from_first_to_last(config, result):
    # 50, 60, 70% (5 to 95%: 51 to 69) to 60, 55, 80% (5 to 95% of 55, 60, 80: 55.5 to 78); two of three rise, the fourth run failed
    four = result_of(config, {"cr4_compute_owned": [[0.1] * 4, [0.5, 0.6, 0.7, 0.6], [0.6, 0.55, 0.8, NAN]]})
    four.values[0, 1, 3] = NAN
    assert scenario.in_short(four) == ("The four largest owners hold 60% (51 to 69%) of AI compute in 2024Q4 and 60% (56 to 78%) in 2030Q4; "
                                       "their share rises in 2 of 3 runs.")
    assert scenario.in_short(result) == ""


def test_entry_says_only_what_there_are_figures_for(config, result):
    assert scenario.entry(result, "2030Q4") == "2030Q4: 20 PFLOP/s, bought, housed and networked, cost 300,000 USD (210,000 to 390,000)."
    full = result_of(config, {"run_cost_usd_tenth_run": [[5e8]], "capital_ratio_tenth_run": [[30.0]], "time_to_power_quarters": [[15.0]]})
    assert scenario.entry(full, "2030Q4") == ("2030Q4: To rent a training run a tenth as large as the largest costs 500 million USD, 30 times the median "
                                              "startup's funds. Half of the power that is asked for is there after 15 quarters.")
    assert scenario.entry(result_of(config, {"startups_alive": [[1.0]]}), "2030Q4") == ""


def test_what_binds_is_the_mean_of_the_year_and_a_run_that_failed_in_it_is_out(config):
    labels = ("2029Q4", "2030Q1", "2030Q2", "2030Q3", "2030Q4")
    power = [[0.0, 0.0, 0.0], [1.0, 0.5, 1.0], [1.0, 0.5, 1.0], [0.6, 0.7, NAN], [0.6, 0.7, NAN]]
    result = result_of(config, {"bound_by_power_owners": power, "bound_by_none_owners": [[1 - x for x in row] for row in power]}, labels)
    # means of the year are 80 and 60%, not what the last quarter has: mean 70, 5 to 95%: 61 to 79
    assert scenario.binding(result, "owners", "2030Q4") == (
        "What stopped owners of compute, by the compute they own, in the year to 2030Q4: power 70% (5 to 95% of runs: 61 to 79%), nothing 30%.")
    assert scenario.binding(result, "labs", "2030Q4") == ""


def test_a_scenario_without_figures_has_no_answer(config):
    assert scenario.answer(result_of(config, {"share_owned_east": [[NAN, NAN]], "hhi_compute_owned": [[NAN, NAN]]})) == []


def test_dates_outside_the_run_are_left_out(config):
    assert names.dates(result_of(config, {"startups_alive": [[1.0]]}, ("2027Q1", "2027Q2"))) == ["2027Q2"]
    assert names.dates(result_of(config, {"startups_alive": [[1.0]]})) == ["2024Q4", "2030Q4"]


NAMES = {"startups_alive": "startups alive", "hhi_chip_sales": "HHI of chip sales"}


def test_an_effect_says_size_baseline_part_interval_and_theory():
    assert effects.effect(row_of(), NAMES) == (
        "Compute vouchers: startups alive in 2030Q4 is 50 higher than the baseline's 200 (25% more); 95% interval +40 to +60; "
        "higher in 8 of 8 pairs. Theory expects higher: agrees.")
    down = row_of(metric="hhi_chip_sales", unit="0 to 1", baseline=0.25, difference=-0.15, low=-0.2, high=-0.1, positive_share=0.25, verdict="disagree")
    assert effects.effect(down, NAMES) == (
        "Compute vouchers: HHI of chip sales in 2030Q4 is 1,500 points lower than the baseline's 2,500 points (60% less); "
        "95% interval −2,000 to −1,000 points; higher in 2 of 8 pairs. Theory expects higher: disagrees.")


@pytest.mark.parametrize(("given", "part"), [
    ({"difference": 260.0}, "(2.3 times as much)"), ({"baseline": NAN}, "than the baseline;"), ({"baseline": 0.0}, "than the baseline's 0;"),
    ({"baseline": -200.0}, "than the baseline's −200;"), ({"low": NAN, "high": NAN, "pairs": 1}, "one pair, so no interval"),
    ({"predicted_sign": "±", "verdict": "ambiguous"}, "Theory has it either way."), ({"predicted_sign": "", "verdict": "ambiguous"}, "Theory says nothing of it."),
    ({"predicted_sign": "0"}, "Theory expects no effect: agrees, the interval lies within 2%."), ({"verdict": "inconclusive"}, "Theory expects higher: inconclusive."),
])
def test_an_effect_is_said_whatever_is_missing(given, part):
    assert part in effects.effect(row_of(**given), NAMES)


def test_effects_are_sorted_by_their_part_of_the_baseline():
    rows = [row_of(lever="a", difference=NAN), row_of(lever="b", difference=50.0), row_of(lever="c", difference=-3.0, baseline=4.0), row_of(lever="d", baseline=0.0)]
    assert [row["lever"] for row in effects.by_size(rows)] == ["c", "b", "a", "d"]
    assert effects.relative(row_of(baseline=-200.0)) == 0.25  # 50 more than -200 is more, whatever the sign of the baseline


@pytest.fixture
def rows():
    return [
        row_of(),
        row_of(lever="training_cap", difference=-60.0, low=-70.0, high=-50.0, verdict="disagree"),
        row_of(lever="break_up", difference=2.0, low=0.1, high=3.9, q_value=0.07, verdict="inconclusive"),
        row_of(lever="faster_grid", difference=1.0, low=-1.0, high=3.0, q_value=0.4, predicted_sign="0", verdict="agree"),
        row_of(lever="data_act", difference=-30.0, low=-40.0, high=-20.0, predicted_sign="±", verdict="ambiguous"),
        row_of(lever="stake_limit", difference=NAN, low=NAN, high=NAN, positive_share=NAN, pairs=0, q_value=NAN, verdict="inconclusive"),
    ]


def test_every_effect_stands_where_it_belongs(result, rows):
    told = {title: (intro, items) for title, intro, items in effects.blocks(comparison_of(result, rows))}
    assert told["What was compared"][0] == ("Policies: 6; metrics: 1; read in 2030Q4; paired seeds: 0 to 8. Of 6 differences 3 can be told apart from zero "
                                            "after the correction for their number.")
    assert told["In short"][1] == [
        "Training cap: startups alive (30% less).", "Compute vouchers: startups alive (25% more).", "Data act: startups alive (15% less).",
        "Break up: nothing that can be told apart from zero.", "Faster grid: nothing that can be told apart from zero.",
        "Stake limit: nothing that can be told apart from zero."]
    assert [item.split(":")[0] for item in told["What moves, largest first"][1]] == ["Training cap", "Compute vouchers", "Data act"]
    assert told["As theory expects"] == ("2 of the 5 differences on which theory has a word.", ["Compute vouchers: startups alive.", "Faster grid: startups alive (negligible, within 2%)."])
    assert told["Against theory"][1] == ["Training cap: startups alive in 2030Q4 is 60 lower than the baseline's 200 (30% less), where theory expects higher."]
    assert told["Found, where theory is open or silent"][1] == ["Data act: startups alive."]
    assert told["Not to be told apart from zero"][1] == ["Break up: startups alive."]
    assert "In 1 of them the interval leaves out zero" in told["Not to be told apart from zero"][0]
    assert told["No figure"][1] == ["Stake limit: startups alive."]


def test_long_lists_of_effects_are_cut_and_say_so(result):
    rows = [row_of(lever=f"policy_{place}") for place in range(16)]
    told = {title: (intro, items) for title, intro, items in effects.blocks(comparison_of(result, rows))}
    intro, items = told["What moves, largest first"]
    assert len(items) == 10
    assert "The 10 largest of 16" in intro


def test_one_pair_judges_nothing(result):
    rows = [row_of(low=NAN, high=NAN, q_value=NAN, pairs=1, verdict="inconclusive")]
    told = {title: (intro, items) for title, intro, items in effects.blocks(comparison_of(result, rows))}
    assert told["What moves, largest first"] == ("No difference can be told apart from zero at this number of seeds.", [])
    assert told["Not to be told apart from zero"][0] == "With fewer than two pairs there is no interval, so nothing can be judged."


def test_the_table_of_effects_has_a_block_a_metric_and_the_largest_first(result, rows):
    blocks = tables.of_effects(comparison_of(result, [*rows, row_of(metric="hhi_chip_sales", unit="0 to 1", baseline=0.25, difference=-0.025, low=-0.03, high=-0.02)]))
    assert [(block["title"], block["unit"], block["baseline"]) for block in blocks] == [
        ("Startups alive, 2030Q4", "count", "200"), ("HHI of chip sales, 2030Q4", "points", "2,500 points")]
    first, *_, last = blocks[0]["rows"]
    assert first == {"policy": "Training cap", "start": "2026Q1", "difference": "−60", "interval": "−70 to −50", "relative": "−30%", "spread": "+30 to +70",
                     "higher": "8 of 8", "theory": "higher", "p": "0.001", "verdict": "disagree", "found": True}
    assert (last["policy"], last["difference"], last["higher"], last["p"]) == ("Stake limit", "no figure", "none of 0", "no figure")
    assert blocks[1]["rows"][0]["interval"] == "−300 to −200"


def test_a_lever_says_when_how_far_and_what_theory_expects(config):
    dated = {"name": "compute_vouchers", "start": "2027Q1", "end": "2031Q1", "strength": 0.5, "ramp_quarters": 4, "announced_quarters": 2, "grandfathered": 0}
    told = policies.lever(dated, config.parameters.policy)
    facts = dict(told["facts"])
    assert told["says"] == CATALOGUE["compute_vouchers"].says
    assert facts["In force"] == "from 2027Q1 until 2031Q1, not included; full strength is reached within 4 quarters"
    assert facts["Strength"] == "50%"
    assert facts["Announced"] == "2 quarters before the start; the ramp runs from then"
    assert facts["How far it goes"] == "voucher_usd = 1 million [USD/quarter]: Compute that the state pays for each startup"
    assert "entry of startups: higher" in facts["Theory expects"]
    assert facts["Why"] == CATALOGUE["compute_vouchers"].why
    assert "What was there before" not in facts


def test_grandfathering_and_events_of_one_quarter_are_said():
    stakes = {"name": "stake_limit", "start": "2026Q1", "grandfathered": 1}
    assert policies.grandfathering(stakes, CATALOGUE["stake_limit"]) == "left alone: stakes and backing that exist"
    assert policies.grandfathering(stakes | {"grandfathered": 0}, CATALOGUE["stake_limit"]) == "reached too: stakes and backing that exist"
    assert policies.dates({"start": "2028Q1"}, CATALOGUE["break_up"]) == "once, in 2028Q1"


def test_a_lever_that_is_gone_from_the_catalogue_is_still_told():
    told = policies.lever({"name": "old_idea", "start": "2026Q1"}, None)
    assert told["says"] == "This lever is no longer in the catalogue."


def test_each_policy_has_the_sizes_of_its_own_scenario(result):
    numbers = replace(result.config.parameters, policy=replace(result.config.parameters.policy, voucher_usd=3e6))
    larger = replace(result, config=replace(result.config, parameters=numbers))
    study = comparison_of(result, [row_of(), row_of(lever="larger")], larger=larger)
    dated = [{"name": "compute_vouchers", "start": "2026Q1"}]
    usual, more = policies.policies(study, {"policies": {"compute_vouchers": dated, "larger": dated}})
    assert dict(usual["levers"][0]["facts"])["How far it goes"].startswith("voucher_usd = 1 million [USD/quarter]")
    assert dict(more["levers"][0]["facts"])["How far it goes"].startswith("voucher_usd = 3 million [USD/quarter]")


FAILURE = {"run": 1, "quarter": "2024Q4", "identity": "money", "where": "clouds", "amount": 2.0}


def test_failed_runs_are_told_run_by_run(config, result):
    failed = result_of(config, SHARES, failures=[FAILURE, FAILURE | {"identity": "chips"}])
    assert words.failures(failed) == ["1 of 2 runs of this scenario broke an accounting identity and are left out from then on: run 1 in 2024Q4 (chips)."]
    study = comparison_of(result, [row_of()], compute_vouchers=failed)
    assert words.failures(study) == ["1 of 2 runs under compute vouchers broke an accounting identity and are left out from then on: run 1 in 2024Q4 (chips)."]


def test_missing_runs_and_founders_turned_away_are_told(result):
    told = words.warnings_of(result, {"requested_runs": 64, "refused_entries": {"0": 3.0}})
    assert told[0] == "The study was stopped: 2 of 64 runs are in it."
    assert told[1].startswith("In 1 run founders of startups were turned away")
    assert words.warnings_of(result, {"requested_runs": 2}) == []


@pytest.mark.parametrize(("started", "said"), [("2026-11-02T14:07:00Z", "2 November 2026"), (None, "date not recorded"), ("yesterday", "date not recorded")])
def test_the_day_is_that_of_the_study(started, said):
    assert words.when({"started": started}) == said


def test_figures_beside_facts(config):
    labels = [f"{year}Q{quarter}" for year in range(2018, 2025) for quarter in (1, 2, 3, 4)]
    growing = [[4.0 ** (place / 4)] for place in range(28)]  # fourfold a year
    found = tables.beside_facts(result_of(config, {"cr1_cloud_revenue": [[0.4]], "top_ten_runs_flop": growing, "cr1_merchant_chips_made": [[0.77]]}, labels))
    told = {row["metric"]: (row["period"], row["here"], row["facts"], row["verdict"]) for row in found}
    assert told["cr1_cloud_revenue"] == ("2018Q1 to 2024Q4", "40%", "29 to 35%", "5 percentage points too high")
    assert told["cr1_merchant_chips_made"] == ("2023Q1 to 2023Q4", "77%", "98%", "21 percentage points too low")
    assert told["top_ten_runs_flop"][1:3] == ("4", "4 to 5")
    assert tables.beside_facts(result_of(config, {"cr1_cloud_revenue": [[0.4]]})) == []  # the run begins too late
    assert tables.beside_facts(result_of(config, {"cr1_cloud_revenue": [[NAN]]}, labels)) == []


def test_changed_numbers_have_their_default_and_their_source(result):
    told = {row["key"]: row for row in tables.changed_numbers(result)}
    assert "frame.history_until" not in told  # the file sets it to the default
    assert (told["frame.start"]["value"], told["frame.start"]["default"], told["frame.start"]["unit"]) == ("2024Q3", "2018Q1", "quarter")
    assert told["frame.start"]["source"].endswith("small.toml")
    changed = replace(result, config=replace(result.config, frame=replace(result.config.frame, runs=7)))
    assert {row["key"]: row["value"] for row in tables.changed_numbers(changed)}["frame.runs"] == "7"


class Reader(HTMLParser):
    """Read a page: its tags in order, whether they close, its attributes, and its text by section."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text, self.section, self.styles = [], [], [], {}, "", ""
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.attributes += [(tag, *pair) for pair in attributes]
        self.section = dict(attributes)["id"] if tag == "section" else self.section
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.styles += data
        else:
            self.text[self.section] = self.text.get(self.section, "") + data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def assert_sound(text):
    """Assert what every page promises, and return its reader."""
    read = Reader(text)
    assert text.startswith("<!DOCTYPE html>\n")
    assert not read.all("script") and not read.all("link") and not read.all("iframe") and not read.all("object")
    for _, name, value in read.attributes:
        assert name not in LOADING and not name.startswith("on")
        assert name not in ("href", "xlink:href") or value.startswith("#")
    assert "url(" not in read.styles and "@import" not in read.styles
    assert read.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all("scope" in attributes for attributes in read.all("th"))
    assert len(read.all("caption")) == len(read.all("table"))
    ids = [value for _, name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for _, name, value in read.attributes if name == "href"} <= set(ids)
    return read


def page_of(study, command=("market-abm", "run", "base.toml")):
    make = manifest_of_comparison if isinstance(study, Comparison) else manifest_of
    return page(study, make(study, command))


def test_a_page_of_one_scenario_is_sound_and_has_its_sections_in_order(result):
    read = assert_sound(page_of(result))
    assert [attributes["id"] for attributes in read.all("section")] == SECTIONS
    assert "By hand" in read.text[""] and "not a forecast" in read.text[""]
    assert "East owns 80% (71 to 89%)" in read.text["answer"]
    assert "1,600 points" in read.text["table"]
    assert "No policy is in force." in read.text["policies"]
    assert "Paired seeds" not in read.text["reading"]
    assert "null model" in read.text["limits"]
    assert "market-abm run base.toml" in read.text["again"]
    assert "Changed from the defaults" in read.text["again"]


def test_a_page_of_a_comparison_is_sound_and_tells_effects(result, rows):
    read = assert_sound(page_of(comparison_of(result, rows)))
    assert [attributes["id"] for attributes in read.all("section")] == SECTIONS
    assert "Compute vouchers: startups alive in 2030Q4 is 50 higher" in read.text["answer"]
    assert "Who owns the compute, in the baseline" in read.text["answer"]
    assert read.text["table"].index("Startups alive, 2030Q4") < read.text["table"].index("Main metrics of the baseline")
    assert CATALOGUE["training_cap"].reference in read.text["policies"]
    assert "common random numbers" in read.text["reading"] and "Benjamini" in read.text["reading"]


def test_every_metric_of_the_tables_is_defined(result):
    read = assert_sound(page_of(result))
    assert "Herfindahl-Hirschman index: PFLOP/s owned" in read.text["reading"]
    assert [row["metric"] for row in tables.definitions(result)] == ["hhi_compute_owned", "person_of_compute_usd"]


def test_pictures_stand_inline_with_caption_and_description(result):
    text = page_of(result)
    assert DRAWING in text
    assert "A line that rises &amp; falls." in text


NASTY = """<script>alert("1")</script> & 'two' ]]> <b onload="x">"""


def test_whatever_a_user_typed_is_escaped(config, rows):
    clouds = (replace(config.cast.clouds[0], name=NASTY), *config.cast.clouds[1:])
    nasty = replace(config, frame=replace(config.frame, title=NASTY), cast=replace(config.cast, clouds=clouds), sources={"frame.title": NASTY})
    owner = f"share_owned_{market_abm.units.slug(NASTY)}"
    result = result_of(nasty, {owner: [[0.9]], "hhi_compute_owned": [[0.81]]}, failures=[FAILURE | {"run": 0, "identity": NASTY}])
    study = comparison_of(result, [*rows, row_of(lever=NASTY)])
    text = page_of(study, ("market-abm", "run", NASTY))
    read = assert_sound(text)
    assert "<script" not in text and "<b " not in text
    assert NASTY in read.text[""]  # the title
    assert f"In 2030Q4 {NASTY} owns 90%" in read.text["answer"]
    assert NASTY in read.text["policies"] and NASTY in read.text["again"]


def test_failed_runs_come_before_the_answer(config):
    read = assert_sound(page_of(result_of(config, SHARES, failures=[FAILURE])))
    assert read.text["answer"].index("1 of 2 runs of this scenario broke") < read.text["answer"].index("Who owns the compute")


def test_a_study_whose_runs_all_failed_says_so(config, rows):
    nothing = result_of(config, {name: [[NAN, NAN]] for name in SHARES}, failures=[FAILURE, FAILURE | {"run": 0}])
    read = assert_sound(page_of(nothing))
    assert "2 of 2 runs" in read.text["answer"] and "No run has a figure." in read.text["answer"]
    assert "no figure" in read.text["table"] and not re.search(r"\bnan\b", "".join(read.text.values()))
    assert_sound(page_of(comparison_of(nothing, rows)))


def test_one_run_has_no_ranges(config):
    read = assert_sound(page_of(result_of(config, {name: [row[:1] for row in figures] for name, figures in SHARES.items()})))
    assert "East owns 70% of AI compute, West 30%." in read.text["answer"]


def test_a_comparison_without_effects_or_metrics_still_has_a_page(config):
    bare = result_of(config, {"untrained_labs": [[1.0]]})
    read = assert_sound(page_of(comparison_of(bare, [])))
    assert "No effect was computed" in read.text["answer"]
    assert "No metric of the table is in this study." in read.text["table"]


def test_a_study_that_cannot_be_drawn_says_so(result, pictures):
    pictures.available = lambda study: ()
    assert "This study can be drawn as none of the pictures." in assert_sound(page_of(result)).text["pictures"]


def test_a_manifest_that_lacks_everything_is_no_fault(result):
    assert "The command was not recorded" in assert_sound(page(result, {})).text["again"]


def test_the_same_study_gives_the_same_page(result, rows):
    study = comparison_of(result, rows)
    manifest = manifest_of_comparison(study, ["market-abm"])
    assert page(study, manifest) == page(study, manifest)


def test_a_page_with_the_real_pictures_is_sound_and_small(monkeypatch, config, rows):
    monkeypatch.delitem(sys.modules, "market_abm.plots.catalogue")
    pytest.importorskip("market_abm.plots.catalogue")
    clouds = (replace(config.cast.clouds[0], name=NASTY), *config.cast.clouds[1:])
    nasty = replace(config, frame=replace(config.frame, title=NASTY), cast=replace(config.cast, clouds=clouds))
    figures = {f"share_owned_{market_abm.units.slug(NASTY)}": [[0.9, 0.7]], "share_owned_west": [[0.1, 0.3]], "hhi_compute_owned": [[0.82, 0.58]]}
    text = page_of(comparison_of(result_of(nasty, figures), [*rows, row_of(lever=NASTY)]))
    assert assert_sound(text).all("svg")
    assert "<script" not in text and "<b " not in text
    assert len(text.encode()) < 3e6
