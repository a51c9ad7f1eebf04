"""Every mechanism switch in the engine: off, its mechanism does exactly nothing; on, it does what it says, on the same seeds.

All cases advance in one lockstep. Until a mechanism first acts two histories with one seed are the same to the bit, so the
quarter in which they part shows what it does, and nothing else.
"""

from pathlib import Path

import numpy as np
import pytest
from worlds import same_bits

import market_abm
from market_abm.engine import Simulation, run_seeds
from market_abm.parameters.declare import declarations
from market_abm.parameters.loading import load
from market_abm.parameters.schema import Parameters
from market_abm.parameters.switches import Switches
from market_abm.state.journal import Journal
from market_abm.state.tables import EVERYBODY_ELSE, HYPERSCALER, IN_HOUSE, MERCHANT

BASE = Path(market_abm.__file__).parent.parent / "configs" / "base.toml"
QUARTERS, SEEDS = 30, 2
SIZE = (f"frame.quarters={QUARTERS}", "frame.startup_slots=128", "startups.opening=100", "startups.talent_pool=120")
CAST = load(BASE).cast
OWNERS, MAKERS = [owner.name for owner in CAST.clouds], [maker.name for maker in CAST.makers]
AMAZON, NVIDIA, AMD = OWNERS.index("Amazon"), MAKERS.index("NVIDIA"), MAKERS.index("AMD")
NUMBERS = Parameters()

# Regions a thousandth as large: data centres are then a good part of the load, as they are not before 2030 in the baseline.
SMALL_REGIONS = tuple(
    f"cast.regions.{region.name.lower().replace(' the ', ' ').replace(' ', '_')}.{part}_mw={getattr(region, part + '_mw') / 1000}"
    for region in CAST.regions for part in ("other_load", "renewables", "hydro", "nuclear", "baseload", "midload", "peaking"))

# What both cases of a pair share: where the baseline leaves a mechanism idle, numbers that make it bite; where others blur what it
# does, these others out of the way.
GROUNDS = {
    "plain": (),
    "no earlier runs": ("training.opening_frontier_flop=1e18",),
    "memory of orders": ("chips.cancellation=0",),
    "own chips barred": ("switches.integration=0",),
    "makers who stay": ("switches.integration=0", "entrants.failures=0"),
    "rounds alone": ("switches.acquisitions=0", "ownership.backing_hazard=0"),
    "shares of one quarter": ("customers.inertia=0", "switches.acquisitions=0", "switches.stakes=0", "startups.largest_round=1e6"),
    "buyers alike": ("chips.taste_spread=0", "switches.efficiency=0", "switches.integration=0"),
    "patient requests": ("energy.withdrawal=0",),
    "eager buyers": ("mergers.synergy_rate=0.02", "mergers.purse_share=1", "clouds.interest=1"),
    "dear customers": ("conduct.foreclosure=1", "customers.serving_cost_share=0.2", "switches.stakes=0"),
    "eager entrants": ("entrants.drive=1",),
    "no margins": ("chips.margin_floor=0", "chips.margin_cap=0", "chips.rnd_share=0.6", "switches.integration=0", "entrants.drive=0"),
    "little text, small clusters": ("training.cluster_limit_chips=130", "training.data_tokens=1e9"),
    "cheap owning": ("buying.purchase_share=1", "buying.reserve_quarters=0", "buying.capital_cost=0", "buying.least_chips=0", "energy.queue=0"),
    "no connections": ("energy.slots_mw=1", "energy.own_power_slots_mw=500", "energy.own_power_least_mw=1", "energy.own_power_quarters=2",
                       "energy.study_quarters=8"),
    "small regions": (*SMALL_REGIONS, "energy.plant_quarters=4"),
    "plants wear out": ("energy.plant_retirement=0.4", "energy.plant_start_bound=0", "clouds.opening_headroom=1", "clouds.opening_sites=0"),
}
PAIRS = [
    *((switch, "plain") for switch in ("efficiency", "contracts", "integration", "portable_stacks", "open_source")),
    ("telemetry", "no earlier runs"), ("learning", "makers who stay"), ("stakes", "plain"), ("stakes", "rounds alone"),
    ("contest", "shares of one quarter"), ("relationship", "memory of orders"), ("cross_subsidy", "own chips barred"),
    ("switching_cost", "buyers alike"), ("selectivity", "shares of one quarter"), ("power_queue", "patient requests"),
    ("acquisitions", "eager buyers"), ("foreclosure", "dear customers"), ("merchant_entry", "eager entrants"), ("merchant_entry", "no margins"),
    ("cluster_limit", "little text, small clusters"), ("data_limit", "little text, small clusters"), ("buying", "cheap owning"),
    ("behind_the_meter", "no connections"), ("conversion", "no connections"), ("plant_construction", "small regions"),
    ("curtailment", "plants wear out"),
]

