"""Every metric there is."""

from market_abm.metrics import barriers, concentration, dependence, market, substitution, welfare


def catalogue(owner_names):
    """Return every metric, with one share per named owner."""
    return (*concentration.metrics(owner_names), *market.METRICS, *substitution.METRICS, *barriers.METRICS, *dependence.METRICS,
            *welfare.METRICS)
