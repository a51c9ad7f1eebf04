"""From a TOML file to a validated configuration; everything wrong with it is said at once."""

from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Annotated, Literal

from market_abm.errors import BadInput, did_you_mean
from market_abm.levers.catalogue import CATALOGUE
from market_abm.parameters.cross_checks import check_levers, check_together
from market_abm.parameters.declare import declarations
from market_abm.parameters.policy import Policy
from market_abm.parameters.quantities import (
    Refused,
    bounds,
    number_from,
    quarter_from,
    same_but_unit,
    text_from,
)
from market_abm.parameters.reading import AGENT_DEPTH, LEVER, SET, Leaf, Reading, add_lever, home_of, read
from market_abm.parameters.schema import CAST_KINDS, SECTIONS, Cast, Configuration, DatedLever, Frame, Parameters

LEFT_TO_THE_CATALOGUE = ("start", "strength", "ramp_quarters", "announced_quarters", "grandfathered")
WITH_SOURCE = ("value", "low", "high", "source")


def load(path, sets=(), levers=()):
    """Return the configuration in a file, amended by `key=value` texts and by levers."""
    building = _Building(read(path, sets, levers), {}, set())
    building.take_arguments()
    frame = building.build(Frame, ("frame",))
    parameters = Parameters(**{s: building.build(type(getattr(Parameters(), s)), (s,)) for s in SECTIONS})
    agents = [path for path in building.reading.leaves if len(path) == AGENT_DEPTH]
    keys = {kind: [key for _, other, key in agents if other == kind] for kind in CAST_KINDS}
    cast = Cast(**{kind: tuple(building.agent(kind, key) for key in keys[kind]) for kind in CAST_KINDS})
    dated = tuple(building.lever(place) for place in range(building.reading.lever_count))
    configuration = Configuration(frame, parameters, cast, dated, building.sources)
    check_together(configuration, keys, building.reading, building.refused)
    if building.reading.problems:
        raise BadInput(*building.reading.problems)
    return configuration


def with_levers(configuration, texts, source=LEVER):
    """Return a configuration with further levers, each NAME, NAME@QUARTER or a file of levers."""
    reading = Reading(files=[source])
    for text in texts:
        add_lever(reading, text)
    building = _Building(reading, dict(configuration.sources), set())
    for lever in configuration.levers:  # what stands goes as far as it went
        building.taken |= {name: getattr(configuration.parameters.policy, name) for name in CATALOGUE[lever.name].arguments}
    building.take_arguments()
    sizes = building.build(Policy, ("policy",), standing=configuration.parameters.policy)
    more = tuple(building.lever(place) for place in range(reading.lever_count))
    changed = replace(configuration, levers=configuration.levers + more, sources=building.sources,
                      parameters=replace(configuration.parameters, policy=sizes))
    check_levers(changed, reading, building.refused)
    if reading.problems:
        raise BadInput(*reading.problems)
    return changed


def declared_in(kind, table, file, section):
    """Return (a declared dataclass built from one table of a file, what is wrong with it)."""
    building = _Building(Reading({(section, name): Leaf(value, file) for name, value in table.items()}, [file]), {}, set())
    return building.build(kind, (section,)), building.reading.problems


def changes(configuration):
    """Return what differs from the schema's defaults in the frame and the sections, one dict a number."""
    tables = {"frame": configuration.frame} | {s: getattr(configuration.parameters, s) for s in SECTIONS}
    return [
        {"key": f"{table}.{name}", "value": getattr(values, name), "default": told.best, "unit": told.unit}
        for table, values in tables.items() for name, told in declarations(values).items()
        if getattr(values, name) != told.best
    ]


