"""The table of mechanisms: each says where it comes from and has values worked out by hand, most of them in another file."""

import ast
import inspect
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import worlds
from worlds import row

from market_abm.behaviour import chip_makers, clouds, labs, ownership, rental, startups, tenants
from market_abm.behaviour.catalogue import MECHANISMS, TAKEN_OUT_BY
from market_abm.parameters.declare import declarations
from market_abm.parameters.schema import SECTIONS, Parameters
from market_abm.parameters.switches import Switches
from market_abm.rules.catalogue import CHOSEN, FIXED
from market_abm.rules.demand import LINEAR, Market
from market_abm.rules.rents import RENT_PRICING, Sellers
from market_abm.state.tables import HYPERSCALER, IN_HOUSE, MERCHANT, NEOCLOUD, PUBLIC_CLOUD

HERE = Path(__file__)
pytestmark = pytest.mark.usefixtures("quiet")

# Where the values of each mechanism are worked out by hand: file and test.
WORKED_OUT = {
    "innovation": ("test_behaviour", "test_success_comes_with_spending_over_a_difficulty_that_grows"),
    "imitation": ("test_behaviour", "test_a_laggard_closes_part_of_the_gap_and_more_when_the_leader_documents"),
    "launch": ("test_behaviour", "test_a_launch_waits_for_the_threshold_and_brings_all_that_the_laboratory_has"),
    "learning": ("test_behaviour", "test_each_doubling_of_output_cuts_unit_cost_by_a_fifth"),
    "chip_capacity": ("test_behaviour", "test_makers_build_for_the_orders_they_expect_less_what_is_coming"),
    "ecosystem": ("test_behaviour", "test_software_is_written_for_users_and_goes_out_of_date"),
    "efficiency_of_software": ("test_behaviour", "test_utilisation_by_hand"),
    "readable_software": ("test_behaviour", "test_buyers_use_vendor_software_as_far_as_they_may_read_and_open_source_as_far_as_chips_are_documented"),
    "portable_stacks": ("test_integration", "test_engineers_write_with_diminishing_returns_and_software_goes_out_of_date"),
    "in_house_design": ("test_integration", "test_a_new_design_follows_the_best_merchants_chip"),
    "integration": ("test_integration", "test_owners_integrate_with_psi_over_one_plus_psi"),
    "integration_that_pays": ("test_integration", "test_a_design_pays_when_the_saving_on_own_volume_covers_it"),
    "limit_of_own_chips": ("test_integration", "test_the_limit_is_what_own_uses_and_willing_tenants_take_and_what_the_maker_can_make"),
    "return_to_merchants": ("test_integration", "test_a_parent_counts_how_long_merchants_have_been_the_better_buy_by_a_margin"),
    "merchant_entry": ("test_integration", "test_entrants_come_the_more_the_industry_earns"),
    "choice_of_supplier": ("test_behaviour", "test_suppliers_are_chosen_by_cost_per_realised_flops"),
    "switching_cost": ("test_behaviour", "test_switching_costs_fall_on_who_neither_has_the_stack_nor_may_read_about_it"),
    "full_cost": ("test_behaviour", "test_full_cost_by_hand"),
    "expected_demand": ("test_behaviour", "test_demand_is_extrapolated_no_faster_than_the_owner_dares"),
    "investment_gate": ("test_behaviour", "test_investment_responds_to_value_over_cost_within_bounds_and_neoclouds_more"),
    "credit": ("test_behaviour", "test_lenders_look_at_group_cash_flow_or_at_a_neoclouds_chips"),
    "list_prices": ("test_behaviour", "test_the_list_price_is_reviewed_seldom_and_hardly_raised"),
    "transfer_prices": ("test_behaviour", "test_own_use_pays_part_of_cost_or_of_rent_whichever_is_more"),
    "requests_for_power": ("test_behaviour", "test_power_is_asked_for_on_its_own_horizon"),
    "siting": ("test_behaviour", "test_sites_go_where_the_wait_is_shorter"),
    "choice_of_provider": ("test_mechanisms", "test_tenants_choose_by_what_is_on_offer_and_its_rent"),
    "conversion": ("test_power", "test_conversion_takes_what_is_lacking_but_a_share_of_what_is_left"),
    "own_power": ("test_power", "test_the_share_behind_the_meter_weighs_what_waiting_costs_against_the_plant"),
    "merit_of_own_power": ("test_power", "test_own_power_runs_by_merit"),
    "curtailment": ("test_power", "test_a_short_region_cuts_connections_there_and_nowhere_else"),
    "plants": ("test_power", "test_plants_are_started_for_other_load_and_for_ai_load_as_far_as_they_earn_their_cost"),
    "free_entry": ("test_mechanisms", "test_who_may_enter_expects_the_profit_of_cournot_with_one_more"),
    "entry_beside_standing_output": ("test_mechanisms", "test_beside_standing_output_a_newcomer_takes_half_of_what_is_left"),
    "quality_of_hours": ("test_mechanisms", "test_quality_moves_to_where_it_earns_what_it_costs"),
    "clearing_of_hours": ("test_mechanisms", "test_hours_promised_come_before_the_spot_market"),
    "contracts": ("test_mechanisms", "test_a_contract_pays_while_its_discount_beats_the_fall_of_rents"),
    "foreclosure": ("test_control", "test_hours_are_withheld_for_the_gain_over_the_margin"),
    "race": ("test_behaviour", "test_the_race_describes_what_may_be_spent_and_won"),
    "lab_budgets": ("test_mechanisms", "test_a_budget_grows_to_the_largest_and_to_what_the_contest_is_worth"),
    "contest_bound": ("test_mechanisms", "test_a_lab_bids_its_part_of_the_prize_or_what_a_newcomer_hopes_for"),
    "training_runs": ("test_behaviour", "test_the_run_is_a_part_of_a_years_research_compute"),
    "cluster_limit": ("test_behaviour", "test_beyond_the_limit_a_cluster_loses_efficiency"),
    "usable_text": ("test_capability", "test_the_stock_of_text_is_a_path_through_its_date"),
    "spending_on_services": ("test_behaviour", "test_spending_is_logistic_in_the_power_of_ten_of_capability"),
    "strength_of_labs": ("test_mechanisms", "test_a_lab_with_a_quarter_of_the_best_ones_compute_has_half_its_strength"),
    "appeal_of_labs": ("test_behaviour", "test_appeal_is_strength_less_a_dearer_service"),
    "inertia_of_customers": ("test_behaviour", "test_a_part_of_customers_stays"),
    "telemetry": ("test_control", "test_a_host_learns_from_the_part_of_training_that_it_sees"),
    "stakes": ("test_control", "test_new_shares_dilute_everybody"),
    "value_of_startups": ("test_control", "test_a_startup_is_worth_its_last_round_or_its_revenue"),
    "backing": ("test_control", "test_the_richest_cloud_backs_the_best_candidate"),
    "buyers_among_startups": ("test_mechanisms", "test_startups_stand_in_the_order_of_their_value"),
    "venture_pool": ("test_behaviour", "test_the_pool_follows_the_gain_that_investors_expect"),
    "venture_rounds": ("test_behaviour", "test_only_the_top_part_of_seekers_is_funded_and_shares_follow_rank"),
    "selectivity": ("test_behaviour", "test_without_selectivity_the_funded_share_equally"),
    "spending_of_startups": ("test_behaviour", "test_money_is_split_between_customers_and_research_after_wages"),
    "founders": ("test_behaviour", "test_founders_follow_prospects_and_stop_at_the_talent_pool"),
    "rent_or_buy": ("test_startup_fleets", "test_what_a_startup_would_own_rises_with_the_advantage_up_to_its_cover"),
    "cost_of_owning": ("test_startup_fleets", "test_owning_costs_capital_upkeep_connection_and_electricity"),
}
# What switches take out that is no function of behaviour: a rule by name, or the one line of a phase.
ELSEWHERE = {
    "relationship": "chips.allocation", "cross_subsidy": "owners_find_money", "power_queue": "queue_advances", "open_source": "software_grows",
}


