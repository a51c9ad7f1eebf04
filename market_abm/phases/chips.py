"""Steps 3 and 7: chip makers research, launch, build, document, price; chips are ordered and delivered."""

import numpy as np

from market_abm.behaviour import chip_makers, integration
from market_abm.behaviour.clouds import investment_per_pflops, user_cost, value_over_cost
from market_abm.behaviour.power import available_mw
from market_abm.exact import add_up, bounded, leading, look_up, power, ratio, share_or_zero, stacked, total, trailing, weighted
from market_abm.rules import choose
from market_abm.rules.allocation import ALLOCATION
from market_abm.rules.documentation import DOCUMENTATION
from market_abm.rules.pricing import CHIP_PRICING, Posting
from market_abm.state.tables import many_small
from market_abm.units import HOURS_PER_YEAR


def makers_research(world):
    """Pay for research and add what it brings to the laboratory; parents pay for the designs of in-house makers."""
    makers = world.makers
    makers.planned_sales_usd = chip_makers.planned_sales(makers, world.rules.chips)
    done = chip_makers.research(makers, world.rules.chips, world.draws)
    makers.laboratory_gain = makers.laboratory_gain + done.gain
    makers.rnd_usd = done.spent_usd
    pays_usd = done.spent_usd * integration.in_house(makers) * look_up(world.clouds.alive, makers.parent)
    world.move("funding of in-house makers", left=add_up(pays_usd, makers.parent, world.clouds.alive.shape[-1]), entered=pays_usd)
    world.move("research paid by other businesses", entered=makers.other_rnd_usd)
    world.move("research and development", left=done.spent_usd)


def generations_launch(world):
    """Put new generations on sale and work out unit costs."""
    makers, chips = world.makers, world.rules.chips
    design = integration.in_house_design(makers, world.rules.integration, world.draws)
    new = chip_makers.launch_in_house(makers, chip_makers.launch(makers, chips), design, world.rules.integration)
    makers.pflops_per_chip = new.pflops_per_chip
    makers.watts_per_chip = new.watts_per_chip
    makers.base_cost_usd_per_chip = new.base_cost_usd_per_chip
    makers.laboratory_gain = new.laboratory_gain
    makers.openness_due = np.where(new.launched, world.rules.documentation.required_openness, makers.openness_due)
    makers.generations = makers.generations + new.launched
    world.note("generation", "makers", new.launched, amount=new.pflops_per_chip, unit="PFLOP/s per chip")
    makers.quarters_since_launch = np.where(new.launched, 0.0, makers.quarters_since_launch + makers.alive)
    cost = integration.design_cost(makers.pflops_per_chip, makers.first_pflops_per_chip, world.rules.integration)
    makers.programme_usd = np.where(integration.in_house(makers) > 0, cost, makers.programme_usd)
    makers.mw_per_pflops = chip_makers.facility_mw_per_pflops(makers, world.rules.clouds)
    makers.unit_cost_usd_per_pflops = chip_makers.unit_cost_usd_per_pflops(makers, chips)


def capacity_is_ready(world):
    """Open the factories that are due."""
    building = world.makers.capacity_building_chips
    world.makers.capacity_chips = world.makers.capacity_chips + building.arrivals(world.quarter)
    building.clear(world.quarter)


def documentation_opens(world):
    """Set how much everybody may read about each maker's chips: what its rule says, and at least what the law demands."""
    makers, rules = world.makers, world.rules.documentation
    openness = choose(DOCUMENTATION, rules.rule, makers.own_openness, makers.quarters_since_launch,
                      rules.delay_quarters, rules.mandated_openness)
    demanded = np.maximum(np.minimum(makers.openness_due, rules.required_openness), rules.required_of_old)
    makers.openness = np.maximum(openness, demanded) * makers.alive


