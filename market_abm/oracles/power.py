"""Oracles of power: the merit order (O16), the queue for connections (O17), a call market (O20), chips without power (O26)."""

import numpy as np

from market_abm.oracles.closed_forms import electricity, queues, rationing
from market_abm.oracles.finding import Finding, mean_of
from market_abm.oracles.running import column, firms_present, stepped
from market_abm.rules.allocation import auction
from market_abm.rules.electricity import merit_order
from market_abm.units import HOURS_PER_QUARTER

CLASSES = ("renewables", "nuclear", "baseload", "peaking")
MW_PER_PFLOPS = 0.1  # of the only chip in the files of O16 and O17


def o16_merit_order(sheet):
    """Compare prices, dispatch, bills and rents of two regions, one run a load, with the linear programme of each region.

    Capacities come from the knobs; marginal costs are read from the world. Where load ends with a plant, any price in a range
    clears. Data centres are billed for all that they draw, also where plants fall short of it. Source: Stoft 2002, part 1.
    """
    simulation = stepped([_of_load(sheet, load) for load in sheet.loads_mw], quarters=1)
    plants, costs = column(simulation, "regions.plant_mw"), column(simulation, "regions.plant_cost_usd")
    capacity = sum(getattr(sheet, f"{name}_mw") for name in CLASSES)
    found = [Finding("plants of the first region (MW)", capacity, float(plants[:, 0, 0].sum()))]
    for run, load in enumerate(sheet.loads_mw):
        loads, ai = _loads(sheet, load)
        known = [electricity.dispatch(plants[:, run, place], costs[:, run, place], loads[place], sheet.price_cap_usd) for place in (0, 1)]
        found += _cleared(simulation, run, load, loads, ai, known)
    return found


def _of_load(sheet, load):
    """Return the configuration in which everybody else draws `load` MW in the first region."""
    fleet, second = sheet.ai_load_mw / MW_PER_PFLOPS, sheet.second_load_share * load
    sets = [f"clouds.opening_fleet_pflops={fleet!r}", f"energy.price_cap={sheet.price_cap_usd}",
            f"cast.regions.second.fuel_factor={sheet.fuel_factor}",
            f"cast.regions.region.other_load_mw={load}", f"cast.regions.second.other_load_mw={second!r}",
            f"cast.regions.region.site_share={sheet.site_share}", f"cast.regions.second.site_share={1 - sheet.site_share!r}"]
    sets += [f"cast.regions.{region}.{name}_mw={getattr(sheet, f'{name}_mw')}" for region in ("region", "second") for name in CLASSES]
    return sheet.configuration(*sets)


def _loads(sheet, load):
    """Return all load and the data centres' part of it in each region, MW."""
    ai = np.array([sheet.site_share, 1 - sheet.site_share]) * sheet.ai_load_mw
    return load * np.array([1.0, sheet.second_load_share]) + ai, ai


def _cleared(simulation, run, load, loads, ai, known):
    """Return what one run's regions should have cleared at, and what they did."""
    prices = column(simulation, "regions.price_usd")[run]
    at = f" at {load:g} MW of other load"
    found = [_price(f"price in the {name} region{at} (USD/MWh)", answer, price)
             for name, answer, price in zip(("first", "second"), known, prices.tolist(), strict=True)]
    expected = np.array([finding.expected for finding in found])
    served = loads - [answer.unserved_mw for answer in known]
    bill, fuel = float(expected @ served), sum(answer.cost_usd for answer in known)

    def hourly(amount):
        return float(np.broadcast_to(amount, (len(column(simulation, "regions.price_usd")), 1))[run, 0]) / HOURS_PER_QUARTER

    ledger = simulation.world.ledger
    centres = column(simulation, "clouds.energy_bill_usd")[run].sum() / HOURS_PER_QUARTER
    pairs = (
        ("load served (MW)", served.sum(), column(simulation, "regions.dispatched_mwh")[run].sum() / HOURS_PER_QUARTER),
        ("load unserved (MW)", loads.sum() - served.sum(), column(simulation, "regions.shortage_mwh")[run].sum() / HOURS_PER_QUARTER),
        ("bill of the data centres (USD/h)", expected @ ai, centres),
        ("bill of everybody else (USD/h)", bill - expected @ np.minimum(ai, served), hourly(ledger.amount("electricity of everybody else"))),
        ("fuel (USD/h)", fuel, hourly(ledger.amount("fuel"))),
        ("rents (USD/h)", bill - fuel + expected @ np.maximum(0.0, ai - served), hourly(ledger.amount("scarcity rents"))))
    return found + [Finding(f"{name}, both regions,{at}", float(answer), float(value)) for name, answer, value in pairs]