def view(**columns):
    """Return a stand-in for a table or for a section of the rules: single numbers become one row."""
    return SimpleNamespace(**{k: row(v) if isinstance(v, int | float) else v for k, v in columns.items()})


def near(expected, rel=1e-12):
    return pytest.approx(np.asarray(expected, dtype=float), rel=rel, abs=1e-300)


# The table ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_says_what_it_does_and_where_it_comes_from(name):
    says, found, source = inspect.getdoc(MECHANISMS[name]).partition("Source: ")
    assert len(says) > 20
    assert found and source.rstrip().endswith(".") and len(source) > 5
    assert "Source:" not in source


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_is_behaviour_that_a_phase_or_other_behaviour_uses(name):
    package = Path(inspect.getfile(MECHANISMS[name])).parent.parent
    assert package.joinpath("behaviour") == Path(inspect.getfile(MECHANISMS[name])).parent
    texts = [path.read_text() for room in ("phases", "behaviour") for path in (package / room).glob("*.py") if path.name != "catalogue.py"]
    assert any(f"{MECHANISMS[name].__name__}(" in text.replace(f"def {MECHANISMS[name].__name__}(", "") for text in texts)


def test_what_takes_a_mechanism_out_is_a_parameter():
    assert set(TAKEN_OUT_BY) <= set(MECHANISMS)
    for key in TAKEN_OUT_BY.values():
        section, name = key.split(".")
        assert section in SECTIONS and name in declarations(getattr(Parameters(), section)), key
    assert not set(MECHANISMS) & {*FIXED, *(rule for table in CHOSEN.values() for rule in table)}, "a name means one thing"


