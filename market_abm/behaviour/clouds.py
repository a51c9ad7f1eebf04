"""How owners of compute invest, choose suppliers and sites, and set their prices."""

from typing import NamedTuple

import numpy as np

from market_abm.exact import bounded, exp, leading, log, power, ratio, share_or_zero, stacked
from market_abm.rules.choice import logit, size_at_price
from market_abm.state.tables import NEOCLOUD, PUBLIC_CLOUD
from market_abm.units import HOURS_PER_YEAR


def investment_per_pflops(chip_price, mw_per_pflops, clouds):
    """Return USD to buy, house and network one PFLOP/s."""
    return chip_price * (1.0 + clouds.server_overhead) + mw_per_pflops * clouds.building_usd_per_mw


def user_cost(discount, life_quarters):
    """Return the user cost of capital a year, d / (1 - e^-dT), per USD invested.

    `discount` d is the return required and the rate at which rents are expected to fall, 1/year; T the life.
    Source: Jorgenson 1963.
    """
    discount = np.maximum(discount, 1e-6)
    return discount / (1.0 - exp(-discount * life_quarters / 4.0))


def full_cost(clouds, energy_usd_per_mwh, rules, chips):
    """Return the full cost of new capacity in USD per PFLOP-hour at target utilisation.

    The rent that pays back the money with its return over the chip's life when rents are expected to
    fall, the user cost of capital at r + g; upkeep; electricity.
    Source: user cost of capital, Jorgenson 1963.
    """
    capital = user_cost(rules.capital_cost + rules.expected_decline, chips.life_quarters)
    yearly = clouds.investment_usd_per_pflops * capital + clouds.new_mw_per_pflops * rules.upkeep_usd_per_mw_year
    return yearly / (HOURS_PER_YEAR * rules.target_utilisation) + clouds.new_mw_per_pflops * energy_usd_per_mwh


def upkeep(clouds, rules):
    """Return a quarter's upkeep of chips and of connections, used or not, USD."""
    return (stacked(clouds.fleet_mw) * rules.upkeep_usd_per_mw_year
            + stacked(clouds.connected_mw) * rules.connection_usd_per_mw_year) / 4.0


class Offers(NamedTuple):
    """What makers offer to each owner, `(makers, runs, owners)` or broadcast to it."""

    investment_usd: np.ndarray
    utilisation: np.ndarray
    access: np.ndarray
    for_sale: np.ndarray


def choose_suppliers(clouds, offers, chips, documentation):
    """Choose makers by a logit in cost per realised FLOP/s, less the cost of switching stacks: shares of orders.

    u = -a ln(investment / utilisation) - kappa (1 - access) (1 - share of own fleet) h/(h + stack) + lasting taste.
    The switching cost falls on whoever has no stack for a maker's chips and cannot read about them; its own
    portable stack lowers it.
    Source: logit, McFadden 1974; switching costs, Klemperer 1995, in an assumed form.
    """
    familiar = ratio(clouds.fleet_pflops, stacked(clouds.fleet_pflops))
    tied = documentation.software_half / (documentation.software_half + clouds.portable_stack)
    switching = chips.switching_cost * documentation.switching_channel * (1.0 - offers.access) * (1.0 - familiar) * tied
    worth = ratio(np.maximum(offers.utilisation, 1e-9), np.maximum(offers.investment_usd, 1e-9))
    utility = chips.choice_elasticity * log(worth) - switching + chips.taste_spread * clouds.taste
    share = logit(np.moveaxis(utility, 0, -1), np.moveaxis(offers.for_sale, 0, -1))
    return np.ascontiguousarray(np.moveaxis(share, -1, 0))


def dependence(fleet_pflops, openness, own):
    """Return how much an owner depends on one undocumented maker, 0 to 1, `(runs, owners)`.

    The largest part of its fleet that is of one maker, by what that maker keeps from the public; its own chips are no dependence.
    Source: assumed form.
    """
    held = ratio(fleet_pflops, stacked(fleet_pflops))
    return np.max(held * (1.0 - openness) * ~own, axis=0)


