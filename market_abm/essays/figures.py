"""Every figure of the two essays, beside what better sources say; the data are in first_essay.py and second_essay.py."""

from dataclasses import dataclass
from math import isnan, nan

VERDICTS = {
    "right": "within a tenth of the better figure",
    "rounded": "within a quarter of it",
    "right order": "within a factor of three",
    "low": "below it by more than that, or below all that is published",
    "high": "above it by more than that, or above all that is published",
    "wrong": "contradicted by what is known, or wrongly computed",
    "inconsistent": "contradicts another figure of the same essay",
    "mislabelled": "a true figure of something else",
    "ambiguous": "high by one reading, low by another",
    "partly right": "one half of the statement is borne out",
    "holds": "a comparison that is borne out",
    "definition": "true by definition",
    "illustrative": "an example, nothing to check",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an essay; `low` and `high` bound what is published, nan where there is no range."""

    quantity: str
    as_stated: float
    as_published: float
    unit: str
    verdict: str
    why: str
    source: str
    low: float = nan
    high: float = nan

    @property
    def range(self):
        """Return the published range as text, empty where there is none."""
        return "" if isnan(self.low) else f"{self.low:.4g} to {self.high:.4g}"


def essay_rows():
    """Return one flat dict for each figure of the essays, in the order of the text."""
    from .first_essay import FIGURES as FIRST
    from .second_essay import FIGURES as SECOND

    return [
        {"quantity": figure.quantity, "as_stated": figure.as_stated, "as_published": figure.as_published, "unit": figure.unit,
         "verdict": figure.verdict, "why": figure.why, "range": figure.range, "essay": essay, "source": figure.source}
        for essay, figures in ((1, FIRST), (2, SECOND)) for figure in figures
    ]
