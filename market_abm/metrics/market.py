"""Prices, barriers, scale, entry and exit, power, and what binds whom."""

import numpy as np

from market_abm.exact import best, exp, log, look_up, ratio, share, stacked, total, weighted
from market_abm.metrics.metric import Metric
from market_abm.metrics.survival import age_at_half, cumulative_incidence
from market_abm.state.tables import HYPERSCALER, IN_HOUSE, MERCHANT, NEOCLOUD, STARTUP_POOL
from market_abm.units import HOURS_PER_QUARTER, PFLOPS_PER_PERSON, QUARTERS_PER_YEAR

NOTICED = 0.02  # a shortfall below 2% does not count as binding


def rent(world):
    """Return the volume-weighted rent: what all tenants paid over what they used."""
    return ratio(total(world.clouds.rent_usd + world.clouds.credit_rent_usd), total(world.clouds.rented_pflop_hours), np.nan)


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
    """Return the facility power of merchants' new chips, by sales."""
    makers = world.makers
    return weighted(makers.mw_per_pflops, makers.sold_pflops * (makers.kind == MERCHANT), np.nan)


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


def startups_share(world):
    """Return the startups' part in AI compute owned, held through their pool."""
    clouds = world.clouds
    fleet = stacked(clouds.fleet_pflops)
    return ratio(total(fleet * (clouds.kind == STARTUP_POOL)), total(fleet), np.nan)


def own_share(world):
    """Return the part of startups' compute that ran on chips of their own."""
    rows = world.startups
    own = total(rows.own_training_pflop_hours + rows.own_serving_pflop_hours)
    return ratio(own, own + total(rows.training_pflop_hours + rows.serving_pflop_hours), np.nan)


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
    return lambda world: world.noted("what binds owners", _what_binds_owners)[reason]


def _what_binds_owners(world):
    clouds = world.clouds
    fleet = stacked(clouds.fleet_pflops)
    power = (clouds.active_pflops < (1.0 - NOTICED) * fleet) | (clouds.power_short > NOTICED)
    chips = ~power & (clouds.unserved_pflops > NOTICED * fleet)
    money = ~power & ~chips & (clouds.money_short > NOTICED)
    parts = share(fleet)
    return {"power": total(parts * power), "chips": total(parts * chips), "money": total(parts * money),
            "none": total(parts * (~power & ~chips & ~money))}


def labs_bound_by(reason):
    """Return the part of wanted research budgets that a constraint stops; the reasons sum to one.

    Judged on the run that was made first (text for it ran out, and more compute is worth less: data), then
    on compute (rationed by rent or transfer price), then on money, then on the prize. `ambition` is what
    binds when none of these does.
    """
    return lambda world: world.noted("what binds labs", _what_binds_labs)[reason]


def _what_binds_labs(world):
    clouds, rows = world.clouds, world.startups
    budget = np.concatenate([clouds.lab_budget_usd * clouds.has_lab, rows.budget_usd], axis=-1)
    rent = look_up(clouds.contested_rent_usd, rows.provider)
    startups_asked = rows.training_usd + rows.own_training_pflop_hours * rent  # rented, and done on own chips
    asked = np.concatenate([clouds.lab_funded_usd, startups_asked], axis=-1)
    fill = np.concatenate([clouds.own_fill_rate, rows.fill_rate], axis=-1)
    bound = np.concatenate([clouds.prize_bound * clouds.has_lab, rows.prize_bound], axis=-1) > 0
    data = np.concatenate([clouds.data_short * clouds.has_lab, rows.data_short], axis=-1) > NOTICED
    compute = ~data & (fill < 1.0 - NOTICED)
    money = ~data & ~compute & (asked < (1.0 - NOTICED) * budget)
    prize = ~data & ~compute & ~money & bound
    parts, ambition = share(budget), ~data & ~compute & ~money & ~prize
    return {"data": total(parts * data), "compute": total(parts * compute), "money": total(parts * money),
            "prize": total(parts * prize), "ambition": total(parts * ambition)}


def at_frontier(world):
    """Return 1 when a startup trains the quarter's largest run, else 0."""
    return (best(world.startups.run_flop) > best(world.clouds.run_flop)) * 1.0


def flop_per_usd(world):
    """Return the quarter's largest run over its amortised cost; nan where nobody trained."""
    return ratio(world.market.frontier_run_flop, world.market.frontier_cost_usd, np.nan)


