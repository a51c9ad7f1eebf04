"""Welfare and scale: what customers gain, who earns it, and what compute is used for. Yearly rates."""

import numpy as np

from market_abm.exact import log, ratio, stacked, total
from market_abm.metrics.metric import Metric
from market_abm.rules.electricity import merit_order
from market_abm.state.tables import STARTUP_POOL
from market_abm.units import HOURS_PER_QUARTER, QUARTERS_PER_YEAR


def logit_surplus(spend, outside_share, price_elasticity):
    """Return customers' surplus over doing without, spend x -ln(outside share) / elasticity; nan when demand ignores price.

    The inclusive value of a logit in log price, turned into money by what a rise of all prices would
    cost: the rise a ln p that takes the same utility away is -ln(outside share). Source: Small and Rosen 1981.
    """
    gain = -log(np.minimum(np.maximum(outside_share, 1e-12), 1.0))
    return ratio(spend * gain, price_elasticity, np.nan)


def consumer_surplus(world):
    """Return customers' yearly surplus from AI services, scaled by the part of demand that was served.

    Crude: customers' money and their outside option are given, so what better models are worth shows only
    in the money spent on them; and shares move with inertia, so the outside share lags.
    """
    market, clouds, rows = world.market, world.clouds, world.startups
    inside = total(clouds.ai_share) + total(rows.ai_share)
    served = ratio(total(clouds.ai_revenue_usd) + total(rows.ai_revenue_usd), market.customer_spend_usd * inside, np.nan)
    surplus = logit_surplus(market.customer_spend_usd, 1.0 - inside, world.rules.customers.price_elasticity)
    return surplus * served * QUARTERS_PER_YEAR


def profit_chips(world):
    """Return makers' profit: sales less the cost of what was sold and of research out of them; before tax."""
    makers = world.makers
    research = makers.rnd_usd - makers.other_rnd_usd
    return total(makers.sales_usd - makers.sold_pflops * makers.unit_cost_usd_per_pflops - research) * QUARTERS_PER_YEAR


def profit_compute(world):
    """Return owners' profit from compute: rent and own use at the transfer price, less electricity, upkeep and wear.

    Rent counts credits too. Wear is straight-line on what the fleet would cost new today; before interest and tax.
    Startups' pool earns no rent and is left out.
    """
    clouds, rules = world.clouds, world.rules.clouds
    earned = clouds.rent_usd + clouds.credit_rent_usd + clouds.transfer_usd * clouds.own_pflop_hours
    upkeep = (stacked(clouds.fleet_mw) * rules.upkeep_usd_per_mw_year
              + stacked(clouds.connected_mw) * rules.connection_usd_per_mw_year) / QUARTERS_PER_YEAR
    wear = stacked(clouds.fleet_pflops) * clouds.investment_usd_per_pflops / world.rules.chips.life_quarters
    return total((earned - clouds.energy_bill_usd - upkeep - wear) * (clouds.kind != STARTUP_POOL)) * QUARTERS_PER_YEAR


def profit_labs(world):
    """Return labs' profit: customers' payments less compute (own at the transfer price) and people; before tax.

    Below zero as long as research runs ahead of revenue. Startups that closed this quarter are missing, and so
    is the cost of chips that startups own.
    """
    clouds, rows = world.clouds, world.startups
    own_hours = clouds.training_pflop_hours + clouds.serving_pflop_hours
    own = clouds.ai_revenue_usd - own_hours * clouds.transfer_usd - world.rules.training.people_share * clouds.lab_funded_usd
    hosted = rows.ai_revenue_usd - rows.billed_usd - rows.wages_usd
    return (total(own) + total(hosted)) * QUARTERS_PER_YEAR


def profit_electricity(world):
    """Return what the merit order leaves producers above fuel, on the load of AI data centres in proportion; fixed cost not counted."""
    regions = world.regions
    load = regions.other_load_mw + regions.ai_mwh / HOURS_PER_QUARTER
    cleared = merit_order(regions.plant_mw, regions.plant_cost_usd, load, world.rules.energy.price_cap)
    fuel = ratio(cleared.fuel_usd_per_hour, cleared.dispatched_mw)
    return total(regions.ai_mwh * (regions.price_usd - fuel)) * QUARTERS_PER_YEAR


def price_of_serving(world):
    """Return what customers pay a PFLOP-hour of serving compute."""
    clouds, rows = world.clouds, world.startups
    paid = total(clouds.ai_revenue_usd) + total(rows.ai_revenue_usd)
    return ratio(paid, total(clouds.serving_pflop_hours) + total(rows.serving_pflop_hours + rows.own_serving_pflop_hours), np.nan)


def hours(of_owners, *of_startups):
    """Return PFLOP-hours a year by use: what owners and startups got for it, rented and own."""
    def measure(world):
        startups = sum(total(getattr(world.startups, column)) for column in of_startups)
        return (total(getattr(world.clouds, of_owners)) + startups) * QUARTERS_PER_YEAR

    return measure


def hours_of_market(column):
    """Return PFLOP-hours a year from a figure of the market table."""
    return lambda world: getattr(world.market, column) * QUARTERS_PER_YEAR


METRICS = (
    Metric("consumer_surplus_usd", "USD/year", "Customers' surplus from AI services over doing without, at given money.", consumer_surplus),
    Metric("profit_usd_chips", "USD/year", "Chip makers' sales less cost and research.", profit_chips, signed=True),
    Metric("profit_usd_compute", "USD/year", "Owners' rent and imputed rent less electricity, upkeep and wear.", profit_compute, signed=True),
    Metric("profit_usd_labs", "USD/year", "Labs' revenue less compute and people.", profit_labs, signed=True),
    Metric("profit_usd_electricity", "USD/year", "Producers' margin above fuel on the load of AI data centres.", profit_electricity, signed=True),
    Metric("price_usd_per_pflop_hour_serving", "USD/PFLOP-h", "AI revenue over compute that serves customers.", price_of_serving),
    Metric("pflop_hours_training", "PFLOP-h/year", "Compute of research and training.",
           hours("training_pflop_hours", "training_pflop_hours", "own_training_pflop_hours")),
    Metric("pflop_hours_serving", "PFLOP-h/year", "Compute that serves labs' customers.",
           hours("serving_pflop_hours", "serving_pflop_hours", "own_serving_pflop_hours")),
    Metric("pflop_hours_legacy", "PFLOP-h/year", "Compute of owners' older uses.", hours("legacy_pflop_hours")),
    Metric("pflop_hours_enterprise", "PFLOP-h/year", "Compute that enterprises rented.", hours_of_market("enterprise_pflop_hours")),
    Metric("pflop_hours_closed", "PFLOP-h/year", "Compute of startups that left this quarter, in none of the others.",
           lambda w: (w.market.closed_pflop_hours + w.market.passed_on_pflop_hours) * QUARTERS_PER_YEAR),
)
