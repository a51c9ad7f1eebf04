"""How startups choose between renting compute and owning chips."""

import numpy as np

from market_abm.behaviour.clouds import user_cost
from market_abm.exact import bounded, ratio
from market_abm.units import HOURS_PER_QUARTER, HOURS_PER_YEAR


def cost_of_owning(price_usd, mw_per_pflops, energy_usd_per_mwh, rules):
    """Return what an own PFLOP-hour in use costs a startup, USD: the user cost of capital, upkeep, electricity.

    As for other owners, but at the return that a startup's shareholders require and
    at the utilisation that it reaches alone. `price_usd` buys, houses and networks a PFLOP/s.
    Source: user cost of capital, Jorgenson 1963.
    """
    buying, clouds = rules.buying, rules.clouds
    capital = user_cost(buying.capital_cost + clouds.expected_decline, rules.chips.life_quarters)
    power = mw_per_pflops * (clouds.upkeep_usd_per_mw_year + clouds.connection_usd_per_mw_year)
    return (price_usd * capital + power) / (HOURS_PER_YEAR * buying.utilisation) + mw_per_pflops * energy_usd_per_mwh


def fleet_wanted(hours, advantage, buying):
    """Return the PFLOP/s that a startup would own, `(runs, slots)`: a part of its hours that rises with the advantage.

    `advantage` is the cost of renting a realised FLOP over that of owning it. Nothing is wanted at 1, all at
    1 + `buying.margin`; a step there would let all startups buy in one quarter.
    Source: assumed form.
    """
    part = bounded((advantage - 1.0) / buying.margin, 0.0, 1.0)
    return part * buying.cover * hours / (HOURS_PER_QUARTER * buying.utilisation)


def affordable_order(startups, wanted_pflops, price_usd, least_pflops, buying):
    """Return the order that a startup's cash allows beyond its reserve; none below the smallest fleet worth having. Source: assumed form."""
    spending = startups.wages_usd + startups.training_usd + startups.serving_usd
    free = np.maximum(0.0, startups.cash_usd - buying.reserve_quarters * spending)
    held = startups.own_pflops + startups.on_order_pflops
    order = np.minimum(np.maximum(0.0, wanted_pflops - held), ratio(buying.purchase_share * free, price_usd))
    return order * (held + order >= least_pflops) * startups.alive


def own_hours(startups, powered_part, top_utilisation):
    """Return the hours that each startup's own chips with power can give in a quarter."""
    return startups.own_pflops * powered_part * HOURS_PER_QUARTER * top_utilisation


def mixed(rented_hours, own_hours, at_host, in_pool):
    """Return a quality of the chips that a startup trains on, mean by hours; the host's where it owns none.

    Crude: a run is treated as if it ran on both places at once.
    """
    mean = ratio(rented_hours * at_host + own_hours * in_pool, rented_hours + own_hours)
    return np.where(own_hours > 0, mean, at_host)