def quarters_behind(world):
    """Return how many quarters on record the frontier has been ahead of the median startup.

    Not known (nan) while it was so in every quarter on record, or when no startup is alive.
    """
    capable = np.where(world.startups.alive > 0, world.startups.effective_flop, np.inf)
    middle = np.maximum(total(world.startups.alive) - 1.0, 0.0) / 2.0  # the better of the middle two counts
    place = np.floor(middle + 0.5).astype(np.int64)
    median = np.take_along_axis(np.sort(capable, axis=-1), place, axis=-1)
    record = world.market.frontier_record_flop.array
    ahead = (record > median).sum(axis=0) * 1.0
    known = (ahead < (record > 0).sum(axis=0)) & (total(world.startups.alive) > 0)
    return np.where(known, ahead, np.nan)


def amortised_cost(world):
    """Return what the largest run cost as counts of published runs have it: its part of the life of chips, servers and network, and electricity.

    Straight-line over the chips' life, at the mean price of merchants' chips; without buildings, upkeep and the return on the money.
    Source: the amortised cost of Cottier et al. 2024, with a simpler depreciation.
    """
    market, rules = world.market, world.rules
    hardware = market.frontier_pflops * chip_price(world) * (1.0 + rules.clouds.server_overhead)
    hours = 24.0 * market.run_days
    return hardware * hours / (HOURS_PER_QUARTER * rules.chips.life_quarters) + market.frontier_mw * hours * electricity_price(world)


def largest_lab_mw(world):
    """Return the facility power of all compute, research and serving, of the lab that uses most, at the utilisation that can be sold."""
    clouds, rows = world.clouds, world.startups
    mw = ratio(clouds.active_mw, clouds.active_pflops)
    own = (clouds.training_pflop_hours + clouds.serving_pflop_hours) * mw
    hours = rows.training_pflop_hours + rows.serving_pflop_hours + rows.own_training_pflop_hours + rows.own_serving_pflop_hours
    hosted = hours * look_up(mw, rows.provider)
    return np.maximum(best(own), best(hosted)) / (HOURS_PER_QUARTER * world.rules.clouds.top_utilisation)


def top_ten_runs(world):
    """Return the geometric mean of the ten largest training runs of the quarter; nan when fewer labs trained."""
    runs = np.concatenate([world.clouds.run_flop, world.startups.run_flop], axis=-1)
    top = np.ascontiguousarray(np.sort(runs, axis=-1)[:, -10:])
    return np.where(top[:, :1] > 0, exp(total(log(top)) / top.shape[-1]), np.nan)


def merchant_leader(world):
    """Return the largest merchant's part in the chips that merchants made, by number."""
    return best(share(world.makers.made_chips * (world.makers.kind == MERCHANT)))


def energy_share(world):
    """Return electricity over the full cost of the compute that was used."""
    clouds = world.clouds
    return ratio(total(clouds.energy_bill_usd), total(clouds.full_cost_usd * clouds.used_pflop_hours), np.nan)


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
    return total(world.startups.alive) - world.market.entries + world.market.exits + world.market.acquired


def electricity_price(world):
    """Return the price of electricity where AI data centres are, by their use."""
    return weighted(world.regions.price_usd, world.regions.ai_mwh, np.nan)


def quoted_wait(world):
    """Return the wait quoted to a newcomer, by site attraction: study, queue and building."""
    return weighted(world.regions.quoted_wait_quarters, world.regions.home_bias, np.nan)


def completed_wait(world):
    """Return the age of requests granted this quarter, by MW; nan when none was."""
    return weighted(world.regions.completed_wait_quarters, world.regions.granted_mw, np.nan)


def incidence_of_requests(world):
    """Return what part of requested MW is granted and what part withdrawn by each age, `(2, ages, runs)`.

    The hazards are those of the last quarters, so this is what a request would meet if they stayed: those
    still waiting are in it, and withdrawals compete with grants.
    """
    regions = world.regions
    granted, withdrawn, waiting = (total(x)[..., 0] for x in (regions.granted_by_age_mw, regions.withdrawn_by_age_mw, regions.at_risk_mw))
    return cumulative_incidence(waiting, np.stack([granted, withdrawn]))


def time_to_power(world):
    """Return the quarters until half of requested MW is granted and built; nan while less than half ever would be."""
    granted, _ = world.noted("incidence of requests", incidence_of_requests)
    return age_at_half(granted)[:, None] + world.rules.energy.building_quarters


def requests_withdrawn(world):
    """Return the part of requested MW that will have withdrawn at the end; nan while nobody has asked."""
    _, withdrawn = world.noted("incidence of requests", incidence_of_requests)
    asked = total(world.regions.at_risk_mw)[..., 0].max(axis=0)
    return np.where(asked > 0, withdrawn[-1], np.nan)[:, None]


