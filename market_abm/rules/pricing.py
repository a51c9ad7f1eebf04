"""How a maker posts its price."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import bounded, power, ratio


class Posting(NamedTuple):
    """What a maker knows of its market beside cost and share, `(runs, makers)`; the last two `(runs, 1)`."""

    price_usd: np.ndarray  # posted last quarter
    cost_before_usd: np.ndarray  # unit cost that it was set on
    pressure: np.ndarray  # orders due over capacity
    reach_usd: np.ndarray  # price over the elasticity of all demand for chips: what a monopolist adds to cost
    share_growth: np.ndarray
    market_elasticity: np.ndarray
    markup_response: np.ndarray


def nash_logit(unit_cost, share, elasticity, floor, cap, posting=None):
    """Post the Bertrand price of a logit in log price, p = c(1 + 1/(a(1-s))), its margin kept in bounds.

    The share s is of buyers' spending. The Lerner index is 1/(1 + a(1-s)); the cap stands for large
    buyers' threat to make their own chips. Source: Anderson, de Palma and Thisse 1992, ch. 7.
    """
    margin = 1.0 / (1.0 + elasticity * (1.0 - share))
    return unit_cost / (1.0 - bounded(margin, floor, cap))


def cost_based(unit_cost, share, elasticity, floor, cap, posting=None):
    """Post unit cost plus the lowest margin, whatever the share: a regulated price. Source: Laffont and Tirole 1993."""
    return unit_cost / (1.0 - floor)


def cournot(unit_cost, share, elasticity, floor, cap, posting):
    """Post the price of makers who compete in quantities, p = c + s p/e, e the elasticity of all demand; margin in bounds.

    A monopolist facing clouds that compete in quantities on linear demand asks (choke + c)/2, however many they
    are (Spengler 1950). Exact for one maker or equal ones; unequal makers of one good would sell at one price. Source: Cournot 1838.
    """
    return within(unit_cost + share * posting.reach_usd, unit_cost, floor, cap)


def markup(unit_cost, share, elasticity, floor, cap, posting):
    """Post cost and a markup that grows with the market share, m' = m (1 + v growth of share): a price without an anchor.

    Source: Dosi, Fagiolo and Roventini 2010, eq. 9.
    """
    old = np.maximum(0.0, ratio(posting.price_usd, posting.cost_before_usd, 1.0) - 1.0)
    adapted = old * np.maximum(0.0, 1.0 + posting.markup_response * posting.share_growth)
    return within((1.0 + adapted) * unit_cost, unit_cost, floor, cap)


def scarcity(unit_cost, share, elasticity, floor, cap, posting):
    """Let the price follow orders due over capacity, p' = p (due/capacity)^(1/e), at most halved or doubled; margin in bounds.

    At the elasticity e of all demand this clears in one step. Source: price adjustment by excess demand, Samuelson 1941.
    """
    moved = posting.price_usd * power(bounded(posting.pressure, 1e-6, 1e6), 1.0 / posting.market_elasticity)
    return within(bounded(moved, 0.5 * posting.price_usd, 2.0 * posting.price_usd), unit_cost, floor, cap)


def capacity_clearing(unit_cost, share, elasticity, floor, cap, posting):
    """Post what clears capacity where orders exceed it, or the Bertrand price where that is more. Source: Kreps and Scheinkman 1983."""
    clearing = posting.price_usd * power(bounded(posting.pressure, 1e-6, 1e6), 1.0 / posting.market_elasticity)
    free = nash_logit(unit_cost, share, elasticity, floor, cap)
    return np.where(posting.pressure > 1.0, np.maximum(free, clearing), free)


CHIP_PRICING = {
    "nash_logit": nash_logit, "cost_based": cost_based, "cournot": cournot, "markup": markup, "scarcity": scarcity,
    "capacity_clearing": capacity_clearing,
}


def within(price, unit_cost, floor, cap):
    """Keep a price where its margin is neither below the floor nor above the cap, both shares of the price."""
    return bounded(price, unit_cost / (1.0 - floor), unit_cost / (1.0 - cap))
