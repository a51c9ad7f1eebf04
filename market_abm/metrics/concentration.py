"""Concentration of each market: who holds how much of what, by legal entity and by ultimate owner."""

import numpy as np

from market_abm.exact import add_up, share, stacked
from market_abm.metrics.indices import (
    Market,
    corrected_gini,
    effective_number,
    entropy,
    garcia_alba,
    gini,
    hall_tideman,
    herfindahl,
    hill,
    kwoka,
    largest,
    leaders,
    leaders_changed,
    normalised_herfindahl,
    ranks_reversed,
    shares_moved,
    theil,
)
from market_abm.metrics.metric import Metric
from market_abm.metrics.ownership import majority_owner, owner_of, stakes_mhhi, ultimate_owners
from market_abm.state.tables import many_small

LEADERS = 4  # whose turnover is followed

# Small markets whose rows are the same agents are stacked and measured together; the wide ones are faster alone.
STACKS = {
    "clouds": ("compute_owned", "compute_energised", "compute_rented", "contracted_mw", "cloud_revenue"),
    "makers": ("chip_sales", "chip_pflops"),
    "paid_labs": ("ai_revenue",),
    "training_labs": ("training_flop",),
}
SMALL = ("clouds", "makers")

BASE_SAYS = {
    "compute_owned": "PFLOP/s owned; everybody else is an atomistic fringe",
    "compute_energised": "PFLOP/s with power; everybody else is an atomistic fringe",
    "compute_rented": "PFLOP-hours rented out; everybody else is an atomistic fringe",
    "contracted_mw": "MW connected, granted or of own plants; everybody else is an atomistic fringe",
    "cloud_revenue": "general cloud and AI rent; everybody else is an atomistic fringe",
    "chip_sales": "chip makers' sales in USD",
    "chip_pflops": "chips delivered in PFLOP/s",
    "ai_revenue": "customers' payments to labs",
    "training_flop": "physical FLOP of labs' training runs",
}

# (measure, unit, what it is, function of a market), on every base by legal entity.
MEASURES = (
    ("hhi", "0 to 1", "Herfindahl-Hirschman index", herfindahl),
    ("normalised_hhi", "0 to 1", "Normalised Herfindahl-Hirschman index among named firms", normalised_herfindahl),
    *((f"cr{k}", "share", f"Share of the {k} largest", lambda market, k=k: largest(market, k)) for k in (1, 3, 4)),
    ("entropy", "nats", "Entropy, everybody else as one firm", entropy),
    ("theil", "nats", "Theil index, everybody else as one firm", theil),
    ("hill_0", "firms", "Firms in the market, everybody else as one firm", lambda market: hill(market, 0)),
    ("effective_number", "firms", "Numbers-equivalent of the entropy, everybody else as one firm", effective_number),
    ("hill_2", "firms", "Inverse HHI, everybody else as one firm", lambda market: hill(market, 2)),
    ("hill_infinity", "firms", "Inverse of the largest share, everybody else as one firm", lambda market: hill(market, np.inf)),
    ("gini", "0 to 1", "Gini coefficient among named firms", gini),
    ("corrected_gini", "0 to 1", "Gini coefficient times n/(n - 1) among named firms", corrected_gini),
    ("hall_tideman", "0 to 1", "Hall-Tideman index among named firms", hall_tideman),
    ("garcia_alba", "0 to 1", "Garcia Alba's dominance index among named firms", garcia_alba),
    ("kwoka", "0 to 1", "Kwoka's dominance index among named firms", kwoka),
)
BY_GROUP = ("hhi", "cr1", "cr4", "effective_number")
CHANGES = {
    "share_instability": ("0 to 1", "Half the sum of changes in shares since last quarter", "shares", shares_moved),
    "rank_turnover": ("share", f"Part of the {LEADERS} leaders who were not among them last quarter", "leaders", leaders_changed),
    "rank_reversals": ("share", "(1 - tau_b)/2 of ranks against last quarter's", "shares", ranks_reversed),
}


