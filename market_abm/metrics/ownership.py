"""Who owns whom in the end, and concentration with stakes: MHHI and GHHI."""

import numpy as np

from market_abm.exact import add_up, look_up, ratio, share, stacked, total

JUMPS = 4  # each doubles the chain that is followed: sixteen owners one above the other
MAJORITY = 0.5
ROUNDS = 200  # of the series of indirect holdings: with 0.9 of every firm held inside, 1e-9 of the rights is left


def ultimate_owners(parent):
    """Return the row at the end of each row's chain of parents `(runs, rows)`; who has none is its own owner."""
    rows = parent.shape[-1]
    owner = np.where(parent < rows, parent, np.arange(rows))
    for _ in range(JUMPS):
        owner = np.take_along_axis(owner, owner, axis=-1)
    return owner


def owner_of(link, owners):
    """Read the ultimate owner at a link; the link that means nobody stays nobody."""
    rows = owners.shape[-1]
    if (owners == np.arange(rows)).all():
        return link
    nobody = np.full((len(owners), 1), rows, owners.dtype)
    return np.take_along_axis(np.concatenate([owners, nobody], axis=-1), link, axis=-1)


def majority_owner(stake, holder, owners):
    """Return the owner `(runs, firms)` whose holdings together exceed one half; the number of owners means nobody.

    `stake` and `holder` are `(holders, runs, firms)`; holders of one group count together.
    """
    nobody = owners.shape[-1]
    top = [(part, owner_of(link, owners)) for part, link in zip(stake, holder, strict=True) if part.any()]
    found = np.full(stake.shape[1:], nobody, owners.dtype)
    for _, mine in top:
        together = 0.0
        for part, theirs in top:
            together = together + part * (theirs == mine)
        found = np.where((together > MAJORITY) & (mine < nobody), mine, found)
    return found


def mhhi(sizes, cash_flow, control):
    """Return the modified index, sum over j, k of kappa_jk s_j s_k, among firms with common owners.

    kappa_jk = sum_o gamma_oj beta_ok / sum_o gamma_oj beta_oj: the weight that firm j's controllers give
    firm k's profit. `cash_flow` beta and `control` gamma are `(owners, runs, firms)`. A firm that nobody
    controls looks after itself. Above 1 where kappa is. Source: O'Brien and Salop 2000.
    """
    shares = share(sizes)
    held = total(cash_flow * shares)  # of each owner: what its parts in all firms weigh
    cares, own = stacked(control * held), stacked(control * cash_flow)
    return total(shares * ratio(cares, own, shares))


def ghhi(sizes, cash_flow, control, cross):
    """Return the modified index with ultimate cash-flow rights, B (I - D)^-1, as the series B + BD + BDD + ...

    `cross` D is `(firms j, runs, firms k)`: the part of firm k that firm j holds. Source: O'Brien and
    Salop 2000 for the index; Azar, Raina and Schmalz 2022 for the rights.
    """
    ultimate, layer = cash_flow, cash_flow
    for _ in range(ROUNDS):
        layer = stacked(np.stack([layer[..., j : j + 1] * part for j, part in enumerate(cross)]))
        ultimate = ultimate + layer
    return mhhi(sizes, ultimate, control)


def stakes_mhhi(own_share, startup_share, stake, holder, owners, silent=False):
    """Return the modified index of labs: clouds own their labs whole and hold stakes in startups.

    Shares `(runs, clouds)` and `(runs, startups)` of one market, each relative to the whole. Everybody
    else who holds a part of a startup is taken as one owner who holds nothing else. With `silent` stakes
    bring profit and no control; else control in proportion. Two slots of one group count as two owners.
    """
    clouds = owners.shape[-1]
    held = add_up(own_share, owners, clouds)
    stakes = [(part, owner_of(link, owners)) for part, link in zip(stake, holder, strict=True) if (part > 0).any()]
    for part, link in stakes:
        held = held + add_up(part * startup_share, link, clouds)
    if not stakes:
        return total(own_share * look_up(held, owners)) + total(startup_share * startup_share)
    rest = np.maximum(1.0 - stacked(stake), 0.0)
    cares, weight = rest * rest * startup_share, rest * rest
    for part, link in () if silent else stakes:
        cares, weight = cares + part * look_up(held, link), weight + part * part
    startups = ratio(cares, weight, startup_share)
    return total(own_share * look_up(held, owners)) + total(startup_share * startups)
