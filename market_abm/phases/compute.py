"""Step 9: labs, enterprises and older uses ask for compute; it is reserved, priced, rationed and billed."""

from typing import NamedTuple

import numpy as np

from market_abm.behaviour import clouds as owners
from market_abm.behaviour import labs, ownership, rental, startups, tenants
from market_abm.exact import add_up, best, bounded, exp, look_up, ratio, share_or_zero, total
from market_abm.phases.clouds import price_at_sites
from market_abm.phases.control import end_contracts, use_credits
from market_abm.phases.startup_fleets import own_hours_usd, rent_faced
from market_abm.rules.choice import stay_or_choose
from market_abm.units import HOURS_PER_QUARTER


def startups_choose_providers(world):
    """Let each startup stay with its cloud or choose afresh by rent and size; contracts, credits and backers bind it."""
    rows, clouds, rules = world.startups, world.clouds, world.rules.clouds
    nobody = clouds.alive.shape[-1]
    clouds.tenant_odds = owners.tenants_logit(clouds, rules)
    chosen = stay_or_choose(rows.provider, clouds.tenant_odds, rules.provider_inertia,
                            world.draws.uniform("stay with provider", rows.birth),
                            world.draws.uniform("choice of provider", rows.birth))
    held = world.lasting.uniform("right to leave a contract", rows.birth) >= world.rules.contracts.exit_right
    bound = (rows.provider < nobody) & (
        (rows.credits_usd > 0) | ((rows.reserved_pflop_hours > 0) & held) | (rows.backer < nobody))
    end_contracts(rows, ~bound & (rows.provider != chosen))
    rows.provider = np.where(rows.alive > 0, np.where(bound, rows.provider, chosen), nobody)


def labs_set_budgets(world):
    """Let every lab decide what it would spend on research, and on serving the customers it expects."""
    market, rows, clouds, rules = world.market, world.startups, world.clouds, world.rules
    serving_share, contest = rules.customers.serving_cost_share, labs.decisiveness_of_spending(market, rules)
    rivals = ratio(1.0, total(rows.ai_share * rows.ai_share) + total(clouds.ai_share * clouds.ai_share), 1.0)
    race = labs.the_race(market, rivals, rules.training, serving_share)
    spend = market.customer_spend_usd * exp(market.customer_growth)
    noise, scale = rules.training.ambition_noise, market.frontier_efficiency  # what a run as large as the largest loses by its size
    wish, rows.prize_bound = labs.desired_budget(
        rows.budget_usd, rows.ai_share, race, noise * world.draws.logistic("ambition", rows.birth), rules.training, contest)
    rows.budget_usd = labs.capped_budget(wish, rent_faced(world), look_up(clouds.software, rows.provider) * scale, rules)
    saved = own_hours_usd(world) + rules.startups.voucher_usd * rows.alive
    asked = startups.spending(rows, spend, rules.startups, serving_share, saved)
    rows.training_usd, rows.serving_usd = asked.training_usd, asked.serving_usd
    backs = add_up((rows.backer < clouds.alive.shape[-1]) * rows.alive, rows.backer, clouds.alive.shape[-1]) > 0
    wish, clouds.prize_bound = labs.desired_budget(
        clouds.lab_budget_usd, clouds.ai_share, race, noise * world.draws.logistic("owner's ambition", clouds.birth),
        rules.training, contest, labs.own_labs_aim(clouds, backs, rules.ownership))
    clouds.lab_budget_usd = labs.capped_budget(wish, clouds.transfer_usd, clouds.software * scale, rules)
    group_usd = rules.training.group_share * rules.clouds.omega * clouds.group_cash_flow_usd
    funds = np.maximum(0.0, group_usd - clouds.backing_usd) + (1.0 - serving_share) * clouds.ai_revenue_usd
    clouds.lab_funded_usd = np.minimum(clouds.lab_budget_usd, funds) * clouds.has_lab
    clouds.lab_serving_usd = serving_share * clouds.ai_share * spend * clouds.has_lab
    market.frontier_budget_usd = np.maximum(best(rows.training_usd), best(clouds.lab_funded_usd))


