"""What metrics remember of earlier quarters: shares that moved, founders who are still there."""

import numpy as np

KEPT_QUARTERS = 6  # this one, four quarters ago, and the one before that


class Memory:
    """Arrays `(..., runs, rows)` by quarter and name; owned by a simulation, so that it follows the runs that are left.

    Metrics are functions of the world in one quarter and write no state. What they need of an earlier one
    they note here when they are worked out; a quarter in which they were not is simply unknown.
    """

    def __init__(self):
        """Start with nothing remembered."""
        self._quarters = {}

    def remember(self, quarter, name, array):
        """Keep an array under a quarter and a name; drop what is too old to be asked for."""
        self._quarters.setdefault(quarter, {})[name] = array
        for old in [q for q in self._quarters if q <= quarter - KEPT_QUARTERS]:
            del self._quarters[old]

    def recall(self, quarter, name):
        """Return what was kept, or None."""
        return self._quarters.get(quarter, {}).get(name)

    def keep(self, runs):
        """Drop every run but those at the given positions."""
        for kept in self._quarters.values():
            for name, array in kept.items():
                kept[name] = np.ascontiguousarray(np.take(array, runs, axis=array.ndim - 2))