METRICS = (
    Metric("price_usd_per_pflop_hour", "USD/PFLOP-h", "Rent, all tenants, by volume.", rent),
    Metric("contested_rent_usd_per_pflop_hour", "USD/PFLOP-h", "Rent that clears the contested part.", of_market("spot_rent_usd")),
    Metric("list_rent_usd_per_pflop_hour", "USD/PFLOP-h", "Sticky list price.", list_rent),
    Metric("transfer_price_usd_per_pflop_hour", "USD/PFLOP-h", "Imputed price of own use.", of_market("transfer_usd")),
    Metric("chip_price_usd_per_pflops", "USD/PFLOPS", "Merchants' chip sales over PFLOP/s delivered.", chip_price),
    Metric("lerner_chips", "share", "Lerner index of merchants' chips, by sales.", lerner),
    Metric("in_house_share_chips", "share", "Part of PFLOP/s delivered that owners made for themselves.", in_house_share),
    Metric("cr1_merchant_chips_made", "share", "Part of the largest merchant in the chips that merchants made, by number.", merchant_leader),
    Metric("energy_share_compute_cost", "share", "Electricity over the full cost of the compute used.", energy_share),
    Metric("person_of_compute_usd", "USD", "20 PFLOP/s bought, housed and networked.", person_of_compute_usd),
    Metric("person_of_compute_kw", "kW", "Facility power of 20 PFLOP/s of new chips.", lambda w: mw_per_pflops(w) * PFLOPS_PER_PERSON * 1e3),
    Metric("compute_owned_pflops", "PFLOP/s", "AI chips installed.", compute_total),
    Metric("compute_energised_pflops", "PFLOP/s", "AI chips with power.", lambda w: total(w.clouds.active_pflops)),
    Metric("compute_mw", "MW", "Facility power that the fleet needs.", lambda w: total(stacked(w.clouds.fleet_mw))),
    Metric("connected_mw", "MW", "Grid connections of AI data centres.", lambda w: total(stacked(w.clouds.connected_mw))),
    Metric("behind_the_meter_mw", "MW", "Owners' own power plants at their sites.", lambda w: total(w.clouds.own_power_mw)),
    Metric("convertible_mw", "MW", "General data centres that could still be converted.", lambda w: total(w.clouds.convertible_mw)),
    Metric("queued_mw", "MW", "Requests waiting for a connection.", lambda w: total(stacked(w.clouds.queued_mw.waiting()))),
    Metric("granted_mw", "MW/quarter", "Connections granted.", lambda w: total(w.regions.granted_mw)),
    Metric("withdrawn_mw", "MW/quarter", "Requests withdrawn from the queue.", lambda w: total(w.regions.withdrawn_mw)),
    Metric("generations_chips", "count", "Chip generations launched since the start.", lambda w: total(w.makers.generations)),
    Metric("idle_share_chips", "share", "Chips without power.", idle_share),
    Metric("legacy_share_compute", "share", "Part of compute used that serves owners' older AI uses.",
           lambda w: ratio(total(w.clouds.legacy_pflop_hours), total(w.clouds.used_pflop_hours), np.nan)),
    Metric("utilisation_compute", "share", "Compute used over energised.", utilisation),
    Metric("chip_sales_usd", "USD/year", "Chip makers' sales, in-house chips at cost.", yearly(lambda w: total(w.makers.sales_usd))),
    Metric("delivered_pflops", "PFLOP/s/year", "Chips delivered.", yearly(lambda w: total(w.makers.sold_pflops))),
    Metric("chips_made", "chips/year", "Chips made.", yearly(lambda w: total(w.makers.made_chips))),
    Metric("investment_usd", "USD/year", "Owners' spending on chips, servers and buildings.", yearly(lambda w: total(w.clouds.invested_usd))),
    Metric("investment_usd_hyperscalers", "USD/year", "The part of the hyperscalers.",
           yearly(lambda w: total(w.clouds.invested_usd * (w.clouds.kind == HYPERSCALER)))),
    Metric("cloud_revenue_usd", "USD/year", "Cloud revenue, AI rent included.",
           yearly(lambda w: total(w.clouds.general_revenue_usd + w.clouds.rent_usd + w.clouds.credit_rent_usd))),
    Metric("neocloud_share_compute_owned", "share", "Neoclouds' part in compute owned.", neocloud_share),
    Metric("startups_share_compute_owned", "share", "Startups' part in compute owned.", startups_share),
    Metric("own_share_startups", "share", "Part of startups' compute that ran on chips of their own.", own_share),
    Metric("owners_startups", "count", "Startups that hold chips of their own.", lambda w: total((w.startups.own_pflops > 0) * 1.0)),
    Metric("frontier_run_flop", "FLOP", "Largest training run of the quarter, physical FLOP.", of_market("frontier_run_flop")),
    Metric("top_ten_runs_flop", "FLOP", "Geometric mean of the ten largest runs of the quarter, physical FLOP.", top_ten_runs),
    Metric("frontier_run_cost_usd", "USD", "Its cost at the full cost of capacity.", of_market("frontier_cost_usd")),
    Metric("frontier_run_amortised_usd", "USD", "Its hardware over its life, and electricity: as published runs are counted.", amortised_cost),
    Metric("frontier_run_pflop_hours", "PFLOP-h", "Peak compute that it occupied.", of_market("frontier_pflop_hours")),
    Metric("frontier_utilisation", "fraction", "Its model FLOP utilisation before losses of scale.", of_market("frontier_utilisation")),
    Metric("frontier_efficiency", "fraction", "Its parallel efficiency.", of_market("frontier_efficiency")),
    Metric("frontier_full_cost_usd_per_pflop_hour", "USD/PFLOP-h", "Full cost of capacity where it ran.", of_market("frontier_full_cost_usd")),
    Metric("frontier_flop_per_usd", "FLOP/USD", "It over its amortised cost.", flop_per_usd),
    Metric("frontier_effective_flop", "FLOP", "Best effective run so far.", of_market("frontier_effective_flop")),
    Metric("data_tokens", "tokens", "Usable text, with every repetition that still helps.", of_market("data_tokens")),
    Metric("largest_cluster_mw", "MW", "Facility power of its cluster.", of_market("frontier_mw")),
    Metric("largest_lab_mw", "MW", "Facility power of all compute of the lab that uses most, research and serving.", largest_lab_mw),
    Metric("largest_cluster_pflops", "PFLOP/s", "Peak of its cluster.", of_market("frontier_pflops")),
    Metric("largest_cluster_mw_per_pflops", "MW/PFLOPS", "Facility power of capacity where it ran.", of_market("frontier_mw_per_pflops")),
    Metric("startup_at_frontier", "0 or 1", "Whether a startup trained it.", at_frontier),
    Metric("quarters_behind_frontier", "quarters", "How long the frontier has been ahead of the median startup; nan beyond the record.",
           quarters_behind),
    Metric("customer_spend_usd", "USD/year", "What customers would spend on AI services.", yearly(of_market("customer_spend_usd"))),
    Metric("ai_revenue_usd", "USD/year", "What labs were paid.", yearly(lambda w: total(w.clouds.ai_revenue_usd) + total(w.startups.ai_revenue_usd))),
    Metric("venture_capital_usd", "USD/year", "Capital raised by startups.", yearly(lambda w: total(w.startups.raised_usd))),
    Metric("startups_alive", "count", "Startups alive.", lambda w: total(w.startups.alive)),
    Metric("entries_startups", "count/quarter", "Startups founded.", of_market("entries")),
    Metric("exits_startups", "count/quarter", "Startups closed.", of_market("exits")),
    Metric("acquired_startups", "count/quarter", "Startups bought.", of_market("acquired")),
    Metric("blocked_acquisitions", "count/quarter", "Acquisitions that the merger rule stopped.", of_market("blocked")),
    Metric("refused_stakes", "count", "Stakes not taken since the start: a startup had its full number of holders.", of_market("refused_stakes")),
    Metric("entry_rate_startups", "1/quarter", "Founded over alive at the start of the quarter.", entry_rate),
    Metric("exit_rate_startups", "1/quarter", "Closed over alive before.", exit_rate),
    Metric("exits_clouds", "count/quarter", "Clouds closed.", of_market("cloud_exits")),
    Metric("electricity_price_usd_per_mwh", "USD/MWh", "Price where AI data centres are.", electricity_price),
    Metric("quoted_wait_quarters", "quarters", "Wait quoted to a newcomer, building included.", quoted_wait),
    Metric("completed_wait_quarters", "quarters", "Mean wait of what was granted, building included.", completed_wait),
    Metric("time_to_power_quarters", "quarters",
           "Until half of requested MW has power, by cumulative incidence: withdrawals compete, the waiting count.", time_to_power),
    Metric("withdrawn_share_requests", "share", "Part of requested MW that would withdraw in the end, by the same hazards.", requests_withdrawn),
    Metric("shortage_share_electricity", "share", "Part of wanted load that plants could not serve, in the region that is shortest.",
           lambda w: best(w.regions.shortage_share)),
    *(Metric(f"bound_by_{reason}_owners", "share", f"Part of compute whose owner is stopped by: {reason}.", owners_bound_by(reason))
      for reason in ("power", "chips", "money", "none")),
    *(Metric(f"bound_by_{reason}_labs", "share", f"Part of wanted research budgets stopped by: {reason}.", labs_bound_by(reason))
      for reason in ("data", "compute", "money", "prize", "ambition")),
)
