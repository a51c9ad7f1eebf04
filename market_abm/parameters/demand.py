"""Numbers of those who use compute: labs, customers, enterprises; and of those who fund them."""

from dataclasses import dataclass

from market_abm.parameters.declare import choice, date, number, whole


@dataclass(frozen=True, slots=True)
class Customers:
    """What AI services are worth, and what enterprises and owners use compute for."""

    spend_max_usd: float = number(2.7e12, 0.5e12, 6e12, "USD/year", "Spending on AI services when capability knows no bound.", at_most=1e15)
    spend_midpoint: float = number(33.4, 32.0, 34.5, "log10 FLOP", "Effective FLOP of the frontier at half of it.", at_most=60)
    spend_width: float = number(0.80, 0.70, 0.95, "log10 FLOP", "Width of the rise.", at_least=0.05, at_most=10)
    contest: float = number(1.2, 0.6, 1.6, "1", "Decisiveness r: budget shares follow effective compute to this power (Tullock).", at_most=10)
    price_elasticity: float = number(1.0, 0.5, 2.0, "1", "Elasticity of customers' choice to price.", at_most=20)
    outside: float = number(0.10, 0.03, 0.3, "weight", "Weight of doing without, over that of the frontier.", at_most=100)
    inertia: float = number(0.5, 0.3, 0.8, "share", "Part of customers who stay for another quarter.", at_most=0.999)
    serving_cost_share: float = number(0.55, 0.35, 0.7, "share of price", "Compute in the price of AI services.", at_least=0.01, at_most=1)
    growth_smoothing: float = number(0.25, 0.1, 0.5, "1/quarter", "Weight of the newest quarter in expected growth of spending.", at_most=1)
    enterprise_usd: float = number(0.31e9, 0.15e9, 0.6e9, "USD/year", "Enterprises' spending on rented compute at the start.", at_most=1e12)
    enterprise_growth: float = number(1.54, 1.45, 2.2, "ratio/year", "Its growth until the fading starts.", at_least=0.1, at_most=10)
    legacy_usd: float = number(0.70e9, 0.5e9, 1.1e9, "USD/year", "Owners' spending on their older AI uses at the start.", at_most=1e12)
    legacy_growth: float = number(1.475, 1.35, 1.8, "ratio/year", "Its growth until the fading starts.", at_least=0.1, at_most=10)
    fade: float = number(0.85, 0.7, 0.9, "ratio/year", "Yearly fading of these growth rates from then on.", at_most=1)
    fade_from: str = date("2022Q1", "Quarter from which the growth of enterprises, older uses, research budgets and venture capital fades.")
    shock: float = number(7.5, 5.0, 15.0, "ratio", "Rise of enterprise demand after the first widely used assistant.", at_least=0.01, at_most=1000)
    shock_quarter: str = date("2022Q4", "Quarter in which that rise begins.", "ChatGPT, 30 November 2022")
    shock_quarters: float = number(4, 2, 6, "quarters", "Time over which that rise comes.", at_least=1, at_most=40)
    shock_on_legacy: float = number(0.5, 0.2, 0.8, "1", "Exponent of the shock in owners' spending on their own AI uses.", at_most=2)
    captive_share: float = number(0.20, 0.1, 0.35, "share", "Enterprise spending that pays list prices.", at_most=1)


