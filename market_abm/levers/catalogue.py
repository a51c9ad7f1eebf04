"""What the state can change: each lever amends the rules in force between two dates.

A lever blends a number towards a target, `p*(1-s) + target*s`, with s its strength times its ramp. It
never edits state and is never undone: the rules of every quarter are computed before the first.
"""

from dataclasses import dataclass, field

POLICY = "policy."  # a target or factor that names a number of this section is an argument of the lever


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a lever does to one number at full strength.

    `target` is a number or the key of one; `factor`, a multiplier of what earlier levers left, takes its place. What is
    marked `old` also reaches what was agreed or made before, and is left out where that is grandfathered.
    """

    key: str
    target: float | str = 0.0
    factor: float | str | None = None
    old: bool = False


@dataclass(frozen=True, slots=True)
class Lever:
    """One entry of the catalogue: what it does, its model in the world, its defaults, and what theory expects.

    `signs` gives theory's sign for the outcomes of `OUTCOMES`: +, -, 0, or ± where theory has it both ways.
    `once` is an event of the first quarter, which has no ramp; `grandfathers` says what may be left alone.
    """

    name: str
    says: str
    reference: str
    amends: tuple[Amendment, ...]
    signs: dict[str, str] = field(default_factory=dict)
    why: str = ""
    start: str = "2026Q1"
    strength: float = 1.0
    ramp_quarters: float = 1
    announced_quarters: float = 0
    grandfathered: int = 0
    grandfathers: str = ""
    once: bool = False
    enacted: bool = False
    uses: tuple[str, ...] = ()  # numbers of the policy section that phases read, beside those that amendments name

    @property
    def arguments(self):
        """Return the numbers of the policy section that set how far this lever goes."""
        named = [value for a in self.amends for value in (a.target, a.factor) if isinstance(value, str)]
        return tuple(dict.fromkeys((*(name.removeprefix(POLICY) for name in named), *self.uses)))


OUTCOMES = {  # what theory speaks of, and the metrics that stand for it
    "owners": ("hhi_compute_owned", "cr4_compute_owned", "hhi_compute_energised", "hhi_compute_rented", "hhi_cloud_revenue",
               "hhi_ai_revenue", "hhi_training_flop", "mhhi_ai_revenue"),
    "chips": ("hhi_chip_sales", "cr1_chip_sales", "hhi_chip_pflops"),
    "entry": ("startups_alive", "entries_startups", "eligible_share_tenth_run"),
    "price": ("price_usd_per_pflop_hour", "contested_rent_usd_per_pflop_hour", "person_year_usd_rent"),
    "output": ("frontier_run_flop", "top_ten_runs_flop"),
    "welfare": ("consumer_surplus_usd",),
}


def _signs(owners, chips, entry, price, output, welfare):
    return dict(zip(OUTCOMES, (owners, chips, entry, price, output, welfare), strict=True))


CATALOGUE = {
    lever.name: lever
    for lever in (
        Lever("export_control", "Orders from owners under export control are refused in part.",
              "US rules of 7 October 2022, updated 2023-10-17 and 2024-12-02",
              (Amendment("trade.refused_share", target=0.5),),
              _signs("+", "±", "-", "+", "-", "-"),
              "Less competition for the rest; whether makers lose a buyer or a rival grows behind the fence is open.",
              start="2022Q4", ramp_quarters=5, enacted=True),
        Lever("data_act", "Providers must let customers leave at little cost.",
              "EU Data Act: applies from 2025-09-12, no switching charges from 2027-01-12",
              (Amendment("clouds.provider_inertia", factor=0.5),),
              _signs("-", "0", "+", "±", "±", "+"),
              "As for a ban of switching and egress fees, which goes further.",
              start="2025Q3", ramp_quarters=7, enacted=True),
        Lever("documentation_mandate", "Chip makers must document their chips to everybody.",
              "none enacted; nearest: interface information under EU Directive 2009/24/EC and open interfaces under the EU Data Act",
              (Amendment("documentation.required_openness", target="policy.openness"),
               Amendment("documentation.required_of_old", target="policy.openness", old=True)),
              _signs("-", "-", "+", "-", "+", "±"),
              "Lower switching costs and shared software bring rivals closer (Farrell and Klemperer 2007); less is left to "
              "reward research, so welfare may fall.",
              ramp_quarters=4, announced_quarters=2, grandfathers="chips already on sale"),
        Lever("switching_ban", "Fees for switching and egress are banned, and tenants under contract may leave.",
              "EU Data Act from 2027-01-12; UK CMA, cloud market investigation, commitments of 2026-03-31",
              (Amendment("clouds.provider_inertia", factor="policy.inertia_left"),
               Amendment("clouds.switch_rate", target="policy.general_switch_rate"),
               Amendment("contracts.exit_right", target=1.0, old=True)),
              _signs("-", "0", "+", "±", "±", "+"),
              "Locked-in customers pay less, newcomers no longer get introductory prices (Farrell and Klemperer 2007).",
              ramp_quarters=4, grandfathered=1, grandfathers="contracts, which tenants then serve to their end"),
        Lever("public_cloud", "The state founds a cloud that rents out at cost.",
              "EuroHPC and InvestAI gigafactories, NAIRR; public option: Narechania and Sitaraman 2024",
              (Amendment("clouds.public_budget_usd", target="policy.public_budget_usd"),),
              _signs("-", "+", "+", "-", "+", "±"),
              "An outside option bounds rents; it buys from the dominant maker and crowds others out while chips and power are rationed.",
              ramp_quarters=4),
        Lever("faster_grid", "More grid connections a quarter, after shorter studies.",
              "US DOE direction to FERC on large loads, 2025-10-23",
              (Amendment("energy.slots_factor", target="policy.slots_factor"),
               Amendment("energy.study_quarters", factor="policy.study_factor")),
              _signs("±", "0", "+", "-", "+", "+"),
              "Everybody expands, the largest requesters most.",
              ramp_quarters=8, announced_quarters=2),
        Lever("break_up", "The largest cloud is divided in two.",
              "none enacted; precedents: Standard Oil 1911, AT&T 1984; proposed for cloud and AI: Ramzanali 2025",
              (Amendment("mergers.break_up_share", target="policy.break_up_share"),),
              _signs("-", "0", "+", "-", "+", "±"),
              "One more firm at once (Cournot: more firms, lower price); with strong relationships it may concentrate again.",
              once=True),
        Lever("structural_separation", "Owners who rent out compute must let go of their labs, and of startups that they back exclusively.",
              "proposed: Ramzanali, Vanderbilt Policy Accelerator, 2025; precedents in rail, banking and telecoms",
              (Amendment("conduct.separation", target=1.0), Amendment("ownership.backing_end", target=1.0)),
              _signs("-", "0", "+", "+", "-", "±"),
              "Ends foreclosure, at the price of a second margin (Spengler 1950; Ordover, Saloner and Salop 1990); labs lose the money of "
              "groups.",
              once=True, uses=("endowment_quarters",)),
        Lever("chip_neutrality", "Scarce chips go to buyers in proportion to orders, whoever they are.",
              "proposed neutrality duties: Ramzanali 2025; common carriage",
              (Amendment("chips.relationship_floor", target=1.0),),
              _signs("-", "0", "+", "±", "±", "±"),
              "Reinforcement by past purchases ends (Arthur 1989); how much that matters depends on how scarce chips are."),
        Lever("compute_vouchers", "The state pays for a fixed sum of each startup's compute.",
              "NAIRR plan 2023: 2.6 bn USD over six years; UK AI Research Resource",
              (Amendment("startups.voucher_usd", target="policy.voucher_usd"),),
              _signs("-", "0", "+", "+", "±", "±"),
              "Incidence: while compute is inelastic, rents take the subsidy.",
              ramp_quarters=4),
        Lever("training_cap", "No training run may be larger than a cap; at strength s than the cap over s.",
              "none enacted; thresholds with duties: 1e25 FLOP (EU AI Act), 1e26 FLOP (California SB 53)",
              (Amendment("training.cap_tightness", target=1.0),),
              _signs("-", "0", "+", "-", "-", "±"),
              "Endogenous sunk costs become exogenous, so there is room for more firms (Sutton 1991).",
              uses=("cap_flop",)),
        Lever("stake_limit", "Clouds may no longer buy into startups or back them, in cash or in compute credits.",
              "none enacted; FTC report on AI partnerships, January 2025; UK CMA on foundation models, April 2024",
              (Amendment("ownership.corporate_chance", target=0.0),
               Amendment("ownership.backing_hazard", target=0.0),
               Amendment("ownership.stake_cap", target=0.0, old=True),
               Amendment("ownership.backing_end", target=1.0, old=True),
               Amendment("ownership.divestiture", target="policy.divestiture", old=True)),
              _signs("-", "0", "±", "±", "-", "±"),
              "Labs are less dependent and less well funded; common ownership ends (O'Brien and Salop 2000).",
              grandfathered=1, grandfathers="stakes and backing that exist"),
    )
}