def chip_prices_are_posted(world):
    """Move posted prices towards what the pricing rule says; in-house makers charge their unit cost."""
    makers, chips = world.makers, world.rules.chips
    posting = _posting(world)
    wish = choose(CHIP_PRICING, chips.pricing, makers.unit_cost_usd_per_pflops, makers.share_of_orders,
                  chips.choice_elasticity, chips.margin_floor, chips.margin_cap, posting)
    wish = wish * (1.0 + chips.scarcity_premium * bounded(posting.pressure - 1.0, 0.0, 1.0))
    old = np.where(makers.price_usd_per_pflops > 0, makers.price_usd_per_pflops, wish)
    posted = (old + chips.price_speed * (wish - old)) * makers.alive
    makers.price_usd_per_pflops = np.where(integration.in_house(makers) > 0, makers.unit_cost_usd_per_pflops, posted)
    makers.price_cost_usd_per_pflops, makers.share_before = makers.unit_cost_usd_per_pflops, makers.share_of_orders
    makers.investment_usd_per_pflops = investment_per_pflops(makers.price_usd_per_pflops, makers.mw_per_pflops,
                                                             world.rules.clouds)


def _posting(world):
    """Gather what makers know of their market; who has no price yet starts from twice its unit cost."""
    clouds, makers, rules = world.clouds, world.makers, world.rules
    first = 2.0 * makers.unit_cost_usd_per_pflops
    price = np.where(makers.price_usd_per_pflops > 0, makers.price_usd_per_pflops, first)
    cost = np.where(makers.price_cost_usd_per_pflops > 0, makers.price_cost_usd_per_pflops, makers.unit_cost_usd_per_pflops)
    due = trailing(total(clouds.overdue_pflops + clouds.ordered_pflops.arrivals(world.quarter)))
    pressure = ratio(due, makers.capacity_chips * makers.pflops_per_chip, 1.0)
    growth = ratio(makers.share_of_orders - makers.share_before, makers.share_before)
    energy = total(world.regions.forecast_usd * share_or_zero(world.regions.home_bias))
    service = weighted(clouds.service_usd, clouds.alive * (clouds.rents_out > 0))
    reach = chip_makers.reach(price, makers.mw_per_pflops, energy, service, rules)
    return Posting(price, cost, pressure, reach, growth, rules.chips.market_elasticity, rules.chips.markup_response)


def chips_are_ordered(world):
    """Enter this quarter's orders into the book, cancel what nobody needs, and let makers build for them."""
    clouds, makers, chips, q = world.clouds, world.makers, world.rules.chips, world.quarter
    clouds.ordered_pflops.place(q, clouds.planned_pflops, chips.delivery_quarters)
    ordered = trailing(total(clouds.planned_pflops))
    spending = ordered * makers.price_usd_per_pflops
    seen = total(spending) > 0
    share = makers.share_of_orders + chips.share_smoothing * (share_or_zero(spending) - makers.share_of_orders)
    makers.share_of_orders = np.where(seen, share, makers.share_of_orders)
    overdue = trailing(total(clouds.overdue_pflops))
    starts = chip_makers.capacity_starts(makers, makers.capacity_building_chips.waiting(),
                                         ordered + chips.overdue_weight * overdue, chips)
    makers.capacity_building_chips.place(q, starts, chips.fab_quarters)


def chips_are_made_and_delivered(world):
    """Make what is due, share it out by the allocation rule, deliver against cash; the rest stays overdue."""
    clouds, makers, chips, q = world.clouds, world.makers, world.rules.chips, world.quarter
    due = clouds.overdue_pflops + clouds.ordered_pflops.arrivals(q)
    clouds.ordered_pflops.clear(q)
    bill = stacked(due * leading(makers.investment_usd_per_pflops))
    payable = bounded(ratio(np.maximum(0.0, clouds.cash_usd), bill, 1.0), 0.0, 1.0)
    wanted = due * payable
    _make(world, trailing(total(wanted)))
    supply = leading(makers.inventory_pflops) * (1.0 - 1e-12)  # rounding must not deliver more than there is
    got = choose(ALLOCATION, chips.allocation, wanted, supply, *_claims(world, clouds.overdue_pflops * payable))
    clouds.unserved_pflops = stacked(np.maximum(0.0, wanted - got))
    _deliver(world, got, due)


def _claims(world, contracted):
    """Gather what a rule may share chips out by, in its order: weights, lots, floor, contracted, bids and cap.

    No cap holds for a row that stands for many small buyers, nor for in-house chips, which their maker sells to nobody else.
    """
    clouds, makers, chips, shape = world.clouds, world.makers, world.rules.chips, contracted.shape
    weights = power(clouds.bought_pflops, chips.relationship_exponent)
    lots = np.broadcast_to(world.draws.uniform("chip lottery", clouds.birth), shape)
    floor = np.broadcast_to(chips.relationship_floor, (*shape[:2], 1))
    bids = np.broadcast_to(_worth_usd_per_pflops(clouds, world.rules), shape)
    free = many_small(clouds.kind) | (leading(integration.in_house(makers)) > 0)
    return weights, lots, floor, contracted, bids, np.where(free, 1.0, chips.buyer_cap)