@dataclass(frozen=True, slots=True)
class Training:
    """Research compute, training runs and capability."""

    ambition_growth: float = number(2.85, 2.0, 2.9, "ratio/year", "Growth of the largest research budget while nothing binds.", "cost of frontier runs 2.4 a year (2.0-2.9), Cottier et al. 2024", at_least=0.5, at_most=1e12)
    shock_on_labs: float = number(0.5, 0.3, 0.7, "1", "Exponent of the shock in the labs' ambition.", at_most=2)
    catch_up_growth: float = number(6.0, 4.0, 20.0, "ratio/year", "Fastest growth of a lab behind the frontier.", at_least=0.5, at_most=1e12)
    hope: float = number(1.0, 0.0, 1.0, "share", "Part of an equal share of customers that a lab without them counts on in the race.", at_most=1)
    ambition_noise: float = number(0.25, 0.1, 0.4, "ln/quarter", "Spread of labs' quarterly ambition.", at_most=2)
    opening_budget_usd: float = number(2.3e6, 1.5e6, 12e6, "USD/year", "Largest research compute budget at the start.", at_most=1e12)
    opening_frontier_flop: float = number(3e22, 1e22, 1e23, "FLOP", "Best training run before the start.", "AlphaGo Zero class runs of 2017, order of magnitude: assumed", at_least=1, at_most=1e40)
    research_usd: float = number(0.03e9, 0.01e9, 0.1e9, "USD/year", "Largest budget that labs spend without any revenue, at the start.", at_most=1e12)
    research_growth: float = number(1.8, 1.5, 2.1, "ratio/year", "Its growth until the fading of 2022 starts.", at_least=0.1, at_most=10)
    group_share: float = number(0.30, 0.15, 0.5, "share", "Part of a group's money for compute that its lab may use up in research.", at_most=1)
    people_share: float = number(0.5, 0.4, 1.0, "ratio", "Researchers' pay over research compute, in owners' labs.", "staff 29-49% of development cost", at_most=10)
    prize_growth_cap: float = number(3.5, 2.5, 4.5, "ratio/year", "Largest growth of spending that labs count on.", at_least=1, at_most=20)
    prize_years: float = number(2.0, 1.0, 3.0, "years", "How far ahead labs look for their prize.", at_most=20)
    cap_tightness: float = number(0.0, 0.0, 1.0, "ratio", "Tightness t of a cap on runs: none is larger than policy.cap_flop / t; 0 for no cap.", "no such law", at_most=1)
    final_run_share: float = number(0.10, 0.05, 0.25, "share", "Largest run over a year's research compute.", "OpenAI 2024: about 0.5 of 5 bn USD", at_most=0.25)
    run_days: float = number(95, 60, 120, "days", "Length that large training runs come to.", "GPT-4 95 days, Grok-3 100 days", at_least=1, at_most=365)
    opening_run_days: float = number(25, 10, 60, "days", "Their length at the start.", "derived: GPT-3 on 10,000 V100 (from memory) at its utilisation of .197, 15 days; LLaMA 21 days on 2,048 A100", at_least=0.1, at_most=365)
    run_days_growth: float = number(1.25, 1.1, 1.4, "ratio/year", "Growth of that length until then.", at_least=1, at_most=100)
    cluster_limit_chips: float = number(25e3, 2048, 100e3, "chips", "Chips beyond which a run loses efficiency.", "25,000 A100 trained GPT-4; an essay of 2023, The undressing of the king, says 2,048", at_least=1, at_most=1e9)
    cluster_exponent: float = number(0.08, 0.0, 0.15, "1", "Loss of efficiency beyond that limit; 0 switches it off.", at_most=1)
    algorithmic_growth: float = number(3.0, 2.0, 5.0, "ratio/year", "Algorithmic progress.", "Epoch AI: 3 a year 2012-23; later 3-10", at_least=1, at_most=100)
    capability_map: str = choice("log_compute", ("log_compute", "loss"), "What customers value: the logarithm of effective compute, or a lower loss.")
    loss_weight: float = number(244, 100, 600, "1/nat", "Weight w of reducible loss under the map `loss`; as decisive as a contest of 1.2 at 1e28 effective FLOP.", at_most=1e6)
    parameter_loss: float = number(482.01, 330, 640, "nat", "A of the scaling law: loss A/N^a from too few parameters.", "Besiroglu et al. 2024, arXiv 2404.10102; range assumed", at_least=1e-3, at_most=1e9)
    parameter_exponent: float = number(0.3478, 0.33, 0.37, "1", "a of the scaling law.", "Besiroglu et al. 2024; Hoffmann et al. 2022 printed .34", at_least=0.01, at_most=2)
    token_loss: float = number(2085.43, 400, 3000, "nat", "B of the scaling law: loss B/D^b from too few tokens.", "Besiroglu et al. 2024; Hoffmann et al. 2022 printed 410.7", at_least=1e-3, at_most=1e9)
    token_exponent: float = number(0.3658, 0.28, 0.39, "1", "b of the scaling law.", "Besiroglu et al. 2024; Hoffmann et al. 2022 printed .28", at_least=0.01, at_most=2)
    data_tokens: float = number(75e12, 15e12, 250e12, "tokens", "Usable text that exists, each token counted once, on the date below.", "Villalobos et al. 2024, arXiv 2211.04325: 300e12 (100e12-1000e12) with repetition: over 4 epochs; 15e12 of 60e12 in an essay of 2024", at_least=1e6, at_most=1e30)
    data_epochs: float = number(4.0, 1.0, 5.0, "epochs", "How often a token helps as much as a new one.", "Muennighoff et al. 2023: up to 4 epochs nearly as good as new data", at_least=0.01, at_most=1e6)
    data_date: str = date("2024Q1", "Quarter of that stock.", "Villalobos et al. 2024")
    data_growth: float = number(1.07, 1.0, 1.15, "ratio/year", "Growth of the usable stock.", "Villalobos et al. 2024: 300e12 in 2024 to 400e12 in 2028, with repetition", at_least=0.5, at_most=10)


