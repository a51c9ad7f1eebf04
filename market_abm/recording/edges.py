"""Edges at the end of a quarter: who bought from whom, who hosts, owns and backs whom."""

from dataclasses import dataclass

import numpy as np

from market_abm.exact import ratio
from market_abm.recording.lines import by_run, gathered, same_word


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of one sort in one quarter: runs are positions in the world; `amounts` has one number an edge for each unit."""

    edge: str
    source: str
    target: str
    runs: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    amounts: dict[str, np.ndarray]


class EdgeLog:
    """The edges of a batch, compact until the names are put in."""

    def __init__(self):
        self._chunks = {}

    def take(self, world):
        """Take down all edges of the world as it stands."""
        for edges in edges_now(world):
            births = [world.array(f"{table}.birth")[edges.runs, rows]
                      for table, rows in ((edges.source, edges.sources), (edges.target, edges.targets))]
            rows = (edges.sources.astype(np.int32), edges.targets.astype(np.int32))
            chunk = {"run": world.members[edges.runs].astype(np.int32), "quarter": np.full(len(edges.runs), world.quarter, np.int16),
                     "source": rows[0], "target": rows[1], "source birth": births[0], "target birth": births[1], **edges.amounts}
            self._chunks.setdefault((edges.edge, edges.source, edges.target, tuple(edges.amounts)), []).append(chunk)

    def lines(self, names):
        """Yield the lines of each sort of edge and each unit, by run and quarter."""
        for (edge, source, target, units), chunks in self._chunks.items():
            raw = by_run(gathered(chunks))
            count = len(raw["run"])
            lines = {"run": raw["run"], "quarter": raw["quarter"], "edge": same_word(edge, count),
                     "source_kind": same_word(source, count), "source": names.of(source, raw["source"], raw["source birth"]),
                     "target_kind": same_word(target, count), "target": names.of(target, raw["target"], raw["target birth"])}
            for unit in units if count else ():
                yield lines | {"amount": raw[unit], "unit": same_word(unit, count)}


def edges_now(world):
    """Return all edges of the world as it stands.

    Startups that closed during the quarter have none; what a cloud bought before it was taken over is its heir's.
    """
    yield _bought(world)
    yield _hosts(world)
    yield _linked(world, "owns", "clouds", "parent", "share")
    yield _linked(world, "owns", "makers", "parent", "share")
    yield _held(world)
    yield _linked(world, "backs", "startups", "backer", "0 or 1")


def _bought(world):
    """Chips delivered, maker to owner, at the maker's mean price of the quarter."""
    delivered = np.moveaxis(world.array("clouds.delivered_pflops"), -2, 0)
    price = ratio(world.array("makers.sales_usd"), world.array("makers.sold_pflops"))
    runs, makers, owners = np.nonzero(delivered)
    pflops = delivered[runs, makers, owners]
    return Edges("bought", "makers", "clouds", runs, makers, owners, {"PFLOP/s": pflops, "USD": pflops * price[runs, makers]})


def _hosts(world):
    """Hours that startups rented and what they were billed for them, credits included."""
    provider = world.array("startups.provider")
    hours = world.array("startups.training_pflop_hours") + world.array("startups.serving_pflop_hours")
    billed = world.array("startups.billed_usd")
    runs, rows = np.nonzero((hours > 0) & (provider < world.rows["clouds"]))
    return Edges("hosts", "clouds", "startups", runs, provider[runs, rows], rows, {"PFLOP-h": hours[runs, rows], "USD": billed[runs, rows]})


def _linked(world, edge, table, column, unit):
    """Whoever a link names, to the row that has the link: all of it."""
    link = world.array(f"{table}.{column}")
    runs, rows = np.nonzero((link < world.rows["clouds"]) & (world.array(f"{table}.alive") > 0))
    return Edges(edge, "clouds", table, runs, link[runs, rows], rows, {unit: np.ones(len(runs))})


def _held(world):
    """Shares of startups that clouds hold."""
    stake, holder = (np.moveaxis(world.array(f"startups.{name}"), -2, 0) for name in ("stake", "holder"))
    runs, places, rows = np.nonzero((stake > 0) & (holder < world.rows["clouds"]))
    return Edges("owns", "clouds", "startups", runs, holder[runs, places, rows], rows, {"share": stake[runs, places, rows]})
