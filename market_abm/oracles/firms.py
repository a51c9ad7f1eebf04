"""Oracles of firms that sell one good, read off the market for rented compute: O1 to O5, O9, O22 to O24."""

import numpy as np

from market_abm.exact import ratio
from market_abm.oracles.closed_forms import oligopoly
from market_abm.oracles.finding import Finding
from market_abm.oracles.running import column, firms_present, metric, settled, stepped
from market_abm.units import HOURS_PER_QUARTER

AT_REST = 1e-11  # largest change of an output a quarter, over the largest output
THOUSAND = 1000.0  # capacities are counted in thousands of hours: a firm has at least a few PFLOP/s


def on_a_line(sheet, choke, slope, scale=1.0):
    """Return the texts that set linear demand P = choke - slope Q, Q in `scale` PFLOP-hours a quarter."""
    return [f"rental.choke_usd={choke}", f"customers.enterprise_usd={4 * choke / slope * scale}"]


def settling_speed(firms):
    """Return the speed of adjustment at which both modes of linear Cournot die out as fast as each other, 4/(N+2)."""
    return f"rental.output_speed={4 / (firms + 2)}"


def rent(simulation):
    """Return the rent that all sellers post, by run."""
    return (column(simulation, "clouds.contested_rent_usd") * column(simulation, "clouds.sells")).max(axis=-1)


def sold(simulation):
    """Return hours rented out by each firm, `(runs, firms)`."""
    return column(simulation, "clouds.rented_pflop_hours")


def earned(simulation):
    """Return what each firm took less what its hours cost, `(runs, firms)`: rent and service as booked, no chips."""
    hours = sold(simulation)
    return column(simulation, "clouds.rent_usd") - hours * column(simulation, "clouds.service_usd")


def lerner(simulation, run, cost):
    """Return the Lerner index of one run, by shares of sales."""
    price, hours = column(simulation, "clouds.contested_rent_usd")[run], sold(simulation)[run]
    selling = hours > 0
    margin = 1.0 - np.broadcast_to(cost, hours.shape)[selling] / price[selling]
    return float(ratio(margin @ (hours * price)[selling], (hours * price).sum(), np.nan))


def o01_cournot(sheet):
    """Compare equal Cournot firms with theory, and the paths of simultaneous best reply with those that theory traces."""
    line, a, b, c = on_a_line(sheet, sheet.choke, sheet.slope), sheet.choke, sheet.slope, sheet.cost
    still = [sheet.configuration(*firms_present(n, service_usd=c), *line, f"rental.output_speed={2 / (n + 1)}") for n in sheet.firms]
    after = stepped(still, quarters=4)
    found, hhi, price = [], metric(after, "hhi_compute_rented"), rent(after)
    for run, n in enumerate(sheet.firms):
        known = oligopoly.cournot(a, b, [c] * n)
        q, hhi_known, elasticity = sold(after)[run, 0], oligopoly.herfindahl(known.quantities), oligopoly.elasticity_at(a, b, known.quantities)
        welfare = _surplus_and_loss(a, b, c, price[run], n * q)
        found += [Finding(f"output of a firm, N = {n} (PFLOP-h)", known.quantities[0], q),
                  Finding(f"rent, N = {n} (USD/PFLOP-h)", known.price, price[run]),
                  Finding(f"HHI, N = {n}", hhi_known, hhi[run]),
                  Finding(f"Lerner index, which is HHI over elasticity, N = {n}", hhi_known / elasticity, lerner(after, run, c)),
                  Finding(f"profit of a firm, N = {n} (USD)", known.profits[0], earned(after)[run, 0]),
                  Finding(f"consumers' surplus, N = {n} (USD)", oligopoly.consumer_surplus(b, known.quantities), welfare[0]),
                  Finding(f"deadweight loss, N = {n} (USD)", oligopoly.deadweight_loss(a, b, [c] * n, known.quantities), welfare[1])]
    return found + _paths(sheet, line)


def _surplus_and_loss(a, b, c, price, hours):
    """Return consumers' surplus and deadweight loss at a price and output of the run."""
    return 0.5 * (a - price) * hours, 0.5 * (price - c) * ((a - c) / b - hours)


