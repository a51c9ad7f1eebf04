"""Oligopolies of one good in closed form: Cournot, capacity and price, entry and its prevention, mergers (oracles O1-O5, O9, O22-O24).

Linear demand is P = a - b Q with `choke` a and `slope` b; demand of constant elasticity e is Q = (A / P)^e with `scale` A.
Costs are constant for each unit. Prices and costs are money a unit, quantities units a period, profits money a period.
One firm is the monopolist: `cournot(a, b, [c])`, `isoelastic(A, e, [c])`.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.integrate import quad

ROUNDING = 1e-12  # relative: profit that equals a fixed cost but for rounding covers it
APART = 1e-9  # of what is wanted: by so much equal firms are made unequal, or pivoting might go in circles
ACTIVE = 1e-7  # a slack or a quantity below this may be 0


class Equilibrium(NamedTuple):
    """Quantities `(firms,)`, the price, and profits before fixed cost `(firms,)`."""

    quantities: np.ndarray
    price: float
    profits: np.ndarray


def _equilibrium(quantities, price, costs):
    return Equilibrium(quantities, float(price), np.where(quantities > 0, (price - costs) * quantities, 0.0))


# Cournot --------------------------------------------------------------------------------------------


def cournot(choke, slope, costs):
    """Return the Cournot equilibrium of linear demand: P = (a + sum of c) / (k + 1), q = (P - c) / b over the k firms with c < P.

    Firms join by cost as long as the price of those before is above it. Nobody sells at costs above the choke price.
    Source: Cournot 1838; Tirole 1988, section 5.4.
    """
    costs = np.asarray(costs, float)
    price, spent = float(choke), 0.0
    for joined, cost in enumerate(np.sort(costs), 1):
        if cost >= price:
            break
        spent += cost
        price = (choke + spent) / (joined + 1)
    return _equilibrium(np.maximum(0.0, price - costs) / slope, price, costs)


def isoelastic(scale, elasticity, costs):
    """Return the Cournot equilibrium of demand Q = (A / P)^e: P = sum of c / (k - 1/e), shares e (1 - c / P), over the k firms with c < P.

    Costs are above 0. Where e times the number of firms is not above 1 there is no equilibrium: nan.
    Source: first-order condition P (1 - s / e) = c, Tirole 1988, section 5.4.
    """
    costs = np.asarray(costs, float)
    price, spent = math.inf, 0.0
    for joined, cost in enumerate(np.sort(costs), 1):
        if cost >= price:
            break
        spent += cost
        price = spent / (joined - 1.0 / elasticity) if joined * elasticity > 1.0 else math.inf
    if math.isinf(price):
        return Equilibrium(np.full(costs.shape, math.nan), math.nan, np.full(costs.shape, math.nan))
    shares = np.maximum(0.0, elasticity * (1.0 - costs / price))
    return _equilibrium(shares * (scale / price) ** elasticity, price, costs)


def herfindahl(quantities):
    """Return the sum of squared shares [0 to 1]; nan where nothing is sold. Source: Hirschman 1964."""
    total = math.fsum(quantities)
    return math.fsum((quantity / total) ** 2 for quantity in quantities) if total > 0 else math.nan


def elasticity_at(choke, slope, quantities):
    """Return the elasticity of linear demand at what is sold, P / (b Q) [1]; nan where nothing is. Source: definition."""
    total = math.fsum(quantities)
    return (choke - slope * total) / (slope * total) if total > 0 else math.nan


def lerner(price, costs, quantities):
    """Return the mean of (P - c) / P weighted by quantities [share of price], HHI / elasticity at a Cournot equilibrium.

    Source: Lerner 1934; Cowling and Waterson 1976.
    """
    total = math.fsum(quantities)
    margins = ((price - cost) / price * quantity for cost, quantity in zip(costs, quantities, strict=True))
    return math.fsum(margins) / total if total > 0 else math.nan


def consumer_surplus(slope, quantities):
    """Return what buyers would pay beyond the price, b Q^2 / 2 [money]. Source: Marshall 1890; linear demand."""
    return slope * math.fsum(quantities) ** 2 / 2.0


def deadweight_loss(choke, slope, costs, quantities):
    """Return by how much surplus is below the best, (a - lowest c)^2 / (2b) - consumer surplus - profits [money].

    With equal costs (P - c)^2 / (2b); with unequal ones it counts too that some is made at more than the lowest cost.
    Source: Harberger 1954.
    """
    quantities, costs = np.asarray(quantities, float), np.asarray(costs, float)
    best = max(0.0, choke - costs.min()) ** 2 / (2.0 * slope)
    price = choke - slope * math.fsum(quantities)
    return best - consumer_surplus(slope, quantities) - math.fsum((price - costs) * quantities)


# Best replies over time -----------------------------------------------------------------------------


def deviation_factor(firms, damping):
    """Return 1 - l (N + 1) / 2, by which a deviation common to all firms is multiplied a quarter when all reply at once [1].

    Below -1 (l above 4 / (N + 1)) the equilibrium is not reached; at -1 output goes to and fro for ever.
    Source: Theocharis 1960; Fisher 1961 for damped replies.
    """
    return 1.0 - damping * (firms + 1) / 2.0


def best_reply(choke, slope, cost, others):
    """Return max(0, (a - c - b others) / (2b)), the quantity that is best against the total of others. Source: Cournot 1838."""
    return max(0.0, (choke - cost - slope * others) / (2.0 * slope))


def best_reply_path(choke, slope, costs, start, damping, quarters):
    """Return quantities when all go the part `damping` of the way to their best reply at once, `(quarters + 1, firms)`.

    Each replies to what others sold the quarter before; nobody goes below 0. Source: Theocharis 1960.
    """
    path = [np.asarray(start, float)]
    for _ in range(quarters):
        old = path[-1]
        reply = np.array([best_reply(choke, slope, cost, old.sum() - own) for cost, own in zip(costs, old, strict=True)])
        path.append(np.maximum(0.0, (1.0 - damping) * old + damping * reply))
    return np.array(path)


def sequential_path(choke, slope, costs, start, damping, quarters):
    """Return quantities when firms reply one after the other, each to the newest of the others, `(quarters + 1, firms)`.

    Without damping it converges for any number of firms. Source: Gauss-Seidel iteration; Gabay and Moulin 1980.
    """
    path = [np.asarray(start, float)]
    for _ in range(quarters):
        now = path[-1].copy()
        for firm, cost in enumerate(costs):
            reply = best_reply(choke, slope, cost, now.sum() - now[firm])
            now[firm] = max(0.0, (1.0 - damping) * now[firm] + damping * reply)
        path.append(now)
    return np.array(path)


# Capacity, then price -------------------------------------------------------------------------------


def capacity_price(choke, slope, cost, capacities):
    """Return the price of firms with capacities k and unit cost c who set prices, where there is a pure equilibrium; else nan.

    a - b K where no firm would rather ask more of who is left to it (K + largest k <= (a - c) / b); c where all but the
    largest could serve all demand at c; a lone firm's own best price, max(a - b k, (a + c) / 2). Efficient rationing.
    Source: Kreps and Scheinkman 1983; for any number of firms De Francesco and Salvadori 2010.
    """
    capacities = np.asarray(capacities, float)
    total, largest = math.fsum(capacities), float(capacities.max())
    wanted = (choke - cost) / slope  # at a price of c
    if np.count_nonzero(capacities) == 1 and wanted > 0:
        return max(choke - slope * total, (choke + cost) / 2.0)
    if total + largest <= wanted * (1.0 + ROUNDING):
        return choke - slope * total
    return float(cost) if total - largest >= wanted * (1.0 - ROUNDING) else math.nan


def pure_price_exists(choke, slope, cost, capacities):
    """Say whether firms with these capacities have a pure equilibrium in prices. Source: Kreps and Scheinkman 1983."""
    return not math.isnan(capacity_price(choke, slope, cost, capacities))


class MixedPrices(NamedTuple):
    """The mixed equilibrium of two equal firms: lowest and highest price asked, expected profit of each, mean price asked."""

    low: float
    high: float
    profit: float
    mean_price: float


def mixed_prices(choke, slope, cost, capacity):
    """Return the mixed equilibrium of two firms with `capacity` each, (a - c) / 3b < k < (a - c) / b; elsewhere nan.

    Above c the highest price is (a - c - b k) / 2, best against a rival who sells all it has; it earns that squared over b;
    the lowest, at which all is sold, earns the same. The mean is by quadrature.
    Source: Kreps and Scheinkman 1983, section 3.
    """
    room = choke - cost
    if not room / (3.0 * slope) < capacity < room / slope:
        return MixedPrices(math.nan, math.nan, math.nan, math.nan)
    top = (room - slope * capacity) / 2.0
    profit = top**2 / slope
    bottom = profit / capacity
    above = quad(lambda margin: 1.0 - _mixed_chance(margin, room, slope, capacity), bottom, top, epsabs=0.0, epsrel=1e-13)[0]
    return MixedPrices(cost + bottom, cost + top, profit, cost + bottom + above)


def mixed_price_chance(price, choke, slope, cost, capacity):
    """Return the chance F that a firm of `mixed_prices` asks no more than `price`; nan where that equilibrium is not.

    It makes the rival earn the same E at every price p above c: F = (p k - E) / (p (2k - D)), D = (a - c - p) / b.
    Source: Kreps and Scheinkman 1983, section 3.
    """
    mixed = mixed_prices(choke, slope, cost, capacity)
    if math.isnan(mixed.low):
        return math.nan
    margin = min(max(price, mixed.low), mixed.high) - cost
    return _mixed_chance(margin, choke - cost, slope, capacity)


def _mixed_chance(margin, room, slope, capacity):
    profit = ((room - slope * capacity) / 2.0) ** 2 / slope
    return (margin * capacity - profit) / (margin * (2.0 * capacity - (room - margin) / slope))


# Entry ----------------------------------------------------------------------------------------------


def profit_each(choke, slope, cost, firms):
    """Return the profit of each of N equal Cournot firms before fixed cost, ((a - c) / (N + 1))^2 / b. Source: Cournot 1838."""
    return (max(0.0, choke - cost) / (firms + 1)) ** 2 / slope


def free_entry_limit(choke, slope, cost, fixed_cost):
    """Return the number of equal firms, not rounded, whose profit is F, (a - c) / sqrt(b F) - 1; at least 0. Source: Mankiw and Whinston 1986."""
    if choke <= cost:
        return 0.0
    return max(0.0, (choke - cost) / math.sqrt(slope * fixed_cost) - 1.0) if fixed_cost > 0 else math.inf


def free_entry(choke, slope, cost, fixed_cost):
    """Return the largest number of equal Cournot firms whose profit covers F; infinite where F is 0. Source: Mankiw and Whinston 1986."""
    limit = free_entry_limit(choke, slope, cost, fixed_cost)
    return limit if math.isinf(limit) else math.floor(limit + ROUNDING * (limit + 1.0))


def welfare(choke, slope, cost, fixed_cost, firms):
    """Return W(N) = consumer surplus + N (profit - F) of N equal Cournot firms [money]. Source: Mankiw and Whinston 1986."""
    sold = firms * max(0.0, choke - cost) / (slope * (firms + 1))
    return slope * sold**2 / 2.0 + firms * (profit_each(choke, slope, cost, firms) - fixed_cost)


def planned_entry_limit(choke, slope, cost, fixed_cost):
    """Return the number of firms, not rounded, at which W is largest, ((a - c)^2 / (b F))^(1/3) - 1; at least 0. Source: as for W."""
    if choke <= cost:
        return 0.0
    return max(0.0, ((choke - cost) ** 2 / (slope * fixed_cost)) ** (1.0 / 3.0) - 1.0) if fixed_cost > 0 else math.inf


def planned_entry(choke, slope, cost, fixed_cost):
    """Return the whole number of equal Cournot firms at which W is largest, the smaller of two that are equal.

    Source: Mankiw and Whinston 1986; W rises to its one maximum and falls after it.
    """
    limit = planned_entry_limit(choke, slope, cost, fixed_cost)
    if math.isinf(limit):
        return limit
    return max((math.floor(limit), math.ceil(limit)), key=lambda firms: welfare(choke, slope, cost, fixed_cost, firms))


class LimitPricing(NamedTuple):
    """How one firm keeps another out: quantity and price that do, its profit with them, its profit if it lets the other in.

    `conduct` is `blockaded` where its monopoly keeps the other out already, else the better of `deter` and `accommodate`.
    """

    quantity: float
    price: float
    profit: float
    accommodation_profit: float
    conduct: str


def entrant_profit(choke, slope, cost, fixed_cost, standing):
    """Return what an entrant earns beside a standing quantity, (a - c - b Q)^2 / (4b) - F [money]. Source: Bain 1956; Sylos-Labini 1962."""
    return max(0.0, choke - cost - slope * standing) ** 2 / (4.0 * slope) - fixed_cost


def limit_pricing(choke, slope, cost, fixed_cost, entrant_cost=None):
    """Return the limit quantity (a - c) / b - 2 sqrt(F / b), at which an entrant earns nothing, and what comes with it.

    c there is the entrant's cost, the incumbent's own by default. Profits are before the incumbent's fixed cost; one that lets
    the other in leads (Stackelberg). Source: Bain 1956; Dixit 1979; Tirole 1988, section 8.2.
    """
    entrant_cost = cost if entrant_cost is None else entrant_cost
    quantity = max(0.0, (choke - entrant_cost) / slope - 2.0 * math.sqrt(fixed_cost / slope))
    profit = (choke - slope * quantity - cost) * quantity
    accommodation, monopoly = _leader_profit(choke, slope, cost, entrant_cost), max(0.0, choke - cost) / (2.0 * slope)
    conduct = "deter" if profit >= accommodation else "accommodate"
    conduct = "blockaded" if monopoly >= quantity else conduct
    return LimitPricing(quantity, choke - slope * quantity, profit, accommodation, conduct)


def _leader_profit(choke, slope, cost, follower_cost):
    """Return the profit of who moves first: the better of a follower that sells and one that finds no room."""
    room = max(0.0, choke - follower_cost) / slope  # beyond it the follower sells nothing
    beside = min(max(0.0, (choke - 2.0 * cost + follower_cost) / (2.0 * slope)), room)
    alone = max(room, (choke - cost) / (2.0 * slope))
    with_follower = beside * (choke - slope * beside - slope * best_reply(choke, slope, follower_cost, beside) - cost)
    return max(with_follower, alone * (choke - slope * alone - cost), 0.0)


# Ownership and mergers ------------------------------------------------------------------------------


def owned_cournot(choke, slope, costs, weights):
    """Return the Cournot equilibrium of firms that care for each other's profit, `weights[j, k]` that of k's in j's objective.

    P - c_j <= b sum_k K_jk q_k, with equality where j sells; own weight 1, no weight below 0. Who sells is found by
    Lemke's algorithm, how much by linear equations. Equal plants of one owner sell the same.
    Source: O'Brien and Salop 2000; complementarity: Cottle, Pang and Stone 1992, section 4.4.
    """
    costs, weights = np.asarray(costs, float), np.asarray(weights, float)
    wanted = (choke - costs) / slope
    size = max(wanted.max(), 0.0)
    if size == 0.0:
        return _equilibrium(np.zeros(len(costs)), choke, costs)
    pull, wanted = 1.0 + weights, wanted / size
    found = _complementary(pull, wanted)
    for selling in (pull @ found - wanted < ACTIVE, found > ACTIVE):  # all who may sell, else those found selling
        quantities = _solved(pull, wanted, selling)
        if (pull @ quantities - wanted).min() > -APART:
            break
    quantities *= size
    return _equilibrium(quantities, choke - slope * quantities.sum(), costs)


def _solved(pull, wanted, selling):
    """Return quantities of those selling by linear equations, the smallest where there are many; who comes out below 0 is left out."""
    quantities = np.full(len(wanted), -1.0)
    while quantities.min() < -ROUNDING:
        quantities = np.zeros(len(wanted))
        quantities[selling] = np.linalg.lstsq(pull[np.ix_(selling, selling)], wanted[selling], rcond=ROUNDING)[0]
        selling = selling & (quantities > quantities.min())
    return np.maximum(0.0, quantities)


def _complementary(pull, wanted):
    """Return q >= 0 with pull q >= wanted, for each firm one of the two with equality, to about `APART`, by Lemke's pivoting.

    It ends, for no entry of `pull` is below 0 and its diagonal is above. Columns: slacks, quantities, the auxiliary, constants.
    """
    firms = len(wanted)
    apart = wanted + APART * np.sqrt(np.arange(1.0, firms + 1.0))
    table = np.hstack([np.eye(firms), -pull, -np.ones((firms, 1)), -apart[:, None]])
    basis, row, entering, leaving = np.arange(firms), int(np.argmax(apart)), 2 * firms, -1
    while leaving != 2 * firms:
        table[row] /= table[row, entering]
        others = np.arange(firms) != row
        table[others] -= np.outer(table[others, entering], table[row])
        leaving, basis[row] = basis[row], entering
        entering = (leaving + firms) % (2 * firms)
        column = table[:, entering]
        ratios = np.where(column > ROUNDING, table[:, -1] / np.where(column > ROUNDING, column, 1.0), np.inf)
        row = int(np.argmin(ratios))
    quantities = np.zeros(2 * firms)
    quantities[basis] = table[:, -1]
    return quantities[firms:]


def modified_herfindahl(quantities, weights):
    """Return the sum of K_jk s_j s_k [index], elasticity times the mean Lerner index of `owned_cournot`.

    Source: O'Brien and Salop 2000.
    """
    quantities, weights = np.asarray(quantities, float), np.asarray(weights, float)
    total = math.fsum(quantities)
    return float(quantities @ weights @ quantities) / total**2 if total > 0 else math.nan


class Merger(NamedTuple):
    """A merger of Cournot firms: profit of the merging firms together before, of the merged firm after, and both equilibria."""

    profit_before: float
    profit_after: float
    before: Equilibrium
    after: Equilibrium


def merger(choke, slope, costs, members):
    """Return what comes of a merger of the firms at places `members`: one firm with the lowest of their costs, last in line.

    Source: Salant, Switzer and Reynolds 1983, where costs are equal and most mergers lose.
    """
    costs, members = np.asarray(costs, float), sorted(set(members))
    before = cournot(choke, slope, costs)
    after = cournot(choke, slope, np.append(np.delete(costs, members), costs[members].min()))
    return Merger(math.fsum(before.profits[members]), float(after.profits[-1]), before, after)