# What a mechanism alone writes or moves: columns "table.column" and flows of the ledger.
OWN = {
    "contracts": ("startups.reserved_pflop_hours", "startups.contract_quarters", "clouds.enterprise_reserved_pflop_hours", "clouds.contract_rent_usd",
                  "clouds.backlog_usd"),
    "stakes": ("startups.stake", "startups.credits_usd", "startups.credit_rent_usd", "clouds.credits_owed_usd", "clouds.backing_usd",
               "clouds.backed_rent_usd", "stakes of clouds", "credits granted", "credits used"),
    "acquisitions": ("market.acquired", "acquisitions by owners", "acquisitions by startups", "cash of startups bought"),
    "foreclosure": ("clouds.withheld_pflop_hours",),
    "telemetry": ("clouds.insight",),
    "integration": ("funding of in-house makers", "surplus of in-house makers"),
    "merchant_entry": ("capital of new makers",),
    "portable_stacks": ("clouds.portable_stack", "portable software"),
    "open_source": ("market.open_source_stock",),
    "data_limit": ("clouds.data_short", "startups.data_short"),
    "buying": ("startups.own_pflops", "startups.on_order_pflops", "startups.deposit_usd", "startups.own_training_pflop_hours",
               "startups.own_serving_pflop_hours", "deposits for chips", "running costs of own chips"),
    "behind_the_meter": ("clouds.own_power_planned_mw", "clouds.own_power_mw", "clouds.own_power_mwh", "own power plants", "own power on line",
                         "fuel of own power"),
    "conversion": ("clouds.conversion_planned_mw", "data centres converted", "conversion of data centres"),
}
READ = {
    "market": "research_usd venture_pool_usd cloud_exits exits closed_pflop_hours frontier_run_flop frontier_efficiency",
    "makers": "alive kind unit_cost_usd_per_pflops pflops_per_chip base_cost_usd_per_chip cumulative_chips share_of_orders openness produced_pflops",
    "clouds": "alive kind has_lab ai_share effective_flop lab_budget_usd delivered_pflops overdue_pflops unserved_pflops bought_pflops took_over "
              "supplier_share maker_utilisation cash_usd group_cash_flow_usd fleet_pflops fleet_mw connected_mw own_power_mw active_mw active_pflops "
              "run_flop training_pflop_hours own_pflop_hours convertible_mw",
    "startups": "alive birth provider ai_share effective_flop budget_usd raised_usd training_pflop_hours serving_pflop_hours",
    "regions": "quoted_wait_quarters completed_wait_quarters granted_mw at_risk_mw granted_by_age_mw shortage_share plant_mw other_load_mw",
}
COLUMNS = sorted({f"{table}.{name}" for table, names in READ.items() for name in names.split()} | {n for names in OWN.values() for n in names if "." in n})
FLOWS = sorted({n for names in OWN.values() for n in names if "." not in n} | {"group cash flow", "chip purchases", "creditors' loss of makers"})


