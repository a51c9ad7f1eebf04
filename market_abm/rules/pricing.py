"""How a maker posts its price."""

from market_abm.exact import bounded


def nash_logit(unit_cost, share, elasticity, floor, cap):
    """Post the Bertrand price of a logit in log price, p = c(1 + 1/(a(1-s))), its margin kept in bounds.

    The share s is of buyers' spending. The Lerner index is 1/(1 + a(1-s)); the cap stands for large
    buyers' threat to make their own chips. Source: Anderson, de Palma and Thisse 1992, ch. 7.
    """
    margin = 1.0 / (1.0 + elasticity * (1.0 - share))
    return unit_cost / (1.0 - bounded(margin, floor, cap))


def cost_based(unit_cost, share, elasticity, floor, cap):
    """Post unit cost plus the lowest margin, whatever the share: a regulated price. Source: Laffont and Tirole 1993."""
    return unit_cost / (1.0 - floor)


CHIP_PRICING = {"nash_logit": nash_logit, "cost_based": cost_based}
