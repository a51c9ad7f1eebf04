"""Step 2: connections come on line, the queue moves, a price is forecast; and, in step 9, power clears."""

import numpy as np

from market_abm.exact import leading, power, ratio, stacked, total, trailing
from market_abm.rules.electricity import first_come, merit_order
from market_abm.units import HOURS_PER_QUARTER


def connections_come_on_line(world):
    """Energise the sites that are due."""
    due = world.clouds.sites_mw.arrivals(world.quarter)
    world.clouds.sites_mw.clear(world.quarter)
    world.move("connections energised", entered=due)


def queue_advances(world):
    """Withdraw and grant requests, oldest first, as far as this quarter's connection slots go."""
    clouds, regions, energy, q = world.clouds, world.regions, world.rules.energy, world.quarter
    if q > 0:
        regions.slots_mw = regions.slots_mw * power(energy.slots_growth, 0.25)
    queue = clouds.queued_mw.array
    cohorts = len(queue)
    oldest_first = (q + np.arange(cohorts)) % cohorts  # the slot of this quarter holds the oldest cohort
    ages = np.arange(cohorts, 0, -1.0).reshape(-1, 1, 1, 1)
    waiting = np.take(queue, oldest_first, axis=0)
    leaving = np.minimum(energy.withdrawal + energy.withdrawal_growth * (ages - 1.0), 1.0)
    leaving = np.where(ages >= cohorts, 1.0, leaving) * waiting
    waiting = waiting - leaving
    ready = waiting * ((ages >= energy.study_quarters) | (energy.queue == 0))
    slots = leading(regions.slots_mw) + 1e15 * (1.0 - energy.queue)
    granted = first_come(ready, slots)
    _record_waits(regions, energy, granted, waiting - granted, leaving, ages)
    rolled = np.empty_like(waiting)
    rolled[oldest_first] = waiting - granted
    clouds.queued_mw.rewrite(rolled)
    clouds.sites_mw.place(q, stacked(granted), energy.building_quarters)


def _record_waits(regions, energy, granted, left, leaving, ages):
    """Keep three figures apart: MW withdrawn, the wait quoted to a newcomer, the wait of what was granted."""
    by_age = np.stack([total(cohort) for cohort in granted])
    regions.granted_mw = trailing(stacked(by_age))
    regions.withdrawn_mw = trailing(total(stacked(leaving)))
    age = trailing(stacked(by_age * ages))
    regions.completed_wait_quarters = ratio(age, regions.granted_mw) + energy.building_quarters * (regions.granted_mw > 0)
    quoted = trailing(total(stacked(left))) / np.maximum(regions.slots_mw, 1e-9) * energy.queue
    regions.quoted_wait_quarters = (quoted + energy.study_quarters * energy.queue + energy.building_quarters) * regions.alive


def power_price_is_forecast(world):
    """Let the expected price follow the price."""
    regions, speed = world.regions, world.rules.energy.forecast_speed
    regions.forecast_usd = regions.forecast_usd + speed * (regions.price_usd - regions.forecast_usd)


def power_clears(world):
    """Dispatch plants for the load that resulted; bill data centres and everybody else at one price."""
    clouds, regions, rules = world.clouds, world.regions, world.rules
    placed = ratio(clouds.connected_mw, stacked(clouds.connected_mw))
    load = ratio(clouds.used_pflop_hours, clouds.active_pflops) * clouds.active_mw  # MWh: hours at load x MW
    energy = placed * load
    ai_mwh = trailing(total(energy))
    ai_mw = ai_mwh / HOURS_PER_QUARTER
    demanded = regions.other_load_mw + ai_mw
    cleared = merit_order(regions.plant_mw, regions.plant_cost_usd, demanded, rules.energy.price_cap)
    clouds.energy_mwh = energy
    regions.ai_mwh = ai_mwh
    regions.price_usd = cleared.price_usd * regions.alive
    regions.dispatched_mwh = cleared.dispatched_mw * HOURS_PER_QUARTER
    regions.shortage_mwh = cleared.shortage_mw * HOURS_PER_QUARTER
    bill = energy * leading(cleared.price_usd)
    clouds.energy_bill_usd = stacked(bill)
    world.move("electricity of data centres", left=stacked(bill), entered=trailing(total(bill)))
    others = np.maximum(0.0, regions.dispatched_mwh - ai_mwh) * cleared.price_usd
    world.move("electricity of everybody else", entered=others)
    world.move("fuel", left=cleared.fuel_usd_per_hour * HOURS_PER_QUARTER)
