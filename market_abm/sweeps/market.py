"""The market as what a sweep runs: what of it may be varied, and the configuration that a point stands for."""

import os
import re
from dataclasses import asdict, astuple, dataclass, field, replace

from market_abm import engine
from market_abm.errors import NOT_GIVEN, BadInput, Problem, did_you_mean, shown
from market_abm.levers.catalogue import CATALOGUE
from market_abm.metrics.catalogue import catalogue_of
from market_abm.parameters.cross_checks import check_together
from market_abm.parameters.declare import Declaration, declarations
from market_abm.parameters.loading import with_levers
from market_abm.parameters.reading import LEVER, Reading, home_of
from market_abm.parameters.schema import CAST_KINDS, SECTIONS, Configuration, DatedLever
from market_abm.rules import own
from market_abm.units import quarter_label

POLICY = "policy"  # the factor whose values are policies, written as for `compare`
STRENGTH = "strength"  # levers.NAME alone means it too
OF_LEVERS = ("start", "end", STRENGTH, "ramp_quarters", "announced_quarters", "grandfathered")
SEE_PARAMETERS = "see `market-abm describe parameters`"
A_POLICY = Declaration("policy", None, "", None, None, None, "by choice", "Levers joined by +, empty for none.")


@dataclass(frozen=True)
class Market:
    """A base configuration and what may be put in place of its numbers.

    `policies` is {text: configuration with these levers}; `ranges` {key: {"low": ..., "high": ...}} as its file has them.
    """

    base: Configuration
    policies: dict = field(default_factory=dict)
    ranges: dict = field(default_factory=dict)
    measured: tuple[str, ...] | None = None
    own_rules: dict = field(default_factory=dict)

    @property
    def names(self):
        """Return the metrics that are measured, in the catalogue's order."""
        return tuple(name for name in self.known if self.measured is None or name in self.measured)

    @property
    def known(self):
        """Return the names of all metrics."""
        return tuple(metric.name for metric in catalogue_of(self.base.cast))

    @property
    def labels(self):
        """Return the quarters of a run, as in 2026Q1."""
        return tuple(quarter_label(q, self.base.frame.start) for q in range(self.base.frame.quarters))

    def told(self, key):
        """Return (declaration, standing value) of a key that may be varied, or (None, what to say of it)."""
        first, *rest = key.split(".")
        if first == POLICY and not rest:
            return A_POLICY, ""
        if first in SECTIONS and len(rest) == 1:
            return self._ranged(key, *_number(getattr(self.base.parameters, first), rest[0], f"{first}."))
        if first == "cast":
            return self._told_of_cast(key, *rest)
        if first == "levers":
            return self._told_of_lever(*rest)
        home = home_of(rest[-1] if rest else first)
        if first == "frame" or "frame." in home:
            return None, "the frame is common to all points: change it in the configuration, or in [design]"
        return None, home or _nearest(key, self.keys(), "", SEE_PARAMETERS)

    def _told_of_cast(self, key, kind="", agent="", name="", *more):
        agents = {one.key: one for one in getattr(self.base.cast, kind)} if kind in CAST_KINDS else {}
        if kind not in CAST_KINDS:
            return None, _nearest(kind, CAST_KINDS, "cast.")
        if agent not in agents:
            return None, _nearest(agent, agents, f"cast.{kind}.")
        if not name or more:
            return None, f"write cast.{kind}.{agent} and one of its numbers, as in cast.{kind}.{agent}.present"
        if name == "name":
            return None, "names are common to all points, because metrics bear them"
        return self._ranged(key, *_number(agents[agent], name, f"cast.{kind}.{agent}."))

    def _ranged(self, key, declared, value):
        """Return (declaration with the low and high that the configuration has beside the value, value)."""
        ranged = declared is not None and declared.low is not None and key in self.ranges
        return replace(declared, **self.ranges[key]) if ranged else declared, value

    def _told_of_lever(self, name="", what=STRENGTH, *more):
        if name not in CATALOGUE:
            return None, _nearest(name, CATALOGUE, "levers.")
        lever = CATALOGUE[name]
        if what in lever.arguments:
            return None, f"did you mean {POLICY}.{what}?"
        if lever.once and what in ("ramp_quarters", "announced_quarters"):
            return None, f"it means nothing to {name}, which happens at once"
        if what == "grandfathered" and not lever.grandfathers:
            return None, f"it means nothing to {name}, which touches nothing that was agreed or made before"
        if sum(use.name == name for use in self.base.levers) > 1:
            return None, f"{name} is used twice in the configuration: say in files of levers what is to be compared, and name them in `{POLICY}`"
        if more or what not in OF_LEVERS:
            return None, _nearest(what, OF_LEVERS, f"levers.{name}.")
        return _number(self._lever(name), what, f"levers.{name}.")

    def stands(self, key, policy):
        """Return what a number is under a policy that has been worked out, if a point does not say."""
        return replace(self, base=self.policies[policy]).told(key)[1] if policy else self.told(key)[1]

    def keys(self):
        """Return every key of a section, and of the levers' strengths."""
        numbers = [f"{section}.{name}" for section in SECTIONS for name in declarations(getattr(self.base.parameters, section))]
        return [*numbers, *(f"levers.{name}" for name in CATALOGUE), POLICY]

    def with_policies(self, texts, folder, file, key):
        """Return (the model with policies worked out, what is wrong with them); files of levers are looked for in `folder`."""
        found, problems = {}, []
        for text in filter(None, texts):
            try:
                found[text] = with_levers(self.base, _parts(text, folder))
            except BadInput as bad:
                problems += [_retold(problem, file, key, text) for problem in bad.problems]
        return replace(self, policies=found), problems

    def _lever(self, name):
        """Return a lever as it stands in the base, else as the catalogue has it with no strength."""
        standing = {lever.name: lever for lever in self.base.levers}
        known = CATALOGUE[name]
        return standing.get(name) or DatedLever(name, known.start, "", 0.0, known.ramp_quarters, known.announced_quarters, known.grandfathered)

    def configuration(self, setting):
        """Return the configuration of a point, `setting` being {key: value} of what differs from the base."""
        config = self.policies[setting[POLICY]] if POLICY in setting else self.base
        sections, agents, levers = {}, {}, {}
        for key, value in setting.items():
            first, *rest = key.split(".")
            if first == "cast":
                agents.setdefault(tuple(rest[:2]), {})[rest[2]] = value
            elif first == "levers":
                levers.setdefault(rest[0], {})[rest[1] if len(rest) == 2 else STRENGTH] = value
            elif key != POLICY:
                sections.setdefault(first, {})[rest[0]] = value
        parameters = replace(config.parameters, **{s: replace(getattr(config.parameters, s), **numbers) for s, numbers in sections.items()})
        return replace(config, parameters=parameters, cast=_with_agents(config.cast, agents), levers=self._with_levers(config.levers, levers))

    def _with_levers(self, standing, changed):
        there = {lever.name for lever in standing}
        kept = tuple(replace(lever, **changed.get(lever.name, {})) for lever in standing)
        return kept + tuple(replace(self._lever(name), **numbers) for name, numbers in changed.items() if name not in there)

    def faults(self, setting, file):
        """Return what is wrong with a point whose numbers are in bounds one by one."""
        config = self.configuration(setting)
        reading = Reading(files=[file], lever_count=len(config.levers))
        check_together(config, {kind: [agent.key for agent in getattr(config.cast, kind)] for kind in CAST_KINDS}, reading, set())
        return [replace(fault, key=re.sub(r"^levers\[(\d+)\]", lambda place: f"levers.{config.levers[int(place[1])].name}", fault.key))
                for fault in reading.problems]

    def content(self, setting):
        """Return what a setting makes of the base: the same whichever factor says it, and in whatever order."""
        if not any(is_of_policy(key) for key in setting):
            return setting
        config, base = self.configuration({key: value for key, value in setting.items() if is_of_policy(key)}), self.base
        now, before = config.parameters.policy, base.parameters.policy
        sizes = {f"{POLICY}.{name}": getattr(now, name) for name in now.__slots__ if getattr(now, name) != getattr(before, name)}
        levers = {"levers": sorted(map(astuple, set(config.levers)))} if set(config.levers) != set(base.levers) else {}
        return {key: value for key, value in setting.items() if not is_of_policy(key)} | sizes | levers

    def identity(self):
        """Return what all runs of a sweep must share, as plain data."""
        told = asdict(self.base)
        frame = {name: value for name, value in told["frame"].items() if name not in ("title", "runs", "seed", "history_until")}
        return {"frame": frame, "parameters": told["parameters"], "cast": told["cast"], "levers": told["levers"],
                "rules": own.told(self.own_rules), "metrics": list(self.names)}

    def simulate(self, settings, seeds):
        """Run one world a setting and seed to its end."""
        made = {id(setting): setting for setting in settings}
        configurations = {place: self.configuration(setting) for place, setting in made.items()}
        return engine.simulate([configurations[id(setting)] for setting in settings], seeds, own_rules=self.own_rules, metrics=self.measured)


