"""Who makes chips: owners who design their own and go back to merchants, merchants who enter."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import add_up, at_best, bounded, exp, leading, look_up, power, ratio, stacked, total, trailing
from market_abm.state.tables import IN_HOUSE, MERCHANT


def merchants(makers):
    """Return which rows are merchants who take part, `(runs, makers)`, 0 or 1."""
    return (makers.kind == MERCHANT) * makers.alive


def in_house(makers):
    """Return which rows are in-house makers who take part, `(runs, makers)`, 0 or 1."""
    return (makers.kind == IN_HOUSE) * makers.alive


def merchants_chips(makers):
    """Return PFLOP/s of each merchant's chip, below zero for everybody else: its largest marks the best chip that is sold to all."""
    return np.where(merchants(makers) > 0, makers.pflops_per_chip, -1.0)


def own_makers(makers, owners):
    """Return whose maker each is, `(makers, runs, owners)`: true where it is, or was, the owner's own."""
    return leading(makers.parent) == np.arange(owners)


def for_sale(makers, own):
    """Return which chips each owner can buy: a merchant's, and those of its own maker."""
    ready = (makers.alive > 0) & (makers.capacity_chips > 0)
    return leading(ready) & (leading(makers.kind == MERCHANT) | own)


class Design(NamedTuple):
    """A new chip, each `(runs, makers)`."""

    pflops_per_chip: np.ndarray
    watts_per_chip: np.ndarray
    base_cost_usd_per_chip: np.ndarray
    first_pflops_per_chip: np.ndarray


def designed(makers, performance, watts_ratio, cost_ratio):
    """Return the chip that a follower can design today, by ratios to the best merchant's chip on sale.

    A design is commissioned from the foundry that all share, so it stands on today's state of the art.
    """
    leader = merchants_chips(makers)
    best, first = at_best(makers.pflops_per_chip, leader), at_best(makers.first_pflops_per_chip, leader)
    pflops = performance * best + 0.0 * makers.alive
    scale = ratio(pflops, best)
    return Design(pflops, scale * watts_ratio * at_best(makers.watts_per_chip, leader),
                  scale * cost_ratio * at_best(makers.base_cost_usd_per_chip, leader), first + 0.0 * makers.alive)


def in_house_design(makers, rules, draws):
    """Return each in-house maker's next chip: a drawn part of the best merchant's performance. Source: assumed form."""
    noise = bounded(draws.logistic("in-house design", makers.birth), -3.0, 3.0)
    return designed(makers, rules.performance * exp(rules.performance_spread * noise), rules.watts_ratio, rules.cost_ratio)


def design_cost(pflops_per_chip, first_pflops_per_chip, rules):
    """Return the cost of designing a generation, which grows with its performance, spread over the design time, USD a quarter.

    Source: assumed form.
    """
    dearer = power(ratio(pflops_per_chip, first_pflops_per_chip), rules.design_elasticity)
    return rules.design_usd * dearer / rules.design_quarters


def servable(clouds, rules):
    """Return the part of an owner's orders that its own chips could serve: own uses, and what tenants accept."""
    return 1.0 - clouds.tenant_share * (1.0 - rules.tenant_acceptance)


def orders_a_quarter(clouds, chips):
    """Return the mean order of a quarter in the owner's book, PFLOP/s."""
    return stacked(clouds.ordered_pflops.waiting()) / chips.delivery_quarters


def own_limit(clouds, makers, rules, chips):
    """Return the largest part of an owner's orders that goes to its own maker, `(runs, owners)`.

    Own uses can run on own chips, of tenants only some; and nobody orders much more than its maker can make.
    Source: assumed form.
    """
    coming = (makers.capacity_chips + makers.capacity_building_chips.waiting()) * makers.pflops_per_chip * in_house(makers)
    possible = rules.ramp * add_up(coming, makers.parent, clouds.alive.shape[-1])
    return np.minimum(servable(clouds, rules), ratio(possible, orders_a_quarter(clouds, chips), 1.0))


