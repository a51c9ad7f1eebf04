"""How open a maker's documentation is to everybody, `(runs, makers)`; partners may see more."""

import numpy as np


def closed(own, age, delay, mandate):
    """Show nothing to anybody. Source: a proprietary platform, West 2003."""
    return 0.0 * own


def partners_only(own, age, delay, mandate):
    """Show the public what the maker likes and large buyers everything. Source: selective openness, West 2003."""
    return own


def delayed(own, age, delay, mandate):
    """Open everything once the generation on sale is `delay` quarters old. Source: old versions opened, West 2003."""
    return np.where(age >= delay, 1.0, own)


def opened(own, age, delay, mandate):
    """Show everything to everybody. Source: an open platform, West 2003."""
    return 0.0 * own + 1.0


def mandated(own, age, delay, mandate):
    """Show at least what the state demands. Source: the duty to give interface information, EU Directive 2009/24/EC."""
    return np.maximum(own, mandate)


DOCUMENTATION = {
    "closed": closed, "partners_only": partners_only, "delayed": delayed, "open": opened, "mandated": mandated,
}
CLOSED = list(DOCUMENTATION).index("closed")


def partners(openness, held_share, rule_place, partner_share):
    """Return what each buyer sees of each maker, `(makers, runs, buyers)`.

    Under every rule but `closed`, a buyer sees everything of a maker of whose chips it holds enough,
    measured as a part of all chips installed by anybody.
    """
    partner = (held_share >= partner_share) & (rule_place != CLOSED)
    return np.where(partner, 1.0, openness)