def contracts_are_signed(world):
    """End contracts that have run out, and let tenants reserve hours for a term where clouds have room."""
    rows, clouds, rules = world.startups, world.clouds, world.rules
    contracts, nobody = rules.contracts, clouds.alive.shape[-1]
    left = np.maximum(0.0, rows.contract_quarters - 1.0)
    kept = rows.reserved_pflop_hours * (left > 0)
    lasting = clouds.enterprise_reserved_pflop_hours * (1.0 - 1.0 / contracts.term_quarters)
    price = (1.0 - contracts.discount) * clouds.contested_rent_usd
    signs = (world.draws.uniform("signing of contracts", rows.birth) < contracts.signing_rate) & (rows.contract_quarters <= 0)
    pays = tenants.contract_pays(contracts, rules.clouds.expected_decline)
    signs = signs & (rows.backer == nobody) & pays
    wish = signs * contracts.startup_share * ratio(rows.training_usd + rows.serving_usd, look_up(price, rows.provider))
    room = tenants.room_for_contracts(clouds, capacity_hours(world), add_up(kept, rows.provider, nobody) + lasting, contracts)
    aim = contracts.enterprise_share * (contestable_usd(world) * clouds.tenant_odds) - lasting * clouds.enterprise_reserved_rent_usd
    firms = contracts.signing_rate * ratio(np.maximum(0.0, aim), price) * pays
    part = bounded(ratio(room, add_up(wish, rows.provider, nobody) + firms), 0.0, 1.0)
    new = wish * look_up(part, rows.provider)
    rows.contract_quarters = np.where(new > 0, contracts.term_quarters, left * (kept > 0))
    rows.reserved_rent_usd = np.where(new > 0, look_up(price, rows.provider), rows.reserved_rent_usd * (kept > 0))
    rows.reserved_pflop_hours = kept + new
    clouds.enterprise_reserved_rent_usd = tenants.averaged_rent(lasting, clouds.enterprise_reserved_rent_usd, firms * part, price)
    clouds.enterprise_reserved_pflop_hours = lasting + firms * part
    still = np.maximum(0.0, rows.contract_quarters - 1.0)  # this quarter's rent is about to be paid
    to_come = add_up(rows.reserved_pflop_hours * rows.reserved_rent_usd * still, rows.provider, nobody)
    half_way = 0.5 * contracts.term_quarters  # enterprises' contracts end evenly over the term
    clouds.backlog_usd = to_come + half_way * clouds.enterprise_reserved_pflop_hours * clouds.enterprise_reserved_rent_usd


def compute_is_priced_and_shared(world):
    """Clear the contested rent, serve contracts, then the spot market, then own use, and send the bills."""
    clouds, rules = world.clouds, world.rules
    capacity, own, inside_usd = capacity_hours(world), owners.own_wants(clouds, world.market.legacy_usd), owners.price_inside(clouds)
    wants = _tenants_want(world, inside_usd)
    inside = own.legacy + own.training + own.serving + wants.backed_hours
    energy_cost = energy_cost_of_hours(world)
    cleared = tenants.clear(clouds, wants, capacity, inside, energy_cost, rules)
    clouds.hour_price_cost_usd = rental.hour_cost(clouds, energy_cost, rules.rental) * clouds.alive
    clouds.contested_rent_usd, clouds.fill_rate, clouds.output_pflop_hours = cleared.rent_usd, cleared.fill, cleared.output_hours
    got = _serve_startups(world, wants, cleared, energy_cost)
    enterprise = _serve_enterprises(world, wants, cleared)
    rented = add_up(got.contract_hours + got.spot_hours, world.startups.provider, clouds.alive.shape[-1]) + enterprise.hours
    clouds.backed_fill_rate = bounded(ratio(capacity - rented, wants.backed_hours, 1.0), 0.0, 1.0) * clouds.alive
    backed = wants.backed_hours * clouds.backed_fill_rate  # capacity promised to a backed startup comes before own use
    own_fill = bounded(ratio(capacity - rented - backed, inside - wants.backed_hours, 1.0), 0.0, 1.0) * clouds.alive
    clouds.own_fill_rate = own_fill
    clouds.legacy_pflop_hours, clouds.training_pflop_hours = own.legacy * own_fill, own.training * own_fill
    clouds.serving_pflop_hours = own.serving * own_fill
    clouds.own_pflop_hours = (inside - wants.backed_hours) * own_fill
    clouds.rented_pflop_hours = rented + backed
    clouds.rented_share_before = clouds.rented_share
    clouds.rented_share = share_or_zero(clouds.rented_pflop_hours)
    clouds.used_pflop_hours = np.minimum(clouds.rented_pflop_hours + clouds.own_pflop_hours, capacity)
    clouds.asked_pflops = (inside + cleared.asked_hours) / HOURS_PER_QUARTER
    world.market.unserved_pflops = np.maximum(0.0, total(cleared.at_cost_hours - cleared.output_hours)) / HOURS_PER_QUARTER
    _bill(world, got, enterprise, wants.backed_usd, inside_usd)
    _describe_prices(world, got, enterprise)


