"""Which mergers a competition authority blocks, on shares of one market."""

import numpy as np


def none(index, joint, rise, level, step, most):
    """Block nothing. Source: no merger control, the benchmark."""
    return np.zeros(rise.shape)


def by_hhi(index, joint, rise, level, step, most):
    """Block what leaves a concentrated market and raises its index by more than a step.

    `index` `(runs, 1)` is the Herfindahl-Hirschman index before, `rise` 2 s_a s_b. Source: US Merger
    Guidelines 2023, guideline 1.
    """
    return ((index + rise > level) & (rise > step)) * 1.0


def by_share(index, joint, rise, level, step, most):
    """Block what gives the merged firm more than a share, where it raises the index by more than a step.

    Source: US Merger Guidelines 2023, guideline 1.
    """
    return ((joint > most) & (rise > step)) * 1.0


def by_hhi_or_share(index, joint, rise, level, step, most):
    """Block what either test blocks. Source: US Merger Guidelines 2023, guideline 1."""
    return np.maximum(by_hhi(index, joint, rise, level, step, most), by_share(index, joint, rise, level, step, most))


MERGERS = {"none": none, "hhi": by_hhi, "share": by_share, "hhi_or_share": by_hhi_or_share}
