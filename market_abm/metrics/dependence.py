"""On whose compute, chips and money labs depend: access, influence, and what a host can see."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import add_up, best, leading, look_up, ratio, share, stacked, total, trailing, weighted
from market_abm.metrics.concentration import bases
from market_abm.metrics.indices import herfindahl
from market_abm.metrics.metric import Metric
from market_abm.metrics.ownership import majority_owner, owner_of, ultimate_owners
from market_abm.state.tables import EVERYBODY_ELSE

MOSTLY = 0.8  # a lab that gets this much from one provider depends on it


class Supply(NamedTuple):
    """Who runs whose training, `(sources, runs, labs)`: a lab's sources in layers, no owner twice.

    `hours` of each source; `owner` its row, where the number of owners means the lab itself; `owners` how many there are.
    """

    hours: np.ndarray
    owner: np.ndarray
    owners: int

    def parts(self):
        """Return each source's part in a lab's training; labs that did not train have 0 everywhere."""
        return ratio(self.hours, stacked(self.hours))

    def trained(self):
        """Return which labs (0 or 1) trained at all: the others are left out of every figure."""
        return (stacked(self.hours) > 0) * 1.0

    def others(self):
        """Return which sources (0 or 1) are other than the lab itself."""
        return (self.owner < self.owners) * 1.0


def single_provider(supply, weight, threshold=MOSTLY):
    """Return the part of labs, by weight, of whose training one other owner runs at least the threshold."""
    most = (supply.parts() * supply.others()).max(axis=0)
    return weighted((most >= threshold) * 1.0, weight * supply.trained(), np.nan)


def supplier_herfindahl(supply, weight):
    """Return the mean over labs of the sum of squared parts of their sources, their own compute being one."""
    parts = supply.parts()
    return weighted(stacked(parts * parts), weight * supply.trained(), np.nan)


def rival_owned(supply, weight, rival):
    """Return the part of training, labs by weight, on compute of rivals; `rival` (0 or 1) is shaped like the sources."""
    return weighted(stacked(supply.parts() * rival * supply.others()), weight * supply.trained(), np.nan)


def telemetry_exposure(supply, weight, visible):
    """Return the part of training that others can watch; `visible` (0 to 1, `(runs, owners)`) is what each owner sees."""
    seen = np.stack([look_up(visible, link) for link in supply.owner])
    return weighted(stacked(supply.parts() * seen), weight * supply.trained(), np.nan)


def hosts(supply, weight):
    """Return the weight of training that each owner hosts, `(runs, owners)`: w'W, not normed."""
    mine = weight * supply.trained() * supply.parts()
    return stacked(np.stack([add_up(part, link, supply.owners) for part, link in zip(mine, supply.owner, strict=True)]))


def common_host(supply, weight):
    """Return the Herfindahl-Hirschman index of hosts: how far one outage or one change of terms would reach."""
    return herfindahl(hosts(supply, weight))


def stacks(hosted, fleets):
    """Return the weight of training on each maker's chips `(runs, makers)`, owners' fleets `(makers, runs, owners)` being mixed alike."""
    return trailing(total(hosted * ratio(fleets, stacked(fleets))))


def withheld_share(withheld, asked):
    """Return the part of what was asked that was refused; nan when nothing was asked."""
    return ratio(withheld, asked, np.nan)


class Labs(NamedTuple):
    """All labs of a world, owners' and startups', in one row; what they depend on."""

    supply: Supply  # own compute is the lab's own
    hosting: Supply  # the same with an owner's lab hosted by that owner
    weight: np.ndarray  # customers' payments
    rival: np.ndarray  # sources that compete with the lab
    owned: np.ndarray  # 0 or 1: an owner's lab, or a startup of which one group of clouds holds more than half
    bound: np.ndarray  # also startups in which clouds hold shares, or that one backs
    hosted: np.ndarray  # also startups that rent from a cloud


def labs(world):
    """Gather who trains where and who holds whom."""
    clouds, rows = world.clouds, world.startups
    runs, count = clouds.alive.shape
    roots = ultimate_owners(clouds.parent)
    hours = np.concatenate([clouds.training_pflop_hours, rows.training_pflop_hours], axis=-1)[None]
    itself, own_row = np.full((runs, count), count), np.broadcast_to(np.arange(count), (runs, count))
    controller, backer = majority_owner(rows.stake, rows.holder, roots), owner_of(rows.backer, roots)
    host = owner_of(rows.provider, roots)
    rival = look_up(clouds.has_lab * clouds.alive, host) * (host != controller) * (host != backer)
    none, every = np.zeros((runs, count)), np.ones((runs, count))
    held = (controller < count) * rows.alive
    tied = np.maximum(held, ((stacked(rows.stake) > 0) | (rows.backer < count)) * rows.alive)
    return Labs(
        Supply(hours, np.concatenate([itself, rows.provider], axis=-1)[None], count),
        Supply(hours, np.concatenate([own_row, rows.provider], axis=-1)[None], count),
        world.noted("bases", bases)["ai_revenue"][0],
        np.concatenate([none, rival], axis=-1)[None],
        np.concatenate([every, held], axis=-1), np.concatenate([every, tied], axis=-1),
        np.concatenate([every, np.maximum(tied, (rows.provider < count) * rows.alive)], axis=-1))


