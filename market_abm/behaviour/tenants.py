"""What tenants reserve, what they get and pay, and what a host withholds from labs that compete with its own."""

from typing import NamedTuple

import numpy as np

from market_abm.behaviour.clouds import contested_rent
from market_abm.exact import bounded, exp, ratio


class Wants(NamedTuple):
    """What tenants want of each cloud, `(runs, clouds)`; `startup_usd` and `backed_usd` are `(runs, slots)`."""

    reserved_hours: np.ndarray
    startup_usd: np.ndarray
    spot_usd: np.ndarray  # of startups and enterprises
    enterprise_usd: np.ndarray  # of it, enterprises
    captive_hours: np.ndarray
    backed_usd: np.ndarray  # of backed startups, at their backer's own price
    backed_hours: np.ndarray


class Cleared(NamedTuple):
    """How a quarter's compute is priced and shared out, `(runs, clouds)`."""

    rent_usd: np.ndarray
    kept_promise: np.ndarray  # part of reserved hours that is served
    fill: np.ndarray  # part of the spot market's wants that is served
    asked_hours: np.ndarray


def left_for_spot(wish_usd, reserved_hours, reserved_rent_usd):
    """Return what is left to spend on the spot: contracts are paid first."""
    return np.maximum(0.0, wish_usd - reserved_hours * reserved_rent_usd)


def clear(clouds, wants, capacity, inside_hours, energy_cost, rules):
    """Move the contested rent and share out what is offered: contracts first, then the spot market.

    Offered are the tenants' assured part, what own use leaves, or what is promised, whichever is most.
    """
    promised = np.minimum(wants.reserved_hours, capacity)
    offered = np.maximum(clouds.tenant_share * capacity, capacity - inside_hours) * clouds.rents_out
    promised = promised * (clouds.rents_out > 0)
    offered = np.maximum(offered, promised)
    at_old_rent = ratio(wants.spot_usd, clouds.contested_rent_usd) + wants.captive_hours + wants.reserved_hours
    rent = contested_rent(clouds, at_old_rent, offered, energy_cost, rules) * clouds.alive
    spot = ratio(wants.spot_usd, rent) + wants.captive_hours
    fill = ratio(np.minimum(spot, offered - promised), spot, 1.0) * clouds.alive
    return Cleared(rent, ratio(promised, wants.reserved_hours, 1.0), fill, spot + wants.reserved_hours)


def contract_pays(contracts, expected_decline):
    """Return whether a contract is cheaper than the spot market is expected to be over its term, rents falling evenly in logs."""
    fall = np.maximum(expected_decline * contracts.term_quarters / 4.0, 1e-9)
    return 1.0 - contracts.discount <= (1.0 - exp(-fall)) / fall


def room_for_contracts(clouds, capacity_hours, reserved_hours, contracts):
    """Return hours that each cloud would still promise, `(runs, clouds)`."""
    most = contracts.capacity_share * clouds.tenant_share * capacity_hours
    return np.maximum(0.0, most - reserved_hours) * (clouds.rents_out > 0)


def averaged_rent(old_hours, old_rent, new_hours, new_rent):
    """Return the mean rent of old and new contracts by hours."""
    return ratio(old_hours * old_rent + new_hours * new_rent, old_hours + new_hours)


def margin_lost(clouds, rent_usd, energy_cost):
    """Return what a cloud loses of the rent of an hour that it withholds, 0 to 1: rent less what the hour is worth to it.

    Where own wants went short last quarter that is the transfer price, else the electricity saved.
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