def _paths(sheet, line):
    """Follow the dynamic cases: the path itself, and the factor by which a deviation grows or shrinks while no corner is met."""
    sheet.equally_long("dynamic_firms", "dynamic_speeds")
    cases = list(zip(sheet.dynamic_firms, sheet.dynamic_speeds, strict=True))
    configurations = [sheet.configuration(*firms_present(n, service_usd=sheet.cost, output_pflop_hours=sheet.start), *line,
                                          f"rental.output_speed={speed}") for n, speed in cases]
    seen = np.array(stepped(configurations, each=lambda s: column(s, "clouds.output_pflop_hours")[:, 0], quarters=12).seen)
    found = []
    for run, (n, speed) in enumerate(cases):
        known = oligopoly.best_reply_path(sheet.choke, sheet.slope, [sheet.cost] * n, [sheet.start] * n, speed, 12)[1:, 0]
        label = f"N = {n}, speed {speed:g}"
        found += [Finding(f"output after 1 quarter of simultaneous replies, {label} (PFLOP-h)", known[0], seen[0, run]),
                  Finding(f"output after 12 quarters, {label} (PFLOP-h)", known[-1], seen[-1, run])]
        rest, factor = (sheet.choke - sheet.cost) / (sheet.slope * (n + 1)), oligopoly.deviation_factor(n, speed)
        replies = (sheet.choke - sheet.cost) / sheet.slope > (n - 1) * known[0]  # to sell nothing would be a corner
        inside = known[0] > 0 and known[1] > 0 and replies and abs(known[0] - rest) > 1e-3 * rest
        if inside:
            seen_factor = (seen[1, run] - rest) / (seen[0, run] - rest)
            found.append(Finding(f"factor of a deviation, {label}: settles if between -1 and 1", factor, seen_factor))
    return found


def o02_unequal_costs(sheet):
    """Compare Cournot firms of unequal cost with theory, before and after the second firm's cost rises."""
    raised = [c + sheet.rise * (place == 1) for place, c in enumerate(sheet.costs)]
    found = []
    after = _settled(sheet, [sheet.costs, raised])
    for run, (costs, label) in enumerate(((sheet.costs, "at first"), (raised, "second firm's cost raised"))):
        known, q = oligopoly.cournot(sheet.choke, sheet.slope, costs), sold(after)[run]
        found += [Finding(f"rent, {label} (USD/PFLOP-h)", known.price, rent(after)[run])]
        found += [Finding(f"output of firm {i + 1}, {label} (PFLOP-h)", known.quantities[i], q[i]) for i in range(len(costs))]
        found += [Finding(f"profit of firm {i + 1}, {label} (USD)", known.profits[i], earned(after)[run, i]) for i in range(len(costs))]
        found += [Finding(f"HHI, {label}", oligopoly.herfindahl(known.quantities), metric(after, "hhi_compute_rented")[run]),
                  Finding(f"Lerner index, {label}", oligopoly.lerner(known.price, costs, known.quantities),
                          lerner(after, run, column(after, "clouds.service_usd")[run]))]
    return found


def _settled(sheet, cases, extra=()):
    """Run linear Cournot cases, each a list of costs, until outputs stand still."""
    line = on_a_line(sheet, sheet.choke, sheet.slope)
    configurations = [sheet.configuration(*firms_present(len(costs), service_usd=list(costs)), *line, settling_speed(len(costs)), *extra)
                      for costs in cases]
    return settled(configurations, "clouds.output_pflop_hours", AT_REST)


def o03_isoelastic(sheet):
    """Compare Cournot firms on isoelastic demand with theory, equal and unequal ones."""
    cases = [[sheet.cost] * n for n in sheet.firms] + [sheet.costs]
    curve = [f"rental.elasticity={sheet.elasticity}", f"rental.reference_usd={sheet.scale}", f"customers.enterprise_usd={4 * sheet.scale}"]
    after = settled([sheet.configuration(*firms_present(len(costs), service_usd=list(costs)), *curve, settling_speed(len(costs))) for costs in cases],
                    "clouds.output_pflop_hours", AT_REST)
    found = []
    for run, costs in enumerate(cases):
        known = oligopoly.isoelastic(sheet.scale, sheet.elasticity, costs)
        label = f"N = {len(costs)}" + (", unequal costs" if run == len(cases) - 1 else "")
        found += [Finding(f"rent, {label} (USD/PFLOP-h)", known.price, rent(after)[run]),
                  Finding(f"output of all, {label} (PFLOP-h)", known.quantities.sum(), sold(after)[run].sum()),
                  Finding(f"Lerner index, which is HHI over elasticity, {label}", oligopoly.herfindahl(known.quantities) / sheet.elasticity,
                          lerner(after, run, column(after, "clouds.service_usd")[run]))]
    return found


def o05_monopoly(sheet):
    """Compare one firm with theory on a line and on a curve."""
    line = sheet.configuration(*firms_present(1, service_usd=sheet.cost), *on_a_line(sheet, sheet.choke, sheet.slope), "rental.output_speed=1")
    curve = sheet.configuration(*firms_present(1, service_usd=sheet.cost), "rental.demand=isoelastic", f"rental.elasticity={sheet.elasticity}",
                                "rental.output_speed=1", f"rental.reference_usd={sheet.cost}", f"customers.enterprise_usd={4000 * sheet.cost}")
    after = stepped([line, curve], quarters=4)
    known = oligopoly.cournot(sheet.choke, sheet.slope, [sheet.cost])
    return [Finding("rent on a line (USD/PFLOP-h)", known.price, rent(after)[0]),
            Finding("output on a line (PFLOP-h)", known.quantities[0], sold(after)[0, 0]),
            Finding("profit on a line (USD)", known.profits[0], earned(after)[0, 0]),
            Finding("rent on a curve (USD/PFLOP-h)", oligopoly.isoelastic(1.0, sheet.elasticity, [sheet.cost]).price, rent(after)[1])]


