"""A chain of two stages: one maker upstream, N equal Cournot firms downstream that need a unit of its good for each of theirs (oracle O6).

Demand is P = a - b Q (`choke`, `slope`). A unit costs `cost_up` upstream, and `cost_down` more downstream beside the wholesale
price w. Prices and costs are money a unit, profits money a period. `firms` may be `math.inf`. The margin
M = a - c_up - c_down is what the first unit is worth to the chain; where it is not above 0 nothing is sold.
"""

import math
from typing import NamedTuple


class Chain(NamedTuple):
    """What the chain gives: wholesale price, price, quantities sold by the maker's own firm and by the others, profits, consumer surplus.

    `profit_up` is the maker's, with that of its own firm and with fixed fees; `profit_down` that of all other firms together.
    """

    wholesale_price: float
    price: float
    own_quantity: float
    others_quantity: float
    profit_up: float
    profit_down: float
    consumer_surplus: float

    @property
    def quantity(self):
        """Return all that is sold."""
        return self.own_quantity + self.others_quantity


def _chain(choke, slope, wholesale_price, own, others, cost_up, cost_down):
    """Return the chain with these quantities, which pays w a unit for those of others."""
    price = choke - slope * (own + others)
    up = (price - cost_down - cost_up) * own + (wholesale_price - cost_up) * others
    down = (price - cost_down - wholesale_price) * others
    return Chain(wholesale_price, price, own, others, up, down, slope * (own + others) ** 2 / 2.0)


def separate(choke, slope, cost_up, cost_down, firms, wholesale_price=None):
    """Return the chain in which N firms buy at one price w, by default the maker's best, (a - c_down + c_up) / 2 for every N.

    Downstream Q = (a - c_down - w) N / (b (N + 1)), so that the maker faces a line with the same choke price for every N.
    Source: Spengler 1950; Greenhut and Ohta 1979 for N firms.
    """
    best = max((choke - cost_down + cost_up) / 2.0, cost_up)
    wholesale = best if wholesale_price is None else wholesale_price
    sold = max(0.0, choke - cost_down - wholesale) / (slope * (1.0 + 1.0 / firms))
    return _chain(choke, slope, wholesale, 0.0, sold, cost_up, cost_down)


def integrated(choke, slope, cost_up, cost_down, rivals, wholesale_price=None):
    """Return the chain in which the maker owns one downstream firm and sells to `rivals` others at w, by default so that they buy nothing.

    Its own firm pays c_up. At w the rivals sell (a - c_down - 2w + c_up) n / (b (n + 2)), nothing from w = (a - c_down + c_up) / 2
    on; then P is the monopoly price. No lower w earns the maker more: rivals add competition and no value.
    Source: Salinger 1988; Rey and Tirole 2007, section 2.
    """
    margin = max(0.0, choke - cost_down - cost_up)
    shut = max((choke - cost_down + cost_up) / 2.0, cost_up)
    wholesale = shut if wholesale_price is None else wholesale_price
    part = 1.0 / (1.0 + 2.0 / rivals) if rivals else 0.0
    others = part * max(0.0, choke - cost_down - 2.0 * wholesale + cost_up) / slope
    if (own := (margin - slope * others) / (2.0 * slope)) < 0.0:  # at so low a w, below c_up, that rivals drive it out
        return separate(choke, slope, cost_up, cost_down, rivals, wholesale)
    return _chain(choke, slope, wholesale, own, others, cost_up, cost_down)


def access_at_cost(choke, slope, cost_up, cost_down, firms):
    """Return the chain in which N firms buy at w = c_up, as a rule may demand: P = (a + N (c_up + c_down)) / (N + 1).

    The maker earns nothing. Source: Cournot 1838; cost-based access, Laffont and Tirole 1993.
    """
    return separate(choke, slope, cost_up, cost_down, firms, cost_up)


def two_part_contracts(choke, slope, cost_up, cost_down, firms):
    """Return the chain in which the maker makes each of N firms a secret offer of a fee and a price a unit.

    It cannot promise one firm to sell little to the others, so that each pays c_up a unit, as with access at cost; the fees take
    all profit. Each firm takes offers to others as given (passive beliefs).
    Source: Hart and Tirole 1990; Rey and Tirole 2007, section 2.
    """
    chain = access_at_cost(choke, slope, cost_up, cost_down, firms)
    return chain._replace(profit_up=chain.profit_down, profit_down=0.0)


def monopoly_profit(choke, slope, cost_up, cost_down):
    """Return what the chain earns as one firm, M^2 / (4b) [money]. Source: Cournot 1838."""
    return max(0.0, choke - cost_down - cost_up) ** 2 / (4.0 * slope)


def profit_share_of_monopoly(firms):
    """Return what `separate` earns in both stages over `monopoly_profit`, N (N + 2) / (N + 1)^2 [share]: 3/4 at N = 1, 1 in the limit.

    Source: Spengler 1950, from the two profits.
    """
    return 1.0 - 1.0 / (firms + 1.0) ** 2


def pass_through(firms):
    """Return dP / dc_up of `separate` for linear demand, N / (2 (N + 1)) [1]: 1/2 upstream times N / (N + 1) downstream.

    The slope of demand is not in it. Source: Bulow and Pfleiderer 1983, for two stages.
    """
    return 0.5 / (1.0 + 1.0 / firms)


def pass_through_at_cost(firms):
    """Return dP / dc_up of `access_at_cost` and `two_part_contracts`, N / (N + 1) [1]; 1/2 where rivals are shut out is that of N = 1.

    Source: Bulow and Pfleiderer 1983.
    """
    return 1.0 / (1.0 + 1.0 / firms)


def integration_price_changes(choke, slope, cost_up, cost_down, firms):
    """Return by how much the price changes when the maker buys one of N firms: (from linear prices, from two-part contracts).

    Both integrate to the monopoly price: below the one of double margins, above the one of secret offers.
    Source: Spengler 1950 against Hart and Tirole 1990.
    """
    after = integrated(choke, slope, cost_up, cost_down, firms - 1).price
    before = separate(choke, slope, cost_up, cost_down, firms).price, two_part_contracts(choke, slope, cost_up, cost_down, firms).price
    return after - before[0], after - before[1]


def herfindahl_downstream(chain, rivals):
    """Return the sum of squared downstream shares [0 to 1], the `rivals` being equal; nan where nothing is sold.

    Source: Hirschman 1964.
    """
    if chain.quantity <= 0:
        return math.nan
    return (chain.own_quantity**2 + (chain.others_quantity**2 / rivals if rivals else 0.0)) / chain.quantity**2