class History:
    """What one case did: `case[name]` is `(quarters, ..., seeds, rows)` of a column, `(quarters, seeds)` of a flow."""

    def __init__(self, told, runs):
        self.told, self.runs = told, runs

    def __getitem__(self, name):
        return self.told[name][..., self.runs, :] if "." in name else self.told[name][:, self.runs]

    def events(self, event, reason):
        return [(note, run) for note in self.told["journal"] for run in range(len(note.runs))
                if note.event == event and note.reason == reason and self.runs.start <= note.runs[run] < self.runs.stop]


def advanced(configurations):
    """Step all cases, each on the same seeds, and return {name: array by quarter}."""
    simulation = Simulation([c for c in configurations for _ in range(SEEDS)], np.tile(run_seeds(3, 0, SEEDS), len(configurations)))
    world, told = simulation.world, {name: [] for name in (*COLUMNS, *FLOWS)}
    world.journal = Journal()
    told["opening"] = {name: world.array(name).copy() for name in ("clouds.effective_flop", "clouds.cash_usd")}
    for _ in range(QUARTERS):
        simulation.step()
        assert simulation.failures == []
        for name in COLUMNS:
            told[name].append(world.array(name).copy())
        for name in FLOWS:
            told[name].append(np.broadcast_to(world.ledger.amount(name), (world.runs, 1))[:, 0].copy())
    return {name: np.array(values) if isinstance(values, list) else values for name, values in told.items()} | {"journal": world.journal.notes}


@pytest.fixture(scope="module")
def pair():
    """Return a function from a switch to its histories on and off."""
    cases = [(ground, "") for ground in GROUNDS] + [(ground, switch) for switch, ground in PAIRS]
    told = advanced([load(BASE, sets=(*SIZE, *GROUNDS[ground], *([f"switches.{switch}=0"] if switch else []))) for ground, switch in cases])

    def both(switch, ground=None):
        ground = ground or dict(reversed(PAIRS))[switch]
        places = (cases.index((ground, "")), cases.index((ground, switch)))
        return tuple(History(told, slice(place * SEEDS, (place + 1) * SEEDS)) for place in places)

    return both


def by_quarter(values):
    """Sum everything but quarters and seeds of a column, `(quarters, seeds)`."""
    return values.sum(axis=(*range(1, values.ndim - 2), -1)) if values.ndim > 2 else values


def parting(on, off, name):
    """Return the first quarter in which two histories of a column differ, by seed."""
    apart = by_quarter(np.abs(on[name] - off[name])) > 0
    assert apart.any(axis=0).all(), f"{name} is the same with the mechanism and without it"
    return apart.argmax(axis=0)


# Off is off -----------------------------------------------------------------------------------------


def test_every_switch_has_a_pair_and_a_test():
    assert {switch for switch, _ in PAIRS} == set(declarations(Switches))
    tested = " ".join(name for name in globals() if name.startswith("test_"))
    assert [switch for switch in declarations(Switches) if f"test_{switch}_" not in tested] == []


@pytest.mark.parametrize(("switch", "name"), [(switch, name) for switch, names in OWN.items() for name in names])
def test_off_nothing_is_written_or_moved_and_on_something_is(pair, switch, name):
    on, off = pair(switch)
    assert not off[name].any()
    assert by_quarter(np.abs(on[name])).any(axis=0).all(), "on every seed"


# Customers and capital ------------------------------------------------------------------------------


def shares(case):
    return np.concatenate([case["startups.ai_share"], case["clouds.ai_share"]], axis=-1)


def test_contest_off_all_labs_that_serve_are_equal_and_on_the_most_capable_has_most(pair):
    on, off = pair("contest")
    served = shares(off)
    assert np.array_equal(served, (served > 0) * served.max(axis=-1, keepdims=True)), "whatever they know and ask"
    for budget in ("startups.budget_usd", "clouds.lab_budget_usd"):  # who competes for no customers spends what research alone gets
        assert (off[budget] <= off["market.research_usd"]).all()
        assert (on[budget] > on["market.research_usd"]).any()
    able = np.concatenate([on["startups.effective_flop"], on["clouds.effective_flop"]], axis=-1)
    of_best = np.take_along_axis(shares(on), able.argmax(axis=-1)[..., None], axis=-1)
    served = np.where(shares(on) > 0, shares(on), np.nan)
    assert (of_best > np.nanmedian(served, axis=-1, keepdims=True)).all()


