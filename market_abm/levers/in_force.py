"""The rules in force: every number of every quarter, for every run of a batch, computed at set-up."""

from dataclasses import fields, replace

import numpy as np

from market_abm.levers.catalogue import CATALOGUE
from market_abm.parameters.declare import declarations
from market_abm.parameters.schema import SECTIONS, Parameters
from market_abm.parameters.switches import NEUTRAL
from market_abm.units import quarter_number


def rules_in_force(configurations, quarters):
    """Return one `Parameters` a quarter whose numbers are `(runs, 1)` arrays.

    Whole numbers become integer arrays, rules chosen by name become arrays of their place among the
    options, and dates become quarters since the start.
    """
    base = Parameters(**{s: _section([getattr(c.parameters, s) for c in configurations], configurations) for s in SECTIONS})
    known, place = {}, []  # runs of one batch seldom differ in what is dated
    for configuration in configurations:
        place.append(known.setdefault(configuration.levers, (len(known), configuration))[0])
    distinct = [configuration for _, configuration in known.values()]
    return [_switched(_amended(base, distinct, np.array(place), q)) for q in range(quarters)]


def _section(sections, configurations):
    kind = type(sections[0])
    columns = {}
    for name, told in declarations(kind).items():
        values = [getattr(section, name) for section in sections]
        if told.options:
            values = [told.options.index(v) for v in values]
        elif told.unit == "quarter":
            values = [quarter_number(v, c.frame.start) for v, c in zip(values, configurations, strict=True)]
        dtype = np.int64 if told.options or told.whole else np.float64
        columns[name] = _fixed(np.asarray(values, dtype).reshape(-1, 1))
    return kind(**columns)


def _amended(base, known, place, quarter):
    """Apply what is dated for a quarter: the largest strength of each lever, in the catalogue's order.

    `known` are configurations whose levers differ, `place` `(runs,)` says which of them a run has.
    """
    sections = {f.name: getattr(base, f.name) for f in fields(base)}
    for lever in CATALOGUE.values():
        strength = np.array([[_strength(c, lever.name, quarter)] for c in known])[place]
        if not strength.any():
            continue
        on_old = np.array([[_strength(c, lever.name, quarter, spares=0)] for c in known])[place]
        for amendment in lever.amends:
            section, name = amendment.key.split(".")
            value, s = getattr(sections[section], name), on_old if amendment.old else strength
            factor, target = (_number(base, told) for told in (amendment.factor, amendment.target))
            amended = value * (1.0 - s) + (target if factor is None else value * factor) * s
            amended = np.rint(amended).astype(value.dtype) if value.dtype == np.int64 else amended
            sections[section] = replace(sections[section], **{name: _fixed(amended)})
    return Parameters(**sections)


def _switched(rules):
    """Set what a switch takes out to its neutral value, whatever a lever says."""
    sections = {f.name: getattr(rules, f.name) for f in fields(rules)}
    for switch, numbers in NEUTRAL.items():
        on = getattr(rules.switches, switch) != 0
        if on.all():
            continue
        for key, neutral in numbers:
            section, name = key.split(".")
            value = getattr(sections[section], name)
            sections[section] = replace(sections[section], **{name: _fixed(np.where(on, value, np.asarray(neutral, value.dtype)))})
    return Parameters(**sections)


def _number(base, told):
    """Return a number of the catalogue, or the parameter that it names."""
    if not isinstance(told, str):
        return told
    section, name = told.split(".")
    return getattr(getattr(base, section), name)


def _fixed(array):
    """Close an array to writing: quarters share it."""
    array.flags.writeable = False
    return array


def ramped(quarters_since_start, use):
    """Return how far a lever has got: those bound by it begin to comply when it is announced, and need its ramp."""
    return min(1.0, (quarters_since_start + 1 + use.announced_quarters) / use.ramp_quarters)


def _strength(configuration, name, quarter, spares=1):
    """Return the largest strength of a lever's uses; with `spares` 0 only of those that grandfather nothing."""
    start = configuration.frame.start
    strengths = [0.0]
    for use in configuration.levers:
        first = quarter_number(use.start, start)
        ended = bool(use.end) and quarter >= quarter_number(use.end, start)
        if use.name == name and use.grandfathered <= spares and quarter >= first and not ended:
            strengths.append(use.strength * ramped(quarter - first, use))
    return max(strengths)
