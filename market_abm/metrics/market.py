"""Prices, barriers, scale, entry and exit, power, and what binds whom."""

import numpy as np

from market_abm.exact import best, look_up, ratio, share, stacked, total, weighted
from market_abm.metrics.metric import Metric
from market_abm.state.tables import IN_HOUSE, MERCHANT, NEOCLOUD
from market_abm.units import HOURS_PER_QUARTER, PFLOPS_PER_PERSON, QUARTERS_PER_YEAR

NOTICED = 0.02  # a shortfall below 2% does not count as binding


def rent(world):
    """Return the volume-weighted rent: what all tenants paid over what they used."""
    return ratio(total(world.clouds.rent_usd), total(world.clouds.rented_pflop_hours), np.nan)


def list_rent(world):
    """Return the mean list price of clouds that post one, by capacity."""
    clouds = world.clouds
    return weighted(clouds.list_rent_usd, clouds.active_pflops * (clouds.list_rent_usd > 0), np.nan)


def chip_price(world):
    """Return what merchants' chips cost a PFLOP/s, by sales; nan when none was sold."""
    makers, merchant = world.makers, world.makers.kind == MERCHANT
    return ratio(total(makers.sales_usd * merchant), total(makers.sold_pflops * merchant), np.nan)


def in_house_share(world):
    """Return the part of PFLOP/s delivered that owners made for themselves."""
    makers = world.makers
    return ratio(total(makers.sold_pflops * (makers.kind == IN_HOUSE)), total(makers.sold_pflops), np.nan)


def mw_per_pflops(world):
    """Return the facility power of new chips, by sales."""
    return weighted(world.makers.mw_per_pflops, world.makers.sold_pflops, np.nan)


def person_of_compute_usd(world):
    """Return the cost of 20 PFLOP/s, bought, housed and networked (an outsider's price)."""
    rules = world.rules.clouds
    buildings = mw_per_pflops(world) * rules.building_usd_per_mw
    return PFLOPS_PER_PERSON * (chip_price(world) * (1.0 + rules.server_overhead) + buildings)


def utilisation(world):
    """Return compute used over compute energised."""
    return ratio(total(world.clouds.used_pflop_hours), total(world.clouds.active_pflops) * HOURS_PER_QUARTER, np.nan)


def compute_total(world):
    """Return all AI chips installed."""
    return total(stacked(world.clouds.fleet_pflops))


def neocloud_share(world):
    """Return the neoclouds' part in AI compute owned."""
    clouds = world.clouds
    fleet = stacked(clouds.fleet_pflops)
    return ratio(total(fleet * (clouds.kind == NEOCLOUD)), total(fleet), np.nan)


def lerner(world):
    """Return the Lerner index of merchants' chips, (p - c)/p by sales."""
    makers = world.makers
    margin = 1.0 - ratio(makers.unit_cost_usd_per_pflops, makers.price_usd_per_pflops, 1.0)
    return weighted(margin, makers.sales_usd * (makers.kind == MERCHANT), np.nan)


def idle_share(world):
    """Return chips without power over chips installed."""
    fleet = total(stacked(world.clouds.fleet_pflops))
    return ratio(np.maximum(0.0, fleet - total(world.clouds.active_pflops)), fleet, np.nan)  # rounding is no idle chip


def owners_bound_by(reason):
    """Return the part of owners' compute for which a constraint binds; the reasons sum to one.

    Judged on what is installed or could be connected first (power), then on orders that were paid for
    and not delivered (chips), then on the budget (money); else none.
    """
    def measure(world):
        clouds = world.clouds
        fleet = stacked(clouds.fleet_pflops)
        power = (clouds.active_pflops < (1.0 - NOTICED) * fleet) | (clouds.power_short > NOTICED)
        waiting = clouds.unserved_pflops > NOTICED * fleet
        chips = ~power & waiting
        money = ~power & ~waiting & (clouds.money_short > NOTICED)
        which = {"power": power, "chips": chips, "money": money, "none": ~power & ~chips & ~money}[reason]
        return total(share(fleet) * which)

    return measure


