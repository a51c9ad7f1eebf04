"""The engine: advance all runs of a batch together, quarter by quarter, through the one list of phases."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from market_abm.checks import Breach, broken
from market_abm.levers.in_force import rules_in_force
from market_abm.metrics.catalogue import catalogue_of
from market_abm.metrics.memory import Memory
from market_abm.opening import open_world
from market_abm.parameters.schema import Parameters
from market_abm.phases.quarter import QUARTER
from market_abm.randomness import GOLDEN, Draws, finalise
from market_abm.rules import own
from market_abm.state.world import Window
from market_abm.units import quarter_label

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

    def __init__(self, configurations, seeds, own_rules=None, metrics=None):
        """Take one configuration and one seed a run; all must share cast names, slots and length.

        `own_rules` are functions in the place of the rules that a configuration names, {key: function}; `metrics` names
        what to measure, by default everything.
        """
        self.wanted = metrics
        self.own_rules = own.check(own_rules or {})
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
        known = catalogue_of(self.cast)
        self.metrics = [metric for metric in known if self.wanted is None or metric.name in self.wanted]

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
            with own.in_place(self.own_rules):
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

    def branch(self, rules, copied):
        """Let copies of runs go on under other rules, as further runs at the end of the batch.

        `copied` are places in the batch, `rules` one `Parameters` a quarter with `(len(copied), 1)` numbers. What has failed
        has failed in its copy too. No recorder follows a branch.
        """
        standing, more = len(self.seeds), np.asarray(copied)
        now = {int(run): place for place, run in enumerate(self.running)}
        there = [k for k, run in enumerate(more.tolist()) if run in now]
        self.failures += [replace(breach, run=standing + k) for breach in self.failures for k in np.flatnonzero(more == breach.run).tolist()]
        self.rules = [_joined(mine, theirs) for mine, theirs in zip(self.rules, rules, strict=True)]
        self.seeds = np.concatenate([self.seeds, self.seeds[more]])
        rows = np.concatenate([np.arange(len(self.running)), np.array([now[int(more[k])] for k in there], np.int64)])
        self.running = np.concatenate([self.running, standing + np.array(there, np.int64)])
        self._take(rows)

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
        self._take(kept)

    def _take(self, rows):
        """Go on with the given rows of the running runs, each as often as it is named."""
        self.world.keep(rows)
        self.world.members = self.running.copy()
        self.memory.keep(rows)
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
    return _each_number(lambda numbers: np.take(numbers, runs, axis=0), rules)


def _joined(*several):
    """Return the rules of several batches as those of one."""
    return _each_number(lambda *numbers: np.concatenate(numbers), *several)


def _each_number(function, *several):
    """Return the rules that a function makes of each number of several."""
    def section(name):
        parts = [getattr(rules, name) for rules in several]
        return type(parts[0])(**{f.name: function(*(getattr(part, f.name) for part in parts)) for f in fields(parts[0])})

    return Parameters(**{f.name: section(f.name) for f in fields(several[0])})


def simulate(configurations, seeds, on_quarter=None, recorder=None, own_rules=None, metrics=None):
    """Run a batch to its end and return its metrics.

    `configurations` is one a run, `seeds` uint64; `on_quarter()` is called after every quarter; a recorder
    looks on; `own_rules` stand in for named ones; `metrics` names those to measure, by default all. A run's figures are
    the same to the last bit in whatever batch it ran.
    """
    simulation = Simulation(configurations, seeds, own_rules, metrics)
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
    records = recorder.records(simulation, configurations) if recorder is not None else {}
    return _outcome_of(simulation, values, 0, len(simulation.seeds), records)


def simulate_policies(configurations, seeds, on_quarter=None):
    """Run a baseline and policies on the same seeds, all in lockstep, and return one Outcome a configuration.

    The first configuration is the baseline; the others may differ from it in anything but their shape. As long as
    a policy's rules are the baseline's, so are its runs: they are advanced once, and branched in the first quarter in which
    a rule differs. `on_quarter(runs)` is called after every quarter with the number of runs advanced. Figures are the same to
    the last bit as those of each configuration alone.
    """
    frame, count = configurations[0].frame, len(seeds)
    rules = [rules_in_force([c], frame.quarters) for c in configurations]
    partings = [parting(rules[0], other) if config.cast == configurations[0].cast else 0 for config, other in zip(configurations, rules, strict=True)]
    blocks = [place for place, quarter in enumerate(partings) if place == 0 or quarter == 0]
    simulation = Simulation([configurations[place] for place in blocks for _ in range(count)], np.tile(seeds, len(blocks)))
    values = np.full((len(configurations), len(simulation.metrics), frame.quarters, count), np.nan)
    for q in range(frame.quarters):
        for place, quarter in enumerate(partings):
            if place and q and quarter == q:
                simulation.branch([_for_runs(now, np.zeros(count, np.int64)) for now in rules[place]], np.arange(count))
                blocks.append(place)
        if len(simulation.running):
            simulation.step()
        if len(simulation.running):
            measured = np.full((values.shape[1], len(blocks) * count), np.nan)
            measured[:, simulation.running] = simulation.measure()
            for place in range(len(configurations)):
                block = blocks.index(place) if place in blocks else 0
                values[place, :, q] = measured[:, block * count : (block + 1) * count]
        if on_quarter is not None:
            on_quarter(len(blocks) * count)
    return [_outcome_of(simulation, values[place], blocks.index(place) if place in blocks else 0, count) for place in range(len(configurations))]


def parting(rules, others):
    """Return the first quarter in which two sets of rules differ; their length if they never do."""
    for q, (mine, theirs) in enumerate(zip(rules, others, strict=True)):
        for section in fields(mine):
            one, other = getattr(mine, section.name), getattr(theirs, section.name)
            if any(not np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one)):
                return q
    return len(rules)


def _outcome_of(simulation, values, block, count, records=None):
    """Return what a block of `count` runs of the batch leaves, its runs counted from its own first."""
    first, frame = block * count, simulation.frame
    refused = np.full(len(simulation.seeds), np.nan)
    refused[simulation.running] = simulation.world.array("market.refused_entries")[:, 0]
    failures = tuple(replace(f, run=f.run - first) for f in simulation.failures if first <= f.run < first + count)
    labels = tuple(quarter_label(q, frame.start) for q in range(frame.quarters))
    return Outcome(labels, tuple(m.name for m in simulation.metrics), values, simulation.seeds[:count], failures, refused[first : first + count],
                   records or {})
