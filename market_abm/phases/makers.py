"""Step 1: chip makers leave and enter; owners give up own chips and start to make them."""

import numpy as np

from market_abm.behaviour import integration
from market_abm.exact import leading, look_up, ratio, share_or_zero, total
from market_abm.phases.accounts import settle_with_parents
from market_abm.phases.startup_fleets import booked, of_pool
from market_abm.state.lifecycle import give_birth, vacate
from market_abm.state.tables import IN_HOUSE, MERCHANT


def makers_leave(world):
    """Close in-house makers that have long been behind, and merchants without cash, and wind them up."""
    makers, clouds, rules = world.makers, world.clouds, world.rules
    own = integration.own_makers(makers, clouds.alive.shape[-1])
    behind = integration.quarters_behind(clouds, makers, own, rules.integration, rules.chips)
    makers.quarters_behind = behind
    abandoned = (behind >= rules.integration.return_quarters) | (rules.integration.allowed == 0) | (look_up(clouds.alive, makers.parent) == 0)
    given_up = abandoned & (integration.in_house(makers) > 0)
    merchants = integration.merchants(makers)
    failed = (makers.cash_usd < 0) & (merchants > 0) & (rules.entrants.failures > 0)
    failed = failed & (total(merchants * ~failed) > 0)  # the last merchant has nobody to leave the market to
    gone = given_up | failed
    if np.any(gone):
        _wind_up(world, gone)
        vacate(world.world, "makers", failed, reason="bankruptcy")
        vacate(world.world, "makers", given_up, reason="abandoned")


def _wind_up(world, gone):
    """Settle cash, write off inventory, cancel orders, and let the other makers have the factories; fleets stay where they are."""
    makers, clouds = world.makers, world.clouds
    settle_with_parents(world, makers.cash_usd * (makers.kind == IN_HOUSE) * gone)
    left = makers.cash_usd * gone
    world.move("creditors' loss of makers", entered=np.maximum(0.0, -left))
    world.move("makers' dividends", left=np.maximum(0.0, left))
    world.move("chips written off", left=makers.inventory_pflops * gone)
    world.move("power of chips written off", left=makers.inventory_mw * gone)
    heirs = share_or_zero(makers.capacity_chips * ~gone)
    makers.capacity_chips = _passed_on(makers.capacity_chips, gone, heirs)
    makers.capacity_building_chips.rewrite(_passed_on(makers.capacity_building_chips.array, gone, heirs))
    before = of_pool(clouds, booked(clouds))
    staying = leading(~gone)
    clouds.ordered_pflops.rewrite(clouds.ordered_pflops.array * staying)
    for book in ("overdue_pflops", "planned_pflops", "supplier_share", "bought_pflops"):
        setattr(clouds, book, getattr(clouds, book) * staying)
    world.startups.on_order_pflops = world.startups.on_order_pflops * ratio(of_pool(clouds, booked(clouds)), before, 1.0)


def _passed_on(stock, gone, heirs):
    """Return a stock of which the heirs have got what the gone had, each its part."""
    return stock + (heirs * total(stock * gone) - stock * gone)


def makers_enter(world):
    """Let owners start to make their own chips, and merchants enter, in places that are free."""
    makers, clouds, rules = world.makers, world.clouds, world.rules
    chips, own = rules.chips, rules.integration
    free = makers.alive == 0
    may = free & (makers.kind == IN_HOUSE) & (look_up(clouds.alive, makers.parent) > 0) & (own.allowed > 0)
    years = own.technology_years + world.quarter / 4.0
    starts = may & integration.design_pays(clouds, makers, rules.clouds.capital_cost, own, chips)
    starts = starts & integration.integrates(clouds, makers, years, own, chips, world.draws.uniform("start of own chips", makers.birth))
    comes = free & (makers.kind == MERCHANT)
    comes = comes & integration.entrants_come(makers, rules.entrants, world.draws.uniform("entry of a merchant", makers.birth))
    if not np.any(starts | comes):
        return
    entrant = rules.entrants
    _set_up(world, starts, integration.in_house_design(makers, own, world.draws), own.opening_software, 0.0)
    _set_up(world, comes, integration.designed(makers, entrant.performance, 1.0, entrant.cost_ratio), entrant.opening_software,
            entrant.cost_usd / entrant.runway_quarters)
    world.move("capital of new makers", entered=entrant.cost_usd * comes)


def _set_up(world, born, design, software, programme_usd):
    """Bring makers to life with their first design, little software and a small part of the foundry's capacity."""
    makers = world.makers
    who = {name: getattr(makers, name).copy() for name in ("birth", "kind", "parent", "opening_openness")}
    give_birth(world.world, "makers", born, who | design._asdict() | {
        "own_openness": who["opening_openness"], "ecosystem": software, "programme_usd": programme_usd,
        "capacity_chips": world.rules.integration.opening_chips, "openness_due": world.rules.documentation.required_openness},
        reason="set up", other=("clouds", who["parent"]))
