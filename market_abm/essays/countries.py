"""Average electric loads of a dozen countries, so that a cluster can stand beside them."""

from dataclasses import dataclass
from math import isfinite, log

from market_abm.errors import BadInput, Problem
from market_abm.units import HOURS_PER_YEAR

from .sources import FACTBOOK


@dataclass(frozen=True, slots=True)
class Country:
    """A country and the electricity that it consumed in a year, grid losses left out [TWh]."""

    name: str
    consumed_twh: float
    year: int = 2020
    source: str = FACTBOOK

    @property
    def average_mw(self):
        """Return the average load in MW."""
        return self.consumed_twh * 1e6 / HOURS_PER_YEAR


COUNTRIES = (
    Country("Luxembourg", 6.188),
    Country("Estonia", 9.172),
    Country("Slovenia", 13.447),
    Country("Iceland", 17.912),
    Country("Ireland", 30.627),
    Country("Denmark", 33.081),
    Country("Portugal", 48.409),
    Country("Switzerland", 56.407),
    Country("Austria", 69.905),
    Country("Belgium", 81.171),
    Country("Netherlands", 109.796),
    Country("Germany", 500.35),
)


def nearest_country(mw):
    """Return the country whose average load has the smallest ratio to a load in MW."""
    return min(COUNTRIES, key=lambda country: abs(log(country.average_mw / mw)))


def countries_like(mw):
    """Return all countries, the nearest in size to a load in MW first, as rows with its share of their average load."""
    if not (isfinite(mw) and mw > 0):
        raise BadInput(Problem("countries_like", "is no load", "give a number of MW above 0", key="mw", value=mw))
    return [
        {"country": country.name, "average_mw": country.average_mw, "share": mw / country.average_mw, "year": country.year,
         "source": country.source}
        for country in sorted(COUNTRIES, key=lambda country: abs(log(country.average_mw / mw)))
    ]