def is_of_policy(key):
    """Say whether a key is the factor `policy`, or names what a policy can change: a lever, or how far one goes."""
    return key.split(".")[0] in (POLICY, "levers")


def main_key(key):
    """Return the shorter of two keys for one number: a lever alone means its strength."""
    return key.removesuffix(f".{STRENGTH}") if key.startswith("levers.") else key


def _number(declared, name, section):
    """Return (declaration, value) of a number of a declared dataclass, or (None, what to say)."""
    told = declarations(declared)
    if name not in told:
        return None, _nearest(name, told, section, SEE_PARAMETERS)
    return told[name], getattr(declared, name)


def _nearest(name, known, before, otherwise=""):
    """Return "did you mean x?" with what stands before x, or else a list of what is known, which must be short."""
    near = did_you_mean(name, known)
    return near.replace("did you mean ", f"did you mean {before}") if near.startswith("did") else otherwise or near


def _parts(text, folder):
    """Return the levers of a policy; a file of levers stands in the folder."""
    def path(name):
        return os.path.join(folder, name)

    parts = [text] if os.path.isfile(path(text)) else [part.strip() for part in text.split("+")]
    if not all(parts):
        raise BadInput(Problem(LEVER, "names a policy with an empty part", 'write for example break_up+faster_grid, or "" for none'))
    return [path(part) if part.partition("@")[0] not in CATALOGUE and (part.endswith(".toml") or os.path.isfile(path(part))) else part
            for part in parts]


def _retold(problem, file, key, text):
    """Return what is wrong with a policy as a fault of the design's file; what is wrong in a file of levers stays there."""
    if problem.file != LEVER:
        return problem
    where = problem.key if problem.value is NOT_GIVEN else f"{problem.key} = {shown(problem.value)}"
    return Problem(file, f"{where} {problem.why}".strip(), problem.remedy, key, text)


def _with_agents(cast, changed):
    def kind_with(kind):
        return tuple(replace(agent, **changed.get((kind, agent.key), {})) for agent in getattr(cast, kind))

    return replace(cast, **{kind: kind_with(kind) for kind in sorted({kind for kind, _ in changed})})
