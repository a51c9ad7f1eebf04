"""On whose compute, chips and money labs depend: access, influence, and what a host can see."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from market_abm.exact import add_up, best, leading, look_up, ratio, stacked, total, trailing, weighted
from market_abm.metrics.barriers import rent_of_startups
from market_abm.metrics.concentration import bases, controllers, markets
from market_abm.metrics.indices import herfindahl
from market_abm.metrics.metric import Metric
from market_abm.metrics.ownership import owner_of, ultimate_owners
from market_abm.state.tables import many_small

MOSTLY = 0.8  # a lab that gets this much from one provider depends on it
ROUNDING = 1e-12  # parts that are exactly at a threshold count as reaching it


class Supply:
    """Who runs whose training: a lab's sources in layers `(sources, runs, labs)`, no owner twice.

    `hours` of each source; `owner` its row, where `owners`, the number of rows, means the lab itself;
    `weight` of each lab. A lab that did not train is left out of every figure.
    """

    def __init__(self, hours, owner, owners, weight):
        """Take the layers; nothing is worked out before it is asked for."""
        self.hours, self.owner, self.owners, self.weight = hours, owner, owners, weight

    @cached_property
    def parts(self):
        """Each source's part in a lab's training."""
        return ratio(self.hours, stacked(self.hours)) if len(self.hours) > 1 else (self.hours > 0) * 1.0

    @cached_property
    def standing(self):
        """Each lab's part in the weight of those that trained; nan where none did."""
        heavy = self.weight * (self.parts > 0).any(axis=0)
        everything = total(heavy)
        return heavy / np.where(everything > 0, everything, np.nan)

    @cached_property
    def others(self):
        """Parts of sources other than the lab itself."""
        return self.parts * (self.owner < self.owners)


def single_provider(supply, threshold=MOSTLY):
    """Return the part of labs, by weight, of whose training one other owner runs at least the threshold."""
    return total(supply.standing * (supply.others.max(axis=0) >= threshold - ROUNDING))


def supplier_herfindahl(supply):
    """Return the mean over labs of the sum of squared parts of their sources, their own compute being one."""
    return total(supply.standing * stacked(supply.parts * supply.parts))


def rival_owned(supply, rival):
    """Return the part of training, labs by weight, on compute of rivals; `rival` (0 or 1) is shaped like the sources."""
    return total(supply.standing * stacked(supply.others * rival))


def telemetry_exposure(supply, visible):
    """Return the part of training that others can watch; `visible` (0 to 1, `(runs, owners)`) is what each owner sees."""
    seen = np.stack([look_up(visible, link) for link in supply.owner])
    return total(supply.standing * stacked(supply.others * seen))


def hosts(supply):
    """Return each owner's part in the training of others, `(runs, owners)`: w'W; nan where nobody trains."""
    weight = np.where(np.isnan(supply.standing), 0.0, supply.standing)
    hosted = [add_up(weight * part, link, supply.owners) for part, link in zip(supply.others, supply.owner, strict=True)]
    return stacked(np.stack(hosted))


def common_host(hosted):
    """Return the Herfindahl-Hirschman index of hosts: how far one outage or one change of terms would reach."""
    return herfindahl(hosted)


def stacks(hosted, fleets):
    """Return the weight of training on each maker's chips `(runs, makers)`, owners' fleets `(makers, runs, owners)` being mixed alike."""
    return trailing(total(hosted * ratio(fleets, stacked(fleets))))


def withheld_share(withheld, asked):
    """Return the part of what was asked that was refused; nan when nothing was asked."""
    return ratio(withheld, asked, np.nan)


class Labs(NamedTuple):
    """All labs of a world, owners' and startups', in one row; what they depend on."""

    supply: Supply  # owners' labs first; what they train on is their own
    hosted: np.ndarray  # part of training on each owner's compute, its own lab's included
    rival: np.ndarray  # startups (0 or 1) that rent from an owner with a lab, who neither controls nor backs them
    held: np.ndarray  # startups of which one group of clouds holds more than half
    tied: np.ndarray  # also those in which clouds hold shares, or that one backs


def labs(world):
    """Gather who trains where and who holds whom."""
    clouds, rows = world.clouds, world.startups
    runs, count = clouds.alive.shape
    roots = ultimate_owners(clouds.parent)
    hours = np.concatenate([clouds.training_pflop_hours, rows.training_pflop_hours], axis=-1)
    source = np.concatenate([np.full((runs, count), count), rows.provider], axis=-1)
    own_chips = np.concatenate([np.zeros((runs, count)), rows.own_training_pflop_hours], axis=-1)
    hours, source = np.stack([hours, own_chips]), np.stack([source, np.full_like(source, count)])
    supply = Supply(hours, source, count, world.noted("bases", bases)["ai_revenue"][0])
    own = supply.standing[:, :count]
    host, controller = owner_of(rows.provider, roots), world.noted("controllers", controllers)
    rival = look_up(clouds.has_lab * clouds.alive, host) * (host != controller) * (host != owner_of(rows.backer, roots))
    held = (controller < count) * rows.alive
    shares_held = (rows.stake > 0).any(axis=0)
    return Labs(supply, hosts(supply) + np.where(np.isnan(own), 0.0, own), rival, held,
                np.maximum(held, (shares_held | (rows.backer < count)) * rows.alive))


def of_labs(measure):
    """Read a figure off the labs, gathered once a quarter."""
    return lambda world: measure(world.noted("labs", labs))


def rivals_training(world):
    """Return the part of training on rivals' compute."""
    found = world.noted("labs", labs)
    nobody = np.zeros(world.clouds.alive.shape)
    return rival_owned(found.supply, np.concatenate([nobody, found.rival], axis=-1))


