"""What the two essays behind the project say in figures, what better sources say, and conversions by either."""

from .conversions import convert
from .countries import countries_like
from .figures import essay_rows

__all__ = ["convert", "countries_like", "essay_rows"]