def test_selectivity_off_funded_rounds_are_equal_and_on_they_follow_rank(pair):
    on, off = pair("selectivity")
    equal, ranked = (np.where(case["startups.raised_usd"] > 0, case["startups.raised_usd"], np.nan) for case in (off, on))
    assert np.array_equal(np.nanmax(equal, axis=-1), np.nanmin(equal, axis=-1))
    told = np.isclose(np.nansum(ranked, axis=-1), on["market.venture_pool_usd"][..., 0], rtol=1e-9)  # else who was funded closed in the quarter
    funded, most, least = (values[told] for values in (np.isfinite(ranked).sum(axis=-1), np.nanmax(ranked, axis=-1), np.nanmin(ranked, axis=-1)))
    assert len(funded) > 20 and funded.min() > 1
    # of n funded the best has rank 1 and the last 1/n: they get e^psi to e^(psi/n)
    np.testing.assert_allclose(most / least, np.exp(NUMBERS.startups.selectivity * (1 - 1 / funded)), rtol=1e-9)


def test_cross_subsidy_off_no_group_pays_and_on_more_chips_are_bought(pair):
    on, off = pair("cross_subsidy")
    for case, omega, cover in ((on, NUMBERS.clouds.omega, 1.0), (off, 0.0, 0.0)):
        before = np.concatenate([case.told["opening"]["clouds.cash_usd"][None, case.runs], case["clouds.cash_usd"][:-1]])
        cash_flow = case["clouds.group_cash_flow_usd"]
        lost = np.minimum(np.maximum(0.0, -before), cover * (1.0 - omega) * cash_flow)
        np.testing.assert_allclose(case["group cash flow"], (omega * cash_flow + lost).sum(axis=-1), rtol=1e-9, atol=1e-3)
    assert (on["chip purchases"].sum(axis=0) > 1.2 * off["chip purchases"].sum(axis=0)).all()


# Chips ----------------------------------------------------------------------------------------------


def scarce_fills(case):
    """Yield (fill, claim) of the buyers of one maker in one quarter with too few chips; the claim is remembered purchases over the order."""
    got, overdue, bought = (case[f"clouds.{name}_pflops"] for name in ("delivered", "overdue", "bought"))
    due, could_pay = got + overdue, np.isclose(case["clouds.unserved_pflops"], overdue.sum(axis=1), rtol=1e-9, atol=0)
    undisturbed = (case["market.cloud_exits"][..., 0] == 0) & ~case["clouds.took_over"].any(axis=-1)
    for quarter in range(1, QUARTERS):
        for seed in np.flatnonzero(undisturbed[quarter]):
            for maker in range(due.shape[1]):
                there = could_pay[quarter, seed] & (due[quarter, maker, seed] > 1e-6)
                fill = (got / np.where(due > 0, due, 1.0))[quarter, maker, seed, there]
                if there.sum() > 1 and fill.min() < 0.99:
                    weight = bought[quarter - 1, maker, seed, there] ** NUMBERS.chips.relationship_exponent
                    yield fill, weight / due[quarter, maker, seed, there]


def test_relationship_off_scarce_chips_go_by_orders_and_on_to_old_customers(pair):
    on, off = pair("relationship")
    equal, unequal = list(scarce_fills(off)), list(scarce_fills(on))
    assert min(len(equal), len(unequal)) > 20, "there is scarcity"
    assert max(np.ptp(fill) for fill, _ in equal) < 1e-9
    assert max(np.ptp(fill) for fill, _ in unequal) > 0.3
    assert min(np.diff(fill[np.argsort(claim)]).min() for fill, claim in unequal) > -1e-9, "the fuller, the older the customer"


