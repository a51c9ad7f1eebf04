"""The model told from its own declarations, one flat dict a row."""

from dataclasses import asdict, replace

SUBJECTS = ("quarter", "parameters", "rules", "levers", "metrics", "columns")


def describe(subject, only_assumed=False):
    """Return the rows of one subject."""
    if subject == "parameters":
        return _parameters(only_assumed)
    return {"quarter": _quarter, "rules": _rules, "columns": _columns, "metrics": _metrics, "levers": _levers}[subject]()


def _quarter():
    from market_abm.phases.quarter import QUARTER

    return [{"step": str(p.step), "name": p.name, "why": p.why, "writes": ", ".join(p.writes)} for p in QUARTER]


def _parameters(only_assumed):
    from market_abm.parameters.declare import ASSUMED, declarations
    from market_abm.parameters.schema import CAST_KINDS, SECTIONS, DatedLever, Frame, Parameters

    kinds = {"frame": Frame} | {section: type(getattr(Parameters(), section)) for section in SECTIONS}
    kinds |= {f"cast.{kind}.*": declared for kind, declared in CAST_KINDS.items()} | {"levers[*]": DatedLever}
    return [
        _parameter(f"{section}.{name}", told)
        for section, kind in kinds.items() for name, told in declarations(kind).items()
        if not only_assumed or told.source == ASSUMED
    ]


def without_source(path):
    """Return the numbers of a configuration that no source supports, its cast included: assumed, or set without a word on why.

    Of the cast what the file says stands by agent; what it leaves out is generic, and stands once a kind. `best` is the value in force.
    """
    from market_abm.parameters.declare import declarations
    from market_abm.parameters.loading import load
    from market_abm.parameters.reading import read
    from market_abm.parameters.schema import CAST_KINDS, SECTIONS

    configuration, leaves = load(path), {".".join(path): leaf.value for path, leaf in read(path).leaves.items()}
    agents = {f"cast.{kind}.{agent.key}": agent for kind in CAST_KINDS for agent in getattr(configuration.cast, kind)}
    tables = {section: getattr(configuration.parameters, section) for section in SECTIONS} | agents
    stated = [
        _parameter(key, _as_it_stands(told, getattr(values, name), leaves.get(key), configuration.sources.get(key, told.source)))
        for table, values in tables.items() for name, told in declarations(values).items()
        if told.unit != "text" and (key := f"{table}.{name}") and (table in SECTIONS or key in leaves)
    ]
    generic = [row for row in _parameters(False) if row["key"].startswith("cast.") and row["unit"] != "text"]
    return [row for row in (*stated, *generic) if not _supported(row["source"])]


def _supported(source):
    """Say whether something stands behind a number: more than an assumption, or than the file or the caller who set it."""
    from market_abm.parameters.declare import ASSUMED

    return ASSUMED not in source and not source.startswith(("set in ", "given on "))


def _as_it_stands(told, value, leaf, source):
    """Return a declaration with the value, range and source that a configuration gives."""
    ends = {end: leaf[end] for end in ("low", "high") if isinstance(leaf, dict) and end in leaf}
    return replace(told, best=value, source=source, **ends)


def _parameter(key, told):
    unit = " | ".join(told.options) or told.unit
    low, best, high, least, most = told.low, told.best, told.high, told.at_least, told.at_most
    return {"key": key, "unit": unit, "low": low, "best": best, "high": high, "at_least": least, "at_most": most,
            "source": told.source, "says": told.says}


def _rules():
    from market_abm.behaviour.catalogue import MECHANISMS, TAKEN_OUT_BY
    from market_abm.parameters.schema import Parameters
    from market_abm.rules.catalogue import CHOSEN, FIXED

    def by_default(key):
        section, name = key.split(".")
        return getattr(getattr(Parameters(), section), name)

    rows = [_rule(key, name, rule, "yes" if by_default(key) == name else "") for key, table in CHOSEN.items() for name, rule in table.items()]
    for name, rule in (FIXED | MECHANISMS).items():
        switch = TAKEN_OUT_BY.get(name, "")
        idle = switch and by_default(switch) in (0, "closed")
        rows.append(_rule("", name, rule, "" if idle else "yes" if switch else "always", switch))
    return rows


def _rule(key, name, rule, default, switch=""):
    text = " ".join(rule.__doc__.split())
    says, _, source = text.partition("Source: ")
    return {"chosen_by": key, "name": name, "default": default, "switch": switch, "says": says.split(". ")[0].rstrip(". ") + ".",
            "source": source.rstrip(".")}


def _columns():
    from market_abm.state.tables import TABLES

    return [
        {"table": table.name, "column": c.name, "lives": c.lives, "unit": c.unit, "by": c.by, "counts_as": c.counts_as, "says": c.says}
        for table in TABLES for c in table.columns
    ]


def _metrics():
    from market_abm.metrics.catalogue import catalogue

    return [{"name": m.name, "unit": m.unit, "says": m.says} for m in catalogue(["OWNER"], ["MAKER"])]


def _levers():
    from market_abm.levers.catalogue import CATALOGUE

    return [
        {"name": lever.name, "says": lever.says, "start": lever.start, "strength": lever.strength, "ramp_quarters": lever.ramp_quarters,
         "announced_quarters": lever.announced_quarters, "grandfathered": _spared(lever),
         "theory": ", ".join(f"{outcome} {sign}" for outcome, sign in lever.signs.items()), "why": lever.why,
         "amends": ", ".join(_amends(amendment) for amendment in lever.amends), "arguments": ", ".join(map(_argument, lever.arguments)),
         "reference": lever.reference}
        for lever in CATALOGUE.values()
    ]


def _spared(lever):
    """Say what a lever leaves alone by default, or could."""
    return f"{'yes' if lever.grandfathered else 'no'}: {lever.grandfathers}" if lever.grandfathers else ""


def _argument(name):
    """Say what an argument of a lever is by default."""
    from market_abm.parameters.declare import declarations
    from market_abm.parameters.policy import Policy

    told = declarations(Policy)[name]
    return f"{name} = {told.best:g} {told.unit}"


def _amends(amendment):
    """Say what a lever does to one number."""
    value = amendment.target if amendment.factor is None else amendment.factor
    unless = " unless grandfathered" if amendment.old else ""
    return f"{amendment.key} {'to' if amendment.factor is None else 'times'} {value if isinstance(value, str) else f'{value:g}'}{unless}"


def dated_levers(configuration):
    """Return one dict for each lever that a configuration puts in force."""
    return [asdict(lever) for lever in configuration.levers]
