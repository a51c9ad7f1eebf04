"""The journal: births, deaths and other events, noted as they happen and only while somebody keeps one."""

from dataclasses import dataclass

import numpy as np

NOBODY = ""


@dataclass(frozen=True, slots=True)
class Note:
    """The same event of many rows in one quarter: one entry a row; a key is the birth of who stands in it.

    `runs` are places in the batch as it began. `other_rows` equal to that table's row count mean nobody.
    """

    event: str
    quarter: int
    table: str
    runs: np.ndarray
    rows: np.ndarray
    keys: np.ndarray
    reason: str
    amount: np.ndarray
    unit: str
    other_table: str
    other_rows: np.ndarray
    other_keys: np.ndarray


class Journal:
    """All notes of a batch, in the order in which they were taken."""

    def __init__(self):
        self.notes = []

    def note(self, world, event, table, mask, reason="", other=None, amount=np.nan, unit=""):
        """Note an event of the rows in `mask` `(runs, rows)`.

        `other` is a table and a link to it `(runs, rows)`: whose doing it was; `amount` is in `unit`.
        """
        runs, rows = np.nonzero(mask)
        amount = np.broadcast_to(amount, mask.shape)[runs, rows].astype(np.float64)
        other_table, link = other if other is not None else (NOBODY, None)
        other_rows, other_keys = np.zeros(len(runs), np.int64), np.zeros(len(runs), np.uint64)
        if other_table:
            births = world.array(f"{other_table}.birth")
            other_rows = np.broadcast_to(link, mask.shape)[runs, rows]
            other_keys = births[runs, np.minimum(other_rows, births.shape[-1] - 1)]
        keys = world.array(f"{table}.birth")[runs, rows]
        self.notes.append(Note(event, world.quarter, table, world.members[runs], rows, keys, reason, amount, unit,
                               other_table, other_rows, other_keys))
