"""Every figure of the two essays beside what better sources say, a line each in first_essay.py and second_essay.py."""

from dataclasses import dataclass
from math import isnan, nan

TITLES = ("The undressing of the king", "Where scaling laws are taking us")
VERDICTS = {
    "right": "within a tenth of the better figure",
    "rounded": "within a quarter of the better figure",
    "right order": "within a factor of three of the better figure",
    "low": "below the better figure",
    "high": "above the better figure",
    "wrong": "contradicted by what is known, or wrongly computed",
    "inconsistent": "does not fit other figures, of the same essay or measured",
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
        return "" if isnan(self.low) else f"{written(self.low)} to {written(self.high)}"


def written(value):
    """Write a number with four digits or, between a thousand and ten million, as a whole one."""
    if 1e3 <= abs(value) < 1e7:
        return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.0f}"
    return f"{value:.4g}"


def essay_rows():
    """Return one flat dict for each figure of the essays, in the order of the text."""
    from .first_essay import FIGURES as FIRST
    from .second_essay import FIGURES as SECOND

    return [
        {"quantity": figure.quantity, "as_stated": figure.as_stated, "as_published": figure.as_published, "unit": figure.unit,
         "verdict": figure.verdict, "why": figure.why, "range": figure.range, "essay": essay, "source": figure.source}
        for essay, figures in ((TITLES[0], FIRST), (TITLES[1], SECOND)) for figure in figures
    ]
