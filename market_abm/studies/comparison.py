"""Policies against a baseline: the same seeds under each, in lockstep, and what differs."""

import os
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.parameters.frame import with_frame
from market_abm.parameters.loading import with_levers
from market_abm.parameters.schema import Configuration, DatedLever
from market_abm.studies.effects import effects_of
from market_abm.studies.names import catalogued
from market_abm.studies.run import Result, result_of
from market_abm.studies.summary import ROUND_DATE
from market_abm.units import quarter_label, quarter_number

TOGETHER = 256  # runs advanced together, policies and seeds: measured fastest, and half a GB
COMPARED = ("hhi_compute_owned", "hhi_chip_sales", "hhi_ai_revenue", "startups_alive", "price_usd_per_pflop_hour", "frontier_run_flop")


@dataclass
class Comparison:
    """A baseline, the same seeds under each policy, and what differs."""

    baseline: Result
    results: dict[str, Result]  # by policy, in the order asked for
    policies: dict[str, tuple[DatedLever, ...]]  # what each adds to the baseline
    metrics: tuple[str, ...] = COMPARED
    quarters: tuple[str, ...] = (ROUND_DATE,)

    config = property(lambda self: self.baseline.config, doc="The baseline's configuration.")
    runs = property(lambda self: self.baseline.runs, doc="Number of paired seeds.")
    labels = property(lambda self: self.baseline.labels, doc="Quarters, as in 2026Q1.")
    seconds = property(lambda self: self.baseline.seconds, doc="Time that the simulation of all took.")

    @cached_property
    def effects(self):
        """Return one dict a policy, metric and quarter: baseline, difference, interval, spread, theory's sign, verdict."""
        return effects_of(self.baseline, self.results, self.policies, self.metrics, self.quarters)

    @property
    def table(self):
        """Return the effects as a pandas table."""
        import pandas as pd

        return pd.DataFrame(self.effects)

    @property
    def idle(self):
        """Return the policies that change nothing up to the last quarter compared."""
        until = max(self.labels.index(quarter) for quarter in self.quarters) + 1
        return [name for name, result in self.results.items()
                if np.array_equal(result.values[:, :until], self.baseline.values[:, :until], equal_nan=True)]

    @property
    def failures(self):
        """Return failures of all scenarios, each with the name of its policy, empty for the baseline."""
        return [{"policy": name} | failure for name, result in self.scenarios.items() for failure in result.failures]

    @property
    def scenarios(self):
        """Return {policy: result} with the baseline first, under no name."""
        return {"": self.baseline, **self.results}


def compare(config, levers, runs=None, seed=None, quarters=None, metrics=None, at=None, starts=(), progress=None):
    """Run policies against a configuration, or the file of one, on the same seeds.

    `levers` names the policies: each a lever, several joined by + or a file of levers, with @QUARTER for another start.
    `metrics` and `at` (quarters) say what is compared; with `starts` every policy is tried from each of these quarters.
    `progress(done, total)` counts quarters of runs. Returns a `Comparison`; when interrupted, the batches of seeds already
    done travel as `kept` on the KeyboardInterrupt.
    """
    return planned(config, levers, runs, seed, quarters, metrics, at, starts).carried_out(progress)


@dataclass(frozen=True)
class Plan:
    """A comparison that has been found possible."""

    config: Configuration
    scenarios: dict[str, Configuration]
    metrics: tuple[str, ...]
    quarters: tuple[str, ...]

    def carried_out(self, progress=None):
        """Simulate it, and return the comparison."""
        try:
            return self._compared(_simulated(self.config, list(self.scenarios.values()), progress))
        except KeyboardInterrupt as stop:
            stop.kept = self._compared(stop.kept) if getattr(stop, "kept", None) else None
            raise

    def _compared(self, results):
        policies = {name: scenario.levers[len(self.config.levers):] for name, scenario in self.scenarios.items()}
        return Comparison(results[0], dict(zip(self.scenarios, results[1:], strict=True)), policies, self.metrics, self.quarters)


def planned(config, levers, runs=None, seed=None, quarters=None, metrics=None, at=None, starts=()):
    """Check what is asked of a comparison before anything is written, and return its plan."""
    config = with_frame(config, runs=runs, seed=seed, quarters=quarters)
    return Plan(config, _scenarios(config, levers, starts), *_chosen(config, metrics, at))


