"""Steps 4 and 5: owners form expectations, review prices, plan capacity and ask for power."""

import numpy as np

from market_abm.behaviour import chip_makers, integration
from market_abm.behaviour import clouds as owners
from market_abm.behaviour import power as own_power
from market_abm.exact import bounded, leading, log, power, ratio, share_or_zero, stacked, total
from market_abm.rules.documentation import partners
from market_abm.state.tables import many_small


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
    rented = clouds.rent_usd + clouds.credit_rent_usd - clouds.backed_rent_usd
    value = rented + clouds.backed_rent_usd + clouds.transfer_usd * clouds.own_pflop_hours
    wish = np.minimum(bounded(ratio(rented, value, 1.0), rules.tenant_floor, 1.0), clouds.rents_out)
    share = clouds.tenant_share + rules.tenant_speed * (wish - clouds.tenant_share)
    clouds.tenant_share = share * clouds.alive


def capacity_is_planned(world):
    """Decide orders: expected need at delivery, as far as worth it, within the money there is."""
    clouds, rules, chips = world.clouds, world.rules.clouds, world.rules.chips
    fleet, under_way = stacked(clouds.fleet_pflops), _under_way(clouds)
    gate = owners.worth_investing(owners.value_over_cost(clouds, rules), owners.neoclouds(clouds), rules)
    licensed = (1.0 - world.rules.trade.refused_share * clouds.controlled) * clouds.alive
    expected = owners.expected_demand(clouds, chips.delivery_quarters + 1.0, rules.growth_cap) / rules.target_utilisation
    afforded = fleet + under_way + ratio(_money(world, 0.0 * fleet), clouds.investment_usd_per_pflops)
    unserved = owners.unserved_for(clouds, world.market.unserved_pflops, rules) / rules.target_utilisation
    level, part = owners.capacity_aimed_at(clouds, expected, gate, afforded, unserved)
    wish = fleet + part * licensed * np.maximum(0.0, level - fleet)
    wanted = np.minimum(wish, _can_be_powered(world, fleet))
    staying = fleet - _retiring(clouds, world.quarter, chips.delivery_quarters)
    missing = part * licensed * np.maximum(0.0, level - staying - under_way)
    need = np.minimum(missing, np.maximum(0.0, _can_be_powered(world, fleet) - staying - under_way))
    overdue = stacked(clouds.overdue_pflops)
    inflated = need * bounded(ratio(under_way, under_way - overdue, 1.0), 1.0, chips.order_inflation)
    possible = ratio(_money(world, need), clouds.investment_usd_per_pflops)
    order = np.minimum(inflated, possible)
    clouds.planned_pflops = order * clouds.supplier_share
    clouds.wanted_pflops = wish * clouds.alive
    clouds.overbooked = (fleet + under_way > np.maximum(wanted, 1e-12)) * 1.0
    clouds.power_short = ratio(wish - wanted, wish)
    clouds.money_short = ratio(inflated - order, inflated)


def power_of_own_is_planned(world):
    """Decide what to convert and what to build behind the meter, where the queue would leave an owner short."""
    clouds, rules, energy = world.clouds, world.rules.clouds, world.rules.energy
    needed, sure = own_power.mw_needed(clouds), own_power.contracted_mw(clouds)
    free = clouds.convertible_mw - stacked(clouds.converting_mw.waiting())
    converted = own_power.conversion_wanted(needed - sure, free, energy) * (stacked(clouds.connected_mw) > 0)
    growth = own_power.growth_planned(clouds, rules, energy)
    lacking = owners.power_wanted(clouds, needed, sure + converted, energy.own_power_quarters, growth, energy)
    wait = _quoted_wait(world, owners.choose_sites(clouds, world.regions, energy))
    saved = np.minimum(wait, energy.horizon_cap) - energy.own_power_quarters
    idle = bounded(ratio(stacked(clouds.fleet_mw) - sure - converted, lacking), 0.0, 1.0)
    price = price_at_sites(world, world.regions.forecast_usd)
    share = own_power.own_power_share(own_power.gain_per_mw(clouds, idle, price, rules), saved, price, energy, rules)
    deliverable = energy.own_power_slots_mw * power(energy.own_power_growth, world.quarter / 4.0)
    clouds.conversion_planned_mw = converted * clouds.alive
    clouds.own_power_planned_mw = own_power.own_power_planned(clouds, lacking * share, deliverable, energy)


