"""Agents at the end of a quarter: one line for each that is alive; stocks by maker, region or quarter due are summed."""

import numpy as np

from market_abm.exact import flattened
from market_abm.recording.lines import by_run, gathered, same_word
from market_abm.state.columns import LINK, PIPELINE, STOCK
from market_abm.state.tables import TABLES

AGENTS = tuple(table for table in TABLES if table.name != "market")
ADDITIVE = (STOCK, PIPELINE)
NOT_SHOWN = ("alive", "birth", "occupied")
RENAMED = {"kind": "kind_code"}  # `kind` says which table


def shown(table):
    """Return the columns of a table that have one number or one link a row, or that add up to one."""
    return [c for c in table.columns if (not c.by or c.lives in ADDITIVE) and c.name not in NOT_SHOWN]


class AgentLog:
    """The agents of a batch, compact until the names are put in."""

    def __init__(self):
        self._chunks = {table.name: [] for table in AGENTS}

    def take(self, world):
        """Take down all agents of the world that are alive as it stands."""
        for table in AGENTS:
            runs, rows = np.nonzero(world.array(f"{table.name}.alive"))
            chunk = {"run": world.members[runs].astype(np.int32), "quarter": np.full(len(runs), world.quarter, np.int16),
                     "row": rows.astype(np.int32), "birth": world.array(f"{table.name}.birth")[runs, rows]}
            for column in shown(table):
                values = flattened(world.array(f"{table.name}.{column.name}"))[runs, rows]
                chunk[f"its {column.name}"] = values.astype(np.int16) if column.lives == LINK else values
            self._chunks[table.name].append(chunk)

    def lines(self, names):
        """Yield the lines of each kind, by run and quarter, and let go of what was taken down."""
        for table in AGENTS:
            chunks = self._chunks.pop(table.name)
            if not chunks:
                continue
            raw = by_run(gathered(chunks))
            lines = {"run": raw["run"], "quarter": raw["quarter"], "kind": same_word(table.name, len(raw["run"])),
                     "agent": names.of(table.name, raw.pop("row"), raw.pop("birth"))}
            for column in shown(table):
                values = raw.pop(f"its {column.name}")
                lines[RENAMED.get(column.name, column.name)] = names.of(column.to, values) if column.lives == LINK else values
            yield lines
