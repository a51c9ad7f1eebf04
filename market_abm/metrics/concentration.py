"""Concentration of each market: who holds how much of what."""

import numpy as np

from market_abm.exact import exp, log, share, stacked, total
from market_abm.metrics.metric import Metric
from market_abm.state.tables import EVERYBODY_ELSE, STARTUP_POOL


def herfindahl(sizes, fringe=None):
    """Return the Herfindahl-Hirschman index, sum of squared shares (0 to 1); nan in an empty market.

    `fringe` (0 or 1 per row) marks rows that stand for many small firms: they count in the total and
    nothing in the squares, as in an index of named firms with an atomistic fringe.
    """
    shares = share(_checked(sizes))
    return total(shares * shares * (1.0 if fringe is None else 1.0 - fringe))


def largest(sizes, k, fringe=None):
    """Return the concentration ratio CRk: the k largest shares of named firms, summed."""
    shares = share(_checked(sizes)) * (1.0 if fringe is None else 1.0 - fringe)
    top = np.sort(shares, axis=-1)[..., -k:] if shares.shape[-1] > k else shares
    return total(np.ascontiguousarray(top))


def effective_number(sizes):
    """Return the numbers-equivalent of the entropy, exp(-sum s ln s)."""
    shares = share(_checked(sizes))
    return exp(-total(np.where(shares > 0, shares * log(np.maximum(shares, 1e-300)), shares)))


def _checked(sizes):
    """Refuse negative sizes; what is below zero by rounding alone counts as none."""
    if (sizes < -1e-9 * (1.0 + np.abs(sizes).max())).any():
        raise ValueError("a market cannot have a negative size")
    return np.maximum(sizes, 0.0)


def bases(world):
    """Return {base: (sizes `(runs, firms)`, fringe or None)} of every market that is reported."""
    clouds, makers, startups = world.clouds, world.makers, world.startups
    fringe = ((clouds.kind == EVERYBODY_ELSE) | (clouds.kind == STARTUP_POOL)) * 1.0  # many small owners each
    return {
        "compute_owned": (stacked(clouds.fleet_pflops), fringe),
        "compute_energised": (clouds.active_pflops, fringe),
        "compute_rented": (clouds.rented_pflop_hours, fringe),
        "contracted_mw": (stacked(clouds.connected_mw) + stacked(clouds.sites_mw.waiting()) + clouds.own_power_mw, fringe),
        "cloud_revenue": (clouds.general_revenue_usd + clouds.rent_usd, fringe),
        "chip_sales": (makers.sales_usd, None),
        "chip_pflops": (makers.sold_pflops, None),
        "ai_revenue": (np.concatenate([clouds.ai_revenue_usd, startups.ai_revenue_usd], axis=-1), None),
    }


BASE_SAYS = {
    "compute_owned": "PFLOP/s owned; everybody else is an atomistic fringe",
    "compute_energised": "PFLOP/s with power; everybody else is an atomistic fringe",
    "compute_rented": "PFLOP-hours rented out; everybody else is an atomistic fringe",
    "contracted_mw": "MW connected, granted or of own plants; everybody else is an atomistic fringe",
    "cloud_revenue": "general cloud and AI rent; everybody else is an atomistic fringe",
    "chip_sales": "chip makers' sales in USD",
    "chip_pflops": "chips delivered in PFLOP/s",
    "ai_revenue": "customers' payments to labs",
}


def metrics(owner_names):
    """Return HHI, CR1, CR3, CR4 and effective number on every base, and each owner's share of compute."""
    found = []
    for base, says in BASE_SAYS.items():
        found += [
            Metric(f"hhi_{base}", "0 to 1", f"Herfindahl-Hirschman index of {says}.", _of(base, herfindahl)),
            *(Metric(f"cr{k}_{base}", "share", f"Share of the {k} largest: {says}.",
                     _of(base, lambda sizes, fringe, k=k: largest(sizes, k, fringe))) for k in (1, 3, 4)),
            Metric(f"effective_number_{base}", "firms", f"exp(entropy) of {says.split(';')[0]}; everybody else counts as one firm.",
                   _of(base, lambda sizes, fringe: effective_number(sizes))),
        ]
    for row, name in enumerate(owner_names):
        found.append(Metric(f"share_owned_{name}", "share", f"Part of {name} in AI compute owned.", _owned(row)))
    return tuple(found)


def _of(base, measure):
    return lambda world: measure(*world.noted("bases", bases)[base])


def _owned(row):
    return lambda world: share(stacked(world.clouds.fleet_pflops))[:, row : row + 1]