def test_every_switch_takes_out_a_mechanism():
    taken = {key.removeprefix("switches.") for key in TAKEN_OUT_BY.values() if key.startswith("switches.")}
    assert taken.isdisjoint(ELSEWHERE)
    assert taken | set(ELSEWHERE) == set(declarations(Switches))


def test_every_mechanism_has_values_worked_out_by_hand():
    assert list(WORKED_OUT) == list(MECHANISMS)
    for name, (file, test) in WORKED_OUT.items():
        there = {node.name for node in ast.parse(HERE.with_name(f"{file}.py").read_text()).body if isinstance(node, ast.FunctionDef)}
        assert test in there, f"{name}: {file}.py holds no {test}"


# Chips ----------------------------------------------------------------------------------------------


def test_an_in_house_design_comes_when_it_is_due_and_faster():
    makers = view(kind=row(MERCHANT, IN_HOUSE, IN_HOUSE, IN_HOUSE), alive=row(1, 1, 1, 1), quarters_since_launch=row(9, 5, 4, 5),
                  pflops_per_chip=row(4, 2, 2, 3))
    stands = chip_makers.Launch(np.zeros((1, 4), bool), makers.pflops_per_chip, row(*[400] * 4), row(*[900] * 4), row(0.2, 0, 0, 0))
    design = SimpleNamespace(pflops_per_chip=row(3, 3, 3, 3), watts_per_chip=row(*[250] * 4), base_cost_usd_per_chip=row(*[800] * 4))
    got = chip_makers.launch_in_house(makers, stands, design, view(design_quarters=6))
    # the second is six quarters old and gets a faster chip; the third is too young, the fourth would be no faster
    assert got.launched.tolist() == [[False, True, False, False]]
    assert got.pflops_per_chip.tolist() == [[4, 3, 2, 3]]
    assert got.watts_per_chip.tolist() == [[400, 250, 400, 400]]
    assert got.base_cost_usd_per_chip.tolist() == [[900, 800, 900, 900]]
    assert got.laboratory_gain.tolist() == [[0.2, 0, 0, 0]]


# Clouds ---------------------------------------------------------------------------------------------


def test_tenants_choose_by_what_is_on_offer_and_its_rent():
    owners = view(active_pflops=row(10, 40, 100, 100), tenant_share=row(*[0.5] * 4), rents_out=row(1, 0.9, 0, 1), sells=row(1, 1, 1, 0),
                  contested_rent_usd=row(1, 2, 1, 1))
    # 5 at rent 1 against 20 at rent 2, elasticity 2: 5 to 20/4; the third rents nothing out, the fourth is closed
    assert clouds.tenants_logit(owners, view(provider_elasticity=2.0))[0] == near([0.5, 0.5, 0, 0], rel=1e-9)


