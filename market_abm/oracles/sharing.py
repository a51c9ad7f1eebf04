"""Oracles of sharing: who gets what of too few chips (O21), and tenants who are used to their cloud (O25)."""

import numpy as np
from scipy.special import softmax

from market_abm.errors import BadInput, Problem
from market_abm.oracles.closed_forms import rationing
from market_abm.oracles.finding import Finding, mean_of
from market_abm.oracles.running import MOST_FIRMS, column, firms_present, stepped

SEED = 21
OPENING_BOOK = 0.9  # part of a quarter's capacity that is on order at the start
USD_PER_PFLOPS = 30_000.0  # what the chips of O21 cost, and are sold at
CUT = 1e-9  # part of an order that rounding may take or leave
DUE = 1  # quarter in which the orders of the first are due
MOST_BUYERS = 6  # whose orderings are all gone through


def o21_rationing(sheet):
    """Compare what buyers get in one quarter under each rule of `chips.allocation` with the textbook's awards for the same orders.

    Where lots are drawn, each run must serve whole orders but for one, and mean awards are compared with the mean over all
    orderings. Source: Moulin 2000; Thomson 2003.
    """
    _check_buyers(sheet)
    simulation = stepped(_rationed(sheet), lambda now: _served_and_left(now, len(sheet.orders_pflops)), seed=SEED)
    awards = [served for served, _ in simulation.seen]
    fixed = len(_fixed_rules(sheet))
    found = _orders_placed(sheet, sum(simulation.seen[DUE]))
    for place, (rule, known) in enumerate(_fixed_rules(sheet).items()):
        found += _awarded(rule, known, awards[DUE][place])
    found += _overdue_first(sheet, awards[DUE][fixed], awards[DUE + 1][fixed])
    found += _inflated(sheet, "proportional", rationing.proportional, awards[DUE][fixed + 1])
    found += _inflated(sheet, "equal_awards", rationing.equal_awards, awards[DUE][fixed + 2])
    found += _awarded("capped", _capped(sheet), awards[DUE][fixed + 3])
    draws = awards[DUE][fixed + 4 :]
    found += _drawn_orders(sheet, "lottery", None, draws[: sheet.draws])
    return found + _drawn_orders(sheet, "raffle", _weights(sheet), draws[sheet.draws :])


def _served_and_left(simulation, buyers):
    """Return what buyers got of what was due this quarter, and what they did not, each `(runs, buyers)` PFLOP/s."""
    return column(simulation, "clouds.delivered_pflops")[0, :, :buyers], column(simulation, "clouds.unserved_pflops")[:, :buyers]


def _orders_placed(sheet, due):
    """Return the findings on orders: what cash buys at the price of chips."""
    return [Finding(f"order of buyer {k + 1} (PFLOP/s)", order, float(due[0, k])) for k, order in enumerate(sheet.orders_pflops)]


def _check_buyers(sheet):
    count = len(sheet.orders_pflops)
    for knob in ("orders_pflops", "holdings", "rents_out"):
        if not 2 <= count <= MOST_BUYERS or len(getattr(sheet, knob)) < count:
            raise BadInput(Problem(sheet.path, f"must name each of two to {MOST_BUYERS} buyers", "give all three lists the same length",
                                   key=knob, value=getattr(sheet, knob)))
    if len(set(sheet.rents_out[:count])) < count:
        raise BadInput(Problem(sheet.path, "must differ, or bids are equal and lots decide", "for example [0.2, 0.4, 0.6]",
                               key="rents_out", value=sheet.rents_out))


def _weights(sheet):
    """Return the weight of each buyer's past purchases."""
    return np.array(sheet.holdings[: len(sheet.orders_pflops)]) ** sheet.exponent


def _fixed_rules(sheet):
    """Return the awards that each rule without lots should make, `{rule: (buyers,)}`."""
    orders, supply = np.array(sheet.orders_pflops), sheet.supply_pflops
    first = rationing.proportional(orders, sheet.floor * supply)
    weighted = rationing.weighted_awards(orders - first, supply - first.sum(), _weights(sheet))
    return {"proportional": rationing.proportional(orders, supply), "equal_awards": rationing.equal_awards(orders, supply),
            "relationship": first + weighted, "auction": rationing.highest_bid_first(orders, supply, sheet.rents_out[: len(orders)])}


