"""Names of agents: those of the cast by row; startups by quarter of entry and order within it."""

import numpy as np

from market_abm.randomness import MOST_BIRTHS, birth_key, lab_birth, name_key
from market_abm.recording.lines import NONE, Words
from market_abm.units import quarter_label


def names_of_rows(cast, table, rows):
    """Return a name for every row of a table: those of the cast, then those of spare rows."""
    named = [agent.name for agent in getattr(cast, table, ())]
    return named + [f"spare {table.removesuffix('s')} {n + 1}" for n in range(rows - len(named))]


class Names:
    """The names of one batch."""

    def __init__(self, configuration, rows):
        """Take a configuration of the batch, whose cast, start and length all share, and the rows of each table."""
        self._cast, self._frame, self._rows, self._births = configuration.cast, configuration.frame, rows, None

    def of(self, table, rows, keys=None):
        """Return the names of rows of a table; of startups by the births of who stands in them. Past the last row is nobody."""
        return self._of_startups(keys) if table == "startups" else self._of_cast(table, rows)

    def _of_cast(self, table, rows):
        codes = np.where(rows < self._rows[table], rows, NONE)
        return Words(codes.astype(np.int32), tuple(names_of_rows(self._cast, table, self._rows[table])))

    def _labs(self):
        """Return {key: name} of the labs that owners of the cast may have to let go."""
        rows, known = names_of_rows(self._cast, "clouds", self._rows["clouds"]), len(self._cast.clouds)
        keys = [name_key(f"clouds {name}") for name in rows[:known]] + [name_key(f"clouds spare {n}") for n in range(len(rows) - known)]
        return dict(zip(lab_birth(np.array(keys, np.uint64)).tolist(), (f"lab of {name}" for name in rows), strict=True))

    def _of_startups(self, keys):
        distinct, codes = np.unique(keys, return_inverse=True)
        known, quarters, orders = self._known_births()
        place = np.minimum(np.searchsorted(known, distinct), len(known) - 1)
        labs = self._labs()
        founded = {int(known[p]): f"startup {quarter_label(int(quarters[p]), self._frame.start)}-{int(orders[p]) + 1}" for p in place}
        words = tuple(founded.get(key) or labs.get(key, f"startup {key:016x}") for key in distinct.tolist())
        return Words(codes.astype(np.int32), words)

    def _known_births(self):
        """Return every key that a founder can have, sorted, with its quarter (-1: there at the start) and order."""
        if self._births is None:
            counts = [self._frame.startup_slots] + [MOST_BIRTHS] * self._frame.quarters
            quarters = np.repeat(np.arange(-1, self._frame.quarters), counts)
            orders = np.concatenate([np.arange(count) for count in counts])
            keys = birth_key(quarters, orders)
            order = np.argsort(keys)
            self._births = keys[order], quarters[order], orders[order]
        return self._births
