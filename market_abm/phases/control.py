"""Steps 6 and 13: clouds buy shares of startups, back some in place of a lab of their own, and buy some whole."""

import numpy as np

from market_abm.behaviour import ownership
from market_abm.exact import add_up, best_by, log, look_up, ratio, share_or_zero, stacked, total
from market_abm.phases.startup_fleets import titles_pass_on
from market_abm.rules import choose
from market_abm.rules.choice import drawn
from market_abm.rules.mergers import MERGERS
from market_abm.state.lifecycle import bury, end_of_chain, merge
from market_abm.state.tables import HYPERSCALER

LEAST_STAKE = 0.001  # a smaller rest is sold whole


def stakes_are_divested(world):
    """Let clouds sell to other investors, at the last value, the part of their stakes that the law takes from them."""
    rows, rate = world.startups, world.rules.ownership.divestiture
    if not np.any(rate > 0):
        return
    sold = np.where(rows.stake * (1.0 - rate) < LEAST_STAKE, rows.stake, rows.stake * rate) * (rate > 0)
    nobody = world.clouds.alive.shape[-1]
    value = ownership.worth(rows, world.rules.ownership)
    world.move("stakes divested", entered=stacked([add_up(part * value, who, nobody) for part, who in zip(sold, rows.holder, strict=True)]))
    rows.stake = rows.stake - sold
    rows.venture_share = rows.venture_share + stacked(sold)


def clouds_join_rounds(world):
    """Let a startup's cloud pay a part of its round, with cash and credits, and issue the shares of all rounds."""
    rows, clouds, rules = world.startups, world.clouds, world.rules.ownership
    nobody = clouds.alive.shape[-1]
    joins = (world.draws.uniform("clouds in rounds", rows.birth) < rules.corporate_chance) & (rows.raised_usd > 0)
    joins = joins & (rows.backer == nobody) & (look_up(clouds.kind, rows.provider) == HYPERSCALER)
    place = ownership.place_for(rows, rows.provider) * joins
    found = stacked(place)
    world.market.refused_stakes = world.market.refused_stakes + total(joins - found)
    asked = found * rows.raised_usd * rules.corporate_share / (1.0 - rules.corporate_share)
    budget = np.minimum(rules.budget_share * world.rules.clouds.omega * clouds.group_cash_flow_usd, np.maximum(0.0, clouds.cash_usd))
    paid = asked * look_up(ownership.part_paid(asked, rows.provider, budget), rows.provider)
    _pay(world, paid, rows.provider, rules.credit_part)
    clouds.joining_usd = add_up(paid, rows.provider, nobody)
    sold = rules.round_dilution * (rows.raised_usd > 0)
    everything = rows.raised_usd + paid
    _issue(rows, sold, ratio(paid, everything), rows.provider, place, everything / rules.round_dilution)
    rows.raised_usd = everything


def owners_back_startups(world):
    """End and begin exclusive backing, and supply backed startups with cash and credits for shares."""
    rows, clouds, rules = world.startups, world.clouds, world.rules.ownership
    nobody = clouds.alive.shape[-1]
    ends = world.draws.uniform("end of backing", rows.birth) < rules.backing_end
    backer = np.where(ends, nobody, rows.backer)
    free = add_up((backer < nobody) * 1.0, backer, nobody) == 0
    seeks = ownership.may_back(clouds) & free & (world.draws.uniform("search for a startup", clouds.birth) < rules.backing_hazard)
    seen = ownership.apparent_skill(rows, world.draws.logistic("what clouds see of skill", rows.birth), rules)
    candidate = (rows.alive > 0) & (backer == nobody) & (seen > log(rules.backing_edge))
    chosen = ownership.matched(seeks, clouds.group_cash_flow_usd, candidate, seen)
    new = chosen < nobody
    end_contracts(rows, new)
    use_credits(world, rows.credits_usd * (new & (chosen != rows.provider)))
    rows.provider = np.where(new, chosen, rows.provider)
    rows.backer = np.where(new, chosen, backer)
    _supply(world)


def _supply(world):
    """Pay backed startups what they will spend, at most what the own lab would have had, and take shares for it."""
    rows, clouds, rules = world.startups, world.clouds, world.rules.ownership
    need = rules.backing_quarters * (rows.budget_usd + rows.wages_usd) - rows.cash_usd - rows.credits_usd
    purse = rules.backing_share * world.rules.training.group_share * world.rules.clouds.omega * clouds.group_cash_flow_usd
    place, held = ownership.place_for(rows, rows.backer), ownership.stake_of(rows, rows.backer)
    before = np.maximum(ownership.worth(rows, rules), rows.cash_usd)
    room = np.maximum(0.0, ratio(rules.stake_cap - held, 1.0 - held)) * stacked(place)
    paid = np.minimum(np.maximum(0.0, need), look_up(np.minimum(purse, np.maximum(0.0, clouds.cash_usd)), rows.backer))
    paid = np.minimum(paid, ratio(before * room, 1.0 - room))  # against shares alone, and no more than the cap leaves
    _pay(world, paid, rows.backer, rules.credit_part)
    clouds.backing_usd = add_up(paid, rows.backer, clouds.alive.shape[-1])
    _issue(rows, ratio(paid, before + paid), 1.0, rows.backer, place * (paid > 0), before + paid)
    rows.raised_usd = rows.raised_usd + paid


