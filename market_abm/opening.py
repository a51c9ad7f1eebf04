"""The world on its first day: rows from the cast, stocks from the facts and assumptions of the configuration."""

from types import SimpleNamespace

import numpy as np

from market_abm.behaviour.chip_makers import facility_mw_per_pflops
from market_abm.behaviour.clouds import at_home, lasting_taste
from market_abm.behaviour.startups import endowment
from market_abm.exact import BLOCK, exp, leading, log, power, ratio, share_or_zero, stacked
from market_abm.parameters.cast import CLOUD_KINDS, MAKER_KINDS
from market_abm.randomness import Draws, birth_key, name_key
from market_abm.rules.electricity import merit_order
from market_abm.state.tables import FLOWS, HOLDERS, IN_HOUSE, PLANT_STEPS, QUEUE_COHORTS, STARTUP_POOL, TABLES
from market_abm.state.world import World
from market_abm.units import quarter_number

# The merit order: each class of plants and the marginal cost of its tranches, USD/MWh in North America; assumed.
PLANTS = {
    "renewables_mw": (0.0,), "hydro_mw": (4.0,), "nuclear_mw": (12.0,),
    "baseload_mw": (28.0, 34.0, 40.0), "midload_mw": (50.0, 60.0, 75.0), "peaking_mw": (100.0, 140.0, 200.0),
}
CAPITAL = {name: name.replace("_mw", "_capital_usd") for name in PLANTS}  # the parameter of each class


class MixedBatch(ValueError):
    """Configurations of one batch must share their shape: cast names, slots and length."""