def test_switching_cost_off_all_buyers_choose_alike_and_on_they_keep_to_the_chips_that_they_have(pair):
    on, off = pair("switching_cost")
    share, there = off["clouds.supplier_share"], off["clouds.alive"][:, None] > 0
    apart = np.where(there, share, -1).max(axis=-1) - np.where(there, share, 2).min(axis=-1)
    assert np.abs(apart).max() < 1e-12, "without tastes nothing tells them apart"
    assert (np.ptp(on["clouds.supplier_share"][-1, NVIDIA, :, :4], axis=-1) > 0.01).all()
    assert (on["makers.share_of_orders"][..., NVIDIA].mean(axis=0) > off["makers.share_of_orders"][..., NVIDIA].mean(axis=0) + 0.05).all()


def test_efficiency_off_all_chips_are_used_alike_and_on_software_makes_them_faster(pair):
    on, off = pair("efficiency")
    rules = NUMBERS.documentation
    used = off["clouds.maker_utilisation"][np.broadcast_to(off["clouds.alive"][:, None] > 0, off["clouds.maker_utilisation"].shape)]
    assert set(used.tolist()) == {rules.utilisation_floor + rules.utilisation_span / 2}  # half of what software can add
    nvidia, amd = (on["clouds.maker_utilisation"][:, maker, :, AMAZON] for maker in (NVIDIA, AMD))
    assert (nvidia > amd).all(), "1.2 of software against .35 at the start, and more users"
    assert (np.diff(nvidia, axis=0) > 0).mean() > 0.9
    assert (on["makers.share_of_orders"][-1, :, NVIDIA] > off["makers.share_of_orders"][-1, :, NVIDIA]).all()


def test_learning_off_costs_stay_and_on_they_fall_by_wrights_law(pair):
    on, off = pair("learning")
    for case, exponent in ((off, 0.0), (on, NUMBERS.chips.learning_exponent)):
        there = case["makers.alive"] > 0
        left = (case["makers.unit_cost_usd_per_pflops"] * case["makers.pflops_per_chip"])[there] / case["makers.base_cost_usd_per_chip"][there]
        made = np.concatenate([np.zeros((1, SEEDS)), case["makers.cumulative_chips"].sum(axis=-1)[:-1]])  # until the quarter before
        law = (1.0 + made / NUMBERS.chips.chips_before_start) ** -exponent
        np.testing.assert_allclose(left, np.broadcast_to(law[..., None], there.shape)[there], rtol=1e-12)
    assert law[-1].max() < 0.8, "some three doublings or more"


def test_integration_off_nobody_makes_own_chips_and_on_merchants_sell_less(pair):
    on, off = pair("integration")
    own = off["makers.kind"] == IN_HOUSE
    assert not (off["makers.alive"] * own).any()
    assert not off["clouds.fleet_pflops"][:, np.array([m.kind == "in_house" for m in CAST.makers])].any()
    of_merchants = [(case["makers.produced_pflops"] * (case["makers.kind"] == MERCHANT)).sum(axis=(0, -1)) / case["makers.produced_pflops"].sum(axis=(0, -1))
                    for case in (on, off)]
    assert (of_merchants[0] < 0.9).all()
    assert of_merchants[1].tolist() == [1.0] * SEEDS


def test_merchant_entry_off_nobody_comes_or_goes_and_on_one_brings_what_entry_costs(pair):
    on, off = pair("merchant_entry")
    count = [(case["makers.alive"] * (case["makers.kind"] == MERCHANT)).sum(axis=-1) for case in (on, off)]
    assert set(count[1].ravel().tolist()) == {3.0}
    assert (count[0][-1] == 4.0).all()
    assert on["capital of new makers"].sum(axis=0).tolist() == [NUMBERS.entrants.cost_usd] * SEEDS
    failing, kept = pair("merchant_entry", "no margins")
    assert (kept["makers.alive"].sum(axis=-1) == 3.0).all()
    assert not kept["creditors' loss of makers"].any()
    assert (failing["makers.alive"][-1].sum(axis=-1) < 3.0).all()
    assert (failing["creditors' loss of makers"].sum(axis=0) > 0).all()