def _issue(rows, sold, to_cloud, cloud, place, valuation_usd):
    """Issue new shares, the part `sold` of all, of which `to_cloud` goes to one cloud in its place and the rest to venture capital."""
    shares = ownership.after_issue(rows, sold, place, to_cloud)
    rows.holder = np.where(place > 0, cloud, rows.holder)
    rows.stake, rows.venture_share, rows.founders_share = shares
    rows.valuation_usd = np.where(sold > 0, valuation_usd, rows.valuation_usd)


def _pay(world, paid, cloud, credit_part):
    """Let clouds pay startups in cash and in credits; credits are owed until they are used."""
    clouds = world.clouds.alive.shape[-1]
    credits, cash = paid * credit_part, paid * (1.0 - credit_part)
    world.move("stakes of clouds", left=add_up(cash, cloud, clouds), entered=cash)
    world.move("credits granted", entered=credits)
    world.move("credits promised", entered=add_up(credits, cloud, clouds))


def use_credits(world, used):
    """Take credits that are used or expire from startups and from what their providers owe.

    What is owed afterwards is what startups hold, so that no rounding piles up.
    """
    rows, clouds = world.startups, world.clouds
    world.move("credits used", left=used)
    due = add_up(rows.credits_usd, rows.provider, clouds.alive.shape[-1])
    world.move("credits honoured", left=clouds.credits_owed_usd - due)


def release(world, whom):
    """End contracts of some startups, and let their credits expire."""
    rows = world.startups
    use_credits(world, rows.credits_usd * whom)
    end_contracts(rows, whom)


def end_contracts(rows, whom):
    """End the contracts of some startups."""
    rows.reserved_pflop_hours = rows.reserved_pflop_hours * ~whom
    rows.contract_quarters = rows.contract_quarters * ~whom


def startups_are_bought(world):
    """Let owners and larger startups buy startups, as far as money and the merger rule allow."""
    rows, market, mergers = world.startups, world.market, world.rules.mergers
    broke = (rows.cash_usd < 0) & (rows.alive > 0)
    chance = np.where(broke, mergers.rescue_rate, mergers.synergy_rate)
    offered = (world.draws.uniform("offers for startups", rows.birth) < chance) & (rows.alive > 0)
    if not np.any(offered):
        return
    value = ownership.worth(rows, world.rules.ownership)
    price = np.where(broke, mergers.salvage * value, np.maximum((1.0 + mergers.premium) * value, rows.cash_usd))
    by_startup = world.draws.uniform("kind of buyer", rows.birth) < mergers.startup_buyers
    cloud = np.where(offered & ~by_startup, _cloud_that_buys(world), world.clouds.alive.shape[-1])
    startup = np.where(offered & by_startup, _startup_that_buys(world, value, broke), rows.alive.shape[-1])
    allowed = _allowed(world, cloud, startup)
    market.blocked = total((allowed == 0) * 1.0)
    _startups_buy(world, np.where(allowed > 0, startup, rows.alive.shape[-1]), price)
    _owners_buy(world, np.where(allowed > 0, cloud, world.clouds.alive.shape[-1]), price)


def _cloud_that_buys(world):
    """Return the backer of a startup, else a hyperscaler with a lab drawn by its cash."""
    rows, clouds = world.startups, world.clouds
    purse = np.maximum(0.0, clouds.cash_usd) * (clouds.kind == HYPERSCALER) * clouds.has_lab * clouds.alive
    chosen = drawn(share_or_zero(purse), world.draws.uniform("which owner buys", rows.birth))
    return np.where(rows.backer < clouds.alive.shape[-1], rows.backer, chosen)


def _startup_that_buys(world, value, broke):
    """Return one of the most valuable startups, worth more than its target and not out of cash; else nobody."""
    rows, slots = world.startups, world.startups.alive.shape[-1]
    most = np.minimum(world.rules.mergers.startup_buyer_ranks, slots)
    rank = np.floor(world.draws.uniform("which startup buys", rows.birth) * most).astype(np.int64)
    buyer, ranks = ownership.most_valuable(value, rows.alive, rank)
    sound = np.take_along_axis((rows.alive > 0) & ~broke, buyer, axis=-1)
    return np.where(sound & (ranks > rank), buyer, slots)


