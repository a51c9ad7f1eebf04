"""Numbers of the market in which enterprises rent compute: what they would pay, and how clouds set rents."""

from dataclasses import dataclass

from market_abm.parameters.declare import choice, number, whole

DEMANDS = ("linear", "isoelastic", "logit", "quality", "budget")
RENT_RULES = ("nash_logit", "cournot", "markup", "scarcity", "cost_based", "capacity_clearing")


@dataclass(frozen=True, slots=True)
class Rental:
    """How enterprises' demand answers to rents, and how clouds that rent out compete."""

    demand: str = choice("budget", DEMANDS, "Rule by which enterprises' demand for hours answers to rents.")
    pricing: str = choice("scarcity", RENT_RULES, "Rule that sets contested rents.")
    cost: str = choice("full", ("full", "marginal"), "Cost of an hour that rents are set on, service included: the full cost of new capacity, or electricity alone.")
    reference_usd: float = number(3.0, 1.0, 8.0, "USD/PFLOP-h", "Rent at which enterprises' spending buys the hours that a demand is scaled to.", "about the contested rent of 2021-23", at_least=1e-6, at_most=1e6)
    choke_usd: float = number(12.0, 6.0, 30.0, "USD/PFLOP-h", "Rent at which linear demand is nil.", at_least=1e-6, at_most=1e9)
    elasticity: float = number(1.5, 1.1, 3.0, "1", "Price elasticity of isoelastic demand.", at_least=0.05, at_most=50)
    sensitivity: float = number(0.5, 0.1, 2.0, "PFLOP-h/USD", "Utility that a logit customer loses by a USD of rent.", at_least=1e-6, at_most=1e3)
    outside: int = whole(1, 0, 1, "0 or 1", "Whether logit customers may do without.", at_most=1)
    output_speed: float = number(0.5, 0.2, 1.0, "1/quarter", "Part of the way to its best reply that a cloud's output moves in a quarter under cournot.", at_most=2)
    markup_response: float = number(0.04, 0.01, 0.08, "1", "Response of an adaptive markup to growth of the market share.", "Dosi, Fagiolo and Roventini 2010: .01-.04, from memory", at_most=10)
    regulated_margin: float = number(0.0, 0.0, 0.2, "share of price", "Margin over cost under cost_based.", at_most=0.95)
    entry: str = choice("closed", ("closed", "free"), "Whether clouds open and close their renting by what it would earn.")
    entrants_expect: str = choice("equilibrium", ("equilibrium", "standing"), "What who may enter expects of the others: to answer, or to keep their output (Sylos).")
    fixed_usd: float = number(0.0, 0.0, 1e8, "USD/quarter", "Cost of being in the market, whatever is sold.", "no figure: part of upkeep", at_most=1e12)
    quality_cost: float = number(0.0, 0.0, 1e7, "USD/quarter", "Scale a of the outlay on quality, (a/g)(u^g - 1); at 0 quality stays as it is.", at_most=1e12)
    quality_exponent: float = number(3.0, 2.0, 6.0, "1", "Exponent g of that outlay.", at_least=1.01, at_most=20)
    quality_speed: float = number(0.5, 0.2, 1.0, "1/quarter", "Part of the way to its best reply that quality moves in a quarter, in logs.", at_most=1)
