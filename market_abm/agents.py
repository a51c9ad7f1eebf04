"""Mesa's agents as thin windows on rows of the engine's tables: they hold no figure, so they can never be out of date.

An agent remembers its model, its row and its birth. Every attribute is read from the column of that name when
it is asked for. A slot is let again after a death, so a window compares births before it reads.
"""

import mesa
import numpy as np

from market_abm.errors import did_you_mean
from market_abm.exact import stacked
from market_abm.state.columns import LINK
from market_abm.state.tables import CLOUDS, EVERYBODY_ELSE, HYPERSCALER, MAKERS, NEOCLOUD, PUBLIC_CLOUD, REGIONS, STARTUPS
from market_abm.state.world import Pipe

MESA_MAY_SET = ("model", "unique_id", "pos")  # `pos`: an agent can be put into one of Mesa's spaces
NOT_AS_A_COLUMN = ("alive", "birth")  # the window answers these itself, also for the dead


class AgentHasLeft(AttributeError):
    """Somebody read a figure of an agent that is no longer in the market."""


class _Column:
    """One column of a table, as an attribute of the agents whose rows it has."""

    def __init__(self, column):
        self._column = column
        self.__doc__ = f"{column.says} [{column.unit}]"

    def __get__(self, agent, kind=None):
        """Return a float; a dict by name or an array for a column by another table; agents for a link."""
        if agent is None:
            return self
        if not agent.alive:
            raise AgentHasLeft
        world = agent.model.simulation.world
        array, row, column = world.tables[agent.table][self._column.name], agent.row, self._column
        if isinstance(array, Pipe):
            array = stacked(array.array[..., row : row + 1])
            row = 0
        if not column.by:
            return agent.model.agent_at(column.to, array.item(0, row)) if column.lives == LINK else array.item(0, row)
        cells = array[:, 0, row]
        if column.lives == LINK:
            return tuple(agent.model.agent_at(column.to, int(cell)) for cell in cells)
        names = agent.model.row_names.get(column.by)
        return dict(zip(names, cells.tolist(), strict=True)) if names else _frozen(cells)


def _frozen(cells):
    """Return a copy that cannot be written, so that nobody takes it for the column itself."""
    copy = cells.copy()
    copy.flags.writeable = False
    return copy


class MarketAgent(mesa.Agent):
    """An agent of the market: a read-only window on one row."""

    table = ""

    def __init__(self, *_, **__):
        """Refuse: rows are born in the engine."""
        raise TypeError(f"{type(self).__name__} agents are born in the engine, by its rules of entry; make a mesa.Agent of your own instead")

    @property
    def alive(self):
        """Whether this agent is still in the market."""
        world = self.model.simulation.world
        if not world.runs:  # the run broke an identity and left
            return False
        columns = world.tables[self.table]
        return columns["birth"].item(0, self.row) == self.birth and columns["alive"].item(0, self.row) > 0

    @property
    def name(self):
        """The name of an agent of the cast; of any other its kind and the beginning of its birth key."""
        names = self.model.row_names.get(self.table, ())
        return names[self.row] if self.row < len(names) else f"{type(self).__name__} {self.birth >> 32:08x}"

    def remove(self):
        """Refuse: rows die in the engine."""
        raise TypeError(f"{self.name} cannot be removed: agents of the market leave by the engine's rules of exit")

    def __getattr__(self, name):
        """Say why there is no such figure: the agent has left, or the name is wrong."""
        columns = [] if name.startswith("_") else sorted(columns_of(type(self)))
        if name in columns:
            raise AgentHasLeft(f"{self.name} is no longer in the market, so it has no {name}; ask `agent.alive` first") from None
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}" + (f"; {did_you_mean(name, columns)}" if columns else ""))

    def __setattr__(self, name, value):
        if name not in MESA_MAY_SET:
            raise AttributeError(f"{type(self).__name__}.{name} cannot be set: only the engine writes; "
                                 "change a parameter, date a lever or name another rule in the configuration")
        super().__setattr__(name, value)

    def __repr__(self):
        return f"<{type(self).__name__}: {self.name}{'' if self.alive else ', gone'}>"


class ChipMaker(MarketAgent):
    """A chip maker."""

    table = "makers"


class CloudProvider(MarketAgent):
    """An owner of compute, whatever its kind."""

    table = "clouds"


class Hyperscaler(CloudProvider):
    """A large group whose cloud is one business among several."""


class Neocloud(CloudProvider):
    """A cloud that lives from renting out AI compute."""


class PublicCloud(CloudProvider):
    """A cloud owned by the public."""


class EverybodyElse(CloudProvider):
    """All owners of compute that are not named, in one row."""


class Startup(MarketAgent):
    """A lab that rents its compute and may own chips in the startups' pool."""

    table = "startups"


class EnergyProvider(MarketAgent):
    """The electricity of one region."""

    table = "regions"


OF_TABLE = {kind.table: kind for kind in (ChipMaker, CloudProvider, EnergyProvider, Startup)}
OF_CLOUD_KIND = {HYPERSCALER: Hyperscaler, NEOCLOUD: Neocloud, PUBLIC_CLOUD: PublicCloud, EVERYBODY_ELSE: EverybodyElse}

for _table in (MAKERS, CLOUDS, STARTUPS, REGIONS):
    for _declared in _table.columns:
        if _declared.name not in NOT_AS_A_COLUMN:
            setattr(OF_TABLE[_table.name], _declared.name, _Column(_declared))


def columns_of(kind):
    """Return the names of the columns that agents of a kind show."""
    return {name for base in kind.__mro__ for name, found in vars(base).items() if isinstance(found, _Column)}


def window_on(model, table, row, birth):
    """Open a window on a living row; an owner's class follows from its kind, where there is one for it."""
    kind = OF_TABLE[table]
    if table == "clouds":
        kind = OF_CLOUD_KIND.get(model.simulation.world.array("clouds.kind").item(0, row), kind)
    agent = kind.__new__(kind)
    vars(agent).update(model=model, unique_id=birth, birth=birth, row=row, pos=None)
    return agent


def living(world, table):
    """Return the birth key of every row of a table's only run, 0 where nobody lives."""
    columns = world.tables[table]
    if not world.runs:
        return np.zeros(world.rows[table], np.uint64)
    return np.where(columns["alive"][0] > 0, columns["birth"][0], np.uint64(0))