def capacity_hours(world):
    """Return the hours that each cloud's chips with power can give."""
    return world.clouds.active_pflops * HOURS_PER_QUARTER * world.rules.clouds.top_utilisation


def contestable_usd(world):
    """Return what enterprises that are not captive would spend in all at the reference rent, `(runs, 1)`."""
    return (1.0 - world.rules.customers.captive_share) * world.market.enterprise_usd * world.market.demand_shock


def hours_for_tenants(world):
    """Return hours that each cloud could offer tenants beside its own use if it sold."""
    own = owners.own_wants(world.clouds, world.market.legacy_usd)
    return tenants.hours_for_tenants(world.clouds, capacity_hours(world), own.legacy + own.training + own.serving)


def _tenants_want(world, inside_usd):
    """Gather what tenants want of each cloud: under contract, on the spot, at list price, and for backed labs at its own price."""
    clouds, rows, rules = world.clouds, world.startups, world.rules
    nobody = clouds.alive.shape[-1]
    wish, inside = rows.training_usd + rows.serving_usd, _inside_usd(world)
    spot = tenants.left_for_spot(wish - inside, rows.reserved_pflop_hours, rows.reserved_rent_usd)
    contract = clouds.enterprise_reserved_pflop_hours * clouds.enterprise_reserved_rent_usd
    captive = rules.customers.captive_share * world.market.enterprise_usd * world.market.demand_shock
    captive = captive * share_or_zero(clouds.general_revenue_usd * (clouds.list_rent_usd > 0))
    reserved = add_up(rows.reserved_pflop_hours, rows.provider, nobody) + clouds.enterprise_reserved_pflop_hours
    market = rental.the_market(contestable_usd(world), rules.rental)
    return tenants.Wants(reserved, spot, add_up(spot, rows.provider, nobody), market, contract, ratio(captive, clouds.list_rent_usd),
                         inside, ratio(add_up(inside, rows.backer, nobody), inside_usd))


def _inside_usd(world):
    """Return what backed startups ask of their backers at their own price: what these could serve of it last quarter.

    The rest goes to the spot market, or a startup would be shut in with a backer that is short of compute.
    """
    rows = world.startups
    return (rows.training_usd + rows.serving_usd) * look_up(world.clouds.backed_fill_rate, rows.backer)


class _Startups(NamedTuple):
    """What startups get from their providers as tenants, and what of it they pay, `(runs, slots)`."""

    contract_hours: np.ndarray
    spot_hours: np.ndarray
    spot_rent_usd: np.ndarray


def _serve_startups(world, wants, cleared, energy_cost):
    """Serve contracts and the spot market; a host withholds spot hours from rivals of its own lab."""
    clouds, rows, rules = world.clouds, world.startups, world.rules
    margin = look_up(tenants.margin_lost(clouds, cleared.rent_usd, energy_cost), rows.provider)
    withheld = tenants.withheld_share(rows, look_up(clouds.ai_share * clouds.has_lab, rows.provider), margin,
                                      ownership.stake_of(rows, rows.provider), rules.conduct, rules.customers.serving_cost_share)
    rent = look_up(cleared.rent_usd, rows.provider)
    served = ratio(wants.startup_usd, rent) * look_up(cleared.fill, rows.provider)
    clouds.withheld_pflop_hours = add_up(served * withheld, rows.provider, clouds.alive.shape[-1])
    return _Startups(rows.reserved_pflop_hours * look_up(cleared.kept_promise, rows.provider), served * (1.0 - withheld), rent)


