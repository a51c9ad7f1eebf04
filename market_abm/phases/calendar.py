"""Step 1: what happens whatever the agents do, and what is ordered by date."""

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.behaviour import labs
from market_abm.behaviour.integration import merchants
from market_abm.exact import at_best, bounded, exp, log, power, ratio, total
from market_abm.state.lifecycle import give_birth
from market_abm.state.tables import PUBLIC_CLOUD

PUBLIC_START_QUARTERS = 4.0  # of its budget, paid ahead when a public cloud is founded


def fading_growth(yearly_growth_ln, fade, quarters_since):
    """Return a quarter's growth in logs of a trend that fades by a ratio each year from a date on."""
    return yearly_growth_ln * power(fade, np.maximum(quarters_since, 0.0) / 4.0) / 4.0


def calendar_turns(world):
    """Move the exogenous paths by one quarter and clear last quarter's counts."""
    market, rules, q = world.market, world.rules, world.quarter
    moving = 0.0 if q == 0 else 1.0
    for path, yearly in (("research_usd", rules.training.research_growth), ("venture_floor_usd", rules.venture.floor_growth),
                         ("legacy_usd", rules.customers.legacy_growth), ("enterprise_usd", rules.customers.enterprise_growth),
                         ("developers", rules.documentation.developer_growth)):
        growth = fading_growth(log(yearly), rules.customers.fade, q - rules.customers.fade_from)
        setattr(market, path, getattr(market, path) * exp(moving * growth))
    ramp = bounded((q - rules.customers.shock_quarter + 1.0) / rules.customers.shock_quarters, 0.0, 1.0)
    shock = exp(log(rules.customers.shock) * ramp)
    market.shock_growth = shock / market.demand_shock
    market.demand_shock = shock
    market.legacy_usd = market.legacy_usd * power(market.shock_growth, rules.customers.shock_on_legacy)  # owners build it into what they have
    general = fading_growth(rules.clouds.general_growth, rules.clouds.general_fade, float(q))
    market.general_cloud_usd = market.general_cloud_usd * exp(moving * general)
    market.algorithmic_progress = power(rules.training.algorithmic_growth, q / 4.0)
    market.data_tokens = labs.usable_tokens(q, rules.training)
    market.run_days = labs.run_days(q, rules.training)
    for count in ("entries", "exits", "cloud_exits", "acquired", "blocked", "closed_pflop_hours", "passed_on_pflop_hours"):
        setattr(market, count, 0.0)
    world.clouds.took_over = 0.0


def groups_and_loads_grow(world):
    """Grow the cash flow of owners' groups, makers' other research, and all load but AI's (with its plants where none are built)."""
    rules, moving = world.rules, 0.0 if world.quarter == 0 else 1.0
    since = world.quarter - rules.clouds.group_fade_from
    group = fading_growth(rules.clouds.group_growth, rules.clouds.group_fade, since)
    clouds = world.clouds
    other = clouds.other_cash_flow_usd * exp(moving * group)
    clouds.other_cash_flow_usd = other
    clouds.group_cash_flow_usd = other + rules.clouds.general_margin * clouds.general_revenue_usd
    research = power(rules.chips.other_rnd_growth, 0.25 * moving)
    world.makers.other_rnd_usd = world.makers.other_rnd_usd * research
    load = exp(moving * world.regions.load_growth / 4.0)
    world.regions.other_load_mw = world.regions.other_load_mw * load
    world.regions.plant_mw = world.regions.plant_mw * np.where(rules.energy.plant_construction > 0, 1.0, load)


def ordered_events_happen(world):
    """Bring owners to life whose date has come: neoclouds that enter, a public cloud that is ordered."""
    clouds, budget_usd = world.clouds, world.rules.clouds.public_budget_usd
    founded = (clouds.kind == PUBLIC_CLOUD) & (clouds.alive == 0) & (budget_usd > 0)
    founded = founded & (np.cumsum(founded, axis=-1) == 1)
    due = founded | ((clouds.enters == world.quarter) & (clouds.announced > 0))
    if not np.any(due):
        return
    offered = clouds.active_pflops * clouds.rents_out
    rent = ratio(total(clouds.contested_rent_usd * offered), total(offered))
    born_with = ("birth", "kind", "controlled", "rents_out", "has_lab", "lab_aim", "reach", "enters", "opening_cash_usd",
                 "opening_cash_flow_usd", "opening_pull", "opening_convertible_mw", "service_usd", "appeal")
    values = {name: getattr(clouds, name).copy() for name in born_with}
    values["rents_out"] = np.maximum(values["rents_out"], founded)
    values |= {"sells": 1.0, "quality": 1.0}
    public_usd = PUBLIC_START_QUARTERS * budget_usd * founded
    values |= {"other_cash_flow_usd": values["opening_cash_flow_usd"], "new_workload_pull": values["opening_pull"]}
    values["lab_budget_usd"] = clouds.has_lab * world.rules.startups.opening_budget_share * world.market.frontier_budget_usd
    leader = world.makers.share_of_orders * merchants(world.makers)
    money = clouds.opening_cash_usd + public_usd
    values["expected_pflops"] = ratio(money, at_best(world.makers.investment_usd_per_pflops, leader))
    values |= {"contested_rent_usd": rent * (values["rents_out"] > 0), "tenant_share": values["rents_out"].copy(), "quarters_since_review": 100.0,
               "taste": owners.lasting_taste(world.lasting, clouds.birth, world.makers.birth)}
    give_birth(world.world, "clouds", due, values, reason="dated", amount=money, unit="USD")
    world.move("equity of clouds", entered=due * values["opening_cash_usd"])
    world.move("public money", entered=public_usd)
    world.move("data centres of entrants", entered=due * values["opening_convertible_mw"])
    site = due * values["expected_pflops"] * world.rules.clouds.entrant_site * at_best(world.makers.mw_per_pflops, leader)
    sites = owners.at_home(world.regions.home_bias, world.regions.controlled, clouds.controlled)
    world.move("connections energised", entered=site * sites)
