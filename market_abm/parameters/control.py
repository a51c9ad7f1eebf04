"""Numbers of who controls whom: contracts, stakes and credits, mergers, and what hosts do to the labs they host."""

from dataclasses import dataclass

from market_abm.parameters.declare import choice, number, whole


@dataclass(frozen=True, slots=True)
class Contracts:
    """Reserved capacity: hours bought ahead for a term, served before everybody else."""

    startup_share: float = number(0.5, 0.2, 0.8, "share", "Part of its compute spending that a startup reserves when it signs.", at_most=1)
    enterprise_share: float = number(0.4, 0.2, 0.7, "share", "Part of contested enterprise spending that is under contract in the long run.", at_most=1)
    signing_rate: float = number(0.25, 0.1, 0.5, "1/quarter", "Chance that a tenant without a contract signs one.", at_most=1)
    discount: float = number(0.15, 0.05, 0.35, "share", "Reserved hours below the contested rent.", "three-year rate .65 below the list price of an AWS A100 in 2022; below a contested rent: assumed", at_most=0.9)
    term_quarters: int = whole(8, 4, 12, "quarters", "Length of a contract.", "one- and three-year terms are sold: derived", at_least=1, at_most=40)
    exit_right: float = number(0.0, 0.0, 1.0, "share", "Tenants under contract who may leave before its end.", "none by usual terms", at_most=1)
    capacity_share: float = number(0.7, 0.4, 0.9, "share", "Largest part of tenants' capacity that a cloud promises.", at_most=1)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who holds shares of startups, and what clouds get for backing them."""

    round_dilution: float = number(0.20, 0.10, 0.30, "share", "Part of a startup that a funding round sells.", "usual venture rounds sell .15-.25, from memory", at_least=0.01, at_most=0.95)
    corporate_chance: float = number(0.25, 0.05, 0.5, "share", "Funded rounds in which the startup's cloud joins.", at_most=1)
    corporate_share: float = number(0.35, 0.05, 0.5, "share", "Part of such a round that the cloud pays.", "corporate rounds .046 of AI funding in 2021, .345 in 2023", at_most=0.9)
    credit_part: float = number(0.6, 0.3, 0.9, "share", "Part of a cloud's investment that it pays in compute credits.", "reported of the largest deals; the part is assumed", at_most=1)
    budget_share: float = number(0.10, 0.03, 0.25, "share", "Group money for compute that may go into stakes a quarter.", at_most=1)
    stake_cap: float = number(0.49, 0.20, 0.49, "share", "Largest stake of one cloud in a startup.", "Microsoft's reported 49% of OpenAI's for-profit arm, from memory", at_most=1)
    backing_hazard: float = number(0.03, 0.01, 0.08, "1/quarter", "Chance that a cloud with a lab looks for a startup to back instead.", at_most=1)
    backing_edge: float = number(1.5, 1.1, 2.5, "ratio", "Apparent research skill over its own lab's that makes a cloud back a startup.", at_most=100)
    backing_noise: float = number(0.3, 0.1, 0.6, "ln", "What a cloud misjudges of a startup's skill.", at_most=5)
    backing_share: float = number(0.8, 0.5, 1.0, "share", "Part of its own lab's group money that a cloud then gives to the startup.", at_most=1)
    backing_end: float = number(0.02, 0.0, 0.06, "1/quarter", "Chance that exclusive backing ends.", at_most=1)
    divestiture: float = number(0.0, 0.0, 1.0, "1/quarter", "Part of their stakes that clouds must sell.", "no such law", at_most=1)
    backing_quarters: float = number(4.0, 2.0, 8.0, "quarters", "Spending that a backer keeps a startup supplied with.", at_most=40)
    revenue_multiple: float = number(10.0, 5.0, 30.0, "years", "Value of a startup over its yearly revenue, at the least.", at_most=1000)


MERGER_RULES = ("none", "hhi", "share", "hhi_or_share")


@dataclass(frozen=True, slots=True)
class Mergers:
    """Which labs are bought, and which mergers are blocked."""

    rule: str = choice("hhi_or_share", MERGER_RULES, "Rule that blocks mergers.", "US Merger Guidelines 2023, guideline 1")
    hhi_level: float = number(0.18, 0.10, 0.25, "HHI", "Concentration after the merger above which it is presumed harmful.", "US Merger Guidelines 2023: 1,800 points; of 2010: 2,500", at_most=1)
    hhi_rise: float = number(0.01, 0.005, 0.02, "HHI", "Rise of the index by the merger that this takes.", "US Merger Guidelines 2023: 100 points; of 2010: 200", at_most=1)
    share_level: float = number(0.30, 0.25, 0.50, "share", "Joint share above which such a rise is presumed harmful.", "US Merger Guidelines 2023", at_most=1)
    synergy_rate: float = number(0.004, 0.0, 0.015, "1/quarter", "Chance that a sound startup finds a buyer.", at_most=1)
    rescue_rate: float = number(0.25, 0.0, 0.6, "share", "Startups out of cash that a buyer takes over.", at_most=1)
    startup_buyers: float = number(0.3, 0.0, 0.6, "share", "Part of offers that come from larger startups.", at_most=1)
    premium: float = number(0.3, 0.0, 0.6, "share", "Price of a sound startup over its last value.", at_most=10)
    salvage: float = number(0.05, 0.0, 0.2, "share", "Price of a startup out of cash over its last value.", at_most=1)
    purse_share: float = number(0.25, 0.1, 0.5, "share", "Part of its cash that a buyer may spend on acquisitions a quarter.", at_most=1)
    break_up_share: float = number(0.0, 0.0, 0.5, "share", "Part of the largest cloud that is made a firm of its own, once.", "no such order", at_most=0.99)
    takeovers: int = whole(1, 0, 1, "0 or 1", "Whether hyperscalers take over failed clouds; else they are sold piecemeal to everybody else.", at_most=1)
    startup_buyer_ranks: int = whole(8, 2, 20, "count", "Most valuable startups among which such buyers are.", at_least=1, at_most=100)


@dataclass(frozen=True, slots=True)
class Conduct:
    """What a cloud may do to a lab that it hosts and that competes with its own."""

    foreclosure: float = number(0.3, 0.0, 1.0, "share", "Response of hours withheld to the gain from diverted customers over the margin lost.", at_most=1)
    telemetry_gain: float = number(0.05, 0.0, 0.15, "ln/quarter", "Productivity that a host's lab would gain from seeing all training there is.", at_most=2)
    telemetry_decay: float = number(0.10, 0.05, 0.25, "1/quarter", "Part of that knowledge that goes out of date.", at_most=1)
    separation: float = number(0.0, 0.0, 1.0, "share", "Owners who rent out that must let go of their labs, by chance.", "no such law", at_most=1)
    visibility: float = number(0.5, 0.0, 1.0, "0 to 1", "What a host sees of hosted training; 0 with confidential computing.", at_most=1)