def limit_own(share, own, limit):
    """Cut what goes to an owner's own maker to its limit and give the rest to merchants, as far as there are any."""
    mine = stacked(share * own)
    others = stacked(share * ~own)
    kept = np.where(others > 0, np.minimum(mine, limit), mine)
    return share * np.where(own, ratio(kept, mine), ratio(others + (mine - kept), others))


def design_pays(clouds, makers, cost_of_capital, rules, chips):
    """Return where the saving on own volume pays the fixed cost: (merchant's price - own cost) V annuity > F.

    The annuity runs for the time until the next design. Source: Malerba, Nelson, Orsenigo and Winter 2008, simplified.
    """
    leader = merchants_chips(makers)
    years, rate = rules.design_quarters / 4.0, np.maximum(cost_of_capital, 1e-6)
    annuity = (1.0 - exp(-rate * years)) / rate
    saving = at_best(makers.price_usd_per_pflops, leader) - rules.cost_ratio * at_best(makers.unit_cost_usd_per_pflops, leader)
    dearer = ratio(rules.performance * at_best(makers.pflops_per_chip, leader), at_best(makers.first_pflops_per_chip, leader))
    fixed = design_cost(dearer, 1.0, rules) * rules.design_quarters
    return saving * 4.0 * own_volume(clouds, makers, rules, chips) * annuity > fixed


def own_volume(clouds, makers, rules, chips):
    """Return what each maker's parent could order from it, `(runs, makers)` PFLOP/s a quarter."""
    return look_up(orders_a_quarter(clouds, chips) * servable(clouds, rules), makers.parent)


def integrates(clouds, makers, age_years, rules, chips, luck):
    """Return where an owner would start to make its own chips, `(runs, makers)`, if its design pays.

    Probability psi/(1 + psi), psi = b (own volume / volume of minimum efficient scale)^e1 (age of technology)^e2.
    Source: Malerba, Nelson, Orsenigo and Winter 2008; the numbers are assumed.
    """
    leader = merchants_chips(makers)
    chips_a_year = 4.0 * ratio(own_volume(clouds, makers, rules, chips), at_best(makers.pflops_per_chip, leader))
    scale = chips_a_year / rules.minimum_scale_chips
    psi = rules.drive * power(scale, rules.volume_exponent) * power(age_years, rules.age_exponent)
    return luck < psi / (1.0 + psi)


def quarters_behind(clouds, makers, own, rules, chips):
    """Return for how long merchants' chips have been the better buy for the parent, `(runs, makers)` quarters.

    Compared is realised FLOP/s per dollar of investment, the own chip's with its share of the design cost;
    merchants must be ahead by a margin.
    Source: return to specialists in Malerba, Nelson, Orsenigo and Winter 2008, simplified.
    """
    design = ratio(makers.programme_usd, own_volume(clouds, makers, rules, chips), np.inf)
    own_cost = makers.investment_usd_per_pflops + design
    worth = ratio(clouds.maker_utilisation, leading(makers.investment_usd_per_pflops))
    merchant = np.max(worth * leading(merchants(makers)), axis=0)
    mine = ratio(trailing(total(clouds.maker_utilisation * own)), own_cost)
    behind = look_up(merchant, makers.parent) > (1.0 + rules.return_margin) * mine
    return np.where(behind, makers.quarters_behind + 1.0, 0.0) * in_house(makers)


def entrants_come(makers, rules, luck):
    """Return where a merchant would enter: the odds rise with a year's gross profit of merchants over the cost of entry. Source: assumed form."""
    profit = total((makers.sales_usd - makers.sold_pflops * makers.unit_cost_usd_per_pflops) * merchants(makers))
    psi = rules.drive * np.maximum(0.0, 4.0 * profit) / rules.cost_usd
    return luck < psi / (1.0 + psi)
