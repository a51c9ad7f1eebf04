"""Steps 4 and 5: owners form expectations, review prices, plan capacity and ask for power."""

import numpy as np

from market_abm.behaviour import chip_makers, integration
from market_abm.behaviour import clouds as owners
from market_abm.exact import bounded, leading, log, ratio, share_or_zero, stacked, total
from market_abm.rules.documentation import partners
from market_abm.state.tables import EVERYBODY_ELSE


def expectations_form(world):
    """Let expected growth follow the growth of what was asked, and expected level be what was asked."""
    clouds, smoothing = world.clouds, world.rules.clouds.forecast_smoothing
    asked = np.maximum(clouds.asked_pflops, 0.0)
    seen = (asked > 0) & (clouds.expected_pflops > 0)
    growth = log(bounded(ratio(asked, clouds.expected_pflops, 1.0), 0.25, 4.0))
    smoothed = clouds.demand_growth + smoothing * (growth - clouds.demand_growth)
    clouds.demand_growth = np.where(seen, smoothed, clouds.demand_growth)
    clouds.expected_pflops = np.where(asked > 0, asked, clouds.expected_pflops)


def suppliers_are_chosen(world):
    """Let each owner see what it can get out of each maker's chips and split its next orders.

    What new capacity costs is what the last chip costs, a merchant's: an owner's own chips are ordered up to
    a limit, and what they save stays with it.
    """
    clouds, makers, rules = world.clouds, world.makers, world.rules
    own = integration.own_makers(makers, clouds.alive.shape[-1])
    access = buyers_access(world, own)
    software = chip_makers.software_for_buyers(leading(makers.ecosystem), leading(makers.openness), access,
                                               world.market.open_source_stock, clouds.portable_stack, rules.documentation)
    utilisation = chip_makers.utilisation(software, rules.documentation) * clouds.alive
    for_sale = integration.for_sale(makers, own) * clouds.alive
    offers = owners.Offers(leading(makers.investment_usd_per_pflops), utilisation, access, for_sale)
    share = owners.choose_suppliers(clouds, offers, rules.chips, rules.documentation)
    share = integration.limit_own(share, own, integration.own_limit(clouds, makers, rules.integration, rules.chips))
    clouds.supplier_share, clouds.maker_utilisation = share, utilisation
    bought = np.where(stacked(share * ~own) > 0, share * ~own, share)
    clouds.investment_usd_per_pflops = ratio(stacked(bought * leading(makers.investment_usd_per_pflops)), stacked(bought))
    clouds.new_mw_per_pflops = stacked(share * leading(makers.mw_per_pflops))


def costs_and_prices_are_reviewed(world):
    """Work out the full cost of capacity, review list prices, set transfer prices and the tenants' part."""
    clouds, rules = world.clouds, world.rules.clouds
    energy = price_at_sites(world, world.regions.forecast_usd)
    clouds.full_cost_usd = owners.full_cost(clouds, energy, rules, world.rules.chips) * clouds.alive
    clouds.list_rent_usd, clouds.quarters_since_review = owners.list_price_review(clouds, rules)
    clouds.transfer_usd = owners.transfer_price(clouds, rules) * clouds.alive
    value = clouds.rent_usd + clouds.transfer_usd * clouds.own_pflop_hours
    wish = np.minimum(bounded(ratio(clouds.rent_usd, value, 1.0), rules.tenant_floor, 1.0), clouds.rents_out)
    share = clouds.tenant_share + rules.tenant_speed * (wish - clouds.tenant_share)
    clouds.tenant_share = share * clouds.alive


def capacity_is_planned(world):
    """Decide orders: expected need at delivery, as far as worth it, within the money there is."""
    clouds, rules, chips = world.clouds, world.rules.clouds, world.rules.chips
    fleet, under_way = stacked(clouds.fleet_pflops), _under_way(clouds)
    gate = owners.worth_investing(owners.value_over_cost(clouds, rules), owners.neoclouds(clouds), rules)
    expected = owners.expected_demand(clouds, chips.delivery_quarters + 1.0, rules.growth_cap)
    licensed = 1.0 - world.rules.trade.refused_share * clouds.controlled
    wish = expected / rules.target_utilisation * gate * licensed
    wanted = np.minimum(wish, _can_be_powered(world, fleet))
    staying = fleet - _retiring(clouds, world.quarter, chips.delivery_quarters)
    need = np.maximum(0.0, wanted - staying - under_way) * clouds.alive
    overdue = stacked(clouds.overdue_pflops)
    inflated = need * bounded(ratio(under_way, under_way - overdue, 1.0), 1.0, chips.order_inflation)
    possible = ratio(_money(world, need), clouds.investment_usd_per_pflops)
    order = np.minimum(inflated, possible)
    clouds.planned_pflops = order * clouds.supplier_share
    clouds.wanted_pflops = wish * clouds.alive
    clouds.overbooked = (fleet + under_way > np.maximum(wanted, 1e-12)) * 1.0
    clouds.power_short = ratio(wish - wanted, wish)
    clouds.money_short = ratio(inflated - order, inflated)


