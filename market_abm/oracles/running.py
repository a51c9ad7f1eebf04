"""Runs of the engine from which an oracle reads its answer."""

import numpy as np

from market_abm.engine import Simulation, run_seeds


class BrokenRun(RuntimeError):
    """A run of an oracle broke an identity, so that it has no answer."""


def stepped(configurations, each=None, quarters=None, seed=1):
    """Step configurations together, one run each, and return the Simulation.

    All must share cast names, slots and length. `each(simulation)` is called after every quarter; what it
    returns is gathered in `simulation.seen`. Without `quarters` the run goes to the end of its frame.
    """
    simulation = Simulation(configurations, run_seeds(seed, 0, len(configurations)))
    simulation.seen = []
    for _ in range(configurations[0].frame.quarters if quarters is None else quarters):
        _step(simulation)
        if each is not None:
            simulation.seen.append(each(simulation))
    return simulation


def _step(simulation):
    """Step every case by a quarter; raise BrokenRun where one broke an identity."""
    simulation.step()
    if simulation.failures:
        breach = simulation.failures[0]
        raise BrokenRun(f"case {breach.run} broke `{breach.identity}` at {breach.where} in quarter {breach.quarter} by {breach.amount:.3g}")


def column(simulation, name):
    """Return a copy of a column of the world such as "clouds.rent_usd", `(runs, rows)`."""
    return np.array(simulation.world.array(name))


def metric(simulation, *names):
    """Return metrics of the quarter just stepped, each an array by run; one array for one name."""
    values = simulation.measure()
    place = {m.name: k for k, m in enumerate(simulation.metrics)}
    found = tuple(values[place[name]] for name in names)
    return found if len(names) > 1 else found[0]


MOST_FIRMS = 8  # in configs/oracles/textbook.toml


def firms_present(count, most=MOST_FIRMS, **values):
    """Return the `key=value` texts by which `count` of `most` firms of the textbook ground take part, with equal shares of the start.

    `values` gives further keys of the cast, each a number for all or a list by firm.
    """
    sets = []
    for place in range(most):
        there = place < count
        sets.append(f"cast.clouds.firm{place + 1}.present={int(there)}")
        sets += [f"cast.clouds.firm{place + 1}.{share}={1 / count if there else 0}" for share in ("fleet_share", "legacy_share", "general_share")]
        for name, value in values.items():
            one = value[place] if there and isinstance(value, list | tuple) else value
            sets += [f"cast.clouds.firm{place + 1}.{name}={one}"] if there else []
    return sets


class NotSettled(RuntimeError):
    """A run of an oracle never came to rest, so that it has no answer."""


def settled(configurations, name, tolerance, least=8):
    """Step configurations until no entry of a column moves by more than `tolerance` of its run's largest for three quarters.

    Nothing counts as settled in the first `least` quarters. Raises NotSettled at the end of the frame.
    """
    simulation, still = Simulation(configurations, run_seeds(1, 0, len(configurations))), 0
    before = column(simulation, name)
    for _ in range(configurations[0].frame.quarters):
        _step(simulation)
        now = column(simulation, name)
        at_rest = np.abs(now - before) <= tolerance * np.abs(now).max(axis=-1, keepdims=True)
        still = still + 1 if simulation.quarter > least and at_rest.all() else 0
        before = now
        if still == 3:
            return simulation
    raise NotSettled(f"{name} still moved after {simulation.quarter} quarters")
