"""Rules chosen by name: pure functions of arrays, each with its source."""

from contextvars import ContextVar

import numpy as np

IN_PLACE = ContextVar("rules of a user's own by the identity of the table whose rules they stand in for", default={})  # noqa: B039


def choose(rules, places, *arguments):
    """Call, for each run, the rule at its place `(runs, 1)` in the table `rules`.

    Arguments are arrays with the runs second from last, or named tuples of such. Runs that name the same rule
    are called together, which is bit-identical to calling them alone.
    """
    own = IN_PLACE.get().get(id(rules))
    if own is not None:
        return own(*arguments)
    functions = list(rules.values())
    present = np.unique(places)
    if len(present) == 1:
        return functions[int(present[0])](*arguments)
    answer = None
    for place in present:
        runs = np.flatnonzero(places[:, 0] == place)
        part = functions[int(place)](*(_of_runs(a, runs) for a in arguments))
        if answer is None:
            answer = np.empty((*part.shape[:-2], len(places), part.shape[-1]))
        answer[..., runs, :] = part
    return answer


def _of_runs(argument, runs):
    """Return the part of an argument that belongs to some runs."""
    if isinstance(argument, tuple):
        return type(argument)(*(_of_runs(a, runs) for a in argument))
    return np.take(argument, runs, axis=np.ndim(argument) - 2)