def expected_demand(clouds, quarters_ahead, growth_cap):
    """Return demand that the owner expects, its recent growth extrapolated no faster than it dares. Source: assumed form."""
    dared = np.minimum(clouds.demand_growth, log(growth_cap) / 4.0)
    return clouds.expected_pflops * exp(dared * quarters_ahead)


def worth_investing(value_over_cost, neocloud, rules):
    """Return the response of investment to value over cost, smooth and bounded (a plain NPV test oscillates).

    Neoclouds respond more than owners who plan for the demand that they know, but never order more than is missing.
    Source: investment follows value over cost, Tobin 1969; assumed form.
    """
    exponent = rules.gate_exponent + (rules.neocloud_gate_exponent - rules.gate_exponent) * neocloud
    high = rules.gate_high + (1.0 - rules.gate_high) * neocloud
    return bounded(power(value_over_cost, exponent), rules.gate_low, high)


def capacity_aimed_at(clouds, expected, gate, afforded, unserved):
    """Return the capacity that an owner aims at, and the part of what is missing that it orders.

    The gate works on what is missing, so that an owner whose rent is below cost grows slowly and does not
    shrink. A price taker sells whatever it builds: beside the demand that it knows it aims at its part of what tenants lack,
    `unserved`. A public cloud is there to spend what it is given: it aims at what its money can buy, `afforded`.
    Source: assumed form.
    """
    public = clouds.kind == PUBLIC_CLOUD
    return np.where(public, afforded, expected + unserved), np.where(public, 1.0, gate)


def unserved_for(clouds, unserved_pflops, rules):
    """Return what each price taker would build for tenants whom nobody serves, PFLOP/s, where rent covers the cost of new capacity.

    Free entry: rent above cost calls capacity from whoever takes it as given. They divide it by their weights.
    Source: assumed form.
    """
    weight = clouds.reach * clouds.alive * (clouds.contested_rent_usd >= rules.neocloud_leverage_gate * clouds.full_cost_usd)
    return rules.unserved_share * unserved_pflops * share_or_zero(weight)


def value_over_cost(clouds, rules):
    """Return what a PFLOP-hour brings over its full cost, own use at its transfer price, tenants at rent."""
    own = ratio(clouds.transfer_usd, rules.transfer_cost_share * clouds.full_cost_usd, 1.0)
    rented = ratio(clouds.contested_rent_usd, clouds.full_cost_usd, 1.0)
    part = clouds.tenant_share
    return own * (1.0 - part) + rented * part


def backed(clouds, rules):
    """Return the neoclouds (0 or 1) that investors back: those whose rent covers the cost of new capacity. Source: assumed form."""
    return neoclouds(clouds) * (clouds.contested_rent_usd >= rules.neocloud_leverage_gate * clouds.full_cost_usd)


def neoclouds(clouds):
    """Return which owners are neoclouds (0 or 1)."""
    return (clouds.kind == NEOCLOUD) * 1.0


def public_money(clouds, rules):
    """Return what the state pays into its cloud, USD a quarter, `(runs, owners)`."""
    return rules.public_budget_usd * (clouds.kind == PUBLIC_CLOUD) * clouds.alive


def credit_room(clouds, rules, bought_pflops=0.0):
    """Return new debt that lenders would give: on group cash flow, or on a neocloud's fleet at replacement value and its contracts.

    `bought_pflops` are chips that the loan would pay for: they are its collateral too.

    Source: lending against collateral, Kiyotaki and Moore 1997; assumed form.
    """
    collateral = (stacked(clouds.fleet_pflops) + bought_pflops) * clouds.investment_usd_per_pflops
    pledged = rules.collateral_share * collateral + rules.backlog_share * clouds.backlog_usd
    limit = rules.credit_share * 4.0 * clouds.group_cash_flow_usd + neoclouds(clouds) * pledged
    return np.maximum(0.0, limit - clouds.debt_usd)


