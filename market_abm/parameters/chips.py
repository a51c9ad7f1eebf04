"""Numbers of chip makers, their factories and their documentation, and of who comes and goes among them."""

from dataclasses import dataclass

from market_abm.parameters.declare import choice, number, whole


@dataclass(frozen=True, slots=True)
class Chips:
    """Technology, cost, price, supply and delivery of AI chips."""

    pricing: str = choice("nash_logit", ("nash_logit", "cost_based", "cournot", "markup", "scarcity", "capacity_clearing"), "Rule that posts the price of chips.")
    allocation: str = choice("relationship", ("proportional", "equal_awards", "relationship", "lottery", "contracts_first", "auction", "capped", "raffle"),
                             "Rule that shares out chips when orders exceed supply.")
    buyer_cap: float = number(0.25, 0.1, 0.5, "share", "Largest part of a maker's supply that one buyer gets, under the rule `capped` alone.", at_least=0.001, at_most=1)
    relationship_exponent: float = number(0.7, 0.0, 1.1, "1", "Weight of past purchases in allocation; above 1.1 small buyers starve.", at_most=3)
    relationship_floor: float = number(0.25, 0.02, 0.5, "share", "Part of supply shared in proportion to orders whatever the relationship.", at_most=1)
    choice_elasticity: float = number(2.6, 2.0, 3.2, "1", "Elasticity of buyers' choice to cost per realised FLOP/s.", at_least=0.1, at_most=20)
    switching_cost: float = number(3.9, 0.0, 6.0, "utils", "Cost of using chips that the buyer has no stack for, when undocumented.", at_most=10)
    taste_spread: float = number(0.30, 0.1, 1.0, "utils", "Spread of buyers' lasting tastes for makers.", at_most=5)
    margin_cap: float = number(0.66, 0.62, 0.70, "share of price", "Highest margin before large buyers would make their own chips.", "NVIDIA gross margin .57-.78, FY2021-26", at_most=0.999)
    market_elasticity: float = number(1.5, 1.1, 3.0, "1", "Elasticity of all demand for chips to their price, for rules that need it and demand that does not say.", at_least=0.1, at_most=50)
    markup_response: float = number(0.04, 0.01, 0.08, "1", "Response of an adaptive markup to growth of the market share.", "Dosi, Fagiolo and Roventini 2010: .01-.04, from memory", at_most=10)
    scarcity_premium: float = number(0.20, 0.0, 0.35, "share", "Rise of posted prices when orders due are twice what can be made; less when they are fewer.", "H100 31,000 to 36,000 USD through the shortage of 2023-24 (Epoch AI): an upper bound on what is posted", at_most=5)
    margin_floor: float = number(0.20, 0.10, 0.35, "share of price", "Lowest margin a maker posts.", at_most=0.9)
    share_smoothing: float = number(0.25, 0.1, 0.5, "1/quarter", "Weight of the newest quarter in the share of orders that pricing looks at.", at_most=1)
    overdue_weight: float = number(0.5, 0.2, 1.0, "share", "Part of overdue orders that makers build capacity for.", at_most=2)
    relationship_memory: float = number(0.9, 0.8, 0.97, "1/quarter", "Part of past purchases that a relationship remembers.", at_most=1)
    imitation_closed: float = number(0.5, 0.2, 0.8, "share", "Imitation that needs no documentation; openness of the leaders adds to it.", at_most=5)
    price_speed: float = number(0.35, 0.15, 0.7, "1/quarter", "Speed at which posted prices follow the rule.", at_most=1)
    rnd_share: float = number(0.22, 0.10, 0.27, "share of sales", "Research spending out of the sales that it is planned on.", "NVIDIA R&D over revenue .10-.27, FY2021-25", at_most=0.6)
    rnd_speed: float = number(0.15, 0.08, 1.0, "1/quarter", "Speed at which these sales follow actual ones: laboratories are not staffed in a quarter.", "NVIDIA R&D over revenue .27 in FY2023 and .10 in FY2025, sales five times as high; the speed is assumed", at_most=1)
    other_rnd_growth: float = number(1.3, 1.1, 1.5, "ratio/year", "Growth of research paid by a maker's other businesses.", at_least=0.5, at_most=4)
    innovation_hazard: float = number(1.85, 1.2, 2.2, "1/quarter", "Hazard of a research success of the leader at the start.", at_most=10)
    reference_rnd_usd: float = number(60e6, 30e6, 120e6, "USD/quarter", "Research spending at which that hazard holds at the start.", "about 20% of sales of 0.3 bn USD: derived", at_least=1, at_most=1e12)
    innovation_returns: float = number(0.3, 0.15, 0.5, "1", "Exponent of research spending in that hazard.", at_most=1)
    difficulty_exponent: float = number(1.67, 1.2, 2.2, "1", "Growth of difficulty with performance reached.", at_most=5)
    gain_low: float = number(0.05, 0.03, 0.07, "ln ratio", "Smallest gain of a success in performance per chip.", at_most=1)
    gain_high: float = number(0.22, 0.18, 0.26, "ln ratio", "Largest gain of a success.", "sized so that performance per chip grows 1.59 a year (P100 to B200)", at_most=2)
    imitation: float = number(0.03, 0.01, 0.10, "1/quarter", "Part of the gap to the best chip that a laggard closes.", at_most=1)
    launch_gain: float = number(0.45, 0.3, 0.9, "ln ratio", "Laboratory lead at which a new generation is launched.", at_least=0.01, at_most=3)
    watts_elasticity: float = number(0.32, 0.25, 0.45, "1", "Growth of chip power with performance, in logs.", "derived: W 1.16 and PFLOP/s 1.59 a year, P100 to B200", at_most=1)
    cost_elasticity: float = number(0.63, 0.50, 0.75, "1", "Growth of unit cost before learning with performance, in logs.", "derived: list price V100 11,458 to B200 47,409 USD", at_most=1)
    learning_exponent: float = number(0.12, 0.05, 0.32, "1", "Exponent of Wright's law on cumulative chips.", "Wright 1936; no rate for accelerators found: assumed", at_most=1)
    chips_before_start: float = number(250e3, 100e3, 600e3, "chips", "Chips of all makers made before the start.", at_least=1, at_most=1e8)
    delivery_quarters: int = whole(2, 1, 4, "quarters", "Lead time that orders are placed ahead.", at_least=1, at_most=8)
    order_inflation: float = number(1.15, 1.0, 1.3, "ratio", "Largest inflation of orders by buyers who expect rationing.", at_least=1, at_most=3)
    cancellation: float = number(0.10, 0.0, 0.3, "1/quarter", "Part of overdue orders beyond need that is cancelled.", at_most=1)
    inventory_share: float = number(0.05, 0.0, 0.15, "share", "Stock that makers keep, over the orders of a quarter.", at_most=2)
    life_quarters: int = whole(22, 16, 28, "quarters", "Working life of a chip.", "servers depreciated over 4-6 years", at_least=5, at_most=40)
    fab_quarters: int = whole(2, 1, 5, "quarters", "Lead time of factory and packaging capacity.", at_least=1, at_most=12)
    fab_start_bound: float = number(1.30, 1.15, 1.6, "ratio/quarter", "Largest growth of capacity including what is under construction.", "order of magnitude of packaging: 8.5k to 40k wafers a month in 19 months, 1.28 a quarter; best value assumed", at_least=1, at_most=5)
    fab_expectation: float = number(1.30, 1.1, 1.7, "ratio", "Growth of orders that makers build for.", at_least=0.5, at_most=5)
    tax: float = number(0.15, 0.10, 0.21, "share of profit", "Tax on makers' profit.", at_most=1)
    buffer_making: float = number(2.0, 1.0, 4.0, "quarters", "Cost of making chips that makers hold in cash.", at_most=40)
    buffer_quarters: float = number(4.0, 2.0, 8.0, "quarters", "Research spending that makers hold in cash.", at_most=40)


