"""What an oracle finds: one quantity as theory has it and as the model gives it."""

import math
from dataclasses import dataclass

TOLERANCE = 1e-6  # relative; absolute where the answer is 0
STANDARD_ERRORS = 4.0  # how far a mean of draws may be from its expectation


@dataclass(frozen=True)
class Finding:
    """A quantity with its known answer; `standard_error` above 0 marks a mean over draws."""

    quantity: str
    expected: float
    simulated: float
    standard_error: float = 0.0

    @property
    def relative_error(self):
        """Return the distance over the expected value; the distance itself where that is 0."""
        if self.expected == self.simulated or self._both_missing:  # also of two infinities
            return 0.0
        return abs(self.simulated - self.expected) / (abs(self.expected) or 1.0)

    @property
    def ok(self):
        """Say whether the model gives the answer: to 1e-6, or within four standard errors of a mean over draws."""
        if self.standard_error > 0:
            return abs(self.simulated - self.expected) <= STANDARD_ERRORS * self.standard_error
        return self.relative_error <= TOLERANCE  # a single nan is never right

    @property
    def _both_missing(self):
        """Say whether there is no answer, and the model gives none: an empty market has no concentration."""
        return math.isnan(self.expected) and math.isnan(self.simulated)


def mean_of(quantity, expected, draws, expected_error=0.0):
    """Return the finding for the mean of independent draws, whose spread gives the standard error.

    `expected_error` is the standard error of the expectation itself where that comes from draws.
    """
    count = len(draws)
    mean = math.fsum(draws) / count
    variance = math.fsum((x - mean) ** 2 for x in draws) / (count - 1)
    error = math.sqrt(variance / count + expected_error**2)
    return Finding(f"{quantity}, mean of {count}", float(expected), mean, error)
