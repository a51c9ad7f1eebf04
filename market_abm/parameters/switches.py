"""Mechanism switches: each sets the numbers of one mechanism to where it does exactly nothing."""

from dataclasses import dataclass

from market_abm.parameters.declare import whole


def _switch(says):
    return whole(1, 0, 1, "switch", says, "mechanism switch", at_most=1)


@dataclass(frozen=True, slots=True)
class Switches:
    """1 leaves a mechanism as its section describes it, 0 takes it out."""

    contest: int = _switch("Customers follow capability; off, every lab that serves is equally good.")
    relationship: int = _switch("Scarce chips go to old customers; off, in proportion to orders.")
    cross_subsidy: int = _switch("Groups' cash flow pays for compute; off, only what compute earns, credit and new shares.")
    switching_cost: int = _switch("Undocumented chips are costly to switch to.")
    efficiency: int = _switch("Software changes the FLOP/s that chips deliver; off, all chips have the same utilisation.")
    learning: int = _switch("Unit costs fall with cumulative chips.")
    selectivity: int = _switch("Investors prefer the best-looking startups; off, funded rounds are equal.")
    power_queue: int = _switch("Connections must queue; off, every request is granted at once.")
    contracts: int = _switch("Tenants reserve hours for a term; off, all hours are sold on the spot.")
    stakes: int = _switch("Clouds buy into startups, with cash and credits, and back them exclusively.")
    acquisitions: int = _switch("Startups are bought; off, who runs out of cash closes, and failed clouds go to everybody else.")
    foreclosure: int = _switch("Clouds withhold hours from labs that compete with their own.")
    telemetry: int = _switch("Hosts learn from the training that they host.")
    integration: int = _switch("Owners may make their own chips; off, no in-house maker ever sells.")
    merchant_entry: int = _switch("Merchants enter and fail; off, those of the start stay.")
    portable_stacks: int = _switch("Owners write software that runs on any maker's chips.")
    open_source: int = _switch("Open-source software grows with documentation.")
    cluster_limit: int = _switch("Very large clusters lose efficiency.")
    data_limit: int = _switch("Training runs out of text; off, there is always as much as is best.")
    buying: int = _switch("Startups may buy chips of their own; off, they rent all their compute.")
    behind_the_meter: int = _switch("Owners may build power of their own; off, all power comes from the grid.")
    plant_construction: int = _switch("Plants take time to build, on expected load and price; off, they keep pace with other load.")
    curtailment: int = _switch("A shortage of electricity reaches data centres; off, it falls on other load alone.")
    conversion: int = _switch("General data centres can be converted to AI.")


# What each switch sets when it is off: {switch: ((key of a parameter, neutral value), ...)}.
NEUTRAL = {
    "contest": (("customers.contest", 0.0), ("training.loss_weight", 0.0)),
    "relationship": (("chips.relationship_floor", 1.0),),
    "cross_subsidy": (("clouds.omega", 0.0), ("clouds.loss_cover", 0.0)),
    "switching_cost": (("documentation.switching_channel", 0.0),),
    "efficiency": (("documentation.efficiency_channel", 0.0),),
    "learning": (("chips.learning_exponent", 0.0),),
    "selectivity": (("startups.selectivity", 0.0),),
    "power_queue": (("energy.queue", 0), ("energy.withdrawal", 0.0), ("energy.withdrawal_growth", 0.0)),
    "contracts": (("contracts.signing_rate", 0.0),),
    "stakes": (("ownership.corporate_chance", 0.0), ("ownership.backing_hazard", 0.0)),
    "acquisitions": (("mergers.synergy_rate", 0.0), ("mergers.rescue_rate", 0.0), ("mergers.takeovers", 0)),
    "foreclosure": (("conduct.foreclosure", 0.0),),
    "telemetry": (("conduct.telemetry_gain", 0.0),),
    "integration": (("integration.allowed", 0),),
    "merchant_entry": (("entrants.drive", 0.0), ("entrants.failures", 0)),
    "portable_stacks": (("documentation.portable_share", 0.0),),
    "open_source": (("documentation.open_source_growth", 0.0),),
    "cluster_limit": (("training.cluster_exponent", 0.0),),
    "data_limit": (("training.data_epochs", 1e60),),
    "buying": (("buying.purchase_share", 0.0),),
    "behind_the_meter": (("energy.own_power_slots_mw", 0.0),),
    "plant_construction": (("energy.plant_construction", 0),),
    "curtailment": (("energy.curtailment", 0.0),),
    "conversion": (("energy.conversion_share", 0.0),),
}
