"""Checks that take several numbers of a configuration at once."""

from market_abm.errors import did_you_mean
from market_abm.parameters.schema import CAST_KINDS
from market_abm.units import quarter_number, slug

TOLERANCE = 1e-6
SUM_TO_ONE = (
    ("makers", "fleet_share"), ("clouds", "fleet_share"), ("clouds", "legacy_share"),
    ("clouds", "general_share"), ("regions", "site_share"),
)
IN_ORDER = (
    ("chips.gain_low", "chips.gain_high"), ("clouds.gate_low", "clouds.gate_high"), ("chips.margin_floor", "chips.margin_cap"),
)

EMPTY_IN_POOL = ("enters", "rents_out", "has_lab", "fleet_share", "legacy_share", "general_share", "new_workload_share",
                 "group_cash_flow_usd", "lab_share", "cash_usd")


def check_together(configuration, keys, reading, refused):
    """Complain of numbers that do not fit each other, leaving out those refused on their own.

    `keys` names the agents of each kind, {"clouds": ["amazon", ...]}, in the order of their rows.
    """
    for kind in CAST_KINDS:
        agents = getattr(configuration.cast, kind)
        if any(key[:2] == ("cast", kind) for key in refused):
            continue
        if not any(agent.present for agent in agents):
            reading.complain(reading.files[0], "at least 1 must be present", f"add [cast.{kind}.KEY] or set present = 1", key=f"cast.{kind}", value=0)
            continue
        _check_names(dict(zip(keys[kind], agents, strict=True)), kind, reading)
        for other, share in SUM_TO_ONE:
            if other == kind:
                sharing = {key: agent for key, agent in zip(keys[kind], agents, strict=True) if getattr(agent, "kind", "") != "in_house"}
                _check_sum(sharing, kind, share, reading)
        if kind == "makers":
            _check_parents(configuration.cast, refused, reading)
        if kind == "clouds":
            _check_stakes(dict(zip(keys[kind], agents, strict=True)), reading)
            _check_late_owners(dict(zip(keys[kind], agents, strict=True)), reading)
            _check_pool(dict(zip(keys[kind], agents, strict=True)), reading)
    for low, high in IN_ORDER:
        _check_order(configuration.parameters, low, high, reading, refused)
    _check_slots(configuration, reading, refused)
    _check_rental(configuration.parameters.rental, reading, refused)
    check_levers(configuration, reading, refused)


def _check_rental(rental, reading, refused):
    """Complain of rules of the rental market that have no meaning together."""
    one_good, many = ("linear", "isoelastic", "quality", "budget"), ("logit", "budget")
    asked = (
        ("pricing", rental.pricing == "cournot", "demand", one_good), ("pricing", rental.pricing == "nash_logit", "demand", many),
        ("quality_cost", rental.quality_cost > 0, "demand", ("quality",)), ("quality_cost", rental.quality_cost > 0, "pricing", ("cournot",)),
        ("entry", rental.entry == "free", "pricing", ("cournot", "nash_logit", "capacity_clearing", "cost_based")),
        ("entrants_expect", rental.entrants_expect == "standing", "pricing", ("cournot",)),
    )
    for name, used, other, allowed in asked:
        paths = [("rental", name), ("rental", other)]
        if used and getattr(rental, other) not in allowed and not refused & set(paths):
            reading.complain(_last_file(reading, paths), f"needs rental.{other} = {' or '.join(allowed)}, not {getattr(rental, other)}",
                             f"set rental.{other}, or leave rental.{name} out", key=f"rental.{name}", value=getattr(rental, name))


def _check_stakes(owners, reading):
    """Who holds a part of another must name one that is there from the start, and hold something of it."""
    there = [key for key, owner in owners.items() if owner.present and not owner.enters]
    for key, owner in owners.items():
        path = ("cast", "clouds", key, "holds" if owner.holds else "holding")
        if owner.holds and (owner.holds == key or owner.holds not in there):
            reading.complain(_last_file(reading, [path]), "must be the key of another owner that is there at the start",
                             did_you_mean(owner.holds, [name for name in there if name != key]), key=".".join(path), value=owner.holds)
        elif owner.holding and not owner.holds:
            reading.complain(_last_file(reading, [path]), "says of nobody whose part it is", "name the other owner in `holds`", key=".".join(path),
                             value=owner.holding)


def _check_late_owners(owners, reading):
    """An owner who enters by date can hold nothing of the market at the start."""
    for key, owner in owners.items():
        late = owner.present and owner.enters
        for share in ("fleet_share", "legacy_share", "general_share"):
            value = getattr(owner, share)
            if late and value:
                path = ("cast", "clouds", key, share)
                reading.complain(_last_file(reading, [path]), f"must be 0 for an owner that enters in {owner.enters}",
                                 "give its share to others, or leave `enters` out", key=".".join(path), value=value)


def _check_pool(owners, reading):
    """Startups have one pool, which opens empty: whatever it holds belongs to a startup."""
    pools = {key: owner for key, owner in owners.items() if owner.present and owner.kind == "startup_pool"}
    for key in list(pools)[1:]:
        path = ("cast", "clouds", key, "kind")
        reading.complain(_last_file(reading, [path]), "must not name a second pool of startups", "remove it, or set present = 0",
                         key=".".join(path), value="startup_pool")
    for key, owner in pools.items():
        for name in EMPTY_IN_POOL:
            value, path = getattr(owner, name), ("cast", "clouds", key, name)
            if value:
                reading.complain(_last_file(reading, [path]), "must be empty or 0 for startups' pool", "leave it to other owners",
                                 key=".".join(path), value=value)