def _price(quantity, answer, price):
    """Return the finding of a price, where several clear the market any of them being right."""
    low, high = answer.lowest_price_usd, answer.highest_price_usd
    if high - low > 1e-6 and low - 1e-9 <= price <= high + 1e-9:
        return Finding(f"{quantity}, any from {low:g} to {high:g} clears", price, price)
    return Finding(quantity, answer.price_usd, price)


def o26_leontief(sheet):
    """Compare what runs, what stands idle, and what more chips or more MW add, with fixed coefficients.

    Six runs: as they are, more chips, more MW, both again by a thousandth for shadow prices, and power for twice the chips.
    Source: Leontief 1941.
    """
    factors = [(1.0, 1.0), (1 + sheet.more, 1.0), (1.0, 1 + sheet.more), (1.001, 1.0), (1.0, 1.001)]
    cases = [(sheet.chips * chips, sheet.power_mw * power) for chips, power in factors]
    cases.append((sheet.chips, 2 * sheet.chips * sheet.watts / 1e6))
    simulation = stepped([_with_power(sheet, *case) for case in cases], quarters=1)
    pflops, fleet = (column(simulation, f"clouds.{name}") for name in ("active_pflops", "fleet_pflops"))
    active, installed = pflops.sum(axis=-1), fleet.sum(axis=(0, -1))
    answers = [rationing.energised(*case, sheet.watts / 1e3, sheet.pflops_per_chip) for case in cases]
    of_chips, of_mw = rationing.shadow_prices(sheet.chips, sheet.power_mw, sheet.watts / 1e3, sheet.pflops_per_chip)
    idle_mw = column(simulation, "clouds.connected_mw").sum(axis=(0, -1)) - column(simulation, "clouds.active_mw").sum(axis=-1)
    hours = simulation.rules[0].clouds.top_utilisation[0, 0] * HOURS_PER_QUARTER
    per_chip = sheet.pflops_per_chip
    found = [
        ("chips with power", answers[0].live_chips, active[0] / per_chip),
        ("chips that stand idle", answers[0].idle_chips, (installed[0] - active[0]) / per_chip),
        ("energised compute (PFLOP/s)", answers[0].pflops, active[0]),
        ("power in use (MW)", answers[0].live_chips * sheet.watts / 1e6, column(simulation, "clouds.active_mw")[0].sum()),
        ("power without chips (MW)", _settled(answers[0].idle_mw, sheet.power_mw), idle_mw[0]),
        ("compute that can be sold in a quarter (PFLOP-h)", answers[0].pflops * hours, column(simulation, "clouds.used_pflop_hours")[0].sum()),
        (f"energised compute with {100 * sheet.more:g}% more chips (PFLOP/s)", answers[1].pflops, active[1]),
        (f"energised compute with {100 * sheet.more:g}% more MW (PFLOP/s)", answers[2].pflops, active[2]),
        ("energised compute with power for twice the chips (PFLOP/s)", answers[5].pflops, active[5]),
        ("shadow price of a chip (PFLOP/s)", of_chips, (active[3] - active[0]) / (0.001 * sheet.chips)),
        ("shadow price of a MW (PFLOP/s)", of_mw, (active[4] - active[0]) / (0.001 * sheet.power_mw))]
    return [Finding(name, float(answer), float(value)) for name, answer, value in found]