def test_investors_back_neoclouds_whose_rent_covers_cost():
    owners = view(kind=row(NEOCLOUD, NEOCLOUD, HYPERSCALER), contested_rent_usd=row(1.2, 1.19, 9), full_cost_usd=row(1, 1, 1))
    assert clouds.backed(owners, view(neocloud_leverage_gate=1.2)).tolist() == [[1, 0, 0]]


def test_a_backed_lab_pays_the_transfer_price_or_a_lower_rent():
    assert clouds.price_inside(view(contested_rent_usd=row(2, 4, 0), transfer_usd=row(3, 3, 3))).tolist() == [[2, 3, 3]]


# The market for hours -------------------------------------------------------------------------------

# Linear demand Q = 100 (1 - p/12): a choke of 12 USD, and .12 USD less for every hour more.
LINE = Market(*(row(x) for x in (300.0, 3.0, 12.0, 1.5, 0.5, 1.0)), np.array([[LINEAR]]))


def sellers(hours, output, cost):
    n = len(hours)
    nothing = np.zeros((1, n))
    return Sellers(row(*hours), row(*output), nothing, nothing, row(*cost), nothing, nothing, nothing + np.inf, nothing, nothing, nothing + 1.0,
                   nothing, nothing, np.zeros((n, 1, n)))  # nobody holds shares of a rival


def rules(**changes):
    numbers = {"pricing": np.array([[list(RENT_PRICING).index("cournot")]]), "quality_cost": 0.0, "quality_exponent": 3.0, "quality_speed": 1.0,
               "fixed_usd": 5.0, "output_speed": 0.5, "markup_response": 0.04, "regulated_margin": 0.0}
    return view(rental=view(**numbers | changes), clouds=view(rent_speed=0.6, rent_step=0.4, provider_elasticity=2.0))


def test_who_may_enter_expects_the_profit_of_cournot_with_one_more():
    known = sellers([1e3] * 3, [20, 20, 0], [3, 3, 3])
    # N firms at cost 3: q = (12 - 3)/(.12 (N + 1)), so .12 q^2 each, less 5: with two 75 - 5, with three 42.1875 - 5
    three = rental.imagined_profit(row(1, 1, 1), known, LINE, rules())
    assert three[0] == near([37.1875] * 3, rel=1e-9)
    two = rental.imagined_profit(row(1, 1, 0), known, LINE, rules())
    assert two[0] == near([70, 70, 0], rel=1e-9)


def test_beside_standing_output_a_newcomer_takes_half_of_what_is_left():
    # 25 hours stand: 75 - 25 = 50 are left down to the cost of 3; half, 25 at .12 x 25 over cost: 75, less 5.
    got = rental.profit_beside(sellers([100, 100, 10], [25, 0, 0], [3, 3, 3]), LINE, rules().rental)
    assert got[0, 1] == near(70.0, rel=1e-9)
    # who can offer 10 alone: the rent is 12 - .12 x 35 = 7.8, its profit 4.8 x 10 - 5
    assert got[0, 2] == near(43.0, rel=1e-9)


@pytest.mark.parametrize(("quality", "revenue", "speed", "cost", "better"), [
    # two equal firms: u^3 = 2 x 8 x (1 - .5) x (1 - .5/1) / .5 = 8
    ((1, 1), (8, 8), 1.0, 0.5, (2, 2)),
    ((8, 8), (8, 8), 0.5, 0.5, (4, 4)),  # half of the way in logs
    ((3, 3), (8, 0), 1.0, 0.5, (1, 3)),  # alone nobody is to be beaten: down to 1; who sells nothing stays
    ((3, 3), (8, 8), 1.0, 0.0, (3, 3)),  # where quality has no cost it is none of their choices
])
def test_quality_moves_to_where_it_earns_what_it_costs(quality, revenue, speed, cost, better):
    got = rental.better_quality(row(*quality), row(*revenue), view(quality_cost=cost, quality_exponent=3.0, quality_speed=speed))
    assert got[0] == near(better)