def bases(world):
    """Return {base: (sizes `(runs, firms)`, fringe or None)} of every market by legal entity."""
    clouds, makers, startups = world.clouds, world.makers, world.startups
    fringe = many_small(clouds.kind) * 1.0
    building = stacked(clouds.converting_mw.waiting()) + clouds.own_power_building_mw.waiting()

    def labs(column):
        return np.concatenate([getattr(clouds, column), getattr(startups, column)], axis=-1)

    return {
        "compute_owned": (stacked(clouds.fleet_pflops), fringe),
        "compute_energised": (clouds.active_pflops, fringe),
        "compute_rented": (clouds.rented_pflop_hours, fringe),
        "contracted_mw": (stacked(clouds.connected_mw) + stacked(clouds.sites_mw.waiting()) + clouds.own_power_mw + building, fringe),
        "cloud_revenue": (clouds.general_revenue_usd + clouds.rent_usd + clouds.credit_rent_usd, fringe),
        "chip_sales": (makers.sales_usd.copy(), None),
        "chip_pflops": (makers.sold_pflops.copy(), None),
        "ai_revenue": (labs("ai_revenue_usd"), None),
        "training_flop": (labs("run_flop"), None),
    }


def controllers(world):
    """Return the cloud that holds more than one half of each startup, itself or through what it owns."""
    return majority_owner(world.startups.stake, world.startups.holder, ultimate_owners(world.clouds.parent))


def group_sizes(world):
    """Return the same sizes by ultimate owner, {base: (sizes, fringe or None)}.

    Clouds count with the cloud that owns them, in-house makers with their owner (makers and clouds share
    an index), startups with the cloud that holds more than one half.
    """
    sizes, makers, startups = world.noted("bases", bases), world.makers, world.startups
    owners = ultimate_owners(world.clouds.parent)
    clouds, rows, count = owners.shape[-1], startups.alive.shape[-1], makers.alive.shape[-1]
    controller = world.noted("controllers", controllers)
    lab = np.where(controller < clouds, controller, clouds + np.arange(rows))
    labs = np.concatenate([owners, lab], axis=-1)
    parent = owner_of(makers.parent, owners)
    link = {
        "clouds": (owners, clouds),
        "makers": (np.where(parent < clouds, count + parent, np.arange(count)), count + clouds),
        "paid_labs": (labs, clouds + rows), "training_labs": (labs, clouds + rows),
    }
    return {base: (_summed(sizes[base][0], *link[kind]), sizes[base][1]) for kind, names in STACKS.items() for base in names}


def _summed(sizes, link, rows):
    """Add sizes up by owner; where everybody owns themselves they stay as they are."""
    if (link == np.arange(link.shape[-1])).all():
        return sizes
    return add_up(sizes, link, rows)


def markets(world):
    """Return {stack: Market} by legal entity, the markets of a stack one below the other."""
    sizes = world.noted("bases", bases)
    return {kind: _stack([sizes[base] for base in names]) for kind, names in STACKS.items()}


def group_markets(world):
    """Return the same by ultimate owner; a stack that no ownership touches is the one by legal entity."""
    legal, sizes, by_entity = world.noted("bases", bases), group_sizes(world), world.noted("markets", markets)
    return {kind: by_entity[kind] if all(sizes[base][0] is legal[base][0] for base in names) else _stack([sizes[base] for base in names])
            for kind, names in STACKS.items()}


def _stack(of):
    if len(of) == 1:
        return Market(*of[0])
    fringe = None if of[0][1] is None else np.concatenate([fringe for _, fringe in of], axis=0)
    return Market(np.concatenate([sizes for sizes, _ in of], axis=0), fringe)


def indices(world):
    """Return {base: {measure: `(runs, 1)`}} by legal entity."""
    found = {kind: {name: function(market) for name, _, _, function in MEASURES}
             for kind, market in world.noted("markets", markets).items()}
    return _by_base(found)


def group_indices(world):
    """Return {base: {measure: `(runs, 1)`}} by ultimate owner."""
    found = {kind: {name: function(market) for name, _, _, function in MEASURES if name in BY_GROUP}
             for kind, market in group_markets(world).items()}
    return _by_base(found)


def _by_base(found):
    """Take the measures of a stack apart again."""
    taken = {}
    for kind, names in STACKS.items():
        runs = len(next(iter(found[kind].values()))) // len(names)
        for i, base in enumerate(names):
            taken[base] = {name: value[i * runs : (i + 1) * runs] for name, value in found[kind].items()}
    return taken


