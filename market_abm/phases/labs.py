"""Steps 10 and 11: compute becomes training runs and capability; customers divide their spending."""

import numpy as np

from market_abm.behaviour import labs
from market_abm.behaviour.startup_fleets import mixed
from market_abm.exact import add_up, at_best, best, bounded, exp, leading, log, look_up, ratio, stacked, total
from market_abm.phases.startup_fleets import the_pool
from market_abm.rules.capability import scaling_law, worth_flop
from market_abm.rules.choice import contest


def labs_train(world):
    """Turn research compute into runs, keep the best of each lab, and describe the largest."""
    clouds, rows, makers, rules = world.clouds, world.startups, world.makers, world.rules
    fleet = stacked(clouds.fleet_pflops)
    clouds.software = ratio(stacked(clouds.fleet_pflops * clouds.maker_utilisation), fleet)
    known = stacked(clouds.fleet_pflops * leading(makers.pflops_per_chip > 0))  # chips of makers who left are taken for the others' mean
    chip = ratio(known, stacked(clouds.fleet_pflops * leading(ratio(1.0, makers.pflops_per_chip))))
    own = labs.training_run(clouds.training_pflop_hours, clouds.software, chip, world.market.run_days, rules.training, labs.largest_allowed(rules))
    rented, on_own, pool = rows.training_pflop_hours, rows.own_training_pflop_hours, the_pool(clouds)
    utilisation, speed = (mixed(rented, on_own, look_up(column, rows.provider), total(column * pool)) for column in (clouds.software, chip))
    hosted = labs.training_run(rented + on_own, utilisation, speed, world.market.run_days, rules.training, labs.largest_allowed(rules))
    clouds.run_flop, rows.run_flop = own.flop, hosted.flop
    _become_capable(world)
    _describe_frontier(world, own, hosted, utilisation)


def _become_capable(world):
    """Let each run count for what text allows, times progress and skill; keep the best of each lab and the frontier's record."""
    market, clouds, rows = world.market, world.clouds, world.startups
    law = scaling_law(world.rules.training)
    own_worth = worth_flop(clouds.run_flop, market.data_tokens, law)
    hosted_worth = worth_flop(rows.run_flop, market.data_tokens, law)
    clouds.data_short = 1.0 - ratio(own_worth, clouds.run_flop, 1.0)
    rows.data_short = 1.0 - ratio(hosted_worth, rows.run_flop, 1.0)
    _learn_from_tenants(world)
    own_worth = own_worth * exp(clouds.insight)
    clouds.effective_flop = np.maximum(clouds.effective_flop, own_worth * market.algorithmic_progress)
    rows.effective_flop = np.maximum(rows.effective_flop, hosted_worth * market.algorithmic_progress * rows.skill)
    best_now = np.maximum(best(clouds.effective_flop), best(rows.effective_flop))
    market.frontier_effective_flop = np.maximum(market.frontier_effective_flop, best_now)
    market.frontier_record_flop.clear(world.quarter)
    market.frontier_record_flop.add(world.quarter, market.frontier_effective_flop)


def _learn_from_tenants(world):
    """Let the labs of hosts learn from the training of rivals that they host."""
    clouds, rows = world.clouds, world.startups
    nobody = clouds.alive.shape[-1]
    rivals = add_up(rows.training_pflop_hours * (rows.backer == nobody), rows.provider, nobody)
    everything = total(rows.training_pflop_hours + rows.own_training_pflop_hours) + total(clouds.training_pflop_hours)
    clouds.insight = labs.insight(clouds.insight, ratio(rivals, everything), world.rules.conduct) * clouds.has_lab * clouds.alive


def _describe_frontier(world, own, hosted, hosted_utilisation):
    """Record hours, amortised cost, power, utilisation and efficiency of the quarter's largest run, and what they rest on.

    Cost and power of a startup's run are its cloud's, also where part of it ran on own chips.
    """
    clouds, rows, market = world.clouds, world.startups, world.market
    here = best(own.flop) >= best(hosted.flop)

    def of_largest(of_owner, of_startup):
        return np.where(here, at_best(of_owner, own.flop), at_best(of_startup, hosted.flop))

    def where_it_ran(column):
        return of_largest(column, look_up(column, rows.provider))

    market.frontier_run_flop = np.maximum(best(own.flop), best(hosted.flop))
    market.frontier_pflop_hours = of_largest(own.pflop_hours, hosted.pflop_hours)
    market.frontier_pflops = of_largest(own.pflops, hosted.pflops)
    market.frontier_utilisation = of_largest(clouds.software, hosted_utilisation)
    market.frontier_efficiency = of_largest(own.efficiency, hosted.efficiency)
    market.frontier_full_cost_usd = where_it_ran(clouds.full_cost_usd)
    market.frontier_mw_per_pflops = where_it_ran(ratio(clouds.active_mw, clouds.active_pflops))
    market.frontier_cost_usd = market.frontier_pflop_hours * market.frontier_full_cost_usd
    market.frontier_mw = market.frontier_pflops * market.frontier_mw_per_pflops


def customers_spend(world):
    """Let customers spend by the frontier's capability and divide it by contest; serving bounds revenue."""
    market, clouds, rows, rules = world.market, world.clouds, world.startups, world.rules
    customers = rules.customers
    old, spend = market.customer_spend_usd, labs.spending_on_services(market.frontier_effective_flop, customers)
    growth = log(bounded(ratio(spend, old, 1.0), 0.5, 2.0))
    market.customer_growth = market.customer_growth + customers.growth_smoothing * (growth - market.customer_growth)
    market.customer_spend_usd = spend
    rent = rows.hour_cost_usd  # 0 for the dead and for who found no provider
    reference = np.maximum(market.spot_rent_usd, 1e-9)
    top = np.maximum(best(clouds.effective_flop), best(rows.effective_flop))
    own = labs.appeal(*labs.quality(clouds.effective_flop, top, rules), clouds.transfer_usd, reference, customers.price_elasticity)
    hosted = labs.appeal(*labs.quality(rows.effective_flop, top, rules), rent, reference, customers.price_elasticity)
    own_target, hosted_target = contest((own * clouds.has_lab, hosted * (rent > 0)), 1.0, customers.outside)
    clouds.ai_share = labs.shares_with_inertia(clouds.ai_share, own_target, customers.inertia)
    rows.ai_share = labs.shares_with_inertia(rows.ai_share, hosted_target, customers.inertia) * rows.alive
    served_by_owners = clouds.serving_pflop_hours * clouds.transfer_usd / customers.serving_cost_share
    served_by_startups = (rows.serving_pflop_hours + rows.own_serving_pflop_hours) * rent / customers.serving_cost_share
    clouds.ai_revenue_usd = np.minimum(spend * clouds.ai_share, served_by_owners)
    rows.ai_revenue_usd = np.minimum(spend * rows.ai_share, served_by_startups)
    world.move("AI services of owners", entered=clouds.ai_revenue_usd)
    world.move("AI services of startups", entered=rows.ai_revenue_usd)
