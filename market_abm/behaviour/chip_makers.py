"""How chip makers research, launch, build and document."""

from typing import NamedTuple

import numpy as np

from market_abm.behaviour.clouds import full_cost, investment_per_pflops
from market_abm.behaviour.integration import in_house, merchants
from market_abm.exact import best, bounded, exp, log, power, ratio, total
from market_abm.rules.demand import ISOELASTIC, LINEAR


class Research(NamedTuple):
    """A quarter of research, each `(runs, makers)`."""

    spent_usd: np.ndarray
    gain: np.ndarray


def research(makers, chips, draws):
    """Spend on research and draw its success; laggards also learn from the best chip.

    Success comes with probability 1 - exp(-h), the hazard h rising with research spending over a
    difficulty that grows with the performance already reached. Gains are bounded and frequent, so that
    one lucky draw does not decide the market. Imitation closes part of the gap, the more so the better
    the leaders document. In-house makers only pay for their designs, which follow merchants' chips.
    Source: Nelson and Winter 1982; Dosi, Fagiolo and Roventini 2010.
    """
    merchant = merchants(makers)
    spent = np.maximum(chips.rnd_share * makers.planned_sales_usd * merchant, makers.programme_usd) + makers.other_rnd_usd
    reached = log(ratio(makers.pflops_per_chip, makers.first_pflops_per_chip, 1.0)) + makers.laboratory_gain
    difficulty = exp(chips.difficulty_exponent * reached) * chips.reference_rnd_usd
    hazard = chips.innovation_hazard * power(ratio(spent, difficulty), chips.innovation_returns)
    success = draws.uniform("research success", makers.birth) < 1.0 - exp(-hazard)
    gain = success * draws.bounded_gain("research gain", makers.birth, chips.gain_low, chips.gain_high)
    level = log(np.maximum(makers.pflops_per_chip, 1e-9)) + makers.laboratory_gain
    leaders_openness = total(makers.openness * makers.share_of_orders)
    gap = np.maximum(0.0, best(np.where(makers.alive > 0, level, -1e300)) - level)
    imitated = np.minimum(chips.imitation * (chips.imitation_closed + leaders_openness), 1.0) * gap
    return Research(spent * makers.alive, (gain + imitated) * merchant)


def planned_sales(makers, chips):
    """Return the sales that makers plan research on: they follow actual ones slowly, but for who has sold nothing yet. Source: assumed form."""
    known = np.where(makers.planned_sales_usd > 0, makers.planned_sales_usd, makers.sales_usd)
    return (known + chips.rnd_speed * (makers.sales_usd - known)) * makers.alive


class Launch(NamedTuple):
    """What a launch changes, each `(runs, makers)`."""

    launched: np.ndarray
    pflops_per_chip: np.ndarray
    watts_per_chip: np.ndarray
    base_cost_usd_per_chip: np.ndarray
    laboratory_gain: np.ndarray


def launch(makers, chips):
    """Bring the laboratory's chip to market once it is far enough ahead of the one on sale. Source: assumed form."""
    launched = (makers.laboratory_gain >= chips.launch_gain) & (makers.alive > 0)
    step = np.where(launched, makers.laboratory_gain, 0.0)
    return Launch(
        launched,
        makers.pflops_per_chip * exp(step),
        makers.watts_per_chip * exp(chips.watts_elasticity * step),
        makers.base_cost_usd_per_chip * exp(chips.cost_elasticity * step),
        makers.laboratory_gain - step,
    )


def launch_in_house(makers, new, design, integration):
    """Replace the chip of every in-house maker whose design is due, unless it would be no faster than the last. Source: assumed form."""
    due = (in_house(makers) > 0) & (makers.quarters_since_launch + 1.0 >= integration.design_quarters)
    due = due & (design.pflops_per_chip > makers.pflops_per_chip)
    return Launch(
        new.launched | due,
        np.where(due, design.pflops_per_chip, new.pflops_per_chip),
        np.where(due, design.watts_per_chip, new.watts_per_chip),
        np.where(due, design.base_cost_usd_per_chip, new.base_cost_usd_per_chip),
        new.laboratory_gain,
    )


def facility_mw_per_pflops(makers, clouds):
    """Return the facility power of a PFLOP/s of each maker's chip on sale, MW."""
    return ratio(makers.watts_per_chip, makers.pflops_per_chip) / 1e6 * clouds.facility_watts


