"""Every metric there is."""

from market_abm.metrics import concentration, market


def catalogue(owner_names):
    """Return every metric, with one share per named owner."""
    return (*concentration.metrics(owner_names), *market.METRICS)