def labs_bound_by(reason):
    """Return the part of wanted research budgets that a constraint stops; the reasons sum to one.

    Compute (rationed by rent or transfer price) first, then the prize, else money: the race for budgets
    has no other end. `ambition` is what binds when none of these does.
    """
    def measure(world):
        clouds, rows = world.clouds, world.startups
        budget = np.concatenate([clouds.lab_budget_usd * clouds.has_lab, rows.budget_usd], axis=-1)
        asked = np.concatenate([clouds.lab_funded_usd, rows.training_usd], axis=-1)
        fill = np.concatenate([clouds.own_fill_rate, look_up(clouds.fill_rate, rows.provider)], axis=-1)
        prize = np.concatenate([clouds.prize_bound * clouds.has_lab, rows.prize_bound], axis=-1) > 0
        compute = fill < 1.0 - NOTICED
        money = ~compute & (asked < (1.0 - NOTICED) * budget)
        stopped = ~compute & ~money & prize
        which = {"compute": compute, "money": money, "prize": stopped, "ambition": ~compute & ~money & ~stopped}[reason]
        return total(share(budget) * which)

    return measure


def at_frontier(world):
    """Return 1 when a startup trains the quarter's largest run, else 0."""
    return (best(world.startups.run_flop) > best(world.clouds.run_flop)) * 1.0


def yearly(flow):
    """Turn a quarter's flow into a yearly rate."""
    return lambda world: flow(world) * QUARTERS_PER_YEAR


def of_market(column):
    """Read a figure of the market table."""
    return lambda world: getattr(world.market, column).copy()


def entry_rate(world):
    """Return founders over startups alive at the start of the quarter; nan when there were none."""
    return ratio(world.market.entries, _alive_at_start(world), np.nan)


def exit_rate(world):
    """Return closures over startups alive at the start of the quarter; nan when there were none."""
    return ratio(world.market.exits, _alive_at_start(world), np.nan)


def _alive_at_start(world):
    return total(world.startups.alive) - world.market.entries + world.market.exits


def electricity_price(world):
    """Return the price of electricity where AI data centres are, by their use."""
    return weighted(world.regions.price_usd, world.regions.ai_mwh, np.nan)


def quoted_wait(world):
    """Return the wait quoted to a newcomer, by site attraction: study, queue and building."""
    return weighted(world.regions.quoted_wait_quarters, world.regions.home_bias, np.nan)


def completed_wait(world):
    """Return the age of requests granted this quarter, by MW; nan when none was."""
    return weighted(world.regions.completed_wait_quarters, world.regions.granted_mw, np.nan)