def of_labs(measure):
    """Read a figure off the labs, gathered once a quarter."""
    return lambda world: measure(world.noted("labs", labs))


def telemetry(world):
    """Return telemetry exposure if every host sees everything that it hosts."""
    found = world.noted("labs", labs)
    return telemetry_exposure(found.supply, found.weight, world.clouds.alive)


def common_stack(world):
    """Return the weight of training by maker of the chips."""
    found = world.noted("labs", labs)
    return stacks(hosts(found.hosting, found.weight), world.clouds.fleet_pflops)


def common_stack_share(world):
    """Return the part of training on the chips of the maker with most of it: what one backdoor would reach."""
    made = world.noted("common stack", common_stack)
    return ratio(best(made), total(made), np.nan)


def untrained(world):
    """Return the number of labs alive that did not train, which no figure of dependence counts."""
    clouds, rows = world.clouds, world.startups
    return total((clouds.has_lab * clouds.alive > 0) & (clouds.training_pflop_hours <= 0)) * 1.0 + total(
        (rows.alive > 0) & (rows.training_pflop_hours <= 0)) * 1.0


def _asked_hours(world):
    rows = world.startups
    return ratio(rows.training_usd + rows.serving_usd, look_up(world.clouds.contested_rent_usd, rows.provider))


def foreclosure(world):
    """Return the hours that owners refused to tenants who compete with their labs, over all that startups asked for."""
    return withheld_share(total(world.clouds.withheld_pflop_hours), total(_asked_hours(world)))


def service_rate_gap(world):
    """Return the part that owners' labs got of what they asked, less that of startups hosted by owners with labs.

    At equal prices the two would be alike; own labs pay the transfer price, startups the contested rent.
    """
    clouds, rows, rival = world.clouds, world.startups, world.noted("labs", labs).rival[0]
    rival = rival[:, clouds.alive.shape[-1] :]
    own = weighted(clouds.own_fill_rate, (clouds.lab_funded_usd + clouds.lab_serving_usd) * clouds.has_lab, np.nan)
    got = rows.training_pflop_hours + rows.serving_pflop_hours
    return own - ratio(total(got * rival), total(_asked_hours(world) * rival), np.nan)


def customer_herfindahl_chips(world):
    """Return the Herfindahl-Hirschman index of the leading maker's customers, everybody else a fringe."""
    sales = world.makers.sales_usd
    leader = (np.arange(sales.shape[-1]) == sales.argmax(axis=-1)[:, None]) * 1.0
    return herfindahl(stacked(world.clouds.delivered_pflops * leading(leader)), (world.clouds.kind == EVERYBODY_ELSE) * 1.0)


def insight(world):
    """Return the mean productivity that owners' labs owe to what they see of others' training, by their research."""
    return weighted(world.clouds.insight, world.clouds.training_pflop_hours, np.nan)


METRICS = (
    Metric("single_provider_labs", "share", f"AI revenue of labs that train {MOSTLY:g} or more with one other owner.",
           of_labs(lambda found: single_provider(found.supply, found.weight))),
    Metric("supplier_hhi_labs", "0 to 1", "Mean Herfindahl-Hirschman index of a lab's sources of training compute, by AI revenue.",
           of_labs(lambda found: supplier_herfindahl(found.supply, found.weight))),
    Metric("rival_owned_training", "share", "Part of training on compute of owners with a lab of their own, by AI revenue.",
           of_labs(lambda found: rival_owned(found.supply, found.weight, found.rival))),
    Metric("telemetry_exposure_training", "share", "Part of training that hosts can watch, by AI revenue.", telemetry),
    Metric("common_host_training", "0 to 1", "Herfindahl-Hirschman index of hosts of training, owners' labs included, by AI revenue.",
           of_labs(lambda found: common_host(found.hosting, found.weight))),
    Metric("common_stack_training", "0 to 1", "Herfindahl-Hirschman index of the makers whose chips training runs on, by AI revenue.",
           lambda w: herfindahl(w.noted("common stack", common_stack))),
    Metric("common_stack_share_training", "share", "Part of training on the chips of the maker with most of it.", common_stack_share),
    Metric("untrained_labs", "count", "Labs without training this quarter: in none of these figures.", untrained),
    Metric("owned_ai_revenue", "share", "AI revenue of owners' labs and of startups held by majority.",
           of_labs(lambda found: total(share(found.weight) * found.owned))),
    Metric("influenced_ai_revenue", "share", "The same with startups in which clouds hold shares or that one backs.",
           of_labs(lambda found: total(share(found.weight) * found.bound))),
    Metric("hosted_ai_revenue", "share", "The same with startups that rent from a cloud.",
           of_labs(lambda found: total(share(found.weight) * found.hosted))),
    Metric("foreclosure_startups", "share", "Hours refused to startups that compete with the owner's lab, over hours asked.", foreclosure),
    Metric("service_rate_gap_labs", "share difference", "Part served of what owners' labs asked, less that of startups at such owners.",
           service_rate_gap, signed=True),
    Metric("customer_hhi_chips", "0 to 1", "Herfindahl-Hirschman index of the leading chip maker's customers.", customer_herfindahl_chips),
    Metric("insight_labs", "ln ratio", "Productivity that owners' labs owe to what they see of hosted training.", insight, signed=True),
)