def software(case, quarter):
    """Return the software behind what owners get out of chips, `(makers, seeds, owners)`: E of u = u0 + u1 E/(E + h)."""
    rules = NUMBERS.documentation
    added = case["clouds.maker_utilisation"][quarter] - rules.utilisation_floor
    return rules.software_half * added / (rules.utilisation_span - added)


def test_portable_stacks_serve_on_every_makers_chips_who_wrote_them(pair):
    on, off = pair("portable_stacks")
    assert parting(on, off, "clouds.maker_utilisation").tolist() == [1] * SEEDS, "what is written in the first quarter runs in the second"
    more, stack = software(on, 1) - software(off, 1), on["clouds.portable_stack"][0]
    part = more[NVIDIA] / np.where(stack > 0, stack, np.nan)  # of undocumented chips, what serves without reading; of partners', all
    assert np.nanmin(part) >= NUMBERS.documentation.public_part - 1e-9
    assert np.nanmax(part) <= 1 + 1e-9
    assert not more[:, stack == 0].any()


def test_open_source_serves_on_chips_as_far_as_they_are_documented(pair):
    on, off = pair("open_source")
    assert parting(on, off, "clouds.maker_utilisation").tolist() == [1] * SEEDS
    more = (software(on, 1) - software(off, 1))[:, :, AMAZON]
    expected = on["market.open_source_stock"][0, :, 0] * np.moveaxis(on["makers.openness"][1], -1, 0)
    for maker in (NVIDIA, AMD):
        np.testing.assert_allclose(more[maker], expected[maker], rtol=1e-9)
    assert (more[AMD] > more[NVIDIA]).all(), "the better documented"


# Labs and those who host them -----------------------------------------------------------------------


def test_contracts_bind_tenants_to_their_clouds(pair):
    moves = []
    for case in pair("contracts"):
        provider, birth = case["startups.provider"], case["startups.birth"]
        same = (birth[1:] == birth[:-1]) & (case["startups.alive"][1:] > 0) & (provider[:-1] < len(OWNERS))
        moves.append(((provider[1:] != provider[:-1]) & same).sum(axis=(0, -1)) / same.sum(axis=(0, -1)))
    assert (moves[0] < moves[1]).all()


def test_stakes_add_the_hosts_money_to_a_round_most_of_it_in_credits(pair):
    on, off = pair("stakes", "rounds alone")
    rules = NUMBERS.ownership
    for seed, quarter in enumerate(parting(on, off, "startups.raised_usd")):
        both = (on["startups.birth"] == off["startups.birth"])[quarter, seed] & (on["startups.alive"][quarter, seed] > 0)
        paid = (on["startups.raised_usd"] - off["startups.raised_usd"])[quarter, seed] * both
        joined = paid > 0
        assert (paid >= 0).all()
        # the cloud pays a share of the whole round, so s/(1 - s) of what others put in, unless its budget ends before
        others = off["startups.raised_usd"][quarter, seed, joined]
        assert (paid[joined] <= others * rules.corporate_share / (1 - rules.corporate_share) * (1 + 1e-9)).all()
        credits, cash = on["credits granted"][quarter, seed], on["stakes of clouds"][quarter, seed]
        assert credits == pytest.approx(rules.credit_part * (credits + cash))
        assert 0 < paid.sum() <= (credits + cash) * (1 + 1e-9)
        sold = on["startups.stake"][quarter, :, seed, joined].sum(axis=-1)
        assert sold == pytest.approx(rules.round_dilution * paid[joined] / (paid[joined] + others))


def test_acquisitions_rescue_startups_and_give_failed_clouds_to_hyperscalers(pair):
    on, off = pair("acquisitions")
    assert (on["market.exits"].sum(axis=(0, -1)) < off["market.exits"].sum(axis=(0, -1))).all(), "who is bought does not close"
    kinds = [{case["clouds.kind"][note.quarter, note.runs[k] - case.runs.start, note.other_rows[k]] for note, k in case.events("exit", "takeover")}
             for case in (on, off)]
    assert kinds == [{HYPERSCALER}, {EVERYBODY_ELSE}]


