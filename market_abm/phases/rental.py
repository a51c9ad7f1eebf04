"""Step 9: clouds open or close their renting, choose quality and pay for being in the market."""

import numpy as np

from market_abm.behaviour import rental
from market_abm.exact import total
from market_abm.phases.compute import contestable_usd, energy_cost_of_hours, hours_for_tenants


def clouds_open_or_close(world):
    """With free entry let the cheapest cloud outside open where it expects a profit, else the dearest that expects a loss close.

    One a quarter, so that each meets the market that the last one left.
    """
    clouds, rules = world.clouds, world.rules
    free = rules.rental.entry == 1
    if not np.any(free):
        return
    market, able = rental.the_market(contestable_usd(world), rules.rental), clouds.alive * (clouds.rents_out > 0)
    inside = clouds.sells * able
    known = rental.sellers(clouds, hours_for_tenants(world), 0.0 * able, energy_cost_of_hours(world), rules)
    comes = rental.cheapest(known.cost_usd, able * (1.0 - inside) * (known.hours > 0))
    foresee = rules.rental.entrants_expect == 0
    expected = rental.profit_beside(known._replace(output=known.output * inside), market, rules.rental)
    if np.any(foresee):
        expected = np.where(foresee, rental.imagined_profit(inside + comes, known, market, rules), expected)
    opens = comes * (expected > 0)
    lost = inside * (earned(clouds, known.cost_usd) < 0) * (total(opens) == 0)
    if np.any(lost):
        lost = lost * (rental.imagined_profit(inside, known, market, rules) < 0)
    leaves = rental.cheapest(-known.cost_usd, lost)
    clouds.entry_profit_usd = expected * comes
    clouds.sells = np.where(free, inside + opens - leaves, clouds.sells)


def earned(clouds, cost_usd):
    """Return what each cloud earned on the hours that it rented out last quarter, less outlays, USD."""
    return (clouds.contested_rent_usd - cost_usd) * clouds.rented_pflop_hours - clouds.market_outlay_usd


def clouds_choose_quality(world):
    """Move each seller's quality towards its best reply, and pay fixed costs and the outlay on quality."""
    clouds, rules = world.clouds, world.rules.rental
    clouds.quality = rental.better_quality(clouds.quality, clouds.contested_rent_usd * clouds.rented_pflop_hours, rules)
    paid = rental.outlay(clouds.quality, rules) * clouds.sells * clouds.alive * (clouds.rents_out > 0)
    clouds.market_outlay_usd = paid
    world.move("outlays on the rental market", left=paid)
