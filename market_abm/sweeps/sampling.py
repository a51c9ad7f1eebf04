"""Designs in the unit cube, made by scipy and SALib."""

import numpy as np

METHODS = ("grid", "list", "latin_hypercube", "sobol", "morris")
SAMPLED = ("latin_hypercube", "sobol", "morris")


def rows_of(method, factors, size):
    """Return how many rows a sampled design has."""
    return {"latin_hypercube": size, "sobol": size * (factors + 2), "morris": size * (factors + 1)}[method]


def in_unit_cube(method, factors, size, levels, seed):
    """Return the rows of a design, `(rows, factors)`, each number between 0 and 1.

    A Latin hypercube has `size` rows (McKay, Beckman and Conover 1979); a Sobol design `size` blocks of factors + 2 for first order and
    total indices (Saltelli 2002, 2010); a Morris design `size` trajectories of factors + 1 on `levels` levels (Morris 1991).
    """
    if method == "latin_hypercube":
        from scipy.stats.qmc import LatinHypercube

        return LatinHypercube(factors, rng=np.random.default_rng(seed)).random(size)
    problem = {"num_vars": factors, "names": [str(n) for n in range(factors)], "bounds": [[0.0, 1.0]] * factors}
    if method == "sobol":
        from SALib.sample import sobol

        return sobol.sample(problem, size, calc_second_order=False, seed=seed)
    from SALib.sample import morris

    return morris.sample(problem, size, num_levels=levels, seed=seed)