def unit_cost_usd_per_pflops(makers, chips):
    """Return unit cost: learning by cumulative chips of the industry, c = c0 (X/X0)^-b.

    Chips, not PFLOP/s, or research would be counted twice; X0 holds the output before the start.
    Source: Wright 1936.
    """
    made = 1.0 + total(makers.cumulative_chips) / chips.chips_before_start
    return ratio(makers.base_cost_usd_per_chip * power(made, -chips.learning_exponent), makers.pflops_per_chip)


def reach(price_usd, mw_per_pflops, energy_usd_per_mwh, service_usd, rules):
    """Return price over the elasticity of all demand for chips, `(runs, makers)` USD/PFLOPS: what a monopolist adds to its cost.

    Where enterprises' demand is linear or isoelastic it is derived from theirs through the full cost of an hour, which
    clouds that compete in quantities pass on at a rate that does not depend on price; elsewhere the elasticity is declared.
    """
    fixed, whole = (
        full_cost(_Capacity(investment_per_pflops(price, mw_per_pflops, rules.clouds), mw_per_pflops), energy_usd_per_mwh, rules.clouds, rules.chips)
        + service_usd for price in (0.0 * price_usd, price_usd))
    line = np.maximum(0.0, rules.rental.choke_usd - whole)
    curve = whole / rules.rental.elasticity
    derived = np.where(rules.rental.demand == LINEAR, line, curve) * ratio(price_usd, whole - fixed)
    return np.where((rules.rental.demand == LINEAR) | (rules.rental.demand == ISOELASTIC), derived, price_usd / rules.chips.market_elasticity)


class _Capacity(NamedTuple):
    """A PFLOP/s of a maker's chips as a buyer sees it."""

    investment_usd_per_pflops: np.ndarray
    new_mw_per_pflops: np.ndarray


def capacity_starts(makers, building, orders_pflops, chips):
    """Return capacity to start building, `(runs, makers)` chips a quarter.

    Makers build for a quarter's orders times the growth they expect. The foundry that all share can
    grow capacity, with what is under construction, by at most `fab_start_bound` a quarter; when
    together they want more, each gets the same part of its wish.
    Source: assumed form.
    """
    coming = makers.capacity_chips + building
    target = ratio(orders_pflops, makers.pflops_per_chip) * chips.fab_expectation
    wanted = np.maximum(0.0, target - coming)
    possible = (chips.fab_start_bound - 1.0) * total(coming)
    return wanted * bounded(ratio(possible, total(wanted), 1.0), 0.0, 1.0)


def ecosystem_growth(ecosystem, user_share, developers, documentation):
    """Return next quarter's software: written by all developers there are, for a maker by a concave share of users, going out of date.

    Source: indirect network effects, Katz and Shapiro 1985; assumed form.
    """
    written = documentation.ecosystem_growth * developers * power(user_share, documentation.ecosystem_concavity)
    return ecosystem * (1.0 - documentation.ecosystem_decay) + written


def software_for_buyers(ecosystem, openness, access, open_source, portable, documentation):
    """Return the software index that each buyer can use on each maker's chips, `(makers, runs, buyers)`.

    Vendor software, and the buyer's own portable stack, serve everybody in part and whoever may read the
    documentation in full; open-source software runs on a chip as far as the public may read how it works.
    Source: assumed form.
    """
    readable = documentation.public_part + (1.0 - documentation.public_part) * access
    index = (ecosystem + portable) * readable + open_source * openness
    on = documentation.efficiency_channel
    return index * on + documentation.software_half * (1.0 - on)


def utilisation(software, documentation):
    """Return model FLOP utilisation, m0 + (m1 - m0) E/(E + E_half). Source: assumed form."""
    return documentation.utilisation_floor + documentation.utilisation_span * software / (
        software + documentation.software_half)


def portable_spending(dependence, invested_usd, documentation):
    """Return what owners pay engineers for software that runs on any maker's chips, by their dependence on one. Source: assumed form."""
    return documentation.portable_share * dependence * invested_usd


def portable_growth(stack, spent_usd, documentation):
    """Return next quarter's portable stack: engineers write with diminishing returns, software goes out of date. Source: assumed form."""
    written = documentation.portable_growth * spent_usd / (spent_usd + documentation.portable_reference_usd)
    return stack * (1.0 - documentation.ecosystem_decay) + written