def _rationed(sheet):
    """Return the configurations: a run for each rule without lots, four for what follows, then many for each rule with lots."""
    orders = list(sheet.orders_pflops)
    inflated = [orders[0] * sheet.inflation, *orders[1:]]
    cases = [_buyers(sheet, rule, orders) for rule in _fixed_rules(sheet)]
    cases += [_buyers(sheet, "contracts_first", orders, sheet.further_pflops)]
    cases += [_buyers(sheet, rule, inflated) for rule in ("proportional", "equal_awards")] + [_buyers(sheet, "capped", orders, equals=True)]
    return cases + [case for rule in ("lottery", "raffle") for case in [_buyers(sheet, rule, orders)] * sheet.draws]


def _buyers(sheet, rule, orders, further=0.0, equals=False):
    """Return the configuration of buyers with cash for `orders`, and public money for `further` PFLOP/s every quarter.

    What they bought before goes by the knob `holdings`, or all are equal in it.
    """
    holdings = np.array([1.0] * len(orders) if equals else sheet.holdings[: len(orders)])
    held = holdings / holdings.sum()
    on_order = OPENING_BOOK * sheet.supply_pflops * held
    cash = [float(usd) for usd in (np.array(orders) + on_order) * USD_PER_PFLOPS]
    sets = firms_present(len(orders), cash_usd=cash, kind="public_cloud", rents_out=list(sheet.rents_out))
    sets += [f"cast.clouds.firm{k + 1}.fleet_share={float(share)!r}" for k, share in enumerate(held)]
    return sheet.configuration(
        *sets, f"chips.allocation={rule}", f"chips.relationship_exponent={sheet.exponent}", f"chips.relationship_floor={sheet.floor}",
        f"chips.buyer_cap={sheet.cap}", f"cast.makers.maker.capacity_chips={sheet.supply_pflops}",
        f"cast.makers.maker.unit_cost_usd={USD_PER_PFLOPS}",
        f"clouds.opening_fleet_pflops={sheet.supply_pflops + sum(orders)}", f"clouds.public_budget_usd={further * USD_PER_PFLOPS}")


def _awarded(rule, known, got, when=""):
    return [Finding(f"award of buyer {k + 1}{when}, {rule} (PFLOP/s)", float(known[k]), float(got[k])) for k in range(len(known))]


def _overdue_first(sheet, first, second):
    """Return the findings on two quarters of `contracts_first`: what was left over in one comes first in the next."""
    orders = np.array(sheet.orders_pflops) + sheet.further_pflops
    known = rationing.proportional(orders, sheet.supply_pflops)
    overdue = orders - known
    then = rationing.contracts_first(overdue + sheet.further_pflops, sheet.supply_pflops, overdue)
    return _awarded("contracts_first", known, first) + _awarded("contracts_first", then, second, " a quarter later")


def _capped(sheet):
    """Return awards under the cap to buyers with equal books; what it leaves of the opening book stays on order, and unsold."""
    orders, supply = np.array(sheet.orders_pflops), sheet.supply_pflops
    book = np.full(len(orders), OPENING_BOOK * supply / len(orders))
    overdue = book - rationing.capped(book, book.sum(), sheet.cap)
    stock, due = overdue.sum(), overdue + orders
    return rationing.capped(due, stock + min(supply, max(0.0, due.sum() - stock)), sheet.cap)


def _inflated(sheet, rule, award, got):
    """Return what the first buyer gains by ordering more than it wants."""
    orders = np.array(sheet.orders_pflops)
    more = orders * np.where(np.arange(len(orders)) == 0, sheet.inflation, 1.0)
    known = award(more, sheet.supply_pflops)
    return _awarded(f"{rule} where buyer 1 orders {sheet.inflation:g} times as much", known, got)


def _drawn_orders(sheet, rule, weights, got):
    """Return the findings on a rule that draws who comes first, `got` `(runs, buyers)`."""
    orders, supply = np.array(sheet.orders_pflops), min(sheet.supply_pflops, sum(sheet.orders_pflops))
    mean = rationing.expected_by_drawn_order(orders, sheet.supply_pflops, weights)
    if sheet.supply_pflops < (1.0 - CUT) * sum(orders):
        found = [mean_of(f"award of buyer {k + 1}, {rule} (PFLOP/s)", mean[k], got[:, k]) for k in range(len(orders))]
    else:  # enough for all, whatever is drawn: rounding alone is left
        found = _awarded(rule, mean, got.mean(axis=0))
    cut = ((got > CUT * orders) & (got < (1.0 - CUT) * orders)).sum(axis=1).max()
    sums = got.sum(axis=1)
    furthest = float(sums[np.abs(sums - supply).argmax()])
    return [*found, Finding(f"orders cut in one run beyond one, {rule}", 0.0, float(max(0, cut - 1))),
            Finding(f"all awards of the run that is furthest off, {rule} (PFLOP/s)", supply, furthest)]


