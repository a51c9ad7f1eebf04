"""How many hours enterprises rent at given rents, told as what they spend at each cloud."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import power, ratio, total
from market_abm.rules.choice import logit as logit_choice

ROUNDING = 1e-12  # within which two prices are one


class Market(NamedTuple):
    """What enterprises bring to a quarter, each `(runs, 1)`."""

    spend_usd: np.ndarray  # at the reference rent
    reference_usd: np.ndarray  # USD/PFLOP-h
    choke_usd: np.ndarray  # rent at which linear demand is nil
    elasticity: np.ndarray  # of isoelastic demand
    sensitivity: np.ndarray  # of logit customers, PFLOP-h/USD
    outside: np.ndarray  # 1 where logit customers may do without
    form: np.ndarray  # place of the demand among DEMAND


class Offers(NamedTuple):
    """What each cloud offers them, each `(runs, clouds)`."""

    hours: np.ndarray
    quality: np.ndarray
    appeal: np.ndarray  # utils
    odds: np.ndarray  # chance of being chosen afresh by size and rent


def size_hours(market):
    """Return the hours M that spending buys at the reference rent, to which every demand is scaled."""
    return market.spend_usd / market.reference_usd


def linear(rent, offers, market):
    """Rent hours of one good in a line, Q = M (1 - p/a), the cheapest first. Source: Cournot 1838; efficient rationing, Levitan and Shubik 1972."""
    return _cheapest_first(rent, offers, lambda price: size_hours(market) * np.maximum(0.0, 1.0 - price / market.choke_usd))


def isoelastic(rent, offers, market):
    """Rent hours of one good with a constant elasticity, Q = M (p0/p)^e, the cheapest first. Source: Varian 1992, ch. 13."""
    return _cheapest_first(rent, offers, lambda price: size_hours(market) * power(ratio(market.reference_usd, price), market.elasticity))


def logit(rent, offers, market):
    """Choose a cloud, or none, by a logit in utility less rent: M s_j hours, s_j = e^(d_j - a p_j) / (1 + sum). Source: McFadden 1974."""
    return size_hours(market) * logit_shares(rent, offers, market) * rent


def quality(rent, offers, market):
    """Spend a fixed sum on hours of the best quality for money, u/p. Source: quality-adjusted Cournot, Sutton 1991, ch. 3."""
    return _cheapest_first(rent, offers, lambda price: ratio(market.spend_usd, price))


def budget(rent, offers, market):
    """Spend a fixed sum, each cloud's part by a logit in its size and the log of its rent. Source: Anderson, de Palma and Thisse 1992, ch. 7."""
    return market.spend_usd * offers.odds


DEMAND = {"linear": linear, "isoelastic": isoelastic, "logit": logit, "quality": quality, "budget": budget}


def logit_shares(rent, offers, market):
    """Return the parts of logit customers who choose each cloud, `(runs, clouds)`; the rest does without."""
    utility = np.concatenate([offers.appeal - market.sensitivity * rent, 0.0 * market.outside], axis=-1)
    there = np.concatenate([(offers.hours > 0) * 1.0, market.outside * 1.0], axis=-1)
    return np.ascontiguousarray(logit_choice(utility, there)[:, :-1])


def inverse(hours, market):
    """Return the rent for a unit of quality at which all of `hours` `(runs, 1)` in units of quality are wanted."""
    size = size_hours(market)
    line = np.maximum(0.0, market.choke_usd * (1.0 - ratio(hours, size, np.inf)))
    curve = market.reference_usd * power(ratio(size, np.maximum(hours, 1e-9 * size)), 1.0 / elasticity_of(market))
    return np.where(market.form == LINEAR, line, curve)


def elasticity_of(market):
    """Return the elasticity of a demand of constant elasticity: that of `isoelastic`, else 1, for spending is given."""
    return np.where(market.form == ISOELASTIC, market.elasticity, 1.0)


def _cheapest_first(rent, offers, wanted_at):
    """Let buyers take the best for money first; equals share what is wanted by what they offer. Returns USD asked of each."""
    price = np.where(offers.hours > 0, ratio(rent, offers.quality, np.inf), np.inf)
    units = offers.hours * offers.quality
    others, mine = price[:, None, :], price[:, :, None]
    alike = np.abs(others - mine) <= ROUNDING * mine  # a rent times and over a quality comes back a bit off
    cheaper = total(units[:, None, :] * ((others < mine) & ~alike))[..., 0]
    equal = total(units[:, None, :] * alike)[..., 0]
    asked = np.maximum(0.0, wanted_at(price) - cheaper) * ratio(units, equal)
    return ratio(asked, offers.quality) * rent


LINEAR, ISOELASTIC, LOGIT, QUALITY, BUDGET = range(len(DEMAND))
