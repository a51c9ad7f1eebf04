"""Tiny hand-made worlds, and the real tables filled with random numbers; shared by the tests."""

from types import SimpleNamespace

import numpy as np
from hypothesis import settings

from market_abm.behaviour import rental, tenants
from market_abm.metrics.catalogue import catalogue
from market_abm.metrics.memory import Memory
from market_abm.rules.demand import BUDGET, Market
from market_abm.rules.rents import RENT_PRICING, scarcity
from market_abm.state.columns import (
    INTENSIVE,
    LINK,
    PIPELINE,
    STOCK,
    Table,
    identity,
    intensive,
    link,
    pipeline,
    stock,
)
from market_abm.state.flows import Flow
from market_abm.state.tables import FLOWS, TABLES
from market_abm.state.world import Window, World

settings.register_profile("house", deadline=None, derandomize=True, database=None, max_examples=50)
settings.load_profile("house")

ALIVE = identity("alive", "0 or 1", "Whether the row takes part.")
BIRTH = identity("birth", "key", "Key of its draws.", "uint64")
CASH = stock("cash", "USD", "Money.", counts_as="money", signed=True)

MILLS = Table("mills", "They make goods.", (
    ALIVE, BIRTH, CASH,
    stock("made", "sacks", "Goods made and not yet sold.", counts_as="goods"),
))
SHOPS = Table("shops", "They sell goods.", (
    ALIVE, BIRTH, CASH,
    identity("kind", "code", "What shop it is."),
    link("landlord", "shops", "The shop that owns it."),
    stock("goods", "sacks", "Goods by the mill that made them.", by="mills", counts_as="goods"),
    stock("sales", "USD", "Sales of the quarter."),
    pipeline("coming", "sacks", "Goods ordered, by quarter due.", 4, by="mills"),
    pipeline("staff_coming", "people", "Staff hired, by quarter due.", 3),
    intensive("price", "USD/sack", "Price of the goods.", weight="goods"),
    intensive("mood", "index", "Mood of the house."),
))
GUESTS = Table("guests", "They buy goods.", (
    ALIVE, BIRTH, CASH,
    link("shop", "shops", "Where it buys."),
))
TINY_TABLES = (MILLS, SHOPS, GUESTS)
TINY_FLOWS = (
    Flow("wages", "", "guests.cash", "Money from outside."),
    Flow("shopping", "guests.cash", "shops.cash", "What guests pay."),
    Flow("tax", "shops.cash", "", "Money to outside."),
    Flow("delivery", "mills.made", "shops.goods", "Goods on their way to the shop."),
)
TINY_ROWS = {"mills": 2, "shops": 4, "guests": 5}


def tiny_world(runs=2):
    """Return an empty world of two mills, four shops and five guests."""
    return World(TINY_TABLES, TINY_FLOWS, TINY_ROWS, runs)


def real_world(runs=3, **rows):
    """Return an empty world of the model's own tables, with prime numbers of rows."""
    names = {table.name for table in TABLES} | {c.by for table in TABLES for c in table.columns if c.by}
    usual = {"market": 1, "makers": 5, "clouds": 7, "startups": 31, "regions": 3}
    return World(TABLES, FLOWS, {name: usual.get(name, 6) for name in names} | rows, runs)


def fill(world, rng, living=0.7):
    """Fill every column with random numbers; dead rows hold zeros and name nobody; open the ledger."""
    for table in world.declared.values():
        rows, alive = world.rows[table.name], None
        alive = rng.random((world.runs, rows)) < living
        for column in table.columns:
            array = world.array(f"{table.name}.{column.name}")
            if column.name == "alive":
                array[...] = alive
            elif column.lives == LINK:
                array[...] = np.where(alive, rng.integers(0, world.rows[column.to] + 1, array.shape), world.rows[column.to])
            elif array.dtype == np.uint64:
                array[...] = rng.integers(1, 2**63, array.shape, dtype=np.uint64) * alive
            elif column.lives in (STOCK, PIPELINE, INTENSIVE):
                array[...] = rng.lognormal(2.0, 2.0, array.shape) * alive
            else:
                array[...] = rng.integers(1, 5, array.shape) * alive
    world.ledger.open()