def o25_switching(sheet):
    """Compare startups' choices of a cloud with the chain of a logit in which the present cloud has an advantage.

    A cloud's utility is the log of its size, and more by the inertia for who is there. Spells are those of the first
    quarter, cut where watching ends. Startups choose independently; means are over runs. Source: McFadden 1974.
    """
    clouds, quarters = len(sheet.sizes), sheet.horizon_quarters
    _check_clouds(sheet)
    there = _clouds_chosen(sheet)
    first, moves = _chain(sheet)
    known = [first @ np.linalg.matrix_power(moves, quarter) for quarter in range(quarters)]
    stay, stays = moves.diagonal(), (there[1:] == there[:-1]).mean(axis=(0, 2))
    found = [mean_of("part of startups that stay a quarter", float(np.mean([now @ stay for now in known[:-1]])), stays),
             mean_of(f"spell with the first cloud, cut at {quarters} quarters (quarters)", _mean_spell(first, stay, quarters), _spells(there))]
    found += [mean_of(f"autocorrelation over {lag} quarter{'s' * (lag > 1)}", *_autocorrelation(there, known, moves, lag))
              for lag in sheet.lags if lag < quarters]
    return found + [mean_of(f"part of startups with cloud {k + 1} in the last quarter", float(known[-1][k]), (there[-1] == k).mean(axis=1))
                    for k in range(clouds - 1)]


def _check_clouds(sheet):
    if not 2 <= len(sheet.sizes) <= MOST_FIRMS:
        raise BadInput(Problem(sheet.path, f"must name the sizes of two to {MOST_FIRMS} clouds", "for example [1, 1, 1]",
                               key="sizes", value=sheet.sizes))


def _clouds_chosen(sheet):
    """Return which cloud each startup is with, `(quarters, runs, startups)`."""
    sets = firms_present(len(sheet.sizes))
    sets += [f"cast.clouds.firm{k + 1}.fleet_share={size / sum(sheet.sizes)!r}" for k, size in enumerate(sheet.sizes)]
    configuration = sheet.configuration(
        *sets, f"clouds.provider_inertia={sheet.inertia}", f"startups.opening={sheet.startups}",
        f"frame.startup_slots={sheet.startups}", f"frame.quarters={sheet.horizon_quarters}")
    simulation = stepped([configuration] * sheet.markets, lambda now: column(now, "startups.provider")[:, : sheet.startups], seed=SEED)
    return np.array(simulation.seen)


def _chain(sheet):
    """Return the chances of each cloud for who is with none `(clouds,)` and for who is with each `(clouds, clouds)`."""
    utility = np.log(sheet.sizes)
    return softmax(utility), softmax(utility + sheet.inertia * np.eye(len(utility)), axis=1)


def _mean_spell(first, stay, quarters):
    """Return the mean of spells that begin in the first quarter, cut at `quarters`: the sum of chances to be still there."""
    return float(sum(first @ stay**quarter for quarter in range(quarters)))


def _spells(there):
    """Return the mean length of the spells that begin in the first quarter, by run."""
    return np.cumprod(there == there[0], axis=0).sum(axis=0).mean(axis=1)


def _autocorrelation(there, known, moves, lag):
    """Return autocorrelation of who is where over `lag` quarters: expected, and by run.

    It is the covariance of being with a cloud now and then, summed over clouds and quarters, over the variance now. Means
    and variances are the chain's, so that each run's figure has the chain's as its mean.
    """
    later, spans = np.linalg.matrix_power(moves, lag), range(len(there) - lag)
    variance = sum(known[t] @ (1.0 - known[t]) for t in spans)
    together = sum(known[t] @ later.diagonal() for t in spans)
    means = [known[t][there[t + lag]] + known[t + lag][there[t]] - known[t] @ known[t + lag] for t in spans]
    by_run = sum(((there[t] == there[t + lag]) - means[t]).mean(axis=1) for t in spans)
    return float((together - sum(known[t] @ known[t + lag] for t in spans)) / variance), by_run / variance
