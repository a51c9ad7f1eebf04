"""The engine: advance all runs of a batch together, quarter by quarter, through the one list of phases."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from market_abm.checks import Breach, broken
from market_abm.levers.in_force import rules_in_force
from market_abm.metrics.catalogue import catalogue
from market_abm.metrics.memory import Memory
from market_abm.opening import open_world
from market_abm.parameters.schema import Parameters
from market_abm.phases.quarter import QUARTER
from market_abm.randomness import GOLDEN, Draws, finalise
from market_abm.state.world import Window
from market_abm.units import quarter_label, slug

MADE_ANEW = ("_phases", "view", "metrics")  # of a simulation that is copied or stored


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a batch leaves: `values` is `(metrics, quarters, runs)`, nan after a run failed; `records` are the recorder's."""

    labels: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray
    seeds: np.ndarray
    failures: tuple[Breach, ...]
    refused_entries: np.ndarray
    records: dict = field(default_factory=dict)


def run_seeds(seed, first, count):
    """Return the seeds of runs `first` to `first + count - 1` of a study, uint64; run r has the same in any batch."""
    runs = np.arange(first, first + count, dtype=np.uint64)
    return finalise(finalise(np.full(count, seed, np.uint64) + GOLDEN) ^ (runs * GOLDEN))


class Simulation:
    """A batch of runs that can be stepped a quarter at a time."""

    def __init__(self, configurations, seeds):
        """Take one configuration and one seed a run; all must share cast names, slots and length."""
        with np.errstate(all="ignore"):
            self.frame, self.cast = configurations[0].frame, configurations[0].cast
            self.seeds = np.asarray(seeds, np.uint64)
            self.rules = rules_in_force(configurations, self.frame.quarters)
            self.world = open_world(configurations, self.seeds, self.rules[0])
        self.running = np.arange(len(self.seeds))  # runs that have not failed, by their place in the batch
        self.failures = []
        self.quarter = 0
        self.memory = Memory()
        self._open_windows()

    def _open_windows(self):
        self._phases = [(phase, Window(self.world, phase.name, phase.writes)) for phase in QUARTER]
        self.view = Window(self.world, "metrics", ())
        self.view.memory = self.memory
        self.metrics = catalogue([slug(cloud.name) for cloud in self.cast.clouds])

    def __getstate__(self):
        """Leave the windows out of a copy: a view that is copied no longer looks at the columns of its world."""
        return {name: value for name, value in vars(self).items() if name not in MADE_ANEW}

    def __setstate__(self, state):
        """Open new windows on the copied world."""
        vars(self).update(state)
        self._open_windows()

    def step(self):
        """Advance every run by one quarter; runs that break an identity leave the batch."""
        world, q = self.world, self.quarter
        with np.errstate(all="ignore"):
            world.quarter = q
            world.rules = self._rules_now()
            world.draws = Draws(self.seeds[self.running], q)
            world.ledger.open()
            for phase, window in self._phases:
                phase.function(window)
            self._drop(broken(world))
        self.quarter += 1

    def measure(self):
        """Return every metric of the quarter just stepped, `(metrics, running runs)`."""
        self.view.forget()
        with np.errstate(all="ignore"):
            values = np.stack([metric.function(self.view)[:, 0] for metric in self.metrics])
        values[np.isnan(values)] = np.nan  # one bit pattern for missing, so that equal results are equal bytes
        return values

    def _rules_now(self):
        rules = self.rules[self.quarter]
        if len(self.running) == len(self.seeds):
            return rules
        return _for_runs(rules, self.running)

    def _drop(self, breaches):
        """Take broken runs out: the first breach of each is its reason; its batch-mates go on unharmed."""
        first = {}
        for breach in breaches:
            first.setdefault(breach.run, breach)
        if not first:
            return
        for place, breach in first.items():
            run = int(self.running[place])
            self.failures.append(replace(breach, run=run, where=self._named(breach.where)))
        kept = np.array([i for i in range(len(self.running)) if i not in first], dtype=np.int64)
        self.running = self.running[kept]
        self.world.keep(kept)
        self.memory.keep(kept)
        self.world.rules = self._rules_now()
        self.world.lasting = Draws(self.seeds[self.running], -1)
        self.world.draws = Draws(self.seeds[self.running], self.quarter)
        self._open_windows()

    def _named(self, where):
        """Add the agent's name to a place such as "clouds.cash_usd row 2"."""
        table, row = where.partition(".")[0], where.partition(" row ")[2]
        agents = getattr(self.cast, table, ())
        return f"{where} ({agents[int(row)].name})" if row.isdigit() and int(row) < len(agents) else where


def _for_runs(rules, runs):
    """Return the rules of some runs of a batch."""
    def part(section):
        return type(section)(**{f.name: np.take(getattr(section, f.name), runs, axis=0) for f in fields(section)})

    return Parameters(**{f.name: part(getattr(rules, f.name)) for f in fields(rules)})


def simulate(configurations, seeds, on_quarter=None, recorder=None):
    """Run a batch to its end and return its metrics.

    `configurations` is one a run, `seeds` uint64; `on_quarter()` is called after every quarter; a recorder
    looks on. A run's figures are the same to the last bit in whatever batch it ran.
    """
    simulation = Simulation(configurations, seeds)
    if recorder is not None:
        recorder.begin(simulation)
    frame = simulation.frame
    values = np.full((len(simulation.metrics), frame.quarters, len(simulation.seeds)), np.nan)
    for q in range(frame.quarters):
        if len(simulation.running):
            simulation.step()
        if len(simulation.running):  # the last may just have left
            values[:, q, simulation.running] = simulation.measure()
            if recorder is not None:
                with np.errstate(all="ignore"):
                    recorder.after_quarter(simulation)
        if on_quarter is not None:
            on_quarter()
    refused = np.full(len(simulation.seeds), np.nan)
    refused[simulation.running] = simulation.world.array("market.refused_entries")[:, 0]
    labels = tuple(quarter_label(q, frame.start) for q in range(frame.quarters))
    records = recorder.records(simulation, configurations) if recorder is not None else {}
    names = tuple(m.name for m in simulation.metrics)
    return Outcome(labels, names, values, simulation.seeds, tuple(simulation.failures), refused, records)
