"""What tenants reserve, what they get and pay, and what a host withholds from labs that compete with its own."""

from typing import NamedTuple

import numpy as np

from market_abm.behaviour import rental
from market_abm.exact import bounded, exp, ratio
from market_abm.rules import choose
from market_abm.rules.rents import RENT_PRICING, SCARCITY


class Wants(NamedTuple):
    """What tenants want of each cloud, `(runs, clouds)`; `startup_usd` and `backed_usd` are `(runs, slots)`."""

    reserved_hours: np.ndarray
    startup_usd: np.ndarray
    startups_usd: np.ndarray  # of all startups that rent from a cloud, on the spot
    market: rental.Market  # what enterprises bring
    contract_usd: np.ndarray  # of it, what they owe under contract
    captive_hours: np.ndarray
    backed_usd: np.ndarray  # of backed startups, at their backer's own price
    backed_hours: np.ndarray


class Cleared(NamedTuple):
    """How a quarter's compute is priced and shared out, `(runs, clouds)`."""

    rent_usd: np.ndarray
    kept_promise: np.ndarray  # part of reserved hours that is served
    fill: np.ndarray  # part of the spot market's wants that is served
    asked_hours: np.ndarray  # by those who would pay what new capacity costs, at the rent if that is more: what owners plan for
    at_cost_hours: np.ndarray  # what all of them would rent at what new capacity costs
    enterprise_usd: np.ndarray  # what enterprises want on the spot
    output_hours: np.ndarray


def left_for_spot(wish_usd, reserved_hours, reserved_rent_usd):
    """Return what is left to spend on the spot: contracts are paid first."""
    return np.maximum(0.0, wish_usd - reserved_hours * reserved_rent_usd)


def hours_for_tenants(clouds, capacity, inside_hours):
    """Return hours that a cloud which sells could offer tenants: their assured part, or what own use leaves if that is more."""
    return np.maximum(clouds.tenant_share * capacity, capacity - inside_hours) * clouds.rents_out


def clear(clouds, wants, capacity, inside_hours, energy_cost, rules):
    """Set contested rents by the rule in force and share out what is offered: contracts first, then the spot market.

    Source: assumed form; rents are those of the rule in force.
    """
    promised = np.minimum(wants.reserved_hours, capacity) * (clouds.rents_out > 0)
    offered = np.maximum(hours_for_tenants(clouds, capacity, inside_hours), promised) * clouds.sells
    firms = _enterprises_want(clouds.contested_rent_usd, clouds, offered, wants)
    at_old_rent = ratio(wants.startups_usd + firms, clouds.contested_rent_usd) + wants.captive_hours + wants.reserved_hours
    known = rental.sellers(clouds, offered, at_old_rent, energy_cost, rules)
    output, rent = choose(RENT_PRICING, rules.rental.pricing, known, wants.market, rental.conduct(rules))
    rent = np.where((offered > 0) | (rules.rental.pricing == SCARCITY), rent, clouds.contested_rent_usd)  # who offers nothing keeps its rent
    rent = np.minimum(rent, rental.public_ceiling(clouds, known.floor_usd, rules)) * (clouds.rents_out > 0) * clouds.alive
    firms = _enterprises_want(rent, clouds, output, wants)
    spot = ratio(wants.startups_usd + firms, rent) + wants.captive_hours
    fill = ratio(np.minimum(spot, np.maximum(0.0, output - promised)), spot, 1.0) * clouds.alive
    cost, lasting = rules.clouds.planned_cost_share * clouds.full_cost_usd, wants.captive_hours + wants.reserved_hours
    asked = ratio(wants.startups_usd + firms, np.maximum(rent, cost)) + lasting
    at_cost = ratio(wants.startups_usd + firms, clouds.full_cost_usd) + lasting
    return Cleared(rent, ratio(promised, wants.reserved_hours, 1.0), fill, asked, at_cost, firms, output)


def _enterprises_want(rent_usd, clouds, hours, wants):
    """Return what enterprises would spend on the spot at given rents: contracts are paid first."""
    return np.maximum(0.0, rental.enterprises_spend(rent_usd, clouds, hours, wants.market) - wants.contract_usd)


def contract_pays(contracts, expected_decline):
    """Return whether a contract is cheaper than the spot market is expected to be over its term, rents falling evenly in logs.

    Source: assumed form.
    """
    fall = np.maximum(expected_decline * contracts.term_quarters / 4.0, 1e-9)
    return 1.0 - contracts.discount <= (1.0 - exp(-fall)) / fall


def room_for_contracts(clouds, capacity_hours, reserved_hours, contracts):
    """Return hours that each cloud would still promise, `(runs, clouds)`. Source: assumed form."""
    most = contracts.capacity_share * clouds.tenant_share * capacity_hours
    return np.maximum(0.0, most - reserved_hours) * (clouds.rents_out > 0) * clouds.sells


def averaged_rent(old_hours, old_rent, new_hours, new_rent):
    """Return the mean rent of old and new contracts by hours."""
    return ratio(old_hours * old_rent + new_hours * new_rent, old_hours + new_hours)


def margin_lost(clouds, rent_usd, energy_cost):
    """Return what a cloud loses of the rent of an hour that it withholds, 0 to 1: rent less what the hour is worth to it.

    Where own wants went short last quarter that is the transfer price, else the electricity saved.
    Source: assumed form.
    """
    worth = np.where(clouds.own_fill_rate < 1.0, np.maximum(clouds.transfer_usd, energy_cost), energy_cost)
    return np.maximum(0.0, 1.0 - ratio(worth, rent_usd, 1.0))


def withheld_share(startups, host_share, host_margin, stake, conduct, serving_cost_share):
    """Return the part of spot hours that a host withholds from a rival of its own lab, `(runs, slots)`.

    A customer whom the rival loses goes to the host's lab with probability s_D / (1 - s_R) (the diversion
    of a logit); each USD of compute withheld moves 1/serving cost USD of service, at the margin of the
    own lab. Hours are withheld as far as this gain exceeds the margin lost (see `margin_lost`), less where
    the host shares in the rival's profit; a host without a lab gains nothing. Source: vGUPPI of Moresi and Salop 2013.
    """
    diversion = ratio(host_share, 1.0 - startups.ai_share)
    gain = diversion * (1.0 - serving_cost_share) / serving_cost_share * (1.0 - stake)
    return conduct.foreclosure * bounded(gain - host_margin, 0.0, 1.0) * (startups.ai_share > 0)
