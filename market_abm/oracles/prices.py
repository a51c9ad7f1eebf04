"""Oracle of prices that move by what was seen (O29): rents and chip prices whose next value follows from the last by a plain recursion."""

from types import SimpleNamespace

import numpy as np
from scipy.optimize import root

from market_abm.oracles.finding import Finding
from market_abm.oracles.firms import THOUSAND, capacity, rent
from market_abm.oracles.running import column, firms_present, stepped

QUARTERS = 12
CHIP_QUARTERS = 160


def o29_price_rules(sheet):
    """Compare rents under scarcity, cost_based and markup, and chip prices under five rules, with recursions and fixed points."""
    return _rents(sheet) + _adaptive_rents(sheet) + _chip_logit(sheet) + _chip_recursions(sheet)


def _rents(sheet):
    """Scarcity: ln p goes the part l e of the way to what clears, p = (wanted at 1 / capacity)^(1/e); cost_based: c/(1 - m)."""
    hours, e = 30.0, sheet.elasticity
    market = ["rental.demand=isoelastic", f"rental.elasticity={e}", f"customers.enterprise_usd={4 * sheet.scarce * 2 * hours * THOUSAND}",
              f"clouds.opening_rent_usd={sheet.opening_rent}", *capacity(sheet, [hours, hours], THOUSAND), "clouds.opening_sites=0",
              "energy.building_quarters=16"]  # no new power while it lasts
    firms = firms_present(2, service_usd=sheet.cost)
    scarce = sheet.configuration(*firms, *market, "rental.pricing=scarcity", f"clouds.rent_speed={sheet.speed}")
    fair = sheet.configuration(*firms, *market, "rental.pricing=cost_based", f"rental.regulated_margin={sheet.margin}")
    still = sheet.configuration(*firms, *market, "rental.pricing=markup", f"rental.markup_response={sheet.response}")
    seen = np.array(stepped([scarce, fair, still], each=rent, quarters=QUARTERS).seen)
    beside = _beside_a_small_one(sheet, market, hours)
    clearing, opening = sheet.scarce ** (1 / e), np.log(sheet.opening_rent)
    found = []
    path = [opening]
    for _ in range(QUARTERS):
        pressure = np.clip(e * (np.log(clearing) - path[-1]), np.log(0.05), np.log(20))
        path.append(path[-1] + sheet.speed * pressure)
    for quarter in (1, 2, QUARTERS):
        found.append(Finding(f"rent under scarcity after {quarter} quarters (USD/PFLOP-h)", np.exp(path[quarter]), seen[quarter - 1, 0]))
    return [*found, *beside, Finding("regulated rent (USD/PFLOP-h)", sheet.cost / (1 - sheet.margin), seen[-1, 1]),
            Finding("rent under an adaptive markup while shares stand still: the opening one (USD/PFLOP-h)", sheet.opening_rent, seen[-1, 2])]


def _beside_a_small_one(sheet, market, hours):
    """A cheap cloud that is too small and a dear one: the dear one sells what is wanted at its rent less what the cheap one can give."""
    costs, room = (sheet.cost, 1.2 * sheet.cost), (hours, 2 * hours)
    case = sheet.configuration(*firms_present(2, service_usd=list(costs)), *market, *capacity(sheet, room, THOUSAND), "rental.pricing=cost_based")
    sold = column(stepped([case], quarters=1), "clouds.rented_pflop_hours")[0, :2] / THOUSAND
    wanted = [2 * hours * sheet.scarce * cost**-sheet.elasticity for cost in costs]
    known = min(room[0], wanted[0]), min(room[1], max(0.0, wanted[1] - room[0]))
    return [Finding(f"hours of the {name} cloud, efficient rationing (thousand PFLOP-h)", known[i], sold[i])
            for i, name in enumerate(("cheap", "dear"))]


def _adaptive_rents(sheet):
    """Shares move, because one owner's older uses crowd its tenants out; the markup follows them."""
    configuration = sheet.configuration(
        *firms_present(2, service_usd=sheet.cost), "cast.clouds.firm1.legacy_share=1", "cast.clouds.firm2.legacy_share=0",
        "customers.legacy_usd=1e10", "customers.enterprise_usd=4e8", "rental.pricing=markup", f"rental.markup_response={sheet.response}",
        f"clouds.opening_rent_usd={sheet.opening_rent}", "clouds.tenant_speed=0.3")
    seen = stepped([configuration], each=lambda s: (column(s, "clouds.rented_pflop_hours")[0, :2], column(s, "clouds.contested_rent_usd")[0, :2]),
                   quarters=QUARTERS).seen
    shares = np.array([hours / hours.sum() for hours, _ in seen])
    markup = np.full(2, sheet.opening_rent / sheet.cost - 1)
    for quarter in range(2, QUARTERS):
        markup = markup * np.maximum(0.0, 1 + sheet.response * (shares[quarter - 1] / shares[quarter - 2] - 1))
    label = f"after {QUARTERS} quarters of a markup that follows shares (USD/PFLOP-h)"
    found = [Finding(f"rent of firm {i + 1} {label}", (1 + markup[i]) * sheet.cost, seen[-1][1][i]) for i in range(2)]
    moved = float(np.abs(shares[-2] / shares[0] - 1).max() > 0.01)
    return [*found, Finding("whether shares moved at all", 1.0, moved)]


