"""Rules of a user's own: put in the place of a family's, for the steps of one simulation, and held to what the family promises."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from market_abm.errors import BadInput, Problem, did_you_mean
from market_abm.exact import stacked, total
from market_abm.rules import IN_PLACE
from market_abm.rules.capability import DECISIVENESS
from market_abm.rules.catalogue import CHOSEN

SLACK = 1e-9  # relative: what rounding may add
LARGEST = 1e100  # of an answer that nothing else bounds: an infinite price is none
MAP, ITS_DECISIVENESS = "training.capability_map", "training.decisiveness"
FAMILIES = CHOSEN | {ITS_DECISIVENESS: DECISIVENESS}


@dataclass(frozen=True)
class Promise:
    """What every rule of a family promises, from its arguments: the shape, least and most of each number, and most of a row's sum."""

    shape: Callable
    least: Callable = lambda *arguments: 0.0
    most: Callable = lambda *arguments: LARGEST
    most_of_all: Callable | None = None


def _like_the_first(first, *others):
    return np.shape(first)


def _up_to_one(*arguments):
    return 1.0


PROMISES = {
    "rental.demand": Promise(_like_the_first),
    "rental.pricing": Promise(lambda sellers, *others: (2, *sellers.hours.shape),
                              most=lambda sellers, *others: np.stack([sellers.hours, sellers.hours + LARGEST])),
    "chips.pricing": Promise(_like_the_first),
    "chips.allocation": Promise(_like_the_first, most=lambda orders, *others: orders, most_of_all=lambda orders, supply, *others: supply),
    "energy.connection": Promise(_like_the_first, most=lambda waiting, *others: waiting, most_of_all=lambda waiting, slots, *others: slots),
    "documentation.rule": Promise(_like_the_first, most=_up_to_one),
    MAP: Promise(_like_the_first),
    ITS_DECISIVENESS: Promise(_like_the_first),
    "mergers.rule": Promise(lambda index, joint, rise, *others: rise.shape, most=_up_to_one),
}


@contextmanager
def in_place(rules):
    """Let `choose` call these rules, {key: function}, wherever it would call one of their families."""
    token = IN_PLACE.set({id(FAMILIES[key]): held_to_its_promise(key, function) for key, function in rules.items()})
    try:
        yield
    finally:
        IN_PLACE.reset(token)


def check(rules):
    """Raise BadInput unless every key is a family's and every rule can be called; return them as a new dict."""
    problems = [
        Problem("rules", "is no family of rules", did_you_mean(key, FAMILIES), key=str(key)) for key in rules if key not in FAMILIES
    ] + [
        Problem("rules", "must be a function", "give the function itself, without calling it", key=str(key), value=repr(rule))
        for key, rule in rules.items() if not callable(rule)
    ]
    if MAP in rules and ITS_DECISIVENESS not in rules:
        problems.append(Problem("rules", f"needs {ITS_DECISIVENESS} beside it", "give its derivative in logs as well", key=MAP))
    if problems:
        raise BadInput(*problems)
    return dict(rules)


def held_to_its_promise(key, function):
    """Return the rule with its arguments closed to writing and its answer checked."""
    promise = PROMISES[key]

    def rule(*arguments):
        answer = np.asarray(function(*map(_closed, arguments)), np.float64)
        wanted = promise.shape(*arguments)
        if answer.shape != wanted:
            raise BadInput(Problem(f"rules[{key!r}]", f"must return shape {wanted}, one number a run and row, not {answer.shape}",
                                   "see docs/rules/own.md for what it is given", key=_named(function)))
        least, most = promise.least(*arguments), promise.most(*arguments)
        _refuse(key, function, answer, ~(answer >= least - SLACK * np.abs(least)), "below the least allowed, or not a number", least)
        _refuse(key, function, answer, answer > most + SLACK * np.abs(most), "above the most allowed", most)
        answer = np.minimum(np.maximum(answer, least), most)
        if promise.most_of_all is not None:
            limit, given = promise.most_of_all(*arguments), total(answer)
            given = given if given.ndim == limit.ndim else stacked(given)
            _refuse(key, function, given, given > limit * (1.0 + SLACK), "in all more than there is", limit)
        return answer

    return rule


def _refuse(key, function, answer, wrong, what, bound):
    """Raise BadInput about the first wrong number, if there is one."""
    if np.any(wrong):
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        bound = np.broadcast_to(bound, answer.shape)[place]
        raise BadInput(Problem(f"rules[{key!r}]", f"{what}: returned {answer[place]:.6g} where the bound is {bound:.6g}",
                               f"look at place {place} of the answer (the last is the row, the one before it the run)", key=_named(function)))


def _closed(argument):
    """Return a copy of an argument that cannot be written to: rules are asked, they do not act."""
    if isinstance(argument, tuple):
        return type(argument)(*map(_closed, argument))
    copy = np.array(argument)
    copy.flags.writeable = False
    return copy


def told(rules):
    """Return what a manifest says of own rules: where each came from, and its text where there is one."""
    import inspect

    def text(function):
        try:
            return inspect.getsource(function)
        except (OSError, TypeError):
            return None

    return {key: {"name": _named(rule), "module": getattr(rule, "__module__", None), "source": text(rule)} for key, rule in rules.items()}


def _named(function):
    return getattr(function, "__qualname__", type(function).__name__)
