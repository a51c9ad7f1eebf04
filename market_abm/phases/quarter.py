"""The whole quarter, one line a phase: what happens, in which step, what it writes, and why there.

Within a phase everybody decides together, before any other phase acts; what a phase has written itself it
sees. A column that a phase does not list here is read-only to it. Births, deaths and mergers rewrite whole
rows through `state.lifecycle`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from market_abm.phases import (
    accounts,
    calendar,
    capital,
    chips,
    clouds,
    compute,
    control,
    energy,
    labs,
    makers,
    orders,
    rental,
    startup_fleets,
    turnover,
)


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of the quarter."""

    step: int
    function: Callable
    writes: tuple[str, ...]
    why: str

    @property
    def name(self):
        """Return the name of the phase: that of its function."""
        return self.function.__name__


def _phase(step, function, why, **writes):
    columns = tuple(f"{table}.{column}" for table, names in writes.items() for column in names.split())
    return Phase(step, function, columns, why)


QUARTER = (
    _phase(1, calendar.calendar_turns, "Paths that nobody in the model decides.",
           market="research_usd venture_floor_usd legacy_usd enterprise_usd demand_shock shock_growth general_cloud_usd "
                  "algorithmic_progress data_tokens run_days developers entries exits cloud_exits acquired blocked "
                  "closed_pflop_hours passed_on_pflop_hours", clouds="took_over"),
    _phase(1, calendar.groups_and_loads_grow, "The world around the market grows.",
           clouds="other_cash_flow_usd group_cash_flow_usd", makers="other_rnd_usd", regions="other_load_mw plant_mw"),
    _phase(1, calendar.ordered_events_happen, "Dated births come before anybody decides.", clouds="cash_usd connected_mw convertible_mw"),
    _phase(1, orders.largest_cloud_is_divided, "By order, so that both parts decide for themselves.",
           market="broken_up", clouds="new_workload_pull credits_owed_usd", startups="provider credits_usd"),
    _phase(1, orders.labs_are_let_go, "Former owners and labs meet this quarter's market apart.",
           clouds="has_lab ai_share ai_revenue_usd effective_flop run_flop lab_budget_usd lab_funded_usd lab_serving_usd insight "
                  "data_short prize_bound cash_usd", startups="cash_usd"),
    _phase(1, makers.makers_leave, "Own chips that have fallen behind, and merchants without cash.",
           makers="quarters_behind cash_usd inventory_pflops inventory_mw capacity_chips capacity_building_chips",
           clouds="ordered_pflops overdue_pflops planned_pflops supplier_share bought_pflops cash_usd", startups="on_order_pflops"),
    _phase(1, makers.makers_enter, "Places that have become free can be taken.", makers="cash_usd"),
    _phase(2, energy.plants_come_on_line, "Plants started earlier are finished.", regions="plant_mw plant_building_mw"),
    _phase(2, energy.connections_come_on_line, "Sites granted earlier get power.",
           clouds="connected_mw sites_mw convertible_mw converting_mw own_power_mw own_power_building_mw"),
    _phase(2, energy.queue_advances, "Slots are granted by the connection rule.", clouds="queued_mw sites_mw",
           regions="slots_mw granted_mw withdrawn_mw quoted_wait_quarters completed_wait_quarters "
                   "at_risk_mw granted_by_age_mw withdrawn_by_age_mw"),
    _phase(2, energy.power_price_is_forecast, "Investors look at expected prices.", regions="forecast_usd"),
    _phase(2, energy.plants_are_started, "For the load of years ahead.", regions="seen_ai_mw ai_growth plant_building_mw"),
    _phase(3, chips.makers_research, "Earlier sales pay for research.",
           makers="planned_sales_usd laboratory_gain rnd_usd cash_usd", clouds="cash_usd"),
    _phase(3, chips.generations_launch, "Technology comes before its price.",
           makers="pflops_per_chip watts_per_chip base_cost_usd_per_chip laboratory_gain generations "
                  "quarters_since_launch programme_usd openness_due mw_per_pflops unit_cost_usd_per_pflops"),
    _phase(3, chips.capacity_is_ready, "Factories started earlier open.", makers="capacity_chips capacity_building_chips"),
    _phase(3, chips.documentation_opens, "Buyers see it before they choose.", makers="openness"),
    _phase(3, chips.chip_prices_are_posted, "Posted before orders; scarcity shows in delivery and rent.",
           makers="price_usd_per_pflops price_cost_usd_per_pflops share_before investment_usd_per_pflops"),
    _phase(4, clouds.expectations_form, "From what was asked last quarter.", clouds="demand_growth expected_pflops"),
    _phase(5, clouds.suppliers_are_chosen, "What new capacity costs depends on whose chips it is made of.",
           clouds="supplier_share maker_utilisation investment_usd_per_pflops new_mw_per_pflops"),
    _phase(5, clouds.costs_and_prices_are_reviewed, "Costs come before investment.",
           clouds="full_cost_usd list_rent_usd quarters_since_review transfer_usd tenant_share"),
    _phase(5, clouds.capacity_is_planned, "Chips on their own lead time.", clouds="wanted_pflops planned_pflops overbooked power_short money_short"),
    _phase(5, clouds.power_of_own_is_planned, "What is quicker than the queue comes before it.",
           clouds="conversion_planned_mw own_power_planned_mw"),
    _phase(5, clouds.power_is_requested, "Power on its own, longer one.", clouds="queued_mw"),
    _phase(6, capital.venture_capital_is_raised, "Money before compute.",
           market="venture_pool_usd", startups="raised_usd round_usd cash_usd"),
    _phase(6, capital.owners_find_money, "Deliveries of this quarter must be paid.", clouds="cash_usd debt_usd"),
    _phase(6, capital.power_of_own_is_started, "What deliveries leave pays for power.",
           clouds="converting_mw own_power_building_mw cash_usd"),
    _phase(6, control.stakes_are_divested, "What must be sold is sold before more is bought.",
           startups="stake venture_share", clouds="cash_usd"),
    _phase(6, control.clouds_join_rounds, "Clouds buy into the rounds of their tenants.",
           startups="holder stake venture_share founders_share valuation_usd raised_usd cash_usd credits_usd",
           clouds="cash_usd credits_owed_usd joining_usd", market="refused_stakes"),
    _phase(6, control.owners_back_startups, "A startup in place of a lab of their own.",
           startups="backer provider holder stake venture_share founders_share valuation_usd raised_usd cash_usd credits_usd "
                    "reserved_pflop_hours contract_quarters",
           clouds="cash_usd backing_usd credits_owed_usd"),
    _phase(6, startup_fleets.startups_order_chips, "With the money just raised, before orders are entered.",
           clouds="planned_pflops wanted_pflops overbooked queued_mw cash_usd", startups="on_order_pflops deposit_usd cash_usd"),
    _phase(7, chips.chips_are_ordered, "Orders carry their due quarter.",
           clouds="ordered_pflops", makers="share_of_orders capacity_building_chips"),
    _phase(7, chips.chips_are_made_and_delivered, "What is due is made, shared out and paid.",
           clouds="ordered_pflops overdue_pflops unserved_pflops delivered_pflops delivered_mw bought_pflops invested_usd "
                  "fleet_pflops fleet_mw cash_usd",
           makers="made_chips produced_pflops cumulative_chips inventory_pflops inventory_mw sales_usd sold_pflops cash_usd"),
    _phase(8, chips.chips_are_installed, "Energised compute is the smaller of chips and MW.",
           clouds="retiring_pflops retiring_mw fleet_pflops fleet_mw active_pflops active_mw"),
    _phase(8, startup_fleets.startups_take_delivery, "Titles are to what is installed.",
           startups="own_pflops on_order_pflops deposit_usd cash_usd", clouds="cash_usd"),
    _phase(9, compute.startups_choose_providers, "Before they ask for compute.",
           startups="provider reserved_pflop_hours contract_quarters", clouds="tenant_odds"),
    _phase(9, compute.labs_set_budgets, "Ambition meets money and the prize.",
           startups="budget_usd prize_bound training_usd serving_usd",
           clouds="lab_budget_usd prize_bound lab_funded_usd lab_serving_usd", market="frontier_budget_usd"),
    _phase(9, startup_fleets.own_chips_come_first, "Only what own chips cannot do is rented.",
           startups="own_training_pflop_hours own_serving_pflop_hours training_usd serving_usd"),
    _phase(9, rental.clouds_open_or_close, "Who is in the market must stand before hours are sold.", clouds="sells entry_profit_usd"),
    _phase(9, compute.contracts_are_signed, "Hours are reserved before the spot market opens.",
           startups="reserved_pflop_hours reserved_rent_usd contract_quarters",
           clouds="enterprise_reserved_pflop_hours enterprise_reserved_rent_usd backlog_usd"),
    _phase(9, compute.compute_is_priced_and_shared, "The contested rent moves, then what there is is shared.",
           clouds="withheld_pflop_hours backed_rent_usd contract_rent_usd credit_rent_usd credits_owed_usd contested_rent_usd fill_rate "
                  "own_fill_rate backed_fill_rate legacy_pflop_hours training_pflop_hours output_pflop_hours hour_price_cost_usd "
                  "rented_share rented_share_before "
                  "serving_pflop_hours own_pflop_hours rented_pflop_hours used_pflop_hours asked_pflops rent_usd cash_usd",
           startups="training_pflop_hours serving_pflop_hours billed_usd hour_cost_usd fill_rate credit_rent_usd credits_usd voucher_usd cash_usd",
           market="enterprise_pflop_hours spot_rent_usd transfer_usd unserved_pflops"),
    _phase(9, rental.clouds_choose_quality, "Quality follows what it earned.", clouds="quality market_outlay_usd cash_usd"),
    _phase(9, startup_fleets.own_chips_run, "They draw power like any others.", clouds="used_pflop_hours"),
    _phase(9, energy.power_clears, "Load follows from compute.",
           clouds="energy_mwh own_power_mwh energy_bill_usd cash_usd",
           regions="ai_mwh dispatched_mwh shortage_mwh shortage_share price_usd cash_usd"),
    _phase(10, labs.labs_train, "Compute becomes FLOP and capability.",
           clouds="insight software run_flop effective_flop data_short", startups="run_flop effective_flop data_short",
           market="frontier_run_flop frontier_pflop_hours frontier_cost_usd frontier_mw frontier_utilisation frontier_efficiency "
                  "frontier_full_cost_usd frontier_pflops frontier_mw_per_pflops frontier_effective_flop frontier_record_flop"),
    _phase(11, labs.customers_spend, "Capability is sold; serving bounds revenue.",
           market="customer_spend_usd customer_growth",
           clouds="ai_share ai_revenue_usd cash_usd", startups="ai_share ai_revenue_usd cash_usd"),
    _phase(11, turnover.general_workloads_settle, "The business whose profit feeds AI.", clouds="general_revenue_usd"),
    _phase(12, clouds.owners_write_software, "Out of the quarter's investment, before the rest is paid out.", clouds="portable_stack cash_usd"),
    _phase(12, startup_fleets.startups_pay_for_own_chips, "The pool earns nothing.", startups="cash_usd", clouds="cash_usd"),
    _phase(12, accounts.owners_close_accounts, "What is not invested is paid out.", clouds="debt_usd cash_usd"),
    _phase(12, accounts.startups_close_accounts, "Wages are committed, so startups can fail.", startups="wages_usd cash_usd"),
    _phase(12, accounts.makers_close_accounts, "Profit leaves as tax and dividends, or goes to the parent.", makers="cash_usd", clouds="cash_usd"),
    _phase(12, accounts.energy_providers_close_accounts, "Bills are fuel and rents.", regions="cash_usd"),
    _phase(13, startup_fleets.startups_in_distress_sell_chips, "Chips are sold before creditors lose.",
           startups="own_pflops on_order_pflops deposit_usd own_training_pflop_hours own_serving_pflop_hours cash_usd",
           clouds="took_over cash_usd", market="passed_on_pflop_hours"),
    _phase(13, control.startups_are_bought, "Buyers come before bankruptcy.",
           startups="own_pflops on_order_pflops deposit_usd own_training_pflop_hours own_serving_pflop_hours "
                    "cash_usd credits_usd reserved_pflop_hours contract_quarters effective_flop",
           clouds="took_over cash_usd credits_owed_usd effective_flop ai_share", market="acquired blocked closed_pflop_hours passed_on_pflop_hours"),
    _phase(13, turnover.bankrupts_leave, "No cash, no startup.",
           startups="cash_usd credits_usd reserved_pflop_hours contract_quarters", clouds="credits_owed_usd", market="exits closed_pflop_hours"),
    _phase(13, turnover.distressed_owners_are_taken_over, "Assets go somewhere.", clouds="cash_usd debt_usd", market="cloud_exits"),
    _phase(14, turnover.founders_enter, "Entry follows prospects.", startups="cash_usd", market="entries refused_entries"),
    _phase(14, turnover.software_grows, "Software follows users and documentation.",
           makers="ecosystem", market="open_source_stock"),
)