def test_foreclosure_takes_from_tenants_what_is_withheld(pair):
    on, off = pair("foreclosure")
    for seed, quarter in enumerate(parting(on, off, "startups.training_pflop_hours")):
        withheld = on["clouds.withheld_pflop_hours"][quarter, seed]
        hours = [(case["startups.training_pflop_hours"] + case["startups.serving_pflop_hours"])[quarter, seed].sum()
                 + case["market.closed_pflop_hours"][quarter, seed, 0] for case in (on, off)]
        assert not on["clouds.withheld_pflop_hours"][:quarter, seed].any()
        assert hours[1] - hours[0] == pytest.approx(withheld.sum())
        assert (on["clouds.has_lab"][quarter, seed, withheld > 0] == 1).all()
        gain = (on["clouds.own_pflop_hours"] - off["clouds.own_pflop_hours"])[quarter, seed]
        assert gain.min() > -1e-6, "what is withheld is there for own use"


def test_telemetry_multiplies_the_worth_of_the_hosts_own_runs(pair):
    on, off = pair("telemetry")
    before = on.told["opening"]["clouds.effective_flop"][on.runs]
    told, plain = on["clouds.effective_flop"][0], off["clouds.effective_flop"][0]
    new = (plain > before) & (on["clouds.insight"][0] > 0)  # where the run of the first quarter is the best so far
    assert new.any()
    np.testing.assert_allclose(told[new] / plain[new], np.exp(on["clouds.insight"][0][new]), rtol=1e-9)
    assert same_bits(on["clouds.run_flop"][0], off["clouds.run_flop"][0])
    assert not on["clouds.insight"][on["clouds.has_lab"] == 0].any()


def test_cluster_limit_slows_large_runs_alone(pair):
    on, off = pair("cluster_limit")
    assert (off["market.frontier_efficiency"] == 1.0).all()
    assert (on["market.frontier_efficiency"] < 1.0).all()
    kept = on["clouds.run_flop"][0] / np.where(off["clouds.run_flop"][0] > 0, off["clouds.run_flop"][0], np.nan)
    assert np.nanmax(kept) == 1.0, "a small cluster loses nothing"
    largest = off["clouds.training_pflop_hours"][0].argmax(axis=-1)
    assert np.nanmin(kept, axis=-1).tolist() == [kept[seed, owner] for seed, owner in enumerate(largest)]
    assert np.nanmin(kept) < 0.97


def test_data_limit_lowers_what_runs_are_worth_and_not_the_runs(pair):
    on, off = pair("data_limit")
    assert same_bits(on["clouds.run_flop"][0], off["clouds.run_flop"][0])
    assert same_bits(on["market.frontier_run_flop"][0], off["market.frontier_run_flop"][0])
    trained = on["clouds.run_flop"][0] > 0
    assert (on["clouds.data_short"][0][trained] > 0.5).all(), "1e9 tokens, read four times, are few"
    assert (on["clouds.effective_flop"][-1].max(axis=-1) < 0.1 * off["clouds.effective_flop"][-1].max(axis=-1)).all()


# Fleets and power -----------------------------------------------------------------------------------


def test_buying_lets_startups_rent_less(pair):
    on, off = pair("buying")
    rented = [(case["startups.training_pflop_hours"] + case["startups.serving_pflop_hours"])[-8:].sum(axis=(0, -1)) for case in (on, off)]
    assert (rented[0] < rented[1]).all()
    pool = OWNERS.index("Startup pool")
    assert not off["clouds.fleet_pflops"][..., pool].any()
    np.testing.assert_allclose(on["clouds.fleet_pflops"][..., pool].sum(axis=1), on["startups.own_pflops"].sum(axis=-1), rtol=1e-6)


