"""Barriers to entry: what a competitive run costs, who could pay, what access costs insiders and outsiders."""

import numpy as np

from market_abm.exact import at_best, exp, look_up, ratio, stacked, total, weighted
from market_abm.metrics.indices import Market, gini, largest
from market_abm.metrics.market import person_of_compute_usd
from market_abm.metrics.metric import Metric
from market_abm.state.tables import many_small
from market_abm.units import HOURS_PER_YEAR, PFLOPS_PER_PERSON, QUARTERS_PER_YEAR

COMPETITIVE = {"tenth_run": 0.1, "full_run": 1.0}  # parts of the frontier's compute that count as competing with it
NEAR_LOWEST_COST = 0.05  # average cost this close to the lowest counts as efficient scale
TOP_BUYERS = 4
JUDGED_AFTER = 8  # quarters after which entry is judged


def median(x, present):
    """Return the median over rows that are present `(runs, 1)`; nan where none is."""
    ordered = np.sort(np.where(present > 0, x, np.inf), axis=-1)
    count = np.count_nonzero(present > 0, axis=-1, keepdims=True)
    middle = [np.take_along_axis(ordered, np.maximum(place, 0), axis=-1) for place in ((count - 1) // 2, count // 2 - (count == 0))]
    return np.where(count > 0, 0.5 * (middle[0] + middle[1]), np.nan)


def minimum_efficient_scale(fixed_cost, unit_cost, near=NEAR_LOWEST_COST):
    """Return the least output whose average cost F/q + c is within `near` of the lowest: F / (near c). Source: Bain 1956."""
    return ratio(fixed_cost, near * unit_cost, np.nan)


def shortfall(filled, ordered, who=1.0):
    """Return the part of what a group of buyers (0 or 1 a row) ordered that it did not get; nan where it ordered nothing."""
    return 1.0 - ratio(total(filled * who), total(ordered * who), np.nan)


def switching_discount(cost_utils, alpha):
    """Return the discount that makes a buyer indifferent to switching, 1 - exp(-kappa/alpha) of what it spends.

    In a logit in log price a cost of kappa utils weighs as much as ln p higher by kappa/alpha.
    """
    return 1.0 - exp(-ratio(cost_utils, alpha, np.inf))


def entry_deterrence(realised, predicted):
    """Return 1 - realised entry over the entry of a paired run at competitive prices without lags; nan where none is predicted.

    Both must be runs of the same seed. Below 0 where more enter than in that run.
    """
    return 1.0 - ratio(realised, predicted, np.nan)


def run_hours(world, part):
    """Return peak PFLOP-hours of a run of a part of the frontier's compute, at the frontier's utilisation and efficiency."""
    return part * world.market.frontier_pflop_hours


def run_cost(part):
    """Return what that run costs who rents: at the contested rent."""
    return lambda world: ratio(run_hours(world, part) * world.market.spot_rent_usd, (world.market.spot_rent_usd > 0) * 1.0, np.nan)


def cluster_cost(part):
    """Return what the cluster costs that does this run in the usual days: bought, housed and networked at list."""
    def measure(world):
        pflops = run_hours(world, part) / (24.0 * world.market.run_days)
        return pflops * person_of_compute_usd(world) / PFLOPS_PER_PERSON

    return measure


def funds(world):
    """Return what each startup could put into a run: cash and compute credits."""
    return np.maximum(world.startups.cash_usd, 0.0) + world.startups.credits_usd


def _median_funds(world):
    return median(world.noted("funds", funds), world.startups.alive)


def capital_ratio(part):
    """Return the cost of that run over the median funds of startups alive."""
    return lambda world: ratio(run_cost(part)(world), world.noted("median funds", _median_funds), np.nan)


def eligible_share(part):
    """Return the part of startups alive whose funds would pay for that run; nan while there is nothing to catch up with."""
    def measure(world):
        cost = run_cost(part)(world)
        alive = world.startups.alive > 0
        able, everybody = (np.count_nonzero(x, axis=-1, keepdims=True) for x in ((world.noted("funds", funds) >= cost) & alive, alive))
        return np.where(cost > 0, ratio(able, everybody, np.nan), np.nan)

    return measure


def insider(world, column):
    """Read a column at the named owner with the most chips."""
    clouds = world.clouds
    return at_best(column, stacked(clouds.fleet_pflops) * ~many_small(clouds.kind))


def person_year(rent_usd):
    """Return what 20 PFLOP/s cost a year at a price per PFLOP-hour, used as much as owners plan for; nan without a price."""
    def measure(world):
        hours = PFLOPS_PER_PERSON * HOURS_PER_YEAR * world.rules.clouds.target_utilisation
        price = rent_usd(world)
        return np.where(price > 0, hours * price, np.nan)

    return measure


def _list_rent(world):
    clouds = world.clouds
    return weighted(clouds.list_rent_usd, clouds.active_pflops * (clouds.list_rent_usd > 0), np.nan)


def insider_power_price(world):
    """Return what the insider paid a MWh, from the grid and of its own."""
    clouds = world.clouds
    return ratio(insider(world, clouds.energy_bill_usd), insider(world, stacked(clouds.energy_mwh) + clouds.own_power_mwh), np.nan)


def access_premium(world):
    """Return the contested rent over the insider's transfer price, less 1: the margin squeeze. Source: EU cases Deutsche Telekom, TeliaSonera."""
    return ratio(world.market.spot_rent_usd, insider(world, world.clouds.transfer_usd), np.nan) - 1.0


def efficient_scale_share(world):
    """Return the minimum efficient scale of a frontier lab over all compute that serves customers.

    F is the research of the lab with the quarter's largest run, of which that run is a given part; c the
    contested rent of an hour that serves. Above 1 there is room for no second lab at efficient scale.
    """
    research = ratio(world.market.frontier_cost_usd, QUARTERS_PER_YEAR * world.rules.training.final_run_share, np.nan)
    rows = world.startups
    served = total(world.clouds.serving_pflop_hours) + total(rows.serving_pflop_hours + rows.own_serving_pflop_hours)
    return ratio(minimum_efficient_scale(research, world.market.spot_rent_usd), served, np.nan)


def shortfall_chips(world):
    """Return the part of chips due and payable that was not delivered."""
    return shortfall(*_chips_due(world))


def shortfall_gap_chips(world):
    """Return the shortfall of all other buyers less that of the four largest named owners."""
    clouds = world.clouds
    fleet = stacked(clouds.fleet_pflops) * ~many_small(clouds.kind)
    smallest = np.sort(fleet, axis=-1)[..., -min(TOP_BUYERS, fleet.shape[-1]) :][..., :1]
    top = ((fleet > 0) & (fleet >= smallest)) * 1.0
    return shortfall(*_chips_due(world), 1.0 - top) - shortfall(*_chips_due(world), top)


def _chips_due(world):
    got = stacked(world.clouds.delivered_pflops)
    return got, got + world.clouds.unserved_pflops


def shortfall_compute_rented(world):
    """Return the part of what tenants would have rented at these prices that they did not get."""
    clouds = world.clouds
    return shortfall(clouds.rented_pflop_hours, ratio(clouds.rented_pflop_hours, clouds.fill_rate))


def switching_discount_chips(world):
    """Return the discount for which an owner with no chips of a maker, and no more than its public documents, would turn to it: mean of makers."""
    rules, makers = world.rules, world.makers
    cost = rules.chips.switching_cost * rules.documentation.switching_channel * (1.0 - makers.openness)
    return weighted(switching_discount(cost, rules.chips.choice_elasticity), makers.alive, np.nan)


def switching_discount_rental(world):
    """Return the discount for which a startup would leave its provider, of its rent, for as long as it stays away."""
    rules = world.rules.clouds
    return switching_discount(rules.provider_inertia, rules.provider_elasticity)


def rent_of_startups(world):
    """Return the contested rent at each startup's provider; 0 for who has none."""
    return look_up(world.clouds.contested_rent_usd, world.startups.provider)


def switching_cost_rental(world):
    """Return that discount of a year's rent of the mean startup that rents."""
    rows = world.startups
    paid = (rows.training_pflop_hours + rows.serving_pflop_hours) * world.noted("rent of startups", rent_of_startups)
    mean = ratio(total(paid), np.count_nonzero(paid > 0, axis=-1, keepdims=True), np.nan)
    return switching_discount_rental(world) * mean * QUARTERS_PER_YEAR


def sunk_cost_chips(world):
    """Return makers' research over their sales. Source: Sutton 1991."""
    return ratio(total(world.makers.rnd_usd), total(world.makers.sales_usd), np.nan)


def sunk_cost_labs(world):
    """Return labs' research compute, own at the transfer price, over customers' payments."""
    clouds, rows = world.clouds, world.startups
    hours, rent = rows.training_pflop_hours + rows.own_training_pflop_hours, world.noted("rent of startups", rent_of_startups)
    spent = total(clouds.training_pflop_hours * clouds.transfer_usd) + total(hours * rent)
    return ratio(spent, total(clouds.ai_revenue_usd) + total(rows.ai_revenue_usd), np.nan)


def funding_share(k):
    """Return the part of the quarter's raise that went to the k largest rounds."""
    return lambda world: largest(world.noted("raises", lambda w: Market(w.startups.raised_usd)), k)


def compute_gini(world):
    """Return the Gini coefficient of compute used over startups alive, those without any included."""
    rows = world.startups
    rented, own = rows.training_pflop_hours + rows.serving_pflop_hours, rows.own_training_pflop_hours + rows.own_serving_pflop_hours
    return gini(rented + own, present=rows.alive)


def entrants_who_last(world):
    """Return (part alive, part with customers) of the founders of two years ago; nan when none or not noted.

    A founder is a key of birth that was not in its slot a quarter before.
    """
    births, rows, quarter = world.startups.birth.copy(), world.startups, world.quarter
    world.memory.remember(quarter, "births of startups", births, JUDGED_AFTER + 1)
    then, before = (world.memory.recall(quarter - ago, "births of startups") for ago in (JUDGED_AFTER, JUDGED_AFTER + 1))
    if then is None or before is None:
        unknown = np.full((len(births), 1), np.nan)
        return unknown, unknown
    entered = (then != before) & (then != 0)
    lasted = entered & (births == then) & (rows.alive > 0)
    entered, lasted, sells = (np.count_nonzero(x, axis=-1, keepdims=True) * 1.0 for x in (entered, lasted, lasted & (rows.ai_revenue_usd > 0)))
    return ratio(lasted, entered, np.nan), ratio(sells, entered, np.nan)


_OF_RUN = tuple(
    metric for name, part in COMPETITIVE.items() for metric in (
        Metric(f"run_cost_usd_{name}", "USD", f"Rent of a run of {part:g} of the frontier's compute.", run_cost(part)),
        Metric(f"cluster_cost_usd_{name}", "USD", "The cluster for that run, bought, housed and networked at list.", cluster_cost(part)),
        Metric(f"capital_ratio_{name}", "ratio", "Rent of that run over the median funds of startups.", capital_ratio(part)),
        Metric(f"eligible_share_{name}", "share", "Part of startups whose funds would pay that rent.", eligible_share(part))))

METRICS = (
    *_OF_RUN,
    Metric("median_funds_usd_startups", "USD", "Median of startups' cash and compute credits.", lambda w: w.noted("median funds", _median_funds)),
    Metric("person_year_usd_insider", "USD/year", "20 PFLOP/s for a year at the largest owner's full cost.",
           person_year(lambda w: insider(w, w.clouds.full_cost_usd))),
    Metric("person_year_usd_transfer", "USD/year", "The same at its transfer price.", person_year(lambda w: insider(w, w.clouds.transfer_usd))),
    Metric("person_year_usd_rent", "USD/year", "The same for an outsider at the contested rent.", person_year(lambda w: w.market.spot_rent_usd)),
    Metric("person_year_usd_list", "USD/year", "The same at list prices.", person_year(_list_rent)),
    Metric("person_of_compute_usd_insider", "USD", "20 PFLOP/s of the chips that the largest owner would buy, housed and networked.",
           lambda w: PFLOPS_PER_PERSON * insider(w, w.clouds.investment_usd_per_pflops)),
    Metric("person_of_compute_kw_insider", "kW", "Their facility power.", lambda w: PFLOPS_PER_PERSON * 1e3 * insider(w, w.clouds.new_mw_per_pflops)),
    Metric("power_price_usd_per_mwh_insider", "USD/MWh", "What the largest owner paid for electricity.", insider_power_price),
    Metric("access_premium_compute", "ratio", "Contested rent over the largest owner's transfer price, less 1.", access_premium, signed=True),
    Metric("efficient_scale_labs", "ratio", "Minimum efficient scale of a frontier lab over all serving compute.", efficient_scale_share),
    Metric("shortfall_chips", "share", "Part of chips due and payable that was not delivered.", shortfall_chips),
    Metric("shortfall_gap_chips", "share difference", "Shortfall of all other buyers less that of the four largest owners.",
           shortfall_gap_chips, signed=True),
    Metric("shortfall_compute_rented", "share", "Part of what tenants would have rented that they did not get.", shortfall_compute_rented),
    Metric("switching_discount_chips", "share", "Discount that would make a buyer turn to a maker it has no stack for.", switching_discount_chips),
    Metric("switching_discount_rental", "share", "Discount that would make a startup leave its provider.", switching_discount_rental),
    Metric("switching_cost_usd_rental", "USD/year", "That discount of the mean startup's yearly rent.", switching_cost_rental),
    Metric("sunk_cost_ratio_chips", "ratio", "Chip makers' research over sales.", sunk_cost_chips),
    Metric("sunk_cost_ratio_labs", "ratio", "Labs' research compute over AI revenue.", sunk_cost_labs),
    Metric("cr2_funding", "share", "Part of the quarter's raise that went to the two largest rounds.", funding_share(2)),
    Metric("cr10_funding", "share", "Part that went to the ten largest.", funding_share(10)),
    Metric("corporate_share_funding", "share", "Part of the quarter's raise that clouds paid, credits at face value.",
           lambda w: ratio(total(w.clouds.joining_usd + w.clouds.backing_usd), total(w.startups.raised_usd), np.nan)),
    Metric("gini_compute_startups", "0 to 1", "Gini coefficient of compute used over startups alive.", compute_gini),
    Metric("lasting_entry_startups", "share", "Part of the founders of two years ago who are alive.",
           lambda w: w.noted("entrants", entrants_who_last)[0]),
    Metric("successful_entry_startups", "share", "Part of them with customers.", lambda w: w.noted("entrants", entrants_who_last)[1]),
)