def _simulated(config, scenarios, progress):
    """Return the baseline's result and each scenario's, batch by batch of seeds."""
    from market_abm import engine

    frame, everything = config.frame, [config, *scenarios]
    size = max(1, TOGETHER // len(everything))
    advance, parts, started, clock = _counter(everything, progress), [], time.time(), time.perf_counter()

    def gathered():
        seconds = time.perf_counter() - clock
        return [result_of(scenario, [part[place] for part in parts], seconds, started, size) for place, scenario in enumerate(everything)]

    try:
        for first in range(0, frame.runs, size):
            seeds = engine.run_seeds(frame.seed, first, min(size, frame.runs - first))
            parts.append(engine.simulate_policies(everything, seeds, on_quarter=advance))
    except KeyboardInterrupt as stop:
        stop.kept = gathered() if parts else None
        raise
    return gathered()


def _counter(everything, progress):
    """Return the function that the engine calls after each quarter with the number of runs that it has advanced."""
    from market_abm.engine import parting
    from market_abm.levers.in_force import rules_in_force

    if progress is None:
        return None
    frame = everything[0].frame
    rules = [rules_in_force([config], frame.quarters) for config in everything]
    apart = [parting(rules[0], other) for other in rules[1:]]
    total, done = frame.runs * (frame.quarters + sum(frame.quarters - quarter for quarter in apart)), 0

    def advance(runs):
        nonlocal done
        done += runs
        progress(done, total)

    return advance


def _scenarios(config, levers, starts):
    """Return {name of a policy: its configuration}."""
    levers, starts = _texts(levers), _texts(starts) or ("",)
    dated = [text for text in levers if "@" in text and not os.path.isfile(text)]
    if starts != ("",) and dated:
        raise BadInput(*(Problem("--start", f"cannot move {text}, which names a start of its own", "leave one of them out", key=starts[0])
                         for text in dated))
    if not levers:
        raise BadInput(Problem("--lever", "names no policy to compare", "for example --lever documentation_mandate --lever break_up+faster_grid"))
    scenarios = {}
    for text in levers:
        scenario, name = scenario_of(config, text), Path(text).stem if os.path.isfile(text) else text
        for start in starts:
            full = f"{f'({name})' if '+' in name else name}@{start}" if start else name
            if full in scenarios:
                raise BadInput(Problem("--lever", "is the name of two policies", "give one of the files another name", key=full))
            scenarios[full] = _from(scenario, start, len(config.levers))
    return scenarios


def scenario_of(config, policy):
    """Return a configuration under one policy, written as for `compare`."""
    return with_levers(config, _parts(policy))


def _parts(text):
    """Split a policy at its plus signs, unless it is the name of a file."""
    parts = [text] if os.path.isfile(text) else [part.strip() for part in text.split("+")]
    if not all(parts):
        raise BadInput(Problem("--lever", "names a policy with an empty part", "write for example break_up+faster_grid", key=text))
    return parts


def _from(scenario, start, standing):
    """Return a scenario whose own levers start in another quarter; those that stood before keep theirs."""
    if not start:
        return scenario
    try:
        quarter_number(start, start)
    except ValueError as error:
        raise BadInput(Problem("--start", str(error), "", key=start)) from None
    own = tuple(replace(lever, start=start, end=_moved(lever, start)) for lever in scenario.levers[standing:])
    return replace(scenario, levers=scenario.levers[:standing] + own)


def _moved(lever, start):
    """Return the end of a lever that starts in another quarter and lasts as long."""
    return quarter_label(quarter_number(lever.end, lever.start), start) if lever.end else ""


def _texts(given):
    """Return one text or several as a tuple without doubles."""
    return (given,) if isinstance(given, str) else tuple(dict.fromkeys(given or ()))


def _near(name, known):
    """Return the nearest known name as a remedy; a whole list of hundreds would help nobody."""
    near = did_you_mean(name, known)
    return near if near.startswith("did") else "see `market-abm describe metrics`"


def _chosen(config, metrics, at):
    """Return the metrics and quarters to compare, after a check; by default a few metrics, in 2030Q4 or at the end."""
    known = catalogued(config)
    metrics = _texts(metrics) or COMPARED
    frame, problems = config.frame, []
    problems += [Problem("--metrics", "is no metric", _near(str(name), known), key=str(name)) for name in metrics if name not in known]
    labels = [quarter_label(q, frame.start) for q in range(frame.quarters)]
    at = _texts(at) or (ROUND_DATE if ROUND_DATE in labels else labels[-1],)
    problems += [Problem("--at", f"must be a quarter of the run, {labels[0]} to {labels[-1]}", f"write for example {labels[-1]}", key=str(quarter))
                 for quarter in at if quarter not in labels]
    if problems:
        raise BadInput(*problems)
    return metrics, at
