"""Numbers of owners of compute: investment, rent, own use, finance; and of electricity."""

from dataclasses import dataclass

from market_abm.parameters.declare import date, number, whole


@dataclass(frozen=True, slots=True)
class Clouds:
    """How owners invest, price and use their compute."""

    opening_fleet_pflops: float = number(15e3, 7.5e3, 30e3, "PFLOP/s", "Chips installed in the world at the start.", "about 27,000 at end-2018 from NVIDIA stock of 4M at end-2024 at 2.3 a year: derived", at_least=1, at_most=1e9)
    opening_headroom: float = number(1.8, 1.2, 2.5, "ratio", "Connected MW over MW needed at the start.", at_least=0, at_most=100)
    opening_sites: float = number(0.25, 0.1, 0.4, "1/quarter", "Connections under construction at the start, a quarter, over those needed.", at_most=10)
    opening_rent_usd: float = number(8.0, 5.0, 12.0, "USD/PFLOP-h", "Contested rent at the start.", at_least=0.01, at_most=1e4)
    opening_growth: float = number(1.8, 1.4, 2.4, "ratio/year", "Growth of demand that owners expect at the start.", at_least=0.1, at_most=20)
    server_overhead: float = number(0.35, 0.25, 0.5, "share of chip price", "Servers and network.", at_most=5)
    building_usd_per_mw: float = number(11e6, 8e6, 14e6, "USD/MW", "Data-centre building and power equipment.", at_most=1e9)
    facility_watts: float = number(1.95, 1.7, 2.2, "W/W", "Facility power per watt of chip power.", "H100 at 700 W draws 1.4 kW all in", at_least=1, at_most=5)
    upkeep_usd_per_mw_year: float = number(0.45e6, 0.3e6, 0.8e6, "USD/MW/year", "Operating cost other than energy.", at_most=1e8)
    capital_cost: float = number(0.12, 0.08, 0.16, "1/year", "Required return on new capacity.", at_most=1)
    top_utilisation: float = number(0.85, 0.75, 0.92, "share", "Largest part of hours that can be sold.", at_least=0.05, at_most=1)
    target_utilisation: float = number(0.70, 0.6, 0.8, "share", "Utilisation that owners plan for.", "cloud AI chips .60-.70", at_least=0.05, at_most=1)
    forecast_smoothing: float = number(0.15, 0.1, 0.35, "1/quarter", "Weight of the newest quarter in expected growth.", at_most=1)
    growth_cap: float = number(2.8, 2.3, 4.0, "ratio/year", "Largest growth that owners dare to extrapolate.", at_least=1, at_most=20)
    power_slack: float = number(1.05, 1.0, 1.3, "ratio", "Chips that owners order over what connections, built and granted, could run.", at_most=100)
    gate_exponent: float = number(1.5, 1.0, 2.5, "1", "Response of investment to rent over full cost.", at_most=10)
    gate_low: float = number(0.35, 0.2, 0.5, "ratio", "Smallest response.", at_most=1)
    gate_high: float = number(1.6, 1.3, 2.0, "ratio", "Largest response.", at_least=1, at_most=10)
    neocloud_gate_exponent: float = number(3.0, 2.0, 4.0, "1", "Response of neoclouds' investment to rent over full cost.", at_most=10)
    neocloud_gate_high: float = number(3.0, 2.0, 5.0, "ratio", "Their largest response.", at_least=1, at_most=20)
    omega: float = number(0.55, 0.40, 0.90, "share", "Part of group operating cash flow that may go into compute: the cross-subsidy.", at_most=2)
    group_growth: float = number(0.15, 0.12, 0.18, "ln/year", "Growth of groups' operating cash flow.", "recalled annual reports 2018-24", at_least=-1, at_most=1)
    group_fade_from: str = date("2025Q1", "Quarter from which that growth fades.")
    group_fade: float = number(0.85, 0.7, 1.0, "ratio/year", "Yearly fading of that growth.", at_most=1)
    credit_share: float = number(0.5, 0.2, 1.0, "years", "Debt that a group can carry, in years of its cash flow.", at_most=10)
    collateral_share: float = number(0.6, 0.4, 0.8, "share", "Debt that chips can carry, over their replacement value.", at_most=2)
    neocloud_equity: float = number(0.5, 0.2, 0.8, "share", "Part of a neocloud's wanted investment that new shares pay for.", at_most=1)
    neocloud_leverage_gate: float = number(1.0, 0.8, 1.3, "ratio", "Rent over full cost at which investors still back neoclouds.", at_most=10)
    interest: float = number(0.08, 0.05, 0.12, "1/year", "Interest on debt.", at_most=1)
    repayment: float = number(0.05, 0.03, 0.08, "1/quarter", "Part of debt paid back a quarter.", at_most=1)
    cash_buffer: float = number(1.0, 0.5, 2.0, "quarters", "Group cash flow kept as cash; the rest is paid out.", at_most=40)
    tax: float = number(0.15, 0.10, 0.21, "share of profit", "Tax on profit from renting and services.", at_most=1)
    list_markup: float = number(3.4, 2.8, 4.0, "ratio", "List price over full cost at a review.", "AWS A100 list 4.10 USD/h in 2021 and 2023", at_least=0.5, at_most=20)
    review_quarters: float = number(6, 4, 10, "quarters", "Time between reviews of the list price.", "AWS A100 list unchanged 2021-06 to 2023-03", at_least=1, at_most=100)
    rent_speed: float = number(0.6, 0.4, 0.9, "1", "Response of the contested rent, in logs, to wants over supply.", at_most=2)
    rent_step: float = number(0.4, 0.3, 0.5, "ln/quarter", "Largest move of the contested rent in a quarter.", at_most=3)
    rent_floor: float = number(1.3, 1.1, 1.6, "ratio", "Contested rent over energy cost at the least.", at_most=10)
    transfer_cost_share: float = number(0.8, 0.6, 1.0, "share", "Own use pays at least this part of full cost.", at_most=3)
    transfer_rent_share: float = number(0.55, 0.5, 0.9, "share", "Own use pays at least this part of the contested rent.", at_most=2)
    tenant_floor: float = number(0.08, 0.02, 0.25, "share", "Part of capacity that an owner who rents out never takes from tenants.", at_most=1)
    tenant_speed: float = number(0.2, 0.1, 0.4, "1/quarter", "Speed at which the tenants' part follows their part in value.", at_most=1)
    provider_elasticity: float = number(2.0, 1.2, 3.5, "1", "Elasticity of tenants' choice of a provider to rent.", at_most=20)
    provider_inertia: float = number(3.0, 2.0, 4.5, "utils", "Advantage of the present provider.", "under 1% of cloud customers switch a year (CMA): upper bound", at_most=20)
    general_usd: float = number(17e9, 15e9, 19e9, "USD/quarter", "World spending on general cloud at the start.", "Canalys: 78 bn USD in 2018", at_most=1e12)
    general_growth: float = number(0.30, 0.25, 0.35, "ln/year", "Growth of general cloud at the start.", "54 (2017) to 330 (2024) bn USD", at_least=-1, at_most=2)
    general_fade: float = number(0.93, 0.88, 0.97, "ratio/year", "Yearly fading of that growth.", "54 (2017) to 330 (2024) bn USD", at_most=1)
    switch_rate: float = number(0.002, 0.0, 0.0025, "1/quarter", "General workloads that move.", "under 1% a year (CMA)", at_most=1)
    new_workload_noise: float = number(0.15, 0.05, 0.3, "utils", "Quarterly spread of the clouds' appeal to new workloads.", at_most=5)