@dataclass(slots=True)
class _Building:
    """What is being built: all that was read, the sources found, and the paths refused so far."""

    reading: Reading
    sources: dict
    refused: set
    taken: dict = field(default_factory=dict)  # arguments of levers, by name

    def agent(self, kind, key):
        """Build one agent of the cast, named after its key unless it has a name."""
        prefix = ("cast", kind, key)
        self.reading.leaves.setdefault((*prefix, "name"), Leaf(key, ""))
        return replace(self.build(CAST_KINDS[kind], prefix), key=key)

    def take_arguments(self):
        """Move what levers say of how far they go to the numbers of the policy section."""
        leaves = self.reading.leaves
        for place in range(self.reading.lever_count):
            prefix = f"levers[{place}]"
            known = CATALOGUE.get(str(leaves[prefix, "name"].value)) if (prefix, "name") in leaves else None
            for name in known.arguments if known else ():
                if (prefix, name) in leaves:
                    self._take_argument(name, leaves.pop((prefix, name)), f"{prefix}.{name}")

    def _take_argument(self, name, leaf, key):
        """Note how far a lever goes; it goes as far wherever it is used, in the standing configuration too."""
        before = self.taken.setdefault(name, leaf.value)
        if before != leaf.value:
            self.reading.complain(leaf.file, f"is given as {before!r} elsewhere: one lever has one size in a scenario", "make them equal",
                                  key=key, value=leaf.value)
        self.reading.leaves["policy", name] = leaf

    def lever(self, place):
        """Build one dated lever, which must be in the catalogue; what is left out is as the catalogue has it."""
        prefix = (f"levers[{place}]",)
        lever = self.build(DatedLever, prefix)
        leaf = self.reading.leaves.get((*prefix, "name"), self.reading.leaves[prefix])
        known = CATALOGUE.get(lever.name)
        if known is not None:
            lever = replace(lever, **{name: getattr(known, name) for name in LEFT_TO_THE_CATALOGUE if (*prefix, name) not in self.reading.leaves})
            for name, why in _senseless(lever, known):
                self.reading.complain(leaf.file, why, "leave it out", key=f"{prefix[0]}.{name}", value=getattr(lever, name))
        elif (*prefix, "name") not in self.refused:
            self.reading.complain(leaf.file, "must be a lever of the catalogue", did_you_mean(lever.name, CATALOGUE),
                                  key=f"{prefix[0]}.name", value=lever.name)
        return lever

    def _arguments_of(self, prefix):
        """Return the arguments of the lever that a use names, none if it is unknown."""
        leaf = self.reading.leaves.get((prefix, "name"))
        known = CATALOGUE.get(str(leaf.value)) if leaf else None
        return known.arguments if known else ()

    def build(self, kind, prefix, standing=None):
        """Build one declared dataclass from the leaves under a prefix; what is refused or left out keeps its default, or stands."""
        from pydantic import ValidationError

        values = {path[-1]: self._value(kind, path, leaf) for path, leaf in list(self.reading.leaves.items())
                  if path[:-1] == prefix and path != prefix}
        values = {name: value for name, value in values.items() if (*prefix, name) not in self.refused}
        try:
            valid = _model(kind)(**values)
        except ValidationError as failure:
            for error in failure.errors():
                self._refuse(kind, (*prefix, error["loc"][0]), error, values)
            valid = _model(kind)(**{n: v for n, v in values.items() if (*prefix, n) not in self.refused})
        return replace(standing or kind(), **valid.model_dump(exclude_unset=True))

    def _value(self, kind, path, leaf):
        """Return what a leaf says, taking an inline table apart, and note its source."""
        key, value = ".".join(path), leaf.value
        source = f"set by {leaf.file}" if leaf.file in (SET, LEVER) else f"set in {leaf.file}"
        if isinstance(value, dict):
            told = declarations(kind).get(path[-1])
            faults = _faults_of(value, told) if told else []
            self.refused |= {path} if faults else set()
            for why, remedy in faults:
                self.reading.complain(leaf.file, why, remedy, key=key, value=value)
            source, value = value.get("source", source), value.get("value")
        if leaf.file:
            self.sources[key] = source
        return value

    def _refuse(self, kind, path, error, values):
        """Turn one error of pydantic into a problem that names the bound and the remedy."""
        name, told = path[-1], declarations(kind).get(path[-1])
        self.refused.add(path)
        refusal = error.get("ctx", {}).get("error")
        if told is None:
            why, remedy = _unknown(name, declarations(kind), self._arguments_of(path[0]) if kind is DatedLever else ())
        elif isinstance(refusal, Refused):
            why, remedy = refusal.why, refusal.remedy
        elif told.options:
            why, remedy = f"must be one of {', '.join(told.options)}", _near_option(values[name], told.options)
        else:
            low = error["type"] == "greater_than_equal"
            remedy = f"raise it to {told.at_least:.16g} or more" if low else f"lower it to {told.at_most:.16g} or less"
            why = bounds(told)
        self.reading.complain(self.reading.leaves[path].file, why, remedy, key=".".join(path), value=values[name])


def _senseless(lever, known):
    """Yield (key, why) of what a use says that its lever has no room for."""
    if known.once and (lever.ramp_quarters, lever.announced_quarters) != (1, 0):
        yield "ramp_quarters" if lever.ramp_quarters != 1 else "announced_quarters", f"means nothing to {lever.name}, which happens at once"
    if lever.grandfathered and not known.grandfathers:
        yield "grandfathered", f"means nothing to {lever.name}: it touches nothing that was agreed or made before"


def _unknown(name, known, arguments=()):
    if arguments or "ramp_quarters" in known:  # a lever: few keys, so all can be named
        return "is no key of this lever", did_you_mean(name, (*arguments, *known))
    twin = same_but_unit(name, known)
    if twin is not None:
        return f"is no key of this section; the unit here is {known[twin].unit}", f"did you mean {twin}?"
    near = did_you_mean(name, known)
    if not near.startswith("did"):  # a section's whole list of names would drown the message
        near = home_of(name) or "see `market-abm describe parameters`"
    return "is no key of this section", near


def _near_option(value, options):
    near = did_you_mean(value, options)
    return near if near.startswith("did") else "choose one of them"


def _faults_of(table, told):
    """Return (why, remedy) for everything wrong with `{ value = ..., low = ..., high = ..., source = ... }`."""
    faults = [(f"{key} may not stand beside value", did_you_mean(key, WITH_SOURCE)) for key in table if key not in WITH_SOURCE]
    if "value" not in table:
        faults.append(("has no value", "write { value = ..., source = ... }"))
    if not isinstance(table.get("source", ""), str):
        faults.append(("source must be a text", 'write source = "assumed"'))
    ends = []
    for end in ("low", "high"):
        try:
            ends += [number_from(table[end], told)] if end in table and told.low is not None else []
        except Refused as refusal:
            faults.append((f"{end} {refusal.why}", refusal.remedy))
    if len(ends) == 2 and ends[0] > ends[1]:
        faults.append((f"low must not exceed high (unit: {told.unit})", "exchange them"))
    return faults


@cache
def _model(kind):
    """Make the pydantic model of a declared dataclass."""
    from pydantic import ConfigDict, create_model

    fields = {name: (_type(told), told.best) for name, told in declarations(kind).items()}
    return create_model(kind.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields)


def _type(told):
    """Return the type of one number, rule, text or quarter, with what may stand for it."""
    from pydantic import BeforeValidator, Field

    if told.options:
        return Literal[told.options]
    if told.unit in ("text", "quarter"):
        reader = text_from if told.unit == "text" else quarter_from
        return Annotated[str, BeforeValidator(partial(reader, told=told))]
    kind = int if told.whole else float
    return Annotated[kind, Field(ge=told.at_least, le=told.at_most), BeforeValidator(partial(number_from, told=told))]