def _buying(sheet, rule, *more):
    """Return a market whose clouds replace chips all the time, bought of three makers."""
    costs = [f"cast.makers.{maker}.unit_cost_usd={cost}" for maker, cost in zip(("maker", "maker2", "maker3"), sheet.chip_costs, strict=True)]
    numbers = [f"chips.choice_elasticity={sheet.choice_elasticity}", f"chips.market_elasticity={sheet.market_elasticity}",
               f"chips.markup_response={sheet.response}", "clouds.opening_fleet_pflops=1000", "customers.enterprise_usd=1e8", "clouds.rent_speed=0"]
    return sheet.configuration(*firms_present(2), *costs, f"chips.pricing={rule}", *numbers, *more)


def _chip_logit(sheet):
    """Bertrand prices of makers among whom buyers choose units by p^-a: p = c (1 + 1/(a (1 - s))), s the part in spending, p^(1-a)."""
    after = stepped([_buying(sheet, "nash_logit", "chips.price_speed=0.5"), _buying(sheet, "cost_based", f"chips.margin_floor={sheet.margin}")],
                    quarters=CHIP_QUARTERS)
    chips, a = np.array(sheet.chip_costs), sheet.choice_elasticity

    def gap(logs):
        spending = np.exp((1 - a) * logs)
        return logs - np.log(chips * (1 + 1 / (a * (1 - spending / spending.sum()))))

    known = np.exp(root(gap, np.log(1.5 * chips), tol=1e-13).x)
    price, per_chip = column(after, "makers.price_usd_per_pflops"), column(after, "makers.pflops_per_chip")
    return [Finding(f"price of maker {i + 1}'s chip, by a logit (USD/chip)", known[i], price[0, i] * per_chip[0, i]) for i in range(3)] + [
        Finding(f"regulated price of maker {i + 1}'s chip (USD/chip)", chips[i] / (1 - sheet.margin), price[1, i] * per_chip[1, i]) for i in range(3)]


def _chip_recursions(sheet):
    """Markup, scarcity and capacity_clearing of chips: each posted price from the last one and from what was due, by quarter."""
    scarce = ("cast.makers.maker.capacity_chips=40", "chips.overdue_weight=0")
    seen = stepped([_buying(sheet, rule, *scarce) for rule in NEXT_PRICE], each=_chip_market, quarters=40).seen
    found = []
    for run, (rule, known) in enumerate(NEXT_PRICE.items()):
        quarters = [SimpleNamespace(**{name: values[run] for name, values in quarter.items()}) for quarter in seen]
        triples = list(zip(quarters[2:], quarters[3:], quarters[1:], strict=False))  # last, now, before the last
        worst = max(float(np.abs(now.price / known(sheet, last, before) - 1).max()) for last, now, before in triples)
        moved = max(float(np.abs(now.price / last.price - 1).max()) for last, now, _ in triples)
        found += [Finding(f"largest error of a chip price from its recursion under {rule}, 37 quarters (relative)", 0.0, worst),
                  Finding(f"whether chip prices moved under {rule}", 1.0, float(moved > 1e-4 or (rule == "markup" and sheet.response < 1e-3)))]
    return found


def _clears(sheet, last):
    """Return the price at which what was due would just be made."""
    return last.price * (np.maximum(last.due, 1e-6 * last.capacity) / last.capacity) ** (1 / sheet.market_elasticity)


def _by_markup(sheet, last, before):
    growth = last.share / before.share - 1
    markup = np.maximum(0.0, last.price / last.cost - 1) * np.maximum(0.0, 1 + sheet.response * growth)
    return np.minimum(1 + markup, 1000) * last.cost


def _by_scarcity(sheet, last, before):
    moved = np.clip(_clears(sheet, last), last.price / 2, last.price * 2)
    return np.clip(moved, last.cost, 1000 * last.cost)


def _by_capacity(sheet, last, before):
    free = last.cost * (1 + 1 / (sheet.choice_elasticity * np.maximum(1 - last.share, 1e-12)))
    return np.where(last.due > last.capacity, np.maximum(free, _clears(sheet, last)), free)


NEXT_PRICE = {"markup": _by_markup, "scarcity": _by_scarcity, "capacity_clearing": _by_capacity}


def _chip_market(simulation):
    """Return what makers will know when they post prices next: `(runs, makers)`."""
    book = simulation.world.tables["clouds"]["ordered_pflops"].arrivals(simulation.quarter)
    due = (book + column(simulation, "clouds.overdue_pflops")).sum(axis=-1).T
    return {"due": due, "capacity": column(simulation, "makers.capacity_chips") * column(simulation, "makers.pflops_per_chip"),
            "price": column(simulation, "makers.price_usd_per_pflops"), "cost": column(simulation, "makers.unit_cost_usd_per_pflops"),
            "share": column(simulation, "makers.share_of_orders")}