class _Enterprises(NamedTuple):
    """What enterprises get from each cloud, `(runs, clouds)`."""

    hours: np.ndarray
    paid_usd: np.ndarray
    spot_hours: np.ndarray
    contract_usd: np.ndarray


def _serve_enterprises(world, wants, cleared):
    """Serve what enterprises have reserved, what they buy on the spot, and what captive ones pay list prices for."""
    clouds = world.clouds
    reserved = clouds.enterprise_reserved_pflop_hours * cleared.kept_promise
    contract = reserved * clouds.enterprise_reserved_rent_usd
    spot = ratio(cleared.enterprise_usd, cleared.rent_usd) * cleared.fill
    captive = wants.captive_hours * cleared.fill
    paid = contract + spot * cleared.rent_usd + captive * clouds.list_rent_usd
    return _Enterprises(reserved + spot + captive, paid, spot, contract)


def energy_cost_of_hours(world):
    """Return the electricity cost of a PFLOP-hour of each owner's fleet."""
    return ratio(world.clouds.active_mw, world.clouds.active_pflops) * price_at_sites(world, world.regions.price_usd)


def _bill(world, got, enterprise, backed_usd, inside_usd):
    """Bill startups, credits first, and enterprises for what they got, and record startups' hours."""
    clouds, rows, market = world.clouds, world.startups, world.market
    nobody = clouds.alive.shape[-1]
    wish, transfer = rows.training_usd + rows.serving_usd, look_up(inside_usd, rows.backer)
    inside = ratio(backed_usd, transfer) * look_up(clouds.backed_fill_rate, rows.backer)
    hours = got.contract_hours + got.spot_hours + inside
    contract = got.contract_hours * rows.reserved_rent_usd
    bill = contract + got.spot_hours * got.spot_rent_usd + inside * transfer
    training = ratio(rows.training_usd, wish, 1.0)
    rows.training_pflop_hours, rows.serving_pflop_hours = hours * training, hours * (1.0 - training)
    rows.hour_cost_usd = np.where(rows.backer < nobody, transfer, got.spot_rent_usd) * rows.alive
    rows.fill_rate = bounded(ratio(bill, wish, 1.0), 0.0, 1.0) * rows.alive
    rows.billed_usd = bill
    clouds.backed_rent_usd = add_up(inside * transfer, rows.backer, nobody)
    credits = np.minimum(rows.credits_usd, bill)
    rows.credit_rent_usd, clouds.credit_rent_usd = credits, add_up(credits, rows.provider, nobody)
    use_credits(world, credits)
    received = add_up(bill - credits, rows.provider, nobody)
    vouchers = np.minimum(world.rules.startups.voucher_usd * rows.alive, bill - credits)
    rows.voucher_usd, paid_for = vouchers, add_up(vouchers, rows.provider, nobody)
    world.move("startup rent", left=bill - credits - vouchers, entered=received - paid_for)
    world.move("compute vouchers", entered=paid_for)
    world.move("enterprise rent", entered=enterprise.paid_usd)
    market.enterprise_pflop_hours = total(enterprise.hours)
    clouds.rent_usd = received + enterprise.paid_usd
    clouds.contract_rent_usd = add_up(contract, rows.provider, nobody) + enterprise.contract_usd


def _describe_prices(world, got, enterprise):
    """Record what an hour cost on the spot, and what owners charged themselves."""
    clouds, market = world.clouds, world.market
    hours = total(got.spot_hours) + total(enterprise.spot_hours)
    paid = total(got.spot_hours * got.spot_rent_usd) + total(enterprise.spot_hours * clouds.contested_rent_usd)
    market.spot_rent_usd = ratio(paid, hours, market.spot_rent_usd)
    used = clouds.own_pflop_hours
    market.transfer_usd = ratio(total(clouds.transfer_usd * used), total(used))
