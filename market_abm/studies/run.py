"""One scenario, many replicates: advance them batch by batch and gather what was measured."""

import time
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from market_abm.parameters.frame import with_frame
from market_abm.parameters.schema import Configuration
from market_abm.recording.recorder import Recorder
from market_abm.studies.records import choices, packed, unpacked

BATCH = 64  # runs advanced together: beyond it a batch leaves the processor's cache


@dataclass
class Result:
    """What a study measured: `values[metric, quarter, run]`, nan after a failure."""

    config: Configuration
    values: np.ndarray
    labels: tuple[str, ...]
    names: tuple[str, ...]
    seeds: np.ndarray
    failures: list[dict]  # run, quarter, identity, where, amount
    refused_entries: np.ndarray  # founders turned away for want of slots, by run
    seconds: float
    started: float = field(default=0.0)
    recorded: tuple[str, ...] = ()  # what was asked for beyond the usual
    records: dict[str, list[bytes]] = field(default_factory=dict)  # one packed file a batch
    own_rules: dict[str, dict] = field(default_factory=dict)  # what the manifest says of rules of the user's own

    runs = property(lambda self: self.values.shape[2], doc="Number of replicates.")
    seed = property(lambda self: self.config.frame.seed, doc="Seed of the study.")

    @cached_property
    def metrics(self):
        """Return a table with one line a run and quarter: point, run, seed, quarter, then the metrics."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    @cached_property
    def events(self):
        """Return a table with one line an event: entry, exit, acquisition, generation, lever, failure."""
        return unpacked("events", self.records.get("events", []))

    @cached_property
    def edges(self):
        """Return a table with one line an edge, unit and recorded quarter: who bought from, hosts, owns, backs whom."""
        return unpacked("edges", self.records.get("edges", []))

    @cached_property
    def agents(self):
        """Return a table with one line an agent and quarter; empty unless asked for."""
        return unpacked("agents", self.records.get("agents", []))

    def columns(self, point=0):
        """Return {column: values}, run after run, quarter after quarter; `point` is the scenario's number in a study of several."""
        quarters = len(self.labels)
        lead = {
            "point": np.full(self.runs * quarters, point, np.int64),
            "run": np.repeat(np.arange(self.runs), quarters),
            "seed": np.repeat(self.seeds, quarters),
            "quarter": list(self.labels) * self.runs,
        }
        return lead | {name: self.metric(name).T.ravel() for name in self.names}

    def metric(self, name):
        """Return one metric, `(quarters, runs)`."""
        return self.values[self.names.index(name)]


def run(config, runs=None, seed=None, quarters=None, progress=None, record=(), rules=None):
    """Simulate a configuration, or the file of one; `progress(done, total)` counts quarters of runs.

    `record` names what to keep beyond the usual (all events, and edges once a year): `edges` of every quarter,
    every quarter's `agents`, or `none` for events alone. `rules` puts functions of your own in the place of those that the
    configuration names, as in `{"chips.allocation": my_rule}` (docs/rules/own.md). When interrupted, the batches already done
    travel as `kept` on the KeyboardInterrupt.
    """
    from market_abm import engine
    from market_abm.rules import own

    rules = own.check(rules or {})
    config = with_frame(config, runs=runs, seed=seed, quarters=quarters)
    frame, outcomes, record = config.frame, [], choices(record)
    started = time.time()
    clock = time.perf_counter()
    try:
        for first in range(0, frame.runs, BATCH):
            count = min(BATCH, frame.runs - first)
            seeds = engine.run_seeds(frame.seed, first, count)
            outcome = engine.simulate([config] * count, seeds, _counter(frame, first, count, progress), Recorder(record), rules)
            outcomes.append(replace(outcome, records=packed(outcome.records, first, seeds, outcome.labels)))
    except KeyboardInterrupt as stop:
        stop.kept = result_of(config, outcomes, time.perf_counter() - clock, started, BATCH, record, own.told(rules)) if outcomes else None
        raise
    return result_of(config, outcomes, time.perf_counter() - clock, started, BATCH, record, own.told(rules))


def _counter(frame, first, count, progress):
    """Return the function that the engine calls after each quarter of a batch."""
    done = first * frame.quarters

    def after_quarter():
        nonlocal done
        done += count
        progress(done, frame.runs * frame.quarters)

    return after_quarter if progress else lambda: None


def result_of(config, outcomes, seconds, started, batch, recorded=(), own_rules=None):
    """Gather the outcomes of batches of `batch` runs, the last maybe smaller, into one result."""
    values = np.concatenate([outcome.values for outcome in outcomes], axis=2)
    labels = tuple(outcomes[0].labels)
    failures = sorted((
        {"run": place * batch + int(failed.run), "quarter": labels[failed.quarter], "identity": str(failed.identity),
         "where": str(failed.where), "amount": float(failed.amount)}
        for place, outcome in enumerate(outcomes) for failed in outcome.failures
    ), key=lambda failure: failure["run"])
    return Result(
        config, values, labels, tuple(outcomes[0].names),
        np.concatenate([outcome.seeds for outcome in outcomes]), failures,
        np.concatenate([np.ravel(outcome.refused_entries) for outcome in outcomes]), seconds, started,
        tuple(recorded), {name: [outcome.records[name] for outcome in outcomes] for name in outcomes[0].records},
        own_rules or {},
    )