def open_world(configurations, seeds, rules):
    """Return the world of a batch at its first quarter, one run a configuration and seed."""
    frame, cast = configurations[0].frame, configurations[0].cast
    for other in configurations:
        if _shape(other) != _shape(configurations[0]):
            raise MixedBatch("the configurations of one batch differ in their cast, slots, start or length")
    slots = -(-frame.startup_slots // BLOCK) * BLOCK
    rows = {"market": 1, "makers": len(cast.makers), "clouds": len(cast.clouds) + frame.spare_clouds,
            "startups": slots, "regions": len(cast.regions),
            "plants": PLANT_STEPS, "holders": HOLDERS, "ages": QUEUE_COHORTS}
    world = World(TABLES, FLOWS, rows, len(configurations))
    world.rules, world.lasting = rules, Draws(seeds, -1)
    book = _Book(world, configurations)
    _open_makers(world, book, rules)
    _open_regions(world, book, rules)
    _open_clouds(world, book, rules)
    _open_market(world, rules)
    _open_startups(world, rules)
    _open_chips(world, book, rules)
    world.ledger.open()
    return world


def _shape(configuration):
    cast, frame = configuration.cast, configuration.frame
    names = tuple(tuple(a.name for a in kind) for kind in (cast.makers, cast.clouds, cast.regions))
    return names, frame.startup_slots, frame.spare_clouds, frame.quarters, frame.start


class _Book:
    """The cast as columns: `book.clouds("fleet_share")` is `(runs, rows)`, zero in spare rows."""

    def __init__(self, world, configurations):
        self._world, self._configurations = world, configurations

    def __getattr__(self, kind):
        rows = self._world.rows[kind]

        def column(name, convert=float):
            out = np.zeros((self._world.runs, rows))
            for r, configuration in enumerate(self._configurations):
                for i, agent in enumerate(getattr(configuration.cast, kind)):
                    out[r, i] = convert(getattr(agent, name))
            return out

        return column

    def births(self, kind):
        """Return birth keys from names, so that a new neighbour changes nobody's draws."""
        rows, agents = self._world.rows[kind], getattr(self._configurations[0].cast, kind)
        keys = [name_key(f"{kind} {a.name}") for a in agents]
        keys += [name_key(f"{kind} spare {i}") for i in range(rows - len(agents))]
        return np.broadcast_to(np.array(keys, np.uint64), (self._world.runs, rows))

    def parents(self):
        """Return the row of each maker's parent among the owners, `(runs, makers)`; the number of rows means nobody."""
        owners = [agent.key for agent in self._configurations[0].cast.clouds]
        nobody = self._world.rows["clouds"]
        return self.makers("parent", lambda key: owners.index(key) if key else nobody)

    def stakes(self):
        """Return the weight of the profit of each owner in front in each owner's objective, `(owners, runs, owners)`."""
        owners = [agent.key for agent in self._configurations[0].cast.clouds]
        out = np.zeros((self._world.rows["clouds"], self._world.runs, self._world.rows["clouds"]))
        for r, configuration in enumerate(self._configurations):
            for i, owner in enumerate(configuration.cast.clouds):
                if owner.holds and owner.present:
                    out[owners.index(owner.holds), r, i] = owner.holding
        return out

    def entry(self):
        """Return the quarter of entry of each owner: 0 for those there at the start, else at least the second."""
        start = self._configurations[0].frame.start
        return self.clouds("enters", lambda label: max(1, quarter_number(label, start)) if label else 0)


def _put(world, table, **values):
    for name, value in values.items():
        world.array(f"{table}.{name}")[...] = value


def _open_makers(world, book, rules):
    kind = book.makers("kind", lambda k: MAKER_KINDS.index(k) + 1)
    in_house = kind == IN_HOUSE
    there = book.makers("present") * np.where(in_house, rules.integration.allowed, 1)
    design_usd = rules.integration.design_usd / rules.integration.design_quarters
    pflops, watts = book.makers("pflops_per_chip"), book.makers("watts_per_chip")
    _put(world, "makers", alive=there, birth=book.births("makers"), kind=kind, parent=book.parents(),
         opening_openness=book.makers("openness"), programme_usd=design_usd * in_house * there,
         pflops_per_chip=pflops * there, first_pflops_per_chip=pflops * there, watts_per_chip=watts * there,
         base_cost_usd_per_chip=book.makers("unit_cost_usd") * there, capacity_chips=book.makers("capacity_chips") * there,
         own_openness=book.makers("openness") * there, ecosystem=book.makers("ecosystem") * there,
         other_rnd_usd=book.makers("other_rnd_usd") * there, cash_usd=book.makers("cash_usd") * there,
         share_of_orders=share_or_zero(book.makers("fleet_share") * ~in_house * there),
         sales_usd=book.makers("capacity_chips") * book.makers("unit_cost_usd") * np.where(in_house, 1.0, 2.5) * there)


def _open_regions(world, book, rules):
    there, load = book.regions("present"), book.regions("other_load_mw")
    plants = np.stack([book.regions(name) * there / len(costs) for name, costs in PLANTS.items() for _ in costs])
    costs = np.stack([cost * book.regions("fuel_factor") for costs in PLANTS.values() for cost in costs]) * there
    capital = np.stack([getattr(rules.energy, CAPITAL[name]) * there for name, costs in PLANTS.items() for _ in costs])
    opening = merit_order(plants, costs, load * there, rules.energy.price_cap).price_usd
    _put(world, "regions", alive=there, birth=book.births("regions"), home_bias=book.regions("site_share") * there,
         controlled=book.regions("jurisdiction", lambda j: j == "CN") * there, other_load_mw=load * there,
         load_growth=book.regions("load_growth"), plant_mw=plants, plant_cost_usd=costs, price_usd=opening,
         plant_full_cost_usd=costs + capital, plant_margin=ratio(stacked(plants), load * there),
         forecast_usd=opening, slots_mw=rules.energy.slots_mw * book.regions("site_share") * there,
         quoted_wait_quarters=(rules.energy.study_quarters * rules.energy.queue + rules.energy.building_quarters) * there)
    building, kept = world.tables["regions"]["plant_building_mw"], power(1.0 - rules.energy.plant_retirement, 0.25)
    for k in range(1, int(rules.energy.plant_quarters.max())):  # under construction is what keeps pace with other load
        grown, before = (exp(book.regions("load_growth") * n / 4.0) for n in (k, k - 1))
        due = (k < rules.energy.plant_quarters) * rules.energy.plant_construction
        building.array[k] += plants * np.maximum(0.0, grown - before * kept) * due


def _open_clouds(world, book, rules):
    known, enters = book.clouds("present"), book.entry()
    there = known * (enters <= 0)
    cash_flow = book.clouds("group_cash_flow_usd") / 4.0 * there
    general = rules.clouds.general_usd * book.clouds("general_share") * there
    births, kind = book.births("clouds"), book.clouds("kind", lambda k: CLOUD_KINDS.index(k) + 1)
    _put(world, "clouds", alive=there, birth=births, kind=kind,
         controlled=book.clouds("jurisdiction", lambda j: j == "CN") * known, has_lab=book.clouds("has_lab") * known,
         lab_aim=book.clouds("lab_aim") * known, reach=book.clouds("reach") * known,
         rents_out=book.clouds("rents_out") * known, enters=enters * known, announced=known * (enters > 0),
         opening_cash_usd=book.clouds("cash_usd") * known, opening_convertible_mw=book.clouds("convertible_mw") * known,
         convertible_mw=book.clouds("convertible_mw") * there,
         opening_cash_flow_usd=book.clouds("group_cash_flow_usd") / 4.0 * known,
         opening_pull=book.clouds("new_workload_share") * known, legacy_weight=book.clouds("legacy_share") * there,
         group_cash_flow_usd=cash_flow,
         other_cash_flow_usd=np.maximum(0.0, cash_flow - rules.clouds.general_margin * general),
         cash_usd=rules.clouds.omega * cash_flow + book.clouds("cash_usd") * there,
         general_revenue_usd=general,
         new_workload_pull=book.clouds("new_workload_share") * there,
         contested_rent_usd=rules.clouds.opening_rent_usd * (book.clouds("rents_out") > 0) * there,
         service_usd=book.clouds("service_usd") * known, appeal=book.clouds("appeal") * known, profit_weight=book.stakes(),
         quality=book.clouds("quality") * there, sells=book.clouds("sells") * there,
         output_pflop_hours=book.clouds("output_pflop_hours") * there,
         tenant_share=0.5 * book.clouds("rents_out") * there, quarters_since_review=100.0 * there,
         lab_budget_usd=rules.training.opening_budget_usd / 4.0 * book.clouds("lab_share") * there,
         demand_growth=log(rules.clouds.opening_growth) / 4.0 * there * (kind != STARTUP_POOL), fill_rate=there,
         own_fill_rate=there, backed_fill_rate=there,
         taste=lasting_taste(world.lasting, births, book.births("makers")) * there)


def _open_market(world, rules):
    _put(world, "market", alive=1.0, birth=name_key("market"), algorithmic_progress=1.0, developers=1.0,
         run_days=np.minimum(rules.training.opening_run_days, rules.training.run_days), demand_shock=1.0, shock_growth=1.0,
         research_usd=rules.training.research_usd / 4.0, general_cloud_usd=rules.clouds.general_usd,
         legacy_usd=rules.customers.legacy_usd / 4.0, enterprise_usd=rules.customers.enterprise_usd / 4.0,
         frontier_budget_usd=rules.training.opening_budget_usd / 4.0, spot_rent_usd=rules.clouds.opening_rent_usd,
         frontier_effective_flop=rules.training.opening_frontier_flop, venture_pool_usd=rules.venture.pool_usd,
         venture_floor_usd=rules.venture.pool_usd,
         customer_growth=log(rules.training.prize_growth_cap) / 4.0)
    _put(world, "clouds", effective_flop=rules.training.opening_frontier_flop * world.array("clouds.has_lab")
         * world.array("clouds.alive") * ratio(world.array("clouds.lab_budget_usd"), rules.training.opening_budget_usd / 4.0))


def _open_startups(world, rules):
    rows, slots = rules.startups, world.rows["startups"]
    place = np.broadcast_to(np.arange(slots, dtype=np.float64), (world.runs, slots))
    there = (place < rows.opening) * 1.0
    bystander = (place >= slots - rows.bystanders) * 1.0  # from the last slot down: nobody else's slot moves
    births = birth_key(-1, np.where(bystander > 0, slots + place, place).astype(np.int64))
    round_usd, skill = endowment(world.lasting, births, rows)
    cash = round_usd * (1.0 - rows.opening_spent * world.lasting.uniform("spent before the start", births))
    _put(world, "startups", alive=there, occupied=np.maximum(there, bystander), birth=births * (there + bystander > 0),
         skill=skill * there, cash_usd=cash * there, round_usd=round_usd * there,
         founders_share=(1.0 - rules.ownership.round_dilution) * there, venture_share=rules.ownership.round_dilution * there,
         valuation_usd=round_usd / rules.ownership.round_dilution * there,
         provider=world.rows["clouds"], wages_usd=rows.wage_share * round_usd * there,
         budget_usd=rows.opening_budget_share * rules.training.opening_budget_usd / 4.0 * there,
         effective_flop=rows.opening_capability * rules.training.opening_frontier_flop * there)


def _open_chips(world, book, rules):
    """Install the opening fleet by owner and maker, spread its retirement, and fill the order book."""
    owners = share_or_zero(book.clouds("fleet_share") * world.array("clouds.alive"))
    there, in_house = world.array("makers.alive"), leading(world.array("makers.kind") == IN_HOUSE)
    own = leading(world.array("makers.parent")) == np.arange(world.rows["clouds"])
    own_share = leading(book.makers("fleet_share") * there) * own
    merchants = leading(share_or_zero(book.makers("fleet_share") * there * (world.array("makers.kind") != IN_HOUSE)))
    makers = own_share + merchants * (1.0 - stacked(own_share))
    mw_per_pflops = leading(facility_mw_per_pflops(SimpleNamespace(**world.tables["makers"]), rules.clouds))
    fleet = rules.clouds.opening_fleet_pflops * owners * makers
    _put(world, "clouds", fleet_pflops=fleet, fleet_mw=fleet * mw_per_pflops, bought_pflops=0.4 * fleet,
         expected_pflops=stacked(fleet) * rules.clouds.target_utilisation)
    ahead = np.maximum(rules.chips.life_quarters - 4, 1)  # the youngest chips of the opening fleet are a year old
    for name, stock in (("retiring_pflops", fleet), ("retiring_mw", fleet * mw_per_pflops)):
        pipe = world.tables["clouds"][name]
        for k in range(1, int(ahead.max()) + 1):
            pipe.array[k] += stock / ahead * (k <= ahead)
    supply = leading(world.array("makers.capacity_chips") * world.array("makers.pflops_per_chip"))
    for k in range(int(rules.chips.delivery_quarters.max())):
        due = 0.9 * supply * np.where(in_house, own, owners) * (k < rules.chips.delivery_quarters)
        world.tables["clouds"]["ordered_pflops"].array[k] += due
    needed = stacked(fleet * mw_per_pflops) * rules.clouds.opening_headroom
    connected = needed * at_home(*(world.array(name) for name in ("regions.home_bias", "regions.controlled", "clouds.controlled")))
    _put(world, "clouds", connected_mw=connected)
    sites = world.tables["clouds"]["sites_mw"]
    for k in range(1, int(rules.energy.building_quarters.max()) + 1):
        sites.array[k] += connected * rules.clouds.opening_sites * (k <= rules.energy.building_quarters)
