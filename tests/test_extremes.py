"""Configurations that once broke a run: nobody breaks an identity inside the declared bounds."""

import numpy as np
import pytest
from stored_baseline import CONFIGURATION

from market_abm.engine import Simulation, run_seeds, simulate
from market_abm.parameters.loading import load

CASES = {
    "an absent region": (24, ["cast.regions.rest_of_world.present=0", "cast.regions.china.site_share=0.28"]),
    "imitation faster than the gap": (24, ["chips.imitation=1", "chips.imitation_closed=5"]),
    "a huge fleet that is never renewed": (30, ["clouds.opening_fleet_pflops=1e9", "clouds.power_slack=0"]),
    "load far beyond all plants": (60, ["energy.queue=0", "customers.enterprise_growth=10", "customers.fade_from=2030Q1"]),
    "nobody rents out": (24, [f"cast.clouds.{key}.rents_out=0" for key in
                              ("amazon", "microsoft", "google", "alibaba", "oracle", "everybody_else", "coreweave", "lambda", "crusoe", "nebius")]),
    "own chips come and go": (60, ["integration.drive=1e6", "integration.design_usd=0", "integration.return_quarters=1", "integration.return_margin=0",
                                   "frame.spare_clouds=5"]),
    "chips without a margin": (60, ["chips.margin_floor=0", "chips.margin_cap=0", "chips.rnd_share=0.6", "entrants.drive=1e6", "clouds.omega=0"]),
    "the shortest lives": (24, ["chips.life_quarters=5"]),
    "more founders than slots": (24, ["startups.entry_rate=1000", "startups.entry_cap=100", "startups.talent_pool=1e7"]),
    "startups that buy all they can": (60, [
        "buying.purchase_share=1", "buying.reserve_quarters=0", "buying.capital_cost=0", "buying.utilisation=1", "buying.cover=1",
        "buying.least_chips=0", "energy.queue=0", "chips.life_quarters=5", "startups.wage_share=0.5"]),
    "buyers with nobody to sell to but the richest": (40, [
        "cast.clouds.everybody_else.present=0", "cast.clouds.google.fleet_share=0.616", "cast.clouds.google.legacy_share=0.545",
        "cast.clouds.google.general_share=0.481", "buying.reserve_quarters=0", "buying.capital_cost=0", "buying.least_chips=0"]),
    "a heavy and fickle market": (72, ["customers.contest=0.6", "clouds.provider_elasticity=6", "clouds.omega=0.1"]),
}


@pytest.mark.parametrize("case", CASES)
def test_no_identity_breaks(case):
    quarters, sets = CASES[case]
    outcome = simulate([load(str(CONFIGURATION), sets=[f"frame.quarters={quarters}", *sets])] * 4, run_seeds(5, 0, 4))
    assert outcome.failures == ()


def at_the_end(sets, quarters=12):
    simulation = Simulation([load(str(CONFIGURATION), sets=[f"frame.quarters={quarters}", *sets])] * 2, run_seeds(5, 0, 2))
    for _ in range(quarters):
        simulation.step()
    return simulation.world


def test_laggards_never_overtake_by_imitation():
    world = at_the_end(["chips.imitation=1", "chips.imitation_closed=5", "chips.innovation_hazard=0"])
    assert world.array("makers.pflops_per_chip").max() <= 0.125 * (1 + 1e-12), "no research: the V100 stays the best"


def test_a_lab_without_a_provider_has_no_customers():
    assert at_the_end(CASES["nobody rents out"][1]).array("startups.ai_share").max() == 0


def test_a_late_owner_under_export_control_builds_at_home(tmp_path):
    late = tmp_path / "late.toml"
    late.write_text(f'extends = "{CONFIGURATION}"\n[cast.clouds.late]\nkind = "neocloud"\njurisdiction = "CN"\n'
                    'enters = "2018Q2"\ncash_usd = 1e9\n')
    configuration = load(str(late), sets=["frame.quarters=3"])
    simulation = Simulation([configuration], run_seeds(1, 0, 1))
    for _ in range(2):
        simulation.step()
    row = [c.name for c in configuration.cast.clouds].index("late")
    connected = simulation.world.array("clouds.connected_mw")[:, 0, row]
    china = [r.jurisdiction for r in configuration.cast.regions].index("CN")
    assert connected[china] > 0
    assert np.delete(connected, china).sum() == 0


def test_prices_stay_within_reason_when_clouds_are_taken_over():
    names_and_values = simulate([load(str(CONFIGURATION), sets=CASES["a heavy and fickle market"][1])] * 16, run_seeds(1, 0, 16))
    rent = names_and_values.values[names_and_values.names.index("price_usd_per_pflop_hour")]
    assert np.nanmax(rent) < 30, "list prices of 2018 were near 25 USD a PFLOP-hour"
