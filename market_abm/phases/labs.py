"""Steps 10 and 11: compute becomes training runs and capability; customers divide their spending."""

import numpy as np

from market_abm.behaviour import labs
from market_abm.exact import at_best, best, bounded, leading, log, look_up, ratio, stacked
from market_abm.rules.choice import contest


def labs_train(world):
    """Turn research compute into runs, keep the best of each lab, and describe the largest."""
    clouds, rows, makers, rules = world.clouds, world.startups, world.makers, world.rules
    fleet = stacked(clouds.fleet_pflops)
    clouds.software = ratio(stacked(clouds.fleet_pflops * clouds.maker_utilisation), fleet)
    known = stacked(clouds.fleet_pflops * leading(makers.pflops_per_chip > 0))  # chips of makers who left are taken for the others' mean
    chip = ratio(known, stacked(clouds.fleet_pflops * leading(ratio(1.0, makers.pflops_per_chip))))
    own = labs.training_run(clouds.training_pflop_hours, clouds.software, chip, rules.training)
    hosted = labs.training_run(rows.training_pflop_hours, look_up(clouds.software, rows.provider),
                               look_up(chip, rows.provider), rules.training)
    progress = world.market.algorithmic_progress
    clouds.run_flop, rows.run_flop = own.flop, hosted.flop
    clouds.effective_flop = np.maximum(clouds.effective_flop, own.flop * progress)
    rows.effective_flop = np.maximum(rows.effective_flop, hosted.flop * progress * rows.skill)
    _describe_frontier(world, own, hosted)


def _describe_frontier(world, own, hosted):
    """Record hours, amortised cost, power, utilisation and efficiency of the quarter's largest run."""
    clouds, rows, market = world.clouds, world.startups, world.market
    mw = ratio(clouds.active_mw, clouds.active_pflops)
    here = best(own.flop) >= best(hosted.flop)

    def of_largest(of_owner, of_startup):
        return np.where(here, at_best(of_owner, own.flop), at_best(of_startup, hosted.flop))

    def hosted_by(column):
        return look_up(column, rows.provider)

    market.frontier_run_flop = np.maximum(best(own.flop), best(hosted.flop))
    market.frontier_pflop_hours = of_largest(own.pflop_hours, hosted.pflop_hours)
    market.frontier_cost_usd = of_largest(own.pflop_hours * clouds.full_cost_usd,
                                          hosted.pflop_hours * hosted_by(clouds.full_cost_usd))
    market.frontier_mw = of_largest(own.pflops * mw, hosted.pflops * hosted_by(mw))
    market.frontier_utilisation = of_largest(clouds.software, hosted_by(clouds.software))
    market.frontier_efficiency = of_largest(own.efficiency, hosted.efficiency)
    best_now = np.maximum(best(clouds.effective_flop), best(rows.effective_flop))
    market.frontier_effective_flop = np.maximum(market.frontier_effective_flop, best_now)


def customers_spend(world):
    """Let customers spend by the frontier's capability and divide it by contest; serving bounds revenue."""
    market, clouds, rows, rules = world.market, world.clouds, world.startups, world.rules
    customers = rules.customers
    old, spend = market.customer_spend_usd, labs.spending_on_services(market.frontier_effective_flop, customers)
    growth = log(bounded(ratio(spend, old, 1.0), 0.5, 2.0))
    market.customer_growth = market.customer_growth + customers.growth_smoothing * (growth - market.customer_growth)
    market.customer_spend_usd = spend
    rent = look_up(clouds.contested_rent_usd, rows.provider)  # 0 for the dead and for who found no provider
    reference = np.maximum(market.spot_rent_usd, 1e-9)
    top = np.maximum(best(clouds.effective_flop), best(rows.effective_flop))
    own = labs.appeal(clouds.effective_flop, top, clouds.transfer_usd, reference, customers) * clouds.has_lab
    hosted = labs.appeal(rows.effective_flop, top, rent, reference, customers) * (rent > 0)
    own_target, hosted_target = contest((own, hosted), customers.contest, customers.outside)
    clouds.ai_share = labs.shares_with_inertia(clouds.ai_share, own_target, customers.inertia)
    rows.ai_share = labs.shares_with_inertia(rows.ai_share, hosted_target, customers.inertia) * rows.alive
    served_by_owners = clouds.serving_pflop_hours * clouds.transfer_usd / customers.serving_cost_share
    served_by_startups = rows.serving_pflop_hours * rent / customers.serving_cost_share
    clouds.ai_revenue_usd = np.minimum(spend * clouds.ai_share, served_by_owners)
    rows.ai_revenue_usd = np.minimum(spend * rows.ai_share, served_by_startups)
    world.move("AI services of owners", entered=clouds.ai_revenue_usd)
    world.move("AI services of startups", entered=rows.ai_revenue_usd)
