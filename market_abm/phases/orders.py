"""Step 1: what the state orders of single firms: the largest cloud is divided, labs are let go."""

import numpy as np

from market_abm.exact import best, exp, look_up, order_by, ratio, stacked, total
from market_abm.phases.control import use_credits
from market_abm.randomness import lab_birth
from market_abm.state.lifecycle import free_rows, give_birth, split
from market_abm.state.tables import HYPERSCALER


def largest_cloud_is_divided(world):
    """Carve a part of the largest hyperscaler that rents out into a firm of its own, once; tenants fall to either by lot.

    Chips, sites, orders, contracts, customers and debt are shared out; shares of startups, the one that it backs and the
    in-house maker stay with the old firm.
    """
    clouds, share = world.clouds, world.rules.mergers.break_up_share
    due = (share > 0) & (world.market.broken_up == 0)
    if not np.any(due):
        return
    size = stacked(clouds.fleet_pflops) * (clouds.kind == HYPERSCALER) * (clouds.rents_out > 0) * clouds.alive
    source = (size == best(size)) & (size > 0) & due
    source = source & (np.cumsum(source, axis=-1) == 1)
    spare = (clouds.birth != 0) & (clouds.kind == 0) & (clouds.alive == 0)
    child = spare & (np.cumsum(spare, axis=-1) == 1) & due & source.any(axis=-1, keepdims=True)
    source = source & child.any(axis=-1, keepdims=True)
    pull = clouds.new_workload_pull
    split(world.world, "clouds", source, child, share, {"birth": clouds.birth.copy()})
    clouds.new_workload_pull = np.where(source, pull * (1.0 - share), np.where(child, total(pull * source) * share, pull))
    world.market.broken_up = np.maximum(world.market.broken_up, child.any(axis=-1, keepdims=True))
    _tenants_fall_to_either(world, source, child, share)


def _tenants_fall_to_either(world, source, child, share):
    """Give the child its part of the tenants, by lot; a startup that the old firm backs stays."""
    rows, nobody = world.startups, world.clouds.alive.shape[-1]
    there = look_up(source * 1.0, rows.provider) > 0
    goes = there & (rows.backer == nobody) & (world.draws.uniform("which part of a divided cloud", rows.birth) < share)
    new = np.broadcast_to(child.argmax(axis=-1)[:, None], goes.shape)
    rows.provider = np.where(goes, new, rows.provider)
    use_credits(world, np.zeros(goes.shape))  # each part owes what its own tenants hold


def labs_are_let_go(world):
    """Make startups of the labs of owners who rent out, as far as separation reaches them; each is paid some quarters ahead.

    The lab takes its capability, customers and budget along and rents from its former owner at first. Who has let one go
    has no lab again.
    """
    clouds, rows = world.clouds, world.startups
    falls = world.lasting.uniform("falls under separation", clouds.birth) < world.rules.conduct.separation
    due = falls & (clouds.has_lab > 0) & (clouds.rents_out > 0) & (clouds.kind == HYPERSCALER) & (clouds.alive > 0)
    if not np.any(due):
        return
    born, refused = free_rows(rows.occupied, total(due * 1.0))
    due = due & (np.cumsum(due, axis=-1) <= total(due * 1.0) - refused)
    order = order_by(np.where(due, 0.0, 1.0))  # the labs that go, in the order of rows
    place = np.minimum(np.maximum(np.cumsum(born, axis=-1) - 1, 0), due.shape[-1] - 1)
    owner = np.where(born, np.take_along_axis(order, place, axis=-1), due.shape[-1])
    _set_up(world, born, owner)
    spending = (1.0 + world.rules.training.people_share) * clouds.lab_funded_usd + clouds.lab_serving_usd
    ahead = world.rules.policy.endowment_quarters * spending
    paid = np.minimum(np.maximum(0.0, clouds.cash_usd), ahead) * due
    world.move("endowment of labs", left=paid, entered=look_up(paid, owner) * born)
    for name in ("has_lab", "ai_share", "ai_revenue_usd", "effective_flop", "run_flop", "lab_budget_usd", "lab_funded_usd",
                 "lab_serving_usd", "insight", "data_short", "prize_bound"):
        setattr(clouds, name, getattr(clouds, name) * ~due)


def _set_up(world, born, owner):
    """Bring the labs to life as startups that belong to their shareholders at large."""
    clouds, rules = world.clouds, world.rules
    people = rules.training.people_share * look_up(clouds.lab_funded_usd, owner)
    births = np.take_along_axis(clouds.birth, np.minimum(owner, clouds.birth.shape[-1] - 1), axis=-1)
    skill = look_up(clouds.insight, owner)  # what it has learnt from tenants stays with its people
    give_birth(world.world, "startups", born, {
        "occupied": 1.0, "birth": lab_birth(births),
        "provider": owner, "founders_share": 1.0, "skill": exp(skill), "round_usd": ratio(people, rules.startups.wage_share),
        "budget_usd": look_up(clouds.lab_budget_usd, owner),
        "effective_flop": look_up(clouds.effective_flop, owner), "ai_share": look_up(clouds.ai_share, owner),
        "ai_revenue_usd": look_up(clouds.ai_revenue_usd, owner)},
        reason="let go", other=("clouds", owner))