def o04_capacity(sheet):
    """Compare prices that clear given capacities with theory; without limits the price is cost.

    Small capacities clear (each Cournot output at the cost of capacity, or less); large ones sell at cost. In
    between only a mixed equilibrium exists: of it, the bounds of prices and profits are told by theory alone, and the rule says that
    it does not draw it.
    """
    a, scale = sheet.choke, THOUSAND
    k, line = list(sheet.capacities), on_a_line(sheet, sheet.choke, 1.0, THOUSAND)
    fair = (a - sheet.capacity_cost) / (len(k) + 1)  # Cournot output at the cost of capacity
    cases = (("given capacities", k, 0.0), ("Cournot capacities", [fair] * len(k), 0.0), ("unlimited capacity", [50.0 * a] * len(k), sheet.cost))
    configurations = [
        sheet.configuration(*firms_present(len(x), service_usd=c), *line, *capacity(sheet, x, scale)) for _, x, c in cases
    ]
    after, found = stepped(configurations, quarters=1), []
    for run, (label, x, c) in enumerate(cases):
        price = oligopoly.capacity_price(a, 1.0, c, x)
        if oligopoly.pure_price_exists(a, 1.0, c, x):
            found.append(Finding(f"rent, {label} {_listed(x)} (USD/PFLOP-h)", price, rent(after)[run]))
            if price > 0:  # the engine counts demand in money: of hours that cost nothing it cannot say how many are wanted
                found.append(Finding(f"output, {label} (thousand PFLOP-h)", a - price, sold(after)[run].sum() / scale))
    profit = (rent(after)[1] - sheet.capacity_cost) * fair
    found.append(Finding("profit of a firm net of its capacity, Cournot capacities (USD)",
                         oligopoly.profit_each(a, 1.0, sheet.capacity_cost, len(k)), profit))
    return found


def capacity(sheet, hours, scale):
    """Return the texts that give firms capacity for `hours` in units of `scale` PFLOP-hours.

    They have power for half of their chips: unlike chips it does not wear off.
    """
    shares = [f"cast.clouds.firm{i + 1}.fleet_share={x / sum(hours)!r}" for i, x in enumerate(hours)]
    fleet_pflops = 2 * sum(hours) * scale / (HOURS_PER_QUARTER * sheet.configuration().parameters.clouds.top_utilisation)
    return [f"clouds.opening_fleet_pflops={fleet_pflops!r}", "clouds.opening_headroom=0.5", *shares]


def _listed(values):
    return ", ".join(f"{v:g}" for v in values)


def o09_free_entry(sheet):
    """Compare how many Cournot firms enter, and what they earn, with theory; and how many a planner would admit, by the welfare of every number."""
    line, a, b, c, fixed = on_a_line(sheet, sheet.choke, sheet.slope), sheet.choke, sheet.slope, sheet.cost, sheet.fixed
    known = oligopoly.free_entry(a, b, c, fixed)
    open_to_all = sheet.configuration(*_may_enter(ENTRANTS, 1, c), *line, f"rental.fixed_usd={fixed}", "rental.output_speed=0.2")
    entered = stepped([open_to_all], quarters=ENTRANTS + 4)
    inside = int(column(entered, "clouds.sells").sum())
    numbers = range(1, min(ENTRANTS, known + 1) + 1)
    closed = [sheet.configuration(*_may_enter(ENTRANTS, n, c), *line, "rental.entry=closed", f"rental.fixed_usd={fixed}",
                                  f"rental.output_speed={2 / (n + 1)}") for n in numbers]
    after = stepped(closed, quarters=4)
    hours, price = sold(after).sum(axis=-1), rent(after)
    profit = earned(after)[:, 0] - column(after, "clouds.market_outlay_usd")[:, 0]
    welfare = {n: 0.5 * (a - price[i]) * hours[i] + n * profit[i] for i, n in enumerate(numbers)}
    found = [Finding("firms under free entry", known, inside),
             Finding("firms that a planner admits", oligopoly.planned_entry(a, b, c, fixed), max(welfare, key=welfare.get))]
    found += [Finding(f"profit of a firm, N = {n} (USD)", oligopoly.profit_each(a, b, c, n) - fixed, profit[n - 1])
              for n in (known, known + 1) if n in welfare]
    return found + [Finding(f"welfare, N = {n} (USD)", oligopoly.welfare(a, b, c, fixed, n), welfare[n]) for n in welfare]


