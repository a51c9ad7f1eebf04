"""A whole configuration of one run: its frame, its numbers, its cast, its dated measures."""

from dataclasses import dataclass, field

from market_abm.parameters.cast import Cloud, Maker, Region
from market_abm.parameters.chips import Chips, Documentation, Entrants, Integration, Trade
from market_abm.parameters.compute import Clouds, Energy
from market_abm.parameters.control import Conduct, Contracts, Mergers, Ownership
from market_abm.parameters.declare import date, number, text, whole
from market_abm.parameters.demand import Buying, Customers, Startups, Training, Venture
from market_abm.parameters.policy import Policy
from market_abm.parameters.rental import Rental
from market_abm.parameters.switches import Switches

CHOSEN = "by choice"  # the source of what is no claim about the world


@dataclass(frozen=True, slots=True)
class Frame:
    """What fixes the shape and the calendar of a run."""

    title: str = text("", "What this configuration is, in a few words.", CHOSEN)
    start: str = date("2018Q1", "First quarter; fleets, prices and budgets at the start are of this quarter.", CHOSEN)
    quarters: int = whole(72, 1, 400, "quarters", "Length of a run.", "2018Q1 to 2035Q4", at_least=1, at_most=400)
    history_until: str = date("2024Q4", "Last quarter for which there are facts; later ones are projections.", CHOSEN)
    runs: int = whole(32, 1, 10**6, "count", "Replicates.", CHOSEN, at_least=1)
    seed: int = whole(1, 0, 2**53, "seed", "Seed of the first run; run r uses a seed derived from it and r.", CHOSEN, at_least=0, at_most=2**53)
    startup_slots: int = whole(512, 128, 2**20, "count", "Room for startups; rounded up to a multiple of 128.", CHOSEN, at_least=1, at_most=2**20)
    spare_clouds: int = whole(2, 0, 8, "count", "Free rows for owners that are born later.", CHOSEN, at_most=64)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every number that a scenario, a lever or a sweep can change, by section."""

    chips: Chips = field(default_factory=Chips)
    documentation: Documentation = field(default_factory=Documentation)
    integration: Integration = field(default_factory=Integration)
    entrants: Entrants = field(default_factory=Entrants)
    trade: Trade = field(default_factory=Trade)
    clouds: Clouds = field(default_factory=Clouds)
    rental: Rental = field(default_factory=Rental)
    energy: Energy = field(default_factory=Energy)
    customers: Customers = field(default_factory=Customers)
    training: Training = field(default_factory=Training)
    startups: Startups = field(default_factory=Startups)
    buying: Buying = field(default_factory=Buying)
    venture: Venture = field(default_factory=Venture)
    contracts: Contracts = field(default_factory=Contracts)
    ownership: Ownership = field(default_factory=Ownership)
    mergers: Mergers = field(default_factory=Mergers)
    conduct: Conduct = field(default_factory=Conduct)
    policy: Policy = field(default_factory=Policy)
    switches: Switches = field(default_factory=Switches)


@dataclass(frozen=True, slots=True)
class Cast:
    """The named agents, in the order of their rows."""

    makers: tuple[Maker, ...] = ()
    clouds: tuple[Cloud, ...] = ()
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class DatedLever:
    """One use of a lever of the catalogue; what a configuration leaves out is as the catalogue has it."""

    name: str = text("", "Name in the catalogue of levers.")
    start: str = date("2026Q1", "First quarter in force.")
    end: str = date("", "First quarter no longer in force; empty for never.")
    strength: float = number(1.0, 0.0, 1.0, "0 to 1", "How much of it is in force.", at_most=1)
    ramp_quarters: float = number(1, 1, 12, "quarters", "Time that it takes to comply in full.", at_least=1, at_most=100)
    announced_quarters: float = number(0, 0, 8, "quarters", "Announcement before the start: time that the ramp has had by then.", at_most=100)
    grandfathered: int = whole(0, 0, 1, "0 or 1", "Whether what was agreed or made before is left alone.", at_most=1)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that fixes one run but its seed."""

    frame: Frame = field(default_factory=Frame)
    parameters: Parameters = field(default_factory=Parameters)
    cast: Cast = field(default_factory=Cast)
    levers: tuple[DatedLever, ...] = ()
    sources: dict = field(default_factory=dict)  # {"cast.clouds.meta.fleet_share": "assumed", ...}


SECTIONS = tuple(Parameters.__dataclass_fields__)
CAST_KINDS = {"makers": Maker, "clouds": Cloud, "regions": Region}
