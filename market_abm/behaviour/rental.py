"""How clouds compete for enterprises' compute: what they know when they set rents, whether they sell at all, and at what quality."""

import numpy as np

from market_abm.exact import at_best, power, ratio, share_or_zero, total
from market_abm.rules import choose
from market_abm.rules.choice import size_at_price
from market_abm.rules.demand import BUDGET, DEMAND, Market, Offers, inverse
from market_abm.rules.rents import BEST_REPLY, RENT_PRICING, Conduct, Sellers
from market_abm.state.tables import PUBLIC_CLOUD

SOLVING_ROUNDS = 100  # of the market that somebody who may enter imagines


def the_market(spend_usd, rental):
    """Return what enterprises bring this quarter, `spend_usd` `(runs, 1)` at the reference rent."""
    return Market(spend_usd, rental.reference_usd, rental.choke_usd, rental.elasticity, rental.sensitivity, rental.outside, rental.demand)


def enterprises_spend(rent_usd, clouds, hours, market):
    """Return what enterprises would spend at each cloud at given rents, USD."""
    return choose(DEMAND, market.form, rent_usd, Offers(hours, clouds.quality, clouds.appeal, clouds.tenant_odds), market)


def hour_cost(clouds, energy_cost, rental):
    """Return the cost of an hour that rents are set on, USD."""
    return np.where(rental.cost == 0, clouds.full_cost_usd, energy_cost) + clouds.service_usd


def sellers(clouds, hours, asked_hours, energy_cost, rules):
    """Return what each cloud knows of itself; its ceiling is its list price."""
    floor, cost = rules.clouds.rent_floor * energy_cost, hour_cost(clouds, energy_cost, rules.rental)
    before = np.where(clouds.hour_price_cost_usd > 0, clouds.hour_price_cost_usd, cost)
    ceiling = np.where(clouds.list_rent_usd > 0, np.maximum(clouds.list_rent_usd, floor), np.inf)
    return Sellers(hours, clouds.output_pflop_hours, clouds.contested_rent_usd, asked_hours, cost, before, floor, ceiling,
                   clouds.rented_share, clouds.rented_share_before, clouds.quality, clouds.appeal, clouds.tenant_odds, clouds.profit_weight)


def public_ceiling(clouds, floor_usd, rules):
    """Return the highest rent that a public cloud may take, whatever the rule; inf for all others."""
    at_cost = np.maximum(rules.clouds.public_rent * clouds.full_cost_usd, floor_usd)
    return np.where(clouds.kind == PUBLIC_CLOUD, at_cost, np.inf)


def conduct(rules):
    """Return how clouds compete."""
    rental, clouds = rules.rental, rules.clouds
    return Conduct(clouds.rent_speed, clouds.rent_step, rental.output_speed, rental.markup_response, rental.regulated_margin,
                   clouds.provider_elasticity)


def outlay(quality, rental):
    """Return the cost a quarter of being in the market at a quality: s + (a/g)(u^g - 1). Source: Sutton 1991, ch. 3."""
    escalation = rental.quality_cost / rental.quality_exponent * (power(np.maximum(quality, 1.0), rental.quality_exponent) - 1.0)
    return rental.fixed_usd + escalation


def better_quality(quality, revenue_usd, rental):
    """Move quality part of the way to its best reply, where a firm earns what it costs: u^g = 2 S s(1-s)(1 - (1-s)/(N-1)) / a.

    It is the first-order condition of profit S s^2 less the outlay under `quality` demand, s the firm's part in revenue;
    quality 1 costs nothing. Source: Sutton 1991, ch. 3.
    """
    share, firms = share_or_zero(revenue_usd), total((revenue_usd > 0) * 1.0)
    rivalry = 1.0 - ratio(1.0 - share, firms - 1.0, 1.0)
    gain = 2.0 * revenue_usd * (1.0 - share) * rivalry
    aim = np.maximum(1.0, power(ratio(gain, rental.quality_cost, 1.0), 1.0 / rental.quality_exponent))
    moved = power(quality, 1.0 - rental.quality_speed) * power(aim, rental.quality_speed)
    return np.where((rental.quality_cost > 0) & (revenue_usd > 0), moved, quality)


def imagined_profit(selling, known, market, rules):
    """Return the profit a quarter, less outlays, that each cloud expects where `selling` (0 or 1) are in the market.

    All adjust, by the rule in force, until nobody moves; output in steps of 4/(N+2), which always settles in a line.
    Source: free entry, Mankiw and Whinston 1986; assumed form of the adjustment.
    """
    hours, rental = known.hours * selling, rules.rental
    known = known._replace(hours=hours, output=np.minimum(known.output, hours))
    how = conduct(rules)._replace(output_speed=4.0 / (total(selling) + 2.0))
    choosing, budgets = np.any(rental.quality_cost > 0), np.any(market.form == BUDGET)
    for _ in range(SOLVING_ROUNDS):
        output, rent = choose(RENT_PRICING, rental.pricing, known, market, how)
        known = known._replace(output=output, rent_usd=rent)
        if budgets:
            known = known._replace(odds=np.where(market.form == BUDGET, size_at_price(hours, rent, how.elasticity), known.odds))
        if choosing:
            known = known._replace(quality=better_quality(known.quality, output * rent, rental))
    spent = choose(DEMAND, market.form, rent, Offers(output, known.quality, known.appeal, known.odds), market) * selling
    hours = np.minimum(ratio(spent, rent), output)
    return (rent - known.cost_usd) * hours - outlay(known.quality, rental) * selling


def profit_beside(known, market, rental):
    """Return what a newcomer would earn beside the standing output of who sells: the best reply to it, less outlays (Sylos).

    Source: Bain 1956; Modigliani 1958.
    """
    units = known.output * known.quality
    mine = np.minimum(choose(BEST_REPLY, market.form, units, known, market), known.hours * known.quality)
    rent = inverse(total(units) - units + mine, market) * known.quality
    return (rent - known.cost_usd) * ratio(mine, known.quality) - outlay(known.quality, rental)


def cheapest(cost_usd, among):
    """Return the one cloud (0 or 1) among some that has the lowest cost; the first of equals, none where there is none."""
    key = np.where(among > 0, -cost_usd, -np.inf)
    here = np.arange(key.shape[-1]) == key.argmax(axis=-1)[:, None]
    return here * (at_best(among, key) > 0) * 1.0