def _check_parents(cast, refused, reading):
    """An in-house maker belongs to one hyperscaler of the cast, and each has at most one; a merchant belongs to nobody."""
    owners, taken = {owner.key: owner for owner in cast.clouds if owner.kind == "hyperscaler"}, {}
    if any(path[:2] == ("cast", "clouds") for path in refused):
        return

    def complain(maker, name, why, remedy):
        path = ("cast", "makers", maker.key, name)
        reading.complain(_last_file(reading, [path, path[:3]]), why, remedy, key=".".join(path), value=getattr(maker, name))

    for maker in cast.makers:
        if maker.kind == "merchant":
            if maker.parent:
                complain(maker, "parent", "must be empty for a merchant", 'set kind = "in_house", or leave `parent` out')
        elif maker.parent not in owners:
            complain(maker, "parent", "must be the key of a hyperscaler of the cast", did_you_mean(maker.parent, owners))
        elif maker.parent in taken:
            complain(maker, "parent", f"is already the parent of cast.makers.{taken[maker.parent]}", "give it another parent")
        else:
            taken[maker.parent] = maker.key
            if maker.present and not _there(owners[maker.parent]):
                complain(maker, "present", f"must be 0 while its parent cast.clouds.{maker.parent} is not there at the start", "set present = 0")
    if not any(maker.present and maker.kind == "merchant" for maker in cast.makers):
        reading.complain(reading.files[0], "at least 1 merchant must be present", "set present = 1 for one", key="cast.makers", value=0)


def _there(owner):
    return owner.present and not owner.enters


def _check_names(agents, kind, reading):
    """Complain of two agents that tables and metrics could not tell apart."""
    seen = {}
    for key, agent in agents.items():
        twin = seen.setdefault(slug(agent.name), key)
        if twin != key or not agent.name:
            why = f"must differ from the name of cast.{kind}.{twin} in letters and digits" if agent.name else "must not be empty"
            reading.complain(_last_file(reading, [("cast", kind, key)]), why, "give it another name", key=f"cast.{kind}.{key}.name", value=agent.name)


def _check_sum(agents, kind, share, reading):
    shares = {key: getattr(agent, share) for key, agent in agents.items() if agent.present}
    found = sum(shares.values())
    if abs(found - 1) > TOLERANCE:
        file = _last_file(reading, [("cast", kind, key, name) for key in agents for name in (share, "present")])
        reading.complain(file, f"must sum to 1 within {TOLERANCE:g} over rows with present = 1 (unit: share)",
                         f"add {1 - found:+.6g} in all", key=f"sum of cast.{kind}.*.{share}", value=float(f"{found:.9g}"))


def _check_order(parameters, low, high, reading, refused):
    paths = [tuple(low.split(".")), tuple(high.split("."))]
    small, large = (getattr(getattr(parameters, section), name) for section, name in paths)
    if small > large and not refused & set(paths):
        reading.complain(_last_file(reading, paths), f"must not exceed {high} = {large:g}", f"lower {low} or raise {high}", key=low, value=small)


def _check_slots(configuration, reading, refused):
    paths = [("startups", "opening"), ("startups", "bystanders"), ("frame", "startup_slots")]
    startups, slots = configuration.parameters.startups, configuration.frame.startup_slots
    taken = startups.opening + startups.bystanders
    if taken > slots and not refused & set(paths):
        reading.complain(_last_file(reading, paths), f"must not exceed frame.startup_slots = {slots} (unit: count)",
                         f"raise frame.startup_slots to {taken} or more", key="startups.opening + startups.bystanders", value=taken)


def check_levers(configuration, reading, refused):
    """Complain of levers that end before they start, or that find nothing to act on; `reading` tells of the last of them."""
    added = configuration.levers[len(configuration.levers) - reading.lever_count:]
    _check_ends(added, reading, refused)
    needs = {"public_cloud": (any(owner.kind == "public_cloud" for owner in configuration.cast.clouds),
                              "needs an owner of kind public_cloud in the cast", "add one with present = 0"),
             "break_up": (configuration.frame.spare_clouds > 0, "needs a free row for the new firm", "set frame.spare_clouds = 1 or more")}
    for place, lever in enumerate(added):
        met, why, remedy = needs.get(lever.name, (True, "", ""))
        if not met:
            reading.complain(_last_file(reading, [(f"levers[{place}]", "name")]), why, remedy, key=f"levers[{place}].name", value=lever.name)


def _check_ends(levers, reading, refused):
    for place, lever in enumerate(levers):
        paths = [(f"levers[{place}]", "start"), (f"levers[{place}]", "end")]
        if lever.end and not refused & set(paths) and quarter_number(lever.end, lever.start) <= 0:
            reading.complain(_last_file(reading, paths), f"must come after start = {lever.start}", "move one of them, or leave out end for never",
                             key=f"levers[{place}].end", value=lever.end)


def _last_file(reading, paths):
    """Return the file that had the last word on any of several numbers."""
    files = [reading.leaves[path].file for path in paths if path in reading.leaves]
    return max(files, key=lambda file: _rank(reading.files, file), default=reading.files[-1])


def _rank(files, file):
    return len(files) - 1 - files[::-1].index(file)
