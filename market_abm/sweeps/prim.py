"""Scenario discovery: boxes in the space of factors in which cases of interest are dense, by the patient rule induction method.

Friedman and Fisher (1999) gave the method; Lempert, Groves, Popper and Bankes (2006) and Bryant and Lempert (2010) made it one of
finding scenarios. Cases are rows of `x` `(cases, factors)`, numbers all; whole numbers and switches are ordered, and `categories` names
the places of factors whose whole numbers are mere labels. `interest` `(cases,)` says which cases one wants to know about. The order
of cases matters to nothing but to what draws at random.

Boxes are blunt: a slanting border becomes stairs, and two regions at opposite ends of one factor hide each other, because a step
from either end gives up as much as it gains.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from market_abm.errors import BadInput, Problem


@dataclass(frozen=True, slots=True)
class Box:
    """Bounds on some factors, and what they hold: counts, and of all cases coverage, density and mass."""

    bounds: dict[int, tuple[float, float] | frozenset]  # (low, high), infinite where open, or the categories that are let in
    cases: int
    of_interest: int
    coverage: float  # share of all cases of interest that are inside, nan if there are none
    density: float  # share of the cases inside that are of interest
    mass: float  # share of all cases that are inside

    @property
    def restricted(self):
        """Return the places of the factors that are bounded."""
        return tuple(sorted(self.bounds))

    def holds(self, x):
        """Say of each case `(cases, factors)` whether it is inside."""
        return _inside(np.asarray(x, float), self.bounds)


class Settings(NamedTuple):
    """How boxes are sought and chosen.

    A step takes away (and pastes back) about the share `patience` of the cases inside, or one whole level of a factor, or one category.
    Boxes keep at least the share `least_mass` of all cases. Steps are judged by `objective`: `lenient`, the gain of density for each case
    given up, which bears factors of few levels (Kwakkel and Jaxa-Rozen 2016), or `original`, the density that is left. `least_coverage`
    says how a box is chosen, see `choose`.
    """

    categories: tuple[int, ...] = ()
    patience: float = 0.05
    least_mass: float = 0.05
    objective: str = "lenient"
    least_coverage: float | None = None


USUAL = Settings()


class Step(NamedTuple):
    """A box one step further: its bounds, and how many cases and cases of interest it holds."""

    bounds: dict
    cases: int
    of_interest: int


def peel(x, interest, settings=USUAL):
    """Return the trajectory of boxes from all cases inwards, each by the best step; at the end those that paste back.

    Peeling ends at the least mass, or when all or none of the cases inside are of interest. It goes on where no step raises the density,
    because a denser part may lie behind, as Friedman and Fisher have it.
    """
    x, interest = checked(x, interest, settings)
    boxes = [_box({}, len(x), interest.sum(), interest)]
    order = np.argsort(x, axis=0, kind="stable").T
    while 0 < boxes[-1].density < 1:
        least = max(1, int(np.ceil(settings.least_mass * len(x) - 1e-9)))
        steps = [step for step in _peels(x, interest, boxes[-1].bounds, order, settings) if step.cases >= least]
        best = max(steps, key=lambda step: _worth(step, boxes[-1], settings), default=None)
        if best is None:
            break
        boxes.append(_box(*best, interest))
        inside = _inside(x, best.bounds)
        order = order[inside[order]].reshape(x.shape[1], -1)
    return boxes + paste(x, interest, boxes[-1], settings)


def paste(x, interest, box, settings=USUAL):
    """Return the boxes that widen one of its bounds at a time, as long as the density does not fall."""
    x, interest = checked(x, interest, settings)
    boxes = [box]
    while boxes[-1].density > 0:
        now = boxes[-1]
        steps = [step for step in _pastes(x, interest, now, settings)
                 if step.cases > now.cases and step.of_interest * now.cases >= now.of_interest * step.cases]
        if not steps:
            break
        best = max(steps, key=lambda step: (step.of_interest / step.cases, step.cases, -len(step.bounds)))
        boxes.append(_box(*best, interest))
    return boxes[1:]


def choose(trajectory, least_coverage=None):
    """Return the box of a trajectory to report.

    It is the one with the largest product of coverage and density, or with `least_coverage` the densest that has so much. The product
    falls to nothing at both ends of the trajectory and needs no bound of a user's; it prefers neither of the two. Of equal boxes the one
    with fewer restricted factors is taken, then the larger.
    """
    if least_coverage is None:
        return max(trajectory, key=lambda box: (np.nan_to_num(box.coverage) * box.density, -len(box.bounds), box.mass))
    wide = [box for box in trajectory if not box.coverage < least_coverage]
    return max(wide, key=lambda box: (box.density, -len(box.bounds), box.mass)) if wide else trajectory[0]


def p_values(x, interest, box):
    """Return a quasi-p-value for each restricted factor: how likely so many cases of interest are if its bounds select by chance.

    The cases inside are taken for draws from those inside without these bounds: a one-sided binomial test (Bryant and Lempert 2010). It is
    no true p-value, because the bounds were chosen to be good, on the same cases; a large one speaks against the restriction. Counts are
    of the cases given, so that a later box of `cover` may be judged on all cases or on those that were left.
    """
    from scipy.stats import binom

    x, interest = checked(x, interest, USUAL)
    inside, found = _inside(x, box.bounds), {}
    for factor in box.restricted:
        wider = _inside(x, _without(box.bounds, factor))
        chance = interest[wider].sum() / max(1, wider.sum())
        found[factor] = float(binom.sf(interest[inside].sum() - 1, inside.sum(), chance)) if inside.any() else float("nan")
    return found


def simplified(x, interest, box, level=0.05):
    """Return the box without the restrictions whose quasi-p-value is above `level`, the largest first, each time worked out anew."""
    x, interest = checked(x, interest, USUAL)
    while box.bounds:
        found = p_values(x, interest, box)
        worst = max(found, key=lambda factor: (found[factor], factor))
        if not found[worst] > level:
            break
        box = measured(x, interest, _without(box.bounds, worst))
    return box


def measured(x, interest, bounds):
    """Return the box of given bounds with what it holds of these cases."""
    interest = np.asarray(interest, bool)
    inside = _inside(np.asarray(x, float), bounds)
    return _box(bounds, inside.sum(), (inside & interest).sum(), interest)


def discover(x, interest, settings=USUAL, level=0.05):
    """Return the box to report: chosen from the trajectory, pasted, and without the restrictions that chance explains."""
    chosen = choose(peel(x, interest, settings), settings.least_coverage)
    widened = [chosen, *paste(x, interest, chosen, settings)][-1]
    return simplified(x, interest, widened, level)


def cover(x, interest, boxes=3, settings=USUAL, level=0.05):
    """Return successive boxes, each sought among the cases that those before it do not hold.

    Coverage and mass are of all cases, so that they add up; density is of the cases that were left. It ends early when nothing of
    interest is left, or when a box restricts nothing.
    """
    x, interest = checked(x, interest, settings)
    left, found = np.ones(len(x), bool), []
    while len(found) < boxes and interest[left].any():
        # the least mass is a share of all cases, also when some are gone
        least = min(1.0, settings.least_mass * len(x) / left.sum())
        box = discover(x[left], interest[left], settings._replace(least_mass=least), level)
        if not box.bounds:
            break
        found.append(_box(box.bounds, box.cases, box.of_interest, interest))
        left &= ~box.holds(x)
    return found


def checked(x, interest, settings):
    """Return cases as arrays, or say what cannot be used."""
    x, interest = np.asarray(x, float), np.asarray(interest)
    if x.ndim != 2 or interest.shape != x.shape[:1] or not len(x):
        raise BadInput(Problem("prim", f"got cases of shape {x.shape} and outcomes of shape {interest.shape}", "give one outcome a row"))
    if not np.isin(interest, (0, 1)).all():
        raise BadInput(Problem("prim", "has outcomes that are neither true nor false", "leave out cases whose outcome is missing"))
    if not np.isfinite(x).all():
        raise BadInput(Problem("prim", "has factors that are missing or infinite", "leave out these cases"))
    if not 0 < settings.patience < 1:
        raise BadInput(Problem("prim", "must be between 0 and 1", key="patience", value=settings.patience))
    if settings.objective not in ("lenient", "original"):
        raise BadInput(Problem("prim", "is not known", "known are lenient, original", key="objective", value=settings.objective))
    return x, interest.astype(bool)


def _box(bounds, cases, of_interest, interest):
    """Return a box with its shares of all cases."""
    cases, of_interest, wanted = int(cases), int(of_interest), int(interest.sum())
    return Box(bounds, cases, of_interest, of_interest / wanted if wanted else float("nan"),
               of_interest / cases if cases else float("nan"), cases / len(interest))


def _inside(x, bounds):
    inside = np.ones(len(x), bool)
    for factor, bound in bounds.items():
        column = x[:, factor]
        inside &= np.isin(column, sorted(bound)) if isinstance(bound, frozenset) else (column >= bound[0]) & (column <= bound[1])
    return inside


def _without(bounds, factor):
    return {place: bound for place, bound in bounds.items() if place != factor}


def _worth(step, box, settings):
    """Return by what steps are compared; of equal ones the larger box, then the one with fewer restricted factors wins."""
    gain = step.of_interest / step.cases - box.density
    if settings.objective == "lenient" and gain > 0:  # a loss divided by its cases would speak for giving up many
        gain /= box.cases - step.cases
    return gain, step.cases, -len(step.bounds)


def _peels(x, interest, bounds, order, settings):
    """Yield the steps inwards; `order` `(factors, cases inside)` are the places of the cases inside, by each factor's size."""
    count = order.shape[1]
    for factor, places in enumerate(order):
        values, below = x[places, factor], np.concatenate([[0], np.cumsum(interest[places])])
        if factor in settings.categories:
            let_in = bounds.get(factor) or _names(x[:, factor])
            yield from (Step(bounds | {factor: let_in - {name}}, *left) for name, *left in _without_each(values, below))
            continue
        low, high = bounds.get(factor, (-np.inf, np.inf))
        first = _cut(values, settings.patience)
        if first < count:
            limit = _between(values[first - 1], values[first])
            yield Step(bounds | {factor: (limit, high)}, count - first, below[-1] - below[first])
        last = count - _cut(-values[::-1], settings.patience)
        if last > 0:
            limit = -_between(-values[last], -values[last - 1]) + 0.0
            yield Step(bounds | {factor: (low, limit)}, last, below[last])


