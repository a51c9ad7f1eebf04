"""Step 2: plants and connections come on line, the queue moves, plants are started; and, in step 9, power clears."""

import numpy as np

from market_abm.behaviour import energy_providers
from market_abm.behaviour.power import available_mw, contracted_mw, gain_per_mw, own_power_used
from market_abm.exact import bounded, leading, log, power, ratio, stacked, total, trailing
from market_abm.phases.clouds import price_at_sites
from market_abm.rules import choose
from market_abm.rules.electricity import AUCTION, CONNECTION, merit_order
from market_abm.units import HOURS_PER_QUARTER


def plants_come_on_line(world):
    """Retire old plants and let those that are finished join the merit order."""
    regions, energy, q = world.regions, world.rules.energy, world.quarter
    retired = (1.0 - power(1.0 - energy.plant_retirement, 0.25)) * energy.plant_construction * (q > 0)
    regions.plant_mw = regions.plant_mw * (1.0 - retired) + regions.plant_building_mw.arrivals(q)
    regions.plant_building_mw.clear(q)


def connections_come_on_line(world):
    """Energise the sites, conversions and own plants that are due."""
    clouds, q = world.clouds, world.quarter
    due, converted, own = (pipe.arrivals(q) for pipe in (clouds.sites_mw, clouds.converting_mw, clouds.own_power_building_mw))
    for pipe in (clouds.sites_mw, clouds.converting_mw, clouds.own_power_building_mw):
        pipe.clear(q)
    world.move("connections energised", entered=due)
    world.move("data centres converted", left=stacked(converted), entered=converted)
    world.move("own power on line", entered=own)


def queue_advances(world):
    """Withdraw requests by age, and grant by the connection rule as far as this quarter's slots go."""
    clouds, regions, energy, q = world.clouds, world.regions, world.rules.energy, world.quarter
    if q > 0:
        regions.slots_mw = regions.slots_mw * power(energy.slots_growth, 0.25)
    queue = clouds.queued_mw.array
    cohorts = len(queue)
    ages = np.arange(cohorts, 0, -1.0).reshape(-1, 1, 1, 1)
    waiting = np.roll(queue, -q, axis=0)  # oldest first: the slot of this quarter holds the oldest cohort
    leaving = np.minimum(energy.withdrawal + energy.withdrawal_growth * (ages - 1.0), 1.0)
    leaving = np.where(ages >= cohorts, 1.0, leaving) * waiting
    waiting = waiting - leaving
    studied = bounded(ages + 1.0 - energy.study_quarters, 0.0, 1.0)  # a cohort spreads over its quarter
    ready = waiting * np.where(energy.queue == 0, 1.0, studied)
    slots = leading(regions.slots_mw * energy.slots_factor) + 1e15 * (1.0 - energy.queue)
    bid = _bids_usd(world) if np.any(energy.connection == AUCTION) else 0.0 * clouds.alive
    lots, bids = (np.broadcast_to(x, ready.shape[1:]) for x in (world.draws.uniform("connection lottery", clouds.birth), bid))
    granted = choose(CONNECTION, energy.connection, ready, slots, lots, bids)
    left, granted_by_age = waiting - granted, total(granted)
    _record_waits(regions, energy, granted_by_age, left, leaving, ages)
    _record_ages(regions, energy, total(waiting + leaving), granted_by_age, total(leaving))
    clouds.queued_mw.rewrite(np.roll(left, q, axis=0))
    clouds.sites_mw.place(q, stacked(granted), energy.building_quarters)


def _bids_usd(world):
    """Return what a further MW would earn each owner, USD a quarter, `(runs, owners)`: its bid for slots, in every region.

    A grant first powers chips that stand idle: the MW that fleet lacks beyond what is granted, over all that waits.
    """
    clouds = world.clouds
    lacking = stacked(clouds.fleet_mw) - contracted_mw(clouds)
    idle = bounded(ratio(lacking, stacked(clouds.queued_mw.waiting())), 0.0, 1.0)
    return gain_per_mw(clouds, idle, price_at_sites(world, world.regions.forecast_usd), world.rules.clouds)


def _record_waits(regions, energy, by_age, left, leaving, ages):
    """Keep three figures apart: MW withdrawn, the wait quoted to a newcomer, the wait of what was granted."""
    regions.granted_mw = trailing(stacked(by_age))
    regions.withdrawn_mw = trailing(total(stacked(leaving)))
    age = trailing(stacked(by_age * ages))
    regions.completed_wait_quarters = ratio(age, regions.granted_mw) + energy.building_quarters * (regions.granted_mw > 0)
    quoted = trailing(total(stacked(left))) / np.maximum(regions.slots_mw * energy.slots_factor, 1e-9) * energy.queue
    regions.quoted_wait_quarters = (quoted + energy.study_quarters * energy.queue + energy.building_quarters) * regions.alive