def power_is_requested(world):
    """Ask for the connections that will be needed when the request can be filled, up to what money could fill."""
    clouds, regions, rules = world.clouds, world.regions, world.rules
    sites = owners.choose_sites(clouds, regions, rules.energy)
    wait = stacked(sites * leading(regions.quoted_wait_quarters))
    more = np.maximum(0.0, clouds.wanted_pflops - stacked(clouds.fleet_pflops))
    needed = stacked(clouds.fleet_mw) + more * clouds.new_mw_per_pflops
    coming = stacked(clouds.connected_mw) + stacked(clouds.sites_mw.waiting()) + stacked(clouds.queued_mw.waiting())
    confident = owners.neoclouds(clouds) * (clouds.contested_rent_usd >= clouds.full_cost_usd)
    growth = np.maximum(clouds.demand_growth, confident * log(rules.clouds.neocloud_growth) / 4.0)
    wanted = owners.power_wanted(clouds, needed, coming, wait, growth, rules.energy)
    income = rules.clouds.omega * clouds.group_cash_flow_usd + clouds.rent_usd + clouds.ai_revenue_usd
    committed = stacked(clouds.planned_pflops) * clouds.investment_usd_per_pflops  # this quarter's orders, not yet in the book
    money = np.maximum(0.0, _money(world, more) - committed) + income * np.minimum(wait, rules.energy.horizon_cap)
    per_mw = ratio(clouds.investment_usd_per_pflops, clouds.new_mw_per_pflops)
    fillable = ratio(money, per_mw) * rules.energy.deposit_factor
    queued = stacked(clouds.queued_mw.waiting()) + stacked(clouds.sites_mw.waiting())
    request = sites * np.minimum(wanted, np.maximum(0.0, fillable - queued))
    queue = clouds.queued_mw.array.copy()
    queue[world.quarter % len(queue)] += request
    clouds.queued_mw.rewrite(queue)


def price_at_sites(world, price_usd):
    """Return the price of electricity where each owner has connections; where siting leans if it has none."""
    there = stacked(world.clouds.connected_mw * leading(price_usd))
    lean = total(price_usd * share_or_zero(world.regions.home_bias))
    connected = stacked(world.clouds.connected_mw)
    return np.where(connected > 0, ratio(there, connected), lean)


def buyers_access(world, own):
    """Return what each owner may read of each maker's documentation, `(makers, runs, owners)`: of its own maker's, everything."""
    clouds, rules = world.clouds, world.rules.documentation
    held = ratio(clouds.fleet_pflops, total(stacked(clouds.fleet_pflops))) * (clouds.kind != EVERYBODY_ELSE)  # thousands of small buyers
    seen = partners(leading(world.makers.openness), held, rules.rule, rules.partner_share)
    return np.where(own, 1.0, seen) * clouds.alive


def owners_write_software(world):
    """Let owners who depend on one undocumented maker pay engineers for a stack of their own."""
    clouds, makers, rules = world.clouds, world.makers, world.rules.documentation
    own = integration.own_makers(makers, clouds.alive.shape[-1])
    depends = owners.dependence(clouds.fleet_pflops, leading(makers.openness), own) * (clouds.kind != EVERYBODY_ELSE)
    spent = np.minimum(chip_makers.portable_spending(depends, clouds.invested_usd, rules), np.maximum(0.0, clouds.cash_usd))
    clouds.portable_stack = chip_makers.portable_growth(clouds.portable_stack, spent, rules) * clouds.alive
    world.move("portable software", left=spent)


def _retiring(clouds, quarter, lead):
    """Return the chips that retire before an order of today is delivered."""
    coming = range(int(lead.max()) + 1)
    return sum(stacked(clouds.retiring_pflops.arrivals(quarter + k)) * (k <= lead) for k in coming)


def _can_be_powered(world, fleet):
    """Return the chips that the owner's connections, built and granted, could run, and a little more."""
    clouds = world.clouds
    mw = stacked(clouds.connected_mw) + stacked(clouds.sites_mw.waiting())
    spare_mw = world.rules.clouds.power_slack * mw - stacked(clouds.fleet_mw)
    return np.maximum(0.0, fleet + ratio(spare_mw, clouds.new_mw_per_pflops))


def _under_way(clouds):
    """Return PFLOP/s ordered and not yet delivered."""
    return stacked(clouds.ordered_pflops.waiting()) + stacked(clouds.overdue_pflops)


def _money(world, need):
    """Return what an owner can commit to new orders: cash and income until delivery, credit, new shares, less the book."""
    clouds, rules = world.clouds, world.rules.clouds
    earned = clouds.rent_usd + clouds.ai_revenue_usd - clouds.energy_bill_usd
    income = (rules.omega * clouds.group_cash_flow_usd + np.maximum(0.0, earned)) * world.rules.chips.delivery_quarters
    equity = owners.backed(clouds, rules) * rules.neocloud_equity * need * clouds.investment_usd_per_pflops
    book = _under_way(clouds) * clouds.investment_usd_per_pflops
    return np.maximum(0.0, clouds.cash_usd + income + owners.credit_room(clouds, rules) + equity - book)