def changes(world):
    """Return {base: {measure: `(runs, 1)`}} against last quarter, nan when that was not measured, and note this one.

    A row whose key of birth changed is another firm than it was. A fringe has a share and no rank.
    """
    births, found = _births(world), {}
    for kind, market in world.noted("markets", markets).items():
        shape = (len(STACKS[kind]), world.clouds.alive.shape[0], market.sizes.shape[-1])
        now = {"shares": market.shares, "leaders": leaders(market, LEADERS), "births": births[kind]}
        then = {what: world.memory.recall(world.quarter - 1, f"{what} of {kind}") for what in now}
        for what, array in now.items():
            world.memory.remember(world.quarter, f"{what} of {kind}", array if what == "births" else array.reshape(shape))
        if then["births"] is None:
            found[kind] = {name: np.full((len(market.sizes), 1), np.nan) for name in _changes_of(kind)}
        else:
            found[kind] = _compared(now, then, market, _changes_of(kind))
    return _by_base(found)


def _compared(now, then, market, measures):
    rows, runs = market.sizes.shape, len(now["births"])
    same = np.concatenate([now["births"] == then["births"]] * (rows[0] // runs), axis=0)
    named = same if market.fringe is None else same & (market.fringe == 0)
    return {name: function(now[what], then[what].reshape(rows), named if name == "rank_reversals" else same)
            for name, (_, _, what, function) in measures.items()}


def _changes_of(kind):
    """Reversals of ranks need every pair of firms: on markets of hundreds they would cost more than the quarter."""
    return CHANGES if kind in SMALL else {name: told for name, told in CHANGES.items() if name != "rank_reversals"}


def _births(world):
    clouds = world.clouds.birth.copy()
    labs = np.concatenate([clouds, world.startups.birth], axis=-1)
    return {"clouds": clouds, "makers": world.makers.birth.copy(), "paid_labs": labs, "training_labs": labs}


def mhhi_ai_revenue(silent):
    """Return the modified index of labs' revenue, with the stakes that clouds hold in startups."""
    def measure(world):
        clouds, startups = world.clouds, world.startups
        shares = world.noted("markets", markets)["paid_labs"].shares
        rows = clouds.alive.shape[-1]
        owners = ultimate_owners(clouds.parent)
        return stakes_mhhi(shares[:, :rows], shares[:, rows:], startups.stake, startups.holder, owners, silent)

    return measure


def metrics(owner_names, maker_names=()):
    """Return every index on every base, by legal entity and by group, and shares of each named owner and maker."""
    found = []
    for base, says in BASE_SAYS.items():
        found += [Metric(f"{name}_{base}", unit, f"{told}: {_plain(name, says)}.", _noted("indices", indices, base, name))
                  for name, unit, told, _ in MEASURES]
    for base, says in BASE_SAYS.items():
        found += [Metric(f"{name}_{base}_by_group", unit, f"{told}, by ultimate owner: {_plain(name, says)}.",
                         _noted("group_indices", group_indices, base, name))
                  for name, unit, told, _ in MEASURES if name in BY_GROUP]
    for kind, names in STACKS.items():
        found += [Metric(f"{name}_{base}", unit, f"{told}: {_plain(name, BASE_SAYS[base])}.", _noted("changes", changes, base, name))
                  for base in names for name, (unit, told, _, _) in _changes_of(kind).items()]
    found += [
        Metric("mhhi_ai_revenue", "index", "Modified HHI of labs' revenue with clouds' stakes, control in proportion.", mhhi_ai_revenue(False)),
        Metric("mhhi_silent_ai_revenue", "index", "The same if stakes bring profit and no control.", mhhi_ai_revenue(True)),
    ]
    for row, name in enumerate(owner_names):
        found.append(Metric(f"share_owned_{name}", "share", f"Part of {name} in AI compute owned.", _owned(row)))
    for row, name in enumerate(owner_names):
        found.append(Metric(f"share_cloud_{name}", "share", f"Part of {name} in cloud revenue.", _in_base("cloud_revenue", row)))
    for row, name in enumerate(maker_names):
        found.append(Metric(f"share_chips_{name}", "share", f"Part of {name} in PFLOP/s of chips delivered.", _in_base("chip_pflops", row)))
    return tuple(found)


def _plain(measure, says):
    """Leave the fringe unmentioned where an index treats it in another way."""
    return says if measure in ("hhi", "cr1", "cr3", "cr4") else says.split(";")[0]


def _noted(name, compute, base, measure):
    return lambda world: world.noted(name, compute)[base][measure]


def _in_base(base, row):
    return lambda world: share(world.noted("bases", bases)[base][0])[:, row : row + 1]


def _owned(row):
    return lambda world: share(stacked(world.clouds.fleet_pflops))[:, row : row + 1]