def _worth_usd_per_pflops(clouds, rules):
    """Return what a further PFLOP/s is worth to each owner, USD, `(runs, owners)`: its bid, for whichever maker's chips.

    What its hours bring over their full cost, above or below zero, for life and at the owner's discount, on top of what
    it costs to buy and house. So who just covers its full cost bids what it must pay, and who does not bids less.
    """
    gain_usd = (value_over_cost(clouds, rules.clouds) - 1.0) * clouds.full_cost_usd * HOURS_PER_YEAR * rules.clouds.target_utilisation
    discount = rules.clouds.capital_cost + rules.clouds.expected_decline
    return clouds.investment_usd_per_pflops + gain_usd / user_cost(discount, rules.chips.life_quarters)


def _make(world, wanted_pflops):
    """Make what is wanted and a small stock, within capacity."""
    makers, chips = world.makers, world.rules.chips
    target = np.maximum(0.0, wanted_pflops * (1.0 + chips.inventory_share) - makers.inventory_pflops)
    made = np.minimum(makers.capacity_chips, ratio(target, makers.pflops_per_chip)) * makers.alive
    produced = made * makers.pflops_per_chip
    makers.made_chips = made
    makers.produced_pflops = produced
    makers.cumulative_chips = makers.cumulative_chips + made
    world.move("chips made", entered=produced)
    world.move("power of chips made", entered=produced * makers.mw_per_pflops)
    world.move("wafers and packaging", left=produced * makers.unit_cost_usd_per_pflops)


def _deliver(world, got, due):
    """Hand chips over, take the money, and keep the rest of the book as overdue."""
    clouds, makers, rules = world.clouds, world.makers, world.rules
    got_mw = got * leading(ratio(makers.inventory_mw, makers.inventory_pflops))
    price = leading(makers.price_usd_per_pflops)
    world.move("chips delivered", left=trailing(total(got)), entered=got)
    world.move("power of chips delivered", left=trailing(total(got_mw)), entered=got_mw)
    world.move("chip purchases", left=stacked(got * price), entered=trailing(total(got * price)))
    servers = stacked(got * price) * rules.clouds.server_overhead + stacked(got_mw) * rules.clouds.building_usd_per_mw
    world.move("servers and buildings", left=servers)
    clouds.invested_usd = stacked(got * price) + servers
    clouds.delivered_pflops, clouds.delivered_mw = got, got_mw
    clouds.overdue_pflops = np.maximum(0.0, due - got) * (1.0 - rules.chips.cancellation * clouds.overbooked)
    clouds.bought_pflops = rules.chips.relationship_memory * clouds.bought_pflops + got
    makers.sales_usd = trailing(total(got * price))
    makers.sold_pflops = trailing(total(got))


def chips_are_installed(world):
    """Retire old chips, install new ones; what has power is active, the rest waits idle."""
    clouds, q = world.clouds, world.quarter
    for pipe, delivered in ((clouds.retiring_pflops, clouds.delivered_pflops), (clouds.retiring_mw, clouds.delivered_mw)):
        pipe.clear(q)
        pipe.place(q, delivered, world.rules.chips.life_quarters)
    # What no later quarter will retire retires now: so no rounding piles up, and a fleet cannot fall below none.
    world.move("chips scrapped", left=clouds.fleet_pflops - clouds.retiring_pflops.waiting())
    world.move("power of chips scrapped", left=clouds.fleet_mw - clouds.retiring_mw.waiting())
    fleet, needed = stacked(clouds.fleet_pflops), stacked(clouds.fleet_mw)
    powered = stacked(available_mw(clouds, world.regions.shortage_share, world.rules.energy)) + clouds.own_power_mw
    part = bounded(ratio(powered, needed, 1.0), 0.0, 1.0)
    clouds.active_pflops, clouds.active_mw = fleet * part, needed * part
