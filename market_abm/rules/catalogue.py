"""Every rule that a configuration can choose by name, by the parameter that chooses it; and the rules that always hold."""

from market_abm.rules.allocation import ALLOCATION
from market_abm.rules.capability import CAPABILITY_MAP
from market_abm.rules.choice import contest, logit, stay_or_choose
from market_abm.rules.demand import DEMAND
from market_abm.rules.documentation import DOCUMENTATION
from market_abm.rules.electricity import CONNECTION, merit_order
from market_abm.rules.mergers import MERGERS
from market_abm.rules.pricing import CHIP_PRICING
from market_abm.rules.rents import RENT_PRICING

CHOSEN = {
    "rental.demand": DEMAND,
    "rental.pricing": RENT_PRICING,
    "chips.pricing": CHIP_PRICING,
    "chips.allocation": ALLOCATION,
    "energy.connection": CONNECTION,
    "documentation.rule": DOCUMENTATION,
    "training.capability_map": CAPABILITY_MAP,
    "mergers.rule": MERGERS,
}
FIXED = {rule.__name__: rule for rule in (logit, contest, stay_or_choose, merit_order)}
