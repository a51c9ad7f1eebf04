"""Steps 11, 13 and 14: general workloads settle, the bankrupt leave, founders enter, software grows."""

import numpy as np

from market_abm.behaviour import chip_makers, startups
from market_abm.exact import best, log, ratio, share_or_zero, stacked, total, trailing
from market_abm.phases.control import closing, release
from market_abm.randomness import birth_key
from market_abm.rules import choose
from market_abm.rules.choice import logit
from market_abm.rules.mergers import MERGERS
from market_abm.state.lifecycle import bury, free_rows, give_birth, merge
from market_abm.state.tables import EVERYBODY_ELSE, HYPERSCALER, NEOCLOUD, STARTUP_POOL


def general_workloads_settle(world):
    """Give new general workloads to clouds by logit; existing ones hardly move."""
    clouds, rules = world.clouds, world.rules.clouds
    here = clouds.general_revenue_usd
    growth = world.market.general_cloud_usd - total(here)
    staying = here * (1.0 - rules.switch_rate) * np.minimum(1.0, ratio(world.market.general_cloud_usd, total(here), 1.0))
    appeal = log(np.maximum(clouds.new_workload_pull, 1e-9))
    noise = rules.new_workload_noise * world.draws.logistic("appeal to new workloads", clouds.birth)
    chosen = logit(appeal + noise, (clouds.new_workload_pull > 0) * clouds.alive)
    moving = rules.switch_rate * total(here) + np.maximum(growth, 0.0)
    clouds.general_revenue_usd = staying + chosen * moving


def bankrupts_leave(world):
    """Close startups without cash; creditors bear what is missing."""
    rows = world.startups
    dead = (rows.cash_usd < 0) & (rows.alive > 0)
    loss = np.maximum(0.0, -rows.cash_usd) * dead
    world.move("creditors' loss of startups", entered=loss)
    world.market.exits = total(dead * 1.0)
    release(world, dead)
    closing(world, dead)
    bury(world.world, "startups", dead, reason="bankruptcy", amount=loss, unit="USD")


def distressed_owners_are_taken_over(world):
    """Close neoclouds that cannot pay; somebody takes chips, sites, orders, contracts and tenants."""
    clouds = world.clouds
    dead = (clouds.cash_usd < 0) & (clouds.alive > 0) & (clouds.kind == NEOCLOUD)
    dead = dead & (total(clouds.alive * ~dead * (clouds.kind != STARTUP_POOL)) > 0)  # the last owner has nobody to take it over
    world.market.cloud_exits = total(dead * 1.0)
    if not np.any(dead):
        return
    world.move("creditors' loss of clouds", entered=np.maximum(0.0, -clouds.cash_usd) * dead)
    pledged = world.rules.clouds.collateral_share * stacked(clouds.fleet_pflops) * clouds.investment_usd_per_pflops
    clouds.debt_usd = np.where(dead, np.minimum(clouds.debt_usd, pledged), clouds.debt_usd)  # the heir owes what its chips carry
    merge(world.world, "clouds", dead, _heir(clouds, dead, world.rules.mergers),
          reason="takeover", amount=stacked(clouds.fleet_pflops), unit="PFLOP/s")


def _heir(clouds, dead, mergers):
    """Return who takes over the failed: the richest hyperscaler that the merger rule lets, or everybody else.

    Where neither is there, the richest survivor of any kind: without a buyer the chips would vanish.
    """
    left = (clouds.alive > 0) & ~dead & (clouds.kind != STARTUP_POOL)
    shares = share_or_zero(stacked(clouds.fleet_pflops))
    joint = shares + best(shares * dead)
    rise = 2.0 * shares * best(shares * dead)
    blocked = choose(MERGERS, mergers.rule, total(shares * shares * (clouds.kind != EVERYBODY_ELSE)), joint, rise,
                     mergers.hhi_level, mergers.hhi_rise, mergers.share_level)
    hyperscaler = (clouds.kind == HYPERSCALER) & (clouds.controlled == 0) & (clouds.rents_out > 0) & (blocked == 0)
    many = clouds.kind == EVERYBODY_ELSE
    rank = np.where(mergers.takeovers > 0, 2.0 * hyperscaler + many, 2.0 * many + hyperscaler)
    purse = np.where(left, clouds.cash_usd, -np.inf) + 1e15 * rank
    return np.broadcast_to(purse.argmax(axis=-1)[:, None], dead.shape)


def founders_enter(world):
    """Let founders enter free slots, the lowest first; count those who find none."""
    rows, market, rules = world.startups, world.market, world.rules
    expected = startups.founders(rows.alive, market, rules.startups)
    wanted = world.draws.poisson("founders", market.birth, expected)
    born, refused = free_rows(rows.occupied, wanted)
    place = np.maximum(np.cumsum(born, axis=-1) - 1, 0)  # order among this quarter's founders
    cohort = np.broadcast_to(birth_key(world.quarter, np.arange(place.max() + 1)), (len(born), place.max() + 1))
    born_with = (cohort, *startups.endowment(world.lasting, cohort, rules.startups))
    births, cash, skill = (np.take_along_axis(x, place, axis=-1) for x in born_with)
    give_birth(world.world, "startups", born, {
        "occupied": 1.0, "birth": births, "founders_share": 1.0, "valuation_usd": cash, "skill": skill, "round_usd": cash,
        "budget_usd": np.broadcast_to(rules.startups.opening_budget_share * market.frontier_budget_usd, cash.shape),
        "effective_flop": np.broadcast_to(rules.startups.opening_capability * market.frontier_effective_flop, cash.shape)},
        reason="founded", amount=cash, unit="USD")
    world.move("founders' capital", entered=cash * born)
    market.entries = total(born * 1.0)
    market.refused_entries = market.refused_entries + refused


def software_grows(world):
    """Grow each maker's software with its users, and open-source software with what is documented."""
    makers, market, rules = world.makers, world.market, world.rules.documentation
    users = share_or_zero(trailing(total(world.clouds.fleet_pflops)))
    makers.ecosystem = chip_makers.ecosystem_growth(makers.ecosystem, users, market.developers, rules) * makers.alive
    documented = total(users * makers.openness)
    market.open_source_stock = market.open_source_stock * (1.0 - rules.ecosystem_decay) + rules.open_source_growth * market.developers * documented
