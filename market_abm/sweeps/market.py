"""The market as what a sweep runs: what of it may be varied, and the configuration that a point stands for."""

from dataclasses import asdict, dataclass, field, replace

from market_abm import engine
from market_abm.errors import did_you_mean
from market_abm.levers.catalogue import CATALOGUE
from market_abm.metrics.catalogue import catalogue
from market_abm.parameters.cross_checks import check_together
from market_abm.parameters.declare import Declaration, declarations
from market_abm.parameters.reading import Reading, home_of
from market_abm.parameters.schema import CAST_KINDS, SECTIONS, Configuration, DatedLever
from market_abm.rules import own
from market_abm.units import quarter_label, slug

POLICY = "policy"  # the factor whose values are policies, written as for `compare`
OF_LEVERS = ("start", "end", "strength", "ramp_quarters", "announced_quarters")
A_POLICY = Declaration("policy", None, "", None, None, None, "by choice", "Levers joined by +, empty for none.")


@dataclass(frozen=True)
class Market:
    """A base configuration and what may be put in place of its numbers.

    `policies` is {text: configuration with these levers}; `ranges` {key of the cast: (low, high)} as its file has them.
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
        return tuple(metric.name for metric in catalogue([slug(cloud.name) for cloud in self.base.cast.clouds]))

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
            return _number(getattr(self.base.parameters, first), rest[0])
        if first == "cast" and len(rest) == 3 and rest[0] in CAST_KINDS:
            agents = {agent.key: agent for agent in getattr(self.base.cast, rest[0])}
            if rest[1] not in agents:
                return None, did_you_mean(rest[1], agents)
            declared, value = _number(agents[rest[1]], rest[2])
            low, high = self.ranges.get(key, (None, None))
            return (replace(declared, low=low, high=high) if low is not None else declared), value
        if first == "levers" and rest and rest[0] in CATALOGUE and len(rest) <= 2:
            name = rest[1] if len(rest) == 2 else "strength"
            return _number(self._lever(rest[0]), name, OF_LEVERS)
        if first == "frame":
            return None, "the frame is common to all points: change it in the configuration, or in [design]"
        return None, home_of(rest[-1] if rest else first) or did_you_mean(key, self.keys())

    def keys(self):
        """Return every key of a section, and of the levers' strengths."""
        numbers = [f"{section}.{name}" for section in SECTIONS for name in declarations(getattr(self.base.parameters, section))]
        return [*numbers, *(f"levers.{name}" for name in CATALOGUE), POLICY]

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
                levers.setdefault(rest[0], {})[rest[1] if len(rest) == 2 else "strength"] = value
            elif key != POLICY:
                sections.setdefault(first, {})[rest[0]] = value
        parameters = replace(config.parameters, **{s: replace(getattr(config.parameters, s), **numbers) for s, numbers in sections.items()})
        return replace(config, parameters=parameters, cast=_with_agents(config.cast, agents), levers=self._with_levers(config.levers, levers))

    def _with_levers(self, standing, changed):
        kept = tuple(lever for lever in standing if lever.name not in changed)
        before = {lever.name: lever for lever in standing}
        return kept + tuple(replace(before.get(name) or self._lever(name), **numbers) for name, numbers in changed.items())

    def faults(self, setting, file):
        """Return what is wrong with a point whose numbers are in bounds one by one."""
        config = self.configuration(setting)
        added = {key.split(".")[1] for key in setting if key.startswith("levers.")}
        reading = Reading(files=[file], lever_count=len(added))
        check_together(config, {kind: [agent.key for agent in getattr(config.cast, kind)] for kind in CAST_KINDS}, reading, set())
        return reading.problems

    def content(self, setting):
        """Return a setting with what a policy consists of in place of its name."""
        if POLICY not in setting:
            return setting
        config = self.policies[setting[POLICY]]
        return setting | {POLICY: [asdict(lever) for lever in config.levers] + [asdict(config.parameters.policy)]}

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


def _number(declared, name, known=None):
    """Return (declaration, value) of a number of a declared dataclass, or (None, what to say)."""
    told = {key: one for key, one in declarations(declared).items() if known is None or key in known}
    if name not in told:
        return None, did_you_mean(name, told)
    return told[name], getattr(declared, name)


def _with_agents(cast, changed):
    def kind_with(kind):
        return tuple(replace(agent, **changed.get((kind, agent.key), {})) for agent in getattr(cast, kind))

    return replace(cast, **{kind: kind_with(kind) for kind in sorted({kind for kind, _ in changed})})
