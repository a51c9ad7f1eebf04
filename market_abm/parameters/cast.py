"""What is known of each named agent at the start: one dataclass a kind, one entry an agent in base.toml.

`key` is not read from a table but is the table's own name, by which one agent can name another.
"""

from dataclasses import dataclass

from market_abm.parameters.declare import choice, date, number, text

MAKER_KINDS = ("merchant", "in_house")
CLOUD_KINDS = ("hyperscaler", "neocloud", "public_cloud", "everybody_else", "startup_pool")


@dataclass(frozen=True, slots=True)
class Maker:
    """A chip maker at the start, or a place for one that may come."""

    key: str = ""
    name: str = text("", "Name of the maker.")
    kind: str = choice("merchant", MAKER_KINDS, "Whether it sells to everybody or belongs to one owner.")
    parent: str = text("", "Key of the hyperscaler whose in-house maker it is; empty for a merchant.")
    present: float = number(1, 0, 1, "0 or 1", "Whether it takes part from the start; 0 leaves a place that an entrant may take.", at_most=1, whole=True)
    pflops_per_chip: float = number(0.125, 0.05, 0.3, "PFLOP/s", "Dense 16-bit peak of the chip on sale.", at_least=1e-6, at_most=1e3)
    watts_per_chip: float = number(300, 200, 400, "W", "Its thermal design power.", at_least=0.1, at_most=1e5)
    unit_cost_usd: float = number(3750, 2500, 5000, "USD/chip", "Cost of making one.", at_least=1, at_most=1e7)
    capacity_chips: float = number(20e3, 0, 1e5, "chips/quarter", "Fab and packaging capacity.", at_most=1e9)
    openness: float = number(0.3, 0, 1, "0 to 1", "Documentation it opens of its own will.", at_most=1)
    ecosystem: float = number(1.0, 0, 5, "index", "Software that exists for its chips.", at_most=1e3)
    other_rnd_usd: float = number(0.0, 0, 1e8, "USD/quarter", "Research that its other businesses pay for.", at_most=1e11)
    cash_usd: float = number(1e9, 0, 1e10, "USD", "Cash for this business.", at_most=1e12)
    fleet_share: float = number(0.0, 0, 1, "share", "Its part in the installed chips of merchants; of an in-house maker, in its parent's chips.", at_most=1)


@dataclass(frozen=True, slots=True)
class Cloud:
    """An owner of compute at the start."""

    key: str = ""
    name: str = text("", "Name of the owner.")
    kind: str = choice("hyperscaler", CLOUD_KINDS, "What kind of owner it is.")
    jurisdiction: str = text("US", "Whose law it lives under; CN is under export control.")
    present: float = number(1, 0, 1, "0 or 1", "Whether it takes part from the start.", at_most=1, whole=True)
    enters: str = date("", "Quarter of entry, the second of the run at the earliest; empty for an owner there from the start.")
    rents_out: float = number(1, 0, 1, "share", "Part of its compute that it would sell to others; 0 for an owner who is no cloud.", at_most=1)
    has_lab: float = number(0, 0, 1, "0 or 1", "Whether it trains models of its own.", at_most=1, whole=True)
    fleet_share: float = number(0.0, 0, 1, "share", "Part in the world's AI chips.", at_most=1)
    legacy_share: float = number(0.0, 0, 1, "share", "Part in owners' older AI uses.", at_most=1)
    general_share: float = number(0.0, 0, 1, "share", "Part in general cloud revenue.", at_most=1)
    new_workload_share: float = number(0.0, 0, 1, "share", "Part in new general workloads.", at_most=1)
    group_cash_flow_usd: float = number(0.0, 0, 1e11, "USD/year", "Operating cash flow of the group.", at_most=1e13)
    lab_share: float = number(0.0, 0, 1, "ratio", "Own lab's research budget over the largest, at the start.", at_most=1)
    lab_aim: float = number(1.0, 0, 1, "ratio", "Own lab's research budget over the largest that it ever strives for.", at_most=1)
    reach: float = number(0.0, 0, 1, "weight", "Weight with which it builds for tenants whom nobody serves: that of a price taker.", at_most=1)
    cash_usd: float = number(0.0, 0, 1e10, "USD", "Cash set aside for compute.", at_most=1e13)
    convertible_mw: float = number(0.0, 0, 1e3, "MW", "Data centres for other uses that it could convert to AI.", at_most=1e6)
    service_usd: float = number(0.0, 0, 1, "USD/PFLOP-h", "What an hour that it rents out costs it beyond chips and electricity.", at_most=1e6)
    appeal: float = number(0.0, -2, 2, "utils", "Worth of its hours to customers under logit demand.", at_least=-50, at_most=50)
    quality: float = number(1.0, 0.5, 2, "ratio", "Quality of its hours at the start under quality demand.", at_least=1e-3, at_most=1e6)
    sells: float = number(1, 0, 1, "0 or 1", "Whether it rents out at the start; with free entry it may open or close later.", at_most=1, whole=True)
    output_pflop_hours: float = number(0.0, 0, 1e6, "PFLOP-h", "Hours a quarter that it sells before the start, under cournot.", at_most=1e15)
    holds: str = text("", "Key of another owner in whose profit it shares.")
    holding: float = number(0.0, 0, 1, "share", "Weight of that owner's profit in its own objective: its share of it, 1 where they act as one.", at_most=1)


@dataclass(frozen=True, slots=True)
class Region:
    """A region and its electricity at the start."""

    key: str = ""
    name: str = text("", "Name of the region.")
    jurisdiction: str = text("US", "Owners of which jurisdiction build here: CN, or everybody else.")
    present: float = number(1, 0, 1, "0 or 1", "Whether it exists.", at_most=1, whole=True)
    other_load_mw: float = number(3e5, 1e3, 2e6, "MW", "Average load of everybody but AI data centres.", at_most=1e8)
    load_growth: float = number(0.01, -0.01, 0.06, "ln/year", "Growth of that load.", at_least=-0.5, at_most=0.5)
    site_share: float = number(0.2, 0, 1, "share", "Part in the world's connections for AI data centres.", at_most=1)
    renewables_mw: float = number(0, 0, 1e6, "MW", "Average output of wind and sun.", at_most=1e8)
    hydro_mw: float = number(0, 0, 1e6, "MW", "Average output of hydropower.", at_most=1e8)
    nuclear_mw: float = number(0, 0, 1e6, "MW", "Available nuclear capacity.", at_most=1e8)
    baseload_mw: float = number(0, 0, 1e6, "MW", "Available coal and efficient gas.", at_most=1e8)
    midload_mw: float = number(0, 0, 1e6, "MW", "Available older gas.", at_most=1e8)
    peaking_mw: float = number(0, 0, 1e6, "MW", "Available peaking plants.", at_most=1e8)
    fuel_factor: float = number(1.0, 0.5, 2.0, "ratio", "Fuel cost over that of North America.", at_most=10)
