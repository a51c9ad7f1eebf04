"""One world of the engine as a Mesa model: Mesa's tools outside, the same figures to the last bit inside."""

from contextlib import suppress
from functools import partial

import mesa
import numpy as np

from market_abm.agents import OF_TABLE, MarketAgent, living, window_on
from market_abm.engine import Simulation, run_seeds
from market_abm.parameters.frame import with_frame
from market_abm.recording.names import names_of_rows
from market_abm.units import quarter_label


class BrokenIdentity(Exception):
    """The run broke an identity of its accounts and has ended."""

    def __init__(self, quarter, identity, where, amount):
        super().__init__(quarter, identity, where, amount)
        self.quarter, self.identity, self.where, self.amount = quarter, identity, where, amount

    def __str__(self):
        return f"{self.quarter}: {self.identity} does not hold at {self.where}: off by {self.amount:.6g}; the run has ended"


class ComputeMarket(mesa.Model):
    """The market for AI compute, one world, one quarter a step.

    `config` is a Configuration or the path of one; `rng` an integer seed, by default that of the
    configuration. The figures are those of run 0 of `market_abm.run(config, seed=rng)`. After the last
    quarter of the frame `running` is False and a further step changes nothing.
    """

    def __init__(self, config, rng=None, *, rules=None, model_reporters=None, agent_reporters=None, agenttype_reporters=None, tables=None):
        """Open the world; reporters are those of Mesa's DataCollector, in addition to every metric of the engine.

        `rules` puts functions of your own in the place of the rules that the configuration names, as `market_abm.run` does.
        """
        self.configuration = with_frame(config, runs=1, seed=_whole_seed(rng))
        frame = self.configuration.frame
        super().__init__(rng=frame.seed)
        self._counted_step = self.step  # Mesa's, which counts and then calls ours
        self.step = self._step_if_any_is_left
        self.simulation = Simulation([self.configuration], run_seeds(frame.seed, 0, 1), rules)
        cast = self.simulation.cast
        self.row_names = {kind: names_of_rows(cast, kind, self.simulation.world.rows[kind]) for kind in ("makers", "clouds", "regions")}
        self.metrics = {metric.name: float("nan") for metric in self.simulation.metrics}
        self._fault = None
        self._opened, self._in_line, self._tidy = False, False, False
        self._windows = {table: {} for table in OF_TABLE}
        self._births = {table: np.zeros(self.simulation.world.rows[table], np.uint64) for table in OF_TABLE}
        self._numbered = 0
        self.datacollector = mesa.DataCollector(
            model_reporters={"quarter": "quarter"} | {name: partial(_metric, name=name) for name in self.metrics} | (model_reporters or {}),
            agent_reporters=_by_name(agent_reporters),
            agenttype_reporters={kind: _by_name(asked) for kind, asked in (agenttype_reporters or {}).items()},
            tables=tables)

    # Time -------------------------------------------------------------------------------------------

    @property
    def quarter(self):
        """The quarter that was last simulated, such as "2026Q1"; None before the first."""
        done = self.simulation.quarter
        return quarter_label(done - 1, self.configuration.frame.start) if done else None

    def _step_if_any_is_left(self):
        """Step, count and collect, unless the frame is at its end or the run has ended before it."""
        if self._fault is not None:
            raise self._fault
        if self.simulation.quarter < self.configuration.frame.quarters:
            self._counted_step()

    def step(self):
        """Simulate one quarter, let a subclass's own agents act, and collect data; after the end do nothing."""
        self._advance()
        self.metrics = dict(zip(self.metrics, self.simulation.measure()[:, 0].tolist(), strict=True))
        self._in_line = False
        if self._opened:
            self._bring_in_line()
        self.quarter_ends()
        self.datacollector.collect(self)
        if self.simulation.quarter >= self.configuration.frame.quarters:
            self.running = False

    def quarter_ends(self):
        """Do nothing; a subclass lets its own agents act here, before the quarter's data are collected."""

    def _advance(self):
        """Step the engine; a run that broke, or was interrupted half way, can never be stepped again."""
        self._fault = RuntimeError("a quarter was interrupted half way, so the world is spoilt; make the model anew")
        self.simulation.step()
        self._fault = None
        if self.simulation.failures:
            [breach] = self.simulation.failures
            label = quarter_label(breach.quarter, self.configuration.frame.start)
            self._fault = BrokenIdentity(label, breach.identity, breach.where, breach.amount)
            self.running, self._in_line = False, False
            raise self._fault

    # Agents -----------------------------------------------------------------------------------------

    @property
    def agents(self):
        """All agents alive: those of the user first, then chip makers, owners of compute, energy providers, startups."""
        self._bring_in_line()
        return super().agents

    @property
    def agents_by_type(self):
        """An AgentSet for each kind of agent."""
        self._bring_in_line()
        return super().agents_by_type

    @property
    def agent_types(self):
        """The kinds of agents that there are or were."""
        self._bring_in_line()
        return super().agent_types

    def agent_at(self, table, row):
        """Return the agent that lives in a row of a table, or None."""
        self._bring_in_line()
        return self._windows[table].get(row)

    def register_agent(self, agent):
        """Take an agent in, numbered here: Mesa 3.3's own counter would keep every model in memory for ever."""
        super().register_agent(agent)
        getattr(type(agent), "_ids", {}).pop(self, None)
        if isinstance(agent, MarketAgent):
            agent.unique_id = agent.birth
        else:
            self._numbered += 1
            agent.unique_id, self._tidy = self._numbered, False

    def _bring_in_line(self):
        """Open windows on the new-born and take the dead out, once after each step; keep the order of tables and rows."""
        self._opened = True
        if not self._in_line:
            self._in_line = True
            for table in OF_TABLE:
                self._renew(table)
        if not self._tidy:
            self._tidy = True
            for table in OF_TABLE:
                self._put_in_order(table)

    def _renew(self, table):
        births, windows = living(self.simulation.world, table), self._windows[table]
        for row in np.flatnonzero(births != self._births[table]).tolist():
            self._tidy = False
            if row in windows:
                with suppress(KeyError):  # the user took it out of a set
                    self.deregister_agent(windows.pop(row))
            if births[row]:
                windows[row] = window_on(self, table, row, int(births[row]))
                self.register_agent(windows[row])
        self._births[table] = births

    def _put_in_order(self, table):
        """Move the windows on a table to the end of their sets, row by row: looking earlier or later changes no order."""
        everybody, of_type = super().agents, super().agents_by_type
        for _, agent in sorted(self._windows[table].items()):
            for agents in (everybody, of_type[type(agent)]):
                agents.discard(agent)
                agents.add(agent)


def _metric(model, name):
    return model.metrics[name]


class _Attribute:
    """A reporter that reads an attribute, None where there is none; unlike Mesa's own it can be pickled."""

    def __init__(self, name):
        self.name = name

    def __call__(self, agent):
        return getattr(agent, self.name, None)


def _by_name(reporters):
    return {name: _Attribute(asked) if isinstance(asked, str) else asked for name, asked in (reporters or {}).items()}


def _whole_seed(rng):
    """Return an integer seed, drawing one from whatever else Mesa takes for `rng` (a generator, a sequence of integers)."""
    if rng is None or hasattr(rng, "__index__"):
        return rng
    if isinstance(rng, str):  # a text field of Mesa's dashboard
        return int(rng)
    return int(np.random.default_rng(rng).integers(2**53))
