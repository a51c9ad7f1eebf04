"""What metrics remember of earlier quarters: shares that moved, founders who are still there."""

import numpy as np


class Memory:
    """Arrays `(..., runs, rows)` by name and quarter; owned by a simulation, so that it follows the runs that are left.

    Metrics are functions of the world in one quarter and write no state. What they need of an earlier one
    they note here when they are worked out; a quarter in which they were not is simply unknown.
    """

    def __init__(self):
        """Start with nothing remembered."""
        self._kept = {}

    def remember(self, quarter, name, array, quarters=1):
        """Keep an array for some quarters under its name."""
        kept = self._kept.setdefault(name, {})
        kept[quarter] = array
        for old in [q for q in kept if q < quarter - quarters]:
            del kept[old]

    def recall(self, quarter, name):
        """Return what was kept in a quarter, or None."""
        return self._kept.get(name, {}).get(quarter)

    def keep(self, runs):
        """Drop every run but those at the given positions."""
        for kept in self._kept.values():
            for quarter, array in kept.items():
                kept[quarter] = np.ascontiguousarray(np.take(array, runs, axis=array.ndim - 2))
