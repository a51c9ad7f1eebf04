"""The recorder of a batch: it looks at the world after each quarter and keeps what was asked for."""

from market_abm.recording.agents import AgentLog
from market_abm.recording.edges import EdgeLog
from market_abm.recording.events import events_of
from market_abm.recording.names import Names
from market_abm.state.journal import Journal
from market_abm.units import quarter_label

CHOICES = ("edges", "agents", "none")


class Recorder:
    """Events always; edges in every fourth quarter and the last, or in all; agents when asked for."""

    def __init__(self, record=()):
        """Take what to record beyond the usual: any of `edges` and `agents`, or `none` for events alone."""
        self._record = tuple(record)
        self._edges, self._agents = EdgeLog(), AgentLog()

    def begin(self, simulation):
        """Open the journal of a batch before its first quarter."""
        simulation.world.journal = Journal()

    def after_quarter(self, simulation):
        """Take down the runs that are still there, as the quarter leaves them."""
        if self._wants_edges(simulation.frame, simulation.world.quarter):
            self._edges.take(simulation.world)
        if "agents" in self._record:
            self._agents.take(simulation.world)

    def records(self, simulation, configurations):
        """Return {name: iterator of parts}, each part a dict of columns; runs are places in the batch."""
        names = Names(configurations[0], simulation.world.rows)
        events = events_of(simulation.world.journal.notes, simulation.failures, configurations, names)
        return {"events": iter((events,)), "edges": self._edges.lines(names), "agents": self._agents.lines(names)}

    def _wants_edges(self, frame, quarter):
        sampled = quarter == frame.quarters - 1 or quarter_label(quarter, frame.start).endswith("Q4")
        return "edges" in self._record or (sampled and "none" not in self._record)