def _settled(amount, whole):
    """Return an amount, or 0 where it is a crumb that rounding left of a whole."""
    return amount if abs(amount) > 1e-9 * whole else 0.0


def _with_power(sheet, chips, power_mw):
    """Return the configuration with so many chips and so much connection."""
    headroom = power_mw / (chips * sheet.watts / 1e6)
    return sheet.configuration(
        *firms_present(sheet.owners), f"clouds.opening_fleet_pflops={chips * sheet.pflops_per_chip!r}", f"clouds.opening_headroom={headroom!r}",
        f"cast.makers.maker.watts_per_chip={sheet.watts}", f"cast.makers.maker.pflops_per_chip={sheet.pflops_per_chip}")


OFFERS = (0.9, 0.7, 0.1, 0.5, 0.3, 0.8, 0.6)  # part rented out at next to no rent, which is what makes seven owners' bids for power differ


def o17_interconnection(sheet):
    """Compare grants, power and waits of two bursts of requests with a first-come queue; then who is served by lottery and by auction.

    Source: Newell 1982, chapter 2; Little 1961.
    """
    growth, all_mw = sheet.slots_growth**0.25, (sheet.burst_quarters + sheet.late_quarters) * sheet.slots_mw
    last = queues.burst_wait_quarters(all_mw, sheet.slots_mw, sheet.building_quarters, growth, sheet.study_quarters)
    simulation = stepped([_queue_of(sheet, "first_come")], each=_looked_at, quarters=int(last) + 3)
    seen = {name: np.array([quarter[name] for quarter in simulation.seen]) for name in simulation.seen[0]}
    first, late = sheet.burst_quarters * sheet.slots_mw, float(seen["asked"][1][-1])
    return [*_line(sheet, seen, first, late), *_waits(sheet, seen, first, late), *_by_lottery(sheet, first), *_by_bid(sheet, first)]


def _queue_of(sheet, rule):
    """Return the configuration of two bursts under a connection rule."""
    burst_mw, late_mw = sheet.burst_quarters * sheet.slots_mw, sheet.late_quarters * sheet.slots_mw
    offers = [f"cast.clouds.firm{place}.rents_out={offer}" for place, offer in enumerate(OFFERS, 1)]
    sets = [f"energy.connection={rule}", "cast.clouds.firm8.rents_out=0", *offers]
    sets += [f"energy.{name}={getattr(sheet, name)}" for name in ("slots_mw", "slots_growth", "study_quarters", "building_quarters")]
    standing = sheet.configuration()
    chip, utilisation = standing.cast.makers[0].unit_cost_usd, standing.parameters.clouds.target_utilisation
    fleet = burst_mw / MW_PER_PFLOPS
    sets += [f"clouds.opening_fleet_pflops={fleet!r}", f"cast.clouds.firm8.cash_usd={late_mw / MW_PER_PFLOPS * chip * utilisation!r}"]
    return sheet.configuration(*sets)


def _looked_at(simulation):
    """Return what the oracle reads each quarter of the one run, MW by owner."""
    queued, sites = (column(simulation, f"clouds.{name}").sum(axis=(0, 1))[0] for name in ("queued_mw", "sites_mw"))
    connected = column(simulation, "clouds.connected_mw").sum(axis=0)[0]
    regions = {name: column(simulation, f"regions.{name}")[0, 0] for name in ("granted_mw", "quoted_wait_quarters", "completed_wait_quarters")}
    return regions | {"queued": queued, "sites": sites, "connected": connected, "asked": queued + sites + connected}


