"""Oracles of chance: growth by luck (O11), entry and growth by size (O12), chips by past purchases (O13), selection (O14)."""

import math

import numpy as np

from market_abm.metrics import indices
from market_abm.oracles.closed_forms import luck
from market_abm.oracles.finding import Finding, mean_of
from market_abm.oracles.running import column, firms_present, stepped
from market_abm.rules.choice import contest, drawn, size_at_price

SEED = 13
LOGISTIC_SCALE = math.sqrt(3.0) / math.pi  # of a logistic with standard deviation 1, which is what the model draws
REFERENCE_DRAWS = 4_000_000  # deviates of the reference of O11
LEAST_EXPECTED = 400  # firms, over all markets, below which a size is left out of O12: its mean would be far from normal
LOT_PFLOPS = 100.0  # what the maker of O13 makes in a quarter
OPENING_BOOK = 0.9  # part of a quarter's capacity that is on order at the start
OPENING_PURCHASES = 0.4  # part of the opening fleet that counts as bought in the quarters before
USD_PER_PFLOPS = 30_000.0  # what its chips cost, and are sold at


def o11_gibrat(sheet):
    """Compare the spread of startups' research budgets after quarters of luck with the random walk's, a case for each number of firms.

    The variance of logs is exact; of the indices the expectation is a mean of independent walks. Source: Gibrat 1931.
    """
    found = []
    for firms, budgets in zip(sheet.firms, _budgets_by_luck(sheet), strict=True):
        logs, where = np.log(budgets), f" of {firms} firms after {sheet.horizon_quarters} quarters"
        variance = luck.log_size_variance(sheet.noise * LOGISTIC_SCALE, sheet.horizon_quarters)
        grown = math.log(0.25) + 0.25 * sheet.horizon_quarters * math.log(sheet.growth)  # from 1 USD a year
        found += [mean_of(f"mean log{where} (ln USD/quarter)", grown, logs.mean(axis=1)),
                  mean_of(f"variance of logs{where}", variance, logs.var(axis=1, ddof=1))]
        found += _indices_of_luck(sheet, firms, budgets, where)
    return found


def _budgets_by_luck(sheet):
    """Return startups' research budgets at the end of each case, `(runs, firms)` USD a quarter."""
    shared = (f"training.ambition_noise={sheet.noise}", f"training.catch_up_growth={sheet.growth}",
              f"frame.startup_slots={max(sheet.firms)}", f"frame.quarters={sheet.horizon_quarters}")
    cases = [sheet.configuration(*shared, f"startups.opening={firms}") for firms in sheet.firms]
    simulation = stepped([case for case in cases for _ in range(sheet.markets)], seed=SEED)
    budgets = column(simulation, "startups.budget_usd").reshape(len(cases), sheet.markets, -1)
    return [budgets[place, :, :firms] for place, firms in enumerate(sheet.firms)]