def snapshot(world):
    """Return a copy of every array of a world."""
    return {f"{t.name}.{c.name}": array.copy() for t, c, array in world.each()}


def same_bits(a, b):
    """Return whether two arrays agree in shape, type and every bit."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def whose(rows, runs, **named):
    """Return a mask `(runs, rows)`: `whose(4, 2, run0=[1])` is row 1 of run 0."""
    mask = np.zeros((runs, rows), bool)
    for run, which in named.items():
        mask[int(run.removeprefix("run")), which] = True
    return mask


def row(*values):
    """Return one run of figures, `(1, n)`."""
    return np.array([values], dtype=float)


def measured(columns, rules=None, **rows):
    """Return one run of the model's own tables with some columns set, as metrics see it; rules by section and name."""
    world = real_world(1, **rows)
    for name, values in columns.items():
        array = world.array(name)
        array[...] = np.reshape(np.array(values, array.dtype), array.shape)
    sections = {section: SimpleNamespace(**{k: np.array([[v]]) for k, v in numbers.items()}) for section, numbers in (rules or {}).items()}
    world.rules = SimpleNamespace(**sections)
    view = Window(world, "metrics", ())
    view.memory = Memory()
    return view


def value_of(name, view):
    """Return one metric of a world of one run."""
    [metric] = [metric for metric in catalogue(()) if metric.name == name]
    with np.errstate(all="ignore"):
        return metric.function(view).item()


# The rental market: one cloud, cleared ---------------------------------------------------------------

RENTAL = SimpleNamespace(pricing=np.array([[list(RENT_PRICING).index("scarcity")]]), cost=0, output_speed=0.5, markup_response=0.04, regulated_margin=0.0)


def rental_rules(**clouds):
    """Return rules under which rents move by scarcity."""
    return SimpleNamespace(clouds=SimpleNamespace(**{"provider_elasticity": 2.0, "planned_cost_share": 0.8} | clouds), rental=RENTAL)


def one_cloud(**columns):
    """Return a cloud that rents out at 2 and has a full cost of 1, by columns `(1, 1)`."""
    usual = {"tenant_share": 0.5, "rents_out": 1.0, "sells": 1.0, "alive": 1.0, "kind": 1.0, "contested_rent_usd": 2.0, "list_rent_usd": 0.0,
             "full_cost_usd": 1.0, "service_usd": 0.0, "output_pflop_hours": 0.0, "hour_price_cost_usd": 0.0, "rented_share": 0.0,
             "rented_share_before": 0.0, "quality": 1.0, "appeal": 0.0, "tenant_odds": 1.0}
    told = {name: row(value) for name, value in (usual | columns).items()}
    return SimpleNamespace(**told, profit_weight=np.zeros((1, 1, 1)))


def next_rent(cloud, wants, offered, energy, rules):
    """Return the rent that scarcity gives a cloud, `(1, 1)`, and a public cloud's ceiling."""
    known = rental.sellers(cloud, row(offered), row(wants), row(energy), rules)
    rent = scarcity(known, None, rental.conduct(rules))[1]
    return np.minimum(rent, rental.public_ceiling(cloud, known.floor_usd, rules)) * (cloud.rents_out > 0)


def cleared(reserved, spot_usd, rules, capacity=100.0, inside=0.0, **columns):
    """Clear one cloud on which startups spend `spot_usd` and enterprises nothing."""
    bring = Market(*(row(x) for x in (0.0, 3.0, 12.0, 1.5, 0.5, 1.0)), np.array([[BUDGET]]))
    wants = tenants.Wants(row(reserved), row(spot_usd), row(spot_usd), bring, row(0), row(0), row(0), row(0))
    return tenants.clear(one_cloud(**columns), wants, row(capacity), row(inside), row(0.1), rules)
