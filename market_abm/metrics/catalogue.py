"""Every metric there is."""

from market_abm.metrics import barriers, concentration, dependence, market, substitution, welfare
from market_abm.units import slug


def catalogue(owner_names, maker_names=()):
    """Return every metric, with the shares of each named owner and maker."""
    return (*concentration.metrics(owner_names, maker_names), *market.METRICS, *substitution.METRICS, *barriers.METRICS, *dependence.METRICS,
            *welfare.METRICS)


def catalogue_of(cast):
    """Return every metric of a market with this cast."""
    return catalogue([slug(cloud.name) for cloud in cast.clouds], [slug(maker.name) for maker in cast.makers])