@pytest.mark.parametrize(("decline", "term", "pays"), [
    (0.15, 8, True),  # rents fall by e^-.3 in two years: on the mean .864 of today's, above .85
    (0.20, 8, False),  # e^-.4: .824
    (0.20, 4, True),  # in one year: .906
    (0.0, 40, True),
])
def test_a_contract_pays_while_its_discount_beats_the_fall_of_rents(decline, term, pays):
    assert tenants.contract_pays(view(discount=0.15, term_quarters=float(term)), row(decline))[0, 0] == pays


def test_a_cloud_promises_a_part_of_its_tenants_capacity():
    owners = view(tenant_share=row(0.5, 0.5, 0.5), rents_out=row(1, 1, 0), sells=row(1, 1, 1))
    # .7 of half of 1000 is 350
    got = tenants.room_for_contracts(owners, row(1000, 1000, 1000), row(100, 400, 0), view(capacity_share=0.7))
    assert got[0] == near([250, 0, 0])


CLEARING = worlds.rental_rules(rent_speed=0.5, rent_step=0.4, rent_floor=0.0, public_rent=1.0)


def cleared(reserved, spot_usd, inside=0.0, kind=HYPERSCALER, rents_out=1.0):
    """Clear one cloud of 100 hours, half of them assured to tenants, at a rent of 2 so far and a full cost of 1."""
    return worlds.cleared(reserved, spot_usd, CLEARING, inside=inside, kind=kind, rents_out=rents_out)


@pytest.mark.parametrize(("reserved", "spot_usd", "inside", "rent", "kept", "fill"), [
    # 60 hours wanted at the old rent, 100 offered: the rent falls by half of ln .6, to 2 x .6^.5
    (20, 80, 0, 2 * 0.6**0.5, 1.0, 1.0),
    # 20 + 200 wanted of 100: it rises by half of ln 2.2; 400/(2 x 2.2^.5) are wanted, 80 left
    (20, 400, 0, 2 * 2.2**0.5, 1.0, 80 * 2 * 2.2**0.5 / 400),
    # own use leaves 30, but 50 are assured: 220 for 50 are more than a step of .4; 30 are left
    (20, 400, 70, 2 * math.exp(0.4), 1.0, 30 * 2 * math.exp(0.4) / 400),
    # 160 promised, and 100 there
    (160, 0, 70, 2 * 1.6**0.5, 0.625, 1.0),
])
def test_hours_promised_come_before_the_spot_market(reserved, spot_usd, inside, rent, kept, fill):
    got = cleared(reserved, spot_usd, inside)
    assert [got.rent_usd[0, 0], got.kept_promise[0, 0], got.fill[0, 0]] == near([rent, kept, fill], rel=1e-9)
    assert got.asked_hours[0, 0] == near(reserved + spot_usd / rent, rel=1e-9)


def test_a_public_cloud_takes_its_cost_and_who_does_not_rent_out_nothing():
    assert cleared(0, 400, kind=PUBLIC_CLOUD).rent_usd[0, 0] == 1.0
    alone = cleared(50, 0, rents_out=0.0)
    assert (alone.rent_usd[0, 0], alone.kept_promise[0, 0], alone.output_hours[0, 0]) == (0.0, 0.0, 0.0)


# Labs -----------------------------------------------------------------------------------------------


def race(largest=1e9, research=0.0, prize=100.0, rivals=3.0):
    return labs.Race(row(largest), row(research), row(prize), row(rivals))


@pytest.mark.parametrize(("share", "hope", "r", "bound"), [
    (0.5, 1.0, 1.2, 30.0),  # 1.2 x .5 x .5 of 100
    (0.0, 1.0, 1.2, 22.5),  # a newcomer to three counts on a quarter: 1.2 x .25 x .75
    (0.0, 0.8, 1.2, 19.2),  # on .8 of it: 1.2 x .2 x .8
    (0.0, 0.0, 1.2, 0.0),
    (0.25, 0.0, 4.0, 25.0),  # never more than s V, though r (1 - s) = 3
    (0.25, 1.0, 0.0, 0.0),
])
def test_a_lab_bids_its_part_of_the_prize_or_what_a_newcomer_hopes_for(share, hope, r, bound):
    assert labs.contest_bound(row(share), race(), row(r), row(hope))[0, 0] == near(bound)