def _indices_of_luck(sheet, firms, budgets, where):
    """Return the findings on the package's indices of budgets `(runs, firms)`."""
    replicates = max(100, REFERENCE_DRAWS // (firms * sheet.horizon_quarters))
    reference = luck.gibrat_reference(firms, sheet.noise * LOGISTIC_SCALE, sheet.horizon_quarters, min(replicates, 5000), SEED)
    measured = {"hhi": indices.herfindahl(budgets), "gini": indices.gini(budgets), "theil": indices.theil(budgets),
                "cr4": indices.largest(budgets, 4)}
    named = {"hhi": "HHI", "gini": "Gini index", "theil": "Theil index (nats)", "cr4": "share of the four largest"}
    return [mean_of(f"{named[index]}{where}", reference[index].mean, values[:, 0], reference[index].standard_error)
            for index, values in measured.items()]


def o12_yule_simon(sheet):
    """Compare firms by size with Simon's recursion, where `rules.choice.drawn` sends each unit to a new firm or to an old one.

    Sizes too rare for a normal mean are left out. Source: Simon 1955.
    """
    sizes = _units_drawn(sheet)
    expected = luck.yule_simon_counts(sheet.new_share, sheet.units, sheet.units)
    above = np.cumsum(expected[::-1])[::-1]  # firms of at least 1, 2, ... units
    where = f" after {sheet.units} units"
    found = [mean_of(f"firms{where}", 1.0 + sheet.new_share * (sheet.units - 1), (sizes > 0).sum(axis=1))]
    common = [size for size in (1, 2, 3) if sheet.markets * expected[size - 1] >= LEAST_EXPECTED]
    found += [mean_of(f"firms of {size} unit{'s' * (size > 1)}{where}", expected[size - 1], (sizes == size).sum(axis=1)) for size in common]
    tails = [size for size in (5, 10, 20, 50, 100) if size <= sheet.units and sheet.markets * above[size - 1] >= LEAST_EXPECTED]
    return found + [mean_of(f"firms of at least {size} units{where}", above[size - 1], (sizes >= size).sum(axis=1)) for size in tails]


def _units_drawn(sheet):
    """Return sizes of firms `(markets, firms)` after all units, each drawn by the rule; the first founds a firm."""
    rng, each = np.random.default_rng(SEED), np.arange(sheet.markets)
    sizes = np.zeros((sheet.markets, sheet.units))
    sizes[:, 0], founded = 1.0, np.ones(sheet.markets, int)
    for held in range(1, sheet.units):
        known = sizes[:, : founded.max()]
        odds = np.concatenate([np.full((sheet.markets, 1), sheet.new_share), (1.0 - sheet.new_share) * known / held], axis=1)
        option = drawn(odds, rng.random((sheet.markets, 1)))[:, 0]
        new = option == 0
        sizes[each, np.where(new, founded, option - 1)] += 1.0
        founded = founded + new
    return sizes


def o13_urns(sheet):
    """Compare who has bought the chips after some lots with urns: whole lots as drawn by `raffle`, or divided by `relationship`.

    A lot goes by past purchases to a power. Drawn lots are an urn, whose expectation is exact; divided lots are its motion
    without chance. Source: Arthur, Ermoliev and Kaniovski 1987.
    """
    draws, powers = sheet.markets, sheet.exponents
    cases = [configuration for power in powers for configuration in [_buyers_of_lots(sheet, "raffle", power)] * draws]
    cases += [_buyers_of_lots(sheet, "relationship", power) for power in powers]
    simulation = stepped(cases, seed=SEED)
    bought = column(simulation, "clouds.bought_pflops")[0, :, : sheet.buyers] / LOT_PFLOPS
    found = []
    for place, power in enumerate(powers):
        found += _drawn_lots(sheet, power, bought[place * draws : (place + 1) * draws])
        found += _divided_lots(sheet, power, bought[len(powers) * draws + place])
    return found


def _drawn_lots(sheet, power, bought):
    """Return the findings on lots drawn in many runs, `bought` `(runs, buyers)`."""
    where = f" after {sheet.lots} lots drawn by purchases to the power {power:g}"
    leads, chances = luck.urn_leader(sheet.buyers, sheet.lots, power, sheet.start_lots)
    return [mean_of(f"HHI of purchases{where}", luck.urn_hhi(sheet.buyers, sheet.lots, power, sheet.start_lots), indices.herfindahl(bought)[:, 0]),
            mean_of(f"share of the largest buyer{where}", float(leads @ chances), indices.largest(bought, 1)[:, 0])]


def _divided_lots(sheet, power, bought):
    """Return the findings on lots divided in one run, `bought` `(buyers,)`."""
    where = f" after {sheet.lots} lots divided by purchases to the power {power:g}"
    known = luck.divided_lots(_first_shares(sheet) * sheet.start_lots * sheet.buyers, 1.0, power, sheet.lots)
    return [Finding(f"purchases of the {name} buyer{where} (lots)", float(known[k]), float(bought[k])) for name, k in (("first", 0), ("last", -1))]


def _first_shares(sheet):
    return np.array([sheet.first_share] + [(1.0 - sheet.first_share) / (sheet.buyers - 1)] * (sheet.buyers - 1))


def _buyers_of_lots(sheet, rule, power):
    """Return the configuration of a case: what has been bought when the first lot is sold is `start_lots` a buyer, on average."""
    shares = [float(share) for share in _first_shares(sheet)] if rule == "relationship" else [1.0 / sheet.buyers] * sheet.buyers
    cash = [(OPENING_BOOK * share + sheet.lots + 2) * LOT_PFLOPS * USD_PER_PFLOPS for share in shares]
    fleet = (sheet.start_lots * sheet.buyers - OPENING_BOOK) * LOT_PFLOPS / OPENING_PURCHASES
    sets = firms_present(sheet.buyers, cash_usd=cash, kind="public_cloud", rents_out=0)
    sets += [f"cast.clouds.firm{k + 1}.fleet_share={share!r}" for k, share in enumerate(shares)]
    return sheet.configuration(*sets, f"chips.allocation={rule}", f"chips.relationship_exponent={power}",
                               f"cast.makers.maker.capacity_chips={LOT_PFLOPS}", f"cast.makers.maker.unit_cost_usd={USD_PER_PFLOPS}",
                               f"clouds.opening_fleet_pflops={fleet!r}", f"frame.quarters={sheet.lots + 1}")


def o14_replicator(sheet):
    """Compare repeated choices by `rules.choice.size_at_price` and repeated contests by `rules.choice.contest` with the replicator.

    Size times price to the power -e is fitness -e ln(price), so the cheap must gain; a contest of decisiveness r turns
    shares s into s^r over the sum, so its fitness is the log of the share at the start. Source: Taylor and Jonker 1978.
    """
    start = _opening_shares(sheet)
    return _selection_by_price(sheet, start) + [finding for power in sheet.decisiveness for finding in _selection_by_contest(sheet, start, power)]


def _opening_shares(sheet):
    dearest = int(np.argmax(sheet.prices_usd))
    others = max(len(sheet.prices_usd) - 1, 1)
    return np.array([sheet.dear_share if k == dearest else (1.0 - sheet.dear_share) / others for k in range(len(sheet.prices_usd))])


def _selection_by_price(sheet, start):
    """Return the findings on customers who choose again and again by size and price."""
    prices, shares = np.array(sheet.prices_usd), start
    for _ in range(sheet.steps):
        shares = size_at_price(shares[None], prices[None], sheet.elasticity)[0]
    known = luck.replicator(start, -sheet.elasticity * np.log(prices), sheet.steps)
    cheap, dear, where = int(prices.argmin()), int(prices.argmax()), f" after {sheet.steps} choices"
    found = [Finding(f"share of the cheapest firm{where}", float(known[cheap]), float(shares[cheap])),
             Finding(f"HHI{where}", float((known**2).sum()), float(indices.herfindahl(shares[None])[0, 0])),
             Finding(f"gain of the cheapest on the dearest{where} (share)", _lead(known, start, cheap, dear), _lead(shares, start, cheap, dear))]
    return found


def _lead(shares, start, cheap, dear):
    return float(shares[cheap] - shares[dear] - start[cheap] + start[dear])


def _selection_by_contest(sheet, start, decisiveness):
    """Return the findings on a contest that is held again and again, with shares for strengths."""
    shares, where = start[None], f" after {sheet.rounds} contests of decisiveness {decisiveness:g}"
    for _ in range(sheet.rounds):
        (shares,) = contest((shares / shares.max(),), decisiveness, 0.0)
    known = luck.replicator(np.ones(len(start)), np.log(start), decisiveness**sheet.rounds)
    return [Finding(f"share of firm {k + 1}{where}", float(known[k]), float(shares[0, k])) for k in range(len(start))]