def _names(column):
    return frozenset(float(name) for name in np.unique(column))


def _without_each(values, below):
    """Yield each category, if there are several, with the cases and cases of interest that are left without it."""
    names, starts = np.unique(values, return_index=True)
    ends = np.append(starts[1:], len(values))
    if len(names) > 1:
        for name, start, end in zip(names, starts, ends, strict=True):
            yield float(name), len(values) - (end - start), below[-1] - (below[end] - below[start])


def _cut(values, share):
    """Return how many of the sorted values go: about the share, never part of a level, at least one level."""
    wanted = max(1, int(share * len(values)))
    if wanted >= len(values):
        return len(values)
    fewer = int(np.searchsorted(values, values[wanted], side="left"))
    return fewer or int(np.searchsorted(values, values[0], side="right"))


def _between(outside, inside):
    """Return a limit halfway that lets the inner value in and keeps the outer one out, also where nothing fits between them."""
    middle = outside / 2 + inside / 2
    return float(middle if outside < middle <= inside else inside)


def _pastes(x, interest, box, settings):
    """Yield the steps outwards: one bound of one factor wider by about the share of the cases inside, or one category more."""
    wanted = max(1, int(settings.patience * box.cases))
    for factor, bound in box.bounds.items():
        others = _inside(x, _without(box.bounds, factor))
        values, hits = x[others, factor], interest[others]
        for wider in _wider_categories(x[:, factor], bound) if isinstance(bound, frozenset) else _wider_bounds(values, bound, wanted):
            bounds = _without(box.bounds, factor) if wider is None else box.bounds | {factor: wider}
            taken = _inside(x[others], {} if wider is None else {factor: wider})
            yield Step(bounds, taken.sum(), (taken & hits).sum())


def _wider_categories(column, bound):
    """Yield the bound with one category more, None when it lets all in."""
    every = _names(column)
    for name in sorted(every - bound):
        yield None if every <= bound | {name} else bound | {name}


def _wider_bounds(values, bound, wanted):
    """Yield the bound wider below and above by the values next to it, None when neither side is bounded any more."""
    for side in (0, 1):
        sign = (-1, 1)[side]  # values are turned over to widen below as one widens above
        beyond = np.sort(sign * values[sign * values > sign * bound[side]])
        if len(beyond):
            edge = beyond[min(wanted, len(beyond)) - 1]
            further = beyond[beyond > edge]
            limit = sign * -_between(-further[0], -edge) + 0.0 if len(further) else sign * np.inf
            wider = (limit, bound[1]) if side == 0 else (bound[0], limit)
            yield None if np.isinf(wider).all() else wider