def _record_ages(regions, energy, waiting, granted, leaving):
    """Remember who waited, was granted and withdrew at each age: what hazards are estimated from."""
    for name, now in (("at_risk_mw", waiting), ("granted_by_age_mw", granted), ("withdrawn_by_age_mw", leaving)):
        by_age = np.moveaxis(now[::-1, :, :, 0], 1, -1)  # youngest first, `(ages, runs, regions)`
        setattr(regions, name, energy.wait_memory * getattr(regions, name) + by_age)


def plants_are_started(world):
    """Let each region's provider see how AI load grows and start plants on the load and price it expects."""
    regions, energy = world.regions, world.rules.energy
    ai_mw = regions.ai_mwh / HOURS_PER_QUARTER
    growth = log(bounded(ratio(ai_mw, regions.seen_ai_mw, 1.0), 0.25, 4.0)) * (ai_mw > 0)
    regions.ai_growth = regions.ai_growth + energy.ai_growth_smoothing * (growth - regions.ai_growth)
    regions.seen_ai_mw = ai_mw
    staying = energy_providers.plants_when_ready(regions, world.quarter, energy)
    started = energy_providers.plants_to_start(regions, staying, energy)
    regions.plant_building_mw.place(world.quarter, started, energy.plant_quarters)


def power_price_is_forecast(world):
    """Let the expected price follow the price."""
    regions, speed = world.regions, world.rules.energy.forecast_speed
    regions.forecast_usd = regions.forecast_usd + speed * (regions.price_usd - regions.forecast_usd)


def power_clears(world):
    """Dispatch plants for the load that resulted; bill data centres and everybody else at one price.

    An owner draws on its connections first where its own power is dearer, and on its own power first where it is cheaper.
    """
    clouds, regions, rules = world.clouds, world.regions, world.rules
    grid = available_mw(clouds, regions.shortage_share, rules.energy)
    load = ratio(clouds.used_pflop_hours, clouds.active_pflops) * clouds.active_mw  # MWh: hours at load x MW
    at_sites = stacked(ratio(grid, stacked(grid)) * leading(regions.price_usd))
    own = HOURS_PER_QUARTER * own_power_used(load / HOURS_PER_QUARTER, stacked(grid), clouds.own_power_mw, at_sites, rules.energy)
    energy = ratio(grid, stacked(grid)) * (load - own)
    ai_mwh = trailing(total(energy))
    ai_mw = ai_mwh / HOURS_PER_QUARTER
    demanded = regions.other_load_mw + ai_mw
    cleared = merit_order(regions.plant_mw, regions.plant_cost_usd, demanded, rules.energy.price_cap)
    clouds.energy_mwh, clouds.own_power_mwh = energy, own
    regions.ai_mwh = ai_mwh
    regions.shortage_share = _shortage_share(clouds, regions, at_sites, rules.energy)
    regions.price_usd = cleared.price_usd * regions.alive
    regions.dispatched_mwh = cleared.dispatched_mw * HOURS_PER_QUARTER
    regions.shortage_mwh = cleared.shortage_mw * HOURS_PER_QUARTER
    bill = energy * leading(cleared.price_usd)
    fuel = own * rules.energy.own_power_usd_per_mwh
    clouds.energy_bill_usd = stacked(bill) + fuel
    world.move("electricity of data centres", left=stacked(bill), entered=trailing(total(bill)))
    world.move("fuel of own power", left=fuel)
    others = np.maximum(0.0, regions.dispatched_mwh - ai_mwh) * cleared.price_usd
    world.move("electricity of everybody else", entered=others)
    world.move("fuel", left=cleared.fuel_usd_per_hour * HOURS_PER_QUARTER)


def _shortage_share(clouds, regions, at_sites_usd, energy):
    """Return the part of each region's load that plants could not serve, had no data centre been cut."""
    grid = stacked(clouds.connected_mw)
    busy = ratio(clouds.used_pflop_hours, clouds.active_pflops) / HOURS_PER_QUARTER
    wanted = busy * np.minimum(stacked(clouds.fleet_mw), grid + clouds.own_power_mw)
    wanted = wanted - own_power_used(wanted, grid, clouds.own_power_mw, at_sites_usd, energy)
    load = regions.other_load_mw + trailing(total(ratio(clouds.connected_mw, grid) * wanted))
    return ratio(np.maximum(0.0, load - stacked(regions.plant_mw)), load)