METRICS = (
    Metric("price_usd_per_pflop_hour", "USD/PFLOP-h", "Rent, all tenants, by volume.", rent),
    Metric("contested_rent_usd_per_pflop_hour", "USD/PFLOP-h", "Rent that clears the contested part.", of_market("spot_rent_usd")),
    Metric("list_rent_usd_per_pflop_hour", "USD/PFLOP-h", "Sticky list price.", list_rent),
    Metric("transfer_price_usd_per_pflop_hour", "USD/PFLOP-h", "Imputed price of own use.", of_market("transfer_usd")),
    Metric("chip_price_usd_per_pflops", "USD/PFLOPS", "Merchants' chip sales over PFLOP/s delivered.", chip_price),
    Metric("lerner_chips", "share", "Lerner index of merchants' chips, by sales.", lerner),
    Metric("in_house_share_chips", "share", "Part of PFLOP/s delivered that owners made for themselves.", in_house_share),
    Metric("person_of_compute_usd", "USD", "20 PFLOP/s bought, housed and networked.", person_of_compute_usd),
    Metric("person_of_compute_kw", "kW", "Facility power of 20 PFLOP/s of new chips.", lambda w: mw_per_pflops(w) * PFLOPS_PER_PERSON * 1e3),
    Metric("compute_owned_pflops", "PFLOP/s", "AI chips installed.", compute_total),
    Metric("compute_energised_pflops", "PFLOP/s", "AI chips with power.", lambda w: total(w.clouds.active_pflops)),
    Metric("compute_mw", "MW", "Facility power that the fleet needs.", lambda w: total(stacked(w.clouds.fleet_mw))),
    Metric("connected_mw", "MW", "Connections for AI data centres.", lambda w: total(stacked(w.clouds.connected_mw))),
    Metric("queued_mw", "MW", "Requests waiting for a connection.", lambda w: total(stacked(w.clouds.queued_mw.waiting()))),
    Metric("granted_mw", "MW/quarter", "Connections granted.", lambda w: total(w.regions.granted_mw)),
    Metric("withdrawn_mw", "MW/quarter", "Requests withdrawn from the queue.", lambda w: total(w.regions.withdrawn_mw)),
    Metric("generations_chips", "count", "Chip generations launched since the start.", lambda w: total(w.makers.generations)),
    Metric("idle_share_chips", "share", "Chips without power.", idle_share),
    Metric("legacy_share_compute", "share", "Part of compute used that serves owners' older AI uses.",
           lambda w: ratio(total(w.clouds.legacy_pflop_hours), total(w.clouds.used_pflop_hours), np.nan)),
    Metric("utilisation_compute", "share", "Compute used over energised.", utilisation),
    Metric("chip_sales_usd", "USD/year", "Chip makers' sales, in-house chips at cost.", yearly(lambda w: total(w.makers.sales_usd))),
    Metric("chips_made", "chips/year", "Chips made.", yearly(lambda w: total(w.makers.made_chips))),
    Metric("investment_usd", "USD/year", "Owners' spending on chips, servers and buildings.", yearly(lambda w: total(w.clouds.invested_usd))),
    Metric("neocloud_share_compute_owned", "share", "Neoclouds' part in compute owned.", neocloud_share),
    Metric("frontier_run_flop", "FLOP", "Largest training run of the quarter, physical FLOP.", of_market("frontier_run_flop")),
    Metric("frontier_run_cost_usd", "USD", "Its amortised cost.", of_market("frontier_cost_usd")),
    Metric("frontier_run_pflop_hours", "PFLOP-h", "Peak compute that it occupied.", of_market("frontier_pflop_hours")),
    Metric("frontier_utilisation", "fraction", "Its model FLOP utilisation before losses of scale.", of_market("frontier_utilisation")),
    Metric("frontier_efficiency", "fraction", "Its parallel efficiency.", of_market("frontier_efficiency")),
    Metric("largest_cluster_mw", "MW", "Facility power of its cluster.", of_market("frontier_mw")),
    Metric("startup_at_frontier", "0 or 1", "Whether a startup trained it.", at_frontier),
    Metric("customer_spend_usd", "USD/year", "What customers would spend on AI services.", yearly(of_market("customer_spend_usd"))),
    Metric("ai_revenue_usd", "USD/year", "What labs were paid.", yearly(lambda w: total(w.clouds.ai_revenue_usd) + total(w.startups.ai_revenue_usd))),
    Metric("venture_capital_usd", "USD/year", "Capital raised by startups.", yearly(lambda w: total(w.startups.raised_usd))),
    Metric("startups_alive", "count", "Startups alive.", lambda w: total(w.startups.alive)),
    Metric("entries_startups", "count/quarter", "Startups founded.", of_market("entries")),
    Metric("exits_startups", "count/quarter", "Startups closed.", of_market("exits")),
    Metric("entry_rate_startups", "1/quarter", "Founded over alive at the start of the quarter.", entry_rate),
    Metric("exit_rate_startups", "1/quarter", "Closed over alive before.", exit_rate),
    Metric("exits_clouds", "count/quarter", "Clouds closed.", of_market("cloud_exits")),
    Metric("electricity_price_usd_per_mwh", "USD/MWh", "Price where AI data centres are.", electricity_price),
    Metric("quoted_wait_quarters", "quarters", "Wait quoted to a newcomer, building included.", quoted_wait),
    Metric("completed_wait_quarters", "quarters", "Mean wait of what was granted, building included.", completed_wait),
    *(Metric(f"bound_by_{reason}_owners", "share", f"Part of compute whose owner is stopped by: {reason}.", owners_bound_by(reason))
      for reason in ("power", "chips", "money", "none")),
    *(Metric(f"bound_by_{reason}_labs", "share", f"Part of wanted research budgets stopped by: {reason}.", labs_bound_by(reason))
      for reason in ("compute", "money", "prize", "ambition")),
)
