"""How energy providers decide which plants to start."""

import numpy as np

from market_abm.exact import bounded, exp, log, power, ratio, stacked
from market_abm.rules.electricity import merit_order
from market_abm.units import HOURS_PER_QUARTER


def expected_loads(regions, rules):
    """Return MW of other load and of AI data centres that a provider expects when a plant started now is ready."""
    other = regions.other_load_mw * exp(regions.load_growth * rules.plant_quarters / 4.0)
    growth = bounded(regions.ai_growth, 0.0, log(rules.ai_growth_cap) / 4.0)
    return other, regions.ai_mwh / HOURS_PER_QUARTER * exp(growth * rules.plant_quarters)


def plants_when_ready(regions, quarter, rules):
    """Return MW by step, `(plants, runs, regions)`, that will stand when a plant started now is ready.

    What stands and what is under construction wears off at the rate of retirement once it stands.
    """
    building = regions.plant_building_mw.array
    ahead = ((np.arange(len(building)) - quarter) % len(building)).reshape(-1, 1, 1, 1)
    kept = 1.0 - rules.plant_retirement
    coming = stacked(building * power(kept, np.maximum(0.0, rules.plant_quarters - ahead) / 4.0))
    return regions.plant_mw * power(kept, rules.plant_quarters / 4.0) + coming


def plants_to_start(regions, staying_mw, rules):
    """Return MW to start by step, `(plants, runs, regions)`.

    Needed are plants for the expected other load with its margin, as regulated supply is planned, and for
    the expected AI load as far as the price at which all of it would clear covers the full cost of the
    plants that would be built for it: (price / full cost)^e, at most 1, smooth because a plain test of
    profit oscillates. Plants for other load keep the stack's proportions, those for AI lean to what earns.
    Source: entry until price covers full cost, Stoft 2002, part 2; the smooth response is an assumed form.
    """
    other, ai = expected_loads(regions, rules)
    price = merit_order(staying_mw, regions.plant_cost_usd, other + ai, rules.price_cap).price_usd
    earns = np.minimum(power(ratio(price, regions.plant_full_cost_usd), rules.plant_response), rules.plant_response_high)
    leaning = share_of_stack(regions.plant_mw * earns)
    for_other = rules.reserve_margin * regions.plant_margin * other
    for_ai = rules.reserve_margin * rules.flat_load_margin * ai * np.minimum(1.0, stacked(leaning * earns))
    part = ratio(for_ai, for_other + for_ai)
    mix = (1.0 - part) * share_of_stack(regions.plant_mw) + part * leaning
    needed = np.maximum(0.0, for_other + for_ai - stacked(staying_mw))
    return np.minimum(needed, rules.plant_start_bound * stacked(regions.plant_mw)) * mix * rules.plant_construction


def share_of_stack(plants_mw):
    """Return each step's part of a region's plants."""
    return ratio(plants_mw, stacked(plants_mw))