def _allowed(world, cloud, startup):
    """Return which offers the merger rule lets pass (1, 0 where blocked), on shares of AI revenue; 1 where there is no offer."""
    rows, clouds, mergers = world.startups, world.clouds, world.rules.mergers
    revenue = total(clouds.ai_revenue_usd) + total(rows.ai_revenue_usd)
    target, of_clouds = ratio(rows.ai_revenue_usd, revenue), ratio(clouds.ai_revenue_usd, revenue)
    buyer = look_up(of_clouds, cloud) + look_up(target, startup)
    index = total(of_clouds * of_clouds) + total(target * target)
    blocked = choose(MERGERS, mergers.rule, index, buyer + target, 2.0 * buyer * target,
                     mergers.hhi_level, mergers.hhi_rise, mergers.share_level)
    return 1.0 - blocked * ((cloud < clouds.alive.shape[-1]) | (startup < rows.alive.shape[-1]))


def _affordable(price, debts, buyer, cash, mergers):
    """Return whether all that a buyer would buy this quarter, missing money included, fits its purse, per target."""
    fits = add_up(price + debts, buyer, cash.shape[-1]) <= mergers.purse_share * np.maximum(0.0, cash)
    return look_up(fits * 1.0, buyer) > 0


def _startups_buy(world, buyer, price):
    """Merge startups into startups that can pay; a chain of buyers ends with the last."""
    rows, slots = world.startups, world.startups.alive.shape[-1]
    gone = (buyer < slots) & _affordable(price, np.maximum(0.0, -rows.cash_usd), buyer, rows.cash_usd, world.rules.mergers)
    if not np.any(gone):
        return
    buyer = np.where(gone, buyer, slots)
    world.move("acquisitions by startups", left=add_up(price * gone, buyer, slots))
    _sell_stakes(world, price * gone, np.full(gone.shape, world.clouds.alive.shape[-1]))
    last = end_of_chain("startups", gone, buyer)
    elsewhere = np.take_along_axis(rows.provider, np.minimum(last, slots - 1), axis=-1) != rows.provider
    release(world, gone & elsewhere)
    capability = np.maximum(rows.effective_flop, best_by(rows.effective_flop * gone, last, slots))
    world.market.acquired = world.market.acquired + total(gone * 1.0)
    merge(world.world, "startups", gone, last, reason="acquisition", amount=price, unit="USD")
    rows.effective_flop = capability * (rows.alive > 0)


def _owners_buy(world, buyer, price):
    """Let owners take over startups: their money, customers and the best of their capability; contracts and credits end."""
    rows, clouds = world.startups, world.clouds
    nobody = clouds.alive.shape[-1]
    there = (buyer < nobody) & (rows.alive > 0)
    pays = price * (1.0 - ownership.stake_of(rows, buyer))
    debts = np.maximum(0.0, -rows.cash_usd)
    gone = there & _affordable(pays, debts, np.where(there, buyer, nobody), clouds.cash_usd, world.rules.mergers)
    if not np.any(gone):
        return
    buyer = np.where(gone, buyer, nobody)
    world.move("acquisitions by owners", left=add_up(pays * gone, buyer, nobody))
    _sell_stakes(world, price * gone, buyer)
    titles_pass_on(world, gone, buyer)
    cash = rows.cash_usd * gone
    world.move("cash of startups bought", left=cash, entered=add_up(cash, buyer, nobody))
    clouds.effective_flop = np.maximum(clouds.effective_flop, best_by(rows.effective_flop * gone, buyer, nobody))
    clouds.ai_share = clouds.ai_share + add_up(rows.ai_share * gone, buyer, nobody)
    release(world, gone)
    closing(world, gone)
    world.market.acquired = world.market.acquired + total(gone * 1.0)
    bury(world.world, "startups", gone, reason="acquisition", other=("clouds", buyer), amount=price, unit="USD")


def _sell_stakes(world, price, buyer):
    """Pay clouds for their shares of startups that are bought; a buyer's own shares cost it nothing."""
    rows, nobody = world.startups, world.clouds.alive.shape[-1]
    paid = price * rows.stake * (rows.holder != buyer)
    world.move("price of stakes sold", entered=stacked([add_up(p, h, nobody) for p, h in zip(paid, rows.holder, strict=True)]))


def closing(world, gone):
    """Keep count of the hours rented this quarter by startups that are about to leave."""
    rows = world.startups
    hours = total((rows.training_pflop_hours + rows.serving_pflop_hours) * gone)
    world.market.closed_pflop_hours = world.market.closed_pflop_hours + hours