def power_is_requested(world):
    """Ask for the connections that will be needed when the request can be filled, up to what money could fill."""
    clouds, regions, rules = world.clouds, world.regions, world.rules
    sites = owners.choose_sites(clouds, regions, rules.energy)
    wait = _quoted_wait(world, sites)
    more = np.maximum(0.0, clouds.wanted_pflops - stacked(clouds.fleet_pflops))
    beside = clouds.conversion_planned_mw + clouds.own_power_planned_mw
    coming = own_power.contracted_mw(clouds) + beside + stacked(clouds.queued_mw.waiting())
    growth = own_power.growth_planned(clouds, rules.clouds, rules.energy)
    wanted = owners.power_wanted(clouds, own_power.mw_needed(clouds), coming, wait, growth, rules.energy)
    income = rules.clouds.omega * clouds.group_cash_flow_usd + clouds.rent_usd + clouds.ai_revenue_usd
    income = income + owners.public_money(clouds, rules.clouds)
    committed = stacked(clouds.planned_pflops) * clouds.investment_usd_per_pflops  # this quarter's orders, not yet in the book
    money = np.maximum(0.0, _money(world, more) - committed) + income * np.minimum(wait, rules.energy.horizon_cap)
    per_mw = ratio(clouds.investment_usd_per_pflops, clouds.new_mw_per_pflops)
    fillable = ratio(money, per_mw) * rules.energy.deposit_factor
    queued = stacked(clouds.queued_mw.waiting()) + stacked(clouds.sites_mw.waiting())
    clouds.queued_mw.add(world.quarter, sites * np.minimum(wanted, np.maximum(0.0, fillable - queued)))


def price_at_sites(world, price_usd):
    """Return what electricity costs where each owner has power, its own included; where siting leans if it has none."""
    own = world.clouds.own_power_mw
    there = stacked(world.clouds.connected_mw * leading(price_usd)) + own * world.rules.energy.own_power_usd_per_mwh
    lean = total(price_usd * share_or_zero(world.regions.home_bias))
    powered = stacked(world.clouds.connected_mw) + own
    return np.where(powered > 0, ratio(there, powered), lean)


def _quoted_wait(world, sites):
    """Return the wait quoted to each owner where it would build."""
    return stacked(sites * leading(world.regions.quoted_wait_quarters))


def buyers_access(world, own):
    """Return what each owner may read of each maker's documentation, `(makers, runs, owners)`: of its own maker's, everything."""
    clouds, rules = world.clouds, world.rules.documentation
    held = ratio(clouds.fleet_pflops, total(stacked(clouds.fleet_pflops))) * ~many_small(clouds.kind)
    seen = partners(leading(world.makers.openness), held, rules.rule, rules.partner_share)
    return np.where(own, 1.0, seen) * clouds.alive


def owners_write_software(world):
    """Let owners who depend on one undocumented maker pay engineers for a stack of their own."""
    clouds, makers, rules = world.clouds, world.makers, world.rules.documentation
    own = integration.own_makers(makers, clouds.alive.shape[-1])
    depends = owners.dependence(clouds.fleet_pflops, leading(makers.openness), own) * ~many_small(clouds.kind)
    spent = np.minimum(chip_makers.portable_spending(depends, clouds.invested_usd, rules), np.maximum(0.0, clouds.cash_usd))
    clouds.portable_stack = chip_makers.portable_growth(clouds.portable_stack, spent, rules) * clouds.alive
    world.move("portable software", left=spent)


def _retiring(clouds, quarter, lead):
    """Return the chips that retire before an order of today is delivered."""
    coming = range(int(lead.max()) + 1)
    return sum(stacked(clouds.retiring_pflops.arrivals(quarter + k)) * (k <= lead) for k in coming)


def _can_be_powered(world, fleet):
    """Return the chips that power which the owner has or is sure to get could run, and a little more."""
    clouds = world.clouds
    spare_mw = world.rules.clouds.power_slack * own_power.contracted_mw(clouds) - stacked(clouds.fleet_mw)
    return np.maximum(0.0, fleet + ratio(spare_mw, clouds.new_mw_per_pflops))


def _under_way(clouds):
    """Return PFLOP/s ordered and not yet delivered."""
    return stacked(clouds.ordered_pflops.waiting()) + stacked(clouds.overdue_pflops)


def _money(world, need):
    """Return what an owner can commit to new orders: cash and income until delivery, credit, new shares, less the book."""
    clouds, rules = world.clouds, world.rules.clouds
    earned = clouds.rent_usd + clouds.ai_revenue_usd - clouds.energy_bill_usd
    income = rules.omega * clouds.group_cash_flow_usd + owners.public_money(clouds, rules) + np.maximum(0.0, earned)
    income = income * world.rules.chips.delivery_quarters
    equity = owners.backed(clouds, rules) * rules.neocloud_equity * need * clouds.investment_usd_per_pflops
    book = _under_way(clouds) * clouds.investment_usd_per_pflops
    return np.maximum(0.0, clouds.cash_usd + income + owners.credit_room(clouds, rules, _under_way(clouds) + need) + equity - book)
