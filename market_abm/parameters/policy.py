"""How far each lever goes at full strength. Without a lever these numbers do nothing."""

from dataclasses import dataclass

from market_abm.parameters.declare import number


@dataclass(frozen=True, slots=True)
class Policy:
    """Sizes of measures, each the argument of one lever."""

    openness: float = number(0.8, 0.5, 1.0, "0 to 1", "Documentation that a mandate demands of every maker.", at_most=1)
    inertia_left: float = number(0.3, 0.1, 0.6, "ratio", "What a ban of switching and egress fees leaves of tenants' inertia; people and software stay costly to move.", at_most=1)
    general_switch_rate: float = number(0.010, 0.004, 0.025, "1/quarter", "General workloads that move under such a ban.", "assumed: 4% a year, where under 1% moves today (CMA)", at_most=1)
    public_budget_usd: float = number(5e9, 0.5e9, 15e9, "USD/quarter", "What the state pays into a public cloud.", "assumed; for scale: European gigafactories 20 bn EUR in all, NAIRR 2.6 bn USD over six years", at_most=1e12)
    slots_factor: float = number(2.0, 1.3, 3.0, "ratio", "Connections granted a quarter under faster procedures.", at_least=1, at_most=100)
    study_factor: float = number(0.5, 0.25, 0.8, "ratio", "Time of the study before a grant under faster procedures.", "60 days for flexible loads: DOE to FERC, 2025-10-23; the mean is assumed", at_most=1)
    break_up_share: float = number(0.5, 0.3, 0.5, "share", "Part of the largest cloud that becomes a firm of its own.", at_least=0.01, at_most=0.99)
    endowment_quarters: float = number(4.0, 2.0, 8.0, "quarters", "Research and serving that a lab's former owner must pay ahead when it lets it go.", at_most=40)
    voucher_usd: float = number(1e6, 0.2e6, 5e6, "USD/quarter", "Compute that the state pays for each startup.", "NAIRR plan: 2.6 bn USD over six years, for some 100 startups: derived", at_most=1e12)
    cap_flop: float = number(1e27, 1e26, 1e28, "FLOP", "Largest training run allowed.", "assumed; duties begin at 1e25 (EU AI Act) and 1e26 FLOP (California SB 53)", at_least=1, at_most=1e60)
    divestiture: float = number(0.25, 0.10, 1.0, "1/quarter", "Part of its stakes that a cloud must sell in a quarter where they are not grandfathered.", at_most=1)
