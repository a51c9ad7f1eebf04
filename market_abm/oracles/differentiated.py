"""Oracles of firms whose hours differ: logit customers (O7) and quality that is bought with sunk outlays (O8)."""

import numpy as np

from market_abm.oracles.closed_forms import logit, sutton
from market_abm.oracles.finding import Finding
from market_abm.oracles.firms import AT_REST, ENTRANTS, earned, rent, sold
from market_abm.oracles.running import column, firms_present, metric, settled, stepped

HOURS = 1000.0  # of all logit customers together, PFLOP-hours a quarter
SPENDING = 1000.0  # of the case of given qualities, USD a quarter


def o07_logit(sheet):
    """Compare Bertrand prices and shares with theory.

    Cases: different firms, two of them merged, equal ones without an outside good, one alone, and given budgets.
    """
    sheet.equally_long("appeals", "costs")
    d, c, alpha, n = sheet.appeals, sheet.costs, sheet.sensitivity, len(sheet.appeals)
    shared = [f"rental.sensitivity={alpha}", f"customers.enterprise_usd={4 * HOURS}"]
    firms = firms_present(n, service_usd=list(c), appeal=list(d))
    joint = [f"cast.clouds.firm{i}.{key}" for i, other in ((1, 2), (2, 1)) for key in (f"holds=firm{other}", "holding=1")]
    plain, merged = sheet.configuration(*firms, *shared), sheet.configuration(*firms, *shared, *joint)
    equal = sheet.configuration(*firms_present(n, service_usd=c[0]), *shared, "rental.outside=0")
    alone = sheet.configuration(*firms_present(1, service_usd=c[0], appeal=d[0]), *shared)
    budgets = sheet.configuration(*firms_present(n, service_usd=list(c)), *shared, "rental.demand=budget",
                                  f"clouds.provider_elasticity={sheet.log_elasticity}")
    after = stepped([plain, merged, equal, alone, budgets], quarters=40)
    found = _of_case("before the merger", logit.bertrand(d, c, alpha), after, 0)
    found += _of_case("firms 1 and 2 merged", logit.bertrand(d, c, alpha, weights=_merged(n)), after, 1)
    paper = logit.paper_change(logit.bertrand(d, c, alpha).shares, (0, 1))
    price = logit.bertrand([0.0] * n, [c[0]] * n, alpha, outside=False).prices[0]
    found += [Finding("rise of the HHI that shares before the merger suggest", paper, logit.paper_change(sold(after)[0], (0, 1))),
              Finding(f"rent of {n} equal firms, no outside good (USD/PFLOP-h)", price, rent(after)[2]),
              Finding("rent of the first firm alone, by Lambert's W (USD/PFLOP-h)", logit.single_price(d[0], c[0], alpha)[0], rent(after)[3])]
    known = logit.budget_bertrand([1.0] * n, c, sheet.log_elasticity)
    last = column(after, "clouds.contested_rent_usd")[4]
    return found + [Finding(f"rent of firm {i + 1}, given budgets (USD/PFLOP-h)", known.prices[i], last[i]) for i in range(n)]


def _merged(n):
    weights = np.eye(n)
    weights[0, 1] = weights[1, 0] = 1.0
    return weights


def _of_case(label, known, after, run):
    prices, hours = column(after, "clouds.contested_rent_usd")[run], sold(after)[run]
    found = [Finding(f"rent of firm {i + 1}, {label} (USD/PFLOP-h)", p, prices[i]) for i, p in enumerate(known.prices)]
    found += [Finding(f"share of firm {i + 1}, {label}", share, hours[i] / HOURS) for i, share in enumerate(known.shares)]
    if run == 1:  # the two that act as one count as one
        both = np.array([hours[0] + hours[1], *hours[2:]]) / hours.sum()
        return [*found, Finding(f"HHI of owners, {label}", logit.herfindahl(known.shares, (0, 1)), float(both @ both))]
    return [*found, Finding(f"HHI, {label}", logit.herfindahl(known.shares), metric(after, "hhi_compute_rented")[run])]


def o08_sutton(sheet):
    """Compare shares and profits at given qualities, and how many firms enter as the market grows, with theory."""
    firms = firms_present(len(sheet.qualities), most=ENTRANTS, service_usd=sheet.cost, quality=list(sheet.qualities))
    given = sheet.configuration(*firms, "rental.entry=closed", "rental.output_speed=0.5", f"customers.enterprise_usd={4 * SPENDING}")
    after = settled([given], "clouds.output_pflop_hours", AT_REST)
    known = sutton.quality_cournot(SPENDING, sheet.qualities)
    found = [Finding(f"profit of the firm of quality {u:g}, number {i + 1} (USD)", known.profits[i], earned(after)[0, i])
             for i, u in enumerate(sheet.qualities)]
    cases = [(s, 0.0, 2.0) for s in sheet.spendings] + [(s, 1.0, g) for g in sheet.exponents for s in sheet.large_spendings]
    grown = settled([_entering(sheet, *case) for case in cases], "clouds.output_pflop_hours", 1e-9, least=24)
    sells = column(grown, "clouds.sells")
    inside, one = sells.sum(axis=-1), (np.arange(len(cases)), sells.argmax(axis=-1))
    outlay, quality = column(grown, "clouds.market_outlay_usd")[one], column(grown, "clouds.quality")[one]
    for run, (s, escalation, g) in enumerate(cases):
        if escalation == 0:
            found.append(Finding(f"firms, exogenous sunk cost, spending {s:g}", sutton.exogenous_firms(s, sheet.fixed), inside[run]))
            continue
        known = sutton.entry(s, sheet.fixed, 1.0, g)
        label = f"exponent {g:g}, spending {s:g}"
        found += [Finding(f"firms, endogenous sunk cost, {label}", known.firms, inside[run]),
                  Finding(f"quality, {label}", known.quality, quality[run]), Finding(f"outlay of a firm, {label} (USD)", known.outlay, outlay[run])]
    return found


def _entering(sheet, spending, escalation, exponent):
    """Return a market of given size in which two firms sell and others may enter."""
    firms = firms_present(ENTRANTS, most=ENTRANTS, service_usd=sheet.cost)
    sells = [f"cast.clouds.firm{i + 1}.sells={int(i < 2)}" for i in range(ENTRANTS)]
    outlay = [f"rental.fixed_usd={sheet.fixed}", f"rental.quality_cost={escalation}", f"rental.quality_exponent={exponent}"]
    speeds = ["rental.output_speed=0.2", "rental.quality_speed=0.5"]
    return sheet.configuration(*firms, *sells, *outlay, *speeds, f"customers.enterprise_usd={4 * spending}")
