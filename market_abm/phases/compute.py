"""Step 9: labs, enterprises and older uses ask for compute; it is priced, rationed and billed."""

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.behaviour import labs, startups
from market_abm.exact import add_up, best, bounded, exp, look_up, ratio, share_or_zero, total
from market_abm.phases.clouds import price_at_sites
from market_abm.phases.startup_fleets import own_hours_usd
from market_abm.rules.choice import stay_or_choose
from market_abm.units import HOURS_PER_QUARTER


def startups_choose_providers(world):
    """Let each startup stay with its cloud or choose afresh by rent and size."""
    rows, clouds, rules = world.startups, world.clouds, world.rules.clouds
    shares = owners.tenants_logit(clouds, rules)
    chosen = stay_or_choose(rows.provider, shares, rules.provider_inertia,
                            world.draws.uniform("stay with provider", rows.birth),
                            world.draws.uniform("choice of provider", rows.birth))
    rows.provider = np.where(rows.alive > 0, chosen, clouds.alive.shape[-1])


def labs_set_budgets(world):
    """Let every lab decide what it would spend on research, and on serving the customers it expects."""
    market, rows, clouds, rules = world.market, world.startups, world.clouds, world.rules
    serving_share, contest = rules.customers.serving_cost_share, rules.customers.contest
    rivals = ratio(1.0, total(rows.ai_share * rows.ai_share) + total(clouds.ai_share * clouds.ai_share), 1.0)
    race = labs.the_race(market, rivals, rules.training, serving_share)
    spend = market.customer_spend_usd * exp(market.customer_growth)
    noise = rules.training.ambition_noise
    rows.budget_usd, rows.prize_bound = labs.desired_budget(
        rows.budget_usd, rows.ai_share, race, noise * world.draws.logistic("ambition", rows.birth), rules.training, contest)
    asked = startups.spending(rows, spend, rules.startups, serving_share, own_hours_usd(world))
    rows.training_usd, rows.serving_usd = asked.training_usd, asked.serving_usd
    clouds.lab_budget_usd, clouds.prize_bound = labs.desired_budget(
        clouds.lab_budget_usd, clouds.ai_share, race, noise * world.draws.logistic("owner's ambition", clouds.birth),
        rules.training, contest)
    funds = rules.training.group_share * rules.clouds.omega * clouds.group_cash_flow_usd + (1.0 - serving_share) * clouds.ai_revenue_usd
    clouds.lab_funded_usd = np.minimum(clouds.lab_budget_usd, funds) * clouds.has_lab
    clouds.lab_serving_usd = serving_share * clouds.ai_share * spend * clouds.has_lab
    market.frontier_budget_usd = np.maximum(best(rows.training_usd), best(clouds.lab_funded_usd))


def compute_is_priced_and_shared(world):
    """Clear the contested rent, serve tenants and own use within capacity, and send the bills."""
    clouds, market, rules = world.clouds, world.market, world.rules
    capacity = clouds.active_pflops * HOURS_PER_QUARTER * rules.clouds.top_utilisation
    legacy, training, serving = owners.own_wants(clouds, market.legacy_usd)
    own = legacy + training + serving
    offered = np.maximum(clouds.tenant_share * capacity, capacity - own) * clouds.rents_out
    contested_usd, captive_hours, startup_usd = _tenants(world)
    energy_cost = _energy_cost(world)
    wants_at_old = ratio(contested_usd, clouds.contested_rent_usd) + captive_hours
    rent = owners.contested_rent(clouds, wants_at_old, offered, energy_cost, rules.clouds) * clouds.alive
    wants = ratio(contested_usd, rent) + captive_hours
    rented = np.minimum(wants, offered)
    fill = ratio(rented, wants, 1.0)
    own_fill = bounded(ratio(capacity - rented, own, 1.0), 0.0, 1.0)
    clouds.contested_rent_usd = rent
    clouds.fill_rate, clouds.own_fill_rate = fill * clouds.alive, own_fill * clouds.alive
    clouds.legacy_pflop_hours, clouds.training_pflop_hours = legacy * own_fill, training * own_fill
    clouds.serving_pflop_hours = serving * own_fill
    clouds.own_pflop_hours, clouds.rented_pflop_hours = own * own_fill, rented
    clouds.used_pflop_hours = np.minimum(rented + own * own_fill, capacity)
    clouds.asked_pflops = (own + wants) / HOURS_PER_QUARTER
    _bill(world, startup_usd, contested_usd, captive_hours, fill)


def _tenants(world):
    """Return what tenants would pay each cloud at contested rents, captive hours, and startups' part."""
    clouds, rows, market, rules = world.clouds, world.startups, world.market, world.rules
    startup_usd = add_up(rows.training_usd + rows.serving_usd, rows.provider, clouds.alive.shape[-1])
    enterprise = market.enterprise_usd * market.demand_shock
    captive = rules.customers.captive_share * enterprise * share_or_zero(clouds.general_revenue_usd * (clouds.list_rent_usd > 0))
    contested = (1.0 - rules.customers.captive_share) * enterprise * owners.tenants_logit(clouds, rules.clouds)
    return startup_usd + contested, ratio(captive, clouds.list_rent_usd), startup_usd


def _energy_cost(world):
    """Return the electricity cost of a PFLOP-hour of each owner's fleet."""
    return ratio(world.clouds.active_mw, world.clouds.active_pflops) * price_at_sites(world, world.regions.price_usd)


def _bill(world, startup_usd, contested_usd, captive_hours, fill):
    """Bill startups and enterprises for what they got."""
    clouds, rows, market = world.clouds, world.startups, world.market
    got = look_up(fill, rows.provider)
    rent = ratio(1.0, look_up(clouds.contested_rent_usd, rows.provider)) * got
    rows.training_pflop_hours, rows.serving_pflop_hours = rows.training_usd * rent, rows.serving_usd * rent
    enterprise_usd = (contested_usd - startup_usd + captive_hours * clouds.list_rent_usd) * fill
    enterprise_hours = (ratio(contested_usd - startup_usd, clouds.contested_rent_usd) + captive_hours) * fill
    market.enterprise_pflop_hours = total(enterprise_hours)
    paid = (rows.training_usd + rows.serving_usd) * got
    received = startup_usd * fill
    world.move("startup rent", left=paid, entered=received)
    world.move("enterprise rent", entered=enterprise_usd)
    clouds.rent_usd = received + enterprise_usd
    hours, used = clouds.rented_pflop_hours, clouds.own_pflop_hours
    contested = total(contested_usd * fill)
    market.spot_rent_usd = ratio(contested, total(hours - captive_hours * fill))
    market.transfer_usd = ratio(total(clouds.transfer_usd * used), total(used))