def _line(sheet, seen, first, late):
    """Return findings on who has what when: of both bursts together, and of the second behind the first."""
    study, lead, growth = sheet.study_quarters, sheet.building_quarters, sheet.slots_growth**0.25
    connected, granted = seen["connected"].sum(axis=-1), np.cumsum(seen["granted_mw"])
    last = int(queues.burst_wait_quarters(first + late, sheet.slots_mw, 0, growth, study))
    turn = int(queues.burst_wait_quarters(first, sheet.slots_mw, 0, growth, study))
    own = (sheet.slots_mw, growth, study)
    found = [Finding("requests of the first burst (MW)", first, float(seen["asked"][0].sum())),
             Finding("power before study and building are over (MW)", 0.0, float(connected[: study + lead].max()))]
    for quarter in sorted({study, (study + last) // 2, last}):
        answer = queues.burst_granted_mw(quarter, first + late, *own)
        found.append(Finding(f"granted by quarter {quarter} (MW)", answer, float(granted[quarter])))
        found.append(Finding(f"with power by quarter {quarter + lead} (MW)", answer, float(connected[quarter + lead])))
        building = answer - queues.burst_energised_mw(quarter, first + late, sheet.slots_mw, lead, growth, study)
        found.append(Finding(f"under construction in quarter {quarter} (MW)", building, float(seen["sites"][quarter].sum())))
    behind = max(0.0, queues.burst_granted_mw(turn, first + late, *own) - first)
    served = seen["sites"][turn][-1] + seen["connected"][turn][-1]
    before = seen["sites"][turn - 1][-1] + seen["connected"][turn - 1][-1]
    return [*found, Finding(f"granted to the second burst by quarter {turn - 1}, while the first waits (MW)", 0.0, float(before)),
            Finding(f"granted to the second burst by quarter {turn}, when the first is done (MW)", behind, float(served))]


def _waits(sheet, seen, first, late):
    """Return findings on waits, each kind against its own definition: by grants, by power, by Little's law, as quoted."""
    study, lead, growth = sheet.study_quarters, sheet.building_quarters, sheet.slots_growth**0.25
    one, both = (queues.burst_mean_wait_quarters(burst, sheet.slots_mw, lead, growth, study) for burst in (first, first + late))
    mean = both - late / (first + late)  # the second burst asks a quarter later
    arrivals = np.diff(seen["connected"][:, :-1].sum(axis=-1), prepend=0.0)
    quarters = np.arange(len(arrivals))
    stock = (seen["queued"] + seen["sites"]).sum()
    grants = seen["granted_mw"]
    asked = first + late * (study > 1)  # what had been asked for when the queue was last looked at
    slots = sheet.slots_mw * growth**study
    quoted = (asked - queues.burst_granted_mw(study, first, sheet.slots_mw, growth, study)) / slots + study + lead
    return [
        Finding("mean time to power of the first burst (quarters)", one, float(arrivals @ quarters / arrivals.sum())),
        Finding("mean wait of all that was granted (quarters)", mean, float(grants @ seen["completed_wait_quarters"] / grants.sum())),
        Finding("requests that wait or are built, over those a quarter: Little's law (quarters)", mean, float(stock / (first + late))),
        Finding("building alone, by Little's law (quarters)", float(lead), float(seen["sites"].sum() / (first + late))),
        Finding(f"wait quoted in quarter {study} (quarters)", quoted, float(seen["quoted_wait_quarters"][study]))]


def _first_grants(sheet, rule, runs):
    """Return MW granted to each owner of the first burst in the first quarter with grants, `(runs, 7)`."""
    simulation = stepped([_queue_of(sheet, rule)] * runs, quarters=sheet.study_quarters + 1)
    return column(simulation, "clouds.sites_mw").sum(axis=(0, 1))[:, :-1]


def _requests(sheet, first):
    """Return MW that each owner of the first burst asks for, and the slots of the first quarter with grants."""
    shares = np.array([owner.fleet_share for owner in sheet.configuration().cast.clouds][:-1])
    return shares * first, sheet.slots_mw * sheet.slots_growth ** (sheet.study_quarters / 4)


def _by_lottery(sheet, first):
    """Return what a lottery gives on average, and that it cuts one request at most."""
    asked, slots = _requests(sheet, first)
    got = _first_grants(sheet, "lottery", sheet.runs)
    expected = rationing.expected_by_drawn_order(asked, slots)
    cut = ((got > 1e-9 * slots) & (got < asked * (1 - 1e-9))).sum(axis=-1)
    found = [mean_of(f"lottery: first grant of the {name} owner (MW)", expected[place], got[:, place].tolist())
             for place, name in ((0, "largest"), (1, "second"))]
    return [*found, Finding("lottery: most requests served in part in one run", float(slots < asked.sum()), float(cut.max())),
            Finding("lottery: least granted in one run (MW)", min(slots, asked.sum()), float(got.sum(axis=-1).min()))]


def _by_bid(sheet, first):
    """Return what an auction gives: the less an owner rents out at next to no rent, the more a MW earns it."""
    asked, slots = _requests(sheet, first)
    [got] = _first_grants(sheet, "auction", 1)
    expected = rationing.highest_bid_first(asked, slots, -np.array(OFFERS))
    return [Finding(f"auction: first grant of the owner with bid {rank} of 7 (MW)", _settled(float(expected[place]), slots), float(got[place]))
            for rank, place in enumerate(np.argsort(OFFERS), 1) if rank <= 4]


def o20_call_market(sheet):
    """Compare a call market, made of the rules `auction` for its buyers and `merit_order` for its sellers, with matching unit by unit.

    Both rules are called for every quantity at which a bid or an offer ends; traded is the largest at which the last bid
    served still pays the last cost. Source: Vickrey 1961; McAfee 1992.
    """
    values, costs = np.array(sheet.values_usd, float), np.array(sorted(sheet.costs_usd), float)
    wanted, offered = np.full(len(values), float(sheet.wanted)), np.full(len(costs), float(sheet.offered))
    answer = electricity.double_auction(values, costs, wanted, offered)
    ends = sorted({*np.cumsum(wanted).tolist(), *np.cumsum(offered).tolist()})
    most = min(wanted.sum(), offered.sum())
    called = [_called(values, costs, wanted, offered, quantity) for quantity in ends if quantity <= most * (1 + 1e-12)]
    trades = [called_at for called_at in called if called_at["last_value"] >= called_at["last_cost"]]
    if not trades:
        return [Finding("units traded (rule)", answer.traded, 0.0)]
    last = trades[-1]
    return [Finding("units traded (rule)", answer.traded, last["quantity"]), Finding("gains from trade (rule, USD)", answer.gains_usd, last["gains"]),
            Finding("lowest price that clears (rule, USD)", answer.lowest_price_usd, max(last["last_cost"], last["next_value"])),
            Finding("highest price that clears (rule, USD)", answer.highest_price_usd, min(last["last_value"], last["next_cost"]))]


def _called(values, costs, wanted, offered, quantity):
    """Return what the two rules say of a quantity: gains, and the last and next value and cost; one run, prices without a cap."""
    lots = (np.arange(len(values)) + 0.5) / len(values)
    awards = auction(wanted[None], np.array([[quantity]]), None, lots[None], None, None, values[None])[0]
    plants, prices = offered[:, None, None], costs[:, None, None]
    sold, beyond = (merit_order(plants, prices, np.array([[quantity * (1 + nudge)]]), np.inf) for nudge in (-1e-12, 1e-9))
    crumb = 1e-9 * quantity
    return {"quantity": quantity, "gains": float(values @ awards - sold.fuel_usd_per_hour[0, 0]),
            "last_value": values[awards > crumb].min(), "next_value": max(values[awards < wanted - crumb], default=-np.inf),
            "last_cost": sold.price_usd[0, 0], "next_cost": beyond.price_usd[0, 0]}
