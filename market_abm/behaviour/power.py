"""How owners of compute find power beside the queue: halls to convert, and plants of their own at the site."""

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.exact import bounded, leading, log, power, ratio, stacked, total
from market_abm.state.tables import EVERYBODY_ELSE, STARTUP_POOL
from market_abm.units import HOURS_PER_QUARTER


def contracted_mw(clouds):
    """Return MW that an owner has or is sure to get: connected, granted, being converted, and own power."""
    grid = stacked(clouds.connected_mw) + stacked(clouds.sites_mw.waiting())
    return grid + (stacked(clouds.converting_mw.waiting()) + clouds.own_power_mw + clouds.own_power_building_mw.waiting())


def available_mw(clouds, shortage_share, rules):
    """Return MW that an owner's connections carry, `(regions, runs, owners)`: a short region cuts everybody alike.

    What was short last quarter is what is cut this quarter; own power is not cut.
    Source: assumed form.
    """
    return clouds.connected_mw * (1.0 - rules.curtailment * leading(shortage_share))


def mw_needed(clouds):
    """Return facility MW of the fleet that the owner would like to have when today's orders are delivered."""
    more = np.maximum(0.0, clouds.wanted_pflops - stacked(clouds.fleet_pflops))
    return stacked(clouds.fleet_mw) + more * clouds.new_mw_per_pflops


def growth_planned(clouds, rules, energy):
    """Return the growth, in logs a quarter, that power is planned for; neoclouds plan boldly while rent covers cost. Source: assumed form."""
    own = bounded(clouds.demand_growth, 0.0, log(energy.request_growth_cap) / 4.0)
    confident = owners.neoclouds(clouds) * (clouds.contested_rent_usd >= clouds.full_cost_usd)
    return np.maximum(own, confident * log(rules.neocloud_growth) / 4.0)


def conversion_wanted(lacking_mw, convertible_mw, rules):
    """Return MW of general data centres to convert: what is lacking, at most a share of what is left a quarter. Source: assumed form."""
    return np.minimum(np.maximum(0.0, lacking_mw), rules.conversion_share * np.maximum(0.0, convertible_mw))


def gain_per_mw(clouds, idle_share, grid_usd_per_mwh, rules):
    """Return what a further MW would earn an owner, USD a quarter.

    Chips that stand idle, `idle_share` of what lacks power, earn their value less electricity: the rest is
    sunk. Chips still to be bought earn it less their full cost.
    Source: assumed form.
    """
    running = clouds.new_mw_per_pflops * grid_usd_per_mwh
    cost = idle_share * running + (1.0 - idle_share) * clouds.full_cost_usd
    margin = np.maximum(0.0, owners.value_over_cost(clouds, rules) * clouds.full_cost_usd - cost)
    return ratio(margin * HOURS_PER_QUARTER * rules.target_utilisation, clouds.new_mw_per_pflops)


def own_power_share(gain_usd, quarters_saved, grid_usd_per_mwh, rules, clouds_rules):
    """Return the part of an owner's lacking MW for which it would rather build than wait.

    A binary logit in ln(gain while the queue would last / extra cost): b^e / (b^e + c^e).
    The extra cost of a MW is its plant and, for good, what its fuel costs above the grid's price.
    Source: McFadden 1974; assumed form of utility.
    """
    gained = gain_usd * np.maximum(0.0, quarters_saved)
    dearer = np.maximum(0.0, rules.own_power_usd_per_mwh - grid_usd_per_mwh) * HOURS_PER_QUARTER * clouds_rules.target_utilisation
    extra = rules.own_power_usd_per_mw + dearer * 4.0 / np.maximum(clouds_rules.capital_cost, 1e-6)
    worth = power(ratio(gained, extra), rules.own_power_response)
    return worth / (1.0 + worth)


def own_power_planned(clouds, wish_mw, deliverable_mw, rules):
    """Return MW of own power to order: nobody below the least size, all together what can be delivered.

    Of everybody else, many small owners, only a part has the scale. Sharing is in proportion to requests.
    Source: assumed form.
    """
    large = np.where(clouds.kind == EVERYBODY_ELSE, rules.own_power_fringe_share, clouds.kind != STARTUP_POOL)
    asked = wish_mw * large * (wish_mw * large >= rules.own_power_least_mw) * clouds.alive
    return asked * np.minimum(1.0, ratio(deliverable_mw, total(asked), 1.0))


def own_power_used(load_mw, grid_mw, own_mw, grid_usd_per_mwh, rules):
    """Return MW of load on own plants: all they can give where their fuel is cheaper than the grid, else what the grid cannot carry.

    Source: merit order, Stoft 2002.
    """
    dearer = rules.own_power_usd_per_mwh > grid_usd_per_mwh
    return np.minimum(own_mw, np.maximum(0.0, np.where(dearer, load_mw - grid_mw, load_mw)))