ENTRANTS = 16  # in configs/oracles/o09_free_entry.toml


def _may_enter(count, selling, cost):
    """Return the texts by which `count` firms are there and the first few of them sell."""
    return [*firms_present(count, most=ENTRANTS, service_usd=cost), *(f"cast.clouds.firm{i + 1}.sells={int(i < selling)}" for i in range(count))]


def o22_limit_output(sheet):
    """Compare what an entrant expects beside standing outputs, and the output that keeps it out, with theory."""
    a, b, c, fixed = sheet.choke, sheet.slope, sheet.cost, sheet.fixed
    known, monopoly = oligopoly.limit_pricing(a, b, c, fixed), (a - c) / (2 * b)
    limit = known.quantity
    outputs = [monopoly, 0.99 * limit, 1.01 * limit, limit * (1 + 1e-8)]
    after = stepped([_incumbent(sheet, q) for q in outputs], quarters=1)
    expected, entered = column(after, "clouds.entry_profit_usd")[:, 1], column(after, "clouds.sells")[:, 1]
    found = []
    for run, q in enumerate(outputs[:3]):
        profit = oligopoly.entrant_profit(a, b, c, fixed, q)
        found += [Finding(f"what the entrant expects beside {q:.6g} PFLOP-h (USD)", profit, expected[run]),
                  Finding(f"entrants beside {q:.6g} PFLOP-h", float(profit > 0), entered[run])]
    return [*found, Finding("rent at the limit output (USD/PFLOP-h)", known.price, rent(after)[3]),
            Finding("profit of the incumbent there, before its fixed cost (USD)", known.profit, earned(after)[3, 0])]


def _incumbent(sheet, output):
    """Return a market in which one firm keeps its output and another may enter."""
    return sheet.configuration(*firms_present(2, service_usd=sheet.cost, output_pflop_hours=[output, 0]), "cast.clouds.firm2.sells=0",
                               *on_a_line(sheet, sheet.choke, sheet.slope), f"rental.fixed_usd={sheet.fixed}")


def o23_stakes(sheet):
    """Compare Cournot firms of which the first holds a silent stake in the second with theory."""
    after = _settled(sheet, [sheet.costs], ("cast.clouds.firm1.holds=firm2", f"cast.clouds.firm1.holding={sheet.stake}"))
    weights = np.eye(len(sheet.costs))
    weights[0, 1] = sheet.stake
    known, q = oligopoly.owned_cournot(sheet.choke, sheet.slope, sheet.costs, weights), sold(after)[0]
    mhhi = oligopoly.modified_herfindahl(known.quantities, weights)
    found = [Finding(f"output of firm {i + 1} (PFLOP-h)", known.quantities[i], q[i]) for i in range(len(sheet.costs))]
    return [*found, Finding("rent (USD/PFLOP-h)", known.price, rent(after)[0]),
            Finding("HHI", oligopoly.herfindahl(known.quantities), metric(after, "hhi_compute_rented")[0]),
            Finding("Lerner index, which is MHHI over elasticity", mhhi / oligopoly.elasticity_at(sheet.choke, sheet.slope, known.quantities),
                    lerner(after, 0, column(after, "clouds.service_usd")[0])),
            Finding("MHHI", mhhi, _weighted_index(q, column(after, "clouds.profit_weight")[:, 0]))]


def _weighted_index(hours, weights):
    """Return the sum of w_jk s_j s_k with own weight 1; `weights[k, j]` is that of k's profit for j."""
    share = ratio(hours, hours.sum(), np.nan)
    return float(share @ share + share @ weights.T @ share)


def o24_merger(sheet):
    """Compare what Cournot firms earn before and after some of them become one with theory."""
    n, a, b, c = sheet.firms, sheet.choke, sheet.slope, sheet.cost
    after = _settled(sheet, [[c] * k for k in range(n, 0, -1)])
    profit, hhi = earned(after)[:, 0], metric(after, "hhi_compute_rented")
    found = [Finding("rent before (USD/PFLOP-h)", oligopoly.cournot(a, b, [c] * n).price, rent(after)[0])]
    for merging in range(2, n + 1):
        left = n - merging + 1
        known = oligopoly.merger(a, b, [c] * n, range(merging))
        gain = known.profit_after - known.profit_before
        found += [Finding(f"rent after {merging} of {n} merge (USD/PFLOP-h)", known.after.price, rent(after)[n - left]),
                  Finding(f"HHI after {merging} of {n} merge", oligopoly.herfindahl(known.after.quantities), hhi[n - left]),
                  Finding(f"gain of the {merging} that merge (USD)", gain, profit[n - left] - merging * profit[0])]
    return found