@dataclass(frozen=True, slots=True)
class Documentation:
    """Who may read how chips work, and what that is worth."""

    rule: str = choice("partners_only", ("closed", "partners_only", "delayed", "open", "mandated"), "Rule of access to documentation.")
    partner_share: float = number(0.03, 0.01, 0.10, "share", "Part of all installed chips that a buyer must hold of one maker to be its partner.", at_most=1)
    delay_quarters: float = number(8, 4, 16, "quarters", "Time after launch when documentation opens under `delayed`.", at_most=200)
    required_openness: float = number(0.0, 0.0, 1.0, "0 to 1", "Openness that the law demands of chips that are launched.", "no such law", at_most=1)
    required_of_old: float = number(0.0, 0.0, 1.0, "0 to 1", "Openness that it demands of chips on sale, whenever they were launched.", "no such law", at_most=1)
    mandated_openness: float = number(0.8, 0.5, 1.0, "0 to 1", "Openness that a mandate requires, under the rule of that name alone.", at_most=1)
    efficiency_channel: float = number(1.0, 0.0, 1.0, "switch", "Whether software changes realised FLOP/s.", "mechanism switch", at_most=1)
    switching_channel: float = number(1.0, 0.0, 1.0, "switch", "Whether undocumented chips are costly to switch to.", "mechanism switch", at_most=1)
    utilisation_floor: float = number(0.09, 0.06, 0.15, "fraction", "Model FLOP utilisation without any software.", at_most=1)
    utilisation_span: float = number(0.50, 0.40, 0.55, "fraction", "What all software together can add.", "MFU .20 (GPT-3) to .46 (PaLM); median .38 since 2020", at_most=1)
    software_half: float = number(3.0, 1.5, 5.0, "index", "Software at which half of that is reached.", at_least=0.01, at_most=100)
    public_part: float = number(0.6, 0.4, 0.8, "share", "Part of a maker's software that serves buyers without documentation.", at_most=1)
    ecosystem_growth: float = number(0.10, 0.04, 0.16, "index/quarter", "Software written a quarter for a maker with all users, at the start.", at_most=10)
    developer_growth: float = number(1.40, 1.2, 1.5, "ratio/year", "Growth of the number of those who write it, until the fading of 2022.", "CUDA developers: 4 million in 2023; 1 million in 2018 and 6 in 2025 from memory", at_least=0.1, at_most=10)
    ecosystem_concavity: float = number(0.5, 0.3, 0.8, "1", "Exponent of the share of users in that growth.", at_most=2)
    ecosystem_decay: float = number(0.03, 0.02, 0.06, "1/quarter", "Software that goes out of date.", at_most=1)
    open_source_growth: float = number(0.03, 0.015, 0.06, "index/quarter", "Open-source software written a quarter when everything is documented, at the start.", at_most=10)
    portable_share: float = number(0.01, 0.003, 0.03, "share", "Part of investment that an owner with one undocumented maker's chips alone spends on a stack of its own.", at_most=1)
    portable_growth: float = number(0.06, 0.02, 0.12, "index/quarter", "Portable software written a quarter by any number of engineers.", at_most=10)
    portable_reference_usd: float = number(20e6, 5e6, 80e6, "USD/quarter", "Spending on engineers at which half of that is written.", "assumed: some 250 engineers", at_least=1, at_most=1e12)