def test_power_queue_off_every_request_is_granted_at_once_and_on_it_waits(pair):
    on, off = pair("power_queue")
    assert (off["regions.quoted_wait_quarters"] == NUMBERS.energy.building_quarters).all()
    assert same_bits(off["regions.at_risk_mw"][:, 0].copy(), off["regions.granted_by_age_mw"][:, 0].copy())
    assert not off["regions.at_risk_mw"][:, 1:].any(), "nobody is left for a second quarter"
    assert off["regions.granted_mw"][-1].sum(axis=-1).min() > 0
    assert not on["regions.granted_by_age_mw"][:, 0].any(), "a quarter old, they are under study"
    assert on["regions.at_risk_mw"][-1, 4:].sum() > 0, "some have waited for more than a year"
    assert (on["regions.quoted_wait_quarters"] > off["regions.quoted_wait_quarters"]).all()
    granted = (on["regions.granted_mw"] > 0) & (off["regions.granted_mw"] > 0)
    assert (on["regions.completed_wait_quarters"] > off["regions.completed_wait_quarters"])[granted].all()


def test_behind_the_meter_runs_chips_that_would_stand_idle(pair):
    on, off = pair("behind_the_meter")
    assert (on["clouds.active_pflops"][-1].sum(axis=-1) > 1.05 * off["clouds.active_pflops"][-1].sum(axis=-1)).all()


def test_conversion_turns_general_data_centres_into_connections(pair):
    on, off = pair("conversion")
    assert (np.diff(off["clouds.convertible_mw"], axis=0) >= 0).all(), "entrants bring some, nobody uses any"
    for seed, quarter in enumerate(parting(on, off, "clouds.connected_mw")):
        more = (on["clouds.connected_mw"] - off["clouds.connected_mw"])[quarter, :, seed].sum(axis=0)
        used = (off["clouds.convertible_mw"] - on["clouds.convertible_mw"])[quarter, seed]
        assert more == pytest.approx(used, abs=1e-6)
        assert used.sum() == pytest.approx(on["data centres converted"][quarter, seed])


def test_plant_construction_off_plants_follow_other_load_and_on_they_come_late_and_for_data_centres(pair):
    on, off = pair("plant_construction")
    built, paced = (case["regions.plant_mw"].sum(axis=1) / case["regions.other_load_mw"] for case in (on, off))
    np.testing.assert_allclose(paced, np.broadcast_to(paced[0], paced.shape), rtol=1e-12)
    np.testing.assert_allclose(built[:5], paced[:5], rtol=1e-9)  # begun before, or in the first quarter, which saw no data centres yet
    assert (built[5:] > paced[5:]).all()
    with_plants, without = (case["regions.shortage_share"].sum(axis=0) for case in (on, off))
    assert (with_plants <= without).all()
    assert (with_plants < without).sum() >= 8, "everywhere but where nothing was short"


def test_curtailment_cuts_data_centres_a_quarter_after_a_shortage(pair):
    on, off = pair("curtailment")
    for seed, quarter in enumerate(parting(on, off, "clouds.active_mw")):
        short = off["regions.shortage_share"][:quarter, seed].any(axis=-1)
        assert short[-1]
        assert same_bits(on["regions.shortage_share"][quarter - 1, seed].copy(), off["regions.shortage_share"][quarter - 1, seed].copy())
        for case, part in ((on, 1.0), (off, 0.0)):
            alone = ~case["clouds.took_over"][quarter, seed].astype(bool)  # others' chips came to the rest after the cut
            alone[[note.other_rows[k] for note, k in case.events("exit", "takeover") if note.quarter == quarter]] = False
            left = 1.0 - part * case["regions.shortage_share"][quarter - 1, seed]
            powered = (case["clouds.connected_mw"][quarter, :, seed] * left[:, None]).sum(axis=0) + case["clouds.own_power_mw"][quarter, seed]
            needed = case["clouds.fleet_mw"][quarter, :, seed].sum(axis=0)
            np.testing.assert_allclose(case["clouds.active_mw"][quarter, seed, alone], np.minimum(needed, powered)[alone], rtol=1e-9, atol=1e-9)
            assert alone.sum() > 10
        assert (on["clouds.active_mw"] <= off["clouds.active_mw"])[quarter, seed].all()