@dataclass(frozen=True, slots=True)
class Startups:
    """Entry, funding, spending and exit of startups."""

    opening: int = whole(300, 100, 400, "count", "Startups alive at the start.", at_most=10**6)
    bystanders: int = whole(0, 0, 1, "count", "Rows that take a slot and no part in anything: for tests of independence.", "verification", at_most=1000)
    opening_cash_usd: float = number(6.7e6, 4e6, 12e6, "USD", "Median last round at the start, and median cash of founders.", at_most=1e12)
    opening_spent: float = number(0.9, 0.5, 1.0, "share", "Largest part of their last round that startups have spent at the start.", at_most=1)
    cash_spread: float = number(1.0, 0.7, 1.4, "ln", "Spread of that cash.", at_most=5)
    skill_spread: float = number(0.4, 0.2, 0.8, "ln", "Spread of research skill.", at_most=3)
    wage_share: float = number(0.10, 0.06, 0.14, "share/quarter", "Wages over the last round.", "staff 29-49% of development cost", at_most=1)
    wage_revenue_share: float = number(0.20, 0.1, 0.3, "share", "Wages over revenue, where that is more.", at_most=1)
    opening_budget_share: float = number(0.02, 0.005, 0.1, "ratio", "First research budget of a startup over the largest of the market.", at_most=1)
    wage_decay: float = number(0.07, 0.03, 0.12, "1/quarter", "Wear of that commitment.", at_most=1)
    runway_quarters: float = number(3.0, 2.0, 5.0, "quarters", "Runway below which a startup seeks a round.", at_most=40)
    reserve_quarters: float = number(2.0, 1.0, 3.0, "quarters", "Wages that it does not spend on compute.", at_most=40)
    spending_quarters: float = number(4.0, 3.0, 6.0, "quarters", "Time over which it spends free cash.", at_least=1, at_most=40)
    serving_cap: float = number(0.9, 0.7, 1.0, "share", "Largest part of free cash that goes into serving customers.", at_most=1)
    opening_capability: float = number(1e-3, 1e-4, 1e-2, "ratio", "Best run of a founder over that of the frontier.", at_most=1)
    voucher_usd: float = number(0.0, 0.0, 5e6, "USD/quarter", "Compute that the state pays for each startup.", "no such measure at this scale", at_most=1e12)
    funded_share: float = number(0.35, 0.25, 0.5, "share", "Part of seekers that are funded.", at_most=1)
    selectivity: float = number(7.0, 0.0, 10.0, "1", "Exponent psi of rank in the division of venture capital.", "top two labs took .14-.35 of AI venture capital 2023-25", at_most=50)
    score_noise: float = number(0.8, 0.4, 1.5, "ln", "What investors cannot see.", at_most=10)
    largest_round: float = number(30, 10, 60, "ratio", "Largest round over what the startup can spend in a year.", at_least=0.1, at_most=1e6)
    tax: float = number(0.10, 0.05, 0.21, "share of profit", "Tax on startups' profit.", at_most=1)
    entry_rate: float = number(12.0, 6.0, 25.0, "1/quarter", "Founders a quarter when a year's expected funding equals entry cost.", at_most=1000)
    entry_cap: float = number(3.0, 2.0, 5.0, "ratio", "Largest response of entry to expected funding.", at_most=100)
    entry_cost_usd: float = number(10e6, 5e6, 20e6, "USD", "Sunk cost of entry.", at_least=1, at_most=1e12)
    entry_run_share: float = number(0.10, 0.03, 0.3, "share", "Part of the cost of the largest run that a founder must be able to raise.", "a competitive run: a tenth of the frontier's compute", at_most=10)
    talent_pool: float = number(480, 300, 1500, "count", "Startups that the pool of skilled people can staff.", at_least=1, at_most=1e7)


