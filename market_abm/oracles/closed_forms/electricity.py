"""Economic dispatch as a linear programme (oracle O16), and a call market that matches bids with offers (oracle O20)."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

NOTHING = 1e-9  # MW a MW of load, and USD/MWh: what a solver's tolerance leaves of zero
OPTIONS = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


class Dispatch(NamedTuple):
    """A cleared power market; money is USD an hour, and bill = cost + rent."""

    price_usd: float  # USD/MWh
    lowest_price_usd: float  # every price between the two clears the market
    highest_price_usd: float
    output_mw: np.ndarray  # `(plants,)`, in the order given
    unserved_mw: float
    cost_usd: float
    rent_usd: float
    bill_usd: float  # for what is served


def dispatch(capacity_mw, cost_usd, load_mw, price_cap_usd):
    """Serve a load at least cost, `capacity_mw` and `cost_usd` per MWh by plant in any order, and price it at the margin.

    Minimise sum(c g) + cap u with sum(g) + u = load and 0 <= g <= capacity; u is load unserved, a plant without limit
    that costs the cap, so plants dearer than the cap stand still. The price is the dual of the balance. Where load ends
    exactly with a plant the dual is any number from that plant's cost to the next one's: the price is then the cost of
    the last plant used, the lowest of them. Without load no plant is used and the price is 0.
    A load within 1e-9 of a step (relative) counts as at the step.
    Source: Stoft 2002, part 1; merit order as a linear programme, Kirschen and Strbac 2004.
    """
    capacity, cost = np.asarray(capacity_mw, float), np.asarray(cost_usd, float)
    if load_mw <= 0:
        cheapest = float(min([*cost[capacity > 0], price_cap_usd]))
        return Dispatch(0.0, 0.0, max(0.0, cheapest), np.zeros(len(cost)), 0.0, 0.0, 0.0, 0.0)
    costs = np.append(cost, price_cap_usd)
    limits = np.append(capacity / load_mw, np.inf)  # per MW of load, so that one tolerance fits all sizes
    found = linprog(costs, A_eq=np.ones((1, len(costs))), b_eq=[1.0], bounds=np.column_stack([np.zeros(len(costs)), limits]),
                    method="highs", options=OPTIONS)
    if not found.success:
        raise ValueError(f"no dispatch: {found.message}")
    output = np.clip(found.x, 0.0, limits)
    low, high = _prices_that_clear(output, limits, costs)
    price = found.eqlin.marginals[0] if high - low <= NOTHING else low
    return _accounts(float(price) + 0.0, low, high, output * load_mw, costs)


def _prices_that_clear(output, limits, costs):
    """Return the range of duals: at least the cost of what is used, at most the cost of what could give more."""
    used, more = output > NOTHING, output < limits - NOTHING
    return float(costs[used].max()), float(costs[more].min())


def _accounts(price, low, high, output_mw, costs):
    served, unserved = output_mw[:-1], float(output_mw[-1])
    cost = float(served @ costs[:-1])
    rent = float(served @ (price - costs[:-1]))
    return Dispatch(price, low, high, served, unserved, cost, rent, price * float(served.sum()))


class CallMarket(NamedTuple):
    """What a call market trades; any price from lowest to highest clears it, nan where nothing is traded."""

    traded: float  # units
    lowest_price_usd: float
    highest_price_usd: float
    gains_usd: float

    @property
    def middle_price_usd(self):
        """Return the middle of the prices that clear."""
        return (self.lowest_price_usd + self.highest_price_usd) / 2.0


def double_auction(values_usd, costs_usd, wanted=None, offered=None):
    """Match the highest values with the lowest costs, unit by unit, as long as value is at least cost.

    `wanted` and `offered` are units by buyer and seller (one each by default). A price clears when it is at least the
    last cost served and the first value left out, and at most the last value served and the first cost left out.
    Source: Vickrey 1961; McAfee 1992.
    """
    buyers, sellers = _ranked(values_usd, wanted, -1.0), _ranked(costs_usd, offered, 1.0)
    traded, gains, last_value, last_cost = 0.0, 0.0, math.nan, math.nan
    while buyers and sellers and buyers[0][0] >= sellers[0][0]:
        units = min(buyers[0][1], sellers[0][1])
        last_value, last_cost = buyers[0][0], sellers[0][0]
        traded, gains = traded + units, gains + units * (last_value - last_cost)
        for side in (buyers, sellers):
            side[0][1] -= units
            if side[0][1] <= 1e-12 * traded:  # a remainder of rounding must not set the price
                side.pop(0)
    if traded == 0.0:
        return CallMarket(0.0, math.nan, math.nan, 0.0)
    lowest = max(last_cost, buyers[0][0] if buyers else -math.inf)
    highest = min(last_value, sellers[0][0] if sellers else math.inf)
    return CallMarket(traded, lowest, highest, gains)


def _ranked(prices, units, sign):
    """Return [price, units] of everybody who has units, by rising price (sign 1) or falling price (-1)."""
    units = np.ones(len(prices)) if units is None else units
    pairs = [[float(price), float(count)] for price, count in zip(prices, units, strict=True) if count > 0]
    return sorted(pairs, key=lambda pair: sign * pair[0])