def telemetry(world):
    """Return telemetry exposure if every host sees everything that it hosts."""
    return telemetry_exposure(world.noted("labs", labs).supply, world.clouds.alive)


def common_stack(world):
    """Return the weight of training by maker of the chips."""
    return stacks(world.noted("labs", labs).hosted, world.clouds.fleet_pflops)


def common_stack_share(world):
    """Return the part of training on the chips of the maker with most of it: what one backdoor would reach."""
    made = world.noted("common stack", common_stack)
    return ratio(best(made), total(made), np.nan)


def untrained(world):
    """Return the number of labs alive that did not train, which no figure of dependence counts."""
    clouds, rows = world.clouds, world.startups
    idle = [(clouds.has_lab * clouds.alive > 0) & (clouds.training_pflop_hours <= 0),
            (rows.alive > 0) & (rows.training_pflop_hours + rows.own_training_pflop_hours <= 0)]
    return sum(np.count_nonzero(which, axis=-1, keepdims=True) for which in idle) * 1.0


def revenue_of(which):
    """Return the part in AI revenue of owners' labs and of those startups that `which(world)` marks."""
    def measure(world):
        shares, count = world.noted("markets", markets)["paid_labs"].shares, world.clouds.alive.shape[-1]
        return total(shares[:, :count]) + total(shares[:, count:] * which(world))

    return measure


def _rents_or_tied(world):
    return (world.noted("labs", labs).tied > 0) | (world.startups.provider < world.clouds.alive.shape[-1])


def _asked_hours(world):
    rows = world.startups
    rent = world.noted("rent of startups", rent_of_startups)
    return ratio(rows.training_usd + rows.serving_usd, rent)


def foreclosure(world):
    """Return the hours that owners refused to tenants who compete with their labs, over all that startups asked for."""
    return withheld_share(total(world.clouds.withheld_pflop_hours), total(world.noted("asked hours", _asked_hours)))


def service_rate_gap(world):
    """Return the part that owners' labs got of what they asked, less that of startups hosted by owners with labs.

    At equal prices the two would be alike; own labs pay the transfer price, startups the contested rent.
    """
    clouds, rows, rival = world.clouds, world.startups, world.noted("labs", labs).rival
    own = weighted(clouds.own_fill_rate, (clouds.lab_funded_usd + clouds.lab_serving_usd) * clouds.has_lab, np.nan)
    got = rows.training_pflop_hours + rows.serving_pflop_hours
    return own - ratio(total(got * rival), total(world.noted("asked hours", _asked_hours) * rival), np.nan)


def customer_herfindahl_chips(world):
    """Return the Herfindahl-Hirschman index of the leading maker's customers, everybody else a fringe."""
    sales = world.makers.sales_usd
    leader = (np.arange(sales.shape[-1]) == sales.argmax(axis=-1)[:, None]) * 1.0
    return herfindahl(stacked(world.clouds.delivered_pflops * leading(leader)), many_small(world.clouds.kind) * 1.0)


def insight(world):
    """Return the mean productivity that owners' labs owe to what they see of others' training, by their research."""
    return weighted(world.clouds.insight, world.clouds.training_pflop_hours, np.nan)


METRICS = (
    Metric("single_provider_labs", "share", f"AI revenue of labs that train {MOSTLY:g} or more with one other owner.",
           of_labs(lambda found: single_provider(found.supply))),
    Metric("supplier_hhi_labs", "0 to 1", "Mean Herfindahl-Hirschman index of a lab's sources of training compute, by AI revenue.",
           of_labs(lambda found: supplier_herfindahl(found.supply))),
    Metric("rival_owned_training", "share", "Part of training on compute of owners with a lab of their own, by AI revenue.", rivals_training),
    Metric("telemetry_exposure_training", "share", "Part of training that hosts can watch, by AI revenue.", telemetry),
    Metric("common_host_training", "0 to 1", "Herfindahl-Hirschman index of hosts of training, owners' labs included, by AI revenue.",
           of_labs(lambda found: common_host(found.hosted))),
    Metric("common_stack_training", "0 to 1", "Herfindahl-Hirschman index of the makers whose chips training runs on, by AI revenue.",
           lambda w: herfindahl(w.noted("common stack", common_stack))),
    Metric("common_stack_share_training", "share", "Part of training on the chips of the maker with most of it.", common_stack_share),
    Metric("untrained_labs", "count", "Labs without training this quarter: in none of these figures.", untrained),
    Metric("owned_ai_revenue", "share", "AI revenue of owners' labs and of startups held by majority.",
           revenue_of(lambda w: w.noted("labs", labs).held)),
    Metric("influenced_ai_revenue", "share", "The same with startups in which clouds hold shares or that one backs.",
           revenue_of(lambda w: w.noted("labs", labs).tied)),
    Metric("hosted_ai_revenue", "share", "The same with startups that rent from a cloud.", revenue_of(_rents_or_tied)),
    Metric("foreclosure_startups", "share", "Hours refused to startups that compete with the owner's lab, over hours asked.", foreclosure),
    Metric("service_rate_gap_labs", "share difference", "Part served of what owners' labs asked, less that of startups at such owners.",
           service_rate_gap, signed=True),
    Metric("customer_hhi_chips", "0 to 1", "Herfindahl-Hirschman index of the leading chip maker's customers.", customer_herfindahl_chips),
    Metric("insight_labs", "ln ratio", "Productivity that owners' labs owe to what they see of hosted training.", insight, signed=True),
)