@dataclass(frozen=True, slots=True)
class Buying:
    """When startups buy chips of their own."""

    purchase_share: float = number(0.5, 0.2, 0.8, "share", "Part of cash beyond its reserve that a startup puts into chips of its own in a quarter.", at_most=1)
    reserve_quarters: float = number(1.0, 0.5, 4.0, "quarters", "Wages and rent that it keeps before it buys.", at_most=40)
    capital_cost: float = number(0.20, 0.14, 0.35, "1/year", "Return that a startup's money requires of chips, above an owner's.", at_most=5)
    utilisation: float = number(0.80, 0.60, 0.85, "share", "Utilisation of own chips that a startup counts on: they take the steady part of its load.", at_least=0.05, at_most=1)
    cost_spread: float = number(0.30, 0.10, 0.50, "ln", "Spread of startups' cost of owning: sites, people, terms of finance.", at_most=3)
    margin: float = number(0.25, 0.10, 0.60, "ratio", "Advantage of owning over renting at which a startup buys all that it would.", at_least=0.01, at_most=10)
    cover: float = number(0.60, 0.30, 0.90, "share", "Largest part of its hours that it would do on own chips.", at_most=1)
    least_chips: float = number(1000, 200, 5000, "chips", "Smallest fleet worth a site and people of its own.", at_most=1e9)
    longest_wait_quarters: float = number(16, 8, 40, "quarters", "Quoted wait for power beyond which startups do not ask for connections; what is granted waited less than was quoted.", at_most=400)
    resale: float = number(0.40, 0.20, 0.60, "share", "Second-hand value of chips, with their site, over replacement cost.", at_most=1)


@dataclass(frozen=True, slots=True)
class Venture:
    """The pool of venture capital."""

    pool_usd: float = number(0.28e9, 0.1e9, 0.8e9, "USD/quarter", "Venture capital for labs at the start.", "about 4% of 32.5 bn USD of AI equity a year: assumed", at_most=1e12)
    floor_growth: float = number(1.3, 1.1, 1.5, "ratio/year", "Growth of the part that does not wait for revenue, until the fading of 2022.", "AI equity funding 32.5 (2019) to 47.3 (2022) bn USD", at_least=0.1, at_most=10)
    share: float = number(0.10, 0.05, 0.2, "share", "Venture capital over the gain in AI revenue that investors expect.", at_most=10)
    growth_cap: float = number(1.25, 0.9, 1.5, "ln/year", "Largest growth of revenue that they extrapolate.", at_most=5)
    step: float = number(0.25, 0.15, 0.4, "ln/quarter", "Largest move of the pool in a quarter.", at_most=5)
    shock_weight: float = number(0.3, 0.1, 0.6, "1", "Exponent of the demand shock in the pool.", at_most=5)
