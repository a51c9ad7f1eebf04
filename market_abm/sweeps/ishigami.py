"""A test function in the market's place: designs, workers, store and indices together, where the answer is known."""

import math
from dataclasses import dataclass

import numpy as np

from market_abm.engine import Outcome
from market_abm.parameters.declare import declarations, number
from market_abm.randomness import Draws, name_key

SOURCE = "Ishigami & Homma (1990)"


@dataclass(frozen=True, slots=True)
class Arguments:
    """The three arguments, and a noise that only the seed decides."""

    x1: float = number(0.0, -math.pi, math.pi, "radians", "First argument.", SOURCE, at_least=-math.pi, at_most=math.pi)
    x2: float = number(0.0, -math.pi, math.pi, "radians", "Second argument.", SOURCE, at_least=-math.pi, at_most=math.pi)
    x3: float = number(0.0, -math.pi, math.pi, "radians", "Third argument: acts through the first alone.", SOURCE, at_least=-math.pi, at_most=math.pi)
    seed_noise: float = number(0.0, 0.0, 4.0, "standard deviations", "Noise of the seed, the same at all points.", "by choice", at_most=1e6)
    cell_noise: float = number(0.0, 0.0, 4.0, "standard deviations", "Noise of point and seed together.", "by choice", at_most=1e6)


@dataclass(frozen=True)
class Ishigami:
    """y = sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1, and noise if asked for; x uniform between -pi and pi."""

    names = ("ishigami",)
    known = names
    labels = ("2018Q1",)
    base = None

    def told(self, key):
        """Return (declaration, standing value) of an argument, or (None, what to say)."""
        known = declarations(Arguments)
        return (known[key], known[key].best) if key in known else (None, f"known are {', '.join(known)}")

    def faults(self, setting, file):
        """Return nothing: every point in bounds will do."""
        return []

    def content(self, setting):
        """Return the setting itself."""
        return setting

    def identity(self):
        """Return what all runs share."""
        return {"metrics": list(self.names)}

    def simulate(self, settings, seeds):
        """Return the function's value at each setting, as a run of one quarter."""
        rows = [Arguments(**setting) for setting in settings]
        x1, x2, x3, seeded, each = np.array([[r.x1, r.x2, r.x3, r.seed_noise, r.cell_noise] for r in rows]).T
        y = np.sin(x1) + 7 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)
        y = y + seeded * _noise(seeds, 0, np.zeros(len(rows))) + each * _noise(seeds, 1, x1 + 7 * x2 + 49 * x3)
        return Outcome(self.labels, self.names, y.reshape(1, 1, -1), seeds, (), np.zeros(len(rows)))


def _noise(seeds, place, key):
    """Return one draw a run of mean 0 and variance 1 of the seed and a key alone."""
    births = key.astype(np.float64).view(np.uint64).reshape(-1, 1) ^ name_key("ishigami")
    return Draws(np.asarray(seeds, np.uint64), place).logistic("noise of the test function", births)[:, 0]