def list_price_review(clouds, rules):
    """Return the list price and its age: set to a markup on full cost when due, hardly ever raised. Source: assumed form."""
    due = clouds.quarters_since_review + 1.0 >= rules.review_quarters
    wish = rules.list_markup * clouds.full_cost_usd
    reviewed = np.minimum(wish, np.where(clouds.list_rent_usd > 0, rules.list_raise * clouds.list_rent_usd, wish))
    price = np.where(due, reviewed, clouds.list_rent_usd)
    return price * (clouds.rents_out > 0), np.where(due, 0.0, clouds.quarters_since_review + 1.0) * clouds.alive


def transfer_price(clouds, rules):
    """Return what own use is charged: a part of full cost or of the contested rent, whichever is more.

    At bare cost an own lab would take everything and tenants would starve. The payment is imputed.
    Source: assumed form.
    """
    by_rent = rules.transfer_rent_share * clouds.contested_rent_usd
    return np.maximum(rules.transfer_cost_share * clouds.full_cost_usd, by_rent)


def power_wanted(clouds, mw_needed, coming_mw, wait_quarters, growth, rules):
    """Return MW to request: what will be needed when the request can be filled, less what is coming.

    Power is asked for on its own, longer horizon; on the chips' horizon it would bind by myopia alone.
    Source: assumed form.
    """
    horizon = np.minimum(wait_quarters, rules.horizon_cap)
    return np.maximum(0.0, mw_needed * exp(growth * horizon) - coming_mw) * clouds.alive


def choose_sites(clouds, regions, rules):
    """Split requests over regions by price of electricity and quoted wait, `(regions, runs, owners)`.

    Owners build under their own jurisdiction's regime: those under export control at home, others elsewhere.
    Source: logit, McFadden 1974; assumed form of utility.
    """
    utility = (log(np.maximum(regions.home_bias, 1e-9)) - rules.price_response * log(np.maximum(regions.forecast_usd, 1.0))
               - rules.wait_response * regions.quoted_wait_quarters)
    abroad = leading(logit(utility, regions.alive * (1.0 - regions.controlled)))
    home = leading(logit(utility, regions.alive * regions.controlled))
    return np.where(clouds.controlled > 0, home, abroad) * clouds.alive


def at_home(home_bias, region_controlled, owner_controlled):
    """Return the part of an owner's first connections in each region, `(regions, runs, owners)`: under its own regime."""
    abroad, home = (leading(share_or_zero(home_bias * (region_controlled == regime))) for regime in (0, 1))
    return np.where(owner_controlled > 0, home, abroad)


def price_inside(clouds):
    """Return what a backed lab pays: the transfer price, or the contested rent where that is lower."""
    rent = np.where(clouds.contested_rent_usd > 0, clouds.contested_rent_usd, np.inf)
    return np.minimum(clouds.transfer_usd, rent)


class OwnWants(NamedTuple):
    """Hours that an owner wants for itself, `(runs, owners)`."""

    legacy: np.ndarray
    training: np.ndarray
    serving: np.ndarray


def own_wants(clouds, legacy_usd):
    """Return hours that the owner's older uses, its lab and its lab's customers ask for, at the transfer price."""
    legacy = ratio(legacy_usd * share_or_zero(clouds.legacy_weight), clouds.transfer_usd)
    training = ratio(clouds.lab_funded_usd, clouds.transfer_usd)
    serving = ratio(clouds.lab_serving_usd, clouds.transfer_usd)
    return OwnWants(legacy, training, serving)


def lasting_taste(lasting, cloud_births, maker_births):
    """Return each owner's lasting taste for each maker's chips, `(makers, runs, owners)`."""
    return lasting.logistic("taste for chips", cloud_births ^ leading(maker_births))


def tenants_logit(clouds, rules):
    """Return the plain probabilities of renting from each cloud: its size at its rent.

    Source: logit with the number of equal options as size, Ben-Akiva and Lerman 1985, ch. 9.
    """
    on_offer = clouds.active_pflops * clouds.tenant_share * (clouds.rents_out > 0) * clouds.sells
    return size_at_price(on_offer, clouds.contested_rent_usd, rules.provider_elasticity)