@dataclass(frozen=True, slots=True)
class Integration:
    """Owners who make their own chips, and go back to merchants."""

    allowed: int = whole(1, 0, 1, "0 or 1", "Whether owners may make their own chips; 0 also ends those who do.", "mechanism switch", at_most=1)
    drive: float = number(0.10, 0.01, 0.15, "1/quarter", "Odds of starting a design at the minimum scale in the first year of the technology.", at_most=1e6)
    minimum_scale_chips: float = number(100e3, 30e3, 300e3, "chips/year", "Minimum efficient scale of a chip design.", at_least=1, at_most=1e9)
    volume_exponent: float = number(1.0, 0.5, 1.5, "1", "Exponent of own volume over that scale in the odds.", "form: Malerba, Nelson, Orsenigo and Winter 2008", at_most=5)
    age_exponent: float = number(0.5, 0.0, 1.0, "1", "Exponent of the age of the technology in the odds.", "form: Malerba, Nelson, Orsenigo and Winter 2008", at_most=5)
    technology_years: float = number(2.0, 1.0, 4.0, "years", "Age of the technology at the start.", "derived: P100 2016", at_most=50)
    design_usd: float = number(150e6, 50e6, 400e6, "USD", "Fixed cost of designing a generation at the start, software included.", at_most=1e12)
    design_elasticity: float = number(0.7, 0.3, 1.0, "1", "Growth of that cost with performance per chip, in logs.", at_most=5)
    design_quarters: int = whole(6, 4, 10, "quarters", "Time from one design of an in-house maker to the next.", "derived: TPU generations 2017 to 2024", at_least=1, at_most=400)
    performance: float = number(0.75, 0.45, 0.95, "ratio", "Performance of a new in-house chip over the best merchant's.", "derived: TPU v4 over A100 .88, Trainium2 over H100 .67 (Epoch AI)", at_least=0.01, at_most=2)
    performance_spread: float = number(0.12, 0.0, 0.3, "ln ratio", "Spread of that over designs.", at_most=1)
    watts_ratio: float = number(0.8, 0.48, 1.06, "ratio", "Its power per PFLOP/s over the best merchant's.", "derived: TPU v4 over A100 .48, Trainium2 over H100 1.06 (Epoch AI)", at_least=0.01, at_most=10)
    cost_ratio: float = number(1.2, 1.0, 1.6, "ratio", "Its unit cost per PFLOP/s over the best merchant's, when new.", at_least=0.1, at_most=10)
    tenant_acceptance: float = number(0.60, 0.1, 0.8, "share", "Part of what tenants use that they would run on the owner's own chips.", at_most=1)
    opening_software: float = number(0.3, 0.1, 1.0, "index", "Software that an in-house maker starts with.", at_most=100)
    opening_chips: float = number(3000, 1000, 10e3, "chips/quarter", "Capacity that a new maker starts with.", at_least=1, at_most=1e7)
    ramp: float = number(1.6, 1.1, 2.0, "ratio", "Orders that a parent dares to place over what its maker has and builds.", at_most=10)
    return_margin: float = number(0.25, 0.1, 0.5, "ratio", "Advantage of merchants' chips in cost per realised FLOP/s at which a parent would go back.", at_most=1e6)
    return_quarters: int = whole(6, 4, 12, "quarters", "Time for which it must last.", at_least=1, at_most=400)