@pytest.mark.parametrize(("budget", "largest", "research", "wish", "by_prize"), [
    (4.0, 1e9, 1.0, 8.0, 0),  # sixteenfold a year is twofold a quarter
    (4.0, 5.0, 1.0, 5.0, 0),  # no more than the largest
    (40.0, 1e9, 1.0, 22.5, 1),  # the contest is worth no more to a newcomer
    (40.0, 1e9, 30.0, 30.0, 1),  # unless research alone is paid for
])
def test_a_budget_grows_to_the_largest_and_to_what_the_contest_is_worth(budget, largest, research, wish, by_prize):
    training = view(catch_up_growth=16.0, hope=1.0)
    got = labs.desired_budget(row(budget), row(0.0), race(largest, research), row(0.0), training, row(1.2))
    assert [part[0, 0] for part in got] == near([wish, by_prize])


def test_a_lab_with_a_quarter_of_the_best_ones_compute_has_half_its_strength():
    training = view(capability_map=np.array([[0]]), loss_weight=244.0, parameter_loss=482.01, token_loss=2085.43, parameter_exponent=0.3478,
                    token_exponent=0.3658)
    strength, decisive = labs.quality(row(1e24, 4e24, 0.0), row(4e24), SimpleNamespace(training=training, customers=view(contest=0.5)))
    assert strength[0] == near([0.5, 1.0, 0.0], rel=1e-9)
    assert decisive[0].tolist() == [0.5, 0.5, 0.0]


# Who owns startups, and who founds them -------------------------------------------------------------


def test_a_cloud_pays_all_that_is_asked_of_it_or_the_same_part_to_each():
    got = ownership.part_paid(row(30, 10, 20), np.array([[0, 0, 1]]), row(20, 100, 5))
    assert got[0, :2] == near([0.5, 1.0])


def test_hyperscalers_with_a_lab_who_rent_out_may_back():
    owners = view(kind=row(HYPERSCALER, HYPERSCALER, HYPERSCALER, NEOCLOUD, HYPERSCALER), has_lab=row(1, 0, 1, 1, 1),
                  rents_out=row(1, 1, 0, 1, 1), alive=row(1, 1, 1, 1, 0))
    assert ownership.may_back(owners).tolist() == [[True, False, False, False, False]]


def test_startups_stand_in_the_order_of_their_value():
    who, ranks = ownership.most_valuable(row(5, 9, 7, 1), row(1, 1, 0, 1), np.array([[0, 1, 2, 0]]))
    assert ranks.tolist() == [[1, 0, 3, 2]], "who is not there comes last"
    assert who.tolist() == [[1, 0, 3, 1]]


def test_clouds_see_skill_in_logs_and_misjudge_it():
    assert ownership.apparent_skill(view(skill=row(1, math.e)), row(2, -1), view(backing_noise=0.3))[0] == near([0.6, 0.7])


def test_founders_bring_cash_and_skill_around_their_medians():
    lasting = SimpleNamespace(logistic=lambda decision, births: {"founders' cash": row(0, 1), "research skill": row(-1, 0)}[decision])
    cash, skill = startups.endowment(lasting, None, view(opening_cash_usd=7e6, cash_spread=2.0, skill_spread=0.4))
    assert cash[0] == near([7e6, 7e6 * math.exp(2)])
    assert skill[0] == near([math.exp(-0.4), 1.0])


def test_owners_plan_for_what_tenants_would_rent_at_cost_and_not_at_a_rent_below_it():
    # 80 USD at a rent of .5: 160 hours are asked for at that rent; at .8 of a full cost of 1, 100; at cost, 80. 20 are under contract.
    got = worlds.cleared(20, 80, worlds.rental_rules(rent_speed=0.0, rent_step=0.4, rent_floor=0.0, public_rent=1.0), capacity=1000.0, contested_rent_usd=0.5)
    assert got.rent_usd.item() == pytest.approx(0.5)
    assert got.asked_hours.item() == pytest.approx(120.0)
    assert got.at_cost_hours.item() == pytest.approx(100.0)
