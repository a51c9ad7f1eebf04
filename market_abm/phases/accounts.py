"""Step 12: everybody pays wages, upkeep, interest, tax and dividends. Nothing else moves cash afterwards but exits and entries."""

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.behaviour import startups
from market_abm.behaviour.integration import in_house, merchants
from market_abm.exact import add_up, look_up, stacked
from market_abm.phases.startup_fleets import costs_and_wear


def owners_close_accounts(world):
    """Pay upkeep, researchers, interest and tax; pay back debt; pay out what is not going to be invested."""
    clouds, rules = world.clouds, world.rules.clouds
    upkeep = owners.upkeep(clouds, rules)
    wear = stacked(clouds.fleet_pflops) * clouds.investment_usd_per_pflops / world.rules.chips.life_quarters
    people = world.rules.training.people_share * clouds.lab_funded_usd
    interest = clouds.debt_usd * rules.interest / 4.0
    service = clouds.service_usd * clouds.rented_pflop_hours
    profit = clouds.rent_usd + clouds.credit_rent_usd + clouds.ai_revenue_usd - clouds.energy_bill_usd - upkeep - people - interest
    profit = profit - service - clouds.market_outlay_usd
    world.move("upkeep", left=upkeep)
    world.move("service of rented hours", left=service)
    world.move("own labs' people", left=people)
    world.move("interest", left=interest)
    world.move("owners' tax", left=rules.tax * np.maximum(0.0, profit - wear))
    repaid = np.minimum(rules.repayment * clouds.debt_usd, np.maximum(0.0, clouds.cash_usd))
    world.move("repayment", left=repaid)
    clouds.debt_usd = clouds.debt_usd - repaid
    kept = rules.cash_buffer * rules.omega * clouds.group_cash_flow_usd + rules.kept_investment * clouds.invested_usd
    pays = (clouds.group_cash_flow_usd > 0) & (clouds.money_short <= 0)  # others keep what they have, and who is short what it needs
    spare = np.maximum(0.0, clouds.cash_usd - kept) * pays
    world.move("owners' dividends", left=spare)


def startups_close_accounts(world):
    """Pay the wages that rounds and revenue commit startups to, and tax."""
    rows, rules = world.startups, world.rules.startups
    rows.wages_usd = startups.wages(rows, rules) * rows.alive
    cost = rows.billed_usd - rows.voucher_usd + rows.wages_usd + costs_and_wear(world)
    world.move("wages", left=rows.wages_usd)
    world.move("startups' tax", left=rules.tax * np.maximum(0.0, rows.ai_revenue_usd - cost))


def makers_close_accounts(world):
    """Pay merchants' tax and pay out what research and production do not need; settle in-house makers with their parents.

    A maker that has just lost money keeps what it has.
    """
    makers, rules = world.makers, world.rules.chips
    making = makers.produced_pflops * makers.unit_cost_usd_per_pflops
    profit = makers.sales_usd + makers.other_rnd_usd - making - makers.rnd_usd
    merchant, own = merchants(makers), in_house(makers)
    world.move("makers' tax", left=rules.tax * np.maximum(0.0, profit) * merchant)
    kept = rules.buffer_quarters * makers.rnd_usd + rules.buffer_making * making
    world.move("makers' dividends", left=np.maximum(0.0, makers.cash_usd - kept) * (profit > 0) * merchant)
    settle_with_parents(world, makers.cash_usd * own)


def settle_with_parents(world, balance_usd):
    """Hand the cash of in-house makers to their parents, who also make good what is missing."""
    parent, rows = world.makers.parent, world.clouds.alive.shape[-1]
    balance_usd = balance_usd * look_up(world.clouds.alive, parent)
    surplus, missing = np.maximum(0.0, balance_usd), np.maximum(0.0, -balance_usd)
    world.move("surplus of in-house makers", left=surplus, entered=add_up(surplus, parent, rows))
    world.move("funding of in-house makers", left=add_up(missing, parent, rows), entered=missing)


def energy_providers_close_accounts(world):
    """Pay out the rents that the merit order leaves after fuel."""
    world.move("scarcity rents", left=world.regions.cash_usd)