@dataclass(frozen=True, slots=True)
class Entrants:
    """Merchants who enter the chip market, and who fail."""

    drive: float = number(0.001, 0.0003, 0.003, "1/quarter", "Odds of entry when a year's gross profit of merchants is the cost of entry.", at_most=1e6)
    cost_usd: float = number(1e9, 0.3e9, 3e9, "USD", "Cost of entry: what investors bring.", "order of magnitude raised by accelerator startups: recalled", at_least=1, at_most=1e12)
    runway_quarters: float = number(16, 8, 24, "quarters", "Time over which an entrant spends that on research.", at_least=1, at_most=200)
    performance: float = number(0.5, 0.3, 0.8, "ratio", "Performance of its first chip over the best merchant's.", at_least=0.01, at_most=2)
    cost_ratio: float = number(1.2, 1.0, 1.5, "ratio", "Unit cost of its first chip per PFLOP/s over the best merchant's.", at_least=0.1, at_most=10)
    opening_software: float = number(0.03, 0.0, 0.3, "index", "Software that it starts with.", at_most=100)
    failures: int = whole(1, 0, 1, "0 or 1", "Whether a merchant without cash leaves.", "mechanism switch", at_most=1)


@dataclass(frozen=True, slots=True)
class Trade:
    """Measures between jurisdictions."""

    refused_share: float = number(0.0, 0.0, 0.9, "share", "Part of the capacity wanted by controlled owners for which no chips are licensed.", "none before the export controls of October 2022", at_most=1)