@dataclass(frozen=True, slots=True)
class Energy:
    """Load, connections, and what electricity costs."""

    queue: float = number(1.0, 0.0, 1.0, "switch", "Whether connections must queue; off, every request is granted at once.", "mechanism switch", at_most=1)
    slots_mw: float = number(330, 200, 450, "MW/quarter", "Connections for AI data centres that the world can grant at the start.", at_most=1e6)
    slots_growth: float = number(1.25, 1.05, 1.40, "ratio/year", "Growth of these connections; no fact fixes it.", at_least=0.5, at_most=4)
    study_quarters: float = number(2, 1, 4, "quarters", "Time before a request can be granted.", at_most=20)
    building_quarters: int = whole(3, 2, 6, "quarters", "Time from grant to power.", "most 1 GW sites take about 2 years: Epoch AI", at_least=1, at_most=16)
    withdrawal: float = number(0.01, 0.005, 0.03, "1/quarter", "Requests withdrawn in their first quarter.", at_most=1)
    withdrawal_growth: float = number(0.004, 0.001, 0.01, "1/quarter^2", "Growth of that rate with age.", "78% of generation requests of 2000-18 withdrew", at_most=1)
    request_growth_cap: float = number(1.9, 1.6, 2.4, "ratio/year", "Largest growth of power need that owners plan for.", at_least=1, at_most=10)
    horizon_cap: float = number(8, 6, 12, "quarters", "Furthest that owners plan power ahead.", at_least=1, at_most=40)
    deposit_factor: float = number(1.0, 0.7, 2.0, "ratio", "Requests allowed over what the owner's money could fill.", at_most=100)
    price_response: float = number(1.5, 0.5, 3.0, "1", "Elasticity of siting to the price of electricity.", at_most=20)
    wait_response: float = number(0.15, 0.05, 0.3, "1/quarter", "Response of siting to the quoted wait.", at_most=5)
    price_cap: float = number(500, 300, 3000, "USD/MWh", "Price when load exceeds every plant.", at_least=1, at_most=1e5)
    forecast_speed: float = number(0.3, 0.1, 0.6, "1/quarter", "Speed at which the expected price follows the price.", at_most=1)
